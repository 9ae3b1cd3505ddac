"""Findings about WebSocket connections: the handshake, broken rules, heartbeats, and how they ended."""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    FAILURE,
    LIKELY,
    OUTLOOK,
    POSSIBLE,
    SLOW,
    Case,
    Found,
    Rule,
    frames_of,
    place,
    times,
)
from analyzer.explain.usual import TOO_SOON, TRIPS, patience
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, size, span
from dissectors.protocols.tcp.events_teardown import Fin, TcpReset
from dissectors.protocols.websocket.codes import ABNORMAL, close_name
from dissectors.protocols.websocket.ended import ABRUPT, HALF, WsEnded
from dissectors.protocols.websocket.events import CloseSeen, Missing
from dissectors.protocols.websocket.events_rules import AcceptMismatch, WsViolation

# Proxies and firewalls forget a connection that is silent for this long or longer; 60 s is what many begin with.
IDLE_NS: Final = 55_000_000_000
SECOND: Final = 1_000_000_000
EXACT: Final = 200     # a silence off a whole number of seconds by less than this part of it is a setting
# A pong takes a round trip; without one for this long the other side is not well.
PATIENCE_NS: Final = 5_000_000_000
# Codes with which a side says that something was wrong (RFC 6455 §7.4.1).
FAULTS: Final = (1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014)
BUSY: Final = (1012, 1013)


def accept_mismatch(case: Case) -> list[Found]:
    return [
        Found(
            f"The server's answer to the key of the WebSocket is wrong: {event.upgrade.accept or 'it is missing'} "
            f"instead of {event.upgrade.expected or 'one that a key in the request would give'}.",
            event.evidence.frames, case.conversation, basis="SHA-1 of the key and the fixed text of RFC 6455 §1.3",
        )
        for event in case.of(AcceptMismatch)
    ]


def violation(case: Case) -> list[Found]:
    """One for each side: all that it broke."""
    found = []
    totals: dict[tuple[bool, str], int] = {}
    for ended in case.of(WsEnded):
        for talk in ended.talks:
            for rule, count in talk.violations.items():
                totals[(talk.client, rule)] = totals.get((talk.client, rule), 0) + count
    for by_client in (True, False):
        events = [event for event in case.of_base(WsViolation) if event.by_client == by_client]
        if not events:
            continue
        who = "client" if by_client else "server"
        said = "; ".join(dict.fromkeys([_counted(event, totals) for event in events]))
        found.append(Found(
            f"The {who} breaks rules of WebSocket: {said}.", frames_of(events), case.conversation,
            basis=", ".join(dict.fromkeys([event.spec for event in events])),
            absent=case.absence(NEITHER, -1, max([event.time for event in events])),
        ))
    return found


def _counted(event: WsViolation, totals: dict[tuple[bool, str], int]) -> str:
    count = totals.get((event.by_client, event.rule), 1)
    return f"{event.reason} ({times(count)})" if count > 1 else event.reason


def abnormal_end(case: Case) -> list[Found]:
    """Without a Close frame, and not after a long silence: that is another finding."""
    found = []
    for event in case.of(WsEnded):
        if event.how != ABRUPT or event.silence_ns >= IDLE_NS:
            continue
        messages = sum([talk.messages for talk in event.talks])
        sent = plural(messages, "message") if messages else "No message"
        found.append(Found(
            f"The WebSocket{_on(event)} ended without a Close frame, {_ender(case, event)}{_after(event)}; programs "
            f"are told {ABNORMAL}. {sent} had been sent.", event.evidence.frames, case.conversation,
            severity="" if messages else "note", basis=f"no Close frame in either direction{_timeout(event)}",
            absent=_seen(case, event),
        ))
    return found


def _seen(case: Case, event: WsEnded) -> Absence:
    """That nothing was missed while this WebSocket lasted, in either direction."""
    return case.absence(NEITHER, event.begun, event.time)


def _ender(case: Case, event: WsEnded) -> str:
    """`by a reset of the server (10.0.0.2:80)`; without a name where another layer lies between."""
    how = "a reset" if event.carrier == "rst" else "the end of the connection beneath"
    ends: list[Event] = [*case.of(Fin), *(reset for reset in case.of(TcpReset) if not reset.survived)]
    if event.stream or not ends:
        return f"by {how}"
    first = min(ends, key=attrgetter("time"))
    who = "client" if first.direction == event.client else "server"
    what = "reset" if isinstance(first, TcpReset) else "closed"
    return f"because the {who} ({place(case.end(first.direction))}) {what} the connection beneath"


def _after(event: WsEnded) -> str:
    return f" {span(event.silence_ns)} after the last frame" if event.silence_ns >= SECOND else ""


def _timeout(event: WsEnded) -> str:
    """Silences of a whole number of seconds are somebody's setting."""
    off = event.silence_ns % SECOND
    exact = event.silence_ns >= SECOND and min(off, SECOND - off) * EXACT <= event.silence_ns
    return f"; a silence of {round(event.silence_ns / SECOND)} s so exactly looks like a timeout" if exact else ""


