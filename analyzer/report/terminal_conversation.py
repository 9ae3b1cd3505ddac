"""One conversation in a terminal: who with whom, then its phases and their events."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from analyzer.model import Conversation, Finding, Phase, Silence, TcpSummary, Told
from analyzer.report.rows import (
    DIM,
    FRAME,
    LABEL,
    SECTION,
    SEVERITY,
    SIDES,
    TITLE,
    WHY,
    Row,
    cells,
    fit,
    joined,
    paragraph,
)
from analyzer.report.selection import ALARMING, chosen
from analyzer.report.terminal_account import account_pieces, conversation_account
from analyzer.report.terminal_courses import course_rows
from analyzer.report.terminal_streams import stream_rows
from analyzer.report.terminal_timeline import Timeline, timeline_rows
from analyzer.report.words import (
    ARROWS,
    BOTH_WAYS,
    BRIEF,
    CONVERSATION,
    NORMAL,
    TEACH,
    flag_in_words,
    frame_list,
    since_start,
    state_in_words,
    took,
)
from dissectors.kit.event import Event
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.wire.secrets.gate import Said

WRONG: Final = ("warn", "error")
MARGIN: Final = 1
RAIL: Final = 3                # columns of the rail, ` │ `
PHASE_TITLE: Final = 3         # where a phase's title begins, counted from the rail
EVENT_AT: Final = 1            # where its events begin, counted from the rail
WIDEST_FRAMES: Final = 9       # columns kept for frame numbers; longer ones push only their own row
WIDEST_LABEL: Final = 18
NARROW_LABEL: Final = 11        # on a narrow terminal; a longer label pushes only its own row
WIDE: Final = 110              # from this width on, sentences stand under the numbers and not under the label
LEAST_TEXT: Final = 24         # columns for sentences, however narrow the terminal
MAX_EVENTS: Final = 120        # of one phase that are shown where nobody asked for that conversation
LAST_EVENTS: Final = 20        # of them, those from its end


class ConversationWriter:
    """Writes conversations one after the other; a reason (WHY) is given once, where it is first met.

    said: the sentences of the conversation written last, for a glossary.     whole: no phase is shortened.
    """

    def __init__(self, level: str, width: int, whole: bool = False, silences: Sequence[Silence] = ()) -> None:
        self.silences = silences
        self.level = level
        self.width = width
        self.whole = whole
        self.room = width - RAIL       # for what stands beside the rail of a phase
        self.said: list[str] = []
        self.reasons: set[str] = set()
        self.wrong: dict[int, list[Finding]] = {}

    def mark(self, findings: Iterable[Finding]) -> None:
        """What was found in the conversations that are written next."""
        self.wrong = {}
        for finding in findings:
            if finding.severity in WRONG:
                self.wrong.setdefault(finding.conversation, []).append(finding)

    def rows(self, told: Told) -> list[Row]:
        conversation = told.conversation
        self.said = []
        rows = [Row().to(MARGIN).add(f"{CONVERSATION} {conversation.number}", SECTION)]
        joined(rows, title_pieces(conversation, self.silences), "   ", RAIL, self.width, TITLE)
        if self.level == NORMAL:
            return rows + self._in_short(told)
        rows.append(Row().to(RAIL))
        joined(rows, number_pieces(conversation, self.level), " · ", RAIL, self.width, DIM)
        rows += conversation_account(told, self.width)
        if self.level != BRIEF:
            chart = stream_rows(told, self.width - RAIL, self.whole, self.silences)
            if chart:
                rows.append(Row())
                rows += [row.behind(" " * RAIL, DIM) for row in chart]
            course = course_rows(told, self.width)
            rows += [Row(), *course] if course else []
        if told.phases:
            rows.append(Row())
        shown = [chosen(phase, self.level) for phase in told.phases]
        layout = Layout([event for events in shown for event in events], conversation.start_ns, self.room)
        for index, phase in enumerate(told.phases):
            last = index == len(told.phases) - 1
            corner = "─" if len(told.phases) == 1 else "┌" if index == 0 else "└" if last else "├"
            rail = "" if last else " │ "
            lines = self._phase(phase, index + 1, shown[index], layout)
            rows.append(lines[0].behind(f" {corner} ", DIM))
            rows += [row.behind(rail or "   ", DIM) for row in lines[1:]]
        return rows

    def _in_short(self, told: Told) -> list[Row]:
        """In order of time; one line of numbers where nothing in it asks for more."""
        conversation = told.conversation
        timeline = Timeline(told, self.wrong.get(conversation.number, []), self.silences)
        account = account_pieces(told)
        numbers = number_pieces(conversation, self.level)
        usual = timeline.usual and not self.whole and not any("×" in piece for piece in numbers) and bool(account)
        rows = [Row().to(RAIL)]
        if usual:
            joined(rows, [numbers[0], *account], "  ", RAIL, self.width, DIM)
        else:
            joined(rows, [*numbers, *timeline.ordinary], " · ", RAIL, self.width, DIM)
            rows += conversation_account(told, self.width)
        if self.whole:
            rows += course_rows(told, self.width)
        return rows + timeline_rows(timeline, told, self.width, self.whole)

    def _phase(self, phase: Phase, number: int, events: list[Event], layout: Layout) -> list[Row]:
        """A phase as it stands beside its rail."""
        facts = list(phase.facts)
        span = took(phase.start_ns, phase.end_ns, self.silences)
        if phase.end_ns > phase.start_ns and not any(span in fact for fact in facts):
            facts.insert(0, span)
        rows = [Row().add(str(number), DIM).tab(PHASE_TITLE)]
        paragraph(rows, phase.title, PHASE_TITLE, self.room, TITLE)
        joined(rows, facts, " · ", PHASE_TITLE, self.room, None)
        left_out = 0 if self.whole else max(len(events) - MAX_EVENTS, 0)
        for event in events[:MAX_EVENTS - LAST_EVENTS] if left_out else events:
            self._event(rows, event, layout)
        if left_out:
            rows.append(Row().to(EVENT_AT).add("… ", DIM))
            number = events[0].conversation
            text = f"{plural(left_out, 'event')} not shown here (--conversation {number} shows all)"
            paragraph(rows, text, EVENT_AT + 2, self.room, DIM)
            for event in events[-LAST_EVENTS:]:
                self._event(rows, event, layout)
        for text in () if self.level == BRIEF else phase.left_out:
            rows.append(Row().to(EVENT_AT).add("… ", DIM))
            paragraph(rows, text, EVENT_AT + 2, self.room, DIM)
        return rows

    def _event(self, rows: list[Row], event: Event, layout: Layout) -> None:
        """The row of numbers, the sentence under it, the rule at its right end, and at `teach` the reason."""
        said = Said(event)
        label, detail, what = fit(said.label(), WIDEST_LABEL), said.detail(), said.what()
        self.said += (label, detail, what)
        row = Row().to(EVENT_AT).add(frame_list(event.evidence.frames), FRAME)
        row.tab(layout.time_at).add(since_start(event.time - layout.start_ns), DIM)
        row.tab(layout.arrow_at).add(ARROWS.get(event.direction, "·"), SIDES.get(event.direction))
        row.tab(layout.label_at)
        if label:
            row.add(fit(label, self.room - row.used), SEVERITY["error"] if isinstance(event, ALARMING) else LABEL)
            row.to(max(layout.text_at, row.used + 2))
        rows.append(row)
        if detail:
            paragraph(rows, detail, layout.text_at, self.room)
            rows.append(Row().to(layout.hang))
        paragraph(rows, what, layout.hang, self.room)
        if event.spec:
            spec = fit(event.spec, self.room // 2)
            if rows[-1].used + 2 + cells(spec) > self.room:
                rows.append(Row())
            rows[-1].right(spec, self.room, DIM)
        if self.level == TEACH and event.WHY and event.name not in self.reasons:
            self.reasons.add(event.name)
            self.said.append(event.WHY)
            rows.append(Row().to(layout.hang).add("Why: ", WHY))
            paragraph(rows, event.WHY, layout.hang, self.room, WHY)


class Layout:
    """Columns that the events of a conversation share. hang: where the further rows of an event begin."""

    def __init__(self, events: list[Event], start_ns: int, width: int) -> None:
        self.start_ns = start_ns
        frames = max((len(frame_list(event.evidence.frames)) for event in events), default=2)
        label = max((cells(fit(Said(event).label(), WIDEST_LABEL)) for event in events), default=0)
        times = max((len(since_start(event.time - start_ns)) for event in events), default=6)
        wide = width >= WIDE
        self.time_at = EVENT_AT + min(frames, 2 * WIDEST_FRAMES if wide else WIDEST_FRAMES) + 1
        self.arrow_at = self.time_at + times + 1
        self.label_at = self.arrow_at + 3
        self.text_at = self.label_at + (min(label, WIDEST_LABEL if wide else NARROW_LABEL) + 2 if label else 0)
        deepest = max(width - LEAST_TEXT, EVENT_AT + 4)
        self.text_at = min(self.text_at, deepest)
        self.hang = self.text_at if wide else min(self.label_at, deepest)


def title_pieces(conversation: Conversation, silences: Sequence[Silence] = ()) -> list[str]:
    """`tcp 10.0.0.1:51034 ⇄ 10.0.0.2:443`, its names, its scope, and how much in what time."""
    kind = conversation.transport
    if conversation.protocol and not kind.startswith(conversation.protocol):
        kind = f"{conversation.protocol} over {kind}"
    pieces = [f"{kind} {conversation.originator} {BOTH_WAYS} {conversation.responder}"]
    names = conversation.names()
    if names:
        pieces.append(f" {BOTH_WAYS} ".join(names))
    if conversation.scope:
        pieces.append(conversation.scope)
    payload, lasted = sum(conversation.sent_payload()), conversation.end_ns - conversation.start_ns
    pieces.append(size(payload) if payload else "no payload")
    if lasted > 0:      # one frame has no duration, and frames with equal times show none
        text = took(conversation.start_ns, conversation.end_ns, silences)
        pieces[-1] += f" in {text}" if payload else f", {text}"
    return pieces


def number_pieces(conversation: Conversation, level: str) -> list[str]:
    """Frames, bytes, state and what a pass over every segment measured."""
    frames, payload, sent = conversation.sent_frames(), conversation.sent_payload(), conversation.as_sent
    pieces = [
        f"{plural(frames[0], 'frame')} →, {grouped(frames[1])} ←",
        f"payload {size(payload[0])} →, {size(payload[1])} ←",
    ]
    if sent is not None and sent.copies:
        shows = ("show packets once more", "shows a packet once more") if sent.certain else (
            "look like copies", "looks like a copy"
        )
        pieces.insert(1, f"beside {plural(sent.copies, 'frame')} that {shows[sent.copies == 1]}")
    words = state_in_words(conversation.transport, conversation.state)
    if words:
        pieces.append(f"{words} ({conversation.state})")
    if conversation.tcp is not None:
        flags = conversation.tcp.flags if sent is None else sent.flags
        pieces += tcp_pieces(conversation.tcp, flags, level)
    if level == TEACH:
        if conversation.history:
            pieces.append(f"history {conversation.history}")
        if conversation.community_id:
            pieces.append(f"community {conversation.community_id}")
        pieces.append(f"filter {conversation.display_filter()}")
    return pieces


def tcp_pieces(tcp: TcpSummary, flags: list[dict[str, int]], level: str) -> list[str]:
    """Round trips and analysis flags, as far as they were seen."""
    pieces = []
    if tcp.handshake_rtt_ns > 0:
        pieces.append(f"round trip {duration(tcp.handshake_rtt_ns)}")
    for side, arrow in ((0, "→"), (1, "←")):
        if tcp.rtt_samples[side] and level != NORMAL:
            pieces.append(
                f"ACK times {arrow} {duration(tcp.rtt_min_ns[side])} to {duration(tcp.rtt_max_ns[side])}, "
                f"mean {duration(tcp.rtt_sum_ns[side] // tcp.rtt_samples[side])}"
            )
    for side, arrow in ((0, "→"), (1, "←")):
        pieces += [
            f"{grouped(count)} × {flag_in_words(flag)} {arrow}" for flag, count in flags[side].items() if count
        ]
    return pieces
