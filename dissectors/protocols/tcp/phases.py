"""What the phases of a TCP connection amount to: how it began, what it carried and what held it back, how it ended."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import Event
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED
from dissectors.kit.phase import ARROWS, Stretch, Summary, Traffic
from dissectors.kit.units import duration, plural, rate, size
from dissectors.protocols.tcp.events import HANDSHAKE, TEARDOWN
from dissectors.protocols.tcp.events_handshake import (
    FastOpen,
    HalfOpen,
    Midstream,
    SimultaneousOpen,
    Syn,
    SynAck,
    SynCookie,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.events_loss import Loss, LossSummary
from dissectors.protocols.tcp.events_teardown import HalfClose, LateSegments, NotEnded, TcpClosed, TcpReset
from dissectors.protocols.tcp.events_transfer import KeepAlive, Limits, Transfer, Turns, ZeroWindow, closed_for

LEAST_SHARE: Final = 20          # per cent: a cause that held the sender back for less of the time is no headline
LEAST_WAIT_SHARE: Final = 10     # per cent of the phase: shorter waits for answers are not worth a fact

# "unknown" is no headline: the frames do not show what it was.
CAUSES: Final = {
    "receiver": "limited by the receiver's window", "congestion": "limited by losses and their repair",
    "application": "waiting for the application",
}


def summarise(stretch: Stretch) -> Summary:
    """Title, facts and end of one of the three phases."""
    if stretch.kind == HANDSHAKE:
        title, facts = _opening(stretch.events)
        summary = Summary(stretch, title, facts)
        summary.outcome = _outcome(stretch.events)
        return summary
    if stretch.kind == TEARDOWN:
        title, facts = _ending(stretch.events)
        return Summary(stretch, title, facts)
    return _transfer(stretch)


# -- the opening -------------------------------------------------------------------------------------------


def _opening(events: list[Event]) -> tuple[str, list[str]]:
    title = "Handshake"
    facts: list[str] = []
    syns = len([event for event in events if isinstance(event, Syn)])
    answers = len([event for event in events if isinstance(event, SynAck)])
    crossed = any(isinstance(event, SimultaneousOpen) for event in events)
    for event in events:
        if isinstance(event, TcpEstablished):
            title = "Three-way handshake" if not crossed else title
            if syns == 1 and answers == 1:
                facts.append("one round trip")
        elif isinstance(event, SimultaneousOpen):
            title = "Simultaneous open"
        elif isinstance(event, TcpRefused):
            title = "Connection refused"
            facts.append(f"RST after {duration(event.after_ns)}")
        elif isinstance(event, TcpUnanswered):
            title = "No answer to the SYN"
        elif isinstance(event, HalfOpen):
            title = "Half open"
            facts.append("the handshake was never completed")
        elif isinstance(event, Midstream):
            title = "Already open"
            facts.append("what was read holds no SYN")
        elif isinstance(event, FastOpen) and event.result == "accepted":
            facts.append("data with the SYN (Fast Open)")
        elif isinstance(event, SynCookie):
            facts.append(f"SYN cookies ({event.confidence})")
    if not crossed:
        if syns > 1:
            facts.insert(0, f"{plural(syns, 'SYN')}, {_again(events, Syn)}")
        if answers > 1:
            facts.append(f"{plural(answers, 'SYN-ACK')}, {_again(events, SynAck)}")
    return title, list(dict.fromkeys(facts))


def _again(events: list[Event], kind: type[Syn] | type[SynAck]) -> str:
    waits = [event.since_ns for event in events if isinstance(event, kind) and event.attempt > 1]
    return f"sent again after {', '.join([duration(wait) for wait in waits[:4] if wait >= 0])}" + (
        " and so on" if len(waits) > 4 else ""
    )


def _outcome(events: list[Event]) -> str:
    """Why there is no connection, in a few words for the story; "" where there is one."""
    for event in events:
        if isinstance(event, TcpEstablished):
            return ""
        if isinstance(event, TcpRefused):
            return "refused"
        if isinstance(event, TcpUnanswered):
            return f"no answer to {plural(event.attempts, 'SYN')}"
        if isinstance(event, HalfOpen):
            return "half open"
        if isinstance(event, Midstream):
            return "already open"
    return ""


# -- what it carried ---------------------------------------------------------------------------------------


def _end(stretch: Stretch) -> int:
    """When the last run of data, repair or closed window of the phase was over; where its events do not tell all of
    them, when the conversation was."""
    if stretch.traffic.stream is not None:
        return max(stretch.traffic.end_ns, stretch.start_ns)
    end = stretch.end_ns
    for event in stretch.events:
        if isinstance(event, (Transfer, Turns, KeepAlive, ZeroWindow)):
            end = max(end, event.time + event.lasted_ns)
        elif isinstance(event, Loss) and event.repair.repaired:
            end = max(end, event.time + event.repair.lasted_ns)
    return max(min(end, stretch.traffic.end_ns), stretch.start_ns)


def _transfer(stretch: Stretch) -> Summary:
    events = stretch.events
    octets = _carried(events, stretch.traffic)
    order = (0, 1) if octets[0] > octets[1] else (1, 0)
    summary = Summary(stretch, "Data transfer", [])
    summary.octets = octets
    summary.end_ns = _end(stretch)
    for direction in order:
        if octets[direction]:
            summary.facts.append(f"{size(octets[direction])} {ARROWS[direction]}" + _pace(events, direction))
    if not any(octets):
        summary.title = "Keep-alive" if any(isinstance(event, KeepAlive) for event in events) else "No data"
    summary.facts += _waiting(events, summary.end_ns - summary.start_ns)
    for direction in order:
        summary.facts += _limited(events, direction)
    summary.facts += _repairs(events)
    summary.facts += _windows(events)
    return summary


def _carried(events: list[Event], traffic: Traffic) -> list[int]:
    """Stream bytes by direction, each once: what was told, or where not all was told what was counted."""
    if traffic.stream is not None:
        return list(traffic.stream)
    octets = [0, 0]
    for event in events:
        if isinstance(event, Transfer) and event.direction in (0, 1):
            octets[event.direction] += event.octets
        elif isinstance(event, Turns):
            octets[0] += event.octets_forward
            octets[1] += event.octets_backward
    return octets


def _pace(events: list[Event], direction: int) -> str:
    """` at 9.87 Mbit/s`: over the runs of data that are long enough for a rate, pauses between them left out."""
    octets = lasted = 0
    for event in events:
        if isinstance(event, Transfer) and event.direction == direction and event.bits_per_second() > 0:
            octets += event.octets
            lasted += event.lasted_ns
    return f" at {rate(octets * 8e9 / lasted)}" if lasted else ""


def _waiting(events: list[Event], span: int) -> list[str]:
    """How long the side that had asked waited for the first byte of each answer, where each turn is told."""
    turns = [event for event in events if isinstance(event, Transfer)]
    if not turns or any(isinstance(event, Turns) for event in events):
        return []
    asked = turns[0].direction
    answers = [turn for turn in turns if turn.direction != asked and turn.after_ns >= 0]
    waited = sum([turn.after_ns for turn in answers])
    if not answers or waited * 100 < span * LEAST_WAIT_SHARE:
        return []
    times = "" if len(answers) == 1 else f" in {len(answers)} turns"
    return [f"{duration(waited)} until the first bytes of {answers[0].who()} came{times}"]


def _limited(events: list[Event], direction: int) -> list[str]:
    for event in events:
        if isinstance(event, Limits) and event.direction == direction:
            for cause, time in event.shares:
                if cause in CAUSES and event.percent(time) >= LEAST_SHARE:
                    return [f"{CAUSES[cause]} for {event.percent(time)} % of the time {ARROWS[direction]}"]
    return []


def _repairs(events: list[Event]) -> list[str]:
    segments = [0, 0]
    for event in events:
        if event.direction not in (0, 1):
            continue
        if isinstance(event, Loss):
            segments[event.direction] += event.repair.segments
        elif isinstance(event, LossSummary):
            segments[event.direction] += event.segments
    return [
        f"{plural(count, 'segment')} resent {ARROWS[direction]}" for direction, count in enumerate(segments) if count
    ]


def _windows(events: list[Event]) -> list[str]:
    facts: list[str] = []
    for direction in (0, 1):
        closed = [event for event in events if isinstance(event, ZeroWindow) and event.direction == direction]
        if closed:
            facts.append(f"window of {closed[0].who()} closed{closed_for(closed)}")
    probes = sum([event.probes for event in events if isinstance(event, KeepAlive)])
    if probes:
        facts.append(plural(probes, "keep-alive"))
    return facts


# -- the end -----------------------------------------------------------------------------------------------


def _ending(events: list[Event]) -> tuple[str, list[str]]:
    title = "Teardown"
    facts: list[str] = []
    resets = 0
    for event in events:
        if isinstance(event, TcpClosed):
            if event.simultaneous:
                facts.append("both sides finished at the same time")
                facts.append("both have to keep TIME_WAIT")
            else:
                facts.append("both sides finished in order (FIN, ACK, FIN, ACK)")
                facts.append(f"{event.sides[event.holder & 1]} has to keep TIME_WAIT")
        elif isinstance(event, TcpReset) and event.survived:
            facts.append("a RST that it outlives")
        elif isinstance(event, TcpReset):
            resets += 1
            if resets == 1:
                title = "Reset" if title == "Teardown" and not facts else title
                facts.append(f"by {event.who()}" + (f" ({event.cause})" if event.cause else ""))
        elif isinstance(event, HalfClose):
            facts.append(f"half close for {duration(event.lasted_ns)}")
        elif isinstance(event, NotEnded):
            title = "No end seen"
            facts.append("one direction is not in the capture" if event.unheard >= 0 else {
                CAPTURE_ENDED: "the capture ends first", READING_ENDED: "the reading ends first",
                "idle": f"silent for {duration(event.silent_ns)}",
                "reused": "the ports begin a new connection", "capacity": "followed no further",
            }.get(event.how, "no FIN or RST was seen"))
        elif isinstance(event, LateSegments):
            after = "that RST" if event.survived else "the end"
            facts.append(f"{plural(event.segments + event.resets, 'segment')} after {after}")
    if resets > 1:
        facts.append(f"{plural(resets, 'RST')} in all")
    return title, facts
