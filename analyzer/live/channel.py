"""The screen runs in a process of its own, at the other end of a socket.

Neither a slow terminal nor the drawing itself takes time from the capture: a view is only made when the last one
has been taken, and nothing here ever waits. Records go as lines of JSON, wishes come back the same way.
"""
from __future__ import annotations

import json
import os
import socket
import termios
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

from analyzer.live.audience import Audience, LogLine, Status, View
from analyzer.live.lines import LogLines, ends_of, in_short, matters
from analyzer.live.output import LineOutput
from analyzer.model import Conversation, Finding
from analyzer.programs import Companion
from analyzer.report.words import frame_list, frame_runs
from dissectors.kit.event import CORE, NEITHER, Event, JsonValue
from dissectors.wire.secrets.gate import Said

MAX_PENDING: Final = 500        # lines of the log that wait for the screen; those that were told first make room
MAX_WISH: Final = 1 << 16       # bytes of one line from the screen
PATIENCE: Final = 3.0           # seconds that the screen has to leave the terminal in order
STANDARD_ERROR: Final = 2
# What xterm is told when a screen leaves it: its own screen, cursor, wrapping; no reports of mouse, focus or pastes.
LEAVE: Final = (
    b"\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[0m"
)
KINDS: Final = {"sort": str, "filter": str, "reverse": bool, "selected": int, "over": bool}   # of `Wishes`


class ScreenAudience(Audience):
    """Starts the screen and feeds it; where the screen dies, lines go on in its place.

    level: what the log shows.     color: "never" for a screen without colours.
    """

    def __init__(self, level: str, color: str = "auto", command: list[str] | None = None) -> None:
        super().__init__()
        self.level = level
        self.instead: LogLines | None = None
        self.pending: deque[LogLine] = deque()
        self.status_now: Status | None = None
        self._out = b""
        self._in = b""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._socket = ours
        self._terminal: list[Any] | None = None
        with suppress(OSError, termios.error):
            self._terminal = termios.tcgetattr(0)
        keyboard = None if os.isatty(0) else os.open("/dev/tty", os.O_RDWR)
        self._screen = Companion(
            "analyzer.live.screen", [str(theirs.fileno())], (theirs.fileno(),), keyboard,
            {"NO_COLOR": "1"} if color == "never" else {}, command,
        )
        theirs.close()
        if keyboard is not None:
            os.close(keyboard)

    # -- what happens ------------------------------------------------------------------------------------

    def event(self, conversation: Conversation, event: Event) -> None:
        if self.instead is not None:
            self.instead.event(conversation, event)
        elif matters(event, self.level):
            if len(self.pending) >= MAX_PENDING:
                self.pending.popleft()
                self.lost += 1
            self.pending.append(LogLine(
                event.time, event.conversation, frame_list(event.evidence.frames), event.direction,
                ends_of(conversation), Said(event).label(), in_short(event), event.importance, "",
            ))

    def finding(self, finding: Finding, time_ns: int) -> None:
        if self.instead is not None:
            self.instead.finding(finding, time_ns)
        elif finding.severity != "chat":
            self._say(LogLine(
                time_ns, finding.conversation, frame_runs(finding.frames, 2), NEITHER, "", finding.code,
                finding.sentence, CORE, finding.severity,
            ))

    def owner(self, conversation: Conversation, words: str) -> None:
        if self.instead is not None:
            self.instead.owner(conversation, words)

    def notice(self, time_ns: int, text: str) -> None:
        if self.instead is not None:
            self.instead.notice(time_ns, text)
        else:
            self._say(LogLine(time_ns, 0, "", NEITHER, "", "capture", text, CORE, "note"))

    def status(self, status: Status) -> None:
        if self.instead is not None:
            self.instead.status(status)

    def ready(self) -> bool:
        return self.instead is None and not self._out

    def view(self, view: View) -> None:
        if self.instead is None and not self._out:
            self._queue({
                "status": view.status, "totals": view.totals, "lines": view.lines, "told": self._taken(),
                "detail": view.detail,
            })

    def attend(self) -> None:
        """Send what is to be sent, and take wishes."""
        if self.instead is not None:
            self.instead.attend()
            self.lost = max(self.lost, self.instead.lost)
            self.wishes.over = self.wishes.over or self.instead.wishes.over
            return
        if not self._out and self.pending:
            self._queue({"told": self._taken()})
        self._send()
        self._receive()

    def close(self) -> None:
        """The screen leaves the terminal as it found it."""
        if self.instead is not None:
            self.instead.close()
            return
        self._socket.close()
        self._bury()

    def _bury(self) -> None:
        """Wait for the screen's end; where it did not come in order, give the terminal back in its place."""
        code = self._screen.ended(PATIENCE)
        if code is None:
            code = self._screen.kill()
        if code and self._terminal is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._terminal)
                os.set_blocking(STANDARD_ERROR, False)
                os.write(STANDARD_ERROR, LEAVE)
            with suppress(OSError):
                os.set_blocking(STANDARD_ERROR, True)

    # -- the socket --------------------------------------------------------------------------------------

    def _say(self, told: LogLine) -> None:
        if len(self.pending) >= MAX_PENDING:
            self.pending.popleft()
            self.lost += 1
        self.pending.append(told)

    def _taken(self) -> list[LogLine]:
        taken = list(self.pending)
        self.pending.clear()
        return taken

    def _queue(self, message: dict[str, object]) -> None:
        self._out += json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        self._send()

    def _send(self) -> None:
        try:
            while self._out:
                self._out = self._out[self._socket.send(self._out):]
        except BlockingIOError:
            return
        except OSError:
            self._gone()

    def _receive(self) -> None:
        gone = True
        try:
            while data := self._socket.recv(MAX_WISH):
                self._in = (self._in + data)[-MAX_WISH:]
        except BlockingIOError:
            gone = False
        except OSError:
            pass
        *lines, self._in = self._in.split(b"\n")
        for line in lines:
            self._wish(json.loads(line))
        if gone:
            self._gone()

    def _wish(self, wish: dict[str, JsonValue]) -> None:
        for name, value in wish.items():
            if type(value) is KINDS.get(name):
                setattr(self.wishes, name, value)

    def _gone(self) -> None:
        """The screen has ended: because it was asked to, or it failed; then the capture goes on without it."""
        self._out = b""
        if self.instead is not None or self.wishes.over:
            return
        self._bury()
        self.instead = LogLines(LineOutput(STANDARD_ERROR), self.level)
        self.instead.notice(time.time_ns(), "the screen has ended; the capture goes on, and Ctrl-C ends it")
