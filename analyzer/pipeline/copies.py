"""What a first look found of a conversation, summed up: the copies, the loops, the order and the clock."""
from __future__ import annotations

from typing import Final

from analyzer.flows.sightings import BY_IDENT, BY_PATTERN, BY_STAMP, Sighting
from analyzer.packets.scope import scope_text
from analyzer.pipeline.plan import Loop, Place, Plan
from dissectors.kit.captured import ClockSet, Copies, CopiesSeen, LongSilence, OrderSet
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event, Evidence, Observed
from dissectors.protocols.icmp import RoutingLoop

MAX_FRAMES: Final = 16       # cited
FALLING: Final = 5           # sightings of a packet, each with a lower TTL, that make a loop; places are fewer


def describe(plan: Plan, sightings: list[Sighting]) -> None:
    """Sum up the copies, and take out of them what is a loop."""
    clusters: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        clusters.setdefault(int(sighting.first), []).append(sighting)
    copies = Copies()
    delays: list[int] = []
    hops: list[set[tuple[int, int]]] = [set(), set()]
    scopes: set[tuple[bytes, bytes]] = set()
    frames: list[int] = []
    for cluster in clusters.values():
        first = cluster[0]
        side = int(first.direction) if first.direction < 2 else 1
        copies.packets[side] += 1
        copies.reported += 1 if first.twice else 0
        if len(cluster) == 1:
            continue
        if _loops(cluster):
            plan.loops.append(_loop(cluster, side))
            continue
        if not delays or int(first.time) < plan.copied_at:
            plan.copied_at = int(first.time)
        copies.again[side] += 1
        if first.mss >= 0 and copies.mss[side] is None:
            copies.mss[side] = _changed_mss(cluster)
        copies.times = max(copies.times, len(cluster))
        second = cluster[1]
        delays.append(abs(int(second.time - first.time)))
        hops[side].add((int(first.ttl), int(second.ttl)))
        scopes.add((first.scope, second.scope))
        if len(frames) < MAX_FRAMES:
            frames += [int(sighting.number) for sighting in cluster[:2]]
    if not delays:
        return
    delays.sort()
    copies.least_ns, copies.middle_ns, copies.most_ns = delays[0], delays[len(delays) // 2], delays[-1]
    for side in (0, 1):
        if len(hops[side]) == 1:
            copies.hops[side] = next(iter(hops[side]))
    if len(scopes) == 1:
        one, two = next(iter(scopes))
        if one != two:
            copies.places = (scope_text(one) if one else "", scope_text(two) if two else "")
    elif len(plan.flows) > 1:
        texts = [scope_text(flow.scope) if flow.scope else "" for flow in plan.flows]
        copies.places = (texts[0], texts[1])
    copies.hop_limit = plan.flow.address_size == 16
    copies.frames = tuple(sorted(set(frames)))
    bases = plan.pairing.bases if plan.pairing is not None else {}
    copies.basis = ", ".join([basis for basis in (BY_IDENT, BY_STAMP, BY_PATTERN) if bases.get(basis)])
    copies.certain = bool(bases.get(BY_IDENT) or bases.get(BY_STAMP))
    plan.copies = copies


def _changed_mss(cluster: list[Sighting]) -> tuple[int, int, int, int] | None:
    """(frame, MSS, frame, MSS) of a SYN that has another one at another place. Only where it is the same packet for
    certain: some hosts send a SYN again with a smaller MSS."""
    first = cluster[0]
    for later in cluster[1:]:
        same = first.ident == later.ident != 0 or first.ttl != later.ttl or first.scope != later.scope
        if later.mss >= 0 and later.mss != first.mss and same:
            return int(first.number), int(first.mss), int(later.number), int(later.mss)
    return None


def _loops(cluster: list[Sighting]) -> bool:
    """Does its TTL fall each time, so that it came back rather than passed several places (which are few)?"""
    if len(cluster) < FALLING:
        return False
    falling = all(cluster[at].ttl < cluster[at - 1].ttl for at in range(1, len(cluster)))
    return falling and len({sighting.scope for sighting in cluster}) <= 2


def _loop(cluster: list[Sighting], side: int) -> Loop:
    numbers = [int(sighting.number) for sighting in cluster]
    frames = tuple(sorted({*numbers[:MAX_FRAMES - 1], numbers[-1]}))
    return Loop(
        int(cluster[0].time), side, frames, len(cluster), (int(cluster[0].ttl), int(cluster[-1].ttl))
    )


def captured(plan: Plan, sides: tuple[str, str]) -> list[Event]:
    """What was found out about the capture, as events of the conversation. sides: the words for its two ends."""
    found: list[Event] = []
    for direction in (FORWARD, BACKWARD):
        loops = [loop for loop in plan.loops if loop.direction == direction]
        if loops:
            frames = tuple(sorted({frame for loop in loops for frame in loop.frames})[:MAX_FRAMES])
            longest = max(loops, key=_times)
            observed = Observed(loops[0].time, direction, Evidence(frames))
            found.append(RoutingLoop(observed, len(loops), longest.times, longest.ttl))
    if plan.copies is not None:
        found.append(CopiesSeen(
            Observed(plan.copied_at, NEITHER, Evidence(plan.copies.frames)), plan.copies, sides
        ))
    order = plan.order
    start = plan.places[0].time if plan.places else 0
    if order is not None and order.changes():
        frames = tuple(order.frames) or (plan.places[0].number,)
        event = OrderSet(Observed(start, NEITHER, Evidence(frames)), sides)
        event.late, event.lag_ns, event.acks = int(order.late), int(order.lag), int(order.acks)
        event.shifted, event.unsure_ns = order.shifted, int(order.unsure)
        event.unsorted, event.back_ns = int(order.unsorted), int(order.back)
        event.follows = order.follows
        found.append(event)
    for step in plan.steps:
        at = _time_at(plan.places, int(step.number), start)
        observed = Observed(at, NEITHER, Evidence((int(step.before), int(step.number))))
        clock = ClockSet(observed, int(step.by), int(step.moved), (int(step.told[0]), int(step.told[1])))
        clock.stray = step.stray
        found.append(clock)
    for silence in plan.silences:
        at = _time_at(plan.places, int(silence.number), start)
        observed = Observed(at, NEITHER, Evidence((int(silence.before), int(silence.number))))
        found.append(LongSilence(observed, int(silence.times[1] - silence.times[0])))
    return found


def _times(loop: Loop) -> int:
    return loop.times


def _time_at(places: list[Place], number: int, otherwise: int) -> int:
    for place in places:
        if place.number >= number:
            return place.time
    return otherwise
