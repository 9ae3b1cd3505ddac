"""The analysis as a person reads it in a terminal: summary, story, findings, then each conversation.

`render` gives it piece by piece, so that a long one appears while it is made and can be cut short.
"""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.style import Style

from analyzer import __version__
from analyzer.model import SEVERITIES, Analysis, CaptureSummary, Finding
from analyzer.report.glossary import Glossary
from analyzer.report.rows import (
    DIM,
    FRAME,
    LABEL,
    SECTION,
    SEVERITY,
    TERM,
    TITLE,
    Row,
    cells,
    fit,
    joined,
    paragraph,
)
from analyzer.report.terminal_conversation import ConversationWriter
from analyzer.report.terminal_story import story_rows
from analyzer.report.words import (
    ABOUT,
    BRIEF,
    FINDINGS,
    SAMPLE,
    SEVERITY_COUNTS,
    TEACH,
    WIDEST_PROSE,
    WORDS,
    frame_runs,
    state_in_words,
)
from dissectors.kit.units import duration, grouped, plural, rate, size

MARGIN: Final = 1
INDENT: Final = 3
SEVERITY_COLUMN: Final = 8     # where a finding's sentence begins
SHOWN_NAMES: Final = 3         # captures named in the header before "and 4 more"
HINT: Final = "wiretale explain TERM tells more"


def render(
    analysis: Analysis, level: str, width: int, glossary: Glossary | None = None, whole: bool = False
) -> Iterator[list[Row]]:
    """Blocks of rows, each at most `width` columns wide.

    level: one of words.LEVELS.     glossary: the terms to explain at `teach`; None explains none.
    whole: every event of every phase, however many there are.
    """
    full, width = width, min(width, WIDEST_PROSE)
    yield header_rows(analysis, width)
    if analysis.story:
        yield [Row(), *story_rows(analysis.story, full)]
    if analysis.findings:
        yield [Row(), *finding_rows(analysis.findings, level, width)]
    writer = ConversationWriter(level, width, whole)
    for told in analysis.told:
        yield [Row(), *writer.rows(told)]
        if glossary is not None and level == TEACH:
            words = glossary.new_words_in(writer.said)
            if words:
                yield [Row(), *word_rows(words, width)]
    closing = closing_rows(analysis, level, width)
    if closing:
        yield [Row(), *closing]


