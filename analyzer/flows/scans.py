"""Who tries many ports of a host, or one port of many hosts, and finds hardly anybody there.

Everything here is counted once a conversation, when it leaves the table.

What else looks like a scan, and how it is told apart:

- A client of one service that is down tries one host and one port, however often.
- A monitor of what is down, and a client with a list of servers, try each of them again and again: a scan asks each
  once, or a few times where nothing answers (REPEATS).
- A peer of a swarm fails with many hosts, each at a port of its own.
- A crawler, a browser and a resolver find somebody more often than not. Where their own way out is cut they fail
  with hosts all over the Internet: those of a scan lie side by side (`Scan.near`).
- FTP in passive mode, and RPC, try ports that were handed out by chance, none of them of a known service (`Scan.low`),
  where a filter drops them.
- Traceroute counts its ports up, and routers on the way answer it.
- FIN, NULL and Xmas segments are sent by no TCP: whatever is not a SYN or a RST carries an ACK (RFC 9293 §3.10.7).
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import FLIPPED, Flow, TcpFlow
from analyzer.flows.tally import Attempt, Noted, Numbering, Tally, peer_text, tally_of
from analyzer.model import Scan
from dissectors.protocols.tcp.flags import ACK, FIN, PSH, RST, SYN, URG

# All in each share of the capture.
MAX_SCANNERS: Final = 125          # clients whose failed attempts are looked at; those of others are in the totals
MAX_OPENERS: Final = 10_000        # clients of which it is counted for each what it opens
MAX_TARGETS: Final = 70_000        # hosts and ports that are told apart, of all of them together: all ports of a host
SCAN_LEAST: Final = 20             # ports of a host, or hosts with a port, from which on it may be a scan
SUSPECT: Final = 10                # ... from which on it is not forgotten for others
REPEATS: Final = 4                 # times that a scan asks the same at most, on average
MAX_HELD: Final = 100              # attempts of a client that are kept one by one; from then on they are added up
MAX_SILENT: Final = 20             # targets of odd segments that said nothing, which may be open
SYSTEM_PORTS: Final = 1024         # below it, ports of known services (RFC 6335 §6)

TCP_FLAGS: Final[i64] = FIN | SYN | RST | PSH | ACK | URG

# How it is answered.
IN_SILENCE: Final[i64] = 0
BY_RST: Final[i64] = 1
BY_ICMP: Final[i64] = 2

# How it is tried: the octet behind the client's address.
BY_SYN: Final = b"S"
BY_UDP: Final = b"u"
BY_ECHO: Final = b"e"
BY_FIN: Final = b"F"
BY_NULL: Final = b"N"
BY_XMAS: Final = b"X"
BY_ODD: Final = b"o"
HOW: Final[dict[bytes, str]] = {
    BY_SYN: "tcp", BY_UDP: "udp", BY_ECHO: "icmp", BY_FIN: "FIN", BY_NULL: "NULL", BY_XMAS: "Xmas", BY_ODD: "odd",
}
ODD: Final = (BY_FIN, BY_NULL, BY_XMAS, BY_ODD)


def odd_flags(flags: i64) -> bytes:
    """How a conversation begins that no TCP begins so; b"" for any other."""
    flags &= TCP_FLAGS
    if flags & (SYN | RST | ACK) == 0:
        if flags == 0:
            return BY_NULL
        if flags == FIN:
            return BY_FIN
        return BY_XMAS if flags == FIN | PSH | URG else BY_ODD
    return BY_ODD if flags & SYN and flags & (FIN | RST) else b""


class Scanner(Noted):
    """What one client tried. hosts, ports: how many of them, as far as they are told apart.

    reported: attempts that an ICMP error answered.     expired: of which a router says that their hop limit ran out.
    silent: odd segments without an answer.
    held: attempts, as long as nothing is suspected and they are few; tallies: of all of them, by trouble, from then on.
    So what a scanner found shut is not among the troubles of others, and what a client found that is none is.
    """

    def __init__(self, client: bytes, how: bytes) -> None:
        super().__init__()
        self.client = client
        self.how = how
        self.hosts: set[bytes] = set()
        self.ports: set[bytes] = set()
        self.silent: dict[bytes, i64] = {}
        self.tries: i64 = 0
        self.refused: i64 = 0
        self.reported: i64 = 0
        self.held: list[Attempt] = []
        self.tallies: dict[int, Tally] = {}
        self.opened: i64 = 0
        self.expired: i64 = 0
        self.suspect = False
        self.more = False

    def is_scan(self) -> bool:
        """Each of the hosts is tried at each of the ports, or nearly, and not again and again; who fails with few of
        many is no scanner, nor is who finds its way hop by hop."""
        hosts, ports = len(self.hosts), max(len(self.ports), 1)
        if max(hosts, ports) < SCAN_LEAST or 2 * self.tries < hosts * ports or self.opened > self.tries:
            return False
        return self.tries <= REPEATS * hosts * ports and (self.expired == 0 or self.how != BY_UDP)

    def keep(self, one: Attempt) -> None:
        """It is one of this client's, until it is known what they are."""
        if not self.suspect and not self.tallies and len(self.held) < MAX_HELD:
            self.held.append(one)
            return
        for attempt in [*self.held, one] if self.held else [one]:
            tally_of(self.tallies, attempt.kind).take(attempt)
        self.held = []

    def found(self) -> Scan:
        scan = Scan(peer_text(self.client), HOW[self.how])
        scan.tries, scan.refused, scan.opened = int(self.tries), int(self.refused), int(self.opened)
        scan.reported = int(self.reported)
        scan.hosts, scan.ports, scan.more = len(self.hosts), len(self.ports), self.more
        scan.host = peer_text(min(self.hosts)) if len(self.hosts) == 1 else ""
        scan.port = int.from_bytes(min(self.ports), "big") if len(self.ports) == 1 else -1
        scan.low = len([port for port in self.ports if int.from_bytes(port, "big") < SYSTEM_PORTS])
        scan.near = self._near()
        scan.silent = sorted([int.from_bytes(port, "big") for port in self.silent]) if len(self.hosts) == 1 else []
        scan.start_ns, scan.end_ns = int(self.start), int(self.end)
        scan.frames = self.frames()
        return scan

    def _near(self) -> int:
        """How many of the hosts are in the same network, of 256 addresses, or a /64."""
        networks: dict[bytes, int] = {}
        for host in self.hosts:
            network = host[:3] if len(host) == 4 else host[:8]
            networks[network] = networks.get(network, 0) + 1
        return max(networks.values()) if networks else 0

    def merge(self, other: Scanner) -> None:
        """What the same client tried in another share of the capture."""
        self.hosts |= other.hosts
        self.ports |= other.ports
        for port, frame in other.silent.items():
            if port in self.silent or len(self.silent) < MAX_SILENT:
                self.silent[port] = max(frame, self.silent.get(port, 0))
        self.tries += other.tries
        self.refused += other.refused
        self.reported += other.reported
        self.held += other.held
        for kind, tally in other.tallies.items():
            tally_of(self.tallies, kind).merge(tally)
        self.expired += other.expired
        self.suspect = self.suspect or other.suspect
        self.more = self.more or other.more
        self.join(other)


