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


FLOORS = {10: "10.0.10.1", 20: "10.0.20.1"}      # VLANs, with the address of the switch in each
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SAME = 'mac="02:00:00:00:aa:01"'                 # of the switch in all VLANs, as usual


def _trunked(joined: bool) -> tuple[Host, ...]:
    """Two machines in VLANs of their own, a switch that routes between them, and somebody who listens at its trunk.

    joined: somebody has plugged a cable into two ports of the switch, one of each VLAN.
    """
    segments = ("floor1", "floor2", "trunk", *(("cable", "cable") if joined else ()))
    return (
        Host("client", (Nic(("10.0.10.10/24",), 0.3, "floor1"),), routes=("default via 10.0.10.1",)),
        Host("server", (Nic(("10.0.20.20/24",), 0.3, "floor2"),), routes=("default via 10.0.20.1",)),
        Host("switch", tuple([Nic((), 0.2, segment, bridged=True) for segment in segments]), forwards=True,
             sysctl=(("net.ipv4.conf.all.arp_ignore", "1"),)),
        Host("listener", (Nic((), 0.2, "trunk"),)),
    )


def _switched(lab: Lab) -> None:
    """Open vSwitch in user space: a port of each VLAN, a trunk, and the two ports of the cable where there is one."""
    files = {name: f"{lab.scratch}/{name}" for name in ("conf.db", "db.sock", "db.pid", "sw.pid", "db.ctl", "sw.ctl")}
    database = f"unix:{files['db.sock']}"
    lab.quiet("switch", ["ovsdb-tool", "create", files["conf.db"], SCHEMA])
    lab.start("switch", ["ovsdb-server", files["conf.db"], f"--remote=p{database}", f"--pidfile={files['db.pid']}",
                         f"--unixctl={files['db.ctl']}"])
    time.sleep(0.5)
    lab.start("switch", ["ovs-vswitchd", database, f"--pidfile={files['sw.pid']}", f"--unixctl={files['sw.ctl']}"])
    ports = len(next(host for host in lab.declared if host.name == "switch").nics)
    tags = {0: 10, 1: 20, 3: 10, 4: 20}
    words = ["add-br", "sw", "--", "set", "bridge", "sw", "datapath_type=netdev"]
    for port in range(ports):
        words += ["--", "add-port", "sw", f"eth{port}", *([f"tag={tags[port]}"] if port in tags else [])]
    for vlan in FLOORS:
        device = f"vlan{vlan}"
        words += ["--", "add-port", "sw", device, f"tag={vlan}"]
        words += ["--", "set", "interface", device, "type=internal", SAME]
    lab.quiet("switch", ["ovs-vsctl", f"--db={database}", "--timeout=10", *words])


def _two_floors(lab: Lab) -> None:
    """The switch comes up in both VLANs, with the same link-local address in each, and the machines talk over it."""
    for vlan, address in FLOORS.items():
        device = f"vlan{vlan}"
        lab.sysctl("switch", f"net.ipv6.conf.{device}.disable_ipv6", "0")
        lab.ip("switch", "address", "add", f"{address}/24", "dev", device)
    for vlan in FLOORS:
        lab.ip("switch", "link", "set", f"vlan{vlan}", "up")
    time.sleep(2.5)
    lab.run("client", ["arping", "-A", "-c", "1", "-I", "eth0", "10.0.10.10"], (0, 1))
    lab.run("client", lab.python("probe", "ping", "10.0.20.20", 2))
    for host, address in (("client", "10.0.10.77"), ("server", "10.0.20.77")):
        lab.run(host, ["arping", "-c", "2", "-w", "2", "-I", "eth0", address], (0, 1))
    lab.run("client", lab.python("probe", "ping", "10.0.20.20", 2))


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
        "bridges", "vlans-joined", "Bridges: a cable joins two VLANs",
        "A cable lies between two ports of a switch, one of VLAN 10 and one of VLAN 20: what a machine says to "
        "everybody in its own VLAN comes in the other one as well. The switch routes between the two, and the "
        "capture is of its trunk.",
        _trunked(joined=True), _two_floors, (
            Shows("vlan.id == 10 && arp.src.proto_ipv4 == 10.0.20.20", "The server's questions, in the wrong VLAN", 2),
            Shows("vlan.id == 20 && arp.src.proto_ipv4 == 10.0.10.10", "The client's, in the wrong VLAN", 2)),
        _switched, capture=Capture("listener")),
    Case(
        "bridges", "vlans-apart", "Bridges: two VLANs on a trunk",
        "A switch routes between VLAN 10 and VLAN 20, and has the same link-local address in both. The capture of its "
        "trunk sees both; no frame of one machine comes in both.",
        _trunked(joined=False), _two_floors, (
            Shows("vlan.id == 10 && arp", "ARP in one VLAN", 2),
            Shows("vlan.id == 20 && arp", "ARP in the other", 2),
            Shows("icmpv6.nd.ns.target_address == fe80::/10", "The switch's link-local address, in both", 2, 2),
            Shows("vlan.id == 10 && arp.src.proto_ipv4 == 10.0.20.0/24", "None of the other VLAN", 0, 0)),
        _switched, capture=Capture("listener")),
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
