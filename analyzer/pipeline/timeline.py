"""Where the clock of a capture was set, and which of its silences may not have lasted as long as their stamps say: what
the hosts tell whose frames are on either side.
"""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.clock import (
    LEAST_SILENCE,
    Break,
    Breaks,
    Heard,
    Step,
    Testimony,
    back,
    steps_of,
    timer_stood,
    undo,
)
from analyzer.flows.order import falls_of, one_late
from analyzer.flows.sightings import Sighting
from analyzer.model import Silence
from analyzer.packet import TCP, UDP
from analyzer.pipeline.places import Reader
from analyzer.pipeline.plan import Place, Plan, Watch, number_of

MAX_STEPS: Final = 64        # of the clock that are set right; one that is set more often is told as it stands
SEVERAL: Final = 3           # jumps forward that may belong to one back, that are examined
STRAY: Final = 8             # frames in a row whose stamps are far from all around them, at most
WITNESSES: Final = 8         # conversations that are asked about each
TIMERS: Final = 60_000_000_000      # within which every sender sends again what nobody acknowledges, several times
AROUND: Final = 16           # frames of a conversation on either side of it that are looked at
# A silence of the whole capture in the middle of what one side sends. Where nothing tells it from a clock that was set,
# it is taken for one as little as for the other; summer time sets a clock by as much.
LONG_SILENCE: Final = 3_600_000_000_000


class Timeline:
    """What the frames of these conversations tell of the clock of the capture.

    plans: what is told.    others: what is not, and tells of the clock all the same.    shared: the frames are of one
    clock (one file).    breaks: of the whole capture.    doubted: silences that may be steps, or in which not all hosts
    were running, once `forward()` has asked.
    """

    def __init__(
        self, plans: list[Plan], others: list[Plan], reader: Reader, shared: bool, breaks: Breaks
    ) -> None:
        self.plans = plans
        self.others = others
        self.reader = reader
        self.shared = shared
        self.breaks = breaks
        self.doubted: list[Silence] = []
        self.watches: dict[Break, list[Watch]] = {}      # who is asked about each silence
        self.two_clocks = False      # each direction has its own: no silence between two frames is one

    def back(self, watches: list[Watch]) -> list[Step]:
        """Steps of the clock back, of which the times of the frames in their order speak."""
        connections: list[Plan] = []
        others: list[Plan] = []
        for plan in dict.fromkeys([plan for watch in watches for plan in watch.plans]):
            if plan.places and plan.sightings and plan.flow.protocol in (TCP, UDP):
                (connections if plan.flow.protocol == TCP else others).append(plan)
        found = [step for plan in connections for step in steps_of(plan.sightings)]
        self.two_clocks = any(len(falls_of(plan.sightings)) > 1 and one_late(plan.sightings) for plan in connections)
        if self.two_clocks:
            return distinct(found)
        # Datagrams do not tell a step from another clock of one direction, of which connections or a second fall tell.
        if len(self.breaks.falls) == 1 and not any(falls_of(plan.sightings) for plan in connections):
            found += [step for plan in others for step in steps_of(plan.sightings)]
        if self.shared:
            self.breaks.settle()
            for step in found:
                self.breaks.narrow(step)
            found += self._strays(found)
        return distinct(found)

    def _strays(self, known: list[Step]) -> list[Step]:
        """Falls of the time by hours that are undone a few frames before or behind."""
        found: list[Step] = []
        for fall in self.breaks.falls:
            step = back(fall)
            if step.by > -LONG_SILENCE or any(
                one.before < step.number and step.before < one.number for one in known
            ):
                continue
            step.stray = any(
                step.before - STRAY < jump.number and jump.before < step.number + STRAY
                for jump in self.breaks.returns(step)
            )
            if step.stray:
                found.append(step)
        return found

    def forward(self, falls: list[Step]) -> list[Step]:
        """Steps of the clock forward: silences of the whole capture that no host knows of, and what these undo."""
        if self.two_clocks:
            return []
        silences = self.breaks.long()
        returns = [self.breaks.returns(step) for step in falls]
        silences = list(dict.fromkeys(silences + [one for each in returns for one in each[:SEVERAL]]))
        heard = self._heard(silences)
        if self.reader.stopped:
            return []
        found: dict[Break, Step] = {}
        for silence in silences:
            step = heard[silence].step(silence)
            if step is not None and silence.gap() >= LEAST_SILENCE:
                found[silence] = step
        undone: set[Break] = set()
        for fall, jumps in zip(falls, returns, strict=True):
            for jump in jumps[:SEVERAL]:
                if not heard[jump].passed and jump not in undone:
                    found.setdefault(jump, undo(fall, jump))
                    undone.add(jump)
                    break
        for silence in silences:
            if silence not in found and silence.gap() >= LEAST_SILENCE and self._goes_on(silence):
                self._doubt(silence, heard[silence])
        return list(found.values())

    def _heard(self, silences: list[Break]) -> dict[Break, Heard]:
        """What the clocks of the hosts at both ends of connections say of each."""
        found: dict[Break, Heard] = {}
        places: list[Place] = []
        for silence in silences:
            self.watches[silence] = self._witnesses(silence.before, silence.number)
            for watch in self.watches[silence]:
                places += watch.expect(0, len(watch.places))
            found[silence] = Heard()
        self.reader.read(places)
        for silence, heard in found.items():
            for watch in self.watches[silence]:
                watch.sightings.sort(key=_index)
                size = watch.flow.address_size
                for side in (0, 1):
                    host = watch.flow.forward[:size] if side == 0 else watch.flow.forward[size:2 * size]
                    heard.take(host, Testimony(watch.sightings, side, silence))
            heard.settle()
        return found

    def _witnesses(self, before: i64, number: i64) -> list[Watch]:
        """The frames around a silence of the connections that go on after it, those first that are told."""
        found: list[Watch] = []
        for plan in self.plans + self.others:
            places = plan.places
            if plan.flow.protocol != TCP or not places or places[0].number > before or places[-1].number < number:
                continue
            early = bisect_right(places, before, key=number_of)
            late = bisect_left(places, number, key=number_of)
            watch = Watch(plan.flow)
            near = places[max(early - AROUND, 0):early] + places[late:late + AROUND]
            watch.add(plan, [place.again() for place in near])
            found.append(watch)
            if len(found) == WITNESSES:
                break
        return found

    def _goes_on(self, silence: Break) -> bool:
        """Is it in the middle of anything that is told?"""
        return any(
            plan.places and plan.places[0].number <= silence.before and plan.places[-1].number >= silence.number
            for plan in self.plans
        )

    def _doubt(self, silence: Break, heard: Heard) -> None:
        """Note a silence that some hosts know nothing of, or of which nobody knows and that is long."""
        lasted = silence.gap()
        if heard.passed:
            if not heard.running:
                return
            hosts = sorted([address_text(host) for host in heard.running])
        else:
            hosts = []
            if not heard.running and lasted < LONG_SILENCE and not (
                lasted >= TIMERS and any(timer_stood(watch.sightings, silence) for watch in self.watches[silence])
            ):
                return
        self.doubted.append(Silence(
            lasted, int(silence.before), int(silence.number), int(silence.since), int(silence.until), hosts
        ))
        if not hosts:
            _note_in(silence, self.watches[silence])


