"""The connections of a capture by their connection IDs, whatever addresses their packets go between (RFC 9000 §5.2)."""
from __future__ import annotations

from typing import Final

MAX_INDEXED: Final = 65_536    # connection IDs of all connections that are looked for between other addresses
PROOF: Final = 8               # octets of a connection ID that nobody hits by chance; a first one has so many (§7.2)


class IdIndex:
    """By destination connection ID: (serial of the connection, direction of the packets that bear it).

    lengths: of those, the longest first.     full: more were issued than are kept; told: somebody has said so.
    """

    def __init__(self) -> None:
        self.ids: dict[bytes, tuple[int, int]] = {}
        self.lengths: list[int] = []
        self.serials = 0
        self.full = self.told = False

    def add(self, dcid: bytes, serial: int, direction: int) -> None:
        if not dcid or dcid in self.ids:
            return
        if len(self.ids) >= MAX_INDEXED:
            self.full = True
            return
        self.ids[dcid] = serial, direction
        if len(dcid) not in self.lengths:
            self.lengths = sorted([*self.lengths, len(dcid)], reverse=True)

    def forget(self, dcid: bytes, serial: int) -> None:
        found = self.ids.get(dcid)
        if found is not None and found[0] == serial:
            del self.ids[dcid]

    def short(self, data: bytes, at: int, direction: int) -> list[tuple[int, int]]:
        """(serial, octets of the ID) for each ID that a short header at data[at] may bear, the longest first."""
        found: list[tuple[int, int]] = []
        for length in self.lengths:
            known = self.ids.get(data[at + 1:at + 1 + length])
            if known is not None and known[1] == direction:
                found.append((known[0], length))
        return found
