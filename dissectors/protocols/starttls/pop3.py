"""POP3 and its change to TLS (RFC 1939, RFC 2595)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cited import Cited
from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.lines import MAX_LINE_FRAMES, LineObserver, begins, first_word, login_like
from dissectors.protocols.starttls.observer import shown

STARTS: Final = (b"CAPA\r\n", b"STLS\r\n", b"APOP ", b"+OK ", b"+OK\r\n", b"USER ")


class Pop3Observer(LineObserver):
    """From the greeting to STLS, or to a password without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "POP3")
        self.greeted = False
        self.first = ""                        # line of an answer of several lines that is under way
        self.count = 0
        self.answer = Cited(MAX_LINE_FRAMES)

    def is_server(self, data: bytes) -> bool:
        return data[:1] in (b"+", b"-")

    def lost(self, direction: int) -> None:
        super().lost(direction)
        self.first = ""

    def said(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        word = first_word(line)
        self.greeted = True
        if word in ("PASS", "APOP"):
            self.expose("credentials", self.speak(word, line, 1, frames, chunk, end))
        elif word == "AUTH" and len(line.split()) > 1:
            self.expose("credentials", self.speak(word, line, 2, frames, chunk, end))
        elif word == "USER":
            self.speak(word, line, 1, frames, chunk, end)
        elif login_like(word) and word != "AUTH":
            self.expose("credentials", self.speak(word, line, 1, frames, chunk, end))
        else:
            command = self.speak(word, line, -1, frames, chunk, end)
            if word == "STLS" and not self.inside:
                self.ask(command)

    def heard(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        if self.first:
            self._further(line, frames)
        elif not self.greeted and not self.pending:
            self.greeted = True
            self.greet(self.now, frames, shown(line))
        elif line[:3] == b"+OK" and self.pending and self.pending[0].word in ("CAPA", "AUTH"):
            self.first, self.count = shown(line), 1
            self.answer.clear()
            self.answer.add_all(frames)
        elif line[:1] in (b"+", b"-"):
            self._replied(line, frames, chunk, end)

    def denies(self, line: bytes) -> str:
        """Of the answer to a login (RFC 1939 §7). What follows a good one may be mail, which may look like this."""
        if not self.asking or line[:1] not in (b"+", b"-") or line[:2] == b"+ ":
            return ""
        self.asking = line[:1] == b"-"
        return "-ERR" if self.asking else ""

    def _further(self, line: bytes, frames: tuple[int, ...]) -> None:
        """A line of a list, which a single point ends (RFC 1939 §3)."""
        self.answer.add_all(frames)
        if line == b".":
            first, self.first = self.first, ""
            self.answered(first, self.count, self.answer.frames(), self.now)
            return
        self.count += 1
        if first_word(line) == "STLS":
            self.offer(self.now, frames)

    def _replied(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        command = self.answered(shown(line), 1, frames, self.now)
        if command is None or command is not self.request:
            return
        if line[:3] == b"+OK":
            self.agree(shown(line), frames, chunk, end)
        else:
            self.refuse(shown(line), frames, self.now)


def probe(data: bytes, direction: int) -> int:
    """A greeting with words, which an answer of Redis does not have, or a command that only POP3 has."""
    start = data[:64].upper()
    if start[:6] in (b"CAPA\r\n", b"STLS\r\n") or start[:5] == b"APOP ":
        return YES
    if start[:4] == b"+OK ":
        return YES
    if start[:5] in (b"+OK\r\n", b"USER "):
        return MORE
    return MORE if begins(start, STARTS) else NO


def create(context: Context) -> Dissector:
    return Pop3Observer(context)


POP3: Final = Protocol(
    name="pop3",
    title="POP3",
    summary="Fetching mail, as far as STLS.",
    specs=("RFC 1939", "RFC 2595", "RFC 2449"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (110,)},
    events=EVENTS,
    probe=probe,
)
