"""The two byte streams of a TCP connection, fed segment by segment."""
from __future__ import annotations

from mypy_extensions import i64

from analyzer.flows.reassembly import MAX_WAITING_BYTES, Assembler, Piece, WaitingRoom
from dissectors.protocols.tcp.flags import ACK, RST, SYN
from dissectors.protocols.tcp.side import HALF, MASK, TcpSide


class Streams:
    """Both directions, index 0 the originator's."""

    def __init__(self, room: WaitingRoom | None = None) -> None:
        self.forward = Assembler(0, room)
        self.backward = Assembler(1, room)
        self.resumed = False      # frames were left out: the first byte seen is where a stream goes on

    def segment(
        self, direction: i64, side: TcpSide, flags: i64, seq: i64, ack: i64, length: i64, data: bytes,
        frame: i64, time: i64, offset: i64, alone: bool = False,
    ) -> list[Piece]:
        """What one segment makes deliverable in either direction. data: the payload that was captured.

        alone: nothing of the peer was captured, so no acknowledgement will ever show that a hole stays one.
        """
        sender = self.backward if direction else self.forward
        receiver = self.forward if direction else self.backward
        if flags & SYN and sender.started and sender.position == 0 and not sender.waiting:
            sender.started = False      # a number from before the SYN was of another connection (RFC 9293 §3.5.1)
        if not sender.started and side.base_known and not self.resumed:
            sender.begin((side.base_seq + 1) & MASK, flags & SYN == 0)
        out: list[Piece] = []
        if flags & ACK and not flags & RST and receiver.started:    # the number of a RST may be anything
            out = receiver.acknowledged(ack, frame, time)
        if length and not flags & RST:  # RFC 9293 §3.5.3: what a reset carries is not data
            out += sender.segment((seq + 1) & MASK if flags & SYN else seq, data, length, frame, time, offset)
            if alone and sender.waiting:
                out += sender.finish(frame, time)
        return out

    def ends_at(self, direction: i64, seq: i64) -> int:
        """Where in its stream this sequence number, at or behind the next octet, lies; -1 where that is not known."""
        side = self.backward if direction else self.forward
        if not side.started:
            return -1
        ahead = (seq - side.next_seq) & MASK
        return int(side.position + ahead) if ahead < HALF else -1

    def finish(self, frame: i64, time: i64) -> list[Piece]:
        """Whatever still waits behind a hole."""
        return self.forward.finish(frame, time) + self.backward.finish(frame, time)

    def missing(self, direction: i64, seq: i64) -> i64:
        """Octets of this direction before that sequence number that never came, 0 where that cannot be told."""
        sender = self.backward if direction else self.forward
        ahead = (seq - sender.next_seq) & MASK
        return ahead if sender.started and ahead < MAX_WAITING_BYTES else 0

    def resume(self) -> None:
        """Frames were left out: both directions begin again wherever they are found."""
        self.resumed = True
        for side in (self.forward, self.backward):
            side.started = False
            side.clear()
            side.recent = []
            side.recent_bytes = 0
