"""Sends small probes: `probe.py ping ADDRESS COUNT [BYTES]`, `probe.py udp ADDRESS PORT COUNT`,
`probe.py trace ADDRESS HOPS` (UDP datagrams with growing TTL to the traceroute ports), `probe.py mdns NAME...`;
`probe.py deaf ADDRESS PORT` takes datagrams and answers none.
"""
from __future__ import annotations

import os
import select
import socket
import sys
import time

TRACEROUTE_PORT = 33434
MDNS = ("224.0.0.251", 5353)       # RFC 6762 §3


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[p:p + 2], "big") for p in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(address: str, count: int, length: int = 56) -> None:
    """Echo requests, one every 200 ms, each answer awaited (RFC 792; RFC 4443 §4.1)."""
    six = ":" in address
    kind = 128 if six else 8
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    payload = bytes(range(256)) * (length // 256 + 1)
    with socket.socket(family, socket.SOCK_RAW, protocol) as s:
        for sequence in range(1, count + 1):
            head = (os.getpid() & 0xFFFF).to_bytes(2, "big") + sequence.to_bytes(2, "big")
            message = bytes([kind, 0, 0, 0]) + head + payload[:length]
            if not six:                # the kernel fills the checksum of ICMPv6
                message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
            s.sendto(message, (address, 0))
            select.select([s], [], [], 0.5)
            time.sleep(0.2)


def udp(address: str, port: int, count: int) -> None:
    """Datagrams to a port, one after the other; an ICMP error comes back as an exception and is printed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))
        for number in range(count):
            try:
                s.send(b"is anybody there? %d" % number)
                if select.select([s], [], [], 0.3)[0]:
                    s.recv(2048)
            except OSError as error:
                print(error)


def deaf(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, port))
        while True:
            s.recv(2048)


def trace(address: str, hops: int) -> None:
    for hop in range(1, hops + 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
            s.sendto(b"traceroute".ljust(32, b"."), (address, TRACEROUTE_PORT + hop))
            time.sleep(0.15)


def mdns(*questions: str) -> None:
    """One-shot questions NAME:TYPE from port 5353, as a full mDNS querier sends them (RFC 6762 §5.2)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("", MDNS[1]))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        for question in questions:
            name, kind = question.split(":")
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
            header = bytes([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            s.sendto(header + labels + b"\0" + int(kind).to_bytes(2, "big") + b"\0\1", MDNS)
            time.sleep(0.8)


def main(arguments: list[str]) -> None:
    what, *rest = arguments
    if what == "ping":
        ping(rest[0], *(int(n) for n in rest[1:]))
    elif what == "udp":
        udp(rest[0], int(rest[1]), int(rest[2]))
    elif what == "deaf":
        deaf(rest[0], int(rest[1]))
    elif what == "trace":
        trace(rest[0], int(rest[1]))
    elif what == "mdns":
        mdns(*rest)
    else:
        raise SystemExit(f"no such probe: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
