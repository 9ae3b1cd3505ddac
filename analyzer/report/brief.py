"""A few lines of Markdown for a pull request or the summary of a job: the verdict, what else was found, what was read.

No more than `MOST_LINES`, whatever a capture holds; what does not fit is counted. Texts of packets are set as in the
whole report (`markdown.py`).
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer import __version__
from analyzer.model import Analysis, Verdict
from analyzer.report.account import length_of, together
from analyzer.report.escape import terminal_text
from analyzer.report.markdown import as_code, cited, plain
from analyzer.report.terminal import doubts
from analyzer.report.words import SEVERITY_COUNTS, counted, explained, of_cause, taken, took
from dissectors.kit.units import duration, grouped, plural

MOST_LINES: Final = 25
SENTENCE: Final = 300      # characters of one that are shown
NAMES: Final = 3           # captures that are named
CODES: Final = 6           # kinds of other findings that are named
DOUBTS: Final = 3
SPENT: Final = 4           # causes of time that are named
SIGNS: Final = {Verdict.CLEAN: "nothing went wrong", Verdict.UNSURE: "not enough to say"}


def brief_markdown(analysis: Analysis) -> Iterator[str]:
    verdict, capture = analysis.verdict, analysis.capture
    names = [as_code(_short(plain_name(name))) for name in capture.names[:NAMES]]
    if len(capture.names) > NAMES:
        names.append(f"{len(capture.names) - NAMES} more")
    new = "new: " if analysis.since else ""
    said = SIGNS.get(verdict.kind) or new + counted(analysis.findings)
    if new and verdict.kind == Verdict.CLEAN:
        said = "nothing new"
    yield f"### wiretale: {said} ({', '.join(names)})\n\n"
    if verdict.sentence:
        yield f"Verdict: {plain(_short(verdict.sentence))}\n\n"
    yield from _causes(analysis)
    for text in _beside(analysis):
        yield f"- {text}\n"
    lasted = took(capture.start_ns, capture.end_ns, capture.silences)
    covered = verdict.covered or plural(capture.frames, "frame")
    yield f"\nRead: {plain(_short(covered))}, {plain(lasted)}. Made by wiretale {__version__}.\n"


def plain_name(path: str) -> str:
    return terminal_text(path.rsplit("/", 1)[-1] or path)


def _causes(analysis: Analysis) -> Iterator[str]:
    """At most three lines for each: what, what to do, what it explains. No line begins with words of a packet."""
    for place, cause in enumerate(analysis.verdict.causes, 1):
        finding = of_cause(analysis, cause)
        one, _many = SEVERITY_COUNTS[cause.severity]
        where = f"conversation {finding.conversation}" if finding.conversation else ""
        pieces = [where, cited(finding.frames), finding.confidence, as_code(terminal_text(finding.code))]
        said = plain(_short(f"{finding.sentence} {cause.more}".rstrip()))
        yield f"{place}. **{one}**: {said} ({', '.join([piece for piece in pieces if piece])})\n"
        if analysis.verdict.kind == Verdict.CAUSES and finding.next_step:
            yield f"   - Next: {plain(_short(finding.next_step))}\n"
        if cause.explains:
            yield f"   - {plain(_short(explained(analysis, cause)))}\n"
    if analysis.verdict.causes:
        yield "\n"


def _beside(analysis: Analysis) -> Iterator[str]:
    verdict = analysis.verdict
    above = taken(verdict)
    codes: dict[str, int] = {}
    for finding in analysis.findings:
        if finding.number not in above:
            codes[finding.code] = codes.get(finding.code, 0) + 1
    if codes:
        named = [
            as_code(terminal_text(code)) + (f" ({grouped(count)})" if count > 1 else "")
            for code, count in codes.items()
        ]
        more = f" and {plural(len(named) - CODES, 'more kind')}" if len(named) > CODES else ""
        yield f"Also found: {', '.join(named[:CODES])}{more}."
    totals = together(analysis)
    if totals and length_of(totals):
        dearest = sorted(totals, key=lambda one: -one[1])[:SPENT]
        yield f"Time: {', '.join([f'{plain(cause.word)} {duration(ns)}' for cause, ns in dearest])}."
    if verdict.known:
        yield f"Compared: {plain(_short(verdict.known))}"
    doubted = [*verdict.doubts, *doubts(analysis.capture), *analysis.left_out]
    for text in doubted[:DOUBTS]:
        yield f"But: {plain(_short(text))}"
    if len(doubted) > DOUBTS:
        yield f"… and {plural(len(doubted) - DOUBTS, 'more remark')} about what was read."


def _short(text: str) -> str:
    return text if len(text) <= SENTENCE else text[:SENTENCE - 1].rstrip() + "…"
