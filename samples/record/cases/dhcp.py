"""DHCP: machines that join a network, and what goes wrong when they do."""
from __future__ import annotations

import signal
import time
from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.hosts import Act
from samples.record.lab import Lab
from samples.record.network import Action, Capture, Fault, Host, Kind, Link, Nic

SERVER = "10.0.1.1"
OTHER = "10.0.1.2"
DNSMASQ = ("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
           "--interface=eth0", "--bind-interfaces", "--no-ping", "--port=0", "--leasefile-ro")

# Types of messages (RFC 2132 §9.6), in filters.
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = (f"dhcp.option.dhcp == {kind}" for kind in range(1, 8))


def net(*more: Host, delay_ms: float = 3.0) -> tuple[Host, ...]:
    """A client without an address, and the server of its link."""
    return (Host("client", (Nic((), delay_ms),)), Host("server", (Nic((f"{SERVER}/24",), delay_ms),)), *more)


def dnsmasq(*options: str, host: str = "server", pool: str = "10.0.1.50,10.0.1.59,255.255.255.0,1h") -> Act:
    def prepare(lab: Lab) -> None:
        lab.start(host, [*DNSMASQ, f"--dhcp-range={pool}", *options])
        lab.listening(host, 67, udp=True)
    return prepare


def usual(router: str = SERVER, resolver: str = SERVER) -> tuple[str, ...]:
    return (f"--dhcp-option=option:router,{router}", f"--dhcp-option=option:dns-server,{resolver}",
            "--domain=lan.test", "--dhcp-option=option:domain-name,lan.test")


def udhcpd(lease_s: int, *more: str, host: str = "server", pool: tuple[str, str] = ("10.0.1.50", "10.0.1.59")) -> Act:
    """The server of BusyBox, which can lend an address for seconds."""
    def prepare(lab: Lab) -> None:
        leases = lab.scratch / f"{host}.leases"
        leases.write_bytes(b"")
        config = lab.scratch / f"{host}.conf"
        lines = [f"start {pool[0]}", f"end {pool[1]}", "interface eth0", f"lease_file {leases}",
                 f"pidfile {lab.scratch}/{host}.pid", "min_lease 1", "option subnet 255.255.255.0",
                 f"option lease {lease_s}", *more]
        config.write_text("\n".join(lines) + "\n")
        lab.start(host, ["busybox", "udhcpd", "-f", str(config)])
        lab.listening(host, 67, udp=True)
    return prepare


def script(lab: Lab) -> Path:
    """What the client does with its lease: address and router."""
    path = lab.scratch / "lease.sh"
    path.write_text("""#!/bin/sh
case "$1" in
deconfig) ip address flush dev $interface ;;
bound|renew)
  ip address replace $ip/${mask:-24} dev $interface
  for r in $router; do ip route replace default via $r onlink dev $interface; done ;;
esac
""")
    path.chmod(0o755)
    return path


def udhcpc(lab: Lab, *options: str) -> list[str]:
    return ["busybox", "udhcpc", "-f", "-i", "eth0", "-s", str(script(lab)), *options]


def joins(lab: Lab, host: str = "client", *options: str, allowed: tuple[int, ...] = (0,)) -> None:
    """A machine asks for an address, and its client ends with the lease."""
    lab.run(host, [*udhcpc(lab, "-q", "-n", "-x", f"hostname:pc-{host}"), *options], allowed)


def _lease(lab: Lab) -> None:
    client = lab.start("client", udhcpc(lab, "-a", "-R", "-x", "hostname:pc-client"))
    time.sleep(6)
    lab.end(client)


def _renews(lab: Lab) -> None:
    client = lab.start("client", _dhclient(lab))
    time.sleep(17)
    lab.end(client)


def _no_offer(lab: Lab) -> None:
    joins(lab, "client", "-t", "4", "-T", "2", allowed=(1,))


def _dies(lab: Lab) -> None:
    client = lab.start("client", _dhclient(lab))
    time.sleep(7)
    server = next(process for _, process in lab.processes if "udhcpd" in str(process.args))
    lab.end(server, signal.SIGKILL)
    time.sleep(30)
    lab.end(client, signal.SIGKILL)


def _two_join(lab: Lab) -> None:
    joins(lab, "first")
    lab.arm()
    joins(lab, "client", "-t", "4", "-T", "2", allowed=(1,))
    lab.run("first", lab.python("probe", "ping", SERVER, 2))


def _taken(lab: Lab) -> None:
    joins(lab, "client", "-a", "-t", "3", "-T", "1")
    time.sleep(0.3)


def _surfs(lab: Lab) -> None:
    joins(lab)
    lab.run("client", ["curl", "-sS", "-m", "6", "-o", "/dev/null", "http://10.9.9.9/"], allowed=(7, 28))


def _asks_names(lab: Lab) -> None:
    joins(lab)
    for name in ("www.shop.test", "api.shop.test"):
        lab.run("client", ["dig", "+tries=2", "+timeout=1", f"@{OTHER}", name], allowed=(9,))
    lab.run("client", lab.python("probe", "ping", SERVER, 1))


def _dhclient(lab: Lab) -> list[str]:
    """The client of ISC, which asks for more time when half of the lease is over, however short that is."""
    path = lab.scratch / "dhclient.sh"
    path.write_text("""#!/bin/sh
case "$reason" in
BOUND|RENEW|REBIND|REBOOT) ip address replace $new_ip_address/24 dev $interface ;;
EXPIRE|FAIL) ip address flush dev $interface ;;
esac
""")
    path.chmod(0o755)
    return ["dhclient", "-d", "-sf", str(path), "-cf", "/dev/null", "-lf", str(lab.scratch / "client.leases"),
            "-pf", str(lab.scratch / "client.pid"), "eth0"]


def _moved(lab: Lab) -> None:
    """The client still has a lease of the network that it came from."""
    (lab.scratch / "client.leases").write_text("""
lease { interface "eth0"; fixed-address 192.168.7.5; option subnet-mask 255.255.255.0; option dhcp-lease-time 86400;
option dhcp-message-type 5; option dhcp-server-identifier 192.168.7.1;
renew 6 2037/12/05 10:00:00; rebind 6 2037/12/05 20:00:00; expire 0 2037/12/06 10:00:00; }
""")
    client = lab.start("client", _dhclient(lab))
    time.sleep(6)
    lab.end(client)


def _relay(lab: Lab) -> None:
    dnsmasq(*usual("10.0.2.1"), pool="10.0.2.50,10.0.2.59,255.255.255.0,1h")(lab)
    lab.start("router", ["dhcrelay", "-4", "-d", "-a", "-id", "eth1", "-iu", "eth0", SERVER])
    lab.listening("router", 67, udp=True)


def _pings(lab: Lab) -> None:
    """The server makes sure that nobody has an address before it offers it."""
    server = [word for word in DNSMASQ if word != "--no-ping"]
    lab.start("server", [*server, *usual(), "--dhcp-range=10.0.1.50,10.0.1.59,255.255.255.0,1h"])
    lab.listening("server", 67, udp=True)


def _deaf(lab: Lab) -> None:
    """Something holds the port of name servers and answers nobody."""
    lab.start("other", lab.python("probe", "deaf", OTHER, 53))
    lab.listening("other", 53, udp=True)


def _both(first: Act, second: Act) -> Act:
    def prepare(lab: Lab) -> None:
        first(lab)
        second(lab)
    return prepare


JOIN = (Shows(DISCOVER, "The client asks everybody", 1), Shows(OFFER, "An offer", 1), Shows(REQUEST, "It is taken", 1),
        Shows(ACK, "The lease", 1))

CASES: tuple[Case, ...] = (
    Case(
        "dhcp", "lease", "DHCP: a machine joins a network",
        "The client has no address. It asks everybody, takes what the server offers, asks the link whether somebody "
        "has the address already, uses it, and gives it back when it leaves.",
        net(), _lease, (*JOIN, Shows("arp.opcode == 1 && arp.src.proto_ipv4 == 0.0.0.0", "Does anybody have it?", 1),
                        Shows(RELEASE, "The address is given back", 1, 1)), dnsmasq(*usual())),
    Case(
        "dhcp", "pinged-first", "DHCP: the server asks an address before it offers it",
        "The server asks the address that it is about to offer for an echo, and offers it since nobody answers.",
        net(), lambda lab: joins(lab, "client", "-T", "6"),
        (Shows("icmp.type == 8", "Does anybody have it?", 1), Shows("icmp.type == 0", "Nobody answers", 0, 0), *JOIN),
        _pings,
        capture=Capture("server")),
    Case(
        "dhcp", "renewals", "DHCP: a lease is renewed",
        "The lease lasts 8 s here. After half of it the client asks the server, and no longer everybody, for more "
        "time.",
        net(), _renews, (*JOIN, Shows(f"{REQUEST} && ip.src != 0.0.0.0", "Renewals, to the server alone", 2)),
        udhcpd(8, f"option router {SERVER}", f"option dns {SERVER}")),
    Case(
        "dhcp", "relay", "DHCP: by way of a relay",
        "The server is on another link, so the router of the client passes its messages on. Captured at the server: "
        "they go between the addresses of the relay and the server, and name the client within.",
        (Host("client", (Nic((), 3, "far"),)),
         Host("router", (Nic(("10.0.1.9/24",), 3, "near"), Nic(("10.0.2.1/24",), 3, "far")), forwards=True),
         Host("server", (Nic((f"{SERVER}/24",), 3, "near"),), routes=("default via 10.0.1.9",))),
        joins, (*JOIN, Shows("dhcp.ip.relay == 10.0.2.1", "By the relay", 4)), _relay, capture=Capture("server")),
    Case(
        "dhcp", "no-offer", "DHCP: nobody answers",
        "No server of DHCP is on the link. The client asks four times, two seconds apart, and gives up.",
        net(), _no_offer, (Shows(DISCOVER, "The question, again and again", 4, 4), Shows(OFFER, "No offer", 0, 0))),
    Case(
        "dhcp", "exhausted", "DHCP: no address is left",
        "The server has one address to lend, and another machine has it. It goes on serving that one, and says nothing "
        "to the client, which asks four times.",
        net(Host("first", (Nic((), 3),))), _two_join,
        (Shows(f"{DISCOVER} && dhcp.hw.mac_addr == 02:00:00:00:01:01", "The client asks in vain", 4, 4),
         Shows(f"{ACK} && dhcp.hw.mac_addr == 02:00:00:00:03:01", "The other machine has its lease", 1)),
        dnsmasq(*usual(), pool="10.0.1.50,10.0.1.50,255.255.255.0,1h"), capture=Capture("server")),
    Case(
        "dhcp", "server-gone", "DHCP: the server is gone when the lease is to be renewed",
        "The lease lasts 24 s here, and the server ends after a few. The client asks it for more time, then everybody, "
        "loses its address, and begins anew.",
        net(), _dies, (*JOIN, Shows(f"{REQUEST} && ip.src != 0.0.0.0 && ip.dst == {SERVER}", "To the server alone", 1),
                       Shows(f"{REQUEST} && ip.src != 0.0.0.0 && ip.dst == 255.255.255.255", "To everybody", 1),
                       Shows(DISCOVER, "It begins anew", 2)),
        udhcpd(24, f"option router {SERVER}", f"option dns {SERVER}"), seconds=50),
    Case(
        "dhcp", "late-offer", "DHCP: the first questions get lost",
        "The first two questions do not reach anybody, as where a port of a switch does not forward yet. The third is "
        "answered at once.",
        net(), lambda lab: joins(lab, "client", "-T", "3", "-t", "4"),
        (Shows(DISCOVER, "Three questions", 3, 3), Shows(ACK, "The lease", 1, 1)), dnsmasq(*usual()),
        links={"lan": Link(faults=(Fault(Action.DROP, "client", Kind.UDP, (1, 2)),))}),
    Case(
        "dhcp", "offers-lost", "DHCP: offers do not reach the client",
        "Captured at the server, which answers each question. Nothing of that reaches the client, so it asks again.",
        net(), lambda lab: joins(lab, "client", "-t", "4", "-T", "2", allowed=(1,)),
        (Shows(DISCOVER, "Questions", 4, 4), Shows(OFFER, "Offers", 4, 4), Shows(REQUEST, "None is taken", 0, 0)),
        dnsmasq(*usual()), links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.UDP, (1, 2, 3, 4)),))},
        capture=Capture("server")),
    Case(
        "dhcp", "no-ack", "DHCP: the request is not confirmed",
        "The server offers an address and says nothing to the requests for it (its answers are lost). The client "
        "repeats its request and gives up.",
        net(), lambda lab: joins(lab, "client", "-t", "3", "-T", "2", allowed=(1,)),
        (Shows(OFFER, "An offer", 1), Shows(REQUEST, "Requests", 2), Shows(ACK, "No confirmation", 0, 0)),
        dnsmasq(*usual()), links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.UDP, tuple(range(2, 9))),))}),
    Case(
        "dhcp", "router-outside", "DHCP: a router that is not in the network",
        "The lease gives an address of 10.0.1.0/24 and names 10.0.2.1 as router. A mistyped number, and nothing beyond "
        "the link is reached.",
        net(), joins, (*JOIN, Shows(f"{ACK} && dhcp.option.router == 10.0.2.1", "The router of the lease", 1)),
        dnsmasq(*usual("10.0.2.1"))),
    Case(
        "dhcp", "moved", "DHCP: a machine comes from another network",
        "The client (ISC) still has a lease of the network 192.168.7.0/24 and asks whether it may go on with it. The "
        "server refuses, and the client asks for another address, which it gets.",
        net(), _moved, (Shows(f"{REQUEST} && dhcp.option.requested_ip_address == 192.168.7.5", "The old address", 1),
                        Shows(NAK, "Refused", 1), Shows(ACK, "A new one", 1)),
        dnsmasq(*usual(), "--dhcp-authoritative")),
    Case(
        "dhcp", "two-servers-differ", "DHCP: two servers that do not agree",
        "Beside the server of the network a second one answers, which nobody meant to run: it names itself as router "
        "and name server. The client takes what comes first.",
        net(Host("stray", (Nic((f"{OTHER}/24",), 1),))), joins,
        (Shows(OFFER, "Two offers", 2, 2),
         Shows(f"{OFFER} && dhcp.option.router == {OTHER}", "That of the stray one", 1),
         Shows(ACK, "A lease", 1, 2)),
        _both(dnsmasq(*usual()), dnsmasq(
            *usual(OTHER, OTHER), host="stray", pool="10.0.1.150,10.0.1.159,255.255.255.0,1h"))),
    Case(
        "dhcp", "two-servers-agree", "DHCP: two servers that share the work",
        "Two servers of one network, with the same router and name server and addresses of their own, as failover "
        "pairs have them. Both offer, and the client takes one.",
        net(Host("second", (Nic((f"{OTHER}/24",), 3),))), joins,
        (Shows(OFFER, "Two offers", 2, 2), Shows(ACK, "One lease", 1, 1)),
        _both(dnsmasq(*usual()), dnsmasq(*usual(), host="second", pool="10.0.1.150,10.0.1.159,255.255.255.0,1h"))),
    Case(
        "dhcp", "declined", "DHCP: the address is in use",
        "Another machine has the first address of the pool by hand. The client asks the link before it uses the "
        "address, hears that machine, declines, and gets another address.",
        net(Host("squatter", (Nic(("10.0.1.50/24",), 1),))), _taken,
        (*JOIN, Shows("arp.opcode == 2 && arp.src.proto_ipv4 == 10.0.1.50", "Somebody has it", 1),
         Shows(DECLINE, "It is declined", 1)),
        dnsmasq(*usual(), "--dhcp-host=02:00:00:00:01:01,10.0.1.50"), seconds=30),
    Case(
        "dhcp", "wrong-router", "DHCP: the lease names a router that is not there",
        "The server names 10.0.1.254 as router, an address that nobody has. The client gets its lease, and cannot "
        "reach anything beyond its link.",
        net(), _surfs, (*JOIN, Shows("arp.opcode == 1 && arp.dst.proto_ipv4 == 10.0.1.254", "Who is the router?", 3),
                        Shows("tcp", "Nothing leaves", 0, 0)), dnsmasq(*usual("10.0.1.254"))),
    Case(
        "dhcp", "wrong-name-server", "DHCP: the lease names a name server that is none",
        "The server names 10.0.1.2 as name server, a machine on which something takes questions and answers none. "
        "Each lookup of the client ends in nothing.",
        net(Host("other", (Nic((f"{OTHER}/24",), 3),))), _asks_names,
        (*JOIN, Shows(f"dns.flags.response == 0 && ip.dst == {OTHER}", "Questions", 4), Shows("dns.flags.response == 1",
                      "No answer", 0, 0)),
        _both(dnsmasq(*usual(resolver=OTHER)), _deaf)),
)
