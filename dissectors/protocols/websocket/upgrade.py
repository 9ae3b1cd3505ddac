"""The opening handshake: what the client asked for and what the server agreed to (RFC 6455 §4, RFC 8441 §5)."""
from __future__ import annotations

from base64 import b64encode
from binascii import Error, a2b_base64
from typing import Final

from dissectors.kit.inputs import Fields
from dissectors.protocols.websocket.deflate import NAME, Agreement, WsExtension, extensions_of
from dissectors.wire.secrets.fields import shown_authority, shown_protocols
from dissectors.wire.secrets.text import without_secrets

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"   # RFC 6455 §1.3
KEY_OCTETS: Final = 16                                  # RFC 6455 §4.1
VERSION: Final = "13"
MAX_VALUE: Final = 2_000                                # characters of one field that are kept

KEPT: Final = (b"sec-websocket-protocol", b"sec-websocket-extensions")


def accept_of(key: bytes) -> str:
    """What a server that understood makes of the client's key (RFC 6455 §4.2.2)."""
    from hashlib import sha1

    return b64encode(sha1(key + GUID).digest()).decode("ascii")


class WsUpgradeSide:
    """The fields of one of the two messages that matter here. A list may be spread over several fields."""

    def __init__(self, fields: Fields) -> None:
        self.frame = fields.frame
        self.time = fields.time
        self.direction = fields.direction
        self.values: dict[bytes, bytes] = {}
        for name, value in fields.pairs:
            kept = self.values.get(name, b"")
            if not kept:
                self.values[name] = value[:MAX_VALUE]
            elif name in KEPT and len(kept) < MAX_VALUE:
                self.values[name] = kept + b", " + value[:MAX_VALUE]

    def text(self, name: bytes) -> str:
        return self.values.get(name, b"").decode("utf-8", "replace").strip()

    def listed(self, name: bytes) -> list[str]:
        return [word for word in [part.strip() for part in self.text(name).split(",")] if word]


class Upgrade:
    """Both sides put together. Either may be missing from the capture."""

    def __init__(self, request: WsUpgradeSide | None, response: WsUpgradeSide | None, show_secrets: bool) -> None:
        self.request_seen = request is not None
        self.response_seen = response is not None
        offered: list[str] = []
        self.path = self.authority = self.origin = self.version = self.key = self.accept = self.status = ""
        self.offered: list[str] = []
        self.secrets: list[str] = []      # among what was offered
        self.wanted: list[WsExtension] = []
        self.over_http2 = False
        if request is not None:
            path = request.text(b":path")
            self.path = path if show_secrets else without_secrets(path)
            authority = request.text(b":authority") or request.text(b"host")
            self.authority = authority if show_secrets else shown_authority(authority)
            self.origin = request.text(b"origin")
            self.version = request.text(b"sec-websocket-version")
            self.key = request.text(b"sec-websocket-key")
            offered = request.listed(b"sec-websocket-protocol")
            shown = shown_protocols(offered)
            self.offered = offered if show_secrets else shown
            self.secrets = [one for one, other in zip(offered, shown, strict=True) if one != other]
            self.wanted = extensions_of(request.text(b"sec-websocket-extensions"))
            self.over_http2 = request.text(b":protocol") == "websocket"     # RFC 8441 §4
        self.chosen = ""
        self.agreed: list[WsExtension] = []
        if response is not None:
            self.status = response.text(b":status")
            self.accept = response.text(b"sec-websocket-accept")
            chosen = response.text(b"sec-websocket-protocol")
            self.chosen = chosen if show_secrets or not chosen else _shown_choice(chosen, offered, self.offered)
            self.agreed = extensions_of(response.text(b"sec-websocket-extensions"))
        self.expected = accept_of(self.key.encode("utf-8")) if self.key else ""

    def verifiable(self) -> bool:
        """HTTP/2 has no key and no answer to it: the method CONNECT cannot be mistaken (RFC 8441 §5)."""
        return self.request_seen and self.response_seen and not self.over_http2

    def accepted(self) -> bool:
        return self.verifiable() and bool(self.expected) and self.accept == self.expected

    def deflate(self) -> Agreement | None:
        for extension in self.agreed:
            if extension.name == NAME:
                return Agreement(extension)
        return None

    def faults(self) -> list[tuple[bool, str]]:
        """(whether the client is to blame, what breaks the rules), beside a wrong answer to the key."""
        found: list[tuple[bool, str]] = []
        if self.request_seen and not self.over_http2:
            if self.version != VERSION:
                said = f"is {self.version}" if self.version else "is missing"
                found.append((True, f"Sec-WebSocket-Version {said}; it must be {VERSION}"))
            if not self.key:
                found.append((True, "the request has no Sec-WebSocket-Key"))
            elif _octets(self.key) != KEY_OCTETS:
                found.append((True, f"Sec-WebSocket-Key is not {KEY_OCTETS} bytes in base64"))
        if self.request_seen and self.response_seen:
            if self.chosen and self.chosen not in self.offered:
                found.append((False, f"it chose the subprotocol {self.chosen}, which the client did not offer"))
            wanted = [extension.name for extension in self.wanted]
            found += [
                (False, f"it agreed to the extension {extension.name}, which the client did not offer")
                for extension in self.agreed if extension.name not in wanted
            ]
        return found


def _shown_choice(chosen: str, offered: list[str], shown: list[str]) -> str:
    """The subprotocol that the server chose, as it is shown among those that were offered."""
    return shown[offered.index(chosen)] if chosen in offered else shown_protocols([chosen])[0]


def _octets(key: str) -> int:
    """The length of what is in base64, -1 where it is not."""
    try:
        return len(a2b_base64(key.encode("ascii"), strict_mode=True))
    except (Error, UnicodeEncodeError):
        return -1
