"""What is told of waits and ends where the stamps of a capture are wrong, or a host was not running."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest
from test_survey_and_tell import ACK, CLIENT, FIN_ACK, PSH_ACK, SERVER, SYN, SYN_ACK, ip, udp
from test_unheard import told

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.words import took

ASKED = b"GET /page HTTP/1.1\r\nHost: a.test\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"
Frame = tuple[float, bytes]


class Talk:
    """A connection to port 80, whose frames are added to a list, with TCP timestamps of a millisecond where wanted.

    asleep: seconds for which the clock of one side, `sleeper`, has stood still.
    """

    def __init__(self, frames: list[Frame], port: int, stamps: bool) -> None:
        self.frames = frames
        self.port = port
        self.stamps = stamps
        self.numbers = [1000, 5000]
        self.asleep = 0.0
        self.sleeper = 0
        self.echo = [0, 0]

    def send(self, at: float, side: int, flags: int, data: bytes = b"") -> None:
        options = b""
        if self.stamps:
            stamp = round((at - (self.asleep if side == self.sleeper else 0.0)) * 1000) + 7_000_000 * (side + 1)
            options = b"\x01\x01\x08\x0a" + struct.pack("!II", stamp, self.echo[side] if flags & ACK else 0)
            self.echo[1 - side] = stamp
        ports = (self.port, 80) if side == 0 else (80, self.port)
        acked = self.numbers[1 - side] if flags & ACK else 0
        head = struct.pack(
            "!HHIIBBHHH", *ports, self.numbers[side], acked, (5 + len(options) // 4) << 4, flags, 64240, 0, 0
        )
        ends = (CLIENT, SERVER) if side == 0 else (SERVER, CLIENT)
        self.frames.append((at, ip(*ends, 6, head + options + data)))
        self.numbers[side] += len(data) + (flags & (SYN | 1) != 0)

    def open(self, at: float) -> None:
        self.send(at, 0, SYN)
        self.send(at + 0.01, 1, SYN_ACK)
        self.send(at + 0.0101, 0, ACK)

    def ask(self, at: float) -> None:
        self.send(at, 0, PSH_ACK, ASKED)

    def answer(self, at: float) -> None:
        self.send(at, 1, PSH_ACK, ANSWER)
        self.send(at + 0.0001, 0, ACK)

    def close(self, at: float) -> None:
        self.send(at, 0, FIN_ACK)
        self.send(at + 0.01, 1, FIN_ACK)
        self.send(at + 0.0101, 0, ACK)


def lookup(frames: list[Frame], asked: float, answered: float, port: int = 50_000) -> None:
    name = b"\x05s%04d\x04test\x00\x00\x01\x00\x01" % (port % 10_000)
    record = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\x0a\x00\x00\x09")
    question = struct.pack("!HHHHHH", port, 0x0100, 1, 0, 0, 0) + name
    answer = struct.pack("!HHHHHH", port, 0x8180, 1, 1, 0, 0) + name + record
    frames.append((asked, udp(CLIENT, port, SERVER, 53, question)))
    frames.append((answered, udp(SERVER, 53, CLIENT, port, answer)))


def in_order(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame[0])


def exchanges(stamps: bool, count: int = 4) -> list[Frame]:
    """Connections one after another, of three exchanges each, and lookups between them."""
    frames: list[Frame] = []
    for index in range(count):
        at = index * 0.3
        talk = Talk(frames, 40_000 + index, stamps)
        talk.open(at)
        for turn in range(3):
            talk.ask(at + 0.02 + turn * 0.07)
            talk.answer(at + 0.05 + turn * 0.07)
        talk.close(at + 0.24)
        lookup(frames, at + 0.012, at + 0.018, 50_000 + index)
    return in_order(frames)


def across(stamps: bool) -> list[Frame]:
    """At 0.5 s an answer, a SYN-ACK, a third segment and a lookup are outstanding, and one connection is idle."""
    frames: list[Frame] = []
    idle, waiting, calling, opening = (Talk(frames, 40_000 + index, stamps) for index in range(4))
    idle.open(0.0)
    idle.ask(0.02)
    idle.answer(0.04)
    waiting.open(0.05)
    waiting.ask(0.07)
    lookup(frames, 0.48, 0.58)
    calling.send(0.495, 0, SYN)
    opening.send(0.485, 0, SYN)
    opening.send(0.495, 1, SYN_ACK)
    opening.send(0.5056, 0, ACK)
    calling.send(0.506, 1, SYN_ACK)
    calling.send(0.5061, 0, ACK)
    for at, talk in ((0.51, opening), (0.52, calling)):
        talk.ask(at)
        talk.answer(at + 0.03)
    waiting.answer(0.6)
    idle.ask(0.7)
    idle.answer(0.73)
    return in_order(frames)


def severe(made: Analysis) -> list[str]:
    return [one.code for one in made.findings if one.severity in ("warn", "error") and one.code != "capture.clock"]


def codes(made: Analysis) -> set[str]:
    return {one.code for one in made.findings}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("stamps", [True, False])
def test_a_step_forward_is_known_whichever_conversation_is_told(tmp_path: Path, number: int, stamps: bool) -> None:
    made = told(tmp_path, [(at + (7200 if at > 0.5 else 0), frame) for at, frame in across(stamps)])
    if number:
        made = analyze([str(tmp_path / "made.pcap")], Options(conversations=(number,)))
    assert severe(made) == []
    assert codes(made) & {"capture.clock", "capture.silence"} == {"capture.clock" if stamps else "capture.silence"}
    if stamps:
        assert codes(made) <= {"capture.clock", "tcp.not_ended"}
        assert made.capture.end_ns - made.capture.start_ns < 1_000_000_000
    else:
        assert took(made.capture.start_ns, made.capture.end_ns, made.capture.silences) == "≤2 h 0 min"


@pytest.mark.parametrize("resent", [True, False])
def test_a_silence_in_which_no_timer_rang_may_be_a_step_of_the_clock(tmp_path: Path, resent: bool) -> None:
    """A SYN and a third segment are outstanding for minutes, and nobody sends anything again."""
    frames = across(False)
    later = [(at + (300 if at > 0.5 else 0), frame) for at, frame in frames]
    if resent:
        later = in_order([*later, *((at + 2, frame) for at, frame in later if 0.48 < at < 0.5)])
    assert bool(severe(told(tmp_path, later))) is resent


def test_a_handshake_across_a_silence_says_nothing_of_where_the_capture_was_taken(tmp_path: Path) -> None:
    made = told(tmp_path, [(at + (7200 if at > 0.5 else 0), frame) for at, frame in across(False)])
    assert "leaves 10.0 ms before its answer" in made.capture.seen_from


@pytest.mark.parametrize(("took_s", "severity"), [(7200.0, "note"), (20.0, "warn")])
def test_a_lookup_in_which_the_clock_may_have_been_set_is_no_slow_one(
    tmp_path: Path, took_s: float, severity: str
) -> None:
    frames: list[Frame] = []
    lookup(frames, 0, took_s)
    assert [one.severity for one in told(tmp_path, frames).findings if one.code == "dns.slow"] == [severity]


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("by", [-1_699_999_000.0, 300_000_000.0, -7200.0])
@pytest.mark.parametrize("stray", [(5,), (20, 21), (4, 30, 51)])
def test_a_few_stray_stamps_cost_nothing(tmp_path: Path, stamps: bool, by: float, stray: tuple[int, ...]) -> None:
    """They are told between their neighbours, and the others as they are stamped."""
    frames = exchanges(stamps)
    made = told(tmp_path, [(at + (by if place in stray else 0), frame) for place, (at, frame) in enumerate(frames)])
    assert severe(made) == []
    assert "capture.clock" in codes(made)
    assert made.capture.start_ns == 1_700_000_000 * 1_000_000_000
    assert made.capture.end_ns - made.capture.start_ns < 2_000_000_000


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("by", [2.0, -3600.0, 0.5])
def test_two_clocks_in_one_file_are_no_clock_that_is_set_again_and_again(
    tmp_path: Path, stamps: bool, by: float
) -> None:
    """What the server sends is stamped by another clock; the file has the order of the wire."""
    frames = [(at + (by if frame[26:30] == b"\x0a\x00\x00\x02" else 0), frame) for at, frame in exchanges(stamps)]
    made = told(tmp_path, frames)
    assert severe(made) == []
    assert "capture.clock" not in codes(made)
    assert "capture.order" in codes(made)
    waits = [one.end_ns - one.start_ns for one in made.conversations if one.transport == "tcp"]
    assert all(0 < wait < 400_000_000 for wait in waits)
    for one in made.conversations[:4]:
        alone = analyze([str(tmp_path / "made.pcap")], Options(conversations=(one.number,)))
        assert "capture.clock" not in codes(alone)


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("by", [3.0, 3600.0, -3600.0])
def test_answers_before_their_questions_are_answers(tmp_path: Path, stamps: bool, by: float) -> None:
    """Two captures of one direction each, merged by stamps of two clocks."""
    frames = in_order([
        (at + (by if frame[26:30] == b"\x0a\x00\x00\x02" else 0), frame) for at, frame in exchanges(stamps)
    ])
    assert severe(told(tmp_path, frames)) == []


def test_a_question_that_is_stamped_behind_its_answer_twice_is_not_unanswered(tmp_path: Path) -> None:
    frames: list[Frame] = []
    lookup(frames, 3600, 0)
    again = [(3601.0 + turn * 5, frames[0][1]) for turn in range(4)]
    made = told(tmp_path, in_order(frames + again))
    assert severe(made) == []
    made = told(tmp_path, in_order([frames[0], *again]))
    assert severe(made) == ["dns.unanswered"]


def test_who_waits_for_a_host_that_is_suspended_waits_for_it(tmp_path: Path) -> None:
    frames: list[Frame] = []
    talk, other = Talk(frames, 40_000, True), Talk(frames, 40_001, True)
    for one, start in ((talk, 0.0), (other, 0.005)):
        one.open(start)
        for turn in range(3):
            one.ask(start + 0.05 + turn * 0.1)
            one.answer(start + 0.08 + turn * 0.1)
    talk.ask(0.5)
    talk.sleeper = other.sleeper = 1
    talk.asleep = other.asleep = 599.0
    talk.answer(600.0)
    made = told(tmp_path, in_order(frames))
    slow, = (one for one in made.findings if one.code == "http.slow")
    assert slow.severity == "warn"
    assert f"{SERVER} stood still" in slow.sentence


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_one_direction_behind_the_other_is_no_clock_that_is_set_back(tmp_path: Path, by: float) -> None:
    """Two captures of one direction each, of two clocks, one put behind the other."""
    theirs = b"\x0a\x00\x00\x02"
    frames = exchanges(False)
    behind = [(at + by, frame) for at, frame in frames if frame[26:30] == theirs]
    made = told(tmp_path, [*(one for one in frames if one[1][26:30] != theirs), *behind])
    assert severe(made) == []
    assert "capture.clock" not in codes(made)


@pytest.mark.parametrize("asleep", [True, False])
def test_a_host_that_was_suspended_waits_for_nobody(tmp_path: Path, asleep: bool) -> None:
    """Its TCP timestamps stood still, and those of the server went on."""
    frames: list[Frame] = []
    waiting, other = Talk(frames, 40_000, True), Talk(frames, 40_001, True)
    waiting.open(0)
    other.open(0.02)
    for turn in range(3):
        other.ask(0.05 + turn * 0.1)
        other.answer(0.08 + turn * 0.1)
    waiting.ask(0.5)
    later = 28_800.0
    for talk in (waiting, other):
        talk.asleep = later - 1 if asleep else 0
    waiting.answer(later)
    other.ask(later + 0.1)
    other.answer(later + 0.13)
    made = told(tmp_path, frames)
    assert severe(made) == ([] if asleep else ["http.slow"])
    said = [one.sentence for one in made.findings if one.code == "capture.silence"]
    assert [f"{CLIENT} was suspended" in text for text in said] == ([True] if asleep else [])


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("early", [1, 2])
def test_a_handshake_that_began_before_the_clock_was_set_was_not_resent_for_days(
    tmp_path: Path, stamps: bool, early: int
) -> None:
    frames: list[Frame] = []
    talk = Talk(frames, 40_000, stamps)
    for at in (0.0, 1.0, 3.0):
        talk.numbers[0] = 1000
        talk.send(at, 0, SYN)
    talk.send(3.01, 1, SYN_ACK)
    talk.send(3.0101, 0, ACK)
    talk.ask(3.02)
    talk.answer(3.05)
    made = told(tmp_path, [(at - (1_699_999_000 if place < early else 0), frame) for place, (at, frame) in
                           enumerate(frames)])
    assert severe(made) == []
    assert severe(told(tmp_path, frames)) == ["tcp.syn_resent"]


@pytest.mark.parametrize("apart", [0.00001, 0.003])
def test_who_sends_everything_twice_at_once_had_nothing_to_resend(tmp_path: Path, apart: float) -> None:
    frames = exchanges(False)
    again = [
        (at + apart, frame[:18] + struct.pack("!H", 9000 + place) + frame[20:])
        for place, (at, frame) in enumerate(frames) if frame[26:30] == b"\x0a\x00\x00\x01"
    ]
    named = [(at, frame[:18] + struct.pack("!H", 100 + place) + frame[20:]) for place, (at, frame) in enumerate(frames)]
    made = told(tmp_path, in_order(named + again))
    assert severe(made) == []
    said = [one.sentence for one in made.findings if one.code in ("tcp.loss", "dns.retried")]
    assert said
    assert all("nothing says" in text for text in said)
