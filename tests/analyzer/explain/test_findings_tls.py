"""Findings about TLS: every rule met by a connection, and missed by one that is like it."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from struct import pack

import pytest
from tls_connection import MS
from tls_scenes import (
    ECDHE_OLD,
    SEALED,
    SECURE,
    Scene,
    Story,
    after,
    alerts,
    asked,
    both_versions,
    choose,
    offer,
    opening,
    orderly,
    talk,
    talk13,
    tls_findings,
)
from tls_wire import (
    CHANGE,
    CLIENT_RANDOM,
    SERVER_RANDOM,
    alpn,
    certificate,
    dhe,
    extension,
    hello13,
    hidden,
    message,
    psk,
    record,
    server_hello,
)
from x509_lab import BETWEEN, CLIENT, leaf

from analyzer.explain.rule import CERTAIN, LIKELY, POSSIBLE
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.model import Finding
from dissectors.kit.observation import NOT_CAPTURED
from dissectors.kit.provided import Provided
from dissectors.protocols.tls.events import TlsObserved
from dissectors.protocols.tls.events_data import ACCEPTED, REJECTED, EarlyData
from dissectors.protocols.tls.state import Hidden

SAMPLES = Path(__file__).parents[3] / "samples"
SECOND = 1_000 * MS
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")   # RFC 8446 §4.1.3
REQUEST = message(13, b"\x01\x01\0\x02\x04\x03\0\0")
MINE = leaf(BETWEEN, "somebody", usages=(CLIENT,))


def says(side: int, data: bytes, wait: int = MS) -> Story:
    def play(scene: Scene) -> None:
        scene.send(side, data, wait)
    return play


def ends(how: str, side: int = 1, wait: int = 5 * SECOND) -> Story:
    def play(scene: Scene) -> None:
        if how == "rst":
            scene.rst(side, wait)
        elif how == "fin":
            scene.now += wait
            scene.fin(side)
            scene.fin(1 - side)
        else:
            scene.close(how, after=wait)
    return play


def shows(*ders: bytes) -> Story:
    """The client's answer to a server that wants a certificate."""
    return says(0, record(22, certificate(ders) + message(16, b"\x41" + bytes(65))))


def early(outcome: str) -> Story:
    def play(scene: Scene) -> None:
        sent = Hidden()
        sent.add(1, 320, scene.now, scene.now, (scene.frame,))
        scene.events.append(EarlyData(TlsObserved(scene.now, 0, (scene.frame,), 0), outcome, sent))
    return play


def retried(group: bytes) -> Story:
    again = server_hello(0x1301, extension(43, b"\x03\x04") + group, bytes(32), random=RETRY)
    return after(says(1, record(22, again), 20 * MS), says(0, CHANGE + record(22, hello13())))


def keys(label: bytes, secret: bytes, random: bytes = CLIENT_RANDOM) -> Provided:
    made = Provided()
    made.secrets[label + b" " + random] = secret
    return made


def without_notify(side: int, part: int = 0) -> Story:
    """Data, and an end without close_notify. part: octets that are missing in the last record."""
    sent = record(23, bytes(5_000))
    return after(says(0, record(23, bytes(200))), says(1, sent[:len(sent) - part]), ends("fin", side, MS))


COMPRESSED = choose(extensions=b"")[:-1] + b"\x01"
MARKED = server_hello(0xC02F, SECURE, random=SERVER_RANDOM[:24] + b"DOWNGRD\x01")
HEARTBEAT = record(24, b"\x01\0\x02ab" + bytes(16))
CLEAN = talk()
CBC = 0xC013

