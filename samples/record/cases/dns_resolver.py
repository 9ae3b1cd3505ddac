"""Lookups with more than two hosts: a resolver and a hierarchy of servers, and names on the local link."""
from __future__ import annotations

import time
from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.zones import SHOP, root_zone, signed, tld_zone
from samples.record.lab import Lab
from samples.record.network import Capture, Host, Nic
from samples.record.servers import named, unbound

RESOLVER, ROOT, TLD, AUTHORITY = "10.0.0.2", "10.0.0.11", "10.0.0.12", "10.0.0.13"
HIERARCHY = (
    Host("client", (Nic(("10.0.0.10/24",), 1),)),
    Host("resolver", (Nic((f"{RESOLVER}/24",), 1),)),
    Host("root", (Nic((f"{ROOT}/24",), 4),)),
    Host("tld", (Nic((f"{TLD}/24",), 9),)),
    Host("authority", (Nic((f"{AUTHORITY}/24",), 20),)),
)


def _servers(lab: Lab, shop: str) -> None:
    named(lab, "root", {".": root_zone(TLD, ROOT)})
    named(lab, "tld", {"test": tld_zone(TLD, AUTHORITY)})
    named(lab, "authority", {"shop.test": shop})


def _hierarchy(lab: Lab) -> None:
    _servers(lab, SHOP)
    unbound(lab, "resolver", ROOT)


def _lame(lab: Lab) -> None:
    """The server that the zone above names for shop.test has another zone, and not this one."""
    named(lab, "root", {".": root_zone(TLD, ROOT)})
    named(lab, "tld", {"test": tld_zone(TLD, AUTHORITY)})
    named(lab, "authority", {"other.test": SHOP.replace("shop.test", "other.test")})
    unbound(lab, "resolver", ROOT)


def _circular(lab: Lab) -> None:
    """The server of each of two zones has its name in the other one, and nobody says its address."""
    named(lab, "root", {".": root_zone(TLD, ROOT)})
    each = "one.test. IN NS ns.other.test.\nother.test. IN NS ns.one.test.\n"
    named(lab, "tld", {"test": tld_zone(TLD, AUTHORITY) + each})
    named(lab, "authority", {"shop.test": SHOP})
    unbound(lab, "resolver", ROOT)


def _ask_one(lab: Lab) -> None:
    lab.run("client", ["dig", f"@{RESOLVER}", "+nocookie", "www.one.test", "A"])
    lab.run("client", ["dig", f"@{RESOLVER}", "+nocookie", "www.shop.test", "A"])


def _expired(lab: Lab) -> None:
    zone, anchor = signed(lab, "shop.test", SHOP, "-s", "20200101000000", "-e", "20200201000000")
    _servers(lab, zone)
    file = lab.scratch / "anchor.key"
    file.write_text(anchor + "\n")
    unbound(lab, "resolver", ROOT, f'module-config: "validator iterator"\n  trust-anchor-file: "{file}"\n  ede: yes')


def _ask(lab: Lab) -> None:
    lab.run("client", ["dig", f"@{RESOLVER}", "+nocookie", "www.shop.test", "A"])


def _ask_twice(lab: Lab) -> None:
    _ask(lab)
    time.sleep(2.2)
    _ask(lab)


def _printer(lab: Lab) -> None:
    """avahi announces a printer's name and web page on the link."""
    services = Path(lab.scratch) / "services"
    services.mkdir()
    (services / "web.service").write_text(
        '<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd"><service-group>'
        "<name>Office printer</name><service><type>_http._tcp</type><port>80</port>"
        "<txt-record>path=/status</txt-record></service></service-group>\n")


def _mdns(lab: Lab) -> None:
    config = lab.scratch / "avahi.conf"
    config.write_text("[server]\nhost-name=printer\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=eth0\n"
                      "[publish]\npublish-workstation=no\npublish-hinfo=no\n[rlimits]\n")
    # avahi reads its services from /etc/avahi/services; the host gets a mount of its own over it.
    mount = f"mount --bind {lab.scratch}/services /etc/avahi/services"
    lab.note(["avahi-daemon"])
    daemon = f"avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}"
    lab.start("printer", ["sh", "-c", f"{mount} && exec {daemon}"])
    time.sleep(4)
    lab.run("client", lab.python("probe", "mdns", "printer.local:1", "_http._tcp.local:12", "nothing.local:1"))


