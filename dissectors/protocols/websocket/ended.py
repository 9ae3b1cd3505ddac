"""The event that sums a WebSocket connection up: how it ended, who spoke how often, the heartbeat."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BACKWARD, CORE, FORWARD, Event, Headline, JsonValue, Observed
from dissectors.kit.observation import what_ended
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.websocket.codes import ABNORMAL, NO_STATUS, close_name
from dissectors.protocols.websocket.events import WEBSOCKET
from dissectors.protocols.websocket.message import WsSide
from dissectors.wire.preview import shortened
from dissectors.wire.rhythm import median

# How it ended.
CLEAN: Final = "clean"            # both sides sent a Close frame
HALF: Final = "half closed"       # one did, and the connection ended
ABRUPT: Final = "abnormal"        # none did: 1006
OPEN: Final = "open"              # what is observed ended first
UNKNOWN: Final = "unknown"        # bytes are missing, in which a Close frame may have been


class Talk:
    """What one side said until the end. client: whether it is that of the client.

    unanswered: pings at the end without a pong; waited_ns: since the first of them; waiting_frame: its number.
    """

    def __init__(self, side: WsSide, client: int, end: int) -> None:
        rhythm = side.rhythm
        self.client = side.direction == client
        self.messages = int(rhythm.messages)
        self.texts = int(rhythm.texts)
        self.octets = int(rhythm.octets)
        self.largest = int(rhythm.largest)
        self.packed = int(rhythm.packed)
        self.plain = int(rhythm.plain)
        self.frames = int(rhythm.frames)
        self.longest_ns = int(rhythm.longest)
        self.every_ns = median(rhythm.times.samples)
        self.steady = rhythm.times.regular() > 0
        self.pings = int(rhythm.pings.count)
        self.answered = int(rhythm.answered)
        self.ping_every_ns = rhythm.pings.regular()
        self.round_trip_ns = median(rhythm.round_trips)
        self.slowest_ns = max(rhythm.round_trips) if rhythm.round_trips else -1
        self.heartbeat, self.heartbeat_ns = rhythm.heartbeat()
        self.violations = side.violations
        self.unanswered, self.waited_ns, self.waiting_frame = side.unanswered(end)

    def who(self) -> str:
        return "client" if self.client else "server"

    def as_json(self) -> dict[str, JsonValue]:
        rules: dict[str, JsonValue] = {}
        rules.update(self.violations)
        return {
            "role": self.who(), "messages": self.messages, "texts": self.texts, "octets": self.octets,
            "largest": self.largest, "compressed_octets": self.packed, "uncompressed_octets": self.plain,
            "frames": self.frames, "longest_silence_ns": self.longest_ns, "every_ns": self.every_ns,
            "pings": self.pings, "pings_answered": self.answered, "pings_unanswered": self.unanswered,
            "ping_every_ns": self.ping_every_ns, "round_trip_ns": self.round_trip_ns,
            "slowest_round_trip_ns": self.slowest_ns, "heartbeat_ns": self.heartbeat_ns, "violations": rules,
        }


class WsEnding:
    """How it ended. how: CLEAN, HALF, ABRUPT, OPEN or UNKNOWN.   carrier: what the layer beneath did: fin, rst,
    timeout, capture.   closer: the side whose Close frame came first.   path, begun: where and when the connection
    became a WebSocket.   heard: when the last bytes of either side came.
    """

    def __init__(self, how: str, carrier: str, closer: WsSide | None, path: str, begun: int) -> None:
        self.how = how
        self.carrier = carrier
        self.code = closer.close_code if closer is not None else -1
        self.first = closer.direction if closer is not None else -1
        self.path = path
        self.begun = begun
        self.heard = begun


class WsEnded(Event):
    """The end, and what came before it in numbers.

    how: CLEAN, HALF, ABRUPT, OPEN or UNKNOWN.   carrier: what the layer beneath did: fin, rst, timeout, capture.
    code: of the Close frame that came first, -1 for none.   first: who sent it, 0 or 1 (the direction), -1.
    talks: of the originator and of the responder.   begun: when the connection became a WebSocket.
    silence_ns: since the last bytes of either side.
    """

    name: ClassVar[str] = "websocket.ended"
    phase: ClassVar[str] = WEBSOCKET
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §7.1; RFC 6455 §7.4.1"
    WHY: ClassVar[str] = (
        "A WebSocket ends well when both sides sent a Close frame and the connection beneath ended after them. "
        "Without any Close frame a program is told 1006, with one that has no code 1005; neither is ever sent."
    )

    def __init__(self, observed: Observed, ending: WsEnding, talks: tuple[Talk, Talk]) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.how = ending.how
        self.carrier = ending.carrier
        self.code = ending.code
        self.first = ending.first
        self.client = FORWARD if talks[0].client else BACKWARD
        self.talks = talks
        self.path = ending.path
        self.begun = ending.begun
        self.silence_ns = observed.time - ending.heard

    def label(self) -> str:
        return "still open" if self.how == OPEN else "end"

    def ending(self) -> str:
        """A few words: `closed 1000 by the client`, `1006`."""
        who = "" if self.first < 0 else (" by the client" if self.first == self.client else " by the server")
        code = self.code if self.code >= 0 else NO_STATUS
        if self.how == OPEN:
            return f"closing{who}" if who else "still open"
        if self.how == ABRUPT:
            return f"ended without Close ({ABNORMAL})"
        if self.how == UNKNOWN:
            return "end not seen"
        return f"closed{who} ({code})" if self.how == CLEAN else f"closed{who} ({code}), not answered"

    def what(self) -> str:
        beneath = {
            "fin": "the connection beneath was closed", "rst": "the connection beneath was reset",
            "timeout": "nothing more came",
        }.get(self.carrier, f"{what_ended(self.carrier)} ended")
        if self.how == CLEAN:
            code = self.code if self.code >= 0 else NO_STATUS
            text = f"The WebSocket was closed in order ({code}, {close_name(code)}): both sides sent a Close frame"
        elif self.how == HALF:
            text = f"One side closed, the other sent no Close frame in return; then {beneath}"
        elif self.how == ABRUPT:
            text = (
                f"The WebSocket ended without a Close frame: {beneath}. Programs are told {ABNORMAL}, "
                f"{close_name(ABNORMAL)}"
            )
        elif self.how == UNKNOWN:
            text = f"How the WebSocket ended is not known: bytes are missing from the capture, and {beneath}"
        else:
            text = {
                "timeout": "The WebSocket was open, and nothing more came",
                "unread": "What comes after of the WebSocket was not read",
            }.get(self.carrier, f"The WebSocket is still open where {what_ended(self.carrier)} ends")
        return f"{text}. {self._said()}{self._beats()}"

    def _said(self) -> str:
        parts: list[str] = []
        for talk in self.talks:
            if talk.messages:
                text = f"The {talk.who()} sent {plural(talk.messages, 'message')} ({size(talk.octets)})"
                if talk.messages > 2:
                    how = "in a steady rhythm" if talk.steady else "(median)"
                    text += f", one every {duration(talk.every_ns)} {how}, at most {duration(talk.longest_ns)} apart"
                if talk.plain > 0:
                    text += f"; compression made {size(talk.packed)} of {size(talk.plain)}"
                parts.append(text)
        return f"{'. '.join(parts)}." if parts else "No messages were sent."

    def _beats(self) -> str:
        text = ""
        for talk in self.talks:
            if talk.pings:
                every = f" every {duration(talk.ping_every_ns)}" if talk.ping_every_ns > 0 else ""
                text += f" The {talk.who()} sent {plural(talk.pings, 'ping')}{every}"
                if talk.answered:
                    text += f", {talk.answered} answered, {duration(talk.round_trip_ns)} (median)"
                    text += f", {duration(talk.slowest_ns)} at most" if talk.answered > 1 else ""
                text += "."
            if talk.heartbeat_ns > 0:
                text += (
                    f" The {talk.who()} repeats the message {shortened(talk.heartbeat)} every "
                    f"{duration(talk.heartbeat_ns)}, as a heartbeat does."
                )
        return text

    def detail(self) -> str:
        return self.ending()

    def headline(self) -> Headline | None:
        counts = [
            f"{talk.messages} {'→' if side == 0 else '←'}" for side, talk in enumerate(self.talks) if talk.messages
        ]
        total = sum([talk.octets for talk in self.talks])
        words = [self.path] if self.path else []
        words.append(f"messages {', '.join(counts)}, {size(total)}" if counts else "no messages")
        words.append(self.ending())
        return Headline("WebSocket", " · ".join(words), self.begun, self.time)

    def phase_facts(self) -> list[str]:
        facts = [
            f"{plural(talk.messages, 'message')} {'→' if side == 0 else '←'} {size(talk.octets)}"
            for side, talk in enumerate(self.talks) if talk.messages
        ]
        for talk in self.talks:
            if talk.ping_every_ns > 0:
                facts.append(f"ping every {duration(talk.ping_every_ns)}")
            if talk.answered:
                facts.append(f"round trip {duration(talk.round_trip_ns)}")
        return [*facts, self.ending()]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "how": self.how, "beneath": self.carrier, "code": self.code if self.code >= 0 else None,
            "closed_first": self.first if self.first >= 0 else None, "path": self.path,
            "lasted_ns": self.time - self.begun, "silence_ns": self.silence_ns,
            "forward": self.talks[0].as_json(), "backward": self.talks[1].as_json(),
        }
