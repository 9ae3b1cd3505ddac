"""Messages that are counted together instead of being told one by one."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.runs import LikeRun
from dissectors.protocols.websocket.codes import TEXT
from dissectors.wire.preview import hex_preview, shortened, text_of

MAX_PREVIEWS: Final = 3       # messages of a run whose beginning is shown
PREVIEW_OCTETS: Final = 160   # of each


class WsRun(LikeRun):
    """texts: messages of text.   previews: of the first few."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: i64 = 0
        self.pings: i64 = 0
        self.previews: list[str] = []

    def ping(self, time: int, frame: int) -> None:
        self.pings += 1
        self.note(time, time, frame)

    def preview(self, opcode: i64, octets: bytes, size: int) -> None:
        if opcode == TEXT:
            text = shortened(text_of(octets, len(octets) >= size))
        else:
            text = hex_preview(octets, size)
        if text:
            self.previews.append(text)

    def restart(self) -> None:
        super().restart()
        self.texts = self.pings = 0
        self.previews = []
