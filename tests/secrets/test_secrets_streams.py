"""A stream is read as far as it bears on what is shown of it, and what is shown hides the same as if all were read."""
from __future__ import annotations

from random import Random

import pytest
from test_secrets_decision import HARMLESS, HOSTILE, SECRET

from analyzer.report.octets import AHEAD, _as_far_as, _hide_repeated, _secret_in
from dissectors.kit.marks import Marks
from dissectors.wire.secrets.placed import base64_runs

PLAIN = ("the stream of a host ", "\r\n", "ABCDEFGH", "70 61 ", "\0\xff", '{"a":1,', "}", "&amp;", "%20", "=", '"')


def hidden(data: bytes, shown: int) -> set[int]:
    return {at for start, end in _secret_in(data, Marks()) for at in range(start, min(end, shown))}


def stream(rng: Random) -> bytes:
    pieces: list[str] = []
    while sum(map(len, pieces)) < 20_000:
        pieces.append(rng.choice(rng.choice((PLAIN, PLAIN, PLAIN, PLAIN, SECRET, HARMLESS, HOSTILE))))
        pieces.append(rng.choice(PLAIN) * rng.choice((1, 1, 1, 1, 1, 1, 1, 300)))
    return "".join(pieces).encode("latin-1", "replace")


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_read_hides_nothing_of_what_is_shown(seed: int) -> None:
    data = stream(Random(seed))
    for shown in (1, 700, 1_448):
        assert hidden(data, shown) <= hidden(_as_far_as(data, shown + AHEAD), shown)


def test_the_end_of_a_long_stream_is_not_read() -> None:
    data = b"the stream of a host " * 10_000
    assert len(_as_far_as(data, 1_448 + AHEAD)) < 10_000
    for whole in (b"A" * 200_000, b"70 61 " * 40_000, b"curl -u joe:hunter " + data):     # nothing ends, or it says so
        assert _as_far_as(whole, 1_448 + AHEAD) == whole


@pytest.mark.parametrize("size", [16, 17, 31, 40])
@pytest.mark.parametrize("at", range(9))
def test_what_is_hidden_once_is_hidden_wherever_it_lies(size: int, at: int) -> None:
    stretch = bytes(range(65, 65 + size))
    found = {1: [(3, 3 + size)]}
    _hide_repeated({1: (b"-->" + stretch, 0), 2: (b"." * at + stretch + b".", 0), 3: (b"." + stretch[:-1], 0)}, found)
    assert found[2] == [(at, at + size)]
    assert 3 not in found


@pytest.mark.parametrize("ahead", range(30))
def test_base64_is_found_wherever_it_begins(ahead: int) -> None:
    digits = "cGFzc3dvcmQ9aHVudGVyMjIy"
    text = "." * ahead + digits + "." + digits[:-1] + "." + digits * 2
    assert [(start, end) for start, end, _inside in base64_runs(text)] == [
        (ahead, ahead + 24), (ahead + 49, ahead + 97),
    ]
