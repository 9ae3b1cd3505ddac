"""What goes wrong in conversations is found in all of them, told or not, and counted exactly."""
from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from crowd import MS, SECOND, Crowd, faulty
from test_survey_and_tell import ACK, PSH_ACK, RST, SYN, SYN_ACK, ip, survey, tcp, udp, write

from analyzer.flows.flow import UdpFlow
from analyzer.flows.tally import MAX_SHOWN, MAX_YOUNG, PATIENCE_NS, PEERS_EACH, Peers, Tally
from analyzer.model import Analysis, Finding
from analyzer.pipeline.run import Options, analyze
from analyzer.report.table import SORTS

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))

from joined import Capture, Group
from test_display_filters import matched

WAYS = {
    "as it is": Options(), "few drawn": Options(limit=4), "all told": Options(everything=True),
    "few told": Options(limit=4, budget=0),
}
ONE = ["tcp.refused", "tcp.unanswered", "tcp.half_open", "tcp.reset", "tcp.timeout", "tcp.zero_window",
       "udp.unanswered", "icmp.prohibited"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Crowd, str]:
    crowd = faulty()
    return crowd, crowd.write(tmp_path_factory.mktemp("crowd") / "made.pcap")


@pytest.fixture(scope="module")
def told(made: tuple[Crowd, str]) -> dict[str, Analysis]:
    return {way: analyze([made[1]], options) for way, options in WAYS.items()}


def of_code(found: Analysis, code: str) -> list[Finding]:
    return [one for one in found.findings if one.code == code]


def one_of(found: Analysis, code: str) -> Finding:
    finding, = of_code(found, code)
    return finding


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", ONE)
def test_each_trouble_is_counted_exactly(
    made: tuple[Crowd, str], told: dict[str, Analysis], code: str, way: str
) -> None:
    counts, callers = made[0].counts[code], made[0].callers[code]
    whole = told[way].capture.together[code]
    assert (whole.count, whole.service_count, whole.client_count) == (counts.total(), len(counts), len(callers))
    assert sorted(count for _name, count in whole.services) == sorted(counts.values())[-MAX_SHOWN:]
    assert all(counts[name] == count for name, count in whole.services)
    assert all(callers[name] == count for name, count in whole.clients)
    finding = one_of(told[way], code)
    assert f"{counts.total()} con" in finding.sentence
    assert finding.conversation == 0
    for name, count in counts.most_common(2):
        if count >= counts.total() / 5 and len(counts) > 1:
            assert re.search(rf" {count}(?: of them)? (?:by|to|with) {re.escape(name)}\b", finding.sentence)
    if len(counts) > 2:
        assert re.search(rf"[ (]{len(counts)} services", finding.sentence)
    assert f" {len(callers)} clients" in finding.sentence


@pytest.mark.parametrize("way", WAYS)
def test_what_is_told_does_not_change_what_is_found(told: dict[str, Analysis], way: str) -> None:
    assert len(told[way].told) == {"as it is": 30, "few drawn": 4, "all told": 2471, "few told": 4}[way]
    codes = [*ONE, "tcp.scan"]
    assert [
        (one.code, one.severity, one.sentence, one.frames) for one in told[way].findings if one.code in codes
    ] == [
        (one.code, one.severity, one.sentence, one.frames) for one in told["as it is"].findings if one.code in codes
    ]


def test_how_severe_they_are(told: dict[str, Analysis]) -> None:
    found = {code: one_of(told["as it is"], code).severity for code in [*ONE, "tcp.scan"]}
    assert found == {
        "tcp.refused": "error", "tcp.unanswered": "error", "tcp.half_open": "warn", "tcp.reset": "warn",
        "tcp.timeout": "warn", "tcp.zero_window": "warn", "udp.unanswered": "error", "icmp.prohibited": "warn",
        "tcp.scan": "warn",
    }


def test_the_words_that_each_trouble_needs(made: tuple[Crowd, str], told: dict[str, Analysis]) -> None:
    def says(code: str) -> str:
        return one_of(told["as it is"], code).sentence

    assert "14 by the client and 7 by the server" in says("tcp.reset")
    assert "about 9 times in all, and resent about 9 segments" in says("tcp.timeout")
    assert "9.00 s passed without progress" in says("tcp.timeout")
    assert "no room for more data for up to 3.50 s in all" in says("tcp.zero_window")
    assert "3 of them began less than 1 s before the capture ends" in says("tcp.unanswered")
    assert "Not heard to answer anybody: 198.51.100.53:53, 198.51.100.5:5005." in says("udp.unanswered")
    assert "by 10.1.0.254" in says("icmp.prohibited")
    assert "a filter forbids it (16 times)" in says("icmp.prohibited")
    assert says("tcp.scan").startswith("203.0.113.9 tried 90 ports of 198.18.7.7 over TCP within 89.0 ms")
    assert "60 refused, 30 without an answer" in says("tcp.scan")


