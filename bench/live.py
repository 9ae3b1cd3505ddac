"""Live capture against its peers, on a veth pair with generated load (Linux, as root).

    python -m bench.live [--seconds 3] [--churn 20] [--only NAME,...] [--wiretale CMD] [--json FILE]

For each tool, one after the other: the load at which it begins to drop frames, the processor time that 100 000
frames a second cost, and for wiretale the memory while one short conversation follows the other.
"""
from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from bench.live_load import conversation
from bench.report import machine, table
from bench.tools import wiretale_command

INTERFACE: Final = "near"
READY_SECONDS: Final = 15.0
SETTLE_SECONDS: Final = 0.5
LOST: Final = 0.001              # of the frames sent: from here on a tool drops
SLOWEST: Final = 1_000.0         # frames a second
STEPS: Final = 6                 # of the search; each halves the interval of the logarithm
STEADY: Final = 100_000.0
EXCHANGES: Final = 24            # requests of a conversation, which has 102 frames then
CHURN: Final = 20_000.0          # frames a second in conversations of ten: 2 000 conversations
MEAN: Final = sum(map(len, conversation(1, EXCHANGES))) / (6 + 4 * EXCHANGES)
TICKS: Final = os.sysconf("SC_CLK_TCK")
ROOT: Final = Path(__file__).parent.parent


class Tool:
    """A program that captures until Ctrl-C. ready: what it prints once it does.

    count: (frames, dropped) from what it printed in the end; dropped is -1 where it does not know.
    """

    def __init__(self, key: str, title: str, command: list[str], ready: str,
                 count: Callable[[str], tuple[int, int]]) -> None:
        self.key = key
        self.title = title
        self.command = command
        self.ready = ready
        self.count = count

    @property
    def missing(self) -> bool:
        return shutil.which(self.command[0]) is None


def of_tcpdump(text: str) -> tuple[int, int]:
    captured = re.search(r"(\d+) packets? captured", text)
    dropped = re.search(r"(\d+) packets? dropped by kernel", text)
    return int(captured[1]) if captured else 0, int(dropped[1]) if dropped else -1


def of_dumpcap(text: str) -> tuple[int, int]:
    found = re.search(r"received/dropped on interface '.*?': (\d+)/(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, -1)


def of_line(text: str) -> tuple[int, int]:
    """The last line is a JSON object with `frames`, and perhaps `dropped`."""
    for line in reversed(text.splitlines()):
        if line.startswith("{") and '"frames"' in line:
            found = json.loads(line)
            dropped = found.get("dropped")
            if isinstance(found["frames"], int):     # those of a finding are a list
                return found["frames"], -1 if dropped is None else int(dropped)
    return 0, -1


def tools(wiretale: list[str]) -> list[Tool]:
    python = [sys.executable, "-m"]
    return [
        Tool("tcpdump", "tcpdump -w /dev/null", ["tcpdump", "-n", "-i", INTERFACE, "-w", "/dev/null"], "listening on",
             of_tcpdump),
        Tool("dumpcap", "dumpcap -w /dev/null", ["dumpcap", "-q", "-i", INTERFACE, "-w", "/dev/null"], "File:",
             of_dumpcap),
        Tool("cursor", "wiretale, the cursor alone", [*python, "bench.peers.live_cursor", INTERFACE], "ready", of_line),
        Tool("sniff", "wiretale sniff", [*wiretale, "sniff", INTERFACE, "--json", "--level", "brief"], "capturing on",
             of_line),
        Tool("scapy", "scapy's sniff", [*python, "bench.peers.scapy_sniff", INTERFACE], "ready", of_line),
    ]


class Wire:
    """Two network namespaces that a veth pair joins."""

    def __init__(self) -> None:
        self.near, self.far = (f"wiretale-bench-{os.getpid()}-{side}" for side in ("near", "far"))

    def __enter__(self) -> Wire:
        for space in (self.near, self.far):
            run("ip", "netns", "add", space)
            for key in ("all", "default"):
                run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1")
        run("ip", "-n", self.near, "link", "add", INTERFACE, "type", "veth", "peer", "name", "far", "netns", self.far)
        run("ip", "-n", self.near, "link", "set", INTERFACE, "up")
        run("ip", "-n", self.far, "link", "set", "far", "up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for space in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", space], check=False)

    def load(self, rate: float, seconds: float, senders: int, exchanges: int = EXCHANGES) -> tuple[int, float]:
        """(frames sent, frames a second). rate 0: as many as can be."""
        each = rate / senders
        started = [
            subprocess.Popen(
                ["ip", "netns", "exec", self.far, sys.executable, "-m", "bench.live_load", "far", "--rate", str(each),
                 "--seconds", str(seconds), "--exchanges", str(exchanges), "--start", str(number << 22)],
                stdout=subprocess.PIPE, text=True, cwd=ROOT,
            ) for number in range(senders)
        ]
        found = [json.loads(process.communicate()[0]) for process in started]
        return sum(one["sent"] for one in found), sum(one["sent"] / one["seconds"] for one in found)


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=20)


