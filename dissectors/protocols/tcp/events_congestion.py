"""What the flights of a sender show of its congestion control: an inference."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, LINED, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.units import plural, size
from dissectors.protocols.tcp.congestion import FILLED, LOST, OPENED, PAUSED, Climb, CongestionWatch
from dissectors.protocols.tcp.events import LIKELY, POSSIBLE, TRANSFER, TcpEvent, TcpObserved, capital

LEAST_ROUNDS: Final = 5         # of fewer round trips nothing is told
MAX_FRAMES: Final = 12          # at which a climb begins, cited
LEAST_CUTS: Final = 2           # losses after which the same share was left
AGAINST: Final = 3              # ... and so many times more than those after which another one was
LINE: Final = (0.5, 1.4)        # segments in a round trip that count as one

RENO: Final = "Reno"
CUBIC: Final = "CUBIC"
RATE: Final = "a pace of its own, as BBR does"
LEAST_FALLS: Final = 3          # flights that shrank without a loss
ENDS: Final = {LOST: "a loss ended it", PAUSED: "the data ended", FILLED: "the receiver's window ended it"}


def cited(watch: CongestionWatch) -> tuple[int, ...]:
    frames = [watch.initial_frame] if watch.initial > 0 else []
    for climb in watch.climbs[:MAX_FRAMES]:
        frames += [climb.first_frame, climb.last_frame]
    return tuple(frame for frame in frames if frame)


class CongestionCourse(TcpEvent):
    """How the congestion window of a sender went, as far as its flights show it.

    initial: segments before the first ACK of data, 0 for unknown.     cuts: losses after which a half, 0.7 or something
    else was left of the flight before.     restarts: after a pause, with less than three quarters.
    """

    name: ClassVar[str] = "tcp.congestion_window"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5681 §3.1"
    WHY: ClassVar[str] = (
        "Nobody tells a sender how fast the path is. It keeps a congestion window: how much it may have outstanding. "
        "In slow start the window doubles in each round trip, until a loss or the threshold; then it grows slowly "
        "(congestion avoidance), and each loss cuts it: to a half in Reno, to 0.7 in CUBIC. The window is in no "
        "header, but a sender that fills it has just as much outstanding."
    )

    def __init__(self, observed: TcpObserved, watch: CongestionWatch) -> None:
        super().__init__(observed)
        mss = max(int(watch.flow.mss), 1)
        self.segment = mss
        self.initial = (watch.initial + mss // 2) // mss if watch.initial > 0 else 0
        self.rounds = watch.rounds
        self.largest = watch.largest
        self.cuts = [*watch.cuts]
        self.restarts = watch.restarts
        self.fell = watch.fell
        self.paced = watch.paced()
        self.start: Climb | None = None
        if watch.climbs and watch.climbs[0].began == OPENED and watch.climbs[0].fast:
            self.start = watch.climbs[0]
        grown = sorted([climb.grew() / mss for climb in watch.climbs if climb.began == LOST and climb.rounds > 3])
        self.growth = grown[len(grown) // 2] if grown else -1.0      # segments in a round trip, after losses

    def label(self) -> str:
        return "congestion"

    @staticmethod
    def shown_by(watch: CongestionWatch) -> bool:
        """There is something to say: flights of a window, or so many that shrank that they are of none."""
        return watch.rounds >= LEAST_ROUNDS and (not watch.paced() or watch.fell >= LEAST_FALLS)

    def algorithm(self) -> str:
        """RENO, CUBIC, RATE, or "" where it cannot be told."""
        half, seven, other = self.cuts
        if self.paced:
            return RATE if self.fell >= LEAST_FALLS else ""
        if half >= LEAST_CUTS and half >= AGAINST * (seven + other) and (
            self.growth < 0 or LINE[0] <= self.growth <= LINE[1]
        ):
            return RENO
        if seven >= LEAST_CUTS and seven >= AGAINST * (half + other):
            return CUBIC
        return ""

    def basis(self) -> str:
        """What speaks for the algorithm."""
        half, seven, other = self.cuts
        known = half + seven + other
        if self.algorithm() == RATE:
            return f"its flights shrank {plural(self.fell, 'time')}, and not after a resend"
        if self.algorithm() == RENO:
            line = f", and it grew by about {self.growth:.1f} segments in a round trip" if self.growth >= 0 else ""
            return f"after {half} of {known} losses about a half was left{line}"
        if self.algorithm() == CUBIC:
            return f"after {seven} of {known} losses about 0.7 was left"
        return ""

    def detail(self) -> str:
        parts = [f"began with {plural(self.initial, 'segment')}"] if self.initial else []
        if self.start is not None and not self.paced:
            parts.append(f"slow start to {size(self.start.fast_to)}")
        if not self.paced:
            parts.append(f"window up to {size(self.largest)}")
        name = self.algorithm()
        if name == RATE:
            parts.append(f"goes at {name}")
        else:
            parts.append(f"looks like {name}" if name else "algorithm cannot be told")
        return ", ".join(parts)

    def what(self) -> str:
        text = f"From what it had outstanding it looks as if {self.who()} "
        if self.initial:
            text += f"began with {plural(self.initial, 'segment')}"
            text += " (the usual initial window, RFC 6928)" if self.initial == 10 else ""
        if self.paced:
            return f"{text}{', and ' if self.initial else ''}goes at {RATE}, because {self.basis()}."
        if self.initial:
            text += ", and "
        text += f"had a congestion window of up to {size(self.largest)}."
        if self.start is not None:
            fast = self.start.fast_to == self.start.last
            how = ENDS.get(self.start.ended, "") if fast else "it grew more slowly then"
            text += f" In slow start it went up to {size(self.start.fast_to)}" + (f"; {how}." if how else ".")
        if self.restarts:
            text += f" After {plural(self.restarts, 'pause')} it began again with less."
        name = self.algorithm()
        return text + (f" It looks like {name}: {self.basis()}." if name else " Which algorithm it is cannot be told.")

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "round_trips": self.rounds, "largest_octets": self.largest, "losses_left_half": self.cuts[0],
            "losses_left_seven_tenths": self.cuts[1], "losses_left_other": self.cuts[2], "restarts": self.restarts,
            "confidence": POSSIBLE if self.paced else LIKELY,
        }
        if self.initial:
            out["initial_segments"] = self.initial
        if self.start is not None:
            out |= {"slow_start_octets": self.start.fast_to, "slow_start_frame": self.start.fast_frame}
        if self.algorithm():
            out |= {"algorithm": capital(self.algorithm()), "basis": self.basis()}
        return out
