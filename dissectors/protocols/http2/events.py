"""Events of HTTP/2 that every version of HTTP has, and those of single frames. What requests, responses and exchanges
mean stands with what all versions share."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, EXTRA, LINED, SUMMED, Event, Evidence, JsonValue
from dissectors.kit.identity import Identity
from dissectors.kit.octets import be32
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.http2.codes import RST_STREAM, error_name, flag_names, type_name
from dissectors.protocols.http2.side import H2Side, Unfinished
from dissectors.protocols.http2.states import STATE_NAMES
from dissectors.protocols.http2.stream import H2Half, Stream
from dissectors.wire.http.describe import head_json, request_short
from dissectors.wire.http.events import (
    CUT,
    PHASE,
    TUNNEL,
    UNANSWERED,
    ExchangeEvent,
    ExchangeSeen,
    HttpSeen,
    RequestEvent,
    ResponseEvent,
)
from dissectors.wire.http.identity import identities_of
from dissectors.wire.http.message import Head, as_text


def as_list(numbers: list[int]) -> list[JsonValue]:
    out: list[JsonValue] = []
    out.extend(numbers)
    return out


class H2Seen(HttpSeen):
    """What a frame, or the header block that it completes, shows. side: who sent it; by_client: whether the client did.

    reader: what the frame says, while it is in hand.
    """

    def __init__(self, side: H2Side, evidence: Evidence, *, by_client: bool) -> None:
        super().__init__(side.reader.now, side.direction, evidence)
        self.reader = side.reader
        self.by_client = by_client


class Frame(Event):
    """One frame, where each is wanted: its type, flags, stream, and the length of its payload.

    error: why RST_STREAM gives its stream up; -1 in any other frame.
    """

    name: ClassVar[str] = "http2.frame"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §4.1"
    WHY: ClassVar[str] = (
        "Everything in HTTP/2 travels in frames: nine octets say how long it is, of what type, and to which stream it "
        "belongs. So the frames of many exchanges can take turns on one connection."
    )

    def __init__(self, seen: H2Seen) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        reader = seen.reader
        self.type = int(reader.type)
        self.flags = int(reader.flags)
        self.number = int(reader.id)
        self.length = int(reader.length)
        self.error = int(be32(reader.payload, 0)) if self.type == RST_STREAM and len(reader.payload) >= 4 else -1
        self.stream = self.number

    def label(self) -> str:
        return type_name(self.type)

    def what(self) -> str:
        where = f"on stream {self.number}" if self.number else "for the connection"
        flags = flag_names(self.type, self.flags)
        return f"A {type_name(self.type)} frame {where} with {size(self.length)}" + (
            f" and the flags {', '.join(flags)}." if flags else "."
        )

    def detail(self) -> str:
        return f"stream {self.number}, {size(self.length)}"

    def fields(self) -> dict[str, JsonValue]:
        return {"type": self.type, "stream": self.number, "flags": self.flags, "length": self.length}

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"type": self.type, "stream": self.number, "flags": self.flags, "length": self.length}


class Preface(Event):
    """The first octets of a client."""

    name: ClassVar[str] = "http2.preface"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9113 §3.4"
    WHY: ClassVar[str] = (
        "A server of HTTP/1 that gets these octets by mistake sees a request that it must refuse. So both sides know "
        "at once whether they mean the same protocol."
    )

    def label(self) -> str:
        return "preface"

    def what(self) -> str:
        return "The client begins HTTP/2 with the connection preface."

    def detail(self) -> str:
        return "PRI * HTTP/2.0"


class Request(RequestEvent):
    """A request of HTTP/2: the header block that opens a stream."""

    name: ClassVar[str] = "http2.request"
    normally: ClassVar[str] = SUMMED

    def detail(self) -> str:
        return f"stream {self.exchange}, {super().detail()}"


class H2Response(ResponseEvent):
    """A response of HTTP/2, the interim ones among them."""

    name: ClassVar[str] = "http2.response"
    normally: ClassVar[str] = SUMMED

    def detail(self) -> str:
        return f"stream {self.exchange}, {super().detail()}"


class Trailers(Event):
    """Fields after the body."""

    name: ClassVar[str] = "http2.trailers"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9113 §8.1; RFC 9110 §6.5"
    WHY: ClassVar[str] = (
        "What is only known once the body is sent, such as a checksum or the status of a remote call, follows it in "
        "a second header block."
    )

    def __init__(self, seen: H2Seen, stream: int, head: Head) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = stream
        self.head = head

    def label(self) -> str:
        return "trailers"

    def what(self) -> str:
        named = ", ".join([as_text(name[:60]) for name, _value in self.head.pairs[:6]])
        return f"{plural(len(self.head.pairs), 'trailer field')} on stream {self.stream}" + (
            f": {named}." if named else "."
        )

    def detail(self) -> str:
        return f"stream {self.stream}, {plural(len(self.head.pairs), 'field')}"

    def identifies(self) -> list[Identity]:
        return identities_of(self.head)

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"stream": self.stream}
        out["fields"] = head_json(self.head)["fields"]
        return out


class PushPromise(Event):
    """A server announces a response that nobody asked for. promised: the stream that it will come on."""

    name: ClassVar[str] = "http2.push_promise"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §8.4"
    WHY: ClassVar[str] = (
        "A server that knows what a client will ask for next can send it at once and save a round trip. The promise "
        "comes before the response, so that the client does not ask for the same thing. Browsers have given it up: "
        "most of what was pushed lay in their caches already."
    )

    def __init__(self, seen: H2Seen, block: Unfinished, head: Head, notes: tuple[str, ...]) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = block.stream
        self.promised = block.promised
        self.head = head
        self.notes = notes

    def label(self) -> str:
        return "push promise"

    def what(self) -> str:
        return " ".join([
            f"Along with stream {self.stream} the server promises the response to {request_short(self.head)} on "
            f"stream {self.promised}.", *self.notes,
        ])

    def detail(self) -> str:
        return f"{request_short(self.head)} on stream {self.promised}"

    def identifies(self) -> list[Identity]:
        return identities_of(self.head)

    def fields(self) -> dict[str, JsonValue]:
        out = head_json(self.head)
        out["stream"] = self.stream
        out["promised_stream"] = self.promised
        return out


class StreamFacts:
    """What an exchange was on the level of its stream.

    state: what it had come to.  pushed, delayed_ns (behind lost segments), data_frames and padding of both sides,
    waits: (times, ns) that request and response waited for a WINDOW_UPDATE of the stream, carried: who read it.
    header_octets, text_octets: the header blocks of both sides as sent, and the same fields in HTTP/1.1.
    windows: of the stream for each side's DATA over time, None where less than half of one was ever used.
    missing: octets of each side's DATA that the capture lacks, -1 where it may lack more than can be counted.
    """

    def __init__(self, stream: Stream, state: int) -> None:
        client, server = stream.client, stream.server
        self.state = STATE_NAMES[state]
        self.pushed = stream.promised
        self.delayed_ns = int(stream.delayed_ns)
        self.data_frames = (int(client.data_frames), int(server.data_frames))
        self.padding = int(client.padding + server.padding)
        self.waits = (_waited(client), _waited(server))
        self.carried = stream.carried.name if stream.carried is not None else ""
        self.reset = error_name(stream.reset_code) if stream.reset_code >= 0 else ""
        self.header_octets = 0
        self.text_octets = 0
        for half in (client, server):
            if half.section is not None:
                self.header_octets += int(half.section.block.octets)
                self.text_octets += int(half.section.block.text_octets)
        self.missing = (client.missing(), server.missing())
        self.windows = (client.window.series, server.window.series)


def _waited(half: H2Half) -> tuple[int, int]:
    """How often, and how long in all, in ns, the stream's window held up its DATA."""
    wait = half.window.wait
    return (int(wait.times), int(wait.total_ns)) if wait is not None else (0, 0)


