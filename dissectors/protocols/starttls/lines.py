"""Dialogues in lines of text."""
from __future__ import annotations

import re
from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.cited import Cited
from dissectors.kit.event import Evidence, LimitReached, Observed
from dissectors.kit.inputs import Chunk, Close
from dissectors.kit.protocol import Context, Output
from dissectors.protocols.starttls.dialogue import Pending
from dissectors.protocols.starttls.observer import StarttlsObserver, shown
from dissectors.wire.secrets.named import REDACTED

MAX_LINE: Final = 8_192           # octets; the standards allow far fewer (RFC 5321 §4.5.3.1, RFC 2449 §4)
MAX_HALF: Final = 128             # octets of a line of the server that is only overheard
MAX_LINES: Final = 64             # parts of a line with CR alone between them that are read
MAX_LINE_FRAMES: Final = 7        # first frames that one line is told to lie in; the last one beside them


GREETING: Final = 220             # RFC 5321 §4.3.2, RFC 959 §5.4

LOGINS: Final = ("USER", "PASS", "AUTH", "ACCT")
LOGIN_CODES: Final = ("430", "530", "534", "535", "538")

# Words whose arguments are a login or may be one, also misspelt: AUTHPLAIN, PASSWD, XPSWD.
LOGIN_LIKE: Final = re.compile(r"X?-?(PASS|PASW|PSW|PWD.|AUT?H|LOGIN|LOGON|APOP|ACCT|ADAT|IDENT)")
# What Telnet puts between the lines: its commands, and octets that no command begins with (RFC 854, RFC 959 §4.1.3).
TELNET: Final = re.compile(rb"(?:\xff[\xfb-\xfe].|\xff(?![\xfb-\xfe])|[^!-~\xff])*", re.DOTALL)


def overwritten(word: str) -> bool:
    """As boxes on the way leave the word STARTTLS: as many letters X, the last of them an A in some."""
    return len(word) == len("STARTTLS") and word[:7] == "XXXXXXX" and word[7] in "XA"


def begins(start: bytes, words: tuple[bytes, ...]) -> bool:
    """Some bytes are there, and one of the words may begin so."""
    return bool(start) and any(word.startswith(start) for word in words)


def bare(line: bytes) -> bytes:
    """A line of the client without what Telnet puts in front of it."""
    found = TELNET.match(line)
    return line[found.end():] if found is not None else line


def contains(data: bytes, words: tuple[bytes, ...]) -> bool:
    """One of the words is in the data."""
    return any(word in data for word in words)


def login_like(word: str) -> bool:
    """What stands behind this word, which is in upper case, may be a secret."""
    return LOGIN_LIKE.match(word) is not None


def first_word(line: bytes) -> str:
    """In upper case; "" for none."""
    words = line.split(None, 1)
    return words[0].decode("latin-1").upper() if words else ""


