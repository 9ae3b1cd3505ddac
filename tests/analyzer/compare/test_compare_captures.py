"""Two captures of the same thing: what differs between recorded ones, and that nothing differs where nothing does."""
from __future__ import annotations

from functools import cache
from random import Random
from zlib import crc32

import pytest
from sample_feeds import SAMPLES, sample_captures, sample_name
from ways import FEWEST, MOST, less_well, observed

from analyzer.compare.meaning import compare
from analyzer.comparison import ALIKE, GONE, NEW, OTHER, SAME, UNSURE, UNTOLD, WORSE, Comparison
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

NAMES = [sample_name(path) for path in sample_captures()]
WAYS = ("late", "cut", "one_side", "snap", "copies", "stepped", "stray", "no_keys", "shifted", "tagged")
CLOCKS = ("stepped", "stray")       # only timestamps of TCP show that a clock was set
# What is observed less well and looks otherwise, without a trace of why in the capture: of several repeats or datagrams
# some are missing, what is missing made the finding, or a set clock leaves times that may be.
OTHERWISE = {
    "late": {
        "compare/bad-link", "compare/good-link", "dns/dnssec-expired", "dns/resolution-from-root", "dns/truncation-tcp",
        "grpc/retry", "http1/server-sent-events", "icmp/fragmented-ping", "dhcp/late-offer", "ntp/unanswered",
        "scan/syn-flood", "arp/address-in-use", "dhcp/exhausted", "bridges/loop", "icmp/traceroute-tcp",
        "ntp/unsynchronised", "quic/key-update", "quic/wrong-name", "quic/http3", "scan/syn", "dns/tunnel",
        "everyday/health-checks", "quic/logged",
    },
    "cut": {
        "compare/bad-link", "compare/good-link", "dns/dnssec-expired", "dns/resolution-from-root",
        "dns/truncation-tcp", "tcp/loss-backoff", "tls/browser",
        "dhcp/late-offer", "dhcp/router-outside", "dhcp/wrong-name-server", "arp/router-gone",
        "dhcp/moved", "dhcpv6/server-gone", "icmpv6/address-in-use", "login/http-guessed", "dhcp/wrong-router",
        "dns/delegation-loop", "quic/qpack-blocked",
    },
    "one_side": {"scan/syn-flood", "icmp/traceroute-tcp", "icmp/traceroute-udp"},
    "snap": {
        "dns/dnssec-expired", "dns/mx", "dns/resolution-from-root", "dns/resolver-cache", "http1/late-start",
        "tcp/capture-ends-first", "dns/hash-lookups", "dns/servers-differ", "dns/tunnel", "everyday/health-checks",
        "dns/delegation-loop",
    },
    "stepped": {"compare/path-client", "dns/truncation-tcp"}, "stray": {"websocket/reserved-bits"},
}


@cache
def told(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options())


def compared(a: str, b: str) -> Comparison:
    return compare(told(a), told(b))


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_is_like_itself(name: str) -> None:
    made = compared(name, name)
    assert made.kind in (ALIKE, UNSURE)
    assert {one.kind for one in made.causes} <= {SAME}
    assert made.alone == made.talks == []
    assert all(pair.change == ALIKE for pair in made.pairs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [name for name in NAMES if crc32(name.encode()) % 4 == 0])
