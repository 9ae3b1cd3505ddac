"""What is measured: wiretale's commands, and the tools that do comparable work."""
from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bench.recorded import recorded_name
from bench.traffic.capture import name

TINY: Final = 100  # packets; a run on them is start-up
QUICK: Final = 10  # --quick divides the other sizes by this
RECORDED: Final = 1_000_000  # packets of the recorded mix
ON_RECORDED: Final = ("analyze", "tshark-conv", "analyze-tcp", "tcptrace")     # those that are compared on it too
PEERS: Final = Path(__file__).parent / "peers"

# What `wiretale frames` gives for the protocols of the mix, as tshark calls it.
ANALYSIS_FLAGS: Final = (
    "retransmission fast_retransmission spurious_retransmission out_of_order lost_segment ack_lost_segment "
    "duplicate_ack zero_window zero_window_probe zero_window_probe_ack keep_alive keep_alive_ack window_full "
    "window_update reused_ports bytes_in_flight ack_rtt initial_rtt"
)
FIELDS: Final = [
    "frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
    "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport",
    "tcp.stream", "udp.stream", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len",
    *("tcp.analysis." + flag for flag in ANALYSIS_FLAGS.split()),
    "dns.id", "dns.flags.response", "dns.flags.rcode", "dns.qry.name", "dns.qry.type", "dns.count.answers",
    "tls.record.content_type", "tls.record.version", "tls.handshake.type", "http.request.method", "http.request.uri",
    "http.response.code", "http2.type", "http2.streamid", "http2.flags", "http2.length", "websocket.opcode",
    "websocket.fin", "websocket.payload_length",
]


class Tool:
    """One command. command: the words before and after the capture's path; None in the middle stands for it.

    small, large: packets of the mix that it reads; the cost of one more packet comes from their difference.
    tcp_only: it reads the TCP packets of the mix alone. missing: why it cannot run, "" where it can.
    recorded: packets of the recorded mix that it reads too, where there is one; 0 for none.
    """

    def __init__(self, key: str, title: str, command: list[str | None], small: int, large: int,
                 tcp_only: bool, missing: str, version_text: str) -> None:
        self.key = key
        self.title = title
        self.command = command
        self.small = small
        self.large = large
        self.tcp_only = tcp_only
        self.missing = missing
        self.version = version_text
        self.recorded = 0

    def words(self, capture: Path) -> list[str]:
        return [str(capture) if word is None else word for word in self.command]

    def captures(self) -> list[str]:
        return [name(size, self.tcp_only) for size in sorted({TINY, self.small, self.large})]

    def recording(self) -> str:
        """The recorded mix that it reads, "" for none; it is not there everywhere."""
        return recorded_name(self.recorded, self.tcp_only) if self.recorded else ""


def first_line(command: list[str]) -> str:
    """The first line that a program says of itself, or "" where there is no such program."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines()
                 if line.strip() and "Running as user" not in line), command[0])


def wiretale_command(given: str | None) -> list[str]:
    """The words that start wiretale: as given, or from the environment of this interpreter."""
    if given:
        return shlex.split(given)
    return [str(Path(sys.executable).parent / "wiretale")]


def tools(wiretale: list[str], quick: bool) -> list[Tool]:
    """All of them, missing ones too. Slow ones read a part of the mix."""
    divide = QUICK if quick else 1
    said = first_line([*wiretale, "--version"])
    ours_missing = "" if said else f"{wiretale[0]} is not installed"
    tshark = first_line(["tshark", "--version"])
    tcptrace = first_line(["tcptrace", "-v"]).removeprefix("Version: ")
    fields: list[str | None] = [word for field in FIELDS for word in ("-e", field)]

    def program(key: str, title: str, command: list[str | None], small: int, large: int, found: str,
                tcp_only: bool = False) -> Tool:
        return Tool(key, title, command, small // divide, large // divide, tcp_only,
                    "" if found else f"{command[0]} is not installed", found)

    def ours(key: str, title: str, command: str, small: int, large: int, tcp_only: bool = False) -> Tool:
        return Tool(key, title, [*wiretale, *command.split(), None], small // divide, large // divide, tcp_only,
                    ours_missing, said)

    found = [
        ours("analyze", "wiretale analyze", "analyze --jobs 1", 1_000_000, 4_000_000),
        ours("analyze-two", "wiretale analyze, two processes", "analyze --jobs 2", 1_000_000, 4_000_000),
        program("tshark-conv", "tshark -q -z conv,tcp", ["tshark", "-n", "-r", None, "-q", "-z", "conv,tcp"],
                100_000, 1_000_000, tshark),
        ours("analyze-tcp", "wiretale analyze, TCP", "analyze --jobs 1", 1_000_000, 4_000_000, tcp_only=True),
        program("tcptrace", "tcptrace, TCP", ["tcptrace", "-n", None], 1_000_000, 4_000_000, tcptrace, tcp_only=True),
        ours("frames", "wiretale frames", "frames", 100_000, 1_000_000),
        program("tshark-fields", f"tshark -T fields ({len(FIELDS)})",
                ["tshark", "-n", "-r", None, "-T", "fields", *fields], 100_000, 1_000_000, tshark),
        Tool("all", "wiretale analyze --all --findings-only",
             [*wiretale, "analyze", "--all", "--findings-only", None], 1_000_000 // divide, 4_000_000 // divide, False,
             ours_missing, said),
        _script("dpkt", 10_000 // divide, 100_000 // divide),
        _script("scapy", 1000 // divide, 10_000 // divide),
        _script("pyshark", 1000 // divide, 5000 // divide, needs="tshark" if not tshark else ""),
    ]
    for tool in found:
        if tool.key in ON_RECORDED:
            tool.recorded = RECORDED // divide
    return found


def _script(package: str, small: int, large: int, needs: str = "") -> Tool:
    try:
        found, missing = f"{package} {version(package)}", ""
    except PackageNotFoundError:
        found, missing = "", f"the package {package} is not installed"
    if needs and not missing:
        missing = f"{needs}, which {package} needs, is not installed"
    return Tool(package, package, [sys.executable, str(PEERS / f"{package}_parse.py"), None], small, large, False,
                missing, found)


def sizes(chosen: list[Tool]) -> list[int]:
    """Every length of the mix that these tools read."""
    return sorted({TINY} | {size for tool in chosen for size in (tool.small, tool.large)})
