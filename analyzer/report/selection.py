"""Which events a level tells; the same for every format."""
from __future__ import annotations

from typing import Final

from analyzer.model import Phase
from analyzer.report.words import BRIEF, TEACH
from dissectors.kit.event import (
    CORE,
    EXTRA,
    SUMMED,
    TOLD,
    DissectorFault,
    Event,
    LimitReached,
    Malformed,
    OtherProtocol,
)

ALARMING: Final = (Malformed, OtherProtocol, LimitReached, DissectorFault)


def is_told(event: Event, level: str) -> bool:
    """Whether this level tells the event; what is broken is told at every level."""
    if level == TEACH or isinstance(event, ALARMING):
        return True
    return level != BRIEF and event.importance != EXTRA


def chosen(phase: Phase, level: str) -> list[Event]:
    """The events that this level tells."""
    return [event for event in phase.events if is_told(event, level)]


def is_summed(event: Event) -> bool:
    """Whether the line of its phase, or of an event that sums it up, is enough."""
    return event.normally == SUMMED and not isinstance(event, ALARMING)


def has_sentence(event: Event) -> bool:
    """Whether it takes a sentence: because something out of the ordinary happened, or because it says little else."""
    return isinstance(event, ALARMING) or event.normally == TOLD or (event.importance == CORE and not event.normally)
