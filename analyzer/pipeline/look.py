"""A first look at the chosen conversations, before they are told: which of their frames show a packet again, and in
which order and at which times the packets can have been sent.

Only conversations in which the survey met something unusual are looked at; the others cost nothing more.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.faults import Faults
from analyzer.flows.clock import Breaks, Step, anchor, set_right
from analyzer.flows.flow import Flow, TcpFlow
from analyzer.flows.order import ordered
from analyzer.flows.sightings import MAX_APART, Pairing, Sighting
from analyzer.ingest.source import MAX_TIME
from analyzer.model import Silence
from analyzer.packet import ICMP, ICMPV6, TCP, UDP
from analyzer.pipeline.copies import describe
from analyzer.pipeline.places import Reader
from analyzer.pipeline.plan import Place, Plan, Watch
from analyzer.pipeline.timeline import MAX_STEPS, Timeline, distinct
from dissectors.protocols.tcp.flags import (
    ACK_LOST_SEGMENT,
    DUPLICATE_ACK,
    FAST_RETRANSMISSION,
    KEEP_ALIVE,
    OUT_OF_ORDER,
    RETRANSMISSION,
    RULES,
    SPURIOUS_RETRANSMISSION,
)

SAMPLE: Final = 300          # frames of a conversation that are looked at first; more only where they show something
MANY: Final = 20             # one of so many frames that looks resent is more than a loss now and then ...
MOST: Final = 40             # ... and so many per cent of duplicate ACKs are more than a loss calls for
SAME: Final = 0.7            # of the packets of a conversation that another one holds too, where both are the same one
UDP_HEADER: Final = 8        # octets (RFC 768)


# -- which conversations ------------------------------------------------------------------------------------


def unusual(plan: Plan) -> bool:
    """Did the survey meet anything in it that copies or a wrong order would look like?"""
    flow = plan.flow
    if isinstance(flow, TcpFlow):
        for half in (flow.originator, flow.responder):
            counts = half.counts
            if counts is None:
                continue
            resent = sum([counts[index] for index in RESENT])
            if (
                counts[EARLY] or (resent and MANY * resent >= half.frames)
                or 100 * counts[REPEATED] >= MOST * max(half.frames, 1)
            ):
                return True
        # A SYN-ACK before its SYN, or behind the ACK of it.
        asked, answered, third = [flow.history.find(letter) for letter in "ShA"]
        return falls(plan.places) or 0 <= answered < asked or 0 <= third < answered
    return flow.protocol in (UDP, ICMP, ICMPV6) and (alike(plan.places) or falls(plan.places))


def falls(places: list[Place]) -> bool:
    """Do their times go back anywhere?"""
    latest: i64 = -1
    for place in places:
        time = place.time
        if 0 <= time < latest:
            return True
        latest = time
    return False


def alike(places: list[Place]) -> bool:
    """Are two of these frames as long as one another, and so close that they may show one datagram?"""
    seen: dict[int, int] = {}
    for place in places:
        before = seen.get(place.wire)
        if before is not None and abs(int(place.time) - before) <= MAX_APART:
            return True
        seen[place.wire] = place.time
    return False


def _indexes(bits: i64) -> list[int]:
    """Where the counters of these flags stand."""
    return [index for index in range(len(RULES)) if bits >> index & 1]


RESENT: Final = _indexes(
    RETRANSMISSION | FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION | OUT_OF_ORDER | KEEP_ALIVE
)
REPEATED: Final = _indexes(DUPLICATE_ACK)[0]
EARLY: Final = _indexes(ACK_LOST_SEGMENT)[0]


def bare(flow: Flow) -> bytes:
    """What identifies a conversation without its VLAN or tunnel, the same for both directions."""
    end = 2 * int(flow.address_size) + (4 if flow.protocol in (TCP, UDP) else 0)
    extra = bytes((int(flow.protocol) & 255,))
    return min(flow.forward[:end], flow.backward[:end]) + extra


# -- the look ------------------------------------------------------------------------------------


class FirstLook:
    """Looks at the plans that need it, and completes them all.

    shared: the frames are of one clock (one file).    breaks: of the whole capture, if anything is known of it.
    others: conversations that are not told, and whose frames tell of the clock all the same.
    """

    def __init__(
        self, plans: list[Plan], reader: Reader, faults: Faults, shared: bool = True, breaks: Breaks | None = None,
        others: list[Plan] | None = None,
    ) -> None:
        self.plans = plans
        self.reader = reader
        self.faults = faults
        self.shared = shared
        self.steps: list[Step] = []
        self.restless = False        # the clock was set more often than MAX_STEPS
        self.doubted: list[Silence] = []    # silences that may be steps, or in which not all hosts were running
        self.lag = 0        # by which the frames of one direction come late, at the most
        self.breaks = Breaks() if breaks is None else breaks
        self.others = [] if others is None else others

    def look(self) -> list[Plan]:
        """The plans of what is to be told: those of conversations that are another one once more are left out."""
        watches = self._watches()
        self._read(watches)
        if self.reader.stopped:
            return self.plans
        self._pair(watches)
        for watch in watches:
            self._settle(watch)
        timeline = Timeline(self.plans, self.others, self.reader, self.shared, self.breaks)
        steps = timeline.back(watches)
        self._set_clock(steps + timeline.forward(steps))
        self.doubted = timeline.doubted
        for plan in self.plans:
            if plan.sightings:
                self._order(plan)
        self.lag = max(
            [int(plan.order.lag) for plan in self.plans if plan.order is not None and plan.order.shifted], default=0
        )
        self.doubted = [one for one in self.doubted if one.lasted_ns > 2 * self.lag]
        return [plan for plan in self.plans if plan.places]

    def _watches(self) -> list[Watch]:
        """Conversations with the same ends in different VLANs or tunnels are looked at together."""
        groups: dict[bytes, list[Plan]] = {}
        scoped = False
        for plan in self.plans:
            groups.setdefault(bare(plan.flow), []).append(plan)
            scoped = scoped or bool(plan.flow.scope)
        watches: list[Watch] = []
        for group in groups.values():
            twins = _overlapping(group) if scoped and len(group) > 1 else []
            if twins:
                watch = Watch(twins[0].flow)
                for plan in twins:
                    watch.add(plan, plan.places)
                watch.sort()
                watches.append(watch)
            for plan in group:
                if plan not in twins and unusual(plan):
                    watch = Watch(plan.flow)
                    watch.add(plan, plan.places)
                    watches.append(watch)
        return watches

    def _read(self, watches: list[Watch]) -> None:
        """The sightings of all of them; of long conversations a sample, and the rest where that shows something."""
        first: list[Place] = []
        large: list[Watch] = []
        for watch in watches:
            if len(watch.places) > SAMPLE:
                large.append(watch)
            first += watch.expect(0, min(len(watch.places), SAMPLE))
        self.reader.read(first)
        rest: list[Place] = []
        for watch in large:
            if _shows(watch.sightings) or falls(watch.places):
                rest += watch.expect(SAMPLE, len(watch.places))
            else:
                watch.places = watch.places[:SAMPLE]
        self.reader.read(rest)

    def _pair(self, watches: list[Watch]) -> None:
        """Each by itself; then those that do not tell it by themselves, with the delay that the others show."""
        delays: list[int] = []
        pairings: list[Pairing] = []
        for watch in watches:
            watch.sightings.sort(key=_index)
            pairing = Pairing(watch.sightings)
            pairing.pair()
            pairings.append(pairing)
            if pairing.usual >= 0:
                delays += [int(pairing.usual)] * sum(pairing.bases.values())
        usual = sorted(delays)[len(delays) // 2] if delays else -1
        for watch, first in zip(watches, pairings, strict=True):
            pairing = first
            if first.usual < 0 and usual >= 0:
                pairing = Pairing(watch.sightings, usual)
                pairing.pair()
            for plan in watch.plans:
                plan.pairing = pairing

    def _settle(self, watch: Watch) -> None:
        """Take the copies out, and make one conversation of those that are."""
        sightings = watch.sightings
        plans = list(dict.fromkeys(watch.plans))
        if len(plans) > 1:
            plans = [_joined(watch, plans)] if _same(watch, plans) else plans
        if len(plans) > 1:      # other conversations that only share their ends
            owned: dict[int, list[Sighting]] = {id(plan): [] for plan in plans}
            for sighting in sightings:
                owned[id(watch.plans[sighting.index])].append(sighting)
            for plan in plans:
                own = Watch(plan.flow)
                own.add(plan, plan.places)
                mine = owned[id(plan)]
                for at, sighting in enumerate(mine):
                    sighting.index = at
                own.sightings = mine
                plan.pairing = Pairing(mine)
                plan.pairing.pair()
                self._settle(own)
            return
        plan = plans[0]
        kept = [sighting for at, sighting in enumerate(sightings) if sighting.first == at]
        plan.again = len(sightings) - len(kept)
        if plan.again:
            _count_copies(plan, watch)
            describe(plan, sightings)
        # Frames beyond those that were looked at (a sample) stay as they are.
        known = {int(sighting.index) for sighting in kept}
        looked = len(sightings)
        told = [place for at, place in enumerate(watch.places) if at in known or at >= looked]
        rest = plan.places[len(watch.places):] if len(plan.flows) == 1 else []
        plan.places = told + rest
        for at, sighting in enumerate(kept):
            sighting.index = at
            sighting.first = at
        plan.sightings = kept

    def _set_clock(self, steps: list[Step]) -> None:
        """Tell every frame at the time that the clock would have given it had it not been set."""
        steps = distinct(steps)
        self.restless = len(steps) > MAX_STEPS
        if self.restless:
            return
        self.steps = steps
        if not steps:
            return
        anchor(steps, int(self.breaks.number))
        for plan in self.plans:
            without_steps(plan, steps, self.shared)

    def _order(self, plan: Plan) -> None:
        try:
            order = ordered(plan.sightings)
        except Exception as error:
            self.faults.note(plan.places[0].number, "the order of a conversation", error)
            return
        if not order.changes():
            plan.sightings = []
            return
        plan.order = order
        looked = len(plan.sightings)
        head = [plan.places[at] for at in order.order]
        for at in order.order:
            if 0 <= order.times[at] <= MAX_TIME:
                plan.places[at].time = order.times[at]
        plan.places = head + plan.places[looked:]
        turn = 0
        for place in plan.places:
            turn = max(turn, place.number)
            place.turn = turn
        plan.sightings = []


def without_steps(plan: Plan, steps: list[Step], shared: bool) -> None:
    """Tell its frames at the times that the clock would have given them. steps: of it, anchored. shared: see FirstLook.
    """
    mine = steps if shared else _own(plan, steps)
    if not mine or not plan.places:
        return
    timed = [place for place in plan.places if place.time >= 0]
    told = [set_right(int(place.number), int(place.time), mine) for place in timed]
    if not all(0 <= time <= MAX_TIME for time in told):
        return    # no clock showed such a time: these frames are told as they are stamped
    plan.clock = mine
    for place, time in zip(timed, told, strict=True):
        plan.shifted = plan.shifted or time != place.time
        place.time = time
    for sighting in plan.sightings:
        if sighting.time >= 0:
            sighting.time = set_right(int(sighting.number), int(sighting.time), mine)
    first, last = plan.places[0].number, plan.places[-1].number
    plan.steps = [step for step in mine if first <= step.before and last >= step.number]


def _count_copies(plan: Plan, watch: Watch) -> None:
    """What the survey counted of its conversation more than once."""
    own, sightings = watch.plans[0] if len(plan.flows) == 1 else plan, watch.sightings
    for at, sighting in enumerate(sightings):
        first = sightings[sighting.first]
        if sighting.first == at or sighting.direction > 1:
            continue
        if watch.plans[sighting.index] is own and watch.plans[first.index] is own:
            plan.copied_frames[sighting.direction] += 1
            plan.copied_payload[sighting.direction] += int(sighting.length) - (UDP_HEADER if sighting.udp else 0)


def _index(sighting: Sighting) -> int:
    return int(sighting.index)


def _shows(sightings: list[Sighting]) -> bool:
    """Do these first frames hold copies, or an order that cannot be?"""
    pairing = Pairing(sightings)
    pairing.pair()
    return bool(pairing.bases) or ordered(sightings).changes()


def _overlapping(group: list[Plan]) -> list[Plan]:
    """Of conversations with the same ends, those in different VLANs or tunnels that go on at the same time."""
    group = sorted(group, key=_first_frame)
    found: list[Plan] = []
    last = 0
    for plan in group:
        flow = plan.flow
        if found and int(flow.first_frame) > last:
            if len({one.flow.scope for one in found}) > 1:
                return found
            found = []
        found.append(plan)
        last = max(last, int(flow.last_frame))
    return found if len({one.flow.scope for one in found}) > 1 else []


def _first_frame(plan: Plan) -> int:
    return int(plan.flow.first_frame)


def _same(watch: Watch, plans: list[Plan]) -> bool:
    """Is nearly every packet of the smaller conversations in another one as well?"""
    shared: dict[int, int] = {}
    count: dict[int, int] = {}
    clusters: dict[int, set[int]] = {}
    for sighting in watch.sightings:
        clusters.setdefault(int(sighting.first), set()).add(id(watch.plans[sighting.index]))
    for owners in clusters.values():
        for owner in owners:
            count[owner] = count.get(owner, 0) + 1
            if len(owners) > 1:
                shared[owner] = shared.get(owner, 0) + 1
    others = sorted(plans, key=_frames)[:-1]
    return all(shared.get(id(plan), 0) >= SAME * max(count.get(id(plan), 0), 1) for plan in others)


def _frames(plan: Plan) -> int:
    return len(plan.places)


def _joined(watch: Watch, plans: list[Plan]) -> Plan:
    """One plan for all of them, under the number of the first."""
    whole = min(plans, key=_first_frame)
    whole.flows = [whole.flow] + [plan.flow for plan in plans if plan is not whole]
    whole.scope = whole.flow.scope
    for plan in plans:
        if plan is not whole:
            plan.places = []
            plan.sightings = []
    whole.pairing = plans[0].pairing
    return whole


def _own(plan: Plan, steps: list[Step]) -> list[Step]:
    """Those of the clock of its file, as they concern it alone."""
    found: list[Step] = []
    for step in steps:
        if any(place.number == step.number for place in plan.places):
            mine = Step(step.number, step.before, step.by, step.moved)
            mine.times = step.times
            found.append(mine)
    if found:
        anchor(found, int(plan.places[-1].number))
    return found