class Running:
    """A tool that captures, from `with` to Ctrl-C."""

    def __init__(self, wire: Wire, tool: Tool) -> None:
        self.tool = tool
        self.output: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - outlives this call
        command = ["ip", "netns", "exec", wire.near, *tool.command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, cwd=ROOT,
        )
        deadline = time.monotonic() + READY_SECONDS
        while tool.ready not in self.text():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise RuntimeError(f"{tool.title} does not capture: {self.text()[-500:]}")
            time.sleep(0.05)
        time.sleep(SETTLE_SECONDS)

    def text(self) -> str:
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode(errors="replace")

    def cpu(self) -> float:
        """Seconds of processor time so far, of the process and its threads."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def resident(self) -> int:
        """Bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) << 10 if found else 0

    def stop(self) -> tuple[int, int]:
        """(frames, dropped) by its own account."""
        time.sleep(SETTLE_SECONDS)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=120)
        text = self.text()
        self.output.close()
        return self.tool.count(text)


class Point:
    """One load. lost: share of the frames sent. rate: frames a second that were really sent."""

    def __init__(self, rate: float, sent: int, frames: int, dropped: int) -> None:
        self.rate = rate
        self.lost = (dropped if dropped >= 0 else max(sent - frames, 0)) / max(sent, 1)


def measure(wire: Wire, tool: Tool, rate: float, seconds: float, senders: int = 1) -> Point:
    running = Running(wire, tool)
    sent, real = wire.load(rate, seconds, senders)
    return Point(real, sent, *running.stop())


def limit(wire: Wire, tool: Tool, seconds: float) -> tuple[float, bool]:
    """(frames a second up to which nothing is lost, whether it is the most that could be sent)."""
    best = 0.0
    worst = 0.0
    for senders in (1, 1, 2):    # two reach more, and take the processor away from the tool
        point = measure(wire, tool, 0.0, seconds, senders)
        if point.lost <= LOST:
            best = max(best, point.rate)
        elif senders == 1:
            worst = point.rate
            break
    if not worst:
        return best, True
    best = min(best, worst)
    low = best or SLOWEST
    for _ in range(STEPS):
        if worst / low < 1.1:
            break
        rate = (low * worst) ** 0.5
        point = measure(wire, tool, rate, seconds)
        if point.lost > LOST:
            worst = rate
        else:
            low = best = max(point.rate, low)
    return best, False


def steady(wire: Wire, tool: Tool, seconds: float) -> tuple[float, float]:
    """(processor time per second at STEADY frames a second, share lost)."""
    running = Running(wire, tool)
    before = running.cpu()
    began = time.monotonic()
    sent, _rate = wire.load(STEADY, seconds, 1)
    used = (running.cpu() - before) / (time.monotonic() - began)
    frames, dropped = running.stop()
    return used, Point(0.0, sent, frames, dropped).lost


def churn(wire: Wire, tool: Tool, seconds: float) -> tuple[list[int], int]:
    """(bytes resident after each tenth, frames lost) while 2 000 conversations a second come and go."""
    running = Running(wire, tool)
    found = []
    sent = 0
    for _ in range(10):
        sent += wire.load(CHURN, seconds / 10, 1, 1)[0]
        found.append(running.resident())
    frames, dropped = running.stop()
    return found, dropped if dropped >= 0 else sent - frames


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each load (default 3)")
    parser.add_argument("--churn", type=float, default=20.0, metavar="S", help="of the churn (default 20; 0: none)")
    parser.add_argument("--only", metavar="NAME,...", help="tcpdump, dumpcap, cursor, sniff, scapy")
    parser.add_argument("--wiretale", metavar="CMD", help="what starts wiretale (default: beside this Python)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        print("network namespaces need Linux and root", file=sys.stderr)
        return 2
    chosen = [tool for tool in tools(wiretale_command(options.wiretale))
              if not options.only or tool.key in options.only.split(",")]
    results: dict[str, dict[str, object]] = {}
    with Wire() as wire:
        _sent, rate = wire.load(0.0, options.seconds, 1)
        print(f"{machine()['processor']}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
        print(f"one sender alone: {rate:,.0f} frames a second, {MEAN:.0f} octets each on average", flush=True)
        for tool in chosen:
            if tool.missing:
                print(f"{tool.title}: not installed")
                continue
            most, all_of_it = limit(wire, tool, options.seconds)
            used, lost = steady(wire, tool, options.seconds)
            results[tool.key] = {"title": tool.title, "rate": most, "at_most": all_of_it, "cpu": used, "lost": lost}
            print(f"{tool.title}: {most:,.0f} a second", flush=True)
        rows = [[str(each["title"]), f"{'at least ' if each['at_most'] else ''}{each['rate']:,.0f}",
                 f"{100 * float(str(each['cpu'])):.1f} %", f"{100 * float(str(each['lost'])):.2f} %"]
                for each in results.values()]
        print()
        print(table(["", "frames/s without loss", "CPU at 100 k frames/s", "lost there"], rows))
        sniff = next((tool for tool in chosen if tool.key == "sniff" and not tool.missing), None)
        if options.churn and sniff is not None:
            memory, dropped = churn(wire, sniff, options.churn)
            results["churn"] = {"seconds": options.churn, "resident": memory, "dropped": dropped}
            print(f"\n2 000 conversations a second for {options.churn:g} s: resident MiB after each tenth:",
                  " ".join(f"{each / (1 << 20):.1f}" for each in memory), f"; dropped {dropped}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "sender": rate, "tools": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
