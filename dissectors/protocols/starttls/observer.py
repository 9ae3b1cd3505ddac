"""What all observers of a dialogue share: who is the client, the change to TLS, and what is told of it."""
from __future__ import annotations

from base64 import b64decode
from binascii import Error
from contextlib import suppress
from typing import Final

from mypy_extensions import i64, mypyc_attr

from dissectors.kit.event import NEITHER
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import STARTTLS, Context, Dissector, Handoff, Input, Output
from dissectors.protocols.starttls.dialogue import Dialogue, Pending, StarttlsObserved
from dissectors.protocols.starttls.events import (
    Agreed,
    Denied,
    ExchangeWithin,
    Greeting,
    GreetingWithin,
    InClear,
    Injected,
    NotTold,
    NotToldWithin,
    Offered,
    Requested,
    StarttlsExchange,
    StarttlsRefused,
    Stripped,
)
from dissectors.wire.secrets.named import REDACTED

MAX_TOLD: Final = 32          # exchanges of one dialogue that are told
MAX_DENIED: Final = 32        # refusals of one dialogue that are told
MAX_PENDING: Final = 64       # commands that wait for their answer at once
MAX_EARLY: Final = 16         # chunks of TLS that are kept until the answer that agrees to it is seen
LEAST_MARKED: Final = 6       # octets of a line of a login that are known again elsewhere
MAX_TEXT: Final = 160         # characters of a command or an answer that are shown

MAX_CONCEALED: Final = 4_096  # octets of the client behind a login that begins, which may belong to it

CLIENT_HELLO: Final = 1
TO_TLS: Final = (STARTTLS, "tls")


def is_client_hello(data: bytes) -> bool:
    """A record of SSL 3.0 to TLS 1.3 that begins a ClientHello (RFC 8446 §5.1, §4)."""
    if len(data) < 6 or data[0] != 22 or data[1] != 3 or data[2] > 4 or data[5] != CLIENT_HELLO:
        return False
    return i64(data[3]) << 8 | i64(data[4]) >= 4


def is_tls(data: bytes) -> bool:
    """A header of a handshake, alert or application-data record; less sure than a ClientHello."""
    return len(data) >= 5 and 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4 \
        and 0 < (i64(data[3]) << 8 | i64(data[4])) <= 18_432


def shown(text: bytes) -> str:
    """A line as text, shortened. What is no UTF-8 is shown as the characters of Latin-1."""
    try:
        found = text.decode()
    except UnicodeDecodeError:
        found = text.decode("latin-1")
    return found if len(found) <= MAX_TEXT else found[:MAX_TEXT] + "…"


