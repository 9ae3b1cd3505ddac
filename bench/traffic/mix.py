"""The mix: long HTTP transfers, short connections, connections kept alive, DNS; some of it goes wrong.

One seeded stream of packets without an end. A capture of N packets is its first N, so a larger capture holds
more connections and nothing twice. It is taken at a gateway between the clients and everything else.
"""
from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from heapq import heappop, heappush, heapreplace
from random import Random
from typing import Final

from bench.traffic import dns, http
from bench.traffic.dns import AAAA, A, Zone
from bench.traffic.frames import Route, Segments
from bench.traffic.tcp import Connection, Endpoint, Packet, Steps

SEED: Final = 20231114
START: Final = 1_700_000_000_000_000  # µs since 1970
CLIENTS: Final = 240
SERVERS: Final = 160
MISSING_NAMES: Final = 60
INTERVAL: Final = 5_000.0     # µs between two users' actions, on average
EPHEMERAL_PORTS: Final = (32768, 61000)
V6_SHARE: Final = 0.05        # of the connections
LOSSY_SHARE: Final = 0.20     # of the connections
LOSS: Final = (0.005, 0.04)   # of the data segments of a lossy connection
LONGEST: Final = 12_000_000   # bytes of a transfer
GATEWAY: Final = b"\x02\x00\x5e\x00\x00\x01"


