"""A conversation that is told: what is gathered of it, and what becomes of it at its end."""
from __future__ import annotations

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.clock import set_right
from analyzer.flows.flow import Flow, Retired, TcpFlow, release
from analyzer.flows.summary import conversation_of
from analyzer.flows.teller import Teller
from analyzer.model import Account, AsSent, Carriage, Conversation, Points
from analyzer.pipeline.copies import captured
from analyzer.pipeline.plan import Plan
from analyzer.pipeline.shelf import Room, Shelf
from dissectors.kit.captured import FAR_NS, Copies
from dissectors.kit.event import Event
from dissectors.kit.filling import Filling
from dissectors.kit.protocol import Context
from dissectors.kit.units import plural
from dissectors.protocols.tcp.events import ORIGINATOR_RESPONDER
from dissectors.protocols.tcp.narrator import TcpNarrator


class Released(Retired):
    """Conversations of the telling are freed once they are told."""

    def take(self, flow: Flow) -> None:
        release(flow)


class Chosen:
    """One conversation to tell. flow: as the survey left it; told: the same in the table of the telling.

    teller: while it is told, from `Telling.begin()` to its end.
    plan: which of its frames are told, and when.
    seen: its frames so far, of `most` that are told one by one; the last of them last_number.
    found: those among them whose places were not kept.     skipping: the others are counted only.
    broken: a fault of ours ended its telling.
    """

    __deletable__ = ("teller",)
    teller: Teller

    def __init__(self, flow: Flow, account: Account, context: Context, room: Room, graphs: bool) -> None:
        self.flow = flow
        self.account = account
        self.context = context
        self.graphs = graphs
        self.shelf = Shelf(account, room)
        self.plan = Plan(flow)
        self.told: TcpFlow | None = None
        self.most: i64 = 0
        self.seen: i64 = 0
        self.found: i64 = 0
        self.last_number: i64 = 0
        self.skipping = False
        self.broken = False

    def frames(self) -> int:
        """All of them, told or not."""
        return int(self.flow.recorded + self.flow.unrecorded)

    def unread(self) -> int:
        """Those that are counted only."""
        return int(self.flow.unrecorded - self.found) if self.skipping else 0

    def reads_on(self) -> bool:
        """Whether frames behind those whose places were kept can be told: in the order of the file, each as a packet
        of its own. Where the first look found copies or another order, it would have to go on looking."""
        rest = self.flow.rest
        return rest is not None and not rest.falls and not self.plan.moved()

    def last_time(self) -> int:
        """When the last of its frames is told whose places were not kept; -1 where there is none."""
        rest = self.flow.rest
        if rest is None or not self.reads_on() or rest.last_time < 0:
            return -1
        return set_right(int(rest.last), int(rest.last_time), self.plan.clock)

    def ends_behind(self, stopped: i64) -> bool:
        """Whether it has frames that were not told when somebody wanted an end, before this one; 0 where nobody did."""
        places = self.plan.places
        last = max(self.flow.last_frame, places[-1].turn if places else 0)
        return stopped > 0 and last >= stopped

    def interrupted(self, stopped: int) -> None:
        """Its frames from this one on are not told."""
        if not self.skipping:
            rest = plural(max(self.frames() - int(self.seen), 1), "frame")
            self.account.left_out.append(f"{rest} from #{stopped} on: the telling ended before")

    def skipped(self) -> None:
        """What follows of this conversation is counted, but for what may end it: begin anew with the next."""
        self.skipping = True
        self.account.left_out.append(
            f"{plural(self.unread(), 'frame')} after #{self.last_number} are counted but not told one by one"
        )
        self.shelf.add(self.teller.skipped())


def draw(account: Account, teller: Teller) -> None:
    """Keep what a page draws beside the story."""
    account.carriage = teller.carriage = Carriage()
    account.filling = teller.context.filling = Filling()
    account.datagrams = teller.datagrams = [[], []]
    if account.conversation.transport == "tcp":
        account.points = [Points(), Points()]
        teller.points = account.points
    if teller.narrator is not None:
        teller.narrator.views.watch()


def mended(chosen: Chosen) -> None:
    """Its frames are not the packets that were sent, or not then: mend what is said of the conversation as a whole."""
    conversation, plan = chosen.account.conversation, chosen.plan
    times = [place.time for place in plan.places if place.time >= 0]
    if times:
        times.append(max(chosen.last_time(), times[0]))
        conversation.start_ns, conversation.end_ns = min(times), max(times)
    chosen.account.copies = plan.again
    conversation.as_sent = AsSent(
        [conversation.frames[side] - plan.copied_frames[side] for side in (0, 1)],
        [conversation.payload[side] - plan.copied_payload[side] for side in (0, 1)],
        sum(plan.copied_frames), plan.copies is None or plan.copies.certain,
    )


def apart(copies: Copies | None) -> bool:
    """Were packets seen at two places so far apart that what is told of each may be of another place?"""
    return copies is not None and 2 * sum(copies.again) >= sum(copies.packets) and copies.middle_ns >= FAR_NS


def about_the_capture(chosen: Chosen) -> None:
    """What the first look found, as events; and what was counted of packets that were sent, each once."""
    account, plan, narrator = chosen.account, chosen.plan, chosen.teller.narrator
    sides = ORIGINATOR_RESPONDER if narrator is None else narrator.sides
    found: list[Event] = [*captured(plan, sides)]
    for event in found:
        event.conversation = account.conversation.number
        event.marks = account.marks
    account.events += found
    told, survey = chosen.told, account.conversation.tcp
    if plan.mended() and told is not None and survey is not None:
        counted = conversation_of(told, account.conversation.end_ns).tcp
        if counted is not None:
            if account.conversation.as_sent is not None:
                account.conversation.as_sent.flags = counted.flags
            counted.flags = survey.flags        # Wireshark's, which counts frames
            account.conversation.tcp = counted


def learned(conversation: Conversation, teller: Teller) -> None:
    """What its frames told of a conversation beside events."""
    conversation.protocol = teller.router.protocol
    conversation.encrypted = teller.router.encrypts
    conversation.few_hops = bool(teller.probes)
    conversation.next_hops = [address_text(hop) if hop else "" for hop in teller.next_hops]


def measured(account: Account, narrator: TcpNarrator) -> None:
    """What the narrator measured over time, as the account carries it."""
    account.claims = narrator.claims()
    account.courses = [narrator.forward.course, narrator.backward.course]
    account.views = narrator.views.told(narrator.sides, narrator.seen_from)
    for end in (narrator.forward, narrator.backward):
        end.course.congestion = end.limit.congestion.windows
        end.course.growth = end.limit.congestion.growth()
    for direction in (0, 1):
        shares = narrator.limits[direction]
        whole = sum([share for _cause, share in shares])
        if whole > 0:
            account.limits[direction] = {cause: share / whole for cause, share in shares}
