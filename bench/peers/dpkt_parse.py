"""dpkt: every frame parsed down to TCP or UDP, DNS messages too, and bytes summed by conversation."""
from __future__ import annotations

import sys

import dpkt


def main(path: str) -> None:
    conversations: dict[tuple[bytes, bytes, int, int], int] = {}
    messages = 0
    with open(path, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            network = dpkt.ethernet.Ethernet(data).data
            transport = network.data
            if isinstance(transport, dpkt.tcp.TCP):
                key = (network.src, network.dst, transport.sport, transport.dport)
                conversations[key] = conversations.get(key, 0) + len(transport.data)
            elif isinstance(transport, dpkt.udp.UDP) and 53 in (transport.sport, transport.dport):
                dpkt.dns.DNS(transport.data)
                messages += 1
    print(len(conversations), messages)


if __name__ == "__main__":
    main(sys.argv[1])