def _note_in(silence: Break, watches: list[Watch]) -> None:
    """Note it in the connections that send behind it what they sent before it."""
    for watch in watches:
        data = [one for one in watch.sightings if one.length > 0 and one.direction < 2]
        early = [one for one in data if one.number <= silence.before]
        late = [one for one in data if one.number >= silence.number]
        if early and late and early[-1].direction == late[0].direction:
            step = Step(silence.number, silence.before, 0, -1)
            step.times = [
                max([one.time for one in watch.sightings if one.number <= silence.before]),
                min([one.time for one in watch.sightings if one.number >= silence.number]),
            ]
            if step.times[1] - step.times[0] >= silence.gap():      # of this conversation, whose times may go back
                watch.plans[0].silences.append(step)


def distinct(steps: list[Step]) -> list[Step]:
    """Each step once, however many conversations show it; of those, the one that shows it most closely. One more than
    MAX_STEPS at the most."""
    found: list[Step] = []
    for step in sorted(steps, key=_span):
        if len(found) > MAX_STEPS:
            break
        if not any(one.before < step.number and step.before < one.number for one in found):
            found.append(step)
    found.sort(key=_number)
    return found


def _span(step: Step) -> tuple[bool, int]:
    return step.moved < 0, int(step.number - step.before)


def _number(step: Step) -> int:
    return int(step.number)


def _index(sighting: Sighting) -> int:
    return int(sighting.index)
