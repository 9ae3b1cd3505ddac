"""A capture that is analysed while it grows: one pass, every frame counted, conversations told as far as budgets allow.

What a file gets in two looks happens here at once: each frame is counted by the survey and, if its conversation is
told, looked at in detail right after. Memory is bounded by `Budgets`; whatever leaves is counted.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.filter.expression import Filter
from analyzer.flows.flow import CLOSED, Flow, TcpFlow, release
from analyzer.flows.idle import idle_flows
from analyzer.flows.keep import Keeper, octets_of, trouble_of
from analyzer.flows.names import NameBook
from analyzer.flows.summary import conversation_of, troubles_of
from analyzer.flows.teller import Teller
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.source import Source
from analyzer.model import Account, Conversation, Finding
from analyzer.packets.decode import scope_text
from analyzer.pipeline.chosen import draw, learned, measured
from analyzer.pipeline.live_filter import LiveFilter
from analyzer.pipeline.survey import Follower, FrameWatcher, Survey
from analyzer.pipeline.tell import context_of, fault_in
from dissectors.kit.event import NEITHER, Event, Evidence, LimitReached, Observed
from dissectors.kit.protocol import Protocol, Shared
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


class LiveTeller:
    """A conversation while it grows, and its account when it is over.

    flow, teller: None once it left the table of conversations (`ended`); only its account is kept then.
    thinned: events that were taken out of its middle.     untold_frames: since the last one that was told.
    broken: a fault of ours ended its telling.     chosen: it is shown; with a filter, that held of one of its frames.
    reader: until then, who says what each frame completes, where the filter asks for that.
    pending, codes: findings by code, those seen once with the time, and those that were reported; worst: the
    severity of the worst.     owner: the local process, where it is known.
    """

    def __init__(self, flow: Flow, conversation: Conversation, teller: Teller) -> None:
        self.flow: Flow | None = flow
        self.teller: Teller | None = teller
        self.account = Account(conversation, teller.context.marks, teller.context.observed)
        self.last_number: i64 = 0
        self.suspended = False
        self.chosen = True
        self.reader: Teller | None = None
        self.broken = False
        self.thinned = 0
        self.untold_frames = 0
        self.trouble = 0
        self.octets = 0
        self.pending: dict[str, int] = {}
        self.codes: dict[str, Finding] = {}
        self.worst = ""
        self.owner = ""

    @property
    def ended(self) -> bool:
        """It left the table of conversations."""
        return self.flow is None

    def held(self) -> int:
        """Bytes that reassembly holds."""
        if self.teller is None:
            return 0
        streams = self.teller.streams
        forward, backward = streams.forward, streams.backward
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
        try:
            if self.live is not None:
                self.live.over(flow)
        finally:
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
        self.shared = Shared()
        self.budgets = budgets
        self.graphs = graphs
        self.left = Left()
        self.sink = LiveSink()
        self.sink.live = self
        self.survey = Survey(source, self.sink, NameBook(protocols), budgets.counted, 0)
        self.survey.endless = True
        self.survey.follower = self
        self.survey.table.detailed = True
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
        self.secrets_taken: i64 = 0
        self.swept_at: i64 = -1
        self.swept_frame: i64 = 0
        self.filter: LiveFilter | None = None
        self.in_hand: LiveTeller | None = None   # of the frame in hand, while it is told

    def narrow(self, wanted: Filter) -> None:
        """Show only conversations of which this holds, from that frame on, with what was told of them before."""
        self.filter = LiveFilter(wanted)
        self.survey.packet.want_layers = True

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
        try:
            self._sweep(now)
        except Exception as error:
            self.survey.faults.note(self.survey.source.number, "a look for idle conversations", error)
        self.how = ""

    def _sweep(self, now: int) -> None:
        self.how = "idle"
        self.sink.until = now
        for flow in idle_flows(self.survey.table, now):
            self.survey.table.leave(flow)
        self.how = ""
        self._hold_less()
        while self.events > self.budgets.events and (self.finished or self.tellers):
            self._make_room()

    def finish(self) -> None:
        """No frame will come any more: everything that is open ends with the capture."""
        self._secrets()
        self.how = "capture"
        self.survey.finish()

    # -- frames ----------------------------------------------------------------------------------------

    def take(self, flow: Flow, direction: int) -> None:
        teller = self._teller(flow)
        if teller is not None:
            if self.filter is not None:
                self.filter.said = []
            self.in_hand = teller
            self._tell(teller, flow, direction, False)
            if not teller.chosen and not teller.broken:
                self._choose(teller, flow, direction)

    def quoted(self, flow: Flow) -> None:
        teller = self._teller(flow)
        if teller is not None:
            self._tell(teller, flow, 0, True)

    def _choose(self, live: LiveTeller, flow: Flow, direction: int) -> None:
        """Whether the filter holds of the frame in hand; then its conversation is shown."""
        packet = self.survey.packet
        try:
            if self.filter is None or not self.filter.holds(live.reader, packet, self.survey.table, flow, direction):
                return
        except Exception as error:
            self._break(live, packet.number, packet.time, error)
            return
        live.chosen = True
        live.reader = None
        if live.account.events:
            self.fresh.append((live, list(live.account.events)))
            self.changed[live.account.conversation.number] = live

    def done(self) -> None:
        if self.filter is not None:
            self.filter.view.pass_by(self.survey.packet)
        if self.watcher is not None:
            self.watcher.frame(self.comment)
            self.comment = ""

    def _teller(self, flow: Flow) -> LiveTeller | None:
        """Who tells this conversation, None where it is counted only."""
        source = self.survey.source
        if flow.counted_only:
            return None
        if len(source.secrets) != self.secrets_taken:
            self._secrets()
        number = int(flow.number)
        if self.comments:
            self.comment = self.comments.pop(number, self.comment)
        teller = self.tellers.get(number)
        if teller is None:
            if flow.first_frame != source.number:
                return None
            if self.shortened != EVERYTHING:
                flow.counted_only = True
                self.left.untold += 1
                return None
            teller = self._begin(flow)
        if teller.broken:
            return None
        if self.shortened == COUNT_ONLY:
            teller.suspended = True
            teller.untold_frames += 1
            self.left.untold_frames += 1
            return None
        return teller

    def _tell(self, live: LiveTeller, flow: Flow, direction: int, quoted: bool) -> None:
        """What the frame in hand says of this conversation. A fault ends the telling of it, and of no other."""
        packet = self.survey.packet
        teller = live.teller
        if teller is None:
            return
        try:
            if live.suspended:
                self._resume(live)
            live.last_number = packet.number
            if quoted:
                self.say(live, teller.quoted(packet, flow.forward))
            else:
                self.say(live, teller.take(packet, self.survey.table, direction))
        except Exception as error:
            self._break(live, packet.number, packet.time, error)

    def _break(self, live: LiveTeller, frame: int, time: int, error: Exception) -> None:
        live.broken = True
        self.say(live, [fault_in(live.account, frame, time, error, self.survey.faults)])
        live.account.left_out.append(f"what comes after #{frame}: a fault of wiretale ended the telling")

    def say(self, live: LiveTeller, events: list[Event]) -> None:
        """Keep what was told of a conversation, and hand it out."""
        if not events:
            return
        account = live.account
        for event in events:
            event.marks = account.marks
        account.events += events
        if live.chosen:
            self.fresh.append((live, events))
            self.changed[account.conversation.number] = live
        elif live is self.in_hand and self.filter is not None:
            self.filter.said += events
        self.events += len(events)
        most = self.budgets.events_each
        if len(account.events) > most + (most >> 2):
            before = len(account.events)
            half = most >> 1
            del account.events[half:before - half]
            live.thinned += before - len(account.events)
            self.events -= before - len(account.events)
            self.left.events += before - len(account.events)

    def _begin(self, flow: Flow) -> LiveTeller:
        budgets = self.budgets
        if len(self.tellers) + len(self.finished) >= budgets.conversations or self.events >= budgets.events:
            self._make_room()
        conversation = conversation_of(flow)
        self.survey.names.name_endpoints(conversation, flow)
        conversation.scope = scope_text(flow.scope) if flow.scope else ""
        teller = Teller(conversation.number, self.protocols, context_of(conversation, self.provided, self.shared))
        live = LiveTeller(flow, conversation, teller)
        if self.filter is not None:
            live.chosen = False
            live.reader = self.filter.reader(conversation, self.protocols, self.provided)
        if self.graphs:
            draw(live.account, teller)
        self.tellers[conversation.number] = live
        self.begun.append(live)
        return live

    def _resume(self, live: LiveTeller) -> None:
        """Frames of this conversation were counted and not told: begin anew with the next."""
        live.suspended = False
        live.account.left_out.append(
            f"{plural(live.untold_frames, 'frame')} after #{live.last_number} were counted but not told: they "
            "came faster than they could be"
        )
        live.untold_frames = 0
        if live.teller is not None:
            self.say(live, live.teller.skipped())

    def _secrets(self) -> None:
        taken = int(self.secrets_taken)
        self.secrets_taken = len(self.survey.source.secrets)
        take_secrets(self.survey.source, taken, self.provided, self.complaints)

    # -- leaving ---------------------------------------------------------------------------------------

    def over(self, flow: Flow) -> None:
        """A conversation left the table: its telling ends."""
        live = self.tellers.pop(int(flow.number), None)
        self.comments.pop(int(flow.number), None)
        if live is None:
            return
        how = self.how
        if not how:
            how = "capacity" if self.survey.table.making_room else "reused"
        survey = self.survey
        frame, time = int(survey.source.number), int(survey.last_time)
        if how == "idle":
            time = max(time, int(self.swept_at))
        try:
            if not live.broken:
                self._end(live, frame, time, how)
        except Exception as error:
            self._break(live, frame, time, error)
        finally:
            self.settle(live, time)
            live.flow = None
            live.teller = None
            live.reader = None
            self.finished[int(flow.number)] = live
            if live.chosen:
                self.over_now.append(live)

    def _end(self, live: LiveTeller, frame: int, time: int, how: str) -> None:
        if live.suspended:
            self._resume(live)
        if live.teller is not None:
            self.say(live, live.teller.finish(frame, time, how))

    def settle(self, live: LiveTeller, time: int) -> None:
        """Bring the record of a conversation up to this time."""
        flow, teller = live.flow, live.teller
        if flow is None or teller is None:
            return
        account = live.account
        before = account.conversation
        conversation = conversation_of(flow, time)
        conversation.scope = before.scope
        conversation.originator.name = before.originator.name
        conversation.responder.name = before.responder.name
        learned(conversation, teller)
        account.conversation = conversation
        account.troubles = troubles_of(flow)
        live.trouble = trouble_of(flow)
        live.octets = octets_of(flow)
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
        if self.filter is not None and 2 * total > self.budgets.held_bytes:      # readers hold as much again
            for live in tellers:
                self.left.streams_cut += live.reader is not None
                live.reader = None
        if self.graphs:
            self._draw_less(tellers)
        if total <= self.budgets.held_bytes:
            return
        for live in sorted(tellers, key=_age):
            total -= _forget_recent(live)
            if total <= self.budgets.held_bytes:
                return
        frame, time = int(self.survey.source.number), int(self.survey.last_time)
        for live in sorted(tellers, key=_held, reverse=True):
            total -= live.held()
            self._cut(live, frame, time)
            if total <= self.budgets.held_bytes:
                return

    def _cut(self, live: LiveTeller, frame: int, time: int) -> None:
        """Give up what the streams of this conversation hold."""
        flow, teller = live.flow, live.teller
        if flow is None or teller is None:
            return
        self.left.streams_cut += 1
        events: list[Event] = []
        for piece in teller.streams.finish(frame, time):
            events += teller.router.piece(piece)
        teller.streams.resume()
        cap = LimitReached(
            Observed(time, NEITHER, Evidence((int(flow.last_frame),))), live.account.conversation.transport,
            "bytes held for reassembly", self.budgets.held_bytes,
        )
        cap.conversation = live.account.conversation.number
        self.say(live, [*events, cap])

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
        """(trouble, octets, account) of every conversation that is kept and shown, by number, as of now."""
        time = self.now
        for teller in self.tellers.values():
            self.settle(teller, time)
        kept = {**self.finished, **self.tellers}
        out: list[tuple[int, int, Account]] = []
        for number in sorted(kept):
            teller = kept[number]
            account = teller.account
            if not teller.chosen:
                continue
            if teller.thinned:
                text = f"{plural(teller.thinned, 'event')} from the middle of the conversation are no longer kept"
                account.left_out = [line for line in account.left_out if not line.endswith("no longer kept")] + [text]
            out.append((teller.trouble, teller.octets, account))
        return out


def _forget_recent(live: LiveTeller) -> int:
    """Let go of bytes that are only compared with what is sent twice; how many there were."""
    freed = 0
    if live.teller is not None:
        for side in (live.teller.streams.forward, live.teller.streams.backward):
            if not side.waiting:
                freed += int(side.recent_bytes)
                side.recent = []
                side.recent_bytes = 0
    return freed


def _age(teller: LiveTeller) -> int:
    """When it was last heard of; what is still open counts as younger than anything that has ended."""
    flow = teller.flow
    if flow is None:
        return 0
    if isinstance(flow, TcpFlow) and flow.marks & CLOSED:
        return int(flow.last_time)
    return int(flow.last_time + STILL_OPEN)


def _held(teller: LiveTeller) -> int:
    return teller.held()
