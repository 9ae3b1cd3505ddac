"""One line for everything that matters, for a log or a terminal that cannot show a screen."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from analyzer.live.audience import Status
from analyzer.live.output import LineOutput, Reader
from analyzer.model import Conversation, Finding
from analyzer.report.escape import terminal_text
from analyzer.report.selection import ALARMING
from analyzer.report.words import ARROWS, BOTH_WAYS, BRIEF, TEACH, frame_list, frame_runs
from dissectors.kit.event import CORE, Event
from dissectors.kit.units import duration, grouped, plural
from dissectors.wire.secrets.gate import Said

MAX_LINE: Final = 2_000      # characters of one line


def clock(time_ns: int) -> str:
    """`12:00:01.123456`, UTC; seconds since 1970 for a time beyond the calendar."""
    try:
        moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{time_ns // 1_000_000_000}.{time_ns // 1000 % 1_000_000:06d}"
    return f"{moment:%H:%M:%S}.{time_ns // 1000 % 1_000_000:06d}"


def stamp(time_ns: int) -> str:
    """`2026-11-21 12:00:01.123456`: a log may go on for days. Dashes where no frame has told the time yet."""
    if time_ns < 0:
        return "---------- --:--:--.------"
    try:
        return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d} {clock(time_ns)}"
    except (OverflowError, OSError, ValueError):
        return clock(time_ns)


def matters(event: Event, level: str) -> bool:
    """Whether a line is spent on this event: at `brief` only what is broken, at `teach` everything."""
    if level == TEACH:
        return True
    return isinstance(event, ALARMING) or (level != BRIEF and event.importance == CORE)


def ends_of(conversation: Conversation) -> str:
    """`tcp 10.0.0.1:51034 ⇄ shop.test:443`: who with whom, by name where the capture knows one."""
    responder = conversation.responder
    second = f"{responder.name}:{responder.port}" if responder.name else str(responder)
    return f"{conversation.transport} {conversation.originator} {BOTH_WAYS} {second}"


def event_line(conversation: Conversation, event: Event) -> str:
    label, text = Said(event).label(), in_short(event)
    return (
        f"{stamp(event.time)} {frame_list(event.evidence.frames)} [{event.conversation}] {ends_of(conversation)} "
        f"{ARROWS.get(event.direction, '·')} {f'{label}: {text}' if label else text}"
    )


def in_short(event: Event) -> str:
    """Beside the label of an event: its values; above TCP what they mean comes first, for names matter more there."""
    said = Said(event)
    detail, what = said.detail(), said.what()
    if event.name.startswith("tcp."):
        return detail or what
    first = what.partition(". ")[0].rstrip(".")
    return f"{first} ({detail})" if detail else first


def finding_line(finding: Finding, time_ns: int) -> str:
    where = f"[{finding.conversation}] " if finding.conversation else ""
    doubt = "" if finding.confidence == "certain" else f" ({finding.confidence})"
    frames = f"{frame_runs(finding.frames)}; " if finding.frames else ""
    return f"{stamp(time_ns)} {finding.severity.upper()} {where}{finding.sentence}{doubt} ({frames}{finding.code})"


def losses_in_words(status: Status) -> list[str]:
    """What is missing from what is told, a few words each; empty where nothing is."""
    found = []
    if status.kernel > 0:
        found.append(f"{plural(status.kernel, 'frame')} dropped by the system because we were late")
    if status.interface > 0:
        found.append(f"{plural(status.interface, 'frame')} dropped by the interface")
    if status.untold:
        found.append(f"{plural(status.untold, 'conversation')} counted and not told because too much came at once")
    if status.untold_frames:
        found.append(f"{plural(status.untold_frames, 'frame')} of told conversations only counted")
    if status.left:
        found.append(f"{plural(status.left, 'conversation')} left the budget, {grouped(status.left_events)} events")
    elif status.left_events:
        found.append(f"{plural(status.left_events, 'event')} of long conversations are no longer kept")
    if status.unwritten:
        found.append(f"{plural(status.unwritten, 'frame')} not written")
    if status.lines_lost:
        found.append(f"{plural(status.lines_lost, 'line')} lost because their reader was too slow")
    return found


class LogLines(Reader):
    """Everything that matters at this level, a line each, at once."""

    def __init__(self, output: LineOutput, level: str) -> None:
        super().__init__(output, level)
        self.said: tuple[int, ...] = ()

    def event(self, conversation: Conversation, event: Event) -> None:
        if matters(event, self.level):
            self._line(event_line(conversation, event))

    def finding(self, finding: Finding, time_ns: int) -> None:
        if finding.severity != "chat" or self.level == TEACH:
            self._line(finding_line(finding, time_ns))

    def owner(self, conversation: Conversation, words: str) -> None:
        if self.level != BRIEF:
            self._line(
                f"{stamp(conversation.start_ns)} #{conversation.first_frame} [{conversation.number}] "
                f"{ends_of(conversation)} · belongs to {words}"
            )

    def notice(self, time_ns: int, text: str) -> None:
        self._line(f"{stamp(time_ns)} CAPTURE {text}")

    def status(self, status: Status) -> None:
        words = losses_in_words(status)
        if status.shortened:
            words.append(status.shortened)
        text = "; ".join(words) or "keeping up again"
        self._line(f"{stamp(status.time_ns)} CAPTURE {text} ({plural(status.frames, 'frame')}, "
                   f"{duration(max(status.lag_ns, 0))} behind)")

    def _line(self, text: str) -> None:
        text = terminal_text(text)
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE - 1] + "…"
        self.output.line(text.encode() + b"\n")
