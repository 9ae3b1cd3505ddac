"""Names that lead back to themselves, and what only looks like it."""
from __future__ import annotations

from analyzer.explain.names_loops import alias_loop, delegation_loop
from analyzer.model import Analysis, CaptureSummary
from dissectors.kit.lookup import ANSWERED, Lookup
from dissectors.protocols.dns.outcome import FAILED


def analysis() -> Analysis:
    return Analysis(CaptureSummary(["made"]))


def looked_up(
    name: str, *ring: str, referred: tuple[tuple[str, list[str]], ...] = (), answered: bool = False
) -> Lookup:
    made = Lookup(name, "A", "10.0.0.1", "10.0.0.2", 0)
    made.kind = ANSWERED if answered else FAILED
    made.ring = list(ring)
    made.referred = list(referred)
    made.addresses = ["10.0.0.9"] if answered else []
    made.frames = [1, 2]
    made.conversations = [1]
    return made


def test_aliases_that_lead_back_are_told_once_wherever_they_are_entered() -> None:
    whole = analysis()
    whole.lookups = [looked_up("a.test", "a.test", "b.test"), looked_up("c.test", "b.test", "A.test")]
    (found,) = alias_loop(whole)
    assert found.sentence == (
        "Aliases lead back to where they began: a.test → b.test → a.test; c.test leads there, and no address is at the "
        "end of them, as 10.0.0.2 says."
    )
    whole.lookups = [looked_up("a.test"), looked_up("b.test", answered=True)]
    assert alias_loop(whole) == []


def test_delegations_lead_back_only_where_nobody_gives_an_address() -> None:
    to_other, to_one = ("one.test", ["ns.other.test"]), ("other.test", ["ns.deep.one.test"])
    whole = analysis()
    whole.lookups = [looked_up("www.one.test", referred=(to_other,)), looked_up("ns.other.test", referred=(to_one,))]
    (found,) = delegation_loop(whole)
    assert "the server of one.test is ns.other.test; the server of other.test is ns.deep.one.test" in found.sentence
    assert found.victims == 2
    whole.lookups[1].addresses = ["10.0.0.9"]
    assert delegation_loop(whole) == []
    whole.lookups = [looked_up("www.one.test", referred=(to_other,)), looked_up("x.test", referred=(
        ("other.test", ["ns.third.test"]),))]
    assert delegation_loop(whole) == []


def test_a_zone_with_a_server_that_is_named_elsewhere_has_a_way_out() -> None:
    whole = analysis()
    other = ("other.test", ["ns.one.test"])
    for servers in (["ns.other.test", "ns.far.example"], ["ns.far.example", "ns.other.test"]):
        whole.lookups = [
            looked_up("www.one.test", referred=(("one.test", servers),)), looked_up("x.test", referred=(other,)),
        ]
        assert delegation_loop(whole) == []
    whole.lookups = [
        looked_up("www.one.test", referred=(("one.test", ["ns1.other.test", "ns2.other.test"]),)),
        looked_up("x.test", referred=(other,)),
    ]
    (found,) = delegation_loop(whole)
    assert "the servers of one.test are ns1.other.test and ns2.other.test" in found.sentence
