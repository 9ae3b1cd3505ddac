"""Lookups put together from several conversations."""
from __future__ import annotations

from struct import pack

import pytest
from dns_wire import AAAA, CNAME, MS, NS, A, create, framed, message, name, record, soa

from dissectors.kit.inputs import Chunk, Datagram
from dissectors.kit.protocol import Dissector, Protocol
from dissectors.protocols.dns import lookups
from dissectors.protocols.dns.lookups import LookupBook
from dissectors.protocols.dns.protocol import DNS, LLMNR, MDNS

STUB, RESOLVER, ROOT, TLD, AUTH = "10.0.0.1", "10.0.0.53", "198.41.0.4", "192.0.2.1", "192.0.2.2"
ITERATIVE = 0x0000


class Net:
    """Hosts that ask one another; every pair of hosts and protocol is a conversation."""

    def __init__(self) -> None:
        self.book = LookupBook()
        self.dissectors: dict[tuple[str, str, str], tuple[int, Dissector, str, str]] = {}
        self.frame = 0
        self.now = 0

    def send(
        self, source: str, to: str, data: bytes, after: int = MS, protocol: Protocol = DNS, tcp: bool = False
    ) -> None:
        self.frame += 1
        self.now += after
        key = (min(source, to), max(source, to), "tcp" if tcp else protocol.name)
        if key not in self.dissectors:
            created = create(protocol, "tcp" if tcp else "udp")
            self.dissectors[key] = (len(self.dissectors) + 1, created, source, to)
        number, dissector, originator, responder = self.dissectors[key]
        direction = 0 if source == originator else 1
        if tcp:
            outputs = dissector.on_data(Chunk(self.frame, self.now, direction, framed(data), 0))
        else:
            outputs = dissector.on_datagram(Datagram(self.frame, self.now, direction, data, len(data)))
        for output in outputs:
            self.book.add(output, number, originator, responder, tcp)  # type: ignore[arg-type]


