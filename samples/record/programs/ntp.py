"""A server of NTP that answers as it is told: `ntp.py ADDRESS HOW:VALUE...`. HOW is ahead (seconds that its clock is
ahead), kiss (four letters) or unsynchronised."""
from __future__ import annotations

import socket
import sys
import time

SINCE_1900 = 2_208_988_800


def stamp(ahead: float) -> bytes:
    """Now, as RFC 5905 §6 writes it."""
    now = time.time_ns() + int(ahead * 1e9)
    seconds, rest = divmod(now, 1_000_000_000)
    return (seconds + SINCE_1900).to_bytes(4, "big") + ((rest << 32) // 1_000_000_000).to_bytes(4, "big")


def answer(request: bytes, ahead: float, kiss: str, unsynchronised: bool) -> bytes:
    came = stamp(ahead)
    leap, stratum, reference = 0, 2, b"\x0a\0\1\x01"
    if kiss or unsynchronised:
        leap, stratum, reference = 3, 0 if kiss else 16, kiss.encode() or b"INIT"
    head = bytes([leap << 6 | request[0] & 0x38 | 4, stratum, request[2], 0xE9])
    return head + bytes((0, 0, 2, 0, 0, 0, 3, 0)) + reference + came + request[40:48] + came + stamp(ahead)


def main(arguments: list[str]) -> None:
    how = dict(one.partition(":")[::2] for one in arguments[1:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((arguments[0], 123))
        while True:
            request, client = s.recvfrom(512)
            if len(request) >= 48:
                ahead, kiss = float(how.get("ahead", 0)), how.get("kiss", "")
                s.sendto(answer(request, ahead, kiss, "unsynchronised" in how), client)


if __name__ == "__main__":
    main(sys.argv[1:])
