"""DNS over QUIC: each question and its answer have a stream of their own (RFC 9250 §4.2)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import NEITHER, Evidence, LimitReached, Observed
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.dns.dissector import UNICAST, DnsDissector

MAX_STREAMS: Final = 1_000      # questions of a connection that are under way at once


class DnsOverQuic(Dissector):
    """Messages on a stream have their length in front, as over TCP; their IDs are 0, so the stream tells them apart."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.streams: dict[int, DnsDissector] = {}
        self.ended: dict[int, int] = {}      # direction of the side of a stream that has ended, the other has not
        self.limit_told = False

    def on_data(self, chunk: Chunk) -> list[Output]:
        found = self.streams.get(int(chunk.stream))
        if found is None:
            if len(self.streams) >= MAX_STREAMS:
                if self.limit_told:
                    return []
                self.limit_told = True
                observed = Observed(int(chunk.time), int(chunk.direction), Evidence((int(chunk.frame),)))
                return [LimitReached(observed, "dns", "MAX_STREAMS", MAX_STREAMS)]
            found = self.streams[int(chunk.stream)] = DnsDissector(self.context, UNICAST)
        return found.on_data(chunk)

    def on_gap(self, gap: Gap) -> list[Output]:
        found = self.streams.get(gap.stream)
        return found.on_gap(gap) if found is not None else []

    def on_close(self, close: Close) -> list[Output]:
        if close.direction == NEITHER:
            out: list[Output] = []
            for one in self.streams.values():
                out += one.on_close(close)
            self.streams, self.ended = {}, {}
            return out
        found = self.streams.get(close.stream)
        if found is None:
            return []
        out = found.on_close(close)
        if self.ended.setdefault(close.stream, close.direction) != close.direction:
            del self.streams[close.stream], self.ended[close.stream]
            out += found.on_close(Close(close.frame, close.time, NEITHER, close.how))
        return out
