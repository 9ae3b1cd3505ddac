"""Tunnels through DNS, resolvers that invent answers, servers that differ; and what only looks like each."""
from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from random import Random

import pytest

from analyzer.explain.names_shapes import rewritten, servers_differ, tunnels
from analyzer.explain.rule import Found
from analyzer.model import Analysis, CaptureSummary
from dissectors.kit.lookup import ANSWERED, NO_NAME, Lookup

CHANCE = Random(4)
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def lookup(name: str, kind: str = ANSWERED, type_: str = "A", server: str = "10.0.0.53", address: str = "") -> Lookup:
    made = Lookup(name, type_, "10.0.0.9", server, 0)
    made.kind = kind
    made.addresses = [address] if address else []
    return made


def of(rule: Callable[[Analysis], list[Found]], lookups: list[Lookup]) -> list[Found]:
    analysis = Analysis(CaptureSummary(["made"]))
    analysis.lookups = lookups
    return rule(analysis)


def data(length: int) -> str:
    text = "".join(CHANCE.choices(LETTERS, k=length))
    return ".".join(text[at:at + 57] for at in range(0, length, 57))


def tunnel(type_: str) -> list[Lookup]:
    return [lookup(f"{data(CHANCE.randrange(60, 180))}.t.shop.test", type_=type_) for _ in range(60)]


def test_a_tunnel() -> None:
    found, = of(tunnels, tunnel("TXT"))
    assert found.sentence.startswith("10.0.0.9 asked for 60 different names beneath t.shop.test, with ")
    assert found.severity == ""


def test_what_may_be_a_tracker_is_a_note() -> None:
    found, = of(tunnels, tunnel("A"))
    assert (found.severity, found.confidence) == ("note", "possible")


@pytest.mark.parametrize("names", [
    [f"{sha256(b'%d' % number).hexdigest()[:56]}.hash.shop.test" for number in range(60)],
    [f"{sha256(b'%d' % (number % 5)).hexdigest()[:40 + number % 5]}.cdn.shop.test" for number in range(200)],
    [".".join(f"{number:032x}"[::-1]) + ".ip6.arpa" for number in range(60)],
    [f"host{number}.shop.test" for number in range(500)],
    [f"selector{number}._domainkey.{data(50)}.of{number}.test" for number in range(60)],
    [f"{data(100)}.t.shop.test" for _ in range(10)],
], ids=["hashes", "a content network", "reverse names", "many hosts", "keys of mail", "a few long ones"])
def test_what_is_no_tunnel(names: list[str]) -> None:
    assert of(tunnels, [lookup(name, type_="TXT") for name in names]) == []


def test_answers_where_there_is_no_name() -> None:
    chance = [lookup(name, address="10.0.1.99") for name in ("qxkwm", "bnhgr", "zzplm")]
    found, = of(rewritten, chance)
    assert "3 names of a single label (qxkwm, bnhgr and zzplm) with the same address, 10.0.1.99" in found.sentence


@pytest.mark.parametrize("lookups", [
    [lookup(name, address=f"10.0.1.{last}") for last, name in enumerate(("nas", "printer", "router", "camera"))],
    [lookup(name, address="10.0.1.99") for name in ("nas", "printer")],
    [lookup(f"{name}.shop.test", address="10.0.1.99") for name in ("a", "b", "c", "d")],
    [lookup(name, NO_NAME) for name in ("qxkwm", "bnhgr", "zzplm")],
], ids=["hosts of the house", "two of them", "one host with many names", "no names"])
def test_what_is_no_rewriting(lookups: list[Lookup]) -> None:
    assert of(rewritten, lookups) == []


def test_servers_that_differ() -> None:
    names = ("mail.corp.test", "wiki.corp.test")
    lookups = [lookup(name, NO_NAME, server="10.0.0.1") for name in names]
    lookups += [lookup(name, ANSWERED, server="10.0.0.2", address="10.1.1.1") for name in names]
    found, = of(servers_differ, lookups)
    assert found.sentence.startswith("10.0.0.1 says that mail.corp.test and wiki.corp.test do not exist, and 10.0.0.2")
    assert of(servers_differ, lookups[:2]) == []
    assert of(servers_differ, [lookups[0], lookup(names[0], ANSWERED, "AAAA", "10.0.0.2", "fd00::1")]) == []
