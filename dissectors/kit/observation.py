"""What could be observed of a conversation, and the only way to say that something did not happen.

A capture begins late, ends early, loses frames, holds one direction, cuts frames short; the analyser leaves frames out;
what is encrypted is hidden. Whoever knows of such a blind spot notes it here, and whoever wants to say that something
did not happen asks here first. The answer is an `Absence`. Nothing else may stand behind a statement of absence.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER

# Why something could not be seen.
NOT_CAPTURED: Final = "not captured"    # the capture began later, ended earlier, has a hole, holds one direction
NOT_READ: Final = "not read"            # a budget of the analyser
CUT: Final = "cut"                      # by the snap length
HIDDEN: Final = "hidden"                # encrypted, and its key is not there
STATELESS: Final = "stateless"          # it depends on what was said before the capture began
FOREIGN: Final = "foreign"              # of another protocol than the one that reads
KINDS: Final = (NOT_CAPTURED, NOT_READ, CUT, HIDDEN, STATELESS, FOREIGN)
OCTETS: Final = (NOT_CAPTURED, NOT_READ, CUT)     # packets, or parts of them: all that can hide what is sent in clear

# How what is observed ends (`Close.how`) where nothing of the traffic did: with the capture, or with the reading of it,
# which somebody interrupted.
CAPTURE_ENDED: Final = "capture"
READING_ENDED: Final = "reading"
OBSERVED_ENDED: Final = (CAPTURE_ENDED, READING_ENDED)

ALWAYS: Final = 1 << 62                 # later than any time of a capture, in nanoseconds
MAX_BLIND: Final = 64                   # spots of a direction that are kept apart; then the last of their kind grows


def what_ended(how: str) -> str:
    """What a sentence says ended then, as its subject: "the capture", or "the reading" of it."""
    return "the reading" if how == READING_ENDED else "the capture"


def what_is_held(how: str) -> str:
    """Of what a sentence says then that something is not in it: "the capture", or "what was read" of it."""
    return "what was read" if how == READING_ENDED else "the capture"


def beyond(how: str) -> str:
    """Of which kind what comes after such an end is."""
    return NOT_READ if how == READING_ENDED else NOT_CAPTURED


@mypyc_attr(allow_interpreted_subclasses=True)
class Blind:
    """From `since` to `until` (nanoseconds, both included) one direction may hold what was not seen.

    frame: that shows it; 0 for none.    why: in words that complete "but …": "the capture begins in its middle".
    """

    def __init__(self, kind: str, since: int, until: int, frame: int, why: str) -> None:
        self.kind = kind
        self.since = since
        self.until = until
        self.frame = frame
        self.why = why


@mypyc_attr(allow_interpreted_subclasses=True)
class Absence:
    """What may be concluded from not having seen something. Only an `Observation` makes one.

    proven: nothing can have been missed where it would have been.
    kind, why: what may have been missed, where it is not proven; why completes "but …".
    """

    def __init__(self, proven: bool, kind: str = "", why: str = "") -> None:
        self.proven = proven
        self.kind = kind
        self.why = why


NOWHERE: Final = Absence(False, NOT_CAPTURED, "nobody said where it would have been")


class Seen:
    """Of one direction: how many packets, when the first and the last of them came, and in which frame."""

    def __init__(self) -> None:
        self.frames: i64 = 0
        self.first: i64 = -1
        self.last: i64 = -1
        self.frame: i64 = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class Observation:
    """What was seen of each direction of a conversation, and what was not.

    frames, first_ns, last_ns, last_frame: of what was seen, by direction; -1 and 0 for nothing.
    midstream: the capture begins after the conversation did.      backwards: a packet has an earlier time than one
    before it.      spots: where each direction could not be seen.
    unseen: octets of each direction that the other one has acknowledged and that have not come so far: they may still
    be stored behind their acknowledgment, or were never captured.
    """

    def __init__(self) -> None:
        self._seen = [Seen(), Seen()]
        self._latest: i64 = -1
        self.midstream = False
        self.backwards = False
        self.unseen = [0, 0]
        self.spots: list[list[Blind]] = [[], []]

    @property
    def frames(self) -> list[int]:
        return [int(seen.frames) for seen in self._seen]

    @property
    def first_ns(self) -> list[int]:
        return [int(seen.first) for seen in self._seen]

    @property
    def last_ns(self) -> list[int]:
        return [int(seen.last) for seen in self._seen]

    @property
    def last_frame(self) -> list[int]:
        return [int(seen.frame) for seen in self._seen]

    # -- told by those who know --------------------------------------------------------------------------

    def saw(self, direction: i64, time: i64, frame: i64) -> None:
        """A packet of this direction."""
        seen = self._seen[direction]
        if time < self._latest:
            self.backwards = True
        else:
            self._latest = time
        if seen.frames == 0:
            seen.first = time
        seen.frames += 1
        seen.last = time
        seen.frame = frame

    def began_before(self, time: int, frame: int) -> None:
        """The first packet shows that the conversation began before what was read of it."""
        self.midstream = True
        self.miss(NOT_CAPTURED, NEITHER, -1, time, frame, "what was read begins in the middle of this conversation")

    def miss(self, kind: str, direction: int, since: int, until: int, frame: int, why: str) -> None:
        """A blind spot of a direction; NEITHER stands for both."""
        for side in (FORWARD, BACKWARD) if direction == NEITHER else (direction,):
            spots = self.spots[side]
            alike = [spot for spot in spots if spot.kind == kind] if len(spots) >= MAX_BLIND else []
            if alike:
                alike[-1].since = min(alike[-1].since, since)
                alike[-1].until = max(alike[-1].until, until)
            else:
                spots.append(Blind(kind, since, until, frame, why))

    def readable(self, direction: int, time: int) -> None:
        """What was hidden of this direction until further notice can be read from `time` on."""
        for spot in self.spots[direction]:
            if spot.kind == HIDDEN and spot.until == ALWAYS:
                spot.until = max(spot.since, time - 1)

    def forget(self, why: str) -> None:
        """Blind spots that were noted for this reason, before it is judged anew."""
        self.spots = [[spot for spot in spots if spot.why != why] for spots in self.spots]

    # -- asked by every statement of absence ---------------------------------------------------------------

    @property
    def end(self) -> tuple[int, int]:
        """(time, frame) of the last packet of either direction; (-1, 0) where there is none."""
        last = self._seen[BACKWARD] if self._seen[BACKWARD].frame > self._seen[FORWARD].frame else self._seen[FORWARD]
        return int(last.last), int(last.frame)

    def blind(
        self, direction: int, since: int = -1, until: int = ALWAYS, kinds: tuple[str, ...] = KINDS
    ) -> Blind | None:
        """The first spot of this direction (NEITHER: of either) between these times; None where all was seen."""
        for side in (FORWARD, BACKWARD) if direction == NEITHER else (direction,):
            for spot in self.spots[side]:
                if spot.kind in kinds and spot.since <= until and spot.until >= since:
                    return spot
        return None

    def absence(
        self, direction: int, since: int = -1, until: int = ALWAYS, kinds: tuple[str, ...] = KINDS
    ) -> Absence:
        """That this direction (NEITHER: either) did not do something between these times, as far as it can be known.

        until: ALWAYS includes what comes after the last frame of the capture, which nobody has seen.
        kinds: the blind spots that matter for what is said.
        """
        spot = self.blind(direction, since, until, kinds)
        return Absence(True) if spot is None else Absence(False, spot.kind, spot.why)
