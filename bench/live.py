"""Live capture against its peers, on a veth pair with generated load (Linux, as root).

    python -m bench.live [--seconds 3] [--churn 20] [--only NAME,...] [--wiretale CMD] [--json FILE]

For each tool, one after the other: the load at which it begins to drop frames, and the processor time that 100 000
frames a second cost; for wiretale also the load up to which it tells every conversation and counts none only, and
the memory while one short conversation follows the other. Two senders make the load, so at the limit they and the
tool share the processors, which is the same for all.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.live_load import EXCHANGES, SEGMENTS, batch_of, octets
from bench.live_wire import Running, Tool, Wire, tools
from bench.report import machine, table
from bench.tools import wiretale_command

SENDERS: Final = 2
LOST: Final = 0.001              # of the frames that arrived: from here on a tool drops
TRIES: Final = 2                 # of each load; the better one counts, since a busy moment of the machine is no limit
SLOWEST: Final = 1_000.0         # frames a second
STEPS: Final = 7                 # of the search; each halves the interval of the logarithm
NEAR: Final = 1.05               # between the load that is too much and the one that is not
STEADY: Final = 100_000.0
LONG: Final = (EXCHANGES, SEGMENTS)
SHORT: Final = (1, 1)            # ten frames
CHURN: Final = 20_000.0          # frames a second, so 2 000 conversations
TENTHS: Final = 10
OF_TCPDUMP: Final = 0.8
OF_SCAPY: Final = 20.0
FULL_SECONDS: Final = 12.0       # of churn: more conversations than the tables hold, so every budget is full
GROWTH: Final = 1.05             # of memory, from then to the end


class Point:
    """One load, and what a tool made of it.

    rate: frames a second that arrived; lost: share of them that the tool did not capture; cpu: processor time per
    second; untold: conversations that wiretale only counted.
    """

    def __init__(self, rate: float, arrived: int, frames: int, cpu: float = 0.0, untold: int = 0) -> None:
        self.rate = rate
        self.lost = max(arrived - frames, 0) / max(arrived, 1)
        self.cpu = cpu
        self.untold = untold


def untold(text: str) -> int:
    """Conversations that `wiretale sniff --json` only counted, by its last word on it."""
    for line in reversed(text.splitlines()):
        if line.startswith('{"record":"status"'):
            return int(json.loads(line)["untold"])
    return 0


def measure(wire: Wire, tool: Tool, rate: float, seconds: float) -> Point:
    running = Running(wire, tool)
    before = running.cpu()
    began = time.monotonic()
    load = wire.load(rate, seconds, SENDERS, LONG)
    used = (running.cpu() - before) / (time.monotonic() - began)
    text = running.stop()
    return Point(load.rate, load.frames, tool.count(text), used, untold(text))


def no_loss(point: Point) -> bool:
    return point.lost <= LOST


def all_told(point: Point) -> bool:
    return no_loss(point) and not point.untold


def limit(wire: Wire, tool: Tool, seconds: float, good: Callable[[Point], bool]) -> tuple[float, bool]:
    """(frames a second up to which a load is good, whether it is the most that could be sent)."""

    def reached(rate: float) -> tuple[float, bool]:
        """(rate that arrived, whether one of the tries was good)"""
        for _ in range(TRIES):
            point = measure(wire, tool, rate, seconds)
            if good(point):
                return point.rate, True
        return point.rate, False

    worst, fine = reached(0.0)
    if fine:
        return worst, True
    best = 0.0
    for _ in range(STEPS):
        low = best or SLOWEST
        if worst / low < NEAR:
            break
        asked = (low * worst) ** 0.5
        rate, fine = reached(asked)
        if fine:
            best = max(rate, low)
        else:
            worst = min(rate, asked)
    return best, False


def churn(wire: Wire, tool: Tool, seconds: float) -> tuple[list[int], Point]:
    """(bytes resident after each tenth, what came of it) while 2 000 conversations a second come and go."""
    running = Running(wire, tool)
    found = []
    arrived = 0
    for _ in range(TENTHS):
        arrived += wire.load(CHURN, seconds / TENTHS, 1, SHORT).frames
        found.append(running.resident())
    text = running.stop()
    return found, Point(CHURN, arrived, tool.count(text), untold=untold(text))


def grown(memory: list[int], seconds: float) -> float | None:
    """How much memory grew from when every budget was full to the end; None where the churn was too short for it."""
    first = math.ceil(FULL_SECONDS / seconds * TENTHS)     # tenths until then
    return memory[-1] / memory[first - 1] if first < TENTHS else None


def compare(wire: Wire, chosen: list[Tool], seconds: float) -> dict[str, dict[str, object]]:
    """By tool: title, rate, at_most, cpu and lost; of wiretale sniff also told_rate, at_most_told and untold."""
    results: dict[str, dict[str, object]] = {}
    for tool in chosen:
        if tool.missing:
            print(f"{tool.title}: not installed")
            continue
        rate, at_most = limit(wire, tool, seconds, no_loss)
        steady = measure(wire, tool, STEADY, seconds)
        found: dict[str, object] = {
            "title": tool.title, "rate": rate, "at_most": at_most, "cpu": steady.cpu, "lost": steady.lost
        }
        if tool.key == "sniff":
            found["told_rate"], found["at_most_told"] = limit(wire, tool, seconds, all_told)
        results[tool.key] = found
        print(f"{tool.title}: {rate:,.0f} a second", flush=True)
    return results


def shown(results: dict[str, dict[str, object]]) -> str:
    rows = []
    for each in results.values():
        rows.append([
            str(each["title"]), ("at least " if each["at_most"] else "") + f"{each['rate']:,.0f}",
            f"{100 * float(str(each['cpu'])):.1f} %", f"{100 * float(str(each['lost'])):.2f} %",
        ])
    return table(["", "frames/s without loss", "CPU at 100 k frames/s", "lost there"], rows)


def verdicts(results: dict[str, dict[str, object]]) -> str:
    """The ratios that are asked for, as far as the tools were there; "" where none of them was."""
    rows = []
    ours = results.get("sniff")
    for key, least in (("tcpdump", OF_TCPDUMP), ("scapy", OF_SCAPY)):
        other = results.get(key)
        if ours is None or other is None:
            continue
        ratio = float(str(ours["rate"])) / max(float(str(other["rate"])), 1.0)
        # where the peer could not be brought to drop, its own limit lies beyond what this machine can send
        note = f"{other['title']} dropped nothing that could be sent" if other["at_most"] else ""
        met = "met as far as can be sent" if other["at_most"] else "met"
        rows.append([f"wiretale sniff against {other['title']}", f"{ratio:.2f} ×", f"at least {least:g} ×",
                     met if ratio >= least else "MISSED", note])
    growth = results.get("churn", {}).get("growth")
    if isinstance(growth, float):
        rows.append(["memory under churn, once every budget is full", f"{growth:.3f} ×", f"at most {GROWTH:g} ×",
                     "met" if growth <= GROWTH else "MISSED", ""])
    return table(["", "measured", "to reach", "verdict", ""], rows) if rows else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each load (default 3)")
    parser.add_argument("--churn", type=float, default=20.0, metavar="S", help="of the churn (default 20; 0: none)")
    parser.add_argument("--only", metavar="NAME,...",
                        help="tcpdump, dumpcap, cursor, sniff, scapy; none: only the churn")
    parser.add_argument("--wiretale", metavar="CMD", help="what starts wiretale (default: beside this Python)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        print("network namespaces need Linux and root", file=sys.stderr)
        return 2
    every = tools(wiretale_command(options.wiretale))
    chosen = [tool for tool in every if not options.only or tool.key in options.only.split(",")]
    sniff = next(tool for tool in every if tool.key == "sniff")
    with Wire() as wire:
        pieces = batch_of(*LONG)
        alone = [wire.load(0.0, options.seconds, senders, LONG).rate for senders in (1, SENDERS)]
        print(f"{machine()['processor']}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
        print(f"senders alone: one {alone[0]:,.0f}, two {alone[1]:,.0f} frames a second, "
              f"{octets(pieces) / sum(piece.frames for piece in pieces):.0f} octets each on average", flush=True)
        results = compare(wire, chosen, options.seconds)
        if results:
            print(f"\n{shown(results)}\n")
        if "sniff" in results:
            told = "at least " if results["sniff"]["at_most_told"] else ""
            print(f"wiretale sniff tells every conversation up to {told}{results['sniff']['told_rate']:,.0f} frames a "
                  "second; beyond, some are only counted")
        if options.churn and not sniff.missing:
            memory, point = churn(wire, sniff, options.churn)
            results["churn"] = {"seconds": options.churn, "resident": memory, "lost": point.lost,
                                "growth": grown(memory, options.churn)}
            print(f"2 000 conversations a second for {options.churn:g} s: resident MiB after each tenth:")
            print(" ", " ".join(f"{each / (1 << 20):.1f}" for each in memory), end=";\n")
            print(f"  {100 * point.lost:.2f} % lost, {point.untold:,} conversations only counted")
        found = verdicts(results)
        if found:
            print(f"\n{found}")
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "senders": alone, "tools": results}, indent=1) + "\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
