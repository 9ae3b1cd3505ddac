"""Numbers that the frames cannot hold: a duration longer than the capture, a negative one, one of nothing, a size
beyond what a line can carry. Each is a fault of ours, found here in one place, whatever event or finding says it.

Every finding is looked at wherever it is made. Looking at every event as well takes a few per cent of an analysis, so
that is done where `thorough` is set: in all tests.
"""
from __future__ import annotations

import re
from typing import Final

from analyzer.faults import Faults
from analyzer.model import Analysis, Finding, Told
from dissectors.kit.event import Event, JsonValue
from dissectors.wire.secrets.gate import Said

# What peers tell of themselves, which nothing in the capture bounds, and by how much a clock was set.
UNBOUND: Final = frozenset({"deadline_ns", "by_ns"})
LASTED: Final = "lasted_ns"              # of what happened within its conversation, so not longer than that
SIZES: Final = frozenset({"octets", "length", "resent_octets", "unacknowledged"})
# Octets in a nanosecond on the fastest line that there is (IEEE 802.3df: 800 Gbit/s), and what may pass at once.
FASTEST: Final = 100
AT_ONCE: Final = 1 << 30                 # the largest window (RFC 7323 §2.3)
IMPOSSIBLE: Final = re.compile(r"(?<![\w.])(-\d[\d.]* (?:ns|µs|ms|s|min|h|days?)|0 ns|-\d+ bytes?)\b")


thorough = False


class Impossible(ValueError):
    """A number that cannot be."""


def check(analysis: Analysis, faults: Faults) -> None:
    """Note what cannot be. A finding that says it is taken out."""
    steady = events(analysis, faults) if analysis.sums is None else analysis.sums.steady
    if steady:
        analysis.findings = [finding for finding in analysis.findings if _sound(finding, faults)]


def events(analysis: Analysis, faults: Faults) -> bool:
    """Note what cannot be of events, where that is wanted. False where the clock was set back: what happened before
    what is not known from the times."""
    steady = True
    for told in analysis.told:
        if told.observed.backwards:
            steady = False
        elif thorough:
            for phase in told.phases:
                for event in phase.events:
                    _event(event, told, analysis, faults)
    return steady


def _event(event: Event, told: Told, analysis: Analysis, faults: Faults) -> None:
    said = Said(event)
    for key, value in said.fields().items():
        if not isinstance(value, int) or value in (0, -1):
            continue            # -1 stands for what is not known
        if _wrong(key, value, told, analysis):
            frame = event.evidence.frames[-1] if event.evidence.frames else 0
            faults.note(frame, "a number", Impossible(f"{event.name}: {key} = {value}"))
    if event.name.startswith("tcp."):       # what other events say may quote the capture
        found = IMPOSSIBLE.search(said.what())
        if found is not None:
            faults.note(event.evidence.frames[-1], "a sentence", Impossible(f"{event.name} says {found.group()}"))


def _wrong(key: str, value: JsonValue, told: Told, analysis: Analysis) -> bool:
    assert isinstance(value, int)
    capture, conversation = analysis.capture, told.conversation
    if key.endswith("_ns") and key not in UNBOUND:
        if 0 < capture.start_ns <= value <= capture.end_ns:
            return False        # a time, and no duration
        most = conversation.end_ns - conversation.start_ns if key == LASTED else capture.end_ns - capture.start_ns
        return not 0 <= value <= most
    if key in SIZES and conversation.transport == "tcp":
        return not 0 <= value <= AT_ONCE + FASTEST * (conversation.end_ns - conversation.start_ns)
    return False


def _sound(finding: Finding, faults: Faults) -> bool:
    found = IMPOSSIBLE.search(finding.sentence)
    if found is None:
        return True
    frame = finding.frames[-1] if finding.frames else 0
    faults.note(frame, f"a finding ({finding.code})", Impossible(f"it says {found.group()}"))
    return False
