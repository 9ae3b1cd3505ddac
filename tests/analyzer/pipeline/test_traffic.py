"""The traffic over time that a page draws."""
from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.listing import Traffic
from analyzer.pipeline import traffic
from analyzer.pipeline.run import Options, analyze

LOOKUPS = Path(__file__).parents[3] / "samples" / "dns" / "dns-then-http" / "capture.pcapng"


def counted() -> Traffic:
    listing = analyze([str(LOOKUPS)], Options(listed=True)).listing
    assert listing is not None
    assert listing.traffic is not None
    return listing.traffic


def test_parts_add_up_to_all_that_went_over_the_wire() -> None:
    found = counted()
    assert sum(found.octets) > 100_000
    for parts in (found.by_conversation, found.by_protocol):
        assert len(parts) > 1
        assert [sum(column) for column in zip(*[one.octets for one in parts], strict=True)] == found.octets
    assert sum(found.octets) < sum(sum(one.octets) for one in found.by_host) <= 2 * sum(found.octets)


def test_what_is_beyond_the_cap_is_among_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = counted()
    monkeypatch.setattr(traffic, "MAX_PARTS", 1)
    found = counted()
    assert found.octets == whole.octets
    assert (found.active, found.begun) == (whole.active, whole.begun)
    assert [one.key for one in found.by_conversation] == ["1", ""]
    assert [sum(column) for column in zip(*[one.octets for one in found.by_conversation], strict=True)] == found.octets
    assert len(found.by_host) == 1
