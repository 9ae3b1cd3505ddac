"""Connections that a machine on the way has forgotten: what is sent after a long silence never arrives."""
from __future__ import annotations

from typing import Final

from analyzer.explain.idle import LEAST_NS, LEAST_SURE
from analyzer.explain.rule import LIKELY, NOTE, POSSIBLE, Case, Found
from analyzer.model import Analysis, Told
from dissectors.kit.account import CLIENT, IDLE, SERVER
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, span
from dissectors.protocols.tcp.events_handshake import Syn, SynAck
from dissectors.protocols.tcp.events_teardown import NotEnded, TcpReset
from dissectors.protocols.tcp.reset_causes import FOREIGN, FORGOTTEN, UNKNOWN

SILENT: Final = (CLIENT.key, IDLE.key, SERVER.key)      # times in which nothing is sent
# Silences that somebody outlived may be longer by this part and still be no contradiction: timers are looked at now and
# then.
PART: Final = 10


class Lost:
    """A connection whose first data after a silence got no answer, or a RST for one. host: whose answer is missing.
    foreign: the RST is of another machine."""

    def __init__(self, case: Case, host: str, silence: int, at: int, frames: tuple[int, ...]) -> None:
        self.case = case
        self.host = host
        self.silence = silence
        self.at = at
        self.frames = frames
        self.reset = False
        self.foreign = False


def forgotten(analysis: Analysis) -> list[Found]:
    """Data after a silence that nobody answers, again and again, while the host that should is there.

    What else looks so: the host is gone, or the way to it (then a new connection is not answered either); or the
    silences have nothing to do with it (then others that are as long are outlived).
    """
    cases = [(Case(told, analysis.capture), told) for told in analysis.every() if told.conversation.transport == "tcp"]
    lost: dict[str, list[Lost]] = {}
    for case, _told in cases:
        one = _lost(case)
        if one is not None:
            lost.setdefault(one.host, []).append(one)
    near: dict[str, list[tuple[Case, Told]]] = {host: [] for host, group in lost.items() if len(group) > 1}
    for case, told in cases if near else ():
        for host in {told.conversation.originator.address, told.conversation.responder.address}:
            if host in near:
                near[host].append((case, told))
    return [found for host in near for found in _found(host, lost[host], near[host])]


def _lost(case: Case) -> Lost | None:
    for event in case.of(NotEnded):
        if event.unanswered and not event.heard and event.silence >= LEAST_NS:
            side = 1 - (event.direction & 1)
            if case.absence(side, event.since).proven:
                return Lost(case, case.end(side).address, event.silence, event.since, event.evidence.frames)
    for reset in case.of(TcpReset):
        if reset.answered_ns >= LEAST_NS and not reset.survived and reset.cause in (UNKNOWN, FORGOTTEN, FOREIGN):
            host = case.end(reset.direction).address
            one = Lost(case, host, reset.answered_ns, reset.time, reset.evidence.frames)
            one.reset = True
            one.foreign = reset.cause == FOREIGN
            return one
    return None


def _outlived(told: Told, lost: Lost | None) -> int:
    """The longest silence of a connection after which it went on, 0 for none."""
    bookings = told.books.bookings
    until = lost.at - lost.silence if lost is not None else told.books.end_ns
    return max([
        booking.until - booking.since for booking in bookings[:-2]
        if booking.cause.key in SILENT and booking.until < until
    ], default=0)


def _found(host: str, group: list[Lost], near: list[tuple[Case, Told]]) -> list[Found]:
    of = {one.case.conversation.number: one for one in group}
    least = min(one.silence for one in group)
    outlived = max([_outlived(told, of.get(told.conversation.number)) for _case, told in near])
    alive = _alive(host, [case for case, _told in near], min(one.at for one in group))
    if outlived > least + least // PART or not alive:
        return []
    known = outlived >= LEAST_NS
    sure = len(group) >= LEAST_SURE and known
    often = span(outlived) if known else span(least)
    who = "a machine on the way" if all(one.foreign for one in group) else (
        "a machine on the way, or a filter on that host,"
    )
    return [Found(
        f"{_group(host, group)}, though {host} was heard later, in a new one (#{alive}): it looks as if {who} "
        "forgets a connection "
        + (f"after {span(outlived)} to {span(least)} of silence." if known else "that is silent for so long."),
        tuple(sorted({frame for one in group for frame in one.frames} | {alive})),
        victims=len(group), about=(host,), severity="" if sure else NOTE, confidence=LIKELY if sure else POSSIBLE,
        basis="the first data after each of these silences had no answer but at most a RST" + (
            f"; after a silence of {span(outlived)} data were answered" if known else ""
        ),
        absent=Absence(True),
        next_step=f"Send something (keep-alives, pings) at least every {often}, or raise the timeout of the firewall, "
        "address translation or load balancer on the way.",
    )]


def _group(host: str, group: list[Lost]) -> str:
    """How many connections, what became of them, and after how long a silence."""
    low, high = min(one.silence for one in group), max(one.silence for one in group)
    silent = span(low) if span(low) == span(high) else f"{span(low)} to {span(high)}"
    resets = sum(one.reset for one in group)
    how = "no longer answered" if not resets else "reset when they went on" if resets == len(group) else (
        "no longer answered, or reset when they went on,"
    )
    return (
        f"{plural(len(group), 'connection')} with {host} were {how} after {silent} in which neither side had sent "
        "anything"
    )


def _alive(host: str, near: list[Case], since: int) -> int:
    """The first frame after that time in which this host opens a connection or answers a SYN, 0 for none."""
    heard = [
        (event.time, event.evidence.frames[-1]) for case in near for event in (*case.of(Syn), *case.of(SynAck))
        if event.time > since and case.end(event.direction).address == host
    ]
    return min(heard, default=(0, 0))[1]
