"""Status codes and deadlines of gRPC (gRPC over HTTP2; gRPC status codes)."""
from __future__ import annotations

from typing import Final

OK: Final = 0
CANCELLED: Final = 1
UNKNOWN: Final = 2
DEADLINE_EXCEEDED: Final = 4
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14

_STATUS: Final = (
    ("OK", "the call succeeded"),
    ("CANCELLED", "somebody, mostly the client, gave the call up"),
    ("UNKNOWN", "an error without a better name: an exception in the program, or a status from elsewhere"),
    ("INVALID_ARGUMENT", "the arguments are wrong whatever the state of the server"),
    ("DEADLINE_EXCEEDED", "the time that the client allowed was over; the work may have been done all the same"),
    ("NOT_FOUND", "something that was asked for does not exist"),
    ("ALREADY_EXISTS", "something that was to be made exists"),
    ("PERMISSION_DENIED", "the caller is known and may not do this"),
    ("RESOURCE_EXHAUSTED", "a quota, a size or a memory is used up"),
    ("FAILED_PRECONDITION", "the state does not allow it; repeating the call will not help before that is mended"),
    ("ABORTED", "it collided with something else, such as another transaction; the whole may be tried again"),
    ("OUT_OF_RANGE", "it goes beyond the end of what there is"),
    ("UNIMPLEMENTED", "the server does not know this method"),
    ("INTERNAL", "a rule that both sides rely on was broken"),
    ("UNAVAILABLE", "the service cannot be used now; the call may be tried again"),
    ("DATA_LOSS", "data are lost or damaged beyond repair"),
    ("UNAUTHENTICATED", "the caller did not prove who it is"),
)

_UNITS: Final = {
    "H": 3_600_000_000_000, "M": 60_000_000_000, "S": 1_000_000_000, "m": 1_000_000, "u": 1_000, "n": 1,
}
LONGEST_TIMEOUT: Final = 8     # digits


def status_name(code: int) -> str:
    return _STATUS[code][0] if 0 <= code < len(_STATUS) else f"status {code}"


def status_meaning(code: int) -> str:
    """What it says, "" for a code that is not defined."""
    return _STATUS[code][1] if 0 <= code < len(_STATUS) else ""


def from_http(status: int) -> int:
    """The code that a client makes of a response of HTTP without a status of gRPC (gRPC, HTTP to status mapping)."""
    if status == 400:
        return INTERNAL
    if status == 401:
        return 16
    if status == 403:
        return 7
    if status == 404:
        return UNIMPLEMENTED
    return UNAVAILABLE if status in (429, 502, 503, 504) else UNKNOWN


def timeout_ns(value: bytes) -> int:
    """The value of grpc-timeout in nanoseconds, -1 where it is none: up to eight digits and a unit."""
    unit = _UNITS.get(value[-1:].decode("latin-1"), 0)
    digits = value[:-1]
    if not unit or not digits.isdigit() or len(digits) > LONGEST_TIMEOUT:
        return -1
    return int(digits) * unit


def number_of(value: bytes) -> int:
    """A short decimal number, -1 where it is none."""
    return int(value) if value.isdigit() and len(value) < 6 else -1


def unescaped(value: bytes) -> str:
    """The text of grpc-message: percent-encoded UTF-8, and whatever else senders put there."""
    out = bytearray()
    at = 0
    while at < len(value):
        pair = value[at + 1:at + 3]
        if value[at] == 0x25 and len(pair) == 2 and _is_hex(pair):
            out.append(int(pair, 16))
            at += 3
        else:
            out.append(value[at])
            at += 1
    return out.decode("utf-8", "replace")


def _is_hex(pair: bytes) -> bool:
    return all(octet in b"0123456789abcdefABCDEF" for octet in pair)
