"""Protocol Buffers without a schema: every reading, none chosen, nothing without end."""
from __future__ import annotations

import json
import time
from random import Random
from struct import pack

import pytest
from grpc_wire import number, octets, varint

from dissectors.wire.protobuf import MAX_DEPTH, NotProtobuf, as_json, in_short, parse


def test_numbers_have_several_readings() -> None:
    assert as_json(number(1, 3)) == [{"field": 1, "wire": "varint", "unsigned": 3, "zigzag": -2}]
    assert as_json(number(1, (1 << 64) - 1)) == [
        {"field": 1, "wire": "varint", "unsigned": (1 << 64) - 1, "signed": -1, "zigzag": -(1 << 63)}
    ]
    fixed = varint(2 << 3 | 5) + pack("<f", -1.5) + varint(3 << 3 | 1) + pack("<d", float("inf"))
    assert [field["float"] for field in as_json(fixed)] == [-1.5, "inf"]  # type: ignore[union-attr,index,call-overload]


def test_what_may_be_text_or_a_message_is_shown_as_both() -> None:
    both = octets(1, number(4, 33))                      # the octets 0x20 0x21 are also " !"
    assert as_json(both) == [{
        "field": 1, "wire": "length", "size": 2, "text": " !",
        "message": [{"field": 4, "wire": "varint", "unsigned": 33, "zigzag": -17}],
    }]
    assert in_short(both, 100) == '1: "!" or {4: 33}'
    assert in_short(octets(1, b"\xff\xfe\xfd"), 100) == "1: 3 bytes"


def test_groups_are_read() -> None:
    group = varint(5 << 3 | 3) + number(1, 7) + varint(5 << 3 | 4)
    assert in_short(group, 100) == "5: group {1: 7}"


@pytest.mark.parametrize("data", [
    b"\x08", b"\x08\xff", b"\x08" + b"\xff" * 10 + b"\x01", b"\x00\x01", b"\x0e\x00", b"\x0a\x05abc", b"\x0d\x01",
    b"\x2b\x08\x01", b"\x2c", b"\x2b\x34",
])
def test_what_is_none_is_said(data: bytes) -> None:
    with pytest.raises(NotProtobuf):
        parse(data)


def test_depth_and_work_are_bounded() -> None:
    deep = b""
    for _ in range(40):
        deep = octets(1, deep)
    text = json.dumps(as_json(deep))
    assert text.count('"message"') <= MAX_DEPTH
    wide = octets(1, number(1, 1) * 300) * 100
    begun = time.process_time()
    for data in (deep, wide, octets(1, octets(1, octets(1, bytes(1000))) * 200)):
        as_json(data)
        in_short(data, 100)
    with pytest.raises(NotProtobuf, match="too many"):
        parse(number(1, 1) * 5_000)
    assert time.process_time() - begun < 5


def test_any_bytes_at_all() -> None:
    random = Random(1)
    for _ in range(3_000):
        data = random.randbytes(random.randrange(40))
        try:
            fields = parse(data)
        except NotProtobuf:
            with pytest.raises(NotProtobuf):
                in_short(data, 60)
            continue
        assert len(as_json(data)) == len(fields)  # type: ignore[arg-type]
        json.dumps(as_json(data), allow_nan=False)
