"""Events of one conversation into phases, by what each event's class says of itself.

A connection opens, carries data and ends once, so each of these ranks is one phase however its events lie, and so are
what makes it safe and what carries another protocol. Phases of applications stand between opening and transfer, in
order of start. A kind that comes back after another one had its turn is a phase of its own, unless there are too many.
What a phase amounts to is said by the protocol whose events it holds.
"""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.model import Account, Conversation, Phase, Unkept
from analyzer.timeline.titles import Titles
from dissectors.kit.event import ANYWHERE, APPLICATION, CARRYING, CLOSING, OPENING, SECURING, TRANSFER, Event
from dissectors.kit.lookup import Lookup
from dissectors.kit.phase import Stretch, Summary, Traffic, summed_up
from dissectors.kit.units import grouped, plural
from dissectors.wire.secrets.text import shown_text

STREAM: Final = "tcp"            # the transport whose octets are a phase of their own
UNNAMED: Final = "transfer"      # the phase of events that have none, where nothing else goes on

MAX_RETURNS: Final = 1   # of a kind after another one's turn; layers that alternate more often are told once each

# Where a phase of each rank stands; those of the same place by start.
PLACE: Final = {OPENING: 0, SECURING: 1, APPLICATION: 1, CARRYING: 2, TRANSFER: 3, CLOSING: 4}

# (kind, title) of a conversation that no dissector understood, by its transport.
COUNTED: Final = {
    "udp": ("datagrams", "Datagrams"), "icmp": ("messages", "ICMP messages"), "icmpv6": ("messages", "ICMPv6 messages"),
    "fragments": ("fragments", "Fragments of datagrams"),
}
TRANSPORTS: Final = {"icmpv6": "ICMPv6", "fragments": "IP"}    # whose names are not their titles in capitals

Kind = tuple[int, str]           # rank, kind


def phases_of(account: Account, lookups: list[Lookup], titles: Titles) -> list[Phase]:
    """The phases of a conversation, in order, each with its title and facts."""
    conversation = account.conversation
    traffic = _traffic(account, lookups)
    if not account.events:
        phases = [_counted(conversation, traffic)] if conversation.transport != STREAM else []
    else:
        phases = [_phase(kind, events, traffic, titles) for kind, events in _grouped(account)]
    if phases:
        carrier = next((phase for phase in phases if phase.rank == TRANSFER), phases[-1])
        carrier.left_out += account.left_out
        _unshown(carrier, account)
        for (rank, kind), unkept in account.unkept.items():
            own = [phase for phase in phases if (phase.rank, phase.kind) == (rank, kind)]
            phase = own[-1] if own else carrier
            phase.end_ns = max(phase.end_ns, unkept.end_ns)
            phase.left_out.append(_counted_only(unkept))
    for phase in phases:
        phase.title = shown_text(phase.title, account.marks)
        phase.label = shown_text(phase.label, account.marks)
        phase.outcome = shown_text(phase.outcome, account.marks)
        phase.facts = [shown_text(fact, account.marks) for fact in phase.facts]
        phase.outcome = shown_text(phase.outcome, account.marks)
    return phases


def bare_phases(account: Account) -> list[Phase]:
    """The same without title and facts, for whoever looks at the events only."""
    found: list[Phase] = []
    for (rank, kind), events in _grouped(account) if account.events else []:
        phase = Phase(kind, "", events[0].time, events[-1].time, rank)
        phase.events = events
        found.append(phase)
    return found


def transport_title(transport: str) -> str:
    return TRANSPORTS.get(transport, transport.upper())


def _traffic(account: Account, lookups: list[Lookup]) -> Traffic:
    conversation = account.conversation
    traffic = Traffic(
        conversation.number, conversation.transport, conversation.start_ns, conversation.end_ns,
        conversation.sent_frames(), conversation.sent_payload(),
    )
    if account.left_out and conversation.tcp is not None:
        traffic.stream = conversation.tcp.unique
    traffic.lookups = lookups
    return traffic


