"""The points of a time-sequence graph, segment by segment."""
from __future__ import annotations

from typing import Final

from analyzer.model import Points
from dissectors.protocols.tcp.flags import FIN, SYN
from dissectors.protocols.tcp.flags import names as analysis_names
from dissectors.protocols.tcp.options import parse
from dissectors.protocols.tcp.segment import Segment

ACK_FLAG: Final = 0x10


def add_points(points: list[Points], segment: Segment) -> None:
    """Put one segment into the graph of its own direction, and its ACK into that of the other."""
    own, other = points[segment.direction], points[1 - segment.direction]
    ends = bool(segment.flags & (SYN | FIN))
    if segment.length or ends:
        if len(own.segments) >= Points.MAX_POINTS:
            own.left_out += 1
        else:
            start = segment.relative_seq
            kind = Points.ENDS if ends and not segment.length else Points.DATA
            if segment.analysis and any("retransmission" in name for name in analysis_names(segment.analysis)):
                kind = Points.RESENT
            own.segments.append((segment.time, start, start + segment.length + ends, kind, segment.frame))
    if not segment.flags & ACK_FLAG or len(other.acks) >= Points.MAX_POINTS:
        return
    allowed = segment.relative_ack + segment.window_bytes if segment.scale_known else -1
    other.acks.append((segment.time, segment.relative_ack, allowed))
    if segment.ack_rtt_ns > 0:
        other.trips.append((segment.time, segment.ack_rtt_ns))
    if len(segment.options) >= 10:
        base = (segment.ack - segment.relative_ack) & 0xFFFFFFFF
        for left, right in parse(segment.options).sack:
            other.sacks.append((segment.time, (left - base) & 0xFFFFFFFF, (right - base) & 0xFFFFFFFF))
