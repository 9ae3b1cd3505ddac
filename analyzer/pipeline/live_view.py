"""From a growing capture to what a screen shows: the table, the log, one conversation in detail."""
from __future__ import annotations

from itertools import islice
from typing import Final

from analyzer.flows.flow import (
    CLOSED,
    SAW_DATA,
    SAW_FIN,
    SAW_FIRST_ACK,
    SAW_RST,
    SAW_SYN,
    SAW_SYN_ACK,
    Flow,
    TcpFlow,
    UdpFlow,
)
from analyzer.live.audience import Detail, Line, Wishes
from analyzer.model import Account, Conversation
from analyzer.pipeline.live import LiveAnalysis, LiveTeller
from analyzer.report.selection import is_told
from analyzer.report.words import NORMAL, frame_list, since_start
from analyzer.timeline.phases import phases_of
from analyzer.timeline.titles import Titles
from dissectors.kit.event import APPLICATION, CARRYING, SECURING, Event
from dissectors.kit.units import duration, plural, size
from dissectors.wire.secrets.gate import Said

MAX_LINES: Final = 400        # conversations in the table of a screen
MAX_ENDED: Final = 5_000      # of the conversations that ended, the latest, are looked at for the table
MAX_SHOWN_EVENTS: Final = 300  # of the conversation in detail, the latest
MAX_SHOWN_FACTS: Final = 6
SETTLING: Final = 0.5         # of a rate that belongs to the latest moment; the rest to those before


class Pace:
    """What passed in one conversation up to the last look, and how fast. Bits per second, by direction."""

    __slots__ = ("octets", "rates", "rtt", "samples", "sums")

    def __init__(self) -> None:
        self.octets = [0, 0]
        self.rates = [0.0, 0.0]
        self.sums = [0, 0]
        self.samples = [0, 0]
        self.rtt = -1


class Viewer:
    """Makes the lines of the table. Rates are measured between two calls of `lines()`."""

    def __init__(self, live: LiveAnalysis) -> None:
        self.live = live
        self.titles = Titles()
        self.paces: dict[int, Pace] = {}
        self.before = 0.0
        self.open = 0             # conversations that had not ended at the last look

    def lines(self, now: float, wishes: Wishes) -> tuple[list[Line], int]:
        """(the first lines in the wanted order, how many pass the filter). now: seconds of any steady clock."""
        span = now - self.before if self.before else 0.0
        self.before = now
        words = wishes.filter.lower().split()
        found: list[Line] = []
        paces: dict[int, Pace] = {}
        opened = 0
        for number, teller in self.live.tellers.items():
            if not teller.chosen:
                continue
            pace = self.paces.get(number) or Pace()
            paces[number] = pace
            if teller.flow is not None:
                self._measure(teller.flow, pace, span)
            line = self._line(teller, pace)
            opened += line.phase not in CLOSED_PHASES
            if passes(line, words):
                found.append(line)
        for teller in islice(reversed(self.live.finished.values()), MAX_ENDED):
            if not teller.chosen:
                continue
            line = self._line(teller, None)
            if passes(line, words):
                found.append(line)
        self.paces = paces
        self.open = opened
        key = SORTS.get(wishes.sort, SORTS["last"])
        found.sort(key=key, reverse=not wishes.reverse)
        shown = found[:MAX_LINES]
        if wishes.selected and not any(line.number == wishes.selected for line in shown):
            shown += [line for line in found[MAX_LINES:] if line.number == wishes.selected]
        return shown, len(found)

    def _measure(self, flow: Flow, pace: Pace, span: float) -> None:
        if not isinstance(flow, (TcpFlow, UdpFlow)):
            return
        for side, half in ((0, flow.originator), (1, flow.responder)):
            octets = int(half.octets)
            if span > 0:
                latest = (octets - pace.octets[side]) * 8 / span
                pace.rates[side] += SETTLING * (latest - pace.rates[side])
            pace.octets[side] = octets
        if not isinstance(flow, TcpFlow):
            return
        for side, sender in ((0, flow.originator), (1, flow.responder)):
            samples, total = int(sender.rtt_samples), int(sender.rtt_sum)
            if samples > pace.samples[side]:
                mean = (total - pace.sums[side]) // (samples - pace.samples[side])
                if side == 0 or not pace.samples[0] or mean > pace.rtt:
                    pace.rtt = mean      # the longer way is the one beyond where we capture
                pace.samples[side], pace.sums[side] = samples, total
        if pace.rtt < 0 and flow.hand.initial_rtt:
            pace.rtt = int(flow.hand.initial_rtt)

    def _line(self, teller: LiveTeller, pace: Pace | None) -> Line:
        account = teller.account
        conversation = account.conversation
        flow = teller.flow
        octets, frames, resent = conversation.octets, sum(conversation.frames), 0
        first, last = conversation.start_ns, conversation.end_ns
        rates, rtt = [0.0, 0.0], -1
        protocol = conversation.protocol
        if pace is not None and isinstance(flow, (TcpFlow, UdpFlow)):
            octets, rates, rtt = pace.octets, pace.rates, pace.rtt
            frames = int(flow.originator.frames + flow.responder.frames)
            last = int(flow.last_time)
            protocol = teller.teller.router.protocol if teller.teller is not None else protocol
            if isinstance(flow, TcpFlow):
                resent = int(flow.originator.retransmitted + flow.responder.retransmitted)
        elif conversation.tcp is not None:
            rtt = conversation.tcp.initial_rtt_ns
            resent = sum(count for side in conversation.tcp.flags for name, count in side.items()
                         if name.endswith("retransmission"))
        return Line(
            conversation.number, conversation.transport, protocol, str(conversation.originator),
            str(conversation.responder), conversation.responder.name or conversation.originator.name, teller.owner,
            self.phase(teller), not teller.ended, rates[0], rates[1], rtt, octets[0], octets[1], frames, resent,
            len(teller.codes), teller.worst, first, last,
        )

    def phase(self, teller: LiveTeller) -> str:
        """What the conversation is doing now, in a word or two."""
        flow = teller.flow
        if flow is None:
            return ended(teller.account.conversation)
        if isinstance(flow, TcpFlow):
            marks = int(flow.marks)
            if marks & CLOSED:
                return "reset" if marks & SAW_RST else "closed"
            if marks & SAW_FIN:
                return "closing"
            if marks & SAW_SYN and not marks & SAW_SYN_ACK:
                return "SYN sent"
            if marks & SAW_SYN_ACK and not marks & (SAW_FIRST_ACK | SAW_DATA):
                return "opening"
        latest = next((event for event in reversed(teller.account.events) if event.rank in ABOVE), None)
        if latest is not None:
            return self.titles.phase(latest.phase, latest)
        return "data" if int(flow.marks) & SAW_DATA else "open" if isinstance(flow, TcpFlow) else "datagrams"

    def detail(self, number: int) -> Detail | None:
        """The timeline of one conversation as far as it has grown; None where it is not kept."""
        live = self.live
        teller = live.tellers.get(number)
        if teller is not None:
            live.settle(teller, live.now)
        else:
            teller = live.finished.get(number)
        if teller is None:
            return None
        account = teller.account
        conversation = account.conversation
        latest = Account(conversation, account.marks, account.observed)
        latest.events = account.events[-MAX_SHOWN_EVENTS:]
        latest.limits, latest.left_out = account.limits, list(account.left_out)
        phases = phases_of(latest, [], self.titles)
        events: list[tuple[int, str, str, int, str, str, str, str]] = []
        for index, phase in enumerate(phases):
            for event in phase.events:
                if is_told(event, NORMAL):
                    events.append(shown(index, event, conversation.start_ns))
        return Detail(
            number, f"{conversation.transport} {conversation.originator} ⇄ {conversation.responder}",
            facts_of(conversation, teller),
            [(finding.severity, finding.sentence) for finding in teller.codes.values()],
            [(phase.title, phase.facts[:MAX_SHOWN_FACTS]) for phase in phases], events,
            len(account.events) - len(latest.events) + teller.thinned,
        )