def header_rows(analysis: Analysis, width: int) -> list[Row]:
    """The capture in a line, where it was taken, and what lowers the worth of what follows."""
    capture = analysis.capture
    version = f"wiretale {__version__}"
    pieces = [plural(capture.frames, "frame")]
    if capture.end_ns > capture.start_ns >= 0:
        pieces.append(duration(capture.end_ns - capture.start_ns))
    pieces.append(plural(capture.conversations, "conversation"))
    pieces.append(counted(analysis.findings))
    rows = [Row().to(MARGIN).add(fit(capture_name(capture.names), width // 2), TITLE).add("   ").add(pieces[0])]
    joined(rows, pieces[1:], " · ", INDENT, width, None)
    if rows[-1].used + cells(version) + 3 <= width:
        rows[-1].right(version, width, DIM)
    _labelled(rows, "Seen from: ", capture.seen_from, width)
    _labelled(rows, "Recorded: ", recorded(capture), width)
    _labelled(rows, "Kept: ", capture.kept, width)
    covered = read_of(analysis)
    _labelled(rows, "Read: ", covered, width)
    if covered:
        for label, text in totals(capture):
            _labelled(rows, label, text, width)
    for warning in doubts(capture):
        rows.append(Row().to(MARGIN).add("! ", SEVERITY["warn"]))
        paragraph(rows, warning, INDENT, width)
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


def counted(findings: list[Finding]) -> str:
    """`1 error, 2 warnings`; `no findings`."""
    pieces = []
    for severity in reversed(SEVERITIES):
        count = sum(1 for finding in findings if finding.severity == severity)
        if count:
            pieces.append(plural(count, *SEVERITY_COUNTS[severity]))
    return ", ".join(pieces) or "no findings"


def read_of(analysis: Analysis) -> str:
    """`coverage` where not every conversation is drawn, else ""."""
    told, capture = len(analysis.told), analysis.capture
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
        pace = f" ({rate(capture.octets * 8e9 / span)} on average)" if span >= 1_000_000_000 else ""
        pieces.append(size(capture.octets) + pace)
    return ", ".join(pieces)


def doubts(capture: CaptureSummary) -> list[str]:
    """What lowers the claims that can be made, a sentence each."""
    found = list(capture.damage)
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


def finding_rows(findings: list[Finding], level: str, width: int) -> list[Row]:
    """Each finding with its frames, and beyond `brief` what it rests on and what to do next; worst first."""
    rows = [Row().to(MARGIN).add(FINDINGS, SECTION)]
    order = {severity: place for place, severity in enumerate(reversed(SEVERITIES))}
    for finding in sorted(findings, key=lambda finding: order.get(finding.severity, len(order))):
        rows.append(Row().to(MARGIN).add(finding.severity, SEVERITY.get(finding.severity)))
        paragraph(rows, finding.sentence, SEVERITY_COLUMN, width, LABEL)
        place = f"conversation {finding.conversation}" if finding.conversation else ""
        pieces = [piece for piece in (frame_runs(finding.frames), place, finding.code) if piece]
        _behind(rows, "  " + " · ".join(pieces), width, FRAME)
        if level == BRIEF:
            continue
        if finding.confidence != "certain":
            _point(rows, finding.confidence, finding.basis, width)
        elif level == TEACH:
            _point(rows, "because", finding.basis, width)
        _point(rows, "next", finding.next_step, width)
        if level == TEACH:
            _point(rows, "wrong if", finding.refute, width)
        _point(rows, "filter", finding.display_filter, width)
    return rows


def _point(rows: list[Row], label: str, text: str, width: int) -> None:
    if text:
        rows.append(Row().to(SEVERITY_COLUMN).add(f"{label}: ", DIM))
        paragraph(rows, text, SEVERITY_COLUMN + 2, width)


def _behind(rows: list[Row], text: str, width: int, style: Style) -> None:
    """Put `text` at the right end of the last row, or on a row of its own where it does not fit."""
    text = fit(text, width - SEVERITY_COLUMN)
    if rows[-1].used + cells(text) > width:
        rows.append(Row())
    rows[-1].right(text, width, style)


def word_rows(words: list[tuple[str, str, str]], width: int) -> list[Row]:
    """Terms that the text above used, each with its meaning and the standard."""
    rows = [Row().to(MARGIN).add(WORDS, SECTION)]
    if rows[0].used + len(HINT) + 3 <= width:
        rows[0].right(HINT, width, DIM)
    for term, text, spec in words:
        rows.append(Row().to(INDENT).add(term, TERM).add("  "))
        paragraph(rows, text, INDENT + 2, width)
        if spec:
            _behind(rows, "  " + spec, width, DIM)
    return rows


def closing_rows(analysis: Analysis, level: str, width: int) -> list[Row]:
    """What was left out, what was not decoded, comments of the file, neighbours."""
    capture = analysis.capture
    rows: list[Row] = []
    if capture.undecoded:
        kinds = sorted(capture.undecoded.items(), key=lambda item: (-item[1], item[0]))
        text = ", ".join(f"{name} ({grouped(count)})" for name, count in kinds)
        _entry(rows, "Not decoded: ", text, width)
    for frame, remark in capture.remarks:
        _entry(rows, f"Comment on #{frame}: " if frame else "Comment: ", remark, width)
    if level != BRIEF:
        for neighbour in capture.neighbours:
            _entry(rows, "", neighbour, width)
    if rows:
        rows.insert(0, Row().to(MARGIN).add(ABOUT, SECTION))
    left_out = [text for text in analysis.left_out if text != capture.unread]     # which stands at the top
    if left_out:
        if rows:
            rows.append(Row())
        for text in left_out:
            rows.append(Row().to(MARGIN).add("… ", DIM))
            paragraph(rows, text, INDENT, width, DIM)
    return rows


def _entry(rows: list[Row], label: str, text: str, width: int) -> None:
    rows.append(Row().to(INDENT).add(label, DIM))
    paragraph(rows, text, INDENT + 2 if label else INDENT, width)
