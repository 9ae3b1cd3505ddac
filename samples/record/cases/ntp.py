"""Clients that ask for the time, and servers that have it, have it not, or do not answer. No clock is set by any."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act
from samples.record.lab import Lab
from samples.record.network import Host, Nic

OTHER = "10.0.1.21"
ANSWERS = "ntp.flags.mode == 4"


def hosts() -> tuple[Host, ...]:
    return (Host("client", (Nic((f"{CLIENT}/24",), 6),)), Host("server", (Nic((f"{SERVER}/24",), 6),)),
            Host("other", (Nic((f"{OTHER}/24",), 6),)))


def serves(*how: str, other: str = "") -> Act:
    def prepare(lab: Lab) -> None:
        lab.start("server", lab.python("ntp", SERVER, *how))
        lab.listening("server", 123, udp=True)
        if other:
            lab.start("other", lab.python("ntp", OTHER, other))
            lab.listening("other", 123, udp=True)
    return prepare


def _chronyd(lab: Lab) -> None:
    config = lab.scratch / "chrony.conf"
    config.write_text(f"local stratum 2\nallow\npidfile {lab.scratch}/chronyd.pid\ncmdport 0\nbindcmdaddress /\n")
    lab.start("server", ["chronyd", "-x", "-d", "-f", str(config)])
    lab.listening("server", 123, udp=True)


def _silent(lab: Lab) -> None:
    """One server that hears and is not heard, and one that answers."""
    serves("ahead:0")(lab)
    lab.start("other", lab.python("ntp", OTHER, "ahead:0"))
    lab.listening("other", 123, udp=True)
    lab.ip("server", "route", "add", "blackhole", f"{CLIENT}/32")


def asks(*servers: str) -> Act:
    """chronyd asks each server four times, two seconds apart, says how far its clock is off, and leaves it as it is."""
    def drive(lab: Lab) -> None:
        lines = [f"server {one} iburst maxpoll 6" for one in servers]
        lab.run("client", ["chronyd", "-Q", "-t", "9", f"pidfile {lab.scratch}/client.pid", *lines], (0, 1))
    return drive


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows) -> Case:
    return Case("ntp", name, f"NTP: {title}", summary, hosts(), drive, shows, prepare, seconds=30, settle_s=1.5)


CASES: tuple[Case, ...] = (
    case("poll", "a client asks for the time", "chronyd asks another chronyd four times, and "
         "finds how far its clock is off.",
         _chronyd, asks(SERVER), Shows(ANSWERS, "Answers", 3, 8)),
    case("unanswered", "a server that says nothing", "Of the two servers that the client asks, one gets the requests, "
         "and its answers lead nowhere.", _silent, asks(SERVER, OTHER),
         Shows(f"ntp && ip.dst == {SERVER}", "Requests", 2),
         Shows(f"{ANSWERS} && ip.src == {SERVER}", "No answer", 0, 0)),
    case("kiss", "a server that refuses", "The server answers with a kiss-o'-death: DENY.", serves("kiss:DENY"),
         asks(SERVER), Shows("ntp.stratum == 0", "The kiss", 1)),
    case("unsynchronised", "a server without a time", "The server says that its own clock is not synchronised.",
         serves("unsynchronised:"), asks(SERVER), Shows("ntp.stratum == 16", "It says so", 2)),
    case("servers-differ", "two servers with different clocks", "Of the two servers that the client asks, one is five "
         "seconds ahead of the other.", serves("ahead:0", other="ahead:5"), asks(SERVER, OTHER),
         Shows(ANSWERS, "Answers of both", 4)),
)
