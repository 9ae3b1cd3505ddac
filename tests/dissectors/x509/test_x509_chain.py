"""What a capture proves of a chain."""
from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from x509_lab import (
    BETWEEN,
    CLIENT,
    DAY,
    NOW,
    NOW_NS,
    OTHER,
    ROOT,
    RSA_KEY,
    SERVER,
    Signer,
    leaf,
    with_old_hash,
)

from dissectors.wire.x509.chain import MAX_HELD, Certificates, ChainCheck, check_chain


def codes(check: ChainCheck) -> list[str]:
    return [problem.code for problem in check.problems]


def check(*signers: Signer, name: str = "shop.test", trusted: tuple[Signer, ...] = (), **options: bool) -> ChainCheck:
    return check_chain([one.der for one in signers], name, NOW_NS, [one.der for one in trusted], **options)


GOOD = leaf(BETWEEN, "shop.test")


def test_a_good_chain_has_no_problems() -> None:
    found = check(GOOD, BETWEEN)
    assert codes(found) == []
    assert found.path == [0, 1]
    assert found.verified == [True, False]
    assert found.trust == ""


def test_trust_is_claimed_against_the_roots_of_the_user_alone() -> None:
    assert check(GOOD, BETWEEN, ROOT).trust == ""
    found = check(GOOD, BETWEEN, trusted=(OTHER, ROOT))
    assert (codes(found), found.trust, found.root, found.verified) == ([], "trusted", "Lab Root", [True, True])
    assert check(GOOD, BETWEEN, ROOT, trusted=(ROOT,)).trust == "trusted"
    assert check(GOOD, trusted=(BETWEEN,)).trust == "trusted"
    found = check(GOOD, BETWEEN, ROOT, trusted=(OTHER,))
    assert (codes(found), found.trust) == (["untrusted"], "not trusted")


def test_a_root_of_the_same_name_with_another_key_is_not_the_root() -> None:
    found = check(GOOD, BETWEEN, trusted=(Signer("Lab Root"),))
    assert found.trust == "not trusted"


@pytest.mark.parametrize(("server", "found", "words"), [
    (leaf(BETWEEN, ends=NOW - 3 * DAY), "expired",
     "the certificate of shop.test expired on 2025-06-12, 3 days 0 h before it was shown"),
    (leaf(BETWEEN, begins=NOW + 2 * DAY), "not_yet_valid",
     "the certificate of shop.test is valid from 2025-06-17 on, 2 days 0 h after it was shown"),
    (leaf(BETWEEN, "a.test", "b.test"), "wrong_name",
     "the certificate is for a.test, b.test, and the client asked for shop.test"),
    (Signer("shop.test", BETWEEN, ca=False), "wrong_name",
     "the certificate of shop.test lists no name at all (clients no longer look at the common name), and the client "
     "asked for shop.test"),
    (leaf(BETWEEN, usages=(CLIENT,)), "wrong_purpose",
     "the certificate of shop.test may not be used by a TLS server, as its extended key usage says"),
    (leaf(BETWEEN, key=rsa.generate_private_key(65537, 1024)), "weak_key",
     "the key of the certificate of shop.test is weak: RSA 1024 is shorter than 2048 bits"),
    (leaf(BETWEEN, signing_key=ec.generate_private_key(ec.SECP256R1())), "bad_signature",
     "the signature of the certificate of shop.test was not made by the key of Lab Issuer"),
])
def test_one_thing_that_is_wrong(server: Signer, found: str, words: str) -> None:
    made = check(server, BETWEEN)
    assert [(problem.code, problem.words, problem.index) for problem in made.problems] == [(found, words, 0)]
    assert made.verified[0] is (found != "bad_signature")


def test_the_second_before_and_after_the_validity_count() -> None:
    server = leaf(BETWEEN, begins=NOW, ends=NOW + DAY)
    ders = [server.der, BETWEEN.der]
    second = 1_000_000_000
    assert codes(check_chain(ders, "", NOW_NS, [])) == []
    assert codes(check_chain(ders, "", NOW_NS - 1, [])) == ["not_yet_valid"]
    assert codes(check_chain(ders, "", NOW_NS + 86_400 * second, [])) == []
    assert codes(check_chain(ders, "", NOW_NS + 86_400 * second + 1, [])) == ["expired"]


