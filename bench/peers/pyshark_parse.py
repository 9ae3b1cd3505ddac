"""pyshark: every frame as an object, from an installed tshark, and bytes summed by conversation."""
from __future__ import annotations

import sys

import pyshark


def main(path: str) -> None:
    conversations: dict[str, int] = {}
    messages = 0
    with pyshark.FileCapture(path, keep_packets=False) as capture:
        for packet in capture:
            if "TCP" in packet:
                stream = packet.tcp.stream
                conversations[stream] = conversations.get(stream, 0) + int(packet.tcp.len)
            elif "DNS" in packet:
                messages += 1
    print(len(conversations), messages)


if __name__ == "__main__":
    main(sys.argv[1])
