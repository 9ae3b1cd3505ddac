"""Header blocks against the examples of RFC 7541 and against the hpack library."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.wire.hpack.decoder import (
    MAX_FIELDS,
    MAX_LIST_OCTETS,
    MAX_TABLE_OCTETS,
    NEVER,
    UNKNOWN,
    Block,
    Decoder,
)
from dissectors.wire.hpack.huffman import LENGTHS, decode
from dissectors.wire.hpack.static import STATIC

Pairs = list[tuple[bytes, bytes]]

# Appendix C.3 to C.6: (block, fields, octets of the dynamic table afterwards), one connection each.
REQUESTS: Pairs = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
SECOND: Pairs = [*REQUESTS, (b"cache-control", b"no-cache")]
THIRD: Pairs = [
    (b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"), (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
]
DATE, LATER = b"Mon, 21 Oct 2013 20:13:21 GMT", b"Mon, 21 Oct 2013 20:13:22 GMT"
PLACE = b"https://www.example.com"
COOKIE = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
FOUND: Pairs = [(b":status", b"302"), (b"cache-control", b"private"), (b"date", DATE), (b"location", PLACE)]
TEMPORARY: Pairs = [(b":status", b"307"), *FOUND[1:]]
FINE: Pairs = [
    (b":status", b"200"), (b"cache-control", b"private"), (b"date", LATER), (b"location", PLACE),
    (b"content-encoding", b"gzip"), (b"set-cookie", COOKIE),
]
APPENDIX_C = {
    "C.3 requests without Huffman": (4096, [
        ("828684410f7777772e6578616d706c652e636f6d", REQUESTS, 57),
        ("828684be58086e6f2d6361636865", SECOND, 110),
        ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", THIRD, 164),
    ]),
    "C.4 requests with Huffman": (4096, [
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUESTS, 57),
        ("828684be5886a8eb10649cbf", SECOND, 110),
        ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", THIRD, 164),
    ]),
    "C.5 responses without Huffman": (256, [
        ("4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f"
         "2f7777772e6578616d706c652e636f6d", FOUND, 222),
        ("4803333037c1c0bf", TEMPORARY, 222),
        ("88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b4851"
         "4b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31", FINE, 215),
    ]),
    "C.6 responses with Huffman": (256, [
        ("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
         FOUND, 222),
        ("4883640effc1c0bf", TEMPORARY, 222),
        ("88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27"
         "087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007", FINE, 215),
    ]),
}


def pairs_of(block: Block) -> Pairs:
    return [(field.name, field.value) for field in block.fields]


@pytest.mark.parametrize("case", APPENDIX_C)
def test_examples_of_appendix_c(case: str) -> None:
    most, blocks = APPENDIX_C[case]
    decoder = Decoder(True)
    decoder.most = most
    for octets, fields, size in blocks:
        block = decoder.decode(bytes.fromhex(octets))
        assert not block.error
        assert pairs_of(block) == fields
        assert decoder.size == size
        assert block.text_octets == sum(len(name) + len(value) + 4 for name, value in fields)


@pytest.mark.parametrize(("octets", "pair"), [
    ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", (b"custom-key", b"custom-header")),   # C.2.1
    ("040c2f73616d706c652f70617468", (b":path", b"/sample/path")),                                  # C.2.2
    ("100870617373776f726406736563726574", (b"password", b"secret")),                               # C.2.3
    ("82", (b":method", b"GET")),                                                                   # C.2.4
])
def test_single_representations(octets: str, pair: tuple[bytes, bytes]) -> None:
    block = Decoder(True).decode(bytes.fromhex(octets))
    assert pairs_of(block) == [pair]
    assert (block.fields[0].form == NEVER) == octets.startswith("10")


def test_the_static_table() -> None:
    decoder = Decoder(True)
    fields = pairs_of(decoder.decode(bytes(0x80 | index for index in range(1, 62))))
    assert fields == list(STATIC)
    assert (fields[0], fields[60]) == ((b":authority", b""), (b"www-authenticate", b""))


def test_tables_are_those_of_the_library() -> None:
    constants = pytest.importorskip("hpack.huffman_constants")
    table = pytest.importorskip("hpack.table")
    assert tuple(constants.REQUEST_CODES_LENGTH) == LENGTHS
    assert table.HeaderTable.STATIC_TABLE == STATIC


@given(st.binary(max_size=300))
def test_huffman_both_ways(text: bytes) -> None:
    huffman = pytest.importorskip("hpack.huffman")
    constants = pytest.importorskip("hpack.huffman_constants")
    encoder = huffman.HuffmanEncoder(constants.REQUEST_CODES, constants.REQUEST_CODES_LENGTH)
    coded = encoder.encode(text)
    assert decode(b"ab" + coded + b"c", 2, 2 + len(coded)) == text


@given(st.binary(max_size=60))
def test_huffman_agrees_on_what_is_no_code(octets: bytes) -> None:
    table = pytest.importorskip("hpack.huffman_table")
    exceptions = pytest.importorskip("hpack.exceptions")
    try:
        expected: bytes | None = bytes(table.decode_huffman(octets))
    except exceptions.HPACKDecodingError:
        expected = None
    assert decode(octets, 0, len(octets)) == expected


NAMES = st.sampled_from([b":path", b"cookie", b"accept", b"x-a", b"x-b", b"content-type"]) | st.binary(
    min_size=1, max_size=20)
LISTS = st.lists(st.tuples(NAMES, st.binary(max_size=50)), max_size=8)


@given(st.lists(st.tuples(LISTS, st.booleans(), st.none() | st.integers(0, 4096)), max_size=12))
def test_whatever_the_library_encodes(blocks: list[tuple[Pairs, bool, int | None]]) -> None:
    hpack = pytest.importorskip("hpack")
    encoder = hpack.Encoder()
    decoder = Decoder(True)
    for fields, huffman, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        block = decoder.decode(encoder.encode(fields, huffman=huffman))
        assert not block.error
        assert pairs_of(block) == fields


@given(st.lists(LISTS, min_size=2, max_size=12), st.data())
def test_one_who_comes_late_says_nothing_wrong(blocks: list[Pairs], data: st.DataObject) -> None:
    """Every field is right or said to be unknown, and what is added after the loss is known."""
    hpack = pytest.importorskip("hpack")
    encoder = hpack.Encoder()
    missed = data.draw(st.integers(1, len(blocks) - 1))
    decoder = Decoder(False)
    for fields in blocks[:missed]:
        encoder.encode(fields)
    for fields in blocks[missed:]:
        block = decoder.decode(encoder.encode(fields))
        assert not block.error
        assert len(block.fields) == len(fields)
        for field, (name, value) in zip(block.fields, fields, strict=True):
            assert field.name == (name if field.name_known else UNKNOWN)
            assert field.value == (value if field.value_known else UNKNOWN)
        again = decoder.decode(encoder.encode([(b"x-after", b"loss"), (b"x-after", b"loss")]))
        assert [field.value_known for field in again.fields] == [True, True]


@given(st.binary(max_size=200), st.booleans())
def test_any_octets(octets: bytes, whole: bool) -> None:
    decoder = Decoder(whole)
    block = decoder.decode(octets)
    assert (block.error_at >= 0) == bool(block.error)
    assert block.error_at <= len(octets)
    assert decoder.size <= MAX_TABLE_OCTETS


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_what_the_library_accepts_is_read_alike(blocks: list[bytes]) -> None:
    hpack = pytest.importorskip("hpack")
    exceptions = pytest.importorskip("hpack.exceptions")
    other, decoder = hpack.Decoder(), Decoder(True)
    for octets in blocks:
        try:
            expected = other.decode(octets, raw=True)
        except (exceptions.HPACKError, ValueError):
            return
        block = decoder.decode(octets)
        if block.error:      # the library has no limit of 32 bits, and looks at the order of updates alone
            return
        assert pairs_of(block) == [tuple(pair) for pair in expected]


@pytest.mark.parametrize(("octets", "error"), [
    (b"\x80", "index 0"),
    (b"\xff\x80\x80\x80\x80\x80\x80\x80\x01", "an integer beyond 32 bits"),
    (b"\xff\x80", "the block ends within an integer"),
    (b"\x00\x05abc", "a string of 5 octets where 3 are left"),
    (b"\x00\x01a", "the block ends where a string should begin"),
    (b"\xbe", "index 62 is beyond the table, which has 0 entries"),
    (b"\x00\x84\xff\xff\xff\xff\x01a", "a string that is no Huffman code"),
    (b"\x82\x20", "a table size update after a field"),
    (b"\x3f\xe2\x1f", "a table size of 4097 where the receiver allows 4096"),
])
def test_errors(octets: bytes, error: str) -> None:
    assert Decoder(True).decode(octets).error == error


def test_a_bomb_of_references_is_not_kept() -> None:
    """An entry of 4 kB and references of one octet to it."""
    decoder = Decoder(True)
    entry = b"\x40\x01a\x7f\xa1\x1e" + bytes(4_000)
    block = decoder.decode(entry + b"\xbe" * 16_000)
    assert not block.error
    assert len(block.fields) * 4_001 <= MAX_LIST_OCTETS + len(entry) + 16_000
    assert len(block.fields) + block.left_out == 16_001
    assert block.text_octets == 16_001 * (4_001 + 4)
    many = decoder.decode(b"\x82" * (MAX_FIELDS + 5))
    assert (len(many.fields), many.left_out) == (MAX_FIELDS, 5)


def test_a_huge_table_is_bounded() -> None:
    decoder = Decoder(True)
    decoder.limit = 1 << 30
    decoder.decode(b"\x3f\xe1\xff\xff\xff\x03")
    assert decoder.capped
    for number in range(2_000):
        decoder.decode(b"\x40\x04" + number.to_bytes(4, "big") + b"\x7f\xa1\x1e" + bytes(4_000))
    assert decoder.size <= MAX_TABLE_OCTETS
    assert decoder.held() < 100
    assert len(decoder.entries) < 2_000
