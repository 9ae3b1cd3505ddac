"""The hosts nearly every case has, and the transfers many cases make."""
from __future__ import annotations

from collections.abc import Callable

from samples.record.lab import Lab
from samples.record.network import Host, Nic
from samples.record.servers import web

CLIENT = "10.0.1.10"
SERVER = "10.0.1.20"
PORT = 8000                      # where the small socket programs serve

Settings = tuple[tuple[str, str], ...]
Act = Callable[[Lab], None]


def pair(client: Settings = (), server: Settings = (), delay_ms: float = 6.0,
         names: tuple[str, ...] = ()) -> tuple[Host, Host]:
    """Client and server on one switch: four times the delay is the round trip. names: what the client calls it."""
    known = ("127.0.0.1 localhost", f"{SERVER} {' '.join(names)}") if names else ()
    return (Host("client", (Nic((f"{CLIENT}/24",), delay_ms),), client, names=known),
            Host("server", (Nic((f"{SERVER}/24",), delay_ms),), server))


def nginx(length: int, listen_more: str = "", more: str = "") -> Act:
    """A web server on `server` with one file of that length."""
    def prepare(lab: Lab) -> None:
        web(lab, "server", {"page.txt": length}, listen_more=listen_more, more=more)
    return prepare


def fetch(lab: Lab) -> None:
    """The client fetches that file with curl."""
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}/page.txt"])


def serves(*steps: str) -> Act:
    """A socket program listens on `server` and takes these steps with whoever connects."""
    def prepare(lab: Lab) -> None:
        lab.start("server", lab.python("tcp", "listen", SERVER, PORT, *steps))
        lab.listening("server", PORT)
    return prepare


def calls(*steps: str) -> Act:
    """A socket program connects from `client` and takes these steps."""
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("tcp", "connect", SERVER, PORT, *steps))
    return drive
