"""Certificates for the recordings: an own root, an issuing authority below it, and names under .test."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NAME = "www.shop.test"
VALID_DAYS = (-30, 60)           # from and until, counted from today
AUTHORITY_DAYS = (-365, 3650)


@dataclass(frozen=True)
class Identity:
    """Files of one certificate, in PEM."""

    leaf: Path
    rest: Path                   # the certificates above it, without the root; empty for a self-signed one
    key: Path

    @property
    def chain(self) -> Path:
        """Leaf and rest in one file."""
        file = self.leaf.with_suffix(".chain.pem")
        file.write_bytes(self.leaf.read_bytes() + self.rest.read_bytes())
        return file


@dataclass(frozen=True)
class Signer:
    name: x509.Name
    key: Key


class Authority:
    """A root that a client may trust (`root`), and the issuing authority that signs what servers and people show."""

    def __init__(self, folder: Path, owner: str = "Shop Test") -> None:
        self.folder = folder
        stem = owner.lower().replace(" ", "-")
        root_name = _name(f"{owner} Root CA")
        root_key = ec.generate_private_key(ec.SECP256R1())
        root = _signed(root_name, root_key, Signer(root_name, root_key), AUTHORITY_DAYS, authority=True)
        name = _name(f"{owner} Issuing CA")
        key = ec.generate_private_key(ec.SECP256R1())
        issuing = _signed(name, key, Signer(root_name, root_key), AUTHORITY_DAYS, authority=True)
        self.signer = Signer(name, key)
        self.issuer = issuing
        self.root = folder / f"{stem}-root.pem"
        self.root.write_bytes(root.public_bytes(Encoding.PEM))
        self.issuing = folder / f"{stem}-issuing.pem"
        self.issuing.write_bytes(issuing.public_bytes(Encoding.PEM))

    def identity(self, name: str = NAME, days: tuple[int, int] = VALID_DAYS, kind: str = "ec") -> Identity:
        """A certificate for a server's name (or, with an @, for a person), valid from and until those days.

        kind: "ec" (P-256) or "rsa" (2048 bits).
        """
        key = _key(kind)
        certificate = _signed(_name(name), key, self.signer, days, name=name)
        return self._files(name, key, certificate, self.issuing.read_bytes())

    def self_signed(self, name: str = NAME) -> Identity:
        """A certificate that nobody vouches for but its own key."""
        key = _key("ec")
        signer = Signer(_name(name), key)
        return self._files(name, key, _signed(_name(name), key, signer, VALID_DAYS, name=name), b"")

    def status(self, identity: Identity) -> bytes:
        """An OCSP response (DER) that says: good, since yesterday, for a week (RFC 6960 §4.2)."""
        leaf = x509.load_pem_x509_certificate(identity.leaf.read_bytes())
        now = datetime.now(UTC).replace(microsecond=0)
        builder = ocsp.OCSPResponseBuilder().add_response(
            leaf, self.issuer, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, now - timedelta(days=1),
            now + timedelta(days=6), None, None).responder_id(ocsp.OCSPResponderEncoding.HASH, self.issuer)
        return builder.sign(self.signer.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _files(self, name: str, key: Key, certificate: x509.Certificate, rest: bytes) -> Identity:
        stem = f"{name.replace('@', '-at-')}-{certificate.serial_number & 0xFFFF:04x}"
        made = Identity(*(self.folder / f"{stem}.{part}.pem" for part in ("leaf", "rest", "key")))
        made.leaf.write_bytes(certificate.public_bytes(Encoding.PEM))
        made.rest.write_bytes(rest)
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made.key.chmod(0o600)
        return made


def _key(kind: str) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(subject: x509.Name, key: Key, signer: Signer, days: tuple[int, int], name: str = "",
            authority: bool = False) -> x509.Certificate:
    """An X.509 certificate as public authorities shape them (RFC 5280 §4.2)."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    builder = x509.CertificateBuilder(
        signer.name, subject, key.public_key(), x509.random_serial_number(), today + timedelta(days=days[0]),
        today + timedelta(days=days[1]))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
    sealing = isinstance(key, rsa.RSAPrivateKey)
    builder = builder.add_extension(x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=sealing, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False),
        critical=True)
    if name:
        person = "@" in name
        alternative = x509.RFC822Name(name) if person else x509.DNSName(name)
        use = ExtendedKeyUsageOID.CLIENT_AUTH if person else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.sign(signer.key, hashes.SHA256())
