"""A field section as HTTP/2 and HTTP/3 understand it: request, response or trailers (RFC 9113 §8, RFC 9114 §4.3)."""
from __future__ import annotations

from typing import Final

from dissectors.wire.hpack.decoder import NEVER, Block
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

_REDACTED: Final = REDACTED.encode()


class FieldSection:
    """version: "HTTP/2" or "HTTP/3".     pairs: all fields in order, pseudo-header fields among
    them, with their secrets.

    unknown: fields that refer to what the capture did not see.
    """

    def __init__(self, block: Block, version: str) -> None:
        pairs: list[tuple[bytes, bytes]] = []
        pseudo: dict[bytes, bytes] = {}
        for field in block.fields:
            pairs.append((field.name, field.value))
            if field.name and field.name[0] == 0x3A and field.name not in pseudo:
                pseudo[field.name] = field.value
        self.version = version
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
            return shown_head(Head(self.version, "", "", "", "", self.status, "", tuple(regular)), show_secrets)
        pseudo = self.pseudo
        method = as_text(pseudo.get(b":method", b""))
        authority = as_text(pseudo.get(b":authority", b"") or self.get(b"host"))
        target = as_text(path) or (authority if method == "CONNECT" else "")
        return shown_head(Head(
            self.version, method or UNKNOWN_METHOD, as_text(pseudo.get(b":scheme", b"")), authority,
            target or UNKNOWN_TARGET, 0, "", tuple(regular),
        ), show_secrets)
