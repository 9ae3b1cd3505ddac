"""A capture in one pass: the story of two, budgets that hold, time-outs, and what is said when it is too much."""
from __future__ import annotations

import os
from pathlib import Path

import pytest
from live_feeds import MILLISECOND, START, Fed, Remembered, sniffed, timed
from test_survey_and_tell import ACK, CLIENT, PSH_ACK, RST, SERVER, SYN, SYN_ACK, connection, tcp, udp

from analyzer.flows.flow import Flow
from analyzer.flows.idle import (
    CLOSED_NS,
    ESTABLISHED_NS,
    ICMP_NS,
    TRANSITORY_NS,
    UDP_NS,
    UNANSWERED_NS,
    patience,
)
from analyzer.ingest.open import open_capture
from analyzer.live.audience import Audience
from analyzer.pipeline import live_run
from analyzer.pipeline.live import COUNT_ONLY, ONLY_KNOWN, Budgets, LiveAnalysis
from analyzer.pipeline.live_keys import KeyLogTail
from analyzer.pipeline.live_run import Plan, Sniffer
from analyzer.pipeline.run import Options, analyze
from analyzer.report.document import json_lines
from dissectors.kit.event import LimitReached
from dissectors.kit.provided import Provided
from dissectors.registry import protocols
from dissectors.wire.http.events import SILENT

SAMPLES = Path(__file__).parents[3] / "samples"
PROTOCOLS = sorted({path.parents[1].name for path in SAMPLES.glob("*/*/capture.pcapng")})


def live_on(source: Fed, budgets: Budgets | None = None) -> LiveAnalysis:
    return LiveAnalysis(source, protocols(), Provided(), budgets or Budgets())


# Of packets that are in the capture twice a file is looked at before it is told, and more is said of them.
SEEN_BEFOREHAND = ("duplicate-packets", "path-server")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_pass_tells_what_two_looks_tell(protocol: str) -> None:
    for capture in sorted((SAMPLES / protocol).glob("*/capture.pcapng")):
        source = open_capture([str(capture)], rewindable=False)
        live = Sniffer(source, Audience(), Plan(everything=True), Provided()).run()
        whole = analyze([str(capture)], Options(everything=True))
        live.capture.names = whole.capture.names
        if capture.parent.name in SEEN_BEFOREHAND:
            found = [one.code for one in whole.findings if one.code != "capture.duplicates"]
            assert [one.code for one in live.findings if one.code != "capture.duplicates"] == found
            continue
        assert list(json_lines(live, "teach")) == list(json_lines(whole, "teach")), capture.parent.name


def test_events_and_findings_come_while_frames_pass() -> None:
    """Each event is handed out before the next stretch of frames is read."""
    frames = timed(connection(50_000, 3))
    source = Fed(frames[:3])
    audience = Remembered()
    sniffer = Sniffer(source, audience, Plan(), Provided())
    sniffer.round()
    assert [event.name for _number, event in audience.events] == ["tcp.syn", "tcp.syn_ack", "tcp.established"]
    source.waiting = [*frames[3:], *timed([tcp(CLIENT, 50_001, SERVER, 81, 5, 0, SYN), tcp(
        SERVER, 81, CLIENT, 50_001, 0, 6, RST | ACK)], START + 50 * MILLISECOND)]
    source.ended = False
    sniffer.run()
    assert "tcp.closed" in [event.name for _number, event in audience.events]
    assert [finding.code for finding in audience.findings if finding.conversation == 2] == ["tcp.refused"]
    assert audience.ended == [1, 2]


def test_findings_across_conversations_come_at_the_end_and_no_finding_twice(tmp_path: Path) -> None:
    def refused(port: int) -> list[bytes]:
        return [tcp(CLIENT, port, SERVER, 81, 5, 0, SYN), tcp(SERVER, 81, CLIENT, port, 0, 6, RST | ACK)]

    audience = Remembered()
    sniffer = sniffed(tmp_path, [frame for port in range(40_000, 40_003) for frame in refused(port)], None, audience)
    told = [(finding.code, finding.conversation) for finding in audience.findings]
    assert len(told) == len(set(told))
    assert [number for code, number in told if code == "tcp.refused"] == [1, 2, 3]
    assert {(finding.code, finding.conversation) for finding in sniffer.analysis().findings} <= set(told)


