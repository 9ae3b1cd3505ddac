"""A capture with known faults: ordinary connections and lookups, and among them so many of each trouble."""
from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from random import Random

from test_survey_and_tell import ACK, FIN_ACK, PSH_ACK, RST, SYN, SYN_ACK, ip, tcp, udp

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_700_000_000 * SECOND
RST_ACK = RST | ACK
DEAD = "198.51.100.53"              # a name server that answers nobody

Frame = tuple[int, bytes]


class Crowd:
    """frames: (time, octets), to be sorted.      counts: conversations by trouble and then by who is to blame."""

    def __init__(self, seed: int, seconds: int, clients: int) -> None:
        self.random = Random(seed)
        self.seconds = seconds
        self.clients = clients
        self.frames: list[Frame] = []
        self.counts: dict[str, Counter[str]] = {}
        self.callers: dict[str, Counter[str]] = {}
        self.ports: Counter[str] = Counter()
        self.resent = 0
        self.timeouts = 0

    def note(self, trouble: str, service: str, client: str) -> None:
        self.counts.setdefault(trouble, Counter())[service] += 1
        self.callers.setdefault(trouble, Counter())[client] += 1

    def start(self, last: int = 10) -> int:
        """When a conversation begins: so many seconds before the capture ends, or sooner."""
        return START + self.random.randrange((self.seconds - last) * SECOND)

    def end_of(self) -> tuple[str, int]:
        """A client, and a port that it has not used yet."""
        client = f"10.1.{self.random.randrange(self.clients) // 200}.{self.random.randrange(self.clients) % 200 + 1}"
        self.ports[client] += 1
        return client, 20_000 + self.ports[client]

    def server(self) -> str:
        return f"198.18.0.{self.random.randrange(1, 150)}"

    # -- what is in order ------------------------------------------------------------------------------------

    def opened(self, client: str, port: int, server: str, at: int, service: int = 80) -> int:
        self.frames += [
            (at, tcp(client, port, server, service, 1000, 0, SYN)),
            (at + 10 * MS, tcp(server, service, client, port, 9000, 1001, SYN_ACK)),
            (at + 11 * MS, tcp(client, port, server, service, 1001, 9001, ACK)),
        ]
        return at + 11 * MS

    def closed(self, client: str, port: int, server: str, at: int, seq: int = 1001, ack: int = 9001) -> None:
        self.frames += [
            (at, tcp(client, port, server, 80, seq, ack, FIN_ACK)),
            (at + 10 * MS, tcp(server, 80, client, port, ack, seq + 1, FIN_ACK)),
            (at + 11 * MS, tcp(client, port, server, 80, seq + 1, ack + 1, ACK)),
        ]

    def sound(self, count: int) -> None:
        for _one in range(count):
            (client, port), server = self.end_of(), self.server()
            at = self.opened(client, port, server, self.start())
            self.frames.append((at + MS, tcp(client, port, server, 80, 1001, 9001, PSH_ACK, b"x" * 50)))
            self.frames.append((at + 11 * MS, tcp(server, 80, client, port, 9001, 1051, PSH_ACK, b"y" * 900)))
            self.closed(client, port, server, at + 12 * MS, 1051, 9901)

    def asked(self, count: int) -> None:
        """NTP, which is answered."""
        for _one in range(count):
            (client, port), at = self.end_of(), self.start()
            self.frames.append((at, udp(client, port, "198.18.1.1", 123, b"\x23" + bytes(47))))
            self.frames.append((at + 5 * MS, udp("198.18.1.1", 123, client, port, b"\x24" + bytes(47))))

    # -- what is not ------------------------------------------------------------------------------------------

    def refused(self, count: int, server: str = "", service: int = 8080) -> None:
        for _one in range(count):
            (client, port), at, host = self.end_of(), self.start(), server or self.server()
            self.frames.append((at, tcp(client, port, host, service, 1000, 0, SYN)))
            self.frames.append((at + 9 * MS, tcp(host, service, client, port, 0, 1001, RST_ACK)))
            self.note("tcp.refused", f"{host}:{service}", client)

    def unanswered(self, count: int, server: str = "", late: int = 0) -> None:
        """late: of them, those that begin right before the end of the capture."""
        for index in range(count):
            (client, port), host = self.end_of(), server or self.server()
            at = START + self.seconds * SECOND - 300 * MS if index < late else self.start()
            self.frames.append((at, tcp(client, port, host, 443, 1000, 0, SYN)))
            if index >= late:
                self.frames.append((at + SECOND, tcp(client, port, host, 443, 1000, 0, SYN)))
            self.note("tcp.unanswered", f"{host}:443", client)

    def half_open(self, count: int) -> None:
        for _one in range(count):
            (client, port), at, server = self.end_of(), self.start(), self.server()
            self.frames.append((at, tcp(client, port, server, 25, 1000, 0, SYN)))
            for wait in (10 * MS, 1010 * MS, 3010 * MS):
                self.frames.append((at + wait, tcp(server, 25, client, port, 9000, 1001, SYN_ACK)))
            self.note("tcp.half_open", f"{server}:25", client)

    def reset(self, count: int, side: int) -> None:
        """In the middle of an answer. side: 0 for the client."""
        for _one in range(count):
            (client, port), server = self.end_of(), self.server()
            at = self.opened(client, port, server, self.start())
            self.frames.append((at + MS, tcp(client, port, server, 80, 1001, 9001, PSH_ACK, b"x" * 50)))
            self.frames.append((at + 11 * MS, tcp(server, 80, client, port, 9001, 1051, PSH_ACK, b"y" * 900)))
            self.frames.append((at + 12 * MS, tcp(client, port, server, 80, 1051, 9901, ACK)))
            self.frames.append((
                at + 13 * MS,
                tcp(client, port, server, 80, 1051, 9901, RST_ACK) if side == 0
                else tcp(server, 80, client, port, 9901, 1051, RST_ACK),
            ))
            self.note("tcp.reset", f"{server}:80", client)

    def lost(self, count: int) -> None:
        """The second of three segments is sent again after a silence of a second."""
        for _one in range(count):
            (client, port), server = self.end_of(), self.server()
            at = self.opened(client, port, server, self.start())
            self.frames.append((at + MS, tcp(client, port, server, 80, 1001, 9001, PSH_ACK, b"x" * 50)))
            self.frames.append((at + MS + SECOND, tcp(client, port, server, 80, 1001, 9001, PSH_ACK, b"x" * 50)))
            self.frames.append((at + 2 * SECOND, tcp(server, 80, client, port, 9001, 1051, ACK)))
            self.closed(client, port, server, at + 3 * SECOND, 1051, 9001)
            self.note("tcp.timeout", f"{server}:80", client)
            self.timeouts += 1

    def no_room(self, count: int) -> None:
        """The client has no room for half a second."""
        for _one in range(count):
            (client, port), server = self.end_of(), self.server()
            at = self.opened(client, port, server, self.start())
            self.frames.append((at + 11 * MS, tcp(server, 80, client, port, 9001, 1001, PSH_ACK, b"y" * 900)))
            shut = bytearray(tcp(client, port, server, 80, 1001, 9901, ACK))
            shut[48:50] = bytes(2)
            self.frames.append((at + 12 * MS, bytes(shut)))
            self.frames.append((at + 512 * MS, tcp(client, port, server, 80, 1001, 9901, ACK)))
            self.closed(client, port, server, at + 600 * MS, 1001, 9901)
            self.note("tcp.zero_window", f"{server}:80", client)

    def silent(self, count: int, server: str = DEAD, service: int = 53) -> None:
        query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x04shop\x04test\x00" + b"\x00\x01\x00\x01"
        for _one in range(count):
            (client, port), at = self.end_of(), self.start()
            self.frames.append((at, udp(client, port, server, service, query)))
            self.note("udp.unanswered", f"{server}:{service}", client)

    def unreachable(self, count: int, reporter: str = "10.1.0.254") -> None:
        for _one in range(count):
            (client, port), at, server = self.end_of(), self.start(), self.server()
            request = udp(client, port, server, 161, b"hello")
            self.frames.append((at, request))
            self.frames.append((at + 2 * MS, ip(reporter, client, 1, b"\x03\x0d" + bytes(6) + request[14:14 + 28])))
            self.note("icmp.prohibited", reporter, client)

    def scan(self, ports: int, client: str = "203.0.113.9", server: str = "198.18.7.7") -> None:
        """Every third port is silent, the others refuse: what a scanner finds shut is no trouble of a service."""
        at = self.start()
        for port in range(1, ports + 1):
            self.frames.append((at + port * MS, tcp(client, 40_000, server, port, 1000, 0, SYN)))
            if port % 3:
                self.frames.append((at + port * MS + MS // 2, tcp(server, port, client, 40_000, 0, 1001, RST_ACK)))
        self.counts.setdefault("tcp.scan", Counter())[client] = ports

    # -- the file ------------------------------------------------------------------------------------------------

    def write(self, path: Path) -> str:
        """A pcap with nanoseconds, which goes on to the end of the last second."""
        quiet = "10.9.9.9", 40_000, "10.9.9.8", 123
        last = START + self.seconds * SECOND
        self.frames += [(last - 1, udp(*quiet, b"\x23" + bytes(47))),
                        (last, udp("10.9.9.8", 123, "10.9.9.9", 40_000, b"\x24\x02" + bytes(46)))]
        self.frames.sort(key=lambda frame: frame[0])
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
            for time, data in self.frames:
                out.write(struct.pack("<IIII", time // SECOND, time % SECOND, len(data), len(data)) + data)
        return str(path)


def faulty(scale: int = 1, seed: int = 7, calm: int = 2_200) -> Crowd:
    """So many times 170 conversations with a trouble, every one in its share, and calm ones among them."""
    crowd = Crowd(seed, 60 * scale, 40)
    crowd.sound(calm * 15 // 22 * scale)
    crowd.asked(calm * 7 // 22 * scale)
    crowd.refused(43 * scale, "198.18.0.7")
    crowd.refused(11 * scale)
    crowd.unanswered(12 * scale, "198.18.0.9", late=3)
    crowd.unanswered(9 * scale)
    crowd.half_open(8 * scale)
    crowd.reset(14 * scale, 0)
    crowd.reset(7 * scale, 1)
    crowd.lost(9 * scale)
    crowd.no_room(7 * scale)
    crowd.silent(24 * scale)
    crowd.silent(6 * scale, "198.51.100.5", 5_005)
    crowd.unreachable(16 * scale)
    crowd.scan(90)
    return crowd
