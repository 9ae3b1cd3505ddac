"""A connection fed to the dissector step by step."""
from __future__ import annotations

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Output
from dissectors.kit.provided import NOTHING, Provided
from dissectors.protocols.tls.dissector import TlsDissector

MS = 1_000_000
CLIENT, SERVER = 0, 1


class Connection:
    """Feeds one dissector; every call is a frame of its own, a millisecond after the one before."""

    def __init__(
        self, midstream: bool = False, each_pdu: bool = False, provided: Provided = NOTHING,
        ports: tuple[int, int] = (50_000, 443),
    ) -> None:
        self.context = Context("tcp", *ports, midstream, each_pdu, provided)
        self.dissector = TlsDissector(self.context)
        self.frame = 0
        self.now = 0
        self.position = [0, 0]
        self.events: list[Event] = []
        self.others: list[Output] = []

    def send(self, direction: int, data: bytes, after: int = MS) -> list[Event]:
        self.frame += 1
        self.now += after
        chunk = Chunk(self.frame, self.now, direction, data, self.position[direction], 0, 54)
        self.position[direction] += len(data)
        return self._keep(self.dissector.on_data(chunk))

    def client(self, data: bytes, after: int = MS) -> list[Event]:
        return self.send(CLIENT, data, after)

    def server(self, data: bytes, after: int = MS) -> list[Event]:
        return self.send(SERVER, data, after)

    def gap(self, direction: int, length: int) -> list[Event]:
        self.frame += 1
        self.now += MS
        gap = Gap(self.frame, self.now, direction, self.position[direction], length)
        self.position[direction] += length
        return self._keep(self.dissector.on_gap(gap))

    def close(self, how: str = "capture", direction: int = 2, after: int = MS) -> list[Event]:
        self.now += after
        return self._keep(self.dissector.on_close(Close(max(self.frame, 1), self.now, direction, how)))

    def _keep(self, outputs: list[Output]) -> list[Event]:
        events = [output for output in outputs if isinstance(output, Event)]
        self.events += events
        self.others += [output for output in outputs if not isinstance(output, Event)]
        for event in events:
            assert event.what().strip()
            assert event.fields() is not None
            assert max(event.evidence.frames) <= max(self.frame, 1)
        return events

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def one(self, name: str) -> Event:
        found = self.named(name)
        assert len(found) == 1, [event.name for event in self.events]
        return found[0]
