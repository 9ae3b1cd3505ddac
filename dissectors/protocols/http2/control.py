"""Frames that manage the connection: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM, priorities, extensions."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Evidence
from dissectors.kit.octets import be16, be32
from dissectors.protocols.http2.codes import (
    ACK,
    ALTSVC,
    GOAWAY,
    HEADER_TABLE_SIZE,
    MAX_FRAME_SIZE,
    ORIGIN,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    type_name,
)
from dissectors.protocols.http2.connection import MAX_TOLD, MAX_TOLD_MINOR, Conn
from dissectors.protocols.http2.events_control import (
    AltSvc,
    GoAway,
    H2Ping,
    H2Reset,
    Origin,
    PingAck,
    Priority,
    PriorityUpdate,
    Settings,
    SettingsAck,
    UnknownFrame,
    WindowUpdate,
)
from dissectors.protocols.http2.meaning import setting_error
from dissectors.protocols.http2.messages import H2Messages
from dissectors.protocols.http2.side import MAX_PINGS, MAX_UNACKED, Announced, H2Side, initial_window
from dissectors.protocols.http2.states import CLIENT, CLOSED, STATE_NAMES
from dissectors.wire.secrets.text import without_secrets

MAX_TEXT: Final = 1_000        # octets of a text in a frame that are kept
MAX_ORIGINS: Final = 100       # of one ORIGIN frame that are kept
MAX_UNKNOWN: Final = 64        # octets of the payload of an unknown frame that are kept
MAX_RTTS: Final = 1_000        # round trips of PING and SETTINGS that are remembered
EXACT: Final[dict[int, int]] = {2: 5, 3: 4, 6: 8, 8: 4}   # octets of the payload of a type (RFC 9113 §6)


class Control:
    """The frames of one connection that are not part of a message."""

    def __init__(self, conn: Conn, messages: H2Messages) -> None:
        self.conn = conn
        self.messages = messages

    def frame(self, side: H2Side) -> None:
        """A frame other than DATA, HEADERS, PUSH_PROMISE and CONTINUATION, whole."""
        reader = side.reader
        kind = reader.type
        exact = EXACT.get(int(kind), -1)
        if 0 <= exact != reader.length:
            self.conn.malformed(
                side, 0, f"a {type_name(int(kind))} frame of {reader.length} octets where it has {exact}"
            )
            return
        if reader.cut:
            if kind in (WINDOW_UPDATE, SETTINGS):
                self.conn.lose_windows()
            return
        if kind == WINDOW_UPDATE:
            self._window_update(side)
        elif kind == SETTINGS:
            self._settings(side)
        elif kind == PING:
            self._ping(side)
        elif kind == RST_STREAM:
            self._reset(side)
        elif kind == GOAWAY:
            self._goaway(side)
        elif kind == PRIORITY:
            self.priority(side, 0)
        elif kind == PRIORITY_UPDATE:
            self._priority_update(side)
        elif kind == ALTSVC:
            self._altsvc(side)
        elif kind == ORIGIN:
            self._origin(side)
        elif not self.conn.each_pdu:
            self.conn.tell(
                UnknownFrame(self.conn.seen(side), reader.payload[:MAX_UNKNOWN]), "unknown frame", MAX_TOLD_MINOR
            )

    # -- settings (RFC 9113 §6.5) ----------------------------------------------------------------------

    def _settings(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        if reader.id:
            conn.violation(side, int(reader.id), "settings_on_stream", f"SETTINGS on stream {reader.id}")
            return
        if reader.flags & ACK:
            if reader.length:
                conn.malformed(side, 0, f"a SETTINGS acknowledgment with {reader.length} octets")
            self._acknowledged(side)
            return
        if reader.length % 6:
            conn.malformed(side, 0, f"a SETTINGS frame of {reader.length} octets, which is no multiple of 6")
            return
        values = settings_of(reader.payload)
        by_client = conn.who(side) == CLIENT
        for identifier, value in values:
            error = setting_error(identifier, value, by_client)
            if error:
                conn.violation(side, 0, "bad_setting", error)
            side.settings[identifier] = value
            if identifier == MAX_FRAME_SIZE and not error:
                other = conn.peer(side).reader
                other.largest = max(other.largest, value)
        if len(side.unacked) < MAX_UNACKED:
            side.unacked.append(Announced(reader.now, reader.frame, values))
        if not conn.each_pdu:
            conn.tell(Settings(conn.seen(side), values), "SETTINGS", MAX_TOLD)

    def _acknowledged(self, side: H2Side) -> None:
        """From here on this side obeys what the other announced (RFC 9113 §6.5.3)."""
        conn = self.conn
        reader = side.reader
        other = conn.peer(side)
        evidence = conn.evidence(side)
        ack_ns = -1
        if other.unacked:
            first = other.unacked[0]
            other.unacked = other.unacked[1:]
            ack_ns = max(reader.now - first.time, 0)
            if first.frame < evidence.frames[0]:
                evidence = Evidence((first.frame, *evidence.frames), evidence.start, evidence.end)
            if len(conn.ack_times) < MAX_RTTS:
                conn.ack_times.append(ack_ns)
            self.obey(side, first.values)
        if not conn.each_pdu:
            conn.tell(SettingsAck(conn.seen(side, evidence), ack_ns), "SETTINGS acknowledgment", MAX_TOLD)

    def obey(self, side: H2Side, values: tuple[tuple[int, int], ...]) -> None:
        """This side has taken over what the other announced."""
        initial = initial_window(values)
        if initial >= 0:
            self.conn.resize(side, initial, side.reader.now, side.reader.frame)
        for identifier, value in values:
            if identifier == HEADER_TABLE_SIZE and side.decoder.whole:
                side.decoder.limit = value

    # -- windows (RFC 9113 §6.9) -----------------------------------------------------------------------

    def _window_update(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        number = int(reader.id)
        increment = be32(reader.payload, 0) & 0x7FFF_FFFF
        if not increment:
            conn.violation(side, number, "no_increment", "a WINDOW_UPDATE of 0")
            return
        sender = conn.peer(side)
        left: i64 = -1
        if not number:
            window = sender.window
            window.grant(increment, reader.now, reader.frame)
            sender.windows.add(reader.now, window.size)
        else:
            stream = conn.streams.get(number)
            if stream is None:
                if conn.idle(number):
                    conn.violation(side, number, "window_of_idle", f"a WINDOW_UPDATE for the idle stream {number}")
                return
            window = conn.half(stream, sender).window
            window.grant(increment, reader.now, reader.frame)
        if conn.too_large(window):
            conn.violation(side, number, "window_overflow", f"a window of {window.size} octets, beyond 2^31-1")
        if window.known:
            left = window.size
        if not conn.each_pdu and conn.tells("WINDOW_UPDATE", MAX_TOLD_MINOR):
            conn.out.append(WindowUpdate(conn.seen(side), int(left)))

    # -- pings (RFC 9113 §6.7) -------------------------------------------------------------------------

    def _ping(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        opaque = reader.payload
        if not reader.flags & ACK:
            if len(side.pings) < MAX_PINGS:
                side.pings[opaque] = (reader.now, reader.frame)
            if not conn.each_pdu:
                conn.tell(H2Ping(conn.seen(side)), "PING", MAX_TOLD)
            return
        asked = conn.peer(side).pings.pop(opaque, (-1, 0))
        rtt = max(reader.now - asked[0], 0) if asked[0] >= 0 else -1
        if rtt >= 0 and len(conn.rtts) < MAX_RTTS:
            conn.rtts.append(rtt)
        if conn.each_pdu:
            return
        evidence = conn.evidence(side)
        if asked[1] and asked[1] < evidence.frames[0]:
            evidence = Evidence((asked[1], *evidence.frames), evidence.start, evidence.end)
        conn.tell(PingAck(conn.seen(side, evidence), rtt), "echo of a PING", MAX_TOLD)

    # -- ends (RFC 9113 §6.4, §6.8) --------------------------------------------------------------------

    def _reset(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        number = int(reader.id)
        stream = conn.streams.get(number)
        if number == 0 or (stream is None and conn.idle(number)):
            conn.violation(side, number, "reset_of_idle", f"an RST_STREAM for stream {number}, which is idle")
            return
        conn.resets += 1
        if stream is not None:
            state = STATE_NAMES[stream.state]
            conn.half(stream, side).last_frame = reader.frame
        else:
            state = STATE_NAMES[CLOSED] if number in conn.closed else "not seen by the capture"
        if not conn.each_pdu:
            conn.tell(H2Reset(conn.seen(side), state, stream), "RST_STREAM", MAX_TOLD)
        if stream is not None:
            self.messages.reset(side, stream, int(be32(reader.payload, 0)))

    def _goaway(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        if reader.length < 8:
            conn.malformed(side, 0, f"a GOAWAY frame of {reader.length} octets where it has 8 at least")
            return
        if conn.each_pdu:
            return
        own = 0 if conn.who(side) == CLIENT else 1   # streams of its peer: even for a client, odd for a server
        open_ = sorted([number for number in conn.streams if number & 1 == own])
        debug = reader.payload[8:8 + MAX_TEXT].decode("utf-8", "backslashreplace")
        shown = debug if conn.show_secrets else without_secrets(debug)
        conn.tell(GoAway(conn.seen(side), shown, open_), "GOAWAY", MAX_TOLD)

    # -- priorities (RFC 7540 §5.3, RFC 9218) ----------------------------------------------------------

    def priority(self, side: H2Side, at: i64) -> None:
        """The five octets of a PRIORITY frame, or of a HEADERS frame with that flag."""
        conn = self.conn
        number = side.reader.id
        if conn.each_pdu:
            return
        if be32(side.reader.payload, at) & 0x7FFF_FFFF == number:
            conn.violation(side, int(number), "depends_on_itself", f"stream {number} depends on itself")
        if conn.tells("priority", MAX_TOLD_MINOR):
            conn.out.append(Priority(conn.seen(side), int(at)))

    def _priority_update(self, side: H2Side) -> None:
        conn = self.conn
        reader = side.reader
        if reader.length < 4:
            conn.malformed(side, 0, f"a PRIORITY_UPDATE frame of {reader.length} octets where it has 4 at least")
            return
        if conn.each_pdu:
            return
        value = reader.payload[4:4 + MAX_TEXT].decode("latin-1")
        conn.tell(PriorityUpdate(conn.seen(side), value), "PRIORITY_UPDATE", MAX_TOLD)

    # -- extensions ------------------------------------------------------------------------------------

    def _altsvc(self, side: H2Side) -> None:
        conn = self.conn
        payload = side.reader.payload
        size: i64 = len(payload)
        length = i64(payload[0]) << 8 | i64(payload[1]) if size >= 2 else 0
        if size < 2 or 2 + length > size:
            conn.malformed(side, 0, "an ALTSVC frame that ends within its origin")
            return
        if not conn.each_pdu:
            conn.tell(AltSvc(
                conn.seen(side), payload[2:2 + length].decode("latin-1")[:MAX_TEXT],
                payload[2 + length:].decode("latin-1")[:MAX_TEXT],
            ), "ALTSVC", MAX_TOLD_MINOR)

    def _origin(self, side: H2Side) -> None:
        conn = self.conn
        payload = side.reader.payload
        size: i64 = len(payload)
        at: i64 = 0
        origins: list[str] = []
        while at < size and len(origins) < MAX_ORIGINS:
            end = at + 2 + (i64(payload[at]) << 8 | i64(payload[at + 1])) if at + 2 <= size else size + 1
            if end > size:
                conn.malformed(side, int(at), "an ORIGIN frame that ends within an origin")
                return
            origins.append(payload[at + 2:end].decode("latin-1")[:MAX_TEXT])
            at = end
        if at < size:
            conn.limit(side, "MAX_ORIGINS", MAX_ORIGINS)
        if not conn.each_pdu:
            conn.tell(Origin(conn.seen(side), tuple(origins)), "ORIGIN", MAX_TOLD_MINOR)


def settings_of(payload: bytes) -> tuple[tuple[int, int], ...]:
    """(identifier, value) pairs in order."""
    out: list[tuple[int, int]] = []
    at: i64 = 0
    size: i64 = len(payload)
    while at + 6 <= size:
        out.append((int(be16(payload, at)), int(be32(payload, at + 2))))
        at += 6
    return tuple(out)
