"""The observer of one HTTP/1 connection: both directions, and what they carry."""
from __future__ import annotations

from dissectors.kit.event import NEITHER
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.http1.exchanges import Exchanges
from dissectors.protocols.http1.reader import Http1Half


class HttpDissector(Dissector):
    """Both directions. What they carry goes to `Exchanges`."""

    def __init__(self, context: Context) -> None:
        self.exchanges = Exchanges(context)
        self.forward = Http1Half(0, not context.midstream)
        self.backward = Http1Half(1, not context.midstream)
        self.exchanges.halves = [self.forward, self.backward]

    def on_data(self, chunk: Chunk) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, chunk.time)
        (self.backward if chunk.direction else self.forward).data(chunk, exchanges)
        return exchanges.out

    def on_gap(self, gap: Gap) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.gap(gap)
        (self.backward if gap.direction else self.forward).gap(gap, exchanges)
        return exchanges.out

    def on_close(self, close: Close) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, close.time)
        if close.direction != 1:
            exchanges.close(self.forward, close)
        if close.direction != 0:
            exchanges.close(self.backward, close)
        if close.direction == NEITHER:
            exchanges.finish(close)
        return exchanges.out
