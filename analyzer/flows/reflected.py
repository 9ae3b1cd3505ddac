"""Answers over UDP that nobody asked for: what a host gets in whose name others put questions to many servers.

Counted once a conversation, and only of those in which one side alone speaks, from the port of such a service.

What else looks so: answers to questions that came before the capture are few, and small; a capture of one direction
holds every answer and no question, which shows by the host that is never heard (the finding asks for that).
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import REPORTED, UdpFlow
from analyzer.flows.tally import Noted, peer_text
from analyzer.model import Reflected

# Both in each share of the capture.
MAX_HOSTS: Final = 1_000          # hosts, each with one service, of which such answers are counted
MAX_SOURCES: Final = 10_000       # servers, and ports, of one of them that are told apart
LEAST: Final = 50                 # datagrams from which on it is told
LEAST_OCTETS: Final = 20_000      # ... and of their payload
NAMED: Final = 4                  # servers that are named

# Services that answer more than they are asked, to whoever a datagram says it is from: quote of the day, chargen, DNS,
# NTP, NetBIOS, LDAP without connections, RIP, SSDP, web services discovery, CoAP, memcached (US-CERT alert TA14-017A).
AMPLIFIERS: Final = frozenset((17, 19, 53, 123, 137, 389, 520, 1900, 3702, 5683, 11211))


def comes_unasked(flow: UdpFlow) -> bool:
    """Whether it is from the port of such a service to one that is none."""
    at = flow.address_size + flow.address_size
    key = flow.forward
    source = i64(key[at]) << 8 | i64(key[at + 1])
    target = i64(key[at + 2]) << 8 | i64(key[at + 3])
    return int(source) in AMPLIFIERS and int(target) not in AMPLIFIERS


class Host(Noted):
    """What one host got from one service."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[bytes, int] = {}
        self.ports: set[bytes] = set()
        self.more = False
        self.count: i64 = 0
        self.octets: i64 = 0
        self.denied: i64 = 0

    def take(self, flow: UdpFlow) -> None:
        size = flow.address_size
        key = flow.forward
        source = key[:size]
        if source in self.sources or len(self.sources) < MAX_SOURCES:
            self.sources[source] = self.sources.get(source, 0) + int(flow.originator.payload)
        else:
            self.more = True
        if len(self.ports) < MAX_SOURCES:
            self.ports.add(key[size + size + 2:size + size + 4])
        self.count += flow.originator.frames
        self.octets += flow.originator.payload
        if flow.marks & REPORTED:
            self.denied += 1
        self.note(flow.first_frame, flow.first_time, flow.last_frame, flow.last_time)

    def merge(self, other: Host) -> None:
        """What it got in another share of the capture."""
        for source, octets in other.sources.items():
            self.sources[source] = self.sources.get(source, 0) + octets
        self.ports |= other.ports
        self.more = self.more or other.more
        self.count += other.count
        self.octets += other.octets
        self.denied += other.denied
        self.join(other)


class Reflections:
    """By host and service."""

    def __init__(self) -> None:
        self.hosts: dict[bytes, Host] = {}

    def take(self, flow: UdpFlow) -> None:
        """A conversation of answers without a question, which left the table."""
        size = flow.address_size
        key = flow.forward
        name = key[size:size + size] + key[size + size:size + size + 2]
        host = self.hosts.get(name)
        if host is None:
            if len(self.hosts) >= MAX_HOSTS:
                return
            host = Host()
            self.hosts[name] = host
        host.take(flow)

    def merge(self, other: Reflections) -> None:
        """Those of another share of the capture."""
        for name, its in other.hosts.items():
            mine = self.hosts.get(name)
            if mine is None:
                self.hosts[name] = its
            else:
                mine.merge(its)

    def found(self) -> list[Reflected]:
        """The largest first."""
        made: list[Reflected] = []
        for name, host in self.hosts.items():
            if host.count < LEAST or host.octets < LEAST_OCTETS:
                continue
            one = Reflected(peer_text(name[:-2]), int.from_bytes(name[-2:], "big"))
            order = sorted([(-octets, source) for source, octets in host.sources.items()])
            one.servers = [peer_text(source) for _octets, source in order[:NAMED]]
            one.sources, one.more = len(host.sources), host.more
            one.count, one.octets, one.denied = int(host.count), int(host.octets), int(host.denied)
            one.ports = len(host.ports)
            one.start_ns, one.end_ns = int(host.start), int(host.end)
            one.frames = host.frames()
            made.append(one)
        made.sort(key=_by_size)
        return made


def _by_size(one: Reflected) -> tuple[int, str]:
    return -one.octets, one.host
