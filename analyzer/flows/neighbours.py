"""What ARP, neighbour discovery and router advertisements say about the addresses of a link."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from dissectors.kit.octets import be16, be32
from dissectors.kit.units import plural

MAX_OWNERS: Final = 8           # link-layer addresses of one address that are compared
MAX_ASKED: Final = 12           # questions for one address by one machine whose frames are kept
MAX_UNASKED: Final = 12         # answers that nobody asked for, of one machine, whose frames are kept
MAX_ROUTERS: Final = 16         # routers whose advertisements are compared
MAX_PREFIXES: Final = 16        # of one router

BOTH_NS: Final[i64] = 5_000_000_000    # within which two owners of one address answer at the same time
COPY_NS: Final[i64] = 100_000_000
ANSWER_NS: Final[i64] = 2_000_000_000  # an answer that comes later is to no question that was seen


class Asking:
    """One machine asks for one address. frames: the first of its questions.     start_ns, end_ns: of all of them."""

    def __init__(self) -> None:
        self.count = 0
        self.frames: list[int] = []
        self.start_ns = -1
        self.end_ns = -1

    def add(self, time: int, frame: int) -> None:
        self.count += 1
        if len(self.frames) < MAX_ASKED:
            self.frames.append(frame)
        if self.start_ns < 0:
            self.start_ns = time
        self.end_ns = time


class Unasked:
    """Answers of one machine that an address is its own, which nobody had asked for, to one other machine each.

    told: to whom, by their addresses.
    """

    def __init__(self) -> None:
        self.count = 0
        self.frames: list[int] = []
        self.told: list[str] = []
        self.start_ns = -1
        self.end_ns = -1

    def add(self, time: int, frame: int, told: str) -> None:
        self.count += 1
        if len(self.frames) < MAX_UNASKED:
            self.frames.append(frame)
        if told not in self.told and len(self.told) < MAX_OWNERS:
            self.told.append(told)
        if self.start_ns < 0:
            self.start_ns = time
        self.end_ns = time


class Neighbour:
    """What ARP or neighbour discovery said about one address (RFC 826, RFC 4861 §7.2).

    claims: of each owner, when it last said that the address is its own, in which frame, and whether as an answer.
    contested: the frames and owners of the first two claims that stand against each other, () for none: two answers to
    the same question, or a claim of one between two of the other, within BOTH_NS. An address that moves is claimed by
    the new owner alone from then on.     askers: by their addresses, those who had no answer since.
    spoke: the last frame in which anybody claimed it, 0 for none.
    in_use: (who wanted the address, its probe, who has it, its answer), () for none (RFC 5227 §2.1, RFC 4862 §5.4).
    unasked: by owner.
    """

    def __init__(self, text: str, version: int) -> None:
        self.text = text
        self.version = version
        self.asked = 0
        self.first_frame = 0
        self.spoke = 0
        self.owners: dict[str, int] = {}     # link-layer address -> frame that first claimed it
        self.asked_at = -1                   # the last question
        self.claims: dict[str, tuple[int, int, bool]] = {}
        self.contested: tuple[tuple[str, int], ...] = ()
        self.askers: dict[bytes, Asking] = {}
        self.probes: dict[str, tuple[int, int]] = {}     # who -> when, in which frame
        self.in_use: tuple[str, int, str, int] | None = None
        self.unasked: dict[str, Unasked] = {}

    def ask(self, asker: bytes, time: int, frame: int, anybody: bool) -> None:
        """A machine asks for the address. anybody: and not its last owner alone, to see whether that is still there
        (RFC 1122 §2.3.2.1, RFC 4861 §7.3)."""
        self.asked += 1
        self.asked_at = time
        if not anybody:
            return
        if asker in self.askers or len(self.askers) < MAX_OWNERS:
            self.askers.setdefault(asker, Asking()).add(time, frame)

    def probe(self, mac: str, time: int, frame: int) -> None:
        """A machine asks whether anybody has the address before it takes it (RFC 5227 §2.1.1, RFC 4862 §5.4.2)."""
        self.asked += 1
        self.asked_at = time
        if mac in self.probes or len(self.probes) < MAX_OWNERS:
            self.probes[mac] = (time, frame)

    def claim(self, mac: str, time: int, frame: int, answers: bool) -> None:
        """A machine says that the address is its own. answers: when asked."""
        self.owners.setdefault(mac, frame)
        self.spoke = frame
        self.askers = {}
        if len(self.owners) > 1 and not self.contested:
            before = self.claims.get(mac)
            for other, (then, first, answered) in self.claims.items():
                both = answers and answered and then >= self.asked_at >= 0
                if other != mac and time - then <= BOTH_NS and (both or (before is not None and before[0] < then)):
                    self.contested = ((other, first), (mac, frame))
                    break
        if len(self.claims) < MAX_OWNERS or mac in self.claims:
            self.claims[mac] = (time, frame, answers)

    def defend(self, mac: str, time: int, frame: int) -> None:
        """The owner answers: whoever wanted the address must not take it."""
        for prober, (then, asked) in self.probes.items():
            if prober != mac and 0 <= time - then <= ANSWER_NS and self.in_use is None:
                self.in_use = (prober, asked, mac, frame)

    def tell(self, mac: str, told: str, time: int, frame: int) -> None:
        """A machine tells another one that the address is its own, before `claim` hears of it. One answer of each is
        to the last question; the same at the same time is a copy of it."""
        before = self.claims.get(mac)
        last = before[0] if before is not None else -1
        answers = self.asked_at >= 0 and 0 <= time - self.asked_at <= ANSWER_NS and last < self.asked_at
        if answers or (last >= 0 and time - last < COPY_NS):
            return
        if mac in self.unasked or len(self.unasked) < MAX_OWNERS:
            self.unasked.setdefault(mac, Unasked()).add(time, frame, told)

    def says(self) -> str:
        """In words, with the frames that show it."""
        how = "ARP" if self.version == 4 else "neighbour discovery"
        if not self.owners:
            asked = plural(self.asked, "time")
            return f"{self.text} was asked for {asked}, first in #{self.first_frame}; no answer was seen"
        parts = [f"{mac} (#{frame})" for mac, frame in self.owners.items()]
        if len(parts) > 1:
            return f"{self.text} is claimed by {len(parts)} link-layer addresses: {', '.join(parts)}"
        return f"{self.text} is at {parts[0]}, by {how}"


class Router:
    """What a router advertises of a link, as it said it last (RFC 4861 §4.2): None and -1 for what it leaves open.

    flags: M and O.     prefixes: with the seconds for which they are valid.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.count = 0
        self.frame = 0
        self.time = -1
        self.lifetime = 0
        self.hops = 0
        self.flags = 0
        self.mtu = -1
        self.prefixes: dict[str, int] = {}

    def advertise(self, data: bytes, at: i64, end: i64, time: int, frame: int) -> None:
        """data[at:end] is the advertisement."""
        self.count += 1
        self.frame, self.time = frame, time
        self.hops = data[at + 4]
        self.flags = data[at + 5] & 0xC0
        self.lifetime = int(be16(data, at + 6))
        option = at + 16
        while option + 8 <= end and data[option + 1]:
            octets = i64(data[option + 1]) * 8
            if option + octets > end:
                return
            if data[option] == 5:                        # RFC 4861 §4.6.4
                self.mtu = int(be32(data, option + 4))
            elif data[option] == 3 and octets == 32 and len(self.prefixes) < MAX_PREFIXES:     # §4.6.2
                prefix = f"{address_text(data[option + 16:option + 32])}/{data[option + 2]}"
                self.prefixes[prefix] = int(be32(data, option + 4))
            option += octets
