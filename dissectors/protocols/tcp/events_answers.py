"""Events of answers to a SYN that belong to another connection."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, OPENING, JsonValue
from dissectors.kit.units import duration
from dissectors.protocols.tcp.events import HANDSHAKE, TcpEvent, capital, seen_in
from dissectors.protocols.tcp.segment import Segment


class OldAnswer(TcpEvent):
    """An ACK without SYN answers the SYN, with a number that is not the SYN's: the other side holds an old connection.

    ack: its number; expected: the one that would acknowledge the SYN; after_ns: since the SYN.
    """

    name: ClassVar[str] = "tcp.old_answer"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5.1"
    WHY: ClassVar[str] = (
        "A host that still holds a connection of these addresses and ports takes the SYN for a stray segment of it, "
        "and says with an ACK where that connection stands. The caller answers with a RST, which ends the old "
        "connection, and sends its SYN again. A host in TIME-WAIT may ignore the RST until its time is over."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], syn: int, expected: int, after_ns: int) -> None:
        super().__init__(seen_in(segment, sides, syn))
        self.seq = segment.seq
        self.ack = segment.ack
        self.expected = expected
        self.after_ns = after_ns

    def label(self) -> str:
        return "ACK"

    def detail(self) -> str:
        return f"seq {self.seq}, ack {self.ack}"

    def what(self) -> str:
        return (
            f"{capital(self.who())} answers the SYN after {duration(self.after_ns)} with an ACK of {self.ack}, where "
            f"the SYN asks for {self.expected}. It looks as if it still holds an old connection of these addresses and "
            "ports (half open, or in TIME-WAIT), because an ACK without a SYN tells the numbers of one that exists."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"seq": self.seq, "ack": self.ack, "expected": self.expected, "after_ns": self.after_ns}


class AnswerReset(TcpEvent):
    """The RST of a caller for an answer to its SYN that does not acknowledge it. of_syn: the answer was a SYN-ACK."""

    name: ClassVar[str] = "tcp.answer_reset"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.10.7.3"
    WHY: ClassVar[str] = (
        "An answer that acknowledges a number that was never sent belongs to another connection. The RST takes that "
        "very number as its own, so that the other side must believe it. It ends the old connection, not the new one."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], answer: int, *, of_syn: bool) -> None:
        super().__init__(seen_in(segment, sides, answer))
        self.seq = segment.seq
        self.of_syn = of_syn

    def label(self) -> str:
        return "RST"

    def detail(self) -> str:
        return f"seq {self.seq}"

    def what(self) -> str:
        answer = "SYN-ACK" if self.of_syn else "ACK"
        return (
            f"{capital(self.who())} resets what the {answer} in #{self.evidence.frames[0]} belongs to: it acknowledges "
            f"{self.seq}, which {self.who()} did not send in this connection."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"seq": self.seq, "of_syn_ack": self.of_syn}
