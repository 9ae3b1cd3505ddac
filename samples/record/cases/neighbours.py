"""Neighbours on a link: addresses that two machines want, that somebody takes over, and that nobody has any more."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act, pair
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Nic

ROUTER = "10.0.1.1"
ROUTER_MAC, CLIENT_MAC = "02:00:00:00:02:01", "02:00:00:00:01:01"
FAR = "10.0.2.20"
ROUTED = (
    Host("client", (Nic((f"{CLIENT}/24",), 2, "near"),), routes=(f"default via {ROUTER}",)),
    Host("router", (Nic((f"{ROUTER}/24",), 2, "near"), Nic(("10.0.2.1/24",), 2, "far")), forwards=True),
    Host("server", (Nic((f"{FAR}/24",), 2, "far"),), routes=("default via 10.0.2.1",)),
)


def _arping(lab: Lab, *options: str, allowed: tuple[int, ...] = (0,)) -> None:
    lab.run("client", ["arping", "-I", "eth0", *options], allowed)


def _wants_taken(lab: Lab) -> None:
    _arping(lab, "-D", "-c", "2", SERVER, allowed=(1,))
    lab.run("client", lab.python("probe", "ping", SERVER, 1))


def _wants_free(lab: Lab) -> None:
    _arping(lab, "-D", "-c", "3", "10.0.1.30", allowed=(0, 1))
    lab.ip("client", "address", "add", "10.0.1.30/24", "dev", "eth0")
    _arping(lab, "-A", "-c", "2", "10.0.1.30", allowed=(0, 1))
    lab.run("client", lab.python("probe", "ping", SERVER, 2))


def _poisons(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", FAR, 2))
    both = [
        lab.start("other", lab.python("arp", "tell", "eth0", ROUTER, CLIENT, CLIENT_MAC, 5)),
        lab.start("other", lab.python("arp", "tell", "eth0", CLIENT, ROUTER, ROUTER_MAC, 5)),
    ]
    time.sleep(0.4)
    lab.run("client", lab.python("probe", "ping", FAR, 4))
    for one in both:
        lab.finish(one)


def _takes_over(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", SERVER, 2))
    lab.ip("server", "address", "del", f"{SERVER}/24", "dev", "eth0")
    lab.ip("second", "address", "add", f"{SERVER}/24", "dev", "eth0")
    lab.run("second", ["arping", "-I", "eth0", "-A", "-c", "2", SERVER], (0, 1))
    lab.run("client", lab.python("probe", "ping", SERVER, 2))


def _router_dies(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", FAR, 2))
    lab.ip("router", "link", "set", "eth0", "down")
    lab.run("client", ["curl", "-sS", "-m", "1", "-o", "/dev/null", f"http://{FAR}/"], allowed=(7, 28))
    lab.ip("client", "neighbour", "flush", "dev", "eth0")
    lab.run("client", ["curl", "-sS", "-m", "7", "-o", "/dev/null", f"http://{FAR}/"], allowed=(7, 28))


def _radvd(lab: Lab, host: str, mtu: int, managed: str, prefix: str = "fd00:1::/64") -> None:
    config = lab.scratch / f"{host}-radvd.conf"
    config.write_text(f"""
interface eth0 {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvManagedFlag {managed};
  AdvLinkMTU {mtu}; prefix {prefix} {{ AdvOnLink on; AdvAutonomous on; }}; }};