def test_a_capture_without_a_clock_says_nothing_of_dates() -> None:
    assert codes(check_chain([GOOD.der, BETWEEN.der], "shop.test", 90 * 1_000_000_000, [ROOT.der])) == []


def test_a_self_signed_certificate_is_said_and_its_hash_does_not_matter() -> None:
    own = leaf(None, key=RSA_KEY)
    made = check_chain([with_old_hash(own, own, "SHA-1")], "shop.test", NOW_NS, [])
    assert codes(made) == ["self_signed"]
    assert "its own key signed it" in made.problems[0].words
    assert made.verified == [True]


@pytest.mark.parametrize(("kind", "words"), [
    ("SHA-1", "SHA-1 is broken: two certificates with one signature have been made"),
    ("MD5", "MD5 is broken: two certificates with one signature can be made at will"),
])
def test_a_weak_signature_is_said_and_checked_all_the_same(kind: str, words: str) -> None:
    root = Signer("RSA Root", key=RSA_KEY)
    ders = [with_old_hash(leaf(root, key=RSA_KEY), root, kind), root.der]
    made = check_chain(ders, "shop.test", NOW_NS, [])
    assert [(problem.code, problem.words) for problem in made.problems] == [
        ("weak_signature", f"the certificate of shop.test is signed with RSA with {kind}, which is weak: {words}")
    ]
    assert made.verified == [True, True]
    damaged = ders[0][:-1] + bytes([ders[0][-1] ^ 1])
    assert "bad_signature" in codes(check_chain([damaged, root.der], "shop.test", NOW_NS, []))


def test_a_self_signed_certificate_that_the_user_named_is_trusted() -> None:
    own = leaf(None)
    assert check(own, trusted=(own,)).trust == "trusted"


def test_a_certificate_alone_lacks_its_issuer() -> None:
    made = check(GOOD)
    assert codes(made) == ["missing_intermediate"]
    assert not made.problems[0].sure
    assert "Lab Issuer" in made.problems[0].words
    assert codes(check(GOOD, trusted=(ROOT,))) == ["untrusted", "missing_intermediate"]


def test_order_and_strangers() -> None:
    made = check(GOOD, ROOT, BETWEEN)
    assert codes(made) == ["wrong_order"]
    assert made.path == [0, 2, 1]
    assert made.verified == [True, True, True]
    assert codes(check(GOOD, BETWEEN, OTHER)) == ["unrelated"]
    assert codes(check(GOOD, OTHER, BETWEEN, trusted=(ROOT,))) == ["unrelated"]


def test_a_signer_that_is_no_authority() -> None:
    false = leaf(ROOT, "issuer.test")
    made = check(leaf(false, "shop.test"), false, trusted=(ROOT,))
    assert codes(made) == ["not_a_ca", "untrusted"]
    assert made.trust == "not trusted"


def test_two_authorities_of_one_name() -> None:
    second = Signer("Lab Issuer", ROOT)
    made = check(GOOD, second, BETWEEN)
    assert made.path == [0, 2]
    assert codes(made) == ["unrelated"]


@pytest.mark.parametrize(("limits", "trust"), [
    ({"path_length": 0}, "trusted"),
    ({"constraints": x509.NameConstraints([x509.DNSName("test")], None)}, "trusted"),
    ({"constraints": x509.NameConstraints([x509.DNSName("example")], None)}, "not trusted"),
    ({"constraints": x509.NameConstraints(None, [x509.DNSName("shop.test")])}, "not trusted"),
    ({"constraints": x509.NameConstraints([x509.RFC822Name("test")], None)}, "not trusted"),
    ({"ends": NOW - DAY}, "not trusted"),
])
def test_limits_of_an_authority_count_for_trust(limits: dict[str, object], trust: str) -> None:
    limited = Signer("Limited", ROOT, **limits)  # type: ignore[arg-type]
    assert check(leaf(limited), limited, trusted=(ROOT,)).trust == trust


