"""The messages other than the hellos. Each is read from its body; WireError where it breaks its structure.

Sources: RFC 8446 §4.3 to §4.6 and §6, RFC 5246 §7.4, RFC 8422 §5.4, RFC 5077 §3.3, RFC 6066 §8, RFC 8879 §4,
RFC 6520 §4.
"""
from __future__ import annotations

import zlib
from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.wire.tls.extensions import (
    CERTIFICATE_AUTHORITIES,
    EARLY_DATA,
    HEARTBEAT,
    SCT,
    SIGNATURE_ALGORITHMS,
    STATUS_REQUEST,
    Extensions,
)
from dissectors.wire.tls.names import TLS12

MAX_CERTIFICATES: Final = 64             # of one chain
MAX_UNCOMPRESSED: Final = 1 << 20        # octets of a certificate message once it is decompressed
ZSTD_WINDOW: Final = 8 << 20             # octets of memory that a frame may ask for; RFC 8878 §3.1.1.1.2 advises it
OCSP: Final = 1                          # CertificateStatusType, RFC 6066 §8
OCSP_MULTI: Final = 2                    # RFC 6961 §2.2
NAMED_CURVE: Final = 3                   # ECCurveType, RFC 8422 §5.4


class ChainEntry:
    """One certificate of a chain. ocsp: a stapled response, b"" for none.   scts: of this certificate."""

    def __init__(self, der: bytes, extensions: Extensions) -> None:
        self.der = der
        self.extensions = extensions
        self.ocsp = _ocsp(extensions.data(STATUS_REQUEST))
        self.scts = scts_of(extensions.data(SCT))


class Certificate:
    """A chain, the sender's own certificate first. context: of a TLS 1.3 request after the handshake.

    problem: what is wrong with the extensions of one of them, "" for nothing; problem_at: where.
    """

    def __init__(self, body: bytes, tls13: bool) -> None:
        cursor = Cursor(body)
        self.context = cursor.vector(1, "the request context") if tls13 else b""
        self.chain: list[ChainEntry] = []
        self.left_out = 0
        self.problem = ""
        self.problem_at = 0
        inside = cursor.inner(3, "the certificates")
        while inside.left:
            der = inside.vector(3, "a certificate")
            if not der:
                raise WireError(int(inside.at), "a certificate of 0 octets")   # RFC 5246 §7.4.2, RFC 8446 §4.4.2
            extensions = Extensions()
            if tls13:
                extensions.read(Cursor(inside.data, int(inside.at), _block_end(inside)))
                inside.at = _block_end(inside)
                if extensions.problem and not self.problem:
                    self.problem, self.problem_at = extensions.problem, extensions.problem_at
            if len(self.chain) < MAX_CERTIFICATES:
                self.chain.append(ChainEntry(der, extensions))
            else:
                self.left_out += 1
        cursor.done("the certificates")

    @property
    def ders(self) -> list[bytes]:
        return [entry.der for entry in self.chain]


def _block_end(cursor: Cursor) -> int:
    """Where a block of extensions that begins here ends. Raises WireError."""
    ahead = Cursor(cursor.data, int(cursor.at), int(cursor.end))
    ahead.inner(2, "the extensions of a certificate")
    return int(ahead.at)


class CompressedCertificate:
    """A Certificate message of TLS 1.3, compressed (RFC 8879 §4). size: as it claims to be without compression."""

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        self.algorithm = cursor.number(2)
        self.size = cursor.number(3)
        self.compressed = cursor.vector(3, "the compressed certificate message")
        cursor.done("the compressed certificate message")

    def body(self) -> bytes:
        """The Certificate message's body. Raises WireError where it cannot be had."""
        if self.size > MAX_UNCOMPRESSED:
            raise WireError(2, f"a certificate message of {self.size} octets, above the cap of {MAX_UNCOMPRESSED}")
        data = _decompressed(self.algorithm, self.compressed, self.size)
        if len(data) != self.size:
            raise WireError(2, f"{len(data)} octets where {self.size} were announced")
        return data


