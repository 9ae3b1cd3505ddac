"""PostgreSQL and its change to TLS: "SSL Session Encryption" in the protocol chapter of its manual."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.inputs import Chunk
from dissectors.kit.octets import be32
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.observer import MAX_CONCEALED, StarttlsObserver

# Numbers in the place of a protocol version in the client's first message.
CANCEL: Final = 80877102
SSL_REQUEST: Final = 80877103
GSS_REQUEST: Final = 80877104
NAMES: Final[dict[int, str]] = {CANCEL: "CancelRequest", SSL_REQUEST: "SSLRequest", GSS_REQUEST: "GSSENCRequest"}
VERSION_3: Final = 3              # the higher half of the version in a StartupMessage
MAX_STARTUP: Final = 10_000       # octets of a StartupMessage that a server reads
REQUEST: Final = 8                # octets of a request

# Authentication requests of the server that name how the password comes.
PASSWORDS: Final[dict[int, str]] = {
    3: "a password as it is", 5: "a password under MD5", 10: "a password under SCRAM", 7: "a ticket of Kerberos",
}
CLEAR: Final = 3
HEAD: Final = 5                   # octets of the type and the length of a message
SECRET_NAME: Final = re.compile(rb"pass|pwd|secret|token|key|auth", re.IGNORECASE)
LOGIN_FAILED: Final = re.compile(rb"\0C28[0-9A-Z]{3}\0")      # SQLSTATE, class 28


class PostgresqlObserver(StarttlsObserver):
    """The messages before a session, each of which the server answers with one octet or a message."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "PostgreSQL")
        self.rest: list[bytes] = [b"", b""]
        self.login = b""            # of the client behind a request for a password

    def is_server(self, data: bytes) -> bool:
        return data[:1] in (b"S", b"N", b"R", b"E", b"G")

    def between(self, direction: int) -> bool:
        return not self.rest[direction]

    def lost(self, direction: int) -> None:
        self.hush()

    def read(self, chunk: Chunk) -> None:
        side = chunk.direction
        data = self.rest[side] + chunk.data
        frames = (chunk.released_by,)
        if side == self.dialogue.client:
            taken = self._client(data, frames, chunk)
        else:
            taken = self._server(data, frames, chunk)
        if self.over:
            return
        if self.quiet:
            self.octets[side] += len(data) - taken
            self.last_frame = chunk.released_by
            taken = len(data)
        self.rest[side] = data[taken:]

    def _client(self, data: bytes, frames: tuple[int, ...], chunk: Chunk) -> int:
        """How many octets were read."""
        if len(data) < REQUEST:
            return 0
        length, code = int(be32(data, 0)), int(be32(data, 4))
        if self.request is not None:
            self.behind(frames, self.now, len(data))
        if length == REQUEST and code in (SSL_REQUEST, GSS_REQUEST):
            command = self.command(NAMES[code], NAMES[code], frames, self.now)
            if code == SSL_REQUEST and not self.inside:
                self.ask(command)
            return REQUEST
        if code >> 16 == VERSION_3 and REQUEST < length <= MAX_STARTUP:
            if len(data) < length:
                return 0
            self._parameters(data[:length], chunk, len(chunk.data) - len(data))
            self.command("StartupMessage", f"StartupMessage, protocol 3.{code & 0xFFFF}", frames, self.now)
            return length
        self.hush()
        return 0

    def _parameters(self, message: bytes, chunk: Chunk, at: int) -> None:
        """Names and values, each ended by NUL. The message begins at chunk.data[at]."""
        at += REQUEST
        name = b""
        for index, one in enumerate(message[REQUEST:].split(b"\0")):
            if index % 2 and SECRET_NAME.search(name):
                self.context.mark(one, chunk, at)
            name = one
            at += len(one) + 1

    def _conceal(self, chunk: Chunk) -> None:
        """The content of the message, without its length, is what an error may quote."""
        super()._conceal(chunk)
        self.login = (self.login + chunk.data)[:MAX_CONCEALED]
        end = int(be32(self.login, 1)) + 1 if len(self.login) > HEAD and self.login[:1] == b"p" else 0
        if HEAD < end <= len(self.login):
            self.known(self.login[HEAD:end].rstrip(b"\0"))
            self.login = self.login[end:]

    def _error(self, data: bytes, chunk: Chunk, at: int) -> None:
        """A login that failed: its words may quote it. data: the message, which begins at chunk.data[at]."""
        if LOGIN_FAILED.search(data) is None:
            return
        at += HEAD
        for one in data[HEAD:].split(b"\0"):
            if one[:1] in (b"M", b"D", b"H"):
                self.context.mark(one[1:], chunk, at + 1)
            at += len(one) + 1

    def _server(self, data: bytes, frames: tuple[int, ...], chunk: Chunk) -> int:
        first = data[:1]
        command = self.pending[0] if self.pending else None
        if command is not None and command.word in ("SSLRequest", "GSSENCRequest"):
            return self._choice(first, frames, chunk)
        if first == b"E":
            if len(data) <= HEAD or len(data) <= int(be32(data, 1)) <= MAX_STARTUP:
                return 0
            self._error(data, chunk, len(chunk.data) - len(data))
        if command is None or first != b"R" or not self._authentication(data, frames):
            self.hush()
        return 0

    def _choice(self, first: bytes, frames: tuple[int, ...], chunk: Chunk) -> int:
        """One octet: S or G for yes, N for no; an old server answers with an error message."""
        asked = self.request
        command = self.answered(shown_choice(first), 1, frames, self.now)
        if first == b"G":
            self.hush()        # what follows is encrypted by GSSAPI
        elif command is asked and command is not None:
            if first == b"S":
                self.agree("S", frames, chunk, 1)
            else:
                self.refuse(shown_choice(first), frames, self.now)
        if first not in (b"S", b"N", b"G"):
            self.hush()
        return 1

    def _authentication(self, data: bytes, frames: tuple[int, ...]) -> bool:
        """The server says how the client has to prove who it is. False where that cannot be read."""
        if len(data) < 9 or not self.pending:
            return False
        kind = int(be32(data, 5))
        way = PASSWORDS.get(kind, "no password" if kind == 0 else f"authentication {kind}")
        command = self.pending[0]
        command.text += f", answered with a request for {way}" if kind else ", let in without a password"
        command.frames = tuple(sorted({*command.frames, *frames}))
        if kind:
            self.conceal()
        self.expose("credentials and queries" if kind == CLEAR else "queries and their results", command)
        return True


def shown_choice(first: bytes) -> str:
    """The answer to a request for encryption."""
    return first.decode("ascii") if first in (b"S", b"N", b"G") else "an error message"


def probe(data: bytes, direction: int) -> int:
    """A request for encryption or to cancel, or a StartupMessage that names a user, as it must."""
    if len(data) < REQUEST:
        return MORE if data[:2] == b"\0\0"[:len(data)] and data else NO
    length, code = int(be32(data, 0)), int(be32(data, 4))
    if code in (SSL_REQUEST, GSS_REQUEST):
        return YES if length == REQUEST else NO
    if code == CANCEL:
        return YES if length == 16 else NO
    if code >> 16 != VERSION_3 or not REQUEST < length <= MAX_STARTUP:
        return NO
    if b"user\0" in data[:MAX_STARTUP]:
        return YES
    return MORE if len(data) < length else NO


def create(context: Context) -> Dissector:
    return PostgresqlObserver(context)


POSTGRESQL: Final = Protocol(
    name="postgresql",
    title="PostgreSQL",
    summary="The database protocol, as far as its SSLRequest.",
    specs=("IANA Service Name postgresql",),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (5432,)},
    events=EVENTS,
    probe=probe,
)
