"""Who tries many ports of a host, or one port of many hosts, and finds hardly anybody there."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import Flow
from analyzer.flows.tally import MAX_FIRST, peer_text
from analyzer.model import Scan

# All in each share of the capture.
MAX_SCANNERS: Final = 1_000        # clients whose failed attempts are looked at; those of others are in the totals
MAX_OPENERS: Final = 10_000        # clients of which it is counted for each what it opens
MAX_TARGETS: Final = 70_000        # hosts and ports that are told apart, of all of them together: all ports of a host
SCAN_LEAST: Final = 20             # ports of a host, or hosts with a port, from which on it may be a scan
SUSPECT: Final = 10                # ... from which on it is not forgotten for others


class Scanner:
    """What one client tried. hosts, ports: how many of them, as far as they are told apart."""

    def __init__(self, client: bytes, protocol: i64) -> None:
        self.client = client
        self.protocol: i64 = protocol
        self.hosts: set[bytes] = set()
        self.ports: set[bytes] = set()
        self.tries: i64 = 0
        self.refused: i64 = 0
        self.opened: i64 = 0
        self.suspect = False
        self.more = False
        self.start: i64 = -1
        self.end: i64 = -1
        self.first: list[int] = []         # frames
        self.last: i64 = 0

    def is_scan(self) -> bool:
        """Each of the hosts is tried at each of the ports, or nearly; who fails with few of many is no scanner."""
        hosts, ports = len(self.hosts), len(self.ports)
        return max(hosts, ports) >= SCAN_LEAST and 2 * self.tries >= hosts * ports and self.opened <= self.tries

    def merge(self, other: Scanner) -> None:
        """What the same client tried in another share of the capture."""
        self.hosts |= other.hosts
        self.ports |= other.ports
        self.tries += other.tries
        self.refused += other.refused
        self.suspect = self.suspect or other.suspect
        self.more = self.more or other.more
        if self.start < 0 or 0 <= other.start < self.start:
            self.start = other.start
        self.end = max(self.end, other.end)
        self.first = sorted(self.first + other.first)[:MAX_FIRST]
        self.last = max(self.last, other.last)


class Scans:
    """Failed attempts by client. openers: what clients opened; opened_by_others: by those that are not counted each."""

    def __init__(self) -> None:
        self.scanners: dict[bytes, Scanner] = {}
        self.openers: dict[bytes, int] = {}
        self.opened_by_others: i64 = 0
        self.room: i64 = MAX_TARGETS

    def failed(self, flow: Flow, refused: bool) -> None:
        """An attempt that was refused, or had no answer."""
        size = flow.address_size
        key = flow.forward
        name = key[:size]
        if flow.protocol != 6:
            name += b"u"
        scanner = self.scanners.get(name)
        if scanner is None:
            if len(self.scanners) >= MAX_SCANNERS and not self._prune():
                return
            scanner = Scanner(key[:size], flow.protocol)
            self.scanners[name] = scanner
        scanner.tries += 1
        if refused:
            scanner.refused += 1
        both = size + size
        self._note(scanner, scanner.hosts, key[size:both])
        self._note(scanner, scanner.ports, key[both + 2:both + 4])
        if not scanner.suspect and (len(scanner.hosts) >= SUSPECT or len(scanner.ports) >= SUSPECT):
            scanner.suspect = True
        first = scanner.first
        if len(first) < MAX_FIRST or flow.first_frame < first[-1]:
            first.append(int(flow.first_frame))
            first.sort()
            del first[MAX_FIRST:]
        scanner.last = max(scanner.last, flow.first_frame)
        time = flow.first_time
        if time >= 0:
            if scanner.start < 0 or time < scanner.start:
                scanner.start = time
            scanner.end = max(scanner.end, time)

    def _note(self, scanner: Scanner, targets: set[bytes], target: bytes) -> None:
        if target in targets:
            return
        if self.room <= 0:
            scanner.more = True
            return
        self.room -= 1
        targets.add(target)

    def _prune(self) -> bool:
        """Forget clients of which nothing is suspected; whether that made room."""
        kept: dict[bytes, Scanner] = {}
        for name, scanner in self.scanners.items():
            if scanner.suspect:
                kept[name] = scanner
            else:
                self.room += len(scanner.hosts) + len(scanner.ports)
        made = 2 * len(kept) < MAX_SCANNERS
        self.scanners = kept
        return made

    def opened(self, flow: Flow) -> None:
        """A conversation that came to be."""
        name = flow.forward[:flow.address_size]
        if flow.protocol != 6:
            name += b"u"
        count = self.openers.get(name)
        if count is not None:
            self.openers[name] = count + 1
        elif len(self.openers) < MAX_OPENERS:
            self.openers[name] = 1
        else:
            self.opened_by_others += 1

    def merge(self, other: Scans) -> None:
        """Those of another share of the capture."""
        for name, its in other.scanners.items():
            mine = self.scanners.get(name)
            if mine is None:
                self.scanners[name] = its
            else:
                mine.merge(its)
        for name, count in other.openers.items():
            self.openers[name] = self.openers.get(name, 0) + count
        self.opened_by_others += other.opened_by_others

    def found(self) -> list[Scan]:
        """The largest first."""
        scans: list[Scan] = []
        for name, scanner in self.scanners.items():
            scanner.opened = self.openers.get(name, 0)
            if scanner.is_scan() and scanner.opened + self.opened_by_others <= scanner.tries:
                scan = Scan(peer_text(scanner.client), "tcp" if scanner.protocol == 6 else "udp")
                scan.tries, scan.refused, scan.opened = int(scanner.tries), int(scanner.refused), int(scanner.opened)
                scan.hosts, scan.ports, scan.more = len(scanner.hosts), len(scanner.ports), scanner.more
                scan.host = peer_text(min(scanner.hosts)) if len(scanner.hosts) == 1 else ""
                scan.port = int.from_bytes(min(scanner.ports), "big") if len(scanner.ports) == 1 else -1
                scan.start_ns, scan.end_ns = int(scanner.start), int(scanner.end)
                scan.frames = sorted({*scanner.first, int(scanner.last)})
                scans.append(scan)
        scans.sort(key=_by_size)
        return scans


def _by_size(scan: Scan) -> tuple[int, str]:
    return -scan.tries, scan.client
