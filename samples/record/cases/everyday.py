"""What goes on in any network all day and is nothing to worry about, and two faults at once."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act, nginx, pair
from samples.record.cases.http_hosts import SITE, URL, curl, python_web
from samples.record.cases.scans import SCAN, SYN
from samples.record.lab import Lab
from samples.record.network import Action, Capture, Fault, Host, Kind, Link, Nic
from samples.record.servers import named

CROWD = tuple(f"10.0.1.{last}" for last in range(100, 125))
OPENED = "tcp.flags.syn == 1 && tcp.flags.ack == 1"
ONE_RTT = Nic((f"{CLIENT}/24",), 6)
DEAD = "10.0.1.99"
SERVERS_SIDE = Capture(at="server")
ZONE = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 900 604800 60\n@ IN NS ns\nns IN A 10.0.1.20\n" + "".join(
    f"{name} IN A 10.0.1.20\n" for name in ("www", "images", "data")
)


def crowded(client: bool) -> tuple[Host, Host]:
    """One of the two has many addresses: many clients, or many servers."""
    many = Nic((f"{CLIENT if client else SERVER}/24", *[f"{one}/24" for one in CROWD]), 6)
    return (Host("client", (many if client else ONE_RTT,)),
            Host("server", (Nic((f"{SERVER}/24",), 6) if client else many,)))


def _ranges(lab: Lab) -> None:
    """As a player asks: a piece of the file after the other."""
    pieces = [["-sS", "-o", "/dev/null", "-r", f"{at}-{at + 9_999}", f"http://{SERVER}/page.txt", "--next"]
              for at in range(0, 120_000, 10_000)]
    lab.run("client", ["curl", *[word for piece in pieces for word in piece][:-1]])


def _checks(lab: Lab) -> None:
    """Each round: a connection that is closed at once, one that is reset, a HEAD request."""
    for _round in range(4):
        lab.run("client", lab.python("tcp", "connect", SERVER, 80, "open", "close"))
        lab.run("client", lab.python("tcp", "connect", SERVER, 80, "open", "reset"))
        lab.run("client", ["curl", "-sS", "-I", "-o", "/dev/null", f"http://{SERVER}/page.txt"])
        time.sleep(0.6)


def _polls(lab: Lab) -> None:
    """A monitor: an echo request to each host, three times, and a connection to the web server of each."""
    lab.run("client", ["fping", "-q", "-c", "3", "-p", "700", "-i", "5", *CROWD])
    for host in CROWD:
        lab.run("client", lab.python("tcp", "connect", host, 80, "open", "close"))


def _crawls(lab: Lab) -> None:
    for host in CROWD:
        lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{host}/page.txt"])


def _burst(lab: Lab) -> None:
    pages = [word for number in range(30) for word in ("-o", "/dev/null", f"http://{SERVER}/page.txt?{number}")]
    lab.run("client", ["curl", "-sS", "--parallel", "--parallel-immediate", "--parallel-max", "30", *pages])


def _comes_back(lab: Lab) -> None:
    """25 clients connect in the same moment, as after the restart of their server."""
    begun = [
        lab.start("client", ["curl", "-sS", "-o", "/dev/null", "--interface", one, f"http://{SERVER}/page.txt"])
        for one in CROWD
    ]
    for process in begun:
        lab.finish(process)


def _idles(lab: Lab) -> None:
    lab.run("client", lab.python("tcp", "connect", SERVER, 8000, "keepalive:2:2:3", "open", "send:100", "recv:100",
                                 "sleep:7", "send:100", "recv:100", "shutdown", "eof", "close"))


def _answers(lab: Lab) -> None:
    lab.start("server", lab.python("tcp", "listen", SERVER, 8000, "open", "recv:100", "send:100", "recv:100",
                                   "send:100", "eof", "close"))
    lab.listening("server", 8000)


def _scanned(lab: Lab) -> None:
    """The program's data base is down, while somebody scans the server."""
    scan = lab.start("scanner", [*SCAN, "-sS", "-p", "1-60", SERVER])
    lab.run("client", lab.python("tcp", "connect", SERVER, 5432, "open", "close"), (0, 1))
    time.sleep(0.5)
    lab.run("client", lab.python("tcp", "connect", SERVER, 5432, "open", "close"), (0, 1))
    lab.finish(scan)


def _site(lab: Lab) -> None:
    """A name server that answers, one that is dead, and a slow web server."""
    named(lab, "server", {"shop.test": ZONE})
    lab.ip("dead", "route", "add", "blackhole", f"{CLIENT}/32")
    python_web(lab)


def _looks_up(lab: Lab) -> None:
    for name in ("www", "images"):
        lab.run("client", ["curl", "-sS", "-4", "-o", "/dev/null", f"http://{name}.shop.test/items"])
    lab.run("client", ["curl", "-sS", "-4", "-o", "/dev/null", "http://data.shop.test/slow/6"])


def _two_pages(lab: Lab) -> None:
    curl(f"{URL}/chunked")(lab)
    curl(f"{URL}/slow/1.5")(lab)


