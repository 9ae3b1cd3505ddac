"""The analysis as a person reads it in a terminal: summary, time, story, findings, then each conversation.

`render` gives it piece by piece, so that a long one appears while it is made and can be cut short.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from analyzer import __version__
from analyzer.model import Analysis, CaptureSummary, Finding, Told, Verdict
from analyzer.report.glossary import Glossary
from analyzer.report.rows import (
    DIM,
    SECTION,
    SEVERITY,
    TERM,
    TITLE,
    Row,
    fit,
    joined,
    paragraph,
)
from analyzer.report.terminal_account import account_rows
from analyzer.report.terminal_conversation import ConversationWriter
from analyzer.report.terminal_story import story_rows
from analyzer.report.terminal_verdict import behind, finding_rows, verdict_rows
from analyzer.report.words import (
    ABOUT,
    BRIEF,
    NORMAL,
    SAMPLE,
    TEACH,
    WIDEST_PROSE,
    WORDS,
    doubtful,
    state_in_words,
    taken,
    took,
    unsure,
)
from dissectors.kit.units import grouped, plural, rate, size

MARGIN: Final = 1
INDENT: Final = 3
SHOWN_NAMES: Final = 3         # captures named in the header before "and 4 more"
SMALL: Final = 6               # rows of a conversation that need no empty one between it and another small one
HINT: Final = "wiretale explain TERM tells more"


def render(
    analysis: Analysis, level: str, width: int, glossary: Glossary | None = None, whole: bool = False
) -> Iterator[list[Row]]:
    """Blocks of rows, each at most `width` columns wide.

    level: one of words.LEVELS.     glossary: the terms to explain at `teach`; None explains none.
    whole: every event of every phase, however many there are.
    """
    yield from head(analysis, level, width)
    if level != BRIEF:
        body = Body(analysis.capture, level, width, glossary, whole)
        yield from body.blocks(analysis.told, analysis.findings)
    yield from tail(analysis, level, width)


def head(analysis: Analysis, level: str, width: int) -> Iterator[list[Row]]:
    """What stands before the conversations."""
    full, width = width, min(width, WIDEST_PROSE)
    yield opening_rows(analysis, width)
    account = account_rows(analysis, width)
    if account:
        yield [Row(), *account]
    if analysis.story:
        yield [Row(), *story_rows(analysis.story, full, analysis.capture.silences)]
    findings = finding_rows(analysis, level, width) if level != BRIEF else []
    if findings:
        yield [Row(), *findings]


def tail(analysis: Analysis, level: str, width: int) -> Iterator[list[Row]]:
    """What stands behind them."""
    closing = closing_rows(analysis, level, min(width, WIDEST_PROSE))
    if closing:
        yield [Row(), *closing]


class Body:
    """The conversations, as many at a time as one has in hand."""

    def __init__(
        self, capture: CaptureSummary, level: str, width: int, glossary: Glossary | None = None, whole: bool = False
    ) -> None:
        self.level = level
        self.width = min(width, WIDEST_PROSE)
        self.glossary = glossary
        self.writer = ConversationWriter(level, self.width, whole, capture.silences)
        self.small = False

    def blocks(self, those: Iterable[Told], findings: Iterable[Finding]) -> Iterator[list[Row]]:
        """The next ones, and what was found in them."""
        writer, level = self.writer, self.level
        writer.mark(findings)
        for told in those:
            rows = writer.rows(told)
            apart = not (self.small and len(rows) <= SMALL and level == NORMAL)
            self.small = len(rows) <= SMALL
            yield [Row(), *rows] if apart else rows
            if self.glossary is not None and level == TEACH:
                words = self.glossary.new_words_in(writer.said)
                if words:
                    yield [Row(), *word_rows(words, self.width)]


def opening_rows(analysis: Analysis, width: int) -> list[Row]:
    """The capture in a line, the verdict, and what lowers the worth of what follows."""
    capture = analysis.capture
    pieces = [plural(capture.frames, "frame")]
    if capture.end_ns > capture.start_ns >= 0:
        pieces.append(took(capture.start_ns, capture.end_ns, capture.silences))
    told = analysis.told_count()
    read = max(capture.read, told)
    pieces.append(plural(capture.conversations, "conversation"))
    if capture.beside:
        every = plural(capture.conversations + capture.beside, "conversation")
        pieces[-1] = f"{grouped(capture.conversations)} of {every}, by a filter"
    if read and capture.conversations:
        whole = read >= capture.conversations and not capture.unread
        pieces[-1] += ", all read" if whole else f", {grouped(read)} read"
        if 0 < told < read:
            pieces[-1] += f", {grouped(told)} drawn"
    if capture.seen_from:
        pieces.append(f"seen from {capture.seen_from.split(' (')[0]}")
    rows = [Row().to(MARGIN).add(fit(capture_name(capture.names), width // 2), TITLE).add("   ").add(pieces[0])]
    joined(rows, pieces[1:], " · ", INDENT, width, None)
    verdict = verdict_rows(analysis, width)
    if verdict:
        rows += [Row(), *verdict]
    for warning in doubts(capture):
        rows.append(Row().to(MARGIN).add("! ", SEVERITY["warn"]))
        paragraph(rows, warning, INDENT, width)
    if read < capture.conversations and analysis.verdict.kind != Verdict.CLEAN:     # which says so itself
        _labelled(rows, "Read: ", read_of(analysis), width)
    _labelled(rows, "Kept: ", capture.kept, width)
    return rows


def _labelled(rows: list[Row], label: str, text: str, width: int) -> None:
    if text:
        rows.append(Row().to(MARGIN).add(label, DIM))
        paragraph(rows, text, INDENT, width)


def capture_name(names: list[str]) -> str:
    """The last part of each path, the first few of them; a sample keeps its whole name."""
    short = [
        name if name.startswith(SAMPLE) else name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or name
        for name in names
    ]
    if not short:
        return "capture"
    if len(short) > SHOWN_NAMES:
        return ", ".join(short[:SHOWN_NAMES]) + f" and {len(short) - SHOWN_NAMES} more"
    return ", ".join("standard input" if name == "-" else name for name in short)


def read_of(analysis: Analysis) -> str:
    """`coverage` where not every conversation is drawn, else ""."""
    told, capture = analysis.told_count(), analysis.capture
    return coverage(told, capture) if told < capture.conversations else ""


def coverage(told: int, capture: CaptureSummary) -> str:
    """What the findings rest on, for a capture of which only some conversations are told."""
    read = max(capture.read, told)
    if read >= capture.conversations:
        return "all conversations" + (f"; {grouped(told)} of them are drawn (--all draws all)" if told else "")
    rest = plural(capture.conversations - read, "other")
    more = "" if capture.half_told else " (--all reads all)"
    return f"what {plural(read, 'conversation')} carried; of {rest} what TCP, UDP and ICMP show{more}"


def totals(capture: CaptureSummary) -> list[tuple[str, str]]:
    """All conversations in a few lines, for a capture of which only some are told."""
    lines: list[tuple[str, str]] = []
    for transport, states in capture.states.items():
        pieces = [
            f"{grouped(count)} {state_in_words(transport, state)} ({state})" if state_in_words(transport, state)
            else f"{grouped(count)} {state}"
            for state, count in sorted(states.items(), key=lambda entry: -entry[1])
        ]
        if transport in ("tcp", "udp"):
            lines.append((f"All {grouped(sum(states.values()))} {transport}: ", ", ".join(pieces)))
    if capture.tcp_flags:
        pieces = [
            f"{grouped(count)} × {flag.replace('_', ' ')}"
            for flag, count in sorted(capture.tcp_flags.items(), key=lambda entry: -entry[1])
        ]
        lines.append(("TCP segments flagged: ", ", ".join(pieces)))
    return lines


def recorded(capture: CaptureSummary) -> str:
    """When and on what, with the mean rate; "" for a capture without times."""
    pieces = []
    if capture.start_ns >= 0:
        try:
            start = datetime.fromtimestamp(capture.start_ns // 1_000_000_000, UTC)
        except (OverflowError, OSError, ValueError):     # a timestamp beyond the calendar
            pieces.append(f"{capture.start_ns // 1_000_000_000} s after 1970")
        else:
            pieces.append(start.strftime("%Y-%m-%d %H:%M:%S UTC"))
    if capture.links:
        pieces.append("on " + ", ".join(capture.links))
    if capture.octets:
        span = capture.end_ns - capture.start_ns
        known = span >= 1_000_000_000 and not unsure(capture.start_ns, capture.end_ns, capture.silences)
        pace = f" ({rate(capture.octets * 8e9 / span)} on average)" if known else ""
        pieces.append(size(capture.octets) + pace)
    return ", ".join(pieces)


def doubts(capture: CaptureSummary) -> list[str]:
    """What lowers the claims that can be made, a sentence each."""
    found = capture.narrowed + capture.damage
    found += doubtful(capture.silences)
    if capture.unread:
        found.append(capture.unread)
    if capture.dropped > 0:
        found.append(
            f"The capturing system lost {plural(capture.dropped, 'frame')}; what looks missing below may be theirs."
        )
    if capture.truncated_frames:
        one = capture.truncated_frames == 1
        found.append(
            f"{plural(capture.truncated_frames, 'frame')} {'was' if one else 'were'} cut short when captured "
            f"(snap length); the bytes behind the cut are unknown."
        )
    return found


def word_rows(words: list[tuple[str, str, str]], width: int) -> list[Row]:
    """Terms that the text above used, each with its meaning and the standard."""
    rows = [Row().to(MARGIN).add(WORDS, SECTION)]
    if rows[0].used + len(HINT) + 3 <= width:
        rows[0].right(HINT, width, DIM)
    for term, text, spec in words:
        rows.append(Row().to(INDENT).add(term, TERM).add("  "))
        paragraph(rows, text, INDENT + 2, width)
        if spec:
            behind(rows, "  " + spec, width, DIM)
    return rows


def closing_rows(analysis: Analysis, level: str, width: int) -> list[Row]:
    """Where and when it was recorded, all conversations in numbers, what was not decoded, comments of the file,
    neighbours, what was left out."""
    capture = analysis.capture
    rows: list[Row] = []
    if level == TEACH:      # the first line says where, and this how that is known
        _entry(rows, "Seen from: ", capture.seen_from, width)
    _entry(rows, "Recorded: ", recorded(capture), width)
    if analysis.told_count() < capture.conversations:
        for label, text in totals(capture):
            _entry(rows, label, text, width)
    if capture.undecoded:
        kinds = sorted(capture.undecoded.items(), key=lambda item: (-item[1], item[0]))
        _entry(rows, "Not decoded: ", ", ".join(f"{name} ({grouped(count)})" for name, count in kinds), width)
    for frame, remark in capture.remarks:
        _entry(rows, f"Comment on #{frame}: " if frame else "Comment: ", remark, width)
    if level != BRIEF:
        if level == TEACH:
            for neighbour in capture.neighbours:
                _entry(rows, "", neighbour, width)
        else:
            _entry(rows, "Neighbours: ", "; ".join(capture.neighbours), width)
    version = f"wiretale {__version__}"
    if rows:
        rows.insert(0, Row().to(MARGIN).add(ABOUT, SECTION).right(version, width, DIM))
    left_out = [text for text in analysis.left_out if text != capture.unread]     # which stands at the top
    if level == BRIEF:
        left_out += more(analysis)
    if left_out:
        if rows:
            rows.append(Row())
        for text in left_out:
            rows.append(Row().to(MARGIN).add("… ", DIM))
            paragraph(rows, text, INDENT, width, DIM)
    return rows


def more(analysis: Analysis) -> list[str]:
    """What stands behind a brief report."""
    rest = len(analysis.findings) - len(taken(analysis.verdict))
    pieces = [plural(rest, "other finding")] if rest > 0 else []
    pieces += [f"what {plural(analysis.told_count(), 'conversation')} said"] if analysis.told_count() else []
    return [f"{' and '.join(pieces)}: --level normal"] if pieces else []


def _entry(rows: list[Row], label: str, text: str, width: int) -> None:
    if text:
        rows.append(Row().to(INDENT).add(label, DIM))
        paragraph(rows, text, INDENT + 2 if label else INDENT, width)
