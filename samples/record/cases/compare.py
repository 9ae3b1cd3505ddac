"""Captures that are made to be compared: the same downloads over two links, and the same traffic at two places."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, nginx, pair
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Link, Nic

DOWNLOADS = 5
AGAIN = "tcp.analysis.retransmission || tcp.analysis.out_of_order"
PATH = (
    Host("client", (Nic(("10.0.2.10/24",), 3, "far"),), routes=("default via 10.0.2.1",)),
    Host("router", (Nic(("10.0.1.1/24",), 3, "near"), Nic(("10.0.2.1/24",), 3, "far")), forwards=True),
    Host("server", (Nic(("10.0.1.20/24",), 3, "near"),), routes=("default via 10.0.1.1",)),
)
FAR = {"far": Link(rate_kbit=5_000, queue_frames=60, loss=0.02, duplicate=0.01, reorder=0.02, reorder_ms=9, seed=5)}


def _downloads(lab: Lab) -> None:
    for _ in range(DOWNLOADS):
        lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}/page.txt"])


def _large(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}/page.txt"])


EVERY = (
    Shows("http.request", "The same request, five times", DOWNLOADS, DOWNLOADS),
    Shows("http.response.code == 200", "Its answers", 3, DOWNLOADS),
)

CASES: tuple[Case, ...] = (
    Case(
        "compare", "good-link", "Five downloads over a good link",
        "curl fetches the same page five times, each time over a connection of its own. Nothing is lost, and there "
        "and back takes 16 ms. Made to be compared with bad-link.",
        pair(delay_ms=4), _downloads, (*EVERY, Shows(AGAIN, "Nothing is sent again", 0, 0)), nginx(24_000)),
    Case(
        "compare", "bad-link", "The same five downloads over a bad link",
        "The downloads of good-link over a link with 60 ms there and back, some jitter, and a loss of 4 % of all "
        "frames by chance.",
        pair(delay_ms=15), _downloads, (*EVERY, Shows(AGAIN, "What was lost, sent again", 3)), nginx(24_000),
        {"lan": Link(jitter_ms=2, loss=0.04, seed=23)}),
    Case(
        "compare", "path-client", "A download through a router, captured at the client",
        "A download through a router over a link that loses, duplicates and reorders a few frames, and has a queue "
        "before it. Recorded at the same time as path-server.",
        PATH, _large, (
            Shows("http.response.code == 200", "The page", 1, 1),
            Shows("ip.ttl == 63", "One router off the hop limit", 20),
            Shows(AGAIN, "What was lost, sent again, or overtaken", 2),
        ), nginx(90_000), FAR),
    Case(
        "compare", "path-server", "The same download, captured at the server",
        "The traffic of path-client at its other end, where the page leaves: what is lost and duplicated on the link "
        "is here once, and in the order of the sender.",
        PATH, _large, (
            Shows("http.response.code == 200", "The page", 1, 1),
            Shows("ip.ttl == 63", "The client is behind a router", 20),
        ), nginx(90_000), FAR, Capture("server"), together="compare/path-client"),
)
