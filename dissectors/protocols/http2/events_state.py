"""Events about the state of a connection: waits for windows and for lost segments, rules that are broken."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, Event, Evidence, JsonValue
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.http2.events import H2Seen
from dissectors.protocols.http2.events_control import joined, listed
from dissectors.protocols.http2.flow import Wait
from dissectors.protocols.http2.side import H2Side, HeldUp
from dissectors.wire.http.events import PHASE


class Blocked(Event):
    """A sender had filled a window and went on once it opened. stream: 0 for the window of the connection.

    side: whose DATA had to wait.     times, total_ns, longest_ns: of the waits.
    vain_ns: of the last, where no WINDOW_UPDATE ended it, else -1; streams: that it held up to their end.
    """

    name: ClassVar[str] = "http2.blocked"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §5.2"
    WHY: ClassVar[str] = (
        "A sender stops when the window is used up, however fast the path is. A window smaller than what fits on the "
        "path in one round trip makes the receiver the limit of the rate."
    )

    def __init__(self, time: int, side: H2Side, wait: Wait, stream: int, *, by_client: bool) -> None:
        super().__init__(time, side.direction, Evidence(wait.frames))
        self.stream = stream
        self.by_client = by_client
        self.times = int(wait.times)
        self.total_ns = wait.total_ns
        self.longest_ns = wait.longest_ns
        self.vain_ns = wait.vain_ns
        self.streams = sorted(set(wait.vain))

    def label(self) -> str:
        return "blocked"

    def what(self) -> str:
        who = "The client" if self.by_client else "The server"
        where = f"stream {self.stream}" if self.stream else "the connection"
        often = f"{plural(self.times, 'time')}, {duration(self.total_ns)} in all" if self.times > 1 else "once"
        text = (
            f"{who} had used up the window of {where} and waited for a WINDOW_UPDATE: {often}, "
            f"{duration(self.longest_ns)} at most."
        )
        if self.vain_ns >= 0:
            which = f"stream{'s' if len(self.streams) > 1 else ''} {listed(self.streams)}"
            text += f" None came in the last {duration(self.vain_ns)}: {which} had not ended by then."
        return text

    def detail(self) -> str:
        return f"stream {self.stream}, {plural(self.times, 'wait')}, {duration(self.total_ns)}"

    def phase_facts(self) -> list[str]:
        return [] if self.stream else [f"{duration(self.total_ns)} waiting for the connection's window"]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "stream": self.stream, "waits": self.times, "total_ns": self.total_ns, "longest_ns": self.longest_ns,
        }
        if self.vain_ns >= 0:
            held: list[JsonValue] = []
            held.extend(self.streams)
            out["in_vain_ns"] = self.vain_ns
            out["streams_held_up"] = held
        return out


class HeadOfLine(Event):
    """A missing segment held up what came behind it.

    waits: by stream whose octets had arrived and had to wait, for how many ns the longest of them did.     streams:
    those of them of which no octet was in the missing segment, at least one.     own: the others.
    """

    name: ClassVar[str] = "http2.head_of_line"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §1; RFC 9293 §2.2"
    WHY: ClassVar[str] = (
        "All streams share one TCP connection, and TCP hands on its octets in order only. So one lost segment stops "
        "streams that lost nothing themselves, until it has been sent again. HTTP/3 was made to end that."
    )

    def __init__(self, side: H2Side, held: HeldUp) -> None:
        super().__init__(held.time, side.direction, Evidence((held.released,)))
        self.waits = {stream: held.streams[stream] for stream in sorted(held.streams)}
        self.streams = [stream for stream in self.waits if stream not in held.own]
        self.own = [stream for stream in self.waits if stream in held.own]
        self.longest_ns = max(self.waits[stream] for stream in self.streams)

    def label(self) -> str:
        return "head of line"

    def what(self) -> str:
        several = len(self.streams) > 1
        held = joined([f"{stream} ({duration(self.waits[stream])})" for stream in self.streams])
        text = (
            f"Octets of stream{'s' if several else ''} {held} had arrived and had to wait for a segment in which there "
            f"was nothing of {'them' if several else 'it'}: #{self.evidence.frames[-1]} brought it."
        )
        if self.own:
            text += f" It held octets of stream{'s' if len(self.own) > 1 else ''} {listed(self.own)}."
        return text

    def detail(self) -> str:
        return f"{plural(len(self.streams), 'stream')}, {duration(self.longest_ns)}"

    def fields(self) -> dict[str, JsonValue]:
        waits: list[JsonValue] = []
        for stream in self.streams:
            waits.append({"stream": stream, "waited_ns": self.waits[stream]})
        own: list[JsonValue] = []
        own.extend(self.own)
        streams: list[JsonValue] = []
        streams.extend(self.streams)
        return {"streams": streams, "waits": waits, "in_the_segment": own, "longest_ns": self.longest_ns}


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

    def __init__(self, seen: H2Seen, stream: int, code: str, text: str) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = stream
        self.code = code
        self.by_client = seen.by_client
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

    def __init__(self, side: H2Side, *, found: bool) -> None:
        reader = side.reader
        super().__init__(reader.now, side.direction, Evidence((reader.frame,)))
        self.found = found
        self.passed = int(reader.passed) if found else 0
        self.lost = int(reader.lost) if found else 0

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
