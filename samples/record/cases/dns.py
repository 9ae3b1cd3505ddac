"""Lookups of one client at one name server: kinds of question and kinds of answer."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import Act
from samples.record.cases.zones import LARGE, REVERSE, SHOP, signed
from samples.record.lab import Lab
from samples.record.network import Action, Fault, Host, Kind, Link, Nic
from samples.record.servers import named, web

CLIENT = "10.0.1.10"
SERVER = "10.0.1.53"
ASKED = "dns.flags.response == 0"
ANSWERED = "dns.flags.response == 1"


def hosts(resolver: str = "") -> tuple[Host, Host]:
    return (Host("client", (Nic((f"{CLIENT}/24",), 4),), resolver=resolver),
            Host("server", (Nic((f"{SERVER}/24",), 4),)))


def _shop(lab: Lab) -> None:
    named(lab, "server", {"shop.test": LARGE, "1.0.10.in-addr.arpa": REVERSE})


def _fragmenting(lab: Lab) -> None:
    named(lab, "server", {"shop.test": LARGE}, options="edns-udp-size 4096; max-udp-size 4096;")


def _signed(lab: Lab) -> None:
    zone, _ = signed(lab, "shop.test", SHOP)
    named(lab, "server", {"shop.test": zone})


def _broken(lab: Lab) -> None:
    named(lab, "server", {"shop.test": "$TTL 300\n@ IN A 10.0.1.20\n"})


def dig(*arguments: str, allowed: tuple[int, ...] = (0,)) -> Act:
    """dig asks the server. Cookies are left out where a case is not about them."""
    cookie = [] if any("cookie" in a for a in arguments) else ["+nocookie"]

    def drive(lab: Lab) -> None:
        lab.run("client", ["dig", f"@{SERVER}", "+norecurse", *cookie, *arguments], allowed)
    return drive


def one(name: str, title: str, summary: str, asks: tuple[str, ...], question: str, answer: str, says: str) -> Case:
    """A case of one question and one answer."""
    return Case("dns", name, title, summary, hosts(), dig(*asks), (
        Shows(f"{ASKED} && {question}", "The question", 1, 1),
        Shows(f"{ANSWERED} && {answer}", says, 1, 1),
    ), _shop)


def _truncated(lab: Lab) -> None:
    dig("large.shop.test", "TXT", "+bufsize=1232")(lab)


def _twice(lab: Lab) -> None:
    dig("shop.test", "A")(lab)
    time.sleep(1)
    dig("shop.test", "A")(lab)


def _after_ttl(lab: Lab) -> None:
    dig("brief.shop.test", "A")(lab)
    time.sleep(5.5)
    dig("brief.shop.test", "A")(lab)


def _several(lab: Lab) -> None:
    dig("shop.test", "CAA", "_sip._tcp.shop.test", "SRV", "_25._tcp.mail1.shop.test", "TLSA",
        "4.3.2.1.5.5.5.0.0.8.1.shop.test", "NAPTR", "-x", "10.0.1.20")(lab)


def _cookies(lab: Lab) -> None:
    lab.run("client", ["dig", f"@{SERVER}", "+norecurse", "shop.test", "A"])
    lab.run("client", ["dig", f"@{SERVER}", "+norecurse", "+subnet=192.0.2.0/24", "+nsid", "+padding=128", "shop.test",
                       "AAAA"])


def _prepare_page(lab: Lab) -> None:
    _shop(lab)
    web(lab, "web", {"page.txt": 120_000})


def _page(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "http://shop.test/page.txt"])


TUNNEL = "10.0.9"


def _tunnel_end(lab: Lab) -> None:
    """iodined is the name server of t.shop.test."""
    lab.start("server", ["iodined", "-f", "-c", "-P", "not-a-real-secret", "-D", f"{TUNNEL}.1", "t.shop.test"])
    lab.listening("server", 53, udp=True)


def _through(lab: Lab) -> None:
    lab.start("client", [
        "iodine", "-f", "-r", "-P", "not-a-real-secret", "-T", "TXT", "-I", "1", SERVER, "t.shop.test",
    ])
    time.sleep(7)
    lab.run("client", ["ping", "-q", "-c", "30", "-s", "400", "-i", "0.2", f"{TUNNEL}.1"], (0, 1))


def _hashes(lab: Lab) -> None:
    """As filters of mail and files ask whether something is known: by its hash."""
    from hashlib import sha256
    names = [sha256(b"%d" % number).hexdigest()[:56] for number in range(40)]
    dig(*[word for name in names for word in (f"{name}.hash.shop.test", "A", "+norecurse", "+nocookie")])(lab)


def _two_views(lab: Lab) -> None:
    named(lab, "server", {"shop.test": LARGE})
    named(lab, "other", {"shop.test": LARGE.replace("CAA", "TXT") + "\nintranet IN A 10.0.1.44\n"})


def _round(lab: Lab) -> None:
    named(lab, "server", {"shop.test": SHOP + "round IN CNAME about\nabout IN CNAME round\n"})


def _asks_both(lab: Lab) -> None:
    for one in (SERVER, "10.0.1.54"):
        lab.run("client", ["dig", f"@{one}", "+norecurse", "+nocookie", "intranet.shop.test", "A"])


def _answers_all(lab: Lab) -> None:
    lab.start("server", ["dnsmasq", "-k", "-C", "/dev/null", "-u", "root", "-R", "-h", "--address=/#/10.0.1.99"])
    lab.listening("server", 53, udp=True)


CASES: tuple[Case, ...] = (
    one("a", "DNS: an address is looked up",
        "dig asks a name server for the A record of shop.test and gets one address, valid for 300 seconds, after one "
        "round trip of 16 ms.", ("shop.test", "A"), "dns.qry.type == 1", "dns.a == 10.0.1.20",
        "The answer, authoritative: 10.0.1.20"),
    one("aaaa", "DNS: an IPv6 address is looked up",
        "dig asks for the AAAA record of shop.test and gets one IPv6 address. The question itself travels over IPv4.",
        ("shop.test", "AAAA"), "dns.qry.type == 28", "dns.aaaa == fd00:1::20", "The answer: fd00:1::20"),
    one("cname", "DNS: a chain of aliases",
        "www.shop.test is an alias of front.shop.test, which is an alias of edge.cdn.shop.test, which has an "
        "address. The server holds all of it and answers with the whole chain; the last link lives 60 seconds, the"
        " others 300.",
        ("www.shop.test", "A"), "dns.qry.type == 1", "dns.count.answers == 3", "Two CNAMEs and the address"),
    Case(
        "dns", "alias-loop", "DNS: aliases that lead back",
        "round.shop.test is an alias of about.shop.test, and that one of round.shop.test. The server answers with "
        "both, and with no address.",
        hosts(), dig("round.shop.test", "A"), (
            Shows(ASKED, "The question", 1, 1), Shows(f"{ANSWERED} && dns.count.answers == 2", "Two aliases", 1, 1),
        ), _round),
    one("mx", "DNS: mail servers",
        "dig asks for the mail servers of shop.test and gets two, with preference 10 and 20.",
        ("shop.test", "MX"), "dns.qry.type == 15", "dns.count.answers == 2", "Both mail servers"),
    one("txt", "DNS: texts",
        "dig asks for the TXT records of shop.test and gets two; one of them is made of two strings.",
        ("shop.test", "TXT"), "dns.qry.type == 16", "dns.count.answers == 2", "Both texts"),
    one("nxdomain", "DNS: a name that does not exist",
        "dig asks for nothing.shop.test. The server answers NXDOMAIN, with the zone's SOA record, which says how long "
        "that may be remembered.", ("nothing.shop.test", "A"), 'dns.qry.name == "nothing.shop.test"',
        "dns.flags.rcode == 3 && dns.count.auth_rr == 1", "NXDOMAIN, and the SOA"),
    one("nodata", "DNS: a name that has no record of this type",
        "dig asks for the AAAA record of ns.shop.test, which has only an A record. The answer is NOERROR without an "
        "answer record: the name exists, the type does not.", ("ns.shop.test", "AAAA"), "dns.qry.type == 28",
        "dns.flags.rcode == 0 && dns.count.answers == 0 && dns.count.auth_rr == 1", "No error, no answer, and the SOA"),
    one("refused", "DNS: the server refuses",
        "dig asks an authoritative server for a name that is none of its business. It answers REFUSED.",
        ("elsewhere.test", "A"), "dns.qry.type == 1", "dns.flags.rcode == 5", "REFUSED"),
    one("svcb-https", "DNS: how to reach a web site (HTTPS record)",
        "dig asks for the HTTPS record of shop.test, as browsers do, and learns the protocols the site speaks and its "
        "addresses, before any connection.", ("shop.test", "HTTPS"), "dns.qry.type == 65", "dns.count.answers == 1",
        "The HTTPS record with alpn, ipv4hint and ipv6hint"),
    Case(
        "dns", "record-types", "DNS: CAA, SRV, TLSA, NAPTR and PTR",
        "Five questions, one after the other, for record types that applications use: who may issue certificates, "
        "where a service runs, which key a mail server has, how a number becomes an address, and which name an "
        "address has.",
        hosts(), _several, (
            Shows(ASKED, "Five questions", 5, 5),
            Shows(f"{ANSWERED} && dns.count.answers == 1", "Five answers", 5, 5),
        ), _shop),
    Case(
        "dns", "truncation-tcp", "DNS: truncated, then asked again over TCP",
        "The answer does not fit into the 1232 bytes that the client allows. The server sets TC, and dig asks the "
        "same question again over TCP, where the answer comes whole.",
        hosts(), _truncated, (
            Shows(f"{ANSWERED} && udp && dns.flags.truncated == 1", "The truncated answer", 1, 1),
            Shows("tcp.flags.syn == 1", "The TCP connection", 2, 2),
            Shows(f"{ASKED} && tcp", "The question again", 1, 1),
            Shows(f"{ANSWERED} && tcp && dns.count.answers == 20", "The whole answer", 1, 1),
        ), _shop),
    Case(
        "dns", "zone-transfer", "DNS: a zone transfer",
        "dig asks for the whole zone (AXFR). The answer comes over TCP and begins and ends with the SOA record.",
        hosts(), dig("shop.test", "AXFR"), (
            Shows(f"{ASKED} && dns.qry.type == 252", "The question", 1, 1),
            Shows(f"{ANSWERED} && tcp && dns.count.answers > 30", "The zone", 1),
        ), _shop),
    Case(
        "dns", "retry-after-loss", "DNS: the question is lost once",
        "The first datagram vanishes. dig waits one second and asks again, with the same identifier.",
        hosts(), dig("shop.test", "A", "+timeout=1", "+tries=3"), (
            Shows(ASKED, "The question, and again after a second", 2, 2),
            Shows(f"{ANSWERED}", "The answer to the second", 1, 1),
        ), _shop, {"lan": Link(faults=(Fault(Action.DROP, "client", Kind.UDP, (1,)),))}),
    Case(
        "dns", "unanswered", "DNS: nobody answers",
        "Nothing that the client sends arrives. dig asks three times, a second apart, and gives up.",
        hosts(), dig("shop.test", "A", "+timeout=1", "+tries=3", allowed=(9,)), (
            Shows(ASKED, "Three times the same question", 3, 3),
            Shows(ANSWERED, "No answer", 0, 0),
        ), _shop, {"lan": Link(faults=(Fault(Action.DROP, "client", Kind.UDP, tuple(range(1, 10))),))}),
    Case(
        "dns", "answer-after-retry", "DNS: a slow answer arrives after the retry",
        "The first answer is held back for more than a second, longer than dig waits. It asks again and is "
        "answered; the late answer finds nobody, and the client's host says so with ICMP port unreachable.",
        hosts(), dig("shop.test", "A", "+timeout=1", "+tries=3"), (
            Shows(ASKED, "The question twice", 2, 2),
            Shows(f"{ANSWERED} && !icmp", "Two answers: to the second question, then to the first", 2, 2),
            Shows("icmp.type == 3", "The late one finds a closed port", 1, 1),
        ), _shop, {"lan": Link(faults=(Fault(Action.DELAY, "server", Kind.UDP, (1,), by_ms=1100),))}),
    Case(
        "dns", "servfail", "DNS: a server that cannot answer",
        "The zone on the server is broken (it has no SOA record) and could not be loaded. The server answers "
        "SERVFAIL.",
        hosts(), dig("shop.test", "A"), (
            Shows(ASKED, "The question", 1, 1),
            Shows(f"{ANSWERED} && dns.flags.rcode == 2", "SERVFAIL", 1, 1),
        ), _broken),
    Case(
        "dns", "ttl-repeat", "DNS: asked again before the TTL ran out",
        "The same question twice, one second apart, though the first answer was valid for 300 seconds: the client "
        "does not remember answers.",
        hosts(), _twice, (
            Shows(ASKED, "Two equal questions", 2, 2),
            Shows(f"{ANSWERED} && dns.resp.ttl == 300", "Two equal answers, valid for 300 seconds", 2, 2),
        ), _shop),
    Case(
        "dns", "ttl-expired", "DNS: asked again after the TTL ran out",
        "The same question twice, five and a half seconds apart; the first answer was valid for five seconds, so "
        "it had to be asked again.",
        hosts(), _after_ttl, (
            Shows(ASKED, "Two equal questions", 2, 2),
            Shows(f"{ANSWERED} && dns.resp.ttl == 5", "Two equal answers, valid for 5 seconds", 2, 2),
        ), _shop),
    Case(
        "dns", "edns-cookie", "DNS: cookies, client subnet, NSID and padding",
        "Two questions with EDNS options. The first carries a client cookie and is answered with a server cookie; "
        "the second asks for the server's name, tells a client subnet and is padded.",
        hosts(), _cookies, (
            Shows(f"{ASKED} && dns.opt.code == 10", "A client cookie", 2, 2),
            Shows(f"{ANSWERED} && dns.opt.cookie.server", "With the server's cookie", 1),
            Shows("dns.opt.code == 8", "Client subnet", 1),
            Shows("dns.opt.code == 12", "Padding", 1),
        ), _shop),
    Case(
        "dns", "dnssec", "DNS: a signed answer, and the keys",
        "dig asks a signed zone with the DO bit: for the address and its signature, for the keys, and for a name "
        "that does not exist, which is denied by signed NSEC records.",
        hosts(), dig("+dnssec", "shop.test", "A", "shop.test", "DNSKEY", "nothing.shop.test", "A"), (
            Shows(f"{ASKED} && dns.resp.z.do == 1", "Three questions with the DO bit", 1),
            Shows(f"{ANSWERED} && dns.rrsig.type_covered == 1", "The address with its RRSIG", 1),
            Shows(f"{ANSWERED} && dns.dnskey.protocol", "The keys with their RRSIG", 1, 1),
            Shows(f"{ANSWERED} && dns.flags.rcode == 3 && dns.nsec.next_domain_name", "NXDOMAIN, proven by NSEC", 1, 1),
        ), _signed),
    Case(
        "dns", "dns-then-http", "A name is looked up, then a page is fetched",
        "curl fetches http://shop.test/page.txt: the resolver library asks for the A and AAAA records, then curl "
        "connects to the address and fetches 120 kB over HTTP/1.1.",
        (*hosts(SERVER), Host("web", (Nic(("10.0.1.20/24",), 6),))), _page, (
            Shows(ASKED, "A and AAAA are asked together", 2, 2),
            Shows(f"{ANSWERED} && dns.a == 10.0.1.20", "The address", 1, 1),
            Shows("tcp.flags.syn == 1 && ip.addr == 10.0.1.20", "The handshake", 2, 2),
            Shows("http.request", "The request", 1, 1),
            Shows("http.response", "The response is complete", 1, 1),
            Shows("tcp.flags.fin == 1", "The end", 2, 2),
        ), _prepare_page),
    Case(
        "link", "fragments", "IPv4: an answer in three fragments",
        "The client allows DNS answers of 4096 bytes over UDP, and the server has one that is longer than the MTU:"
        " it arrives in IPv4 fragments, of which only the first has a UDP header.",
        hosts(), dig("large.shop.test", "TXT", "+bufsize=4096", "+ignore"), (
            Shows("ip.flags.mf == 1", "All but the last fragment", 1),
            Shows("ip.frag_offset > 0", "Those without a UDP header", 1),
            Shows(f"{ANSWERED} && dns.count.answers == 20", "The answer, complete with its last fragment", 1, 1),
        ), _fragmenting),
    Case(
        "dns", "tunnel", "DNS: a tunnel",
        "iodine carries packets in TXT records and in the names of the questions: a few pings go through it.",
        hosts(), _through, (
            Shows("dns.qry.type == 16 && dns.flags.response == 0", "Questions", 40),
            Shows("dns.qry.name.len > 100", "Long names", 10),
        ), _tunnel_end, seconds=30),
    Case(
        "dns", "hash-lookups", "DNS: lookups of hashes",
        "A filter asks for the hashes of 40 files, none of which is known. Long names, new each time, and no tunnel.",
        hosts(), _hashes, (
            Shows(ASKED, "Questions", 40, 40), Shows("dns.flags.rcode == 3", "Not known", 40, 40),
        ), _shop),
    Case(
        "dns", "servers-differ", "DNS: two servers that differ",
        "One of the client's two name servers knows intranet.shop.test, the other one says that there is no such name.",
        (*hosts(), Host("other", (Nic(("10.0.1.54/24",), 4),))), _asks_both, (
            Shows("dns.flags.rcode == 3", "No such name", 1, 1), Shows("dns.a == 10.0.1.44", "The name", 1, 1),
        ), _two_views),
    Case(
        "dns", "rewritten", "DNS: an answer where there is no name",
        "A resolver answers whatever it is asked with its own address, also three names of chance that do not exist.",
        hosts(), dig("qxkwmzpvt", "A", "bnhgrtyue", "A", "zzplmokni", "A"), (
            Shows("dns.a == 10.0.1.99", "The same address for all", 3, 3),
        ), _answers_all),
)
