"""Events about the state of a connection: waits for windows, rules that are broken, and what all of it came to."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, EXTRA, Event, Evidence, JsonValue
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.protocols.http2.codes import type_name
from dissectors.protocols.http2.events import as_list
from dissectors.protocols.http2.events_control import listed
from dissectors.protocols.http2.flow import Series
from dissectors.wire.http.events import PHASE


class Blocked(Event):
    """A sender had filled a window and went on once it opened. stream: 0 for the window of the connection.

    times, total_ns, longest_ns: of the waits. direction: of the DATA.
    """

    name: ClassVar[str] = "http2.blocked"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §5.2"
    WHY: ClassVar[str] = (
        "A sender stops when the window is used up, however fast the path is. A window smaller than what fits on the "
        "path in one round trip makes the receiver the limit of the rate."
    )

    def __init__(
        self, time: int, direction: int, evidence: Evidence, stream: int, by_client: bool, times: int, total_ns: int,
        longest_ns: int,
    ) -> None:
        super().__init__(time, direction, evidence)
        self.stream = stream
        self.by_client = by_client
        self.times = times
        self.total_ns = total_ns
        self.longest_ns = longest_ns

    def label(self) -> str:
        return "blocked"

    def what(self) -> str:
        who = "The client" if self.by_client else "The server"
        where = f"stream {self.stream}" if self.stream else "the connection"
        often = f"{plural(self.times, 'time')}, {duration(self.total_ns)} in all" if self.times > 1 else "once"
        return (
            f"{who} had used up the window of {where} and waited for a WINDOW_UPDATE: {often}, "
            f"{duration(self.longest_ns)} at most."
        )

    def detail(self) -> str:
        return f"stream {self.stream}, {plural(self.times, 'wait')}, {duration(self.total_ns)}"

    def phase_facts(self) -> list[str]:
        return [] if self.stream else [f"{duration(self.total_ns)} waiting for the connection's window"]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "stream": self.stream, "waits": self.times, "total_ns": self.total_ns, "longest_ns": self.longest_ns,
        }


class HeadOfLine(Event):
    """A lost segment held up what came behind it. streams: those whose octets had arrived and had to wait."""

    name: ClassVar[str] = "http2.head_of_line"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §1; RFC 9293 §2.2"
    WHY: ClassVar[str] = (
        "All streams share one TCP connection, and TCP hands on its octets in order only. So one lost segment stops "
        "streams that lost nothing themselves, until it has been sent again. HTTP/3 was made to end that."
    )

    def __init__(
        self, time: int, direction: int, evidence: Evidence, streams: list[int], longest_ns: int
    ) -> None:
        super().__init__(time, direction, evidence)
        self.streams = streams
        self.longest_ns = longest_ns

    def label(self) -> str:
        return "head of line"

    def what(self) -> str:
        which = f"stream{'s' if len(self.streams) > 1 else ''} {listed(self.streams)}"
        return (
            f"Octets of {which} had arrived and waited up to {duration(self.longest_ns)} for a lost segment, which "
            f"frame {self.evidence.frames[-1]} brought."
        )

    def detail(self) -> str:
        return f"{plural(len(self.streams), 'stream')}, {duration(self.longest_ns)}"

    def fields(self) -> dict[str, JsonValue]:
        streams: list[JsonValue] = []
        streams.extend(self.streams)
        return {"streams": streams, "longest_ns": self.longest_ns}


class H2Violation(Event):
    """A frame that the protocol does not allow there. code: which rule, stable; stream: 0 for the connection."""

    name: ClassVar[str] = "http2.violation"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §5.4"
    WHY: ClassVar[str] = (
        "A peer that breaks a rule is answered with an error: on the stream if it alone is concerned, on the "
        "connection if the two sides can no longer agree on its state."
    )

    def __init__(
        self, time: int, direction: int, evidence: Evidence, stream: int, code: str, by_client: bool, text: str
    ) -> None:
        super().__init__(time, direction, evidence)
        self.stream = stream
        self.code = code
        self.by_client = by_client
        self.text = text

    def label(self) -> str:
        return "violation"

    def what(self) -> str:
        return f"The {'client' if self.by_client else 'server'} breaks a rule: {self.text}."

    def fields(self) -> dict[str, JsonValue]:
        return {"stream": self.stream, "code": self.code, "text": self.text}


class OutOfStep(Event):
    """It was not known where frames begin. passed, lost: octets not read, and octets that the capture lacks."""

    name: ClassVar[str] = "http2.out_of_step"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9113 §4.1"
    WHY: ClassVar[str] = (
        "Only the length of one frame tells where the next begins. Where octets are missing, the reader looks for "
        "what can only be the beginning of frames, and takes the table of header fields for unknown."
    )

    def __init__(self, time: int, direction: int, evidence: Evidence, found: bool, passed: int, lost: int) -> None:
        super().__init__(time, direction, evidence)
        self.found = found
        self.passed = passed
        self.lost = lost

    def label(self) -> str:
        return "frames found" if self.found else "not a frame"

    def what(self) -> str:
        if not self.found:
            return "Where a frame should begin there is none."
        parts = []
        if self.passed:
            parts.append(f"{size(self.passed)} could not be read as frames")
        if self.lost:
            parts.append(f"{size(self.lost)} are not in the capture")
        return f"Frames are in step again; {' and '.join(parts)}." if parts else "Frames are in step from here."

    def fields(self) -> dict[str, JsonValue]:
        return {"found": self.found, "passed_octets": self.passed, "lost_octets": self.lost}


class SideFacts:
    """What one side did. counts: frames by type; the other numbers are of octets unless they say otherwise.

    longest_block: CONTINUATION frames of one header block, at most.     empty_data: DATA frames without content that
    did not end a stream.
    """

    def __init__(
        self, counts: dict[int, int], header_octets: int, text_octets: int, unknown_fields: int, longest_block: int,
        empty_data: int, lowest_window: int, window: Series,
    ) -> None:
        self.counts = counts
        self.header_octets = header_octets
        self.text_octets = text_octets
        self.unknown_fields = unknown_fields
        self.longest_block = longest_block
        self.empty_data = empty_data
        self.lowest_window = lowest_window
        self.window = window

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

    def __init__(
        self, time: int, direction: int, evidence: Evidence, client: SideFacts, server: SideFacts, streams: int,
        pushed: int, peak: int, limit: int, resets: int, rtts: tuple[int, ...], settings_ack_ns: tuple[int, ...],
        late: bool, untold: dict[str, int],
    ) -> None:
        super().__init__(time, direction, evidence)
        self.client = client
        self.server = server
        self.streams = streams
        self.pushed = pushed
        self.peak = peak
        self.limit = limit
        self.resets = resets
        self.rtts = rtts
        self.settings_ack_ns = settings_ack_ns
        self.late = late
        self.untold = untold

    def label(self) -> str:
        return "connection"

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
