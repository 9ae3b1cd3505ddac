"""Findings about answers that do not fit what was asked: whose they are, and what follows from them."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    FAILURE,
    LIKELY,
    NOTE,
    OUTLOOK,
    POSSIBLE,
    SLOW,
    Case,
    Found,
    Rule,
    frames_of,
    times,
)
from analyzer.model import Analysis, Told
from dissectors.kit.units import plural, span
from dissectors.protocols.dns.events import Mismatch
from dissectors.protocols.dns.transactions import (
    AGAIN,
    COPIED,
    DIFFERS,
    EARLY,
    NEVER_ASKED,
    OTHER_ADDRESS,
    TOO_LATE,
    WRONG_ID,
    WRONG_QUESTION,
)
from dissectors.protocols.icmp import IcmpError

GUESSES: Final = 3     # wrong ids for one question that are no late answers


def _of(case: Case, *fits: int) -> list[Mismatch]:
    return [event for event in case.of(Mismatch) if event.fit in fits]


def mismatch(case: Case) -> list[Found]:
    """What was asked in another way is told as such; what was not seen to be asked, or was answered, is a note."""
    wrong = _of(case, WRONG_ID, WRONG_QUESTION)
    surely = [event for event in wrong if event.unanswered]
    if len(wrong) >= GUESSES:
        surely = wrong
    whole = [event for event in _of(case, NEVER_ASKED) if event.whole]
    unseen = [event for event in _of(case, NEVER_ASKED) if not event.whole]
    again = _of(case, AGAIN, COPIED) + [event for event in wrong if event not in surely]
    found = []
    for events, tail, severity in (
        (surely, "no question as it was asked", _alone(case, surely)), (whole, "no question as it was asked", ""),
        (unseen, "no question that the capture holds", NOTE), (again, "a question that was answered already", NOTE),
    ):
        if events:
            found.append(Found(
                f"{plural(len(events), 'response')} of {case.end(events[0].direction)} "
                f"{'match' if len(events) > 1 else 'matches'} {tail}.",
                frames_of(events), case.conversation, severity=severity, confidence=POSSIBLE,
                basis=events[0].reason.rstrip("."),
            ))
    return found


def _alone(case: Case, events: list[Mismatch]) -> str:
    """The severity of answers to what was asked otherwise: the right answer may have been missed."""
    return NOTE if events and not case.absence(events[0].direction).proven else ""


def differ(case: Case) -> list[Found]:
    """Sent once, answered twice, and not alike: a cache that rotates, or a name that moves, answers a second question
    otherwise; it does not answer one question twice."""
    found = []
    for event in _of(case, DIFFERS):
        asked = event.asked
        if asked is None:
            continue
        found.append(Found(
            f"Two answers to the same question contradict each other: \"{event.said_before()}\" after "
            f"{span(asked.first_answer - asked.time)}, then \"{event.text()}\" after "
            f"{span(event.time - asked.time)}; the second is no copy of the first: one of them may be injected.",
            frames_of([event]), case.conversation, confidence=LIKELY,
            basis=f"both come from {case.end(event.direction)} with the id 0x{asked.id:04x}, and the question was sent "
            f"{times(asked.attempt)}",
        ))
    return found


def other_address(analysis: Analysis) -> list[Found]:
    """The same id, port and name: the answer to that question, from an address that was not asked."""
    groups: dict[tuple[str, str, str], list[tuple[Told, Mismatch]]] = {}
    refused: set[str] = set()
    for told in analysis.told:
        ends = (told.conversation.originator.address, told.conversation.responder.address)
        events = [event for phase in told.phases for event in phase.events]
        for event in events:
            if isinstance(event, Mismatch) and event.fit == OTHER_ADDRESS:
                server, client = ends[event.direction], ends[1 - event.direction]
                groups.setdefault((client, server, event.instead), []).append((told, event))
                refused |= {error.sender for error in events if isinstance(error, IcmpError)}
    return [_other_address(group, client in refused) for (client, _server, _asked), group in groups.items()]


def _other_address(group: list[tuple[Told, Mismatch]], refused: bool) -> Found:
    told, first = group[0]
    server = told.conversation.responder if first.direction else told.conversation.originator
    after = first.time - first.asked.time if first.asked is not None else 0
    return Found(
        f"{server.address} answered {plural(len(group), 'question')} that went to {first.instead}, the first of them "
        f"{span(after)} after it with the same id (0x{first.message.id:04x}), port and name: a client may not take "
        f"an answer from another address{', and this one refused it with ICMP' if refused else ''}.",
        tuple(sorted({frame for _told, event in group for frame in _frames(event)})), told.conversation,
        confidence=CERTAIN, basis=f"{first.refers}, and its answer (RFC 5452 §9.1)",
    )


def _frames(event: Mismatch) -> tuple[int, ...]:
    """With the question, which is in another conversation."""
    asked = (event.asked.frame,) if event.asked is not None else ()
    return (*asked, *event.evidence.frames)


def too_late(case: Case) -> list[Found]:
    return [
        Found(
            f"The answer to the question in frame {event.asked.frame} came {span(event.time - event.asked.time)} "
            f"after it, {span(event.since)} after the client had given it up.",
            frames_of([event]), case.conversation, confidence=CERTAIN,
            basis="the stream of the question, which the client reset before",
        )
        for event in _of(case, TOO_LATE) if event.asked is not None
    ]


def early(case: Case) -> list[Found]:
    events = _of(case, EARLY)
    if not events:
        return []
    return [Found(
        f"{plural(len(events), 'answer')} of {case.end(events[0].direction)} "
        f"{'stand' if len(events) > 1 else 'stands'} in the capture before the question: its two directions are out of "
        "order, and times between them say nothing.",
        frames_of(events), case.conversation, confidence=LIKELY, basis=events[0].reason.rstrip("."),
    )]


ANSWER_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "dns.answers_differ", "warn", FAILURE, differ,
        "One question had two answers that are not alike.",
        "Ask the server over TCP or from elsewhere, and compare the TTL and the IP hop limit of the two answers.",
        "A server that corrects itself, or a name whose records changed in between.", "dns.flags.response == 1",
    ),
    Rule(
        "dns.mismatch", "warn", FAILURE, mismatch,
        "An answer fits no question.",
        "Compare id, ports and question: a duplicated or late answer is harmless, a forged one is not.",
        "The question, in a part of the capture that is missing.", "dns.flags.response == 1",
    ),
    Rule(
        "dns.too_late", "note", SLOW, too_late,
        "An answer came when nobody waited for it any more.",
        "See why the client gave up: its own timeout, or its user left.", "A client that used the answer.", "",
    ),
    Rule(
        "dns.out_of_order", "note", OUTLOOK, early,
        "An answer stands before its question in the capture.",
        "Capture both directions at one place, with one clock.", "A question before the answer that the capture lacks.",
        "dns",
    ),
)

ANSWER_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.other_address", "error", FAILURE, other_address,
        "An answer came from an address that was not asked.",
        "Look for address translation of one direction only, and for a server with several addresses that answers from "
        "the wrong one.",
        "A client that asked both addresses at once.", "dns",
    ),
)
