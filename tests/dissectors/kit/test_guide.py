"""The guide's protocol, as it is printed there, does what the guide says of it."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from analyzer.flows.router import Router
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import NO, YES, Context, Protocol

GUIDE = Path(__file__).parents[3] / "docs" / "explanation" / "protocols.md"


@pytest.fixture(scope="module")
def ledger() -> dict[str, Any]:
    """What the guide's code defines."""
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    found: dict[str, Any] = {"__name__": "ledger"}
    exec(compile(next(block for block in blocks if "class Ledger(" in block), str(GUIDE), "exec"), found)
    return found


@pytest.fixture
def router(ledger: dict[str, Any]) -> Router:
    protocol = Protocol(
        "ledger", "Ledger", "Entries.", ("Ledger 1",), ledger["Ledger"], ("tcp",), {},
        (ledger["Entry"], ledger["Entries"]), (), lambda data, _direction: YES if data[:1] == b"L" else NO,
    )
    return Router((protocol,), Context("tcp", 1, 2), 1)


def frame(body: bytes, kind: int = 1) -> bytes:
    return bytes((0x4C, kind)) + len(body).to_bytes(2, "big") + body


def entry(owner: bytes, amount: int) -> bytes:
    return frame(bytes((len(owner),)) + owner + amount.to_bytes(4, "big"))


def said(events: list[Event]) -> list[str]:
    return [event.what() for event in events]


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_entries_whatever_the_pieces(router: Router, size: int) -> None:
    data = b"".join(entry(b"Ann", amount) for amount in range(10))
    events: list[Event] = []
    for number, at in enumerate(range(0, len(data), size), 1):
        events += router.chunk(Chunk(number, number, 0, data[at:at + size], at))
    last = -(-len(data) // size)
    events += router.close(Close(last + 1, last + 1, NEITHER, "fin"))
    assert said(events) == [
        "Ann is given 0.", "Ann is given 1.", "Ann is given 2.", "7 more entries.",
        "The side has said all that it had to say.",
    ]
    assert events[-1].evidence.frames[-1] == last + 1


def test_what_is_too_short_is_malformed_and_the_next_is_read(router: Router) -> None:
    data = frame(b"\x05Ann") + entry(b"Bob", 7)
    events = router.chunk(Chunk(1, 1, 0, data, 0))
    assert said(events) == ["Malformed ledger at byte 1: a name of 5 octets where 3 are left."]
    assert said(router.chunk(Chunk(2, 2, 0, entry(b"Cid", 8), len(data)))) == ["Bob is given 7.", "Cid is given 8."]


def test_behind_a_gap_frames_are_found_again(router: Router) -> None:
    first = entry(b"Ann", 1)
    router.chunk(Chunk(1, 1, 0, first + first[:6], 0))
    router.gap(Gap(2, 2, 0, 18, 500))
    assert said(router.chunk(Chunk(2, 2, 0, b"noise" + entry(b"Bob", 2), 518))) == ["Bob is given 2."]
