"""Reading the vectors of TLS (RFC 8446 §3.4): a length in front, used up exactly."""
from __future__ import annotations

from mypy_extensions import i64


class BadMessage(Exception):
    """A message that breaks its own structure. offset: where in its body."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"at byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class Reader:
    """A cursor over bytes. Reading beyond `end` raises BadMessage."""

    def __init__(self, data: bytes, at: int = 0, end: int = -1) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = len(data) if end < 0 else end

    @property
    def left(self) -> int:
        return int(self.end - self.at)

    def number(self, octets: int) -> int:
        """An unsigned integer in network order, of 1 to 4 octets."""
        at = self.at
        if octets > self.end - at:
            raise BadMessage(int(at), f"{octets} octets are needed and {self.end - at} are left")
        value: i64 = 0
        for index in range(octets):
            value = value << 8 | i64(self.data[at + index])
        self.at = at + octets
        return int(value)

    def take(self, octets: int, what: str) -> bytes:
        """So many octets."""
        at = self.at
        if octets < 0 or octets > self.end - at:
            raise BadMessage(int(at), f"{what} of {octets} octets where {self.end - at} are left")
        self.at = at + octets
        return self.data[at:at + octets]

    def vector(self, length_octets: int, what: str) -> bytes:
        """Octets with their length in front."""
        return self.take(self.number(length_octets), what)

    def inner(self, length_octets: int, what: str) -> Reader:
        """A reader over a vector, which is passed over here. Offsets stay those of the message."""
        size = self.number(length_octets)
        at = self.at
        if size > self.end - at:
            raise BadMessage(int(at), f"{what} of {size} octets where {self.end - at} are left")
        self.at = at + size
        return Reader(self.data, int(at), int(at + size))

    def numbers(self, length_octets: int, octets: int, what: str) -> list[int]:
        """A vector of numbers of the same size."""
        inside = self.inner(length_octets, what)
        if inside.left % octets:
            raise BadMessage(int(inside.at), f"{what} of {inside.left} octets, not a multiple of {octets}")
        found: list[int] = []
        while inside.left:
            found.append(inside.number(octets))
        return found

    def done(self, what: str) -> None:
        """Raises BadMessage where octets are left over."""
        if self.at < self.end:
            raise BadMessage(int(self.at), f"{self.end - self.at} octets are left over after {what}")
