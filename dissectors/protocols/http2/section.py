"""A header block as HTTP understands it: a request, a response or trailers (RFC 9113 §8)."""
from __future__ import annotations

from typing import Final

from dissectors.wire.hpack.decoder import NEVER, UNKNOWN, Block
from dissectors.wire.http.message import (
    NO_STATUS,
    UNKNOWN_METHOD,
    UNKNOWN_TARGET,
    Head,
    Pairs,
    as_text,
    number_of,
    shown_head,
)
from dissectors.wire.secrets.named import REDACTED

VERSION: Final = "HTTP/2"
_REDACTED: Final = REDACTED.encode()

REQUEST_PSEUDO: Final = (b":method", b":scheme", b":authority", b":path", b":protocol")   # RFC 9113 §8.3.1, RFC 8441 §4
RESPONSE_PSEUDO: Final = (b":status",)                                                    # RFC 9113 §8.3.2
# Fields that belong to one connection of HTTP/1.1 and make a message malformed here (RFC 9113 §8.2.2).
CONNECTION_FIELDS: Final = frozenset((
    b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade",
))
MAX_NOTES: Final = 4     # rules that one block breaks and that are told


class H2Section:
    """pairs: all fields in order, pseudo-header fields among them, with their secrets.

    unknown: fields that refer to what the capture did not see.
    """

    def __init__(self, block: Block) -> None:
        pairs: list[tuple[bytes, bytes]] = []
        pseudo: dict[bytes, bytes] = {}
        for field in block.fields:
            pairs.append((field.name, field.value))
            if field.name and field.name[0] == 0x3A and field.name not in pseudo:
                pseudo[field.name] = field.value
        self.block = block
        self.pairs: Pairs = tuple(pairs)
        self.pseudo = pseudo
        self.unknown = int(block.unknown)

    @property
    def says_request(self) -> bool:
        return b":method" in self.pseudo or b":path" in self.pseudo

    @property
    def says_response(self) -> bool:
        return b":status" in self.pseudo

    @property
    def status(self) -> int:
        """NO_STATUS where it is not known."""
        found = number_of(self.pseudo.get(b":status", b""))
        return found if found > 0 else NO_STATUS

    def get(self, name: bytes) -> bytes:
        """The first value of that name, b"" where there is none."""
        for key, value in self.pairs:
            if key == name:
                return value
        return b""

    def head(self, request: bool, show_secrets: bool) -> Head:
        """As it may be shown."""
        regular: list[tuple[bytes, bytes]] = []
        path = self.pseudo.get(b":path", b"")
        for field in self.block.fields:
            hidden = field.form == NEVER and not show_secrets
            if field.name and field.name[0] == 0x3A:
                if hidden and field.name == b":path":
                    path = _REDACTED
                continue
            regular.append((field.name, _REDACTED if hidden and field.value else field.value))
        if not request:
            return shown_head(Head(VERSION, "", "", "", "", self.status, "", tuple(regular)), show_secrets)
        pseudo = self.pseudo
        method = as_text(pseudo.get(b":method", b""))
        authority = as_text(pseudo.get(b":authority", b"") or self.get(b"host"))
        target = as_text(path) or (authority if method == "CONNECT" else "")
        return shown_head(Head(
            VERSION, method or UNKNOWN_METHOD, as_text(pseudo.get(b":scheme", b"")), authority,
            target or UNKNOWN_TARGET, 0, "", tuple(regular),
        ), show_secrets)

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
                f"{self.unknown} of its fields refer to entries of the compression table that were set before the "
                "capture could see them." if self.unknown > 1 else
                "One of its fields refers to an entry of the compression table that was set before the capture "
                "could see it."
            )
        if self.block.left_out:
            found.append(f"{self.block.left_out} more fields are not kept.")
        return tuple(found)