def reads(*pauses: float) -> Act:
    """A client fetches pages one after another, each so many seconds after the one before."""
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("visitor", "pages", SERVER, 80, "/slow/0.00*", *pauses))
    return drive


CASES: tuple[Case, ...] = (
    Case(
        "everyday", "reading", "Every day: pages that somebody reads",
        "Seven pages, one after another on one connection, with pauses of all lengths between them.",
        pair(), reads(0.3, 1.3, 0.5, 2.2, 0.4, 1.7), (Shows("http.response.code == 200", "Pages", 7, 7),), python_web),
    Case(
        "http1", "client-pauses", "HTTP/1: a client that takes its time",
        "Ten pages, one after another on one connection. The server answers at once, and the client lets 0.4 seconds "
        "pass before each next request.",
        pair(), reads(*[0.4] * 9), (Shows("http.response.code == 200", "Pages", 10, 10),), python_web),
    Case(
        "everyday", "idle", "Every day: a connection that is idle",
        "Two exchanges with a silence of seven seconds between them, in which keep-alive probes find the peer there.",
        pair(), _idles, (
            Shows("tcp.analysis.keep_alive", "Probes", 2), Shows("tcp.flags.fin == 1", "The end", 2, 2),
        ), _answers),
    Case(
        "everyday", "ranges", "Every day: a file fetched piece by piece, as a player does",
        "Twelve requests, each for 10 000 bytes of the file, on one connection.",
        pair(), _ranges, (Shows("http.response.code == 206", "Pieces", 12, 12),), nginx(120_000)),
    Case(
        "everyday", "download", "Every day: a download",
        "curl fetches 150 kB over a good link; nothing is lost.",
        pair(), curl(f"http://{SERVER}/page.txt"), (
            Shows("http.response.code == 200", "The answer", 1, 1),
            Shows("tcp.analysis.retransmission", "No resend", 0, 0),
        ), nginx(150_000)),
    Case(
        "everyday", "health-checks", "Every day: the health checks of a load balancer",
        "Four rounds of a connection that is closed at once, one that is reset at once, and a HEAD request.",
        pair(), _checks, (Shows(SYN, "Connections", 12, 12), Shows("http.response.code == 200", "Answers", 4, 4)),
        nginx(1_000)),
    Case(
        "everyday", "monitor", "Every day: a monitor asks 25 hosts",
        "fping asks 25 hosts three times; then a connection to the web server of each is opened and closed.",
        crowded(False), _polls, (
            Shows("icmp.type == 0", "Replies", 75, 75), Shows(OPENED, "Connections", 25, 25),
        ), nginx(100), seconds=30),
    Case(
        "everyday", "crawler", "Every day: a crawler",
        "One client fetches a page of each of 25 servers.",
        crowded(False), _crawls, (Shows("http.response.code == 200", "Pages", 25, 25),), nginx(100), seconds=30),
    Case(
        "everyday", "burst", "Every day: thirty connections of a browser at once",
        "curl fetches 30 pages over 30 connections to the same server.",
        pair(), _burst, (Shows(OPENED, "Connections", 30, 30), Shows("http.response.code == 200", "Pages", 30, 30)),
        nginx(500)),
    Case(
        "everyday", "clients-return", "Every day: all clients come back at once",
        "25 clients connect to a server in the same moment, as they do when it has been restarted.",
        crowded(True), _comes_back, (Shows(OPENED, "Connections", 25, 25),), nginx(500)),
    Case(
        "two", "scan-and-refused", "Two faults: a scan, and a data base that is down",
        "Somebody scans the server for open ports. At the same time the client's program cannot reach its data base, "
        "which is not running: its two connections are refused, as those of the scan are.",
        (*pair(), Host("scanner", (Nic(("10.0.1.66/24",), 6),))), _scanned, (
            Shows(f"{SYN} && ip.src == {CLIENT} && tcp.dstport == 5432", "The client's connections", 2, 2),
            Shows(f"{SYN} && ip.src == 10.0.1.66", "Those of the scan", 60),
        ), nginx(100), capture=SERVERS_SIDE),
    Case(
        "two", "lookup-and-slow", "Two faults: a dead name server, and a slow program",
        "The first name server of the client is dead, so that every lookup waits two seconds for it; and the last of "
        "three pages takes the server six seconds.",
        (Host("client", (ONE_RTT,), resolver=f"{DEAD}\nnameserver {SERVER}"),
         Host("server", (Nic((f"{SERVER}/24",), 6),)), Host("dead", (Nic((f"{DEAD}/24",), 6),))), _looks_up, (
            Shows(f"dns && ip.dst == {DEAD}", "Questions that nobody answers", 3),
            Shows("http.response.code == 200", "Pages", 3, 3),
        ), _site, seconds=40),
    Case(
        "two", "loss-and-slow", "Two faults: a lost segment, and a slow program",
        "The last segment of the first page is lost and sent again after the timer; the second page takes the server "
        "a second and a half.",
        pair(names=(SITE,)), _two_pages, (
            Shows("http.request", "Pages", 2, 2), Shows("tcp.analysis.retransmission", "The resend", 1),
        ), python_web, links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.DATA, (4,), 3),))}, seconds=30),
)
