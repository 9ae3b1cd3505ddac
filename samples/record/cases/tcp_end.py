"""How a connection ends, and what happens while nothing is said."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, PORT, SERVER, Act, calls, nginx, pair, serves
from samples.record.lab import Lab
from samples.record.network import Action, Fault, Host, Kind, Link, Nic

FAR = "10.0.2.20"                # the server, behind a router
FINISH = Shows("tcp.flags.fin == 1", "Both sides finish", 2, 2)


def _close_together(lab: Lab) -> None:
    """Both sides close in the same moment; the delay is far longer than their skew."""
    moment = f"at:{time.time() + 1.5:.3f}"
    steps = ("open", "recv:100", "send:100", moment, "close")
    there = lab.start("server", lab.python("tcp", "listen", SERVER, PORT, *steps))
    lab.listening("server", PORT)
    lab.run("client", lab.python("tcp", "connect", SERVER, PORT, "open", "send:100", "recv:100", moment, "close"))
    lab.finish(there)


def _keep_open(lab: Lab) -> None:
    lab.run("client", lab.python("tcp", "connect", SERVER, 80, "open", "get:/page.txt", "eof", "close"))


def _cut(lab: Lab) -> None:
    lab.start("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}/page.txt"])
    time.sleep(0.7)


def _silent(lab: Lab) -> None:
    """The server takes them one by one, so each next one begins when the one before it was reset."""
    for pause in (0.3, 0.8, 0.1):
        lab.run("client", lab.python("tcp", "connect", SERVER, PORT, "open", "send:100", "recv:300", "eof", "close"))
        time.sleep(pause)


def _routed() -> tuple[Host, ...]:
    return (Host("client", (Nic((f"{CLIENT}/24",), 4, "here"),), routes=("default via 10.0.1.1",)),
            Host("router", (Nic(("10.0.1.1/24",), 4, "here"), Nic(("10.0.2.1/24",), 8, "there")), forwards=True),
            Host("server", (Nic((f"{FAR}/24",), 8, "there"),), routes=("default via 10.0.2.1",)))


def _filter(lab: Lab, *rules: str) -> None:
    """Rules of the router for what it forwards."""
    chain = "type filter hook forward priority 0;"
    lab.quiet("router", ["nft", f"add table ip middle; add chain ip middle way {{ {chain} }}"])
    for rule in rules:
        lab.quiet("router", ["nft", f"add rule ip middle way {rule}"])


def _serves_far(*steps: str) -> Act:
    def prepare(lab: Lab) -> None:
        lab.start("server", lab.python("tcp", "listen", FAR, PORT, *steps))
        lab.listening("server", PORT)
    return prepare


def _four_serve(lab: Lab) -> None:
    steps = ("open", *("recv:100", "send:300") * 2, "eof")
    for number in range(4):
        lab.start("server", lab.python("tcp", "listen", FAR, PORT + number, *steps))
        lab.listening("server", PORT + number)


def _rejected(lab: Lab) -> None:
    """The router gets its rule while the connection is open."""
    steps = ("open", "send:100", "recv:300", "send:100", "recv:300", "sleep:0.4", "send:100", "eof", "close")
    client = lab.start("client", lab.python("tcp", "connect", FAR, PORT, *steps))
    time.sleep(0.35)
    _filter(lab, f"tcp dport {PORT} reject with tcp reset")
    lab.finish(client)


def _forgotten(lab: Lab, then: str = "drop") -> None:
    """The router follows connections, forgets them after three seconds of silence, and lets nothing else pass."""
    for name, value in (("timeout_established", 3), ("loose", 0)):
        lab.sysctl("router", f"net.netfilter.nf_conntrack_tcp_{name}", str(value))
    _filter(lab, f"ct state invalid {then}")
    steps = ("open", "send:100", "recv:300", "sleep:1.2", "send:100", "recv:300")
    asks = []
    for number, pause in enumerate((4, 4.6, 5.2)):
        steps_of = (*steps, f"sleep:{pause}", "send:100", "sleep:3.4")
        asks.append(lab.start("client", lab.python("tcp", "connect", FAR, PORT + number, *steps_of)))
        time.sleep(0.3)
    for ask in asks:
        lab.finish(ask)
    lab.run("client", lab.python("tcp", "connect", FAR, PORT + 3, "open", *("send:100", "recv:300") * 2, "close"))


def _forgotten_and_reset(lab: Lab) -> None:
    _forgotten(lab, "reject with tcp reset")


CASES: tuple[Case, ...] = (
    Case(
        "tcp", "reset-by-router", "TCP: a router resets in the name of the server",
        "Two requests are answered. Then a filter on the router between client and server rejects the third with a "
        "reset, which it sends in the name of the server.",
        _routed(), _rejected, (
            Shows("tcp.flags.reset == 1 && tcp.srcport == 8000 && ip.ttl == 64", "The reset, of the router", 1, 1),
            Shows("tcp.srcport == 8000 && ip.ttl == 63", "Segments of the server, one hop further", 4),
        ), _serves_far(*("open", "recv:100", "send:300", "recv:100", "send:300", "eof", "close"))),
    Case(
        "tcp", "forgotten-by-router", "TCP: a router forgets connections that are silent",
        "The router between client and server follows connections, and forgets one after three seconds without a "
        "packet. Three clients each ask again after 1.2 seconds and are answered; what they ask after four and more "
        "never arrives, nor what they send again. A new connection is answered.",
        _routed(), _forgotten, (
            Shows("tcp.flags.reset == 1 && tcp.srcport in {8000..8002}", "No reset", 0, 0),
            Shows("tcp.analysis.retransmission && tcp.dstport in {8000..8002}", "What nobody answers, repeated", 6),
        ), _four_serve, seconds=40),
    Case(
        "tcp", "forgotten-and-reset", "TCP: a router resets connections that it has forgotten",
        "As in forgotten-by-router, but the router answers what belongs to no connection that it knows with a reset, "
        "in the name of the server.",
        _routed(), _forgotten_and_reset, (
            Shows("tcp.flags.reset == 1 && tcp.srcport in {8000..8002} && ip.ttl == 64", "Resets, of the router", 3),
        ), _four_serve, seconds=40),
    Case(
        "tcp", "server-rst", "TCP: the server resets in the middle of an answer",
        "The server sends 20 kB of its answer and then aborts the connection: SO_LINGER of zero makes close() send a "
        "reset instead of a FIN.",
        pair(), calls("open", "send:100", "eof", "close"), (
            Shows("tcp.len > 0 && tcp.srcport == 8000", "What the server still sends", 10),
            Shows("tcp.flags.reset == 1 && tcp.srcport == 8000", "The reset", 1, 1),
            Shows("tcp.flags.fin == 1", "No FIN", 0, 0),
        ), serves("open", "recv:100", "send:20000", "sleep:0.1", "reset")),
    Case(
        "tcp", "reset-by-client-unread-data", "TCP: closing with unread data is a reset",
        "The client reads 1000 bytes of a longer answer and closes. Because data lies unread in its receive buffer, "
        "Linux sends a reset and no FIN: the server must learn that its data was not taken.",
        pair(), calls("open", "send:100", "recv:1000", "sleep:0.2", "close"), (
            Shows("tcp.len > 0 && tcp.srcport == 8000", "The answer", 10),
            Shows("tcp.flags.reset == 1 && tcp.dstport == 8000", "The client's reset", 1),
            Shows("tcp.flags.fin == 1 && tcp.dstport == 8000", "No FIN from the client", 0, 0),
        ), serves("open", "recv:100", "send:30000", "sleep:1", "close")),
    Case(
        "tcp", "half-close", "TCP: half close",
        "The client sends its request and ends its sending direction with shutdown(); the server reads to the end "
        "and only then sends its answer, in a connection that is open in one direction.",
        pair(), calls("open", "send:2000", "shutdown", "eof", "close"), (
            Shows("tcp.flags.fin == 1 && tcp.dstport == 8000", "The client's FIN", 1, 1),
            Shows("tcp.len > 0 && tcp.srcport == 8000", "The answer, after that FIN", 4),
            Shows("tcp.flags.fin == 1 && tcp.srcport == 8000", "The server's FIN", 1, 1),
        ), serves("open", "eof", "sleep:0.2", "send:5000", "close")),
    Case(
        "tcp", "simultaneous-close", "TCP: both sides close at the same time",
        "Client and server close in the same moment. The FINs cross on the way, each side acknowledges the "
        "other's, and both hold TIME_WAIT.",
        pair(delay_ms=12), _close_together, (
            Shows("tcp.flags.fin == 1", "Two FINs cross", 2, 2),
            Shows("tcp.flags.fin == 1 && tcp.srcport == 8000 && tcp.ack == 101",
                  "The server's FIN does not acknowledge the client's: it was sent before that arrived", 1, 1),
        )),
    Case(
        "tcp", "rst-after-close", "TCP: late data meets a closed socket",
        "The client sends a request and closes at once. The answer that comes later finds no socket, and the "
        "client's host answers it with a reset.",
        pair(), calls("open", "send:100", "close"), (
            Shows("tcp.flags.fin == 1 && tcp.dstport == 8000", "The client's FIN", 1, 1),
            Shows("tcp.len == 500", "The late answer", 1, 1),
            Shows("tcp.flags.reset == 1 && tcp.dstport == 8000", "The reset it gets", 1, 1),
        ), serves("open", "recv:100", "sleep:0.3", "send:500", "sleep:0.2"), settle_s=0.8),
    Case(
        "tcp", "keep-alive", "TCP: keep-alive probes",
        "The connection is silent for four seconds. The client's kernel asks once a second whether the server is "
        "still there, with an empty segment one byte below the next sequence number, and is answered.",
        pair(), calls("keepalive:1:1:3", "open", "send:100", "recv:100", "sleep:4.3", "send:100", "close"), (
            Shows("tcp.analysis.keep_alive", "The probes, a second apart", 3, 5),
            Shows("tcp.analysis.keep_alive_ack", "Their answers", 3, 5),
            FINISH,
        ), serves("open", "recv:100", "send:100", "eof", "close")),
    Case(
        "tcp", "keep-alive-dead-peer", "TCP: keep-alive finds the peer gone",
        "From some moment on nothing the client sends arrives. Three keep-alive probes a second apart stay "
        "without an answer; the client's kernel ends the connection with a reset, which arrives nowhere either.",
        pair(), calls("keepalive:1:1:3", "open", "send:100", "recv:100", "sleep:5", "close"), (
            Shows("tcp.analysis.keep_alive", "Three probes", 3, 3),
            Shows("tcp.analysis.keep_alive_ack", "No answer", 0, 0),
            Shows("tcp.flags.reset == 1 && tcp.dstport == 8000", "The client gives up", 1, 1),
        ), serves("open", "recv:100", "send:100", "eof", "close"),
        {"lan": Link(faults=(Fault(Action.DROP, "client", Kind.ACK, tuple(range(3, 30))),
                             Fault(Action.DROP, "client", Kind.RST, (1, 2))))}),
    Case(
        "tcp", "idle-timeout", "TCP: the server closes an idle connection",
        "A client keeps its HTTP/1.1 connection open after one answer. nginx waits two seconds for another request "
        "(keepalive_timeout 2) and closes.",
        pair(), _keep_open, (
            Shows("http.response", "The answer", 1, 1),
            Shows("tcp.flags.fin == 1 && tcp.srcport == 80 && tcp.time_delta > 1.5",
                  "The server's FIN two seconds later",
                  1, 1),
            FINISH,
        ), nginx(3_000, more="keepalive_timeout 2;")),
    Case(
        "tcp", "idle-resets", "TCP: connections that are reset after the same silence",
        "Three connections, begun one after the other, have each asked one thing and got it, and then say nothing. The "
        "server resets each of them two seconds after its last word, as load balancers and firewalls do with what they "
        "take for forgotten.",
        pair(), _silent, (
            Shows("tcp.flags.reset == 1", "A RST for each", 3, 3),
            Shows("tcp.flags.reset == 1 && tcp.time_delta > 1.8", "Two seconds after the last segment", 3, 3),
            Shows("tcp.flags.fin == 1", "No FIN", 0, 0),
        ), serves("open", "recv:100", "send:300", "sleep:2", "reset", "again"), seconds=30),
    Case(
        "tcp", "gives-up", "TCP: a sender gives up",
        "From the second request on, nothing the client sends arrives. It sends the segment again and again, waiting "
        "twice as long each time, and gives up without a word (tcp_retries2 = 3); the capture shows no end at all.",
        pair(client=(("net.ipv4.tcp_retries2", "3"), ("net.ipv4.tcp_early_retrans", "0"))),
        calls("open", "send:100", "recv:100", "send:200", "recv:100", "close"), (
            Shows("tcp.len == 200", "The lost request and its repetitions", 4),
            Shows("tcp.analysis.retransmission", "The repetitions, each after twice the time", 3),
            Shows("tcp.flags.fin == 1 || tcp.flags.reset == 1", "No end is seen", 0, 0),
        ), serves("open", "recv:100", "send:100", "eof", "close"),
        {"lan": Link(faults=(Fault(Action.DROP, "client", Kind.DATA, (2,), copies=99),))}),
    Case(
        "tcp", "capture-ends-first", "TCP: the capture ends before the connection",
        "A long download over a path of 1 Mbit/s. The capture is stopped while data is still coming: nothing can "
        "be said about how this connection ended.",
        pair(), _cut, (
            Shows("tcp.flags.syn == 1", "The handshake", 2, 2),
            Shows("tcp.len > 0 && tcp.srcport == 80", "Data up to the last frames", 40),
            Shows("tcp.flags.fin == 1 || tcp.flags.reset == 1", "No end", 0, 0),
        ), nginx(600_000), {"lan": Link(rate_kbit=1000, queue_frames=200)}, settle_s=0.1),
)
