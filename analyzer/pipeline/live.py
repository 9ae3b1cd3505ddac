"""A capture that is analysed while it grows: one pass, every frame counted, conversations told as far as budgets allow.

What a file gets in two looks happens here at once: each frame is counted by the survey and, if its conversation is
told, looked at in detail right after. Memory is bounded by `Budgets`; whatever leaves is counted.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from analyzer.flows.flow import CLOSED, Flow, TcpFlow, release
from analyzer.flows.summary import conversation_of
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.source import Source
from analyzer.model import Account, Carriage, Conversation, Endpoint, Finding, Points
from analyzer.packets.decode import scope_text
from analyzer.packets.packet import ICMP, ICMPV6, TCP, UDP
from analyzer.pipeline.keep import Keeper, octets_of, trouble_of
from analyzer.pipeline.live_idle import idle_flows, remove
from analyzer.pipeline.names import NameBook
from analyzer.pipeline.survey import Follower, Survey
from analyzer.pipeline.tell import Place, Teller, Telling, measured
from dissectors.kit.event import NEITHER, Event, Evidence, LimitReached
from dissectors.kit.protocol import Protocol
from dissectors.kit.provided import Provided
from dissectors.kit.units import plural

CAPACITY: Final = 20_000                     # TCP connections counted at once, and as many of everything else
MAX_CONVERSATIONS: Final = 2_000             # that are told at once, those that ended included
MAX_EVENTS_EACH: Final = 1_000               # events of one conversation: its first and its latest ones
MAX_EVENTS: Final = 200_000                  # events of all conversations together
MAX_HELD_BYTES: Final = 64 << 20             # stream bytes held for reassembly, all conversations together
MAX_POINTS: Final = 1_000_000                # points of time-sequence graphs, all conversations together
LEAVING_SHARE: Final = 16                    # where room is needed, one in so many leaves
SECOND: Final[i64] = 1_000_000_000
SWEEP_NS: Final[i64] = SECOND                # of capture time between two looks for idle conversations
SWEEP_SHARE: Final[i64] = 4                  # and at least one frame for so many conversations held
STILL_OPEN: Final[i64] = 1 << 62             # beyond any time in nanoseconds

# What is shortened while frames come faster than they can be told. Counting never is.
EVERYTHING: Final = 0        # nothing
ONLY_KNOWN: Final = 1        # conversations that begin now are counted and not told
COUNT_ONLY: Final = 2        # no conversation is told until it is calmer


class Budgets:
    """The most that is kept. All are caps on what a network can make us hold.

    conversations: that are told, those that ended included.     counted: TCP connections that may still continue and
    are counted, told or not, and as many conversations of everything else.
    """

    def __init__(
        self, conversations: int = MAX_CONVERSATIONS, events_each: int = MAX_EVENTS_EACH, events: int = MAX_EVENTS,
        held_bytes: int = MAX_HELD_BYTES, counted: int = CAPACITY,
    ) -> None:
        self.counted = counted
        self.conversations = conversations
        self.events_each = events_each
        self.events = events
        self.held_bytes = held_bytes


class Left:
    """What is no longer kept, or was never told."""

    def __init__(self) -> None:
        self.conversations = 0       # left the budget: counted, and no longer told
        self.events = 0              # of those, and of long conversations their middle
        self.unfinished = 0          # of the conversations that left, those that had not ended
        self.untold = 0              # conversations that began while only counting was possible
        self.untold_frames = 0       # frames of told conversations that were counted only
        self.streams_cut = 0         # streams whose held bytes were given up


class LiveTeller(Teller):
    """A conversation while it grows.

    thinned: events that were taken out of its middle.     untold_frames: since the last one that was told.
    ended: it left the table of conversations, and only its account is kept.
    pending, codes: findings by code, those seen once with the time, and those that were reported; worst: the
    severity of the worst.     owner: the local process, where it is known.
    """

    def __init__(
        self, flow: Flow, conversation: Conversation, protocols: tuple[Protocol, ...], provided: Provided,
        live: LiveAnalysis,
    ) -> None:
        super().__init__(flow, conversation, protocols, provided)
        self.live = live
        self.suspended = False
        self.thinned = 0
        self.untold_frames = 0
        self.ended = False
        self.trouble = 0
        self.octets = 0
        self.pending: dict[str, int] = {}
        self.codes: dict[str, Finding] = {}
        self.worst = ""
        self.owner = ""

    def add(self, events: list[Event]) -> None:
        if not events:
            return
        account = self.account
        number = account.conversation.number
        for event in events:
            event.conversation = number
            event.marks = self.marks
        account.events += events
        live = self.live
        live.fresh.append((self, events))
        live.changed[number] = self
        live.events += len(events)
        most = live.budgets.events_each
        if len(account.events) > most + (most >> 2):
            before = len(account.events)
            half = most >> 1
            del account.events[half:before - half]
            self.thinned += before - len(account.events)
            live.events -= before - len(account.events)
            live.left.events += before - len(account.events)

    def held(self) -> int:
        """Bytes that reassembly holds."""
        forward, backward = self.streams.forward, self.streams.backward
        return int(
            forward.waiting_bytes + forward.recent_bytes + backward.waiting_bytes + backward.recent_bytes
        )


class LiveSink(Keeper):
    """Counts what leaves the table, and ends its telling."""

    def __init__(self) -> None:
        super().__init__(1)
        self.live: LiveAnalysis | None = None

    def take(self, flow: Flow) -> None:
        self.tally(flow)
        if self.live is not None:
            self.live.over(flow)
        if not flow.kept:
            release(flow)


class LiveAnalysis(Follower):
    """Reads a source for as long as it has frames.

    fresh: events since the reader emptied it.        changed: conversations with new events since then.
    finished: conversations that ended and are kept, the one that ended first in front.
    over_now: those of them that ended since the reader emptied it.
    shortened: EVERYTHING, ONLY_KNOWN or COUNT_ONLY, set by whoever watches the buffer of the source.
    """

    def __init__(
        self, source: Source, protocols: tuple[Protocol, ...], provided: Provided, budgets: Budgets,
        graphs: bool = False,
    ) -> None:
        self.protocols = protocols
        self.provided = provided
        self.budgets = budgets
        self.graphs = graphs
        self.left = Left()
        self.sink = LiveSink()
        self.sink.live = self
        self.survey = Survey(source, self.sink, NameBook(protocols), budgets.counted, 0)
        self.survey.endless = True
        self.survey.follower = self
        self.survey.table.detailed = True
        self.telling = Telling(protocols, 0, provided)
        self.telling.packet = self.survey.packet
        self.telling.table = self.survey.table
        self.tellers: dict[int, LiveTeller] = {}
        self.finished: dict[int, LiveTeller] = {}
        self.fresh: list[tuple[LiveTeller, list[Event]]] = []
        self.changed: dict[int, LiveTeller] = {}
        self.over_now: list[LiveTeller] = []
        self.begun: list[LiveTeller] = []        # since the reader emptied it
        self.comments: dict[int, str] = {}       # for the next frame of a conversation, by its number
        self.comment = ""                        # for the frame in hand
        self.watcher: FrameWatcher | None = None
        self.shortened = EVERYTHING
        self.events = 0                          # kept, of all conversations
        self.complaints: list[str] = []
        self.how = ""                            # why the conversations leave that leave now
        self.sweeps: i64 = 0                     # of the table, when the frame in hand was taken up
        self.secrets_taken: i64 = 0
        self.swept_at: i64 = -1
        self.swept_frame: i64 = 0
        # What a conversation that is over has in place of what only a growing one needs.
        nobody = Conversation(0, "", Endpoint(""), Endpoint(""))
        self.bare = Teller(Flow(0, 0, b"", 4, b""), nobody, protocols, provided)
        self.place = Place(0, 0, 0, 0, 0, self.bare)

    @property
    def now(self) -> int:
        """The time of the latest frame; -1 before the first."""
        return int(self.survey.last_time)

    def step(self, most: i64) -> bool:
        """Take up to `most` frames; False where the source has no more for now."""
        more = self.survey.step(most)
        survey = self.survey
        time = survey.last_time
        if time - self.swept_at >= SWEEP_NS:
            held = len(survey.table.tcp_keys) + len(survey.table.other_keys)
            if (survey.frames - self.swept_frame) * SWEEP_SHARE >= held:
                self.sweep(time)
        return more

    def sweep(self, now: i64) -> None:
        """Let idle conversations leave; `now` may be later than the last frame."""
        self.swept_at = now
        self.swept_frame = self.survey.frames
        self.how = "idle"
        for flow in remove(self.survey.table, idle_flows(self.survey.table, now)):
            self.sink.take(flow)
        self.how = ""
        self.sweeps = self.survey.table.sweep
        self._hold_less()
        while self.events > self.budgets.events and (self.finished or self.tellers):
            self._make_room()

    def finish(self) -> None:
        """No frame will come any more: everything that is open ends with the capture."""
        self._secrets()
        self.how = "capture"
        self.survey.finish()

    # -- frames ----------------------------------------------------------------------------------------

    def take(self, flow: Flow) -> None:
        survey = self.survey
        source = survey.source
        self.sweeps = survey.table.sweep
        if flow.counted_only:
            return
        if len(source.secrets) != self.secrets_taken:
            self._secrets()
        number = int(flow.number)
        if self.comments:
            self.comment = self.comments.pop(number, self.comment)
        teller = self.tellers.get(number)
        if teller is None:
            if flow.first_frame != source.number:
                return
            if self.shortened != EVERYTHING:
                flow.counted_only = True
                self.left.untold += 1
                return
            teller = self._begin(flow)
        if self.shortened == COUNT_ONLY:
            teller.suspended = True
            teller.untold_frames += 1
            self.left.untold_frames += 1
            return
        if teller.suspended:
            self._resume(teller)
        place = self.place
        place.number = int(source.number)
        place.time = int(source.time)
        place.wire = int(source.length)
        teller.last_number = source.number
        kind = survey.packet.kind
        half = survey.table.half
        if kind == TCP and half is not None:
            self.telling.segment(place, teller, half, int(half.direction), source.start)
        elif kind == UDP:
            self.telling.datagram(place, teller, source.start)
        elif kind in (ICMP, ICMPV6):
            self.telling.icmp(place, teller, source.start)

    def done(self) -> None:
        if self.watcher is not None:
            self.watcher.frame(self.comment)
            self.comment = ""

    def _begin(self, flow: Flow) -> LiveTeller:
        budgets = self.budgets
        if len(self.tellers) + len(self.finished) >= budgets.conversations or self.events >= budgets.events:
            self._make_room()
        conversation = conversation_of(flow)
        self.survey.names.name_endpoints(conversation, flow)
        conversation.scope = scope_text(flow.scope) if flow.scope else ""
        teller = LiveTeller(flow, conversation, self.protocols, self.provided, self)
        if self.graphs:
            teller.account.carriage = Carriage()
            if conversation.transport == "tcp":
                teller.account.points = [Points(), Points()]
        self.tellers[conversation.number] = teller
        self.begun.append(teller)
        return teller

    def _resume(self, teller: LiveTeller) -> None:
        """Frames of this conversation were counted and not told: begin anew with the next."""
        teller.suspended = False
        teller.account.left_out.append(
            f"{plural(teller.untold_frames, 'frame')} after #{teller.last_number} were counted but not told: they "
            "came faster than they could be"
        )
        teller.untold_frames = 0
        teller.streams.resume()
        if teller.narrator is not None:
            teller.add(teller.narrator.on_skip())

    def _secrets(self) -> None:
        taken = int(self.secrets_taken)
        self.secrets_taken = len(self.survey.source.secrets)
        take_secrets(self.survey.source, taken, self.provided, self.complaints)

    # -- leaving ---------------------------------------------------------------------------------------

    def over(self, flow: Flow) -> None:
        """A conversation left the table: its telling ends."""
        teller = self.tellers.pop(int(flow.number), None)
        self.comments.pop(int(flow.number), None)
        if teller is None:
            return
        how = self.how
        if not how:
            how = "capacity" if self.survey.table.sweep != self.sweeps else "reused"
        survey = self.survey
        time = int(survey.last_time)
        if how == "idle":
            time = max(time, int(self.swept_at))
        if teller.suspended:
            self._resume(teller)
        teller.finish(int(survey.source.number), time, how)
        self.settle(teller, time)
        teller.ended = True
        self.finished[int(flow.number)] = teller
        self.over_now.append(teller)
        teller.flow, teller.router, teller.streams = self.bare.flow, self.bare.router, self.bare.streams
        teller.narrator = None

    def settle(self, teller: LiveTeller, time: int) -> None:
        """Bring the record of a conversation up to this time."""
        account = teller.account
        flow = teller.flow
        before = account.conversation
        conversation = conversation_of(flow, time)
        conversation.scope = before.scope
        conversation.originator.name = before.originator.name
        conversation.responder.name = before.responder.name
        conversation.protocol = teller.router.protocol
        account.conversation = conversation
        teller.trouble = trouble_of(flow)
        teller.octets = octets_of(flow)
        if teller.narrator is not None:
            measured(account, teller.narrator)

    def _make_room(self) -> None:
        """Conversations leave the budget: those that ended first, then closed ones, then those idle longest."""
        share = max(self.budgets.conversations // LEAVING_SHARE, 1)
        leaving: list[LiveTeller] = []
        for teller in self.finished.values():
            leaving.append(teller)
            if len(leaving) >= share:
                break
        if len(leaving) < share:
            standing = sorted(self.tellers.values(), key=_age)
            leaving += standing[:share - len(leaving)]
        for teller in leaving:
            number = teller.account.conversation.number
            self.finished.pop(number, None)
            self.changed.pop(number, None)
            if self.tellers.pop(number, None) is not None:
                self.left.unfinished += 1
            self.left.conversations += 1
            self.left.events += len(teller.account.events)
            self.events -= len(teller.account.events)

    def _hold_less(self) -> None:
        """Keep what reassembly holds within its budget: quiet conversations first, then those that hold most."""
        tellers = list(self.tellers.values())
        total = sum([teller.held() for teller in tellers])
        if self.graphs:
            self._draw_less(tellers)
        if total <= self.budgets.held_bytes:
            return
        for teller in sorted(tellers, key=_age):
            for side in (teller.streams.forward, teller.streams.backward):
                if not side.waiting:
                    total -= int(side.recent_bytes)
                    side.recent = []      # only compares bytes that are sent twice
                    side.recent_bytes = 0
            if total <= self.budgets.held_bytes:
                return
        frame, time = int(self.survey.source.number), int(self.survey.last_time)
        for teller in sorted(tellers, key=_held, reverse=True):
            total -= teller.held()
            self.left.streams_cut += 1
            for piece in teller.streams.finish(frame, time):
                teller.add(teller.router.piece(piece))
            teller.streams.resume()
            teller.add([LimitReached(
                time, NEITHER, Evidence((int(teller.flow.last_frame),)), teller.account.conversation.transport,
                "bytes held for reassembly", self.budgets.held_bytes,
            )])
            if total <= self.budgets.held_bytes:
                return

    def _draw_less(self, tellers: list[LiveTeller]) -> None:
        """Conversations that begin after the cap on points have no graph."""
        total = 0
        for teller in tellers + list(self.finished.values()):
            for points in teller.account.points:
                total += len(points.segments) + len(points.acks)
        if total > MAX_POINTS:
            self.graphs = False
            self.complaints.append(
                f"graphs have more than {MAX_POINTS} points together: conversations that begin later have none"
            )

    def accounts(self) -> list[tuple[int, int, Account]]:
        """(trouble, octets, account) of every conversation that is kept, by number, as of now."""
        time = self.now
        for teller in self.tellers.values():
            self.settle(teller, time)
        kept = {**self.finished, **self.tellers}
        out: list[tuple[int, int, Account]] = []
        for number in sorted(kept):
            teller = kept[number]
            account = teller.account
            if teller.thinned:
                text = f"{plural(teller.thinned, 'event')} from the middle of the conversation are no longer kept"
                account.left_out = [line for line in account.left_out if not line.endswith("no longer kept")] + [text]
            out.append((teller.trouble, teller.octets, account))
        return out


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameWatcher:
    """Is shown every frame after it was counted and told: whoever writes the capture into files."""

    def frame(self, comment: str) -> None:
        """The frame that the source has in hand."""


def _age(teller: LiveTeller) -> int:
    """When it was last heard of; what is still open counts as younger than anything that has ended."""
    flow = teller.flow
    if isinstance(flow, TcpFlow) and flow.marks & CLOSED:
        return int(flow.last_time)
    return int(flow.last_time + STILL_OPEN)


def _held(teller: LiveTeller) -> int:
    return teller.held()
