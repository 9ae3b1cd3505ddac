"""Who is told what happens while a capture grows, and the records that they are told with.

The records are tuples, so that they pass to a screen in another process as they are. Texts are as the capture has
them: whoever shows one escapes it.
"""
from __future__ import annotations

from typing import NamedTuple

from analyzer.model import Conversation, Finding
from dissectors.kit.event import Event


class Status(NamedTuple):
    """How the capture itself fares; what would lower the worth of everything else. -1: nobody counts it.

    kernel: frames that the system dropped because we were late.     interface: those that the device dropped.
    lag_ns: how old the latest frame was when it was analysed.       backlog: share of the buffer that is full.
    shortened: what is left out at present, in words, "" for nothing.
    untold, untold_frames: conversations, and frames of told ones, that were counted only.
    left, left_events: conversations that left the budget, and events that are no longer kept.
    lines_lost: lines that the reader was too slow for.
    unwritten: frames that did not get into the file.     writing: where they go, or why they no longer do.
    """

    time_ns: int
    frames: int
    octets: int
    kernel: int
    interface: int
    lag_ns: int
    backlog: float
    shortened: str
    untold: int
    untold_frames: int
    left: int
    left_events: int
    lines_lost: int
    unwritten: int
    writing: str

    def losses(self) -> tuple[int, ...]:
        """What has to be told when it changes."""
        return (
            max(self.kernel, 0), max(self.interface, 0), self.untold, self.left, self.unwritten, self.lines_lost,
            len(self.shortened),
        )


class Totals(NamedTuple):
    """The capture as a whole, for a heading. Rates are of the last moments."""

    title: str
    filter: str
    frames_per_second: float
    bits_per_second: float
    conversations: int      # all that were seen
    open: int
    kept: int               # that are told, those that ended included
    shown: int              # that the filter of the screen lets through
    errors: int
    warnings: int
    notes: int
    elapsed_ns: int


class Line(NamedTuple):
    """A conversation in the table of a screen, as it is now. Rates in bits per second; pairs as → and ←."""

    number: int
    transport: str
    protocol: str
    originator: str
    responder: str
    name: str
    owner: str
    phase: str
    is_open: bool
    rate_out: float
    rate_in: float
    rtt_ns: int             # -1 where none was measured
    octets_out: int
    octets_in: int
    frames: int
    resent: int
    findings: int
    worst: str
    started_ns: int
    last_ns: int


class LogLine(NamedTuple):
    """One line of the running log. conversation: 0 for what concerns the capture."""

    time_ns: int
    conversation: int
    frames: str
    direction: int
    ends: str
    label: str
    text: str
    importance: str
    severity: str


class Detail(NamedTuple):
    """The timeline of one conversation. rows: (kind, style, text columns ...), see `analyzer.pipeline.live_view`."""

    number: int
    title: str
    facts: list[str]
    findings: list[tuple[str, str]]
    phases: list[tuple[str, list[str]]]
    events: list[tuple[int, str, str, int, str, str, str, str]]   # phase, frames, since, direction, label, ...
    hidden: int


class View(NamedTuple):
    """Everything that a screen shows at one moment."""

    status: Status
    totals: Totals
    lines: list[Line]
    told: list[LogLine]
    detail: Detail | None


class Wishes:
    """What the person at a screen wants to see; and, with `over`, that the capture ends."""

    def __init__(self) -> None:
        self.sort = "last"
        self.reverse = False
        self.filter = ""
        self.selected = 0
        self.over = False


class Audience:
    """Is told what happens. Nothing here may wait for a reader: what cannot be passed on is dropped and counted."""

    def __init__(self) -> None:
        self.wishes = Wishes()
        self.lost = 0            # lines that the reader was too slow for

    def event(self, conversation: Conversation, event: Event) -> None:
        """Something was seen in a conversation."""

    def finding(self, finding: Finding, time_ns: int) -> None:
        """It means something."""

    def over(self, conversation: Conversation) -> None:
        """A conversation ended, or is forgotten."""

    def owner(self, conversation: Conversation, words: str) -> None:
        """The local process of a conversation is known now."""

    def notice(self, time_ns: int, text: str) -> None:
        """Something happened to the capture itself."""

    def status(self, status: Status) -> None:
        """The counters of losses changed."""

    def ready(self) -> bool:
        """Whether a view is wanted now."""
        return False

    def view(self, view: View) -> None:
        """What a screen shows from now on."""

    def attend(self) -> None:
        """Take what the reader says: called some times a second."""

    def close(self) -> None:
        """Nothing more will come; what was said is delivered as far as the reader takes it."""
