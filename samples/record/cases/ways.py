"""Ways through a network: found hop by hop, too narrow, barred by a filter, or leading elsewhere."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, nginx, pair
from samples.record.lab import Lab
from samples.record.network import Host, Nic

FAR = "10.0.4.20"
UDP_PORT = 9700


def chain(silent: bool = False, more: tuple[tuple[str, str], ...] = ()) -> tuple[Host, ...]:
    """A client, three routers, a server: 4 ms from hop to hop and back. silent: the second router reports nothing."""
    mute = (("net.ipv4.icmp_ratemask", "2112"), ("net.ipv4.icmp_ratelimit", "1000000")) if silent else ()
    return (
        Host("client", (Nic(("10.0.1.10/24",), 1, "a"),), routes=("default via 10.0.1.1",)),
        Host("first", (Nic(("10.0.1.1/24",), 1, "a"), Nic(("10.0.2.1/24",), 1, "b")), forwards=True,
             routes=("default via 10.0.2.2",)),
        Host("second", (Nic(("10.0.2.2/24",), 1, "b"), Nic(("10.0.3.1/24",), 1, "c")), mute + more, forwards=True,
             routes=("10.0.1.0/24 via 10.0.2.1", "default via 10.0.3.2")),
        Host("third", (Nic(("10.0.3.2/24",), 1, "c"), Nic(("10.0.4.1/24",), 1, "d")), forwards=True,
             routes=("default via 10.0.3.1",)),
        Host("server", (Nic((f"{FAR}/24",), 1, "d"),), routes=("default via 10.0.4.1",)),
    )


def traces(*options: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", ["traceroute", "-n", "-q", "2", "-w", "1", *options, FAR])
    return drive


EXCEEDED = Shows("icmp.type == 11", "Routers report that the hop limit ran out", 3)

def _served(lab: Lab) -> None:
    lab.start("server", lab.python("udp", "serve", SERVER, UDP_PORT, *(2, 3, 2, 45, 2)))
    lab.listening("server", UDP_PORT, udp=True)


def _asked(lab: Lab) -> None:
    lab.run("client", lab.python("udp", "ask", SERVER, UDP_PORT, 20, *(30, 90, 10, 250)))


CASES: tuple[Case, ...] = (
    Case(
        "link", "udp-answers", "UDP: questions and answers of an unknown protocol",
        "A client asks twenty times over UDP in a form that nobody knows, one question after the other, and has an "
        "answer each time. Each fifth answer takes longer.",
        pair(), _asked, (
            Shows("udp.dstport == 9700", "The questions", 20, 20), Shows("udp.srcport == 9700", "The answers", 20, 20),
        ), _served),
    Case(
        "icmp", "traceroute-udp", "ICMP: a way of four hops, traced with UDP",
        "traceroute sends datagrams to ports on which nothing listens, with a hop limit that grows. Each router on the "
        "way drops some of them and says so; the server says that nothing listens.",
        chain(), traces(), (EXCEEDED, Shows("icmp.type == 3 && icmp.code == 3", "The server is reached", 1))),
    Case(
        "icmp", "traceroute-icmp", "ICMP: a way of four hops, traced with echo requests",
        "The same with echo requests: routers report, and the server answers.",
        chain(), traces("-I"), (EXCEEDED, Shows("icmp.type == 0", "The server answers", 1))),
    Case(
        "icmp", "traceroute-tcp", "ICMP: a way of four hops, traced with TCP",
        "The same with SYNs to port 80, which pass filters that drop everything else. The server answers one with "
        "SYN-ACK, and the client resets it.",
        chain(), traces("-T", "-p", "80"), (EXCEEDED, Shows("tcp.flags == 0x12", "The server answers", 1)), nginx(100)),
)
