"""The one cursor: what it gives, what it refuses, and where it says the reading failed."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from dissectors.kit.cursor import Cursor, TooShort, WireError
from dissectors.kit.octets import be16, be24, be32

DATA = bytes(range(1, 9))


def test_fields_one_after_another() -> None:
    cursor = Cursor(DATA)
    assert cursor.number(2) == 0x0102
    assert cursor.take(3) == b"\x03\x04\x05"
    cursor.skip(1)
    assert cursor.left == 2
    assert cursor.rest() == b"\x07\x08"
    assert cursor.left == 0
    assert cursor.rest() == b""
    cursor.done("it")


def test_numbers_up_to_seven_octets_keep_their_size() -> None:
    assert Cursor(b"\xff" * 7).number(7) == (1 << 56) - 1
    assert Cursor(b"\xff" * 4).number(4) == 0xFFFF_FFFF
    assert Cursor(b"").number(0) == 0


@pytest.mark.parametrize("read", [
    lambda cursor: cursor.number(4), lambda cursor: cursor.take(4), lambda cursor: cursor.skip(4),
    lambda cursor: cursor.part(4), lambda cursor: cursor.take(-1),
])
def test_too_short_is_one_exception_with_its_place(read: Callable[[Cursor], object]) -> None:
    cursor = Cursor(DATA, 3, 6)
    with pytest.raises(TooShort) as caught:
        read(cursor)
    assert caught.value.offset == 3
    assert "where 3 are left" in caught.value.reason
    assert cursor.at == 3, "nothing was taken"


@pytest.mark.parametrize("read", [
    lambda cursor: cursor.vector(1, "a name"), lambda cursor: cursor.inner(1, "a name"),
    lambda cursor: cursor.numbers(1, 2, "a name"),
])
def test_a_length_that_reaches_beyond_the_end(read: Callable[[Cursor], object]) -> None:
    with pytest.raises(TooShort, match="a name of 9 octets where 2 are left at byte 1"):
        read(Cursor(b"\x09ab"))


def test_a_vector_within_a_vector_keeps_the_offsets_of_the_message() -> None:
    cursor = Cursor(b"\x00\x04\x01a\x01bxyz")
    inside = cursor.inner(2, "a list")
    assert [inside.vector(1), inside.vector(1)] == [b"a", b"b"]
    assert inside.at == 6
    with pytest.raises(TooShort) as caught:
        inside.number(1)
    assert caught.value.offset == 6, "the bytes behind the vector are not its own"
    assert cursor.rest() == b"xyz"


def test_numbers_of_one_size() -> None:
    assert Cursor(b"\x04\x00\x01\x00\x02").numbers(1, 2, "a list") == [1, 2]
    with pytest.raises(WireError, match="a list of 3 octets, not a multiple of 2"):
        Cursor(b"\x03\x00\x01\x00").numbers(1, 2, "a list")


def test_what_is_left_over_is_not_too_short() -> None:
    cursor = Cursor(DATA, 0, 5)
    cursor.take(3)
    with pytest.raises(WireError, match="2 octets are left over after it at byte 3") as caught:
        cursor.done("it")
    assert not isinstance(caught.value, TooShort)


def test_numbers_at_a_place() -> None:
    assert (be16(DATA, 1), be24(DATA, 1), be32(DATA, 1)) == (0x0203, 0x020304, 0x02030405)
    with pytest.raises(IndexError):
        be32(DATA, 5)
