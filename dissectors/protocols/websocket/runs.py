"""Messages that are counted together instead of being told one by one."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Evidence
from dissectors.protocols.websocket.codes import TEXT
from dissectors.protocols.websocket.events import MessageRun
from dissectors.wire.preview import hex_preview, shortened, text_of

FIRST_RUN: Final = 1_000      # messages in the first run; each further one takes twice as many
MAX_CITED: Final = 8          # frames cited for a run: the first ones, and the last
MAX_PREVIEWS: Final = 3       # messages of a run whose beginning is shown
PREVIEW_OCTETS: Final = 160   # of each


class Run:
    """Both directions together: who answers whom is in their order, which a count cannot keep anyway."""

    def __init__(self) -> None:
        self.limit: i64 = FIRST_RUN
        self.forward: i64 = 0
        self.backward: i64 = 0
        self.octets_forward: i64 = 0
        self.octets_backward: i64 = 0
        self.texts: i64 = 0
        self.largest: i64 = 0
        self.pings: i64 = 0
        self.begin: int = -1
        self.end: int = 0
        self.frames: list[int] = []
        self.last: int = 0
        self.previews: list[str] = []

    def message(self, direction: int, octets: i64, text: bool, began: int, time: int, frame: int) -> bool:
        """One more; whether the run is long enough to be told."""
        if direction == FORWARD:
            self.forward += 1
            self.octets_forward += octets
        else:
            self.backward += 1
            self.octets_backward += octets
        if text:
            self.texts += 1
        self.largest = max(self.largest, octets)
        self._at(began, time, frame)
        return self.forward + self.backward >= self.limit

    def ping(self, time: int, frame: int) -> None:
        self.pings += 1
        self._at(time, time, frame)

    def preview(self, opcode: i64, octets: bytes, size: int) -> None:
        if opcode == TEXT:
            text = shortened(text_of(octets, len(octets) >= size))
        else:
            text = hex_preview(octets, size)
        if text:
            self.previews.append(text)

    def _at(self, began: int, time: int, frame: int) -> None:
        if self.begin < 0:
            self.begin = began
        self.end = max(self.end, time)
        if len(self.frames) < MAX_CITED:
            self.frames.append(frame)
        self.last = frame

    def take(self, client: int) -> MessageRun | None:
        """The run as an event, and a new one begins; None of nothing."""
        if self.begin < 0:
            return None
        direction = NEITHER
        if not (self.forward and self.backward) and self.forward + self.backward:
            direction = FORWARD if self.forward else BACKWARD
        event = MessageRun(
            self.begin, direction, Evidence(tuple(sorted({*self.frames, self.last}))),
            (int(self.forward), int(self.backward)), (int(self.octets_forward), int(self.octets_backward)),
            int(self.texts), int(self.largest), int(self.pings), self.end, tuple(self.previews), client,
        )
        if self.forward + self.backward >= self.limit:
            self.limit *= 2
        self.forward = self.backward = self.octets_forward = self.octets_backward = 0
        self.texts = self.largest = self.pings = 0
        self.begin = -1
        self.end = 0
        self.frames = []
        self.previews = []
        return event
