"""What a filter sees of the frame in hand. Compiled: each frame passes it."""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from analyzer.packet import Packet
from dissectors.kit.display_field import Data
from dissectors.kit.event import Event
from dissectors.protocols.tcp.side import Detail
from dissectors.wire.secrets.gate import Said

Value = Union[int, str, bytes]

NO_VALUES: Final[list[Value]] = []
NO_EVENTS: Final[list[Event]] = []
NO_PDUS: Final[list[tuple[str, Data]]] = []


class View:
    """The frame in hand. conversation: its number, 0 for none.   start, before: time of the first frame of the capture,
    and of the one before; -1 for none.

    sound: the segment has a TCP header that can be relied on; then what follows is that of the segment. seq and ack are
    as they stand there, base and peer_base what they are relative to, -1 where that is not known.
    shift: by which the window is to be scaled, -1 where that is not known.   bits: of the analysis.
    events: what the frame completes.   told_*: concluded before: names of events and findings by frame, and of findings
    by conversation.
    """

    def __init__(self) -> None:
        self.packet = Packet()
        self.conversation: i64 = 0
        self.start: i64 = -1
        self.before: i64 = -1
        self.last: i64 = -1
        self.sound: bool = False
        self.flags: i64 = 0
        self.seq: i64 = 0
        self.ack: i64 = 0
        self.base: i64 = -1
        self.peer_base: i64 = -1
        self.window: i64 = 0
        self.shift: i64 = -1
        self.length: i64 = 0
        self.bits: i64 = 0
        self.detail = Detail()
        self.initial_rtt: i64 = 0
        self.events: list[Event] = NO_EVENTS
        self.records: list[tuple[str, Data]] = NO_PDUS
        self.looked: bool = False
        self.of_events: dict[str, list[Data]] = {}
        self.told_events: dict[int, list[str]] = {}
        self.told_findings: dict[int, list[str]] = {}
        self.told_members: dict[int, list[str]] = {}

    def begin(self, packet: Packet, events: list[Event]) -> None:
        """The next frame, and what it completes."""
        self.packet = packet
        self.before = self.last
        self.last = packet.time
        if self.start < 0:
            self.start = packet.time
        self.events = events
        self.sound = False
        self.conversation = 0
        if self.looked:
            self.looked = False
            self.records = NO_PDUS
            self.of_events = {}

    def pass_by(self, packet: Packet) -> None:
        """The next frame, of which nothing is asked."""
        self.last = packet.time
        if self.start < 0:
            self.start = packet.time

    def pdus(self) -> list[tuple[str, Data]]:
        """What the frame completes, as `wiretale frames` shows it: the protocol, and its record."""
        if not self.looked and self.events:
            self._look()
        return self.records

    def fields_of(self, name: str) -> list[Data]:
        """What the events of this name say."""
        if not self.events:
            return []
        if not self.looked:
            self._look()
        found = self.of_events.get(name)
        if found is None:
            found = [Said(event).fields() for event in self.events if event.name == name]
            self.of_events[name] = found
        return found

    def _look(self) -> None:
        self.looked = True
        self.records = pdus_of(self.events)


def pdus_of(events: list[Event]) -> list[tuple[str, Data]]:
    """Of each event that is a PDU: its protocol and its record."""
    found: list[tuple[str, Data]] = []
    for event in events:
        record = Said(event).frame_record()
        if record is not None:
            name = event.name
            found.append((name[:name.index(".")], record))
    return found
