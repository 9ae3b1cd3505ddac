"""The second look, at the frames of the chosen conversations only: from segments and datagrams to events."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.faults import Faults
from analyzer.flows.checksums import may_be_damaged
from analyzer.flows.clock import Breaks, Step, set_right
from analyzer.flows.flow import Flow, TcpFlow
from analyzer.flows.reassembly import WaitingRoom
from analyzer.flows.summary import TRANSPORTS, troubles_of
from analyzer.flows.teller import Teller
from analyzer.flows.tracker import Tracker, parties_of
from analyzer.ingest.source import MAX_TIME, Source
from analyzer.model import Account, CaptureSummary, Conversation, Silence
from analyzer.packet import ICMP, ICMPV6, TCP, Packet
from analyzer.packets.decode import Decoder
from analyzer.pipeline.chosen import Chosen, Released, about_the_capture, apart, draw, learned, measured, mended
from analyzer.pipeline.look import FirstLook, without_steps
from analyzer.pipeline.passes import SILENT, Pulse, told_until
from analyzer.pipeline.places import Window, reader_of
from analyzer.pipeline.plan import Place, Plan, number_of, places_of
from analyzer.pipeline.rest import Rest, RestReader
from analyzer.pipeline.shelf import MAX_EVENTS, MAX_EVENTS_EACH, Room
from analyzer.pipeline.timeline import MAX_STEPS, WITNESSES
from dissectors.kit.event import NEITHER, DissectorFault, Event, Evidence, Observed
from dissectors.kit.observation import ALWAYS, CAPTURE_ENDED, NOT_CAPTURED, READING_ENDED, beyond, what_ended
from dissectors.kit.protocol import Context, Protocol, Shared
from dissectors.kit.provided import NOTHING, Provided
from dissectors.kit.units import grouped, plural, span
from dissectors.protocols.tcp.flags import REUSED_PORTS

UNLIMITED: Final = 1 << 40
CAPACITY: Final = UNLIMITED       # only chosen conversations come here, so nothing has to make room
LATEST: Final[i64] = 1 << 62      # beyond the number of any frame
PART: Final = 1_000               # conversations that are told together
# After so long without any frame it is not known that anybody captured: captures of other times were joined, or the
# recording stood still. Any link that is in use shows something within a day.
STOPPED_NS: Final = 86_400_000_000_000


class Telling:
    """Looks at the chosen frames again, in the order of the capture.

    most: how many of them are told one by one; UNLIMITED where all are, and everything that is told is kept.
    """

    def __init__(
        self, protocols: tuple[Protocol, ...], most: int, provided: Provided = NOTHING,
        faults: Faults | None = None, pulse: Pulse = SILENT,
    ) -> None:
        self.pulse = pulse
        self.stopped: i64 = 0            # the first frame that is not told: not kept, or somebody wanted an end; else 0
        self.latest_told: i64 = 0
        self.fully = True                # what was told of no frame is not there
        self.due: i64 = 0                # the next beat is at this frame
        self.protocols = protocols
        self.provided = provided
        self.most = most
        self.room = Room(MAX_EVENTS, MAX_EVENTS_EACH) if most < UNLIMITED else Room(UNLIMITED, UNLIMITED)
        self.waiting = WaitingRoom()
        self.shared = Shared()
        self.faults = Faults() if faults is None else faults
        self.tracker = Tracker(CAPACITY, 0, True, Released(), self.faults, parties_of(self.protocols))
        self.decoder = Decoder()
        self.packet = Packet()
        self.chosen: list[Chosen] = []
        self.windows: bool = False       # every moment in which what a sender may do changes is noted
        self.breaks = Breaks()
        self.steps: list[Step] = []      # of the capture's clock
        self.restless = False            # it was set too often to be set right
        self.doubted: list[Silence] = []
        self.lag = 0
        self.bounds = (-1, -1)           # when those begin and end that are chosen later, where the clock was set
        self.told = 0                    # conversations that are
        self.cut = 0                     # ... not to their end
        self.twice: list[Flow] = []      # conversations that are another one, seen in another VLAN or tunnel

    def add(self, flow: Flow, conversation: Conversation, graphs: bool = False) -> None:
        """Choose a conversation."""
        self.chosen.append(self.choose(flow, conversation, graphs))

    def choose(self, flow: Flow, conversation: Conversation, graphs: bool = False) -> Chosen:
        """A conversation to tell."""
        context = context_of(conversation, self.provided, self.shared)
        account = Account(conversation, context.marks, context.observed)
        account.troubles = troubles_of(flow)
        chosen = Chosen(flow, account, context, self.room, graphs)
        chosen.plan.places = places_of(flow)
        if self.stopped:
            chosen.plan.places = [place for place in chosen.plan.places if place.number < self.stopped]
        if flow.rest is not None:
            for place in chosen.plan.places[flow.rest.whole:]:
                place.early = False
        return chosen

    def unlooked(self, flow: Flow, conversation: Conversation, shared: bool, graphs: bool) -> Chosen:
        """One that is chosen after the first look, which met nothing unusual in it. shared: see FirstLook."""
        chosen = self.choose(flow, conversation, graphs)
        if self.steps and not self.restless:
            without_steps(chosen.plan, self.steps, shared)
            if chosen.plan.mended():
                mended(chosen)
        return chosen

    def look(self, source: Source, reassembled: bool, breaks: Breaks, flows: list[Flow]) -> None:
        """Look at those of them in which something unusual was met, to know which frames show a packet again and in
        which order they can have been sent.

        reassembled: the capture holds datagrams in fragments.    breaks: in its times.    flows: all that are known.
        """
        reader = reader_of(source, reassembled, self.pulse)
        first = FirstLook(
            [chosen.plan for chosen in self.chosen], reader, self.faults, source.alone, breaks,
            self._others(breaks, flows),
        )
        first.look()
        self.breaks = breaks
        self.steps = first.steps
        self.restless = first.restless
        self.doubted, self.lag = first.doubted, first.lag
        self.twice = [chosen.flow for chosen in self.chosen if chosen.flow.recorded and not chosen.plan.places]
        self.chosen = [chosen for chosen in self.chosen if chosen.plan.places or not chosen.flow.recorded]
        for chosen in self.chosen:
            if chosen.plan.mended():
                mended(chosen)

    def parts(self) -> list[list[Chosen]]:
        """Those that are told together, in order: so many at once, that what telling them takes is let go after each.

        All of them where frames have to be found again, in one pass over the capture.
        """
        if any(chosen.flow.rest is not None for chosen in self.chosen):
            return [self.chosen]
        return [self.chosen[start:start + PART] for start in range(0, len(self.chosen), PART)]

    def begin(self, part: list[Chosen]) -> None:
        """Tell these next."""
        self.chosen = part
        self.tracker = Tracker(CAPACITY, 0, True, Released(), self.faults, parties_of(self.protocols))
        for chosen in part:
            teller = Teller(chosen.account.conversation.number, self.protocols, chosen.context, self.waiting)
            chosen.teller = teller
            if not may_be_damaged(chosen.flow):
                teller.checks = None
            if chosen.graphs:
                draw(chosen.account, teller)
            narrator = teller.narrator
            if narrator is not None:
                if self.windows:
                    narrator.views.watch()
                plan = chosen.plan
                narrator.unsure = sorted([int(step.number) for step in plan.silences], reverse=True)
                if plan.mended():
                    narrator.one_view = plan.copies is None
                    late = plan.order is not None and plan.order.late >= 0
                    narrator.handshake.one_place = not (apart(plan.copies) or late)

    def _others(self, breaks: Breaks, flows: list[Flow]) -> list[Plan]:
        """Of all these conversations, some that go on across the silences of the capture, and are not told."""
        told = {id(chosen.flow) for chosen in self.chosen}
        found: dict[int, Plan] = {}
        for silence in breaks.long():
            near = 0
            for flow in flows:
                if flow.protocol == TCP and flow.first_frame <= silence.before and flow.last_frame >= silence.number:
                    if id(flow) not in told and id(flow) not in found and flow.recorded:
                        found[id(flow)] = Plan(flow)
                        found[id(flow)].places = places_of(flow)
                    near += 1
                    if near == WITNESSES:
                        break
        return list(found.values())

    def places(self) -> list[Place]:
        """Every frame that is told and whose place was kept, in the order in which that is done."""
        found: list[Place] = []
        for owner, chosen in enumerate(self.chosen):
            for place in chosen.plan.places:
                place.owner = owner
            found += chosen.plan.places
        found.sort(key=turn_of)
        return found

    def rest(self) -> Rest:
        """The frames that are told and whose places were not kept.

        Where there are too many, each conversation gets an equal share; what a smaller one leaves is for the others.
        """
        rest = Rest()
        left = self.most
        reading: list[tuple[int, int, Chosen]] = []
        for owner, chosen in enumerate(self.chosen):
            chosen.most = len(chosen.plan.places)
            if chosen.flow.rest is not None:
                chosen.most = sum([1 for place in chosen.plan.places if place.early])
            if chosen.reads_on():
                reading.append((chosen.frames(), owner, chosen))
            else:
                left -= int(chosen.most)
        reading.sort(key=share_of)
        for index, (frames, owner, chosen) in enumerate(reading):
            share = min(max(left // (len(reading) - index), int(chosen.most)), frames)
            left -= share
            if share > chosen.most and chosen.flow.rest is not None:
                chosen.most = share
                rest.add(chosen.flow, chosen.flow.rest, owner)
        return rest

    def walk(self, source: Source, whole: bool) -> None:
        """Go over the whole capture once more. What is told later than it comes is held until then.

        whole: every frame is decoded, so that fragments come together.
        """
        places = self.places()
        rest = self.rest()
        coming = sorted(places, key=number_of)
        index = 0
        arrived = 0
        while (index < len(places) or source.number < rest.last) and source.next():
            number = source.number
            if (number >= self.due and self._over(number)) or 0 < self.stopped <= number:
                return
            due = arrived < len(coming) and coming[arrived].number == number
            likely = bool(rest.members) and rest.likely(source.data, source.start, source.end, source.link)
            if whole or due or likely:
                self._decode(source.data, source.start, source.end, source.length, source.link, number, source.time)
            wanted = likely and rest.find(self.packet)
            while arrived < len(coming) and coming[arrived].number == number:
                place = coming[arrived]
                if place.turn > number:
                    place.held = self.packet.copy()
                arrived += 1
            while index < len(places) and places[index].turn == number:
                place = places[index]
                held = place.held
                self._look(place, self.packet if held is None else held)
                place.held = None
                index += 1
            if wanted:
                self._found(rest, self.packet, source.time)

    def visit(self, source: Source) -> None:
        """Read only the chosen frames, each at its place in the file; those that lie close together at once."""
        places = self.places()
        rest = self.rest()
        again = source.reopen() if rest.members else source
        reader = RestReader(again, rest, self.pulse)
        window = Window(source)
        for index, place in enumerate(places):
            if rest.members:
                self._between(reader, place.turn)
            if self.stopped or (place.turn >= self.due and self._over(place.turn)):
                break
            window.find(places, index)
            self._decode(
                window.data, window.start, window.end, place.wire, place.shape >> 32, place.number, place.time
            )
            self._look(place, self.packet)
        if rest.members:
            if not self.stopped:
                self._between(reader, LATEST)
            again.close()

    def _between(self, reader: RestReader, limit: i64) -> None:
        """Tell the frames before this one whose places were not kept."""
        while reader.next(limit):
            if self._found(reader.rest, reader.packet, reader.source.time):
                reader.until = 0
        self.stopped = reader.stopped

    def _over(self, number: i64) -> bool:
        """A beat. True where somebody wants an end, before this frame."""
        self.due = number + self.pulse.stride
        if not self.pulse.beat(number):
            self.stopped = number
            return True
        return False

    def _found(self, rest: Rest, packet: Packet, time: i64) -> bool:
        """A frame whose place was not kept. True where no more is wanted of a conversation."""
        over = False
        for member in rest.found:
            chosen = self.chosen[member.owner]
            told = time
            if chosen.plan.clock and time >= 0:
                set_back = set_right(int(packet.number), int(time), chosen.plan.clock)
                told = set_back if 0 <= set_back <= MAX_TIME else int(time)
            chosen.found += 1
            self._take(chosen, packet, told)
            if chosen.broken or chosen.seen >= chosen.most:
                member.over = over = True
        if over:
            rest.settle()
        return over

    def latest(self, time: int) -> int:
        """When the capture ends, if its last time is this one, and its clock was set on the way."""
        if not self.steps:
            return time
        told = max([place.time for chosen in self.chosen for place in chosen.plan.places], default=time)
        told = max(told, self.bounds[1])
        told = max([told] + [chosen.last_time() for chosen in self.chosen])
        return max(told, set_right(int(self.breaks.number), int(self.breaks.last), self.steps))

    def set_right(self, capture: CaptureSummary) -> None:
        """Count conversations that the capture holds twice once, and its time without the steps of its clock."""
        for flow in self.twice:
            transport = TRANSPORTS.get(int(flow.protocol), "")
            capture.conversations -= 1
            if transport in capture.by_transport:
                capture.by_transport[transport] -= 1
        for silence in self.doubted:
            silence.since_ns = set_right(silence.before, silence.since_ns, self.steps)
            silence.until_ns = set_right(silence.after, silence.until_ns, self.steps)
        capture.silences, capture.lag_ns = self.doubted, self.lag
        if self.restless:
            capture.damage.append(
                f"the clock of the capture was set more than {MAX_STEPS} times; times are told as they are stamped"
            )
        if self.steps:
            capture.end_ns = self.latest(capture.end_ns)
            capture.observed.miss(
                beyond(capture.ended), NEITHER, capture.end_ns + 1, ALWAYS, capture.frames,
                f"{what_ended(capture.ended)} ends then",
            )
            starts = [chosen.account.conversation.start_ns for chosen in self.chosen]
            starts += [self.bounds[0]] if self.bounds[0] >= 0 else []
            capture.start_ns = min([*starts, set_right(1, int(self.breaks.first), self.steps)])
        self._stood_still(capture)

    def _stood_still(self, capture: CaptureSummary) -> None:
        """What may have happened while nothing at all was captured was not seen."""
        for silence in self.breaks.long():
            since = set_right(int(silence.before), int(silence.since), self.steps)
            until = set_right(int(silence.number), int(silence.until), self.steps)
            if until - since < STOPPED_NS:
                continue
            why = f"nothing at all was captured for {span(until - since)} after #{silence.before}"
            for observed in [capture.observed] + [chosen.account.observed for chosen in self.chosen]:
                observed.miss(NOT_CAPTURED, NEITHER, since + 1, until - 1, int(silence.number), why)

    def unread(self) -> str:
        """In a sentence, how many frames of the chosen conversations were counted only; "" for none."""
        unread = sum([chosen.unread() for chosen in self.chosen])
        if not unread:
            return ""
        return (
            f"Of {plural(sum([chosen.frames() for chosen in self.chosen]), 'frame')} of the conversations that are "
            f"told, {grouped(unread)} were counted and not read one by one (--conversation N reads one to its end)."
        )

    def interrupted(self) -> str:
        """In a sentence, what was told when somebody wanted an end."""
        return told_until(int(self.stopped), self.told, self.cut, self.pulse.stopped)

    def finish(self, frame: int, time: int, how: str = CAPTURE_ENDED) -> list[Account]:
        """The accounts, once every frame of theirs was seen. frame, time: the last that was read.

        how: what ended there, the capture or the reading of it. Where the telling was interrupted before that, what it
        has not begun with is left out. What it took to tell them is let go.
        """
        if self.stopped and self.fully:
            self.chosen = [chosen for chosen in self.chosen if chosen.seen or not chosen.frames()]
        self.told += len(self.chosen)
        self.cut += sum([1 for chosen in self.chosen if chosen.ends_behind(self.stopped)])
        for chosen in self.chosen:
            if not chosen.broken:
                try:
                    if chosen.ends_behind(self.stopped):
                        chosen.interrupted(int(self.stopped))
                        self._finish(chosen, int(self.stopped) - 1, int(self.latest_told), READING_ENDED)
                    else:
                        self._finish(chosen, frame, time, how)
                except Exception as error:
                    self._break(chosen, frame, time, error)
            learned(chosen.account.conversation, chosen.teller)
            chosen.shelf.finish()
            del chosen.teller
            chosen.told = None
            chosen.plan.places = []
        self.tracker.table.finish()
        return [chosen.account for chosen in self.chosen]

    def _finish(self, chosen: Chosen, frame: int, time: int, how: str) -> None:
        if how == CAPTURE_ENDED and chosen.flow.unrecorded > chosen.found and not chosen.skipping:
            chosen.skipped()
        chosen.shelf.add(chosen.teller.finish(frame, time, how))
        narrator = chosen.teller.narrator
        if narrator is not None:
            measured(chosen.account, narrator)
        plan = chosen.plan
        chosen.account.claims += plan.doubtful(self.doubted)
        if plan.copies is not None or plan.mended() or plan.loops or plan.silences:
            about_the_capture(chosen)

    def _decode(self, data: bytes, start: i64, end: i64, wire: i64, link: i64, number: i64, time: i64) -> None:
        """A frame that the survey could not decode is left out here as there."""
        try:
            self.decoder.decode(data, start, end, wire, link, number, time, self.packet)
        except Exception as error:
            self.faults.note(number, "a frame", error)
            self.packet.clear()
            self.decoder.dirty = True

    def _look(self, place: Place, packet: Packet) -> None:
        chosen = self.chosen[place.owner]
        if chosen.plan.scope is not None:
            packet.scope = chosen.plan.scope
        self._take(chosen, packet, place.time)

    def _take(self, chosen: Chosen, packet: Packet, time: i64) -> None:
        if chosen.broken:
            return
        packet.time = time
        self.latest_told = max(self.latest_told, time)
        try:
            self._tell(chosen, packet)
        except Exception as error:
            self._break(chosen, packet.number, time, error)

    def _tell(self, chosen: Chosen, packet: Packet) -> None:
        tracker = self.tracker
        flow = chosen.flow
        if flow.rest is not None and chosen.seen >= chosen.most:
            if not chosen.skipping:
                chosen.skipped()
            if chosen.told is not None:
                tracker.table.resume(chosen.told)
        chosen.seen += 1
        chosen.last_number = packet.number
        if packet.kind in (ICMP, ICMPV6) and not _own(packet, chosen):
            chosen.shelf.add(chosen.teller.quoted(packet, flow.forward))
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
        same = bool(found.party) or found.forward == flow.forward
        direction = tracker.direction if same else 1 - tracker.direction
        events = chosen.teller.take(packet, tracker.table, direction, extra)
        if events:
            chosen.shelf.add(events)

    def _break(self, chosen: Chosen, frame: int, time: int, error: Exception) -> None:
        """A fault of ours ends the telling of this conversation, and of no other."""
        chosen.broken = True
        chosen.account.events.append(fault_in(chosen.account, frame, time, error, self.faults))
        chosen.account.left_out.append(f"what comes after #{frame}: a fault of wiretale ended the telling")


def _own(packet: Packet, chosen: Chosen) -> bool:
    """Whether this ICMP message is one of the conversation; else it quotes a packet of it."""
    if chosen.context.transport not in ("icmp", "icmpv6"):
        return False
    ends = packet.source() + packet.destination()
    return chosen.flow.forward.startswith(ends) or chosen.flow.backward.startswith(ends)


def context_of(conversation: Conversation, provided: Provided, shared: Shared | None = None) -> Context:
    """What the dissectors of a conversation may know of it."""
    return Context(
        conversation.transport, conversation.originator.port, conversation.responder.port, False, False, provided,
        shared=shared,
    )


def fault_in(account: Account, frame: int, time: int, error: Exception, faults: Faults) -> Event:
    """A fault while a conversation was told, counted, as an event of it."""
    conversation, marks = account.conversation, account.marks
    words = faults.note(frame, f"the rest of conversation {conversation.number}", error)
    fault = DissectorFault(Observed(time, NEITHER, Evidence((frame,))), conversation.transport, words)
    fault.conversation = conversation.number
    fault.marks = marks
    return fault


def share_of(one: tuple[int, int, Chosen]) -> tuple[int, int]:
    return one[0], one[1]


def turn_of(place: Place) -> int:
    return int(place.turn)
