"""Findings about HTTP/2: every rule met by a connection, and missed by one that is like it."""
from __future__ import annotations

from collections.abc import Callable
from struct import pack

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from http2_wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    MS,
    OK,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    Connection,
    frame,
    settings,
    window_update,
)
from told_accounts import account, analysis

from analyzer.explain.http2 import HTTP2_RULES
from analyzer.explain.rule import Case, Found
from analyzer.model import SEVERITIES
from dissectors.kit.inputs import Chunk

Story = Callable[[Connection], None]


def found(code: str, story: Story) -> list[Found]:
    talk = Connection()
    story(talk)
    talk.close()
    made = analysis(account(*talk.events))
    rule, = [rule for rule in HTTP2_RULES if rule.code == code]
    return [one for told in made.told for one in rule.examine(Case(told, made.capture))]


def resets(code: int, by: int = 0, answered: bool = True) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET, True))
        if answered:
            talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, b"abc"))
        talk.send(by, frame(RST_STREAM, 0, 1, pack(">I", code)))
    return play


def goes_away(code: int, last: int) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
        for stream in (1, 3):
            if stream <= last:
                talk.send(1, talk.headers(1, stream, OK, True))
        talk.send(1, frame(GOAWAY, 0, 0, pack(">II", last, code)))
    return play


def waits(ms: int) -> Story:
    def play(talk: Connection) -> None:
        talk.open((4, 100))
        talk.send(0, talk.headers(0, 1, GET, True))
        talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(100)))
        talk.send(0, window_update(1, 100), after=ms * MS)
        talk.send(1, frame(DATA, END_STREAM, 1, bytes(50)))
    return play


def starves(ms: int) -> Story:
    """The window is used up, and nothing opens it until the client gives up."""
    def play(talk: Connection) -> None:
        talk.open((4, 100))
        talk.send(0, talk.headers(0, 1, GET, True))
        talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(100)))
        talk.send(0, frame(RST_STREAM, 0, 1, pack(">I", 8)), after=ms * MS)
    return play


def loses(ms: int, *, own: bool = False) -> Story:
    """own: the missing segment holds octets of the stream that waits."""
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
        first, second = talk.headers(1, 1, OK, True), talk.headers(1, 3, OK, not own)
        if own:
            first, second = first + second, frame(DATA, END_STREAM, 3, b"a")
        at, now = talk.position[1], talk.now
        talk.outputs += talk.dissector.on_data(Chunk(9, now + (5 + ms) * MS, 1, first, at))
        talk.outputs += talk.dissector.on_data(Chunk(8, now + 5 * MS, 1, second, at + len(first), 9))
    return play


def sends(octets: bytes, count: int = 1) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET))
        talk.send(0, octets * count)
    return play


def upgrades(field: bytes) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET, True))
        talk.send(1, talk.headers(1, 1, [*OK, (field, b"h2,h2c")], True))
    return play


def rapid(count: int, answered: int = 0) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        for number in range(count + answered):
            stream = 2 * number + 1
            talk.send(0, talk.headers(0, stream, GET, True))
            if number >= count:
                talk.send(1, talk.headers(1, stream, OK, True))
            else:
                talk.send(0, frame(RST_STREAM, 0, stream, pack(">I", 8)))
    return play


def endless(count: int) -> Story:
    return sends(
        frame(HEADERS, 0, 3, b"\x82") + frame(CONTINUATION, 0, 3) * count + frame(CONTINUATION, END_HEADERS, 3)
    )


def together(streams: int, limit: int, wait: int = 50) -> Story:
    def play(talk: Connection) -> None:
        talk.open((4, 1_000_000), server=((3, limit),))
        numbers = range(1, 2 * streams, 2)
        for stream in numbers:
            talk.send(0, talk.headers(0, stream, GET, True), after=0)
        talk.now += wait * MS
        for stream in numbers:
            talk.send(1, talk.headers(1, stream, OK), frame(DATA, END_STREAM, stream, bytes(500)), after=0)
    return play


def acknowledges(ms: int) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, settings((3, 5)))
        talk.send(1, settings(ack=True), after=ms * MS)
    return play


