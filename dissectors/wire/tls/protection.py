"""Opening protected records, SSL 3.0 to TLS 1.3, with keys that somebody else logged.

The ciphers are those of the library `cryptography`, which is imported when a first Opener is made. An Opener
stands for one direction under one set of keys; nothing but BadRecord comes out of it, whatever a record holds.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from dissectors.wire.tls.ciphers import CBC, CCM, CHACHA20, GCM, NONE, STREAM, Parameters, parameters
from dissectors.wire.tls.mac import RecordMac
from dissectors.wire.tls.schedule import SSL30, TLS12, hkdf_expand_label, key_block, next_traffic_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

    Aead = AESGCM | AESCCM | ChaCha20Poly1305

MAX_FRAGMENT: Final = 0xFFFF   # octets: the length field of a record
NONCE: Final = 12              # octets: RFC 8446 §5.3, RFC 5288 §3
FIXED: Final = 4               # octets of an AES nonce that come from the keys, RFC 5288 §3
EXPLICIT: Final = 8            # octets of it that stand in the record
NONCES: Final = 1 << 64        # values of those
TLS11: Final = 0x0302


class BadRecord(Exception):
    """A record that does not open: the wrong key, the wrong place in the sequence, or damage. Says which check."""


class Opener:
    """One direction under one set of keys. sequence: of the record that is expected next.

    inner_type: the content type of the record that was opened last; in TLS 1.3 it is inside.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.inner_type = 0

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes:
        """The plaintext. content_type and version stand in the record's header; fragment follows it.

        Raises BadRecord; the sequence number then stays where it was.
        """
        try:
            plain = self.attempt(content_type, version, fragment, self.sequence)
        finally:
            self.passed(fragment)
        self.sequence += 1
        return plain

    def skip(self, count: int) -> None:
        """So many records of this direction are missing."""
        self.sequence += count

    def resync(self, content_type: int, version: int, fragment: bytes, window: int) -> bytes | None:
        """Open a record that comes after a gap: up to `window` records before it may be missing.

        None where it opens at none of those places: the sequence number then stays where it was.
        """
        plain = None
        for sequence in range(self.sequence, self.sequence + window + 1):
            try:
                plain = self.attempt(content_type, version, fragment, sequence)
            except BadRecord:
                continue
            self.sequence = sequence + 1
            break
        self.passed(fragment)
        return plain

    def attempt(self, content_type: int, version: int, fragment: bytes, sequence: int) -> bytes:
        """The plaintext of a record at that place in the sequence. Raises BadRecord."""
        raise BadRecord("no keys")

    def passed(self, fragment: bytes) -> None:
        """This record is behind us, opened or not."""


# -- TLS 1.3 -----------------------------------------------------------------------------------------------


class Opener13(Opener):
    """RFC 8446 §5.2: the header is authenticated, and the content type is the last octet that is not zero."""

    def __init__(self, found: Parameters, secret: bytes) -> None:
        """Raises UnsupportedAlgorithm where the library lacks the cipher."""
        super().__init__()
        self.found = found
        self.secret = secret
        hash_name = found.prf_hash
        self.aead: Aead = aead(found, hkdf_expand_label(hash_name, secret, b"key", b"", found.key_length))
        # As a number, so that one operation makes a nonce of it: RFC 8446 §5.3.
        self.iv = int.from_bytes(hkdf_expand_label(hash_name, secret, b"iv", b"", NONCE), "big")
        self.refusal = refusal()

    def attempt(self, content_type: int, version: int, fragment: bytes, sequence: int) -> bytes:
        size = len(fragment)
        if size > MAX_FRAGMENT:
            raise BadRecord("longer than a record can be")
        header = bytes((content_type & 0xFF, (version >> 8) & 0xFF, version & 0xFF, size >> 8, size & 0xFF))
        try:
            inner = self.aead.decrypt((self.iv ^ sequence).to_bytes(NONCE, "big"), fragment, header)
        except self.refusal:
            raise BadRecord("it does not authenticate") from None
        end: i64 = len(inner) - 1
        while end >= 0 and inner[end] == 0:
            end -= 1
        if end < 0:
            raise BadRecord("nothing but padding: no content type")   # RFC 8446 §5.4
        self.inner_type = inner[end]
        return inner[:end]

    def next_generation(self) -> Opener13:
        """After the sender's KeyUpdate: a new secret, and the sequence from 0 again. RFC 8446 §7.2, §5.3."""
        return Opener13(self.found, next_traffic_secret(self.found.prf_hash, self.secret))


