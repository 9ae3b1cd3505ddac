"""Who spoke when and how often: counts and intervals of one direction, in bounded memory."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.wire.rhythm import MAX_SAMPLES, Intervals

MAX_ALIKE: Final = 16            # different short texts that are followed, to find a heartbeat among them
ALIKE_OCTETS: Final = 48         # a heartbeat of an application is a short text


class Rhythm:
    """One direction. longest: the longest silence between two messages, in ns.

    packed, plain: octets of the messages that were compressed, as sent and as they were meant.
    """

    def __init__(self) -> None:
        self.messages: i64 = 0
        self.texts: i64 = 0
        self.octets: i64 = 0         # of payload, as sent
        self.largest: i64 = 0
        self.packed: i64 = 0
        self.plain: i64 = 0
        self.frames: i64 = 0
        self.times = Intervals()     # of messages
        self.longest: i64 = 0
        self.alike: dict[bytes, Intervals] = {}
        self.pings = Intervals()
        self.round_trips: list[int] = []
        self.answered: i64 = 0

    def message(self, time: int, octets: i64, text: bool) -> None:
        if self.messages:
            silence: i64 = time - self.times.last
            self.longest = max(self.longest, silence)
        self.times.add(time)
        self.messages += 1
        self.octets += octets
        self.largest = max(self.largest, octets)
        if text:
            self.texts += 1

    def short_text(self, time: int, payload: bytes) -> None:
        """The same short text again and again may be a heartbeat of the application."""
        found = self.alike.get(payload)
        if found is None:
            if len(self.alike) >= MAX_ALIKE:
                return
            found = Intervals()
            self.alike[payload] = found
        found.add(time)

    def heartbeat(self) -> tuple[str, int]:
        """(the short text that comes in a steady rhythm, its interval in ns); ("", -1) where there is none."""
        best, interval, most = "", -1, 0
        for payload, intervals in self.alike.items():
            every = intervals.regular()
            if every > 0 and intervals.count > most and intervals.count * 2 >= self.texts:
                best, interval, most = payload.decode("utf-8", "replace"), every, int(intervals.count)
        return best, interval

    def round_trip(self, took: int) -> None:
        self.answered += 1
        if len(self.round_trips) < MAX_SAMPLES:
            self.round_trips.append(took)
