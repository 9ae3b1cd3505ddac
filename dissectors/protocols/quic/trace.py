"""The packets of a connection in the terms of qlog, for other programs that draw or compare them.

draft-marx-qlog-event-definitions-quic-h3-02, the events of qlog 0.3. What an endpoint alone knows is not in them.
"""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import CARRYING, EXTRA, SUMMED, Evidence, JsonValue, Observed
from dissectors.kit.inputs import Datagram
from dissectors.kit.trace import TraceEntry, TraceEvent
from dissectors.kit.units import plural
from dissectors.protocols.quic.connection import Connection
from dissectors.protocols.quic.events import PACKETS
from dissectors.protocols.quic.frames import (
    ACK,
    ACK_ECN,
    CLOSE,
    CLOSE_APPLICATION,
    CRYPTO,
    DATA_BLOCKED,
    DATAGRAM,
    MAX_DATA,
    MAX_STREAM_DATA,
    MAX_STREAMS,
    NEW_CONNECTION_ID,
    NEW_TOKEN,
    RESET_STREAM,
    RETIRE_CONNECTION_ID,
    STOP_SENDING,
    STREAM,
    STREAM_DATA_BLOCKED,
    STREAMS_BLOCKED,
    Frames,
    QuicFrame,
)
from dissectors.protocols.quic.parameters import DEFAULT_EXPONENT
from dissectors.protocols.quic.protection import Opened
from dissectors.protocols.quic.wire import INITIAL, ONE_RTT, VERSIONS, QuicPacket

MAX_ENTRIES: Final = 200_000       # packets of a connection that are logged
MAX_REASON: Final = 256            # octets of the reason of a close
TYPES: Final = ("initial", "0RTT", "handshake", "retry", "1RTT", "version_negotiation", "unknown")
SENT, RECEIVED = "transport:packet_sent", "transport:packet_received"
NAMES: Final[dict[int, str]] = {
    0x00: "padding", 0x01: "ping", ACK: "ack", ACK_ECN: "ack", RESET_STREAM: "reset_stream",
    STOP_SENDING: "stop_sending", CRYPTO: "crypto", NEW_TOKEN: "new_token", MAX_DATA: "max_data",
    MAX_STREAM_DATA: "max_stream_data", MAX_STREAMS: "max_streams", MAX_STREAMS + 1: "max_streams",
    DATA_BLOCKED: "data_blocked", STREAM_DATA_BLOCKED: "stream_data_blocked", STREAMS_BLOCKED: "streams_blocked",
    STREAMS_BLOCKED + 1: "streams_blocked", NEW_CONNECTION_ID: "new_connection_id",
    RETIRE_CONNECTION_ID: "retire_connection_id", 0x1A: "path_challenge", 0x1B: "path_response",
    CLOSE: "connection_close", CLOSE_APPLICATION: "connection_close", 0x1E: "handshake_done", DATAGRAM: "datagram",
    DATAGRAM + 1: "datagram",
}
COUNTED: Final = (MAX_STREAMS, MAX_STREAMS + 1, STREAMS_BLOCKED, STREAMS_BLOCKED + 1)


class QuicTrace(TraceEvent):
    """The log of one connection."""

    name: ClassVar[str] = "quic.trace"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = EXTRA
    normally: ClassVar[str] = SUMMED
    spec: ClassVar[str] = "RFC 9000 §12"
    WHY: ClassVar[str] = (
        "Programs that speak QUIC can log what they send and receive in a form that they have in common, qlog. What a "
        "capture shows of it can be drawn by the same tools."
    )

    def label(self) -> str:
        return "qlog"

    def what(self) -> str:
        return f"{plural(len(self.entries), 'packet')} of the connection are logged."

    def fields(self) -> dict[str, JsonValue]:
        return {"packets": len(self.entries)}


