"""A comparison of two captures as data (JSON) and as Markdown for a ticket.

Pairs are of A and B. Times are integer nanoseconds, rates bits per second, shares parts of a million.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from analyzer import __version__
from analyzer.comparison import (
    ALIKE,
    SAME,
    SIDES,
    Alone,
    CauseChange,
    Comparison,
    Exchange,
    Measure,
    Numbers,
    Pair,
    TalkChange,
)
from analyzer.report.compared import VERDICTS, WORDS, alone_facts, cause_facts, how_much, in_numbers, pair_facts
from analyzer.report.markdown import plain
from dissectors.kit.event import JsonValue
from dissectors.kit.units import plural

FORM: Final = "1"
ROWS: Final = 20       # of a table in Markdown


def comparison_json(comparison: Comparison) -> Iterator[str]:
    """One object, ASCII only."""
    yield json.dumps(comparison_record(comparison), ensure_ascii=True, separators=(",", ":")) + "\n"


def comparison_record(comparison: Comparison) -> dict[str, JsonValue]:
    return {
        "wiretale": {"version": __version__, "comparison": FORM},
        "kind": comparison.kind,
        "sentence": comparison.sentence,
        "next_step": comparison.step,
        "compared": comparison.compared,
        "captures": [
            {"side": side, "name": one.name, "covered": one.text, "doubts": [*one.doubts]}
            for side, one in zip(SIDES, comparison.covered, strict=True)
        ],
        "causes": [_cause(one) for one in comparison.causes],
        "measures": [_measure(one) for one in comparison.measures],
        "exchanges": [_pair(one) for one in comparison.pairs],
        "only_in_one": [_alone(one) for one in comparison.alone],
        "conversations": [_talk(one) for one in comparison.talks],
        "left_out": [*comparison.left_out],
    }


def _cause(one: CauseChange) -> JsonValue:
    return {
        "kind": one.kind, "change": one.change, "severity": one.severity, "code": one.told.code,
        "sentence": one.told.sentence, "next_step": one.told.next_step, "cost_ns": [*one.costs], "count": [*one.counts],
        "why": one.why, "findings": [None if found is None else found.as_json() for found in one.findings],
    }


def _numbers(one: Numbers) -> JsonValue:
    out: dict[str, JsonValue] = {"count": one.count, "median": one.median, "low": one.low, "high": one.high}
    if one.of:
        out["some"], out["of"] = one.some, one.of
    return out


def _measure(one: Measure) -> JsonValue:
    return {
        "service": one.service, "quantity": one.word, "unit": one.unit, "change": one.change,
        "confidence": one.confidence, "basis": one.basis, "values": [_numbers(side) for side in one.numbers],
    }


def _pair(one: Pair) -> JsonValue:
    return {
        "protocol": one.label, "request": one.key, "change": one.change, "changes": [*one.changes],
        "total": None if one.totals is None else _measure(one.totals), "parts": [_measure(part) for part in one.parts],
        "exchanges": [[_exchange(made) for made in side] for side in one.exchanges],
    }


def _exchange(one: Exchange) -> JsonValue:
    return {
        "conversation": one.conversation, "frames": [*one.frames], "start_ns": one.start_ns, "outcome": one.outcome,
        "failed": one.failed, "total_ns": _seen(one.total_ns), "waited_ns": _seen(one.waited_ns),
        "server_ns": _seen(one.server_ns), "received_ns": _seen(one.received_ns), "octets": _seen(one.octets),
    }


def _seen(value: int) -> JsonValue:
    return None if value < 0 else value


def _alone(one: Alone) -> JsonValue:
    return {
        "side": SIDES[one.side], "protocol": one.label, "text": one.text, "count": one.count, "frames": [*one.frames],
        "why": one.why,
    }


def _talk(one: TalkChange) -> JsonValue:
    return {
        "title": one.title, "conversations": [*one.conversations], "change": one.change, "changes": [*one.changes],
        "frames": [[*side] for side in one.frames],
    }


def comparison_markdown(comparison: Comparison) -> Iterator[str]:
    """Headings, lists and tables; what is left out is counted."""
    names = [plain(one.name.rsplit("/", 1)[-1]) for one in comparison.covered]
    yield f"# {names[0]} and {names[1]}\n\n"
    yield f"**{VERDICTS[comparison.kind]}** {plain(comparison.sentence)}\n"
    if comparison.step:
        yield f"\n→ {plain(comparison.step)}\n"
    yield "\n"
    for side, one in zip(SIDES, comparison.covered, strict=True):
        yield f"- {side}: {plain(one.name)}, {plain(one.text)}\n"
        yield from (f"  - {plain(doubt)}\n" for doubt in one.doubts)
    causes = [one for one in comparison.causes if one.kind != SAME]
    if causes:
        yield "\n## Causes\n\n"
        for cause in causes[:ROWS]:
            facts = plain("; ".join(cause_facts(cause)))
            yield f"- **{cause.kind}** ({cause.severity}) {plain(cause.told.sentence)} {facts}\n"
        yield from _more(len(causes) - ROWS, "cause")
    if comparison.measures:
        yield "\n## In numbers\n\n| service | quantity | A | B | |\n|---|---|---|---|---|\n"
        for measure in comparison.measures[:ROWS]:
            a, b = [plain(in_numbers(numbers, measure.unit)) for numbers in measure.numbers]
            yield f"| {plain(measure.service)} | {measure.word} | {a} | {b} | {how_much(measure) or ALIKE} |\n"
        yield from _more(len(comparison.measures) - ROWS, "quantity", "quantities")
    differ = [pair for pair in comparison.pairs if pair.change != ALIKE]
    if differ:
        yield "\n## Exchange by exchange\n\n"
        for pair in differ[:ROWS]:
            yield f"- {pair.label} {plain(pair.key)}: **{WORDS[pair.change]}** {plain('; '.join(pair_facts(pair)))}\n"
        yield from _more(len(differ) - ROWS, "request")
    if comparison.alone:
        yield "\n## Only in one\n\n"
        for alone in comparison.alone[:ROWS]:
            yield f"- {SIDES[alone.side]}: {alone.label} {plain(alone.text)} {plain('; '.join(alone_facts(alone)))}\n"
        yield from _more(len(comparison.alone) - ROWS, "row")
    if comparison.talks:
        yield "\n## Conversation by conversation\n\n"
        for talk in comparison.talks[:ROWS]:
            yield f"- {plain(talk.title)}: **{WORDS[talk.change]}** {plain('; '.join(talk.changes))}\n"
        yield from _more(len(comparison.talks) - ROWS, "conversation")


def _more(count: int, what: str, many: str = "") -> Iterator[str]:
    if count > 0:
        yield f"\n{plural(count, f'more {what}', f'more {many}' if many else '')}.\n"
