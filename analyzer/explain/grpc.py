"""Findings about calls of gRPC: failures, deadlines, attempts."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    DENIAL,
    FAILURE,
    LIKELY,
    OUTLOOK,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    times,
)
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, size, span
from dissectors.protocols.grpc.codes import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    INTERNAL,
    OK,
    UNAVAILABLE,
    UNIMPLEMENTED,
    UNKNOWN,
    status_meaning,
    status_name,
)
from dissectors.protocols.grpc.ended import ANSWERED, NO_STATUS, RESET, GrpcEnded
from dissectors.protocols.grpc.events import Began, GrpcIncomplete
from dissectors.protocols.http2.events_control import GoAway

UNAUTHENTICATED: Final = 16
DATA_LOSS: Final = 15
RESOURCE_EXHAUSTED: Final = 8
DEFAULT_LARGEST: Final = 4 << 20     # octets of a message that the implementations of gRPC take unless told otherwise
SEVERE: Final = (UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS, UNIMPLEMENTED)
NOTABLE: Final = (RESOURCE_EXHAUSTED, UNAUTHENTICATED, 7, 10)
NEAR: Final = 0.8          # of the deadline: the next call may be too late
TOO_MANY_PINGS: Final = "too_many_pings"    # what a server says with GOAWAY to a client that asks too often


def _grouped(events: list[GrpcEnded], by_status: bool) -> list[list[GrpcEnded]]:
    """Calls of the same method (and with the same status) together, in order."""
    groups: dict[tuple[str, int], list[GrpcEnded]] = {}
    for event in events:
        groups.setdefault((event.call.path, event.outcome.status if by_status else 0), []).append(event)
    return list(groups.values())


def _cost(events: list[GrpcEnded]) -> int:
    return sum([max(event.outcome.total_ns, 0) for event in events])


def _often(events: list[GrpcEnded]) -> str:
    return f" {times(len(events))}" if len(events) > 1 else ""


def failed(case: Case) -> list[Found]:
    """A status other than OK; deadlines and what was given up are findings of their own."""
    found = []
    events = [
        event for event in case.of(GrpcEnded)
        if event.outcome.how == ANSWERED and event.outcome.status not in (OK, CANCELLED, DEADLINE_EXCEEDED)
    ]
    for group in _grouped(events, True):
        outcome = group[0].outcome
        said = f" The server says: {outcome.message}" if outcome.message else ""
        said += "." if said and said[-1] not in ".!?" else ""
        meaning = status_meaning(outcome.status)
        severity = "note"
        if outcome.status in SEVERE:
            severity = "error"
        elif outcome.status in NOTABLE:
            severity = "warn"
        found.append(Found(
            f"{group[0].call.name()} ended{_often(group)} with {status_name(outcome.status)}"
            f"{f': {meaning}' if meaning else ''}.{said}", frames_of(group), case.conversation, cost_ns=_cost(group),
            severity=severity, basis="grpc-status in the response",
        ))
    return found


def deadline(case: Case) -> list[Found]:
    found = []
    for group in _grouped([event for event in case.of(GrpcEnded) if event.deadline_passed()], False):
        first = group[0]
        stated = first.outcome.status == DEADLINE_EXCEEDED
        allowed = f" of {span(first.call.deadline_ns)}" if first.call.deadline_ns >= 0 else ""
        found.append(Found(
            f"{first.call.name()} did not end within its deadline{allowed}{_often(group)}.", frames_of(group),
            case.conversation, cost_ns=_cost(group), confidence=CERTAIN if stated else LIKELY,
            basis="the status of the server" if stated else "the stream was reset when grpc-timeout was over",
        ))
    return found


def given_up(case: Case) -> list[Found]:
    events = [
        event for event in case.of(GrpcEnded) if not event.deadline_passed()
        and (event.outcome.how == RESET or event.outcome.status == CANCELLED)
    ]
    return [
        Found(
            f"{group[0].call.name()} was given up{_often(group)}{_after(group[0])}.",
            frames_of(group), case.conversation, cost_ns=_cost(group),
            basis="the stream was reset without a status, or the status is CANCELLED", absent=_seen(case, group),
        )
        for group in _grouped(events, False)
    ]


def _after(event: GrpcEnded) -> str:
    return f" after {span(event.outcome.total_ns)}" if event.outcome.total_ns > 0 else ""


def no_status(case: Case) -> list[Found]:
    events = [event for event in case.of(GrpcEnded) if event.outcome.how == NO_STATUS]
    return [
        Found(
            f"The response to {group[0].call.name()} has no status of gRPC{_often(group)}"
            f"{_http(group[0])}; a client makes {status_name(group[0].outcome.implied)} of it.", frames_of(group),
            case.conversation, cost_ns=_cost(group), basis="no grpc-status in the response or its trailers",
            absent=_seen(case, group),
        )
        for group in _grouped(events, False)
    ]


def _seen(case: Case, group: list[GrpcEnded]) -> Absence:
    """That no status was missed while these calls ran."""
    return case.absence(NEITHER, min([event.begun for event in group]), max([event.time for event in group]))


def _http(event: GrpcEnded) -> str:
    return f" (HTTP {event.outcome.http_status})" if event.outcome.http_status >= 0 else ""


def too_large(case: Case) -> list[Found]:
    """A message larger than programs take unless they are told to, in a call that came to nothing for it."""
    found = []
    for event in case.of(GrpcEnded):
        outcome = event.outcome
        refused = outcome.status == RESOURCE_EXHAUSTED
        side = 0 if refused and outcome.largest[0] > DEFAULT_LARGEST else 1
        if outcome.largest[side] <= DEFAULT_LARGEST or not (refused or (outcome.how == RESET and outcome.by_client)):
            continue
        who = ("client", "server")[side]
        found.append(Found(
            f"A message of the {who} in {event.call.name()} is {size(outcome.largest[side])} long, more than the "
            f"{size(DEFAULT_LARGEST)} that a program takes by default, and the call "
            f"{'ended with ' + status_name(outcome.status) if refused else 'was reset by the client'}.",
            event.evidence.frames, case.conversation, confidence=LIKELY,
            basis="the length that the header of the message announces, and how the call ended",
        ))
    return found


def near_deadline(case: Case) -> list[Found]:
    events = [
        event for event in case.of(GrpcEnded)
        if event.call.deadline_ns > 0 and not event.deadline_passed() and event.outcome.how == ANSWERED
        and event.outcome.total_ns >= event.call.deadline_ns * NEAR
    ]
    found = []
    for group in _grouped(events, False):
        worst = max(group, key=_share)
        found.append(Found(
            f"{worst.call.name()} took {span(worst.outcome.total_ns)} of the {span(worst.call.deadline_ns)} "
            f"that the client allowed{_often(group)}.", frames_of(group), case.conversation, cost_ns=_cost(group),
            basis="from the request to the status, against grpc-timeout",
        ))
    return found


def _share(event: GrpcEnded) -> float:
    return event.outcome.total_ns / event.call.deadline_ns


def attempts(case: Case) -> list[Found]:
    events = [event for event in case.of(Began) if event.call.attempt > 1]
    groups: dict[str, list[Began]] = {}
    for event in events:
        groups.setdefault(event.call.path, []).append(event)
    return [
        Found(
            f"{path} was tried again {times(len(group))}; the attempts went up to number "
            f"{max([event.call.attempt for event in group])}.", frames_of(group), case.conversation,
            basis="grpc-previous-rpc-attempts in the request",
        )
        for path, group in groups.items()
    ]


def no_deadline(case: Case) -> list[Found]:
    events = [event for event in case.of(Began) if event.call.whole and not event.call.deadline_text]
    if not events:
        return []
    return [Found(
        f"{plural(len(events), 'call')} had no deadline, so {'it' if len(events) == 1 else 'they'} may wait for ever.",
        frames_of(events), case.conversation, basis="no grpc-timeout in the request",
    )]


def too_many_pings(case: Case) -> list[Found]:
    events = [event for event in case.of(GoAway) if TOO_MANY_PINGS in event.debug]
    if not events:
        return []
    return [Found(
        "The server ended the connection because the client sent too many keep-alive pings.", frames_of(events),
        case.conversation, basis="too_many_pings in GOAWAY",
    )]


def unread(case: Case) -> list[Found]:
    events = case.of(GrpcIncomplete)
    if not events:
        return []
    return [Found(
        f"{size(sum([event.octets for event in events]))} of calls cannot be told as messages.", frames_of(events),
        case.conversation, basis=events[0].reason,
    )]


GRPC_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "grpc.failed", "warn", DENIAL, failed,
        "A call ended with a status other than OK.",
        "Look into the log of the server at this time; grpc-message says what it wanted to be known.",
        "A later attempt of the same call that succeeds.", "grpc",
    ),
    Rule(
        "grpc.deadline", "warn", FAILURE, deadline,
        "A call ran out of time.",
        "See what the server did in this time, or allow more; the work may have been done all the same.",
        "An answer that came in time on the client's side.", "grpc",
    ),
    Rule(
        "grpc.given_up", "note", DENIAL, given_up,
        "A call was given up before it had ended.",
        "Find out who gave up and why: a user who left, a program that lost interest, a proxy.",
        "A status that the capture missed.", "http2.type == 3", absence=True,
    ),
    Rule(
        "grpc.no_status", "error", FAILURE, no_status,
        "A call ended without a status.",
        "Look at what answers there: mostly a proxy or a server that is no gRPC.",
        "Trailers that the capture missed.", "http2", absence=True, lasting=True,
    ),
    Rule(
        "grpc.too_large", "warn", FAILURE, too_large,
        "A message was larger than the receiver takes.",
        "Send less at once, or stream it; raise the largest message that the receiver takes where that is meant.",
        "A receiver with another limit, which gave up for another reason.", "grpc",
    ),
    Rule(
        "grpc.near_deadline", "note", SLOW, near_deadline,
        "A call took nearly as long as its deadline allows.",
        "Allow more time, or make the call faster, before it fails under load.",
        "A deadline that is meant to be this short.", "grpc",
    ),
    Rule(
        "grpc.attempts", "note", SLOW, attempts,
        "A call was tried more than once.",
        "Look for the failures of the earlier attempts, and whether the method may be repeated.",
        "Attempts that were planned at once, to take the fastest.", "grpc",
    ),
    Rule(
        "grpc.no_deadline", "chat", WEAK, no_deadline,
        "Calls were made without a deadline.",
        "Set a deadline on every call.", "A deadline that the client keeps to itself.", "grpc",
    ),
    Rule(
        "grpc.too_many_pings", "warn", FAILURE, too_many_pings,
        "A server ended the connection since the client sent too many pings.",
        "Let the client send keep-alive pings less often than the server allows, which is 5 minutes unless changed.",
        "A server that says it for another reason.", "http2.type == 7",
    ),
    Rule(
        "grpc.unread", "note", OUTLOOK, unread,
        "Some of a call's bytes could not be read.",
        "Capture again without losses.", "The missing bytes, elsewhere.", "http2",
    ),
)
