"""Events of one conversation into phases, by what each event's class says of itself.

A connection opens, carries data and ends once, so each of these kinds is one phase however its events lie, and so are
the handshake and the records of TLS below another protocol. Phases of other protocols stand between opening and
transfer, in order of start. A kind that comes back after another protocol had its turn is a phase of its own, unless
there are too many.
"""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.model import Account, Phase
from analyzer.timeline.application import application_facts
from analyzer.timeline.connection import describe_connection
from analyzer.timeline.counted import counted_phase, describe_echo, traffic_facts
from analyzer.timeline.titles import Titles
from analyzer.timeline.transfer import describe_transfer, transfer_end
from dissectors.kit.event import Event
from dissectors.kit.units import plural
from dissectors.protocols.dns.lookup import Lookup
from dissectors.protocols.icmp import IcmpError
from dissectors.wire.secrets.gate import Said
from dissectors.wire.secrets.text import shown_text

HANDSHAKE: Final = "handshake"
TRANSFER: Final = "transfer"
TEARDOWN: Final = "teardown"
SECURED: Final = "tls handshake"
CARRIAGE: Final = "tls data"     # records that carry another protocol, or hide which one
ECHO: Final = "echo"

MAX_RETURNS: Final = 1   # of a kind after another one's turn; layers that alternate more often are told once each

# Where a kind stands; all others come in between, by start.
RANK: Final = {HANDSHAKE: 0, SECURED: 1, CARRIAGE: 2, TRANSFER: 3, TEARDOWN: 4}
OTHERS: Final = 1


def phases_of(account: Account, lookups: list[Lookup], titles: Titles) -> list[Phase]:
    """The phases of a conversation, in order, each with its title and facts."""
    conversation = account.conversation
    if not account.events:
        phases = [counted_phase(conversation)] if conversation.transport != "tcp" else []
    else:
        phases = [_phase(kind, events, titles) for kind, events in _grouped(account)]
        for phase in phases:
            _describe(phase, account, lookups)
    if phases:
        carrier = next((phase for phase in phases if phase.kind == TRANSFER), phases[-1])
        carrier.left_out += account.left_out
        _unshown(carrier, account)
    for phase in phases:
        phase.title = shown_text(phase.title, account.marks)
        phase.facts = [shown_text(fact, account.marks) for fact in phase.facts]
    return phases


def _grouped(account: Account) -> list[tuple[str, list[Event]]]:
    """(kind, events in order of time) for each phase to be, in order."""
    once: dict[str, list[Event]] = {}
    runs: list[tuple[str, list[Event]]] = []
    for kind, event in _with_kinds(account):
        if kind in RANK:
            once.setdefault(kind, []).append(event)
        elif runs and runs[-1][0] == kind:
            runs[-1][1].append(event)
        else:
            runs.append((kind, [event]))
    if len(runs) > len({kind for kind, _events in runs}) + MAX_RETURNS:
        merged: dict[str, list[Event]] = {}
        for kind, events in runs:
            merged.setdefault(kind, []).extend(events)
        runs = list(merged.items())
    groups = runs + list(once.items())
    groups.sort(key=_place)
    return groups


def _place(group: tuple[str, list[Event]]) -> tuple[int, int]:
    return RANK.get(group[0], OTHERS), group[1][0].time


def _with_kinds(account: Account) -> list[tuple[str, Event]]:
    """Events by time, each with the kind of its phase.

    Some have none of their own (malformed bytes, a cap that was reached), and an ICMP error is about whatever
    was going on: they belong where the event before them does. Without TCP there is no phase of transport beside
    that of the application.
    """
    events = sorted(account.events, key=attrgetter("time"))
    own = [event.phase for event in events if event.phase and not isinstance(event, IcmpError)]
    kind = own[0] if own else TRANSFER
    alone = account.conversation.transport != "tcp"
    out: list[tuple[str, Event]] = []
    for event in events:
        if event.phase and not isinstance(event, IcmpError):
            if not (alone and event.phase == TRANSFER and any(phase != TRANSFER for phase in own)):
                kind = event.phase
        out.append((kind, event))
    return out


def _phase(kind: str, events: list[Event], titles: Titles) -> Phase:
    named = next((event for event in events if event.phase), events[0])
    phase = Phase(kind, titles.phase(kind, named), events[0].time, events[-1].time)
    phase.events = events
    return phase


def _describe(phase: Phase, account: Account, lookups: list[Lookup]) -> None:
    """Title, facts, end and series, by what its kind has to say."""
    conversation = account.conversation
    if phase.kind == TRANSFER:
        if conversation.transport == "tcp":
            phase.end_ns = transfer_end(phase, conversation)
            describe_transfer(phase, account)
        else:
            phase.title = "Datagrams" if conversation.transport == "udp" else "Packets"
            phase.start_ns, phase.end_ns = conversation.start_ns, conversation.end_ns
            phase.facts += traffic_facts(conversation)
    elif phase.kind in (HANDSHAKE, TEARDOWN):
        describe_connection(phase)
    elif phase.kind == ECHO:
        describe_echo(phase, conversation)
    else:
        titles = [title for title in [Said(event).phase_title() for event in phase.events] if title]
        phase.title = titles[-1] if titles else phase.title
        phase.facts += application_facts(phase, conversation, lookups)


def _unshown(phase: Phase, account: Account) -> None:
    """Say how many frames no event cites: data in order, plain ACKs, what was counted only."""
    conversation = account.conversation
    if conversation.transport != "tcp" or account.left_out:
        return
    cited = {frame for event in account.events for frame in event.evidence.frames}
    rest = sum(conversation.frames) - len(cited)
    if rest > 0:
        phase.left_out.append(f"{plural(rest, 'frame')} of data in order or plain ACKs not shown one by one")
