"""A server that the zone above names, and that does not answer for the zone."""
from __future__ import annotations

from analyzer.explain.names_lame import is_lame, lame_servers, told_as_lame
from dissectors.kit.lookup import Lookup, Step


def step(client: str, server: str, zone: str, answer: str, failure: str = "") -> Step:
    made = Step(client, server, zone, "www.shop.test A", 1, 0, False)
    made.answer, made.failure, made.end_ns = answer, failure, 10
    return made


def test_only_who_was_referred_to_a_server_of_a_zone_finds_it_lame() -> None:
    assert is_lame(step("r", "a", "shop.test", "REFUSED", "REFUSED"))
    assert is_lame(step("r", "a", "shop.test", "refers upward to the servers of .: x"))
    assert not is_lame(step("r", "a", "shop.test", "refers to the servers of deep.shop.test: x"))
    assert not is_lame(step("r", "a", ".", "REFUSED", "REFUSED"))
    assert not is_lame(step("client", "resolver", "", "SERVFAIL", "SERVFAIL"))


def test_what_failed_at_a_lame_server_is_told_with_it() -> None:
    found = Lookup("www.shop.test", "A", "client", "resolver", 0)
    found.steps = [step("client", "resolver", "", "SERVFAIL", "SERVFAIL"), step("r", "a", "shop.test", "REFUSED")]
    lame = lame_servers([found])
    assert lame == {("r", "a", "shop.test")}
    assert not told_as_lame(found, lame)         # what the resolver says stands by itself
    assert told_as_lame(Lookup("ns.shop.test", "A", "r", "a", 0), lame)
    assert not told_as_lame(Lookup("ns.other.test", "A", "r", "a", 0), lame)
