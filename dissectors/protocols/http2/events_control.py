"""Events about the connection rather than an exchange: settings, pings, resets, priorities, what servers announce."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, EXTRA, SUMMED, Event, JsonValue
from dissectors.kit.identity import UNIQUE, Identity, hosts_in, hosts_of_urls
from dissectors.kit.octets import be32
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.protocols.http2.codes import error_name, setting_name, type_name
from dissectors.protocols.http2.events import H2Seen, as_list
from dissectors.protocols.http2.meaning import effect, error_text, reset_reason, setting_text
from dissectors.protocols.http2.stream import Stream
from dissectors.wire.http.describe import request_short
from dissectors.wire.http.events import PHASE
from dissectors.wire.http.priority import priority_of

MAX_LISTED = 12    # streams named in a sentence


def listed(numbers: list[int]) -> str:
    """`3, 5 and 7`; of many the first ones and how many more."""
    return joined([str(number) for number in numbers])


def joined(words: list[str]) -> str:
    """`a, b and c`; of many the first ones and how many more."""
    shown = words[:MAX_LISTED]
    if len(words) > MAX_LISTED:
        return f"{', '.join(shown)} and {grouped(len(words) - MAX_LISTED)} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


class Settings(Event):
    """What a side announces of itself. values: (identifier, value) in order."""

    name: ClassVar[str] = "http2.settings"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9113 §6.5"
    WHY: ClassVar[str] = (
        "Each side tells the other how it wants to be treated, first thing and without waiting. It is no negotiation: "
        "the peer obeys and acknowledges, and from the acknowledgment on the sender can rely on it."
    )

    def __init__(self, seen: H2Seen, values: tuple[tuple[int, int], ...]) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.values = values
        self.by_client = seen.by_client

    def label(self) -> str:
        return "SETTINGS"

    def what(self) -> str:
        who = "The client" if self.by_client else "The server"
        if not self.values:
            return f"{who} keeps all settings at their defaults."
        effects = [f"{setting_text(key, value)}: {effect(key, value, self.by_client)}".rstrip(": ")
                   for key, value in self.values]
        return f"{who} sets {' '.join(effects)}"

    def detail(self) -> str:
        return ", ".join([setting_text(key, value) for key, value in self.values]) or "defaults"

    def fields(self) -> dict[str, JsonValue]:
        return {"settings": {setting_name(key): value for key, value in self.values}}


class SettingsAck(Event):
    """The peer obeys from here on. ack_ns: since the SETTINGS, -1 where they were not seen."""

    name: ClassVar[str] = "http2.settings_ack"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §6.5.3"
    WHY: ClassVar[str] = (
        "Frames that were sent before the settings arrived still follow the old ones. The acknowledgment marks the "
        "place in the stream of frames from which on the new ones hold."
    )

    def __init__(self, seen: H2Seen, ack_ns: int) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.ack_ns = ack_ns

    def label(self) -> str:
        return "SETTINGS ACK"

    def what(self) -> str:
        if self.ack_ns < 0:
            return "Settings are acknowledged that the capture does not hold."
        return f"The settings are acknowledged after {duration(self.ack_ns)}."

    def detail(self) -> str:
        return f"after {duration(self.ack_ns)}" if self.ack_ns >= 0 else ""

    def fields(self) -> dict[str, JsonValue]:
        return {"ack_ns": self.ack_ns} if self.ack_ns >= 0 else {}


class H2Reset(Event):
    """A stream is given up. state: it was in.  subject: what was asked for on it, "" where that was not seen.
    reason: the likely one, "" where the code says all.  over: both sides had ended it before, so nothing is lost.
    cut: an answer had begun, and was not whole."""

    name: ClassVar[str] = "http2.reset"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §6.4"
    WHY: ClassVar[str] = (
        "A reset ends one stream at once, in both directions, while the others go on. In HTTP/1 the only way to stop "
        "a response is to close the whole connection."
    )

    def __init__(self, seen: H2Seen, state: str, stream: Stream | None, *, over: bool = False) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = int(seen.reader.id)
        self.code = int(be32(seen.reader.payload, 0))
        self.by_client = seen.by_client
        self.state = state
        self.subject = ""
        self.reason = ""
        self.over = over
        self.cut = stream is not None and stream.server.seen and stream.server.ended_ns < 0
        if stream is not None:
            client, server = stream.client, stream.server
            if client.shown is not None:
                self.subject = request_short(client.shown)
            self.reason = reset_reason(
                self.code, self.by_client, client.ended_ns >= 0, server.seen, server.ended_ns >= 0
            )

    def label(self) -> str:
        return f"RST_STREAM {error_name(self.code)}"

    def what(self) -> str:
        who = "The client" if self.by_client else "The server"
        of = f" ({self.subject})" if self.subject else ""
        means = error_text(self.code, self.by_client)
        words = [f"{who} resets stream {self.stream}{of} with {error_name(self.code)}{': ' if means else ''}{means}."]
        words.append(
            "Both sides had ended it before, so it changes nothing." if self.over else f"The stream was {self.state}."
        )
        if self.reason:
            words.append(self.reason)
        return " ".join(words)

    def detail(self) -> str:
        return f"stream {self.stream}, {self.state}"

    def fields(self) -> dict[str, JsonValue]:
        return {"stream": self.stream, "code": self.code, "error": error_name(self.code), "state": self.state}


class GoAway(Event):
    """No new streams on this connection. debug: what it says, as it may be shown.  streams: that the other side had
    opened and that are not over: running ones may still finish; refused ones were not looked at, and can be asked for
    again elsewhere.  late: streams that were opened before the capture began may be running beside them."""

    name: ClassVar[str] = "http2.goaway"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9113 §6.8"
    WHY: ClassVar[str] = (
        "A connection can end without losing requests: the sender names the last stream that it has looked at. What "
        "came after it is safe to send again, what came before may still be answered."
    )

    def __init__(self, seen: H2Seen, debug: str, streams: list[int], *, late: bool = False) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.late = late
        self.by_client = seen.by_client
        self.last = int(be32(seen.reader.payload, 0) & 0x7FFF_FFFF)
        self.code = int(be32(seen.reader.payload, 4))
        self.debug = debug
        self.running = [number for number in streams if number <= self.last]
        self.refused = [number for number in streams if number > self.last]

    def label(self) -> str:
        return f"GOAWAY {error_name(self.code)}"

    def what(self) -> str:
        who = "The client" if self.by_client else "The server"
        means = error_text(self.code)
        words = [f"{who} ends the connection with {error_name(self.code)}{': ' if means else ''}{means}."]
        if self.debug:
            words.append(f"It says: {self.debug}.")
        if self.last >= 0x7FFF_FFFF:
            words.append("No stream is refused yet: a second GOAWAY is to name the last one.")
        elif self.last or not self.by_client:
            words.append(f"The last stream that it has looked at is {self.last}.")
        if self.running:
            words.append(f"Still running: {listed(self.running)}.")
        if self.refused:
            words.append(f"Not looked at, and safe to send again: {listed(self.refused)}.")
        if not self.running and not self.refused and not self.late:
            words.append("Nothing was running.")
        return " ".join(words)

    def detail(self) -> str:
        return f"last stream {self.last}, {len(self.running)} running"

    def identifies(self) -> list[Identity]:
        return [(UNIQUE, self.debug)] if self.debug else []

    def fields(self) -> dict[str, JsonValue]:
        return {
            "last_stream": self.last, "code": self.code, "error": error_name(self.code), "debug": self.debug,
            "running": as_list(self.running), "refused": as_list(self.refused),
        }


class H2Ping(Event):
    """A question that only wants an echo."""

    name: ClassVar[str] = "http2.ping"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §6.7"
    WHY: ClassVar[str] = (
        "An endpoint measures the round trip, or makes sure that a silent connection still lives, without touching any "
        "stream."
    )

    def __init__(self, seen: H2Seen) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.opaque = seen.reader.payload

    def label(self) -> str:
        return "PING"

    def what(self) -> str:
        return f"A PING with the value {self.opaque.hex()} asks for its echo."

    def detail(self) -> str:
        return self.opaque.hex()

    def identifies(self) -> list[Identity]:
        return [(UNIQUE, self.opaque.hex())]

    def fields(self) -> dict[str, JsonValue]:
        return {"opaque": self.opaque.hex()}


class PingAck(Event):
    """The echo. rtt_ns: since the PING, -1 where that was not seen."""

    name: ClassVar[str] = "http2.ping_ack"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9113 §6.7"
    WHY: ClassVar[str] = (
        "The time to the echo is a round trip as the application sees it: the path, and how busy the peer is. TCP's "
        "own acknowledgments do not show the latter."
    )

    def __init__(self, seen: H2Seen, rtt_ns: int) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.opaque = seen.reader.payload
        self.rtt_ns = rtt_ns

    def label(self) -> str:
        return "PING ACK"

    def what(self) -> str:
        if self.rtt_ns < 0:
            return f"The echo of a PING ({self.opaque.hex()}) that the capture does not hold."
        return f"The echo of the PING came after {duration(self.rtt_ns)}."

    def detail(self) -> str:
        return f"after {duration(self.rtt_ns)}" if self.rtt_ns >= 0 else ""

    def identifies(self) -> list[Identity]:
        return [(UNIQUE, self.opaque.hex())]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"opaque": self.opaque.hex()}
        if self.rtt_ns >= 0:
            out["rtt_ns"] = self.rtt_ns
        return out


class WindowUpdate(Event):
    """More may be sent. left: what the sender of DATA may send now, -1 where that is not known."""

    name: ClassVar[str] = "http2.window_update"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §6.9"
    WHY: ClassVar[str] = (
        "One connection carries many streams, and a receiver may want to slow one of them down and not the others. "
        "TCP's window cannot tell them apart, so HTTP/2 has windows of its own, for each stream and for all together."
    )

    def __init__(self, seen: H2Seen, left: int) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = int(seen.reader.id)
        self.increment = int(be32(seen.reader.payload, 0) & 0x7FFF_FFFF)
        self.left = left

    def label(self) -> str:
        return "WINDOW_UPDATE"

    def what(self) -> str:
        where = f"on stream {self.stream}" if self.stream else "on the connection"
        left = f"; that makes {size(self.left)}" if self.left >= 0 else ""
        return f"{size(self.increment)} more may be sent {where}{left}."

    def detail(self) -> str:
        return f"stream {self.stream}, +{grouped(self.increment)}"

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"stream": self.stream, "increment": self.increment}
        if self.left >= 0:
            out["window"] = self.left
        return out


class Priority(Event):
    """A place in the tree of RFC 7540: what the stream depends on, and its share. Obsolete, still sent.

    at: where in the payload it stands.
    """

    name: ClassVar[str] = "http2.priority"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §5.3; RFC 7540 §5.3"
    WHY: ClassVar[str] = (
        "A client can say which response it needs first. The tree that this frame builds proved too complicated: few "
        "servers ever followed it, and RFC 9218 replaced it with a simple order."
    )

    def __init__(self, seen: H2Seen, at: int) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        payload = seen.reader.payload
        parent = be32(payload, at)
        self.stream = int(seen.reader.id)
        self.depends_on = int(parent & 0x7FFF_FFFF)
        self.weight = payload[at + 4] + 1
        self.exclusive = parent >> 31 == 1

    def label(self) -> str:
        return "PRIORITY"

    def what(self) -> str:
        parent = f"stream {self.depends_on}" if self.depends_on else "no other"
        alone = ", in front of everything else that does" if self.exclusive else ""
        return f"Stream {self.stream} depends on {parent}, with weight {self.weight} of 256{alone}."

    def detail(self) -> str:
        return f"stream {self.stream} on {self.depends_on}, weight {self.weight}"

    def fields(self) -> dict[str, JsonValue]:
        return {
            "stream": self.stream, "depends_on": self.depends_on, "weight": self.weight, "exclusive": self.exclusive,
        }


class PriorityUpdate(Event):
    """The order of RFC 9218 changes. urgency: 0 first to 7 last; incremental: parts are of use before the whole."""

    name: ClassVar[str] = "http2.priority_update"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9218 §7.1"
    WHY: ClassVar[str] = (
        "What a client needs first can change after it has asked: an image scrolls into view. This frame names a "
        "stream and its new urgency."
    )

    def __init__(self, seen: H2Seen, value: str) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = int(be32(seen.reader.payload, 0) & 0x7FFF_FFFF)
        self.value = value
        self.urgency, self.incremental = priority_of(value)

    def label(self) -> str:
        return "PRIORITY_UPDATE"

    def what(self) -> str:
        alike = "and is of use in parts" if self.incremental else "and is wanted whole"
        return f"Stream {self.stream} gets urgency {self.urgency} (0 is first, 7 last) {alike}."

    def detail(self) -> str:
        return f"stream {self.stream}, {self.value or 'defaults'}"

    def fields(self) -> dict[str, JsonValue]:
        return {
            "stream": self.stream, "value": self.value, "urgency": self.urgency, "incremental": self.incremental,
        }


class AltSvc(Event):
    """The same service elsewhere. origin: whose; "" for that of the stream's request."""

    name: ClassVar[str] = "http2.altsvc"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 7838 §4"
    WHY: ClassVar[str] = (
        "A server names other places or protocols where the same origin can be reached, such as HTTP/3. A client may "
        "go there for its next connection."
    )

    def __init__(self, seen: H2Seen, origin: str, value: str) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.stream = int(seen.reader.id)
        self.origin = origin
        self.value = value

    def label(self) -> str:
        return "ALTSVC"

    def what(self) -> str:
        whose = self.origin or f"the origin of stream {self.stream}"
        return f"{whose[0].upper()}{whose[1:]} is served as well at {self.value}."

    def detail(self) -> str:
        return self.value

    def identifies(self) -> list[Identity]:
        return hosts_of_urls(self.origin) + hosts_in(self.value)

    def fields(self) -> dict[str, JsonValue]:
        return {"stream": self.stream, "origin": self.origin, "value": self.value}


