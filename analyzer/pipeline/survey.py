"""The pass over every frame: count, follow connections, and remember where the frames lie."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from analyzer.faults import Faults
from analyzer.flows.clock import Breaks
from analyzer.flows.flow import Flow
from analyzer.flows.keep import Keeper
from analyzer.flows.names import NameBook
from analyzer.flows.tracker import Tracker, parties_of
from analyzer.ingest.source import CaptureError, Source
from analyzer.packet import UDP, Packet
from analyzer.packets.decode import Decoder
from analyzer.partition import share_of

STEP: Final[i64] = 1 << 17     # frames that are read on, at most
MAX_RETRIES: Final = 10        # faults while the next frame is read, before a live capture ends for them


class Follower:
    """Looks at frames right after they were counted."""

    def take(self, flow: Flow, direction: int) -> None:
        """The frame in hand belongs to this conversation, in this direction."""

    def quoted(self, flow: Flow) -> None:
        """The frame in hand quotes a packet of this conversation."""

    def done(self) -> None:
        """Everything was said of the frame in hand."""


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameWatcher:
    """Is shown every frame after it was counted and told: whoever writes the capture into files."""

    def frame(self, comment: str) -> None:
        """The frame that the source has in hand."""


class Survey:
    """Counts of a whole capture, and its conversations in `keeper`.

    capacity: conversations held at once.     record_cap: frames of a conversation that can be told.
    shares: into which the capture is divided, see `FlowTable`.
    endless: where the source has no frame, more may come later, until `finish()`.
    mine: where only some shares are followed here, a 1 for each of them and a 0 for each other; else b"". Of the others
    only frames are counted.     helps: another process reads the same frames, and notes what goes wrong with any.
    faults: of ours. One while a frame is in hand costs that frame; one of the source ends the reading of a file.
    """

    def __init__(
        self, source: Source, keeper: Keeper, names: NameBook, capacity: int, record_cap: int, shares: int = 1
    ) -> None:
        self.source = source
        self.keeper = keeper
        self.names = names
        self.faults = Faults()
        self.tracker = Tracker(capacity, record_cap, False, keeper, self.faults, parties_of(names.protocols), shares)
        self.table = self.tracker.table
        self.others = self.tracker.others
        self.decoder = Decoder()
        self.packet = Packet()
        self.frames: i64 = 0
        self.octets: i64 = 0
        self.truncated: i64 = 0
        self.first_time: i64 = -1
        self.last_time: i64 = -1
        self.breaks = Breaks()
        self.link: i64 = -1
        self.links: dict[int, int] = {}
        self.reassembled = False
        self.ended = False
        self.interrupted = False     # by the user, before the source had no more
        self.endless = False
        self.retries = 0
        self.follower: Follower | None = None
        self.shares = shares
        self.mine: bytes = b""
        self.helps = False
        self.decoding = False

    def finish(self) -> None:
        """No frame will come any more."""
        if self.ended:
            return
        self.ended = True
        self.keeper.until = self.last_time
        self.table.finish()
        self.decoder.finish()

    def step(self, most: i64 = STEP) -> bool:
        """Read the next stretch of frames, `most` at most; False where the source has no more."""
        left = most
        while left > 0:
            if not self._next():
                if not self.endless:
                    self.finish()
                return False
            left -= 1
            self._count()
            try:
                self._follow()
            except Exception as error:
                if not (self.helps and self.decoding):
                    self.faults.note(self.source.number, "a frame", error)
                self.decoder.dirty = True
            if self.follower is not None:
                self._done(self.follower)
        return True

    def _done(self, follower: Follower) -> None:
        try:
            follower.done()
        except Exception as error:
            self.faults.note(self.source.number, "what follows each frame", error)

    def _next(self) -> bool:
        try:
            return self.source.next()
        except (CaptureError, OSError):
            raise
        except Exception as error:
            self.retries += 1
            if not self.endless or self.retries > MAX_RETRIES:
                self.endless = False
                self.faults.note(self.source.number, "the rest of the capture", error)
            else:
                self.faults.note(self.source.number, "what was to be read", error)
            return False

    def _count(self) -> None:
        """The frame in hand, whatever it is."""
        source = self.source
        self.frames += 1
        self.octets += source.length
        if source.length > source.end - source.start:
            self.truncated += 1
        time = source.time
        if time >= 0:
            self.breaks.take(source.number, time)
            if self.first_time < 0:
                self.first_time = time
                self.last_time = time
            elif time > self.last_time:
                self.last_time = time
            elif time < self.first_time:
                self.first_time = time
        if source.link != self.link:
            self.link = source.link
            self.links[self.link] = self.links.get(self.link, 0) + 1

    def _follow(self) -> None:
        """Decode the frame in hand and find its conversation."""
        source = self.source
        packet = self.packet
        tracker = self.tracker
        self.decoding = True
        self.decoder.decode(
            source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet
        )
        self.decoding = False
        packet.place = source.base + source.start if source.base >= 0 else -1
        if packet.base < 0:
            self.reassembled = True
        if self.mine and not self.mine[share_of(packet, self.shares)]:
            tracker.foreign(packet)
            return
        tracker.take(packet)
        flow = tracker.flow
        if packet.kind == UDP and flow is not None:
            namer = self.names.namers.get(packet.sport)
            if namer is not None:
                self.names.note(namer, packet.behind(packet.transport + 8), packet.number, flow)
        follower = self.follower
        if follower is not None:
            if flow is not None:
                follower.take(flow, tracker.direction)
            if tracker.quoted is not None:
                follower.quoted(tracker.quoted)
