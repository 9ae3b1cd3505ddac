"""What the events of a TCP connection share.

An event that tells an episode carries the time of its first sign and is emitted when the episode is
over, so a timeline sorts by time. `what()` uses only numbers of the capture; where it infers, it says
"it looks as if" and what that rests on.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import BACKWARD, Event, Evidence, Observed
from dissectors.protocols.tcp.segment import Segment

HANDSHAKE: Final = "handshake"
TRANSFER: Final = "transfer"
TEARDOWN: Final = "teardown"

CLIENT_SERVER: Final = ("the client", "the server")
ORIGINATOR_RESPONDER: Final = ("the originator", "the responder")

MAX_FRAMES: Final = 16    # first frames that a statement cites; the last one beside them

# How sure an inference is.
LIKELY: Final = "likely"
POSSIBLE: Final = "possible"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def frame_list(frames: tuple[int, ...]) -> str:
    """`#3`, `#3 and #5`, `#3, #5, #9 and 4 more`."""
    if len(frames) > 4:
        return ", ".join(f"#{number}" for number in frames[:3]) + f" and {len(frames) - 3} more"
    if len(frames) > 1:
        return ", ".join(f"#{number}" for number in frames[:-1]) + f" and #{frames[-1]}"
    return f"#{frames[0]}" if frames else ""


class TcpObserved(Observed):
    """What was seen in these frames. sides: the words for the two ends, by direction."""

    def __init__(self, time: int, direction: int, frames: tuple[int, ...], sides: tuple[str, str]) -> None:
        super().__init__(time, direction, Evidence(tuple(sorted(set(frames))) if len(frames) > 1 else frames))
        self.sides = sides


def seen_in(segment: Segment, sides: tuple[str, str], earlier: int = 0) -> TcpObserved:
    """What this segment shows, by itself or together with an earlier frame (0: none)."""
    return TcpObserved(
        segment.time, segment.direction, (earlier, segment.frame) if earlier else (segment.frame,), sides
    )


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpEvent(Event):
    """One statement about a TCP connection."""

    def __init__(self, observed: TcpObserved) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.sides = observed.sides

    def who(self) -> str:
        """The side that the event is about: the sender of its direction."""
        return self.sides[1] if self.direction == BACKWARD else self.sides[0]

    def peer(self) -> str:
        return self.sides[0] if self.direction == BACKWARD else self.sides[1]
