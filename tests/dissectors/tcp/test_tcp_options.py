from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.protocols.tcp.options import brief, explain, parse

LINUX_SYN = bytes.fromhex("020405b40402080a0000007b0000000001030307")


def test_the_options_of_a_syn() -> None:
    found = parse(LINUX_SYN)
    assert (found.mss, found.scale, found.sack_permitted, found.ts_value, found.ts_echo) == (1460, 7, True, 123, 0)
    assert brief(found) == ["MSS 1460", "scale ×128", "SACK", "timestamps"]
    assert found.malformed == ""


def test_sack_blocks_are_raw_numbers() -> None:
    found = parse(bytes.fromhex("0101050a000003e8000007d0"))
    assert found.sack == [(1000, 2000)]


@pytest.mark.parametrize(("raw", "words"), [
    ("1c048005", "user timeout 300 s"),             # five minutes, in units of one
    ("1c04001e", "user timeout 30 s"),
    ("1e0c0081", "MPTCP MP_CAPABLE"),
    ("2202", "Fast Open cookie wanted"),
    ("220a0102030405060708", "Fast Open cookie of 8 bytes"),
    ("fe04f989", "Fast Open cookie wanted"),        # the experimental number before kind 34
    ("1312" + "00" * 16, "MD5 signature"),
    ("c802", "option 200"),
])
def test_each_option_has_words(raw: str, words: str) -> None:
    data = bytes.fromhex(raw)
    if data[0] == 0x1E:
        data += bytes(12 - len(data))
    assert brief(parse(data)) == [words]


def test_an_unknown_option_is_explained_by_its_number() -> None:
    assert explain(parse(bytes.fromhex("c802")), "the client") == [
        "Option 200: IANA's table has no name for this number."
    ]


@pytest.mark.parametrize(("raw", "reason"), [
    ("02", "option kind 2 at byte 0 has no length"),
    ("0200", "option kind 2 at byte 0 claims 0 bytes of 2"),
    ("010208aa", "option kind 2 at byte 1 claims 8 bytes of 3"),
])
def test_a_length_that_lies_ends_the_walk(raw: str, reason: str) -> None:
    found = parse(bytes.fromhex(raw))
    assert found.malformed == reason
    assert "malformed options" in brief(found)


def test_what_follows_the_end_of_options_is_padding() -> None:
    assert parse(bytes.fromhex("0002040578")).kinds == []


@given(st.binary(max_size=60))
def test_any_bytes_give_options_and_words(raw: bytes) -> None:
    found = parse(raw)
    assert len(found.kinds) <= 40
    assert all(isinstance(word, str) and word for word in brief(found))
    assert all(sentence.endswith(".") for sentence in explain(found, "the client"))
    assert found.data()["kinds"] == found.kinds
