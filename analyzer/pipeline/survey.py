"""The pass over every frame: count, follow connections, and remember where the frames lie."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import Flow
from analyzer.flows.table import FlowTable
from analyzer.ingest.source import Source
from analyzer.packets.decode import Decoder
from analyzer.packets.packet import TCP, UDP, Packet
from analyzer.pipeline.keep import Keeper
from analyzer.pipeline.names import NameBook
from analyzer.pipeline.others import Others

STEP: Final[i64] = 1 << 17     # frames between two looks at the clock for progress


class Follower:
    """Looks at frames right after they were counted."""

    def take(self, flow: Flow) -> None:
        """The frame in hand belongs to this conversation, or quotes a packet of it."""

    def done(self) -> None:
        """Everything was said of the frame in hand."""


class Survey:
    """Counts of a whole capture, and its conversations in `keeper`.

    capacity: conversations held at once.     record_cap: frames of a conversation that can be told.
    endless: where the source has no frame, more may come later, until `finish()`.
    """

    def __init__(
        self, source: Source, keeper: Keeper, names: NameBook, capacity: int, record_cap: int
    ) -> None:
        self.source = source
        self.keeper = keeper
        self.names = names
        self.table = FlowTable(capacity, record_cap, False, keeper)
        self.decoder = Decoder()
        self.packet = Packet()
        self.others = Others(self.table)
        self.frames: i64 = 0
        self.octets: i64 = 0
        self.truncated: i64 = 0
        self.first_time: i64 = -1
        self.last_time: i64 = -1
        self.links: dict[int, int] = {}
        self.reassembled = False
        self.ended = False
        self.endless = False
        self.follower: Follower | None = None

    def finish(self) -> None:
        """No frame will come any more."""
        self.ended = True
        self.table.finish()
        self.decoder.finish()

    def step(self, most: i64 = STEP) -> bool:
        """Read the next stretch of frames, `most` at most; False where the source has no more."""
        source = self.source
        packet = self.packet
        decoder = self.decoder
        table = self.table
        follower = self.follower
        left = most
        link: i64 = -1
        while left > 0:
            if not source.next():
                if not self.endless:
                    self.finish()
                return False
            left -= 1
            time = source.time
            length = source.length
            self.frames += 1
            self.octets += length
            if length > source.end - source.start:
                self.truncated += 1
            if time >= 0:
                if self.first_time < 0:
                    self.first_time = time
                    self.last_time = time
                elif time > self.last_time:
                    self.last_time = time
                elif time < self.first_time:
                    self.first_time = time
            if source.link != link:
                link = source.link
                self.links[link] = self.links.get(link, 0) + 1
            decoder.decode(source.data, source.start, source.end, length, link, source.number, time, packet)
            kind = packet.kind
            place = source.base + source.start if source.base >= 0 else -1
            shape = link << 32 | (source.end - source.start)
            size: i64 = 4 if packet.ip_version == 4 else 16
            if kind == TCP:
                table.tcp(
                    packet.data, packet.src, size, packet.transport, packet.end, packet.true_end, packet.scope,
                    source.number, time, length, place, shape,
                )
                if follower is not None and table.half is not None:
                    follower.take(table.half.flow)
            elif kind == UDP:
                payload = packet.true_end - packet.transport - 8
                half = table.udp(
                    packet.data, packet.src, size, packet.transport, packet.scope,
                    source.number, time, length, max(payload, 0), place, shape,
                )
                namer = self.names.namers.get(packet.sport)
                if namer is not None:
                    start = packet.transport + 8
                    self.names.note(
                        namer, packet.data[start:max(start, packet.end)], source.number, half.flow
                    )
                if follower is not None:
                    follower.take(half.flow)
            else:
                self.others.take(packet, source.number, time, length, place, shape)
                if follower is not None:
                    for flow in self.others.flows:
                        follower.take(flow)
            if packet.undecoded:
                self.others.count(packet.undecoded)
            if packet.base < 0:
                self.reassembled = True
            if follower is not None:
                follower.done()
        return True