# What is found first is what the case is for, then whatever else is true of it; what is said; what just is not it.
CASES: dict[str, tuple[Story, str, str, Story]] = {
    # Alerts.
    "version": (
        after(asked(offer(version=0x0301)), alerts(70)), "error tls.no_shared_version",
        "The server (10.0.0.2:443) ended the handshake for shop.test with the alert protocol_version: the client "
        "offers TLS 1.0, and the server accepts none of these.", after(asked(offer(version=0x0301)), alerts(71)),
    ),
    "suite": (
        after(asked(offer(0x0005, 0x0004)), alerts(40)), "error tls.no_shared_suite",
        "with the alert handshake_failure: no set of parameters was found that both sides accept; the client offers "
        "2 cipher suites and 2 groups, all of them weak.", after(opening(extra=REQUEST), shows(), alerts(40)),
    ),
    "alpn": (
        after(asked(offer(extensions=alpn("h2"))), alerts(120)), "error tls.no_shared_alpn",
        "with the alert no_application_protocol: the client offers h2 above TLS, and the server speaks none of them.",
        talk(offer(extensions=alpn("h2"))),
    ),
    "name": (
        after(asked(offer(name="other.test")), alerts(112)), "error tls.unknown_name",
        "the client named other.test, and the server has nothing under that name.", CLEAN,
    ),
    "name, with a warning": (
        after(asked(offer(name="other.test")), says(1, record(21, b"\x01\x70"))), "note tls.unknown_name",
        "warned that it knows no server for other.test, and went on with another certificate.", CLEAN,
    ),
    "no client certificate": (
        after(opening(extra=REQUEST), shows(), alerts(40)), "error tls.client_certificate",
        "the server asked for a client certificate, and the client showed none.",
        after(asked(offer()), alerts(40)),
    ),
    "client certificate refused": (
        after(opening(extra=REQUEST), shows(MINE.der, BETWEEN.der), alerts(48)), "error tls.client_certificate",
        "it looks as if the client's certificate does not lead to an authority that the server trusts.",
        after(opening(extra=REQUEST), shows(MINE.der, BETWEEN.der)),
    ),
    "authority": (
        after(opening(), alerts(48, 0)), "error tls.certificate_refused",
        "The client (10.0.0.1:51034) ended the handshake for shop.test with the alert unknown_ca: it looks as if the "
        "server's certificate does not lead to an authority that the client trusts.",
        after(opening(chain=(leaf(BETWEEN, "other.test").der, BETWEEN.der)), alerts(42, 0)),
    ),
    "behind encryption": (
        after(asked(hello13()), says(1, record(22, server_hello(
            0x1301, extension(43, b"\x03\x04") + extension(51, pack(">HH", 29, 32) + bytes(32)), bytes(32)
        )) + hidden(900) + hidden(53)), says(0, CHANGE + hidden(19))), "error tls.certificate_refused",
        "with an alert that is encrypted: its size tells that it is an alert", talk13(),
    ),
    "another alert": (
        talk(then=alerts(20)), "error tls.alert",
        "The server (10.0.0.2:443) broke off the connection for shop.test with the alert bad_record_mac: a record did "
        "not decrypt: the keys differ, or it was damaged on the way.", talk(then=alerts(90, level=1)),
    ),
    # Silence.
    "reset after the hello": (
        after(asked(offer()), ends("rst", wait=3 * MS)), "error tls.reset_after_hello",
        "10.0.0.2:443 reset the connection 3.00 ms after the ClientHello for shop.test, and said no word of TLS.",
        talk(then=ends("rst")),
    ),
    "closed after the hello": (
        after(asked(offer()), ends("fin")), "warn tls.stalled",
        "The TLS handshake for shop.test stopped after ClientHello: ServerHello of the server (10.0.0.2:443) did not "
        "come, and 5.00 s later 10.0.0.2:443 closed the connection.", CLEAN,
    ),
    "nothing after ServerHelloDone": (
        after(opening(), ends("timeout")), "warn tls.stalled",
        "stopped after ServerHelloDone: ClientKeyExchange of the client (10.0.0.1:51034) did not come, and 5.00 s "
        "later nothing more came.", after(opening(), alerts(48, 0)),
    ),
    "reset within": (
        after(opening(), ends("rst", 0, 2 * SECOND)), "warn tls.stalled",
        "and 2.00 s later 10.0.0.1:51034 reset the connection.", after(asked(offer()), ends("rst")),
    ),
    "the capture ends": (
        after(asked(offer()), ends("capture", wait=2 * MS)), "note tls.stalled", "2.00 ms later the capture ends.",
        CLEAN,
    ),
    # Plain text.
    "plain answer": (
        after(asked(offer()), says(1, b"HTTP/1.1 400 Bad Request\r\n\r\n")), "error tls.plaintext",
        "The server (10.0.0.2:443) answered the ClientHello with bytes that are no TLS, but an HTTP answer in plain "
        "text.", CLEAN,
    ),
    "plain request": (
        says(0, b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"), "warn tls.plaintext",
        "began with bytes that are no TLS, but an HTTP request in plain text, where TLS was due.", CLEAN,
    ),
    # What protects it.
    "no forward secrecy": (
        talk(offer(0x009C), choose(0x009C), exchange=b""), "warn tls.no_forward_secrecy",
        "is not forward secret (TLS_RSA_WITH_AES_128_GCM_SHA256): the key exchange rests on the server's long-term "
        "key", CLEAN,
    ),
    "weak suite": (
        talk(offer(0xC011), choose(0xC011)), "warn tls.weak_suite",
        "chose TLS_ECDHE_RSA_WITH_RC4_128_SHA, which is weak: RC4's output leaks", CLEAN,
    ),
    "no encryption": (
        talk(offer(0xC010), choose(0xC010)), "error tls.weak_suite", "which is weak: it does not encrypt.", CLEAN,
    ),
    "CBC": (
        talk(offer(CBC), choose(CBC)), "note tls.weak_suite", "Lucky 13",
        talk(offer(CBC, extensions=extension(22, b"")), choose(CBC, SECURE + extension(22, b""))),
    ),
    "small prime": (
        talk(offer(0x009E), choose(0x009E), exchange=dhe(1_024)), "warn tls.weak_suite",
        "uses a Diffie-Hellman prime of 1024 bits, where 2048 are the least.",
        talk(offer(0x009E), choose(0x009E), exchange=dhe(2_048)),
    ),
    "old version": (
        talk(offer(CBC, version=0x0302), choose(CBC, version=0x0302), exchange=ECDHE_OLD),
        "warn tls.old_version, note tls.weak_suite", "chose TLS 1.1, which must no longer be used (RFC 8996). The "
        "client offered nothing newer than TLS 1.1.", CLEAN,
    ),
    "older than it needs to be": (
        talk(offer(CBC), choose(CBC, version=0x0301), exchange=ECDHE_OLD),
        "warn tls.old_version, note tls.weak_suite", "The client offered TLS 1.2 too.", CLEAN,
    ),
    "SSL 3.0": (
        talk(offer(CBC, version=0x0300), choose(CBC, version=0x0300), exchange=ECDHE_OLD),
        "error tls.old_version, note tls.weak_suite", "chose SSL 3.0, which is broken (RFC 7568).", CLEAN,
    ),
    "downgrade": (
        talk(both_versions(0xC02F), MARKED), "error tls.downgrade",
        "chose TLS 1.2, though the client offered TLS 1.3 and the server marks that it could speak a newer version",
        talk(choice=MARKED),
    ),
    "compression": (
        talk(offer(signal=False), COMPRESSED), "warn tls.compression", "chose compression (method 1)",
        talk(offer(signal=False), choose(extensions=b"")),
    ),
    "renegotiation": (
        talk(offer(signal=False), choose(extensions=b""), then=after(says(0, record(22, SEALED * 4)), orderly)),
        "warn tls.insecure_renegotiation", "negotiated anew within the connection (once), and nothing binds that to "
        "the handshake before", talk(then=after(says(0, record(22, SEALED * 4)), orderly)),
    ),
    "unbound, though nobody renegotiates": (
        talk(choice=choose(extensions=b"")), "note tls.insecure_renegotiation",
        "does not know secure renegotiation (RFC 5746), which the client offered.",
        talk(offer(signal=False), choose(extensions=b"")),
    ),
    "not offered": (
        talk(offer(0xC030)), "warn tls.not_offered", "chose a cipher suite that the client had not offered.", CLEAN,
    ),
    "hello retry": (
        talk13(retried(extension(51, b"\0\x17"))), "chat tls.hello_retry",
        "wanted a key share for secp256r1 instead of x25519: one more round trip, 20.0 ms.",
        talk13(retried(extension(44, b"\0\x04cook"))),
    ),
    "heartbleed, tried": (
        after(opening(), says(0, record(24, b"\x01\x40\0ab"))), "warn tls.heartbleed",
        "The client (10.0.0.1:51034) sent 1 heartbeat that claims more payload than the record holds (16384 bytes in a "
        "record of 5): the shape of Heartbleed.", after(opening(), says(0, HEARTBEAT)),
    ),
    "heartbleed, answered": (
        after(
            opening(), says(0, record(24, b"\x01\x3e\x80")),
            says(1, record(24, b"\x02\x3e\x80" + bytes(16_000) + bytes(16))),
        ), "error tls.heartbleed", "(16000 bytes in a record of 3): the shape of Heartbleed. The other side answered "
        "with up to 16.0 kB, which is memory that it should not show.",
        after(opening(), says(0, HEARTBEAT), says(1, HEARTBEAT.replace(b"\x01\0\x02", b"\x02\0\x02"))),
    ),
    "heartbleed, answered in pieces": (
        after(
            opening(), says(0, record(24, b"\x01\x40\0")), says(1, record(24, b"\x02\x40\0" + bytes(16_000))),
        ), "error tls.heartbleed", "The client (10.0.0.1:51034) sent 1 heartbeat that claims more payload than the "
        "record holds (16384 bytes in a record of 3)", after(opening(), says(0, HEARTBEAT)),
    ),
    # The end, and early data.
    "cut short": (
        talk(then=without_notify(1)), "note tls.truncated",
        "The server closed without close_notify after 5000 bytes of data.", talk(then=without_notify(0)),
    ),
    "cut within a record": (
        talk(then=without_notify(1, 1_000)), "warn tls.truncated",
        "A TLS record of the server is cut off in its middle: what it held did not arrive.", CLEAN,
    ),
    "early data taken": (
        talk(then=after(early(ACCEPTED), orderly)), "note tls.early_data",
        "The server took 320 bytes of early data (0-RTT)", talk(then=after(early(REJECTED), orderly)),
    ),
    "early data offered": (
        talk13(says(0, hidden(300)), hello13(extra=psk(True)), psk=True), "chat tls.early_data",
        "The client sent 300 bytes of early data (0-RTT): that saves a round trip, and whoever recorded these bytes "
        "can send them to the server again.", talk13(hello=hello13(extra=psk(False)), psk=True),
    ),
}
# An encrypted heartbeat tells nothing of what it claims.
SECRET_HEARTBEAT = talk(then=after(says(0, record(24, b"\x01\x40\0")), orderly))


def codes(found: list[Finding]) -> list[str]:
    return [f"{one.severity} {one.code}" for one in found]


@pytest.mark.parametrize("case", CASES)
def test_a_rule_finds_what_it_is_for(case: str) -> None:
    met, expected, said, missed = CASES[case]
    found = tls_findings(met)
    assert codes(found) == expected.split(", "), [one.sentence for one in found]
    assert said in found[0].sentence
    severity, code = expected.split(", ")[0].split(" ")
    for one in found:
        assert one.frames
        assert one.basis
        assert one.sentence.endswith(".")
    assert f"{severity} {code}" not in codes(tls_findings(missed))


@pytest.mark.parametrize("story", [CLEAN, talk13(), SECRET_HEARTBEAT, talk(offer(name=""))])
def test_nothing_is_found_where_nothing_is(story: Story) -> None:
    assert [one.sentence for one in tls_findings(story)] == []


@pytest.mark.parametrize(("given", "expected", "said"), [
    (keys(b"CLIENT_RANDOM", bytes(48), SERVER_RANDOM), "chat tls.keys_missing",
     "The keys for this TLS session are not among those that were given, so its inside is not told."),
    (keys(b"CLIENT_RANDOM", bytes(48)), "warn tls.keys_wrong",
     "The keys that were given for this TLS session do not open its records: a record does not pass its check with "
     "them."),
])
def test_keys_that_do_not_help(given: Provided, expected: str, said: str) -> None:
    found = tls_findings(CLEAN, given)
    assert codes(found) == [expected]
    assert found[0].sentence == said


def test_plain_http_on_a_port_of_tls() -> None:
    """The bytes were recognised as HTTP, so that no TLS was looked for."""
    found = tls_findings(lambda scene: None, protocol="http")
    assert codes(found) == ["warn tls.plaintext"]
    assert found[0].sentence == "HTTP in plain text was spoken to 10.0.0.2:443, a port on which TLS is expected."
    assert tls_findings(lambda scene: None, protocol="smtp") == []


def test_openssl_tells_of_a_missing_close_notify_in_its_own_way() -> None:
    """It is no failure that a client sends decode_error to a server that has closed already."""
    def late(scene: Scene) -> None:
        scene.server(record(23, bytes(5_000)))
        scene.fin(1)
        scene.client(record(21, b"\x02\x32"))
    found = [one for one in tls_findings(talk(then=late)) if one.code == "tls.alert"]
    assert codes(found) == ["note tls.alert"]
    assert "the other side had closed without close_notify" in found[0].sentence


@pytest.mark.parametrize(("story", "confidence"), [
    (after(asked(offer()), ends("rst")), CERTAIN),
    (after(asked(offer()), alerts(40)), LIKELY),
    (after(asked(offer()), alerts(80, level=2)), LIKELY),
    (after(asked(offer()), ends("timeout")), LIKELY),
    (after(asked(offer()), ends("capture", wait=MS)), POSSIBLE),
    (after(asked(offer()), says(1, b"SSH-2.0-OpenSSH_9.2\r\n")), CERTAIN),
    (says(0, b"EHLO mail.test\r\n"), LIKELY),
    (talk(both_versions(0xC02F), MARKED), LIKELY),
])
def test_how_sure_a_finding_is(story: Story, confidence: str) -> None:
    assert [one.confidence for one in tls_findings(story)] == [confidence]


def test_what_was_not_seen_is_not_said_where_octets_are_missing() -> None:
    story = after(asked(offer()), ends("timeout"))

    def lossy(scene: Scene) -> None:
        story(scene)
        scene.context.observed.miss(NOT_CAPTURED, 1, -1, scene.now, scene.frame, "1460 bytes are not in the capture")
    assert codes(tls_findings(story)) == ["warn tls.stalled"]
    assert codes(tls_findings(lossy)) == []


def test_a_display_filter_narrows_down_to_the_alert() -> None:
    found, = tls_findings(after(asked(offer()), alerts(40)))
    assert found.display_filter == (
        "(ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 51034 && tcp.port == 443 && "
        "(tls.handshake.type == 1 || tls.alert_message.desc == 40)) || frame.number in {1..2}"
    )


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_takes_every_filter() -> None:
    filters = {one.display_filter for met, *_rest in CASES.values() for one in tls_findings(met)}
    filters |= {rule.narrow for rule in TLS_RULES + STRENGTH_RULES + CERTIFICATE_RULES} - {""}
    whole = " || ".join([f"({text})" for text in sorted(filters)])
    sample = str(SAMPLES / "tcp" / "clean" / "capture.pcapng")
    done = subprocess.run(["tshark", "-r", sample, "-Y", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_rule_has_a_case() -> None:
    shown = {part.split(" ")[1] for _met, expected, *_rest in CASES.values() for part in expected.split(", ")}
    assert {rule.code for rule in TLS_RULES + STRENGTH_RULES} == shown | {"tls.keys_missing", "tls.keys_wrong"}
