"""The verdict and the findings in a terminal: first the root causes, then what they rest on and what is left."""
from __future__ import annotations

from typing import Final

from rich.style import Style

from analyzer.model import Analysis, Cause, Finding, Verdict
from analyzer.report.rows import DIM, FRAME, LABEL, SECTION, SEVERITY, Row, cells, fit, paragraph
from analyzer.report.words import (
    BRIEF,
    FINDINGS,
    SEVERITIES_FALLING,
    TEACH,
    VERDICT,
    counted,
    explained,
    first_sentence,
    frame_runs,
    of_cause,
    taken,
)

MARGIN: Final = 1
SEVERITY_COLUMN: Final = 8     # where a finding's sentence begins
MOST_ROWS: Final = 10          # of a verdict, so that it ends within the first twelve lines
FRAME_RUNS: Final = (4, 2, 1)  # of the frames that are cited
ORDINALS: Final = ("first", "second", "third")
KINDS: Final = {Verdict.CLEAN: "clean", Verdict.UNSURE: "unsure"}


def verdict_rows(analysis: Analysis, width: int) -> list[Row]:
    """What it comes to, in as few lines as it takes; [] where nobody judged."""
    verdict = analysis.verdict
    if not verdict.sentence and not verdict.causes:
        return []
    rows = _written(analysis, width, ())
    short = _short(analysis, width)
    if short:
        rows = _written(analysis, width, short)
    for doubt in verdict.doubts:
        rows.append(Row().to(MARGIN).add("! ", SEVERITY["warn"]))
        paragraph(rows, doubt, MARGIN + 2, width)
    if verdict.known:
        rows.append(Row().to(MARGIN))
        paragraph(rows, verdict.known, MARGIN, width, DIM)
    return rows


def _short(analysis: Analysis, width: int) -> tuple[int, ...]:
    """Places of the causes that have to be short, so that the verdict fits on a screen: the last ones first. What they
    leave out stands among the findings."""
    places = tuple(range(len(analysis.verdict.causes)))
    for kept in range(len(places), -1, -1):
        if len(_written(analysis, width, places[kept:])) <= MOST_ROWS:
            return places[kept:]
    return places


def _written(analysis: Analysis, width: int, short: tuple[int, ...]) -> list[Row]:
    verdict = analysis.verdict
    rows = [Row().to(MARGIN).add(VERDICT, SECTION)]
    if verdict.sentence:
        rows.append(Row().to(MARGIN).add(KINDS.get(verdict.kind, ""), LABEL))
        paragraph(rows, verdict.sentence, SEVERITY_COLUMN, width, LABEL)
    for place, cause in enumerate(verdict.causes):
        _cause_rows(rows, analysis, cause, place in short, width)
    return rows


def _cause_rows(rows: list[Row], analysis: Analysis, cause: Cause, short: bool, width: int) -> None:
    finding = of_cause(analysis, cause)
    rows.append(Row().to(MARGIN).add(cause.severity, SEVERITY.get(cause.severity)))
    said = first_sentence(finding.sentence) if short else finding.sentence
    with_step = analysis.verdict.kind == Verdict.CAUSES and (not short or cause is analysis.verdict.causes[0])
    paragraph(rows, f"{said} {cause.more}".rstrip(), SEVERITY_COLUMN, width, LABEL)
    behind(rows, "  " + _place(finding, finding.confidence, width), width, FRAME)
    if with_step and finding.next_step:
        rows.append(Row().to(SEVERITY_COLUMN).add("→ ", DIM))
        paragraph(rows, finding.next_step, SEVERITY_COLUMN + 2, width)
    follows = explained(analysis, cause)
    if follows:
        rows.append(Row().to(SEVERITY_COLUMN))
        paragraph(rows, follows, SEVERITY_COLUMN, width, DIM)


