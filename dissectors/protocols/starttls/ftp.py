"""The control connection of FTP and its change to TLS (RFC 959, RFC 4217)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.lines import NumericObserver, begins, contains, first_word, login_like

AGREED: Final = 234       # to an AUTH (RFC 4217 §4)
MECHANISMS: Final = (b"TLS", b"TLS-C", b"SSL", b"TLS-P")
GSS: Final = (b"GSSAPI", b"KERBEROS_V4", b"KERBEROS_V5")      # RFC 2228 §12, RFC 4121
ANONYMOUS: Final = (b"ANONYMOUS", b"FTP")      # RFC 1635, and by custom
# Answers that only FTP gives early: password wanted, features, not logged in, logged in, mechanism agreed.
REPLIES: Final = (b"\n331", b"\n211", b"\n530", b"\n230", b"\n234")
STARTS: Final = (b"AUTH TLS", b"AUTH SSL", b"FEAT\r\n", b"220 ", b"220-", b"USER ")


class FtpObserver(NumericObserver):
    """From the greeting to AUTH TLS, or to a password without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "FTP")
        self.anonymous = False

    def said(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        word = first_word(line)
        argument = line.partition(b" ")[2].strip().upper()
        if word in ("PASS", "ACCT"):
            exposed = "commands and data" if self.anonymous else "credentials"
            self.expose(exposed, self.speak(word, line, 1, frames, chunk, end))
        elif word == "USER":
            self.anonymous = argument in ANONYMOUS
            self.speak(word, line, -1 if self.anonymous else 1, frames, chunk, end)
        elif word == "SITE" and login_like(first_word(line[4:])):      # a password that is changed
            self.expose("credentials", self.speak(word, line, 2, frames, chunk, end))
        elif login_like(word) and not (word == "AUTH" and argument in MECHANISMS + GSS):
            self.expose("credentials", self.speak(word, line, 1, frames, chunk, end))
        else:
            command = self.speak(word, line, -1, frames, chunk, end)
            if word == "AUTH" and argument in MECHANISMS and not self.inside:
                self.ask(command)

    def ability(self, text: bytes, chunk: Chunk) -> None:
        words = text.upper().split(None, 1)
        if len(words) == 2 and words[0] == b"AUTH" and self.pending and self.pending[0].word == "FEAT":
            self.offer(self.now, (chunk.released_by,))

    def replied(
        self, code: int, text: str, lines: int, frames: tuple[int, ...], chunk: Chunk, end: int
    ) -> None:
        if 100 <= code < 200:
            return       # preliminary: another answer follows (RFC 959 §4.2)
        command = self.answered(text, lines, frames, self.now)
        if command is None or command is not self.request:
            return
        if code == AGREED:
            self.agree(text, frames, chunk, end)
        elif code >= 400:
            self.refuse(text, frames, self.now)


def probe(data: bytes, direction: int) -> int:
    """A greeting that names FTP or is followed by an answer that only FTP gives, or a request for TLS or features."""
    start = data[:512].upper()
    if start[:8] in (b"AUTH TLS", b"AUTH SSL") or start[:6] == b"FEAT\r\n":
        return YES
    if start[:4] in (b"220 ", b"220-"):
        if b"SMTP" in start or b"\n250" in data:
            return NO
        return YES if b"FTP" in start or contains(data, REPLIES) else MORE
    if start[:5] == b"USER ":
        return MORE      # POP3 has this command too; the server's answer decides
    return MORE if begins(start, STARTS) else NO


def create(context: Context) -> Dissector:
    return FtpObserver(context)


FTP: Final = Protocol(
    name="ftp",
    title="FTP",
    summary="The control connection of file transfers, as far as AUTH TLS.",
    specs=("RFC 959", "RFC 4217", "RFC 2228", "RFC 2389"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (21, 2121)},
    events=EVENTS,
    probe=probe,
)
