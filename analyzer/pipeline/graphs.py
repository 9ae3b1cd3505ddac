"""What a page shows beside the story: the bytes of cited frames."""
from __future__ import annotations

from typing import Final

from analyzer.flows.flow import RECORD, Flow
from analyzer.ingest.source import Source
from analyzer.model import Analysis

MAX_SHOWN_FRAMES: Final = 4_000     # whose bytes are kept, those of the first statements
MAX_SHOWN_OCTETS: Final = 2_048     # of one frame


def keep_octets(analysis: Analysis, source: Source, flows: list[Flow], at_places: bool) -> None:
    """Keep the first bytes of the frames that the story cites.

    at_places: each frame of these flows is where its record says; otherwise the capture is walked once more.
    """
    wanted = _cited(analysis)
    if not at_places:
        again = source.reopen()
        last = max(wanted, default=0)
        while again.number < last and again.next():
            if int(again.number) in wanted:
                data = again.data[again.start:min(again.end, again.start + MAX_SHOWN_OCTETS)]
                analysis.octets[int(again.number)] = (data, int(again.end - again.start) - len(data))
        again.close()
        return
    for flow in flows:
        records = flow.records
        for index in range(0, len(records), RECORD):
            number = int(records[index])
            if number in wanted:
                captured = int(records[index + 4]) & 0xFFFFFFFF
                data = source.read_at(int(records[index + 3]), min(captured, MAX_SHOWN_OCTETS))
                analysis.octets[number] = (data, captured - len(data))


def _cited(analysis: Analysis) -> set[int]:
    """The frames of the first statements, as many as are kept."""
    wanted: set[int] = set()
    for told in analysis.told:
        for phase in told.phases:
            for event in phase.events:
                if len(wanted) >= MAX_SHOWN_FRAMES:
                    analysis.left_out.append(f"the bytes of frames beyond the first {MAX_SHOWN_FRAMES} that are cited")
                    return wanted
                wanted.update(event.evidence.frames[-8:])
    return wanted
