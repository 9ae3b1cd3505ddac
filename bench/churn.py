"""Memory under churn: very many short connections through the live pipeline, from a source that makes them up.

    python -m bench.churn [--connections N] [--conversations N] [--limit MIB]

Prints the resident memory after each tenth, and fails where the last one is beyond the limit above the second one:
by then every budget is full, so memory has to stay flat.
"""
from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from pathlib import Path

from analyzer.ingest.source import ETHERNET, Interface, Source
from analyzer.live.audience import Audience
from analyzer.pipeline.live import CAPACITY, MAX_CONVERSATIONS, Budgets
from analyzer.pipeline.live_run import Plan, Sniffer
from dissectors.kit.provided import Provided

SYN, ACK, PSH_ACK, FIN_ACK, SYN_ACK = 2, 16, 24, 17, 18
AT_ONCE = 64                  # connections that overlap
STEP_NS = 20_000              # between two frames
STALE = 20                    # one connection in so many is never closed
LIMIT_MIB = 24.0
TENTHS = 10
REQUEST = b"GET /thing/%d HTTP/1.1\r\nHost: shop.test\r\nAccept: text/html\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 64\r\n\r\n" + b"x" * 64


def packet(source: int, sport: int, destination: int, dport: int, protocol: int, rest: bytes) -> bytes:
    return (
        bytes(12) + b"\x08\x00"
        + struct.pack("!BBHHHBBHII", 0x45, 0, 24 + len(rest), 0, 0, 64, protocol, 0, source, destination)
        + struct.pack("!HH", sport, dport) + rest
    )


def connection(index: int) -> list[bytes]:
    """One lookup and one HTTP exchange, each of an address and port of their own."""
    client, server = 0x0A000000 + (index // 20_000) % 250 + 1, 0x0A010001
    port = 40_000 + index % 20_000
    at = 0x1000 + index

    def up(seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
        return packet(client, port, server, 80, 6, struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 64_000, 0, 0) + data)

    def down(seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
        return packet(server, 80, client, port, 6, struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 64_000, 0, 0) + data)

    name = b"\x04host\x04test\x00\x00\x01\x00\x01"
    query = struct.pack("!HHHHHH", index & 0xFFFF, 0x0100, 1, 0, 0, 0) + name
    answer = struct.pack("!HHHHHH", index & 0xFFFF, 0x8180, 1, 1, 0, 0) + name
    answer += b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + server.to_bytes(4)
    request = REQUEST % index
    there, back = at + 1 + len(request), 9_001 + len(RESPONSE)
    frames = [
        packet(client, port, server, 53, 17, struct.pack("!HH", 8 + len(query), 0) + query),
        packet(server, 53, client, port, 17, struct.pack("!HH", 8 + len(answer), 0) + answer),
        up(at, 0, SYN), down(9_000, at + 1, SYN_ACK), up(at + 1, 9_001, ACK),
        up(at + 1, 9_001, PSH_ACK, request), down(9_001, there, PSH_ACK, RESPONSE), up(there, back, ACK),
    ]
    if index % STALE:
        frames += [up(there, back, FIN_ACK), down(back, there + 1, FIN_ACK), up(there + 1, back + 1, ACK)]
    return frames


class Churn(Source):
    """Connections one after the other, AT_ONCE of them interleaved."""

    def __init__(self, connections: int) -> None:
        super().__init__("churn")
        self.left = connections
        self.made = 0
        self.link = ETHERNET
        self.time = 1_700_000_000_000_000_000
        self.interfaces = [Interface(ETHERNET, 65_535)]
        self.open: list[list[bytes]] = []
        self.turn = 0
        self.connections = connections
        self.mib: list[float] = []        # resident, after each tenth

    def next(self) -> bool:
        while self.left and len(self.open) < AT_ONCE:
            self.open.append(connection(self.made)[::-1])
            self.made += 1
            self.left -= 1
            if self.made * TENTHS >= self.connections * (len(self.mib) + 1):
                self.mib.append(round(resident_mib(), 1))
        if not self.open:
            return False
        self.turn = (self.turn + 1) % len(self.open)
        frames = self.open[self.turn]
        self.data = frames.pop()
        if not frames:
            del self.open[self.turn]
        self.start, self.end = 0, len(self.data)
        self.length = len(self.data)
        self.time += STEP_NS
        self.number += 1
        return True


def resident_mib() -> float:
    """What this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(connections: int, conversations: int, counted: int = CAPACITY) -> dict[str, object]:
    """Run it; resident memory after each tenth of the connections."""
    source = Churn(connections)
    sniffer = Sniffer(source, Audience(), Plan(), Provided(), Budgets(conversations, counted=counted))
    began = time.perf_counter()
    sniffer.run()
    seconds = time.perf_counter() - began
    left = sniffer.live.left
    return {
        "connections": connections, "frames": int(source.number), "seconds": round(seconds, 2),
        "conversations": int(sniffer.live.sink.count), "kept": len(sniffer.live.finished),
        "left": left.conversations, "events_left": left.events, "events_kept": sniffer.live.events,
        "frames_per_second": round(int(source.number) / seconds), "resident_mib": source.mib,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.churn", description=__doc__)
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=MAX_CONVERSATIONS)
    parser.add_argument("--limit", type=float, default=LIMIT_MIB, help="MiB between the second tenth and the last")
    options = parser.parse_args()
    found = measure(options.connections, options.conversations)
    print(json.dumps(found))
    mib = found["resident_mib"]
    grown = mib[-1] - mib[1] if isinstance(mib, list) and len(mib) > 1 else 0.0
    if grown > options.limit:
        print(f"memory grew by {grown:.1f} MiB after the budgets were full", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
