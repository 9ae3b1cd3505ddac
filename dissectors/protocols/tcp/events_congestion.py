"""What the flights of a sender show of its congestion control: an inference."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, LINED, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.bbr import FEW, BbrPhases, bbr_phases
from dissectors.protocols.tcp.congestion import FILLED, LOST, OPENED, PAUSED, Climb, CongestionWatch
from dissectors.protocols.tcp.early_exit import early_exit
from dissectors.protocols.tcp.events import LIKELY, POSSIBLE, TRANSFER, TcpEvent, TcpObserved, capital

MOST_PROBES: Final = 3          # times at which the shortest round trip is measured that are told in full
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

    repairs, steady: recoveries, and those in which it sent a steady part of what arrived; part: which.
    early: the round trips before slow start ended early and then, in ns, -1 where it did not.
    initial: segments before the first ACK of data, 0 for unknown.     cuts: losses after which a half, 0.7 or something
    else was left of the flight before.     restarts: after a pause, with less than three quarters.
    """

    name: ClassVar[str] = "tcp.congestion_window"
    on_wire: ClassVar[bool] = False
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
        recovery = watch.recovery
        self.repairs, self.steady = recovery.counted, recovery.steady if recovery.usual() else 0
        self.part = watch.recovery.all_sent / watch.recovery.all_arrived if self.steady else 0.0
        self.begin = observed.time
        self.phases = BbrPhases()
        if watch.at_sender and watch.course is not None and (watch.fell or self.paced):
            phases = bbr_phases(watch.course.columns(), mss, int(watch.flow.rtt_min))
            if self.algorithm() == RATE or (phases.startup >= 0 and phases.probes):
                self.phases = phases
                self.paced = True
        self.early = (-1, -1)
        if self.start is not None and not self.paced and watch.at_sender:
            self.early = early_exit(self.start.first_rounds, self.start.fast_to)
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
            return RATE if self.fell >= LEAST_FALLS or self.phases.any() else ""
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
            if not self.fell:
                return "what it had outstanding goes as in the phases of BBR"
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
            how = ", left early as HyStart does" if self.early[0] >= 0 else ""
            parts.append(f"slow start to {size(self.start.fast_to)}{how}")
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
            text += f"{', and ' if self.initial else ''}goes at {RATE}, because {self.basis()}."
            return text + self._phases()
        if self.initial:
            text += ", and "
        text += f"had a congestion window of up to {size(self.largest)}."
        if self.start is not None:
            fast = self.start.fast_to == self.start.last
            how = ENDS.get(self.start.ended, "") if fast else "it grew more slowly then"
            text += f" In slow start it went up to {size(self.start.fast_to)}" + (f"; {how}." if how else ".")
        if self.early[0] >= 0:
            before, then = self.early
            text += (
                f" Nothing was lost there, and round trips had grown from {duration(before)} to {duration(then)}, "
                "which is the sign by which HyStart leaves slow start (RFC 9406 §4.2)."
            )
        if self.restarts:
            text += f" After {plural(self.restarts, 'pause')} it began again with less."
        name = self.algorithm()
        if self.steady:
            text += (
                f" In {self.steady} of {plural(self.repairs, 'repair')} it sent {self.part:.2f} of what arrived, "
                "evenly from the first ACK on, as proportional rate reduction does (PRR, RFC 6937 §3)."
            )
        return text + (f" It looks like {name}: {self.basis()}." if name else " Which algorithm it is cannot be told.")

    def _phases(self) -> str:
        """Of BBR (draft-ietf-ccwg-bbr)."""
        if not self.algorithm():
            return ""
        phases, text = self.phases, ""
        if not phases.any():
            return " In which phases of BBR it was cannot be told."
        if phases.startup >= 0:
            text += (
                f" What it had outstanding grew, stayed the same until {duration(phases.startup - self.begin)} after "
                f"its first data, and went down by itself until {duration(phases.drained - self.begin)}, as in startup "
                "and drain of BBR."
            )
        for since, until in phases.probes[:MOST_PROBES]:
            text += (
                f" For {duration(until - since)}, {duration(since - self.begin)} after its first data, it kept at most "
                f"{FEW} segments under way, as BBR does in probe_rtt to measure the path without its own queue."
            )
        return text + " The rest looks like probe_bw."

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
        if self.phases.startup >= 0:
            out |= {"bbr_startup_ns": self.phases.startup - self.begin, "bbr_drain_ns": self.phases.drained -
            self.begin}
        if self.phases.probes:
            out["bbr_probe_rtt"] = len(self.phases.probes)
        if self.steady:
            out |= {"repairs": self.repairs, "repairs_in_proportion": self.steady, "proportion": round(self.part, 3)}
        if self.early[0] >= 0:
            out |= {"hystart_least_ns": self.early[0], "hystart_ns": self.early[1]}
        if self.algorithm():
            out |= {"algorithm": capital(self.algorithm()), "basis": self.basis()}
        return out
