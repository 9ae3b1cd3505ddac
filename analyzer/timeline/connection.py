"""How a TCP connection began and how it ended: titles and facts of both phases."""
from __future__ import annotations

from analyzer.model import Phase
from dissectors.kit.event import Event
from dissectors.kit.units import duration, plural
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
from dissectors.protocols.tcp.events_teardown import HalfClose, LateSegments, NotEnded, TcpClosed, TcpReset


def describe_connection(phase: Phase) -> None:
    """Title and facts of a handshake or a teardown, from its events."""
    if phase.kind == "handshake":
        phase.title, phase.facts = _opening(phase.events)
    else:
        phase.title, phase.facts = _ending(phase.events)


def _opening(events: list[Event]) -> tuple[str, list[str]]:
    title = "Handshake"
    facts: list[str] = []
    syns = sum(isinstance(event, Syn) for event in events)
    answers = sum(isinstance(event, SynAck) for event in events)
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
            facts.append("the capture holds no SYN")
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


def _ending(events: list[Event]) -> tuple[str, list[str]]:
    title = "Teardown"
    facts: list[str] = []
    resets = 0
    for event in events:
        if isinstance(event, TcpClosed):
            if event.simultaneous:
                facts.append("both sides finished at the same time")
                facts.append("TIME_WAIT is for both to hold")
            else:
                facts.append("both sides finished in order (FIN, ACK, FIN, ACK)")
                facts.append(f"{event.sides[event.holder & 1]} is to hold TIME_WAIT")
        elif isinstance(event, TcpReset):
            resets += 1
            if resets == 1:
                title = "Reset" if title == "Teardown" and not facts else title
                facts.append(f"by {event.who()}" + (f" ({event.cause})" if event.cause else ""))
        elif isinstance(event, HalfClose):
            facts.append(f"half close for {duration(event.lasted_ns)}")
        elif isinstance(event, NotEnded):
            title = "No end seen"
            facts.append({
                "capture": "the capture ends first", "idle": f"silent for {duration(event.silent_ns)}",
                "reused": "the ports begin a new connection", "capacity": "followed no further",
            }.get(event.how, "no FIN or RST was seen"))
        elif isinstance(event, LateSegments):
            facts.append(f"{plural(event.segments + event.resets, 'segment')} after the end")
    if resets > 1:
        facts.append(f"{plural(resets, 'RST')} in all")
    return title, facts


def verdict(events: list[Event]) -> str:
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
