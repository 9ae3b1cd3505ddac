"""The event that sums a connection up: what each side did, and what all of it came to."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.account import IDLE, MESSAGE, POSSIBLE, Claim
from dissectors.kit.event import EXTRA, NEITHER, Event, Evidence, JsonValue
from dissectors.kit.inputs import Close
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.protocols.http2.codes import MAX_CONCURRENT_STREAMS, type_name
from dissectors.protocols.http2.connection import Conn
from dissectors.protocols.http2.events import as_list
from dissectors.protocols.http2.side import H2Side
from dissectors.protocols.http2.states import CLIENT, SERVER
from dissectors.wire.http.events import PHASE


class SideFacts:
    """What one side did. counts: frames by type; the other numbers are of octets unless they say otherwise.

    longest_block: CONTINUATION frames of one header block, at most.     empty_data: DATA frames without content that
    did not end a stream.
    """

    def __init__(self, side: H2Side) -> None:
        self.counts = {kind: count for kind, count in enumerate(side.counts) if count}
        self.header_octets = int(side.header_octets)
        self.text_octets = int(side.text_octets)
        self.unknown_fields = int(side.unknown_fields)
        self.longest_block = int(side.longest_block)
        self.empty_data = int(side.empty_data)
        self.lowest_window = int(side.window.lowest) if side.window.known else -1
        self.window = side.windows

    def as_json(self) -> dict[str, JsonValue]:
        counts: dict[str, JsonValue] = {}
        for kind, count in sorted(self.counts.items()):
            counts[type_name(kind)] = count
        out: dict[str, JsonValue] = {
            "frames": counts, "header_octets": self.header_octets, "header_text_octets": self.text_octets,
        }
        if self.unknown_fields:
            out["unknown_fields"] = self.unknown_fields
        if self.longest_block:
            out["longest_continuation"] = self.longest_block
        if self.empty_data:
            out["empty_data_frames"] = self.empty_data
        if self.lowest_window >= 0:
            out["lowest_connection_window"] = self.lowest_window
        if self.window.times:
            out["connection_window"] = as_list(self.window.values)
            out["connection_window_times_ns"] = as_list(self.window.times)
        return out


class H2ConnectionSummary(Event):
    """What a connection of HTTP/2 came to. client, server: what each did.

    streams: opened by the client.  pushed: by the server.  peak: open at once.  limit: the most that the server
    allows, -1 where it names none.  resets: streams that ended so.  untold: events of each kind that were only counted.
    """

    name: ClassVar[str] = "http2.connection"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §9.1"
    WHY: ClassVar[str] = (
        "One connection serves all requests to a server: one handshake, one congestion window, one table of header "
        "fields that fills as it goes. What that wins shows in the sum."
    )

    def __init__(self, close: Close, conn: Conn) -> None:
        first, last = conn.first_frame, close.frame
        super().__init__(close.time, NEITHER, Evidence((first, last) if last > first else (first,)))
        self.client = SideFacts(conn.by(CLIENT))
        self.server = SideFacts(conn.by(SERVER))
        self.streams = int(conn.opened)
        self.pushed = int(conn.pushed)
        self.peak = int(conn.peak)
        self.limit = conn.by(SERVER).settings.get(MAX_CONCURRENT_STREAMS, -1)
        self.resets = int(conn.resets)
        self.rtts = tuple(conn.rtts)
        self.settings_ack_ns = tuple(conn.ack_times)
        self.late = conn.late
        self.untold = dict(conn.untold)

    def claims(self) -> list[Claim]:
        """Beside its streams nothing is owed, whoever sends a PING or SETTINGS last."""
        return [Claim(0, self.time, IDLE, MESSAGE, self.evidence.frames, POSSIBLE, "no stream was open")]

    def label(self) -> str:
        return "connection"

    def phase_title(self) -> str:
        return "HTTP/2"

    def compression(self) -> str:
        """`1.2 kB of header fields in 300 bytes (75 % less)`, "" where there were none."""
        octets = self.client.header_octets + self.server.header_octets
        text = self.client.text_octets + self.server.text_octets
        if not octets or not text:
            return ""
        won = 100 * (text - octets) / text
        rate = f"{won:.0f} % less" if won >= 0 else f"{-won:.0f} % more"
        return f"{size(text)} of header fields in {size(octets)} ({rate})"

    def concurrency(self) -> str:
        """`5 streams, 3 at once of 100 allowed`."""
        limit = f" of {grouped(self.limit)} allowed" if self.limit >= 0 else ", no limit named"
        return f"{plural(self.streams, 'stream')}, {grouped(self.peak)} at once{limit}"

    def what(self) -> str:
        words = [f"The connection carried {self.concurrency()}."]
        if self.compression():
            words.append(f"It took {self.compression()}.")
        if self.pushed:
            words.append(f"The server pushed {plural(self.pushed, 'response')}.")
        if self.resets:
            words.append(f"{plural(self.resets, 'stream')} ended by a reset.")
        if self.rtts:
            words.append(
                f"{plural(len(self.rtts), 'PING')} took {duration(min(self.rtts))} to {duration(max(self.rtts))}."
                if len(self.rtts) > 1 else f"A PING took {duration(self.rtts[0])}."
            )
        if self.late:
            words.append("The capture did not see all of it, so some header fields and windows are not known.")
        for kind, count in self.untold.items():
            words.append(f"{plural(count, kind)} more were counted and are not told one by one.")
        return " ".join(words)

    def detail(self) -> str:
        return self.concurrency()

    def phase_facts(self) -> list[str]:
        return [fact for fact in (self.concurrency() if self.streams else "", self.compression()) if fact]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "streams": self.streams, "pushed": self.pushed, "peak_streams": self.peak, "resets": self.resets,
            "client": self.client.as_json(), "server": self.server.as_json(),
        }
        if self.limit >= 0:
            out["stream_limit"] = self.limit
        rtts: list[JsonValue] = []
        rtts.extend(self.rtts)
        if rtts:
            out["ping_rtts_ns"] = rtts
        acks: list[JsonValue] = []
        acks.extend(self.settings_ack_ns)
        if acks:
            out["settings_ack_ns"] = acks
        if self.late:
            out["incomplete"] = True
        untold: dict[str, JsonValue] = {}
        for kind, count in self.untold.items():
            untold[kind] = count
        if untold:
            out["untold"] = untold
        return out
