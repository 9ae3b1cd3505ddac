"""Which events a level tells; the same for every format."""
from __future__ import annotations

from typing import Final

from analyzer.model import Phase
from analyzer.report.words import BRIEF, TEACH
from dissectors.kit.event import EXTRA, DissectorFault, Event, LimitReached, Malformed, OtherProtocol

ALARMING: Final = (Malformed, OtherProtocol, LimitReached, DissectorFault)


def is_told(event: Event, level: str) -> bool:
    """Whether this level tells the event; what is broken is told at every level."""
    if level == TEACH or isinstance(event, ALARMING):
        return True
    return level != BRIEF and event.importance != EXTRA


def chosen(phase: Phase, level: str) -> list[Event]:
    """The events that this level tells."""
    return [event for event in phase.events if is_told(event, level)]
