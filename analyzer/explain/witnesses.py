"""Of a capture that is told part by part: conversations that say something of what the survey counted.

For the rules that are asked once, at its end.
"""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from analyzer.explain.rule import Rule
from analyzer.explain.scans import found_by_scan
from analyzer.model import Analysis, CaptureSummary, Conversation, Scan, Told

MAX_PLACES: Final = 100_000      # frames that findings rest on, each with a conversation in which it is told


class Witnesses:
    """Says which conversations to keep: those in which an address spoke that was asked for in vain, or who asked for it
    had an answer of anybody; in which somebody sent by a router that is gone; that a scan opened; in which the target
    of reflected answers spoke. Of those that say the same, the first.
    """

    def __init__(self, capture: CaptureSummary) -> None:
        self.askers = {missing.asker for missing in capture.missing}
        self.silent = {(missing.asker, missing.address) for missing in capture.missing}
        self.spoke: dict[str, list[int]] = {}
        for missing in capture.missing:
            self.spoke.setdefault(missing.address, []).append(missing.start_ns)
        self.routers: dict[str, list[str]] = {}      # by link-layer address
        for owned in capture.addresses:
            for mac, _frame in owned.owners if owned.address in self.spoke else ():
                self.routers.setdefault(mac, []).append(owned.address)
        self.beyond: set[tuple[str, str, str]] = set()
        self.reflected = {one.host for one in capture.reflected}
        self.scans: dict[str, list[Scan]] = {}
        for scan in capture.scans:
            self.scans.setdefault(scan.client, []).append(scan)

    def wants(self, one: Conversation) -> bool:
        """Does this one say what none before has?"""
        wanted = False
        for scan in self.scans.get(one.originator.address, ()):
            wanted = wanted or found_by_scan(one, scan)
        for side, (mine, other) in enumerate(((one.originator, one.responder), (one.responder, one.originator))):
            here, there = mine.address, other.address
            if here in self.askers and all(one.frames):
                self.askers.discard(here)
                wanted = True
            if one.frames[side]:
                wanted = self._spoke(here, one.end_ns) or wanted
            for router in self.routers.get(one.next_hops[side], ()) if self.routers else ():
                if (here, router) in self.silent and router != there and (here, router, there) not in self.beyond:
                    self.beyond.add((here, router, there))
                    wanted = True
        return wanted

    def _spoke(self, address: str, until: int) -> bool:
        """Something came from there until then."""
        heard = address in self.reflected
        self.reflected.discard(address)
        waiting = self.spoke.get(address, ())
        left = [since for since in waiting if since >= until]
        if len(left) < len(waiting):
            self.spoke[address] = left
            heard = True
        return heard


class Places:
    """In which conversations those frames are told that findings of no single conversation rest on."""

    def __init__(self) -> None:
        self._wanted: list[int] = []
        self._found: dict[int, set[int]] = {}
        self.count = 0

    def expect(self, capture: Analysis, rules: list[Rule[Analysis]]) -> None:
        """What these rules say of the capture alone rests on frames that are known now."""
        found: set[int] = set()
        for rule in rules:
            try:
                found.update(*[one.frames for one in rule.examine(capture)])
            except Exception:      # it is noted where its findings are made
                continue
        self._wanted = sorted(found)

    def look(self, told: Told) -> bool:
        """Is one of the expected frames told in this conversation?"""
        one = told.conversation
        first = bisect_left(self._wanted, one.first_frame)
        last = bisect_right(self._wanted, one.last_frame)
        return first < last and self.find(told, set(self._wanted[first:last]))

    def find(self, told: Told, frames: set[int]) -> bool:
        """Is one of these frames told in this conversation?"""
        number, found = told.conversation.number, False
        for phase in told.phases:
            for event in phase.events:
                for frame in frames.intersection(event.evidence.frames):
                    if self.count < MAX_PLACES:
                        of = self._found.setdefault(frame, set())
                        self.count += number not in of
                        of.add(number)
                        found = True
        return found

    def of(self, frames: tuple[int, ...]) -> set[int]:
        return set().union(*[self._found.get(frame, ()) for frame in frames])
