"""DHCPv6: machines that ask for addresses, prefixes and settings of IPv6, and what goes wrong when they do."""
from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.dhcp import DNSMASQ
from samples.record.cases.hosts import Act
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Nic

SERVER = "fd00:1::1"
# Types of messages (RFC 8415 §7.3), in filters.
SOLICIT, ADVERTISE, REQUEST, _CONFIRM, RENEW, REBIND, REPLY, RELEASE = (f"dhcpv6.msgtype == {n}" for n in range(1, 9))
NO_ADDRESS = "dhcpv6.status_code == 2"


def net(*more: Host) -> tuple[Host, ...]:
    """A client without an address of the network, and the server of its link."""
    return (Host("client", (Nic(("fd00:ff::1/128",), 3),)), Host("server", (Nic((f"{SERVER}/64",), 3),)), *more)


def dnsmasq(*options: str, names: str = SERVER) -> Act:
    def prepare(lab: Lab) -> None:
        lab.start("server", [*DNSMASQ, f"--dhcp-option=option6:dns-server,[{names}]", *options])
        lab.listening("server", 547, udp=True)
    return prepare


def kea(
    pools: list[str], *, prefixes: bool = False, valid_s: int = 3600, renew_s: int = 900, rebind_s: int = 1800
) -> Act:
    def prepare(lab: Lab) -> None:
        subnet: dict[str, object] = {
            "id": 1, "subnet": "fd00:1::/64", "interface": "eth0", "pools": [{"pool": pool} for pool in pools],
        }
        if prefixes:
            subnet["pd-pools"] = [{"prefix": "fd00:2::", "prefix-len": 48, "delegated-len": 56}]
        config = {"Dhcp6": {
            "interfaces-config": {"interfaces": ["eth0"]}, "valid-lifetime": valid_s, "preferred-lifetime": valid_s,
            "renew-timer": renew_s, "rebind-timer": rebind_s, "lease-database": {"type": "memfile", "persist": False},
            "server-id": {"type": "LL", "persist": False},
            "option-data": [{"name": "dns-servers", "data": SERVER}], "subnet6": [subnet],
        }}
        path = lab.scratch / "kea.json"
        path.write_text(json.dumps(config))
        folder = str(lab.scratch)
        lab.start("server", ["kea-dhcp6", "-c", str(path)], environment={
            "KEA_PIDFILE_DIR": folder, "KEA_LOCKFILE_DIR": folder})
        lab.listening("server", 547, udp=True)
    return prepare


def radvd(managed: str) -> Act:
    """A router that says where addresses come from: of a server (M flag), or not."""
    def prepare(lab: Lab) -> None:
        config = lab.scratch / "radvd.conf"
        config.write_text(f"""
interface eth0 {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvManagedFlag {managed};
  prefix fd00:1::/64 {{ AdvOnLink on; AdvAutonomous {'off' if managed == 'on' else 'on'}; }}; }};
""")
        lab.sysctl("server", "net.ipv6.conf.all.forwarding", "1")
        lab.start("server", ["radvd", "-n", "-m", "stderr", "-C", str(config), "-p", str(lab.scratch / "radvd.pid"),
                             "-u", "root"])
        time.sleep(1)
    return prepare


def script(lab: Lab) -> Path:
    """What the client does with its lease."""
    path = lab.scratch / "dhclient6.sh"
    path.write_text("""#!/bin/sh
case "$reason" in
BOUND6|RENEW6|REBIND6) [ -n "$new_ip6_address" ] && ip -6 address replace $new_ip6_address/64 dev $interface nodad ;;
EXPIRE6|RELEASE6|STOP6) [ -n "$old_ip6_address" ] && ip -6 address delete $old_ip6_address/64 dev $interface ;;
esac
exit 0
""")
    path.chmod(0o755)
    return path


def dhclient(lab: Lab, *options: str, host: str = "client") -> list[str]:
    return ["dhclient", "-6", "-d", "-sf", str(script(lab)), "-cf", "/dev/null",
            "-lf", str(lab.scratch / f"{host}.leases"), "-pf", str(lab.scratch / f"{host}.pid"), *options, "eth0"]


