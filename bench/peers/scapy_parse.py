"""scapy: every frame dissected, and bytes summed by conversation. DNS is dissected by its port."""
from __future__ import annotations

import sys

from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.utils import PcapReader


def main(path: str) -> None:
    conversations: dict[tuple[str, str, int, int], int] = {}
    messages = 0
    with PcapReader(path) as reader:
        for packet in reader:
            if TCP in packet:
                network = packet[IP] if IP in packet else packet[IPv6]
                segment = packet[TCP]
                key = (network.src, network.dst, segment.sport, segment.dport)
                conversations[key] = conversations.get(key, 0) + len(segment.payload)
            elif DNS in packet:
                messages += 1
    print(len(conversations), messages)


if __name__ == "__main__":
    main(sys.argv[1])
