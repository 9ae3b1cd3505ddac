"""What the frames tell about the capture itself: packets seen more than once, an order that is not that of the wire, a
clock that was set.

They are events of a conversation like others, so that a reader meets them where they matter.
"""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dissectors.kit.checksums import WrongChecksums
from dissectors.kit.datagrams import DatagramAnswers
from dissectors.kit.event import ANYWHERE, CORE, NEITHER, Event, JsonValue, Observed
from dissectors.kit.units import duration, grouped, plural, span

Sides = tuple[str, str]      # the words for the two ends, by direction
TIMES: Final = {1: "once", 2: "twice"}
SEVERAL: Final = 3           # frames out of their order, from which on a reader has to know
FAR_NS: Final = 1_000_000    # ... or one by so much
ALIKE: Final = 1.5           # delays that differ by no more than this factor are told as one


@mypyc_attr(allow_interpreted_subclasses=True)
class Copies:
    """How often packets of a conversation are in the capture. Pairs: by direction.

    packets: all of them, each once; again: those that come more than once.     times: the most that one comes.
    least_ns, middle_ns, most_ns: between two sightings of a packet.
    hops: for each direction the TTL (hop limit) of the first sighting and of the next, where they are the same pair
    throughout, else None.     places: the VLANs or tunnels of the two, in words ("" for none), None where alike.
    mss: of a SYN whose MSS is another one at the next place: (frame, MSS, frame, MSS), else None.
    reported: duplicate SACKs, by which a receiver says that bytes came twice.
    basis: what says that they are the same packets; certain: by that alone.     hop_limit: they are of IPv6.
    """

    def __init__(self) -> None:
        self.packets = [0, 0]
        self.again = [0, 0]
        self.times = 2
        self.least_ns = 0
        self.middle_ns = 0
        self.most_ns = 0
        self.hops: list[tuple[int, int] | None] = [None, None]
        self.places: tuple[str, str] | None = None
        self.mss: list[tuple[int, int, int, int] | None] = [None, None]
        self.reported = 0
        self.basis = ""
        self.certain = False
        self.hop_limit = False
        self.frames: tuple[int, ...] = ()

    def moved(self) -> bool:
        """Seen at two places for certain: something between them changed the packets."""
        hops = any(pair is not None and pair[0] != pair[1] for pair in self.hops)
        return self.places is not None or hops or any(one is not None for one in self.mss)


@mypyc_attr(allow_interpreted_subclasses=True)
class CopiesSeen(Event):
    """The capture holds the same packets more than once."""

    name: ClassVar[str] = "capture_copies"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6864 §4.1; RFC 7323 §3.2"
    WHY: ClassVar[str] = (
        "A mirror port, both sides of a router, or captures of both ends taken together show one packet several times. "
        "A copy looks like a retransmission and is none, so each packet is told once, as it was first seen."
    )

    def __init__(self, observed: Observed, copies: Copies, sides: Sides) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.copies = copies
        self.sides = sides

    def label(self) -> str:
        return "copies"

    def lead(self) -> str:
        """Which packets, how often, how far apart: without the full stop."""
        copies = self.copies
        packets, again = sum(copies.packets), sum(copies.again)
        often = TIMES.get(copies.times) or f"up to {grouped(copies.times)} times"
        if again == packets:
            each = f"Each of the {grouped(again)} packets" if again > 1 else "The packet"
            text = f"{each} is in the capture {often}"
        elif again > 1 and 0 in copies.again and again == copies.packets[0 if copies.again[0] else 1]:
            side = 0 if copies.again[0] else 1
            text = (
                f"The {grouped(again)} packets of {self.sides[side]} are in the capture {often}, "
                f"the {grouped(copies.packets[1 - side])} of {self.sides[1 - side]} once"
            )
        else:
            text = (
                f"{grouped(again)} of {plural(packets, 'packet')} {'are' if again > 1 else 'is'} in the capture {often}"
            )
        return text + self._apart() + self._changed()

    def _apart(self) -> str:
        copies = self.copies
        if copies.most_ns <= ALIKE * copies.least_ns or copies.most_ns == copies.least_ns:
            return f", {duration(copies.middle_ns)} apart" if copies.middle_ns else ", at the same time"
        if copies.least_ns == 0:
            return f", up to {duration(copies.most_ns)} apart"
        return f", {duration(copies.least_ns)} to {duration(copies.most_ns)} apart"

    def _changed(self) -> str:
        copies = self.copies
        text = ""
        pairs = [pair for pair in copies.hops if pair is not None]
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        if changed:
            what = "hop limit" if copies.hop_limit else "TTL"
            told = list(dict.fromkeys([f"{pair[0]} and {pair[1]}" for pair in changed]))
            text = f", with {what} {' (the other way '.join(told)}{')' if len(told) > 1 else ''}"
        if copies.places is not None:
            one, two = [f"in {place}" if place else "untagged" for place in copies.places]
            text += f", once {one} and once {two}"
        return text

    def where(self) -> str:
        """What that means."""
        copies = self.copies
        if copies.moved():
            return "they were captured at two places on their way"
        if copies.reported and 2 * sum(copies.again) < sum(copies.packets):
            return (
                "the network delivered them twice, because the receiver reports bytes that came twice "
                f"({plural(copies.reported, 'duplicate SACK')})"
            )
        if 2 * sum(copies.again) < sum(copies.packets):
            return "they were captured twice, or the network delivered them twice"
        return "they were captured at two places, or by a mirror port that shows them coming in and going out"

    def what(self) -> str:
        text = f"{self.lead()}: {self.where()}. A copy is not a resend; each packet is told once."
        for side in (0, 1):
            changed = self.copies.mss[side]
            if changed is not None:
                text += (
                    f" The MSS in the SYN of {self.sides[side]} is {changed[1]} in #{changed[0]} and {changed[3]} in "
                    f"#{changed[2]}: a machine between the two places changes it."
                )
        return text

    def phase_facts(self) -> list[str]:
        return []

    def fields(self) -> dict[str, JsonValue]:
        copies = self.copies
        out: dict[str, JsonValue] = {
            "packets": [*copies.packets], "again": [*copies.again], "times": copies.times,
            "apart_ns": [copies.least_ns, copies.middle_ns, copies.most_ns],
            "ttl": [list[JsonValue](pair) if pair is not None else None for pair in copies.hops],
            "places": list[JsonValue](copies.places) if copies.places is not None else None,
            "reported": copies.reported, "basis": copies.basis,
        }
        if any(one is not None for one in copies.mss):
            out["mss"] = [list[JsonValue](one) if one is not None else None for one in copies.mss]
        return out


