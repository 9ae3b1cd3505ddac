"""What many conversations have in common, as the survey counted it and findings are made of it."""
from __future__ import annotations

from bisect import bisect_left
from typing import Final

from analyzer.endpoint import Endpoint

CLOSE_NS: Final = 200_000_000
MAX_RUNS: Final = 100        # stretches of close times that are told apart, of one group in each share


class Together:
    """Conversations of the whole capture that have one trouble in common, told or not.

    count: how many.    weights: how many of each severity.
    early: of them, those that the capture does not follow for long enough to know.
    once: those of one packet.      two: a conversation with two directions is in the capture.
    loose: those that may have been answered after they had to make room for others.
    times, segments, octets, cost_ns, by_originator, mild, unended: see `analyzer/flows/tally.py`.
    services, clients: the largest, with how many each had; service_count, client_count: how many there are, more where
    the caps on them were reached (more_services, more_clients).       reasons: of ICMP errors (version, type, code).
    dead: the largest of those UDP services that were not heard to answer anybody, with how many asked in vain, and how
    severe that is.
    start_ns, end_ns: when the first and the last of them began.     numbers, frames: the first ones and the last.
    dearest: numbers of those that lost the most by it.
    """

    def __init__(self) -> None:
        self.count = 0
        self.weights = [0, 0, 0, 0]
        self.early = 0
        self.once = 0
        self.two = True
        self.loose = 0
        self.left_young = 0
        self.times = 0
        self.segments = 0
        self.octets = 0
        self.cost_ns = 0
        self.by_originator = 0
        self.mild = 0
        self.unended = 0
        self.services: list[tuple[str, int]] = []
        self.clients: list[tuple[str, int]] = []
        self.service_count = 0
        self.client_count = 0
        self.more_services = False
        self.more_clients = False
        self.reasons: dict[bytes, int] = {}
        self.dead: list[tuple[str, int, int]] = []
        self.start_ns = -1
        self.end_ns = -1
        self.numbers: list[int] = []
        self.frames: list[int] = []
        self.dearest: list[int] = []


class Scan:
    """One client that tried many ports or hosts, and found hardly anybody there.

    transport: or the odd flags that it did it with.
    tries: that were refused or had no answer; refused: of them; reported: that an ICMP error answered; opened: other
    ones that were answered.
    hosts, ports: how many, at least where `more`.     host, port: the one, "" and -1 where there are several.
    low: how many of the ports are those of known services.     near: how many of the hosts are in one network.
    silent: ports that said nothing to odd flags.
    """

    FILTERED: Final = "ports that were agreed upon, behind a filter"
    CUT_OFF: Final = "a client of many servers without a way out"
    LOW: Final = 5               # ports of known services, without which a filter may have dropped what was agreed upon
    WIDE: Final = 100            # ports of which nobody agrees upon so many
    NEAR: Final = 10             # hosts of one network, fewer than which are no sweep of it
    RESOLVED: Final = (53, 123)  # services that a client asks of many servers, all over the Internet

    def __init__(self, client: str, transport: str) -> None:
        self.client = client
        self.transport = transport
        self.tries = 0
        self.refused = 0
        self.opened = 0
        self.hosts = 0
        self.ports = 0
        self.more = False
        self.host = ""
        self.port = -1
        self.reported = 0
        self.low = 0
        self.near = 0
        self.silent: list[int] = []
        self.start_ns = -1
        self.end_ns = -1
        self.frames: list[int] = []

    def doubtful(self) -> str:
        """What else it may be: FILTERED or CUT_OFF; "" for nothing."""
        if self.transport not in ("tcp", "udp", "icmp"):
            return ""                # odd flags
        if self.port < 0 and self.host:
            return self.FILTERED if self.low < self.LOW and self.ports < self.WIDE else ""
        cut = self.near < self.NEAR or (self.transport == "udp" and self.port in self.RESOLVED)
        return self.CUT_OFF if cut else ""


class Reflected:
    """Answers of services over UDP that reached a host which never asked for them.

    service: the port that they come from.     sources: how many servers, at least where `more`.
    count, octets: of the datagrams.     ports: of the host that they went to, how many.
    denied: conversations of which the host says that nobody wants them.
    """

    def __init__(self, host: str, service: int) -> None:
        self.host = host
        self.service = service
        self.sources = 0
        self.servers: list[str] = []
        self.more = False
        self.count = 0
        self.octets = 0
        self.ports = 0
        self.denied = 0
        self.start_ns = -1
        self.end_ns = -1
        self.frames: list[int] = []


class Runs:
    """Times, in any order, as the stretches in which each is CLOSE_NS at most behind the one before.

    runs: (start, end, how many), ascending. Where there are more than MAX_RUNS, what all but the
    one in hand hold is noted in `done`, and nothing joins them any more.
    """

    def __init__(self) -> None:
        self.runs: list[tuple[int, int, int]] = []
        self.done = 0

    def close(self) -> int:
        """How many of the times are close to the one before."""
        return self.done + sum([count - 1 for _start, _end, count in self.runs])

    def add(self, start: int, end: int = -1, count: int = 1) -> None:
        """A time, or so many close ones up to `end`."""
        runs = self.runs
        end = max(start, end)
        first = bisect_left(runs, (start, 0, 0))
        if first > 0 and start - runs[first - 1][1] <= CLOSE_NS:
            first -= 1
        last = first
        while last < len(runs) and runs[last][0] - end <= CLOSE_NS:
            start, end, count = min(start, runs[last][0]), max(end, runs[last][1]), count + runs[last][2]
            last += 1
        runs[first:last] = [(start, end, count)]
        if len(runs) > MAX_RUNS:
            self.done = self.close() - (count - 1)
            self.runs = [(start, end, count)]

    def merge(self, other: Runs) -> None:
        """Those of another share of the capture."""
        self.done += other.done
        for start, end, count in other.runs:
            self.add(start, end, count)


class Group:
    """Conversations with one service that have something in common.

    answered: of them, those that had an answer; again: those that had it more than once.
    clients: different addresses that took part, as far as they are told apart.     frames: the first of some of them.
    start_ns, end_ns: when the first and the last of them began; -1 where no frame had a time.
    runs: when they began. The clock of a capture may jump in between.
    """

    def __init__(self, service: Endpoint) -> None:
        self.service = service
        self.count = 0
        self.answered = 0
        self.again = 0
        self.clients = 0
        self.frames: list[int] = []
        self.start_ns = -1
        self.end_ns = -1
        self.runs = Runs()

    def add(self, frame: int, time: int, clients: int, most: int) -> None:
        """One more, which begins with this frame. most: frames that are kept."""
        self.count += 1
        self.clients = clients
        if len(self.frames) < most or frame < self.frames[-1]:
            self.frames = sorted([*self.frames, frame])[:most]
        if time >= 0:
            self.start_ns = time if self.start_ns < 0 else min(self.start_ns, time)
            self.end_ns = max(self.end_ns, time)
            self.runs.add(time)

    def merge(self, other: Group, clients: int, most: int) -> None:
        """More of them, counted elsewhere. most: frames that are kept."""
        self.count += other.count
        self.answered += other.answered
        self.again += other.again
        self.clients = clients
        self.frames = sorted(self.frames + other.frames)[:most]
        if self.start_ns < 0 or 0 <= other.start_ns < self.start_ns:
            self.start_ns = other.start_ns
        self.end_ns = max(self.end_ns, other.end_ns)
        self.runs.merge(other.runs)
