"""What is told, as comments on the packets of a capture."""
from __future__ import annotations

from typing import Final

from analyzer.model import Analysis
from analyzer.report.escape import terminal_text
from analyzer.report.selection import chosen
from analyzer.report.words import of_cause
from dissectors.kit.units import plural
from dissectors.wire.secrets.gate import Said

LEAD: Final = "wiretale: "           # begins every comment of ours, so that they can be told from others
MAX_COMMENTS: Final = 8              # on one packet; the last of them says how many more there are


def comment(words: str) -> str:
    """As it is written: it says whose it is, and holds no controls."""
    return LEAD + terminal_text(words)


def packet_comments(analysis: Analysis, level: str) -> dict[int, list[str]]:
    """What is told of each frame: the events that it completes, and the findings that begin with it."""
    found: dict[int, list[str]] = {}
    for finding in analysis.findings:
        if finding.frames:
            found.setdefault(finding.frames[0], []).append(f"{finding.severity}: {finding.sentence} [{finding.code}]")
    for told in analysis.told:
        for phase in told.phases:
            for event in chosen(phase, level):
                if event.evidence.frames:
                    told_of = Said(event)
                    said = " ".join(part for part in (told_of.label(), told_of.detail()) if part)
                    spec = f" ({event.spec})" if event.spec else ""
                    text = f"{said + ': ' if said else ''}{told_of.what()}{spec}"
                    found.setdefault(event.evidence.frames[-1], []).append(text)
    for texts in found.values():
        if len(texts) > MAX_COMMENTS:
            rest = len(texts) - MAX_COMMENTS + 1
            texts[MAX_COMMENTS - 1:] = [f"{plural(rest, 'more statement')} about this frame"]
    return found


def summary_of(analysis: Analysis) -> list[str]:
    """The comment on the section: the verdict, what the capture holds, then the findings."""
    capture, verdict = analysis.capture, analysis.verdict
    lines = [f"verdict: {said}" for said in (verdict.sentence, verdict.known) if said]
    for cause in verdict.causes:
        finding = of_cause(analysis, cause)
        said = f"{finding.sentence} {cause.more}".rstrip()
        lines.append(f"verdict: {cause.severity}: {said} [{finding.code}]")
    above = {cause.finding for cause in verdict.causes}
    lines += [f"{plural(capture.frames, 'frame')}, {plural(capture.conversations, 'conversation')}"]
    if capture.seen_from:
        lines.append(f"seen from {capture.seen_from}")
    lines += [
        f"{finding.severity}: {finding.sentence} [{finding.code}]" for finding in analysis.findings
        if finding.number not in above
    ]
    return lines[:MAX_COMMENTS * 4]
