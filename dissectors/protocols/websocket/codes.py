"""Opcodes and close codes of WebSocket (RFC 6455 §5.2, §7.4)."""
from __future__ import annotations

from typing import Final

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

_OPCODES: Final = {
    CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"
}

NO_STATUS: Final = 1005        # said of a Close frame without a code
ABNORMAL: Final = 1006         # said of a connection that ended without a Close frame
TLS_FAILED: Final = 1015

# (name, what it means). RFC 6455 §7.4.1; 1012 to 1014 from the IANA registry of WebSocket close codes.
_CLOSE_CODES: Final = {
    1000: ("normal closure", "the purpose of the connection is fulfilled"),
    1001: ("going away", "this end leaves: a page that is closed, a server that stops"),
    1002: ("protocol error", "the peer broke the rules of WebSocket"),
    1003: ("unsupported data", "the peer sent a kind of data that this end cannot take"),
    1005: ("no status received", "a Close frame without a code"),
    1006: ("abnormal closure", "the connection ended without a Close frame"),
    1007: ("invalid payload", "a message was not what its type says, such as text that is not UTF-8"),
    1008: ("policy violation", "a message broke a rule of this end"),
    1009: ("message too big", "a message was larger than this end accepts"),
    1010: ("mandatory extension", "the server did not agree to an extension that the client needs"),
    1011: ("internal error", "this end met something it could not handle"),
    1012: ("service restart", "the server restarts"),
    1013: ("try again later", "the server is overloaded"),
    1014: ("bad gateway", "a server in between got a bad answer"),
    1015: ("TLS handshake failed", "the connection could not be secured"),
}


def opcode_name(opcode: int) -> str:
    return _OPCODES.get(opcode, f"reserved opcode 0x{opcode:X}")


def is_known(opcode: int) -> bool:
    return opcode in _OPCODES


def close_name(code: int) -> str:
    """The name of a code, or the range that it lies in (RFC 6455 §7.4.2)."""
    if code in _CLOSE_CODES:
        return _CLOSE_CODES[code][0]
    if 3000 <= code < 4000:
        return "a code registered for a library or framework"
    if 4000 <= code < 5000:
        return "a code of the application"
    return "a code that is not defined"


def close_meaning(code: int) -> str:
    """What the sender says with it, "" where only the application knows."""
    return _CLOSE_CODES[code][1] if code in _CLOSE_CODES else ""


def may_be_sent(code: int) -> bool:
    """Whether a Close frame may hold this code: 1005, 1006 and 1015 only exist in what programs are told."""
    if code in (NO_STATUS, ABNORMAL, TLS_FAILED):
        return False
    return code in _CLOSE_CODES or 3000 <= code < 5000
