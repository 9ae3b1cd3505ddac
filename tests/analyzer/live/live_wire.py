"""Two network namespaces with a wire between them, real programs in both, and `wiretale sniff` in one."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
PORT = 8080
PATIENCE = 20.0
NO_IPV6 = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")


def possible() -> bool:
    """Whether this system lets us have namespaces."""
    if not sys.platform.startswith("linux") or os.geteuid() or not shutil.which("ip"):
        return False
    name = f"wiretale-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return made


class Wire:
    """`near` is where the capture runs, `far` has a web server. Interfaces: w0 and w1."""

    def __init__(self) -> None:
        self.near, self.far = f"wiretale-{os.getpid()}-near", f"wiretale-{os.getpid()}-far"
        self.folder = Path(tempfile.mkdtemp(prefix="wiretale-wire-"))
        (self.folder / "index.html").write_text("hello\n")
        self.started: list[subprocess.Popen[bytes]] = []
        for name in (self.near, self.far):
            self._ip("netns", "add", name)
            self.inside(name, "sysctl", "-qw", *NO_IPV6)
        self.connect()
        web = [sys.executable, "-m", "http.server", str(PORT), "--directory", str(self.folder)]
        self.started.append(subprocess.Popen(
            ["ip", "netns", "exec", self.far, *web], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ))
        until = time.monotonic() + PATIENCE
        while self.curl("/") and time.monotonic() < until:
            time.sleep(0.05)

    def connect(self) -> None:
        """Lay the wire, again where it was cut."""
        self._ip("-n", self.near, "link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", self.far)
        for name, device, address in ((self.near, "w0", CLIENT), (self.far, "w1", SERVER)):
            self._ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            self._ip("-n", name, "link", "set", device, "up")
            self._ip("-n", name, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Both interfaces vanish."""
        self._ip("-n", self.near, "link", "del", "w0")

    def curl(self, path: str, port: int = PORT) -> int:
        """Fetch it; curl's exit code."""
        return self.inside(self.near, "curl", "-s", "-o", "/dev/null", f"http://{SERVER}:{port}{path}")

    def inside(self, name: str, *command: str) -> int:
        return subprocess.run(["ip", "netns", "exec", name, *command], capture_output=True, check=False).returncode

    def sniff(self, *options: str, before: tuple[str, ...] = (), **popen: object) -> Sniffing:
        return Sniffing(["ip", "netns", "exec", self.near, *before], options, popen)

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)


class Sniffing:
    """A running `wiretale sniff`. lines: of its standard output, each with the time at which it came."""

    def __init__(self, before: list[str], options: tuple[str, ...], popen: dict[str, object]) -> None:
        reading = popen.pop("reading", True)
        command = [*before, sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", "--keep-privileges", *options]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
            command, **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
        )
        self.lines: list[tuple[int, str]] = []
        self.complaints = ""
        self._threads = []
        if reading and self.process.stdout is not None:
            self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._listen)]
            for thread in self._threads:
                thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.time_ns(), line.decode().rstrip("\n")))

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.complaints = self.process.stderr.read().decode()

    @property
    def text(self) -> str:
        return "\n".join(line for _time, line in self.lines)

    def until(self, met: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + PATIENCE
        while not met():
            assert time.monotonic() < limit, f"{what} did not come: {self.text}\n{self.complaints}"
            assert self.process.poll() is None or met(), f"it ended before {what}: {self.text}\n{self.complaints}"
            time.sleep(0.01)

    def ready(self) -> Sniffing:
        """Once it says what it captures."""
        self.until(lambda: "capturing on" in self.text, "the first line")
        return self

    def says(self, text: str) -> Sniffing:
        self.until(lambda: text in self.text, repr(text))
        return self

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code