def idle_end(case: Case) -> list[Found]:
    found = []
    for event in case.of(WsEnded):
        if event.how != ABRUPT or event.silence_ns < IDLE_NS:
            continue
        pings = sum([talk.pings for talk in event.talks])
        beats = "no pings were sent" if not pings else f"the last of {plural(pings, 'ping')} was longer ago than that"
        found.append(Found(
            f"The WebSocket{_on(event)} ended without a Close frame after {span(event.silence_ns)} of silence, "
            f"{_ender(case, event)}; {beats}.", event.evidence.frames, case.conversation, cost_ns=event.silence_ns,
            confidence=LIKELY,
            basis="something on the way that forgets silent connections; a program that crashed looks the same",
            absent=_seen(case, event),
        ))
    return found


def close_error(case: Case) -> list[Found]:
    found = []
    for event in case.of(CloseSeen):
        if event.answer_ns >= 0 or event.code not in (*FAULTS, *BUSY):
            continue
        reason = f": {event.reason}" if event.reason else ""
        found.append(Found(
            f"{event.who()} closed the WebSocket with {event.code}, {close_name(event.code)}{reason}"
            f"{'' if reason.endswith(('.', '!', '?')) else '.'}", event.evidence.frames, case.conversation,
            severity="note" if event.code in BUSY else "", basis="the code of its Close frame",
        ))
    return found


def unanswered_close(case: Case) -> list[Found]:
    return [
        Found(
            f"One side of the WebSocket{_on(event)} closed, the other sent no Close frame in return.",
            event.evidence.frames, case.conversation,
            basis="the Close frame of one direction, and none of the other before the end", absent=_seen(case, event),
        )
        for event in case.of(WsEnded) if event.how == HALF
    ]


def unanswered_ping(case: Case) -> list[Found]:
    found = []
    for event in case.of(WsEnded):
        for talk in event.talks:
            if not talk.unanswered or talk.waited_ns < patience(case.conversation, PATIENCE_NS):
                continue
            other = "server" if talk.client else "client"
            found.append(Found(
                f"The {other} did not answer {plural(talk.unanswered, 'ping')} of the {talk.who()}, the first of them "
                f"sent {span(talk.waited_ns)} before the end.",
                tuple(sorted({talk.waiting_frame, *event.evidence.frames})), case.conversation,
                cost_ns=talk.waited_ns, confidence=CERTAIN if talk.unanswered > 1 else LIKELY,
                basis="no pong with the data of the ping, nor of a later one", absent=_seen(case, event),
            ))
    return found


def unread(case: Case) -> list[Found]:
    events = case.of(Missing)
    if not events:
        return []
    lost, passed = sum([event.lost for event in events]), sum([event.passed for event in events])
    return [Found(
        f"{size(lost + passed)} of a WebSocket cannot be told as frames, {size(lost)} of them not in the capture.",
        frames_of(events), case.conversation, confidence=CERTAIN if lost else POSSIBLE,
        basis="where a frame begins is only known from the frame before it",
    )]


def _on(event: WsEnded) -> str:
    return f" on {event.path}" if event.path else ""


WEBSOCKET_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "websocket.accept_mismatch", "error", FAILURE, accept_mismatch,
        "The answer to a WebSocket's opening does not fit its key.",
        "Look at what answers there: a proxy, a cache, or a server that does not know WebSocket.",
        "A request that a proxy changed between the client and the place of the capture.",
        "http.sec_websocket_accept",
    ),
    Rule(
        "websocket.violation", "warn", FAILURE, violation,
        "A side broke a rule of WebSocket.",
        "Find out which program or library it is; its peer has to close for it (1002 or 1007).",
        "Frames before it that the capture missed, or an extension that was agreed on out of sight.",
        "websocket", absence=True,
    ),
    Rule(
        "websocket.abnormal_end", "warn", FAILURE, abnormal_end,
        "A WebSocket ended without a Close frame.",
        "Look for a crash or a restart of the side that ended, and for a proxy in between.",
        "A Close frame that the capture missed.", "websocket", absence=True,
    ),
    Rule(
        "websocket.idle_end", "warn", SLOW, idle_end,
        "A WebSocket ended after a long silence, as by a timeout.",
        "Let one side send pings more often than the shortest timeout on the way, such as every 25 seconds.",
        "A log of one side that shows that it ended the connection by itself.", "websocket", absence=True,
        threshold=f"{span(IDLE_NS)} of silence: proxies forget connections after 60 s or more.",
    ),
    Rule(
        "websocket.close_error", "warn", FAILURE, close_error,
        "A WebSocket was closed with the code of an error.",
        "Look at the message just before it, and into the log of the side that closed.",
        "A program that uses this code for an ordinary end.", "websocket.opcode == 8",
    ),
    Rule(
        "websocket.unanswered_close", "note", FAILURE, unanswered_close,
        "A Close frame had no answer.",
        "See which side ended the connection before the answer: it does not wait for it.",
        "The Close frame of the other side, missed by the capture.", "websocket.opcode == 8", absence=True,
        lasting=True,
    ),
    Rule(
        "websocket.unanswered_ping", "warn", FAILURE, unanswered_ping,
        "A ping of WebSocket had no pong.",
        "See whether that side was busy, asleep or gone at this time.",
        "Pongs that the capture missed.", "(websocket.opcode == 9 || websocket.opcode == 10)", absence=True,
        threshold=f"{span(PATIENCE_NS)}, or {TRIPS} round trips, without a pong: {TOO_SOON}.", lasting=True,
    ),
    Rule(
        "websocket.unread", "note", OUTLOOK, unread,
        "Some of a WebSocket's bytes could not be read.",
        "Capture again without losses, from the start of the connection.", "The missing bytes, elsewhere.",
        "websocket",
    ),
)
