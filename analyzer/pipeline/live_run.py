"""The loop of a live capture: frames first, and between them whatever a reader, a file or a budget needs.

Nothing that is done between two stretches of frames takes longer than some milliseconds, and nothing waits for a
reader.
"""
from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from analyzer.explain import sound
from analyzer.explain.findings import findings
from analyzer.explain.verdict import judge
from analyzer.filter.expression import Filter
from analyzer.ingest.live.processes import Owners
from analyzer.ingest.live.source import LiveSource
from analyzer.ingest.live.writer import FLUSH_SECONDS, CaptureWriter
from analyzer.ingest.source import CaptureError, Source
from analyzer.live.audience import Audience, Status, Totals, View
from analyzer.model import SEVERITIES, Account, Analysis, CaptureSummary
from analyzer.pipeline.live import COUNT_ONLY, EVERYTHING, ONLY_KNOWN, Budgets, LiveAnalysis, LiveTeller
from analyzer.pipeline.live_keys import KeyLogTail
from analyzer.pipeline.live_view import Viewer
from analyzer.pipeline.run import DEFAULT_LIMIT, shown, summarise
from analyzer.pipeline.survey import FrameWatcher
from analyzer.timeline.build import build
from dissectors.kit.provided import Provided
from dissectors.kit.units import grouped, plural
from dissectors.registry import protocols

STRETCH_SECONDS: Final = 0.02      # of frames between two looks at everything else
SMALLEST_STRETCH: Final = 32       # frames
LARGEST_STRETCH: Final = 1 << 12   # frames
TICK_SECONDS: Final = 0.1          # between two rounds of findings, process owners and losses
VIEW_SECONDS: Final = 0.25         # between two views of a screen
VIEW_SHARE: Final = 10            # of the time, one part in so many goes into views
WAIT_SECONDS: Final = 0.05         # asleep at most while nothing comes
EXAMINE_SECONDS: Final = 0.02      # of a tick for findings
LAST_SECONDS: Final = 2.0          # for those that are open when the capture ends
STATUS_SECONDS: Final = 1.0        # between two lines about losses
COLLECT_SECONDS: Final = 60.0      # between two collections of memory that refers to itself
SETTLE_SECONDS: Final = 1.0        # a finding has to stand for so long while its conversation grows
MAX_REPORTED: Final = 100          # notices about the capture that a report repeats, the first ones
MAX_UNEXAMINED: Final = 2_000      # conversations that wait for their findings after they ended

# Shares of the buffer between the system and us from which something is shortened; and when it is calm again.
BEHIND: Final = 0.25               # conversations that begin are not told
FAR_BEHIND: Final = 0.5            # no conversation is told
CALM: Final = 0.05
CALM_SECONDS: Final = 1.0          # for so long, before everything is told again
HURRY_SECONDS: Final = 0.002       # of a tick for findings meanwhile
LATE_NS: Final = 1_000_000_000     # a frame analysed so late is behind as well

SHORTENED: Final = {
    EVERYTHING: "", ONLY_KNOWN: "new conversations are only counted: too much comes at once",
    COUNT_ONLY: "all conversations are only counted: far too much comes at once",
}


class Plan:
    """When to end, and what to give in the end. frames, seconds: 0 for no end.

    clocked: times are those of this machine's clock, as they are of frames from its interfaces.
    conversations, limit, everything: which conversations the report tells, as in `analyzer.pipeline.run.Options`.
    wanted: what is shown, and reported, are conversations of which this holds.
    """

    def __init__(
        self, frames: int = 0, seconds: float = 0.0, clocked: bool = False, graphs: bool = False,
        conversations: tuple[int, ...] = (), limit: int = 0, everything: bool = False, wanted: Filter | None = None,
    ) -> None:
        self.wanted = wanted
        self.frames = frames
        self.seconds = seconds
        self.clocked = clocked
        self.graphs = graphs
        self.conversations = conversations
        self.limit = limit
        self.everything = everything


