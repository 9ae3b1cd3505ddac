"""Two places in a terminal, as data and as Markdown: what came, how late, and what was changed on the way."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from analyzer import __version__
from analyzer.passage import APART, CHANGED, INTACT, LOSSY, ONE, WAYS, Clock, Delays, Passage, Remark, Way
from analyzer.report.markdown import plain
from analyzer.report.rows import DIM, FRAME, LABEL, SECTION, SEVERITY, TITLE, Row, cells, fit, joined, paragraph
from analyzer.report.spark import sparkline
from analyzer.report.terminal import capture_name
from analyzer.report.words import frame_runs
from dissectors.kit.event import JsonValue
from dissectors.kit.units import duration, grouped, plural

MARGIN: Final = 1
INDENT: Final = 3
SENTENCE: Final = 8
WIDEST: Final = 120
WORTH: Final = 200_000        # drift in a milliard that is worth a word where there may be none: clocks are not as bad
CITED: Final = 4              # runs of frames in a row
CURVE: Final = 48             # cells of a drawn delay, at most
SIDES: Final = ("A", "B")
WORDS: Final = {LOSSY: "LOST", CHANGED: "CHANGED", INTACT: "INTACT", ONE: "THE SAME", APART: "UNSURE"}
STYLES: Final = {LOSSY: SEVERITY["error"], CHANGED: SEVERITY["warn"], APART: SEVERITY["warn"]}
ASYMMETRIC: Final = (
    "Each way is told as half of the least way there and back: an asymmetric path and another offset of the clocks "
    "look alike. What is above the least is certain."
)
ALONE: Final = (
    "Nothing of these is at the other place, though it covers their time: another way, a filter between the two, or "
    "one of the capture."
)


def render_passage(passage: Passage, width: int) -> Iterator[list[Row]]:
    """Blocks of rows, each at most `width` columns wide."""
    width = min(width, WIDEST)
    yield _opening(passage, width)
    for rows in (_remarks(passage, width), _delays(passage, width), _counts(passage, width), _only(passage, width)):
        if rows:
            yield [Row(), *rows]


def _opening(passage: Passage, width: int) -> list[Row]:
    rows: list[Row] = []
    names = [fit(capture_name([name]), width // 2) for name in passage.names]
    column = max(map(cells, names)) + MARGIN + 5
    for letter, name, total in zip(SIDES, names, passage.totals, strict=True):
        rows.append(Row().to(MARGIN).add(letter, LABEL).add("  ").add(name, TITLE).tab(column))
        same = f"; {plural(passage.matched, 'packet')} in both" if letter == SIDES[1] else ""
        text = plural(total, "frame") + same
        if column + cells(text) > width:
            rows.append(Row().to(MARGIN + 3))
        paragraph(rows, text, column if rows[-1].used > MARGIN + 3 else MARGIN + 3, width)
    rows.append(Row().to(MARGIN).add(WORDS[passage.kind], STYLES.get(passage.kind, LABEL)).add("  "))
    paragraph(rows, passage.sentence, INDENT, width, LABEL)
    if passage.step:
        rows.append(Row().to(INDENT).add("→ ", DIM))
        paragraph(rows, passage.step, INDENT + 2, width)
    for letter, doubts in zip(SIDES, passage.doubts, strict=True):
        for doubt in doubts:
            rows.append(Row().to(MARGIN).add("! ", SEVERITY["warn"]).add(f"{letter}: ", LABEL))
            paragraph(rows, doubt, INDENT, width)
    for text in passage.left_out:
        rows.append(Row().to(MARGIN).add("… ", DIM))
        paragraph(rows, text, INDENT, width, DIM)
    return rows


def _remarks(passage: Passage, width: int) -> list[Row]:
    if not passage.remarks:
        return []
    rows = [Row().to(MARGIN).add("BETWEEN THE TWO", SECTION)]
    for one in passage.remarks:
        rows.append(Row().to(MARGIN).add(one.severity, SEVERITY.get(one.severity)).tab(SENTENCE))
        paragraph(rows, one.sentence, SENTENCE, width)
        where = " · ".join(_where(one))
        if rows[-1].used + 2 + cells(where) <= width:
            rows[-1].add("  ").add(where, FRAME)
        else:
            rows.append(Row().to(SENTENCE))
            joined(rows, _where(one), " · ", SENTENCE, width, FRAME)
    return rows


def _where(one: Remark) -> list[str]:
    facts = [
        f"{letter} {frame_runs(tuple(sorted(set(frames))), CITED)}"
        for letter, frames in zip(SIDES, one.frames, strict=True) if frames
    ]
    return [*facts, one.confidence]


def clock_words(clock: Clock) -> str:
    """How B's clock stands against A's, and how well that is known."""
    if not clock.steady:
        return "One of the two clocks was set, or is far from even, while the captures ran."
    if not clock.bounded:
        return "The offset of the clocks is not known, since only packets of one way are in both."
    if abs(clock.offset_ns) <= clock.error_ns:
        said = f"B's clock agrees with A's, as far as this shows (± {duration(clock.error_ns)})"
    else:
        side = "ahead of" if clock.offset_ns > 0 else "behind"
        said = f"B's clock is {duration(abs(clock.offset_ns))} {side} A's (± {duration(clock.error_ns)})"
    if clock.drifts:
        gains = "gains" if clock.drift_ppb > 0 else "loses"
        slope, error = abs(clock.drift_ppb) / 1_000, clock.drift_error_ppb / 1_000
        said += f" and {gains} {slope:.1f} µs in each second (± {error:.1f})"
    elif 0 < clock.drift_error_ppb < WORTH:
        said += f"; no drift beyond {clock.drift_error_ppb / 1_000:.1f} µs in each second"
    return said + "."


def _delays(passage: Passage, width: int) -> list[Row]:
    """The clocks, then a curve for each way, above the least."""
    if passage.kind in (ONE, APART):
        return []
    rows = [Row().to(MARGIN).add("CLOCKS AND DELAYS", SECTION), Row().to(INDENT)]
    paragraph(rows, clock_words(passage.clock), INDENT, width)
    ways = [(name, way.delays) for name, way in zip(WAYS, passage.ways, strict=True) if way.delays.count]
    if not passage.clock.steady or not ways:
        return rows
    top = max([delays.most_ns - delays.least_ns for _name, delays in ways])
    for name, delays in ways:
        numbers = _numbers(delays, bounded=passage.clock.bounded)
        rows.append(Row().to(INDENT).add(name, LABEL).add("  "))
        joined(rows, numbers, " · ", INDENT + 7, width, None)
        room = min(CURVE, width - INDENT - 7)
        if top <= 0:
            continue
        rows.append(Row().to(INDENT + 7).add(_curve(delays, passage, room, top), FRAME))
    if top <= 0:
        return rows
    rows.append(Row().to(INDENT))
    lasts = duration(passage.until_ns - passage.since_ns)
    scale = f"▁ the least, ▇ {duration(top)} above it; {lasts} from left to right. "
    paragraph(rows, scale + (ASYMMETRIC if passage.clock.bounded else ""), INDENT, width, DIM)
    return rows


def _numbers(delays: Delays, *, bounded: bool) -> list[str]:
    """The delay of one way; above the least, where that is not known."""
    less = 0 if bounded else delays.least_ns
    word = "" if bounded else " above the least"
    return [
        f"{duration(delays.median_ns - less)}{word} (median of {grouped(delays.count)})",
        f"95 % within {duration(delays.high_ns - less)}",
        f"most {duration(delays.most_ns - less)} (A #{delays.most_frames[0]}, B #{delays.most_frames[1]})",
    ]


def _curve(delays: Delays, passage: Passage, room: int, top: int) -> str:
    """The largest of each stretch of time; a stretch without a packet is blank."""
    start, span = passage.since_ns, max(passage.until_ns - passage.since_ns, 1)
    highest = [-1] * room
    for time, delay in delays.series:
        place = min(max((time - start) * room // span, 0), room - 1)
        highest[place] = max(highest[place], delay - delays.least_ns)
    return "".join([" " if one < 0 else sparkline([one], max(top, 1)) for one in highest])


def _counts(passage: Passage, width: int) -> list[Row]:
    if passage.kind in (ONE, APART):
        return []
    rows = [Row().to(MARGIN).add("COUNTED", SECTION)]
    rows[0].add(f"  {duration(max(passage.until_ns - passage.since_ns, 0))} that both cover", DIM)
    for name, way in zip(WAYS, passage.ways, strict=True):
        rows.append(Row().to(INDENT).add(name, LABEL).add("  "))
        joined(rows, _counted(way), " · ", INDENT + 7, width, None)
    return rows


def _counted(way: Way) -> list[str]:
    facts = [f"{grouped(way.came)} of {plural(way.sent, 'packet')} came"]
    for count, word in (
        (len(way.lost), "lost"), (len(way.unsure), "not seen"), (len(way.twice), "twice"),
        (len(way.overtaken), "overtaken"),
        (len(way.new), "of no origin"), (way.recut, "cut otherwise"),
        (len(way.missed), "left out by a capture"), (way.outside, "outside what both cover"),
    ):
        if count:
            facts.append(f"{grouped(count)} {word}")
    hops = [(hop, count) for hop, count in way.hops.items() if hop]
    if hops:
        hop = max(hops, key=lambda entry: entry[1])[0]
        facts.append(f"{plural(hop, 'router')} between" if hop > 0 else "the hop limit grows on the way")
    return facts


def _only(passage: Passage, width: int) -> list[Row]:
    rows: list[Row] = []
    for letter, count, titles in zip(SIDES, passage.flows[1:], passage.alone, strict=True):
        if count:
            more = f" and {grouped(count - len(titles))} more" if count > len(titles) else ""
            rows.append(Row().to(INDENT).add(letter, LABEL).add("  "))
            paragraph(rows, ", ".join(titles) + more, INDENT + 3, width)
    if not rows:
        return []
    rows.append(Row().to(INDENT))
    paragraph(rows, ALONE, INDENT, width, DIM)
    return [Row().to(MARGIN).add("ONLY AT ONE PLACE", SECTION), *rows]


# -- as data ----------------------------------------------------------------------------------------------------------


def passage_json(passage: Passage) -> Iterator[str]:
    """One object, ASCII only."""
    yield json.dumps(passage_record(passage), ensure_ascii=True, separators=(",", ":")) + "\n"


def passage_record(passage: Passage) -> dict[str, JsonValue]:
    clock = passage.clock
    return {
        "wiretale": {"version": __version__, "comparison": "1"},
        "kind": passage.kind, "same_traffic": True, "sentence": passage.sentence, "next_step": passage.step,
        "captures": [
            {"side": side, "name": name, "frames": total, "doubts": [*doubts]}
            for side, name, total, doubts in zip(SIDES, passage.names, passage.totals, passage.doubts, strict=True)
        ],
        "matched": passage.matched, "conversations": {"both": passage.flows[0], "a": passage.flows[1],
                                                      "b": passage.flows[2]},
        "since_ns": passage.since_ns, "until_ns": passage.until_ns,
        "clock": {
            "offset_ns": clock.offset_ns, "error_ns": clock.error_ns if clock.bounded else None,
            "round_trip_ns": clock.round_ns if clock.bounded else None, "at_ns": clock.at_ns,
            "drift_ppb": clock.drift_ppb, "drift_error_ppb": clock.drift_error_ppb, "steady": clock.steady,
        },
        "ways": {name: _way(way) for name, way in zip(("a_to_b", "b_to_a"), passage.ways, strict=True)},
        "remarks": [
            {
                "code": one.code, "severity": one.severity, "confidence": one.confidence, "sentence": one.sentence,
                "frames": [[*side] for side in one.frames], "next_step": one.step, "refute": one.refute,
            } for one in passage.remarks
        ],
        "only_at_one": [[*side] for side in passage.alone],
        "left_out": [*passage.left_out],
    }


def _way(way: Way) -> JsonValue:
    delays = way.delays
    return {
        "sent": way.sent, "came": way.came, "lost": [*way.lost], "not_seen": [*way.unsure],
        "left_out_by_capture": [*way.missed],
        "outside": way.outside, "cut_otherwise": way.recut, "new": [*way.new],
        "twice": [[*pair] for pair in way.twice], "overtaken": [*way.overtaken], "late_ns": way.late_ns,
        "hops": {str(hop): count for hop, count in way.hops.items()},
        "delay": None if not delays.count else {
            "count": delays.count, "least_ns": delays.least_ns, "median_ns": delays.median_ns,
            "p95_ns": delays.high_ns, "most_ns": delays.most_ns, "series": [[*point] for point in delays.series],
        },
    }


def passage_markdown(passage: Passage) -> Iterator[str]:
    """Headings and lists."""
    names = [plain(name.rsplit("/", 1)[-1]) for name in passage.names]
    yield f"# {names[0]} and {names[1]}: the same traffic at two places\n\n"
    yield f"**{WORDS[passage.kind]}** {plain(passage.sentence)}\n"
    if passage.step:
        yield f"\n→ {plain(passage.step)}\n"
    if passage.remarks:
        yield "\n## Between the two\n\n"
        for one in passage.remarks:
            yield f"- **{one.severity}** {plain(one.sentence)} {plain('; '.join(_where(one)))}\n"
    yield f"\n## Clocks and delays\n\n{plain(clock_words(passage.clock))}\n\n"
    for name, way in zip(WAYS, passage.ways, strict=True):
        facts = _counted(way) + (_numbers(way.delays, bounded=passage.clock.bounded) if way.delays.count else [])
        yield f"- {name}: {plain('; '.join(facts))}\n"
