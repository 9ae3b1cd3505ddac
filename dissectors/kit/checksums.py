"""Packets that their receiver drops because a checksum in them is wrong."""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import ANYWHERE, CORE, Event, JsonValue, Observed
from dissectors.kit.units import plural, span

# Which header holds the sum, in words.
IP_SUM: Final = "IP header"
OUTER_SUM: Final = "outer UDP"      # of the tunnel that carries the packet


@mypyc_attr(allow_interpreted_subclasses=True)
class WrongSums:
    """Packets of one direction with a wrong checksum, none of which was acknowledged.

    header: "TCP", "UDP", "ICMP", IP_SUM or OUTER_SUM.     noun: what they are, as "SYN-ACK".     count: how many.
    stands, right: the sum of the first of them, and what it ought to be.
    sound: other packets of this sender whose sum is right, so that the capture shows what is on the wire.
    first_ns, last_ns: when the first of them was sent, and the last sign of it (the last of them, or what replaced it).
    replaced: the frame in which the same came once more with a right sum and was acknowledged, 0 where it never did.
    heard: the other side was heard at all.
    """

    def __init__(self) -> None:
        self.header = ""
        self.noun = "packet"
        self.count = 0
        self.stands = 0
        self.right = 0
        self.sound = 0
        self.first_ns = 0
        self.last_ns = 0
        self.replaced = 0
        self.heard = False

    def values(self) -> str:
        """`0x45ac, where 0x45ad would be right`."""
        return f"0x{self.stands:04x}, where 0x{self.right:04x} would be right"


@mypyc_attr(allow_interpreted_subclasses=True)
class WrongChecksums(Event):
    """Nobody took these packets, and their checksum is wrong. sides: the words for the two ends, by direction."""

    name: ClassVar[str] = "wrong_checksums"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1071; RFC 9293 §3.1; RFC 1122 §4.1.3.4"
    WHY: ClassVar[str] = (
        "A receiver adds up what came and drops it without a word where the sum is not right, because it cannot know "
        "which octet is wrong. On the machine that sends, a capture often shows sums that the network card fills in "
        "later; the other side takes such packets, and they are not told here."
    )

    def __init__(self, observed: Observed, sums: WrongSums, sides: tuple[str, str]) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.sums = sums
        self.sides = sides

    def label(self) -> str:
        return "checksum"

    def detail(self) -> str:
        return self.sums.values()

    def who(self) -> str:
        return self.sides[self.direction & 1]

    def peer(self) -> str:
        return self.sides[1 - (self.direction & 1)]

    def lead(self) -> str:
        """`4 SYN-ACKs of the server carry a wrong TCP checksum (0x45ac, where 0x45ad would be right)`."""
        sums = self.sums
        return (
            f"{plural(sums.count, sums.noun)} of {self.who()} {'carry' if sums.count > 1 else 'carries'} a wrong "
            f"{sums.header} checksum ({sums.values()})"
        )

    def ending(self) -> str:
        """What came of them: `the client drops them`."""
        sums = self.sums
        carry = "they carry" if sums.count > 1 else "it carries"
        if sums.replaced:
            return f"{self.peer()} takes what {carry} only from #{sums.replaced}, whose sum is not wrong"
        return f"nobody acknowledges {'them' if sums.count > 1 else 'it'} in this capture"

    def what(self) -> str:
        return f"{self.lead()}: {self.ending()}."

    def phase_facts(self) -> list[str]:
        return [f"{plural(self.sums.count, self.sums.noun)} with a wrong {self.sums.header} checksum"]

    def fields(self) -> dict[str, JsonValue]:
        sums = self.sums
        return {
            "header": sums.header, "count": sums.count, "stands": sums.stands, "right": sums.right,
            "sound": sums.sound, "replaced": sums.replaced, "lasted_ns": sums.last_ns - sums.first_ns,
        }

    def lasted(self) -> str:
        """How long it took, as far as it was seen; "" for no time."""
        took = self.sums.last_ns - self.sums.first_ns
        return span(took) if took > 0 else ""
