"""Events of a connection that goes on between other addresses or ports (RFC 9000 §9)."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, CORE, JsonValue, Observed
from dissectors.kit.observation import Absence
from dissectors.kit.units import duration, plural
from dissectors.protocols.quic.events import PACKETS, QuicEvent, capital

MIGRATION: Final = "migration"      # the client bears another connection ID on the new path
REBINDING: Final = "rebinding"      # the same one: somebody on the way gave it another port or address


class Move:
    """From one conversation to another. old, new: the client's address and port on either path, "" where not known.

    client, server: datagrams of each side on the new path.     challenged_ns: when a side first asked there whether the
    other can be reached, answered_ns: when that was answered; -1 for never.     left: the connection went on elsewhere
    afterwards.     first, last: packet of the client on the new path.
    """

    def __init__(self, kind: str, old: str, new: str, conversation: int, time: int, frame: int) -> None:
        self.kind = kind
        self.old = old
        self.new = new
        self.conversation = conversation     # from which it came
        self.client = 0
        self.server = 0
        self.challenged_ns = -1
        self.answered_ns = -1
        self.left = False
        self.first_ns = time
        self.last_ns = time
        self.first_frame = frame
        self.last_frame = frame


class Migrated(QuicEvent):
    """The connection goes on here. readable: there are keys for it."""

    name: ClassVar[str] = "quic.migration"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §9; RFC 9000 §9.3; RFC 9000 §9.5"
    WHY: ClassVar[str] = (
        "A connection of QUIC is known by its connection IDs and not by addresses, so that it outlives a change of "
        "network. A client that moves on purpose takes an ID that it has not used before, lest anyone follow it; where "
        "a translator of addresses (NAT) gave it another port it knows nothing of that, and the ID stays."
    )

    def __init__(self, observed: Observed, client: int, move: Move, *, readable: bool) -> None:
        super().__init__(observed, client)
        self.move = move
        self.readable = readable

    def label(self) -> str:
        return self.move.kind

    def detail(self) -> str:
        return f"{self.move.old} → {self.move.new}" if self.move.old else f"to {self.move.new}"

    def what(self) -> str:
        move = self.move
        since = f" of conversation {move.conversation}" if move.conversation else ""
        text = f"The connection{since} goes on here: the client's packets come from {move.new}"
        text += f", until then from {move.old}" if move.old else ""
        if move.kind == REBINDING:
            return f"{text}, with the connection ID that they had. It looks as if a NAT on the way changed that."
        return f"{text}, with another connection ID. It looks as if the client itself moved."

    def fields(self) -> dict[str, JsonValue]:
        move = self.move
        return {
            "kind": move.kind, "old": move.old, "new": move.new, "from_conversation": move.conversation,
            "readable": self.readable,
        }


class MovedOn(QuicEvent):
    """The connection goes on in another conversation."""

    name: ClassVar[str] = "quic.moved"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §9"
    WHY: ClassVar[str] = (
        "What a connection of QUIC carries is not bound to addresses: requests that began here may be answered "
        "elsewhere."
    )

    def __init__(self, observed: Observed, client: int, conversation: int, new: str) -> None:
        super().__init__(observed, client)
        self.conversation_number = conversation
        self.new = new

    def label(self) -> str:
        return "goes on elsewhere"

    def detail(self) -> str:
        return f"conversation {self.conversation_number}"

    def what(self) -> str:
        number = f" (conversation {self.conversation_number})" if self.conversation_number else ""
        return f"The connection goes on with the client at {self.new}{number}: what it carries is told there."

    def fields(self) -> dict[str, JsonValue]:
        return {"to_conversation": self.conversation_number, "new": self.new}


class PathTotals(QuicEvent):
    """What became of a path that a connection moved to, when it is over or no more of it is seen.

    absent: what may be concluded from a server that is not seen there.
    """

    name: ClassVar[str] = "quic.new_path"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §8.2; RFC 9000 §9.3"
    WHY: ClassVar[str] = (
        "Each side checks that the other can be reached on a new path before it sends much there: it has to answer a "
        "challenge. A path on which no answer comes is given up after a while."
    )

    def __init__(self, observed: Observed, client: int, move: Move, absent: Absence) -> None:
        super().__init__(observed, client)
        self.move = move
        self.unproven = "" if absent.proven else absent.why

    def label(self) -> str:
        return "new path"

    def detail(self) -> str:
        return "no answer" if not self.move.server else "checked" if self.move.answered_ns >= 0 else "in use"

    def what(self) -> str:
        move = self.move
        text = f"On the path from {move.new} the client sent {plural(move.client, 'datagram')} and the server "
        text += f"{plural(move.server, 'datagram')}." if move.server else "is not seen to send anything."
        if not move.server and self.unproven:
            text += f" But {self.unproven}."
        if move.answered_ns >= 0 <= move.challenged_ns:
            took = duration(move.answered_ns - move.challenged_ns)
            text += f" {capital(took)} after the first challenge there it was answered."
        return text

    def fields(self) -> dict[str, JsonValue]:
        move = self.move
        out: dict[str, JsonValue] = {
            "new": move.new, "client_datagrams": move.client, "server_datagrams": move.server,
            "unproven": self.unproven,
        }
        if move.answered_ns >= 0 <= move.challenged_ns:
            out["checked_ns"] = move.answered_ns - move.challenged_ns
        return out
