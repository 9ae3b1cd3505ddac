"""A header block of HTTP/2, and the rules of that version that it may break (RFC 9113 §8)."""
from __future__ import annotations

from typing import Final

from dissectors.wire.hpack.decoder import UNKNOWN, Block
from dissectors.wire.http.message import as_text
from dissectors.wire.http.section import FieldSection

VERSION: Final = "HTTP/2"

REQUEST_PSEUDO: Final = (b":method", b":scheme", b":authority", b":path", b":protocol")   # RFC 9113 §8.3.1, RFC 8441 §4
RESPONSE_PSEUDO: Final = (b":status",)                                                    # RFC 9113 §8.3.2
# Fields that belong to one connection of HTTP/1.1 and make a message malformed here (RFC 9113 §8.2.2).
CONNECTION_FIELDS: Final = frozenset((
    b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade",
))
MAX_NOTES: Final = 4     # rules that one block breaks and that are told


class H2Section(FieldSection):
    """A block of HTTP/2."""

    def __init__(self, block: Block) -> None:
        super().__init__(block, VERSION)

    def faults(self, request: bool, trailers: bool) -> list[str]:
        """Rules that the block breaks, each as a sentence."""
        found: list[str] = []
        regular = False
        seen: set[bytes] = set()
        allowed = () if trailers else REQUEST_PSEUDO if request else RESPONSE_PSEUDO
        for name, value in self.pairs:
            if len(found) >= MAX_NOTES:
                break
            if name and name[0] == 0x3A:
                shown = as_text(name[:40])
                if name not in allowed:
                    found.append(f"The pseudo-header field {shown} does not belong here (RFC 9113 §8.3).")
                elif regular:
                    found.append(f"{shown} comes after a regular field, which is malformed (RFC 9113 §8.3).")
                elif name in seen:
                    found.append(f"{shown} comes twice, which is malformed (RFC 9113 §8.3).")
                seen.add(name)
                continue
            if name == UNKNOWN:      # whether it is a pseudo-header field is not known either
                continue
            regular = True
            if name in CONNECTION_FIELDS or (name == b"te" and value.strip().lower() != b"trailers"):
                found.append(f"The field {as_text(name)} has no place in HTTP/2 (RFC 9113 §8.2.2).")
            elif name != name.lower():
                found.append(f"The field name {as_text(name[:40])} is not in lower case (RFC 9113 §8.2.1).")
        return found

    def notes(self, request: bool, trailers: bool) -> tuple[str, ...]:
        """Rules that the block breaks, and what of it is not known, each as a sentence."""
        found = self.faults(request, trailers)
        if self.unknown:
            found.append(
                f"{self.unknown} of its fields refer to entries of the compression table that were set before what "
                "was read." if self.unknown > 1 else
                "One of its fields refers to an entry of the compression table that was set before what was "
                "read."
            )
        if self.block.left_out:
            found.append(f"{self.block.left_out} more fields are not kept.")
        return tuple(found)