def _place(finding: Finding, confidence: str, width: int) -> str:
    """Where to look: as many frames as there is room for."""
    place = f"conversation {finding.conversation}" if finding.conversation else ""
    text = ""
    for most in FRAME_RUNS:
        pieces = (place, frame_runs(finding.frames, most), confidence, finding.code)
        text = " · ".join([piece for piece in pieces if piece])
        if cells(text) + 2 <= width - SEVERITY_COLUMN:
            break
    return text


def finding_rows(analysis: Analysis, level: str, width: int) -> list[Row]:
    """What each cause of the verdict rests on, with the findings that follow from it, then the other findings, worst
    first; [] where there is no more to say."""
    causes = [] if level == BRIEF else analysis.verdict.causes
    short = _short(analysis, width)
    known = {finding.number: finding for finding in analysis.findings}
    rows: list[Row] = []
    for place, cause in enumerate(causes):
        finding = of_cause(analysis, cause)
        rows.append(Row().to(MARGIN).add(cause.severity, SEVERITY.get(cause.severity)))
        rows[-1].to(SEVERITY_COLUMN)
        paragraph(rows, f"{finding.code}, {ORDINALS[place]} of the verdict", SEVERITY_COLUMN, width, DIM)
        shortened = place in short and first_sentence(finding.sentence) != finding.sentence
        if shortened:
            _follows(rows, finding, width)
        for number in (*cause.also, *cause.explains):
            _follows(rows, known[number], width)
        with_step = analysis.verdict.kind != Verdict.CAUSES or (place in short and place > 0)
        _points(rows, finding, level, with_step, width)
    above = taken(analysis.verdict)
    order = {severity: place for place, severity in enumerate(SEVERITIES_FALLING)}
    rest = [finding for finding in analysis.findings if finding.number not in above]
    for finding in sorted(rest, key=lambda finding: order.get(finding.severity, len(order))):
        rows.append(Row().to(MARGIN).add(finding.severity, SEVERITY.get(finding.severity)))
        paragraph(rows, finding.sentence, SEVERITY_COLUMN, width, LABEL)
        behind(rows, "  " + _place(finding, "", width), width, FRAME)
        if level != BRIEF:
            _points(rows, finding, level, True, width)
    if rows:
        rows.insert(0, Row().to(MARGIN).add(FINDINGS, SECTION))
        rows[0].right(counted(analysis.findings), width, DIM)
    return rows


def _follows(rows: list[Row], finding: Finding, width: int) -> None:
    rows.append(Row().to(SEVERITY_COLUMN).add("• ", DIM))
    rows[-1].add(f"{finding.severity} ", SEVERITY.get(finding.severity))
    paragraph(rows, finding.sentence, SEVERITY_COLUMN + 2, width)
    behind(rows, "  " + _place(finding, "", width), width, FRAME)


def _points(rows: list[Row], finding: Finding, level: str, with_step: bool, width: int) -> None:
    """What it rests on, what to do next where that is not said yet, what would prove it wrong, a display filter."""
    if finding.confidence != "certain":
        _point(rows, finding.confidence, finding.basis, width)
    elif level == TEACH:
        _point(rows, "because", finding.basis, width)
    if with_step:
        _point(rows, "next", finding.next_step, width)
    if level == TEACH:
        _point(rows, "wrong if", finding.refute, width)
    _point(rows, "filter", finding.display_filter, width)


def _point(rows: list[Row], label: str, text: str, width: int) -> None:
    if text:
        rows.append(Row().to(SEVERITY_COLUMN).add(f"{label}: ", DIM))
        paragraph(rows, text, SEVERITY_COLUMN + 2, width)


def behind(rows: list[Row], text: str, width: int, style: Style) -> None:
    """Put `text` at the right end of the last row, or on a row of its own where it does not fit."""
    text = fit(text, width - SEVERITY_COLUMN)
    if rows[-1].used + cells(text) > width:
        rows.append(Row())
    rows[-1].right(text, width, style)
