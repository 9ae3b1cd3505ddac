"""A laboratory: network namespaces, their devices, the link between them, and the processes inside.

Everything it makes carries the prefix below, and close() removes all of it, whatever happened before.
"""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from samples.record.link import Emulator, Port, open_tap
from samples.record.network import MIRROR, Capture, Host, Link

PREFIX = "wiretale-"
PROGRAMS = Path(__file__).parent / "programs"
READY_S = 10.0

# The same for every host, so that a recording does not depend on the machine that makes it.
COMMON_SYSCTL = (
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_syn_linear_timeouts", "0"),
    ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    ("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    ("net.ipv4.ip_local_port_range", "40000 40999"),
    ("net.ipv4.ping_group_range", "0 0"),
    ("net.ipv4.icmp_ratelimit", "0"),
)


def namespace(host: str) -> str:
    """The network namespace of a host; the process in its name keeps two recorders apart."""
    return f"{PREFIX}{os.getpid()}-{host}"


class LabError(Exception):
    """A program did not start, did not end, or failed. The message says which and what it printed."""


class Lab:
    """The hosts of one case, from `with` to the end of it.

    key: the name of the case.     seconds: that a program may take at most.
    """

    def __init__(
        self, key: str, hosts: tuple[Host, ...], links: dict[str, Link], capture: Capture, seconds: float
    ) -> None:
        self.key = key
        self.declared = hosts
        self.links = links
        self.capture = capture
        self.seconds = seconds
        self.scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.namespaces: list[str] = []
        self.taps: list[int] = []
        self.emulator: Emulator | None = None
        self.used: set[str] = set()          # programs run and libraries used so far, for the README
        self.keys = self.scratch / "keys.log"    # what programs write here goes into the recording (NSS key log)

    def __enter__(self) -> Lab:
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    # Building

    def build(self) -> None:
        ports: list[Port] = []
        for number, host in enumerate(self.declared, 1):
            ports += self.add_host(host, number)
        capture = self.capture
        mirror = -1
        if capture.at == MIRROR:
            self.add_namespace(MIRROR)
            mirror = self.add_tap(MIRROR, "eth0", "02:00:00:00:ff:01", 9000)
        self.emulator = Emulator(ports, self.links, mirror, capture.tags)
        self.emulator.start()

    def add_namespace(self, name: str) -> None:
        space = namespace(name)
        _tool("ip", "netns", "add", space)
        self.namespaces.append(space)
        self.ip(name, "link", "set", "lo", "up")
        self.sysctl(name, "net.ipv6.conf.all.disable_ipv6", "1")
        self.sysctl(name, "net.ipv6.conf.default.disable_ipv6", "1")

    def add_tap(self, name: str, device: str, mac: str, mtu: int) -> int:
        tap = open_tap(namespace(name), device)
        self.taps.append(tap)
        self.ip(name, "link", "set", device, "address", mac, "mtu", str(mtu))
        self.quiet(name, ["ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off", "tx", "off",
                          "rx", "off", "sg", "off", "txvlan", "off"])
        self.ip(name, "link", "set", device, "up")
        return tap

    def add_host(self, host: Host, number: int) -> list[Port]:
        self.add_namespace(host.name)
        for key, value in COMMON_SYSCTL + host.sysctl:
            self.sysctl(host.name, key, value)
        if host.forwards:
            self.sysctl(host.name, "net.ipv4.ip_forward", "1")
        ports: list[Port] = []
        for index, nic in enumerate(host.nics):
            mac = f"02:00:00:00:{number:02x}:{index + 1:02x}"
            tap = self.add_tap(host.name, f"eth{index}", mac, nic.mtu)
            if any(":" in address for address in nic.addresses):
                self.sysctl(host.name, f"net.ipv6.conf.eth{index}.accept_dad", "0")
                self.sysctl(host.name, f"net.ipv6.conf.eth{index}.disable_ipv6", "0")
            for address in nic.addresses:
                nodad = ["nodad"] if ":" in address else []
                self.ip(host.name, "address", "add", address, "dev", f"eth{index}", *nodad)
            ports.append(Port(host.name, nic.segment, bytes.fromhex(mac.replace(":", "")), tap,
                              int(nic.delay_ms * 1e6), bridged=nic.bridged))
        for route in host.routes:
            self.ip(host.name, "route", "add", *route.split())
        etc: dict[str, str] = {}                                 # `ip netns exec` shows these in /etc
        if host.resolver:
            etc["resolv.conf"] = f"nameserver {host.resolver}\noptions timeout:2 attempts:2\n"
        if host.names:
            etc["hosts"] = "".join(f"{line}\n" for line in host.names)
        for name, text in etc.items():
            folder = Path("/etc/netns") / namespace(host.name)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return ports

    # Acting

    def arm(self) -> None:
        """From here on the link's faults count frames."""
        if self.emulator is not None:
            self.emulator.armed.set()

    def ip(self, host: str, *arguments: str) -> None:
        _tool("ip", "-n", namespace(host), *arguments)

    def sysctl(self, host: str, key: str, value: str) -> None:
        self.quiet(host, ["sysctl", "-qw", f"{key}={value}"])

    def quiet(self, host: str, command: list[str]) -> str:
        """Runs a tool inside a host, away from the record of what a case uses; returns what it printed."""
        return _tool("ip", "netns", "exec", namespace(host), *command)

    def python(self, program: str, *arguments: object, libraries: tuple[str, ...] = ()) -> list[str]:
        """The command that runs one of the small programs of this recorder. libraries: what it imports from PyPI."""
        self.used.update(libraries)
        return [sys.executable, "-I", str(PROGRAMS / f"{program}.py"), *(str(a) for a in arguments)]

    def start(self, host: str, command: list[str], keyboard: bool = False,
              environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts a program inside a host; close() ends it at the latest. keyboard: say() may type into it."""
        self.note(command)
        log = (self.scratch / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(["ip", "netns", "exec", namespace(host), *command],
                                   stdin=subprocess.PIPE if keyboard else subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, cwd=self.scratch, start_new_session=True,
                                   env=os.environ | (environment or {}))
        log.close()
        self.processes.append((log.name, process))
        return process

    def run(self, host: str, command: list[str], allowed: tuple[int, ...] = (0,),
            environment: dict[str, str] | None = None) -> None:
        """Runs a program inside a host to its end."""
        self.finish(self.start(host, command, environment=environment), allowed)

    def say(self, process: subprocess.Popen[bytes], *words: str | float) -> None:
        """Types into a program that was started with a keyboard: text, and pauses in seconds between."""
        if process.stdin is None:
            raise LabError(f"{self.key}: {process.args!r} has no keyboard")
        for word in words:
            if isinstance(word, str):
                with suppress(BrokenPipeError):            # it may have ended before
                    process.stdin.write(word.encode())
                    process.stdin.flush()
            else:
                time.sleep(word)

    def finish(self, process: subprocess.Popen[bytes], allowed: tuple[int, ...] = (0,)) -> None:
        try:
            code = process.wait(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            code = None
        if code not in allowed:
            log = next(log for log, known in self.processes if known is process)
            printed = Path(log).read_text(errors="replace")[-2000:]
            raise LabError(f"{self.key}: {process.args!r} ended with {code}: {printed}")

    def listening(self, host: str, port: int, udp: bool = False) -> None:
        """Waits until a server holds its port. Looks at the socket table: nothing is sent."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.quiet(host, ["ss", "-Hlnu" if udp else "-Hlnt", f"sport = :{port}"]).strip():
                return
            time.sleep(0.05)
        logs = "".join(Path(log).read_text(errors="replace")[-1500:] for log, _ in self.processes)
        raise LabError(f"{self.key}: nothing listens on port {port} of {host}: {logs}")

    def note(self, command: list[str]) -> None:
        if command[0] == "runuser":
            command = command[command.index("--") + 1:]
        name = Path(command[0]).name
        self.used.add("python" if name.startswith("python") else name)

    # Ending

    def end(self, process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
        """Ends one program and what it started; both are in a session of their own."""
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):     # it may end by itself at this very moment
            os.killpg(process.pid, how)
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=3)

    def close(self) -> None:
        for _, process in reversed(self.processes):
            self.end(process)
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.close()
        if self.emulator is not None and self.emulator.is_alive():
            self.emulator.stop()
        for tap in self.taps:
            os.close(tap)
        self.taps.clear()
        for space in self.namespaces:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False, timeout=20)
            shutil.rmtree(Path("/etc/netns") / space, ignore_errors=True)
        self.namespaces.clear()
        with suppress(OSError):                # left alone when others use it
            Path("/etc/netns").rmdir()
        shutil.rmtree(self.scratch, ignore_errors=True)


def _tool(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