def test_those_that_ended_first_leave_first(tmp_path: Path) -> None:
    frames = [frame for port in range(40) for frame in connection(40_000 + port, 1)]
    sniffer = sniffed(tmp_path, frames, Budgets(conversations=16))
    live = sniffer.live
    kept = sorted(live.finished)
    assert len(kept) <= 16
    assert kept == list(range(41 - len(kept), 41))
    assert live.sink.count == 40
    assert live.left.conversations == 40 - len(kept)
    assert live.events == sum(len(teller.account.events) for teller in live.finished.values())
    analysis = sniffer.analysis()
    assert analysis.capture.conversations == 40
    assert any("left to keep within 16" in text for text in analysis.left_out)


def test_an_idle_conversation_leaves_before_one_that_speaks(tmp_path: Path) -> None:
    idle = [frame for port in range(8) for frame in connection(41_000 + port, 0)[:3]]
    speaking = connection(42_000, 30)
    fresh = [frame for port in range(6) for frame in connection(43_000 + port, 0)[:3]]
    live = sniffed(tmp_path, idle + speaking[:-3] + fresh, Budgets(conversations=12)).live
    assert 9 in live.finished, "the one with data is still told"
    assert 1 not in live.finished
    assert live.left.unfinished > 0


def test_a_long_conversation_keeps_its_beginning_and_its_latest(tmp_path: Path) -> None:
    queries = [
        udp(CLIENT, 5353, SERVER, 53, bytes((0, number, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)) + b"\x01a\x00\x00\x01\x00\x01")
        for number in range(200)
    ]
    sniffer = sniffed(tmp_path, queries, Budgets(events_each=60))
    live = sniffer.live
    teller = live.finished[1]
    frames = [event.evidence.frames[0] for event in teller.account.events]
    assert len(frames) <= 75
    assert frames[0] == 1
    assert teller.thinned == live.left.events > 0
    assert any("no longer kept" in line for line in sniffer.analysis().told[0].phases[-1].left_out)


def test_conversations_leave_when_their_events_are_too_many(tmp_path: Path) -> None:
    frames = [frame for port in range(60) for frame in connection(44_000 + port, 1)]
    live = sniffed(tmp_path, frames, Budgets(events=100)).live
    assert live.left.conversations > 0
    assert live.events <= 100 + 20


def test_events_of_few_conversations_stay_within_the_budget_too() -> None:
    question = bytes((1, 0, 0, 1, 0, 0, 0, 0, 0, 0)) + b"\x01a\x00\x00\x01\x00\x01"
    asked = [udp(CLIENT, 6_000 + at % 10, SERVER, 53, at.to_bytes(2) + question) for at in range(2_000)]
    live = live_on(Fed(timed(asked)), Budgets(events=500))
    while live.step(2_000):
        continue
    live.sweep(live.now)
    assert live.events <= 500
    assert live.left.events >= 1_000
    assert live.sink.count == 0, "all ten are still counted"


def test_streams_give_up_what_they_hold_beyond_the_budget() -> None:
    frames = []
    for port in range(4):
        opening = connection(45_000 + port, 0)[:3]
        hole = [tcp(SERVER, 80, CLIENT, 45_000 + port, 9_002 + at * 1_000, 1_001, PSH_ACK, b"x" * 1_000)
                for at in range(20)]
        frames += opening + hole
    source = Fed(timed(frames))
    live = live_on(source, Budgets(held_bytes=30_000))
    while live.step(100):
        continue
    live.sweep(live.now)
    assert sum(teller.held() for teller in live.tellers.values()) <= 30_000
    assert live.left.streams_cut >= 3
    assert any(isinstance(event, LimitReached) for _teller, events in live.fresh for event in events)


# -- time-outs ---------------------------------------------------------------------------------------------


def flow_after(frames: list[bytes]) -> Flow:
    source = Fed(timed(frames))
    live = live_on(source)
    live.step(100)
    return next(iter(live.tellers.values())).flow