def _decompressed(algorithm: int, data: bytes, size: int) -> bytes:
    """At most size + 1 octets. Raises WireError."""
    if algorithm == 1:
        try:
            return zlib.decompressobj().decompress(data, size + 1)
        except zlib.error as error:
            raise WireError(8, f"it cannot be decompressed: {error}") from error
    if algorithm == 2:
        return _from_brotli(data, size)
    if algorithm == 3:
        return _from_zstd(data, size)
    raise WireError(0, f"compression algorithm {algorithm} is not known")


def _from_brotli(data: bytes, size: int) -> bytes:
    import brotli

    try:
        plain: bytes = brotli.Decompressor().process(data, output_buffer_limit=size + 1)
    except brotli.error as error:
        raise WireError(8, f"it cannot be decompressed: {error}") from error
    return plain


def _from_zstd(data: bytes, size: int) -> bytes:
    import zstandard

    try:
        plain: bytes = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(data).read(size + 1)
    except zstandard.ZstdError as error:
        raise WireError(8, f"it cannot be decompressed: {error}") from error
    return plain


def _ocsp(data: bytes) -> bytes:
    """The response of a CertificateStatus structure; b"" where it is none or of another kind."""
    if len(data) < 4 or data[0] != OCSP:
        return b""
    size = data[1] << 16 | data[2] << 8 | data[3]
    return data[4:4 + size]


def scts_of(data: bytes) -> list[bytes]:
    """The signed certificate timestamps of a list (RFC 6962 §3.3); those before a break."""
    found: list[bytes] = []
    if len(data) < 2:
        return found
    at = 2
    while at + 2 <= len(data):
        size = data[at] << 8 | data[at + 1]
        if at + 2 + size > len(data):
            break
        found.append(data[at + 2:at + 2 + size])
        at += 2 + size
    return found


class CertificateStatus:
    """A stapled OCSP response of TLS 1.2 (RFC 6066 §8); of several (RFC 6961 §2.2) the first."""

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        self.type = cursor.number(1)
        self.ocsp = b""
        if self.type == OCSP:
            self.ocsp = cursor.vector(3, "the OCSP response")
        elif self.type == OCSP_MULTI:
            inside = cursor.inner(3, "the OCSP responses")
            while inside.left:
                response = inside.vector(3, "an OCSP response")
                self.ocsp = self.ocsp or response
        else:
            return
        cursor.done("the OCSP response")


class CertificateRequest:
    """types: certificate types of TLS 1.2.   schemes: signatures that will do.   authorities: DER names of CAs."""

    def __init__(self, body: bytes, version: int) -> None:
        cursor = Cursor(body)
        self.context = b""
        self.types: list[int] = []
        self.schemes: list[int] = []
        self.authorities: list[bytes] = []
        self.extensions = Extensions()
        if version > TLS12:
            self.context = cursor.vector(1, "the request context")
            self.extensions.read(cursor)
            self.schemes = self.extensions.numbers(SIGNATURE_ALGORITHMS, 2, 2)
            found = self.extensions.index.get(CERTIFICATE_AUTHORITIES)
            if found is not None:
                self._names(Cursor(body, found.start, found.start + len(found.data)))
            self.extensions.check()
            return
        self.types = cursor.numbers(1, 1, "the certificate types")
        if version == TLS12:
            self.schemes = cursor.numbers(2, 2, "the signature algorithms")
        self._names(cursor)

    def _names(self, cursor: Cursor) -> None:
        inside = cursor.inner(2, "the certificate authorities")
        while inside.left:
            self.authorities.append(inside.vector(2, "a certificate authority's name"))
        cursor.done("the certificate authorities")


