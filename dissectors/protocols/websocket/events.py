"""Events of a WebSocket connection: its opening, messages, heartbeats, and its end."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, EXTRA, LINED, Event, Evidence, JsonValue, Observed
from dissectors.kit.identity import UNIQUE, Identity, host_of, hosts_of_urls
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.websocket.codes import BINARY, TEXT, close_meaning, close_name, opcode_name
from dissectors.protocols.websocket.frames import FrameCutter
from dissectors.protocols.websocket.message import Assembly, WsContent
from dissectors.protocols.websocket.runs import WsRun
from dissectors.protocols.websocket.upgrade import Upgrade
from dissectors.wire.http.channel import ChannelEvent
from dissectors.wire.preview import hex_preview, json_value, shortened, text_of

WEBSOCKET: Final = "websocket"
ROLES: Final = ("The client", "The server")


class WsObserved(Observed):
    """What one side sent. client: the direction of the client; in most connections the originator's, but a capture may
    start late."""

    def __init__(self, time: int, direction: int, evidence: Evidence, client: int) -> None:
        super().__init__(time, direction, evidence)
        self.client = client


class WebSocketEvent(ChannelEvent):
    """by_client: the client sent it."""

    phase: ClassVar[str] = WEBSOCKET

    def __init__(self, observed: WsObserved) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.by_client = observed.direction == observed.client

    def who(self) -> str:
        return ROLES[0 if self.by_client else 1]

    def peer(self) -> str:
        return ROLES[1 if self.by_client else 0].lower()


class WsOpened(ChannelEvent):
    """The upgrade succeeded."""

    name: ClassVar[str] = "websocket.opened"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = WEBSOCKET
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §4.2.2; RFC 8441 §5"
    WHY: ClassVar[str] = (
        "A WebSocket begins as an HTTP request, so that it passes wherever the web does. The client sends a random "
        "key; the server proves that it understood by hashing it together with a fixed text. From then on both "
        "sides may send whenever they like. Over HTTP/2 the method CONNECT says as much, and there is no key."
    )

    def __init__(self, observed: Observed, upgrade: Upgrade) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.upgrade = upgrade

    def opens(self) -> bool:
        return True

    def label(self) -> str:
        return "open"

    def what(self) -> str:
        upgrade = self.upgrade
        where = f" on {upgrade.path}" if upgrade.path else ""
        text = f"The connection is a WebSocket{where} from here on"
        if upgrade.accepted():
            text += ": the server's answer fits the client's key"
        elif upgrade.over_http2:
            text += ": one stream of HTTP/2, which needs no key"
        text += "."
        if upgrade.chosen:
            text += f" Subprotocol: {upgrade.chosen}."
        elif upgrade.offered:
            text += f" The server chose none of the subprotocols offered ({', '.join(upgrade.offered[:8])})."
        deflate = upgrade.deflate()
        if deflate is not None:
            text += f" Messages may be compressed ({deflate.text()})."
        elif any(extension.name == "permessage-deflate" for extension in upgrade.wanted) and upgrade.response_seen:
            text += " The client offered compression; the server did not take it."
        others = [extension.text() for extension in upgrade.agreed if extension.name != "permessage-deflate"]
        if others:
            text += f" Other extensions: {', '.join(others[:8])}."
        return text

    def detail(self) -> str:
        words = [self.upgrade.path] if self.upgrade.path else []
        words += [extension.text() for extension in self.upgrade.agreed[:4]]
        return ", ".join(words)

    def phase_title(self) -> str:
        return f"WebSocket · {self.upgrade.path}" if self.upgrade.path else ""

    def phase_facts(self) -> list[str]:
        words = [f"subprotocol {self.upgrade.chosen}"] if self.upgrade.chosen else []
        return [*words, *[extension.name for extension in self.upgrade.agreed[:4]]]

    def identifies(self) -> list[Identity]:
        return host_of(self.upgrade.authority) + hosts_of_urls(self.upgrade.origin)

    def fields(self) -> dict[str, JsonValue]:
        upgrade = self.upgrade
        offered: list[JsonValue] = []
        offered.extend(upgrade.offered)
        wanted: list[JsonValue] = []
        wanted.extend([extension.text() for extension in upgrade.wanted])
        agreed: list[JsonValue] = []
        agreed.extend([extension.text() for extension in upgrade.agreed])
        out: dict[str, JsonValue] = {
            "path": upgrade.path, "authority": upgrade.authority, "origin": upgrade.origin, "status": upgrade.status,
            "version": upgrade.version, "subprotocol": upgrade.chosen, "subprotocols_offered": offered,
            "extensions": agreed, "extensions_offered": wanted, "over_http2": upgrade.over_http2,
        }
        if upgrade.verifiable():
            out["accept"] = upgrade.accept
            out["accept_expected"] = upgrade.expected
            out["accept_right"] = upgrade.accepted()
        return out


class Joined(Event):
    """Frames without the upgrade before them: the capture started late."""

    name: ClassVar[str] = "websocket.joined"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = WEBSOCKET
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §5.2"
    WHY: ClassVar[str] = (
        "The handshake of a long-lived WebSocket is often older than the capture. Frames can still be told by their "
        "form: a chain of headers, each exactly where the payload before it ends. Which extensions were agreed on "
        "stays unknown."
    )

    def label(self) -> str:
        return "joined"

    def what(self) -> str:
        return (
            "These bytes have the form of WebSocket frames; the upgrade before them is not in the capture, so the "
            "address, the subprotocol and the extensions are not known."
        )


class FrameSeen(WebSocketEvent):
    """One frame, for a list of all. reserved: RSV1 is 4, RSV2 is 2, RSV3 is 1."""

    name: ClassVar[str] = "websocket.frame"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 6455 §5.2"
    WHY: ClassVar[str] = (
        "A frame is the smallest thing that is sent: a header of 2 to 14 bytes with a kind, a length and a mask, "
        "then the payload. FIN marks the last frame of a message."
    )

    def __init__(self, observed: WsObserved, frame: FrameCutter) -> None:
        super().__init__(observed)
        self.opcode = int(frame.opcode)
        self.fin = frame.fin
        self.reserved = int(frame.reserved)
        self.masked = frame.masked
        self.length = int(frame.length)

    def label(self) -> str:
        return opcode_name(self.opcode)

    def what(self) -> str:
        last = "" if self.fin else ", to be continued"
        return f"A frame: {opcode_name(self.opcode)}, {size(self.length)}{', masked' if self.masked else ''}{last}."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "opcode": self.opcode, "fin": self.fin, "reserved": self.reserved, "masked": self.masked,
            "length": self.length,
        }

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"opcode": self.opcode, "fin": self.fin, "length": self.length}


class WsMessage(WebSocketEvent):
    """A message, whole or as much of it as the capture holds.

    octets: what it says, unmasked and inflated, secrets replaced; complete: all of it, and not only its beginning.
    size: of the whole, -1 where it cannot be known.   wire: octets of payload as sent.   note: why it is not
    shown as it was meant, "" where all is well.   began: of its first frame.
    """

    name: ClassVar[str] = "websocket.message"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6455 §5.6"
    WHY: ClassVar[str] = (
        "A message is text in UTF-8 or binary data, and arrives whole at the other side however many frames and "
        "packets it took. Neither side has to be asked before it sends one."
    )

    def __init__(self, observed: WsObserved, assembly: Assembly, content: WsContent) -> None:
        super().__init__(observed)
        self.opcode = int(assembly.opcode)
        self.octets = content.octets
        self.complete = content.complete
        self.size = content.size
        self.wire = int(assembly.wire)
        self.fragments = int(assembly.fragments)
        self.compressed = assembly.compressed
        self.note = content.note
        self.began = assembly.began

    def text(self) -> str:
        """Of a text message, as far as it is kept."""
        return text_of(self.octets, self.complete) if self.opcode == TEXT else ""

    def kind(self) -> str:
        if self.opcode != TEXT:
            return opcode_name(self.opcode)
        return "JSON" if self.complete and json_value(self.text()) is not None else "text"

    def kind_of_message(self) -> int:
        return self.opcode if self.opcode in (TEXT, BINARY) else 0

    def label(self) -> str:
        return self.kind()

    def what(self) -> str:
        kind = self.kind()
        large = self.wire if self.size < 0 else self.size
        text = f"{self.who()} sends {kind}, {size(large)}"
        if self.compressed:
            text += f" (compressed: {size(self.wire)} sent)" if self.size >= 0 else " compressed"
        if self.fragments > 1:
            text += f", in {self.fragments} frames"
            if self.time > self.began:
                text += f" over {duration(self.time - self.began)}"
        if self.note:
            text += f"; {self.note}"
        shown = shortened(self.text()) if self.opcode == TEXT else hex_preview(self.octets, large)
        return f"{text}: {shown}" if shown else f"{text}."

    def detail(self) -> str:
        return size(self.wire if self.size < 0 else self.size)

    def identifies(self) -> list[Identity]:
        return [(UNIQUE, self.octets.hex())] if self.opcode != TEXT and self.octets else []

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "kind": opcode_name(self.opcode), "size": self.size, "wire_size": self.wire, "fragments": self.fragments,
            "compressed": self.compressed, "by_client": self.by_client, "complete": self.complete,
            "took_ns": self.time - self.began,
        }
        if self.note:
            out["note"] = self.note
        if self.opcode == TEXT:
            text = self.text()
            out["text"] = text
            value = json_value(text) if self.complete else None
            if value is not None:
                out["json"] = value
        else:
            out["hex"] = self.octets.hex()
        return out


class WsMessageRun(ChannelEvent):
    """Messages that are counted together. Each pair: by the originator, by the responder.

    previews: the beginnings of the first ones.   client: the direction of the client, 0 or 1.
    """

    name: ClassVar[str] = "websocket.messages"
    phase: ClassVar[str] = WEBSOCKET
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6455 §5.6"
    WHY: ClassVar[str] = (
        "After the first messages, further ones mostly say the same kind of thing. Their number, size and rhythm "
        "tell more than a line for each."
    )

    def __init__(self, run: WsRun, client: int) -> None:
        super().__init__(run.begin, run.direction(), Evidence(run.cited.frames()))
        self.counts = run.counts()
        self.octets = run.octets()
        self.texts = int(run.texts)
        self.largest = int(run.largest)
        self.pings = int(run.pings)
        self.end = run.end
        self.previews = tuple(run.previews)
        self.client = client

    def counted(self) -> int:
        return sum(self.counts)

    def label(self) -> str:
        return "messages" if sum(self.counts) else "heartbeat"

    def what(self) -> str:
        parts: list[str] = []
        for side in (0, 1):
            if self.counts[side]:
                who = "client" if side == self.client else "server"
                parts.append(f"{plural(self.counts[side], 'message')} of the {who} ({size(self.octets[side])})")
        if self.pings:
            parts.append(plural(self.pings, "ping"))
        text = " and ".join(parts)
        text = f"Within {duration(self.end - self.time)}: {text}"
        total = sum(self.counts)
        if total > 1:
            kinds = "all text" if self.texts == total else ("all binary" if self.texts == 0 else (
                f"{plural(self.texts, 'text')}, {total - self.texts} binary"
            ))
            text += f"; {kinds}, {size(self.largest)} at most"
        shown = "; ".join(self.previews)
        return f"{text}. They begin with: {shown}" if shown else f"{text}."

    def fields(self) -> dict[str, JsonValue]:
        previews: list[JsonValue] = []
        previews.extend(self.previews)
        return {
            "messages_forward": self.counts[0], "messages_backward": self.counts[1], "octets_forward": self.octets[0],
            "octets_backward": self.octets[1], "texts": self.texts, "largest": self.largest, "pings": self.pings,
            "took_ns": self.end - self.time, "previews": previews,
        }


class WsPing(WebSocketEvent):
    """Is anybody there? payload: what the pong has to repeat."""

    name: ClassVar[str] = "websocket.ping"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6455 §5.5.2"
    WHY: ClassVar[str] = (
        "A ping asks whether the other side is still there, and keeps firewalls on the way from forgetting an idle "
        "connection. The other side must answer with a pong that repeats its data."
    )

    def __init__(self, observed: WsObserved, payload: bytes) -> None:
        super().__init__(observed)
        self.payload = payload

    def label(self) -> str:
        return "ping"

    def what(self) -> str:
        octets = len(self.payload)
        data = f" with {size(octets)} ({hex_preview(self.payload, octets)})" if octets else ""
        return f"{self.who()} asks whether {self.peer()} is there{data}."

    def fields(self) -> dict[str, JsonValue]:
        return {"payload": self.payload.hex(), "by_client": self.by_client}


class Pong(WebSocketEvent):
    """round_trip_ns: since the ping that it answers, -1 where it answers none. passed_over: older pings unanswered."""

    name: ClassVar[str] = "websocket.pong"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6455 §5.5.3"
    WHY: ClassVar[str] = (
        "The answer to a ping. The time between the two is a round trip measured between the programs, not only "
        "their kernels. A pong that nobody asked for is allowed, and is a heartbeat in one direction."
    )

    def __init__(self, observed: WsObserved, payload: bytes, round_trip_ns: int, passed_over: int) -> None:
        super().__init__(observed)
        self.payload = payload
        self.round_trip_ns = round_trip_ns
        self.passed_over = passed_over

    def label(self) -> str:
        return "pong"

    def what(self) -> str:
        if self.round_trip_ns < 0:
            return f"{self.who()} sends a pong that answers no ping seen here: a heartbeat in one direction."
        text = f"{self.who()} answers after {duration(self.round_trip_ns)}"
        if self.passed_over:
            text += f"; with it {plural(self.passed_over, 'older ping')} count as answered"
        return f"{text}."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "payload": self.payload.hex(), "round_trip_ns": self.round_trip_ns, "passed_over": self.passed_over,
            "answers": self.round_trip_ns >= 0, "by_client": self.by_client,
        }


class CloseSeen(WebSocketEvent):
    """A Close frame. code: -1 where it has none.   answer_ns: since that of the other side, -1 for the first."""

    name: ClassVar[str] = "websocket.close"
    normally: ClassVar[str] = LINED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §5.5.1"
    WHY: ClassVar[str] = (
        "A side that wants to end says so in a Close frame, with a code and a reason, and sends nothing after it. "
        "The other side answers with its own Close. So both know that nothing was lost on the way."
    )

    def __init__(self, observed: WsObserved, code: int, reason: str, answer_ns: int) -> None:
        super().__init__(observed)
        self.code = code
        self.reason = reason
        self.answer_ns = answer_ns

    def label(self) -> str:
        return f"close {self.code}" if self.code >= 0 else "close"

    def what(self) -> str:
        if self.code < 0:
            text = "without a code; its program is told 1005, no status received"
        else:
            meaning = close_meaning(self.code) if self.answer_ns < 0 else ""
            text = f"with code {self.code}, {close_name(self.code)}{f': {meaning}' if meaning else ''}"
        does = "answers" if self.answer_ns >= 0 else "closes"
        when = f" after {duration(self.answer_ns)}" if self.answer_ns >= 0 else ""
        reason = f" It gives the reason: {shortened(self.reason)}" if self.reason else ""
        if reason and reason[-1] not in ".!?…":
            reason += "."
        return f"{self.who()} {does}{when} {text}.{reason}"

    def detail(self) -> str:
        return close_name(self.code) if self.code >= 0 else "no code"

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "code": self.code if self.code >= 0 else None, "reason": self.reason, "by_client": self.by_client,
            "answers": self.answer_ns >= 0,
        }
        if self.code >= 0:
            out["meaning"] = close_name(self.code)
        if self.answer_ns >= 0:
            out["answer_ns"] = self.answer_ns
        return out


class Missing(WebSocketEvent):
    """Bytes of a direction that could not be read as frames. passed: captured but not told; lost: not captured."""

    name: ClassVar[str] = "websocket.gap"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §5.2"
    WHY: ClassVar[str] = (
        "Frames follow one another without a mark between them. When bytes are missing from the capture, the next "
        "frame is only found where a chunk of bytes has the form of whole frames."
    )

    def __init__(self, observed: WsObserved, lost: int, passed: int, *, found: bool) -> None:
        super().__init__(observed)
        self.lost = lost
        self.passed = passed
        self.found = found

    def label(self) -> str:
        return "gap"

    def what(self) -> str:
        who = "client" if self.by_client else "server"
        parts: list[str] = []
        if self.lost:
            parts.append(f"{size(self.lost)} of the {who} are not in the capture")
        if self.passed:
            parts.append(f"{size(self.passed)} of the {who} cannot be told as frames")
        found = "from here on frames are read again" if self.found else "no frame was found after them"
        return f"{' and '.join(parts) or 'Bytes are missing'}; {found}."

    def fields(self) -> dict[str, JsonValue]:
        return {"lost": self.lost, "passed": self.passed, "found": self.found, "by_client": self.by_client}
