"""DNS messages out of a byte stream: each is preceded by its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8)."""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from dissectors.kit.event import Evidence, Observed
from dissectors.kit.framer import ENDS, FRAME, LOST, NEED, NOTHING, Framer
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.octets import be16
from dissectors.kit.protocol import MORE, YES
from dissectors.protocols.dns.events import DnsIncomplete
from dissectors.protocols.dns.events_multicast import LlmnrIncomplete
from dissectors.protocols.dns.message import DnsReceived
from dissectors.protocols.dns.probe import probe_stream

LENGTH: Final[i64] = 2      # octets in front of each message


Piece = Union[DnsReceived, DnsIncomplete]


class MessageStream(Framer):
    """One direction. What is held is at most one message with its length: 65 537 octets.

    in_step: whether it is known where in a message the next byte lies. Where it is not, a chunk that begins
    like a message is taken for one.     link_local: the messages are LLMNR.
    """

    def __init__(self, in_step: bool, link_local: bool) -> None:
        super().__init__(in_step)
        self.link_local: bool = link_local
        self.told: i64 = 0       # octets before the hole in the message in hand, told as incomplete

    def header(self, data: bytes, at: i64) -> i64:
        if len(data) - at < LENGTH:
            return NEED
        self.length = be16(data, at)
        return LENGTH

    def search(self, data: bytes, at: i64) -> i64:
        found = probe_stream(data)
        if found == YES:
            return at
        return -1 - (at if found == MORE else i64(len(data)))

    def data(self, chunk: Chunk) -> list[Piece]:
        """The messages that end in this chunk, and what could not be told as messages."""
        out: list[Piece] = []
        self.feed(chunk)
        while True:
            if self.passed and self.in_step and not self.open and self.left():
                frames = (chunk.frame,) if self.fresh else self.cited.upto(chunk.frame)
                observed = Observed(chunk.time, chunk.direction, Evidence(frames))
                out.append(self._incomplete(observed, self.passed, 0, "Bytes are missing before this message"))
                self.passed = 0
            step = self.step()
            if step == NOTHING:
                return out
            if step == FRAME:
                if self.cut:
                    self.passed += self._untold(LENGTH + self.length)
                else:
                    received = DnsReceived(
                        self.now, chunk.direction, self.frames(), self.payload, len(self.payload)
                    )
                    received.start, received.end = self.start, self.end
                    out.append(received)

    def gap(self, gap: Gap) -> list[Piece]:
        """Bytes are missing. While the loss lies within one message, the next can be counted out; else step is lost."""
        out: list[Piece] = []
        passed = self.passed
        in_step = self.in_step
        again = self.open and self.cut > 0
        held = self.seen() if self.open else i64(len(self.buffer))
        if again:
            passed += self._untold(held)
        elif in_step and held:
            self.told = held
            observed = Observed(gap.time, gap.direction, Evidence(self.cited.upto(gap.frame)))
            out.append(self._incomplete(observed, held, gap.length, "Part of a message is not in the capture"))
        kind = self.miss(gap.length, gap.frame, gap.time)
        if kind == ENDS:
            self.passed += self._untold(LENGTH + self.length)
            self.leave()
        elif kind == LOST and in_step:
            self.passed = passed     # what was held is told
        return out

    def finish(self, close: Close) -> list[Piece]:
        """The end: a message that is not whole will not be."""
        again = self.open and self.cut > 0
        held = self.seen() if self.open else i64(len(self.buffer))
        frames = self.cited.upto(close.frame) if held and not again else (close.frame,)
        held = self.passed + (self._untold(held) if again else held)
        missing = self.rest if self.open else 0
        reason = "The stream ended within a message" if self.in_step else "The next message was not found"
        self.passed = 0
        self.buffer = b""
        self.leave()
        if not (held or missing):
            return []
        return [self._incomplete(Observed(close.time, close.direction, Evidence(frames)), held, missing, reason)]

    def _untold(self, seen: i64) -> i64:
        """Of so many octets of a message with a hole, those that are there and came after it."""
        return seen - self.cut - self.told

    def _incomplete(self, observed: Observed, held: i64, missing: i64, reason: str) -> DnsIncomplete:
        kind = LlmnrIncomplete if self.link_local else DnsIncomplete
        return kind(observed, int(held), int(missing), reason)
