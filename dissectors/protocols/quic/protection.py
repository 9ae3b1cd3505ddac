"""Opening packets: keys from secrets, header protection, and the AEAD (RFC 9001 §5, §6; RFC 9369 §3.3).

The ciphers are those of the library `cryptography`, which is imported when a first key is made.
"""
from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from dissectors.protocols.quic.versions import Version
from dissectors.protocols.quic.wire import SAMPLE, TAG, WINDOWS, QuicPacket, full_number
from dissectors.wire.tls.ciphers import CHACHA20, Parameters, parameters
from dissectors.wire.tls.protection import NONCE, aead, refusal
from dissectors.wire.tls.schedule import hkdf_expand_label

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

    Aead = AESGCM | AESCCM | ChaCha20Poly1305

AES_128_GCM: Final = 0x1301      # suite of Initial packets (RFC 9001 §5.2)
FIRST_OCTETS: Final = [bytes((value,)) for value in range(256)]
KEY_PHASE: Final = 0x04          # of a short header, below its protection (RFC 9000 §17.3.1)


class Opened:
    """A packet that opened. first: its first octet without protection."""

    def __init__(self, number: i64, first: i64, payload: bytes) -> None:
        self.number: i64 = number
        self.first: i64 = first
        self.payload = payload


class PacketKeys:
    """Of one direction and one generation. Raises UnsupportedAlgorithm where the library lacks the cipher.

    phase_secret: from which the next generation is derived.
    """

    def __init__(self, found: Parameters, secret: bytes, label: bytes, mask_key: bytes = b"") -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        name = found.prf_hash
        self.found = found
        self.secret = secret
        self.label = label
        self.aead: Aead = aead(found, hkdf_expand_label(name, secret, label + b"key", b"", found.key_length))
        self.iv = int.from_bytes(hkdf_expand_label(name, secret, label + b"iv", b"", NONCE), "big")
        # A key update leaves the key of header protection as it is (RFC 9001 §6.1).
        self.mask_key = mask_key or hkdf_expand_label(name, secret, label + b"hp", b"", found.key_length)
        self.chacha = found.mode == CHACHA20
        self.refusal = refusal()
        self.blocks: CipherContext | None = None
        if not self.chacha:
            self.blocks = Cipher(algorithms.AES(self.mask_key), modes.ECB()).encryptor()

    def mask(self, sample: bytes) -> bytes:
        """Five octets at the least (RFC 9001 §5.4.3, §5.4.4)."""
        if self.blocks is not None:
            return self.blocks.update(sample)
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

        # The library takes counter and nonce as one, as they stand in the sample.
        return Cipher(algorithms.ChaCha20(self.mask_key, sample), None).encryptor().update(bytes(5))

    def unmask(self, data: bytes, packet: QuicPacket) -> tuple[i64, i64, i64]:
        """(first octet, truncated packet number, its octets)."""
        at = packet.number_at
        mask = self.mask(data[at + SAMPLE:at + SAMPLE + TAG])
        first = packet.first ^ (i64(mask[0]) & (0x0F if packet.long else 0x1F))
        octets = (first & 3) + 1
        number: i64 = 0
        index: i64 = 0
        while index < octets:
            number = number << 8 | (i64(data[at + index]) ^ i64(mask[1 + index]))
            index += 1
        return first, number, octets

    def decrypt(self, data: bytes, packet: QuicPacket, first: i64, number: i64, octets: i64) -> bytes | None:
        """The payload; None where it does not authenticate."""
        at = packet.number_at
        cut = int(number & (WINDOWS[octets] - 1))
        header = FIRST_OCTETS[first] + data[packet.at + 1:at] + cut.to_bytes(int(octets), "big")
        try:
            nonce = (self.iv ^ int(number)).to_bytes(NONCE, "big")
            return self.aead.decrypt(nonce, data[at + octets:packet.end], header)
        except self.refusal:
            return None

    def open(self, data: bytes, packet: QuicPacket, largest: i64) -> Opened | None:
        """A packet of a long header. largest: number that was opened in its space and direction so far."""
        if packet.cut:
            return None
        first, truncated, octets = self.unmask(data, packet)
        number = full_number(truncated, octets, largest)
        payload = self.decrypt(data, packet, first, number, octets)
        return Opened(number, first, payload) if payload is not None else None

    def following(self) -> PacketKeys:
        """The next generation (RFC 9001 §6.1)."""
        secret = hkdf_expand_label(self.found.prf_hash, self.secret, self.label + b"ku", b"", len(self.secret))
        return PacketKeys(self.found, secret, self.label, self.mask_key)