@pytest.mark.parametrize(("frames", "limit"), [
    (connection(50_000, 1), CLOSED_NS),
    (connection(50_000, 1)[:-3], ESTABLISHED_NS),
    (connection(50_000, 1)[:-2], TRANSITORY_NS),
    (connection(50_000, 1)[:1], TRANSITORY_NS),
    ([tcp(CLIENT, 1, SERVER, 2, 1, 1, ACK)], ESTABLISHED_NS),
    ([tcp(CLIENT, 1, SERVER, 2, 1, 1, RST)], CLOSED_NS),
    ([udp(CLIENT, 1000, SERVER, 2000, b"a")], UNANSWERED_NS),
    ([udp(CLIENT, 1000, SERVER, 2000, b"a"), udp(SERVER, 2000, CLIENT, 1000, b"b")], UDP_NS),
], ids=["closed", "established", "half closed", "SYN", "midstream", "reset", "one-sided", "answered"])
def test_how_long_a_conversation_may_be_silent(frames: list[bytes], limit: int) -> None:
    assert patience(flow_after(frames)) == limit


def test_the_rules_stand_in_their_order() -> None:
    assert ICMP_NS <= CLOSED_NS < UNANSWERED_NS < TRANSITORY_NS < UDP_NS < ESTABLISHED_NS


def test_time_is_that_of_the_capture() -> None:
    """A lookup is over five minutes later, whenever that is read; the connection beside it stays."""
    asked = [udp(CLIENT, 999, SERVER, 998, b"a"), udp(SERVER, 998, CLIENT, 999, b"b")]
    frames = timed([*asked, *connection(50_000, 1)[:-3]])
    live = live_on(Fed([*frames, (START + UDP_NS + 10 * MILLISECOND, udp(CLIENT, 5, SERVER, 6, b"c"))]))
    while live.step(1):
        continue
    assert [teller.account.conversation.number for teller in live.over_now] == [1]
    assert sorted(live.tellers) == [2, 3]
    live.sweep(START + ESTABLISHED_NS + 1_000_000_000)
    assert [teller.account.conversation.number for teller in live.over_now] == [1, 2, 3]
    last = live.finished[2].account.events[-1]
    assert last.name == "tcp.not_ended"
    assert last.fields()["how"] == "idle"


def test_a_request_that_idles_is_open_and_not_unanswered() -> None:
    """The telling ends, and nobody has seen that the connection did."""
    opening = connection(50_000, 0)[:3]
    request = tcp(CLIENT, 50_000, SERVER, 80, 1001, 9001, PSH_ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    live = live_on(Fed(timed([*opening, request])))
    live.step(10)
    live.sweep(START + ESTABLISHED_NS + 1_000_000_000)
    (exchange,) = [event for event in live.finished[1].account.events if event.name == "http.exchange"]
    assert exchange.fields()["ended"] == SILENT
    assert "timeout" not in exchange.what()


def test_what_is_followed_no_further_is_not_said_to_end() -> None:
    """More connections at once than are followed: the oldest leave, and the capture goes on."""
    frames = [frame for port in range(6) for frame in connection(41_000 + port, 1)[:4]]
    live = live_on(Fed(timed(frames)), Budgets(counted=4))
    while live.step(1):
        continue
    ends = [teller.account.events[-1] for teller in live.over_now]
    assert ends
    for end in ends:
        assert end.fields()["how"] == "capacity"
        assert "capture ends" not in end.what()


# -- too much at once --------------------------------------------------------------------------------------


def test_conversations_that_begin_while_it_is_too_much_are_counted_only() -> None:
    source = Fed(timed(connection(50_000, 2)[:-3]))
    live = live_on(source)
    live.step(100)
    live.shortened = ONLY_KNOWN
    counted = connection(50_001, 2)
    counted.insert(4, counted[3])     # a segment that is sent twice
    source.waiting = timed([*connection(50_000, 2)[-3:], *counted], START + 100 * MILLISECOND)
    live.step(100)
    live.finish()
    assert live.left.untold == 1
    assert sum(live.sink.flags) == 1
    assert live.sink.states == {"tcp": {"SF": 2}}
    assert sorted(live.finished) == [1]
    assert live.finished[1].account.events[-1].name == "tcp.closed"
    assert live.sink.count == 2
    assert live.sink.by_transport == {"tcp": 2}


def test_telling_goes_on_after_a_stretch_that_was_only_counted() -> None:
    frames = timed(connection(50_000, 20))
    source = Fed(frames[:7])
    live = live_on(source)
    live.step(100)
    live.shortened = COUNT_ONLY
    source.waiting = frames[7:30]
    live.step(100)
    live.shortened = 0
    source.waiting = frames[30:]
    live.step(100)
    live.finish()
    teller = live.finished[1]
    assert live.left.untold_frames == 23
    assert teller.account.conversation.frames == [24, 22]
    assert any("23 frames after #7 were counted but not told" in text for text in teller.account.left_out)
    names = [event.name for event in teller.account.events]
    assert names[-1] == "tcp.closed"
    assert "tcp.gap" not in names


def test_a_full_buffer_shortens_and_an_empty_one_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_run, "CALM_SECONDS", 0.0)
    source = Fed()
    sniffer = Sniffer(source, Remembered(), Plan(), Provided())
    seen = []
    for full in (0.0, 0.3, 0.2, 0.6, 0.2, 0.01):
        source.full = full
        source.ended = False
        sniffer.round()
        seen.append(sniffer.live.shortened)
    assert seen == [0, ONLY_KNOWN, ONLY_KNOWN, COUNT_ONLY, COUNT_ONLY, 0]
    source.full = 0.6
    sniffer.round()
    assert "only counted" in sniffer.status().shortened


