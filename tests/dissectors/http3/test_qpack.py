"""QPACK: the examples of its standard, whatever an encoder of others makes, and bounds."""
from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

import pytest

from dissectors.wire.hpack.decoder import MAX_LIST_OCTETS, UNKNOWN
from dissectors.wire.qpack.decoder import MAX_INSTRUCTION, QpackTable
from dissectors.wire.qpack.static import STATIC

Pairs = list[tuple[bytes, bytes]]


def table(limit: int = 220) -> QpackTable:
    found = QpackTable(True)
    found.limit = limit
    return found


def pairs(found: QpackTable, section: bytes) -> Pairs:
    block = found.decode(section)
    assert not block.error
    return [(field.name, field.value) for field in block.fields]


def test_the_examples_of_the_standard() -> None:
    """RFC 9204 Appendix B."""
    made = table()
    assert pairs(made, bytes.fromhex("0000510b2f696e6465782e68746d6c")) == [(b":path", b"/index.html")]
    section = bytes.fromhex("03811011")
    assert made.blocked(section)
    made.feed(bytes.fromhex("3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468"))
    assert not made.blocked(section)
    assert pairs(made, section) == [(b":authority", b"www.example.com"), (b":path", b"/sample/path")]
    made.feed(bytes.fromhex("4a637573746f6d2d6b65790c637573746f6d2d76616c7565"))
    made.feed(b"\x02")
    assert pairs(made, bytes.fromhex("050080c181")) == [
        (b":authority", b"www.example.com"), (b":path", b"/"), (b"custom-key", b"custom-value"),
    ]
    made.feed(bytes.fromhex("810d637573746f6d2d76616c756532"))
    assert (made.inserts, made.size) == (5, 215)
    assert (STATIC[0], STATIC[17], STATIC[98], len(STATIC)) == (
        (b":authority", b""), (b":method", b"GET"), (b"x-frame-options", b"sameorigin"), 99,
    )


def test_an_octet_at_a_time() -> None:
    whole, slow = table(), table()
    instructions = bytes.fromhex(
        "3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f706174684a637573746f6d2d6b65790c637573746f6d2d76616c"
        "756502810d637573746f6d2d76616c756532"
    )
    whole.feed(instructions)
    for octet in instructions:
        slow.feed(bytes((octet,)))
    assert [(one.name, one.value) for one in slow.entries] == [(one.name, one.value) for one in whole.entries]


def test_what_was_missed_is_unknown_and_the_rest_is_true() -> None:
    late = QpackTable(False)
    late.feed(bytes.fromhex("3fbd01c00f7777772e6578616d706c652e636f6d"))
    block = late.decode(bytes.fromhex("0381") + b"\xd1" + b"\x10" + bytes.fromhex("510b2f696e6465782e68746d6c"))
    assert [(field.name, field.value) for field in block.fields] == [
        (b":method", b"GET"), (UNKNOWN, UNKNOWN), (b":path", b"/index.html"),
    ]
    assert block.unknown == 1
    assert not late.blocked(b"\x03\x81\x10")


@pytest.mark.parametrize("instructions", ["3fbe01", "ff6400", "c0ff80808080808080", "c20161", "05"])
def test_instructions_that_break_the_rules(instructions: str) -> None:
    made = table()
    if instructions == "05":
        made.feed(bytes.fromhex("3fbd01"))
    made.feed(bytes.fromhex(instructions))
    assert made.problem or made.entries == [] or made.entries[0].name == UNKNOWN


def test_bombs_are_bounded() -> None:
    made = table(1 << 16)
    made.feed(b"\x3f\xe1\xff\x03" + b"\x41a" + b"\x7f\x80\x7d" + b"x" * 16_127)
    assert len(made.entries) == 1
    block = made.decode(b"\x02\x00" + b"\x80" * 60_000)
    assert block.left_out > 50_000
    assert sum(int(field.size) for field in block.fields) <= MAX_LIST_OCTETS + 60_002 + 16_128
    endless = table()
    for _ in range(20):
        endless.feed(b"\x3f\xbd\x01"[:0] + (b"\x41a\x7f\xff\xff\xff\x7f" if not endless.buffer else b"x" * 20_000))
    assert len(endless.buffer) <= MAX_INSTRUCTION
    assert endless.problem


@pytest.mark.skipif(find_spec("pylsqpack") is None, reason="pylsqpack is not installed")
def test_an_encoder_of_others() -> None:
    lsqpack: Any = import_module("pylsqpack")
    random = Random(9204)
    for _ in range(20):
        encoder = lsqpack.Encoder()
        instructions = encoder.apply_settings(4_096, 16)
        made = table(4_096)
        made.feed(instructions)
        for stream in range(40):
            wanted: Pairs = [
                (random.choice((b":path", b"x-one", b"x-two", b"cookie", b"accept")),
                 random.choice((b"a", b"*/*", bytes(random.choices(range(32, 127), k=random.randint(0, 60))))))
                for _ in range(random.randint(1, 12))
            ]
            inserted, section = encoder.encode(4 * stream, wanted)
            made.feed(inserted)
            assert pairs(made, section) == wanted
