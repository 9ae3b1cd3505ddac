"""What a frame header looks like, for the probe and for a stream that has to be picked up in its middle."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import BACKWARD
from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.http2.codes import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME,
    END_HEADERS,
    GOAWAY,
    HEADER,
    HEADERS,
    KNOWN_FLAGS,
    PADDED,
    PING,
    PREFACE,
    PREFACE_OCTETS,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)

MAX_SETTINGS_OCTETS: Final[i64] = 6 * 64    # of a SETTINGS frame by which a stream is recognised
LONGEST_SEARCH: Final[i64] = 4_096          # octets of one chunk in which the next frame header is looked for


def is_header(data: bytes, at: i64) -> bool:
    """A frame of RFC 9113 may begin there: type, flags, length and stream fit together. Nine octets are there."""
    kind = i64(data[at + 3])
    flags = i64(data[at + 4])
    if kind > CONTINUATION or data[at + 5] & 0x80 or flags & ~KNOWN_FLAGS[int(kind)]:
        return False
    length = i64(data[at]) << 16 | i64(data[at + 1]) << 8 | i64(data[at + 2])
    stream = i64(data[at + 5]) << 24 | i64(data[at + 6]) << 16 | i64(data[at + 7]) << 8 | i64(data[at + 8])
    if length > DEFAULT_FRAME:
        return False
    if kind == SETTINGS:
        return stream == 0 and length % 6 == 0 and length <= MAX_SETTINGS_OCTETS and not (flags & ACK and length)
    if kind == PING:
        return stream == 0 and length == 8
    if kind == GOAWAY:
        return stream == 0 and length >= 8
    if kind == WINDOW_UPDATE:
        return length == 4
    if stream == 0:
        return False
    if kind == PRIORITY:
        return length == 5
    if kind == RST_STREAM:
        return length == 4
    least: i64 = (1 if flags & PADDED else 0) + (5 if flags & PRIORITIZED else 0)
    if kind == PUSH_PROMISE:
        least += 5
    elif kind == HEADERS or (kind == CONTINUATION and flags & END_HEADERS):
        least += 1
    return length >= least


def is_plausible(data: bytes, at: i64) -> bool:
    """The header of a frame that is longer than allowed, rather than no header: its type and flags are known."""
    kind = i64(data[at + 3])
    return kind <= CONTINUATION and not data[at + 5] & 0x80 and not i64(data[at + 4]) & ~KNOWN_FLAGS[int(kind)]


def frames_from(data: bytes, at: i64) -> i64:
    """How many frames follow one another there, the last one perhaps only by its header; 0 where one does not fit.

    Negative where all fit and the last one ends exactly with the data.
    """
    size: i64 = len(data)
    count: i64 = 0
    while at < size:
        if size - at < HEADER:
            return count
        if not is_header(data, at):
            return 0
        count += 1
        at += HEADER + (i64(data[at]) << 16 | i64(data[at + 1]) << 8 | i64(data[at + 2]))
    return -count if at == size else count


def find_frame(data: bytes, at: i64) -> i64:
    """Where frames begin again at or behind that place: two at least, or one that ends the data; -1 for nowhere."""
    last: i64 = min(i64(len(data)) - HEADER, at + LONGEST_SEARCH)
    while at <= last:
        if is_header(data, at):
            count = frames_from(data, at)
            if count >= 2 or count < 0:
                return at
        at += 1
    return -1


def probe(data: bytes, direction: int) -> int:
    """The connection preface of a client, or frames in the middle of a connection.

    One frame alone is not enough there, because nine octets look like a frame in other protocols as well; but for the
    SETTINGS of a server, which may come before a word of the client (RFC 9113 §3.4).
    """
    size: i64 = len(data)
    if size < PREFACE_OCTETS and PREFACE.startswith(data):
        return MORE
    if data.startswith(PREFACE):
        return YES
    if size < HEADER:
        return MORE if size < 4 or data[3] <= CONTINUATION else NO
    if not is_header(data, 0):
        return NO
    count = frames_from(data, 0)
    if count == 0:
        return NO
    if count >= 3 or count <= -2:
        return YES
    if direction == BACKWARD and data[3] == SETTINGS and _known_settings(data):
        return YES
    return MORE if data[3] != DATA or count > 1 else NO



def _known_settings(data: bytes) -> bool:
    """The first frame is whole and holds settings, and only such as are known (RFC 9113 §6.5.2)."""
    end = HEADER + (i64(data[1]) << 8 | i64(data[2]))
    if end == HEADER or end > len(data):
        return False
    at = HEADER
    while at < end and data[at] == 0 and 1 <= data[at + 1] <= 9:
        at += 6
    return at >= end