class PhasedKeys:
    """1-RTT keys of one direction, with the generation before the present one: which of them a packet has, its phase
    bit says and, where packets come late, its number (RFC 9001 §6.3, §6.5).

    generation: counted from 0.     began: the lowest packet number that was opened with it.
    """

    MAX_AHEAD: Final = 16    # generations that are tried at once, where packets of some are missing

    def __init__(self, keys: PacketKeys) -> None:
        self.keys = keys
        self.before: PacketKeys | None = None
        self.ahead: PacketKeys | None = None    # made once, for it may be tried with every packet that is damaged
        self.generation = 0
        self.began: i64 = -1
        self.failures = 0

    def open(self, data: bytes, packet: QuicPacket, largest: i64) -> Opened | None:
        if packet.cut:
            return None
        first, truncated, octets = self.keys.unmask(data, packet)
        number = full_number(truncated, octets, largest)
        if bool(first & KEY_PHASE) == bool(self.generation & 1):
            payload = self.keys.decrypt(data, packet, first, number, octets)
            if payload is not None:
                self.began = number if self.began < 0 else min(self.began, number)
                self.failures = 0
                return Opened(number, first, payload)
            return self._later(data, packet, first, number, octets, 2)
        if self.before is not None and (self.began < 0 or number < self.began):
            payload = self.before.decrypt(data, packet, first, number, octets)
            if payload is not None:
                return Opened(number, first, payload)
        return self._later(data, packet, first, number, octets, 1)

    def _later(
        self, data: bytes, packet: QuicPacket, first: i64, number: i64, octets: i64, ahead: int
    ) -> Opened | None:
        """With the generations to come. Several at once only where packets in a row did not open."""
        self.failures += 1
        if ahead == 2 and self.failures < 3:
            return None
        candidate = self.ahead = self.ahead or self.keys.following()
        previous = self.keys
        for step in range(1, (self.MAX_AHEAD if self.failures in (3, 30, 300) else ahead) + 1):
            if step > 1:
                previous, candidate = candidate, candidate.following()
            payload = candidate.decrypt(data, packet, first, number, octets)
            if payload is not None:
                self.before, self.keys, self.ahead = previous, candidate, None
                self.generation += step
                self.began = number
                self.failures = 0
                return Opened(number, first, payload)
        return None


def initial_keys(version: Version, dcid: bytes) -> tuple[PacketKeys, PacketKeys]:
    """Of the client and of the server (RFC 9001 §5.2). dcid: of the first Initial of the client, or of the first after
    a Retry."""
    secret = hmac.digest(version.salt, dcid, "sha256")        # HKDF-Extract, RFC 5869 §2.2
    found = parameters(AES_128_GCM)
    assert found is not None
    sides = [hkdf_expand_label("sha256", secret, name, b"", 32) for name in (b"client in", b"server in")]
    return PacketKeys(found, sides[0], version.label), PacketKeys(found, sides[1], version.label)


def keys_of(suite: int, secret: bytes, version: Version) -> PacketKeys | None:
    """From a secret of the handshake; None where the suite is none of TLS 1.3's, or the library lacks its cipher."""
    found = parameters(suite)
    if found is None or not found.tls13 or found.tag != TAG:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return PacketKeys(found, secret, version.label)
    except UnsupportedAlgorithm:
        return None


def retry_is_whole(version: Version, original: bytes, packet: bytes) -> bool:
    """Whether the integrity tag of a Retry fits (RFC 9001 §5.8). original: the DCID of the Initial that it answers."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    pseudo = bytes((len(original),)) + original + packet[:-TAG]
    tag: bytes = AESGCM(version.retry_key).encrypt(version.retry_nonce, b"", pseudo)
    return tag == packet[-TAG:]
