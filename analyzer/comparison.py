"""What two captures have in common and what not: the records that the comparison hands to the reports.

Index 0 of a pair is of the first capture (A), 1 of the second (B). Times in integer nanoseconds.
"""
from __future__ import annotations

from typing import Final

from analyzer.finding import Finding

SIDES: Final = ("A", "B")

# Which way a difference goes, for whoever waits for what was captured.
WORSE: Final = "worse"
BETTER: Final = "better"
OTHER: Final = "other"       # it differs, and nobody can say that it is better or worse
ALIKE: Final = "alike"       # no difference beyond what repeats vary by
UNKNOWN: Final = "unknown"   # one of the two captures does not show it

# What became of a cause.
NEW: Final = "new"           # in B, and not in A, which would show it
GONE: Final = "gone"         # the other way round
CHANGED: Final = "changed"   # in both, and its cost differs
SAME: Final = "same"
UNTOLD: Final = "untold"     # in one of them, and the other does not show whether it was there

# What the comparison comes to.
MIXED: Final = "mixed"       # some of it is worse and some is better
UNSURE: Final = "unsure"     # too little of the two can be compared


class Numbers:
    """What repeats of one thing measured. low, high: the quartiles, or where there are fewer than `FEW` of them, the
    least and the most.     some, of: of things that are counted, how many of how many; 0 elsewhere."""

    FEW: Final = 5

    def __init__(self, count: int, median: int, low: int, high: int) -> None:
        self.count = count
        self.median = median
        self.low = low
        self.high = high
        self.some = 0
        self.of = 0

    @property
    def spread(self) -> int:
        return self.high - self.low


class Measure:
    """One quantity of one service. unit: "ns", "bit/s" or "ppm" (parts of a million).

    change: WORSE, BETTER or ALIKE.     confidence: of the change.     basis: what it rests on, in words.
    """

    NS: Final = "ns"
    RATE: Final = "bit/s"
    SHARE: Final = "ppm"

    def __init__(self, service: str, word: str, unit: str, a: Numbers, b: Numbers) -> None:
        self.service = service
        self.word = word
        self.unit = unit
        self.numbers = (a, b)
        self.change = ALIKE
        self.confidence = ""
        self.basis = ""

    @property
    def difference(self) -> int:
        return self.numbers[1].median - self.numbers[0].median


class CauseChange:
    """A root cause, and what became of it. finding: that says it best in each capture, None where it has none.

    costs, counts: time lost by it and how many findings say so, of each capture.     why: for UNTOLD, what hides it in
    the other capture; else what there is to add.
    """

    def __init__(self, kind: str, severity: str, a: Finding | None, b: Finding | None) -> None:
        self.kind = kind
        self.severity = severity
        self.findings = (a, b)
        self.costs = (0, 0)
        self.counts = (0, 0)
        self.change = ALIKE
        self.why = ""

    @property
    def told(self) -> Finding:
        """The finding that is shown: of B where it is in both."""
        a, b = self.findings
        found = b if b is not None else a
        if found is None:
            raise ValueError("a cause without a finding")
        return found


class Exchange:
    """A request and what came of it, in whichever protocol. key: by which it is matched; loose: without its query.

    outcome: in a word or two, "" where it was not seen.     failed: the outcome is an error.     bounded: its end was
    seen.     Times: -1 where they were not seen.     octets: of the answer, -1.     frames: the first and the last.
    server_ns: of the wait, what the account of the time books to the server.
    """

    def __init__(self, label: str, key: str, conversation: int, start_ns: int) -> None:
        self.label = label
        self.key = key
        self.loose = key
        self.conversation = conversation
        self.start_ns = start_ns
        self.service = ""
        self.outcome = ""
        self.failed = False
        self.bounded = True
        self.total_ns = -1
        self.waited_ns = -1
        self.received_ns = -1
        self.server_ns = -1
        self.octets = -1
        self.frames: tuple[int, ...] = ()


class Pair:
    """Exchanges of A and B that are the same request, repeats in order; where one has fewer, the rest is None.

    changes: in a few words each, what differs beyond the times ("200 → 500").     change: of all of it.
    """

    def __init__(self, label: str, key: str) -> None:
        self.label = label
        self.key = key
        self.exchanges: tuple[list[Exchange], list[Exchange]] = ([], [])
        self.totals: Measure | None = None
        self.parts: list[Measure] = []
        self.changes: list[str] = []
        self.change = ALIKE
        self.lost_ns = 0        # how much longer it takes in B, of all repeats that can be compared

    def frames(self, side: int) -> tuple[int, ...]:
        found = [frame for one in self.exchanges[side] for frame in one.frames[:1]]
        return tuple(sorted(set(found)))


class Alone:
    """A request, or a conversation, that only one capture holds. side: which.     why: what the other one may have
    missed, "" where it would show it."""

    def __init__(self, side: int, label: str, text: str, count: int, frames: tuple[int, ...], why: str) -> None:
        self.side = side
        self.label = label
        self.text = text
        self.count = count
        self.frames = frames
        self.why = why


class TalkChange:
    """A conversation of which no application is read, in both captures. changes: in a few words each."""

    def __init__(self, title: str, a: int, b: int) -> None:
        self.title = title
        self.conversations = (a, b)
        self.changes: list[str] = []
        self.change = OTHER
        self.frames: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


class Covered:
    """What one capture holds and how much of it was read: a line. doubts: what lowers the worth of what is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.doubts: list[str] = []


class Comparison:
    """Everything a report of two captures needs.

    kind: WORSE, BETTER, MIXED, OTHER, ALIKE or UNSURE.     sentence: what it comes to.     step: what to do next.
    compared: what the sentence rests on.     left_out: what was shortened, in words.
    """

    def __init__(self, a: Covered, b: Covered) -> None:
        self.covered = (a, b)
        self.kind = ALIKE
        self.sentence = ""
        self.step = ""
        self.compared = ""
        self.causes: list[CauseChange] = []
        self.measures: list[Measure] = []
        self.pairs: list[Pair] = []
        self.alone: list[Alone] = []
        self.talks: list[TalkChange] = []
        self.left_out: list[str] = []

    def new(self, severities: tuple[str, ...]) -> list[CauseChange]:
        """Causes that are new in B and at least that severe."""
        return [one for one in self.causes if one.kind == NEW and one.severity in severities]