@mypyc_attr(allow_interpreted_subclasses=True)
class LineObserver(StarttlsObserver):
    """Cuts both directions into lines and tells them to `said` and `heard`."""

    def __init__(self, context: Context, protocol: str) -> None:
        super().__init__(context, protocol)
        self.rest: list[bytes] = [b"", b""]
        self.cited = (Cited(MAX_LINE_FRAMES), Cited(MAX_LINE_FRAMES))
        self.skipping: list[bool] = [False, False]      # the rest of a line that is not read
        self.limited: bool = False
        self.position: list[int] = [0, 0]               # behind the last bytes of the transport
        self.secret: bool = False                       # the rest of the client's line belongs to a login
        self.half: bytes = b""                          # line of the server under way while it is only overheard
        self.torn: bool = False                         # ... whose beginning is missing

    def said(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """A line of the client, without its end; its last octet stands at chunk.data[end - 1]."""

    def heard(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """A line of the server, without its end, which stands at chunk.data[end - 1]."""

    def denies(self, line: bytes) -> str:
        """The code of a refusal; "" for any other line of the server."""
        return ""

    def refuses_login(self, code: str) -> bool:
        """Whether a refusal after a login is that of the login."""
        return True

    def overhear(self, chunk: Chunk) -> None:
        """Lines as far as MAX_HALF; the rest of a longer one adds nothing to its code."""
        lines = (self.half + chunk.data).split(b"\n")
        self.half = lines.pop()[:MAX_HALF]
        for line in lines:
            code = "" if self.torn else self.denies(line[:MAX_HALF].rstrip(b"\r"))
            self.torn = False
            if code:
                self.deny(code, self.asking and self.refuses_login(code), (chunk.released_by,), self.now)

    def between(self, direction: int) -> bool:
        return not self.rest[direction]

    def lost(self, direction: int) -> None:
        self._cut(direction)
        if direction != self.dialogue.client:
            self.half, self.torn = b"", True
        self.rest[direction] = b""
        self.cited[direction].clear()
        self.skipping[direction] = True

    def on_close(self, close: Close) -> list[Output]:
        if not self.over and self.dialogue.client >= 0:
            self._cut(self.dialogue.client)
        return super().on_close(close)

    def _cut(self, direction: int) -> None:
        """The line under way does not end. If it is a login's it is secret as far as it goes, and what follows too."""
        line = self.rest[direction]
        if direction != self.dialogue.client or self.secret or not line:
            return
        words = [one.decode("latin-1").upper() for one in bare(line).split(None, 3)[:3]]
        if not any(login_like(word) for word in words):
            return
        self.secret = True
        if not self.context.beneath:
            self.context.marks.place(direction, max(self.position[direction] - len(line), 0), self.position[direction])
        for one in line.split()[1:]:
            self.known(one)
        self.conceal()

    def read(self, chunk: Chunk) -> None:
        side = chunk.direction
        self.position[side] = chunk.position + len(chunk.data)
        if side == self.dialogue.client and self.secret:
            skipped = chunk.data.partition(b"\n")[0]
            self.secret = len(skipped) == len(chunk.data)
            self.context.mark(skipped, chunk, 0)
        before = len(self.rest[side])
        data = self.rest[side] + chunk.data
        cited = self.cited[side]
        cited.add(chunk.released_by)
        at = 0
        while not self.over and not self.quiet:
            end = data.find(b"\n", at)
            if end < 0:
                break
            raw = data[at:end]
            line = raw.rstrip(b"\r")
            at = end + 1
            if self.skipping[side]:
                self.skipping[side] = False
            elif side == self.dialogue.client:
                self._lines(line, cited.frames(), chunk, at - before - 1 - len(raw))
            else:
                self.heard(line, cited.frames(), chunk, at - before)
            cited.restart(chunk.released_by)
        rest = data[at:]
        if self.quiet:
            self.octets[side] += len(rest)
            self.last_frame = chunk.released_by
            rest = b""
        if len(rest) > MAX_LINE:
            self._too_long(chunk)
            self.rest[side] = rest
            self._cut(side)
            rest = b""
            self.skipping[side] = True
        self.rest[side] = rest
        if not rest:
            cited.clear()

    def _lines(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, at: int) -> None:
        """What the client ends with LF, at chunk.data[at]. A CR alone ends a line too, for some servers."""
        self.behind(frames, self.now, len(line))
        for index, one in enumerate(line.split(b"\r", MAX_LINES)):
            if self.quiet:
                break
            end = at + len(one)
            if index == 0 or one:
                self.said(bare(one), frames, chunk, end)
            at = end + 1

    def _too_long(self, chunk: Chunk) -> None:
        if not self.limited:
            self.limited = True
            self.out.append(LimitReached(
                Observed(self.now, chunk.direction, Evidence((chunk.released_by,))), self.dialogue.protocol, "MAX_LINE",
                MAX_LINE,
            ))

    def speak(
        self, word: str, line: bytes, secret_from: int, frames: tuple[int, ...], chunk: Chunk, end: int
    ) -> Pending:
        """A command of the client as it may be shown: from that word of the line on it is a secret; -1 for none."""
        text = shown(line.strip())
        secret = False
        if secret_from >= 0:
            words = line.split(None, secret_from)
            secret = len(words) > secret_from
            if secret:
                self.hide(words[-1], chunk, end)
                self.dialogue.login = hash((self.dialogue.login, line))
            if self.context.provided.show_secrets:
                secret = False
            else:
                text = " ".join([*[shown(one) for one in words[:secret_from]], *([REDACTED] if secret else [])])
        return self.command(word, text, frames, self.now, secret)

    def hide(self, argument: bytes, chunk: Chunk, end: int) -> None:
        """The last argument of a line is a secret, and each of its words. The line ends at chunk.data[end - 1]."""
        self.context.mark(argument.rstrip(), chunk, end - len(argument))
        for one in argument.split():
            self.context.marks.mark(one.strip(b'"'))
            self.known(one)


@mypyc_attr(allow_interpreted_subclasses=True)
class NumericObserver(LineObserver):
    """Answers begin with three digits and may have several lines (RFC 5321 §4.2, RFC 959 §4.2)."""

    def __init__(self, context: Context, protocol: str) -> None:
        super().__init__(context, protocol)
        self.code: int = 0                    # of an answer of several lines that is under way
        self.first: str = ""
        self.count: int = 0
        self.answer = Cited(MAX_LINE_FRAMES)
        self.replies: int = 0

    def is_server(self, data: bytes) -> bool:
        return data[:1] in (b"1", b"2", b"3", b"4", b"5") and data[:3].isdigit()

    def lost(self, direction: int) -> None:
        super().lost(direction)
        if direction != self.dialogue.client:
            self.code = 0

    def heard(self, line: bytes, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """One line of an answer; `ddd-` begins one of several lines, which ends with `ddd `."""
        number = int(line[:3]) if len(line) >= 3 and line[:3].isdigit() else 0
        if not number and not self.code:
            return       # no answer
        if not self.code:
            self.code, self.first, self.count = number, shown(line), 0
            self.answer.clear()
        self.count += 1
        self.answer.add_all(frames)
        self.ability(line[4:] if number else line, chunk)
        if number != self.code or line[3:4] == b"-":
            return
        code = self.code
        self.code = 0
        self.replies += 1
        if self.replies == 1 and code == GREETING and not self.context.midstream:
            self.greet(self.now, self.answer.frames(), self.first)    # whatever an impatient client said before
            return
        if code >= 400 and self.request is None:
            word = self.pending[0].word if self.pending else ""
            self.deny(str(code), word in LOGINS and self.refuses_login(str(code)), self.answer.frames(), self.now)
        self.replied(code, self.first, self.count, self.answer.frames(), chunk, end)

    def denies(self, line: bytes) -> str:
        """RFC 5321 §4.2.1, RFC 959 §4.2.1: 4 for now, 5 for good. The last line of an answer has a space behind it."""
        found = line[:1] in (b"4", b"5") and line[:3].isdigit() and line[3:4] in (b" ", b"")
        return line[:3].decode("ascii") if found else ""

    def refuses_login(self, code: str) -> bool:
        """RFC 4954 §4.7.2 and §6, RFC 959 §4.2.2."""
        return code in LOGIN_CODES

    def ability(self, text: bytes, chunk: Chunk) -> None:
        """A line of an answer, without its number."""

    def replied(
        self, code: int, text: str, lines: int, frames: tuple[int, ...], chunk: Chunk, end: int
    ) -> None:
        """A whole answer; text: its first line. It ends at chunk.data[end - 1]."""