def opener13(suite: int, traffic_secret: bytes) -> Opener13 | None:
    """None where the suite is none of TLS 1.3's, is not known, or the library lacks its cipher."""
    found = parameters(suite)
    if found is None or not found.tls13:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return Opener13(found, traffic_secret)
    except UnsupportedAlgorithm:
        return None


# -- TLS 1.2 and before ------------------------------------------------------------------------------------


class AeadOpener(Opener):
    """TLS 1.2 with an AEAD cipher, RFC 5246 §6.2.3.3.

    AES: part of the nonce stands in the record (RFC 5288 §3, RFC 6655 §3). ChaCha20: none (RFC 7905 §2).
    """

    def __init__(self, found: Parameters, key: bytes, iv: bytes) -> None:
        super().__init__()
        self.aead: Aead = aead(found, key)
        self.tag = found.tag
        self.fixed = b"" if found.mode == CHACHA20 else iv
        self.iv = int.from_bytes(iv, "big")
        self.lead = -1        # of the nonces in the records over the sequence number; -1 before a record was opened
        self.refusal = refusal()

    def resync(self, content_type: int, version: int, fragment: bytes, window: int) -> bytes | None:
        """As for every opener, and further than the window where the nonces count the records, as they mostly do."""
        if self.fixed and self.lead >= 0 and len(fragment) >= EXPLICIT:
            sequence = (int.from_bytes(fragment[:EXPLICIT], "big") - self.lead) % NONCES
            if sequence > self.sequence + window:
                try:
                    plain = self.attempt(content_type, version, fragment, sequence)
                except BadRecord:
                    pass
                else:
                    self.sequence = sequence + 1
                    return plain
        return super().resync(content_type, version, fragment, window)

    def attempt(self, content_type: int, version: int, fragment: bytes, sequence: int) -> bytes:
        size = len(fragment) - self.tag
        if self.fixed:
            size -= EXPLICIT
        if size < 0 or size > MAX_FRAGMENT:
            raise BadRecord("too short or too long for its cipher")
        if self.fixed:
            nonce = self.fixed + fragment[:EXPLICIT]
            fragment = fragment[EXPLICIT:]
        else:
            nonce = (self.iv ^ sequence).to_bytes(NONCE, "big")
        header = pseudo_header(content_type, version, size, sequence)
        try:
            plain = self.aead.decrypt(nonce, fragment, header)
        except self.refusal:
            raise BadRecord("it does not authenticate") from None
        if self.fixed:
            self.lead = (int.from_bytes(nonce[FIXED:], "big") - sequence) % NONCES
        self.inner_type = content_type
        return plain


class StreamOpener(Opener):
    """RC4, and suites that only authenticate: RFC 5246 §6.2.3.1. After a gap the key stream of RC4 is lost."""

    def __init__(self, cipher: CipherContext | None, mac: RecordMac) -> None:
        super().__init__()
        self.cipher = cipher
        self.mac = mac
        self.lost = False

    def skip(self, count: int) -> None:
        super().skip(count)
        self.lost = self.lost or (count > 0 and self.cipher is not None)

    def attempt(self, content_type: int, version: int, fragment: bytes, sequence: int) -> bytes:
        if len(fragment) > MAX_FRAGMENT:
            raise BadRecord("longer than a record can be")
        if self.cipher is not None:
            if self.lost:
                raise BadRecord("the place in the key stream is lost")
            fragment = self.cipher.update(fragment)
            self.lost = True      # until this record has proved to be the next one
        plain = authenticated(self.mac, content_type, version, fragment, sequence)
        self.lost = False
        self.inner_type = content_type
        return plain