class ServerKeyExchange:
    """What the server adds for an ephemeral key exchange (RFC 8422 §5.4, RFC 5246 §7.4.3).

    group: of an elliptic curve, 0 for none.   prime_bits: of a Diffie-Hellman group, 0 for none.
    scheme: of the signature, -1 where the version names none or it is not signed.   key_length: of the public value.
    psk: a hint which pre-shared key to take stands in front (RFC 4279 §2, RFC 5489 §2).
    """

    def __init__(self, body: bytes, key_exchange: str, version: int, signed: bool, psk: bool = False) -> None:
        cursor = Cursor(body)
        self.group = 0
        self.prime_bits = 0
        self.scheme = -1
        self.key_length = 0
        self.hint = cursor.vector(2, "the hint") if psk else b""
        if key_exchange in ("ECDHE", "ECDH"):
            kind = cursor.number(1)
            if kind != NAMED_CURVE:
                return          # explicit curves are deprecated (RFC 8422 §5.4), and what follows depends on them
            self.group = cursor.number(2)
            self.key_length = len(cursor.vector(1, "the public point"))
        elif key_exchange in ("DHE", "DH"):
            prime = cursor.vector(2, "the prime").lstrip(b"\0")
            self.prime_bits = 8 * len(prime) - (8 - prime[0].bit_length()) if prime else 0
            cursor.vector(2, "the generator")
            self.key_length = len(cursor.vector(2, "the public value"))
        else:
            return
        if signed and cursor.left:
            if version >= TLS12:
                self.scheme = cursor.number(2)
            cursor.vector(2, "the signature")
        cursor.done("the server's key exchange")


class CertificateVerify:
    """scheme: -1 before TLS 1.2, which names none."""

    def __init__(self, body: bytes, version: int) -> None:
        cursor = Cursor(body)
        self.scheme = cursor.number(2) if version >= TLS12 else -1
        self.signature = cursor.vector(2, "the signature")
        cursor.done("the signature")


class NewSessionTicket:
    """lifetime: in seconds.   early_data: octets of 0-RTT that it allows, 0 for none (TLS 1.3)."""

    def __init__(self, body: bytes, tls13: bool) -> None:
        cursor = Cursor(body)
        self.lifetime = cursor.number(4)
        self.nonce = b""
        self.early_data = 0
        self.extensions = Extensions()
        if tls13:
            cursor.number(4)    # ticket_age_add
            self.nonce = cursor.vector(1, "the nonce")
        self.ticket = cursor.vector(2, "the ticket")
        if tls13:
            self.extensions.read(cursor)
            self.extensions.check()
            found = self.extensions.index.get(EARLY_DATA)
            if found is not None:      # RFC 8446 §4.2.10
                allowed = Cursor(body, found.start, found.start + len(found.data))
                self.early_data = allowed.number(4)
                allowed.done(found.name)
        cursor.done("the ticket")


class EncryptedExtensions:
    """What the server answers to the client's extensions, encrypted (RFC 8446 §4.3.1)."""

    def __init__(self, body: bytes) -> None:
        self.extensions = Extensions()
        self.extensions.read(Cursor(body))
        self.alpn = next(iter(self.extensions.protocols()), "")
        self.early_data = self.extensions.has(EARLY_DATA)
        self.heartbeat = self.extensions.has(HEARTBEAT)
        self.extensions.check()


class KeyUpdate:
    """requested: the other side is to change its keys too (RFC 8446 §4.6.3)."""

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        self.requested = cursor.number(1) == 1
        cursor.done("the key update")


class Alert:
    """level: 1 for a warning, 2 where it is fatal (RFC 8446 §6, RFC 5246 §7.2)."""

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        self.level = cursor.number(1)
        self.description = cursor.number(1)
        cursor.done("the alert")


class Heartbeat:
    """claimed: octets of payload that it names. overread: it names more than it carries (RFC 6520 §4)."""

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        kind = cursor.number(1)
        self.kind = {1: "request", 2: "response"}.get(kind, f"of type {kind}")
        self.claimed = cursor.number(2)
        self.overread = self.claimed > cursor.left