class Client:
    def __init__(self, rng: Random, number: int) -> None:
        self.mac = b"\x02\x00\x0a\x14" + number.to_bytes(2, "big")
        self.v4 = bytes((10, 20, number // 200, 10 + number % 200))
        self.v6 = bytes.fromhex("20010db8000a0014") + number.to_bytes(8, "big")
        self.port = rng.randrange(*EPHEMERAL_PORTS)
        self.delay = rng.choice((60, 150, 400, 1500, 6000))  # µs to the gateway

    def next_port(self) -> int:
        self.port += 1
        if self.port >= EPHEMERAL_PORTS[1]:
            self.port = EPHEMERAL_PORTS[0]
        return self.port


class Server:
    def __init__(self, rng: Random, number: int) -> None:
        self.name = f"www{number}.shop{number % 40}-{rng.getrandbits(20):x}.test".replace(".shop", "-shop", 1)
        self.v4 = bytes((198, 18, number // 250, 1 + number % 250))
        self.v6 = bytes.fromhex("20010db800c60012") + number.to_bytes(8, "big")
        self.delay = rng.choice((250, 2000, 5000, 9000, 14000, 25000, 45000, 80000))  # µs from the gateway
        self.pace = rng.choice((12, 12, 60, 120, 250, 1200))
        chain = [f"edge{number}.cdn.test"] if rng.random() < 0.35 else []
        if chain and rng.random() < 0.3:
            chain.append(f"pop{number}.net.cdn.test")
        more = [bytes((198, 19, number % 250, last)) for last in range(1, rng.randrange(1, 5))]
        self.zone = Zone(self.name, chain, [self.v4, *more], [self.v6] if rng.random() < 0.6 else [],
                         rng.choice((60, 300, 3600)), True)


class Mix:
    """Who there is, and what they do."""

    def __init__(self, seed: int = SEED) -> None:
        self.rng = rng = Random(seed)
        self.clients = [Client(rng, number) for number in range(CLIENTS)]
        self.servers = [Server(rng, number) for number in range(SERVERS)]
        self.missing = [Zone(f"no{rng.getrandbits(24):x}.test", [], [], [], 300, False) for _ in range(MISSING_NAMES)]
        self.bodies = http.Bodies(rng)
        self.resolver = bytes((10, 20, 0, 2))
        self.actions: list[Callable[[Connection, str, int, int], Steps]] = [
            self.page, self.session, self.download, self.upload, self.broken_off, self.stalled,
            self.refused, self.unanswered,
        ]
        self.weights = (72.0, 10.0, 1.1, 0.5, 1.0, 0.1, 1.2, 0.5)

    def flows(self) -> Iterator[tuple[int, bool, Steps]]:
        """(start, is TCP, packets) of every flow, by ascending start of the user's action behind it."""
        rng = self.rng
        time = float(START)
        while True:
            time += rng.expovariate(1 / INTERVAL)
            client, server = rng.choice(self.clients), rng.choice(self.servers)
            now = begin = int(time)
            if rng.random() < 0.06:
                yield now, False, self.lookup(now, client, rng.choice(self.missing), A)
                continue
            if rng.random() < 0.55:
                yield now, False, self.lookup(now, client, server.zone, A)
                yield now, False, self.lookup(now + 40, client, server.zone, AAAA)
                begin += rng.randrange(30_000, 60_000)
            if rng.random() < 0.12:  # asked ahead, never visited
                continue
            yield now, True, self.connection(begin, client, server)

    def lookup(self, time: int, client: Client, zone: Zone, kind: int) -> Steps:
        rng = self.rng
        there = Route(client.mac, GATEWAY, client.v4, self.resolver, rng.getrandbits(16))
        back = Route(GATEWAY, client.mac, self.resolver, client.v4, rng.getrandbits(16))
        return dns.lookup(rng, time, there, back, zone, kind, rng.randrange(300, 28_000), rng.random() < 0.005)

    def connection(self, time: int, client: Client, server: Server) -> Steps:
        rng = self.rng
        v6 = rng.random() < V6_SHARE
        here, there = (client.v6, server.v6) if v6 else (client.v4, server.v4)
        port, service = client.next_port(), 8080 if rng.random() < 0.1 else 80
        route = Route(client.mac, GATEWAY, here, there, rng.getrandbits(16))
        back = Route(GATEWAY, client.mac, there, here, rng.getrandbits(16))
        loss = rng.uniform(*LOSS) if rng.random() < LOSSY_SHARE else 0.0
        pair = Connection(rng, Endpoint(rng, Segments(route, port, service), client.delay),
                          Endpoint(rng, Segments(back, service, port), server.delay), server.pace, loss)
        action = rng.choices(self.actions, self.weights)[0]
        return action(pair, server.name, http.V6_PAYLOAD if v6 else http.V4_PAYLOAD, time)

    def answer(self, pair: Connection, host: str, size: int, time: int, length: int, close: bool,
               status: str = "200 OK") -> Steps:
        """One request and its whole response."""
        rng = self.rng
        time = yield from pair.request(time, http.get(rng, host, close), rng.choice((100, 400, 3000, 20_000, 90_000)))
        payloads = self.bodies.cut(rng, http.response(rng, status, length, close), length, size)
        return (yield from pair.transfer(time, pair.server, pair.client, payloads))

    def page(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A short connection: one small response, and the server closes."""
        time = yield from pair.open(time)
        length = min(int(self.rng.lognormvariate(6.4, 1.3)), 60_000)
        time = yield from self.answer(pair, host, size, time, length, True,
                                      "404 Not Found" if self.rng.random() < 0.03 else "200 OK")
        if self.rng.random() < 0.3:
            return (yield from pair.close(time, pair.client, pair.server))
        return (yield from pair.close(time, pair.server, pair.client))

    def session(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A connection kept alive for several requests, with a reader's pauses."""
        rng = self.rng
        time = yield from pair.open(time)
        for _ in range(rng.randrange(2, 16)):
            length = min(int(rng.lognormvariate(6.0, 1.3)), 100_000)
            time = yield from self.answer(pair, host, size, time, length, False)
            time += int(rng.expovariate(1 / 900_000))
        return (yield from pair.close(time, pair.client, pair.server))

    def download(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A long transfer to the client."""
        time = yield from pair.open(time)
        length = min(int(self.rng.lognormvariate(12.4, 1.2)), LONGEST)
        time = yield from self.answer(pair, host, size, time, length, True)
        return (yield from pair.close(time, pair.server, pair.client))

    def upload(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A transfer to the server, answered with a short response."""
        rng = self.rng
        time = yield from pair.open(time)
        length = min(int(rng.lognormvariate(11.0, 1.2)), LONGEST)
        payloads = self.bodies.cut(rng, http.put(rng, host, length), length, size)
        time = yield from pair.transfer(time, pair.client, pair.server, payloads)
        time += rng.randrange(1000, 30_000)
        payloads = self.bodies.cut(rng, http.response(rng, "201 Created", 0, True), 0, size)
        time = yield from pair.transfer(time, pair.server, pair.client, payloads)
        return (yield from pair.close(time, pair.client, pair.server))

    def broken_off(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A download that the client aborts."""
        rng = self.rng
        time = yield from pair.open(time)
        time = yield from pair.request(time, http.get(rng, host, True), 3000)
        payloads = self.bodies.cut(rng, http.response(rng, "200 OK", 4_000_000, True), 4_000_000, size)
        stop = rng.randrange(4, 60)
        time = yield from pair.transfer(time, pair.server, pair.client, payloads[:stop])
        return (yield from pair.abort(time, payloads[stop:stop + rng.randrange(4)]))

    def stalled(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        """A download whose reader pauses until the window is closed."""
        rng = self.rng
        time = yield from pair.open(time)
        time = yield from pair.request(time, http.get(rng, host, True), 3000)
        window = pair.client.window << 7
        more = rng.randrange(50_000, 500_000)
        payloads = self.bodies.cut(rng, http.response(rng, "200 OK", window + more, True), window + more, size)
        stream = b"".join(payload for payload, _ in payloads)
        fill, rest = stream[:window], stream[window:]
        time = yield from pair.stall(time, pair.server, pair.client, http.pieces(fill, size), rest[:1])
        time = yield from pair.transfer(time, pair.server, pair.client, http.pieces(rest, size))
        return (yield from pair.close(time, pair.server, pair.client))

    def refused(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        return pair.refused(time)

    def unanswered(self, pair: Connection, host: str, size: int, time: int) -> Steps:
        return pair.unanswered(time)


def packets(seed: int = SEED) -> Generator[tuple[bool, bytes], None, None]:
    """(is TCP, pcap record) by ascending time, without an end."""
    flows = Mix(seed).flows()
    begin, tcp, steps = next(flows)
    running: list[tuple[int, int, bytes, bool, Steps]] = []
    order = 0  # breaks ties: a flow goes on where it was
    while True:
        if not running or begin <= running[0][0]:
            first: Packet = next(steps)
            order += 1
            heappush(running, (first[0], order, first[1], tcp, steps))
            begin, tcp, steps = next(flows)
            continue
        _, number, record, is_tcp, flow = running[0]
        yield is_tcp, record
        try:
            time, record = next(flow)
        except StopIteration:
            heappop(running)
        else:
            heapreplace(running, (time, number, record, is_tcp, flow))
