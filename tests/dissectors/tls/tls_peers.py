"""Two ends of TLS in one process, and what passed between them: the `ssl` module is the other implementation."""
from __future__ import annotations

import datetime
import ssl
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from analyzer.ingest.keylog import read_key_log
from dissectors.kit.provided import Provided
from dissectors.wire.tls.protection import Opener

HANDSHAKE, APPLICATION = 22, 23
NEW_SESSION_TICKET, CERTIFICATE, CLIENT_KEY_EXCHANGE, FINISHED = 4, 11, 16, 20
NO_EXTENDED_MASTER_SECRET = 1           # SSL_OP_..., which the module does not name
NO_ENCRYPT_THEN_MAC = 1 << 19


class Identity:
    """A self-signed certificate and its key, as files and as octets."""

    def __init__(self, folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.test")])
        start = datetime.datetime(2024, 1, 1)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(36500))
            .sign(key, hashes.SHA256())
        )
        self.key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.certificate = certificate.public_bytes(Encoding.DER)
        self.file = folder / f"{type(key).__name__}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM) + self.key)


class Record:
    def __init__(self, content_type: int, version: int, fragment: bytes) -> None:
        self.content_type = content_type
        self.version = version
        self.fragment = fragment


def records(stream: bytes) -> list[Record]:
    found = []
    at = 0
    while at < len(stream):
        size = int.from_bytes(stream[at + 3:at + 5], "big")
        found.append(Record(stream[at], int.from_bytes(stream[at + 1:at + 3], "big"), stream[at + 5:at + 5 + size]))
        at += 5 + size
    return found


def messages(data: bytes) -> list[bytes]:
    """Handshake messages with their headers."""
    found = []
    while data:
        size = 4 + int.from_bytes(data[1:4], "big")
        found.append(data[:size])
        data = data[size:]
    return found


class Session:
    """What both sides sent, and what a key log says of it."""

    def __init__(self, streams: list[bytes], log: bytes) -> None:
        self.sent = [records(stream) for stream in streams]
        self.log = log
        self.provided = Provided()
        assert read_key_log(log, self.provided) == []
        server_hello = self.clear(1)[0]
        self.client_random = self.clear(0)[0][6:38]
        self.server_random = server_hello[6:38]
        after = 39 + server_hello[38]
        self.suite = int.from_bytes(server_hello[after:after + 2], "big")
        self.version = int.from_bytes(server_hello[4:6], "big")
        self.extensions = server_hello[after + 3:]

    def clear(self, side: int) -> list[bytes]:
        """The handshake messages that one side sent before any protection."""
        plain = b""
        for record in self.sent[side]:
            if record.content_type != HANDSHAKE:
                break
            plain += record.fragment
        return messages(plain)

    def protected(self, side: int) -> list[Record]:
        """The records after ChangeCipherSpec."""
        kinds = [record.content_type for record in self.sent[side]]
        return self.sent[side][kinds.index(20) + 1:]

    def secret(self, label: str) -> bytes:
        return self.provided.secret(label.encode(), self.client_random)


def context(identity: Identity, server: bool, version: ssl.TLSVersion, ciphers: str, options: int) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if server:
        made.load_cert_chain(identity.file)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.set_ciphers(ciphers + ":@SECLEVEL=0")
    with warnings.catch_warnings():        # old versions are meant
        warnings.simplefilter("ignore", DeprecationWarning)
        made.maximum_version = version
        made.minimum_version = version
    made.options |= options
    return made


def talk(
    identity: Identity, log: Path, version: ssl.TLSVersion, ciphers: str, said: tuple[list[bytes], list[bytes]],
    options: int = 0, curve: str = "",
) -> Session:
    """A handshake, then what the client and what the server say. Raises ssl.SSLError where it cannot be made.

    curve: the only one that the server takes.
    """
    client_context = context(identity, False, version, ciphers, options)
    client_context.keylog_filename = str(log)
    pipes = [ssl.MemoryBIO(), ssl.MemoryBIO()]          # to the server, to the client
    client = client_context.wrap_bio(pipes[1], pipes[0])
    server_side = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    server_context = context(identity, True, version, ciphers, options)
    if curve:
        server_context.set_ecdh_curve(curve)
    server = server_context.wrap_bio(server_side[0], server_side[1], server_side=True)
    streams = [b"", b""]
    done = [False, False]
    for _ in range(20):
        for side, end in ((0, client), (1, server)):
            if not done[side]:
                try:
                    end.do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
            _carry(streams, pipes, server_side)
        if all(done):
            break
    assert all(done)
    for side, end, other in ((0, client, server), (1, server, client)):
        for text in said[side]:
            end.write(text)
            _carry(streams, pipes, server_side)
            got = b""
            while len(got) < len(text):
                got += other.read(1 << 16)
    return Session(streams, log.read_bytes())


def _carry(streams: list[bytes], pipes: list[ssl.MemoryBIO], server_side: list[ssl.MemoryBIO]) -> None:
    out = pipes[0].read()
    streams[0] += out
    server_side[0].write(out)
    out = server_side[1].read()
    streams[1] += out
    pipes[1].write(out)


def opened(opener: Opener, given: list[Record]) -> list[tuple[int, bytes]]:
    """(content type inside, plaintext) of each record."""
    found = []
    for record in given:
        plain = opener.open(record.content_type, record.version, record.fragment)
        found.append((opener.inner_type, plain))
    return found


def application(pairs: list[tuple[int, bytes]]) -> bytes:
    return b"".join(plain for kind, plain in pairs if kind == APPLICATION)
