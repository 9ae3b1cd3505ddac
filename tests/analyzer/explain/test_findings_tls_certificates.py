"""Findings about certificates: every rule met by a chain, and missed by one that is like it."""
from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tls_scenes import CHAIN, GOOD, Scene, Story, after, alerts, choose, opening, talk, tls_findings
from tls_wire import message
from x509_lab import (
    BETWEEN,
    CLIENT,
    DAY,
    NOW,
    OTHER,
    ROOT,
    RSA_KEY,
    SERVER,
    Signer,
    leaf,
    with_old_hash,
)

from analyzer.explain.rule import CERTAIN, LIKELY, POSSIBLE
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.model import Finding
from dissectors.kit.provided import Provided

SHORT = rsa.generate_private_key(65537, 1024)
RSA_ISSUER = Signer("Lab Issuer", ROOT, key=RSA_KEY)
PRETENDER = leaf(ROOT, "pretender.test")
OLD_ISSUER = Signer("Old Issuer", ROOT, ends=NOW - DAY)
OWN = leaf(None, "shop.test")
EXPIRED = leaf(BETWEEN, ends=NOW - DAY)
STRANGER = leaf(BETWEEN, "other.test")


def chain(*ders: bytes, then: Story | None = None) -> Story:
    """A connection whose server shows these. then: what follows instead of the rest of it."""
    return talk(chain=ders) if then is None else after(opening(chain=ders), then)


def staple(status: ocsp.OCSPCertStatus) -> Story:
    """An OCSP answer about the server's certificate in a message of its own (RFC 6066 §8)."""
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=GOOD.certificate, issuer=BETWEEN.certificate, algorithm=hashes.SHA1(), cert_status=status,
        this_update=NOW, next_update=NOW + DAY, revocation_time=NOW - DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    ).responder_id(ocsp.OCSPResponderEncoding.NAME, BETWEEN.certificate)
    answer = builder.sign(BETWEEN.key, hashes.SHA256()).public_bytes(Encoding.DER)
    body = b"\x01" + len(answer).to_bytes(3, "big") + answer
    return after(opening(choice=choose(), extra=message(22, body)), alerts(90, level=1))


def ends(scene: Scene) -> None:
    scene.fin(0)
    scene.fin(1)


CASES: dict[str, tuple[Story, str, str, Story]] = {
    "expired": (
        chain(EXPIRED.der, BETWEEN.der), "error tls.certificate_expired",
        "The certificate of shop.test expired on 2025-06-14, 24 h 0 min before it was shown. The client went on all "
        "the same.", chain(leaf(BETWEEN, ends=NOW + DAY).der, BETWEEN.der),
    ),
    "expired above": (
        chain(leaf(OLD_ISSUER).der, OLD_ISSUER.der), "warn tls.certificate_expired",
        "Old Issuer expired on 2025-06-14", chain(*CHAIN),
    ),
    "not yet valid": (
        chain(leaf(BETWEEN, begins=NOW + DAY).der, BETWEEN.der), "error tls.certificate_not_yet_valid",
        "The certificate of shop.test is valid from 2025-06-16 on",
        chain(leaf(BETWEEN, begins=NOW - DAY).der, BETWEEN.der),
    ),
    "wrong name": (
        chain(STRANGER.der, BETWEEN.der), "warn tls.certificate_wrong_name",
        "The certificate is for other.test, and the client asked for shop.test.",
        chain(leaf(BETWEEN, "other.test", "SHOP.test").der, BETWEEN.der),
    ),
    "self-signed": (
        chain(OWN.der), "warn tls.certificate_self_signed",
        "The certificate of shop.test is self-signed: its own key signed it, so nobody else vouches for it. The "
        "client went on all the same.", chain(*CHAIN, ROOT.der),
    ),
    "weak key": (
        chain(leaf(BETWEEN, key=SHORT).der, BETWEEN.der), "warn tls.certificate_weak",
        "The key of the certificate of shop.test is weak: RSA 1024 is shorter than 2048 bits.",
        chain(leaf(BETWEEN, key=RSA_KEY).der, BETWEEN.der),
    ),
    "weak signature": (
        chain(with_old_hash(leaf(RSA_ISSUER), RSA_ISSUER, "SHA-1"), RSA_ISSUER.der), "warn tls.certificate_weak",
        "is signed with RSA with SHA-1, which is weak", chain(leaf(RSA_ISSUER).der, RSA_ISSUER.der),
    ),
    "missing intermediate": (
        chain(GOOD.der), "note tls.chain_incomplete", "The certificate of shop.test came without that of its issuer, "
        "Lab Issuer; unless that is one of the roots of the other side, an intermediate certificate is missing.",
        chain(*CHAIN),
    ),
    "missing, and refused": (
        chain(GOOD.der, then=alerts(48, 0)), "error tls.chain_incomplete",
        "The client refused it with the alert unknown_ca.", chain(*CHAIN, then=alerts(48, 0)),
    ),
    "order": (
        chain(GOOD.der, ROOT.der, BETWEEN.der), "note tls.chain_order",
        "The certificates are not in order: after each should come that of its issuer, as they do when read as 1, 3, "
        "2.", chain(*CHAIN, ROOT.der),
    ),
    "unrelated": (
        chain(*CHAIN, OTHER.der), "note tls.chain_order",
        "1 certificate in the chain certifies none of the others: Other Root.", chain(*CHAIN, ROOT.der),
    ),
    "bad signature": (
        chain(leaf(BETWEEN, signing_key=OTHER.key).der, BETWEEN.der), "error tls.certificate_bad_signature",
        "The signature of the certificate of shop.test was not made by the key of Lab Issuer.", chain(*CHAIN),
    ),
    "no authority": (
        chain(leaf(PRETENDER).der, PRETENDER.der, ROOT.der), "error tls.certificate_bad_signature",
        "which may not: it is no authority.", chain(*CHAIN, ROOT.der),
    ),
    "wrong purpose": (
        chain(leaf(BETWEEN, usages=(CLIENT,)).der, BETWEEN.der), "warn tls.certificate_wrong_purpose",
        "may not be used by a TLS server", chain(leaf(BETWEEN, usages=(CLIENT, SERVER)).der, BETWEEN.der),
    ),
    "unreadable": (
        chain(b"\x30\x03\x02\x01\x05"), "note tls.certificate_unreadable", "cannot be read", chain(*CHAIN),
    ),
    "revoked": (
        staple(ocsp.OCSPCertStatus.REVOKED), "error tls.certificate_revoked",
        "The stapled OCSP answer says that shop.test was revoked on 2025-06-14 (keyCompromise).",
        staple(ocsp.OCSPCertStatus.GOOD),
    ),
}


