"""What the page's player moves: of each conversation the moments of its senders' windows, its packets, how its streams
filled, and what of it could not be seen. Times count from the start of the conversation.
"""
from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter, sub
from typing import Final

from analyzer.graph import MAX_DATAGRAMS
from analyzer.model import Told
from analyzer.report.courses import SIDES
from analyzer.report.terminal_window import seen_where
from dissectors.kit.course import Moment, SenderView
from dissectors.kit.event import JsonValue
from dissectors.kit.filling import MAX_STREAMS
from dissectors.kit.observation import ALWAYS
from dissectors.kit.units import grouped, plural

MOMENT_FIELDS: Final = ("time", "frame", "acked", "sent", "allowed")


def play_record(told: Told) -> dict[str, JsonValue]:
    """Columns hold how far each number is from the one before it."""
    start = told.conversation.start_ns
    return {
        "views": {SIDES[view.direction]: _view(view, start) for view in told.views if view.moments},
        "growth": {
            SIDES[side]: [[max(since - start, -1), until - start, phase] for since, until, phase in course.growth]
            for side, course in enumerate(told.courses) if course.growth
        },
        "datagrams": {
            SIDES[side]: columns(sent, start) for side, sent in enumerate(told.datagrams) if sent
        },
        "streams": _streams(told, start),
        "called": _called(told),
        "unseen": _unseen(told, start),
        "left_out": _left_out(told),
    }


def _left_out(told: Told) -> list[JsonValue]:
    """What caps left out, in words."""
    found: list[JsonValue] = []
    if told.filling is not None and told.filling.untold:
        found.append(f"pieces of streams beyond the first {MAX_STREAMS} directions: {grouped(told.filling.untold)}")
    for sent in told.datagrams:
        if len(sent) >= MAX_DATAGRAMS:
            found.append(f"packets of one direction beyond the first {grouped(len(sent))}")
    if any(points.left_out for points in told.points):
        merged = sum([points.left_out for points in told.points])
        found.append(f"{plural(merged, 'segment')} drawn with their neighbours")
    return found


def _view(view: SenderView, start: int) -> dict[str, JsonValue]:
    """counts: how many moments of each kind there were, of which not all need be here."""
    kinds = [*view.kinds]
    rows = [tuple([getattr(moment, name) for name in MOMENT_FIELDS]) for moment in view.moments]
    said: list[JsonValue] = [_said(kinds, moment) for moment in view.moments]
    return {
        "sender": view.sender, "where": seen_where(view), "kinds": list[JsonValue](kinds),
        "counts": dict[str, JsonValue](view.kinds), "moments": columns(rows, start), "said": said,
    }


def _said(kinds: list[str], moment: Moment) -> JsonValue:
    """The number of its kind, and what is said beside that."""
    return [kinds.index(moment.kind), moment.text]


def _streams(told: Told, start: int) -> dict[str, JsonValue]:
    """By direction and number of the stream: when each piece came, how long it had to wait, octets, frame."""
    if told.filling is None:
        return {}
    found: dict[str, JsonValue] = {}
    for side, name in enumerate(SIDES):
        of_side: dict[str, JsonValue] = {
            str(stream): columns([(came, handed - came, total, frame) for came, handed, total, frame in pieces], start)
            for (stream, direction), pieces in sorted(told.filling.pieces.items()) if direction == side
        }
        if of_side:
            found[name] = of_side
    return found


def _called(told: Told) -> dict[str, JsonValue]:
    """The numbers of exchanges by those of their streams, where these differ."""
    filling = told.filling
    return {} if filling is None else {str(stream): number for stream, number in filling.called.items()}


def _unseen(told: Told, start: int) -> dict[str, JsonValue]:
    """Of each direction: why, from when and until when it could not be seen; null for before the first or after the
    last frame."""
    return {
        SIDES[side]: [
            [spot.why, spot.since - start if spot.since >= 0 else None,
             spot.until - start if spot.until < ALWAYS else None, spot.kind]
            for spot in spots
        ] for side, spots in enumerate(told.observed.spots) if spots
    }


def columns(rows: Sequence[tuple[int, ...]], start: int) -> list[JsonValue]:
    """Rows whose first number is a time, as columns of steps, the times counted from `start`; none without rows."""
    width = len(rows[0]) if rows else 0
    return [steps([*map(itemgetter(at), rows)], 0 if at else start) for at in range(width)]


def steps(numbers: Sequence[int], start: int = 0) -> list[JsonValue]:
    """How far each number is from the one before it, and the first one from `start`: a quarter of the size, packed."""
    return [*map(sub, numbers, (start, *numbers))]
