"""The premaster secret of an RSA key exchange, by the server's private key (RFC 5246 §7.4.7.1).

With any other key exchange the private key only signs, and opens nothing: that is what forward secrecy means.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PREMASTER: Final = 48    # octets: the version that the client offered, then 46 random ones


def private_key(encoded: bytes) -> PrivateKeyTypes | None:
    """A private key in PEM or DER, without a password; None where it is none that the library can read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if b"-----BEGIN" in encoded else load_der_private_key
    try:
        # The key is the user's own, and its arithmetic was checked when it was given.
        return load(encoded, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def premaster_by_rsa(private_keys: list[bytes], encrypted: bytes, client_version: int) -> bytes:
    """The premaster secret that one of these keys decrypts; b"" where none fits.

    encrypted: what ClientKeyExchange holds, without the two octets of length that TLS puts before it.
    client_version: of ClientHello, which the secret repeats. Some clients repeat the negotiated version instead
    (RFC 5246 §7.4.7.1 tells of them), so any version of the protocol will do.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    other = b""
    for encoded in private_keys:
        key = private_key(encoded)
        if not isinstance(key, RSAPrivateKey) or key.key_size != 8 * len(encrypted):
            continue
        try:
            found = key.decrypt(encrypted, PKCS1v15())
        except ValueError:
            continue
        # A library that hides broken padding answers with random octets, so that the content has to prove itself.
        if len(found) == PREMASTER:
            if found[:2] == client_version.to_bytes(2, "big"):
                return found
            if found[0] == 3 and found[1] <= 3:
                other = found
    return other