@mypyc_attr(allow_interpreted_subclasses=True)
class OrderSet(Event):
    """The frames do not lie in the order of the wire; they are told in one that is possible.

    late: the direction that was stamped late, NEITHER for both, -1 for none; lag_ns: at most; acks: that came first.
    shifted: the whole direction is told `lag_ns` earlier.   unsure_ns: how much later still it may be, -1 unknown.
    unsorted: frames behind a later one in the file; back_ns: at most; follows: sorted by time they contradict less.
    """

    name: ClassVar[str] = "capture_order"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.10.7.4"
    WHY: ClassVar[str] = (
        "Two mirror ports, several queues of a network card or two capture systems stamp frames with unequal delay. "
        "Nobody can acknowledge what has not arrived, so an ACK before its data shows that the capture is out of "
        "order, and not the network."
    )

    def __init__(self, observed: Observed, sides: Sides) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.sides = sides
        self.late = -1
        self.lag_ns = 0
        self.acks = 0
        self.shifted = False
        self.unsure_ns = -1
        self.unsorted = 0
        self.back_ns = 0
        self.follows = False

    def label(self) -> str:
        return "order"

    def lateness(self) -> str:
        """Which direction came late, and how that shows; "" where none did."""
        if self.late < 0:
            return ""
        one = self.acks == 1
        whose = "" if self.late == NEITHER else f" of {self.sides[1 - self.late]}"
        shows = (
            f"{grouped(self.acks)} {'ACK' if one else 'ACKs'}{whose} {'stands' if one else 'stand'} "
            + (f"up to {span(self.lag_ns)} " if self.lag_ns > 0 else "")
            + f"before what {'it acknowledges' if one else 'they acknowledge'}"
        )
        if self.late == NEITHER:
            return f"Frames of both sides were captured late: {shows}"
        if self.shifted:
            return f"The frames of {self.sides[self.late]} were captured at least {span(self.lag_ns)} late: {shows}"
        what = "A frame" if one else "Some frames"
        return f"{what} of {self.sides[self.late]} {'was' if one else 'were'} captured late: {shows}"

    def disorder(self) -> str:
        """That the file is not sorted; "" where it is."""
        if not self.unsorted:
            return ""
        return (
            f"The frames do not lie in the capture in the order of their times: {grouped(self.unsorted)} "
            f"{'stand' if self.unsorted > 1 else 'stands'} behind a later one, by up to {span(self.back_ns)}"
        )

    def matters(self) -> bool:
        """More than a few frames that changed places on their way through the capture system."""
        return self.shifted or self.acks >= SEVERAL or self.back_ns >= FAR_NS or self.lag_ns >= FAR_NS

    def remedy(self) -> str:
        """How they are told instead."""
        if self.shifted:
            text = f"They are told {span(self.lag_ns)} earlier than they are stamped"
            if self.unsure_ns > 0:
                text += f"; times from one side to the other may still be wrong by up to {duration(self.unsure_ns)}"
            return text
        return "They are told in the order in which they can have been sent"

    def what(self) -> str:
        return " ".join([f"{text}." for text in (self.disorder(), self.lateness(), self.remedy()) if text])

    def fields(self) -> dict[str, JsonValue]:
        return {
            "late": None if self.late < 0 else "both" if self.late == NEITHER else self.sides[self.late],
            "lag_ns": self.lag_ns, "acks": self.acks, "shifted": self.shifted,
            "unsure_ns": self.unsure_ns if self.unsure_ns >= 0 else None,
            "unsorted": self.unsorted, "back_ns": self.back_ns,
        }


