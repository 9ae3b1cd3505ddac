"""What a TCP connection carried: how much, how fast, what held it back, what was repaired."""
from __future__ import annotations

from typing import Final

from analyzer.model import Account, Conversation, Phase, Series
from dissectors.kit.event import Event
from dissectors.kit.units import duration, plural, rate, size
from dissectors.protocols.tcp.events_loss import Loss, LossSummary
from dissectors.protocols.tcp.events_transfer import KeepAlive, Limits, Transfer, Turns, ZeroWindow

ARROWS: Final = ("→", "←")
LEAST_SHARE: Final = 20          # per cent: a cause that held the sender back for less of the time is no headline
LEAST_WAIT_SHARE: Final = 10     # per cent of the phase: shorter waits for answers are not worth a fact
LEAST_POINTS: Final = 4          # a series of fewer has no shape
MINOR: Final = 10                # per cent of all bytes: a direction with less gets no series

# "unknown" is no headline: the frames do not show what it was.
CAUSES: Final = {
    "receiver": "limited by the receiver's window", "congestion": "limited by losses and their repair",
    "application": "waiting for the application",
}


def transfer_end(phase: Phase, conversation: Conversation) -> int:
    """When the last run of data, repair or closed window of the phase was over."""
    end = phase.end_ns
    for event in phase.events:
        if isinstance(event, (Transfer, Turns, KeepAlive, ZeroWindow)):
            end = max(end, event.time + event.lasted_ns)
        elif isinstance(event, Loss) and event.repair.repaired:
            end = max(end, event.time + event.repair.lasted_ns)
    return max(min(end, conversation.end_ns), phase.start_ns)


def describe_transfer(phase: Phase, account: Account) -> None:
    """Facts and series."""
    octets = carried(phase.events, account)
    order = (0, 1) if octets[0] > octets[1] else (1, 0)
    for direction in order:
        if octets[direction]:
            phase.facts.append(f"{size(octets[direction])} {ARROWS[direction]}" + _pace(phase.events, direction))
    if not any(octets):
        phase.title = "Keep-alive" if any(isinstance(event, KeepAlive) for event in phase.events) else "No data"
    phase.facts += _waiting(phase)
    for direction in order:
        phase.facts += _limited(phase.events, direction)
    phase.facts += _repairs(phase.events)
    phase.facts += _windows(phase.events)
    phase.series = _series(account.series, octets)


def carried(events: list[Event], account: Account) -> list[int]:
    """Stream bytes by direction, each once: what was told, or where not all was told what was counted."""
    if account.left_out and account.conversation.tcp is not None:
        return list(account.conversation.tcp.unique)
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


def _waiting(phase: Phase) -> list[str]:
    """How long the side that had asked waited for the first byte of each answer, where each turn is told."""
    turns = [event for event in phase.events if isinstance(event, Transfer)]
    if not turns or any(isinstance(event, Turns) for event in phase.events):
        return []
    asked = turns[0].direction
    answers = [turn for turn in turns if turn.direction != asked and turn.after_ns >= 0]
    waited = sum([turn.after_ns for turn in answers])
    span = phase.end_ns - phase.start_ns
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
            total = sum([event.lasted_ns for event in closed])
            facts.append(f"window of {closed[0].who()} closed for {duration(total)}")
    probes = sum([event.probes for event in events if isinstance(event, KeepAlive)])
    if probes:
        facts.append(plural(probes, "keep-alive"))
    return facts


def _series(series: list[list[Series]], octets: list[int]) -> list[Series]:
    """For each direction that carried a good part: the window that its receiver advertised, and what was under way.

    The first series of a direction is what that side advertises, the second what it has in flight.
    """
    drawn = [
        direction for direction in (0, 1)
        if octets[direction] * 100 > sum(octets) * MINOR and all(len(pair) >= 2 for pair in series)
        and len(series[direction][1].values) >= LEAST_POINTS
    ]
    out: list[Series] = []
    for direction in drawn:
        arrow = f" {ARROWS[direction]}" if len(drawn) > 1 else ""
        for of in (series[1 - direction][0], series[direction][1]):
            out.append(Series(of.title + arrow, of.unit, of.times_ns, of.values))
    return out