class Sniffer:
    """One live capture from its first frame to the analysis of what was kept."""

    def __init__(
        self, source: Source, audience: Audience, plan: Plan, provided: Provided, budgets: Budgets | None = None,
        writer: CaptureWriter | None = None, owners: Owners | None = None, key_logs: list[KeyLogTail] | None = None,
    ) -> None:
        self.source = source
        self.audience = audience
        self.plan = plan
        self.writer = writer
        self.owners = owners
        self.key_logs = key_logs or []
        self.live = LiveAnalysis(source, protocols(), provided, budgets or Budgets(), plan.graphs)
        if plan.wanted is not None:
            self.live.narrow(plan.wanted)
        if writer is not None:
            self.live.watcher = _Writing(writer)
        self.viewer = Viewer(self.live)
        self.stopped = False
        self.lag_ns = -1
        self.unexamined: deque[LiveTeller] = deque()
        self.not_examined = 0
        self.worst = dict.fromkeys(SEVERITIES, 0)
        self.notices: list[str] = []
        self.noticed = 0
        self.losses: tuple[int, ...] = Status(0, 0, 0, 0, 0, 0, 0.0, "", 0, 0, 0, 0, 0, 0, "").losses()
        self._began = time.monotonic()
        self._ticked = self._began
        self._view_at = 0.0
        self._flushed = self._began
        self._collected = self._began
        self._stretch = SMALLEST_STRETCH
        self._calm_since = self._began
        self._said = 0.0
        self._rates = (0.0, 0.0)
        self._counted = (self._began, 0, 0)

    def stop(self) -> None:
        """End as of now; may be called from a signal handler."""
        self.stopped = True
        if isinstance(self.source, LiveSource):
            self.source.stop()

    def run(self) -> Analysis:
        """Until the source ends, the plan is fulfilled, or somebody stops it."""
        collecting = gc.isenabled()
        gc.disable()     # a full walk over everything that is kept, at a moment of our choosing and not of its
        try:
            while self.round():
                pass
            return self.conclude()
        finally:
            if collecting:
                gc.enable()

    def conclude(self) -> Analysis:
        """Once the rounds are over: what is still open ends, and what is told of all of it."""
        self.live.finish()
        self._tick(time.monotonic(), True)
        analysis = self.analysis()
        for finding in analysis.findings:     # those across conversations, which nobody could know before
            teller = self.live.finished.get(finding.conversation)
            if teller is None or finding.code not in teller.codes:
                self.audience.finding(finding, self.live.now)
        return analysis

    # -- one round ---------------------------------------------------------------------------------------

    def round(self) -> bool:
        """A stretch of frames and what has to be done after it; False at the end."""
        self._read_key_logs()
        live = self.live
        before = int(live.survey.frames)
        most = self._stretch
        if self.plan.frames:
            most = min(most, self.plan.frames - before)
        began = time.monotonic()
        more = live.step(most)
        taken = int(live.survey.frames) - before
        if taken and self.plan.clocked:
            self.lag_ns = time.time_ns() - live.now
        self._hand_out()
        now = time.monotonic()
        if taken:
            self._pace(now - began, taken, most)
        self._watch_buffer(taken)
        if now - self._ticked >= TICK_SECONDS:
            self._tick(now, False)
        if self.plan.frames and int(live.survey.frames) >= self.plan.frames:
            return False
        if self.plan.seconds and now - self._began >= self.plan.seconds and not self.stopped:
            self.stop()
        if self.audience.wishes.over and not self.stopped:
            self.stop()
        if more:
            return True
        self.audience.attend()     # nothing else to do: what was told is shown at once
        source = self.source
        if not isinstance(source, LiveSource) or source.ended:
            return False
        source.wait(WAIT_SECONDS)
        return True

    def _read_key_logs(self) -> None:
        for tail in self.key_logs:
            trouble = tail.read()
            if trouble and isinstance(self.source, LiveSource):
                self.source.notify(time.time_ns(), "", trouble)

    def _pace(self, seconds: float, taken: int, most: int) -> None:
        """Stretches that take about STRETCH_SECONDS, whatever is in them."""
        if seconds > 2 * STRETCH_SECONDS:
            self._stretch = max(self._stretch // 2, SMALLEST_STRETCH)
        elif taken == most and seconds < STRETCH_SECONDS / 2:
            self._stretch = min(self._stretch * 2, LARGEST_STRETCH)

    def _hand_out(self) -> None:
        """Pass on what was told since the last call."""
        live = self.live
        if live.begun:
            if self.owners is not None and self.owners.possible:
                for teller in live.begun:
                    self._ask(teller)
            live.begun = []
        if live.fresh:
            fresh, live.fresh = live.fresh, []
            for told, events in fresh:
                conversation = told.account.conversation
                for event in events:
                    self._contained("an event that was to be shown", self.audience.event, conversation, event)
        if live.over_now:
            over, live.over_now = live.over_now, []
            for teller in over:
                self._contained("an end that was to be shown", self.audience.over, teller.account.conversation)
                self.unexamined.append(teller)
            while len(self.unexamined) > MAX_UNEXAMINED:
                self.unexamined.popleft()
                self.not_examined += 1

    def _contained(self, cost: str, work: Callable[..., object], *given: object) -> None:
        """Do it; a fault of ours costs this and not the capture."""
        try:
            work(*given)
        except (CaptureError, OSError):
            raise
        except Exception as error:
            self.live.survey.faults.note(0, cost, error)

    def _watch_buffer(self, taken: int) -> None:
        """Shorten what is told before the system has to drop frames."""
        source = self.source
        if not isinstance(source, LiveSource):
            return
        backlog = source.backlog()
        late = self.plan.clocked and taken > 0 and self.lag_ns > LATE_NS
        live = self.live
        before = live.shortened
        if backlog >= FAR_BEHIND:
            live.shortened = COUNT_ONLY
        elif backlog >= BEHIND or late:
            live.shortened = max(live.shortened, ONLY_KNOWN)
        if live.shortened == EVERYTHING:
            return
        now = time.monotonic()
        if backlog > CALM or late or live.shortened != before:
            self._calm_since = now
        elif now - self._calm_since >= CALM_SECONDS:
            live.shortened = EVERYTHING
        if live.shortened != before:
            self._stretch = SMALLEST_STRETCH      # frames take another time from here on

    # -- now and then --------------------------------------------------------------------------------------

    def _tick(self, now: float, last: bool) -> None:
        self._ticked = now
        live = self.live
        audience = self.audience
        self._hand_out()
        self._examine(now, last)
        if self.owners is not None:
            self._contained("the owner of a conversation", self._own, self.owners)
        if isinstance(self.source, LiveSource):
            for notice in self.source.take_notices():
                if len(self.notices) < MAX_REPORTED:
                    self.notices.append(notice.text)
                self.noticed += 1
                audience.notice(notice.time, notice.text)
        if self.plan.clocked and not last:
            moment = time.time_ns()
            if moment - int(live.swept_at) > 2_000_000_000:
                live.sweep(moment)       # nothing came for a while, and time goes on
        if self.writer is not None and now - self._flushed >= FLUSH_SECONDS:
            self._flushed = now
            self.writer.flush()
        audience.attend()
        status = self.status()
        if status.losses() != self.losses and (last or now - self._said >= STATUS_SECONDS):
            self._said = now
            self.losses = status.losses()
            audience.status(status)
        if last or (now >= self._view_at and audience.ready()):
            self._contained("a view of the screen", self._show, status, now)
            spent = time.monotonic() - now
            self._view_at = now + max(VIEW_SECONDS, spent * VIEW_SHARE)
        if now - self._collected >= COLLECT_SECONDS and live.shortened == EVERYTHING:
            self._collected = now
            gc.collect()

    def _show(self, status: Status, now: float) -> None:
        self.audience.view(self.view(status, now))

    def _examine(self, now: float, last: bool) -> None:
        """Look for findings where something new was told, for a few milliseconds; the rest has its turn later."""
        live = self.live
        hurry = live.shortened != EVERYTHING
        until = time.monotonic() + (LAST_SECONDS if last else HURRY_SECONDS if hurry else EXAMINE_SECONDS)
        while self.unexamined and time.monotonic() < until:
            ended = self.unexamined.popleft()
            live.changed.pop(ended.account.conversation.number, None)
            self._contained("the findings of a conversation", self._look, ended, now)
        waiting = live.changed
        live.changed = {}
        for number, teller in waiting.items():
            if teller.ended or number not in live.tellers:
                continue
            if time.monotonic() < until:
                self._contained("the findings of a conversation", self._settled_look, teller, now)
            else:
                live.changed[number] = teller
            if teller.pending:
                live.changed[number] = teller     # a finding has to prove that it lasts

    def _settled_look(self, teller: LiveTeller, now: float) -> None:
        self.live.settle(teller, self.live.now)
        self._look(teller, now)

    def _look(self, teller: LiveTeller, now: float) -> None:
        account = teller.account
        if not teller.chosen:
            return
        number = account.conversation.number
        faults = self.live.survey.faults
        capture = CaptureSummary([])
        capture.dropped = self._dropped()
        milliseconds = int(now * 1000)
        pending: dict[str, int] = {}
        for finding in findings(build(capture, [account], faults), faults):
            if finding.conversation != number or finding.code in teller.codes:
                continue
            since = teller.pending.get(finding.code, milliseconds)
            if not teller.ended and milliseconds - since < SETTLE_SECONDS * 1000:
                pending[finding.code] = since
                continue
            teller.codes[finding.code] = finding
            if not teller.worst or SEVERITIES.index(finding.severity) > SEVERITIES.index(teller.worst):
                teller.worst = finding.severity
            self.worst[finding.severity] += 1
            self.audience.finding(finding, self.live.now)
        teller.pending = pending

    def _ask(self, teller: LiveTeller) -> None:
        conversation = teller.account.conversation
        flow = teller.flow
        if self.owners is None or flow is None or conversation.transport not in ("tcp", "udp"):
            return
        size = int(flow.address_size)
        forward = flow.forward
        self.owners.ask(
            conversation.number, conversation.transport, forward[:size], conversation.originator.port,
            forward[size:2 * size], conversation.responder.port,
        )

    def _own(self, owners: Owners) -> None:
        for found in owners.step():
            self._owned(found.key, found.side, str(found.owner))

    def _owned(self, number: int, side: int, words: str) -> None:
        teller = self.live.tellers.get(number) or self.live.finished.get(number)
        if teller is None:
            return
        conversation = teller.account.conversation
        end = conversation.originator if side == 0 else conversation.responder
        if words == teller.owner:
            return      # both ends are the same process, or processes of which only the user is known
        teller.owner = words
        self.audience.owner(conversation, words)
        if self.writer is not None and not teller.ended:
            self.live.comments[number] = f"{end} belongs to {words}"

    def _dropped(self) -> int:
        return self.source.dropped() if isinstance(self.source, LiveSource) else -1

    # -- what is shown -------------------------------------------------------------------------------------

    def status(self) -> Status:
        """How the capture fares."""
        live, survey, left = self.live, self.live.survey, self.live.left
        kernel, interface, backlog = -1, -1, 0.0
        if isinstance(self.source, LiveSource):
            kernel = self._dropped()
            missed = [count.missed for count in self.source.counts() if count.missed >= 0]
            interface = sum(missed) if missed else -1
            backlog = self.source.backlog()
        writer = self.writer
        writing = (writer.trouble or (writer.files[-1] if writer.files else writer.path)) if writer is not None else ""
        return Status(
            live.now, int(survey.frames), int(survey.octets), kernel, interface, self.lag_ns, backlog,
            SHORTENED[live.shortened], left.untold, left.untold_frames, left.conversations, left.events,
            self.audience.lost, writer.unwritten if writer is not None else 0, writing,
        )

    def view(self, status: Status, now: float) -> View:
        """What a screen shows."""
        live, survey = self.live, self.live.survey
        then, frames, octets = self._counted
        if now - then >= VIEW_SECONDS / 2:
            span = now - then
            self._rates = ((status.frames - frames) / span, (status.octets - octets) * 8 / span)
            self._counted = (now, status.frames, status.octets)
        wishes = self.audience.wishes
        lines, passing = self.viewer.lines(now, wishes)
        source = self.source
        title = source.title if isinstance(source, LiveSource) else source.name
        totals = Totals(
            title, source.filter if isinstance(source, LiveSource) else "", self._rates[0], self._rates[1],
            int(survey.table.numbers), self.viewer.open,
            len(live.tellers) + len(live.finished), passing, self.worst["error"], self.worst["warn"],
            self.worst["note"], max(int(survey.last_time - survey.first_time), 0),
        )
        detail = self.viewer.detail(wishes.selected) if wishes.selected else None
        return View(status, totals, lines, [], detail)

    # -- the end -------------------------------------------------------------------------------------------

    def analysis(self) -> Analysis:
        """Everything that is kept, as a report takes it."""
        live = self.live
        source = self.source
        title = source.title if isinstance(source, LiveSource) else source.name
        capture = summarise(live.survey, [title], live.provided)
        capture.dropped = max(capture.dropped, self._dropped())
        status = self.status()
        if status.interface > 0:
            capture.damage.append(f"the interface dropped {plural(status.interface, 'frame')} while this was captured")
        capture.damage += self.notices + live.complaints
        if self.noticed > len(self.notices):
            capture.damage.append(f"{plural(self.noticed - len(self.notices), 'more notice')} about the capture")
        kept = live.accounts()
        chosen = self._chosen(kept)
        if self.plan.wanted is not None:
            capture.narrowed.append(
                f"The filter `{self.plan.wanted.text}` holds of {plural(len(kept), 'conversation')} that "
                f"{'is' if len(kept) == 1 else 'are'} kept; no other is told."
            )
        faults = live.survey.faults
        analysis = build(capture, chosen, faults)
        if len(chosen) < len(kept):
            analysis.left_out.append(
                f"{len(chosen)} of {grouped(len(kept))} conversations that are kept are told (--limit N for more, "
                "--all for all)"
            )
        analysis.left_out += shortened_in_words(live)
        if self.not_examined:
            analysis.left_out.append(
                f"{plural(self.not_examined, 'conversation')} ended too fast for findings to be looked for at once"
            )
        analysis.findings = findings(analysis, faults)
        sound.check(analysis, faults)
        judge(analysis, faults)
        capture.damage = shown(capture.damage + faults.sentences(), live.provided)
        return analysis

    def _chosen(self, kept: list[tuple[int, int, Account]]) -> list[Account]:
        """The conversations to report: the most troubled half and the largest half, as in a file."""
        plan = self.plan
        if plan.conversations:
            return [account for _t, _o, account in kept if account.conversation.number in plan.conversations]
        limit = plan.limit or DEFAULT_LIMIT
        if plan.everything or len(kept) <= limit:
            return [account for _t, _o, account in kept]
        troubled = sorted([entry for entry in kept if entry[0]], key=_by_trouble)[: limit // 2]
        numbers = {account.conversation.number for _t, _o, account in troubled}
        for _trouble, _octets, account in sorted(kept, key=_by_octets):
            if len(numbers) >= limit:
                break
            numbers.add(account.conversation.number)
        return [account for _t, _o, account in kept if account.conversation.number in numbers]


class _Writing(FrameWatcher):
    """Every frame goes into the file."""

    def __init__(self, writer: CaptureWriter) -> None:
        self.writer = writer

    def frame(self, comment: str) -> None:
        self.writer.write(comment)


def shortened_in_words(live: LiveAnalysis) -> list[str]:
    """What was counted and is not among what is told, a sentence each."""
    left = live.left
    found = []
    if left.conversations:
        text = f"{plural(left.conversations, 'conversation')} left to keep within {live.budgets.conversations} at once"
        found.append(text + (f", {left.unfinished} of them before their end" if left.unfinished else ""))
    if left.events:
        found.append(f"{plural(left.events, 'event')} that were told while they happened are no longer kept")
    if left.untold:
        found.append(f"{plural(left.untold, 'conversation')} began while too much came at once: counted, and not told")
    if left.untold_frames:
        found.append(f"{plural(left.untold_frames, 'frame')} came while too much came at once: counted, and not told")
    if left.streams_cut:
        found.append(f"{plural(left.streams_cut, 'stream')} lost held bytes to keep within the budget of reassembly")
    return found


def _by_trouble(entry: tuple[int, int, Account]) -> tuple[int, int]:
    return -entry[0], entry[2].conversation.number


def _by_octets(entry: tuple[int, int, Account]) -> tuple[int, int]:
    return -entry[1], entry[2].conversation.number

