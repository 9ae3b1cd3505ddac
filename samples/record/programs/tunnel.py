"""One end of a tunnel: `tunnel.py PROTOCOL DEVICE LOCAL REMOTE`.

Makes a tun device, and carries its packets in IPv4 packets of that protocol number: 47 GRE (RFC 2784, with the
four-byte header), 4 IP in IP (RFC 2003), 41 IPv6 in IPv4 (RFC 4213). Runs until it is ended.
"""
from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA      # linux/if_tun.h
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
GRE = 47


def main(arguments: list[str]) -> None:
    protocol, device, local, remote = int(arguments[0]), arguments[1], arguments[2], arguments[3]
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    raw.bind((local, 0))
    while True:
        for ready in select.select([tun, raw.fileno()], [], [])[0]:
            if ready == tun:
                packet = os.read(tun, 65536)
                header = struct.pack(">HH", 0, 0x86DD if packet[0] >> 4 == 6 else 0x0800) if protocol == GRE else b""
                raw.sendto(header + packet, (remote, 0))
            else:
                outer = raw.recv(65536)
                start = (outer[0] & 15) * 4 + (4 if protocol == GRE else 0)
                os.write(tun, outer[start:])


if __name__ == "__main__":
    main(sys.argv[1:])
