"""The points of a time-sequence graph, segment by segment.

Where there are more than a graph keeps, neighbours become one: segments that continue each other one stroke, of others
those that reach lowest and highest stay. So the graph covers the whole conversation, and no extreme is lost.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.model import Points
from dissectors.protocols.tcp.flags import FIN, SYN
from dissectors.protocols.tcp.flags import names as analysis_names
from dissectors.protocols.tcp.options import parse
from dissectors.protocols.tcp.segment import Segment

ACK_FLAG: Final = 0x10
GROUP: Final[i64] = 4       # neighbours of which two stay

Stroke = tuple[int, int, int, int, int]
Ack = tuple[int, int, int]
Trip = tuple[int, int]


def add_points(points: list[Points], segment: Segment) -> None:
    """Put one segment into the graph of its own direction, and its ACK into that of the other."""
    own, other = points[segment.direction], points[1 - segment.direction]
    ends = bool(segment.flags & (SYN | FIN))
    if segment.length or ends:
        start = segment.relative_seq
        kind = Points.ENDS if ends and not segment.length else Points.DATA
        if segment.analysis and any("retransmission" in name for name in analysis_names(segment.analysis)):
            kind = Points.RESENT
            own.resent += 1
        own.segments.append((segment.time, start, start + segment.length + ends, kind, segment.frame))
        if len(own.segments) >= own.most:
            kept = fewer_strokes(own.segments)
            own.left_out += len(own.segments) - len(kept)
            own.segments = kept
    if not segment.flags & ACK_FLAG:
        return
    allowed = segment.relative_ack + segment.window_bytes if segment.scale_known else -1
    other.acks.append((segment.time, segment.relative_ack, allowed))
    if len(other.acks) >= other.most:
        other.acks = fewer_acks(other.acks)
    if segment.ack_rtt_ns > 0:
        other.trips.append((segment.time, segment.ack_rtt_ns))
        if len(other.trips) >= other.most:
            other.trips = fewer_trips(other.trips)
    if len(segment.options) >= 10:
        base = (segment.ack - segment.relative_ack) & 0xFFFFFFFF
        for left, right in parse(segment.options).sack:
            other.sacks.append((segment.time, (left - base) & 0xFFFFFFFF, (right - base) & 0xFFFFFFFF))
        if len(other.sacks) >= other.most:
            other.sacks = [
                (time, left, right) for time, left, right, _kind, _frame in fewer_strokes(
                    [(time, left, right, Points.DATA, 0) for time, left, right in other.sacks]
                )
            ]


def fewer_strokes(rows: list[Stroke]) -> list[Stroke]:
    """At most about half of these strokes, by time."""
    out: list[Stroke] = []
    waiting: dict[int, list[Stroke]] = {}
    for row in rows:
        group = waiting.setdefault(row[3], [])
        group.append(row)
        if len(group) == GROUP:
            out += _joined(group)
            waiting[row[3]] = []
    for group in waiting.values():
        out += group
    out.sort()
    return out


def _joined(group: list[Stroke]) -> list[Stroke]:
    """Two strokes at most: what touches is one, at the time of its last part, when all of it was sent."""
    out = [group[0]]
    for row in group[1:]:
        last = out[len(out) - 1]
        if row[1] <= last[2] and last[1] <= row[2]:
            out[len(out) - 1] = (row[0], min(last[1], row[1]), max(last[2], row[2]), row[3], row[4])
        else:
            out.append(row)
    if len(out) <= 2:
        return out
    low, high = out[0], out[0]
    for row in out[1:]:
        if row[1] < low[1]:
            low = row
        if row[2] > high[2]:
            high = row
    return [low] if low is high else [low, high]


def fewer_acks(rows: list[Ack]) -> list[Ack]:
    """Half of these ACKs: of neighbours the one with the smallest window and the one with the largest."""
    return [rows[at] for at in _extremes([allowed - acked for _time, acked, allowed in rows])]


def fewer_trips(rows: list[Trip]) -> list[Trip]:
    """Half of these round trips: of neighbours the shortest and the longest."""
    return [rows[at] for at in _extremes([taken for _time, taken in rows])]


def _extremes(numbers: list[int]) -> list[int]:
    """Places of the smallest and the largest of each GROUP neighbours, ascending."""
    out: list[int] = []
    for at in range(0, len(numbers), GROUP):
        group = numbers[at:at + GROUP]
        least, most = 0, len(group) - 1
        for index in range(len(group)):
            if group[index] < group[least]:
                least = index
            if group[index] > group[most]:
                most = index
        out += [at + index for index in sorted({least, most})]
    return out
