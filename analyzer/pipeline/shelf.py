"""What is kept of what is told: everything is read, but a million messages are not a million events."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.model import Account, Unkept
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.observation import NOT_READ

MAX_EVENTS: Final[i64] = 50_000        # of all conversations that are told, where none was asked for
MAX_EVENTS_EACH: Final[i64] = 10_000   # of one conversation
MAX_OF_A_KIND: Final = 100             # events of one kind that a conversation keeps, whatever else it holds


class Room:
    """How many events may still be kept: of all conversations together, and of each."""

    def __init__(self, all_of_them: i64, each: i64) -> None:
        self.left: i64 = all_of_them
        self.each: i64 = each


class Shelf:
    """The events of one conversation. Where there is no more room, those of its frequent kinds are counted only.

    A kind of which fewer came than of the most frequent one may catch up a little: answers to questions that are kept.
    """

    def __init__(self, account: Account, room: Room) -> None:
        self.account = account
        self.room = room
        self.kinds: dict[str, int] = {}      # kept of each kind, once they are counted
        self.limits: dict[str, int] = {}     # how many of each kind are
        self.full: bool = False

    def add(self, events: list[Event]) -> None:
        """What was told next."""
        account = self.account
        room = self.room
        count = i64(len(events))
        if not self.full:
            if count <= room.left and len(account.events) + count <= room.each:
                room.left -= count
                account.events += events
                return
            self._fill()
        for event in events:
            kept = self.kinds.get(event.name, 0)
            if kept < self.limits.get(event.name, MAX_OF_A_KIND):
                self.kinds[event.name] = kept + 1
                account.events.append(event)
            else:
                self._count(event)

    def _fill(self) -> None:
        self.full = True
        for event in self.account.events:
            self.kinds[event.name] = self.kinds.get(event.name, 0) + 1
        most = max(self.kinds.values(), default=0)
        for name, kept in self.kinds.items():
            self.limits[name] = max(min(kept + MAX_OF_A_KIND, most), MAX_OF_A_KIND)

    def _count(self, event: Event) -> None:
        kind = (event.rank, event.phase)
        unkept = self.account.unkept.get(kind)
        if unkept is None:
            frames = event.evidence.frames
            unkept = Unkept(frames[0] if frames else 0, event.time)
            self.account.unkept[kind] = unkept
        unkept.names[event.name] = unkept.names.get(event.name, 0) + 1
        unkept.start_ns = min(unkept.start_ns, event.time)
        unkept.end_ns = max(unkept.end_ns, event.time)

    def finish(self) -> None:
        """Whoever looks for an event among those that are kept cannot know that there was none."""
        for unkept in self.account.unkept.values():
            self.account.observed.miss(
                NOT_READ, NEITHER, unkept.start_ns, unkept.end_ns, unkept.frame,
                f"from #{unkept.frame} on there are more events than are kept",
            )
