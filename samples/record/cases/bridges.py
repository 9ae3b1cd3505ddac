"""Bridges: a link with a loop, one that only looks like it, and spanning trees at rest and restless."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Nic

CHANGE = "stp.flags.tc == 1 || stp.type == 0x80"


def hosts(*segments: str) -> tuple[Host, ...]:
    """Two machines, and a switch (a Linux bridge) with a port on each of these segments."""
    return (
        Host("client", (Nic((f"{CLIENT}/24",), 0.5),)), Host("server", (Nic((f"{SERVER}/24",), 0.5),)),
        Host("switch", tuple([Nic((), 2, segment) for segment in segments])),
    )


def bridge(lab: Lab, host: str, ports: int, *options: str) -> None:
    lab.ip(host, "link", "add", "br0", "type", "bridge", *options)
    for port in range(ports):
        lab.ip(host, "link", "set", f"eth{port}", "master", "br0")
    lab.ip(host, "link", "set", "br0", "up")


def _looped(lab: Lab) -> None:
    """Both ports are plugged into the same segment, and for a quarter of a second nobody pulls one."""
    lab.run("client", lab.python("probe", "ping", SERVER, 2))
    bridge(lab, "switch", 2, "stp_state", "0", "mcast_snooping", "0")
    asking = [
        lab.start(host, ["arping", "-c", "1", "-w", "1", "-I", "eth0", address])
        for host, address in (("client", "10.0.1.77"), ("server", "10.0.1.78"))
    ]
    time.sleep(0.4)
    lab.ip("switch", "link", "set", "eth1", "down")
    for one in asking:
        lab.finish(one, (0, 1))
    lab.run("client", lab.python("probe", "ping", SERVER, 2))


def _asks_often(lab: Lab) -> None:
    lab.run("client", lab.python("arp", "ask", "eth0", CLIENT, SERVER, 60, 0.015))
    lab.run("client", lab.python("probe", "ping", SERVER, 2))


def tree(*priorities: int) -> Act:
    """A switch of each priority on the segment of the machines, with the shortest times that the standard allows."""
    def prepare(lab: Lab) -> None:
        for number, priority in enumerate(priorities, 1):
            bridge(lab, f"switch{number}", 2, "stp_state", "1", "forward_delay", "200", "hello_time", "100",
                   "max_age", "600", "priority", str(priority))
        time.sleep(16)
    return prepare


def _rests(lab: Lab) -> None:
    for _second in range(5):
        lab.run("client", lab.python("probe", "ping", SERVER, 2))
        time.sleep(1)


def _flaps(lab: Lab) -> None:
    """A port of the second switch goes down and up, three times."""
    for _time in range(3):
        lab.ip("switch2", "link", "set", "eth1", "down")
        time.sleep(0.2)
        lab.ip("switch2", "link", "set", "eth1", "up")
        time.sleep(17)


def _contends(lab: Lab) -> None:
    """Somebody changes the priority of the second switch again and again."""
    for priority in ("4096", "40960", "4096", "40960"):
        lab.ip("switch2", "link", "set", "br0", "type", "bridge", "priority", priority)
        time.sleep(10)          # what it said before is believed for 6 s


def switches(count: int) -> tuple[Host, ...]:
    return hosts()[:2] + tuple([
        Host(f"switch{number}", (Nic((), 0.5), Nic((), 0.5, f"far{number}"))) for number in range(1, count + 1)
    ])


CASES: tuple[Case, ...] = (
    Case(
        "bridges", "loop", "Bridges: a loop",
        "Somebody plugs both ports of a switch without spanning tree into the same network. What goes to everybody "
        "goes round, until the second cable is pulled.",
        hosts("lan", "lan"), _looped, (
            Shows("arp.dst.proto_ipv4 == 10.0.1.77", "One question of the client, again and again", 100),
            Shows("arp.dst.proto_ipv4 == 10.0.1.78", "One of the server", 20))),
    Case(
        "bridges", "asked-often", "Bridges: no loop",
        "A machine (a small program) asks for the address of another one sixty times within a second, and is answered "
        "each time. That is one machine, and no loop.",
        hosts("lan"), _asks_often, (
            Shows(f"arp.opcode == 1 && arp.dst.proto_ipv4 == {SERVER}", "The question", 60, 62),)),
    Case(
        "bridges", "tree-at-rest", "Bridges: a spanning tree at rest",
        "Two switches agree on a root, which says every second that it is there. Nothing changes.",
        switches(2), _rests, (
            Shows("stp", "The root speaks", 5), Shows(CHANGE, "No change", 0, 0)), tree(8192, 32768),
        seconds=40),
    Case(
        "bridges", "port-flaps", "Bridges: a port goes up and down",
        "A port of the second switch goes down and comes up again, three times. Each time the switch tells the root of "
        "a change of the topology, and the root tells all others.",
        switches(2), _flaps, (Shows(CHANGE, "Changes of the topology", 3),), tree(8192, 32768), seconds=90),
    Case(
        "bridges", "root-contended", "Bridges: two switches take turns as root",
        "Somebody sets the priority of the second switch below that of the first, and back, twice: the root of the "
        "spanning tree is another one each time.",
        switches(2), _contends, (
            Shows("stp.root.prio == 4096", "The second one is the root", 2),
            Shows("stp.root.prio == 8192", "The first one is", 2)), tree(8192, 32768), seconds=60,
        capture=Capture("client")),
)
