"""What is common to everything live: a cursor that may have nothing yet, counters, and what happened meanwhile."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from analyzer.ingest.source import Source

# Which way a frame went, by the numbers of epb_flags (draft-ietf-opsawg-pcapng §4.3.1).
UNKNOWN: Final = 0
INBOUND: Final = 1
OUTBOUND: Final = 2

UP: Final = "up"
DOWN: Final = "down"
GONE: Final = "gone"

# What happened that is kept until it is taken; an interface that flaps for days fills no memory.
MAX_NOTICES: Final = 100


class Notice:
    """Something that happened to the capture itself. time: nanoseconds since 1970.    interface: "" for all."""

    def __init__(self, time: int, interface: str, text: str) -> None:
        self.time = time
        self.interface = interface
        self.text = text

    def __str__(self) -> str:
        return self.text


class Counts:
    """What was counted at one interface since the capture began; -1 where nobody counts it.

    frames, octets: handed out by the cursor (octets as on the wire).
    received: frames that the system took for us, those that it dropped included.
    dropped: frames that the system dropped because we did not fetch them in time.
    missed: frames that the interface or its driver dropped, whoever they were for.
    state: UP, DOWN or GONE.
    """

    def __init__(self, name: str, link: int) -> None:
        self.name = name
        self.link = link
        self.frames = 0
        self.octets = 0
        self.received = -1
        self.dropped = -1
        self.missed = -1
        self.state = UP


@mypyc_attr(allow_interpreted_subclasses=True)
class LiveSource(Source):
    """A source that never waits in `next()`.

        while not source.ended:
            while source.next():      # False: nothing more for now, or the end
                ...                   # under load this does not return for long: look at the clock now and then
            ...                       # timed work
            source.wait(0.05)

    ended: no frame will come any more.
    direction: of the frame in hand: UNKNOWN, INBOUND or OUTBOUND.
    filter: the capture filter, "" without one.     title: what is captured, for a heading.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ended: bool = False
        self.direction: i64 = UNKNOWN
        self.filter = ""
        self.title = name
        self.notices: list[Notice] = []
        self.notices_lost = 0

    def wait(self, timeout: float) -> bool:
        """Sleep until `next()` may have a frame, at most so many seconds; whether it may. True at the end."""
        return True

    def stop(self) -> None:
        """End the capture as of now: what came before is still handed out, then `ended` is set.

        May be called from a signal handler, and more than once.
        """
        self.ended = True

    def counts(self) -> list[Counts]:
        """Fresh counters of every interface, in the order of `interfaces`. Some system calls: not per frame."""
        return []

    def dropped(self) -> int:
        """Frames that the system dropped because we were late, over all interfaces; -1 where nobody counts them."""
        known = [count.dropped for count in self.counts() if count.dropped >= 0]
        return sum(known) if known else -1

    def backlog(self) -> float:
        """How full the buffer between the system and us is, 0.0 to 1.0; frames are dropped at 1.0."""
        return 0.0

    def take_notices(self) -> list[Notice]:
        """What happened since the last call; of more than MAX_NOTICES the oldest are lost and counted."""
        taken = self.notices
        self.notices = []
        return taken

    def notify(self, time: int, interface: str, text: str) -> None:
        if len(self.notices) >= MAX_NOTICES:
            self.notices.pop(0)
            self.notices_lost += 1
        self.notices.append(Notice(time, interface, text))
