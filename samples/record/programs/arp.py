"""Sends ARP that no kernel would: `arp.py tell DEVICE CLAIMED TOLD TOLD_MAC COUNT` tells one machine COUNT times, half
a second apart, that the address CLAIMED is at this device, which nobody asked for. `arp.py ask DEVICE OWN WANTED COUNT
EVERY_S` asks everybody COUNT times for the address WANTED.
"""
from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

ARP = 0x0806     # the EtherType (RFC 826)


def tell(device: str, claimed: str, told: str, told_mac: str, count: int) -> None:
    own = bytes.fromhex(Path(f"/sys/class/net/{device}/address").read_text().strip().replace(":", ""))
    theirs = bytes.fromhex(told_mac.replace(":", ""))
    answer = bytes((0, 1, 8, 0, 6, 4, 0, 2)) + own + socket.inet_aton(claimed) + theirs + socket.inet_aton(told)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((device, ARP))
        for _ in range(count):
            s.send(theirs + own + ARP.to_bytes(2, "big") + answer + bytes(18))
            time.sleep(0.5)


def ask(device: str, address: str, wanted: str, count: int, every_s: float) -> None:
    own = bytes.fromhex(Path(f"/sys/class/net/{device}/address").read_text().strip().replace(":", ""))
    question = bytes((0, 1, 8, 0, 6, 4, 0, 1)) + own + socket.inet_aton(address) + bytes(6) + socket.inet_aton(wanted)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((device, ARP))
        for _ in range(count):
            s.send(b"\xff" * 6 + own + ARP.to_bytes(2, "big") + question + bytes(18))
            time.sleep(every_s)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "ask":
        ask(rest[0], rest[1], rest[2], int(rest[3]), float(rest[4]))
    else:
        tell(rest[0], rest[1], rest[2], rest[3], int(rest[4]))