def _grouped(account: Account) -> list[tuple[Kind, list[Event]]]:
    """(kind, events in order of time) for each phase to be, in order."""
    once: dict[Kind, list[Event]] = {}
    runs: list[tuple[Kind, list[Event]]] = []
    for kind, event in _with_kinds(account):
        if kind[0] != APPLICATION:
            once.setdefault(kind, []).append(event)
        elif runs and runs[-1][0] == kind:
            runs[-1][1].append(event)
        else:
            runs.append((kind, [event]))
    if len(runs) > len({kind for kind, _events in runs}) + MAX_RETURNS:
        merged: dict[Kind, list[Event]] = {}
        for kind, events in runs:
            merged.setdefault(kind, []).extend(events)
        runs = list(merged.items())
    groups = runs + list(once.items())
    groups.sort(key=_place)
    return groups


def _place(group: tuple[Kind, list[Event]]) -> tuple[int, int]:
    return PLACE[group[0][0]], group[1][0].time


def _with_kinds(account: Account) -> list[tuple[Kind, Event]]:
    """Events by time, each with the kind of its phase.

    Some are about whatever was going on (malformed bytes, a cap that was reached, an error of ICMP): they belong where
    the event before them does. Without a stream there is no phase of transport beside that of the application.
    """
    events = sorted(account.events, key=attrgetter("time"))
    own = [(event.rank, event.phase) for event in events if event.phase and event.rank != ANYWHERE]
    kind = own[0] if own else (TRANSFER, UNNAMED)
    alone = account.conversation.transport != STREAM and any(rank != TRANSFER for rank, _kind in own)
    out: list[tuple[Kind, Event]] = []
    for event in events:
        if event.phase and event.rank != ANYWHERE and not (alone and event.rank == TRANSFER):
            kind = (event.rank, event.phase)
        out.append((kind, event))
    return out


def _phase(kind: Kind, events: list[Event], traffic: Traffic, titles: Titles) -> Phase:
    """Title, facts and end, as the protocol of its events sums them up."""
    rank, name = kind
    named = next((event for event in events if event.phase and event.rank != ANYWHERE), events[0])
    owner = titles.owner(events, traffic.transport)
    stretch = Stretch(name, titles.phase(name, named), events, traffic)
    if owner is not None and owner.summarise is not None:
        summary = owner.summarise(stretch)
    elif rank == TRANSFER and traffic.transport != STREAM:
        summary = _packets(stretch)
    else:
        summary = summed_up(stretch, [])
    phase = Phase(name, summary.title, summary.start_ns, summary.end_ns, rank)
    phase.events, phase.facts = events, summary.facts
    phase.outcome, phase.octets, phase.label = summary.outcome, summary.octets, summary.label
    return phase


def _packets(stretch: Stretch) -> Summary:
    """Of a conversation without a stream, in which nothing was recognised: counts."""
    traffic = stretch.traffic
    summary = Summary(stretch, "Datagrams" if traffic.transport == "udp" else "Packets", traffic.counted())
    summary.start_ns, summary.end_ns = traffic.start_ns, traffic.end_ns
    summary.label = transport_title(traffic.transport)
    return summary


def _counted(conversation: Conversation, traffic: Traffic) -> Phase:
    """The one phase of a conversation that no dissector understood: unknown is data too."""
    kind, title = COUNTED.get(conversation.transport, ("packets", "Packets"))
    phase = Phase(kind, title, conversation.start_ns, conversation.end_ns)
    phase.facts = traffic.counted()
    phase.label = transport_title(conversation.transport)
    if not conversation.protocol and kind not in ("messages", "fragments"):
        phase.facts.append("the protocol was not recognised")
    return phase


def _counted_only(unkept: Unkept) -> str:
    kinds = ", ".join(f"{grouped(count)} {name}" for name, count in sorted(unkept.names.items()))
    events = plural(sum(unkept.names.values()), "further event")
    return f"{events} from #{unkept.frame} on, counted and not kept: {kinds}"


def _unshown(phase: Phase, account: Account) -> None:
    """Say how many frames no event cites: data in order, plain ACKs, what was counted only."""
    conversation = account.conversation
    if conversation.transport != STREAM or account.left_out or account.unkept:
        return
    cited = {frame for event in account.events for frame in event.evidence.frames}
    rest = sum(conversation.frames) - account.copies - len(cited)
    if rest > 0:
        phase.plain = f"{plural(rest, 'frame')} of data in order or plain ACKs not shown one by one"
        phase.left_out.append(phase.plain)