def test_the_first_and_the_last_are_cited(made: tuple[Crowd, str], told: dict[str, Analysis]) -> None:
    conversations = [one.conversation for one in told["all told"].told if one.conversation.state == "REJ"]
    finding = one_of(told["as it is"], "tcp.refused")
    assert {conversations[0].first_frame, conversations[0].last_frame} < set(finding.frames)
    assert finding.frames[-2:] == (conversations[-1].first_frame, conversations[-1].last_frame)
    assert f"… {conversations[-1].number})" in finding.sentence


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_filters_show_what_is_cited(made: tuple[Crowd, str], told: dict[str, Analysis]) -> None:
    asked = [one for one in told["as it is"].findings if one.code in (*ONE, "tcp.scan")]
    alone = Group(Path(made[1]))
    alone.captures.append(Capture("made", b"", []))
    assert [count for _of, _one, count in matched(alone, {"made": asked})] == [len(one.frames) for one in asked]


def test_one_conversation_asked_for_is_told_alone(made: tuple[Crowd, str]) -> None:
    found = analyze([made[1]], Options(conversations=(15,)))
    finding, = found.findings
    assert (finding.code, finding.conversation) == ("tcp.refused", 15)
    assert finding.sentence == "198.18.0.7:8080 refused the connection: a RST answered the SYN after 9.00 ms."


# -- few of them -----------------------------------------------------------------------------------------------------


