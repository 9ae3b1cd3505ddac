"""The conversations of one share of the capture, and which of them make room for others.

A share has its own part of the room for conversations, and gets more where they are not over, up to all of it. So what
leaves does not depend on other shares, which may be followed elsewhere (`analyzer/partition.py`). Beyond its part, each
new conversation makes a few leave that seem over, of those that were asked longest ago: memory that was in use a moment
ago is the quickest to use again.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import CLOSED, Flow, Spare, TcpFlow, UdpFlow

SILENT_NS: Final[i64] = 10_000_000_000     # after which a conversation without an end makes room as if it had ended
# ... where nobody has answered yet: by then who still wants one asks again (RFC 6298 §2.1)
UNANSWERED_NS: Final[i64] = 1_500_000_000
UNANSWERED_PART: Final[i64] = 4          # of all the room, what those may fill that nobody has answered: one in so many
ASKED: Final[i64] = 4                    # conversations that are asked whether they are over, for each new one
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

    flows: from `at` on, they and some that have left, in the order in which they are asked to make room.
    count: how many may still continue.
    """

    def __init__(self, index: i64, spare: Spare) -> None:
        self.index: i64 = index
        self.spare = spare
        self.flows: list[Flow] = []
        self.at: i64 = 0
        self.count: i64 = 0

    def add(self, flow: Flow) -> None:
        flow.share = self.index
        flow.spare = self.spare
        self.count += 1
        self.put_last(flow)

    def put_last(self, flow: Flow) -> None:
        if len(self.flows) > self.count + self.count + LOOSE:
            self.held()
        self.flows.append(flow)

    def held(self) -> list[Flow]:
        self.flows = [flow for flow in self.flows[self.at:] if not flow.retired]
        self.at = 0
        return self.flows

    def first(self) -> Flow:
        """The next one to be asked, which is then in the list no more. There is one."""
        flow = self.flows[self.at]
        self.at += 1
        while flow.retired:
            flow = self.flows[self.at]
            self.at += 1
        return flow
