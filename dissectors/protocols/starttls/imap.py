"""IMAP and its change to TLS (RFC 9051, RFC 3501)."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.dialogue import Pending
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.lines import LineObserver, begins, first_word, login_like
from dissectors.protocols.starttls.observer import shown

# A tag and a command that comes before a mailbox is selected (RFC 9051 §6.1 to §6.3).
COMMAND: Final = re.compile(
    rb"[A-Za-z0-9.$#_-]{1,32} +(CAPABILITY|STARTTLS|LOGIN|AUTHENTICATE|NOOP|LOGOUT|ID|ENABLE|SELECT|LIST)( |\r\n)", re.I
)
# What a tag that looks like a login may stand before.
COMMANDS: Final = (b"CAPABILITY", b"STARTTLS", b"LOGIN", b"AUTHENTICATE", b"NOOP", b"LOGOUT", b"ID")
GREETINGS: Final = (b"* OK ", b"* BYE", b"* PREAUTH ")
MAX_TAG: Final = 48           # octets of a tag and a command, as far as the probe looks


class ImapObserver(LineObserver):
    """From the greeting to STARTTLS, or to a login without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "IMAP")
        self.greeted = False

    def is_server(self, data: bytes) -> bool:
        return data[:1] in (b"*", b"+")

    def said(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        words = line.split(None, 2)
        self.greeted = True
        if len(words) < 2:
            return
        untagged = login_like(first_word(line)) and words[1].upper() not in COMMANDS
        tag, word = words[0].decode("latin-1"), words[1].decode("latin-1").upper()
        if untagged:
            self.expose("credentials", self.speak(tag, line, 1, frames, chunk, end))
        elif word == "AUTHENTICATE":
            self.expose("credentials", self.speak(tag, line, 3, frames, chunk, end))
        elif login_like(word):
            self.expose("credentials", self.speak(tag, line, 2, frames, chunk, end))
        else:
            command = self.speak(tag, line, -1, frames, chunk, end)
            if word == "STARTTLS" and not self.inside:
                self.ask(command)

    def heard(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """An untagged line tells something, a tagged one ends a command (RFC 9051 §2.2.2)."""
        upper = line.upper()
        listed = upper.partition(b"CAPABILITY ")[2].partition(b"]")[0].split()
        if b"STARTTLS" in listed:
            self.offer(self.now, frames)
        if line[:2] == b"* ":
            if not self.greeted and not self.pending:
                self.greeted = True
                self.greet(self.now, frames, shown(line))
            return
        tag = line.partition(b" ")[0].decode("latin-1")
        found = [command for command in self.pending if command.word == tag]
        if not found:
            return
        self._ended(found[0], line, frames, chunk, end)

    def denies(self, line: bytes) -> str:
        """Of the answer to a login (RFC 9051 §6.2.3). What follows a good one may be mail, which may look like this."""
        words = line.upper().split(None, 2)
        if not self.asking or len(words) < 2 or words[0] in (b"*", b"+") or words[1] not in (b"OK", b"NO", b"BAD"):
            return ""
        self.asking = words[1] != b"OK"
        return "" if words[1] == b"OK" else words[1].decode("ascii")

    def _ended(self, command: Pending, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """Commands may be answered out of order (RFC 9051 §5.5)."""
        self.pending.remove(command)
        self.pending.insert(0, command)
        self.answered(shown(line), 1, frames, self.now)
        if command is not self.request:
            return
        status = line.upper().split(None, 2)[1:2]
        if status == [b"OK"]:
            self.agree(shown(line), frames, chunk, end)
        else:
            self.refuse(shown(line), frames, self.now)


def probe(data: bytes, direction: int) -> int:
    """A greeting of IMAP, or a tag and a command."""
    start = data[:MAX_TAG]
    if start[:5].upper() in (b"* OK ", b"* BYE") or start[:10].upper() == b"* PREAUTH ":
        return YES
    if COMMAND.match(start):
        return YES
    if start[:2] == b"* ":
        return MORE if begins(start.upper(), GREETINGS) else NO
    short = len(data) < MAX_TAG and b"\n" not in data
    return MORE if short and re.match(rb"(\*|[A-Za-z0-9.$#_-]{1,32}( +[A-Za-z]*\r?)?)$", start) else NO


def create(context: Context) -> Dissector:
    return ImapObserver(context)


IMAP: Final = Protocol(
    name="imap",
    title="IMAP",
    summary="Reading mail on its server, as far as STARTTLS.",
    specs=("RFC 9051", "RFC 3501", "RFC 2595"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (143,)},
    events=EVENTS,
    probe=probe,
)
