"""Events of a sender that keeps another window than the one advertised, or waits for an ACK although it may send.

direction is the sender's."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import CORE, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.events import LIKELY, TRANSFER, TcpEvent, TcpObserved, capital


class WindowOverrun(TcpEvent):
    """More under way than the peer has room for, by far: its window counts otherwise for the sender."""

    name: ClassVar[str] = "tcp.window_overrun"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §2.2"
    WHY: ClassVar[str] = (
        "The receiver drops what it has no room for, so a sender never goes beyond the window. Where it does, the two "
        "do not agree what the window field means: as a rule one scales it and the other does not, because something "
        "on the path took the option out of one SYN."
    )

    def __init__(self, observed: TcpObserved, flight: int, window: int) -> None:
        super().__init__(observed)
        self.flight = flight
        self.window = window

    def label(self) -> str:
        return "window overrun"

    def says(self) -> str:
        return (
            f"{capital(self.who())} had {size(self.flight)} under way, more than the largest window of {self.peer()}, "
            f"{size(self.window)}"
        )

    def what(self) -> str:
        return f"{self.says()} (#{self.evidence.frames[-1]}). It looks as if it takes the window field otherwise."

    def fields(self) -> dict[str, JsonValue]:
        return {"in_flight": self.flight, "window": self.window, "confidence": LIKELY}


class WindowUnscaled(TcpEvent):
    """Never more under way than the bare number of the window field, time and again just that much."""

    name: ClassVar[str] = "tcp.window_unscaled"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §2.2"
    WHY: ClassVar[str] = (
        "With window scaling the number in the window field stands for so many times more bytes. A sender that does "
        "not know of it, because something on the path took the option out of the SYN that it got, sees a tiny window."
    )

    def __init__(self, observed: TcpObserved, count: int, window: int, unit: int) -> None:
        super().__init__(observed)
        self.count = count
        self.window = window
        self.unit = unit

    def label(self) -> str:
        return "window unscaled"

    def says(self) -> str:
        return (
            f"{capital(self.who())} never has more under way than the bare number in the window field of "
            f"{self.peer()}, and {plural(self.count, 'time')} just that ({size(self.window)} at first), although with "
            f"the scale of the handshake (×{self.unit}) it stands for {size(self.window * self.unit)}"
        )

    def what(self) -> str:
        return f"{self.says()}. It looks as if the scale never reached {self.who()}."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": self.count, "window": self.window, "unit": self.unit, "confidence": LIKELY}


class AckAwaited(TcpEvent):
    """Small pieces that were sent only once the one before was acknowledged, by a delayed ACK."""

    name: ClassVar[str] = "tcp.ack_awaited"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.7.4"
    WHY: ClassVar[str] = (
        "Nagle's algorithm sends a small segment only when all before it is acknowledged, and a receiver delays an ACK "
        "in the hope of data to send it with. When both meet, each waits for the other."
    )

    def __init__(self, observed: TcpObserved, count: int, waited_ns: int, longest_ns: int) -> None:
        super().__init__(observed)
        self.count = count
        self.waited_ns = waited_ns
        self.longest_ns = longest_ns

    def label(self) -> str:
        return "ACK awaited"

    def says(self) -> str:
        often, most = ("once", "") if self.count == 1 else (plural(self.count, "time"), "up to ")
        return (
            f"{often} {self.who()} sent a small piece only after {self.peer()} had acknowledged "
            f"the one before, and that ACK was delayed by {most}{duration(self.longest_ns)}"
        )

    def what(self) -> str:
        return f"{capital(self.says())} (Nagle's algorithm and delayed ACKs): {duration(self.waited_ns)} in all."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "count": self.count, "waited_ns": self.waited_ns, "longest_delay_ns": self.longest_ns, "confidence": LIKELY,
        }