class Scans:
    """Failed attempts by client. openers: what clients opened; opened_by_others: by those that are not counted each."""

    def __init__(self) -> None:
        self.scanners: dict[bytes, Scanner] = {}
        self.openers: dict[bytes, int] = {}
        self.opened_by_others: i64 = 0
        self.room: i64 = MAX_TARGETS
        self.freed: list[Attempt] = []     # of clients that were forgotten, which are counted with those of all

    def failed(self, flow: Flow, how: bytes, answer: i64) -> Scanner | None:
        """An attempt that was refused, or had no answer. None where its client is not looked at."""
        return self._tried(flow, flow.forward, how, answer)

    def odd(self, flow: TcpFlow) -> None:
        """A conversation that begins with flags that no TCP sets. A closed port answers them with RST, an open one
        with nothing (RFC 9293 §3.10.7.2)."""
        flipped = flow.marks & FLIPPED != 0
        key = flow.backward if flipped else flow.forward
        peer = flow.originator if flipped else flow.responder
        scanner = self._tried(flow, key, odd_flags(flow.opened_with), BY_RST if peer.frames else IN_SILENCE)
        if scanner is None:
            return
        both = flow.address_size + flow.address_size
        port = key[both + 2:both + 4]
        if peer.frames:
            scanner.silent.pop(port, None)
        elif len(scanner.silent) < MAX_SILENT:
            scanner.silent[port] = flow.first_frame

    def expired(self, flow: Flow) -> None:
        """An attempt that did not come as far as who was to answer."""
        scanner = self._scanner(flow.forward[:flow.address_size], BY_UDP)
        if scanner is not None:
            scanner.expired += 1

    def _scanner(self, client: bytes, how: bytes) -> Scanner | None:
        name = client + how
        scanner = self.scanners.get(name)
        if scanner is None and (len(self.scanners) < MAX_SCANNERS or self._prune()):
            scanner = Scanner(client, how)
            self.scanners[name] = scanner
        return scanner

    def _tried(self, flow: Flow, key: bytes, how: bytes, answer: i64) -> Scanner | None:
        size = flow.address_size
        scanner = self._scanner(key[:size], how)
        if scanner is None:
            return None
        scanner.tries += 1
        if answer == BY_RST:
            scanner.refused += 1
        elif answer == BY_ICMP:
            scanner.reported += 1
        both = size + size
        self._note(scanner, scanner.hosts, key[size:both])
        if how != BY_ECHO:
            self._note(scanner, scanner.ports, key[both + 2:both + 4])
        if not scanner.suspect and (len(scanner.hosts) >= SUSPECT or len(scanner.ports) >= SUSPECT):
            scanner.suspect = True
        frame, time = flow.first_frame, flow.first_time
        scanner.note(frame, time, frame, time)
        return scanner

    def _note(self, scanner: Scanner, targets: set[bytes], target: bytes) -> None:
        if target in targets:
            return
        if self.room <= 0:
            scanner.more = True
            return
        self.room -= 1
        targets.add(target)

    def _prune(self) -> bool:
        """Forget clients of which nothing is suspected, and that failed seldom; whether that made room."""
        kept: dict[bytes, Scanner] = {}
        for name, scanner in self.scanners.items():
            if scanner.suspect or scanner.tallies:
                kept[name] = scanner
            else:
                self.room += len(scanner.hosts) + len(scanner.ports)
                self.freed += scanner.held
        made = 2 * len(kept) < MAX_SCANNERS
        self.scanners = kept
        return made

    def opened(self, flow: Flow, how: bytes) -> None:
        """A conversation that came to be."""
        name = flow.forward[:flow.address_size] + how
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
        self.freed += other.freed

    def renumber(self, numbering: Numbering) -> None:
        for scanner in self.scanners.values():
            for one in scanner.held:
                one.number = numbering.of(int(one.number))
            for tally in scanner.tallies.values():
                tally.renumber(numbering)
        for one in self.freed:
            one.number = numbering.of(int(one.number))

    def _scans(self, scanner: Scanner) -> bool:
        """Whether it does, and opens less than it tries in vain, whoever opened what is not counted for anybody."""
        if scanner.how in ODD:
            return scanner.is_scan()
        scanner.opened = self.openers.get(scanner.client + scanner.how, 0)
        return scanner.is_scan() and scanner.opened + self.opened_by_others <= scanner.tries

    def found(self) -> list[Scan]:
        """The largest first."""
        return sorted([scanner.found() for scanner in self.scanners.values() if self._scans(scanner)], key=_by_size)

    def others(self, tallies: dict[int, Tally]) -> None:
        """Add the attempts of those who do not scan, or may be something else, to the troubles of all."""
        for scanner in self.scanners.values():
            if self._scans(scanner) and not scanner.found().doubtful():
                continue
            for one in scanner.held:
                tally_of(tallies, one.kind).take(one)
            for kind, more in scanner.tallies.items():
                tally_of(tallies, kind).merge(more)

    def oddities(self) -> list[Scan]:
        """Segments with odd flags that are too few for a scan."""
        return sorted([
            scanner.found() for scanner in self.scanners.values() if scanner.how in ODD and not scanner.is_scan()
        ], key=_by_size)


def _by_size(scan: Scan) -> tuple[int, str]:
    return -scan.tries, scan.client