# Phases above the transport itself: what an application does says more.
ABOVE: Final = (SECURING, APPLICATION, CARRYING)
CLOSED_PHASES: Final = ("closed", "reset")
SEVERITY_ORDER: Final = {"error": 4, "warn": 3, "note": 2, "chat": 1, "": 0}

SORTS: Final = {
    "last": lambda line: line.last_ns,
    "number": lambda line: line.number,
    "rate": lambda line: (line.rate_out + line.rate_in, line.last_ns),
    "octets": lambda line: line.octets_out + line.octets_in,
    "rtt": lambda line: line.rtt_ns,
    "findings": lambda line: (SEVERITY_ORDER.get(line.worst, 0), line.findings, line.last_ns),
}


def passes(line: Line, words: list[str]) -> bool:
    """Whether every word stands in one of the texts of this line."""
    if not words:
        return True
    text = (
        f"{line.number} {line.transport} {line.protocol} {line.originator} {line.responder} {line.name} {line.owner} "
        f"{line.phase} {line.worst} {'open' if line.is_open else 'over'}"
    ).lower()
    return all(word in text for word in words)


def ended(conversation: Conversation) -> str:
    """How a conversation that is over ended."""
    if conversation.transport != "tcp":
        return "silent"
    state = conversation.state
    if state == "SF":
        return "closed"
    if state.startswith("RST"):
        return "reset"
    return {"REJ": "refused", "S0": "no answer"}.get(state, "silent")


def facts_of(conversation: Conversation, teller: LiveTeller) -> list[str]:
    """What stands under the title of a conversation."""
    facts = [
        f"{plural(conversation.frames[0], 'frame')} →, {conversation.frames[1]} ←",
        f"{size(conversation.payload[0])} →, {size(conversation.payload[1])} ←",
        duration(max(conversation.end_ns - conversation.start_ns, 0)),
    ]
    tcp = conversation.tcp
    if tcp is not None and tcp.handshake_rtt_ns >= 0:
        facts.append(f"round trip {duration(tcp.handshake_rtt_ns)}")
    names = conversation.names()
    facts += names
    if conversation.scope:
        facts.append(conversation.scope)
    if teller.owner:
        facts.append(teller.owner)
    return facts + list(teller.account.left_out)


def shown(phase: int, event: Event, start_ns: int) -> tuple[int, str, str, int, str, str, str, str]:
    said = Said(event)
    return (
        phase, frame_list(event.evidence.frames), since_start(event.time - start_ns), event.direction,
        said.label(), said.detail(), said.what(), event.spec,
    )
