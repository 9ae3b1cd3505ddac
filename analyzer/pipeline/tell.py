"""The second look, at the frames of the chosen conversations only: from segments and datagrams to events."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.faults import Faults
from analyzer.flows.flow import RECORD, Flow, TcpFlow, release
from analyzer.flows.table import Retired
from analyzer.flows.teller import Teller
from analyzer.flows.tracker import Tracker
from analyzer.ingest.source import Source
from analyzer.model import Account, Carriage, Conversation, Points, Series
from analyzer.packet import ICMP, ICMPV6, Packet
from analyzer.packets.decode import Decoder
from dissectors.kit.event import NEITHER, DissectorFault, Event, Evidence, Observed
from dissectors.kit.protocol import Context, Protocol
from dissectors.kit.provided import NOTHING, Provided
from dissectors.kit.units import plural
from dissectors.protocols.tcp.flags import REUSED_PORTS
from dissectors.protocols.tcp.narrator import TcpNarrator

CAPACITY: Final = 1 << 40         # only chosen conversations come here, so nothing has to make room
NEAR: Final = 1 << 12             # bytes between two chosen frames that are read along rather than skipped
STRETCH: Final = 1 << 16          # bytes of the file read at once


class Released(Retired):
    """Conversations of the telling are freed once they are told."""

    def take(self, flow: Flow) -> None:
        release(flow)


class Place:
    """One frame to look at again, and whose it is."""

    def __init__(self, number: int, time: int, wire: int, place: int, shape: int, chosen: Chosen) -> None:
        self.number = number
        self.time = time
        self.wire = wire
        self.place = place
        self.shape = shape
        self.captured = shape & 0xFFFFFFFF
        self.chosen = chosen


class Chosen:
    """One conversation to tell. flow: as the survey left it; told: the same in the table of the telling.

    seen: its frames so far, the last of them last_number.     broken: a fault of ours ended its telling.
    """

    def __init__(self, flow: Flow, account: Account, teller: Teller) -> None:
        self.flow = flow
        self.account = account
        self.teller = teller
        self.told: TcpFlow | None = None
        self.seen: i64 = 0
        self.last_number: i64 = 0
        self.broken = False

    def skipped(self) -> None:
        """Frames of this conversation were counted and not kept: begin anew with the next."""
        self.account.left_out.append(
            f"{plural(self.flow.unrecorded, 'frame')} after #{self.last_number} are counted but not told one by one"
        )
        self.account.events += self.teller.skipped()


class Telling:
    """Looks at the chosen frames again, in the order of the capture."""

    def __init__(
        self, protocols: tuple[Protocol, ...], record_cap: int, provided: Provided = NOTHING,
        faults: Faults | None = None,
    ) -> None:
        self.protocols = protocols
        self.provided = provided
        self.record_cap = record_cap
        self.faults = Faults() if faults is None else faults
        self.tracker = Tracker(CAPACITY, 0, True, Released(), self.faults)
        self.decoder = Decoder()
        self.packet = Packet()
        self.chosen: list[Chosen] = []

    def add(self, flow: Flow, conversation: Conversation, graphs: bool = False) -> None:
        """Choose a conversation."""
        teller = Teller(conversation.number, self.protocols, context_of(conversation, self.provided))
        account = Account(conversation, teller.context.marks, teller.context.observed)
        if graphs:
            draw(account, teller)
        self.chosen.append(Chosen(flow, account, teller))

    def places(self) -> list[Place]:
        """Every frame of the chosen conversations, in the order of the capture."""
        found: list[Place] = []
        for chosen in self.chosen:
            records = chosen.flow.records
            for i in range(0, len(records), RECORD):
                found.append(Place(
                    int(records[i]), int(records[i + 1]), int(records[i + 2]), int(records[i + 3]),
                    int(records[i + 4]), chosen,
                ))
        found.sort(key=_number)
        return found

    def walk(self, source: Source) -> None:
        """Go over the whole capture once more; every frame is decoded, so that fragments come together."""
        places = self.places()
        index = 0
        while index < len(places) and source.next():
            self._decode(source.data, source.start, source.end, source.length, source.link, source.number, source.time)
            while index < len(places) and places[index].number == source.number:
                self._look(places[index])
                index += 1

    def visit(self, source: Source) -> None:
        """Read only the chosen frames, each at its place in the file; those that lie close together at once."""
        places = self.places()
        data = b""
        base = 0
        for index, place in enumerate(places):
            start = place.place - base
            end = start + place.captured
            if start < 0 or end > len(data):
                base = place.place
                data = source.read_at(base, stretch(places, index))
                start = 0
                end = min(place.captured, len(data))
            self._decode(data, start, end, place.wire, place.shape >> 32, place.number, place.time)
            self._look(place)

    def finish(self, frame: int, time: int) -> list[Account]:
        """The accounts, once every frame was seen. frame, time: the last of the capture."""
        for chosen in self.chosen:
            if not chosen.broken:
                try:
                    self._finish(chosen, frame, time)
                except Exception as error:
                    self._break(chosen, frame, time, error)
            chosen.account.conversation.protocol = chosen.teller.router.protocol
        self.tracker.table.finish()
        return [chosen.account for chosen in self.chosen]

    def _finish(self, chosen: Chosen, frame: int, time: int) -> None:
        if chosen.flow.unrecorded and chosen.seen <= self.record_cap:
            chosen.skipped()
        chosen.account.events += chosen.teller.finish(frame, time, "capture")
        narrator = chosen.teller.narrator
        if narrator is not None:
            measured(chosen.account, narrator)

    def _decode(self, data: bytes, start: i64, end: i64, wire: i64, link: i64, number: i64, time: i64) -> None:
        """A frame that the survey could not decode is left out here as there."""
        try:
            self.decoder.decode(data, start, end, wire, link, number, time, self.packet)
        except Exception as error:
            self.faults.note(number, "a frame", error)
            self.packet.clear()
            self.decoder.dirty = True

    def _look(self, place: Place) -> None:
        chosen = place.chosen
        if chosen.broken:
            return
        try:
            self._tell(chosen)
        except Exception as error:
            self._break(chosen, place.number, place.time, error)

    def _tell(self, chosen: Chosen) -> None:
        tracker = self.tracker
        packet = self.packet
        flow = chosen.flow
        if flow.unrecorded and chosen.seen >= self.record_cap and not flow.uncapped:
            if chosen.seen == self.record_cap:
                chosen.skipped()
            if chosen.told is not None:
                tracker.table.resume(chosen.told)
        chosen.seen += 1
        chosen.last_number = packet.number
        if packet.kind in (ICMP, ICMPV6) and not _own(packet, chosen):
            chosen.account.events += chosen.teller.quoted(packet, flow.forward)
            return
        tracker.take(packet)
        found = tracker.flow
        if found is None:
            return
        if isinstance(found, TcpFlow):
            chosen.told = found
        extra: i64 = 0
        if tracker.table.is_new and flow.first_frame == packet.number and flow.reused:
            extra = REUSED_PORTS
        # Who opened the connection was decided by the survey, which has seen every frame.
        direction = tracker.direction if found.forward == flow.forward else 1 - tracker.direction
        chosen.account.events += chosen.teller.take(packet, tracker.table, direction, extra)

    def _break(self, chosen: Chosen, frame: int, time: int, error: Exception) -> None:
        """A fault of ours ends the telling of this conversation, and of no other."""
        chosen.broken = True
        chosen.account.events.append(fault_in(chosen.account, frame, time, error, self.faults))
        chosen.account.left_out.append(f"what comes after #{frame}: a fault of wiretale ended the telling")


def _own(packet: Packet, chosen: Chosen) -> bool:
    """Whether this ICMP message is one of the conversation; else it quotes a packet of it."""
    if chosen.teller.context.transport not in ("icmp", "icmpv6"):
        return False
    ends = packet.source() + packet.destination()
    return chosen.flow.forward.startswith(ends) or chosen.flow.backward.startswith(ends)


def context_of(conversation: Conversation, provided: Provided) -> Context:
    """What the dissectors of a conversation may know of it."""
    return Context(
        conversation.transport, conversation.originator.port, conversation.responder.port, False, False, provided
    )


def draw(account: Account, teller: Teller) -> None:
    """Keep what a page draws beside the story."""
    account.carriage = teller.carriage = Carriage()
    if account.conversation.transport == "tcp":
        account.points = [Points(), Points()]
        teller.points = account.points


def fault_in(account: Account, frame: int, time: int, error: Exception, faults: Faults) -> Event:
    """A fault while a conversation was told, counted, as an event of it."""
    conversation, marks = account.conversation, account.marks
    words = faults.note(frame, f"the rest of conversation {conversation.number}", error)
    fault = DissectorFault(Observed(time, NEITHER, Evidence((frame,))), conversation.transport, words)
    fault.conversation = conversation.number
    fault.marks = marks
    return fault


def stretch(places: list[Place], index: int) -> int:
    """Bytes from this place on that one read takes: up to the last of the places that follow closely."""
    first = places[index].place
    end = first + places[index].captured
    for following in range(index + 1, len(places)):
        place = places[following]
        if not 0 <= place.place - end <= NEAR or place.place + place.captured - first > STRETCH:
            break
        end = place.place + place.captured
    return end - first


def measured(account: Account, narrator: TcpNarrator) -> None:
    """What the narrator measured over time, as the account carries it."""
    for direction in (0, 1):
        window, flight = narrator.window_series[direction], narrator.flight_series[direction]
        account.series[direction] = [
            Series("window", "B", window.times, window.values),
            Series("in flight", "B", flight.times, flight.values),
        ]
        shares = narrator.limits[direction]
        whole = sum([share for _cause, share in shares])
        if whole > 0:
            account.limits[direction] = {cause: share / whole for cause, share in shares}


def _number(place: Place) -> int:
    return place.number
