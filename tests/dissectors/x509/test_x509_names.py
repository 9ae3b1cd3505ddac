"""Which names a certificate covers."""
from __future__ import annotations

import pytest

from dissectors.wire.x509.names import a_labels, covers, matches, within


@pytest.mark.parametrize(("presented", "wanted", "covered"), [
    ("shop.test", "shop.test", True),
    ("Shop.Test", "sHOP.tEST.", True),
    ("shop.test", "www.shop.test", False),
    ("*.shop.test", "www.shop.test", True),
    ("*.shop.test", "shop.test", False),
    ("*.shop.test", "a.www.shop.test", False),
    ("w*.shop.test", "www.shop.test", False),
    ("*w.shop.test", "www.shop.test", False),
    ("www.*.test", "www.shop.test", False),
    ("*.*.test", "www.shop.test", False),
    ("*.test", "shop.test", False),
    ("*", "shop", False),
    ("*.shop.test", ".shop.test", False),
    ("xn--bcher-kva.test", "xn--bcher-kva.test", True),
    ("xn--bcher-kva.test", "bücher.test", True),
    ("*.bücher.test", "www.xn--bcher-kva.test", True),
    ("xn--*.shop.test", "xn--bcher-kva.shop.test", False),
    ("", "shop.test", False),
    ("shop.test", "", False),
])
def test_names_match_by_whole_labels(presented: str, wanted: str, covered: bool) -> None:
    assert matches(presented, wanted) is covered


@pytest.mark.parametrize(("names", "addresses", "wanted", "covered"), [
    (["10.0.0.1"], [], "10.0.0.1", False),
    ([], ["10.0.0.1"], "10.0.0.1", True),
    ([], ["2001:db8::1"], "2001:DB8:0::0001", True),
    ([], ["2001:db8::1"], "[2001:db8::1]", True),
    (["shop.test"], ["10.0.0.1"], "10.0.0.2", False),
    (["a.test", "*.b.test"], [], "c.b.test", True),
])
def test_addresses_are_compared_with_addresses_alone(
    names: list[str], addresses: list[str], wanted: str, covered: bool
) -> None:
    assert covers(names, addresses, wanted) is covered


def test_a_name_that_no_a_label_can_hold_stays_as_it_is() -> None:
    assert a_labels("Ü" * 80 + ".test") == "ü" * 80 + ".test"


@pytest.mark.parametrize(("name", "tree", "inside"), [
    ("shop.test", "test", True), ("shop.test", "shop.test", True), ("a.shop.test", ".shop.test", True),
    ("workshop.test", "shop.test", False), ("shop.test", "", True),
])
def test_a_subtree_ends_at_a_label(name: str, tree: str, inside: bool) -> None:
    assert within(name, tree) is inside
