"""Events of one call: its beginning, its messages, its end."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, SUMMED, Event, Evidence, JsonValue
from dissectors.kit.identity import UNIQUE, Identity, host_of, hosts_of_urls
from dissectors.kit.inputs import Fields
from dissectors.kit.runs import LikeRun
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.grpc.framing import COMPRESSED
from dissectors.protocols.grpc.side import GrpcSide
from dissectors.wire.http.events import HttpSeen
from dissectors.wire.preview import json_value, shortened, text_of
from dissectors.wire.protobuf import NotProtobuf, as_json, in_short
from dissectors.wire.secrets.fields import shown_value
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.names import is_secret_call

GRPC: Final = "grpc"
MAX_SHORT: Final = 120        # characters of a message in a sentence
MAX_METADATA: Final = 50      # fields of metadata that are shown
MAX_VALUE: Final = 500        # characters of one of them

# Fields of the request that belong to the protocol and not to the caller.
_PROTOCOL: Final = frozenset((
    b"content-type", b"te", b"user-agent", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"host",
    b"accept-encoding", b"grpc-previous-rpc-attempts", b"content-length", b"grpc-message-type",
    b"accept", b"connection",
))


def metadata_of(pairs: tuple[tuple[bytes, bytes], ...], show_secrets: bool) -> list[tuple[str, str]]:
    """What the program added, in order, secrets replaced."""
    out: list[tuple[str, str]] = []
    for name, value in pairs:
        if name.startswith((b":", b"grpc-")) or name in _PROTOCOL or len(out) >= MAX_METADATA:
            continue
        shown = value if show_secrets else shown_value(name, value)
        out.append((name.decode("utf-8", "replace")[:MAX_VALUE], shown.decode("utf-8", "replace")[:MAX_VALUE]))
    return out


class Call:
    """What is known of a call from its request. deadline_ns: that the client allows, -1 for none; attempt: from 1."""

    def __init__(self) -> None:
        self.seen = False
        self.whole = False           # every field of it is known
        self.path = ""
        self.service = ""
        self.method = ""
        self.authority = ""
        self.content_type = ""
        self.user_agent = ""
        self.web = False             # gRPC-Web
        self.text = False            # ... in base64
        self.json = False            # messages are JSON
        self.deadline_ns = -1
        self.deadline_text = ""
        self.attempt = 1
        self.codings = ["", ""]      # of the messages of the request, and of the response
        self.accepted = ""
        self.metadata: list[tuple[str, str]] = []

    def name(self) -> str:
        return self.path or "a call"

    def short(self) -> str:
        """`Greeter/SayHello`: without the package."""
        return f"{self.service.rpartition('.')[2]}/{self.method}" if self.method else self.path or "call"


class Began(Event):
    """The client calls a method."""

    name: ClassVar[str] = "grpc.call"
    on_wire: ClassVar[bool] = False
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = GRPC
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "gRPC over HTTP2"
    WHY: ClassVar[str] = (
        "A call is a POST whose path names the service and the method. The client says how long it is willing to "
        "wait: the server sees the deadline too, and may stop work that nobody waits for any more."
    )

    def __init__(self, request: Fields, call: Call) -> None:
        super().__init__(request.time, request.direction, Evidence((request.frame,)))
        self.call = call

    def label(self) -> str:
        return self.call.short()[:60]

    def what(self) -> str:
        call = self.call
        if call.method:
            text = f"The client calls the method {call.method} of the service {call.service}"
        else:
            text = f"The client calls {call.path or 'a method that is not named'}"
        if call.web:
            text += " over gRPC-Web" + (", in base64" if call.text else "")
        if call.deadline_ns >= 0:
            text += f" and allows {duration(call.deadline_ns)}"
        elif call.seen:
            text += " without a deadline"
        text += "."
        if call.deadline_text and call.deadline_ns < 0:
            text += f" Its grpc-timeout, {call.deadline_text}, cannot be read."
        if call.attempt > 1:
            text += f" This is attempt {call.attempt}: {plural(call.attempt - 1, 'earlier one')} failed."
        if call.codings[0] and call.codings[0] != "identity":
            text += f" Its messages may be compressed with {call.codings[0]}."
        return text

    def detail(self) -> str:
        words = [self.call.authority] if self.call.authority else []
        if self.call.deadline_ns >= 0:
            words.append(f"deadline {duration(self.call.deadline_ns)}")
        return ", ".join(words)

    def identifies(self) -> list[Identity]:
        found = host_of(self.call.authority)
        for _name, value in self.call.metadata:
            found += hosts_of_urls(value)
        return found

    def fields(self) -> dict[str, JsonValue]:
        call = self.call
        metadata: list[JsonValue] = []
        for name, value in call.metadata:
            pair: list[JsonValue] = [name, value]
            metadata.append(pair)
        return {
            "service": call.service, "method": call.method, "path": call.path, "authority": call.authority,
            "content_type": call.content_type, "user_agent": call.user_agent, "web": call.web,
            "deadline_ns": call.deadline_ns, "attempt": call.attempt, "encoding": call.codings[0],
            "accept_encoding": call.accepted, "metadata": metadata,
        }


def hex_in(value: JsonValue, key: str = "") -> list[str]:
    """The raw octets in what is shown of a message."""
    if isinstance(value, dict):
        return [octets for inner, held in value.items() for octets in hex_in(held, inner)]
    if isinstance(value, list):
        return [octets for held in value for octets in hex_in(held, key)]
    return [value] if isinstance(value, str) and key == "hex" else []


class GrpcContent:
    """A message as it can be shown. octets: uncompressed, as far as they are kept; complete: all of them are.

    secret: its method is one for credentials, so that its fields are, whose names nobody knows.
    decoded: by the user's schema, as `type`; None where there is none, and then `problem` says why if it was tried.
    """

    def __init__(self, octets: bytes, call: Call, *, complete: bool, show_secrets: bool) -> None:
        self.octets = octets
        self.complete = complete
        self.json = call.json
        self.show_secrets = show_secrets
        self.secret = is_secret_call(call.path)
        self.type = ""
        self.decoded: JsonValue = None
        self.problem = ""
        self.packed = ""       # the coding that could not be undone

    def short(self) -> str:
        """A line, "" where there is nothing to say."""
        from json import dumps

        if self.type:
            return f"{self.type} {shortened(dumps(self.decoded, ensure_ascii=False))}"
        if self.packed:
            return f"compressed with {self.packed}"
        if not self.octets:
            return "" if self.complete else "not kept"
        if self.json:
            return shortened(text_of(self.octets, self.complete))
        if not self.complete:
            return f"too long to be shown, it begins with {self.octets[:16].hex(' ')}"
        try:
            line = in_short(self.octets, MAX_SHORT)
        except NotProtobuf as error:
            return f"no message of Protocol Buffers ({error.args[0]}): {self.octets[:16].hex(' ')}"
        if self.secret and not self.show_secrets:
            return f"fields of a call for credentials {REDACTED}"
        return line

    def as_json(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"complete": self.complete}
        if self.type:
            out["type"] = self.type
            out["message"] = self.decoded
            return out
        if self.problem:
            out["schema_problem"] = self.problem
        if self.packed:
            out["packed"] = self.packed
            return out
        if self.json:
            text = text_of(self.octets, self.complete)
            out["text"] = text
            value = json_value(text)
            if value is not None:
                out["json"] = value
        elif self.complete:
            try:
                value = as_json(self.octets)
                out["fields"] = REDACTED if self.secret and not self.show_secrets else value
            except NotProtobuf as error:
                out["problem"] = str(error.args[0])
                out["hex"] = self.octets[:256].hex()
        return out


class GrpcMessage(Event):
    """One message, the last one that was cut out of its side. number: from 1, among those of that side.

    wire: its octets as sent, without the header of five.     since_ns: since the call began.
    """

    name: ClassVar[str] = "grpc.message"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = GRPC
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "gRPC over HTTP2"
    WHY: ClassVar[str] = (
        "A message travels with five octets before it: whether it is compressed, and how long it is. So a stream may "
        "hold any number of them, however HTTP cuts it into frames."
    )

    def __init__(self, side: GrpcSide, content: GrpcContent, since_ns: int, *, from_client: bool) -> None:
        cutter = side.cutter
        super().__init__(side.now, side.direction, Evidence(cutter.frames()))
        self.from_client = from_client
        self.number = int(side.count)
        self.wire = int(cutter.length)
        self.compressed = cutter.flag & COMPRESSED != 0
        self.content = content
        self.since_ns = since_ns
        self.began = cutter.begun_ns

    def label(self) -> str:
        return f"message {self.number}"

    def what(self) -> str:
        who = "client" if self.from_client else "server"
        text = f"Message {self.number} of the {who}, {size(self.wire)}{' compressed' if self.compressed else ''}"
        if self.since_ns > 0:
            text += f", {duration(self.since_ns)} into the call"
        if self.time > self.began:
            text += f"; it took {duration(self.time - self.began)} to arrive"
        shown = self.content.short()
        return f"{text}: {shown}" if shown else f"{text}."

    def detail(self) -> str:
        return size(self.wire)

    def identifies(self) -> list[Identity]:
        return [(UNIQUE, octets) for octets in hex_in(self.content.as_json())]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "from_client": self.from_client, "number": self.number, "size": self.wire, "compressed": self.compressed,
            "since_ns": self.since_ns, "took_ns": self.time - self.began,
        }
        out.update(self.content.as_json())
        return out

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"length": self.wire, "compressed": self.compressed}


class GrpcMessageRun(Event):
    """Messages of a stream that are counted together. client: the direction in which it sends.

    counts, octets: of the client, of the server.
    """

    name: ClassVar[str] = "grpc.messages"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = GRPC
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "gRPC over HTTP2"
    WHY: ClassVar[str] = (
        "In a streaming call either side may send any number of messages. After the first ones their number, size "
        "and rhythm tell more than a line for each."
    )

    def __init__(self, run: LikeRun, client: int) -> None:
        super().__init__(run.begin, run.direction(), Evidence(run.cited.frames()))
        counts, octets = run.counts(), run.octets()
        self.counts = (counts[client], counts[1 - client])
        self.octets = (octets[client], octets[1 - client])
        self.largest = int(run.largest)
        self.end = run.end

    def label(self) -> str:
        return "messages"

    def what(self) -> str:
        parts = [
            f"{plural(self.counts[side], 'message')} of the {('client', 'server')[side]} ({size(self.octets[side])})"
            for side in (0, 1) if self.counts[side]
        ]
        return f"Within {duration(self.end - self.time)}: {' and '.join(parts)}, {size(self.largest)} at most."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "client_messages": self.counts[0], "server_messages": self.counts[1], "client_octets": self.octets[0],
            "server_octets": self.octets[1], "largest": self.largest, "took_ns": self.end - self.time,
        }


class GrpcIncomplete(Event):
    """Octets of the call that cannot be told as messages."""

    name: ClassVar[str] = "grpc.incomplete"
    phase: ClassVar[str] = GRPC
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "gRPC over HTTP2"
    WHY: ClassVar[str] = (
        "Messages follow one another without a mark between them, so after a gap over a header the rest of the "
        "direction cannot be read. A message that is not whole when its side ends is a fault of that side."
    )

    def __init__(self, seen: HttpSeen, octets: int, reason: str) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.octets = octets
        self.reason = reason

    def label(self) -> str:
        return "incomplete"

    def what(self) -> str:
        return f"{size(self.octets)} are not told as messages: {self.reason}."

    def fields(self) -> dict[str, JsonValue]:
        return {"octets": self.octets, "reason": self.reason}
