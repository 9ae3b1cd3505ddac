"""Findings about WebSocket and gRPC: every rule met by a connection, and missed by one that is like it."""
from __future__ import annotations

from collections.abc import Callable
from struct import pack

import pytest
from grpc_wire import Exchange, message
from told_accounts import account, analysis
from websocket_wire import CLIENT, MS, SECOND, SERVER, Peer, frame

from analyzer.explain.grpc import GRPC_RULES
from analyzer.explain.rule import Case, Found
from analyzer.explain.websocket import WEBSOCKET_RULES
from analyzer.model import SEVERITIES
from dissectors.kit.event import Event, Evidence
from dissectors.protocols.http2.events import H2Seen
from dissectors.protocols.http2.events_control import GoAway
from dissectors.protocols.http2.side import H2Side

TEXT = frame(1, b"hello")


def examine(code: str, events: list[Event]) -> list[Found]:
    made = analysis(account(*events))
    rule, = [rule for rule in (*WEBSOCKET_RULES, *GRPC_RULES) if rule.code == code]
    return [found for told in made.told for found in rule.examine(Case(told, made.capture))]


def peer(*sent: tuple[int, bytes], how: str = "fin", wait: int = MS, **extra: bytes) -> list[Event]:
    it = Peer(**extra)
    for direction, data in sent:
        it.send(direction, data)
    it.time += wait
    it.close(how)
    return it.events


def closing(code: int, reason: bytes = b"", by: int = SERVER) -> tuple[int, bytes]:
    return by, frame(8, pack(">H", code) + reason, masked=by == CLIENT)


def lossy() -> list[Event]:
    it = Peer()
    it.lose(SERVER, 7)
    it.close()
    return it.events


def call(status: bytes = b"0", how: str = "", wait: int = MS, answered: bool = True, **extra: bytes) -> list[Event]:
    it = Exchange(**extra)  # type: ignore[arg-type]
    it.send(0, message(b""))
    it.time += wait
    if how:
        it.close(how=how)
    elif answered:
        it.answer(message(b""), status=status)
    else:
        it.close(0)
        it.fields(1, "response", **{":status": b"502"})
        it.close(1)
    return it.events


def cut_off() -> list[Event]:
    it = Exchange()
    it.send(0, message(b"abc")[:6])
    it.close(0)
    return it.events


def announced(octets: int, status: bytes = b"8") -> list[Event]:
    """The client begins a message of this length, and the server refuses it before it is whole."""
    it = Exchange()
    it.send(0, b"\0" + octets.to_bytes(4) + bytes(100))
    it.answer(b"", status=status)
    return it.events


def goaway(debug: str) -> list[Event]:
    side = H2Side(1, False)
    side.reader.payload = (5).to_bytes(4) + (11).to_bytes(4)
    return [GoAway(H2Seen(side, Evidence((9,)), by_client=False), debug, [])]


Made = Callable[[], list[Event]]
BOTH = closing(1000), closing(1000, by=CLIENT)

# By code: what meets the rule, and what just does not.
CASES: dict[str, tuple[Made, Made]] = {
    "websocket.accept_mismatch": (lambda: peer(sec_websocket_accept=b"eA=="), lambda: peer(*BOTH)),
    "websocket.violation": (lambda: peer((CLIENT, TEXT)), lambda: peer((SERVER, TEXT))),
    "websocket.abnormal_end": (lambda: peer((SERVER, TEXT), how="rst"), lambda: peer(closing(1000))),
    "websocket.idle_end": (lambda: peer((SERVER, TEXT), wait=60 * SECOND), lambda: peer((SERVER, TEXT))),
    "websocket.close_error": (lambda: peer(closing(1011, b"oops")), lambda: peer(closing(4001, b"oops"))),
    "websocket.unanswered_close": (lambda: peer(closing(1000)), lambda: peer(*BOTH)),
    "websocket.unanswered_ping": (
        lambda: peer((SERVER, frame(9, b"a")), wait=20 * SECOND), lambda: peer((SERVER, frame(9, b"a"))),
    ),
    "websocket.unread": (lossy, lambda: peer((SERVER, TEXT))),
    "grpc.failed": (lambda: call(b"14"), lambda: call(b"4")),
    "grpc.deadline": (lambda: call(b"4"), lambda: call(b"14")),
    "grpc.given_up": (
        lambda: call(how="rst"), lambda: call(how="rst", wait=SECOND, grpc_timeout=b"1S"),
    ),
    "grpc.no_status": (lambda: call(answered=False), lambda: call(b"2")),
    "grpc.too_large": (lambda: announced((4 << 20) + 1), lambda: announced(4 << 20)),
    "grpc.near_deadline": (
        lambda: call(wait=850 * MS, grpc_timeout=b"1S"), lambda: call(wait=500 * MS, grpc_timeout=b"1S"),
    ),
    "grpc.attempts": (lambda: call(grpc_previous_rpc_attempts=b"1"), call),
    "grpc.no_deadline": (call, lambda: call(grpc_timeout=b"1S")),
    "grpc.too_many_pings": (lambda: goaway("too_many_pings"), lambda: goaway("bye")),
    "grpc.unread": (cut_off, call),
}


def test_every_rule_has_its_cases() -> None:
    assert sorted(CASES) == sorted(rule.code for rule in (*WEBSOCKET_RULES, *GRPC_RULES))


@pytest.mark.parametrize("code", CASES)
def test_a_rule_finds_its_case_and_no_other(code: str) -> None:
    met, missed = CASES[code]
    found = examine(code, met())
    assert found
    assert examine(code, missed()) == []
    for one in found:
        assert one.sentence.endswith(".")
        assert one.frames
        assert one.severity in ("", *SEVERITIES)


def test_a_violation_says_how_often() -> None:
    found, = examine("websocket.violation", peer(*[(CLIENT, TEXT)] * 3))
    assert "the client breaks" in found.sentence.lower()
    assert "3 times" in found.sentence


def test_failures_of_a_method_are_told_together() -> None:
    found = examine("grpc.failed", [*call(b"14"), *call(b"14"), *call(b"5")])
    assert [(one.severity, "twice" in one.sentence) for one in found] == [("error", True), ("note", False)]


def test_a_deadline_without_a_status_is_only_likely() -> None:
    found, = examine("grpc.deadline", call(how="rst", wait=SECOND, grpc_timeout=b"1S"))
    assert found.confidence == "likely"
    assert "1.00 s" in found.sentence
