"""Bodies: codings and their bounds, and what the beginning says of the whole."""
from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from random import Random

import brotli
import pytest
import zstandard

from dissectors.wire.http import codings
from dissectors.wire.http.body import NO_BODY, BodyReader
from dissectors.wire.http.codings import Decoder
from dissectors.wire.http.graphql import operation_of
from dissectors.wire.http.message import Head

TEXT = b"a text that is packed " * 2_000
RAW = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT), "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT), "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
}


def unpack(names: tuple[str, ...], data: bytes, step: int) -> tuple[bytes, Decoder]:
    decoder = Decoder(names)
    return b"".join([decoder.feed(data[at:at + step]) for at in range(0, len(data), step)]), decoder


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_each_coding_in_any_pieces(name: str, step: int) -> None:
    out, decoder = unpack((name,), PACKED[name], step)
    assert out == TEXT
    assert decoder.finish(True) == ""


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_ends_early_or_is_damaged(name: str) -> None:
    _out, short = unpack((name,), PACKED[name][:-6], 1_000)
    assert "ends in the middle" in short.finish(True)
    _out, short = unpack((name,), PACKED[name][:-6], 1_000)
    assert short.finish(False) == ""
    out, broken = unpack((name,), b"this is not packed at all, whatever the head says", 1_000)
    assert broken.finish(True)
    assert out == b""


def test_two_codings_and_one_that_is_not_known() -> None:
    out, decoder = unpack(("gzip", "br"), brotli.compress(gzip.compress(TEXT)), 100)
    assert out == TEXT
    assert decoder.codings == ("gzip", "br")
    assert "not known" in Decoder(("rot13",)).finish(True)
    assert "MAX_CODINGS" in Decoder(("gzip",) * 9).finish(True)
    assert Decoder(("identity",)).feed(b"as it is") == b"as it is"


def test_deflate_without_its_header_is_a_leniency() -> None:
    out, decoder = unpack(("deflate",), RAW.compress(TEXT) + RAW.flush(), 500)
    assert out == TEXT
    assert "without its zlib header" in decoder.note()


def brotli_quickly(data: bytes) -> bytes:
    packed: bytes = brotli.compress(data, quality=4)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli_quickly, "zstd": zstandard.compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_ends_at_the_cap(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (codings.__file__ or "").endswith(".py"):
        size = codings.MAX_DECODED + 1
    else:
        monkeypatch.setattr(codings, "MAX_DECODED", 1 << 20)
        size = (1 << 20) + 1
    random = Random(5)
    text = b"".join([random.randbytes(64) * 64 for _ in range(size // 4_096 + 1)])[:size]    # grows to 30 times or so
    out, decoder = unpack((name,), PACKERS[name](text), 1_400)
    assert len(out) == size - 1
    assert "MAX_DECODED" in decoder.finish(True)


@pytest.mark.parametrize("name", PACKERS)
def test_what_grows_without_measure_ends_in_proportion(name: str) -> None:
    """Ten octets may stand for megabytes of one octet, and each body of a connection may be such."""
    bomb = PACKERS[name](bytes(8 << 20))
    out, decoder = unpack((name,), bomb, 1_400)
    assert len(out) <= codings.FREE + codings.MAX_GROWTH * len(bomb)
    assert "MAX_GROWTH" in decoder.finish(True)
    plain = bytes(codings.FREE)
    assert unpack((name,), PACKERS[name](plain), 1_400)[0] == plain


def body(type: str, data: bytes, request: bool = False, whole: bool = True, show: bool = False) -> str:
    head = Head("HTTP/1.1", "POST" if request else "", "", "", "/", 0 if request else 200, "",
                ((b"Content-Type", type.encode()),))
    reader = BodyReader(head, show, True)
    for at in range(0, len(data), 1_000):
        reader.feed(data[at:at + 1_000])
    return reader.finish(whole).summary


def test_an_empty_body_is_none() -> None:
    assert BodyReader(Head("HTTP/1.1", "", "", "", "", 200, "", ()), False, True).finish(True) is NO_BODY


@pytest.mark.parametrize(("type", "data", "summary"), [
    ("application/json", b'{"a": 1, "b": [2]}', "a JSON object with a, b"),
    ("application/problem+json", b"[1, 2, 3]", "a JSON array of 3 elements"),
    ("application/json", b"{broken", "no valid JSON"), ("application/json", b"7", "a single JSON value"),
    ("application/json", b"[" * 5_000, "no valid JSON"), ("application/json", b"9" * 6_000, "no valid JSON"),
    ("application/x-www-form-urlencoded", b"a=1&b=2&a=3", "a form with a, b"),
    ("text/plain", b"hello  there\n", "“hello there”"), ("image/png", b"\x89PNG", ""),
    ("multipart/form-data; boundary=X", b'--X\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n'
     b"Content-Type: text/plain\r\n\r\nhi\r\n--X\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\n1\r\n--X--\r\n",
     "2 parts: f (a.txt, text/plain), g"),
    ("multipart/byteranges; boundary=Y", b"--Y\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--Y--",
     "1 part: bytes 0-1/9"),
    ("application/vnd.apple.mpegurl", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\na\n#EXT-X-STREAM-INF:X=1,"
     b"BANDWIDTH=2000000\nb\n", "an HLS playlist that offers the stream in 2 bit rates from 800 kbit/s to 2.00 Mbit/s"),
    ("application/x-mpegurl", b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0,\na\n#EXTINF:4.5,\nb\n#EXT-X-ENDLIST\n",
     "a whole HLS playlist of 2 segments, 10 s in all"),
    ("application/dash+xml", b'<MPD type="dynamic"><Representation bandwidth="500000"/></MPD>',
     "a DASH manifest that offers the stream at 500 kbit/s"),
])
def test_what_a_body_holds(type: str, data: bytes, summary: str) -> None:
    assert body(type, data) == summary


def test_secrets_in_bodies_are_not_shown() -> None:
    assert "hunter2" not in body("text/plain", b"password=hunter2")
    assert "hunter2" in body("text/plain", b"password=hunter2", show=True)
    assert "hunter2" not in body("application/json", b'{"password": "hunter2"}', whole=False)


def test_graphql_is_named_by_its_operation() -> None:
    query = json.dumps({"query": "query Cart($id: ID!) { cart(id: $id) { items } me: user { name } }"}).encode()
    assert body("application/json", query, request=True) == "the GraphQL query Cart (cart, user)"
    assert body("application/json", query) == "a JSON object with query"
    answer = b'{"data": {"cart": null}, "errors": [{"message": "no"}]}'
    assert body("application/json", answer) == "a JSON object like a GraphQL answer, with cart and 1 error"


@pytest.mark.parametrize(("document", "wanted", "expected"), [
    ("{ a b }", "", ("query", "", ["a", "b"])),
    ("mutation M { add(x: {y: 1}) { id } }", "", ("mutation", "M", ["add"])),
    ("query A { a } query B { b }", "B", ("query", "B", ["b"])),
    ("fragment F on T { x } query Q { ...F @skip(if: true) z }", "", ("query", "Q", ["z"])),
    ('# query X {a}\nsubscription S($t: String = "{") { s }', "", ("subscription", "S", ["s"])),
])
def test_operations(document: str, wanted: str, expected: tuple[str, str, list[str]]) -> None:
    found = operation_of(document, wanted)
    assert found is not None
    assert (found.kind, found.name, found.roots) == expected


@pytest.mark.parametrize("document", ["", "hello", "}}}}", '"unclosed', "fragment F on X"])
def test_what_is_no_operation(document: str) -> None:
    assert operation_of(document, "") is None
