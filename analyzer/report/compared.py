"""Two captures beside each other in a terminal: what it comes to first, then causes, numbers, exchanges, the rest."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.style import Style

from analyzer.comparison import (
    ALIKE,
    BETTER,
    CHANGED,
    GONE,
    MIXED,
    NEW,
    OTHER,
    SAME,
    SIDES,
    UNSURE,
    UNTOLD,
    WORSE,
    Alone,
    CauseChange,
    Comparison,
    Measure,
    Numbers,
    Pair,
)
from analyzer.report.rows import DIM, FRAME, LABEL, SECTION, SEVERITY, TITLE, Row, cells, fit, joined, paragraph
from analyzer.report.terminal import capture_name
from analyzer.report.words import frame_runs
from dissectors.kit.units import duration, grouped, plural, rate

MARGIN: Final = 1
INDENT: Final = 3
KIND: Final = 10              # where the sentence about a cause begins
WIDEST: Final = 120
SHOWN: Final = 20             # rows of a part; what is left out is counted
CITED: Final = 3              # frames of each side in a row
RIGHT: Final = 11             # cells for "worse 5.1×" at the end of a row
GOOD: Final = Style(bold=True, color="green")
STYLES: Final = {WORSE: SEVERITY["error"], BETTER: GOOD, MIXED: SEVERITY["warn"], OTHER: LABEL, ALIKE: GOOD,
                 UNSURE: SEVERITY["warn"]}
VERDICTS: Final = {
    WORSE: "WORSE", BETTER: "BETTER", MIXED: "MIXED", OTHER: "DIFFERENT", ALIKE: "ALIKE", UNSURE: "UNSURE",
}
KINDS: Final = {NEW: "new", GONE: "gone", CHANGED: "changed", UNTOLD: "unknown", SAME: "same"}
WORDS: Final = {WORSE: "worse", BETTER: "better", OTHER: "differs", ALIKE: "alike"}


def render(comparison: Comparison, width: int) -> Iterator[list[Row]]:
    """Blocks of rows, each at most `width` columns wide."""
    width = min(width, WIDEST)
    yield opening_rows(comparison, width)
    for rows in (
        cause_rows(comparison, width), measure_rows(comparison, width), pair_rows(comparison, width),
        alone_rows(comparison, width), talk_rows(comparison, width), closing_rows(comparison, width),
    ):
        if rows:
            yield [Row(), *rows]


def opening_rows(comparison: Comparison, width: int) -> list[Row]:
    """Which two, then what is different and whether it is worse."""
    rows: list[Row] = []
    names = [fit(capture_name([one.name]), width // 2) for one in comparison.covered]
    column = max(map(cells, names)) + MARGIN + 5
    for letter, name, one in zip(SIDES, names, comparison.covered, strict=True):
        rows.append(Row().to(MARGIN).add(letter, LABEL).add("  ").add(name, TITLE))
        if column + cells(one.text) > width:
            rows.append(Row().to(MARGIN + 3))
        paragraph(rows, one.text, max(column, 0) if rows[-1].used > MARGIN + 3 else MARGIN + 3, width)
    word = VERDICTS[comparison.kind]
    rows.append(Row().to(MARGIN).add(word, STYLES[comparison.kind]).add("  "))
    paragraph(rows, comparison.sentence, INDENT, width, LABEL)
    if comparison.step:
        rows.append(Row().to(INDENT).add("→ ", DIM))
        paragraph(rows, comparison.step, INDENT + 2, width)
    for letter, one in zip(SIDES, comparison.covered, strict=True):
        for doubt in one.doubts:
            rows.append(Row().to(MARGIN).add("! ", SEVERITY["warn"]).add(f"{letter}: ", LABEL))
            paragraph(rows, doubt, INDENT, width)
    return rows


# -- causes -----------------------------------------------------------------------------------------------------------


def cause_rows(comparison: Comparison, width: int) -> list[Row]:
    shown = [one for one in comparison.causes if one.kind != SAME]
    same = [one for one in comparison.causes if one.kind == SAME]
    if not comparison.causes:
        return []
    rows = [Row().to(MARGIN).add("CAUSES", SECTION)]
    for one in shown[:SHOWN]:
        rows.append(Row().to(MARGIN).add(KINDS[one.kind], STYLES.get(one.change)).tab(KIND))
        rows[-1].add(one.severity, SEVERITY.get(one.severity)).add("  ")
        paragraph(rows, one.told.sentence, KIND, width)
        _facts(rows, cause_facts(one), KIND, width, FRAME)
    _left_out(rows, len(shown) - SHOWN, "cause")
    if same:
        names = ", ".join(dict.fromkeys([_in_both(one) for one in same]))
        rows.append(Row().to(MARGIN).add("same", DIM).tab(KIND))
        paragraph(rows, f"In both: {names}.", KIND, width, DIM)
    return rows


def _facts(rows: list[Row], facts: list[str], indent: int, width: int, style: Style | None) -> None:
    """Facts on rows of their own."""
    if facts:
        rows.append(Row().to(indent))
        joined(rows, facts, " · ", indent, width, style)


def _in_both(one: CauseChange) -> str:
    costs = f" ({duration(one.costs[0])} and {duration(one.costs[1])})" if any(one.costs) else ""
    return one.told.code + costs


def cause_facts(one: CauseChange) -> list[str]:
    """Where it stands, what it cost in each, and what is not known."""
    facts = [
        f"{letter} {frame_runs(found.frames, CITED)}" for letter, found in zip(SIDES, one.findings, strict=True)
        if found is not None and found.frames
    ]
    if one.kind in (CHANGED, SAME) and any(one.costs):
        facts.append(f"costs {duration(one.costs[0])} → {duration(one.costs[1])}")
    elif max(one.costs) and one.kind in (NEW, GONE):
        facts.append(f"costs {duration(max(one.costs))}")
    if max(one.counts) > 1:
        facts.append(f"{grouped(one.counts[0])} → {grouped(one.counts[1])} times")
    if one.kind == UNTOLD:
        there = 0 if one.findings[1] is not None else 1
        facts.append(f"{SIDES[there]} {one.why}, so it is not known whether it had this too")
    elif one.why:
        facts.append(one.why)
    return facts


# -- numbers ----------------------------------------------------------------------------------------------------------


def amount(unit: str, value: int) -> str:
    """A value with its unit."""
    if unit == Measure.RATE:
        return rate(value)
    return f"{value / 10_000:.1f} %" if unit == Measure.SHARE else duration(value)


def in_numbers(one: Numbers, unit: str) -> str:
    """`24.3 ms (24.1–24.6; 4)`: the median, the spread, how many."""
    middle = amount(unit, one.median)
    if one.of:
        return f"{middle} ({grouped(one.some)} of {grouped(one.of)})"
    if one.count == 1:
        return f"{middle} (1)"
    low, high = amount(unit, one.low), amount(unit, one.high)
    if low.partition(" ")[2] == high.partition(" ")[2]:
        low = low.partition(" ")[0]
        if high.partition(" ")[2] == middle.partition(" ")[2]:
            high = high.partition(" ")[0]
    return f"{middle} ({low}–{high}; {grouped(one.count)})"


def how_much(one: Measure) -> str:
    """`worse 5.1×`; "" where it is alike."""
    if one.change == ALIKE:
        return ""
    low, high = sorted([side.median for side in one.numbers])
    if low <= 0:
        return one.change
    factor = high / low
    return f"{one.change} {factor:.0f}×" if factor >= 10 else f"{one.change} {factor:.1f}×"


def measure_rows(comparison: Comparison, width: int) -> list[Row]:
    """By service: what differs in a row each, what is alike in one line."""
    if not comparison.measures:
        return []
    rows = [Row().to(MARGIN).add("IN NUMBERS", SECTION).add("  median (spread; how many)", DIM)]
    first = INDENT + 19
    second = first + (width - first - RIGHT) // 2
    services: dict[str, list[Measure]] = {}
    for one in comparison.measures:
        services.setdefault(one.service, []).append(one)
    headed = False
    for service, measures in services.items():
        differ = [one for one in measures if one.change != ALIKE]
        room = first - INDENT - 1 if differ and not headed else width - INDENT
        rows.append(Row().to(INDENT).add(fit(service, room), LABEL))
        if differ and not headed:
            headed = True
            rows[-1].to(first).add("A", DIM).to(second).add("B", DIM)
        for one in differ:
            row = Row().to(INDENT + 2).add(fit(one.word, first - INDENT - 3)).tab(first)
            row.add(fit(in_numbers(one.numbers[0], one.unit), second - first - 1)).tab(second)
            row.add(fit(in_numbers(one.numbers[1], one.unit), width - RIGHT - second - 1)).tab(width - RIGHT)
            rows.append(row.add(how_much(one), STYLES[one.change]))
        for basis in dict.fromkeys([f"{one.confidence}: {one.basis}" for one in differ if one.basis]):
            words = [one.word for one in differ if f"{one.confidence}: {one.basis}" == basis]
            rows.append(Row().to(INDENT + 2))
            said = basis if len(words) == len(differ) else f"{', '.join(words)}: {basis}"
            paragraph(rows, said, INDENT + 4, width, DIM)
        alike = [one for one in measures if one.change == ALIKE]
        if alike:
            rows.append(Row().to(INDENT + 2))
            pieces = [_alike(one) for one in alike]
            joined(rows, [f"alike: {pieces[0]}", *pieces[1:]], ", ", INDENT + 2, width, DIM)
    return rows


def _alike(one: Measure) -> str:
    a, b = [amount(one.unit, side.median) for side in one.numbers]
    counts = "" if one.numbers[0].count == one.numbers[1].count == 1 else \
        f" ({grouped(one.numbers[0].count)} and {grouped(one.numbers[1].count)})"
    return f"{one.word} {a if a == b else f'{a} and {b}'}{counts}"


# -- exchange by exchange, and what is left ---------------------------------------------------------------------------


def pair_rows(comparison: Comparison, width: int) -> list[Row]:
    if not comparison.pairs:
        return []
    matched = sum([min(len(pair.exchanges[0]), len(pair.exchanges[1])) for pair in comparison.pairs])
    differ = [pair for pair in comparison.pairs if pair.change != ALIKE]
    differ.sort(key=_worst_first)
    rows = [Row().to(MARGIN).add("EXCHANGE BY EXCHANGE", SECTION)]
    alike = len(comparison.pairs) - len(differ)
    count = grouped(len(differ)) if differ else "none"
    verb = "differs" if len(differ) == 1 else "differ"
    requests = plural(len(comparison.pairs), "request")
    said = f"{count} of {requests} {verb}" if alike or len(differ) > 1 else f"the request {verb}"
    if not differ:
        said = f"{requests} alike"
    rows[0].add("  ")
    paragraph(rows, f"{plural(matched, 'exchange')} matched; {said}", INDENT, width, DIM)
    for pair in differ[:SHOWN]:
        rows.append(Row().to(INDENT).add(fit(pair.label, 10)).add("  "))
        paragraph(rows, pair.key, INDENT + 2, width, LABEL)
        rows.append(Row().to(INDENT + 2).add(WORDS[pair.change], STYLES.get(pair.change)).add("  "))
        facts = pair_facts(pair)
        paragraph(rows, facts[0], INDENT + 2, width)
        joined(rows, facts[1:], " · ", INDENT + 2, width, None)
    _left_out(rows, len(differ) - SHOWN, "request")
    if alike and differ:
        rows.append(Row().to(INDENT).add(f"{plural(alike, 'request')} alike", DIM))
    return rows


def _worst_first(pair: Pair) -> tuple[int, int]:
    return (WORSE, OTHER, BETTER).index(pair.change), -abs(pair.lost_ns)


def pair_facts(pair: Pair) -> list[str]:
    """What differs, then the times, then where."""
    facts = list(pair.changes)
    if pair.totals is not None:
        a, b = [in_numbers(one, Measure.NS) for one in pair.totals.numbers]
        facts.append(f"{a} → {b}")
        facts += [
            f"{one.word} {duration(one.numbers[0].median)} → {duration(one.numbers[1].median)}" for one in pair.parts
        ]
    facts += [
        f"{letter} {frame_runs(pair.frames(side), CITED)}" for side, letter in enumerate(SIDES) if pair.frames(side)
    ]
    return facts


def alone_rows(comparison: Comparison, width: int) -> list[Row]:
    if not comparison.alone:
        return []
    rows = [Row().to(MARGIN).add("ONLY IN ONE", SECTION)]
    for one in comparison.alone[:SHOWN]:
        rows.append(Row().to(INDENT).add(SIDES[one.side], LABEL).add("  ").add(fit(one.label, 10)).add("  "))
        paragraph(rows, one.text, INDENT + 3, width)
        joined(rows, alone_facts(one), " · ", INDENT + 3, width, DIM)
    _left_out(rows, len(comparison.alone) - SHOWN, "row")
    return rows


def alone_facts(one: Alone) -> list[str]:
    facts = [plural(one.count, "time")] if one.count > 1 else []
    if one.frames:
        facts.append(frame_runs(one.frames, CITED))
    if one.why:
        facts.append(f"{SIDES[1 - one.side]} {one.why}, so it may have had this too")
    return facts


def talk_rows(comparison: Comparison, width: int) -> list[Row]:
    if not comparison.talks:
        return []
    rows = [Row().to(MARGIN).add("CONVERSATION BY CONVERSATION", SECTION)]
    for one in comparison.talks[:SHOWN]:
        rows.append(Row().to(INDENT).add(fit(one.title, 40), LABEL).add("  "))
        rows[-1].add(WORDS[one.change], STYLES.get(one.change))
        rows[-1].add("  ")
        places = [f"{letter} {frame_runs(frames, CITED)}" for letter, frames in zip(SIDES, one.frames, strict=True)]
        joined(rows, [*one.changes, *places], " · ", INDENT + 2, width, None)
    _left_out(rows, len(comparison.talks) - SHOWN, "conversation")
    return rows


def closing_rows(comparison: Comparison, width: int) -> list[Row]:
    rows: list[Row] = []
    for text in comparison.left_out:
        rows.append(Row().to(MARGIN).add("… ", DIM))
        paragraph(rows, text, INDENT, width, DIM)
    return rows


def _left_out(rows: list[Row], more: int, what: str) -> None:
    if more > 0:
        rows.append(Row().to(INDENT).add(f"… {plural(more, f'more {what}')}: --format json has all of them", DIM))
