"""Real TLS without a network: OpenSSL's client and server talk through memory, and log their keys."""
from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tls_connection import CLIENT, SERVER, Connection

from analyzer.ingest.keylog import read_key_log
from dissectors.kit.inputs import Chunk
from dissectors.kit.provided import Provided

ROUNDS = 20


@cache
def identity() -> tuple[bytes, bytes]:
    """(private key, certificate), both PEM, for shop.test."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.test")]), False)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), made.public_bytes(Encoding.PEM)
    )


class Talk:
    """A client and a server; what each sends is kept in order as (direction, bytes)."""

    def __init__(
        self, version: ssl.TLSVersion, ciphers: str = "", alpn: str = "h2", session: ssl.SSLSession | None = None,
        curve: str = "",
    ) -> None:
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        key, certificate = identity()
        (folder / "pem").write_bytes(key + certificate)
        self.log = folder / "keys"
        self.server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_side.load_cert_chain(folder / "pem")
        self.client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client_side.check_hostname = False
        self.client_side.verify_mode = ssl.CERT_NONE
        for one in (self.server_side, self.client_side):
            one.minimum_version = one.maximum_version = version
            one.set_alpn_protocols([alpn])
            if ciphers:
                one.set_ciphers(ciphers)
        if curve:
            self.server_side.set_ecdh_curve(curve)
        self.client_side.keylog_filename = str(self.log)
        self.flight: list[tuple[int, bytes]] = []
        self.connect(session)

    def connect(self, session: ssl.SSLSession | None) -> None:
        self.flight = []
        self.written = [ssl.MemoryBIO(), ssl.MemoryBIO()]   # by who wrote
        self.arrived = [ssl.MemoryBIO(), ssl.MemoryBIO()]   # by who reads
        self.client = self.client_side.wrap_bio(
            self.arrived[CLIENT], self.written[CLIENT], server_hostname="shop.test", session=session
        )
        self.server = self.server_side.wrap_bio(self.arrived[SERVER], self.written[SERVER], server_side=True)
        waiting = {CLIENT, SERVER}
        for _ in range(ROUNDS):
            for direction, end in ((CLIENT, self.client), (SERVER, self.server)):
                if direction in waiting:
                    try:
                        end.do_handshake()
                        waiting.discard(direction)
                    except ssl.SSLWantReadError:
                        pass
                self.carry(direction)
        assert not waiting

    def carry(self, direction: int) -> None:
        """What one side wrote goes on the record and over to the other."""
        data = self.written[direction].read()
        if data:
            self.flight.append((direction, data))
            self.arrived[1 - direction].write(data)

    def say(self, direction: int, data: bytes) -> None:
        end, other = (self.client, self.server) if direction == CLIENT else (self.server, self.client)
        end.write(data)
        self.carry(direction)
        got = b""
        while len(got) < len(data):
            got += other.read(1 << 20)
        assert got == data

    def provided(self) -> Provided:
        out = Provided()
        assert read_key_log(self.log.read_bytes(), out) == []
        return out

    def told(self, provided: Provided, each_pdu: bool = False) -> Connection:
        """The recording, through the dissector."""
        connection = Connection(provided=provided, each_pdu=each_pdu)
        for direction, data in self.flight:
            connection.send(direction, data)
        return connection


def inside(connection: Connection, direction: int) -> bytes:
    """What went on to the protocol above; every byte once and in its place."""
    out = b""
    for chunk in connection.others:
        if isinstance(chunk, Chunk) and chunk.direction == direction:
            assert chunk.position == len(out)
            out += chunk.data
    return out
