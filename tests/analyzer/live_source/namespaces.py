"""Real interfaces for the tests: network namespaces that a veth pair joins, and programs in them as threads."""
from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType

from analyzer.ingest.live.source import LiveSource

CLONE_NEWNET = 0x40000000   # linux/sched.h
PATIENCE = 5.0

HERE = "10.77.0.1"
THERE = "10.77.0.2"


def reason_to_skip() -> str:
    """Why real interfaces cannot be made here, "" where they can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    done = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "no network namespace can be made here"


def tool(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def enter(path: str) -> None:
    """Move this thread into a network namespace."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)


class Wire:
    """Two namespaces. The test itself is in the one with `near`, whose other end is `far`."""

    def __init__(self) -> None:
        self.spaces = [f"wiretale-live-{os.getpid()}-{side}" for side in ("near", "far")]
        self.pairs: list[tuple[str, str]] = []
        self.own = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"

    def __enter__(self) -> Wire:
        self.before = os.open(self.own, os.O_RDONLY)
        for space in self.spaces:
            tool("ip", "netns", "add", space)
            for key in ("all", "default"):
                tool("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1")
            tool("ip", "-n", space, "link", "set", "lo", "up")
        self.join("near", "far", HERE, THERE)
        enter(f"/run/netns/{self.spaces[0]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ctypes.CDLL(None).setns(self.before, CLONE_NEWNET)
        os.close(self.before)
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False, timeout=20)

    def join(self, near: str, far: str, here: str, there: str) -> None:
        """One more veth pair between the two."""
        tool("ip", "-n", self.spaces[0], "link", "add", near, "type", "veth", "peer", "name", far,
             "netns", self.spaces[1])
        for space, device, address in ((self.spaces[0], near, here), (self.spaces[1], far, there)):
            tool("ip", "-n", space, "address", "add", f"{address}/24", "dev", device)
            tool("ip", "-n", space, "link", "set", device, "up")
        self.pairs.append((here, there))

    def near(self, *arguments: str) -> None:
        tool("ip", "-n", self.spaces[0], *arguments)

    def far(self, *arguments: str) -> None:
        tool("ip", "-n", self.spaces[1], *arguments)

    def at(self, side: int, program: Callable[[], None]) -> threading.Thread:
        """Run something at the near (0) or the far (1) end, whose thread is returned."""
        def inside() -> None:
            enter(f"/run/netns/{self.spaces[side]}")
            program()

        thread = threading.Thread(target=inside)
        thread.start()
        return thread

    def there(self, program: Callable[[], None]) -> threading.Thread:
        return self.at(1, program)

    def send_from_there(self, *payloads: bytes, to: str = HERE, port: int = 9000) -> None:
        """UDP datagrams from the far end. All of them have passed the interface when this returns.

        The kernel hands on what comes in when it finds the time; a socket gets it after every capture has.
        """
        with receiver(to, port) as here:
            self.there(partial(send, *payloads, to=to, port=port)).join()
            assert [here.recv(1 << 16) for _ in payloads] == list(payloads)

    def raw_from_there(self, *frames: bytes) -> None:
        """Whole Ethernet frames from the far end, and a datagram, with which they have passed the interface."""
        def program() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind(("far", 0))
                for frame in frames:
                    sender.send(frame)
            send(b"", to=HERE)

        with receiver(HERE, 9000) as here:
            self.there(program).join()
            here.recv(1)

    def settle(self) -> None:
        """Let every pair carry datagrams both ways, and know each other's hardware address: no ARP comes between.

        A new interface throws away what is sent until the kernel has seen that its cable is plugged in.
        """
        self.near("neigh", "flush", "all")
        for pair in self.pairs:
            for side, address in enumerate(pair):
                self.at(side, partial(self._until_passed, side, address)).join()

    def _until_passed(self, side: int, address: str) -> None:
        """At one end: let the other one send until something comes."""
        with receiver(address, 9000, 0.05) as here:
            for _ in range(round(PATIENCE / 0.05)):
                self.at(1 - side, partial(send, b"", to=address)).join()
                with suppress(TimeoutError):
                    here.recv(1)
                    return
        raise AssertionError(f"nothing comes to {address}")


def receiver(address: str, port: int, patience: float = PATIENCE) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.settimeout(patience)
    found.bind((address, port))
    return found


def send(*payloads: bytes, to: str = THERE, port: int = 9000) -> None:
    """UDP datagrams from here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for payload in payloads:
            sender.sendto(payload, (to, port))


class Seen:
    """A frame that was handed out."""

    def __init__(self, source: LiveSource) -> None:
        self.data = source.data[source.start:source.end]
        self.time = source.time
        self.length = source.length
        self.link = source.link
        self.name = source.interfaces[source.interface].name
        self.direction = source.direction
        self.number = source.number
        self.lag = time.time_ns() - source.time


def take(source: LiveSource, enough: Callable[[list[Seen]], bool], seconds: float = PATIENCE) -> list[Seen]:
    """Frames until these are enough, the source ends, or nothing more is believed to come."""
    found: list[Seen] = []
    end = time.monotonic() + seconds
    while not source.ended and time.monotonic() < end and not enough(found):
        while source.next():
            found.append(Seen(source))
        if not enough(found):
            source.wait(0.05)
    return found


def rest(source: LiveSource) -> list[Seen]:
    """Everything up to now, and the end."""
    source.stop()
    return take(source, lambda _: False)


def udp(frames: list[Seen], payload: bytes = b"") -> list[Seen]:
    """The frames that carry UDP over IPv4, and this payload at their end."""
    return [
        frame for frame in frames
        if frame.data[12:14] == b"\x08\x00" and frame.data[23] == 17 and frame.data.endswith(payload)
    ]


# Shows one folder that others may not enter to everybody, with only this one of its own in it.
OPENED = """
closed=$1 child=$2; shift 2
hold=$(mktemp -d)
mount --rbind "$closed" "$hold" && mount -t tmpfs -o mode=755 none "$closed" && mkdir "$closed/$child" || exit 99
mount --rbind "$hold/$child" "$closed/$child" && umount -l "$hold" || exit 99
rmdir "$hold"
exec "$@"
"""


def everybody_reads_python() -> tuple[str, ...]:
    """Before a command: run it where this interpreter and its modules can be read by everybody. Changes nothing else.

    The interpreter of a test may well lie where only root can read it.
    """
    before: list[str] = []
    for needed in (os.path.realpath(sys.executable), os.__file__, __file__, *sys.path):
        path = Path(needed)
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 1 and str(parent) not in before:
                child = path.relative_to(parent).parts[0]
                before += ["unshare", "-m", "sh", "-ec", OPENED, "sh", str(parent), child]
    return tuple(before)


def python(program: str, *arguments: str, prefix: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> (
    subprocess.CompletedProcess[str]
):
    """Run a program with this interpreter, in the namespace of this thread."""
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join([entry for entry in sys.path if entry] + [root])
    return subprocess.run(
        [*prefix, sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"PYTHONPATH": path} | (environment or {}),
    )
