"""How a connection opens, or does not."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, PORT, SERVER, fetch, nginx, pair, serves
from samples.record.lab import Lab
from samples.record.network import Action, Capture, Fault, Host, Kind, Link, Nic
from samples.record.servers import web

HANDSHAKE = Shows("tcp.flags.syn == 1", "SYN, and SYN-ACK one round trip later", 2, 2)
END = Shows("tcp.flags.fin == 1", "Both sides finish; the client first", 2, 2)
QUIET = Shows("tcp.analysis.retransmission || tcp.analysis.duplicate_ack || tcp.analysis.out_of_order",
              "Nothing is sent twice", 0, 0)
SERVER6 = "fd00:1::20"


def _refused(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}:81/"], allowed=(7,))


def _unanswered(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}/"], allowed=(7, 28))


def _other_key(lab: Lab) -> None:
    """Nobody answers, so the program ends with the error of its socket."""
    lab.run("client", lab.python("tcp", "connect", SERVER, PORT, f"md5:{SERVER}:spring", "open"), allowed=(1,))


def _fetch6(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://[{SERVER6}]/page.txt"])


def _nginx6(lab: Lab) -> None:
    web(lab, "server", {"page.txt": 30_000}, listen="[::]:80")


def _fast_open(lab: Lab) -> None:
    for _ in range(2):
        lab.run("client", ["curl", "-sS", "--tcp-fastopen", "-o", "/dev/null", f"http://{SERVER}/page.txt"])
        time.sleep(0.1)


def _simultaneous(lab: Lab) -> None:
    """Each side connects to the other's port at the same moment; the delay is far longer than their skew."""
    moment = f"at:{time.time() + 1.5:.3f}"
    steps = [moment, "open", "sleep:0.2", "send:100", "recv:100"]
    here = lab.start("client", lab.python("tcp", "connect", SERVER, PORT, f"bind:{CLIENT}:{PORT}", *steps, "close"))
    there = lab.start("server", lab.python("tcp", "connect", CLIENT, PORT, f"bind:{SERVER}:{PORT}", *steps, "eof",
                                           "close"))
    lab.finish(here)
    lab.finish(there)


def _twice(lab: Lab) -> None:
    for _ in range(2):
        steps = ("bind:40500", "open", "get10:/page.txt", "eof", "close")
        lab.run("client", lab.python("tcp", "connect", SERVER, 80, *steps))
        time.sleep(0.5)


def _begin_early(lab: Lab) -> None:
    serves("open", "recv:10", "drip:1000:25:0.1", "close")(lab)
    lab.start("client", lab.python("tcp", "connect", SERVER, PORT, "open", "send:10", "eof", "close"))
    time.sleep(0.6)


