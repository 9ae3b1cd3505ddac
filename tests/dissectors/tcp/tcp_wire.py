"""A small builder of connections: segments by hand, with relative numbers and milliseconds."""
from __future__ import annotations

from dissectors.kit.event import Event
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN
from dissectors.protocols.tcp.narrator import TcpNarrator
from dissectors.protocols.tcp.segment import Segment

MS = 1_000_000
CLIENT = 0
SERVER = 1
ISN = (1000, 4294967000)     # the server's numbers wrap soon


def timestamps(value: int, echo: int) -> bytes:
    return b"\x01\x01\x08\x0a" + value.to_bytes(4, "big") + echo.to_bytes(4, "big")


def sack(*blocks: tuple[int, int], side: int = SERVER) -> bytes:
    """SACK blocks about the bytes of `side`, in relative numbers."""
    body = b"".join(
        ((ISN[side] + edge) % 2**32).to_bytes(4, "big") for block in blocks for edge in block
    )
    return b"\x01\x01\x05" + bytes([2 + len(body)]) + body


class Wire:
    """Feeds a narrator. Sequence numbers count from 0 (the SYN); times are milliseconds."""

    def __init__(self) -> None:
        self.narrator = TcpNarrator()
        self.events: list[Event] = []
        self.frame = 0
        self.now = 0.0

    def send(
        self, side: int, seq: int, ack: int, length: int = 0, flags: int = ACK, at: float = -1.0, window: int = 64000,
        options: bytes = b"", analysis: int = 0, **more: int,
    ) -> Wire:
        self.frame += 1
        self.now = at if at >= 0 else self.now + 0.01
        segment = Segment(
            self.frame, int(self.now * MS), side, flags, (ISN[side] + seq) % 2**32,
            (ISN[1 - side] + ack) % 2**32 if flags & ACK else 0, window, length,
        )
        segment.options = options
        segment.analysis = analysis
        segment.scale_known = True
        for name, value in more.items():
            setattr(segment, name, value)
        self.events += self.narrator.on_segment(segment)
        return self

    def client(self, seq: int, ack: int, length: int = 0, **more: object) -> Wire:
        return self.send(CLIENT, seq, ack, length, **more)  # type: ignore[arg-type]

    def server(self, seq: int, ack: int, length: int = 0, **more: object) -> Wire:
        return self.send(SERVER, seq, ack, length, **more)  # type: ignore[arg-type]

    def open(self, rtt: float = 20.0, window: int = 64000) -> Wire:
        """A handshake seen near the client, whose first window is `window`."""
        self.client(0, 0, flags=SYN, at=self.now)
        self.server(0, 1, flags=SYN | ACK, at=self.now + rtt)
        return self.client(1, 1, at=self.now + 0.1, window=window, window_bytes=window)

    def finish(self, side: int, seq: int, ack: int, **more: object) -> Wire:
        return self.send(side, seq, ack, flags=FIN | ACK, **more)  # type: ignore[arg-type]

    def reset(self, side: int, seq: int, ack: int = 0, flags: int = RST | ACK, **more: object) -> Wire:
        return self.send(side, seq, ack, flags=flags, **more)  # type: ignore[arg-type]

    def end(self, how: str = "capture", at: float = -1.0) -> Wire:
        self.events += self.narrator.on_end(how, int((at if at >= 0 else self.now) * MS))
        return self

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def one(self, name: str) -> Event:
        """The only event of this name."""
        found = [event for event in self.events if event.name == name]
        assert len(found) == 1, (name, self.names())
        return found[0]
