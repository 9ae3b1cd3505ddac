"""What messages carry for a protocol of its own: the subprotocol that both sides agreed on (RFC 6455 §1.9)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Evidence, LimitReached, Observed
from dissectors.kit.inputs import Chunk, Datagram, Gap
from dissectors.kit.protocol import BENEATH, SUBPROTOCOL, Handoff, Output, Readers

MAX_MESSAGE: Final[i64] = 1_000_000    # octets of one message that is handed on whole


class Above:
    """The protocol above, where it is active.

    whole: it takes each message as a datagram; else the messages of a side are one stream of octets, however they were
    cut (as MQTT 5.0 §6 wants it).
    """

    def __init__(self, active: bool, whole: bool) -> None:
        self.active = active
        self.whole = whole
        self.positions: list[int] = [0, 0]
        self.parts: list[list[bytes]] = [[], []]
        self.held: list[int] = [0, 0]
        self.broken: list[bool] = [False, False]    # the message in hand will not be whole
        self.limit_told: bool = False

    def begin(self, direction: int) -> None:
        """A message starts."""
        self.parts[direction] = []
        self.held[direction] = 0
        self.broken[direction] = False

    def octets(self, data: bytes, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """The next octets of the message in hand, as they were meant."""
        if not self.active or not data:
            return
        if not self.whole:
            out.append(Chunk(frame, time, direction, data, self.positions[direction]))
            self.positions[direction] += len(data)
            return
        self.held[direction] += len(data)
        if self.held[direction] <= MAX_MESSAGE:
            self.parts[direction].append(data)
            return
        self.parts[direction] = []
        if not self.limit_told:
            self.limit_told = True
            observed = Observed(time, direction, Evidence((frame,)))
            out.append(LimitReached(observed, "websocket", "octets of a message handed on", int(MAX_MESSAGE)))

    def lose(self, octets: int, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """Octets of the message in hand are not in the capture. Where frames were lost, headers are counted with them:
        nobody can know how many of the octets were payload."""
        self.broken[direction] = True
        if self.active and not self.whole and octets > 0:
            out.append(Gap(frame, time, direction, self.positions[direction], octets))
            self.positions[direction] += octets

    def end(self, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """The message is over."""
        if self.active and self.whole and not self.broken[direction] and self.held[direction] <= MAX_MESSAGE:
            data = b"".join(self.parts[direction])
            out.append(Datagram(frame, time, direction, data, len(data)))
        self.begin(direction)


def handed_on(readers: Readers, subprotocol: str, direction: int, out: list[Output]) -> Above:
    """Hand over to who is reached by this subprotocol, if anybody is."""
    by = (SUBPROTOCOL, subprotocol)
    protocol = readers.of(by) if subprotocol else None
    if protocol is None:
        return Above(False, False)
    out.append(Handoff(by, direction, BENEATH))
    return Above(True, SUBPROTOCOL in protocol.whole_by)
