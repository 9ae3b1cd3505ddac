"""Which events a level tells; the same for every format."""
from __future__ import annotations

from typing import Final

from analyzer.model import Phase
from analyzer.report.words import BRIEF, TEACH
from dissectors.kit.event import EXTRA, DissectorFault, Event, LimitReached, Malformed

ALARMING: Final = (Malformed, LimitReached, DissectorFault)


def chosen(phase: Phase, level: str) -> list[Event]:
    """The events that this level tells; what is broken is told at every level."""
    if level == BRIEF:
        return [event for event in phase.events if isinstance(event, ALARMING)]
    if level == TEACH:
        return phase.events
    return [event for event in phase.events if event.importance != EXTRA]
