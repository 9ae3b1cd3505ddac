"""One direction of a call: its messages as they are cut out, and what they add up to."""
from __future__ import annotations

from mypy_extensions import i64

from dissectors.protocols.grpc.framing import Base64Reader, MessageCutter


class GrpcSide:
    """One direction of a call."""

    def __init__(self, direction: int) -> None:
        self.direction: int = direction
        self.cutter = MessageCutter()
        self.base64: Base64Reader | None = None
        self.count: i64 = 0
        self.octets: i64 = 0
        self.largest: i64 = 0          # octets that the header of a message announced, whether they came or not
        self.last: int = -1
        self.now: int = 0
        self.ended: bool = False
        self.doubt_told: bool = False
        self.foreign: bool = False     # its content-type is none of gRPC: its octets are no messages
