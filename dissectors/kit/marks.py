"""What the dissectors of a conversation know to be secret by its position, whatever it looks like.

A password that is the argument of a command, or the content of a message for it, has no name beside it. Whoever reads
the protocol marks its octets. Whatever is said of the conversation afterwards, and the bytes of its frames, are then
shown without them (`dissectors.wire.secrets`).
"""
from __future__ import annotations

import re
from typing import Final

from mypy_extensions import mypyc_attr

MAX_MARKED: Final = 256           # values of one conversation; beyond them none of its payload is shown
MAX_MARKED_OCTETS: Final = 8_192  # of one value that are compared; its position counts in whole

# Around what a text quotes out of raw bytes that were not understood. Noncharacters: no text in Unicode may hold them
# (Unicode 15 §23.7), so nothing that is decoded here means anything by them.
OPENING: Final = "\ufdd0"
CLOSING: Final = "\ufdd1"
LEAST_QUOTED: Final = 4   # characters that may be a secret

# Exceptions whose messages quote attributes, types, names and modules of the program alone.
_NAMES_OURS: Final = (AttributeError, TypeError, NameError, ImportError, NotImplementedError, RecursionError)
_QUOTED: Final = re.compile(r"(['\"])(.{4,})\1", re.DOTALL)


@mypyc_attr(allow_interpreted_subclasses=True)
class Marks:
    """The secrets of one conversation. show: they may be shown all the same, because the user asked for it.

    values: what was marked, each once.    places: (direction, first position in its stream, position behind it), where
    the stream is that of the transport.    full: more was marked than is kept.    joined: those of conversations from
    which the connection came, or in which it goes on.
    """

    def __init__(self, show: bool = False) -> None:
        self.show = show
        self.full = False
        self.values: dict[bytes, None] = {}
        self.places: list[tuple[int, int, int]] = []
        self.joined: list[Marks] = []

    def join(self, other: Marks) -> None:
        """A connection goes on in another conversation: what is secret in one is secret in both."""
        if other is self or other in self.joined:
            return
        self.joined.append(other)
        other.joined.append(self)
        for octets in list(self.values):
            other.mark(octets)
        for octets in list(other.values):
            self.mark(octets)

    def mark(self, octets: bytes, direction: int = -1, position: int = -1) -> None:
        """These octets are a secret. position: where they begin in the transport's stream of that direction."""
        if position >= 0 and octets:
            self.place(direction, position, position + len(octets))
        octets = octets[:MAX_MARKED_OCTETS]
        waiting = [self] if octets else []
        while waiting:      # a connection may have gone on in thousands of conversations, one after the other
            one = waiting.pop()
            if one._is_new(octets):
                waiting += one.joined

    def _is_new(self, octets: bytes) -> bool:
        """Whether it is one that was not marked before, and is kept."""
        if octets in self.values:
            return False
        if len(self.values) >= MAX_MARKED:
            self.full = True
            return False
        self.values[octets] = None
        return True

    def place(self, direction: int, start: int, end: int) -> None:
        """Whatever stands there in the transport's stream is a secret. What adjoins the last place is one with it."""
        if self.places:
            last_direction, last_start, last_end = self.places[-1]
            if last_direction == direction and last_end == start:
                self.places[-1] = (direction, last_start, end)
                return
        if len(self.places) >= MAX_MARKED:
            self.full = True
            return
        self.places.append((direction, start, end))


def quoted(text: str) -> str:
    """A piece of raw bytes, as Python writes a text, for a sentence about what is wrong with them.

    Nobody knows what they are, so they may be a secret, unless there is hardly anything.
    """
    written = repr(text.replace(OPENING, "").replace(CLOSING, ""))
    return f"{written[0]}{_sealed(written[1:-1])}{written[-1]}"


def _sealed(text: str) -> str:
    return text if len(text) < LEAST_QUOTED else f"{OPENING}{text}{CLOSING}"


def unquoted(error: Exception) -> str:
    """The message of an exception: what stands in it from the first to the last quotation mark may be raw bytes.

    Where it can only be a name of ours it stays, for whoever mends the fault.
    """
    message = str(error)
    match = _QUOTED.search(message)
    if match is None or isinstance(error, _NAMES_OURS):
        return message
    return f"{message[:match.start(2)]}{_sealed(match.group(2))}{message[match.end(2):]}"
