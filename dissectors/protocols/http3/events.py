"""What is told of HTTP/3 beside what all versions of HTTP have in common."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, EXTRA, LINED, SUMMED, Event, JsonValue, Observed
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.http3.codes import frame_name, setting_text
from dissectors.protocols.http3.reader import H3Piece
from dissectors.wire.http.events import PHASE, ExchangeEvent, ExchangeSeen, RequestEvent, ResponseEvent

TITLE: Final = "HTTP/3"     # of a phase without an exchange, which may end in another conversation


class H3Frame(Event):
    """One frame. stream_id: as QUIC numbers it."""

    name: ClassVar[str] = "http3.frame"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9114 §7.1"
    WHY: ClassVar[str] = (
        "What a stream of HTTP/3 carries is cut into frames with a type and a length. QUIC knows which stream they are "
        "of, so a frame does not say it, as that of HTTP/2 does."
    )

    def __init__(self, observed: Observed, piece: H3Piece, stream_id: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.type = piece.type
        self.length = piece.length
        self.stream_id = stream_id

    def label(self) -> str:
        return frame_name(self.type)

    def what(self) -> str:
        return f"A {frame_name(self.type)} of {size(self.length)} on stream {self.stream_id}."

    def fields(self) -> dict[str, JsonValue]:
        return {"type": self.type, "stream": self.stream_id, "length": self.length}

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self.fields()


class H3Request(RequestEvent):
    """A request of HTTP/3."""

    name: ClassVar[str] = "http3.request"
    normally: ClassVar[str] = SUMMED

    def phase_title(self) -> str:
        return TITLE


class H3Response(ResponseEvent):
    """A response of HTTP/3, the interim ones among them."""

    name: ClassVar[str] = "http3.response"
    normally: ClassVar[str] = SUMMED

    def phase_title(self) -> str:
        return TITLE


class H3Facts:
    """An exchange as its stream saw it. stream_id: as QUIC numbers it.     blocked_ns: how long a field section waited
    for entries of the table, 0 for none.     missing: octets of both bodies that are not in the capture, -1 where that
    cannot be counted.     carried: who read it.     reset: a side gave the stream up.     header_octets, text_octets:
    of the field sections, as sent and as HTTP/1.1 would have them."""

    def __init__(self) -> None:
        self.stream_id = 0
        self.blocked_ns = 0
        self.table_frame = 0       # that brought what it waited for
        self.missing = (0, 0)
        self.carried = ""
        self.reset = False
        self.header_octets = 0
        self.text_octets = 0


class H3Exchange(ExchangeEvent):
    """An exchange of HTTP/3. Its number counts the client's streams from 1."""

    name: ClassVar[str] = "http3.exchange"
    on_wire: ClassVar[bool] = False
    title: ClassVar[str] = "HTTP/3"

    def __init__(self, seen: ExchangeSeen, facts: H3Facts) -> None:
        super().__init__(seen)
        self.stream = seen.number
        self.facts = facts

    def ending(self) -> str:
        return "The stream was given up." if self.facts.reset else super().ending()

    def what(self) -> str:
        facts = self.facts
        words = [super().what()]
        if facts.blocked_ns:
            words.append(
                f"Its fields waited {duration(facts.blocked_ns)} for entries of the compression table that came later."
            )
        for whose, missing in (("request", facts.missing[0]), ("response", facts.missing[1])):
            if missing > 0:
                words.append(f"{size(missing)} of the {whose} are not in the capture.")
            elif missing < 0:
                words.append(f"Part of the {whose} is not in the capture.")
        if facts.carried:
            words.append(f"It carried {facts.carried}.")
        return " ".join(words)

    def fields(self) -> dict[str, JsonValue]:
        facts = self.facts
        out = super().fields()
        out["stream_id"] = facts.stream_id
        if facts.blocked_ns:
            out["table_wait_ns"] = facts.blocked_ns
        if facts.reset:
            out["reset"] = True
        if facts.carried:
            out["carried"] = facts.carried
        out["header_octets"] = facts.header_octets
        out["header_text_octets"] = facts.text_octets
        return out


class H3Settings(Event):
    """SETTINGS of one side. values: (identifier, value) in order."""

    name: ClassVar[str] = "http3.settings"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9114 §7.2.4"
    WHY: ClassVar[str] = (
        "Each side says once, first of all, what it takes: how large a table of header fields it keeps for the other, "
        "and which extensions it knows."
    )

    def __init__(self, observed: Observed, values: tuple[tuple[int, int], ...]) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.values = values

    def label(self) -> str:
        return "SETTINGS"

    def detail(self) -> str:
        texts = [text for text in [setting_text(number, value) for number, value in self.values] if text]
        return ", ".join(texts) if texts else plural(len(self.values), "value")

    def what(self) -> str:
        return f"This side announces {plural(len(self.values), 'setting')}: {self.detail()}."

    def fields(self) -> dict[str, JsonValue]:
        return {f"0x{number:x}": value for number, value in self.values}


class H3GoAway(Event):
    """GOAWAY. last: the first stream or push that is not processed any more."""

    name: ClassVar[str] = "http3.goaway"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9114 §5.2"
    WHY: ClassVar[str] = (
        "A side that is going to close says up to where it takes requests, so that the others can be sent elsewhere "
        "without a doubt."
    )

    def __init__(self, observed: Observed, last: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.last = last

    def label(self) -> str:
        return "GOAWAY"

    def detail(self) -> str:
        return f"from {self.last} on"

    def what(self) -> str:
        return f"This side is going to close: it takes only what comes before stream {self.last}."

    def fields(self) -> dict[str, JsonValue]:
        return {"last": self.last}
