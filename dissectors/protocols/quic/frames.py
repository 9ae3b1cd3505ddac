"""The frames in a packet (RFC 9000 §19, RFC 9221 §4, draft-ietf-quic-ack-frequency)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError
from dissectors.protocols.quic.wire import Reader

PADDING: Final = 0x00
PING: Final = 0x01
ACK: Final = 0x02
ACK_ECN: Final = 0x03
RESET_STREAM: Final = 0x04
STOP_SENDING: Final = 0x05
CRYPTO: Final = 0x06
NEW_TOKEN: Final = 0x07
STREAM: Final = 0x08           # up to 0x0f: the last three bits say which fields there are
MAX_DATA: Final = 0x10
MAX_STREAM_DATA: Final = 0x11
MAX_STREAMS: Final = 0x12      # and 0x13
DATA_BLOCKED: Final = 0x14
STREAM_DATA_BLOCKED: Final = 0x15
STREAMS_BLOCKED: Final = 0x16  # and 0x17
NEW_CONNECTION_ID: Final = 0x18
RETIRE_CONNECTION_ID: Final = 0x19
PATH_CHALLENGE: Final = 0x1A
PATH_RESPONSE: Final = 0x1B
CLOSE: Final = 0x1C
CLOSE_APPLICATION: Final = 0x1D
HANDSHAKE_DONE: Final = 0x1E
IMMEDIATE_ACK: Final = 0x1F
DATAGRAM: Final = 0x30         # and 0x31, with a length
ACK_FREQUENCY: Final = 0xAF
TIMESTAMP: Final = 0x02F5      # draft-huitema-quic-ts

MAX_FRAMES: Final[i64] = 2_000     # of one packet that are read; the rest is not looked at
MAX_RANGES: Final[i64] = 256       # of one ACK that are kept; the rest is read


NO_RANGES: Final[list[tuple[int, int]]] = []      # of a frame that is no ACK; never changed
NO_COUNTS: Final = (-1, -1, -1)


class QuicFrame:
    """One frame. What a field means depends on the type.

    id: of a stream, the sequence number of a connection ID, or a limit.     offset: in a stream, the final size, or a
    limit.     code: an error.     data: content, a token, a connection ID, or the reason of a close.
    largest, delay, ranges: of an ACK, (smallest, largest) each, highest first; ecn: its counts of ECT(0), ECT(1), CE.
    count: of PADDING octets.
    """

    def __init__(self, type: i64) -> None:
        self.type: i64 = type
        self.id: i64 = 0
        self.offset: i64 = 0
        self.code: i64 = 0
        self.data = b""
        self.token = b""
        self.fin = False
        self.largest: i64 = -1
        self.delay: i64 = 0
        self.ranges: list[tuple[int, int]] = NO_RANGES
        self.ecn: tuple[int, int, int] = NO_COUNTS
        self.count: i64 = 0


class Frames:
    """Of one packet. problem: what broke, "" for nothing; those before it are there.     problem_at: where.

    unread: frames beyond the cap are there.     eliciting: an endpoint has to acknowledge it (RFC 9002 §2).
    """

    def __init__(self, payload: bytes) -> None:
        self.all: list[QuicFrame] = []
        self.problem = ""
        self.problem_at: i64 = 0
        self.unread = False
        self.eliciting = False
        reader = Reader(payload, 0, len(payload))
        try:
            while reader.at < reader.end:
                if len(self.all) >= MAX_FRAMES:
                    self.unread = True
                    break
                frame = _frame(reader)
                self.all.append(frame)
                kind = frame.type
                if kind not in (PADDING, ACK, ACK_ECN, CLOSE, CLOSE_APPLICATION):
                    self.eliciting = True
        except WireError as error:
            self.problem = error.reason
            self.problem_at = error.offset


def _frame(reader: Reader) -> QuicFrame:
    start = reader.at
    kind = reader.varint()
    frame = QuicFrame(kind)
    if kind == PADDING:
        data = reader.data
        at = reader.at
        end = reader.end
        while at < end and data[at] == 0:
            at += 1
        reader.at = at
        frame.count = at - start
    elif STREAM <= kind < STREAM + 8:
        frame.id = reader.varint()
        if kind & 4:
            frame.offset = reader.varint()
        frame.data = reader.take(reader.varint() if kind & 2 else reader.end - reader.at)
        frame.fin = kind & 1 != 0
    elif kind in (ACK, ACK_ECN):
        _ack(reader, frame)
    elif kind == CRYPTO:
        frame.offset = reader.varint()
        frame.data = reader.take(reader.varint())
    elif kind < CLOSE:
        _control(reader, frame, kind)
    elif kind in (CLOSE, CLOSE_APPLICATION):
        frame.code = reader.varint()
        frame.id = reader.varint() if kind == CLOSE else 0      # the type of the frame that broke a rule
        frame.data = reader.take(reader.varint())
    elif kind in (DATAGRAM, DATAGRAM + 1):
        frame.data = reader.take(reader.varint() if kind & 1 else reader.end - reader.at)
    elif kind == ACK_FREQUENCY:
        frame.id = reader.varint()
        frame.count = reader.varint()
        frame.delay = reader.varint()
        reader.varint()
    elif kind == TIMESTAMP:
        reader.varint()
    elif kind not in (HANDSHAKE_DONE, IMMEDIATE_ACK):
        # Nothing says how long it is, so that the rest cannot be read (RFC 9000 §12.4).
        raise WireError(int(start), f"a frame of the unknown type 0x{kind:x}")
    return frame


def _control(reader: Reader, frame: QuicFrame, kind: i64) -> None:
    """Frames of a few fields (RFC 9000 §19.4 to §19.18)."""
    if kind == RESET_STREAM:
        frame.id = reader.varint()
        frame.code = reader.varint()
        frame.offset = reader.varint()
    elif kind == STOP_SENDING:
        frame.id = reader.varint()
        frame.code = reader.varint()
    elif kind == NEW_TOKEN:
        frame.data = reader.take(reader.varint())
    elif kind in (MAX_STREAM_DATA, STREAM_DATA_BLOCKED):
        frame.id = reader.varint()
        frame.offset = reader.varint()
    elif kind in (MAX_DATA, DATA_BLOCKED):
        frame.offset = reader.varint()
    elif kind in (MAX_STREAMS, MAX_STREAMS + 1, STREAMS_BLOCKED, STREAMS_BLOCKED + 1, RETIRE_CONNECTION_ID):
        frame.id = reader.varint()
    elif kind == NEW_CONNECTION_ID:
        frame.id = reader.varint()
        frame.offset = reader.varint()      # those before it are to be retired
        frame.data = reader.take(reader.octet())
        frame.token = reader.take(16)
    elif kind in (PATH_CHALLENGE, PATH_RESPONSE):
        frame.data = reader.take(8)


def _ack(reader: Reader, frame: QuicFrame) -> None:
    """RFC 9000 §19.3."""
    largest = reader.varint()
    frame.largest = largest
    frame.delay = reader.varint()
    count = reader.varint()
    smallest = largest - reader.varint()
    if smallest < 0:
        raise WireError(int(reader.at), "an ACK of packet numbers below 0")
    frame.ranges = [(int(smallest), int(largest))]
    while count > 0:
        largest = smallest - reader.varint() - 2
        smallest = largest - reader.varint()
        if smallest < 0:
            raise WireError(int(reader.at), "an ACK of packet numbers below 0")
        if len(frame.ranges) < MAX_RANGES:
            frame.ranges.append((int(smallest), int(largest)))
        count -= 1
    if frame.type == ACK_ECN:
        frame.ecn = (int(reader.varint()), int(reader.varint()), int(reader.varint()))
