"""The event of a TTL (hop limit) that changes."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import ANYWHERE, BASE, JsonValue
from dissectors.kit.units import grouped
from dissectors.protocols.tcp.events import LIKELY, TRANSFER, TcpEvent, TcpObserved, capital


class HopsChanged(TcpEvent):
    """Segments of one side come with another TTL than before. Cited are those at which it changes.

    changes: how often.     first, last: of its first segments, and of its last ones.     low, high: of all.
    answer: the SYN-ACK alone has the first value.     alone: one segment in between has another one.
    word: "TTL" of IPv4, "hop limit" of IPv6.
    """

    name: ClassVar[str] = "tcp.hops_changed"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 791 §3.2; RFC 8200 §3"
    WHY: ClassVar[str] = (
        "Each router takes one off, and a host begins with the same value every time. So another value means another "
        "number of routers, or another machine that speaks in the same name, such as a proxy or a firewall."
    )

    def __init__(self, observed: TcpObserved, changes: int, values: tuple[int, int]) -> None:
        super().__init__(observed)
        self.changes = changes
        self.first, self.last = values
        self.low = 0
        self.high = 0
        self.answer = False
        self.alone = False
        self.word = "TTL"

    def label(self) -> str:
        return self.word

    def lead(self) -> str:
        """What is seen, without the full stop."""
        who, frame = self.who(), self.evidence.frames[0]
        if self.answer:
            return (
                f"The SYN-ACK of {who} came with a {self.word} of {self.first}, all that follows (from #{frame}) with "
                f"{self.last}"
            )
        if self.alone:
            odd = self.low if self.low != self.first else self.high
            return f"#{frame} alone comes with a {self.word} of {odd}, the other segments of {who} with {self.first}"
        if self.changes == 1:
            return f"From #{frame} on segments of {who} come with a {self.word} of {self.last} instead of {self.first}"
        return (
            f"The {self.word} of segments of {who} changes {grouped(self.changes)} times between {self.low} and "
            f"{self.high}"
        )

    def means(self) -> str:
        """What that looks like."""
        if self.answer:
            return "another machine seems to have answered the SYN in its name, or the path changed just then"
        if self.alone:
            return "another machine may have sent it, or it took another path"
        if self.changes == 1:
            return "it looks as if they took another path from there on"
        return "they take several paths, or several machines send them"

    def what(self) -> str:
        return f"{capital(self.lead())}: {self.means()}."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "changes": self.changes, "first": self.first, "last": self.last, "low": self.low, "high": self.high,
            "confidence": LIKELY,
        }
