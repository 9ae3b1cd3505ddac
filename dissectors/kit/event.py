"""Events: what a dissector saw, when, in which frames, and what the standard says of it."""
from __future__ import annotations

from typing import ClassVar, Final, Union

from mypy_extensions import mypyc_attr

from dissectors.kit.account import Books, Claim
from dissectors.kit.identity import Identity
from dissectors.kit.inputs import Datagram
from dissectors.kit.marks import Marks
from dissectors.kit.units import plural

JsonValue = Union[None, bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"]]

# How much a reader needs an event: the core is told at every level, extra only at `teach`.
CORE: Final = "core"
BASE: Final = "base"
EXTRA: Final = "extra"

# What a timeline at `normal` says of an event, where it is not all of it.
SUMMED: Final = "summed"    # nothing: the line of its phase, or of an event that sums it up, has it
LINED: Final = "lined"      # a line without its sentence: it is nothing out of the ordinary
TOLD: Final = "told"        # its sentence, without which it says little

# Directions of a conversation. The originator sent the first frame (the SYN, the query).
FORWARD: Final = 0   # originator to responder, drawn →
BACKWARD: Final = 1  # responder to originator, drawn ←
NEITHER: Final = 2   # said of the conversation as a whole

UNMARKED: Final = Marks()    # of an event that nobody has put into a conversation: nothing marked, nothing shown


# Where the phase of an event stands in a story. A phase of any rank but APPLICATION comes once in a conversation,
# however its events lie; those of APPLICATION come back when another one had its turn.
OPENING: Final = 0      # the conversation begins: a handshake of the transport
SECURING: Final = 1     # it is made safe; stands among the phases of the application, by its start
APPLICATION: Final = 2
CARRYING: Final = 3     # how something is carried, and not what: records that hold another protocol
TRANSFER: Final = 4     # octets as the transport sees them
CLOSING: Final = 5      # the conversation ends
ANYWHERE: Final = 6     # it is about whatever is going on: in the phase of the event before it


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
class Observed:
    """When something was seen, of which direction it tells, and what proves it. Most events take it, and the thing
    that they tell of."""

    def __init__(self, time: int, direction: int, evidence: Evidence) -> None:
        self.time = time
        self.direction = direction
        self.evidence = evidence


def evidence_of(datagram: Datagram) -> Evidence:
    """Its frame, and where its bytes lie in it, if that is known."""
    start = datagram.offset
    return Evidence((datagram.frame,), start, start + len(datagram.data)) if start >= 0 else Evidence((datagram.frame,))


def seen(datagram: Datagram) -> Observed:
    """A datagram, which proves itself."""
    return Observed(datagram.time, datagram.direction, Evidence((datagram.frame,)))


@mypyc_attr(allow_interpreted_subclasses=True)
class Headline:
    """One bar of the story across conversations: `HTTP/2   GET /big.bin → 200, 1.2 MB`, from start to end."""

    def __init__(self, label: str, text: str, start_ns: int, end_ns: int) -> None:
        self.label = label
        self.text = text
        self.start_ns = start_ns
        self.end_ns = end_ns


@mypyc_attr(allow_interpreted_subclasses=True)
class Vantage:
    """Where a capture seems to be taken, as one handshake tells it.

    side: "client", "server" or "between".     client: the direction in which the client sends.
    answer_ns, ack_ns: how long its call waits for the answer, and the answer for its acknowledgment.
    """

    def __init__(self, side: str, client: int, answer_ns: int, ack_ns: int) -> None:
        self.side = side
        self.client = client
        self.answer_ns = answer_ns
        self.ack_ns = ack_ns


@mypyc_attr(allow_interpreted_subclasses=True)
class Event:
    """One observation. Subclasses are one class a kind and are not changed after they are made.

    name: stable and dotted, `protocol.kind`.     phase: the kind of phase it belongs to.
    rank: where that phase stands in a story.
    importance: CORE, BASE or EXTRA.              spec: the rule behind it, `RFC 9293 §3.5`.
    normally: SUMMED, LINED or TOLD; "" for what its importance says: a sentence where it is CORE, else a line.
    on_wire: it tells of something that was sent; False for what sums up, for what did not come, and for conclusions.
    WHY: why the protocol does this, for a reader who meets it for the first time.
    time: integer nanoseconds since 1970, from the capture.

    What the methods below say may hold secrets. Nothing of it is shown as it is: whoever shows an event asks
    `dissectors.wire.secrets.gate.Said` for it, which knows the marks of the conversation.
    """

    name: ClassVar[str] = ""
    phase: ClassVar[str] = ""
    rank: ClassVar[int] = APPLICATION
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = ""
    on_wire: ClassVar[bool] = True
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

    def vantage(self) -> Vantage | None:
        """For an event whose timing tells where the capture was taken. Most have none."""
        return None

    def claims(self) -> list[Claim]:
        """What time of its conversation this event explains, for the account of the time."""
        return []

    def read_books(self, books: Books) -> None:
        """The account of the conversation is made: for an event that says more of a wait where the account shows it."""

    def fields(self) -> dict[str, JsonValue]:
        """The values as data, for JSON and tables. Durations end in `_ns`."""
        return {}

    def identifies(self) -> list[Identity]:
        """What in its texts and fields names a person or a machine, for whoever must not see it.

        Addresses of IP and of network cards are known by their form and need not be said.
        """
        return []

    def frame_record(self) -> dict[str, JsonValue] | None:
        """What `wiretale frames` shows under the protocol's name on the frame that completes this PDU."""
        return None


class Malformed(Event):
    """Bytes that break the rules of their protocol. The stream goes on."""

    name: ClassVar[str] = "malformed"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = (
        "A receiver must not guess what broken bytes mean. Damage, a bug, or an attack can look alike here."
    )

    def __init__(self, observed: Observed, protocol: str, offset: int, reason: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.protocol = protocol
        self.offset = offset
        self.reason = reason

    def label(self) -> str:
        return "malformed"

    def what(self) -> str:
        return f"Malformed {self.protocol} at byte {self.offset}: {self.reason}."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "offset": self.offset, "reason": self.reason}


class OtherProtocol(Event):
    """One direction speaks another protocol than the other. Nobody reads it.

    spoken: what this direction speaks, by its title; expected: what the other one does; says: the line with which it
    begins, "" where that is no text.
    """

    name: ClassVar[str] = "other_protocol"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = (
        "A port says nothing of what is spoken behind it. Where a client expects another protocol than the server "
        "speaks, each of them takes the other for broken."
    )

    def __init__(self, observed: Observed, spoken: str, expected: str, says: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.spoken = spoken
        self.expected = expected
        self.says = says

    def label(self) -> str:
        return "other protocol"

    def what(self) -> str:
        sides = ("client", "server")
        said = f" ({self.says})" if self.says else ""
        return (
            f"The {sides[1 - self.direction]} speaks {self.expected}, and the {sides[self.direction]} speaks "
            f"{self.spoken}{said}: they do not understand each other."
        )

    def detail(self) -> str:
        return self.spoken

    def fields(self) -> dict[str, JsonValue]:
        return {"spoken": self.spoken, "expected": self.expected, "says": self.says}


class LimitReached(Event):
    """A stated cap was reached; what lies beyond it was not examined."""

    name: ClassVar[str] = "limit_reached"
    on_wire: ClassVar[bool] = False
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = (
        "Everything that a peer controls has a cap, so that no capture can exhaust the analyser. "
        "What lies beyond the cap is not told, and this line says so."
    )

    def __init__(self, observed: Observed, protocol: str, cap: str, limit: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
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
    """A fault of the analyser, not of the capture. Tests fail on it; a user sees one line.

    again: how many times more it failed in this way since that was told first; 0 the first time.
    """

    name: ClassVar[str] = "dissector_fault"
    on_wire: ClassVar[bool] = False
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    WHY: ClassVar[str] = "This is a fault of wiretale, not of the capture. Please report it."

    def __init__(self, observed: Observed, protocol: str, error: str, again: int = 0) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.protocol = protocol
        self.error = error
        self.again = again

    def label(self) -> str:
        return "fault"

    def what(self) -> str:
        if self.again:
            return f"wiretale failed {plural(self.again, 'more time')} in the same way inside its {self.protocol} " \
                f"dissector ({self.error})."
        return f"wiretale failed inside its {self.protocol} dissector ({self.error}); the rest is still told."

    def fields(self) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {"protocol": self.protocol, "error": self.error}
        if self.again:
            found["again"] = self.again
        return found