def test_a_path_that_is_longer_than_allowed() -> None:
    short = Signer("Short", ROOT, path_length=0)
    below = Signer("Below", short)
    assert check(leaf(below), below, short, trusted=(ROOT,)).trust == "not trusted"
    tight = Signer("Tight Root", path_length=0)
    below = Signer("Below", tight)
    assert check(leaf(below), below, trusted=(tight,)).trust == "not trusted"


def test_a_root_that_has_expired_is_no_root() -> None:
    old = Signer("Old Root", ends=NOW - DAY)
    assert check(leaf(old), trusted=(old,)).trust == "not trusted"


def test_signatures_of_all_kinds_are_checked() -> None:
    for key in (ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)):
        root = Signer("Root", key=key)
        assert check(leaf(root), root).verified == [True, True]


def test_a_key_that_takes_forever_is_not_reckoned_with() -> None:
    """A public exponent as long as the key: one signature takes as long as hundreds."""
    usual = rsa.generate_private_key(65537, 2048).private_numbers()
    turned = rsa.RSAPrivateNumbers(      # what was private is public, and the other way round
        usual.p, usual.q, 65537, 65537 % (usual.p - 1), 65537 % (usual.q - 1), usual.iqmp,
        rsa.RSAPublicNumbers(usual.d, usual.public_numbers.n),
    )
    root = Signer("Root", key=turned.private_key())
    found = check(leaf(root), root)
    assert found.verified == [False, False]
    assert "bad_signature" not in codes(found)


def test_a_pss_signature_is_checked() -> None:
    key = rsa.generate_private_key(65537, 2048)
    root = Signer("Root", key=key)
    builder = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(root.certificate.subject)
        .public_key(key.public_key()).serial_number(5).not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    )
    made = builder.sign(
        key, hashes.SHA256(), rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    found = check_chain([made.public_bytes(Encoding.DER), root.der], "", NOW_NS, [])
    assert (found.verified, codes(found)) == ([True, True], [])
    assert found.certificates[0].signature == "RSA-PSS"


def test_a_client_is_not_held_to_the_name_of_the_server() -> None:
    assert codes(check(leaf(BETWEEN, "somebody", usages=(CLIENT,)), BETWEEN, client=True)) == []
    assert codes(check(leaf(BETWEEN, "somebody", usages=(SERVER,)), BETWEEN, client=True)) == ["wrong_purpose"]


def test_nothing_is_said_of_nothing() -> None:
    assert check_chain([], "shop.test", NOW_NS, [ROOT.der]).fields() == {
        "problems": [], "signatures_verified": [], "trust": "", "root": "",
    }


def test_what_cannot_be_read_is_a_problem_of_its_own() -> None:
    made = check_chain([b"\x30\x00", BETWEEN.der], "shop.test", NOW_NS, [])
    assert codes(made) == ["unreadable"]
    made = check_chain([GOOD.der, b"junk"], "shop.test", NOW_NS, [])
    assert codes(made) == ["unreadable", "unrelated", "missing_intermediate"]


def test_a_chain_that_is_seen_often_is_read_once() -> None:
    store = Certificates()
    ders = [GOOD.der, BETWEEN.der]
    first = store.check(ders, "shop.test", NOW_NS, [ROOT.der])
    again = store.check([bytes(bytearray(der)) for der in ders], "shop.test", NOW_NS, [ROOT.der])
    assert again.certificates[0] is first.certificates[0]
    assert len(store.held) == 3
    assert len(store.signatures) == 2


def test_a_store_forgets_the_oldest() -> None:
    store = Certificates()
    info = store.describe(GOOD.der)
    for number in range(MAX_HELD - 1):
        store.held[b"%d" % number] = info
        store.signatures[b"%d" % number, b""] = 1
    store.signatures[b"last", b""] = 1
    store.check([OTHER.der], "", NOW_NS, [])
    assert len(store.held) == len(store.signatures) == MAX_HELD
    assert GOOD.der not in store.held
    assert (b"0", b"") not in store.signatures
