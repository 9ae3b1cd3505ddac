"""Several web servers of one name, one of which is slow or only far away, and a client that does not pause."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, Act
from samples.record.cases.http_hosts import SITE, URL, curl, python_web
from samples.record.cases.http_hosts import case as plain
from samples.record.lab import Lab
from samples.record.network import Host, Nic

SERVERS = ("10.0.1.21", "10.0.1.22", "10.0.1.23")


def hosts(delays: tuple[float, ...]) -> tuple[Host, ...]:
    return (Host("client", (Nic((f"{CLIENT}/24",), 2),)), *[
        Host(f"server{number}", (Nic((f"{address}/24",), delay),))
        for number, (address, delay) in enumerate(zip(SERVERS, delays, strict=True), 1)
    ])


def serve(*late: float) -> Act:
    """Each thinks for so long before it answers."""
    def prepare(lab: Lab) -> None:
        for number, (address, seconds) in enumerate(zip(SERVERS, late, strict=True), 1):
            lab.start(f"server{number}", lab.python("web", address, 80, seconds))
            lab.listening(f"server{number}", 80)
    return prepare


def _in_turn(lab: Lab) -> None:
    """Six rounds, as where a name has three addresses."""
    for _round in range(6):
        for address in SERVERS:
            lab.run("client", ["curl", "-sS", "-o", "/dev/null", "--resolve", f"{SITE}:80:{address}", f"{URL}/news"])


def case(name: str, title: str, summary: str, delays: tuple[float, ...], late: tuple[float, ...]) -> Case:
    return Case("http1", name, f"HTTP: {title}", summary, hosts(delays), _in_turn, (
        Shows("http.request", "Requests", 18, 18), Shows("http.response.code == 200", "Answers", 18, 18),
    ), serve(*late), seconds=40)


CASES: tuple[Case, ...] = (
    case("one-slow-server", "one of three servers is slow",
         "A name has three addresses, which the client asks in turn. Two answer at once, the third takes 0.6 s.",
         (2, 2, 2), (0, 0, 0.6)),
    case("one-far-server", "one of three servers is far away",
         "A name has three addresses, which the client asks in turn. All answer at once, and the way to the third "
         "takes a quarter of a second.", (2, 2, 120), (0, 0, 0)),
    plain("no-pause", "a client that does not pause",
          "The server says that it is asked too often, and to wait for two seconds (429, Retry-After). The client asks "
          "again at once, fifteen times.",
          python_web, curl(*[f"{URL}/busy"] * 15), Shows("http.response.code == 429", "Too often", 15, 15)),
)
