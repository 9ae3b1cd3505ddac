"""One end of a transfer that notes what its kernel says of it (TCP_INFO), with the time on the clock of the capture.

`program.py listen|connect ADDRESS PORT SAMPLES STEP...`. Before `open`: cc:NAME, sndbuf:BYTES, rcvbuf:BYTES. `open`
connects or accepts. Then write:BYTES, pause:SECONDS, drip:BYTES:TIMES:SECONDS (write, pause, again), read:BYTES,
slow:BYTES:SECONDS (read so much, pause, until the end), eof (read to the end), start (the transfer begins), acked
(wait until all is acknowledged: it ends), close. SAMPLES gets a line for each sample: the time in nanoseconds,
`start`, `end` or `-`, the structure in hex, and that of the congestion control (TCP_CC_INFO) where it has one. Beside
it, with `.counters` behind its name, stands by how much each counter of the kernel went up (/proc/net/netstat).
"""
from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from pathlib import Path

EVERY_S = 0.004                 # between two samples
TCP_INFO_OCTETS = 256
UNACKED, NOTSENT = 24, 144      # where they stand in struct tcp_info (linux/tcp.h)
TCP_CC_INFO = 26                # linux/tcp.h; union tcp_cc_info
CC_INFO_OCTETS = 20
COUNTERS = Path("/proc/self/net/netstat")


class Sampler(threading.Thread):
    def __init__(self, of: socket.socket) -> None:
        super().__init__(daemon=True)
        self.of = of
        self.found: list[tuple[int, str, bytes, bytes]] = []
        self.counted = counters()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY_S):
            self.take("-")

    def take(self, mark: str) -> bytes:
        data = self.of.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_OCTETS)
        own = self.of.getsockopt(socket.IPPROTO_TCP, TCP_CC_INFO, CC_INFO_OCTETS)
        self.found.append((time.time_ns(), mark, data, own))
        return data

    def write(self, path: Path) -> None:
        self.over.set()
        self.join()
        path.write_text("".join(
            f"{at} {mark} {data.hex()} {own.hex()}".rstrip() + "\n" for at, mark, data, own in sorted(self.found)
        ))
        went_up = {name: value - self.counted.get(name, 0) for name, value in counters().items()}
        lines = "".join(f"{name} {value}\n" for name, value in went_up.items() if value)
        path.with_name(path.name + ".counters").write_text(lines)


def counters() -> dict[str, int]:
    """Of this network namespace: names and values come in pairs of lines."""
    lines = COUNTERS.read_text().splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        found |= dict(zip(names.split()[1:], map(int, values.split()[1:]), strict=True))
    return found


def waiting(data: bytes) -> bool:
    """Something is not acknowledged, or not even sent."""
    return any(struct.unpack_from("=I", data, at)[0] for at in (UNACKED, NOTSENT))


class End:
    def __init__(self, role: str, address: str, port: int, samples: Path) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.role, self.address, self.port, self.samples = role, address, port, samples
        self.sampler: Sampler | None = None

    def open(self) -> None:
        if self.role == "listen":
            self.socket.bind((self.address, self.port))
            self.socket.listen(1)
            self.socket = self.socket.accept()[0]
        else:
            self.socket.connect((self.address, self.port))
        self.sampler = Sampler(self.socket)
        self.sampler.start()

    def act(self, name: str, values: list[str]) -> None:
        s = self.socket
        if name == "cc":
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, values[0].encode())
        elif name in ("sndbuf", "rcvbuf"):
            which = socket.SO_SNDBUF if name == "sndbuf" else socket.SO_RCVBUF
            s.setsockopt(socket.SOL_SOCKET, which, int(values[0]))
        elif name == "open":
            self.open()
        elif name == "write":
            s.sendall(bytes(int(values[0])))
        elif name == "pause":
            time.sleep(float(values[0]))
        elif name == "drip":
            for _ in range(int(values[1])):
                s.sendall(bytes(int(values[0])))
                time.sleep(float(values[2]))
        elif name == "read":
            left = int(values[0])
            while left > 0 and (got := s.recv(min(left, 65536))):
                left -= len(got)
        elif name == "slow":
            while s.recv(int(values[0]), socket.MSG_WAITALL):
                time.sleep(float(values[1]))
        elif name == "eof":
            while s.recv(65536):
                pass
        elif name == "start":
            self.sampled().take("start")
        elif name == "acked":
            while waiting(self.sampled().take("-")):
                time.sleep(0.001)
            self.sampled().take("end")
        elif name == "close":
            self.sampled().write(self.samples)
            s.close()
        else:
            raise SystemExit(f"no such step: {name}")

    def sampled(self) -> Sampler:
        if self.sampler is None:
            raise SystemExit("not open yet")
        return self.sampler


def main(arguments: list[str]) -> None:
    role, address, port, samples, *steps = arguments
    end = End(role, address, int(port), Path(samples))
    for step in steps:
        name, *values = step.split(":")
        end.act(name, values)


if __name__ == "__main__":
    main(sys.argv[1:])
