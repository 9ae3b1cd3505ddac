"""What holds for every event, whatever bytes it came from."""
from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dissectors.kit.captured import ABOUT_THE_CAPTURE
from dissectors.kit.event import (
    BACKWARD,
    FORWARD,
    NEITHER,
    DissectorFault,
    Event,
    JsonValue,
    LimitReached,
    Malformed,
    OtherProtocol,
)
from dissectors.kit.protocol import Protocol

DEADLINE_SECONDS = 20
COMMON = (Malformed, OtherProtocol, LimitReached, *ABOUT_THE_CAPTURE)

Signature = tuple[str, int, str]


class TookTooLong(Exception):
    """A dissector did not come back."""


@contextmanager
def deadline(what: str, seconds: int = DEADLINE_SECONDS) -> Iterator[None]:
    """Ends what hangs, so that the report can say which bytes it hung on."""
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong(f"{what}: no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_events(events: list[Event], last_frame: int, declared: tuple[type[Event], ...], what: str) -> None:
    """Every event is true to the contract; none is a fault."""
    for event in events:
        said = f"{what}: {event.name} {event.evidence.frames}"
        assert not isinstance(event, DissectorFault), f"{said}: {event.error}"
        assert isinstance(event, (*declared, *COMMON)), f"{said}: not among the events that its protocol declares"
        assert event.direction in (FORWARD, BACKWARD, NEITHER), said
        frames = event.evidence.frames
        assert frames, f"{said}: no frames prove it"
        assert list(frames) == sorted(set(frames)), f"{said}: frames are not ascending"
        assert frames[0] > 0, said
        assert frames[-1] <= last_frame, f"{said}: proven by a frame that has not been seen yet ({last_frame})"
        start, end = event.evidence.start, event.evidence.end
        assert start == end == -1 or 0 <= start <= end, f"{said}: bytes {start} to {end}"
        sentence = event.what()
        assert sentence.strip(), said
        assert sentence == sentence.strip(), f"{said}: {sentence!r}"
        assert isinstance(event.label(), str), said
        assert isinstance(event.detail(), str), said
        json.dumps(event.fields(), allow_nan=False)
        json.dumps(event.frame_record(), allow_nan=False)


def declared_by(protocols: tuple[Protocol, ...]) -> tuple[type[Event], ...]:
    return tuple(kind for protocol in protocols for kind in protocol.events)


def signature(event: Event) -> Signature:
    """What an event says, without when it says it and which frames it came in."""
    return event.name, event.direction, json.dumps(_timeless(event.fields()), sort_keys=True)


def _timeless(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if not key.endswith("_ns") and "frame" not in key}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