class Origin(Event):
    """The origins that this connection may be used for."""

    name: ClassVar[str] = "http2.origin"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8336 §2"
    WHY: ClassVar[str] = (
        "A client may ask one connection for several names if the certificate covers them. The server says which of "
        "them it really serves, which saves the client connections and wrong guesses."
    )

    def __init__(self, seen: H2Seen, origins: tuple[str, ...]) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.origins = origins

    def label(self) -> str:
        return "ORIGIN"

    def what(self) -> str:
        shown = ", ".join(self.origins[:MAX_LISTED]) or "none"
        return f"The server may be asked over this connection for {plural(len(self.origins), 'origin')}: {shown}."

    def detail(self) -> str:
        return ", ".join(self.origins[:3])

    def identifies(self) -> list[Identity]:
        return [found for origin in self.origins for found in hosts_of_urls(origin)]

    def fields(self) -> dict[str, JsonValue]:
        origins: list[JsonValue] = []
        origins.extend(self.origins)
        return {"origins": origins}


class UnknownFrame(Event):
    """A frame of a type that no standard known here defines. payload: its beginning."""

    name: ClassVar[str] = "http2.unknown_frame"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9113 §5.5"
    WHY: ClassVar[str] = (
        "Extensions bring frames of their own. Whoever does not know a type ignores it, and some senders use types "
        "that mean nothing, so that nobody forgets how to."
    )

    def __init__(self, seen: H2Seen, payload: bytes) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.type = int(seen.reader.type)
        self.flags = int(seen.reader.flags)
        self.stream = int(seen.reader.id)
        self.payload = payload
        self.length = int(seen.reader.length)

    def label(self) -> str:
        return type_name(self.type)

    def what(self) -> str:
        return (
            f"A frame of the unknown type 0x{self.type:x} on stream {self.stream} with {size(self.length)}; the "
            "receiver ignores it."
        )

    def detail(self) -> str:
        return f"stream {self.stream}, {size(self.length)}"

    def fields(self) -> dict[str, JsonValue]:
        return {
            "type": self.type, "flags": self.flags, "stream": self.stream, "length": self.length,
            "payload": self.payload.hex(),
        }