def codes(found: list[Finding]) -> list[str]:
    return [f"{one.severity} {one.code}" for one in found]


def about(story: Story, roots: tuple[bytes, ...] = ()) -> list[Finding]:
    """The findings about certificates."""
    given = Provided()
    given.trusted = list(roots)
    own = {rule.code for rule in CERTIFICATE_RULES}
    return [one for one in tls_findings(story, given) if one.code in own]


@pytest.mark.parametrize("case", CASES)
def test_a_rule_finds_what_it_is_for(case: str) -> None:
    met, expected, said, missed = CASES[case]
    found = about(met)
    assert codes(found) == expected.split(", "), [one.sentence for one in found]
    assert said in found[0].sentence, found[0].sentence
    for one in found:
        assert one.frames
        assert one.basis
        assert one.sentence.endswith(".")
    assert expected.split(", ")[0] not in codes(about(missed))


@pytest.mark.parametrize(("ders", "roots", "expected"), [
    (CHAIN, (ROOT,), []),
    (CHAIN, (OTHER,), ["warn tls.certificate_untrusted"]),
    (CHAIN, (), []),
    ((GOOD.der,), (BETWEEN,), []),
    ((OWN.der,), (OWN,), ["note tls.certificate_self_signed"]),
    ((OWN.der,), (ROOT,), ["warn tls.certificate_self_signed", "warn tls.certificate_untrusted"]),
])
def test_trust_is_only_judged_by_the_roots_that_were_named(
    ders: tuple[bytes, ...], roots: tuple[Signer, ...], expected: list[str]
) -> None:
    assert sorted(codes(about(chain(*ders), tuple(root.der for root in roots)))) == expected


def test_what_is_wrong_with_a_refused_certificate_tells_of_the_alert_too() -> None:
    """One cause is one error, with the alert's frame; of the alert by itself there is a remark."""
    met = chain(STRANGER.der, BETWEEN.der, then=alerts(42, 0))
    found = tls_findings(met)
    assert codes(found) == ["error tls.certificate_wrong_name", "chat tls.certificate_refused"]
    assert found[0].sentence.endswith("The client refused it with the alert bad_certificate.")
    assert found[0].frames == (2, 3)
    own = tls_findings(chain(OWN.der, then=alerts(48, 0)))
    assert codes(own) == ["error tls.certificate_self_signed", "chat tls.certificate_refused"]


@pytest.mark.parametrize(("story", "confidence"), [
    (chain(EXPIRED.der, BETWEEN.der), CERTAIN),
    (chain(GOOD.der), POSSIBLE),
    (chain(GOOD.der, then=alerts(48, 0)), LIKELY),
    (staple(ocsp.OCSPCertStatus.REVOKED), LIKELY),
])
def test_how_sure_a_finding_is(story: Story, confidence: str) -> None:
    assert [one.confidence for one in about(story)] == [confidence]


def test_a_client_that_sends_nothing_did_not_go_on() -> None:
    found, = about(talk(chain=(STRANGER.der, BETWEEN.der), then=ends))
    assert found.sentence.endswith("The client finished the handshake, and sent no data after it.")


def test_every_rule_has_a_case() -> None:
    shown = {part.split(" ")[1] for _met, expected, *_rest in CASES.values() for part in expected.split(", ")}
    assert {rule.code for rule in CERTIFICATE_RULES} == shown | {"tls.certificate_untrusted"}
