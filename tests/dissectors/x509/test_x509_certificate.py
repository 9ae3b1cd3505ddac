"""What a certificate says, and that no bytes make the reader fail."""
from __future__ import annotations

import random
import subprocess
import sys
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from x509_lab import BETWEEN, NOW_NS, ROOT, RSA_KEY, SECOND, SERVER, Key, Signer, leaf

from dissectors.wire.x509.certificate import MAX_CERTIFICATE_NAMES, describe
from dissectors.wire.x509.chain import check_chain
from dissectors.wire.x509.keys import signature_words, weak_hash
from dissectors.wire.x509.times import UNKNOWN

DAY_NS = 86_400 * SECOND


def test_a_certificate_is_described() -> None:
    made = leaf(BETWEEN, "shop.test", "*.shop.test", "10.0.0.2", "2001:db8::2", usages=(SERVER,))
    info = describe(made.der)
    assert (info.subject, info.issuer, info.issuer_name) == ("CN=shop.test", "CN=Lab Issuer", "Lab Issuer")
    assert (info.names, info.addresses) == (["shop.test", "*.shop.test"], ["10.0.0.2", "2001:db8::2"])
    assert info.serial == "1234567890"
    assert info.not_before_ns == NOW_NS - 30 * DAY_NS
    assert info.not_after_ns == NOW_NS + 60 * DAY_NS
    assert (info.key, info.key_bits, info.signature) == ("ECDSA P-256", 256, "ECDSA with SHA-256")
    assert (info.is_ca, info.self_issued, info.weak_key, info.weak_signature, info.error) == (False, False, "", "", "")
    assert info.usages == ["1.3.6.1.5.5.7.3.1"]
    assert info.fingerprint == made.certificate.fingerprint(hashes.SHA256()).hex()
    assert info.words() == "shop.test, issued by Lab Issuer, valid 2025-05-16 to 2025-08-14, ECDSA P-256"
    assert info.fields()["not_after"] == "2025-08-14 15:06:40 UTC"
    assert info.fields()["names"] == ["shop.test", "*.shop.test", "10.0.0.2", "2001:db8::2"]


def test_an_authority_is_told_by_its_constraints() -> None:
    info = describe(Signer("Lab Root", path_length=1).der)
    assert (info.is_ca, info.path_length, info.self_issued) == (True, 1, True)
    assert "issued by itself" in info.words()


@pytest.mark.parametrize(("key", "words", "weak"), [
    (rsa.generate_private_key(65537, 1024), "RSA 1024", "RSA 1024 is shorter than 2048 bits"),
    (rsa.generate_private_key(65537, 2048), "RSA 2048", ""),
    (ec.generate_private_key(ec.SECP192R1()), "ECDSA P-192", "a curve of 192 bits, where 224 are the least"),
    (ec.generate_private_key(ec.SECP384R1()), "ECDSA P-384", ""),
    (ed25519.Ed25519PrivateKey.generate(), "Ed25519", ""),
    (dsa.generate_private_key(1024), "DSA 1024", "DSA 1024 is shorter than 2048 bits"),
])
def test_keys_have_names(key: Key, words: str, weak: str) -> None:
    info = describe(leaf(None, key=key).der)
    assert (info.key, info.weak_key) == (words, weak)


def test_hashes_are_judged() -> None:
    assert describe(leaf(None, key=RSA_KEY, algorithm=hashes.SHA384()).der).signature == "RSA with SHA-384"
    assert weak_hash("MD5").startswith("MD5 is broken")
    assert signature_words("1.2.3") == "algorithm 1.2.3"


def test_names_beyond_the_cap_are_counted() -> None:
    info = describe(leaf(None, *[f"n{number}.test" for number in range(MAX_CERTIFICATE_NAMES + 3)]).der)
    assert (len(info.names), info.left_out) == (MAX_CERTIFICATE_NAMES, 3)


def test_a_certificate_without_a_subject_has_a_title() -> None:
    info = describe(Signer("", ROOT, ca=False, names=("a.test",)).der)
    assert info.title == "a.test"
    bare = describe(Signer("", ROOT, ca=False).der)
    assert bare.noun == f"the certificate {bare.fingerprint[:16]}"


def test_what_is_no_certificate_is_said() -> None:
    info = describe(b"\x30\x03\x02\x01\x05")
    assert info.error == "its DER is broken (UnexpectedTag in Certificate::tbs_cert)"
    assert info.not_after_ns == UNKNOWN
    assert info.words().startswith("a certificate of 5 bytes that cannot be read")
    assert info.fields()["error"] == info.error


def test_a_broken_part_leaves_the_others() -> None:
    made = leaf(ROOT, "shop.test")
    at = made.der.index(b"\x55\x1d\x11")            # subjectAltName
    broken = made.der[:at + 7] + b"\xff" + made.der[at + 8:]
    info = describe(broken)
    assert info.subject == "CN=shop.test"
    assert info.key == "ECDSA P-256"
    assert info.error.startswith("extensions: ")


def test_an_odd_serial_number_is_no_warning_to_the_user() -> None:
    made = leaf(ROOT, "shop.test")
    at = made.der.index(bytes.fromhex("1234567890"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = describe(made.der[:at] + b"\x92" + made.der[at + 1:])
    assert info.error == ""
    assert info.serial.startswith("-")


def test_no_mutation_makes_the_reader_fail() -> None:
    source = random.Random(9)
    good = [leaf(BETWEEN, "shop.test", "10.0.0.2", usages=(SERVER,)).der, BETWEEN.der, ROOT.der]
    for _ in range(1_500):
        chain = [bytearray(der) for der in good]
        broken = source.choice(chain)
        for _ in range(source.randint(1, 3)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        check = check_chain([bytes(der) for der in chain], "shop.test", NOW_NS, [bytes(ROOT.der)])
        assert len(check.verified) == 3
        assert check.trust in ("trusted", "not trusted")
        assert all(problem.words for problem in check.problems)
        for info in check.certificates:
            assert info.words()
            assert info.fields()


@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_bytes_make_the_reader_fail(tail: bytes, kept: int) -> None:
    assert describe(ROOT.der[:kept] + tail).words()


def test_the_library_is_loaded_with_the_first_certificate() -> None:
    script = (
        "import sys; import dissectors.wire.x509.chain, dissectors.wire.x509.status; "
        "assert not [name for name in sys.modules if name.startswith('cryptography')]"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_timestamps_inside_a_certificate_are_counted() -> None:
    log = bytes(range(32))
    entry = b"\0" + log + (1_750_000_000_000).to_bytes(8, "big") + b"\0\0" + b"\4\3\0\2\x30\x00"
    inside = len(entry).to_bytes(2, "big") + entry
    value = len(inside).to_bytes(2, "big") + inside
    octets = b"\4" + bytes([len(value)]) + value
    made = leaf(ROOT, extra=(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), octets
    ),))
    assert describe(made.der).scts == [(log.hex(), NOW_NS)]
