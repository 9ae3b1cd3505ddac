"""Scans, floods and what looks like them: one host that tries many doors, and many that knock at one."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act, pair
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Nic
from samples.record.servers import named, web

SCAN = ["nmap", "-n", "-Pn", "--disable-arp-ping", "--max-retries", "1", "--send-ip"]
FAR = "10.0.2"                   # the network behind the router
ROUTER = Host("router", (Nic(("10.0.1.1/24",), 3, "near"), Nic((f"{FAR}.1/24",), 3, "far")), forwards=True)
SYN = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
REFUSED = "tcp.flags.reset == 1 && ip.src == 10.0.1.20"
VICTIM = "10.0.1.30"


def nmap(*options: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", [*SCAN, *options])
    return drive


def _web(lab: Lab) -> None:
    web(lab, "server", {"page.txt": 3_000}, listen_more="", more="")


def _two(lab: Lab) -> None:
    _web(lab)
    lab.start("server", lab.python("tcp", "listen", SERVER, 22, "open", "sleep:60"))
    lab.listening("server", 22)


def _named(lab: Lab) -> None:
    named(lab, "server", {"shop.test": "$TTL 300\n@ IN SOA ns hostmaster 1 3600 900 604800 60\n@ IN NS ns\n"
                                       "ns IN A 10.0.1.20\n"})


def routed(*others: Host) -> tuple[Host, ...]:
    """The client before a router, hosts behind it."""
    return (Host("client", (Nic((f"{CLIENT}/24",), 3, "near"),), routes=("default via 10.0.1.1",)), ROUTER, *others)


def behind(name: str, *last: int) -> Host:
    """A host behind the router, with several addresses."""
    return Host(name, (Nic(tuple(f"{FAR}.{one}/24" for one in last), 3, "far"),), routes=(f"default via {FAR}.1",))


def _stealth(kind: str, flag: str, what: str, shows: str) -> Case:
    return Case(
        "scan", kind, f"Scan: {what}",
        f"nmap sends one segment to each of 40 ports of the server, {shows}. A port on which nothing listens answers "
        "with RST, one on which something listens says nothing (RFC 9293 §3.10.7): nginx, on port 80, is found "
        "by its silence.",
        pair(), nmap(flag, "-p", "61-100", SERVER), (
            Shows(f"tcp && ip.src == {CLIENT} && tcp.dstport == 80", "The port that is silent", 1, 4),
            Shows(REFUSED, "RST from the others", 39, 80),
            Shows("tcp.flags.syn == 1", "No connection is asked for", 0, 0),
        ), _web)


def _reachable(lab: Lab) -> None:
    """A server whose answers to made-up senders leave for somewhere."""
    _web(lab)
    lab.ip("server", "route", "add", "default", "via", "10.0.1.66")


def _flooded(lab: Lab) -> None:
    """A flood of forged senders, and a real client in the midst of it."""
    flood = lab.start("attacker", [
        "hping3", "-q", "-S", "-p", "80", "--rand-source", "-i", "u8000", "-c", "250", SERVER,
    ])
    time.sleep(1.0)
    lab.run("client", ["curl", "-sS", "-m", "6", "-o", "/dev/null", f"http://{SERVER}/page.txt"], (0, 28))
    lab.finish(flood, (0, 1))


RESOLVERS = ("10.0.1.51", "10.0.1.52", "10.0.1.53")
BIG = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 900 604800 60\n@ IN NS ns\nns IN A 10.0.1.51\n" + "".join(
    f'big IN TXT "{number} {"." * 230}"\n' for number in range(4)
)
ASKS_BIG = b"\0\7\1\0\0\1\0\0\0\0\0\1\3big\4shop\4test\0\0\x10\0\1\0\0\x29\4\xd0\0\0\0\0\0\0"


def _resolvers(lab: Lab) -> None:
    for number in range(len(RESOLVERS)):
        named(lab, f"ns{number + 1}", {"shop.test": BIG})


def _reflects(lab: Lab) -> None:
    """Questions in the name of the victim, to three name servers in turn."""
    question = lab.scratch / "question"
    question.write_bytes(ASKS_BIG)
    senders = [lab.start("attacker", [
        "hping3", "-q", "-2", "-a", VICTIM, "-s", "4444", "-k", "-p", "53", "-E", str(question), "-d",
        str(len(ASKS_BIG)), "-i", "u30000", "-c", "20", server,
    ]) for server in RESOLVERS]
    for sender in senders:
        lab.finish(sender, (0, 1))


CASES: tuple[Case, ...] = (
    Case(
        "scan", "syn", "Scan: SYN to many ports",
        "nmap sends a SYN to each of 100 ports of the server and never completes a handshake. Most ports answer with "
        "RST; two answer with SYN-ACK, which nmap resets.",
        pair(), nmap("-sS", "-p", "1-100", SERVER), (
            Shows(SYN, "A SYN to each port", 100, 130),
            Shows(REFUSED, "Closed ports", 98, 130),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "Open ports", 2, 4),
        ), _two),
    _stealth("fin", "-sF", "FIN without a connection", "with FIN alone set"),
    _stealth("null", "-sN", "segments without a flag", "without any flag"),
    _stealth("xmas", "-sX", "FIN, PSH and URG at once", "with FIN, PSH and URG set"),
    Case(
        "scan", "udp", "Scan: UDP to many ports",
        "nmap sends a datagram to each of 40 UDP ports of the server. Closed ones answer with ICMP port unreachable; "
        "BIND, on port 53, answers.",
        pair(), nmap("-sU", "-p", "30-69", SERVER), (
            Shows(f"udp && ip.src == {CLIENT} && !icmp", "A datagram to each port", 40, 120),
            Shows("icmp.type == 3 && icmp.code == 3", "Port unreachable", 35, 80),
            Shows(f"udp.srcport == 53 && ip.src == {SERVER} && !icmp", "The one answer", 1, 3),
        ), _named, seconds=60),
    Case(
        "scan", "ping-sweep", "Scan: which addresses of a network answer to ping",
        "nmap sends an echo request to each of 30 addresses behind a router. Three answer; for some of the others the "
        "router reports that nobody has the address.",
        routed(behind("server", 20, 25, 30)),
        lambda lab: lab.run("client", ["nmap", "-n", "-sn", "-PE", "--disable-arp-ping", "--max-retries", "1",
                                       f"{FAR}.2-31"]), (
            Shows("icmp.type == 8", "Echo requests", 30, 130),
            Shows("icmp.type == 0", "Answers", 3, 3),
        ), seconds=60, settle_s=4),
    Case(
        "scan", "one-port", "Scan: one port of every address",
        "nmap tries port 80 of 40 addresses behind a router. One host serves it, two refuse it, and the other "
        "addresses belong to nobody.",
        routed(behind("server", 20), behind("others", 25, 30)), nmap("-sS", "-p", "80", f"{FAR}.2-41"), (
            Shows(f"{SYN}", "SYNs", 40, 200),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "The one that serves it", 1, 2),
            Shows("tcp.flags.reset == 1 && ip.src == 10.0.2.25", "One that refuses it", 1, 2),
        ), lambda lab: web(lab, "server", {"page.txt": 100}), seconds=60, settle_s=4),
    Case(
        "scan", "syn-flood", "Flood: SYNs of forged senders, and a client in the midst of them",
        "hping3 sends 250 SYNs from made-up addresses to port 80. The server answers as long as its table of half-open "
        "connections has room, then nobody: the client's own SYN is answered late or not at all.",
        (*pair(server=(("net.ipv4.tcp_syncookies", "0"), ("net.ipv4.tcp_max_syn_backlog", "64"),
                       ("net.core.somaxconn", "64"))),
         Host("attacker", (Nic(("10.0.1.66/24",), 6),))), _flooded, (
            Shows(f"{SYN} && ip.dst == {SERVER} && ip.src != {CLIENT}", "SYNs of made-up senders", 240, 260),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "The server answers some", 20),
            Shows(f"{SYN} && ip.src == {CLIENT}", "The client's own", 2),
        ), _reachable,
        capture=Capture(at="server"), seconds=30),
    Case(
        "scan", "reflection", "Reflection: answers of name servers to questions that somebody else asked",
        "Somebody asks three name servers, in the name of a host that knows nothing of it, for a name with a long "
        "answer: 55 bytes become 1100. The capture is that host's: it gets answers, and refuses them by ICMP.",
        (Host("victim", (Nic((f"{VICTIM}/24",), 6),)), Host("attacker", (Nic(("10.0.1.66/24",), 6),)),
         *[Host(f"ns{number + 1}", (Nic((f"{one}/24",), 6),)) for number, one in enumerate(RESOLVERS)]),
        _reflects, (
            Shows(f"udp.srcport == 53 && ip.dst == {VICTIM} && !icmp", "Answers", 50),
            Shows(f"icmp.type == 3 && ip.src == {VICTIM}", "The host refuses them", 3),
            Shows("dns.flags.response == 0 && !icmp", "No question of it", 0, 0),
        ), _resolvers, capture=Capture(at="victim"), seconds=30),
)
