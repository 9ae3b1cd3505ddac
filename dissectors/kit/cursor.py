"""Reading a PDU field by field, within its bounds.

There is one kind of "too short": an exception. A reader then says what it expects, and one place says what is told
where it is not so; a flag would have to be asked after every field. Raising costs nothing where nothing is wrong.
"""
from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


class WireError(Exception):
    """Bytes that cannot be what they should be: what is told as Malformed. offset: where in the PDU, from 0.

    A dissector catches it where it knows how to go on. One that leaves it is told by the router.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"{reason} at byte {offset}")
        self.offset = offset
        self.reason = reason


class TooShort(WireError):
    """Fewer bytes than a length or a format wants."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Cursor:
    """data[at:end] is what is left. Every method that needs more of it raises TooShort.

    Offsets are those in `data`, so a part of a message is read by a cursor over the whole of it.
    what: the name of what is read, for the reason.
    """

    def __init__(self, data: bytes, at: int = 0, end: int = -1) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = len(data) if end < 0 else end

    @property
    def left(self) -> int:
        return int(self.end - self.at)

    def number(self, octets: int) -> int:
        """An unsigned integer in network byte order, of 1 to 7 octets."""
        at = self.at
        if octets > self.end - at:
            raise TooShort(int(at), f"{octets} octets needed where {self.end - at} are left")
        value: i64 = 0
        for index in range(octets):
            value = value << 8 | i64(self.data[at + index])
        self.at = at + octets
        return int(value)

    def take(self, octets: int, what: str = "") -> bytes:
        """So many octets."""
        at = self.at
        self.skip(octets, what)
        return self.data[at:self.at]

    def skip(self, octets: int, what: str = "") -> None:
        """Past so many octets."""
        left = self.end - self.at
        if octets < 0 or octets > left:
            need = f"{what} of {octets} octets" if what else f"{octets} octets needed"
            raise TooShort(int(self.at), f"{need} where {left} are left")
        self.at += octets

    def rest(self) -> bytes:
        """All that is left."""
        at = self.at
        self.at = self.end
        return self.data[at:self.end]

    def part(self, octets: int, what: str = "") -> Cursor:
        """A cursor over the next octets, which are passed over here."""
        at = self.at
        self.skip(octets, what)
        return Cursor(self.data, int(at), int(self.at))

    # -- with a length in front --------------------------------------------------------------------------

    def vector(self, length_octets: int, what: str = "") -> bytes:
        """Octets with their length in front."""
        return self.take(self.number(length_octets), what)

    def inner(self, length_octets: int, what: str = "") -> Cursor:
        """A cursor over a vector, which is passed over here."""
        return self.part(self.number(length_octets), what)

    def numbers(self, length_octets: int, octets: int, what: str) -> list[int]:
        """A vector of numbers of the same size."""
        inside = self.inner(length_octets, what)
        if inside.left % octets:
            raise WireError(int(inside.at), f"{what} of {inside.left} octets, not a multiple of {octets}")
        found: list[int] = []
        while inside.left:
            found.append(inside.number(octets))
        return found

    def done(self, what: str) -> None:
        """A declared length must be used up exactly; WireError where octets are left over."""
        if self.at < self.end:
            raise WireError(int(self.at), f"{self.end - self.at} octets are left over after {what}")
