"""What is to be told of a conversation: which of its frames, in which order and at which times."""
from __future__ import annotations

from mypy_extensions import i64

from analyzer.flows.clock import Step
from analyzer.flows.flow import RECORD, Flow
from analyzer.flows.order import Order
from analyzer.flows.sightings import Pairing, Sighting, sight
from analyzer.model import Silence
from analyzer.packet import Packet
from dissectors.kit.account import BLIND, CERTAIN, UNSEEN, Claim
from dissectors.kit.captured import Copies


class Place:
    """One frame to look at again. time: when it is told.   turn: the frame at which it is told, its own or a later one.

    owner: index of its conversation among those that are told.    early: within the cap on frames of a conversation.
    watch, index: who looks at it first, as which frame.    held: the frame, decoded, until its turn comes.
    """

    def __init__(self, number: i64, time: i64, wire: i64, place: i64, shape: i64) -> None:
        self.number: i64 = number
        self.time: i64 = time
        self.wire: i64 = wire
        self.place: i64 = place
        self.shape: i64 = shape
        self.captured: i64 = shape & 0xFFFFFFFF
        self.turn: i64 = number
        self.owner: i64 = 0
        self.early: bool = True
        self.watch: Watch | None = None
        self.index: i64 = 0
        self.held: Packet | None = None

    def again(self) -> Place:
        """The same frame, to be looked at by somebody else."""
        return Place(self.number, self.time, self.wire, self.place, self.shape)


class Loop:
    """A packet that passes again and again. times: how often.   ttl: of the first and of the last sighting."""

    def __init__(self, time: int, direction: int, frames: tuple[int, ...], times: int, ttl: tuple[int, int]) -> None:
        self.time = time
        self.direction = direction
        self.frames = frames
        self.times = times
        self.ttl = ttl


class Plan:
    """What to tell of a conversation, and how.

    places: its frames in the order in which they are told, none where another plan has them.
    flows: what the capture holds of it; several where it was seen in several VLANs or tunnels.
    scope: the one that all its frames are told in, None for their own.
    again: frames that show a packet once more, and are not told.    copied_frames, copied_payload: of each direction,
    those of the flow itself, where the packet is one of its own too.
    clock: steps of the capture's clock that its frames are told without; shifted: that changes the time of some.
    sightings: those that are told, while it is looked at.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.flows = [flow]
        self.places: list[Place] = []
        self.scope: bytes | None = None
        self.again = 0
        self.copied_frames = [0, 0]
        self.copied_payload = [0, 0]
        self.copies: Copies | None = None
        self.copied_at = 0
        self.loops: list[Loop] = []
        self.order: Order | None = None
        self.steps: list[Step] = []
        self.silences: list[Step] = []      # which may be steps of the clock too
        self.clock: list[Step] = []
        self.shifted = False
        self.sightings: list[Sighting] = []
        self.pairing: Pairing | None = None

    def moved(self) -> bool:
        """Its frames are not all told, or in another order than that of the file."""
        return bool(
            self.again or self.loops or len(self.flows) > 1 or (self.order is not None and self.order.changes())
        )

    def doubtful(self, doubted: list[Silence]) -> list[Claim]:
        """Silences in which the clock of the capture may have been set, where this conversation goes on across them.
        Nobody knows how long they lasted."""
        found: list[Claim] = []
        for silence in doubted:
            before, after = silence.before, silence.after
            if silence.stood:      # other hosts counted the time
                continue
            earlier = [place.time for place in self.places if place.number <= before and place.time >= 0]
            later = [place.time for place in self.places if place.number >= after and place.time >= 0]
            if earlier and later:
                found.append(Claim(
                    int(max(earlier)), int(min(later)), UNSEEN, BLIND, (before, after), CERTAIN,
                    "the clock of the capture may have been set here",
                ))
        return found

    def mended(self) -> bool:
        """It is told otherwise than it lies in the file."""
        return self.again > 0 or bool(self.steps) or self.shifted or (self.order is not None and self.order.changes())


class Watch:
    """Frames of one conversation, or of several that may be one, to look at first. plans: whose they are, by frame."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.places: list[Place] = []
        self.plans: list[Plan] = []
        self.sightings: list[Sighting] = []

    def add(self, plan: Plan, places: list[Place]) -> None:
        self.places += places
        self.plans += [plan] * len(places)

    def sort(self) -> None:
        """By frame, after the frames of several conversations were added."""
        both = [at for _number, at in sorted([(place.number, at) for at, place in enumerate(self.places)])]
        self.places = [self.places[at] for at in both]
        self.plans = [self.plans[at] for at in both]

    def expect(self, start: int, end: int) -> list[Place]:
        """Look at these of its frames."""
        places = self.places[start:end]
        for index, place in enumerate(places):
            place.watch = self
            place.index = start + index
        return places

    def take(self, place: Place, packet: Packet) -> None:
        """A frame of its own, decoded."""
        found = sight(packet, place.index, self.flow.forward, self.flow.address_size)
        if found is None:
            found = Sighting(place.index, place.number, place.time, 2)
            found.digest = place.index
        self.sightings.append(found)


def places_of(flow: Flow) -> list[Place]:
    """The frames of a conversation, as the survey kept them."""
    records = flow.records
    found: list[Place] = []
    for i in range(0, len(records), RECORD):
        found.append(Place(records[i], records[i + 1], records[i + 2], records[i + 3], records[i + 4]))
    return found


def number_of(place: Place) -> int:
    return int(place.number)
