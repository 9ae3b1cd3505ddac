"""Records a transfer at both hosts, with what both kernels say of it beside the captures."""
from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

from bench.limits.transfers import Transfer
from samples.record.capture import Recording
from samples.record.lab import Lab, LabError
from samples.record.network import Capture, Host, Nic
from samples.record.tools import why_not as no_recorder

PROGRAM: Final = Path(__file__).parent / "program.py"
CONTROLS: Final = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
ADDRESSES: Final = {4: ("10.0.1.10", "10.0.1.20", 24), 6: ("fd00::10", "fd00::20", 64)}
PORT: Final = 8000
SNAP: Final = 200               # octets of a frame that are kept: its headers
SECONDS: Final = 90.0
HOSTS: Final = ("client", "server")


def why_not() -> str:
    """Why nothing can be recorded here; "" where it can."""
    if reason := no_recorder():
        return reason
    return "" if os.geteuid() == 0 else "it needs root, for network namespaces"


def controls() -> list[str]:
    """The congestion controls that the kernel has."""
    return CONTROLS.read_text().split() if CONTROLS.exists() else []


def capture(folder: Path, transfer: Transfer, host: str) -> Path:
    return folder / f"{transfer.name}-{host}.pcapng"


def samples(folder: Path, transfer: Transfer, host: str) -> Path:
    return folder / f"{transfer.name}-{host}.info"


def counters(folder: Path, transfer: Transfer, host: str) -> Path:
    """By how much the counters of its kernel went up: a name and a number a line."""
    return folder / f"{transfer.name}-{host}.counters"


def made(folder: Path, transfer: Transfer) -> bool:
    return all(path(folder, transfer, host).exists() for path in (capture, samples, counters) for host in HOSTS)


def _steps(transfer: Transfer) -> dict[str, tuple[str, ...]]:
    """What each host does. The side that receives asks first, unless the client sends."""
    asked = () if transfer.upload else ("read:100",)
    asks = () if transfer.upload else ("write:100",)
    sends = (
        f"cc:{transfer.control}", *transfer.before_sends, "open", *asked, "start", *transfer.sends, "acked", "close",
    )
    reads = (*transfer.before_reads, "open", *asks, *transfer.reads, "close")
    return {"client": sends, "server": reads} if transfer.upload else {"client": reads, "server": sends}


def record(folder: Path, transfer: Transfer) -> None:
    """Raises LabError where a program does not do what it should."""
    addresses = ADDRESSES[transfer.version]
    hosts = tuple(
        Host(host, (Nic((f"{address}/{addresses[2]}",), transfer.delay_ms / 2),), transfer.settings)
        for host, address in zip(HOSTS, addresses[:2], strict=True)
    )
    steps = _steps(transfer)
    with Lab(transfer.name, hosts, {"lan": transfer.link}, Capture("client", snaplen=SNAP), SECONDS) as lab:
        for host in HOSTS:
            lab.quiet(host, ["chmod", "777", str(lab.scratch)])
        command = {
            host: [sys.executable, "-I", str(PROGRAM), "listen" if host == "server" else "connect",
                   addresses[1], str(PORT), str(lab.scratch / f"{host}.info"), *steps[host]] for host in HOSTS
        }
        server = lab.start("server", command["server"])
        lab.listening("server", PORT)
        recordings = [Recording(lab, Capture(host, snaplen=SNAP), host) for host in HOSTS]
        lab.arm()
        lab.run("client", command["client"])
        lab.finish(server)
        time.sleep(2 * transfer.delay_ms / 1000 + 0.2)
        captured = [recording.stop() for recording in recordings]
        for host, data in zip(HOSTS, captured, strict=True):
            capture(folder, transfer, host).write_bytes(data)
            noted = lab.scratch / f"{host}.info"
            if not noted.exists():
                raise LabError(f"{transfer.name}: {host} left no samples")
            samples(folder, transfer, host).write_bytes(noted.read_bytes())
            counters(folder, transfer, host).write_bytes(noted.with_name(noted.name + ".counters").read_bytes())
