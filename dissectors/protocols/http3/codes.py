"""Numbers of HTTP/3: streams, frames, settings (RFC 9114 §6.2, §7.2, §7.2.4.1; RFC 9204 §5)."""
from __future__ import annotations

from typing import Final

# Types of unidirectional streams.
CONTROL: Final = 0x00
PUSH: Final = 0x01
ENCODER: Final = 0x02
DECODER: Final = 0x03
WEBTRANSPORT: Final = 0x54

# Types of frames.
DATA: Final = 0x00
HEADERS: Final = 0x01
CANCEL_PUSH: Final = 0x03
SETTINGS: Final = 0x04
PUSH_PROMISE: Final = 0x05
GOAWAY: Final = 0x07
MAX_PUSH_ID: Final = 0x0D
PRIORITY_UPDATES: Final = (0xF0700, 0xF0701)      # of a request, of a push (RFC 9218 §7.2)
FRAMES: Final[dict[int, str]] = {
    DATA: "DATA", HEADERS: "HEADERS", CANCEL_PUSH: "CANCEL_PUSH", SETTINGS: "SETTINGS", PUSH_PROMISE: "PUSH_PROMISE",
    GOAWAY: "GOAWAY", MAX_PUSH_ID: "MAX_PUSH_ID", **dict.fromkeys(PRIORITY_UPDATES, "PRIORITY_UPDATE"),
}
RESERVED_EVERY, RESERVED_FIRST = 31, 2     # 0x1f * N + 0x21 (RFC 9114 §7.2.8)

TABLE_CAPACITY: Final = 0x01               # SETTINGS_QPACK_MAX_TABLE_CAPACITY
BLOCKED_STREAMS: Final = 0x07
SETTING_NAMES: Final[dict[int, str]] = {
    TABLE_CAPACITY: "QPACK table of", 0x06: "field sections up to", BLOCKED_STREAMS: "blocked streams up to",
    0x08: "extended CONNECT", 0x33: "datagrams",
}
ON_OFF: Final = (0x08, 0x33)


def frame_name(number: int) -> str:
    if number in FRAMES:
        return FRAMES[number]
    reserved = number % RESERVED_EVERY == RESERVED_FIRST and number >= 0x21
    return f"reserved frame 0x{number:x}" if reserved else f"frame 0x{number:x}"


def setting_text(number: int, value: int) -> str:
    """`QPACK table of 4096`; "" for one that is reserved or not known."""
    name = SETTING_NAMES.get(number, "")
    if number in ON_OFF:
        return name if value else ""
    return f"{name} {value}" if name else ""
