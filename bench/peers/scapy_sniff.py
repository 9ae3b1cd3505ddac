"""Counts the frames that scapy's sniff hands out.

    python -m bench.peers.scapy_sniff IFACE
"""
from __future__ import annotations

import json
import sys

from scapy.all import sniff


class Counter:
    def __init__(self) -> None:
        self.frames = 0

    def add(self, _packet: object) -> None:
        self.frames += 1


def main() -> None:
    counter = Counter()
    sniff(iface=sys.argv[1], prn=counter.add, store=False,
          started_callback=lambda: print("ready", file=sys.stderr, flush=True))     # ends with Ctrl-C
    print(json.dumps({"frames": counter.frames}))


if __name__ == "__main__":
    main()
