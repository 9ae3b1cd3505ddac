"""Entry points for everything above the pipeline: `analyze` and `frames`."""
from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from analyzer.explain import sound
from analyzer.explain.findings import findings
from analyzer.explain.since import Earlier, leave_out
from analyzer.explain.verdict import judge
from analyzer.filter.expression import Filter
from analyzer.flows.flow import RECORD, Flow
from analyzer.flows.keep import BUDGET, KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.flows.summary import conversation_of
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.link_names import link_name
from analyzer.ingest.open import open_capture
from analyzer.ingest.part import Asked, again, part_of
from analyzer.ingest.source import Source
from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Sink
from analyzer.packets.decode import scope_text
from analyzer.partition import SHARES
from analyzer.pipeline.drawn import draw_only, to_draw
from analyzer.pipeline.fragmented import contradicted, incomplete
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.graphs import keep_octets
from analyzer.pipeline.jobs import Team, jobs_for
from analyzer.pipeline.listing import list_frames
from analyzer.pipeline.narrowed import (
    Match,
    begins_late,
    chosen_by,
    how_it_ended,
    narrow,
    refuse_streams,
    tell_part,
    told_of,
)
from analyzer.pipeline.neighbours import of_the_link
from analyzer.pipeline.parts import PLACES_EACH, Notables, Parts
from analyzer.pipeline.passes import CONCLUDING, LISTING, LOOKING, READING, SILENT, TELLING, Progress, Pulse
from analyzer.pipeline.related import with_lookups, with_repeats
from analyzer.pipeline.shelf import MAX_EVENTS_EACH
from analyzer.pipeline.survey import STEP, Survey
from analyzer.pipeline.tell import UNLIMITED, Telling
from analyzer.timeline.build import build
from dissectors.kit.event import NEITHER
from dissectors.kit.marks import Marks
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED, NOT_READ, beyond, what_ended
from dissectors.kit.protocol import Protocol as ProtocolRecord
from dissectors.kit.provided import NOTHING, Provided
from dissectors.kit.units import grouped, plural, size
from dissectors.protocols.tcp.flags import by_name
from dissectors.registry import protocols
from dissectors.wire.secrets.text import shown_text

RECORD_CAP: Final = 500             # frames of a conversation whose places are kept, however many there are
FULL_FRAMES: Final = 25_000         # places kept beyond those in each share of the capture; others are found again
MAX_TOLD: Final = 2_000_000         # frames that are told one by one, where no conversation was asked for
# conversations of a transport followed at once, an eighth of them in each share of the capture; one with more that are
# not over has more room, up to all of this
CAPACITY: Final = 20_000
DEFAULT_LIMIT: Final = 30           # conversations told without --all or --limit
RECOGNISED: Final = 6               # frames of a conversation that is only listed: enough to know its protocol
BATCH: Final = 1_000                # conversations that are looked at together where they are only listed
LOOK: Final = 1 << 13               # frames between two looks at the clock for progress
UNKNOWN_LINK: Final = "link type "

class Options:
    """What to tell.

    conversations: by number; empty for the ones that matter most.    limit: how many, 0 for the default.
    everything: all of them, with every frame; memory then grows with the capture.
    tell: False lists conversations: their first frames are looked at for the protocol, and no events are kept.
    order: of that list, where not all are wanted: "start", "duration", "frames", "bytes" or "retransmissions".
    findings_only: nothing is drawn.
    budget: work within which every conversation is read, also where few are drawn; see `flows/keep.py`.
    graphs: keep what a page draws: the points of time-sequence graphs, the bytes of cited frames.
    listed: keep what a page lists: the frames with their fields, and the traffic over time.
    windows: note each moment in which what a sender may do changes, in the conversations that were named.
    since: an earlier report, whose findings are left out.
    wanted: conversations of which this filter holds, and no others.     asked: what of the capture is read at all.
    jobs: so many processes follow the conversations while the capture is read, at most; 0 for what pays.
    spool: the folder for what comes through a pipe, "" for the one of temporary files.
    provided: keys and whatever else the user gave beside the capture; secrets of the capture itself are added.
    """

    def __init__(
        self, conversations: tuple[int, ...] = (), limit: int = 0, everything: bool = False, tell: bool = True,
        provided: Provided | None = None, graphs: bool = False, order: str = "", budget: int = BUDGET,
        findings_only: bool = False, spool: str = "", windows: bool = False, since: Earlier | None = None,
        jobs: int = 1, wanted: Filter | None = None, asked: Asked | None = None, listed: bool = False,
    ) -> None:
        self.listed = listed
        self.wanted = wanted
        self.asked = asked or Asked()
        self.windows = windows
        self.jobs = jobs
        self.findings_only = findings_only
        self.budget = budget if tell else 0
        self.spool = spool
        self.since = since
        self.graphs = graphs
        self.order = order
        self.conversations = conversations
        self.limit = limit
        self.everything = everything
        self.tell = tell
        self.provided = provided or Provided()

    def divisible(self) -> bool:
        """Whether several processes can follow the capture: not where conversations are known by their number before
        all are numbered, or all are kept."""
        whole = self.wanted is None and self.asked.everything()
        return self.tell and not self.conversations and not self.everything and whole

    def most(self) -> int:
        """How many frames are told one by one; where conversations were named, or all are wanted, all of them."""
        return UNLIMITED if self.everything or self.conversations else MAX_TOLD

    def each(self) -> int:
        """How many events of a conversation are kept: of those that were named, all."""
        return UNLIMITED if self.conversations else MAX_EVENTS_EACH

    def in_parts(self) -> bool:
        """Whether a large capture is told part by part."""
        return self.everything and self.tell and not self.conversations

    def keep(self) -> int:
        """How many conversations the survey keeps by size, and how many by trouble."""
        if self.everything or self.conversations:
            return KEEP_ALL
        return self.limit or DEFAULT_LIMIT


