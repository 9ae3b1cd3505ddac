"""Connections that somebody ends because they were silent: the same interval each time gives the timer away."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import LIKELY, NOTE, POSSIBLE, Case, Found, frames_of
from analyzer.model import Analysis, Told
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, span
from dissectors.protocols.tcp.events import CLIENT_SERVER
from dissectors.protocols.tcp.events_teardown import TcpReset
from dissectors.protocols.tcp.reset_causes import FOREIGN

LEAST_NS: Final = 1_000_000_000     # a shorter silence is a pause
LEAST_SURE: Final = 3               # two silences may be equal by chance
# Timers of machines on the way are checked now and then: within one part in fifty, or a tenth of a second, is the same.
PART: Final = 50
LOOSE_NS: Final = 100_000_000
ABORTED: Final = "aborted"


def idle_timeout(analysis: Analysis) -> list[Found]:
    """RSTs that answer nothing, each after the same silence of both sides, at different times.

    What else looks so: one event that ends all (a restart, a link that goes down) comes at one time for all of them. A
    client that gives up waiting, for an answer or for the rest of one, resets by itself; a server that gives up waiting
    for somebody behind it has data of the client to answer. So only what a server resets counts that had the last word,
    or what shows that another machine did. RSTs that answer something, come after a FIN, after resends or keep-alives,
    or to data that were left unread have causes of their own.
    """
    groups: dict[tuple[str, int], list[tuple[Case, TcpReset]]] = {}
    for told in analysis.every():
        if told.conversation.transport == "tcp":
            case, event = _silent_end(told, analysis)
            if event is not None:
                groups.setdefault((str(told.conversation.responder), event.direction), []).append((case, event))
    found = []
    for (service, _direction), ends in groups.items():
        ends.sort(key=_moment)
        alike = _alike(ends)
        if alike:
            found.append(_found(service, alike))
    return found


def _silent_end(told: Told, analysis: Analysis) -> tuple[Case, TcpReset | None]:
    case = Case(told, analysis.capture)
    resets = [event for event in case.of(TcpReset) if not event.survived]
    if not resets or resets[0].idle_ns < LEAST_NS:
        return case, None
    event = resets[0]
    if event.cause != FOREIGN and not (event.cause == ABORTED and event.waits and event.who() == CLIENT_SERVER[1]):
        return case, None
    since = event.time - event.idle_ns
    doubted = any(silence.within(since, event.time) for silence in analysis.capture.silences)
    return case, event if case.absence(NEITHER, since, event.time).proven and not doubted else None


def _moment(end: tuple[Case, TcpReset]) -> int:
    return end[1].time


def _alike(ends: list[tuple[Case, TcpReset]]) -> list[tuple[Case, TcpReset]]:
    """Those whose silences are as long as that of the middle one, where they did not end at one time."""
    if len(ends) < 2:
        return []
    middle = sorted(event.idle_ns for _case, event in ends)[len(ends) // 2]
    loose = max(middle // PART, LOOSE_NS)
    alike = [end for end in ends if abs(end[1].idle_ns - middle) <= loose]
    apart = len(alike) > 1 and alike[-1][1].time - alike[0][1].time > 2 * loose
    return alike if apart and 2 * len(alike) > len(ends) else []


def _found(service: str, ends: list[tuple[Case, TcpReset]]) -> Found:
    events = [event for _case, event in ends]
    first = events[0]
    low, high = min(event.idle_ns for event in events), max(event.idle_ns for event in events)
    after = span(high) if span(low) == span(high) else f"{span(low)} to {span(high)}"
    foreign = all(event.cause == FOREIGN for event in events)
    who = first.who()
    own = all(event.made_by() for event in events)
    whom = (
        f"of a machine on the way that speaks in the name of {who}" if foreign else f"of {who} itself" if own else
        f"of {who} itself, or of a machine on the way that speaks in its name"
    )
    sure = len(ends) >= LEAST_SURE
    basis = (
        f"the same silence each time, and RSTs that answer nothing, {span(events[-1].time - first.time)} between the "
        "first and the last; "
    )
    basis += first.because if foreign else (
        f"in each RST {first.made_by()}" if own else "nothing in the RSTs is unlike the other packets of their sender"
    )
    whose = "that machine" if foreign else who if own else f"{who}, or of a firewall or load balancer on the way"
    return Found(
        f"{plural(len(ends), 'connection')} with {service} were reset after {after} each in which neither side sent "
        f"anything: an idle timeout, {whom}.",
        frames_of(events), victims=len(ends), about=(service,), severity="" if sure else NOTE,
        confidence=LIKELY if sure else POSSIBLE, basis=basis, absent=Absence(True),
        next_step=f"Send something (keep-alives, pings) more often than every {span(low)}, or raise the timeout of "
        f"{whose}.",
    )
