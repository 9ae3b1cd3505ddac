"""Reading record data field by field, within its bounds."""
from __future__ import annotations

from dissectors.protocols.dns.names import Name, WireError, escape_text, read_name


class Cursor:
    """data[at:end] is what is left. Every method that needs more raises WireError."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def left(self) -> int:
        return self.end - self.at

    def take(self, count: int) -> bytes:
        if self.at + count > self.end:
            raise WireError(self.at, f"{count} octets needed where {self.left()} are left")
        out = self.data[self.at:self.at + count]
        self.at += count
        return out

    def rest(self) -> bytes:
        return self.take(self.left())

    def number(self, octets: int) -> int:
        """An unsigned integer in network byte order."""
        return int.from_bytes(self.take(octets), "big")

    def name(self) -> Name:
        name = read_name(self.data, self.at, self.end)
        self.at = name.end
        return name

    def string(self) -> bytes:
        """A character string: a length octet and that many octets (RFC 1035 §3.3)."""
        return self.take(self.number(1))

    def part(self, count: int) -> Cursor:
        """The next `count` octets as a cursor of their own."""
        start = self.at
        self.take(count)
        return Cursor(self.data, start, start + count)

    def finish(self) -> None:
        """The declared length must be used up exactly."""
        if self.at != self.end:
            raise WireError(self.at, f"{self.left()} octets more than the type has fields for")


def quoted(octets: bytes) -> str:
    return f'"{escape_text(octets)}"'