@mypyc_attr(allow_interpreted_subclasses=True)
class ClockSet(Event):
    """The clock of the capture was set between two frames. by_ns: below 0 where it was set back.

    moved_ns: what passed by the senders' own clocks, -1 where they do not tell.
    told_ns: how much later than they are stamped frames are told, before it and behind it.    stray: only the stamps of
    a few frames tell of it, which are far from those of all around them.
    """

    name: ClassVar[str] = "capture_clock"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §5.4"
    WHY: ClassVar[str] = (
        "Frames are stamped with the time of day, which is set now and then (NTP, a virtual machine that was moved). "
        "The clocks behind TCP timestamps belong to the two ends and go on evenly, so they show what really passed."
    )

    def __init__(self, observed: Observed, by_ns: int, moved_ns: int, told_ns: tuple[int, int]) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.by_ns = by_ns
        self.moved_ns = moved_ns
        self.told_ns = told_ns
        self.stray = False

    def label(self) -> str:
        return "clock"

    def lead(self) -> str:
        """What happened to the clock, and what shows it; without the full stop."""
        way = "back" if self.by_ns < 0 else "forward"
        frames = self.evidence.frames
        by = ("" if self.moved_ns >= 0 else "at least ") + duration(abs(self.by_ns))
        text = f"The clock of the capture was set {way} by {by} between #{frames[0]} and #{frames[-1]}"
        if self.moved_ns >= 0:
            passed = duration(self.moved_ns) if self.moved_ns else "less than a tick"
            return f"{text}: by the TCP timestamps of the senders {passed} passed there"
        if self.stray:
            return f"{text}: a few frames are stamped that far from all around them"
        return f"{text}: in the order of the file everything follows, in the order of the times it does not"

    def remedy(self) -> str:
        """How what comes before it and what follows are told."""
        before, behind = self.told_ns
        moved, what = (behind, "what follows") if abs(behind) >= FAR_NS else (before, "what comes before")
        text = f"{what} is told {duration(abs(moved))} {'later' if moved > 0 else 'earlier'} than it is stamped"
        return text if self.moved_ns >= 0 else f"{text}; how much time passed between the two frames is not known"

    def what(self) -> str:
        return f"{self.lead()}. {self.remedy()[:1].upper()}{self.remedy()[1:]}."

    def fields(self) -> dict[str, JsonValue]:
        return {"by_ns": self.by_ns, "moved_ns": self.moved_ns if self.moved_ns >= 0 else None}


class LongSilence(Event):
    """Nothing is in the whole capture for so long, and this conversation goes on behind it as if nothing had been. Both
    readings are open: all were silent, or the clock of the capture was set forward."""

    name: ClassVar[str] = "capture_silence"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §5.4"
    WHY: ClassVar[str] = (
        "A frame's time is that of the clock of the day when it was captured. Where that clock is set forward it looks "
        "as if everybody had paused. TCP timestamps would tell the two apart; without them nothing does."
    )

    def __init__(self, observed: Observed, lasted_ns: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.silent_ns = lasted_ns

    def label(self) -> str:
        return "silence"

    def lead(self) -> str:
        frames = self.evidence.frames
        return (
            f"By its clock nothing is in the whole capture for {duration(self.silent_ns)}, between #{frames[0]} and "
            f"#{frames[-1]}, in the middle of what one side sends: either all were silent, or the clock was set forward"
        )

    def what(self) -> str:
        return f"{self.lead()}. No TCP timestamps tell which, so no cause is told of that time."

    def fields(self) -> dict[str, JsonValue]:
        return {"silent_ns": self.silent_ns}


# What is told of any conversation, whatever its protocol.
ABOUT_THE_CAPTURE: Final[tuple[type[Event], ...]] = (
    CopiesSeen, OrderSet, ClockSet, LongSilence, WrongChecksums, DatagramAnswers,
)