""")
    lab.sysctl(host, "net.ipv6.conf.all.forwarding", "1")
    lab.start(host, ["radvd", "-n", "-m", "stderr", "-C", str(config), "-p", str(lab.scratch / f"{host}.pid"), "-u",
                     "root"])


def _advertise(mtu: int, managed: str) -> Act:
    def drive(lab: Lab) -> None:
        _radvd(lab, "router", 1500, "off")
        _radvd(lab, "second", mtu, managed)
        time.sleep(7)
        lab.run("client", lab.python("probe", "ping", "fd00:1::1", 2))
    return drive


def _same_address(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", "fd00:1::20", 1))
    lab.sysctl("client", "net.ipv6.conf.eth0.accept_dad", "1")
    lab.ip("client", "address", "add", "fd00:1::20/64", "dev", "eth0")
    time.sleep(2)


def _six(*more: str) -> tuple[Host, ...]:
    hosts = [Host("client", (Nic(("fd00:1::10/64",), 2),)), Host("router", (Nic(("fd00:1::1/64",), 2),))]
    return (*hosts, *[Host(name, (Nic(("fd00:1::2/64",), 2),)) for name in more])


CASES: tuple[Case, ...] = (
    Case(
        "arp", "address-in-use", "ARP: the address is taken",
        "The client wants the address of another machine. It asks first, from the address 0.0.0.0, whether anybody has "
        "it (a probe, RFC 5227); the machine answers, and the client leaves it alone.",
        pair(), _wants_taken, (
            Shows("arp.opcode == 1 && arp.src.proto_ipv4 == 0.0.0.0", "The probe", 1),
            Shows(f"arp.opcode == 2 && arp.src.proto_ipv4 == {SERVER}", "The answer of the owner", 1))),
    Case(
        "arp", "probe-and-announcement", "ARP: an address is asked for, and announced",
        "The client asks three times whether anybody has the address that it wants. Nobody answers, so it takes it and "
        "tells everybody (RFC 5227).",
        pair(), _wants_free, (
            Shows("arp.opcode == 1 && arp.src.proto_ipv4 == 0.0.0.0", "Probes", 2),
            Shows("arp.src.proto_ipv4 == 10.0.1.30 && arp.dst.proto_ipv4 == 10.0.1.30", "Announcements", 1))),
    Case(
        "arp", "taken-over", "ARP: somebody gets between two machines",
        "A third machine (a small program) tells the client again and again that it has the address of the router, and "
        "the router that it has that of the client. Nobody asked. What they send to each other then goes to it.",
        (*ROUTED, Host("other", (Nic(("10.0.1.66/24",), 2, "near"),))), _poisons, (
            Shows(f"arp.opcode == 2 && arp.src.proto_ipv4 == {ROUTER} && arp.src.hw_mac == 02:00:00:00:04:01",
                  "Answers without a question", 3),), capture=Capture("client")),
    Case(
        "arp", "fail-over", "ARP: a second machine takes over",
        "The address of the server moves to another machine, which tells everybody so. The client goes on with it.",
        (*pair(), Host("second", (Nic(("10.0.1.21/24",), 6),))), _takes_over, (
            Shows(f"arp.src.proto_ipv4 == {SERVER} && arp.dst.proto_ipv4 == {SERVER}", "Everybody is told", 1),
            Shows("icmp.type == 0", "Answers before and after", 4))),
    Case(
        "arp", "router-gone", "ARP: the router is gone",
        "The client reaches a server behind its router, which then goes down. The client asks for the router again and "
        "again; what it wants to send never leaves.",
        ROUTED, _router_dies, (
            Shows(f"arp.opcode == 1 && arp.dst.proto_ipv4 == {ROUTER}", "Questions for the router", 4),
            Shows("tcp.flags.syn == 1", "What the client sends before it forgets the router", 1),
            Shows("tcp.flags.ack == 1", "Nothing comes back", 0, 0))),
    Case(
        "icmpv6", "routers-disagree", "ICMPv6: two routers advertise different things",
        "Two routers (radvd) advertise one prefix, the one with an MTU of 1500 and without, the other with an MTU of "
        "1280 and with addresses from a server.",
        _six("second"), _advertise(1280, "on"), (
            Shows("icmpv6.type == 134 && icmpv6.opt.mtu == 1500", "Of the one", 1),
            Shows("icmpv6.type == 134 && icmpv6.opt.mtu == 1280", "Of the other", 1)), seconds=30),
    Case(
        "icmpv6", "routers-agree", "ICMPv6: two routers advertise the same",
        "Two routers (radvd) advertise one prefix and the same values, as a pair does that shares the work.",
        _six("second"), _advertise(1500, "off"), (
            Shows("icmpv6.type == 134", "Advertisements", 2),), seconds=30),
    Case(
        "icmpv6", "address-in-use", "ICMPv6: duplicate address detection fails",
        "The client wants an address that another machine has. It asks for it from the unspecified address, the owner "
        "says that it has it, and the client does not use it (RFC 4862).",
        (Host("client", (Nic(("fd00:1::10/64",), 2),)), Host("server", (Nic(("fd00:1::20/64",), 2),))), _same_address, (
            Shows("icmpv6.type == 135 && ipv6.src == ::", "The question", 1),
            Shows("icmpv6.type == 136 && icmpv6.nd.na.target_address == fd00:1::20", "The owner", 1))),
)