class Tracer:
    """Takes the packets of a connection."""

    def __init__(self) -> None:
        self.entries: list[TraceEntry] = []
        self.frames = (0, 0)           # the first and the last frame of the capture

    def packet(
        self, connection: Connection, packet: QuicPacket, datagram: Datagram, opened: Opened | None,
        frames: Frames | None,
    ) -> bool:
        """False where the cap is reached."""
        if len(self.entries) >= MAX_ENTRIES:
            return False
        side = connection.sides[datagram.direction]
        header: dict[str, JsonValue] = {"packet_type": TYPES[int(packet.kind)], "dcid": packet.dcid.hex()}
        if packet.kind != ONE_RTT:
            header["version"] = f"{packet.version:08x}"
            header["scid"] = packet.scid.hex()
        data: dict[str, JsonValue] = {
            "header": header, "raw": {"length": int(packet.end - packet.at + packet.cut)},
        }
        if packet.kind == VERSIONS:
            data["supported_versions"] = [f"{version:08x}" for version in packet.versions]
        if opened is not None and frames is not None:
            header["packet_number"] = int(opened.number)
            exponent = DEFAULT_EXPONENT
            if packet.kind != INITIAL and side.parameters is not None:
                exponent = side.parameters.ack_exponent()
            listed: list[JsonValue] = []
            listed.extend([_frame(frame, exponent) for frame in frames.all])
            data["frames"] = listed
        name = SENT if connection.from_client(datagram.direction) else RECEIVED
        self.entries.append(TraceEntry(datagram.time, name, data))
        self.frames = (self.frames[0] or datagram.frame, datagram.frame)
        return True

    def told(self, connection: Connection) -> QuicTrace:
        """The log so far, which begins anew."""
        entries, self.entries = self.entries, []
        frames = tuple(sorted({*self.frames} - {0}))
        common: dict[str, JsonValue] = {"ODCID": (connection.attempted or connection.original).hex()}
        observed = Observed(entries[-1].time, connection.client, Evidence(frames))
        return QuicTrace(observed, f"connection {connection.serial}", connection.client, entries, common=common)


def _frame(frame: QuicFrame, exponent: int) -> dict[str, JsonValue]:
    kind = int(frame.type)
    if STREAM <= kind < STREAM + 8:
        return {
            "frame_type": "stream", "stream_id": int(frame.id), "offset": int(frame.offset), "length": len(frame.data),
            "fin": frame.fin,
        }
    name = NAMES.get(kind)
    if name is None:
        return {"frame_type": "unknown", "raw_frame_type": kind}
    out: dict[str, JsonValue] = {"frame_type": name}
    if kind in (ACK, ACK_ECN):
        ranges: list[JsonValue] = []
        ranges.extend([[smallest, largest] for smallest, largest in reversed(frame.ranges)])
        out["ack_delay"] = int(frame.delay) * (1 << exponent) / 1000         # ms
        out["acked_ranges"] = ranges
        if kind == ACK_ECN:
            out["ect0"], out["ect1"], out["ce"] = frame.ecn
    elif kind in (CLOSE, CLOSE_APPLICATION):
        out["error_space"] = "application" if kind == CLOSE_APPLICATION else "transport"
        out["error_code"] = out["raw_error_code"] = int(frame.code)
        out["reason"] = frame.data[:MAX_REASON].decode("utf-8", "backslashreplace")
        if kind == CLOSE:
            out["trigger_frame_type"] = int(frame.id)
    else:
        _fields(frame, kind, out)
    return out


def _fields(frame: QuicFrame, kind: int, out: dict[str, JsonValue]) -> None:
    """Of a frame with a few of them. Tokens are left out: who has one can end a connection, or begin one."""
    if kind in (CRYPTO, DATAGRAM, DATAGRAM + 1, NEW_TOKEN):
        out["length"] = len(frame.data)
    if kind == CRYPTO:
        out["offset"] = int(frame.offset)
    if kind == 0x00:
        out["payload_length"] = int(frame.count)
    if kind in (RESET_STREAM, STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED):
        out["stream_id"] = int(frame.id)
    if kind in (RESET_STREAM, STOP_SENDING):
        out["error_code"] = int(frame.code)
    if kind == RESET_STREAM:
        out["final_size"] = int(frame.offset)
    if kind in (MAX_DATA, MAX_STREAM_DATA):
        out["maximum"] = int(frame.offset)
    if kind in (DATA_BLOCKED, STREAM_DATA_BLOCKED):
        out["limit"] = int(frame.offset)
    if kind in COUNTED:
        out["stream_type"] = "unidirectional" if kind & 1 else "bidirectional"
        out["maximum" if kind <= MAX_STREAMS + 1 else "limit"] = int(frame.id)
    if kind in (NEW_CONNECTION_ID, RETIRE_CONNECTION_ID):
        out["sequence_number"] = int(frame.id)
    if kind == NEW_CONNECTION_ID:
        out["retire_prior_to"] = int(frame.offset)
        out["connection_id_length"] = len(frame.data)
        out["connection_id"] = frame.data.hex()
