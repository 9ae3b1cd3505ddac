"""DNS messages out of a byte stream: each is preceded by its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Evidence
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import MORE, YES
from dissectors.protocols.dns.events import DnsIncomplete
from dissectors.protocols.dns.events_multicast import LlmnrIncomplete
from dissectors.protocols.dns.probe import probe_stream

MAX_FRAMES: Final = 32  # named as the evidence of one message: the first ones, and always the last


class Piece:
    """A message with the frames that carried it, or an event. start, end: its bytes in the last frame, or -1."""

    def __init__(
        self, data: bytes, frames: tuple[int, ...], time: int, start: int, end: int, event: DnsIncomplete | None
    ) -> None:
        self.data = data
        self.frames = frames
        self.time = time
        self.start = start
        self.end = end
        self.event = event


class MessageStream:
    """One direction. What is held is at most one message with its length: 65 537 octets.

    in_step: whether it is known where in a message the next byte lies. Where it is not, a chunk that begins
    like a message is taken for one.     link_local: the messages are LLMNR.
    """

    def __init__(self, in_step: bool, link_local: bool) -> None:
        self.in_step: bool = in_step
        self.link_local: bool = link_local
        self.parts: list[bytes] = []
        self.held: i64 = 0       # octets in parts
        self.needed: i64 = 2     # octets of the message in hand with its length; 2 until that is known
        self.skip: i64 = 0       # octets of a message whose beginning is lost, still to come
        self.passed: i64 = 0     # octets that were not told since bytes went missing
        self.frames: list[int] = []
        self.now: int = 0        # a chunk that had to wait is older than the one that released it

    def data(self, chunk: Chunk) -> list[Piece]:
        out: list[Piece] = []
        data = chunk.data
        size: i64 = len(data)
        self.now = max(self.now, chunk.time)
        at: i64 = min(self.skip, size)
        self.skip -= at
        self.passed += at
        if at == size:
            return out
        before: i64 = 0
        if not self.in_step:
            before = self.held
            data = b"".join(self.parts) + data
            found = probe_stream(data)
            if found == MORE:
                self._hold(chunk.data, chunk)
                return out
            if found != YES:
                self.passed += len(data)
                self._reset()
                return out
            self.in_step = True
            self.parts = []
            self.held = 0
        if self.passed:
            out.append(self._incomplete(
                chunk.frame, chunk.time, chunk.direction, self.passed, 0, "Bytes are missing before this message"
            ))
            self.passed = 0
        self._split(data, at, before, chunk, out)
        return out

    def gap(self, gap: Gap) -> list[Piece]:
        """Bytes are missing. While the loss lies within one message, the next can be counted out; else step is lost."""
        out: list[Piece] = []
        lost: i64 = gap.length
        if self.skip:
            self.in_step = lost <= self.skip
            self.skip = self.skip - lost if self.in_step else 0
            return out
        if not self.in_step:
            self.passed += self.held
            self._reset()
            return out
        rest = self.needed - self.held
        if self.held:
            out.append(self._incomplete(
                gap.frame, gap.time, gap.direction, self.held, lost, "Part of a message is not in the capture"
            ))
        self.in_step = self.held >= 2 and lost <= rest
        self.skip = rest - lost if self.in_step else 0
        self._reset()
        return out

    def finish(self, close: Close) -> list[Piece]:
        """The end: a message that is not whole will not be."""
        held = self.held + self.passed
        missing = self.needed - self.held if self.in_step and self.held >= 2 else self.skip
        reason = "The stream ended within a message" if self.in_step else "The next message was not found"
        self.passed = 0
        self.skip = 0
        if not (held or missing):
            return []
        piece = self._incomplete(close.frame, close.time, close.direction, held, missing, reason)
        self._reset()
        return [piece]

    def _split(self, data: bytes, at: i64, before: i64, chunk: Chunk, out: list[Piece]) -> None:
        """Cut messages out of data[at:]. before: octets of data that came with earlier chunks."""
        size: i64 = len(data)
        while at < size:
            take = min(self.needed - self.held, size - at)
            self._hold(data[at:at + take], chunk)
            at += take
            if self.held < self.needed:
                return
            whole = b"".join(self.parts)
            if self.needed == 2:
                self.parts = [whole]
                self.needed = 2 + (i64(whole[0]) << 8 | i64(whole[1]))
                if self.needed > 2:
                    continue
            start: i64 = -1
            end: i64 = -1
            if chunk.offset >= 0 and chunk.released_by == chunk.frame:
                end = chunk.offset + at - before
                start = max(end - self.held, i64(chunk.offset))
            out.append(Piece(whole[2:], self._named(chunk.released_by), self.now, int(start), int(end), None))
            self._reset()

    def _hold(self, data: bytes, chunk: Chunk) -> None:
        self.parts.append(data)
        self.held += len(data)
        if len(self.frames) < MAX_FRAMES and (not self.frames or self.frames[-1] != chunk.frame):
            self.frames.append(chunk.frame)

    def _reset(self) -> None:
        self.parts = []
        self.held = 0
        self.needed = 2
        self.frames = []

    def _named(self, last: int) -> tuple[int, ...]:
        """The frames of the message in hand, ascending."""
        if len(self.frames) == 1 and self.frames[0] == last:
            return (last,)
        return tuple(sorted({*self.frames, last}))

    def _incomplete(self, frame: int, time: int, direction: int, held: i64, missing: i64, reason: str) -> Piece:
        frames = self._named(frame)
        kind = LlmnrIncomplete if self.link_local else DnsIncomplete
        event = kind(time, direction, Evidence(frames), int(held), int(missing), reason)
        return Piece(b"", frames, time, -1, -1, event)
