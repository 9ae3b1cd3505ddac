"""The screen of `wiretale sniff`, in a process of its own: `python -m analyzer.live.screen DESCRIPTOR`.

It draws what comes through the socket, and sends back what the person wants to see. It never sees a packet.
"""
from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import deque
from typing import Any, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from analyzer.live.audience import Detail, Line, LogLine, Status, Totals
from analyzer.live.draw import columns_for, detail_rows, head_rows, log_row, table_head, table_row
from analyzer.report.rows import DIM, LABEL, SECTION, Row, paragraph

MAX_LOG: Final = 2_000              # lines of the log that can be scrolled back
MAX_PAUSED: Final = 2_000           # lines that wait while the screen is paused; older ones are dropped and counted
SIDE_BY_SIDE: Final = 130           # from this width on, log and timeline stand beside each other
ORDERS: Final = ("last", "rate", "octets", "rtt", "findings", "number")
ORDER_WORDS: Final = {
    "last": "latest", "rate": "rate", "octets": "bytes", "rtt": "round trip", "findings": "findings",
    "number": "number",
}
CURSOR: Final = Style(reverse=True)
PLAIN: Final = Style()
HERE: Final = SECTION + Style(reverse=True)      # the title of the pane that the keys move
KEYS: Final = (
    ("↑ ↓ PgUp PgDn", "move in the pane that is marked; Home and End go to its ends"),
    ("Tab", "the next pane: conversations, log, timeline"),
    ("Enter", "the timeline of the conversation under the cursor, while it grows"),
    ("l", "the log instead of the timeline"),
    ("Space, p", "pause: the screen stands still, the capture goes on"),
    ("/", "filter: words that a conversation's line must contain (an address, a name, open, error ...)"),
    ("Esc", "take the filter back; close this page"),
    ("s", "the next order: latest, rate, bytes, round trip, findings, number"),
    ("r", "the other way round"),
    ("q, Ctrl-C", "end the capture: files are completed, reports written, a summary is shown"),
)
MEANINGS: Final = (
    ("PHASE", "what the conversation is doing now, or how it ended"),
    ("→ ←", "bits per second from and to the side that began it"),
    ("TRIP", "the round trip as measured last"),
    ("FIND", "findings so far; E error, W warning, N note"),
    ("system drops", "frames that the system threw away because this program was late"),
    ("lag", "how old the latest frame was when it was analysed"),
    ("skipped", "conversations, frames, events or lines that were counted and not told or kept"),
)


class Link:
    """The other end of the socket: whole messages in, wishes out."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(False)
        self._in = bytearray()

    def messages(self) -> list[dict[str, Any]] | None:
        """What has come; None where the other side has ended."""
        ended = False
        try:
            while data := self.socket.recv(1 << 20):
                self._in += data
            ended = True
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        *lines, rest = bytes(self._in).split(b"\n")
        self._in = bytearray(rest)
        if ended and not lines:
            return None
        return [json.loads(line) for line in lines]

    def wish(self, **wishes: object) -> None:
        """Something that the person wants; the other side may be gone."""
        try:
            self.socket.send(json.dumps(wishes).encode() + b"\n")
        except OSError:
            return


class Rows(Widget, can_focus=True):
    """Rows that scroll, of which only those in sight are drawn. cursor: one of them is marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False), Binding("down", "move(1)", show=False),
        Binding("k", "move(-1)", show=False), Binding("j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False), Binding("pagedown", "page(1)", show=False),
        Binding("home", "end(-1)", show=False), Binding("end", "end(1)", show=False),
    ]

    def __init__(self, name: str, cursor: bool, follow: bool) -> None:
        super().__init__(id=name)
        self.rows: list[Row] = []
        self.cursor = 0 if cursor else -1
        self.top = 0              # the first row in sight
        self.follow = follow      # it stays at its end, until somebody scrolls up
        self.empty = ""

    def show(self, rows: list[Row]) -> None:
        self.rows = rows
        if self.cursor >= 0:
            self.cursor = min(self.cursor, max(len(rows) - 1, 0))
            self._reach()
        self.top = self._lowest() if self.follow else min(self.top, self._lowest())
        self.refresh()

    def _lowest(self) -> int:
        """The first row in sight where the last one is in sight."""
        return max(len(self.rows) - self.size.height, 0)

    def _reach(self) -> None:
        """Scroll as far as the cursor needs."""
        self.top = min(max(self.top, self.cursor - self.size.height + 1), max(self.cursor, 0))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.top
        if index >= len(self.rows):
            text = self.empty if not self.rows and y == 0 else ""
            return Strip([Segment(text[:width], DIM)]).adjust_cell_length(width, PLAIN)
        strip = Strip([Segment(part.text, part.style or PLAIN) for part in self.rows[index].parts])
        strip = strip.adjust_cell_length(width, PLAIN)
        return strip.apply_style(CURSOR) if index == self.cursor and self.has_focus else strip

    def on_resize(self) -> None:
        self.show(self.rows)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def action_move(self, by: int) -> None:
        if self.cursor < 0:
            self.top = min(max(self.top + by, 0), self._lowest())
            self.follow = self.top == self._lowest()
        else:
            self.cursor = min(max(self.cursor + by, 0), max(len(self.rows) - 1, 0))
            self._reach()
            self.post_message(Moved())
        self.refresh()

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.size.height - 1, 1))

    def action_end(self, by: int) -> None:
        self.action_move(by * max(len(self.rows), 1))


