"""Events of an event stream: its opening, what is sent, its end."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, Event, Evidence, Headline, JsonValue, Observed
from dissectors.kit.observation import OBSERVED_ENDED, what_ended
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.sse.stream import MESSAGE, SseBlock, SseRun, SseStream
from dissectors.wire.preview import json_value, shortened, text_of
from dissectors.wire.rhythm import median

EVENT_STREAM: Final = "event stream"


class SseEvent(Event):
    """One statement about an event stream."""

    phase: ClassVar[str] = EVENT_STREAM

    def __init__(self, observed: Observed) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)


class SseOpened(SseEvent):
    """The response began. last_id: that the client named, "" for none: it had been connected before."""

    name: ClassVar[str] = "sse.opened"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "WHATWG HTML §9.2.3; WHATWG HTML §9.2.4"
    WHY: ClassVar[str] = (
        "A page asks once, and the response never ends: the server writes a few lines whenever it has something to "
        "say. After a break the browser asks again by itself and names the last id that it saw, so that the server "
        "can go on from there."
    )

    def __init__(self, observed: Observed, stream: SseStream) -> None:
        super().__init__(observed)
        self.path = stream.path
        self.last_id = stream.resumed

    def label(self) -> str:
        return "resumed" if self.last_id else "open"

    def what(self) -> str:
        where = f" of {self.path}" if self.path else ""
        text = f"The server begins a stream of events{where}."
        if self.last_id:
            text += f" The client was connected before: the last event it saw had the id {shortened(self.last_id)}."
        return text

    def phase_title(self) -> str:
        return f"Event stream · {self.path}" if self.path else ""

    def phase_facts(self) -> list[str]:
        return ["resumed"] if self.last_id else []

    def fields(self) -> dict[str, JsonValue]:
        return {"path": self.path, "last_event_id": self.last_id}


class StreamEvent(SseEvent):
    """One event. event: its name, "" where it has none; octets: the beginning of its data, secrets replaced."""

    name: ClassVar[str] = "sse.event"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "WHATWG HTML §9.2.6"
    WHY: ClassVar[str] = (
        "An event is a few lines of text: what it is called, its data, and an id to resume from. A blank line ends "
        "it and hands it to the page."
    )

    def __init__(self, observed: Observed, block: SseBlock, octets: bytes) -> None:
        super().__init__(observed)
        self.event = block.name
        self.id = block.id
        self.retry = block.retry
        self.octets = octets
        self.size = int(block.size)
        self.complete = block.whole
        self.began = block.began

    def text(self) -> str:
        return text_of(self.octets, self.complete)

    def label(self) -> str:
        return self.event or MESSAGE

    def what(self) -> str:
        text = f"The server sends {f'the event {self.event}' if self.event else 'an event'}, {size(self.size)}"
        if self.id:
            text += f", with the id {shortened(self.id)}"
        if self.retry >= 0:
            text += f"; after a break the client is to wait {duration(self.retry * 1_000_000)}"
        if self.time > self.began:
            text += f"; it took {duration(self.time - self.began)}"
        shown = shortened(self.text())
        return f"{text}: {shown}" if shown else f"{text}."

    def detail(self) -> str:
        return f"id {self.id}, {size(self.size)}" if self.id else size(self.size)

    def fields(self) -> dict[str, JsonValue]:
        text = self.text()
        out: dict[str, JsonValue] = {
            "event": self.event or MESSAGE, "size": self.size, "data": text, "complete": self.complete,
        }
        if self.id is not None:
            out["id"] = self.id
        if self.retry >= 0:
            out["retry_ms"] = self.retry
        value = json_value(text) if self.complete else None
        if value is not None:
            out["json"] = value
        return out


class EventRun(SseEvent):
    """Events that are counted together. names: how many of each."""

    name: ClassVar[str] = "sse.events"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "WHATWG HTML §9.2.6"
    WHY: ClassVar[str] = (
        "After the first events, further ones mostly say the same kind of thing. Their number, size and rhythm tell "
        "more than a line for each."
    )

    def __init__(self, run: SseRun, direction: int, last_id: str) -> None:
        super().__init__(Observed(run.begin, direction, Evidence(run.cited.frames())))
        self.names = run.names
        self.octets = sum(run.octets())
        self.largest = int(run.largest)
        self.end = run.end
        self.last_id = last_id

    def label(self) -> str:
        return "events"

    def what(self) -> str:
        total = sum(self.names.values())
        text = f"{plural(total, 'event')} more within {duration(self.end - self.time)}, {size(self.octets)} in all"
        if len(self.names) > 1:
            text += f": {', '.join([f'{count} {name}' for name, count in self.names.items()])}"
        return f"{text}, {size(self.largest)} at most."

    def fields(self) -> dict[str, JsonValue]:
        names: dict[str, JsonValue] = {}
        names.update(self.names)
        return {
            "events": names, "octets": self.octets, "largest": self.largest, "last_id": self.last_id,
            "took_ns": self.end - self.time,
        }


class SseRetry(SseEvent):
    """How long the client shall wait before it connects again, said without an event."""

    name: ClassVar[str] = "sse.retry"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "WHATWG HTML §9.2.6"
    WHY: ClassVar[str] = (
        "A browser connects again by itself after a break, mostly after some seconds. The server may say after how "
        "many milliseconds, so that not all clients come back at once."
    )

    def __init__(self, observed: Observed, retry: int) -> None:
        super().__init__(observed)
        self.retry = retry

    def label(self) -> str:
        return "retry"

    def what(self) -> str:
        return f"After a break the client is to wait {duration(self.retry * 1_000_000)} before it connects again."

    def fields(self) -> dict[str, JsonValue]:
        return {"retry_ms": self.retry}


class Comment(SseEvent):
    """Lines that begin with a colon, the first of a stream; later ones are counted."""

    name: ClassVar[str] = "sse.comment"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "WHATWG HTML §9.2.7"
    WHY: ClassVar[str] = (
        "A line that begins with a colon is a comment, which clients ignore. Servers send one every some seconds, so "
        "that no proxy takes a silent stream for a dead one."
    )

    def __init__(self, observed: Observed, text: str) -> None:
        super().__init__(observed)
        self.text = text

    def label(self) -> str:
        return "comment"

    def what(self) -> str:
        said = f": {shortened(self.text)}" if self.text.strip() else ", an empty one."
        return f"The server sends a comment, which keeps the connection alive{said}"

    def fields(self) -> dict[str, JsonValue]:
        return {"text": self.text}


class SseIncomplete(SseEvent):
    """Bytes of the stream are missing, or it ended within an event, which clients then throw away."""

    name: ClassVar[str] = "sse.incomplete"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "WHATWG HTML §9.2.6"
    WHY: ClassVar[str] = (
        "Only a blank line completes an event. What stands before the end of a stream without one is thrown away by "
        "the client, and after a gap in the capture the next event begins behind a blank line."
    )

    def __init__(self, observed: Observed, lost: int, held: int) -> None:
        super().__init__(observed)
        self.lost = lost
        self.held = held

    def label(self) -> str:
        return "gap" if self.lost else "cut off"

    def what(self) -> str:
        if self.lost:
            return (
                f"{size(self.lost)} of the stream are not in the capture; it is read again from the next blank line on."
            )
        return f"The stream ended within an event, after {size(self.held)} of data: a client throws it away."

    def fields(self) -> dict[str, JsonValue]:
        return {"lost": self.lost, "held": self.held}


class SseEnded(SseEvent):
    """The end, and what came before it in numbers. how: of the layer beneath: fin, rst, timeout, capture."""

    name: ClassVar[str] = "sse.ended"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "WHATWG HTML §9.2.3"
    WHY: ClassVar[str] = (
        "An event stream has no end of its own. When the response ends or breaks, the browser waits and asks again, "
        "unless the server answers 204."
    )

    def __init__(self, observed: Observed, how: str, stream: SseStream) -> None:
        super().__init__(observed)
        self.how = how
        self.path = stream.path
        self.begun = stream.begun
        self.names = stream.names
        self.octets = int(stream.octets)
        self.every_ns = median(stream.times.samples)
        self.longest_ns = int(stream.longest)
        self.comments = int(stream.comments.count)
        self.heartbeat_ns = stream.comments.regular()
        self.last_id = stream.last_id
        self.retry = stream.retry

    def count(self) -> int:
        return sum(self.names.values())

    def label(self) -> str:
        if self.how in ("unread", "lost"):
            return "end not seen"
        return "still open" if self.how in OBSERVED_ENDED or self.how == "timeout" else "end"

    def what(self) -> str:
        over = {
            "fin": "The stream of events ended in order", "rst": "The stream of events was broken off",
            "timeout": "Nothing more came on the stream of events",
            "unread": "What comes after of the stream of events was not read",
            "lost": "How the stream of events ended is not known, for bytes are missing from the capture",
        }.get(self.how, f"The stream of events is not finished when {what_ended(self.how)} ends")
        text = f"{over}: {plural(self.count(), 'event')}, {size(self.octets)} in {duration(self.time - self.begun)}"
        if self.count() > 2:
            text += f", one every {duration(self.every_ns)} (median), at most {duration(self.longest_ns)} apart"
        text += "."
        if len(self.names) > 1:
            text += f" Of them {', '.join([f'{count} {name}' for name, count in self.names.items()])}."
        if self.comments:
            every = f", one every {duration(self.heartbeat_ns)}" if self.heartbeat_ns > 0 else ""
            text += f" {plural(self.comments, 'comment')} kept it alive{every}."
        if self.last_id:
            text += f" The last id was {shortened(self.last_id)}."
        return text

    def headline(self) -> Headline | None:
        words = [self.path] if self.path else []
        words += [plural(self.count(), "event"), size(self.octets)]
        return Headline("SSE", " · ".join(words), self.begun, self.time)

    def phase_facts(self) -> list[str]:
        facts = [plural(self.count(), "event"), size(self.octets)]
        if self.count() > 2:
            facts.append(f"one every {duration(self.every_ns)}")
        if self.heartbeat_ns > 0:
            facts.append(f"heartbeat every {duration(self.heartbeat_ns)}")
        return facts

    def fields(self) -> dict[str, JsonValue]:
        names: dict[str, JsonValue] = {}
        names.update(self.names)
        return {
            "how": self.how, "path": self.path, "events": names, "octets": self.octets, "every_ns": self.every_ns,
            "longest_silence_ns": self.longest_ns, "comments": self.comments, "heartbeat_ns": self.heartbeat_ns,
            "last_id": self.last_id, "retry_ms": self.retry, "lasted_ns": self.time - self.begun,
        }
