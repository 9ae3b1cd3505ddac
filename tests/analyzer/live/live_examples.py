"""Records as a live capture hands them out, with texts that a hostile peer might send."""
from __future__ import annotations

from analyzer.live.audience import Detail, Line, LogLine, Status, Totals, View
from analyzer.model import Conversation, Endpoint, Finding
from dissectors.kit.event import CORE, FORWARD, Event, Evidence, JsonValue

START = 1_700_000_000_000_000_000
HOSTILE = "a\x1b[2J\x1b]0;owned\x07\r\n[bold]b[/bold]\u202etxt"
QUIET = Status(START, 100, 5_000, 0, 0, 3_000_000, 0.0, "", 0, 0, 0, 0, 0, 0, "")
LOSSES = QUIET._replace(
    kernel=12, interface=3, lag_ns=900_000_000, backlog=0.6, shortened="new conversations are only counted", untold=7,
    untold_frames=40, left=5, left_events=900, lines_lost=2, unwritten=1,
)
TOTALS = Totals("eth0", "tcp port 443", 1234.0, 8.1e6, 42, 7, 40, 40, 1, 2, 3, 61_000_000_000)


class Said(Event):
    """An event that says what it is told to."""

    name = "said"
    phase = "handshake"
    importance = CORE

    def __init__(self, frame: int, label: str, text: str, detail: str = "", time: int = START) -> None:
        super().__init__(time, FORWARD, Evidence((frame,)))
        self._label, self._text, self._detail = label, text, detail

    def label(self) -> str:
        return self._label

    def what(self) -> str:
        return self._text

    def detail(self) -> str:
        return self._detail

    def fields(self) -> dict[str, JsonValue]:
        return {"text": self._text}


def conversation(number: int = 1, name: str = "shop.test") -> Conversation:
    found = Conversation(number, "tcp", Endpoint("10.0.0.1", 50_000 + number), Endpoint("10.0.0.2", 443, name))
    found.first_frame = number
    found.start_ns = found.end_ns = START
    return found


def finding(sentence: str = "The connection was refused.", severity: str = "error") -> Finding:
    return Finding("tcp.refused", severity, "likely", sentence, 1, (3, 4, 9), "tcp", "", "", "")


def line(number: int, **changed: object) -> Line:
    found = Line(
        number, "tcp", "tls", f"10.0.0.1:{50_000 + number}", "10.0.0.2:443", "shop.test", "", "TLS handshake", True,
        2_000.0, 90_000.0, 24_300_000, 5_000, 60_000, 80, 1, 1, "warn", START, START + number * 1_000_000_000,
    )
    return found._replace(**changed)  # type: ignore[arg-type]


def told(number: int, text: str = "seq 1, window 64240") -> LogLine:
    return LogLine(START + number * 1_000_000, number, f"#{number}", FORWARD, "tcp a ⇄ b", "SYN", text, CORE, "")


def detail(number: int, text: str = "The client asks to open a connection.") -> Detail:
    return Detail(
        number, "tcp 10.0.0.1:50001 ⇄ 10.0.0.2:443", ["12 frames →, 9 ←", "shop.test"], [("warn", "Something is odd.")],
        [("Three-way handshake", ["one round trip"]), ("TLS 1.3 handshake", [])],
        [(0, "#1", "+0.000", 0, "SYN", "seq 1", text, "RFC 9293"), (1, "#4", "+24.0 ms", 1, "hello", "", text, "")], 3,
    )


def view(count: int = 30, selected: int = 0) -> View:
    return View(QUIET, TOTALS, [line(number) for number in range(count, 0, -1)], [told(1)],
                detail(selected) if selected else None)
