"""The authorities and certificates of the recordings."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from samples.record.certificates import NAME, Authority, Identity


def loaded(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def verified(authority: Authority, identity: Identity, name: str = NAME) -> None:
    """What a client does with the chain. Raises VerificationError."""
    rest = identity.rest.read_bytes()
    between = x509.load_pem_x509_certificates(rest) if rest else []
    verifier = PolicyBuilder().store(Store([loaded(authority.root)])).build_server_verifier(x509.DNSName(name))
    verifier.verify(loaded(identity.leaf), between)


def test_a_client_that_trusts_the_root_accepts_the_chain(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    verified(authority, authority.identity())
    assert len(x509.load_pem_x509_certificates(authority.identity().chain.read_bytes())) == 2


@pytest.mark.parametrize("days", [(-400, -35), (7, 97)])
def test_validity_is_the_cases_choice(tmp_path: Path, days: tuple[int, int]) -> None:
    authority = Authority(tmp_path)
    identity = authority.identity(days=days)
    leaf, today = loaded(identity.leaf), datetime.now(UTC)
    assert abs(leaf.not_valid_before_utc - (today + timedelta(days=days[0]))) <= timedelta(days=1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=days[1] - days[0])
    with pytest.raises(VerificationError):
        verified(authority, identity)


def test_another_name_another_authority_and_a_missing_intermediate_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(VerificationError):
        verified(authority, authority.identity("mail.shop.test"))
    with pytest.raises(VerificationError):
        verified(authority, Authority(tmp_path, "Other Test").identity())
    lonely = authority.identity()
    lonely.rest.write_bytes(b"")
    with pytest.raises(VerificationError):
        verified(authority, lonely)


def test_self_signed(tmp_path: Path) -> None:
    identity = Authority(tmp_path).self_signed()
    leaf = loaded(identity.leaf)
    assert leaf.issuer == leaf.subject
    assert identity.rest.read_bytes() == b""
    leaf.verify_directly_issued_by(leaf)


def test_kinds_of_keys_and_of_use(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert isinstance(load_pem_private_key(authority.identity().key.read_bytes(), None), ec.EllipticCurvePrivateKey)
    sealing = authority.identity(kind="rsa")
    assert isinstance(load_pem_private_key(sealing.key.read_bytes(), None), rsa.RSAPrivateKey)
    person = loaded(authority.identity("ann@shop.test").leaf)
    uses = person.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    names = person.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["ann@shop.test"]


def test_the_status_is_that_of_the_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.identity()
    status = ocsp.load_der_ocsp_response(authority.status(identity))
    assert status.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert status.serial_number == loaded(identity.leaf).serial_number
