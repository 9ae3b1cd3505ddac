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


SERVICES = "table ip filter { chain forward { type filter hook forward priority 0; tcp dport 80 reject with " \
    "icmp type admin-prohibited; }; }"
HOST = "table ip filter { chain input { type filter hook input priority 0; tcp dport 80 reject; }; }"


def filters(host: str, rules: str, *before: Act) -> Act:
    """A filter of nftables on that host."""
    def prepare(lab: Lab) -> None:
        for one in before:
            one(lab)
        lab.run(host, ["nft", rules])
    return prepare


def asks(*ports: int) -> Act:
    """The client tries each port, one second at most."""
    def drive(lab: Lab) -> None:
        for port in ports:
            lab.run("client", ["curl", "-sS", "-m", "1", "-o", "/dev/null", f"http://{FAR}:{port}/page.txt"],
                    (0, 7, 28))
    return drive


def _detour(lab: Lab) -> None:
    lab.sysctl("client", "net.ipv4.conf.all.accept_redirects", "0")
    lab.sysctl("client", "net.ipv4.conf.eth0.accept_redirects", "0")
    lab.run("client", lab.python("probe", "ping", "10.0.2.20", 4))


# The server lies behind a second router of the client's own link; the client knows the first one alone.
TWO_ROUTERS = (
    Host("client", (Nic(("10.0.1.10/24",), 1, "a"),), routes=("default via 10.0.1.1",)),
    Host("first", (Nic(("10.0.1.1/24",), 1, "a"),), (("net.ipv4.conf.all.send_redirects", "1"),), forwards=True,
         routes=("10.0.2.0/24 via 10.0.1.2",)),
    Host("second", (Nic(("10.0.1.2/24",), 1, "a"), Nic(("10.0.2.1/24",), 1, "b")), forwards=True),
    Host("server", (Nic(("10.0.2.20/24",), 1, "b"),), routes=("default via 10.0.2.1",)),
)

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
    Case(
        "icmp", "prohibited", "ICMP: a filter on the way forbids a port",
        "The second router lets nothing through to port 80 and says so by ICMP. The client asks there, and gives up.",
        chain(), asks(80), (
            Shows("icmp.type == 3 && icmp.code == 13", "The router says that it is prohibited", 1),
            Shows("tcp.flags == 0x12", "No answer of the server", 0, 0)), filters("second", SERVICES, nginx(100))),
    Case(
        "icmp", "rejected", "ICMP: the filter of the server rejects a port",
        "A web server runs, and the filter of its own host rejects port 80 in the way that is the default of many: "
        "with ICMP, port unreachable.",
        chain(), asks(80), (
            Shows("icmp.type == 3 && icmp.code == 3", "The host says that the port is unreachable", 1),
            Shows("tcp.flags.reset == 1", "No RST", 0, 0)), filters("server", HOST, nginx(100))),
    Case(
        "icmp", "redirect", "ICMP: a router names a nearer one",
        "The client sends to a server by its first router, which sends that back over the same link to a second one, "
        "and tells the client so. The client is set to take no such advice, so the packets take the longer way.",
        TWO_ROUTERS, _detour, (
            Shows("icmp.type == 5", "Redirects", 1), Shows("icmp.type == 0", "The server answers all the same", 4, 4))),
)