CASES: tuple[Case, ...] = (
    Case(
        "dns", "lame-delegation", "DNS: a delegation to a server that does not have the zone",
        "Recorded at the resolver (unbound). The zone test. names a server for shop.test that knows nothing of it and "
        "refuses to answer. The client gets SERVFAIL.",
        HIERARCHY, _ask, (
            Shows(f"dns.flags.rcode == 5 && ip.src == {AUTHORITY}", "The server that was named refuses", 1),
            Shows(f"dns.flags.rcode == 2 && ip.src == {RESOLVER}", "The client gets SERVFAIL", 1)), _lame,
        capture=Capture("resolver")),
    Case(
        "dns", "delegation-loop", "DNS: two zones whose servers are in one another",
        "Recorded at the resolver (unbound). one.test is delegated to ns.other.test and other.test to ns.one.test, and "
        "no address comes with either. The client gets SERVFAIL for a name in one of them, and an address for another "
        "name.",
        HIERARCHY, _ask_one, (
            Shows(f"dns.ns == ns.other.test && ip.src == {TLD}", "One delegation", 1),
            Shows(f"dns.ns == ns.one.test && ip.src == {TLD}", "The other one", 1),
            Shows(f"dns.flags.rcode == 2 && ip.src == {RESOLVER}", "The client gets SERVFAIL", 1)), _circular,
        capture=Capture("resolver")),
    Case(
        "dns", "resolution-from-root", "DNS: a full resolution, from the root to the authority",
        "Recorded at the resolver (unbound), whose memory is empty. A client asks for www.shop.test; the resolver "
        "asks the root, the server of test. and the server of shop.test in turn, and answers when it has followed "
        "the aliases.",
        HIERARCHY, _ask, (
            Shows(f"dns.flags.response == 0 && ip.src == 10.0.0.10 && ip.dst == {RESOLVER}",
                  "The client's question", 1, 1),
            Shows(f"dns.flags.response == 0 && ip.dst == {ROOT}", "The resolver asks the root", 1),
            Shows(f"dns.flags.response == 1 && ip.src == {ROOT} && dns.count.auth_rr >= 1",
                  "... which refers it to test.",
                  1),
            Shows(f"dns.flags.response == 0 && ip.dst == {TLD}", "It asks the server of test.", 1),
            Shows(f"dns.flags.response == 1 && ip.src == {TLD} && dns.count.auth_rr >= 1",
                  "... which refers it to shop.test.", 1),
            Shows(f"dns.flags.response == 0 && ip.dst == {AUTHORITY}", "It asks the server of shop.test", 1),
            Shows(f"dns.flags.response == 1 && ip.src == {AUTHORITY} && dns.flags.authoritative == 1",
                  "... which has the answers", 1),
            Shows(f"dns.flags.response == 1 && ip.src == {RESOLVER} && dns.count.answers == 3",
                  "The client's answer", 1, 1),
        ), _hierarchy, capture=Capture("resolver")),
    Case(
        "dns", "resolver-cache", "DNS: a resolver answers from its memory",
        "Recorded at the client. The first answer takes as long as the resolver needs for the whole hierarchy; the"
        " second, two seconds later, comes at once, and its TTLs have shrunk by the time that has passed.",
        HIERARCHY, _ask_twice, (
            Shows("dns.flags.response == 0", "The same question twice", 2, 2),
            Shows("dns.flags.response == 1 && dns.time > 0.06", "The first answer takes the whole way", 1, 1),
            Shows("dns.flags.response == 1 && dns.time < 0.05 && dns.resp.ttl < 300",
                  "The second comes from memory", 1, 1),
        ), _hierarchy),
    Case(
        "dns", "dnssec-expired", "DNS: a signature that has expired",
        "The zone's signatures ran out years ago. The resolver validates and answers SERVFAIL, with an extended "
        "error that says why. Recorded at the resolver.",
        HIERARCHY, _ask, (
            Shows("dns.flags.response == 1 && dns.rrsig.type_covered == 1", "The signed answer of the authority", 1),
            Shows(f"dns.flags.response == 1 && ip.src == {RESOLVER} && dns.flags.rcode == 2",
                  "SERVFAIL to the client", 1, 1),
            Shows("dns.opt.ext_error.info_code", "With an extended error", 1, 1),
        ), _expired, capture=Capture("resolver")),
    Case(
        "dns", "mdns", "mDNS: names on the local link",
        "A printer (avahi) claims printer.local and announces its web page by multicast: it probes whether the "
        "name is free, then announces. A client asks for its address, for web servers, and for a name that nobody "
        "has.",
        (Host("client", (Nic(("10.0.1.10/24",), 1),), routes=("224.0.0.0/4 dev eth0",)),
         Host("printer", (Nic(("10.0.1.30/24",), 1),), routes=("224.0.0.0/4 dev eth0",))), _mdns, (
            Shows("mdns && dns.flags.response == 0 && ip.src == 10.0.1.30 && dns.qry.type == 255",
                  "Probes for the name", 1),
            Shows("mdns && dns.flags.response == 1 && ip.src == 10.0.1.30", "Announcements and answers", 2),
            Shows("mdns && ip.src == 10.0.1.10 && dns.flags.response == 0", "The client's three questions", 3, 3),
            Shows('mdns && dns.flags.response == 1 && dns.ptr.domain_name contains "Office printer"',
                  "The web page is found", 1),
        ), _printer),
)
