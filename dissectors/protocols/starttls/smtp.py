"""SMTP and its change to TLS (RFC 5321, RFC 3207); LMTP is alike (RFC 2033)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.lines import NumericObserver, begins, first_word, login_like, overwritten
from dissectors.protocols.starttls.terms import TERMS

READY: Final = 220        # to a STARTTLS (RFC 3207 §4)
HELLOS: Final = ("EHLO", "HELO", "LHLO")
STARTS: Final = (b"EHLO ", b"HELO ", b"LHLO ", b"220 ", b"220-")


class SmtpObserver(NumericObserver):
    """From the greeting to STARTTLS, or to the first credentials or mail without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "SMTP")

    def said(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        word = first_word(line)
        if overwritten(word):
            self.stripped(self.now, chunk.direction, frames, word)
        if word == "AUTH":
            self.expose("credentials", self.speak(word, line, 2, frames, chunk, end))
        elif login_like(word):
            self.expose("credentials", self.speak(word, line, 1, frames, chunk, end))
        elif word in ("MAIL", "DATA", "BDAT"):
            self.expose("mail", self.speak(word, line, -1, frames, chunk, end))
        else:
            command = self.speak(word, line, -1, frames, chunk, end)
            if word == "STARTTLS" and not self.inside:
                self.ask(command)

    def ability(self, text: bytes, chunk: Chunk) -> None:
        if not self.pending or self.pending[0].word not in HELLOS:
            return
        word = first_word(text)
        if word == "STARTTLS":
            self.offer(self.now, (chunk.released_by,))
        elif overwritten(word):
            self.stripped(self.now, chunk.direction, (chunk.released_by,), word)

    def replied(
        self, code: int, text: str, lines: int, frames: tuple[int, ...], chunk: Chunk, end: int
    ) -> None:
        command = self.answered(text, lines, frames, self.now)
        if command is None or command is not self.request:
            return
        if code == READY:
            self.agree(text, frames, chunk, end)
        elif code >= 400:
            self.refuse(text, frames, self.now)


def probe(data: bytes, direction: int) -> int:
    """A client's hello, or a greeting that names SMTP or is followed by the answer to a hello.

    A greeting alone does not tell SMTP from FTP.
    """
    start = data[:512].upper()
    if start[:5] in (b"EHLO ", b"HELO ", b"LHLO ") or start[:6] in (b"EHLO\r\n", b"HELO\r\n"):
        return YES
    if start[:4] not in (b"220 ", b"220-"):
        return MORE if begins(start, STARTS) else NO
    if b"SMTP" in start or b"LMTP" in start or b"\n250" in data:
        return YES
    return NO if b"FTP" in start or later_reply(data) else MORE


def later_reply(data: bytes) -> bool:
    """Behind a greeting of 220 comes an answer with another number."""
    at = data.find(b"\n")
    while 0 <= at < len(data) - 4:
        if data[at + 1:at + 4].isdigit() and data[at + 1:at + 4] != b"220":
            return True
        at = data.find(b"\n", at + 1)
    return False


def create(context: Context) -> Dissector:
    return SmtpObserver(context)


SMTP: Final = Protocol(
    name="smtp",
    title="SMTP",
    summary="Mail between servers and from clients, as far as STARTTLS.",
    specs=("RFC 5321", "RFC 3207", "RFC 4954", "RFC 2033"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (25, 587, 2525)},
    events=EVENTS,
    terms=TERMS,
    probe=probe,
)
