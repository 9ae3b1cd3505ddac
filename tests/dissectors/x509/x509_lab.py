"""Certificates made for tests: an authority, one beneath it, and what they sign. Keys are small curves, for speed."""
from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
SECOND = 1_000_000_000
NOW_NS = 1_750_000_000 * SECOND
NOW = datetime.datetime.fromtimestamp(1_750_000_000, datetime.UTC)     # 2025-06-15 15:06:40 UTC
DAY = datetime.timedelta(days=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]) if common else x509.Name([])


class Signer:
    """Somebody with a key and a certificate, who signs others."""

    def __init__(
        self, common: str, by: Signer | None = None, *, key: Key | None = None, ca: bool = True,
        path_length: int | None = None, constraints: x509.NameConstraints | None = None, names: tuple[str, ...] = (),
        usages: tuple[x509.ObjectIdentifier, ...] = (), begins: datetime.datetime = NOW - 30 * DAY,
        ends: datetime.datetime = NOW + 60 * DAY, algorithm: hashes.SHA256 | hashes.SHA384 | None = None,
        signing_key: Key | None = None, extra: tuple[x509.ExtensionType, ...] = (),
    ) -> None:
        self.common = common
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        issuer = by or self
        builder = (
            x509.CertificateBuilder().subject_name(name(common)).issuer_name(name(issuer.common))
            .public_key(self.key.public_key()).serial_number(0x1234567890).not_valid_before(begins)
            .not_valid_after(ends)
        )
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(True, path_length), True)
        if constraints is not None:
            builder = builder.add_extension(constraints, True)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative(one) for one in names]), False)
        for extension in extra:
            builder = builder.add_extension(extension, False)
        signed_by = signing_key or issuer.key
        made_with = None if isinstance(signed_by, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
        self.certificate = builder.sign(signed_by, made_with)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)


def alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def leaf(by: Signer | None = None, *names: str, common: str = "", **options: object) -> Signer:
    """A certificate of a server, for those names."""
    given = names or ("shop.test",)
    return Signer(common or given[0], by, ca=False, names=given, **options)  # type: ignore[arg-type]


# The last octet of the object identifiers of RSA signatures (RFC 8017 appendix A.2).
OLD: dict[str, tuple[int, hashes.HashAlgorithm]] = {"SHA-1": (5, hashes.SHA1()), "MD5": (4, hashes.MD5())}


def with_old_hash(signer: Signer, by: Signer, kind: str) -> bytes:
    """The certificate signed anew with a hash that the library does not sign certificates with. by: has an RSA key."""
    assert isinstance(by.key, rsa.RSAPrivateKey)
    last, algorithm = OLD[kind]
    modern = bytes.fromhex("2a864886f70d01010b")
    signed = signer.certificate.tbs_certificate_bytes
    body = signed.replace(modern, modern[:-1] + bytes([last]))
    return (
        signer.der.replace(signed, body).replace(modern, modern[:-1] + bytes([last]))
        .replace(signer.certificate.signature, by.key.sign(body, padding.PKCS1v15(), algorithm))
    )


RSA_KEY = rsa.generate_private_key(65537, 2048)
ROOT = Signer("Lab Root")
BETWEEN = Signer("Lab Issuer", ROOT)
OTHER = Signer("Other Root")
