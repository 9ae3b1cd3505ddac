"""Public keys and signature algorithms of certificates in words, and which of them are weak."""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# 112 bits of security are the least that counts today: RSA and DSA 2048, elliptic curves of 224 bits
# (NIST SP 800-57 part 1, table 2; RFC 9325 §4.5).
LEAST_RSA: Final = 2_048
LEAST_CURVE: Final = 224

CURVES: Final[dict[str, str]] = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521",
                                 "secp224r1": "P-224", "secp192r1": "P-192"}

# Algorithms of a subjectPublicKeyInfo whose name says all (RFC 8410 §3; RFC 9881).
KEYS: Final[dict[str, str]] = {
    "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

# RFC 8017 appendix A.2, RFC 5758 §3, RFC 3279 §2.2, RFC 8410 §3, RFC 9881.
SIGNATURES: Final[dict[str, str]] = {
    "1.2.840.113549.1.1.2": "RSA with MD2", "1.2.840.113549.1.1.4": "RSA with MD5",
    "1.2.840.113549.1.1.5": "RSA with SHA-1", "1.2.840.113549.1.1.14": "RSA with SHA-224",
    "1.2.840.113549.1.1.11": "RSA with SHA-256", "1.2.840.113549.1.1.12": "RSA with SHA-384",
    "1.2.840.113549.1.1.13": "RSA with SHA-512", "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.10045.4.1": "ECDSA with SHA-1", "1.2.840.10045.4.3.1": "ECDSA with SHA-224",
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256", "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512", "1.2.840.10040.4.3": "DSA with SHA-1",
    "2.16.840.1.101.3.4.3.2": "DSA with SHA-256", **KEYS,
}

WEAK_HASHES: Final[dict[str, str]] = {
    "md2": "MD2 is broken", "md4": "MD4 is broken",
    "md5": "MD5 is broken: two certificates with one signature can be made at will",
    "sha1": "SHA-1 is broken: two certificates with one signature have been made",
}


def key_words(oid: str, key: CertificatePublicKeyTypes) -> tuple[str, int]:
    """(`RSA 2048`, bits); 0 bits where the name says all."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {CURVES.get(key.curve.name, key.curve.name)}", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", key.key_size
    return KEYS.get(oid, f"key of algorithm {oid}"), 0


def weak_key(key: str, bits: int) -> str:
    """Why a key is weak, "" where it is not."""
    if not bits:
        return ""
    if key.startswith("ECDSA"):
        return f"a curve of {bits} bits, where {LEAST_CURVE} are the least" if bits < LEAST_CURVE else ""
    return f"{key} is shorter than {LEAST_RSA} bits" if bits < LEAST_RSA else ""


def signature_words(oid: str) -> str:
    """`ECDSA with SHA-256`; the number itself where it is in no table."""
    return SIGNATURES.get(oid, f"algorithm {oid}")


def weak_hash(name: str) -> str:
    """Why signatures over this hash prove little, "" where they are good."""
    return WEAK_HASHES.get(name.lower().replace("-", ""), "")