def test_the_plan_ends_the_capture_at_the_frame() -> None:
    source = Fed(timed(connection(50_000, 20)))
    sniffer = Sniffer(source, Audience(), Plan(frames=7), Provided())
    assert sniffer.run().capture.frames == 7


# -- keys --------------------------------------------------------------------------------------------------


def test_a_key_log_is_read_as_it_grows(tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    provided = Provided()
    tail = KeyLogTail(str(log), provided)
    tail.read()
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    log.write_bytes(line[:50])
    tail.read()
    assert not provided.secrets
    with log.open("ab") as file:
        file.write(line[50:])
    tail.read()
    assert provided.secret(b"CLIENT_RANDOM", b"\xab" * 32) == b"\xcd" * 48
    log.write_bytes(line.replace(b"ab", b"ef")[:len(line)])
    tail.offset = len(line) + 1
    tail.read()
    assert provided.secret(b"CLIENT_RANDOM", b"\xef" * 32) == b"\xcd" * 48


def keys(octet: int) -> bytes:
    """A line of a key log."""
    return b"CLIENT_RANDOM " + (b"%02x" % octet) * 32 + b" " + b"cd" * 48 + b"\n"


def test_a_key_log_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    """Also by one that is as long, or longer."""
    log, other = tmp_path / "keys.log", tmp_path / "other.log"
    provided = Provided()
    tail = KeyLogTail(str(log), provided)
    for number, content in enumerate((keys(1), keys(2), keys(3) + keys(4))):
        other.write_bytes(content)
        other.replace(log)
        assert tail.read() == ""
        assert len(provided.secrets) == (1, 2, 4)[number]


def test_a_named_pipe_of_keys_is_never_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "keys.pipe"
    os.mkfifo(pipe)
    provided = Provided()
    tail = KeyLogTail(str(pipe), provided)
    assert tail.read() == ""
    for octet in (1, 2):                                            # one writer after the other
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)         # fails where nobody reads
        assert tail.read() == ""
        os.write(writer, keys(octet)[:40])
        assert tail.read() == ""
        os.write(writer, keys(octet)[40:])
        assert tail.read() == ""
        assert len(provided.secrets) == octet
        os.close(writer)
        assert tail.read() == ""


def test_what_is_no_key_log_is_told_once(tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    provided = Provided()
    tail = KeyLogTail(str(log), provided)
    assert tail.read() == ""
    log.mkdir()
    assert tail.read() == f"key log {log}: cannot be read (it is a directory)"
    assert tail.read() == ""
    log.rmdir()
    log.symlink_to("/dev/zero")
    assert tail.read() == f"key log {log}: cannot be read (it is a device)"
    assert tail.read() == ""
    log.unlink()
    log.write_bytes(keys(1))
    assert tail.read() == ""
    assert len(provided.secrets) == 1


def test_trouble_with_a_key_log_is_a_notice(tmp_path: Path) -> None:
    source = Fed(timed(connection(50_000, 20)))
    audience = Remembered()
    provided = Provided()
    Sniffer(source, audience, Plan(), provided, key_logs=[KeyLogTail(str(tmp_path), provided)]).run()
    assert [text for text in audience.notices if "it is a directory" in text]


def test_syn_ack_is_used() -> None:
    """A connection whose first frame seen is the answer keeps its sides."""
    flow = flow_after([tcp(SERVER, 80, CLIENT, 50_000, 9_000, 1_001, SYN_ACK)])
    assert patience(flow) == TRANSITORY_NS