def asks(*options: str, for_s: float = 4, host: str = "client") -> Act:
    """The client runs for so long."""
    def drive(lab: Lab) -> None:
        time.sleep(2)                     # until its address of the link may be used
        client = lab.start(host, dhclient(lab, *options, host=host))
        time.sleep(for_s)
        lab.end(client, signal.SIGKILL)
    return drive


def _lease(lab: Lab) -> None:
    asks("-N")(lab)
    lab.run("client", [word if word != "-d" else "-r" for word in dhclient(lab, "-N")])


def _dies(lab: Lab) -> None:
    time.sleep(2)
    client = lab.start("client", dhclient(lab, "-N"))
    time.sleep(3)
    server = next(process for _, process in lab.processes if "kea" in str(process.args))
    lab.end(server, signal.SIGKILL)
    time.sleep(24)
    lab.end(client, signal.SIGKILL)


def _two(lab: Lab) -> None:
    asks("-N", host="first")(lab)
    lab.arm()
    asks("-N", for_s=8)(lab)


def _relay(lab: Lab) -> None:
    dnsmasq("--dhcp-range=fd00:2::50,fd00:2::59,64,1h")(lab)
    time.sleep(2)
    lab.start("router", ["dhcrelay", "-6", "-d", "-l", "eth1", "-u", f"{SERVER}%eth0"])
    lab.listening("router", 547, udp=True)


OTHER = "fd00:1::2"


def _asks_names(lab: Lab) -> None:
    asks("-N")(lab)
    for name in ("www.shop.test", "api.shop.test"):
        lab.run("client", ["dig", "+tries=2", "+timeout=1", f"@{OTHER}", name], allowed=(9,))
    lab.run("client", lab.python("probe", "ping", SERVER, 1))


def _deaf(lab: Lab) -> None:
    """Something holds the port of name servers and answers nobody."""
    dnsmasq("--dhcp-range=fd00:1::50,fd00:1::59,64,1h", names=OTHER)(lab)
    lab.start("other", lab.python("probe", "deaf", OTHER, 53))
    lab.listening("other", 53, udp=True)


