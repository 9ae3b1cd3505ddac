"""Rules about TLS over connections put together event by event: what they say, how sure, and how much it matters."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tls_cases import (
    CBC,
    DOWNGRADE,
    FALSE,
    NULL,
    RC4,
    REFUSAL,
    RENEGOTIATION_INFO,
    REQUEST,
    Made,
    agreed,
    alert,
    asked,
    chosen,
    closed,
    data,
    dialogue,
    established,
    exchange_of,
    fin,
    heartbeat,
    hello,
    in_clear,
    made,
    refused_tls,
    rst,
    shown,
    spoken,
    stalled,
    unread,
)
from tls_wire import alpn, key_share
from told_accounts import MS, SECOND
from x509_lab import BETWEEN, CLIENT, DAY, NOW, ROOT, RSA_KEY, Signer, leaf

from analyzer.explain.findings import findings
from analyzer.explain.rule import CONFIDENCE, Case
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.model import SEVERITIES, Finding
from dissectors.kit.event import Event
from dissectors.kit.observation import NOT_CAPTURED
from dissectors.protocols.starttls.dialogue import StarttlsObserved as Said
from dissectors.protocols.starttls.events import Injected, Stripped
from dissectors.protocols.tls.events import TlsObserved
from dissectors.protocols.tls.events_data import ApplicationData, Decryption, EarlyData, Renegotiation
from dissectors.protocols.tls.events_end import Plaintext, Ssl2Answer
from dissectors.protocols.tls.events_hello import HelloRetry
from dissectors.protocols.tls.records import PLAIN, Notice, TlsRun
from dissectors.protocols.tls.state import Hidden, Session
from dissectors.wire.tls.extensions import ENCRYPT_THEN_MAC

RULES = TLS_RULES + CERTIFICATE_RULES + STRENGTH_RULES + STARTTLS_RULES
SAMPLES = Path(__file__).parents[3] / "samples"

GOOD = leaf(BETWEEN)
OLD = leaf(BETWEEN, ends=NOW - DAY)
WEAK = leaf(BETWEEN, key=rsa.generate_private_key(65537, 1024))
WEAK_ISSUER = Signer("Weak Issuer", ROOT, key=rsa.generate_private_key(65537, 1024))
OWN = leaf(None)


def staple(revoked: bool, of: Signer = GOOD) -> bytes:
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=of.certificate, issuer=BETWEEN.certificate, algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD, this_update=NOW,
        next_update=NOW + DAY, revocation_time=NOW - DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    ).responder_id(ocsp.OCSPResponderEncoding.NAME, BETWEEN.certificate)
    return builder.sign(BETWEEN.key, hashes.SHA256()).public_bytes(Encoding.DER)


def retried(wanted: str) -> HelloRetry:
    answer = chosen().hello
    answer.key_share = {"secp256r1": 23, "": 0}[wanted]
    return HelloRetry(TlsObserved(75 * MS, 1, (5,), 0), answer, asked(hello(key_share())))


def keys(outcome: str) -> Decryption:
    return Decryption(TlsObserved(80 * MS, 2, (5,), 0), outcome, [], "")


def early(outcome: str) -> EarlyData:
    sent = Hidden()
    sent.add(1, 300, 60 * MS, 60 * MS, (4,))
    return EarlyData(TlsObserved(60 * MS, 0, (4,), 0), outcome, sent)


def again(bound: bool, readable: bool = True) -> Renegotiation:
    return Renegotiation(TlsObserved(300 * MS, 0, (30,), 0), readable=readable, bound=bound)


def plain(first: bytes, answer: bool, port: int = 443) -> Made:
    notice = Notice(PLAIN, 6, 75 * MS, 0, 0, first)
    event = Plaintext(TlsObserved(75 * MS, 1 if answer else 0, (6,), 0), notice, asked() if answer else Session())
    return made(*([hello()] if answer else []), event, of=spoken("tls", port))


# By code: what meets the rule, and what just does not.
CASES: dict[str, tuple[Made, Made]] = {
    "tls.no_shared_version": (made(hello(), alert(70, "too old")), made(hello(), alert(40))),
    "tls.no_shared_suite": (made(hello(), alert(40, "none is shared")), made(hello(), REQUEST, alert(40, wanted=True))),
    "tls.no_shared_alpn": (made(hello(alpn("imap")), alert(120, "none is shared")), made(hello(), alert(40))),
    "tls.unknown_name": (made(hello(), alert(112, "no such name")), made(hello(), alert(0, ends=False, level=1))),
    "tls.client_certificate": (
        made(hello(), REQUEST, alert(116, "none was shown")), made(hello(), alert(40, "none is shared")),
    ),
    "tls.certificate_refused": (
        shown(GOOD, BETWEEN, then=(alert(48, "it knows no authority", 0),)), shown(OLD, BETWEEN),
    ),
    "tls.alert": (made(hello(), alert(80, "of its own")), made(hello(), alert(0, ends=False))),
    "tls.reset_after_hello": (made(hello(), rst(), stalled()), made(hello(), rst(time=10 * SECOND), stalled())),
    "tls.stalled": (made(hello(), stalled()), made(hello(), rst(), stalled())),
    "tls.plaintext": (
        plain(b"HTTP/", True), plain(b"\x4a\0\0\0\x0a", False, 3306),
    ),
    "tls.certificate_expired": (shown(OLD, BETWEEN), shown(GOOD, BETWEEN)),
    "tls.certificate_not_yet_valid": (
        shown(leaf(BETWEEN, begins=NOW + DAY), BETWEEN), shown(leaf(BETWEEN, begins=NOW), BETWEEN),
    ),
    "tls.certificate_wrong_name": (
        shown(leaf(BETWEEN, "mail.test"), BETWEEN), shown(leaf(BETWEEN, "*.test", "shop.test"), BETWEEN),
    ),
    "tls.certificate_self_signed": (shown(OWN), shown(GOOD, BETWEEN, ROOT)),
    "tls.certificate_weak": (shown(WEAK, BETWEEN), shown(leaf(BETWEEN, key=RSA_KEY), BETWEEN)),
    "tls.chain_incomplete": (shown(GOOD), shown(GOOD, trusted=(BETWEEN,))),
    "tls.chain_order": (shown(GOOD, ROOT, BETWEEN), shown(GOOD, BETWEEN, ROOT)),
    "tls.certificate_bad_signature": (
        shown(leaf(BETWEEN, signing_key=ec.generate_private_key(ec.SECP256R1())), BETWEEN), shown(GOOD, BETWEEN),
    ),
    "tls.certificate_wrong_purpose": (shown(leaf(BETWEEN, usages=(CLIENT,)), BETWEEN), shown(GOOD, BETWEEN)),
    "tls.certificate_unreadable": (made(hello(), chosen(), unread(b"junk")), shown(GOOD, BETWEEN)),
    "tls.certificate_untrusted": (shown(FALSE, trusted=(ROOT,)), shown(GOOD, BETWEEN, trusted=(ROOT,))),
    "tls.certificate_revoked": (
        shown(GOOD, BETWEEN, staples=(staple(True),)), shown(GOOD, BETWEEN, staples=(staple(False),)),
    ),
    "tls.no_forward_secrecy": (
        made(hello(), established("no", "TLS_RSA_WITH_AES_128_GCM_SHA256")),
        made(hello(), established("yes", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA")),
    ),
    "tls.weak_suite": (
        made(hello(), chosen(RC4)),
        made(hello(), chosen(CBC, extensions=b"\0" + bytes([ENCRYPT_THEN_MAC]) + b"\0\0")),
    ),
    "tls.old_version": (made(hello(), chosen(version=0x0302)), made(hello(), chosen())),
    "tls.downgrade": (
        made(hello(offers=(0x0304, 0x0303)), chosen(random=DOWNGRADE)), made(hello(), chosen(random=DOWNGRADE)),
    ),
    "tls.truncated": (
        made(hello(), fin(), data(), closed(("client",))), made(hello(), fin(0), data(), closed(("client",))),
    ),
    "tls.early_data": (made(hello(), early("accepted")), made(hello(), early("rejected"))),
    "tls.keys_missing": (made(hello(), keys("missing")), made(hello(), keys("found"))),
    "tls.keys_wrong": (made(hello(), keys("wrong")), made(hello(), keys("missing"))),
    "tls.heartbleed": (made(hello(), heartbeat(0, 16_384, 24)), made(hello(), heartbeat(0, 16, 35))),
    "tls.compression": (made(hello(), chosen(compression=1)), made(hello(), chosen())),
    "tls.insecure_renegotiation": (made(hello(), chosen(), again(False)), made(hello(), chosen(), again(True))),
    "tls.not_offered": (made(hello(), chosen(offered=False)), made(hello(), chosen())),
    "tls.hello_retry": (made(hello(), retried("secp256r1")), made(hello(), retried(""))),
    "tls.starttls_refused": (made(refused_tls(), in_clear()), made(agreed())),
    "tls.starttls_stripped": (
        made(Stripped(Said(60 * MS, 1, (7,), dialogue()), "XXXXXXXA")), made(refused_tls()),
    ),
    "tls.starttls_injected": (made(Injected(Said(60 * MS, 0, (7,), dialogue()), 12), agreed()), made(agreed())),
    "tls.in_clear": (made(in_clear()), made(refused_tls(), in_clear())),
}


def of_code(found: list[Finding], code: str) -> list[Finding]:
    return [one for one in found if one.code == code]


def only(what: Made, code: str) -> Finding:
    one, = of_code(findings(what()), code)
    return one


def test_every_rule_has_its_cases() -> None:
    assert sorted(CASES) == sorted(rule.code for rule in RULES)


@pytest.mark.parametrize("code", CASES)
def test_a_rule_is_met(code: str) -> None:
    finding = only(CASES[code][0], code)
    assert finding.severity in SEVERITIES
    assert finding.confidence in CONFIDENCE
    assert finding.sentence.endswith(".")
    assert finding.sentence[0].isupper() or finding.sentence[0].isdigit()
    assert finding.basis
    assert finding.next_step.endswith(".")
    assert finding.refute.endswith(".")
    assert finding.frames


@pytest.mark.parametrize("code", CASES)
def test_a_rule_is_missed(code: str) -> None:
    assert of_code(findings(CASES[code][1]()), code) == []


@pytest.mark.parametrize(("what", "code", "sentence"), [
    (made(hello(), alert(70, "the client offers TLS 1.0")), "tls.no_shared_version",
     "The server (10.0.0.2:443) ended the handshake for shop.test with the alert protocol_version: the client offers "
     "TLS 1.0."),
    (made(hello(), alert(112, ends=False, level=1)), "tls.unknown_name",
     "The server (10.0.0.2:443) warned that it knows no server for shop.test, and went on with another certificate."),
    (made(hello(), alert(-1, "it is as long as an alert", 0, level=-1)), "tls.certificate_refused",
     "The client (10.0.0.1:51034) ended the handshake for shop.test with an alert that is encrypted: it is as long as "
     "an alert."),
    (made(hello(), rst(), stalled()), "tls.reset_after_hello",
     "10.0.0.2:443 reset the connection 20.0 ms after the ClientHello for shop.test, and said no word of TLS."),
    (made(hello(), stalled()), "tls.stalled",
     "The TLS handshake for shop.test stopped after ClientHello: ServerHello of the server (10.0.0.2:443) did not "
     "come, and 3.00 s later the capture ends."),
    (made(hello(), fin(time=60 * MS), stalled(how="fin")), "tls.stalled",
     "The TLS handshake for shop.test stopped after ClientHello: ServerHello of the server (10.0.0.2:443) did not "
     "come, and 3.00 s later 10.0.0.2:443 closed the connection."),
    (made(of=spoken("http", 8443)), "tls.plaintext",
     "HTTP in plain text was spoken to 10.0.0.2:8443, a port on which TLS is expected."),
    (shown(OLD, BETWEEN, then=(REFUSAL,)), "tls.certificate_expired",
     "The certificate of shop.test expired on 2025-06-14, 24 h 0 min before it was shown. The client refused it with "
     "the alert certificate_expired."),
    (shown(OLD, BETWEEN, then=(established(),)), "tls.certificate_expired",
     "The certificate of shop.test expired on 2025-06-14, 24 h 0 min before it was shown. The client finished the "
     "handshake, and sent no data after it."),
    (shown(leaf(BETWEEN, "mail.test"), BETWEEN), "tls.certificate_wrong_name",
     "The certificate is for mail.test, and the client asked for shop.test."),
    (shown(OWN, trusted=(OWN,)), "tls.certificate_self_signed",
     "The certificate of shop.test is self-signed: its own key signed it, so nobody else vouches for it. You named it "
     "as one to trust."),
    (shown(FALSE, trusted=(ROOT,)), "tls.certificate_untrusted",
     "The certificate of shop.test is not trusted: the issuer at its end, Other Root, is none of the roots that you "
     "named."),
    (shown(GOOD, BETWEEN, staples=(staple(True),)), "tls.certificate_revoked",
     "The stapled OCSP answer says that shop.test was revoked on 2025-06-14 (keyCompromise)."),
    (made(hello(), chosen(version=0x0301)), "tls.old_version",
     "The server (10.0.0.2:443) chose TLS 1.0, which must no longer be used (RFC 8996). The client offered TLS 1.2 "
     "too."),
    (made(hello(offers=(0x0301,)), chosen(version=0x0300)), "tls.old_version",
     "The server (10.0.0.2:443) chose SSL 3.0, which is broken (RFC 7568). The client offered nothing newer than TLS "
     "1.0."),
    (made(exchange_of(1024)), "tls.weak_suite",
     "The server (10.0.0.2:443) uses a Diffie-Hellman prime of 1024 bits, where 2048 are the least."),
    (made(hello(), fin(), data(), closed(("client",))), "tls.truncated",
     "The server closed without close_notify after 4000 bytes of data. From TLS alone the client cannot know that "
     "nothing was cut off; it can where the protocol above states its lengths."),
    (made(hello(), data(), closed(("client", "server"), unfinished=("server",))), "tls.truncated",
     "A TLS record of the server is cut off in its middle: what it held did not arrive."),
    (made(heartbeat(0, 16_384, 24), heartbeat(1, 16_384, 16_403)), "tls.heartbleed",
     "The client (10.0.0.1:51034) sent 1 heartbeat that claims more payload than the record holds (16384 bytes in a "
     "record of 24): the shape of Heartbleed. The other side answered with up to 16.4 kB, which is memory that it "
     "should not show."),
    (made(hello(), retried("secp256r1")), "tls.hello_retry",
     "The server (10.0.0.2:443) wanted a key share for secp256r1 instead of x25519: one more round trip, 25.0 ms."),
    (made(hello(RENEGOTIATION_INFO), chosen(extensions=b"")), "tls.insecure_renegotiation",
     "The server (10.0.0.2:443) does not know secure renegotiation (RFC 5746), which the client offered."),
    (made(refused_tls(), in_clear()), "tls.starttls_refused",
     "10.0.0.2:443 refused to change to TLS: it answered STARTTLS with 454 no. The client went on and sent its "
     "credentials in plain text."),
    (made(in_clear()), "tls.in_clear",
     "10.0.0.1:51034 sent its credentials over SMTP without TLS, though the server offered it."),
])
def test_a_sentence_has_the_numbers_of_the_capture(what: Made, code: str, sentence: str) -> None:
    assert only(what, code).sentence == sentence


@pytest.mark.parametrize(("what", "code", "severity", "confidence"), [
    (made(hello(), stalled(waited=100 * MS)), "tls.stalled", "note", "possible"),
    (made(hello(), stalled(how="fin", waited=100 * MS)), "tls.stalled", "warn", "likely"),
    (made(hello(), alert(-1, "", 0, level=-1)), "tls.alert", "warn", "likely"),
    (made(hello(), alert(112, ends=False, level=1)), "tls.unknown_name", "note", "certain"),
    (made(hello(), fin(0, 60 * MS), alert(50, "a length is wrong", ends=False)), "tls.alert", "note", "likely"),
    (made(hello(), alert(50, "a length is wrong", ends=False)), "tls.alert", "error", "likely"),
    (plain(b"abcde", False), "tls.plaintext", "warn", "likely"),
    (shown(OWN), "tls.certificate_self_signed", "warn", "certain"),
    (shown(OWN, then=(alert(48, "", 0),)), "tls.certificate_self_signed", "error", "certain"),
    (shown(OWN, trusted=(OWN,)), "tls.certificate_self_signed", "note", "certain"),
    (shown(leaf(WEAK_ISSUER), WEAK_ISSUER), "tls.certificate_weak", "note", "certain"),
    (shown(GOOD), "tls.chain_incomplete", "note", "possible"),
    (shown(GOOD, then=(alert(48, "", 0),)), "tls.chain_incomplete", "error", "likely"),
    (shown(GOOD, Signer("Lab Issuer", ROOT, key=BETWEEN.key, ends=NOW - DAY)), "tls.certificate_expired", "warn",
     "certain"),
    (made(hello(), chosen(NULL)), "tls.weak_suite", "error", "certain"),
    (made(hello(), chosen(CBC)), "tls.weak_suite", "note", "certain"),
    (made(hello(), chosen(RC4)), "tls.weak_suite", "warn", "certain"),
    (made(hello(), chosen(version=0x0300)), "tls.old_version", "error", "certain"),
    (made(hello(), Ssl2Answer(TlsObserved(75 * MS, 1, (5,), 0))), "tls.old_version", "error", "certain"),
    (made(hello(), early("offered")), "tls.early_data", "chat", "certain"),
    (made(heartbeat(0, 16_384, 24)), "tls.heartbleed", "warn", "likely"),
    (made(heartbeat(0, 16_384, 24), heartbeat(1, 9_000, 9_019)), "tls.heartbleed", "error", "certain"),
    (made(hello(RENEGOTIATION_INFO), chosen(extensions=b"")), "tls.insecure_renegotiation", "note", "likely"),
    (made(hello(), chosen(extensions=b""), again(False, False)), "tls.insecure_renegotiation", "warn", "certain"),
    (made(hello(), data(), closed(("client", "server"), unfinished=("server",))), "tls.truncated", "warn", "certain"),
    (made(refused_tls(False)), "tls.starttls_refused", "note", "certain"),
    (made(in_clear("mail", False)), "tls.in_clear", "note", "certain"),
    (made(in_clear("mail")), "tls.in_clear", "warn", "certain"),
    (made(in_clear("credentials and queries", False)), "tls.in_clear", "warn", "certain"),
])
def test_how_much_it_matters_and_how_sure_it_is(what: Made, code: str, severity: str, confidence: str) -> None:
    finding = only(what, code)
    assert (finding.severity, finding.confidence) == (severity, confidence)


def test_plain_http_on_an_ordinary_port_is_no_finding() -> None:
    assert of_code(findings(made(of=spoken("http", 80))()), "tls.plaintext") == []


def test_a_record_that_the_end_of_the_capture_cuts_is_no_truncation() -> None:
    cut = made(hello(), data(), closed(("client",), "capture", ("server",)))
    assert of_code(findings(cut()), "tls.truncated") == []


def test_a_refusal_is_told_once() -> None:
    """The certificate explains the alert, of which there is a remark: it is all that shows without the certificate."""
    found = [one for one in findings(shown(OLD, BETWEEN, then=(REFUSAL,))()) if one.code.startswith("tls.")]
    assert [(one.severity, one.code) for one in found] == [
        ("error", "tls.certificate_expired"), ("chat", "tls.certificate_refused"),
    ]
    assert only(shown(OLD, BETWEEN, then=(REFUSAL,)), "tls.certificate_expired").frames == (6, 7)


def test_a_wrong_name_matters_by_what_the_client_does() -> None:
    """A server that delivers mail takes the certificate that it gets (RFC 7435 §3)."""
    strange = leaf(BETWEEN, "other.test")
    run = TlsRun()
    run.add(300, 9, 95 * MS)
    after = (established(), ApplicationData(TlsObserved(95 * MS, 0, (9,), 0), run, 1))
    for then, severity in (
        ((REFUSAL,), "error"), (after, "warn"), ((agreed(), *after), "note"), ((agreed(), established()), "warn"),
        ((), "warn"),
    ):
        found = of_code(findings(shown(strange, BETWEEN, then=then)()), "tls.certificate_wrong_name")
        assert [one.severity for one in found] == [severity]


def test_an_alert_after_something_that_is_missing() -> None:
    """The server may have asked for a certificate there, or have refused something else."""
    def lossy(*events: Event) -> list[Finding]:
        analysis = made(*events)()
        analysis.told[0].observed.miss(NOT_CAPTURED, 1, 60 * MS, 79 * MS, 6, "1448 bytes are not in the capture")
        return [one for one in findings(analysis) if one.code.startswith("tls.")]

    found, = lossy(hello(), alert(40, "none is shared"))
    assert (found.code, found.severity) == ("tls.no_shared_suite", "note")
    assert "1448 bytes" in found.basis
    found, = lossy(hello(), alert(70, "the client offers TLS 1.0"))     # which says it all
    assert (found.code, found.severity) == ("tls.no_shared_version", "error")
    found, = lossy(hello(), rst(), stalled())
    assert (found.code, found.severity) == ("tls.reset_after_hello", "note")
    assert "no word" not in found.sentence


def test_what_is_missing_speaks_for_no_plain_text_and_no_injection() -> None:
    """Where octets are missing, the port alone had it taken for TLS; and the server may have answered there."""
    stray = Plaintext(TlsObserved(75 * MS, 0, (6,), 0), Notice(PLAIN, 6, 75 * MS, 0, 0, b"SSH-2"), Session())
    behind = Injected(Said(75 * MS, 0, (6,), dialogue()), 40)
    for event, code, of in (
        (stray, "tls.plaintext", spoken("tls", 443)), (behind, "tls.starttls_injected", spoken("smtp", 25)),
    ):
        analysis = made(event, of=of)()
        assert len(of_code(findings(analysis), code)) == 1
        analysis.told[0].observed.miss(NOT_CAPTURED, 1, 60 * MS, 79 * MS, 6, "1 byte is not in the capture")
        assert of_code(findings(analysis), code) == []


def test_a_failure_after_the_server_hello_is_none_of_suites() -> None:
    late = alert(40)
    late.answered = True
    assert [one.code for one in findings(made(hello(), late)()) if one.code.startswith("tls.")] == ["tls.alert"]


def test_who_says_more_had_not_ended_the_handshake() -> None:
    run = TlsRun()
    run.add(300, 9, 95 * MS)
    more = ApplicationData(TlsObserved(95 * MS, 0, (9,), 0), run, 1, masked=True)
    hidden = alert(-1, "mostly the certificate", 0, by_size=True)
    assert len(of_code(findings(made(hello(), hidden)()), "tls.certificate_refused")) == 1
    assert of_code(findings(made(hello(), hidden, more)()), "tls.certificate_refused") == []


@pytest.mark.parametrize(("beats", "severity", "said"), [
    ((heartbeat(0, 16, 34),), "note", "names 16 of payload and so has 15 of padding, where at least 16 must follow"),
    ((heartbeat(0, 16, 34), heartbeat(1, 16, 35)), "warn", "answered all the same"),
    ((heartbeat(0, 16, 19), heartbeat(1, 16, 35)), "warn", "has 0 of padding"),
])
def test_a_heartbeat_without_its_padding(beats: tuple[Event, ...], severity: str, said: str) -> None:
    """RFC 6520 §4: it has to be dropped, and who answers lacks the check of CVE-2014-0160."""
    found, = of_code(findings(made(hello(), *beats)()), "tls.heartbleed")
    assert (found.severity, found.confidence) == (severity, "likely")
    assert said in found.sentence


def test_keys_of_one_side() -> None:
    reason = "the secret of what the server sends (SERVER_TRAFFIC_SECRET_0) is missing"
    half = Decryption(TlsObserved(90 * MS, 1, (9,), 0), "partial", ["CLIENT_TRAFFIC_SECRET_0"], reason)
    found, = of_code(findings(made(hello(), half)()), "tls.keys_missing")
    assert (found.severity, found.frames) == ("note", (9,))
    assert reason in found.sentence


def test_a_disorder_explains_no_refusal() -> None:
    refused = shown(GOOD, ROOT, BETWEEN, then=(alert(48, "it knows no authority", 0),))
    codes = {one.code for one in findings(refused()) if one.code.startswith("tls.")}
    assert codes == {"tls.chain_order", "tls.certificate_refused"}


def test_a_chain_that_is_shown_twice_is_told_once() -> None:
    twice = shown(OLD, BETWEEN, then=(chosen(), unread(OLD.der, BETWEEN.der)))
    assert len(of_code(findings(twice()), "tls.certificate_expired")) == 1


def test_chains_are_read_once_for_all_conversations() -> None:
    analysis = shown(OLD, BETWEEN)()
    case = Case(analysis.told[0], analysis.capture)
    rule, = [one for one in CERTIFICATE_RULES if one.code == "tls.certificate_expired"]
    assert len(rule.examine(case)) == 1
    assert set(case.certificates.held) == {OLD.der, BETWEEN.der}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_takes_every_filter() -> None:
    filters = {one.display_filter for what, _missed in CASES.values() for one in findings(what())}
    filters |= {rule.narrow for rule in RULES}
    whole = " || ".join(f"({text})" for text in sorted(filters - {""}))
    sample = str(SAMPLES / "tcp" / "clean" / "capture.pcapng")
    run = subprocess.run(["tshark", "-n", "-r", sample, "-Y", whole], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