def pushes(refused: bool) -> Story:
    def play(talk: Connection) -> None:
        talk.open()
        talk.send(0, talk.headers(0, 1, GET, True))
        talk.send(1, frame(PUSH_PROMISE, END_HEADERS, 1, pack(">I", 2) + talk.block(1, GET)))
        talk.send(1, talk.headers(1, 2, OK), frame(DATA, 0, 2, bytes(70)))
        if refused:
            talk.send(0, frame(RST_STREAM, 0, 2, pack(">I", 8)))
        else:
            talk.send(1, frame(DATA, END_STREAM, 2))
    return play


CASES: dict[str, tuple[str, Story, str, Story]] = {
    "reset": (
        "http2.reset", resets(2, 1), "The server reset stream 1 (GET /big.bin) with INTERNAL_ERROR", goes_away(0, 3),
    ),
    "goaway": (
        "http2.goaway", goes_away(11, 1), "ENHANCE_YOUR_CALM: the peer causes too much load. The last stream that it "
        "has looked at is 1. Not looked at, and safe to send again: 3.", goes_away(0, 3),
    ),
    "goaway without error": ("http2.goaway", goes_away(0, 1), "safe to send again: 3", goes_away(0, 3)),
    "blocked": (
        "http2.blocked", waits(40), "The server waited 40.0 ms for room in the window of stream 1, which the other "
        "side had set to 100 bytes (once)", waits(2),
    ),
    "never opened": (
        "http2.blocked", starves(3_000), "It was used up, and no WINDOW_UPDATE came in the last 3.00 s: stream 1 "
        "(GET /big.bin) had not ended by then.", starves(2),
    ),
    "malformed message": (
        "http2.violation", upgrades(b"upgrade"), "on stream 1, the field upgrade has no place in HTTP/2",
        upgrades(b"server"),
    ),
    "head of line": (
        "http2.head_of_line", loses(20), "1 missing TCP segment held up 1 stream that had nothing in it, though its "
        "octets had arrived: stream 3 (GET /big.bin) for 20.0 ms.", loses(0),
    ),
    "head of line, of its own": (
        "http2.head_of_line", loses(20), "stream 3 (GET /big.bin)", loses(20, own=True),
    ),
    "violation": (
        "http2.violation", sends(window_update(0, 0), 3), "The client breaks a rule: a WINDOW_UPDATE of 0 (3 times).",
        sends(window_update(0, 1), 3),
    ),
    "flood of pings": (
        "http2.flood", sends(frame(PING, 0, 0, bytes(8)), 600), "The client sent 600 PING frames",
        sends(frame(PING, 0, 0, bytes(8)), 60),
    ),
    "rapid reset": ("http2.flood", rapid(300), "The client sent 300 RST_STREAM frames", rapid(210, 400)),
    "endless block": (
        "http2.flood", endless(200), "The client sent 201 CONTINUATION frames for one header block", endless(20),
    ),
    "empty data": (
        "http2.flood", sends(frame(DATA, 0, 1), 900), "900 DATA frames without content", sends(frame(DATA, 0, 1), 9),
    ),
    "full": (
        "http2.full", together(8, 8), "The client had 8 streams open at once, as many as the server allows",
        together(8, 9),
    ),
    "slow settings": (
        "http2.slow_settings", acknowledges(1_500), "SETTINGS were acknowledged only after 1.50 s.", acknowledges(100),
    ),
    "push in vain": (
        "http2.pushed_in_vain", pushes(True), "The client refused 1 of 1 pushed response; 70 bytes of them had been "
        "sent.", pushes(False),
    ),
    "multiplexed": (
        "http2.multiplexed", together(12, 100), "12 requests, up to 12 at once, took 50.0 ms. Over 6 connections of "
        "HTTP/1.1 they would have taken 100 ms or more (an estimate)", together(6, 100),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_finds_what_it_is_for(case: str) -> None:
    code, met, said, missed = CASES[case]
    findings = found(code, met)
    assert len(findings) == 1, [one.sentence for one in findings]
    assert said in findings[0].sentence
    assert findings[0].frames
    assert findings[0].severity in ("", *SEVERITIES)
    assert found(code, missed) == []


def test_every_rule_has_a_case() -> None:
    """But for the one that needs what TCP tells, whose captures are read whole."""
    codes = {code for code, _met, _said, _missed in CASES.values()}
    assert {rule.code for rule in HTTP2_RULES} == codes | {"http2.not_spoken"}


@pytest.mark.parametrize(("code", "severity"), [(8, "note"), (0, "chat"), (7, "note"), (1, "")])
def test_how_much_a_reset_matters(code: int, severity: str) -> None:
    assert [one.severity for one in found("http2.reset", resets(code))] == [severity]