CASES: tuple[Case, ...] = (
    Case(
        "tcp", "clean", "TCP: a clean transfer",
        "curl fetches 60 kB from nginx over a path with a round trip of 24 ms. Nothing is lost: ARP, the three-way "
        "handshake, one request, one answer in a growing window, and an orderly end.",
        pair(), fetch, (
            Shows("arp", "The client asks which MAC address has the server's IP address, and is answered", 2, 4),
            HANDSHAKE,
            Shows("http.request", "The request", 1, 1),
            Shows("tcp.len > 0 && tcp.srcport == 80", "60 000 bytes and their header arrive", 40),
            END, QUIET,
        ), nginx(60_000)),
    Case(
        "tcp", "ipv6-clean", "TCP over IPv6: a clean transfer",
        "curl fetches 30 kB from nginx over IPv6. Neighbour discovery takes the place of ARP, and the segments are "
        "20 bytes smaller because the IPv6 header is 20 bytes longer.",
        (Host("client", (Nic(("fd00:1::10/64",)),)), Host("server", (Nic((f"{SERVER6}/64",)),))), _fetch6, (
            Shows("icmpv6.type == 135 || icmpv6.type == 136", "Neighbour solicitation and advertisement", 2),
            HANDSHAKE,
            Shows("tcp.options.mss_val == 1440", "Both offer an MSS of 1440", 2, 2),
            Shows("http.response", "The response is complete", 1, 1),
            END, QUIET,
        ), _nginx6),
    Case(
        "tcp", "refused", "TCP: connection refused",
        "curl connects to a port on which nothing listens. The host answers the SYN at once with a reset.",
        pair(), _refused, (
            Shows("tcp.flags.syn == 1", "SYN to port 81", 1, 1),
            Shows("tcp.flags.reset == 1 && tcp.flags.ack == 1", "RST with ACK one round trip later", 1, 1),
        )),
    Case(
        "tcp", "unanswered-syn", "TCP: a SYN that nobody answers",
        "curl connects to a host whose packets never arrive, as behind a firewall that drops. The client repeats its "
        "SYN after 1, 2 and 4 seconds and gives up.",
        pair(client=(("net.ipv4.tcp_syn_retries", "3"),)), _unanswered, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "The SYN and its three repetitions", 4, 4),
            Shows("tcp.analysis.retransmission", "The repetitions: 1, 2 and 4 seconds apart", 3, 3),
            Shows("ip.src == 10.0.1.20", "The server says nothing", 0, 0),
        ), links={"lan": Link(faults=(Fault(Action.DROP, "client", Kind.SYN, (1,), copies=99),))}, seconds=30),
    Case(
        "tcp", "md5-mismatch", "TCP: a signed SYN that is dropped without a word",
        "Two peers sign their segments (TCP MD5, RFC 2385), as routers do for BGP, and each has another key. The "
        "server drops every SYN whose signature does not fit, and says nothing: it looks as if nobody were there.",
        pair(client=(("net.ipv4.tcp_syn_retries", "2"),)), _other_key, (
            Shows("tcp.options.md5", "The SYN and its two repetitions, each with a signature", 3, 3),
            Shows("ip.src == 10.0.1.20 && tcp", "The server says nothing", 0, 0),
        ), serves(f"md5:{CLIENT}:autumn", "open", "recv:100", "close"), seconds=30),
    Case(
        "tcp", "syn-retransmit", "TCP: the SYN is lost once",
        "The first SYN vanishes. The client sends it again one second later, with the same sequence number, and the "
        "connection opens: a wait of a second that has nothing to do with the server.",
        pair(), fetch, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "The SYN, and again after one second", 2, 2),
            Shows("tcp.analysis.retransmission", "The second of them", 1, 1),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "SYN-ACK", 1, 1),
            Shows("http.response", "The response is complete", 1, 1),
        ), nginx(5_000), {"lan": Link(faults=(Fault(Action.DROP, "client", Kind.SYN, (1,)),))}),
    Case(
        "tcp", "synack-retransmit", "TCP: the SYN-ACK is lost once",
        "Captured at the server. Its first SYN-ACK vanishes on the way, so the client repeats the SYN after one "
        "second and the server its SYN-ACK, both with the sequence numbers they had.",
        pair(), fetch, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "The SYN, and again after one second", 2, 2),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "The SYN-ACK that is lost, and again", 2, 3),
            Shows("http.response", "The response is complete", 1, 1),
        ), nginx(5_000), {"lan": Link(faults=(Fault(Action.DROP, "server", Kind.SYN_ACK, (1,)),))}, Capture("server")),
    Case(
        "tcp", "simultaneous-open", "TCP: both sides open at the same time",
        "Two programs connect to each other's port in the same moment. The SYNs cross, each side answers with "
        "SYN-ACK, and one connection comes of it, without a client and a server.",
        pair(delay_ms=12), _simultaneous, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "Two SYNs cross", 2, 2),
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 1", "Two SYN-ACKs cross", 2, 2),
            Shows("tcp.len == 100", "100 bytes each way", 2, 2),
            Shows("tcp.flags.fin == 1", "The end", 2, 2),
        )),
    Case(
        "tcp", "fast-open", "TCP: Fast Open",
        "curl fetches a page twice with TCP Fast Open. The first connection asks for a cookie; the second carries "
        "the request on its SYN together with that cookie, and so the answer comes one round trip earlier.",
        pair(client=(("net.ipv4.tcp_fastopen", "1"),), server=(("net.ipv4.tcp_fastopen", "2"),)), _fast_open, (
            Shows("tcp.options.tfo.request", "The first SYN asks for a cookie", 1, 1),
            Shows("tcp.options.tfo.cookie && tcp.flags.ack == 1", "The SYN-ACK brings it", 1, 1),
            Shows("tcp.flags.syn == 1 && tcp.len > 0", "The second SYN carries cookie and request", 1, 1),
            Shows("http.response", "Both responses", 2, 2),
        ), nginx(2_000, listen_more="fastopen=16")),
    Case(
        "tcp", "syn-cookies", "TCP: a connection opened with SYN cookies",
        "The server keeps no state for a half-open connection: its initial sequence number is a cookie (Linux with "
        "tcp_syncookies = 2, always on). Nothing in the frames proves it; what can be seen is an ordinary handshake.",
        pair(server=(("net.ipv4.tcp_syncookies", "2"),)), fetch, (
            HANDSHAKE,
            Shows("http.response", "The response is complete", 1, 1),
            END,
        ), nginx(5_000)),
    Case(
        "tcp", "port-reuse", "TCP: the same ports again",
        "A client connects twice from the same port to the same server, half a second apart. Addresses and ports are "
        "equal; the new initial sequence number tells the second connection from the first.",
        pair(), _twice, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "Two SYNs from port 40500", 2, 2),
            Shows("tcp.analysis.reused_ports", "The second of them", 1, 1),
            Shows("tcp.flags.fin == 1", "Both connections end in order; the server finishes first", 4, 4),
        ), nginx(2_000)),
    Case(
        "tcp", "late-start", "TCP: the capture starts in the middle",
        "A server sends 1000 bytes every tenth of a second. The capture starts when the connection is already "
        "open: no handshake, so neither the window scale nor who opened it can be known.",
        pair(), lambda lab: time.sleep(2.6), (
            Shows("tcp.flags.syn == 1", "No SYN", 0, 0),
            Shows("tcp.len == 1000", "The data that is seen", 5, 29),
            Shows("tcp.flags.fin == 1", "The end is seen", 2, 2),
        ), _begin_early),
)
