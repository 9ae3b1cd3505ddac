"""When two numbers differ: more than what is measured again and again in one capture varies by.

The middle of each capture's repeats is compared, and the distance between the two has to exceed the wider of their
spreads. What else could look like a difference, and how it is told apart:

- A few repeats, which happen to lie close together: with fewer than four of them on a side the distance has to be twice
  the spread, and it is called possible.
- One measurement on each side, of which nobody knows how much it varies: it has to be twice as much, and it is said to
  be one. Below `CLEAR_NS` nothing is told of so few: schedulers and clocks make that.
- Many repeats with a trend, or of two kinds: the spread is wide then, and swallows it.
"""
from __future__ import annotations

from typing import Final

from analyzer.comparison import ALIKE, BETTER, WORSE, Measure, Numbers
from dissectors.kit.account import LIKELY, POSSIBLE
from dissectors.kit.units import median

MANY: Final = 4                 # repeats on each side from which on their spread is trusted as it is
LEAST_SHARE: Final = 0.1        # of the larger number, below which nobody cares
TWICE: Final = 2
CLEAR_NS: Final = 2_000_000     # of few measurements of time, less than which is told of nobody
CLEAR_PPM: Final = 5_000        # likewise of shares
SURE: Final = 2.58              # of the rank test: one in a hundred by chance


EXCEEDS: Final = "more than the repeats within either capture vary by"


def fewness(a: int, b: int) -> str:
    """Why a difference is only possible."""
    if a == b == 1:
        return "one measurement each, so how much it varies is not known"
    return f"few measurements ({a} and {b})"


def numbers_of(values: list[int]) -> Numbers:
    """Of one value at least."""
    ordered = sorted(values)
    count = len(ordered)
    if count < Numbers.FEW:
        return Numbers(count, int(median(ordered)), ordered[0], ordered[-1])
    return Numbers(count, int(median(ordered)), _part(ordered, 0.25), _part(ordered, 0.75))


def _part(ordered: list[int], share: float) -> int:
    """The value below which this share of them lies, between two neighbours in proportion."""
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return int(ordered[low] + (ordered[high] - ordered[low]) * (at - low))


def measured(service: str, word: str, unit: str, a: list[int], b: list[int], *, more_is_worse: bool = True) -> Measure:
    """A quantity that both captures have, and whether it differs."""
    made = Measure(service, word, unit, numbers_of(a), numbers_of(b))
    judge(made, a, b, more_is_worse=more_is_worse)
    return made


def judge(made: Measure, a: list[int], b: list[int], *, more_is_worse: bool) -> None:
    one, two = made.numbers
    apart = abs(made.difference)
    fewest = min(one.count, two.count)
    noise = max(one.spread, two.spread)
    larger = max(one.median, two.median)
    if apart <= noise or apart < LEAST_SHARE * larger:
        return
    if fewest < MANY:
        clear = {Measure.NS: CLEAR_NS, Measure.SHARE: CLEAR_PPM}.get(made.unit, 0)
        smaller = min(one.median, two.median)
        if apart < clear or apart <= TWICE * noise or (fewest == 1 and larger < TWICE * smaller):
            return
        made.confidence = POSSIBLE
        made.basis = fewness(one.count, two.count)
    else:
        if _ranks(a, b) < SURE:
            return
        made.confidence = LIKELY
        made.basis = EXCEEDS
    more = made.difference > 0
    made.change = WORSE if more == more_is_worse else BETTER
    if made.change == ALIKE:
        made.confidence = ""


def _ranks(a: list[int], b: list[int]) -> float:
    """How far apart two sets lie, in standard deviations of the rank sum (Mann and Whitney 1947), ties shared."""
    everything = sorted([(value, 0) for value in a] + [(value, 1) for value in b])
    total = 0.0
    at = 0
    while at < len(everything):
        end = at
        while end < len(everything) and everything[end][0] == everything[at][0]:
            end += 1
        rank = (at + 1 + end) / 2
        total += rank * sum([1 for _value, side in everything[at:end] if side == 0])
        at = end
    m, n = len(a), len(b)
    expected = m * (m + n + 1) / 2
    deviation = (m * n * (m + n + 1) / 12) ** 0.5
    return float(abs(total - expected) / deviation) if deviation else 0.0


def shares(service: str, word: str, a: list[tuple[int, int]], b: list[tuple[int, int]]) -> Measure | None:
    """Of things that are counted, such as segments that were sent again: (how many, of how many) for each repeat.

    Losses come in bursts, so that a share varies more than chance alone would have it: three standard deviations of
    what is counted, at least three of them, and at least twice as many as in the other capture.
    """
    counted = [(sum([k for k, _of in side]), sum([of for _k, of in side])) for side in (a, b)]
    if not counted[0][1] or not counted[1][1]:
        return None
    parts = [[k * 1_000_000 // of for k, of in side if of] for side in (a, b)]
    made = Measure(service, word, Measure.SHARE, numbers_of(parts[0]), numbers_of(parts[1]))
    for place, (k, of) in enumerate(counted):       # the share of all together: of single ones most would be nothing
        made.numbers[place].median = k * 1_000_000 // of
        made.numbers[place].some, made.numbers[place].of = k, of
    whole = (counted[0][0] + counted[1][0]) / (counted[0][1] + counted[1][1])
    noise = 3 * (whole * (1 - whole) * (1 / counted[0][1] + 1 / counted[1][1])) ** 0.5 * 1_000_000
    first, second = [one.median for one in made.numbers]
    many, few = max(first, second), min(first, second)
    lots = max(counted[0][0], counted[1][0])
    if abs(second - first) > noise and many >= TWICE * few and lots >= 3 and many - few >= CLEAR_PPM:
        made.change = WORSE if second > first else BETTER
        made.confidence = LIKELY if len(a) >= MANY and len(b) >= MANY else POSSIBLE
        made.basis = EXCEEDS if made.confidence == LIKELY else fewness(len(a), len(b))
    return made