class CbcOpener(Opener):
    """A block cipher with a MAC: RFC 5246 §6.2.3.2; before TLS 1.1 the last record's end is the IV (RFC 2246 §6.2.3.2).

    One decryptor serves all records: in CBC a block depends on the ciphertext block before it and on nothing else,
    so that a block in front of the record, thrown away after decryption, does what a new IV would do.
    """

    def __init__(
        self, cipher: CipherContext, block: int, mac: RecordMac, iv: bytes, explicit: bool, encrypt_then_mac: bool
    ) -> None:
        super().__init__()
        self.cipher = cipher
        self.block = block
        self.mac = mac
        self.previous = iv            # ciphertext; only asked for where the IV does not stand in the record
        self.explicit = explicit
        self.encrypt_then_mac = encrypt_then_mac
        self.strict_padding = mac.version != SSL30

    def attempt(self, content_type: int, version: int, fragment: bytes, sequence: int) -> bytes:
        if len(fragment) > MAX_FRAGMENT:
            raise BadRecord("longer than a record can be")
        if self.encrypt_then_mac:     # RFC 7366 §3: over the IV and the ciphertext
            fragment = authenticated(self.mac, content_type, version, fragment, sequence)
        plain = self.unpadded(self.decrypted(fragment))
        if not self.encrypt_then_mac:
            plain = authenticated(self.mac, content_type, version, plain, sequence)
        self.inner_type = content_type
        return plain

    def decrypted(self, fragment: bytes) -> bytes:
        if not self.explicit:
            fragment = self.previous + fragment
        if len(fragment) < 2 * self.block or len(fragment) % self.block:
            raise BadRecord("not a whole number of cipher blocks")
        return self.cipher.update(fragment)[self.block:]

    def unpadded(self, plain: bytes) -> bytes:
        """Without the padding and its length, which is the last octet."""
        padding = plain[-1]
        end = len(plain) - padding - 1
        if end < 0:
            raise BadRecord("more padding than record")
        if self.strict_padding:       # each octet holds the length, RFC 2246 §6.2.3.2
            if plain[end:] != bytes((padding,)) * (padding + 1):
                raise BadRecord("broken padding")
        elif padding >= self.block:   # any octets, less than a block: RFC 6101 §5.2.3.2
            raise BadRecord("more padding than a block")
        return plain[:end]

    def passed(self, fragment: bytes) -> None:
        if self.explicit:
            return
        if self.encrypt_then_mac:
            fragment = fragment[:max(len(fragment) - self.mac.length, 0)]
        if len(fragment) >= self.block:
            self.previous = fragment[-self.block:]


def openers12(
    suite: int, version: int, master_secret: bytes, client_random: bytes, server_random: bytes, encrypt_then_mac: bool
) -> tuple[Opener, Opener] | None:
    """For what the client sends, and for what the server sends; SSL 3.0 to TLS 1.2.

    None where the suite is not known, does not go with the version, or the library lacks its cipher.
    encrypt_then_mac: both hellos carry the extension; it changes block ciphers only (RFC 7366 §3).
    """
    found = parameters(suite)
    if found is None or found.tls13 or not fits(found, version):
        return None
    from cryptography.exceptions import UnsupportedAlgorithm

    mac, key = found.mac_length, found.key_length
    iv = iv_length(found, version)
    block = key_block(
        found.prf_hash, version, master_secret, client_random, server_random, 2 * (mac + key + iv)
    )
    keys = 2 * mac
    ivs = keys + 2 * key
    made: list[Opener] = []
    try:
        for side in (0, 1):           # RFC 5246 §6.3: MAC keys, keys, IVs, the client's first
            made.append(opener12(
                found, version, block[side * mac:(side + 1) * mac], block[keys + side * key:keys + (side + 1) * key],
                block[ivs + side * iv:ivs + (side + 1) * iv], encrypt_then_mac,
            ))
    except UnsupportedAlgorithm:
        return None
    return made[0], made[1]