def analyze(
    paths: list[str], options: Options, progress: Progress | None = None, sink: Sink | None = None
) -> Analysis:
    """Read captures and tell what happened. Raises CaptureError where nothing can be told.

    sink: who takes the conversations as they are told, where all of a large capture are; they are then not in the
    analysis. Without one they are held at once, unless nothing but their findings is wanted.
    """
    pulse = Pulse(progress)
    refuse_streams(paths, options.wanted)
    if sink is None and options.findings_only:
        sink = Sink()
    with uncollected(), pulse.listening():
        return _analyze(paths, options, pulse, sink)


@contextmanager
def uncollected() -> Iterator[None]:
    """Conversations that leave are taken apart by hand; a cycle collector would walk over all that stay."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Frames:
    """The lines of `wiretale frames`, in blocks, to be read once. damage: what was found by then."""

    def __init__(
        self, paths: list[str], conversation: int = 0, provided: Provided | None = None, wanted: Filter | None = None,
        asked: Asked | None = None,
    ) -> None:
        """wanted: those of which it holds alone. Raises CaptureError where nothing can be told."""
        refuse_streams(paths, wanted)
        self.paths, self.wanted, self.options = paths, wanted, Options(provided=provided, asked=asked)
        twice = self.options.asked.last_ns > 0
        self.source = part_of(open_capture(paths, rewindable=twice), self.options.asked)
        self.lines = FrameLines(self.source, protocols(), conversation, provided or Provided(), wanted)

    def __iter__(self) -> Iterator[bytes]:
        # Collecting between blocks would walk over all that is held each time: it takes `frames` half as long again.
        wanted = self.wanted
        told = None if wanted is None else told_of(wanted, lambda sink: _all_of(self.paths, self.options, SILENT, sink))
        if told is not None:
            self.lines.tell(told.events, told.findings, {})
        with closing(self.source), uncollected():
            while block := self.lines.block():
                yield block

    @property
    def count(self) -> int:
        """Frames read so far."""
        return int(self.source.number)

    @property
    def damage(self) -> list[str]:
        said = [str(damage) for damage in self.source.damage] + self.lines.complaints
        return shown(said + self.lines.faults.sentences(), self.lines.provided)


def _analyze(paths: list[str], options: Options, pulse: Pulse, sink: Sink | None) -> Analysis:
    source, match = _opened(paths, options, pulse)
    known = protocols()
    survey = Survey(
        source, Keeper(options.keep(), options.order, options.budget, SHARES), NameBook(known, SHARES), CAPACITY,
        record_cap(options), SHARES,
    )
    survey.table.wanted = set(options.conversations)
    survey.keeper.only = None if match is None else match.numbers
    notables = Notables()
    if sink is not None and options.in_parts():
        survey.keeper.spill(notables, options.spool)
    _read(survey, options, pulse)
    survey.keeper.settle()
    survey.names.settle()
    complaints: list[str] = []
    take_secrets(source, 0, options.provided, complaints)
    capture = summarise(survey, paths, options.provided)
    capture.damage += complaints
    narrow(capture, survey, match)
    if options.conversations:       # it is asked for them, and not for what others have in common
        capture.together, capture.scans, capture.oddities, capture.reflected = {}, [], [], []
    spool = survey.keeper.spool
    chosen = choose(survey, options) if spool is None else []
    if spool is not None and sink is not None:
        parts = Parts(
            survey, spool, notables, known, options.provided, capture, pulse, sink, options.findings_only,
            options.graphs,
        )
        analysis = parts.tell()
        if options.since is not None:
            leave_out(analysis, options.since, survey.faults)
    elif options.tell:
        flows = with_lookups(survey, chosen) if match is None else chosen
        if options.conversations:
            flows = with_repeats(survey, flows)
        accounts = tell(
            survey, flows, known, options.most(), True, options.provided, options.graphs, capture, pulse,
            options.windows, options.each(),
        )
        pulse.begin(CONCLUDING)
        analysis = build(capture, accounts, survey.faults)
        capture.read = len(accounts)
        if capture.unread:
            analysis.left_out.append(capture.unread)
        analysis.findings = findings(analysis, survey.faults)
        sound.check(analysis, survey.faults)
        judge(analysis, survey.faults)
        if options.since is not None:
            leave_out(analysis, options.since, survey.faults)
        flows = _drawn(survey, analysis, flows, options)
        told = len(analysis.told) if survey.keeper.within else len(
            {int(flow.number) for flow in chosen} & {account.conversation.number for account in accounts}
        )
        if told < capture.conversations and not capture.half_told:
            analysis.left_out.append(_choice(told, capture, options))
        _illustrate(analysis, survey, flows, options, pulse)
    else:
        analysis = Analysis(capture)
        analysis.conversations = listed(survey, chosen, known, options.provided, pulse)
        if pulse.stopped:
            capture.interrupted = capture.half_told = True
            capture.damage.append("interrupted: the protocols of some conversations were not looked for")
    survey.names.forget()
    survey.keeper.forget()
    source.close()
    capture.damage = shown(capture.damage + survey.faults.sentences(), options.provided)
    return analysis


def _illustrate(analysis: Analysis, survey: Survey, flows: list[Flow], options: Options, pulse: Pulse) -> None:
    """The octets and the list of frames that a page shows."""
    source = survey.source
    if options.graphs:
        at_places = source.base >= 0 and not survey.reassembled and all(flow.rest is None for flow in flows)
        keep_octets(analysis, source, flows, at_places)
    if options.listed and not options.findings_only and source.kept < 0:
        pulse.begin(LISTING, 0, int(analysis.capture.frames))
        list_frames(analysis, source, options.provided, pulse.beat)


def _opened(paths: list[str], options: Options, pulse: Pulse) -> tuple[Source, Match | None]:
    """What is to be read, and what a filter chooses of it, for which all of it was read before; None for no filter."""
    source = part_of(open_capture(paths, spool=options.spool), options.asked)
    if options.wanted is None:
        return source, None
    told = told_of(options.wanted, lambda sink: _all_of(paths, options, pulse, sink))
    match = chosen_by(source, options.wanted, told, options.provided, pulse)
    return again(source), match


def _all_of(paths: list[str], options: Options, pulse: Pulse, sink: Sink) -> Analysis:
    """The analysis of every conversation, for a filter that asks for what was concluded."""
    every = Options(everything=True, provided=options.provided, spool=options.spool, asked=options.asked)
    analysis = _analyze(paths, every, pulse, sink)
    if pulse.stopped:
        raise KeyboardInterrupt
    return analysis


def _drawn(survey: Survey, analysis: Analysis, flows: list[Flow], options: Options) -> list[Flow]:
    """Draw those that show what was found, and the largest, with the lookups that they rest on, where all were read."""
    if not survey.keeper.within or options.findings_only:
        return flows
    numbers = to_draw(analysis, options.limit or DEFAULT_LIMIT)
    drawn = [flow for flow in flows if int(flow.number) in numbers]
    if options.wanted is None:
        drawn = with_lookups(survey, drawn)
    draw_only(analysis, {int(flow.number) for flow in drawn})
    if options.limit:       # rows of no more than were asked for
        numbers = {told.conversation.number for told in analysis.told}
        analysis.undrawn = []
        analysis.conversations = [one for one in analysis.conversations if one.number in numbers]
    return drawn


def shown(texts: list[str], provided: Provided) -> list[str]:
    """What is said of the capture as a whole, which may quote it, as it may be shown."""
    marks = Marks(provided.show_secrets)
    return [shown_text(text, marks) for text in texts]


def _read(survey: Survey, options: Options, pulse: Pulse) -> None:
    """The pass over all frames. An interruption (Ctrl-C) ends it, and what was read until then is told."""
    if options.tell and not options.everything:
        for spare in survey.table.spares:
            spare.left = FULL_FRAMES
    jobs = jobs_for(survey.source, options.jobs) if options.divisible() else 1
    team = Team(survey, jobs) if jobs > 1 else None
    try:
        try:
            pulse.begin(READING)
            _pass(survey, pulse)
            survey.interrupted = pulse.stopped and survey.source.size < 0      # who wrote into the pipe heard it too
        except KeyboardInterrupt:
            if survey.frames == 0 or pulse.twice:
                raise
            if team is not None:
                team.stop()
            survey.interrupted = True
            survey.finish()
        if team is not None:
            team.gather()
    finally:
        if team is not None:
            team.end()
    pulse.go_on()


def _pass(survey: Survey, pulse: Pulse) -> None:
    """Read every frame. Where all are told, more frames than the budget are those of a large capture, told in parts."""
    if survey.keeper.watcher is not None and _stretch(survey, BUDGET, pulse):
        survey.table.record_cap = PLACES_EACH
    while _stretch(survey, int(STEP), pulse):
        pass


def record_cap(options: Options) -> int:
    """Frames of a conversation whose places are kept."""
    if not options.tell:
        return RECOGNISED
    return UNLIMITED if options.everything else RECORD_CAP


def _stretch(survey: Survey, frames: int, pulse: Pulse) -> bool:
    """Read so many frames, with a look at the clock now and then; False where the source has no more."""
    source = survey.source
    while frames > 0:
        few = min(frames, LOOK)
        if not survey.step(few):
            return False
        frames -= few
        if not pulse.read(int(source.position), int(source.size), int(survey.frames)):
            raise KeyboardInterrupt
    return True


def summarise(survey: Survey, paths: list[str], provided: Provided = NOTHING) -> CaptureSummary:
    """What the capture as a whole holds."""
    source = survey.source
    capture = CaptureSummary(paths)
    capture.frames = int(survey.frames)
    capture.octets = int(survey.octets)
    capture.start_ns = int(survey.first_time)
    capture.end_ns = int(survey.last_time)
    began = "the reading" if begins_late(source) else "the capture"
    kind = NOT_READ if begins_late(source) else NOT_CAPTURED
    capture.observed.miss(kind, NEITHER, -1, capture.start_ns - 1, 0, f"{began} begins then")
    tell_part(capture, source)
    capture.ended = how_it_ended(survey)
    capture.observed.miss(
        beyond(capture.ended), NEITHER, capture.end_ns + 1, ALWAYS, int(source.number),
        f"{what_ended(capture.ended)} ends then",
    )
    capture.links = [link_name(link) for link in survey.links]
    capture.damage = [str(damage) for damage in source.damage]
    capture.interrupted = survey.interrupted
    if survey.interrupted:
        whole = f" of {size(int(source.size))}" if source.size > 0 else ""
        capture.damage.append(
            f"the reading was interrupted: all of this is about the first {plural(capture.frames, 'frame')} "
            f"({size(int(source.position))}{whole})"
        )
    marks = Marks(provided.show_secrets)
    capture.kept = shown_text(source.keeping(), marks)
    capture.remarks = [(remark.frame, shown_text(remark.text, marks)) for remark in source.remarks]
    for name, count in sorted(survey.others.undecoded.items(), key=_by_count):
        capture.undecoded[_named(name)] = count
    for name, count in survey.decoder.counts().items():
        capture.undecoded[name] = capture.undecoded.get(name, 0) + count
    for name, count in source.skipped_blocks.items():
        capture.undecoded[name] = capture.undecoded.get(name, 0) + count
    capture.truncated_frames = int(survey.truncated)
    capture.unsized = int(survey.decoder.walk.unsized)
    capture.unsized_frames = tuple(survey.decoder.walk.unsized_frames)
    drops = [interface.dropped for interface in source.interfaces if interface.dropped >= 0]
    capture.dropped = sum(drops) if drops else -1
    capture.conversations = survey.keeper.count
    capture.by_transport = dict(survey.keeper.by_transport)
    capture.states = survey.keeper.states
    fragments = survey.decoder.walk.fragments
    capture.incomplete = incomplete(fragments.broken, survey.others.expired, capture.start_ns, capture.end_ns)
    capture.contradicted = contradicted(fragments.odd, capture.end_ns)
    capture.half_open = survey.keeper.groups.half_open()
    capture.syns_only = not survey.keeper.groups.alive
    capture.together = survey.keeper.troubles.together(survey.last_time)
    troubles = survey.keeper.troubles
    capture.scans, capture.oddities = troubles.scans.found(), troubles.scans.oddities()
    capture.reflected = troubles.reflections.found()
    capture.tcp_flags = by_name(survey.keeper.flags)
    capture.neighbours = [neighbour.says() for neighbour in survey.others.neighbours.values()]
    of_the_link(capture, survey.others)
    if survey.others.neighbours_left_out:
        capture.neighbours.append(
            f"{plural(survey.others.neighbours_left_out, 'more message')} about addresses beyond the first "
            f"{len(survey.others.neighbours)}"
        )
    return capture


def choose(survey: Survey, options: Options) -> list[Flow]:
    """The conversations to tell, by number."""
    if options.conversations:
        wanted = set(options.conversations)
        return [flow for flow in survey.keeper.chosen(0) if flow.number in wanted]
    return survey.keeper.chosen(0 if options.everything or survey.keeper.within else options.limit or DEFAULT_LIMIT)


def tell(
    survey: Survey, flows: list[Flow], known: tuple[ProtocolRecord, ...], most: int, fully: bool,
    provided: Provided, graphs: bool = False, capture: CaptureSummary | None = None,
    pulse: Pulse = SILENT, windows: bool = False, each: int = UNLIMITED,
) -> list[Account]:
    """Look at the frames of these conversations once more, at `most` of them one by one.

    each: so many events of a conversation are kept, and further ones counted.
    capture: there is set right what the first look finds.
    """
    source = survey.source
    telling = Telling(known, most, provided, survey.faults, pulse)
    telling.room.each = each
    telling.fully = fully
    telling.stopped = int(source.kept) + 1
    end = int(survey.last_time)
    for flow in flows:
        if fully and 0 <= source.kept < flow.first_frame:
            continue
        conversation = conversation_of(flow, end)
        survey.names.name_endpoints(conversation, flow)
        conversation.scope = scope_text(flow.scope) if flow.scope else ""
        if not fully:
            flow.records = flow.records[:RECOGNISED * RECORD]
            flow.rest = None
        telling.add(flow, conversation, graphs)
    telling.windows = windows
    if fully:
        pulse.begin(LOOKING, last=int(survey.frames))
        telling.look(source, survey.reassembled, survey.breaks, survey.keeper.chosen(0))
        pulse.begin(TELLING, last=int(survey.frames))
    if capture is not None:
        telling.set_right(capture)
    end = telling.latest(end)
    how = how_it_ended(survey)
    walked = survey.reassembled or source.base < 0
    accounts: list[Account] = []
    for part in [telling.chosen] if walked else telling.parts():
        telling.begin(part)
        if walked:
            again = source.reopen()
            telling.walk(again, survey.reassembled)
            again.close()
        else:
            telling.visit(source)
        accounts += telling.finish(int(source.number), end, how)
        if telling.stopped:
            break
    if capture is not None:
        capture.unread = telling.unread()
        capture.half_told = telling.stopped > 0
        if pulse.stopped:
            capture.interrupted = True
            capture.damage.append(telling.interrupted())
        elif telling.stopped:
            capture.unread = f"{telling.interrupted()} {capture.unread}".strip()
    return accounts


def listed(
    survey: Survey, flows: list[Flow], known: tuple[ProtocolRecord, ...], provided: Provided, pulse: Pulse
) -> list[Conversation]:
    """The records of all these conversations, each with the protocol that its first frames show."""
    batch = BATCH if survey.source.base >= 0 and not survey.reassembled else len(flows)
    found: list[Conversation] = []
    pulse.begin(TELLING, last=int(survey.frames))
    for start in range(0, len(flows), batch or 1):
        accounts = tell(survey, flows[start:start + batch], known, UNLIMITED, False, provided, pulse=pulse)
        found += [account.conversation for account in accounts]
    return found


def _choice(told: int, capture: CaptureSummary, options: Options) -> str:
    count = capture.conversations
    if capture.read >= count:
        return (
            f"{told} of {grouped(count)} conversations are drawn: those that show what was found, then those with the "
            "most bytes; all were read (--limit N draws more, --all draws all, --conversation N tells one in full)"
        )
    if options.conversations:
        return f"{told} of {grouped(count)} conversations, as asked for"
    return (
        f"{told} of {grouped(count)} conversations are told: those with the most trouble, then those with the most "
        "bytes (--limit N for more, --all for all, --conversation N for one in full)"
    )


def _named(undecoded: str) -> str:
    """What the packets stage calls `link type N` has a name in the registry of link types."""
    number = undecoded.removeprefix(UNKNOWN_LINK)
    return f"{undecoded} ({link_name(int(number))})" if number != undecoded and number.isdigit() else undecoded


def _by_count(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]
