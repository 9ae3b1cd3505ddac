"""What is claimed of a capture, and which claims the same traffic, observed better, does not support.

A claim is a finding. One of severity warn or error may only be made where the better observation makes it too: of the
same conversation, of many of which it is one, or of the capture as a whole. What `capture.` begins is about the
observation and is free. In the ways of SAME nothing may come or go, neither a finding of any severity nor what an
event says; free is what speaks of the end of the capture, of the VLAN tag, or of how old a certificate is, each in
the one way that changes it.
"""
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis, Conversation, Finding
from analyzer.pipeline.run import Options, analyze
from dissectors.wire.secrets.gate import Said

SEVERE = ("warn", "error")
ABOUT_THE_CAPTURE = "capture."
FAULT = "fault"                    # the code of a claim where there is no analysis, or one with a fault of ours
EVENT = "event:"                   # what stands before the name of an event, as the code of a claim
# What each way of SAME changes for good.
CHANGED = {
    "merged": re.compile(r"capture end|end of the capture|in this capture|is not over|No end seen"),
    "shifted": re.compile(r"(?!)"),
    "tagged": re.compile(r"VLAN"),
}
AGE = re.compile(r"\d+ days?(?: \d+ h)?")      # of a certificate; it grows in `shifted`


class Wrong(NamedTuple):
    """A claim that is not supported. code: of the finding, or `event:` and the name of an event."""

    code: str
    text: str


class Told:
    """An analysis as it is compared.

    found: findings by code and the ends of their conversation, "" where they concern the capture.
    shared: codes and ends of conversations for which such a finding stands too.
    said: how often each event (ends, name, label, detail and text) is told.
    ends: of all conversations.
    """

    def __init__(self, analysis: Analysis) -> None:
        ends = {told.conversation.number: ends_of(told.conversation) for told in analysis.told}
        self.ends = set(ends.values())
        self.found: dict[tuple[str, str], list[Finding]] = {}
        for finding in analysis.findings:
            self.found.setdefault((finding.code, ends.get(finding.conversation, "")), []).append(finding)
        self.shared = {
            (code, ends[told.conversation.number])
            for told in analysis.told for code in told.troubles if (code, "") in self.found
        }
        self.shared |= {
            (finding.code, ends[number])
            for finding in analysis.findings for number in finding.members if number in ends
        }
        self.codes = {code for code, _ends in self.found}
        self.said = Counter[tuple[str, str, str]]()
        for told in analysis.told:
            for event in [event for phase in told.phases for event in phase.events]:
                said = Said(event)
                text = f"{said.label()} | {said.detail()} | {said.what()}"
                self.said[ends[told.conversation.number], event.name, text] += 1
        self.faults = [text for text in analysis.capture.damage if "fault of wiretale" in text]
        self.faults += [text for _ends, name, text in self.said if name == "dissector_fault"]


def ends_of(conversation: Conversation) -> str:
    """What a conversation is recognised by, whoever is taken for its originator."""
    return " ".join((conversation.transport, *sorted((str(conversation.originator), str(conversation.responder)))))


def told(path: Path) -> Told:
    """Every conversation, as `wiretale report --all` tells it. Raises CaptureError."""
    return Told(analyze([str(path)], Options(everything=True)))


def false_claims(way: str, same: bool, better: Told, path: Path) -> list[Wrong]:
    """What is claimed of this capture without support by the better observation."""
    try:
        worse = told(path)
    except CaptureError as error:
        return [Wrong(FAULT, str(error))]
    faults = [Wrong(FAULT, text) for text in worse.faults]
    return faults + (changed(way, better, worse) if same else unsupported(better, worse))


def unsupported(better: Told, worse: Told) -> list[Wrong]:
    return [
        Wrong(code, shown(finding)) for (code, ends), findings in worse.found.items() for finding in findings
        if finding.severity in SEVERE and not code.startswith(ABOUT_THE_CAPTURE)
        and (code, ends) not in better.found and (code, ends) not in better.shared
        and (ends or code not in better.codes)
    ]


def changed(way: str, better: Told, worse: Told) -> list[Wrong]:
    """Findings and events that came or went. What another capture adds, in `merged`, is not looked at."""
    ours = better.ends if way == "merged" else {"", *better.ends, *worse.ends}
    free, wrong = CHANGED[way], list[Wrong]()
    for one, other, word in ((worse, better, "only now: "), (better, worse, "no more: ")):
        for (code, ends), findings in one.found.items():
            if ends in ours and not code.startswith(ABOUT_THE_CAPTURE) and (code, ends) not in other.found:
                wrong += [Wrong(code, word + shown(each)) for each in findings if not free.search(each.sentence)]
    before, after = lasting(way, better, ours), lasting(way, worse, ours)
    wrong += [Wrong(EVENT + name, f"no more: {text}") for _ends, name, text in before - after]
    wrong += [Wrong(EVENT + name, f"instead: {text}") for _ends, name, text in after - before]
    return wrong


def lasting(way: str, one: Told, ours: set[str]) -> Counter[tuple[str, str, str]]:
    """What is said of these conversations that this way may not change."""
    said = Counter[tuple[str, str, str]]()
    for (ends, name, text), times in one.said.items():
        if ends in ours and not CHANGED[way].search(text):
            said[ends, name, AGE.sub("an age", text) if way == "shifted" else text] += times
    return said


def shown(finding: Finding) -> str:
    return f"{finding.severity} {finding.confidence} {finding.code}: {finding.sentence}"
