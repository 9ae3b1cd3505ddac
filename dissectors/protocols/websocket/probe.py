"""Frames recognised by their form, where the upgrade was not captured or bytes are missing (RFC 6455 §5.2).

A header is two to fourteen octets with few rules, so one alone proves nothing. What counts is a chain of them:
each must begin exactly where the payload before it ends.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, TEXT, may_be_sent
from dissectors.protocols.websocket.frames import Look, look, whole_header

EITHER: Final = -1          # it is not known which side is the client, the one that masks
STRANGER: Final = 3         # points that a conversation must make to be taken for WebSocket
ACQUAINTED: Final = 2       # ... and one that is known to be: where its frames go on
MAX_HELD: Final = 4_096     # octets in which they must be made
TEXT_PROVES: Final = 4      # octets of readable text that count double
_LAYOUT: Final = frozenset(b"\t\n\r")


def probe(data: bytes, direction: int) -> int:
    """For the router: the first bytes of a direction that nobody has recognised."""
    return recognise(data, EITHER, STRANGER)


def recognise(data: bytes, masked: int, enough: int) -> int:
    """YES, NO or MORE. masked: 1 or 0 where it is known whether this side masks, EITHER where it is not."""
    points = 0
    at = 0
    began = False      # a message in fragments
    first = -1
    while at < len(data):
        if not whole_header(data, at):
            return MORE if data[at] & 0x0F in (0, 1, 2, 8, 9, 10) else NO
        seen = look(data, at)
        if seen is None or seen.reserved & 3:
            return NO
        if first < 0:
            first = masked if masked != EITHER else int(seen.masked)
        if int(seen.masked) != first or not _in_order(seen, began):
            return NO
        if seen.end > len(data):
            return MORE if len(data) < MAX_HELD else NO
        made = _points(seen, data)
        if made < 0:
            return NO
        points += made
        if points >= enough or (enough == ACQUAINTED and points and seen.end == len(data)):
            return YES
        if seen.opcode < CLOSE:
            began = not seen.fin
        at = seen.end
    return MORE if len(data) < MAX_HELD else NO


def _in_order(seen: Look, began: bool) -> bool:
    """Fragments and messages follow the rules of RFC 6455 §5.4; only the first of a message may be compressed."""
    if seen.opcode == CONTINUATION:
        return began and not seen.reserved
    return not (seen.reserved if seen.opcode >= CLOSE else began)


def _points(seen: Look, data: bytes) -> int:
    """How much a whole frame speaks for WebSocket; -1 where it speaks against it."""
    octets = seen.octets(data)
    if seen.opcode == CLOSE:
        if len(octets) < 2:
            return 0 if not octets else -1
        return 2 if may_be_sent(octets[0] << 8 | octets[1]) else -1
    if seen.opcode >= PING:
        return 1
    if seen.opcode == TEXT and not seen.reserved and seen.fin:
        if not readable(octets):
            return -1
        return 2 if len(octets) >= TEXT_PROVES else 0
    return 1 if seen.fin and octets and seen.opcode in (TEXT, BINARY) else 0


def readable(octets: bytes) -> bool:
    """UTF-8 without control characters other than those of layout."""
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(octet < 32 and octet not in _LAYOUT for octet in octets)