def fits(found: Parameters, version: int) -> bool:
    """AEAD ciphers and the hashes of SHA-2 came with TLS 1.2: RFC 5246 §1.2, RFC 5288 §4."""
    if found.tag:
        return version == TLS12
    return SSL30 <= version <= TLS12 and (version > SSL30 or found.mac_length <= 20)


def iv_length(found: Parameters, version: int) -> int:
    """Octets of IV that come from the keys."""
    if found.mode == CHACHA20:
        return NONCE
    if found.tag:
        return FIXED
    return found.block if found.mode == CBC and version < TLS11 else 0


def opener12(
    found: Parameters, version: int, mac_key: bytes, key: bytes, iv: bytes, encrypt_then_mac: bool
) -> Opener:
    if found.tag:
        return AeadOpener(found, key, iv)
    mac = RecordMac(version, found.mac, found.mac_length, mac_key)
    if found.mode == NONE:
        return StreamOpener(None, mac)
    if found.mode == STREAM:
        return StreamOpener(decryptor(found, key), mac)
    return CbcOpener(decryptor(found, key), found.block, mac, iv, version >= TLS11, encrypt_then_mac)


# -- what they share ---------------------------------------------------------------------------------------


def pseudo_header(content_type: int, version: int, size: int, sequence: int) -> bytes:
    """What is authenticated beside the content up to TLS 1.2: RFC 5246 §6.2.3.1 and §6.2.3.3."""
    return sequence.to_bytes(8, "big") + bytes(
        (content_type & 0xFF, (version >> 8) & 0xFF, version & 0xFF, (size >> 8) & 0xFF, size & 0xFF)
    )


def authenticated(mac: RecordMac, content_type: int, version: int, data: bytes, sequence: int) -> bytes:
    """What stands before the MAC at the end of data. Raises BadRecord where the MAC is another."""
    end = len(data) - mac.length
    if end < 0:
        raise BadRecord("shorter than its MAC")
    content = data[:end]
    if mac.over(pseudo_header(content_type, version, end, sequence), content) != data[end:]:
        raise BadRecord("its MAC is another")
    return content


def aead(found: Parameters, key: bytes) -> Aead:
    """Raises UnsupportedAlgorithm."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

    if found.mode == GCM:
        return AESGCM(key)
    if found.mode == CCM:
        return AESCCM(key, found.tag)
    return ChaCha20Poly1305(key)


def decryptor(found: Parameters, key: bytes) -> CipherContext:
    """Of a stream cipher, or of a block cipher in CBC mode. Raises UnsupportedAlgorithm."""
    from cryptography.hazmat.decrepit.ciphers import algorithms as old
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if found.mode == STREAM:
        return Cipher(old.ARC4(key), None).decryptor()
    iv = modes.CBC(bytes(found.block))
    if found.algorithm == "AES":
        return Cipher(algorithms.AES(key), iv).decryptor()
    if found.algorithm == "TripleDES":
        return Cipher(old.TripleDES(key * (24 // len(key))), iv).decryptor()
    if found.algorithm == "Camellia":     # in one module or the other, by the age of the library
        camellia = getattr(old, "Camellia", None) or algorithms.Camellia
        return Cipher(camellia(key), iv).decryptor()
    if found.algorithm == "SEED":
        return Cipher(old.SEED(key), iv).decryptor()
    return Cipher(old.IDEA(key), iv).decryptor()


def refusal() -> type[Exception]:
    """What the library raises where a tag does not fit."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag
