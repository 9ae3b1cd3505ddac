"""Link layers and tunnels, and the messages that keep a link running: ARP, neighbour discovery, ICMP."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act, fetch, nginx, pair
from samples.record.lab import Lab, LabError
from samples.record.network import MIRROR, Capture, Host, Nic
from samples.record.servers import web

INNER_CLIENT, INNER_SERVER = "192.168.7.1", "192.168.7.2"
INNER6_CLIENT, INNER6_SERVER = "fd07::1", "fd07::2"
VLAN, SERVICE_VLAN = 0x8100, 0x88A8


def _wait_for(lab: Lab, host: str, device: str) -> None:
    deadline = time.monotonic() + 5
    while device not in lab.quiet(host, ["ip", "-br", "link"]):
        if time.monotonic() > deadline:
            raise LabError(f"{lab.key}: no {device} on {host}")
        time.sleep(0.05)


def _address(lab: Lab, six: bool = False) -> None:
    inner = (INNER6_CLIENT, INNER6_SERVER) if six else (INNER_CLIENT, INNER_SERVER)
    for host, address in zip(("client", "server"), inner, strict=True):
        if six:
            lab.sysctl(host, "net.ipv6.conf.tunnel.accept_dad", "0")
            lab.sysctl(host, "net.ipv6.conf.tunnel.router_solicitations", "0")
            lab.sysctl(host, "net.ipv6.conf.tunnel.addr_gen_mode", "1")
            lab.sysctl(host, "net.ipv6.conf.tunnel.disable_ipv6", "0")
        nodad = ["nodad"] if six else []
        lab.ip(host, "address", "add", address + ("/64" if six else "/24"), "dev", "tunnel", *nodad)
        lab.ip(host, "link", "set", "tunnel", "mtu", "1400", "up")
    web(lab, "server", {"page.txt": 12_000}, listen="[::]:80" if six else "80")


def tunnel(protocol: int, six: bool = False) -> Act:
    """A tunnel in user space between client and server, a web server at its far end."""
    def prepare(lab: Lab) -> None:
        for host, local, remote in (("client", CLIENT, SERVER), ("server", SERVER, CLIENT)):
            lab.start(host, lab.python("tunnel", protocol, "tunnel", local, remote))
            _wait_for(lab, host, "tunnel")
        _address(lab, six)
    return prepare


def _vxlan(lab: Lab) -> None:
    for number, (host, local, remote) in enumerate((("client", CLIENT, SERVER), ("server", SERVER, CLIENT)), 1):
        lab.ip(host, "link", "add", "tunnel", "address", f"02:00:00:00:ee:{number:02x}", "type", "vxlan", "id", "42",
               "local", local, "remote", remote, "dstport", "4789")
    _address(lab)


def _inside(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", INNER_SERVER, 2))
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://{INNER_SERVER}/page.txt"])


def _inside6(lab: Lab) -> None:
    lab.run("client", lab.python("probe", "ping", INNER6_SERVER, 2))
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", f"http://[{INNER6_SERVER}]/page.txt"])


def probe(*arguments: object) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("probe", *arguments))
    return drive


def _local(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "http://127.0.0.1/page.txt"])


def _local_web(lab: Lab) -> None:
    web(lab, "client", {"page.txt": 100_000})


INSIDE = (
    Shows("icmp.type == 8 || icmpv6.type == 128", "Two pings inside", 2, 2),
    Shows("tcp.flags.syn == 1", "A TCP handshake inside", 2, 2),
    Shows("http.response", "A page, fetched inside", 1, 1),
)

CASES: tuple[Case, ...] = (
    Case(
        "link", "vlan-qinq", "VLAN: two tags on a provider's trunk",
        "Captured on the trunk between two customers' ports: every frame carries a service tag (802.1ad, VLAN 100)"
        " and within it a customer tag (802.1Q, VLAN 7). curl fetches a page.",
        pair(), fetch, (
            Shows("ieee8021ad.id == 100 && vlan.id == 7", "Both tags, on every frame", 10),
            Shows("!vlan", "No frame without", 0, 0),
            Shows("http.response", "The page", 1, 1),
        ), nginx(5_000), capture=Capture(MIRROR, tags=((SERVICE_VLAN, 100), (VLAN, 7)))),
    Case(
        "link", "vlan", "VLAN: one tag",
        "Captured on a trunk: every frame carries an 802.1Q tag, VLAN 7. curl fetches a page.",
        pair(), fetch, (
            Shows("vlan.id == 7", "The tag, on every frame", 10),
            Shows("!vlan", "No frame without", 0, 0),
            Shows("http.response", "The page", 1, 1),
        ), nginx(5_000), capture=Capture(MIRROR, tags=((VLAN, 7),))),
    Case(
        "link", "gre", "GRE: a conversation inside a tunnel",
        "Two hosts carry the network 192.168.7.0/24 through a GRE tunnel (a small program at either end). Inside "
        "it, a ping and a page over HTTP; the capture sees the outer packets.",
        pair(), _inside, (Shows("gre && ip.dst == 192.168.7.2", "Packets within packets", 5), *INSIDE), tunnel(47)),
    Case(
        "link", "ipip", "IP in IP: a conversation inside a tunnel",
        "The same as the GRE sample, but IPv4 packets directly inside IPv4 packets (protocol 4).",
        pair(), _inside, (Shows("ip.proto == 4", "Packets within packets", 5), *INSIDE), tunnel(4)),
    Case(
        "link", "6in4", "6in4: IPv6 inside IPv4",
        "Two IPv6 hosts reach each other through an IPv4 network (protocol 41): a ping and a page over HTTP.",
        pair(), _inside6, (Shows("ip.proto == 41", "IPv6 within IPv4", 5), *INSIDE), tunnel(41, six=True)),
    Case(
        "link", "vxlan", "VXLAN: an Ethernet inside UDP",
        "The kernel's VXLAN device joins two hosts to one virtual Ethernet, number 42: ARP, a ping and a page over"
        " HTTP inside UDP datagrams to port 4789.",
        pair(), _inside, (
            Shows("vxlan.vni == 42 && arp", "ARP inside the tunnel", 2),
            Shows("vxlan.vni == 42", "Frames within datagrams", 8), *INSIDE), _vxlan),
    Case(
        "link", "raw-ip", "Raw IP: captured inside a tunnel device",
        "The same as the GRE sample, captured on the tunnel's own device at the client: packets begin with the IP "
        "header, without any link layer.",
        pair(), _inside, (Shows("eth", "No Ethernet", 0, 0), *INSIDE), tunnel(47), capture=Capture(device="tunnel")),
    Case(
        "link", "cooked", "Linux cooked capture: all devices at once",
        "Captured on the pseudo-device `any`: a short header of the kernel's takes the place of Ethernet and says "
        "in which direction a packet went.",
        pair(), fetch, (
            Shows("sll", "Cooked headers, version 1", 10),
            Shows("sll.pkttype == 4", "Sent by this host", 4),
            Shows("http.response", "The page", 1, 1),
        ), nginx(5_000), capture=Capture(device="any", linktype="LINUX_SLL")),
    Case(
        "link", "cooked-v2", "Linux cooked capture, version 2",
        "Captured on the pseudo-device `any` with the second version of the cooked header, which also names the "
        "device.",
        pair(), fetch, (
            Shows("sll.ifindex", "Cooked headers, version 2", 10),
            Shows("http.response", "The page", 1, 1),
        ), nginx(5_000), capture=Capture(device="any", linktype="LINUX_SLL2")),
    Case(
        "link", "loopback-offload", "Loopback: segments larger than any MTU",
        "curl and nginx on the same host, captured on its loopback device, where segmentation offload is on: the "
        "capture shows segments of up to 64 kB that no wire ever carries.",
        pair(), _local, (
            Shows("frame.len > 16000", "Segments of far more than 1500 bytes", 1),
            Shows("http.response", "The page", 1, 1),
        ), _local_web, capture=Capture(device="lo")),
    Case(
        "link", "snaplen", "A capture with a short snap length",
        "curl fetches a page, and the capture keeps only the first 96 bytes of each frame: headers, and little of "
        "what they carry.",
        pair(), fetch, (
            Shows("frame.cap_len < frame.len", "Frames that were cut", 10),
            Shows("frame.cap_len > 96", "Nothing longer is kept", 0, 0),
            Shows("tcp.flags.fin == 1", "The end", 2, 2),
        ), nginx(60_000), capture=Capture(snaplen=96)),
    Case(
        "icmp", "ping", "ICMP: echo",
        "Three echo requests and their answers; 24 ms there and back.",
        pair(), probe("ping", SERVER, 3), (
            Shows("icmp.type == 8", "Requests", 3, 3), Shows("icmp.type == 0", "Answers", 3, 3))),
    Case(
        "icmp", "unreachable", "ICMP: a UDP port on which nothing listens",
        "The client sends datagrams to a closed port. The server's host answers each with ICMP port unreachable, "
        "which quotes the datagram.",
        pair(), probe("udp", SERVER, 5300, 2), (
            Shows("udp.dstport == 5300 && !icmp", "The datagrams", 2, 3),
            Shows("icmp.type == 3 && icmp.code == 3", "Port unreachable", 2, 3))),
    Case(
        "icmp", "fragmented-ping", "ICMP: a ping larger than the MTU",
        "Two echo requests of 4000 bytes travel in three IPv4 fragments each, and so do their answers.",
        pair(), probe("ping", SERVER, 2, 4000), (
            Shows("ip.flags.mf == 1", "All but the last fragments", 8, 8),
            Shows("icmp.type == 8 || icmp.type == 0", "Requests and answers, complete", 4, 4))),
    Case(
        "icmp", "ttl-exceeded", "ICMP: a way found hop by hop",
        "Datagrams with a TTL of one and two, as traceroute sends them. The router answers the first with time "
        "exceeded, the server the second with port unreachable.",
        (Host("client", (Nic(("10.0.2.10/24",), 3, "far"),), routes=("default via 10.0.2.1",)),
         Host("router", (Nic(("10.0.1.1/24",), 3, "near"), Nic(("10.0.2.1/24",), 3, "far")), forwards=True),
         Host("server", (Nic(("10.0.1.20/24",), 3, "near"),), routes=("default via 10.0.1.1",))),
        probe("trace", SERVER, 2), (
            Shows("icmp.type == 11 && ip.src == 10.0.2.1", "Time exceeded, from the router", 1, 1),
            Shows("icmp.type == 3 && icmp.code == 3", "Port unreachable, from the server", 1, 1))),
    Case(
        "arp", "resolve", "ARP: who has this address?",
        "The client wants to reach the server for the first time: it asks the whole link, and the server answers "
        "it alone.",
        pair(), probe("ping", SERVER, 1), (
            Shows("arp.opcode == 1", "The question, by broadcast", 1, 2), Shows("arp.opcode == 2",
                  "The answer", 1, 2))),
    Case(
        "arp", "unanswered", "ARP: nobody has this address",
        "The client wants to reach an address that no host has. It asks three times, a second apart, and starts "
        "over with the next datagram; none of them ever leaves.",
        pair(), probe("udp", "10.0.1.99", 9, 12), (
            Shows("arp.opcode == 1", "The question, again and again", 3),
            Shows("arp.opcode == 2 || udp", "Nothing else", 0, 0))),
    Case(
        "icmpv6", "neighbour-discovery", "ICMPv6: neighbour discovery, then echo",
        "The IPv6 way of asking for a MAC address: a neighbour solicitation to a multicast group that only the "
        "server is in, and its advertisement. Then three echoes.",
        (Host("client", (Nic(("fd00:1::10/64",)),)), Host("server", (Nic(("fd00:1::20/64",)),))),
        probe("ping", "fd00:1::20", 3), (
            Shows("icmpv6.type == 135", "Neighbour solicitation", 1), Shows("icmpv6.type == 136",
                  "Neighbour advertisement", 1),
            Shows("icmpv6.type == 128", "Echo requests", 3, 3), Shows("icmpv6.type == 129", "Echo replies", 3, 3))),
)