def test_what_was_not_observed_is_no_difference(name: str, way: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("less") / "capture.pcapng"
    whole = observed(SAMPLES / name / "capture.pcapng")
    if not FEWEST <= len(whole.frames) <= MOST:
        pytest.skip("too few frames, or too many, to leave some out")
    worse = less_well(way, whole, None, Random(f"{name} {way}"))
    if worse is None:
        pytest.skip("this way makes no other capture of it")
    worse.write(path)
    less = analyze([str(path)], Options())
    for made in (compare(told(name), less), compare(less, told(name))):
        if name not in OTHERWISE.get(way, ()) and not (way in CLOCKS and "tcp" not in less.capture.by_transport):
            assert made.kind in (ALIKE, UNSURE), made.sentence
            assert [one.told.sentence for one in made.causes if one.kind in (NEW, GONE)
                    and one.severity in ("warn", "error")] == []


def test_a_cause_that_is_new_comes_first_with_its_next_step() -> None:
    made = compared("http1/keep-alive", "http1/server-error")
    assert made.kind == WORSE
    assert made.sentence.startswith("New in B: The server answered 500 Internal Server Error, to GET /broken.")
    assert made.step == made.causes[0].told.next_step != ""
    assert [(one.kind, one.told.code) for one in made.causes] == [(NEW, "http.server_error")]
    assert [one.told.code for one in made.new(("error",))] == ["http.server_error"]


def test_it_is_gone_the_other_way_round() -> None:
    made = compared("http1/server-error", "http1/keep-alive")
    assert [(one.kind, one.told.code) for one in made.causes] == [(GONE, "http.server_error")]
    assert made.new(("note", "warn", "error")) == []


def test_a_cause_of_both_is_dearer_in_one() -> None:
    made = compared("tcp/loss-random", "tcp/loss-at-queue")
    assert [(one.kind, one.change, one.told.code) for one in made.causes] == [("changed", WORSE, "tcp.loss")]
    words = {one.word: one for one in made.measures}
    assert words["rate"].change == words["sent again"].change == WORSE
    assert words["round trip"].change == ALIKE
    assert words["sent again"].numbers[1].some == 24
    assert made.sentence.startswith("Dearer in B (47.3 ms → 178 ms): ")


def test_requests_are_matched_by_what_was_asked_however_they_were_carried() -> None:
    made = compared("http1/keep-alive", "http1/connection-each")
    assert made.kind == OTHER
    assert [pair.key for pair in made.pairs] == [f"GET www.shop.test/{name}.txt" for name in "abc"]
    assert [one.changes for one in made.talks] == [["1 → 3 connections for 3 requests"]]
    assert made.alone == []


def test_lookups_are_matched_by_name_and_type() -> None:
    made = compared("dns/a", "dns/unanswered")
    assert [(pair.label, pair.key) for pair in made.pairs] == [("DNS", "shop.test A")]
    assert [(one.kind, one.told.code) for one in made.causes] == [(NEW, "dns.unanswered")]
    assert made.kind == WORSE
    assert [pair.changes for pair in compared("dns/a", "dns/nxdomain").pairs] == []     # of another name


def test_another_answer_is_told_however_quick_it_is() -> None:
    assert [pair.changes for pair in compared("dns/a", "dns/servfail").pairs] == [
        ["10.0.1.20 → SERVFAIL"]
    ]


def test_connections_that_are_secured_otherwise() -> None:
    made = compared("tls/tls12-full", "tls/tls13-full")
    assert made.kind == OTHER
    assert [one.changes[0] for one in made.talks] == [
        "TLS 1.2 X25519 · AES-128-GCM · www.shop.test → TLS 1.3 X25519 · AES-256-GCM · www.shop.test"
    ]
    assert compared("tls/tls13-full", "tls/tls13-full").talks == []


def test_calls_are_matched_by_their_path_and_have_their_own_status() -> None:
    made = compared("grpc/unary", "grpc/error-status")
    assert [pair.changes for pair in made.pairs] == [["OK → NOT_FOUND or PERMISSION_DENIED"]]
    assert [(one.side, one.count) for one in made.alone] == [(1, 1)]


def test_what_is_encrypted_in_one_is_not_missing_there() -> None:
    made = compared("tls/tls13-full", "tls/keys-missing")
    assert made.kind == ALIKE
    assert [(one.side, one.why) for one in made.alone] == [(0, "holds it encrypted, without its keys")]
    assert "observe it" in made.sentence


def test_two_that_have_nothing_in_common_are_not_compared() -> None:
    made = compared("arp/resolve", "arp/resolve")
    assert made.kind in (ALIKE, UNSURE)
    assert compared("arp/unanswered", "dns/a").kind != ALIKE


def test_a_cause_that_the_other_one_would_not_show_is_unknown(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("one-side") / "capture.pcapng"
    less = less_well("late", observed(SAMPLES / "tls/stalled-after-server-hello/capture.pcapng"), None, Random(1))
    assert less is not None
    less.write(path)
    made = compare(analyze([str(path)], Options()), told("tls/stalled-after-server-hello"))
    assert [one.kind for one in made.causes if one.told.code == "tls.stalled"] in ([UNTOLD], [SAME])
    assert made.new(("warn", "error")) == []
