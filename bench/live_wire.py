"""What a live comparison needs: two network namespaces joined by a veth pair, and tools that capture on it."""
from __future__ import annotations

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

INTERFACE: Final = "near"
READY_SECONDS: Final = 15.0
SETTLE_SECONDS: Final = 0.5
BUFFER_MIB: Final = 16           # between the system and a tool, the same for all that can choose
TICKS: Final = os.sysconf("SC_CLK_TCK")
ROOT: Final = Path(__file__).parent.parent


class Tool:
    """A program that captures until Ctrl-C. ready: what it prints once it does.

    count: frames captured, from what it printed in the end.
    """

    def __init__(self, key: str, title: str, command: list[str], ready: str, count: Callable[[str], int]) -> None:
        self.key = key
        self.title = title
        self.command = command
        self.ready = ready
        self.count = count

    @property
    def missing(self) -> bool:
        return shutil.which(self.command[0]) is None


def of_tcpdump(text: str) -> int:
    found = re.search(r"(\d+) packets? captured", text)
    return int(found[1]) if found else 0


def of_dumpcap(text: str) -> int:
    found = re.search(r"received/dropped on interface '.*?': (\d+)/", text)
    return int(found[1]) if found else 0


def of_line(text: str) -> int:
    """The last line is a JSON object with `frames`."""
    for line in reversed(text.splitlines()):
        if line.startswith("{") and '"frames"' in line:
            frames = json.loads(line)["frames"]
            if isinstance(frames, int):     # those of a finding are a list
                return frames
    return 0


def tools(wiretale: list[str]) -> list[Tool]:
    python = [sys.executable, "-m"]
    nowhere = ["-i", INTERFACE, "-w", "/dev/null"]
    kib, mib = str(BUFFER_MIB << 10), str(BUFFER_MIB)
    sniff = [*wiretale, "sniff", INTERFACE, "--keep-privileges", "--json", "--level", "brief", "--buffer", f"{mib}MiB"]
    return [
        Tool("tcpdump", "tcpdump -w /dev/null", ["tcpdump", "-n", "-B", kib, *nowhere], "listening on", of_tcpdump),
        Tool("dumpcap", "dumpcap -w /dev/null", ["dumpcap", "-q", "-B", mib, *nowhere], "File:", of_dumpcap),
        Tool("cursor", "wiretale, the cursor alone", [*python, "bench.peers.live_cursor", INTERFACE], "ready", of_line),
        Tool("sniff", "wiretale sniff", sniff, "capturing on", of_line),
        Tool("scapy", "scapy's sniff", [*python, "bench.peers.scapy_sniff", INTERFACE], "ready", of_line),
    ]


class Load:
    """frames: that arrived at the interface; rate: of them, in a second."""

    def __init__(self, frames: int, rate: float) -> None:
        self.frames = frames
        self.rate = rate


class Wire:
    """Two network namespaces that a veth pair joins."""

    def __init__(self) -> None:
        self.near, self.far = (f"wiretale-bench-{os.getpid()}-{side}" for side in ("near", "far"))
        self.senders = 0               # so far: each has addresses of its own

    def __enter__(self) -> Wire:
        for space in (self.near, self.far):
            run("ip", "netns", "add", space)
            for key in ("all", "default"):
                run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1")
        run("ip", "-n", self.near, "link", "add", INTERFACE, "type", "veth", "peer", "name", "far", "netns", self.far)
        run("ip", "-n", self.near, "link", "set", INTERFACE, "up")
        run("ip", "-n", self.far, "link", "set", "far", "up")
        run("ip", "netns", "exec", self.far, "ethtool", "-K", "far", "tso", "off", "gso", "off")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for space in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", space], check=False)

    def load(self, rate: float, seconds: float, senders: int, shape: tuple[int, int]) -> Load:
        """Send frames. rate: frames a second of all senders, 0 for as many as can be. shape: of a conversation, the
        requests and the segments of a response."""
        before = self.received()
        first = self.senders
        self.senders += senders
        started = [
            subprocess.Popen(
                ["ip", "netns", "exec", self.far, sys.executable, "-m", "bench.live_load", "far",
                 "--rate", str(rate / senders), "--seconds", str(seconds), "--exchanges", str(shape[0]),
                 "--segments", str(shape[1]), "--start", str(number << 14)],
                stdout=subprocess.PIPE, text=True, cwd=ROOT,
            ) for number in range(first, self.senders)
        ]
        taken = max(float(json.loads(process.communicate()[0])["seconds"]) for process in started)
        arrived = self.received() - before
        return Load(arrived, arrived / taken)

    def received(self) -> int:
        """Frames that the interface has received so far, by its own count."""
        place = f"/sys/class/net/{INTERFACE}/statistics/rx_packets"
        found = subprocess.run(
            ["ip", "netns", "exec", self.near, "cat", place], check=True, capture_output=True, timeout=20
        )
        return int(found.stdout)


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

    def stop(self) -> str:
        """End it, and give what it printed."""
        time.sleep(SETTLE_SECONDS)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=120)
        text = self.text()
        self.output.close()
        return text
