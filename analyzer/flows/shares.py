"""Room for conversations, divided among the shares of the capture: which of them make room for others.

A share has its own part of the room for conversations, and gets more where they are not over, up to all of it. So what
leaves does not depend on other shares, which may be followed elsewhere (`analyzer/partition.py`).
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import CLOSED, Flow, Spare, TcpFlow, UdpFlow, age
from analyzer.packet import Packet
from analyzer.partition import share_of

SILENT_NS: Final[i64] = 10_000_000_000     # after which a conversation without an end makes room as if it had ended
MOMENT_NS: Final[i64] = 200_000_000        # within which an answer, or what follows an end, may still come
LOOSE: Final[i64] = 1_000                # conversations that have left, beyond those held, before a list is gone over


def is_over(flow: Flow, now: i64) -> bool:
    """Whether little speaks for it that more comes: it has ended, is silent for long, or nobody has answered it, and it
    was not heard a moment ago."""
    silent = now - flow.last_time
    if silent < MOMENT_NS:
        return False
    if flow.marks & CLOSED or silent >= SILENT_NS:
        return True
    if isinstance(flow, TcpFlow):
        return not (flow.originator.frames and flow.responder.frames)
    return isinstance(flow, UdpFlow) and not (flow.originator.frames and flow.responder.frames)


class Share:
    """The conversations of one share of the capture that may still continue, of one transport.

    flows: they, and some that have left.     count: how many may still continue.
    grown: how many it may hold where it got more room than its part, else 0.
    """

    def __init__(self, index: i64, spare: Spare) -> None:
        self.index: i64 = index
        self.spare = spare
        self.flows: list[Flow] = []
        self.count: i64 = 0
        self.grown: i64 = 0

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

    def leaving(self, part: i64, most: i64, now: i64) -> list[Flow]:
        """Those that make room, half of all: the ended ones first, then the longest silent. Where less than half are
        over, only those that are, and there is more room from now on, up to `most`."""
        room = max(part, self.grown)
        flows = self.held()
        half = (len(flows) + 1) // 2
        over = [flow for flow in flows if is_over(flow, now)]
        if len(over) < half:
            if room < most:
                self.grown = min(room + room, most)
                return over
            over = flows
        return sorted(over, key=age)[:half]


class Room:
    """The conversations of one transport that may still continue. capacity: how many are held at once, about.

    part: of each share; a quarter of the capacity is for the shares whose conversations are not over.
    spares: of each share, where its conversations find places for more of their frames.
    """

    def __init__(self, capacity: i64, spares: list[Spare]) -> None:
        self.capacity: i64 = capacity
        self.shares = [Share(index, spare) for index, spare in enumerate(spares)]
        self.part: i64 = max(capacity * 3 // (len(spares) * 4), 1)

    def share_for(self, packet: Packet) -> Share:
        """That of the conversation that this packet belongs to."""
        shares = self.shares
        return shares[share_of(packet, len(shares)) if len(shares) > 1 else 0]

    def left(self, flow: Flow) -> None:
        """It may not continue any more."""
        self.shares[flow.share].count -= 1

    def held(self) -> list[Flow]:
        return [flow for share in self.shares for flow in share.held()]

    def clear(self) -> None:
        for share in self.shares:
            share.flows = []