class H2Exchange(ExchangeEvent):
    """An exchange of HTTP/2: the whole of a stream."""

    name: ClassVar[str] = "http2.exchange"
    on_wire: ClassVar[bool] = False
    title: ClassVar[str] = "HTTP/2"

    def __init__(self, seen: ExchangeSeen, facts: StreamFacts) -> None:
        super().__init__(seen)
        self.stream = seen.number
        self.facts = facts

    def label(self) -> str:
        return f"stream {self.exchange}"

    def summary(self) -> str:
        if self.response is None and self.facts.reset and self.request is not None:
            return f"{request_short(self.request)} → reset ({self.facts.reset})"
        return super().summary()

    def ending(self) -> str:
        reset = self.facts.reset
        if reset:
            before = {CUT: " before the response was whole", UNANSWERED: " before a response began"}.get(self.ended, "")
            return f"The stream was reset with {reset}{before}."
        return "The stream was a tunnel." if self.ended == TUNNEL else super().ending()

    def what(self) -> str:
        facts = self.facts
        words = [super().what()]
        if facts.pushed:
            words.append("The server pushed it without being asked.")
        for who, wait in (("The client", facts.waits[0]), ("The server", facts.waits[1])):
            if wait[0]:
                words.append(
                    f"{who} had filled the stream's window {plural(wait[0], 'time')} and waited {duration(wait[1])} "
                    "in all for a WINDOW_UPDATE."
                )
        if facts.delayed_ns > 0:
            words.append(
                f"Octets of it that had arrived waited up to {duration(facts.delayed_ns)} behind a missing TCP segment."
            )
        for whose, missing in (("request", facts.missing[0]), ("response", facts.missing[1])):
            if missing > 0:
                words.append(f"{size(missing)} of the {whose} are not in the capture.")
            elif missing < 0:
                words.append(f"Part of the {whose} may be missing from the capture, and it may have been larger.")
        if facts.padding:
            words.append(f"{size(facts.padding)} of padding hid its true size.")
        if facts.carried:
            words.append(f"It carried {facts.carried}.")
        return " ".join(words)

    def fields(self) -> dict[str, JsonValue]:
        facts = self.facts
        out = super().fields()
        out["stream"] = self.exchange
        out["state"] = facts.state
        if facts.pushed:
            out["pushed"] = True
        if facts.reset:
            out["reset"] = facts.reset
        if facts.delayed_ns:
            out["behind_loss_ns"] = facts.delayed_ns
        for side, name in ((0, "request"), (1, "response")):
            out[f"{name}_data_frames"] = facts.data_frames[side]
            if facts.waits[side][0]:
                out[f"{name}_window_waits"] = facts.waits[side][0]
                out[f"{name}_window_wait_ns"] = facts.waits[side][1]
            series = facts.windows[side]
            if series is not None:
                out[f"{name}_window"] = as_list(series.values)
                out[f"{name}_window_times_ns"] = as_list(series.times)
        if facts.padding:
            out["padding_octets"] = facts.padding
        out["header_octets"] = facts.header_octets
        out["header_text_octets"] = facts.text_octets
        if facts.carried:
            out["carried"] = facts.carried
        return out