@mypyc_attr(allow_interpreted_subclasses=True)
class StarttlsObserver(Dissector):
    """Follows a dialogue until TLS is agreed, or until it goes on without. protocol: the title."""

    def __init__(self, context: Context, protocol: str) -> None:
        self.context = context
        self.dialogue = Dialogue(protocol)
        self.inside: bool = "tls" in context.beneath     # what is said here is protected already
        self.now: int = 0            # a chunk that had to wait is older than the one that released it
        self.pending: list[Pending] = []
        self.request: Pending | None = None              # to change to TLS, not answered yet
        self.told: int = 0
        self.denied: int = 0
        self.quiet: bool = False                         # the rest is not told
        self.asking: bool = False                         # a login is awaiting its answer
        self.octets: list[int] = [0, 0]                  # of that rest
        self.last_frame: int = 0
        self.concealed: int = 0                          # octets of the client that may still belong to a login
        self.injected: bool = False
        self.early: list[Input] = []
        self.over: bool = False
        self.out: list[Output] = []

    # -- what a protocol adds --------------------------------------------------------------------------

    def is_server(self, data: bytes) -> bool:
        """Whether the first bytes of a connection come from the server."""
        return False

    def read(self, chunk: Chunk) -> None:
        """The next bytes of a direction."""

    def lost(self, direction: int) -> None:
        """Bytes of that direction are missing."""

    def overhear(self, chunk: Chunk) -> None:
        """The server says more, of which only a refusal is told."""

    def between(self, direction: int) -> bool:
        """No line or message of that direction is under way, so something else may begin."""
        return True

    # -- inputs ----------------------------------------------------------------------------------------

    def take(self) -> list[Output]:
        out = self.out
        self.out = []
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        if self.over:
            return []
        self.now = max(self.now, chunk.time)
        dialogue = self.dialogue
        if dialogue.client < 0:
            dialogue.began_ns = chunk.time
            dialogue.client = 1 - chunk.direction if self.is_server(chunk.data) else chunk.direction
        from_client = chunk.direction == dialogue.client
        if not self.inside and self.between(chunk.direction) and self._begins_tls(chunk, from_client):
            if from_client and self.request is not None and len(self.early) < MAX_EARLY:
                self.early.append(chunk)
                return []
            self._unseen(chunk)
            return self.take()
        if from_client and self.concealed:
            self._conceal(chunk)
        if self.quiet:
            self.octets[chunk.direction] += len(chunk.data)
            self.last_frame = chunk.released_by
            if not from_client:
                self.overhear(chunk)
            return self.take()
        before = self.concealed
        self.read(chunk)
        if from_client and self.concealed > before:
            self._conceal(chunk)
        return self.take()

    def _conceal(self, chunk: Chunk) -> None:
        """Nothing tells how far a login goes that is no longer read: its answers to a challenge, its literals."""
        if not self.inside:
            self.context.mark(chunk.data[:self.concealed], chunk, 0)
            for line in chunk.data[:self.concealed].split(b"\n")[:MAX_PENDING]:
                self.known(line.strip())
        self.concealed = max(self.concealed - len(chunk.data), 0)

    def _begins_tls(self, chunk: Chunk, from_client: bool) -> bool:
        """A ClientHello; or a further record, where something says that TLS has begun."""
        if from_client and (self.early or is_client_hello(chunk.data)):
            return True
        return (bool(self.early) or self.request is not None) and is_tls(chunk.data)

    def on_gap(self, gap: Gap) -> list[Output]:
        if self.over:
            return []
        if self.early:
            self.early.append(gap)
            if gap.direction != self.dialogue.client:
                self._hand_over(gap.direction, gap.position + gap.length)
            return self.take()
        self.pending = []
        if gap.direction != self.dialogue.client:
            self.request = None
        self.lost(gap.direction)
        return self.take()

    def on_close(self, close: Close) -> list[Output]:
        if self.over:
            return []
        if self.early:
            self.early.append(close)
            self._hand_over(close.direction, 0)
            return self.take()
        if close.how == "fin" and close.direction != NEITHER and close.direction == self.dialogue.client:
            return []      # the server may still answer
        self.over = True
        if self.dialogue.client < 0:
            return []
        waiting, self.pending = self.pending, []
        for command in waiting:
            self._exchange(command, "", 0, self.of_client(close.time, command.frames))
        if any(self.octets):
            rest = NotToldWithin if self.inside else NotTold
            observed = StarttlsObserved(close.time, NEITHER, (self.last_frame,), self.dialogue)
            self.out.append(rest(observed, (self.octets[0], self.octets[1])))
        return self.take()

    # -- for the protocols -----------------------------------------------------------------------------

    def of_client(self, time: int, frames: tuple[int, ...]) -> StarttlsObserved:
        """Something that the client says."""
        return StarttlsObserved(time, self.dialogue.client, frames, self.dialogue)

    def of_server(self, time: int, frames: tuple[int, ...]) -> StarttlsObserved:
        """Something that the server says."""
        return StarttlsObserved(time, 1 - self.dialogue.client, frames, self.dialogue)

    def greet(self, time: int, frames: tuple[int, ...], text: str) -> None:
        kind = GreetingWithin if self.inside else Greeting
        self.out.append(kind(self.of_server(time, frames), text))

    def command(self, word: str, text: str, frames: tuple[int, ...], time: int, secret: bool = False) -> Pending:
        """A command of the client; its answer is awaited."""
        found = Pending(word, text, frames, time, secret)
        self.dialogue.commands += 1
        self.pending.append(found)
        if len(self.pending) > MAX_PENDING:
            self.hush()
        return found

    def answered(self, answer: str, lines: int, frames: tuple[int, ...], time: int) -> Pending | None:
        """The answer to the oldest command; None where none was awaited."""
        if not self.pending:
            return None
        found = self.pending.pop(0)
        if found.secret:
            answer = f"{answer.partition(' ')[0]} {REDACTED}"
        if found is not self.request:
            both = tuple(sorted({*found.frames, *frames}))
            self._exchange(found, answer, lines, self.of_server(time, both))
        return found

    def _exchange(self, command: Pending, answer: str, lines: int, observed: StarttlsObserved) -> None:
        self.told += 1
        if self.told > MAX_TOLD:
            self.hush()
            return
        kind = ExchangeWithin if self.inside else StarttlsExchange
        self.out.append(kind(observed, command, answer, lines))

    def offer(self, time: int, frames: tuple[int, ...], required: bool = False) -> None:
        """The server offers TLS. Told once."""
        if not self.dialogue.offered and not self.inside:
            self.out.append(Offered(self.of_server(time, frames), required=required))
        self.dialogue.offered = True

    def ask(self, command: Pending) -> None:
        """The client asks for TLS."""
        self.request = command
        self.out.append(Requested(self.of_client(command.time, command.frames), command))

    def behind(self, frames: tuple[int, ...], time: int, octets: int) -> None:
        """Plain text of the client while its request for TLS waits for an answer. Told once.

        Where the server is not in the capture, it may have answered.
        """
        heard = self.context.observed.frames
        unheard = heard[1 - self.dialogue.client] == 0 and heard[self.dialogue.client] > 0
        if self.request is not None and not self.injected and not unheard:
            self.injected = True
            self.out.append(Injected(self.of_client(time, frames), octets))

    def stripped(self, time: int, direction: int, frames: tuple[int, ...], sign: str) -> None:
        self.out.append(Stripped(StarttlsObserved(time, direction, frames, self.dialogue), sign))

    def refuse(self, answer: str, frames: tuple[int, ...], time: int) -> None:
        """The server does not change to TLS; the dialogue goes on."""
        request = self.request
        if request is None:
            return
        self.request = None
        both = tuple(sorted({*request.frames, *frames}))
        self.out.append(StarttlsRefused(self.of_server(time, both), request, answer))

    def agree(self, answer: str, frames: tuple[int, ...], chunk: Chunk, end: int) -> None:
        """The server agrees with an answer that ends at chunk.data[end]: TLS begins there."""
        request = self.request
        if request is None:
            return
        both = tuple(sorted({*request.frames, *frames}))
        self.out.append(Agreed(StarttlsObserved(self.now, chunk.direction, both, self.dialogue), request, answer))
        self._hand_over(chunk.direction, chunk.position + end)

    def known(self, secret: bytes) -> None:
        """A part of a login, and what it says in base64, are secrets wherever they stand (RFC 4422, RFC 4616 §2)."""
        parts = [secret, *secret.split(b"\0")]
        with suppress(Error, ValueError):
            parts += b64decode(secret, validate=True).split(b"\0")
        for part in parts:
            if len(part) >= LEAST_MARKED:
                self.context.marks.mark(part)

    def deny(self, code: str, login: bool, frames: tuple[int, ...], time: int) -> None:
        """The server refuses something. login: that was a login."""
        self.denied += 1
        if self.denied <= MAX_DENIED:
            self.out.append(Denied(self.of_server(time, frames), code, login=login))

    def conceal(self) -> None:
        """A login begins, or goes on, whose further octets are not told apart."""
        self.concealed = MAX_CONCEALED

    def expose(self, exposed: str, command: Pending) -> None:
        """Something that nobody on the way should see is sent. Without TLS that is told, and the rest is not."""
        self.asking = exposed.startswith("credentials")
        if not self.inside:
            self.out.append(InClear(self.of_client(command.time, command.frames), exposed, command))
        if exposed.startswith("credentials"):
            self.conceal()
        self.hush()

    def hush(self) -> None:
        """The rest is counted and not told, unless TLS begins."""
        self.quiet = True
        self.pending = []

    # -- the change ------------------------------------------------------------------------------------

    def _unseen(self, chunk: Chunk) -> None:
        """TLS has begun, and the agreement was not seen."""
        self.out.append(Agreed(StarttlsObserved(self.now, chunk.direction, (chunk.released_by,), self.dialogue)))
        self._hand_over(chunk.direction, chunk.position)

    def _hand_over(self, direction: int, position: int) -> None:
        self.over = True
        self.out.append(Handoff(TO_TLS, direction, position, opening=tuple(self.early)))
        self.early = []
