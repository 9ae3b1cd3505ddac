"""Frame types, flags, settings and error codes (RFC 9113 §6, §6.5.2, §7)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

PORTS: Final = (80, 443, 8080, 50051)     # of servers; the last one is what gRPC begins with
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"   # RFC 9113 §3.4
PREFACE_OCTETS: Final[i64] = 24
HEADER: Final[i64] = 9                    # octets of a frame header (RFC 9113 §4.1)
DEFAULT_FRAME: Final[i64] = 16_384        # SETTINGS_MAX_FRAME_SIZE until another is given (RFC 9113 §6.5.2)
DEFAULT_WINDOW: Final[i64] = 65_535       # of a stream and of the connection (RFC 9113 §6.9.2)
LARGEST_WINDOW: Final[i64] = (1 << 31) - 1  # RFC 9113 §6.9.1

DATA: Final[i64] = 0
HEADERS: Final[i64] = 1
PRIORITY: Final[i64] = 2
RST_STREAM: Final[i64] = 3
SETTINGS: Final[i64] = 4
PUSH_PROMISE: Final[i64] = 5
PING: Final[i64] = 6
GOAWAY: Final[i64] = 7
WINDOW_UPDATE: Final[i64] = 8
CONTINUATION: Final[i64] = 9
ALTSVC: Final[i64] = 10             # RFC 7838 §4
ORIGIN: Final[i64] = 12             # RFC 8336 §2
PRIORITY_UPDATE: Final[i64] = 16    # RFC 9218 §7.1

FRAME_KINDS: Final = 17            # types that are counted by name; all others are counted as one

TYPE_NAMES: Final = {
    0: "DATA", 1: "HEADERS", 2: "PRIORITY", 3: "RST_STREAM", 4: "SETTINGS", 5: "PUSH_PROMISE", 6: "PING", 7: "GOAWAY",
    8: "WINDOW_UPDATE", 9: "CONTINUATION", 10: "ALTSVC", 12: "ORIGIN", 16: "PRIORITY_UPDATE",
}

END_STREAM: Final[i64] = 0x1
ACK: Final[i64] = 0x1
END_HEADERS: Final[i64] = 0x4
PADDED: Final[i64] = 0x8
PRIORITIZED: Final[i64] = 0x20      # RFC 9113 §6.2 names this flag PRIORITY, like the frame

# Flags that each type defines; others are to be left unset and ignored (RFC 9113 §4.1).
KNOWN_FLAGS: Final[dict[int, int]] = {0: 0x9, 1: 0x2D, 2: 0, 3: 0, 4: 0x1, 5: 0xC, 6: 0x1, 7: 0, 8: 0, 9: 0x4}
_FLAG_NAMES: Final = ((0x4, "END_HEADERS"), (0x8, "PADDED"), (0x20, "PRIORITY"))

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6
ENABLE_CONNECT_PROTOCOL: Final = 8
NO_RFC7540_PRIORITIES: Final = 9

SETTING_NAMES: Final = {
    1: "HEADER_TABLE_SIZE", 2: "ENABLE_PUSH", 3: "MAX_CONCURRENT_STREAMS", 4: "INITIAL_WINDOW_SIZE",
    5: "MAX_FRAME_SIZE", 6: "MAX_HEADER_LIST_SIZE", 8: "ENABLE_CONNECT_PROTOCOL", 9: "NO_RFC7540_PRIORITIES",
}

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
FLOW_CONTROL_ERROR: Final = 3
SETTINGS_TIMEOUT: Final = 4
STREAM_CLOSED: Final = 5
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
CONNECT_ERROR: Final = 10
ENHANCE_YOUR_CALM: Final = 11
INADEQUATE_SECURITY: Final = 12
HTTP_1_1_REQUIRED: Final = 13

ERROR_NAMES: Final = {
    0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 4: "SETTINGS_TIMEOUT",
    5: "STREAM_CLOSED", 6: "FRAME_SIZE_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR",
    10: "CONNECT_ERROR", 11: "ENHANCE_YOUR_CALM", 12: "INADEQUATE_SECURITY", 13: "HTTP_1_1_REQUIRED",
}


def type_name(kind: int) -> str:
    """`HEADERS`, `frame type 0xb`."""
    return TYPE_NAMES.get(kind) or f"frame type 0x{kind:x}"


def error_name(code: int) -> str:
    return ERROR_NAMES.get(code) or f"error 0x{code:x}"


def setting_name(identifier: int) -> str:
    return SETTING_NAMES.get(identifier) or f"setting 0x{identifier:x}"


def flag_names(kind: int, flags: int) -> list[str]:
    """The flags that are set, by name; those that the type does not define as a number."""
    known = KNOWN_FLAGS.get(kind, 0)
    names: list[str] = []
    if flags & known & 1:
        names.append("ACK" if kind in (SETTINGS, PING) else "END_STREAM")
    names += [name for bit, name in _FLAG_NAMES if flags & known & bit]
    if flags & ~known:
        names.append(f"0x{flags & ~known:x}")
    return names
