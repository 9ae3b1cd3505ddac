"""The same traffic at two places: matched, timed, and what became of it."""
from __future__ import annotations

from typing import Final

from analyzer.compare.changes import asymmetric, flow_title, losses, remarks_of
from analyzer.compare.clocks import clock_of, delays_of, way_of
from analyzer.compare.matching import Match, Pairing, paired
from analyzer.compare.passed import Stretch, passed
from analyzer.compare.sight import MAX_PLACED, Place
from analyzer.finding import SEVERITIES
from analyzer.passage import APART, CHANGED, INTACT, LOSSY, ONE, TO_A, TO_B, WAYS, Passage
from dissectors.kit.units import duration, grouped, plural, span

MOST_ALONE: Final = 6          # conversations of one place that are named
SAID: Final = 2                # remarks in the sentence
PACKET: Final = "packet"
ENDS: Final = ("from A to B", "from B to A")


def passage_of(a: Place, b: Place) -> Passage:
    """Everything that can be said of the packets of two places."""
    made = Passage(a.name, b.name)
    made.totals = [a.frames, b.frames]
    for doubts, place in zip(made.doubts, (a, b), strict=True):
        if place.dropped > 0:
            doubts.append(f"The capturing system lost {plural(place.dropped, 'frame')}.")
        doubts.extend(place.damage)
        doubts.extend(place.narrowed)
    pairing = paired(a, b)
    made.matched = sum([len(lane.matches) for lanes in pairing.lanes for lane in lanes])
    made.flows = [len(pairing.pairs), len(pairing.alone[0]), len(pairing.alone[1])]
    if a.more or b.more:
        made.left_out.append(f"only the first {grouped(MAX_PLACED)} frames of each capture are matched")
    if not made.matched:
        made.kind, made.sentence = APART, "No packet is in both, so these are not captures of the same traffic."
        made.step = "Leave out --same-traffic to compare what happened in each."
        return made
    if _one(pairing, made):
        made.kind = ONE
        made.sentence = "Both hold the same frames with the same times: it is one capture, or a copy of it."
        made.step = "Give captures of two places, or of two runs."
        return made
    ways = _ways(pairing)
    there, back = _by_way(pairing, ways)
    clock = made.clock = clock_of(there, back)
    for way, matches in ((TO_B, there), (TO_A, back)):
        made.ways[way].delays = delays_of(clock, matches, way)
    stretch = Stretch(made, clock, ((a.start_ns, a.end_ns), (b.start_ns, b.end_ns)))
    for lanes, to in zip(pairing.lanes, ways, strict=True):
        for at, (lane, way) in enumerate(zip(lanes, to, strict=True)):
            passed(made, lane, lanes[1 - at], way, stretch)
    for at, one in enumerate(made.ways):
        if not made.left[1 if at == TO_B else 0] and (b if at == TO_B else a).dropped <= 0:
            one.lost += one.unsure      # nothing shows that the capture leaves packets out
            one.unsure = []
        for numbers in (one.lost, one.unsure, one.missed, one.new, one.overtaken):
            numbers.sort()
    remarks_of(made, pairing, ways)
    asymmetric(made)
    for way in (TO_B, TO_A):
        losses(made, ("A", "B") if way == TO_B else ("B", "A"), made.ways[way])
    _alone(made, pairing, stretch)
    made.remarks.sort(key=lambda one: -SEVERITIES.index(one.severity))
    _conclude(made)
    return made


def _one(pairing: Pairing, made: Passage) -> bool:
    return made.totals[0] == made.totals[1] and not any(pairing.alone) and all(
        match.apart == 0 and match.a.number == match.b.number
        for lanes in pairing.lanes for lane in lanes for match in lane.matches
    )