def test_a_few_are_told_one_by_one(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.sound(10)
    crowd.refused(3)
    found = analyze([crowd.write(tmp_path / "few.pcap")], Options())
    assert len(of_code(found, "tcp.refused")) == 3
    assert all(one.conversation for one in found.findings)
    # Where one of them is not told, all are counted.
    short = analyze([str(tmp_path / "few.pcap")], Options(limit=2, budget=0))
    assert one_of(short, "tcp.refused").sentence.startswith("3 connections were refused by 3 services, from ")


def test_six_are_one_finding_also_where_all_are_told(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.refused(6, "198.18.0.7")
    found = analyze([crowd.write(tmp_path / "six.pcap")], Options(everything=True))
    assert one_of(found, "tcp.refused").sentence.startswith("6 connections were refused by 198.18.0.7:8080, from ")
    assert "ip.addr == 198.18.0.7 && tcp.port == 8080 && tcp.flags.reset == 1" in found.findings[0].display_filter


# -- what was not seen -----------------------------------------------------------------------------------------------


def test_what_the_end_of_the_capture_may_explain_is_a_note(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.sound(40)
    crowd.unanswered(12, late=12)
    finding = one_of(analyze([crowd.write(tmp_path / "late.pcap")], Options(limit=1, budget=0)), "tcp.unanswered")
    assert finding.severity == "note"
    assert finding.sentence.startswith("No answer to the SYN of 12 connections is in the capture")
    assert finding.sentence.endswith("It ends less than 1 s after they began.")


@pytest.mark.parametrize("limit", [2, 30])
def test_a_capture_of_one_direction_shows_no_silence(tmp_path: Path, limit: int) -> None:
    frames = [tcp(f"10.0.0.{port}", 5000 + port, "10.0.1.1", 80, 1000, 0, SYN) for port in range(1, 13)]
    frames += [udp("10.0.0.1", 6000 + port, "10.0.1.2", 53, bytes(20)) for port in range(12)]
    frames += [udp("10.0.0.1", 7000, "10.0.1.2", 514, b"later")] * 2_000
    found = analyze([write(tmp_path / "one.pcap", frames)], Options(limit=limit, budget=0))
    for code in ("tcp.unanswered", "udp.unanswered"):
        finding = one_of(found, code)
        assert (finding.severity, finding.confidence) == ("note", "possible")
        assert finding.sentence.startswith("No answer to the ")
        assert "no conversation of the capture has two directions" in finding.basis


def test_an_icmp_message_is_an_answer(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.sound(40)
    crowd.unreachable(9)
    found = analyze([crowd.write(tmp_path / "icmp.pcap")], Options(limit=2, budget=0))
    assert of_code(found, "udp.unanswered") == []
    assert one_of(found, "icmp.prohibited").sentence.startswith("9 ICMP errors about packets of 9 conversations by ")


def test_a_service_that_answers_others_is_not_called_silent(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.asked(200)
    crowd.silent(7, "198.18.1.1", 123)
    finding = one_of(analyze([crowd.write(tmp_path / "ntp.pcap")], Options(limit=2, budget=0)), "udp.unanswered")
    assert finding.severity == "note"
    assert "Not heard" not in finding.sentence


def test_what_asks_nobody_is_not_unanswered(tmp_path: Path) -> None:
    frames = [
        frame for index in range(20)
        for frame in (udp("10.0.0.1", 5000 + index, "239.1.1.1", 5004, b"stream"),
                      udp("10.0.0.1", 5000 + index, "10.0.0.255", 5004, b"all"),
                      udp("10.0.0.1", 5000 + index, "10.0.0.2", 514, b"log"),
                      udp("10.0.0.2", 53, "10.0.0.1", 5100 + index, b"an answer to an earlier question"))
    ]
    found = analyze([write(tmp_path / "none.pcap", [*frames, *[udp("10.0.0.1", 9, "10.0.0.3", 9, b"")] * 2_000])],
                    Options(limit=2, budget=0))
    assert of_code(found, "udp.unanswered") == []


def test_answers_that_come_after_the_table_was_full_are_no_silence(tmp_path: Path) -> None:
    """All SYNs, then all answers, with room for few: none of them is known to have had no answer."""
    frames = [tcp("10.0.0.1", 1025 + port, "10.0.0.2", 80, 1000, 0, SYN) for port in range(400)]
    frames += [tcp("10.0.0.2", 80, "10.0.0.1", 1025 + port, 9000, 1001, SYN_ACK) for port in range(400)]
    frames += [udp("10.0.0.1", 7000, "10.0.1.2", 514, b"later")] * 2_000
    found = survey(write(tmp_path / "full.pcap", frames), keep=2, capacity=50)
    whole = found.keeper.troubles.together(int(found.last_time))["tcp.unanswered"]
    assert whole.count >= 350
    assert whole.loose == whole.count - whole.early


def test_resets_in_order_and_before_the_handshake_are_no_warning(tmp_path: Path) -> None:
    frames: list[bytes] = []
    for port in range(1025, 1035):
        frames += [
            tcp("10.0.0.1", port, "10.0.0.2", 80, 1000, 0, SYN),
            tcp("10.0.0.2", 80, "10.0.0.1", port, 9000, 1001, SYN_ACK),
            tcp("10.0.0.1", port, "10.0.0.2", 80, 1001, 0, RST),
        ]
    finding = one_of(analyze([write(tmp_path / "syn.pcap", frames)], Options(limit=2, budget=0)), "tcp.reset")
    assert finding.severity == "note"
    assert finding.sentence.startswith("10 connections were reset by the client, with 10.0.0.2:80, from 10.0.0.1")


def tagged(frame: bytes) -> bytes:
    """In VLAN 7."""
    return frame[:12] + b"\x81\x00\x00\x07" + frame[12:]


@pytest.mark.parametrize("told", [1, 30])
def test_what_is_seen_in_two_vlans_is_counted_once(tmp_path: Path, told: int) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.refused(9, "198.18.0.7")
    crowd.frames += [(time + MS // 10, tagged(frame)) for time, frame in crowd.frames]
    finding = one_of(analyze([crowd.write(tmp_path / "twice.pcap")], Options(limit=told, budget=0)), "tcp.refused")
    assert finding.sentence.startswith("9 connections were refused by 198.18.0.7:8080, ")


def test_what_is_captured_twice_was_not_sent_again(tmp_path: Path) -> None:
    crowd = Crowd(1, 30, 5)
    crowd.sound(40)
    crowd.frames += [(time + MS // 10, frame) for time, frame in crowd.frames]
    found = analyze([crowd.write(tmp_path / "twice.pcap")], Options(limit=5, budget=0))
    assert of_code(found, "capture.duplicates")
    assert [one for one in found.findings if one.code in ("tcp.loss", "tcp.timeout", "tcp.unanswered")] == []


# -- scans ------------------------------------------------------------------------------------------------------------


def attempts(targets: list[tuple[str, int]], client: str = "10.7.7.7") -> list[bytes]:
    frames: list[bytes] = []
    for index, (host, port) in enumerate(targets):
        frames.append(tcp(client, 30_000 + index, host, port, 1000, 0, SYN))
        frames.append(tcp(host, port, client, 30_000 + index, 0, 1001, RST | ACK))
    return frames


def test_one_port_of_many_hosts(tmp_path: Path) -> None:
    frames = attempts([(f"10.0.{host // 200}.{host % 200}", 22) for host in range(300)])
    finding = one_of(analyze([write(tmp_path / "wide.pcap", frames)], Options()), "tcp.scan")
    assert finding.sentence.startswith("10.7.7.7 tried port 22 of 300 hosts over TCP within ")


@pytest.mark.parametrize("targets", [
    pytest.param([("10.0.0.2", 80)] * 300, id="one service again and again"),
    pytest.param([("10.0.0.2", port) for port in range(1, 15)], id="few ports"),
    pytest.param([(f"10.0.0.{index}", 1000 + index) for index in range(1, 60)], id="many hosts, each at another port"),
])
def test_what_is_no_scan(tmp_path: Path, targets: list[tuple[str, int]]) -> None:
    found = analyze([write(tmp_path / "made.pcap", attempts(targets))], Options())
    assert of_code(found, "tcp.scan") == []
    assert len(of_code(found, "tcp.refused")) == 1


def test_a_client_that_mostly_finds_somebody_is_no_scanner(tmp_path: Path) -> None:
    frames = attempts([(f"10.0.0.{host}", 80) for host in range(1, 40)])
    for port in range(2_000, 2_100):
        frames += [tcp("10.7.7.7", port, "10.0.1.1", 80, 1000, 0, SYN),
                   tcp("10.0.1.1", 80, "10.7.7.7", port, 9000, 1001, SYN_ACK),
                   tcp("10.7.7.7", port, "10.0.1.1", 80, 1001, 9001, PSH_ACK, b"x")]
    assert of_code(analyze([write(tmp_path / "made.pcap", frames)], Options()), "tcp.scan") == []


def test_many_scanners_are_told_together(tmp_path: Path) -> None:
    targets = [("10.0.0.2", port) for port in range(1, 31)]
    frames = [frame for client in range(1, 13) for frame in attempts(targets, f"10.7.7.{client}")]
    found = of_code(analyze([write(tmp_path / "made.pcap", frames)], Options()), "tcp.scan")
    assert len(found) == 5
    assert "8 more clients tried many ports or hosts in vain (240 attempts)" in " ".join(one.sentence for one in found)


# -- caps --------------------------------------------------------------------------------------------------------------


def test_peers_beyond_the_cap_are_in_the_total() -> None:
    peers = Peers()
    often = b"\x0a\x00\x00\x01\x00\x50"
    for number in range(3 * PEERS_EACH):
        peers.add(number.to_bytes(6))
        if number % 3 == 0:
            peers.add(often)
    assert len(peers.counts) <= PEERS_EACH
    assert peers.pruned
    assert sum(peers.counts.values()) + peers.rest == 4 * PEERS_EACH
    assert peers.number() == PEERS_EACH
    assert peers.largest()[0] == ("10.0.0.1:80", PEERS_EACH)


def test_peers_that_come_again_leave_no_room() -> None:
    peers = Peers()
    for number in range(2 * PEERS_EACH):
        for _twice in range(2):
            peers.add(number.to_bytes(4))
    assert len(peers.counts) == PEERS_EACH
    assert sum(peers.counts.values()) + peers.rest == 4 * PEERS_EACH


def test_what_left_too_soon_is_settled_by_the_end_of_the_capture() -> None:
    tally = Tally()
    for index in range(100):
        tally.wait(index * 100 * MS, index * 100 * MS + MS)
    assert tally.early(99 * 100 * MS) == 10
    assert tally.early(99 * 100 * MS + SECOND) == 0
    for _more in range(MAX_YOUNG + 1):
        tally.wait(20 * SECOND, 20 * SECOND + MS)
    assert len(tally.young) <= MAX_YOUNG
    assert tally.early(20 * SECOND + PATIENCE_NS) == MAX_YOUNG - 100      # of those it is not known


def test_what_left_too_soon_stays_within_its_cap_where_tallies_are_added_up() -> None:
    """Those that the latest one shows to have been followed for long enough are settled, the others are not known."""
    one, other = Tally(), Tally()
    for index in range(MAX_YOUNG - 10):
        one.wait(index, index + MS)
        other.wait(20 * SECOND + index, 20 * SECOND + index + MS)
    one.merge(other)
    assert len(one.young) <= MAX_YOUNG
    assert one.early(20 * SECOND) == MAX_YOUNG - 10
    assert one.left_young == 2 * (MAX_YOUNG - 10)


def test_the_first_and_the_last_are_kept_in_whatever_order_they_leave() -> None:
    tally = Tally()
    for number in (50, 7, 90, 3, 8, 60, 2, 1, 70):
        flow = UdpFlow(number, 17, bytes(8) + number.to_bytes(4), bytes(12), 4, b"")
        flow.first_time = number * MS
        flow.first_frame = number * 10
        tally.add(flow, number * 10 + 1, 1)
    made = tally.together(SECOND)
    assert made.numbers == [1, 2, 3, 7, 8, 90]
    assert (made.frames[0], made.frames[-1]) == (10, 901)
    assert (made.start_ns, made.end_ns) == (MS, 90 * MS)
    assert Counter(made.weights) == Counter([0, 9, 0, 0])


def test_a_question_that_is_asked_again_and_again_is_one(tmp_path: Path) -> None:
    """Nine attempts of one resolver, each from a port of its own: what DNS tells of them says more."""
    crowd = Crowd(1, 30, 5)
    crowd.sound(3)
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0\4shop\4test\0\0\1\0\1"
    start = crowd.start()
    crowd.frames += [
        (start + number * 400 * MS, udp("10.0.0.9", 50_000 + number, "198.51.100.53", 53, query)) for number in range(9)
    ]
    found = analyze([crowd.write(tmp_path / "again.pcap")], Options(everything=True))
    assert of_code(found, "udp.unanswered") == []
    assert "198.51.100.53 did not answer the question for shop.test A (asked 9 times)" in \
        one_of(found, "dns.unanswered").sentence


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_traceroute_is_answered_and_no_scan(tmp_path: Path, transport: str) -> None:
    """A probe whose hop limit runs out gets its answer from a router on the way."""
    crowd = Crowd(1, 30, 5)
    crowd.sound(10)
    for number in range(30):
        at = crowd.start()
        if transport == "tcp":
            probe = tcp("10.0.0.9", 50_000 + number, "203.0.113.9", 443, 1000, 0, SYN)
        else:
            probe = udp("10.0.0.9", 50_000, "203.0.113.9", 33_434 + number, b"probe")
        quote = b"\x0b\x00" + bytes(6) + probe[14:14 + 28]
        crowd.frames += [(at, probe), (at + 5 * MS, ip(f"192.0.2.{1 + number // 3}", "10.0.0.9", 1, quote))]
    found = analyze([crowd.write(tmp_path / "trace.pcap")], Options())
    assert {"tcp.unanswered", "udp.unanswered", "tcp.scan", "udp.scan"} & {one.code for one in found.findings} == set()


def test_a_caller_that_resets_has_answered(tmp_path: Path) -> None:
    """A SYN scan resets what answers it: nothing is half open, and no end of the capture explains it."""
    crowd = Crowd(1, 30, 5)
    crowd.sound(10)
    at = crowd.start()
    crowd.frames += [
        (at, tcp("10.0.0.9", 50_000, "203.0.113.9", 443, 1000, 0, SYN)),
        (at + 5 * MS, tcp("203.0.113.9", 443, "10.0.0.9", 50_000, 7000, 1001, SYN_ACK)),
        (at + 6 * MS, tcp("10.0.0.9", 50_000, "203.0.113.9", 443, 1001, 0, RST)),
    ]
    found = analyze([crowd.write(tmp_path / "reset.pcap")], Options())
    assert of_code(found, "tcp.half_open") == []
    told = next(one for one in found.told if one.conversation.responder.address == "203.0.113.9")
    assert "tcp.half_open" not in [event.name for phase in told.phases for event in phase.events]


@pytest.mark.parametrize("order", SORTS)
def test_a_short_list_is_the_beginning_of_the_whole_one(made: tuple[Crowd, str], order: str) -> None:
    """Conversations that it does not show are not kept, however many there are."""
    whole = sorted(analyze([made[1]], Options(everything=True, tell=False)).conversations, key=SORTS[order])
    short = sorted(analyze([made[1]], Options(limit=40, tell=False, order=order)).conversations, key=SORTS[order])
    assert len(short) == 40 < len(whole)
    assert [(one.number, one.protocol) for one in short] == [(one.number, one.protocol) for one in whole[:40]]