CASES: tuple[Case, ...] = (
    Case(
        "dhcpv6", "lease", "DHCPv6: an address from a server",
        "The client (ISC dhclient) asks all servers, takes what the one there (dnsmasq) has, and gives it back when it "
        "leaves.",
        net(), _lease, (
            Shows(SOLICIT, "The client asks all servers", 1), Shows(ADVERTISE, "An offer", 1),
            Shows(REQUEST, "It is taken", 1), Shows(REPLY, "The lease, and that it was given back", 2),
            Shows(RELEASE, "It is given back", 1)),
        dnsmasq("--dhcp-range=fd00:1::50,fd00:1::59,64,1h")),
    Case(
        "dhcpv6", "settings", "DHCPv6: settings alone",
        "The client makes its addresses by itself and asks for name servers alone.",
        net(), asks("-S"), (Shows("dhcpv6.msgtype == 11", "The question", 1), Shows(REPLY, "The answer", 1)),
        dnsmasq("--dhcp-range=fd00:1::,ra-stateless,64")),
    Case(
        "dhcpv6", "wrong-name-server", "DHCPv6: the lease names a name server that is none",
        f"The server names {OTHER} as name server, a machine on which something takes questions and answers none. Each "
        "lookup of the client ends in nothing.",
        net(Host("other", (Nic((f"{OTHER}/64",), 3),))), _asks_names, (
            Shows(REPLY, "The lease", 1), Shows(f"dns.flags.response == 0 && ipv6.dst == {OTHER}", "Questions", 4),
            Shows("dns.flags.response == 1", "No answer", 0, 0)), _deaf, seconds=30),
    Case(
        "dhcpv6", "prefix", "DHCPv6: a prefix, and no address",
        "A router asks for an address and for a prefix, as behind a provider. The server (Kea) has prefixes alone: it "
        "says that it has no address, and leases a prefix. All is as it should be.",
        net(), asks("-N", "-P"), (
            Shows(f"{REPLY} && dhcpv6.iaprefix.pref_addr == fd00:2::", "The prefix", 1),
            Shows(f"{ADVERTISE} && {NO_ADDRESS}", "No address", 1)),
        kea([], prefixes=True)),
    Case(
        "dhcpv6", "renewals", "DHCPv6: a lease is renewed",
        "The lease lasts 12 s here. After 3 s, and again 3 s later, the client asks its server for more time, and gets "
        "it.",
        net(), asks("-N", for_s=10), (
            Shows(RENEW, "More time, please", 2), Shows(REPLY, "The lease, and more time", 3)),
        kea(["fd00:1::50-fd00:1::59"], valid_s=12, renew_s=3, rebind_s=8)),
    Case(
        "dhcpv6", "relay", "DHCPv6: by way of a relay",
        "The server is on another link, so the router of the client passes its messages on. Captured at the server: "
        "they go between relay and server, and hold the client's within.",
        (Host("client", (Nic(("fd00:ff::1/128",), 3, "far"),)),
         Host("router", (Nic(("fd00:1::9/64",), 3, "near"), Nic(("fd00:2::1/64",), 3, "far")),
              (("net.ipv6.conf.all.forwarding", "1"),)),
         Host("server", (Nic((f"{SERVER}/64",), 3, "near"),), routes=("fd00:2::/64 via fd00:1::9",))),
        asks("-N"), (
            Shows("dhcpv6.msgtype == 12", "What the relay passes on", 2),
            Shows("dhcpv6.msgtype == 13", "What the server answers", 2)), _relay, capture=Capture("server")),
    Case(
        "dhcpv6", "no-advertise", "DHCPv6: nobody answers",
        "The router advertises that addresses come from a server of DHCPv6 (M flag). There is none: the client asks "
        "again and again.",
        net(), asks("-N", for_s=12), (
            Shows("icmpv6.nd.ra.flag.m == 1", "The router says so", 1), Shows(SOLICIT, "The question", 3),
            Shows(ADVERTISE, "No answer", 0, 0)), radvd("on")),
    Case(
        "dhcpv6", "not-managed", "DHCPv6: a client where there is none",
        "The router advertises a prefix by which machines make their addresses themselves, and no server of DHCPv6. "
        "The client asks for one all the same, as many do whatever routers say, and nothing is lost by it.",
        net(), asks("-N", for_s=12), (
            Shows("icmpv6.nd.ra.flag.m == 0", "The router speaks of no server", 1), Shows(SOLICIT, "The question", 3),
            Shows(ADVERTISE, "No answer", 0, 0)), radvd("off")),
    Case(
        "dhcpv6", "exhausted", "DHCPv6: no address is left",
        "The server (Kea) has one address to lend, and another machine has it. It tells the client so (NoAddrsAvail), "
        "which goes on asking.",
        net(Host("first", (Nic(("fd00:ff::2/128",), 3),))), _two, (
            Shows(f"{ADVERTISE} && {NO_ADDRESS}", "No address", 2), Shows(REPLY, "That of the first machine", 1, 1)),
        kea(["fd00:1::50-fd00:1::50"]), seconds=30, capture=Capture("server")),
    Case(
        "dhcpv6", "server-gone", "DHCPv6: the server is gone when the lease is to be renewed",
        "The lease lasts 20 s here, and the server ends after a few. The client asks it for more time, then all "
        "servers, loses its address, and begins anew.",
        net(), _dies, (
            Shows(REPLY, "The lease", 1, 1), Shows(RENEW, "To its server", 1), Shows(REBIND, "To all servers", 1),
            Shows(SOLICIT, "It begins anew", 2)),
        kea(["fd00:1::50-fd00:1::59"], valid_s=20, renew_s=4, rebind_s=9), seconds=50),
)
