"""Events: what a dissector saw, when, in which frames, and what the standard says of it."""
from __future__ import annotations

from typing import ClassVar, Final, Union

from mypy_extensions import mypyc_attr

from dissectors.kit.marks import Marks

JsonValue = Union[None, bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"]]

# How much a reader needs an event: the core is told at every level, extra only at `teach`.
CORE: Final = "core"
BASE: Final = "base"
EXTRA: Final = "extra"

# Directions of a conversation. The originator sent the first frame (the SYN, the query).
FORWARD: Final = 0   # originator to responder, drawn →
BACKWARD: Final = 1  # responder to originator, drawn ←
NEITHER: Final = 2   # said of the conversation as a whole

UNMARKED: Final = Marks()    # of an event that nobody has put into a conversation: nothing marked, nothing shown


@mypyc_attr(allow_interpreted_subclasses=True)
class Evidence:
    """The frames that prove a statement, and where in the last of them the bytes lie.

    frames: numbers as Wireshark counts them, from 1, ascending.
    start, end: byte range within the captured bytes of the last frame; -1 where no range applies.
    """

    def __init__(self, frames: tuple[int, ...], start: int = -1, end: int = -1) -> None:
        self.frames = frames
        self.start = start
        self.end = end


@mypyc_attr(allow_interpreted_subclasses=True)
class Headline:
    """One bar of the story across conversations: `HTTP/2   GET /big.bin → 200, 1.2 MB`, from start to end."""

    def __init__(self, label: str, text: str, start_ns: int, end_ns: int) -> None:
        self.label = label
        self.text = text
        self.start_ns = start_ns
        self.end_ns = end_ns


@mypyc_attr(allow_interpreted_subclasses=True)
class Event:
    """One observation. Subclasses are one class a kind and are not changed after they are made.

    name: stable and dotted, `protocol.kind`.     phase: the kind of phase it belongs to.
    importance: CORE, BASE or EXTRA.              spec: the rule behind it, `RFC 9293 §3.5`.
    WHY: why the protocol does this, for a reader who meets it for the first time.
    time: integer nanoseconds since 1970, from the capture.

    What the methods below say may hold secrets. Nothing of it is shown as it is: whoever shows an event asks
    `dissectors.wire.secrets.gate.Said` for it, which knows the marks of the conversation.
    """

    name: ClassVar[str] = ""
    phase: ClassVar[str] = ""
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = ""
    WHY: ClassVar[str] = ""

    def __init__(self, time: int, direction: int, evidence: Evidence) -> None:
        self.time = time
        self.direction = direction
        self.evidence = evidence
        self.conversation = 0  # set once by the router, which alone knows the numbers
        self.stream = 0        # of the layer beneath that carries several (an HTTP/2 stream); 0 for none
        self.marks: Marks = UNMARKED    # of its conversation, set where its number is

    def label(self) -> str:
        """A word or two in the protocol's own terms for the margin of a timeline: `SYN`, `A query`."""
        return ""

    def what(self) -> str:
        """One sentence (or two) with the values of this capture. Plain text, unescaped."""
        raise NotImplementedError

    def detail(self) -> str:
        """The values in the shortest form, for the line of the label: `seq 2914221007, window 64240`."""
        return ""

    def headline(self) -> Headline | None:
        """For an event that sums something up (a handshake, an exchange): its row in the story. Most have none."""
        return None

    def phase_title(self) -> str:
        """For an event that knows what its phase turned out to be: `TLS 1.3 handshake`. The last one is taken."""
        return ""

    def phase_facts(self) -> list[str]:
        """What this event adds to the line of its phase, in a few words each: `26.0 ms`, `one round trip`."""
        return []

    def fields(self) -> dict[str, JsonValue]:
        """The values as data, for JSON and tables. Durations end in `_ns`."""
        return {}

    def frame_record(self) -> dict[str, JsonValue] | None:
        """What `wiretale frames` shows under the protocol's name on the frame that completes this PDU."""
        return None


class Malformed(Event):
    """Bytes that break the rules of their protocol. The stream goes on."""

    name: ClassVar[str] = "malformed"
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = (
        "A receiver must not guess what broken bytes mean. Damage, a bug, or an attack can look alike here."
    )

    def __init__(
        self, time: int, direction: int, evidence: Evidence, protocol: str, offset: int, reason: str
    ) -> None:
        super().__init__(time, direction, evidence)
        self.protocol = protocol
        self.offset = offset
        self.reason = reason

    def label(self) -> str:
        return "malformed"

    def what(self) -> str:
        return f"Malformed {self.protocol} at byte {self.offset}: {self.reason}."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "offset": self.offset, "reason": self.reason}


class LimitReached(Event):
    """A stated cap was reached; what lies beyond it was not examined."""

    name: ClassVar[str] = "limit_reached"
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = (
        "Everything that a peer controls has a cap, so that no capture can exhaust the analyser. "
        "What lies beyond the cap is not told, and this line says so."
    )

    def __init__(
        self, time: int, direction: int, evidence: Evidence, protocol: str, cap: str, limit: int
    ) -> None:
        super().__init__(time, direction, evidence)
        self.protocol = protocol
        self.cap = cap
        self.limit = limit

    def label(self) -> str:
        return "limit"

    def what(self) -> str:
        return f"The {self.protocol} cap {self.cap} = {self.limit} was reached; the rest is not examined."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "cap": self.cap, "limit": self.limit}


class DissectorFault(Event):
    """A fault of the analyser, not of the capture. Tests fail on it; a user sees one line."""

    name: ClassVar[str] = "dissector_fault"
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = "This is a fault of wiretale, not of the capture. Please report it."

    def __init__(self, time: int, direction: int, evidence: Evidence, protocol: str, error: str) -> None:
        super().__init__(time, direction, evidence)
        self.protocol = protocol
        self.error = error

    def label(self) -> str:
        return "fault"

    def what(self) -> str:
        return f"wiretale failed inside its {self.protocol} dissector ({self.error}); the rest is still told."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "error": self.error}
