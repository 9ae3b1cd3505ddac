"""permessage-deflate (RFC 7692): what was agreed, and the inflation of messages within bounds."""
from __future__ import annotations

import zlib
from typing import Final

from dissectors.kit.allowance import ENDLESS, MAX_UNPACKED, Allowance

NAME: Final = "permessage-deflate"
TAIL: Final = b"\x00\x00\xff\xff"          # left out by the sender, put back before inflation (RFC 7692 §7.2.2)
LARGEST_WINDOW: Final = 15                 # bits; whatever was compressed with a smaller window inflates as well
MAX_INFLATED_MESSAGE: Final = 4 << 20      # octets of one message; a bomb ends here
MAX_INFLATED: Final = 64 << 20             # octets of one direction


class WsExtension:
    """One element of Sec-WebSocket-Extensions with its parameters in order (RFC 6455 §9.1)."""

    def __init__(self, name: str, parameters: tuple[tuple[str, str], ...]) -> None:
        self.name = name
        self.parameters = parameters

    def has(self, parameter: str) -> bool:
        return any(name == parameter for name, _value in self.parameters)

    def number(self, parameter: str, default: int) -> int:
        for name, value in self.parameters:
            if name == parameter and value.isascii() and value.isdigit() and len(value) < 4:
                return int(value)
        return default

    def text(self) -> str:
        words = [self.name]
        words += [f"{name}={value}" if value else name for name, value in self.parameters]
        return "; ".join(words)


def extensions_of(value: str) -> list[WsExtension]:
    """The elements of the field, in order."""
    found: list[WsExtension] = []
    for element in value.split(","):
        words = [word.strip() for word in element.split(";")]
        if not words[0]:
            continue
        parameters: list[tuple[str, str]] = []
        for word in words[1:]:
            name, _equals, given = word.partition("=")
            parameters.append((name.strip().lower(), given.strip().strip('"')))
        found.append(WsExtension(words[0].lower(), tuple(parameters)))
    return found


class Agreement:
    """What permessage-deflate means for each side. bits: of its window; keeps: context is taken over."""

    def __init__(self, extension: WsExtension) -> None:
        self.client_keeps = not extension.has("client_no_context_takeover")
        self.server_keeps = not extension.has("server_no_context_takeover")
        self.client_bits = extension.number("client_max_window_bits", LARGEST_WINDOW)
        self.server_bits = extension.number("server_max_window_bits", LARGEST_WINDOW)

    def text(self) -> str:
        """In a few words: `windows of 2^15 and 2^12 bytes, the server starts afresh with every message`."""
        client, server = self.client_bits, self.server_bits
        words = f"windows of {1 << client} bytes" if client == server else (
            f"windows of {1 << client} bytes (client) and {1 << server} bytes (server)"
        )
        afresh = [who for who, keeps in (("client", self.client_keeps), ("server", self.server_keeps)) if not keeps]
        if len(afresh) == 2:
            return f"{words}, every message compressed by itself"
        if afresh:
            return f"{words}, messages of the {afresh[0]} compressed each by itself"
        return f"{words}, each message compressed with what came before it"


class Inflater:
    """The messages of one direction. keeps: a message may refer to those before it.

    whole: everything that it may refer to was seen; a reference to what was not is no fault of the sender.
    stopped: why nothing is inflated any more, "" while all is well.
    """

    def __init__(self, keeps: bool, whole: bool, allowance: Allowance = ENDLESS) -> None:
        self.allowance = allowance
        self.keeps = keeps
        self.whole = whole
        self.engine = zlib.decompressobj(-LARGEST_WINDOW)
        self.octets = 0          # of the message in hand
        self.total = 0
        self.stopped = ""
        self.failed = False      # once: data that should have inflated did not
        self.cap = ""            # the cap that was reached, to be told once
        self.limit = 0
        self.spent = False       # what a whole capture may cost was reached, and told

    def begin(self) -> None:
        """A new message. After a failure it is tried afresh: a reference to what is not there is an error, so what
        inflates is right.
        """
        self.octets = 0
        if (self.stopped and self.total < MAX_INFLATED) or not self.keeps or self.engine.eof:
            self.engine = zlib.decompressobj(-LARGEST_WINDOW)
            if self.total < MAX_INFLATED:
                self.stopped = ""

    def feed(self, data: bytes, last: bool) -> bytes:
        """The next octets of the message, inflated; b"" once it has stopped."""
        if self.stopped:
            return b""
        if last:
            data += TAIL
        allowance = self.allowance
        allowance.fed += len(data)
        left = allowance.room()
        room = min(MAX_INFLATED_MESSAGE - self.octets, MAX_INFLATED - self.total, left)
        try:
            out = self.engine.decompress(data, room + 1)
        except zlib.error:
            self.failed = self.whole
            self.stopped = "its data does not inflate" if self.whole else (
                "it does not inflate by itself: it may refer to messages that the capture does not hold"
            )
            self.whole = not self.keeps
            return b""
        self.octets += len(out)
        self.total += len(out)
        allowance.spent += len(out)
        if len(out) > room == left:
            self.stopped = allowance.problem()
            if not self.spent:
                self.cap, self.limit = "MAX_UNPACKED", MAX_UNPACKED
            self.spent = True
            self.whole = not self.keeps
        elif len(out) > room:
            one = self.octets > MAX_INFLATED_MESSAGE
            self.cap = "MAX_INFLATED_MESSAGE" if one else "MAX_INFLATED"
            self.limit = MAX_INFLATED_MESSAGE if one else MAX_INFLATED
            self.stopped = f"more than {self.limit} bytes come out of it"
            self.whole = not self.keeps
        return out

    def lose(self) -> None:
        """Octets are missing: what follows may refer to them."""
        self.whole = not self.keeps
        if not self.stopped:
            self.stopped = "bytes that it was compressed with are missing from the capture"