def _ways(pairing: Pairing) -> list[tuple[int, int]]:
    """Of each pair of lanes. Where nothing shows it, as the first other direction that is stamped alike."""
    found = [way_of(lanes) for lanes in pairing.lanes]
    known: tuple[list[float], list[float]] = ([], [])
    for lanes, to in zip(pairing.lanes, found, strict=True):
        for lane, way in zip(lanes, to, strict=True):
            if way >= 0 and lane.matches:
                known[way].append(lane.usual())
    for at, (lanes, to) in enumerate(zip(pairing.lanes, found, strict=True)):
        if min(to) < 0:
            usual = next((lane.usual() for lane in lanes if lane.matches), 0.0)
            near = [min([abs(one - usual) for one in side], default=float("inf")) for side in known]
            way = TO_B if near[TO_B] <= near[TO_A] else TO_A
            found[at] = (way, 1 - way) if lanes[0].matches else (1 - way, way)
    return found


def _by_way(pairing: Pairing, ways: list[tuple[int, int]]) -> tuple[list[Match], list[Match]]:
    found: tuple[list[Match], list[Match]] = ([], [])
    for lanes, to in zip(pairing.lanes, ways, strict=True):
        for lane, way in zip(lanes, to, strict=True):
            found[way].extend(lane.matches)
    return found


def _alone(made: Passage, pairing: Pairing, stretch: Stretch) -> None:
    """Conversations that one place alone holds, though the other one covers their time."""
    for side in (0, 1):
        covered = [
            flow for flow in pairing.alone[side]
            if all(stretch.covers(sight, side, 0) for sight in pairing.flows[side][flow][:1])
        ]
        made.flows[1 + side] = len(covered)
        made.alone[side].extend([
            f"{flow_title(flow)} ({plural(len(pairing.flows[side][flow]), 'frame')})" for flow in covered[:MOST_ALONE]
        ])


# -- what it comes to -------------------------------------------------------------------------------------------------


def _conclude(made: Passage) -> None:
    lost = any(way.lost for way in made.ways)
    severe = made.severe(("warn", "error"))
    made.kind = LOSSY if lost else CHANGED if severe else INTACT
    said = [one.sentence for one in severe if one.code != "lost"][:SAID]
    made.sentence = " ".join([_came(made), *said, delay_sentence(made)])
    made.step = severe[0].step if severe else made.remarks[0].step if made.remarks else ""


def _came(made: Passage) -> str:
    """`3 of 70 packets from A to B were lost, and none of 57 from B to A.`"""
    ways = [(way, ends) for way, ends in zip(made.ways, ENDS, strict=True) if way.sent]
    if not ways:
        return f"{plural(made.matched, 'packet')} are in both, and there is no stretch of time that both cover."
    if not any(way.lost for way, _ends in ways):
        every = " and all ".join([f"{plural(way.sent, PACKET)} {ends}" for way, ends in ways])
        doubt = "" if not any(way.unsure for way, _ends in ways) else ", or were left out by a capture"
        return f"The same traffic at two places: all {every} came{doubt}."
    said = [
        f"{grouped(len(way.lost)) if way.lost else 'none'} of {plural(way.sent, PACKET)} {ends}" for way, ends in ways
    ]
    first = f"The same traffic at two places: {said[0]} did not come"
    return f"{first}, and {said[1]}." if len(said) > 1 else f"{first}."


def delay_sentence(made: Passage) -> str:
    """What is known of the time between the two places."""
    clock = made.clock
    if not clock.steady:
        return "The clocks of the two do not keep pace, so nothing is said of delays."
    if not clock.bounded:
        to = TO_B if made.ways[TO_B].delays.count else TO_A
        only = made.ways[to].delays
        return (
            f"Packets of one way only ({WAYS[to]}) are in both, so their delay is not known; it varies by "
            f"{duration(only.most_ns - only.least_ns)}."
        )
    longer = [
        f"up to {duration(more)} more {ends}" for way, ends in zip(made.ways, ENDS, strict=True)
        if (more := way.delays.most_ns - way.delays.least_ns) > 0
    ]
    rest = f", and {' and '.join(longer)}" if longer else ""
    return f"There and back takes {span(clock.round_ns)} at the least{rest}."
