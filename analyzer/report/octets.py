"""The bytes of frames as they may be shown: where a statement is redacted, so are the bytes that it rests on.

What was redacted is known from the events alone, so the bytes are hidden by the range of such an event, in the other
frames that it cites from the transport payload on, and wherever else the same bytes lie (a retransmission).
"""
from __future__ import annotations

import json
from typing import Final

from analyzer.model import Analysis
from dissectors.kit.event import Event, JsonValue

REDACTED: Final = "redacted"  # stands in every text in which something is
HIDDEN: Final = "··"          # in place of two hexadecimal digits
HEADERS: Final = 40           # octets at the start of a frame that hold no payload: IPv4 and TCP at their shortest
LEAST: Final = 16             # octets of a hidden stretch that are looked for elsewhere

Ranges = dict[int, list[tuple[int, int]]]


def shown_octets(analysis: Analysis, redacted: bool) -> dict[str, JsonValue]:
    """By frame number: `hex`, two characters an octet, and `more`, how many octets are not there.

    redacted: some event is, so that it has to be seen which.
    """
    hidden = _hidden(analysis) if redacted else {}
    return {
        str(number): {"hex": _hex(data, hidden.get(number, [])), "more": more}
        for number, (data, more) in sorted(analysis.octets.items())
    }


def _hex(data: bytes, ranges: list[tuple[int, int]]) -> str:
    text = data.hex()
    for start, end in ranges:
        text = text[:2 * start] + HIDDEN * (min(end, len(data)) - start) + text[2 * end:]
    return text


def _hidden(analysis: Analysis) -> Ranges:
    """What is not shown of each frame, as ranges of its octets."""
    found: Ranges = {}
    for told in analysis.told:
        for phase in told.phases:
            for event in phase.events:
                if event.evidence.frames and _redacted(event):
                    _hide(event, analysis.octets, found)
    _hide_repeated(analysis.octets, found)
    return found


def _hide_repeated(octets: dict[int, tuple[bytes, int]], found: Ranges) -> None:
    """Hide what is hidden once wherever else it lies whole."""
    heads: dict[bytes, set[bytes]] = {}
    for number, ranges in found.items():
        data = octets.get(number, (b"", 0))[0]
        for start, end in ranges:
            if len(data[start:end]) >= LEAST:
                heads.setdefault(data[start:start + LEAST], set()).add(data[start:end])
    if not heads:
        return
    for number, (data, _more) in octets.items():
        for at in range(len(data) - LEAST + 1):
            for stretch in heads.get(data[at:at + LEAST], ()):
                if data.startswith(stretch, at):
                    found.setdefault(number, []).append((at, at + len(stretch)))


def _redacted(event: Event) -> bool:
    return REDACTED in event.what() or REDACTED in event.detail() or REDACTED in json.dumps(
        event.fields(), ensure_ascii=False
    )


def _hide(event: Event, octets: dict[int, tuple[bytes, int]], found: Ranges) -> None:
    evidence = event.evidence
    for frame in evidence.frames:
        size = len(octets.get(frame, (b"", 0))[0])
        last = frame == evidence.frames[-1] and evidence.start >= 0
        start, end = (evidence.start, evidence.end) if last else (min(HEADERS, size), size)
        if start < end:
            found.setdefault(frame, []).append((start, end))