def ns(zone: str, server: str, address: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    octets = bytes(int(part) for part in address.split("."))
    return (record(zone, NS, name(server)),), (record(server, A, octets),)


def address(owner: str, last: int, ttl: int = 300) -> bytes:
    return record(owner, A, bytes([10, 9, 9, last]), ttl)


def test_a_plain_lookup() -> None:
    net = Net()
    net.send(STUB, RESOLVER, message(1))
    net.send(RESOLVER, STUB, message(1, 0x8180, answers=(address("shop.test", 2),)))
    found, = net.book.take()
    assert found.line() == "shop.test A → 10.9.9.2, valid 300 s"
    assert (found.kind, found.client, found.server, found.frames, found.conversations, found.attempts) == (
        "answered", STUB, RESOLVER, [1, 2], [1], 1,
    )
    assert found.what() == "10.0.0.1 looks up shop.test A: 10.9.9.2, after 1.00 ms."
    assert net.book.names == {"10.9.9.2": "shop.test"}
    assert net.book.finish() == []
    assert found.as_json()["addresses"] == ["10.9.9.2"]


@pytest.mark.parametrize(("flags", "authority", "kind", "line"), [
    (0x8183, (soa(),), "NXDOMAIN", "shop.test A → no such name (NXDOMAIN), valid 60 s"),
    (0x8180, (soa(),), "NODATA", "shop.test A → no A records (NODATA), valid 60 s"),
    (0x8182, (), "failed", "shop.test A → SERVFAIL"),
    (0x8380, (), "truncated", "shop.test A → truncated, and not seen to be asked again over TCP"),
])
def test_other_ends(flags: int, authority: tuple[bytes, ...], kind: str, line: str) -> None:
    net = Net()
    net.send(STUB, RESOLVER, message(1))
    net.send(RESOLVER, STUB, message(1, flags, authority=authority))
    found, = net.book.finish()
    assert (found.kind, found.line()) == (kind, line)


def test_unanswered_and_asked_again_elsewhere() -> None:
    net = Net()
    net.send(STUB, RESOLVER, message(1))
    net.send(STUB, "10.0.0.54", message(2), 5_000 * MS)
    net.send("10.0.0.54", STUB, message(2, 0x8180, answers=(address("shop.test", 2),)))
    net.send(STUB, RESOLVER, message(3, question=("silent.test", A)))
    first, = net.book.take()
    assert (first.kind, first.attempts, first.frames, first.conversations) == ("answered", 2, [1, 2, 3], [1, 2])
    assert [step.answer for step in first.steps] == ["", "10.9.9.2"]
    last, = net.book.finish()
    assert (last.kind, last.line()) == ("unanswered", "silent.test A → no answer seen")


def test_attempts_at_one_server_are_one_step() -> None:
    net = Net()
    for identifier in (1, 1, 2):
        net.send(STUB, RESOLVER, message(identifier), 1000 * MS)
    net.send(RESOLVER, STUB, message(2, 0x8180, answers=(address("shop.test", 2),)))
    found, = net.book.take()
    assert [(step.attempts, step.frames) for step in found.steps] == [(3, [1, 2, 3, 4])]
    assert found.what() == "10.0.0.1 looks up shop.test A: 10.9.9.2, after 2.00 s, asked 3 times."


def test_truncated_then_tcp() -> None:
    net = Net()
    net.send(STUB, RESOLVER, message(1))
    net.send(RESOLVER, STUB, message(1, 0x8380))
    net.send(STUB, RESOLVER, message(2), tcp=True)
    net.send(RESOLVER, STUB, message(2, 0x8180, answers=(address("shop.test", 2),)), tcp=True)
    found, = net.book.finish()
    assert (found.kind, found.over_tcp, found.conversations) == ("answered", True, [1, 2])
    assert "truncated, so the question was asked again over TCP" in found.what()


def test_asked_again_before_the_ttl_ran_out() -> None:
    net = Net()
    for wait in (0, 100_000 * MS, 300_000 * MS):
        net.send(STUB, RESOLVER, message(1), wait)
        net.send(RESOLVER, STUB, message(1, 0x8180, answers=(address("shop.test", 2),)), 0)
    assert [found.repeated_before_ttl for found in net.book.take()] == [-1, 200, -1]
    other = Net()
    for client in (STUB, "10.0.0.9"):  # another client has a cache of its own
        other.send(client, RESOLVER, message(1))
        other.send(RESOLVER, client, message(1, 0x8180, answers=(address("shop.test", 2),)))
    assert [found.repeated_before_ttl for found in other.book.take()] == [-1, -1]


def test_an_alias_is_followed_over_messages() -> None:
    net = Net()
    net.send(STUB, RESOLVER, message(1))
    net.send(RESOLVER, STUB, message(1, 0x8180, answers=(record("shop.test", CNAME, name("cdn.test")),)))
    net.send(STUB, RESOLVER, message(2, question=("cdn.test", A)))
    net.send(RESOLVER, STUB, message(2, 0x8180, ("cdn.test", A), (address("cdn.test", 7),)))
    found, = net.book.finish()
    assert (found.name, found.chain, found.kind) == ("shop.test", ["cdn.test"], "answered")
    assert net.book.names == {"10.9.9.7": "shop.test"}


def resolve(net: Net, minimised: bool) -> None:
    """What a resolver does for its client, from the root down."""
    first, second = (("test", A), ("shop.test", A)) if minimised else (("www.shop.test", A), ("www.shop.test", A))
    net.send(STUB, RESOLVER, message(1, question=("www.shop.test", A)))
    authority, glue = ns("test", "a.nic.test", TLD)
    net.send(RESOLVER, ROOT, message(2, ITERATIVE, first))
    net.send(ROOT, RESOLVER, message(2, 0x8000, first, (), authority, glue))
    authority, glue = ns("shop.test", "ns.shop.test", AUTH)
    net.send(RESOLVER, TLD, message(3, ITERATIVE, second))
    net.send(TLD, RESOLVER, message(3, 0x8000, second, (), authority, glue))
    net.send(RESOLVER, AUTH, message(4, ITERATIVE, ("www.shop.test", A)))
    net.send(AUTH, RESOLVER, message(4, 0x8400, ("www.shop.test", A), (address("www.shop.test", 2),)))
    net.send(RESOLVER, STUB, message(1, 0x8180, ("www.shop.test", A), (address("www.shop.test", 2, 299),)))


@pytest.mark.parametrize("minimised", [False, True])
def test_from_the_root_to_the_authority_is_one_lookup(minimised: bool) -> None:
    net = Net()
    resolve(net, minimised)
    found, = net.book.finish()
    assert (found.client, found.name, found.kind, found.seconds) == (STUB, "www.shop.test", "answered", 299)
    assert [(step.server, step.zone) for step in found.steps] == [
        (RESOLVER, ""), (ROOT, ""), (TLD, "test"), (AUTH, "shop.test"),
    ]
    assert found.steps[1].answer == "refers to the servers of test: a.nic.test"
    assert found.frames == list(range(1, 9))
    assert found.conversations == [1, 2, 3, 4]
    assert "It took 4 exchanges" in found.what()


def test_the_targets_of_an_alias_belong_to_the_lookup() -> None:
    net = Net()
    asked, target = ("www.shop.test", A), ("edge.cdn.shop.test", A)
    alias = record("www.shop.test", CNAME, name("edge.cdn.shop.test"))
    net.send(STUB, RESOLVER, message(1, question=asked))
    authority, glue = ns("shop.test", "ns.shop.test", AUTH)
    net.send(RESOLVER, TLD, message(2, ITERATIVE, asked))
    net.send(TLD, RESOLVER, message(2, 0x8000, asked, (), authority, glue))
    net.send(RESOLVER, AUTH, message(3, ITERATIVE, asked))
    net.send(AUTH, RESOLVER, message(3, 0x8400, asked, (alias, address("edge.cdn.shop.test", 2))))
    net.send(RESOLVER, AUTH, message(4, ITERATIVE, ("cdn.shop.test", A)))
    net.send(AUTH, RESOLVER, message(4, 0x8400, ("cdn.shop.test", A), (), (soa(),)))
    net.send(RESOLVER, AUTH, message(5, ITERATIVE, target))
    net.send(AUTH, RESOLVER, message(5, 0x8400, target, (address("edge.cdn.shop.test", 2),)))
    net.send(RESOLVER, STUB, message(1, 0x8180, asked, (alias, address("edge.cdn.shop.test", 2))))
    found, = net.book.finish()
    assert [step.question for step in found.steps] == [
        "www.shop.test A", "www.shop.test A", "www.shop.test A", "cdn.shop.test A", "edge.cdn.shop.test A",
    ]
    assert net.book.names == {"10.9.9.2": "www.shop.test"}


def test_a_resolver_seen_from_above_alone() -> None:
    net = Net()
    authority, glue = ns("test", "a.nic.test", TLD)
    net.send(RESOLVER, ROOT, message(2, ITERATIVE))
    net.send(ROOT, RESOLVER, message(2, 0x8000, authority=authority, additional=glue))
    net.send(RESOLVER, TLD, message(3, ITERATIVE))
    net.send(TLD, RESOLVER, message(3, 0x8400, answers=(address("shop.test", 2),)))
    found, = net.book.take()
    assert (found.client, found.kind, len(found.steps)) == (RESOLVER, "answered", 2)


def test_a_referral_that_nobody_follows() -> None:
    net = Net()
    authority, glue = ns("test", "a.nic.test", TLD)
    net.send(RESOLVER, ROOT, message(2, ITERATIVE))
    net.send(ROOT, RESOLVER, message(2, 0x8000, authority=authority, additional=glue))
    net.send(RESOLVER, TLD, message(3, ITERATIVE, ("other.example", AAAA)), 10_000 * MS)
    found, = net.book.take()
    assert (found.kind, found.result()) == ("referral", "refers to the servers of test: a.nic.test")


def test_names_from_mdns_reverse_lookups_and_llmnr() -> None:
    net = Net()
    for _ in range(2):
        net.send(STUB, "224.0.0.251", message(0, 0, ("pc.local", A)), protocol=MDNS)
    net.send("10.0.0.7", "224.0.0.251", message(
        0, 0x8400, None, (record("pc.local", A, bytes([10, 0, 0, 7]), 120, 0x8001),)), protocol=MDNS)
    net.send(STUB, RESOLVER, message(1, question=("9.0.0.10.in-addr.arpa", 12)))
    net.send(RESOLVER, STUB, message(
        1, 0x8180, ("9.0.0.10.in-addr.arpa", 12), (record("9.0.0.10.in-addr.arpa", 12, name("nas.test")),)))
    net.send(STUB, "224.0.0.252", message(5, 0, ("files", A)), protocol=LLMNR)
    net.send("10.0.0.3", STUB, message(
        5, 0x8000, ("files", A), (record("files", A, bytes([10, 0, 0, 3])),)), protocol=LLMNR)
    assert net.book.names == {"10.0.0.7": "pc.local", "10.0.0.9": "nas.test", "10.0.0.3": "files"}
    _reverse, link = net.book.take()
    assert (link.kind, link.steps[0].server) == ("answered", "10.0.0.3")


def test_servers_that_ask_in_a_circle() -> None:
    net = Net()
    hosts = [f"10.1.0.{index}" for index in range(12)]
    for index in range(30):
        net.send(hosts[index % 12], hosts[(index + 1) % 12], message(index))
    assert net.book.finish()
    assert all(len(found.steps) <= lookups.MAX_STEPS for found in net.book.finish())


def test_everything_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    if not lookups.__file__.endswith(".py"):
        pytest.skip("constants of a compiled module cannot be replaced")
    for cap in ("MAX_OPEN", "MAX_DONE", "MAX_REMEMBERED", "MAX_NAMES"):
        monkeypatch.setattr(lookups, cap, 3)
    net = Net()
    for index in range(8):
        net.send(STUB, RESOLVER, message(index, question=(f"open{index}.test", A)))
    for index in range(8):
        net.send(STUB, RESOLVER, message(100 + index, question=(f"n{index}.test", A)))
        net.send(RESOLVER, STUB, message(
            100 + index, 0x8180, (f"n{index}.test", A), (address(f"n{index}.test", index),)))
    assert len(net.book.finish()) == 3
    assert len(net.book.names) == 3
    assert set(net.book.dropped) == {"MAX_OPEN", "MAX_DONE", "MAX_REMEMBERED", "MAX_NAMES"}


def test_a_hostile_mix_is_survived() -> None:
    net = Net()
    for index in range(300):
        flags = (0, 0x0100, 0x8000, 0x8180, 0x8380, 0x8400, 0x8183, 0x8182)[index % 8]
        owner = ("a.test", "b.a.test", "", "test")[index // 8 % 4]
        answers = (record(owner, CNAME, name("b.a.test")),) if index % 3 else ()
        authority = (record("a.test", NS, name("ns.a.test")),) if index % 5 else (soa(),)
        data = pack(">H", index % 7) + message(0, flags, (owner, A), answers, authority)[2:]
        net.send(f"10.0.0.{index % 4}", f"10.0.0.{index % 3 + 4}", data)
        net.send(f"10.0.0.{index % 3 + 4}", f"10.0.0.{index % 4}", data)
    for found in net.book.finish():
        assert found.what()
        assert found.as_json()
