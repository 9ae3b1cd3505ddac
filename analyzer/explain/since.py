"""What an earlier report had already, so that only what is new is told.

A finding is known where an earlier one of its code, no milder, was about the same: the same service, by its name or its
address, and the same name or request where both say which. Frames, times, numbers of conversations and clients differ
from capture to capture and are not compared.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.verdict import judge
from analyzer.faults import Faults
from analyzer.finding import Concern
from analyzer.model import SEVERITIES, Analysis, Finding
from dissectors.kit.event import JsonValue
from dissectors.kit.units import plural

HANDED_OUT: Final = 32_768     # from this port on a system hands them out (Linux), so the next run has another


# -- what an earlier report had -----------------------------------------------------------------------------------


class UnusableReport(Exception):
    """Says in a sentence why nothing can be compared with it."""


class Earlier:
    """The findings of an earlier report. name: of its file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._had: dict[str, list[tuple[int, Concern | None]]] = {}

    def add(self, code: str, severity: str, concerns: list[Concern]) -> None:
        of = self._had.setdefault(code, [])
        weight = SEVERITIES.index(severity)
        of.extend([(weight, one) for one in concerns] or [(weight, None)])

    def had(self, finding: Finding) -> bool:
        """Whether all that it is about was in the earlier report under the same code, and no milder."""
        rows = [
            one for weight, one in self._had.get(finding.code, ()) if weight >= SEVERITIES.index(finding.severity)
        ]
        if not finding.concerns:
            return None in rows
        return all(
            any(other is not None and _same(one, other) for other in rows) for one in finding.concerns
        )


def _same(one: Concern, other: Concern) -> bool:
    if one.what and other.what and one.what != other.what:
        return False
    named = bool(one.name) and one.name == other.name
    if not named and one.address != other.address:
        return False
    return one.port == other.port or min(one.port, other.port) >= HANDED_OUT


def earlier_of(report: JsonValue, name: str) -> Earlier:
    """The findings of a JSON report of ours, decoded. Raises UnusableReport."""
    about = report.get("wiretale") if isinstance(report, dict) else None
    findings = report.get("findings") if isinstance(report, dict) else None
    if not isinstance(about, dict) or not isinstance(findings, list):
        raise UnusableReport("it is no JSON report of wiretale; `wiretale report CAPTURE -o FILE.json` writes one")
    if about.get("anonymized"):
        raise UnusableReport("it is anonymized, so nothing can be found again by its addresses; write it without that")
    if about.get("since"):
        raise UnusableReport(
            f"it was itself written with --since {about['since']}, so it lacks what that one had; write it without that"
        )
    made = Earlier(name)
    for one in findings:
        if not isinstance(one, dict) or not isinstance(one.get("concerns"), list):
            raise UnusableReport("it does not say whom its findings are about: write it again with this version")
        code, severity, concerns = one.get("code"), one.get("severity"), one["concerns"]
        if not isinstance(code, str) or severity not in SEVERITIES or not isinstance(concerns, list):
            raise UnusableReport("a finding in it has no code, or no severity that is known")
        made.add(code, str(severity), [_read(each) for each in concerns])
    return made


def _read(record: JsonValue) -> Concern:
    if isinstance(record, dict):
        address, port, name, what = (record.get(key) for key in ("address", "port", "name", "what"))
        if isinstance(address, str) and isinstance(port, int) and isinstance(name, str) and isinstance(what, str):
            return Concern(address, port, name, what)
    raise UnusableReport("a finding in it does not say rightly whom it is about")


# -- only what is new ---------------------------------------------------------------------------------------------


def leave_out(analysis: Analysis, earlier: Earlier, faults: Faults | None = None) -> None:
    """Keep the findings that the earlier report did not have, and judge by them. The verdict says what is gone."""
    analysis.since = earlier.name
    known = {finding.number: finding for finding in analysis.findings if earlier.had(finding)}
    before = analysis.verdict
    if not known:
        return
    analysis.findings = [finding for finding in analysis.findings if finding.number not in known]
    for finding in analysis.findings:
        codes = list(dict.fromkeys([known[number].code for number in finding.explained_by if number in known]))
        if codes:
            finding.sentence += f" It follows from {' and '.join(codes)}, which the earlier report has."
    judge(analysis, faults)
    verdict = analysis.verdict
    counts = [
        plural(count, one, many) for severity, one, many in _COUNTED
        if (count := sum([finding.severity == severity for finding in known.values()]))
    ]
    verdict.known = (
        f"Left out: {plural(len(known), 'finding')} that the earlier report has as well ({', '.join(counts)})."
    )
    if verdict.kind == verdict.CLEAN and before.kind == verdict.CAUSES:
        verdict.sentence = f"Nothing went wrong that the earlier report does not have ({verdict.covered})."


_COUNTED: Final = (
    ("error", "error", "errors"), ("warn", "warning", "warnings"), ("note", "note", "notes"),
    ("chat", "remark", "remarks"),
)
