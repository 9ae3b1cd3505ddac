"""The conversations of one share of the capture, and which of them make room for others.

A share has its own part of the room for conversations, and gets more where they are not over, up to all of it. So what
leaves does not depend on other shares, which may be followed elsewhere (`analyzer/partition.py`).
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import CLOSED, Flow, Spare, TcpFlow, UdpFlow, age

SILENT_NS: Final[i64] = 10_000_000_000     # after which a conversation without an end makes room as if it had ended
# ... where nobody has answered yet: by then who still wants one asks again (RFC 6298 §2.1)
UNANSWERED_NS: Final[i64] = 1_500_000_000
UNANSWERED_PART: Final[i64] = 4          # of all the room, what those may fill that nobody has answered: one in so many
LOOSE: Final[i64] = 1_000                # conversations that have left, beyond those held, before a list is gone over


def is_over(flow: Flow, now: i64, unanswered: i64) -> bool:
    """Whether little speaks for it that more comes. unanswered: ns after which that is so without an answer."""
    if flow.marks & CLOSED:
        return True
    silent = now - flow.last_time
    return silent >= SILENT_NS or (silent >= unanswered and not is_answered(flow))


def is_answered(flow: Flow) -> bool:
    if isinstance(flow, TcpFlow):
        return flow.originator.frames > 0 and flow.responder.frames > 0
    return not isinstance(flow, UdpFlow) or (flow.originator.frames > 0 and flow.responder.frames > 0)


class Share:
    """The conversations of one share of the capture that may still continue, of one transport.

    flows: they, and some that have left.     count: how many may still continue.
    grown: how many it may hold where it got more room than its part, else 0.     due: the first frame at which
      conversations may make room again.
    """

    def __init__(self, index: i64, spare: Spare) -> None:
        self.index: i64 = index
        self.spare = spare
        self.flows: list[Flow] = []
        self.count: i64 = 0
        self.grown: i64 = 0
        self.due: i64 = 0

    def add(self, flow: Flow) -> None:
        flow.share = self.index
        flow.spare = self.spare
        self.count += 1
        if len(self.flows) > self.count + self.count + LOOSE:
            self.held()
        self.flows.append(flow)

    def held(self) -> list[Flow]:
        self.flows = [flow for flow in self.flows if not flow.retired]
        return self.flows

    def leaving(self, room: i64, most: i64, now: i64) -> list[Flow]:
        """Those that make room, half of all: the ended ones first, then those that seem over, then the longest silent.
        Where so many are not over yet, only those that are, and the share has more room from now on, up to `most`."""
        flows = self.held()
        half = len(flows) // 2
        unanswered = UNANSWERED_NS if room < most // UNANSWERED_PART else 0
        over = [flow for flow in flows if is_over(flow, now, unanswered)]
        if len(over) < half and room < most:
            self.grown = min(room + room, most)
            return over
        if len(over) < half:
            over = flows
        return sorted(over, key=age)[:half]
