"""What became of the same traffic between two places: the records that the comparison hands to the reports.

A is the place of the first capture, B that of the second. Times in integer nanoseconds, those of A's clock where
nothing else is said. Ways: TO_B and TO_A, by where a packet passes later.
"""
from __future__ import annotations

from typing import Final

TO_B: Final = 0
TO_A: Final = 1
WAYS: Final = ("A → B", "B → A")

# What it comes to.
LOSSY: Final = "lost"          # packets of one place did not come to the other
CHANGED: Final = "changed"     # all came, and something was changed that ends should notice
INTACT: Final = "intact"       # all came as they were sent, but for what every router does
ONE: Final = "identical"       # both hold the same frames with the same times
APART: Final = "apart"         # hardly a packet is in both


class Clock:
    """How B's clock stands against A's: offset_ns ahead at `at_ns`, and drift, each with its error.     round_ns: the
    least way there and back.

    bounded: packets of both ways were matched; else the offset holds the least delay of the one way as well.
    steady: the two keep pace; else one was set meanwhile, and no delay is told.     drifts: that was seen.
    """

    def __init__(self) -> None:
        self.offset_ns = 0
        self.error_ns = 0
        self.round_ns = 0
        self.at_ns = 0
        self.drift_ppb = 0
        self.drift_error_ppb = 0
        self.bounded = False
        self.steady = True
        self.drifts = False

    def offset_at(self, time: int) -> int:
        return self.offset_ns + (time - self.at_ns) * self.drift_ppb // 1_000_000_000


class Delays:
    """Of one way: how long its packets took. base_ns: the least, as the offset has it, which is half of the least way
    there and back.     above: (time, delay) of each, in order of time."""

    def __init__(self) -> None:
        self.count = 0
        self.least_ns = 0
        self.median_ns = 0
        self.high_ns = 0          # 95 of 100 took no longer
        self.most_ns = 0
        self.most_frames = (0, 0)
        self.series: list[tuple[int, int]] = []


class Way:
    """What became of the packets of one way.

    sent: that the first place holds within the stretch that both cover. came: of these, at the second as well. lost:
    frames of the first place. unsure: likewise, where the capture at the second place left others out, so that they
    may have come. missed: frames of one place that the other's capture left out, though they passed it. outside:
    frames of stretches that only one capture covers. recut: frames whose octets are in the other capture in frames of
    another size. new: frames of the second place that the first does not hold. twice: (frame, frame) of the second, of
    packets that were duplicated. overtaken: frames of the second place that came after one that was sent later.
    late_ns: how much later, at the most. hops: how many routers took one off the hop limit, with how many packets say
    so.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.came = 0
        self.lost: list[int] = []
        self.unsure: list[int] = []
        self.missed: list[int] = []
        self.outside = 0
        self.recut = 0
        self.new: list[int] = []
        self.twice: list[tuple[int, int]] = []
        self.overtaken: list[int] = []
        self.late_ns = 0
        self.hops: dict[int, int] = {}
        self.delays = Delays()


class Remark:
    """One thing that differs between the two places. severity: as of findings.     frames: of A and of B.

    confidence: CERTAIN, LIKELY or POSSIBLE.     step: what to do next.     refute: what else could look like it.
    """

    def __init__(
        self, code: str, severity: str, confidence: str, sentence: str, frames: tuple[list[int], list[int]],
        step: str, refute: str = "",
    ) -> None:
        self.code = code
        self.severity = severity
        self.confidence = confidence
        self.sentence = sentence
        self.frames = frames
        self.step = step
        self.refute = refute


class Passage:
    """Everything a report of two places needs. names, totals: of both captures.     matched: packets that are in both.

    since_ns, until_ns: the stretch that both cover.     left_out: what was not looked at, in words.
    """

    def __init__(self, a: str, b: str) -> None:
        self.names = (a, b)
        self.totals = [0, 0]
        self.doubts: tuple[list[str], list[str]] = ([], [])
        self.kind = INTACT
        self.sentence = ""
        self.step = ""
        self.matched = 0
        self.left = [0, 0]            # packets that each capture is known to have left out
        self.flows = [0, 0, 0]        # conversations of both, of A alone, of B alone
        self.since_ns = 0
        self.until_ns = 0
        self.clock = Clock()
        self.ways = (Way(), Way())
        self.remarks: list[Remark] = []
        self.alone: tuple[list[str], list[str]] = ([], [])
        self.left_out: list[str] = []

    def severe(self, severities: tuple[str, ...]) -> list[Remark]:
        return [one for one in self.remarks if one.severity in severities]
