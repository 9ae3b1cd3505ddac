"""The observer of one HTTP/1 connection: both directions, and what they carry."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import NEITHER
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.http1.exchanges import Exchanges
from dissectors.protocols.http1.lines import known_start
from dissectors.protocols.http1.reader import Http1Half

MAX_HELD_BACK: Final[i64] = 1 << 16    # octets of a client that wait for the answer to its Upgrade or CONNECT


class HttpDissector(Dissector):
    """Both directions. What they carry goes to `Exchanges`."""

    def __init__(self, context: Context) -> None:
        self.exchanges = Exchanges(context)
        self.forward = Http1Half(0, not context.midstream)
        self.backward = Http1Half(1, not context.midstream)
        self.exchanges.halves = [self.forward, self.backward]
        self.held_octets: i64 = 0

    def on_data(self, chunk: Chunk) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, chunk.time)
        half = self.backward if chunk.direction else self.forward
        if exchanges.waits(half) and self._hold(half, chunk):
            return exchanges.out
        half.data(chunk, exchanges)
        if exchanges.held and not exchanges.waits(self._client()):
            self._go_on()
        return exchanges.out

    def on_gap(self, gap: Gap) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        half = self.backward if gap.direction else self.forward
        if exchanges.held and exchanges.waits(half):
            self._drop(half)
        exchanges.gap(gap)
        half.gap(gap, exchanges)
        return exchanges.out

    def on_close(self, close: Close) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, close.time)
        if exchanges.held and close.direction in (exchanges.client, NEITHER):
            self._drop(self._client())
        if close.direction != 1:
            exchanges.close(self.forward, close)
        if close.direction != 0:
            exchanges.close(self.backward, close)
        if close.direction == NEITHER:
            exchanges.finish(close)
        return exchanges.out

    # -- what comes before the answer to an upgrade --------------------------------------------------------

    def _client(self) -> Http1Half:
        return self.backward if self.exchanges.client == 1 else self.forward

    def _hold(self, half: Http1Half, chunk: Chunk) -> bool:
        """Keep it until the answer comes; False where it begins a request, which waits for nothing."""
        if known_start(chunk.data[:32]):
            return False
        self.held_octets += len(chunk.data)
        if self.held_octets > MAX_HELD_BACK:
            self._drop(half)
            return False
        self.exchanges.held.append(chunk)
        return True

    def _drop(self, half: Http1Half) -> None:
        """The answer did not come: nobody can say what these octets are."""
        half.skipped += sum([len(chunk.data) for chunk in self.exchanges.held])
        self.exchanges.held = []
        half.unsure()

    def _go_on(self) -> None:
        """The answer came, and the connection stays with HTTP: what the client had sent until then is read."""
        exchanges = self.exchanges
        held, exchanges.held = exchanges.held, []
        for chunk in held:
            self._client().data(chunk, exchanges)