class Moved(Message):
    """The cursor of the table is on another row."""


class Still(Widget):
    """Rows that do not scroll: the heading, titles, the line of keys."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.rows: list[Row] = []

    def show(self, rows: list[Row]) -> None:
        self.rows = rows
        self.refresh()

    def render_line(self, y: int) -> Strip:
        parts = self.rows[y].parts if y < len(self.rows) else []
        return Strip([Segment(part.text, part.style or PLAIN) for part in parts]).adjust_cell_length(
            self.size.width, PLAIN
        )


class Help(ModalScreen[None]):
    """The keys and the words of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", show=False),
        Binding("ctrl+c", "app.over", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Rows("help", False, False)

    def on_mount(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        width = max(self.app.size.width - 6, 20)
        rows = [Row().add("KEYS", SECTION)]
        for lead, text in KEYS:
            rows.append(Row().add(lead, LABEL).tab(16))
            paragraph(rows, text, 16, width)
        rows += [Row(), Row().add("WORDS", SECTION)]
        for lead, text in MEANINGS:
            rows.append(Row().add(lead, LABEL).tab(16))
            paragraph(rows, text, 16, width)
        pane = self.query_one("#help", Rows)
        pane.show(rows)
        pane.focus()


class SniffScreen(App[None]):
    """Heading, conversations, log and timeline."""

    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #head { height: 3; } #titles, #lower, #foot { height: 1; }
    #table { height: 1fr; } #panes { height: 1fr; } Rows { background: ansi_default; }
    #log, #timeline { width: 1fr; height: 1fr; } #left, #right { width: 1fr; height: 1fr; }
    #below { height: 1fr; } #lower { color: ansi_default; }
    #words { dock: bottom; height: 1; border: none; padding: 0 1; background: ansi_default; }
    Help { align: center middle; } #help { width: 100%; height: 100%; padding: 1 2; background: ansi_default; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "over", priority=False), Binding("ctrl+c", "over", show=False, priority=True),
        Binding("space,p", "pause"), Binding("slash", "filter"), Binding("s", "order"), Binding("r", "turn"),
        Binding("enter", "choose"), Binding("l", "log"), Binding("question_mark,h", "help"),
        Binding("escape", "unfilter"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__(ansi_color=True)
        self.link = link
        self.status = Status(-1, 0, 0, -1, -1, -1, 0.0, "", 0, 0, 0, 0, 0, 0, "")
        self.totals = Totals("waiting for the first frame", "", 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0)
        self.lines: list[Line] = []
        self.told: deque[LogLine] = deque(maxlen=MAX_LOG)
        self.waiting: deque[LogLine] = deque()
        self.missed = 0
        self.detail: Detail | None = None
        self.order = "last"
        self.turned = False
        self.words = ""
        self.selected = 0
        self.paused = False
        self.ending = False

    def compose(self) -> ComposeResult:
        yield Still("head")
        yield Still("titles")
        yield Rows("table", True, False)
        yield Still("lower")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Rows("log", False, True)
            with Vertical(id="right"):
                yield Rows("timeline", False, True)
        yield Still("foot")

    def on_mount(self) -> None:
        self.query_one("#table", Rows).empty = " no conversation yet"
        self.query_one("#log", Rows).empty = " nothing was told yet"
        self.query_one("#timeline", Rows).empty = " Enter shows the timeline of a conversation"
        self.query_one("#table", Rows).focus()
        asyncio.get_running_loop().add_reader(self.link.socket.fileno(), self.take)
        self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def on_descendant_focus(self) -> None:
        self.draw()

    # -- what comes ----------------------------------------------------------------------------------------

    def take(self) -> None:
        """Messages of the capture."""
        messages = self.link.messages()
        if messages is None:
            asyncio.get_running_loop().remove_reader(self.link.socket.fileno())
            self.exit()
            return
        for message in messages:
            self.waiting.extend([LogLine(*told) for told in message.get("told", ())])
            if "status" in message:
                self.status, self.totals = Status(*message["status"]), Totals(*message["totals"])
            if "lines" in message and not self.paused:
                self.lines = [Line(*line) for line in message["lines"]]
                self.detail = Detail(*message["detail"]) if message["detail"] else None
        while len(self.waiting) > MAX_PAUSED:
            self.waiting.popleft()
            self.missed += 1
        self.draw()

    # -- drawing -------------------------------------------------------------------------------------------

    def draw(self) -> None:
        if self.size.width < 20 or not self.query("#foot"):
            return
        width = self.size.width
        head = head_rows(self.status, self.totals, width, self.paused)
        pane = self.query_one("#head", Still)
        pane.styles.height = len(head)
        pane.show(head)
        columns = columns_for(width)
        self.query_one("#titles", Still).show([table_head(columns, self.order, self.turned)])
        self._draw_table(columns)
        beside = width >= SIDE_BY_SIDE
        chosen = self.selected > 0
        self.query_one("#left").display = beside or not chosen
        self.query_one("#right").display = beside or chosen
        room = width // 2 - 1 if beside else width
        self._draw_log(room)
        self.query_one("#timeline", Rows).show(detail_rows(self.detail, room) if self.detail and chosen else [])
        self._draw_titles(beside, chosen)

    def _draw_table(self, columns: list[Any]) -> None:
        table = self.query_one("#table", Rows)
        if table.cursor > 0:             # at the top it stays there; elsewhere on its conversation, wherever that is
            numbers = [line.number for line in self.lines]
            table.cursor = numbers.index(self._under_cursor) if self._under_cursor in numbers else table.cursor
        table.show([table_row(line, columns) for line in self.lines])
        self._remember()

    _under_cursor = 0

    def _remember(self) -> None:
        cursor = self.query_one("#table", Rows).cursor
        self._under_cursor = self.lines[cursor].number if cursor < len(self.lines) else 0

    def on_moved(self) -> None:
        self._remember()

    def _draw_log(self, width: int) -> None:
        if not self.paused:
            self.told.extend(self.waiting)
            self.waiting.clear()
        self.query_one("#log", Rows).show([log_row(told, width) for told in self.told])

    def _draw_titles(self, beside: bool, chosen: bool) -> None:
        width = self.size.width
        log = " LOG" + (f"  {self.missed} lines were dropped during the pause" if self.missed else "")
        timeline = f" TIMELINE {self.selected}" if chosen else " TIMELINE"
        focused = self.focused.id if self.focused is not None else ""
        marks = {name: HERE if focused == name else SECTION for name in ("log", "timeline")}
        row = Row()
        if beside or not chosen:
            row.add(log, marks["log"])
        else:
            row.add(timeline, marks["timeline"])
        if beside:
            row.to(width // 2).add(timeline, marks["timeline"])
        elif chosen:
            row.add("   l: back to the log", DIM)
        shown = f"{len(self.lines)} of {self.totals.shown}" if self.totals.shown > len(self.lines) else ""
        if self.words or shown:
            row.right(f"{shown} {'/' + self.words if self.words else ''} ", width, DIM)
        self.query_one("#lower", Still).show([row])
        foot = Row().add(" ")
        turned = ", reversed" if self.turned else ""
        for key, text in (("q", "end"), ("p", "go on" if self.paused else "pause"), ("/", "filter"),
                          ("s", f"by {ORDER_WORDS[self.order]}{turned}"), ("Enter", "timeline"), ("Tab", "pane"),
                          ("?", "help")):
            if foot.used + len(key) + len(text) + 4 < width:
                foot.add(key, LABEL).add(f" {text}  ", DIM)
        self.query_one("#foot", Still).show([foot])

    # -- keys ----------------------------------------------------------------------------------------------

    def action_over(self) -> None:
        """End the capture; the other side closes the socket once it has let go."""
        if self.ending:
            self.exit()
            return
        self.ending = True
        self.link.wish(over=True)

    def action_pause(self) -> None:
        self.paused = not self.paused
        self.missed = self.missed if self.paused else 0
        self.draw()

    def action_order(self) -> None:
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.link.wish(sort=self.order)
        self.draw()

    def action_turn(self) -> None:
        self.turned = not self.turned
        self.link.wish(reverse=self.turned)
        self.draw()

    def action_choose(self) -> None:
        self._remember()
        self.selected = self._under_cursor
        self.detail = None
        self.link.wish(selected=self.selected)
        self.draw()

    def action_log(self) -> None:
        self.selected = 0
        self.link.wish(selected=0)
        self.draw()

    def action_help(self) -> None:
        self.push_screen(Help())

    async def action_filter(self) -> None:
        if not self.query("#words"):
            field = Input(self.words, placeholder="words to look for; Enter applies, Esc takes it back", id="words",
                          compact=True)
            await self.mount(field)
            field.focus()

    def action_unfilter(self) -> None:
        self._filter("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._filter(event.value)

    def _filter(self, words: str) -> None:
        self.words = words.strip()
        self.query("#words").remove()
        self.link.wish(filter=self.words)
        self.query_one("#table", Rows).focus()
        self.draw()


def main() -> None:
    SniffScreen(Link(int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
