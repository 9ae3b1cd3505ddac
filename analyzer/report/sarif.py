"""Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), for what shows and tracks results in CI.

A capture is no source text: a result names the capture as its artifact, and its conversation and frames as logical
locations, since frames have numbers and no lines.
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from analyzer import __version__
from analyzer.finding import FindingKind
from analyzer.model import Analysis, Conversation, Finding
from analyzer.report.escape import terminal_text
from analyzer.report.terminal import doubts
from dissectors.kit.event import JsonValue

VERSION: Final = "2.1.0"
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# SARIF §3.27.10; what is only worth knowing has no level, and says so by its kind (§3.27.9).
LEVELS: Final = {"error": "error", "warn": "warning", "note": "note", "chat": "none"}
FINGERPRINT: Final = "wiretale/v1"
Record = dict[str, JsonValue]


def sarif(analysis: Analysis, kinds: Sequence[FindingKind]) -> Iterator[str]:
    """One log with one run. kinds: the table of all findings, which become the rules."""
    places = {kind.code: place for place, kind in enumerate(kinds)}
    known = {one.number: one for one in [told.conversation for told in analysis.every()] + analysis.conversations}
    artifacts: list[JsonValue] = [
        {"location": {"uri": _uri(name)}, "roles": ["analysisTarget"]} for name in analysis.capture.names
    ]
    run: Record = {
        "tool": {"driver": {
            "name": "wiretale", "version": __version__, "semanticVersion": __version__,
            "rules": [_rule(kind) for kind in kinds],
        }},
        "invocations": [_invocation(analysis)],
        "artifacts": artifacts,
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, analysis, known.get(one.conversation), places) for one in analysis.findings],
        "properties": {"verdict": analysis.verdict.kind, "covered": analysis.verdict.covered},
    }
    log: Record = {"$schema": SCHEMA, "version": VERSION, "runs": [run]}
    yield json.dumps(log, ensure_ascii=True, indent=1) + "\n"


def message_text(text: str) -> str:
    """`text` as a message: no link and no placeholder of SARIF comes out of a packet (§3.11.5, §3.11.6)."""
    text = terminal_text(text).replace("{", "{{").replace("}", "}}")
    return text.replace("[", "\\[").replace("]", "\\]")


def _rule(kind: FindingKind) -> Record:
    sections = [
        (kind.means, ""), (kind.next_step, "Next: "), (kind.refute, "Would disprove it: "),
        (kind.threshold, "Threshold: "),
    ]
    lines = [f"{label}{text}" for text, label in sections if text]
    rule: Record = {
        "id": kind.code,
        "name": "".join([word.capitalize() for word in kind.code.replace(".", "_").split("_")]),
        "shortDescription": {"text": kind.means},
        "fullDescription": {"text": " ".join(lines)},
        "help": {"text": "\n\n".join(lines)},
        "defaultConfiguration": {"level": LEVELS[kind.severity]},
        "properties": {"tags": ["network", kind.code.partition(".")[0]]},
    }
    return rule


def _invocation(analysis: Analysis) -> Record:
    """Whether all could be read, and what lowers the claims that can be made."""
    verdict = analysis.verdict
    said = [*verdict.doubts, *doubts(analysis.capture), verdict.known, *analysis.left_out]
    if verdict.kind == verdict.UNSURE:
        said.insert(0, verdict.sentence)
    return {
        "executionSuccessful": not analysis.capture.interrupted,
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": message_text(text)}} for text in said if text
        ],
    }


def _result(finding: Finding, analysis: Analysis, one: Conversation | None, places: dict[str, int]) -> Record:
    level = LEVELS[finding.severity]
    causes = {cause.finding: rank for rank, cause in enumerate(analysis.verdict.causes, 1)}
    result: Record = {"ruleId": finding.code}
    if finding.code in places:
        result["ruleIndex"] = places[finding.code]
    result.update({
        "level": level,
        "kind": "fail" if level != "none" else "informational",
        "message": {"text": message_text(finding.sentence)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": _uri(analysis.capture.names[0]), "index": 0}},
            "logicalLocations": _logical(finding, one),
        }] if analysis.capture.names else [],
        "partialFingerprints": {FINGERPRINT: _fingerprint(finding)},
    })
    if analysis.since:
        result["baselineState"] = "new"
    result["properties"] = {
        "number": finding.number, "verdict": causes.get(finding.number), "confidence": finding.confidence,
        "basis": finding.basis, "conversation": finding.conversation or None, "frames": [*finding.frames],
        "display_filter": finding.display_filter, "next_step": finding.next_step, "refute": finding.refute,
        "cost_ns": finding.cost_ns, "victims": finding.victims, "explains": [*finding.explains],
        "explained_by": [*finding.explained_by],
    }
    return result


def _logical(finding: Finding, one: Conversation | None) -> list[JsonValue]:
    """The conversation, and each frame within it."""
    where = ""
    found: list[JsonValue] = []
    if one is not None:
        where = f"conversation {one.number}"
        found.append({
            "name": where, "kind": "conversation",
            "fullyQualifiedName": terminal_text(f"{one.transport} {one.originator} ⇄ {one.responder}"),
        })
    for frame in finding.frames:
        name = f"frame {frame}"
        found.append({
            "name": name, "kind": "frame", "fullyQualifiedName": f"{where}, {name}" if where else name,
        })
    return found


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding of another capture, as far as `--since` takes them for the same."""
    about = sorted((one.name or one.address, one.port, one.what) for one in finding.concerns)
    return sha256(json.dumps([finding.code, about]).encode()).hexdigest()


def _uri(name: str) -> str:
    """The name of a capture as a reference (RFC 3986): relative, or to a file where it is absolute."""
    path = quote(name, safe="/", errors="surrogatepass")
    return f"file://{path}" if name.startswith("/") else path
