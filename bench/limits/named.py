"""What we say by name of a sender (HyStart, F-RTO, PRR, phases of BBR), beside what its kernel counted or said."""
from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from analyzer.model import Told
from bench.limits.truth import Sample
from dissectors.kit.event import Event
from dissectors.protocols.tcp.events_congestion import CongestionCourse
from dissectors.protocols.tcp.events_loss import Loss

HYSTART: Final = ("TCPHystartTrainDetect", "TCPHystartDelayDetect")
UNDONE: Final = ("TCPSpuriousRTOs", "TCPLossUndo")
RECOVERED: Final = ("TCPSackRecovery", "TCPRenoRecovery")
PROPORTIONAL: Final = ("reno", "cubic")     # in Linux these repair by PRR, and BBR does not
OFF_NS: Final = 250_000_000                 # a phase of BBR may end so much beside the kernel's


def counted(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}


@dataclass
class Named:
    """Of one name: transfers in which the kernel has it, in which we say it, and in which we do and the kernel does
    not."""

    kernel: int = 0
    ours: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, name: str, *, kernel: bool, ours: bool) -> None:
        self.kernel += kernel
        self.ours += ours and kernel
        if ours and not kernel:
            self.wrong.append(name)

    def line(self) -> str:
        wrong = f"{len(self.wrong)} wrong" + (f" ({', '.join(self.wrong)})" if self.wrong else "")
        return f"named in {self.ours} of the {self.kernel} transfers in which the kernel has it, {wrong}"


class Names:
    def __init__(self) -> None:
        self.found = {name: Named() for name in (
            "HyStart", "spurious timeout", "PRR", "BBR startup and drain", "BBR probe_rtt",
        )}

    def take(self, name: str, control: str, told: Told, sender: int, counters: dict[str, int],
             samples: list[Sample]) -> None:
        events = [event for phase in told.phases for event in phase.events if event.direction == sender]
        courses = [event for event in events if isinstance(event, CongestionCourse)]
        found = self.found

        def kernel_has(names: tuple[str, ...]) -> bool:
            return any(counters.get(one) for one in names)

        found["HyStart"].take(name, kernel=kernel_has(HYSTART), ours=any(one.early[0] >= 0 for one in courses))
        found["spurious timeout"].take(name, kernel=kernel_has(UNDONE), ours=any(map(_too_early, events)))
        found["PRR"].take(
            name, kernel=kernel_has(RECOVERED) and control in PROPORTIONAL, ours=any(one.steady for one in courses)
        )
        phases = {sample.phase for sample in samples}
        drained = [one.phases.drained for one in courses if one.phases.drained >= 0]
        ended = [after.time for sample, after in pairwise(samples)
                 if sample.phase in ("startup", "drain") and after.phase == "probe_bw"]
        near = not drained or any(abs(end - drained[0]) <= OFF_NS for end in ended)
        found["BBR startup and drain"].take(name, kernel=bool(ended) and near, ours=bool(drained))
        began = samples[0].time
        probed = "probe_rtt" in phases and any(
            sample.phase == "probe_rtt" and sample.time - began > 5_000_000_000 for sample in samples
        )
        found["BBR probe_rtt"].take(name, kernel=probed, ours=any(one.phases.probes for one in courses))

    def lines(self) -> list[str]:
        return [f"{name:22} {one.line()}" for name, one in self.found.items()]

    def wrong(self) -> bool:
        return any(one.wrong for one in self.found.values())


def _too_early(event: Event) -> bool:
    return isinstance(event, Loss) and event.repair.too_early()
