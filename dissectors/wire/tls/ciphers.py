"""What a cipher suite needs of keys: sizes, modes, and hashes by the names of hashlib."""
from __future__ import annotations

from typing import Final

from dissectors.wire.tls.suites import suite

# How records are protected.
GCM: Final = "GCM"            # RFC 5288
CCM: Final = "CCM"            # RFC 6655
CHACHA20: Final = "CHACHA20"  # RFC 7905
CBC: Final = "CBC"            # RFC 5246 §6.2.3.2
STREAM: Final = "STREAM"      # RFC 5246 §6.2.3.1
NONE: Final = "NONE"          # a MAC and nothing else, RFC 5246 §6.2.3.1

# Cipher of a suite's name: (mode, algorithm of the library, octets of key, of a block, of the tag).
CIPHERS: Final[dict[str, tuple[str, str, int, int, int]]] = {
    "AES_128_GCM": (GCM, "AES", 16, 16, 16),
    "AES_256_GCM": (GCM, "AES", 32, 16, 16),
    "AES_128_CCM": (CCM, "AES", 16, 16, 16),
    "AES_256_CCM": (CCM, "AES", 32, 16, 16),
    "AES_128_CCM_8": (CCM, "AES", 16, 16, 8),
    "AES_256_CCM_8": (CCM, "AES", 32, 16, 8),
    "CHACHA20_POLY1305": (CHACHA20, "ChaCha20", 32, 64, 16),
    "AES_128_CBC": (CBC, "AES", 16, 16, 0),
    "AES_256_CBC": (CBC, "AES", 32, 16, 0),
    "CAMELLIA_128_CBC": (CBC, "Camellia", 16, 16, 0),    # RFC 5932
    "CAMELLIA_256_CBC": (CBC, "Camellia", 32, 16, 0),
    "SEED_CBC": (CBC, "SEED", 16, 16, 0),                # RFC 4162
    "IDEA_CBC": (CBC, "IDEA", 16, 8, 0),                 # RFC 5469
    "3DES_EDE_CBC": (CBC, "TripleDES", 24, 8, 0),
    "DES_CBC": (CBC, "TripleDES", 8, 8, 0),              # three times the same key is DES
    "RC4_128": (STREAM, "ARC4", 16, 1, 0),
    "NULL": (NONE, "", 0, 1, 0),
}
HASHES: Final[dict[str, tuple[str, int]]] = {   # (name in hashlib, octets)
    "MD5": ("md5", 16), "SHA": ("sha1", 20), "SHA256": ("sha256", 32), "SHA384": ("sha384", 48),
}


class Parameters:
    """One suite, as far as keys are concerned. mac_length is 0 where the cipher authenticates by itself."""

    def __init__(
        self, mode: str, algorithm: str, key_length: int, block: int, tag: int, mac: str, mac_length: int,
        prf_hash: str, tls13: bool,
    ) -> None:
        self.mode = mode
        self.algorithm = algorithm
        self.key_length = key_length
        self.block = block
        self.tag = tag
        self.mac = mac
        self.mac_length = mac_length
        self.prf_hash = prf_hash      # also of HKDF and of the transcript; not asked for before TLS 1.2
        self.tls13 = tls13


# ChaCha20-Poly1305 under the numbers of a draft (draft-agl-tls-chacha20poly1305), which built it in another way.
DRAFTS: Final = (0xCC13, 0xCC14, 0xCC15)


def parameters(number: int) -> Parameters | None:
    """None where the suite is not known, or is not one that can be opened here: its cipher, or its export keys."""
    known = suite(number)
    if known is None or number in DRAFTS or "_EXPORT" in known.name:
        return None
    if known.cipher not in CIPHERS or known.hash not in HASHES:
        return None
    mode, algorithm, key_length, block, tag = CIPHERS[known.cipher]
    mac, mac_length = HASHES[known.hash]
    # Suites of before TLS 1.2 use its default there, SHA-256: RFC 5246 §1.2 and §5.
    prf_hash = mac if mac_length >= 32 else "sha256"
    if tag:
        mac_length = 0
    return Parameters(mode, algorithm, key_length, block, tag, mac, mac_length, prf_hash, known.tls13)
