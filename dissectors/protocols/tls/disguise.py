"""Records of TLS without what may name somebody, octet for octet as long (RFC 8446 §4 and §5.1, RFC 5246 §7.4).

Hellos are kept with their server's name replaced; of other records, the header. Certificates are cut.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.stand_ins import StandIns, host_stand_in

CHANGE, ALERT, HANDSHAKE, LAST = 20, 21, 22, 24
CLIENT_HELLO, SERVER_HELLO = 1, 2
SERVER_NAME, TICKET, COOKIE, RESUMED, PADDING = 0, 35, 44, 41, 21
# Extensions whose octets name nobody (IANA, TLS ExtensionType Values): groups, signatures, versions, keys and the like.
KEPT: Final = frozenset((1, 5, 10, 11, 13, 16, 18, 21, 22, 23, 27, 28, 34, 43, 45, 49, 50, 51, 13172, 17513, 65281))
GREASE: Final = 0x0A0A          # RFC 8701 §2: 0x0A0A, 0x1A1A, ...


class _Cut(Exception):
    """What comes is not understood."""


def disguise(payload: bytes, carrier: str, on_port: bool, names: StandIns) -> bytes:
    """The records that begin with the segment, up to the first one of which no more than the header can be kept."""
    if carrier != "tcp":
        return b""
    out = bytearray(payload)
    at = 0
    while at + 5 <= len(payload):
        kind, length = payload[at], int.from_bytes(payload[at + 3:at + 5], "big")
        if not CHANGE <= kind <= LAST or payload[at + 1] != 3 or payload[at + 2] > 4 or length > 1 << 15:
            break
        end = at + 5 + length
        if end > len(payload) or not _kept(out, kind, at + 5, end, names):
            return bytes(out[:at + 5])
        at = end
    return bytes(out[:at])


def _kept(out: bytearray, kind: int, at: int, end: int, names: StandIns) -> bool:
    """Whether all of the record may be kept, as it is now."""
    if kind in (CHANGE, ALERT):
        return end - at <= 2
    if kind != HANDSHAKE or end - at < 4 or out[at] not in (CLIENT_HELLO, SERVER_HELLO):
        return False
    if int.from_bytes(out[at + 1:at + 4], "big") != end - at - 4:       # other messages come with it
        return False
    try:
        _hello(out, at + 4, end, out[at] == CLIENT_HELLO, names)
    except _Cut:
        return False
    return True


def _hello(out: bytearray, at: int, end: int, of_client: bool, names: StandIns) -> None:
    """A hello, from its version on."""
    at = _behind(out, at + 34, 1, end)              # the version and random octets, then the session's number
    at = _behind(out, at, 2, end) if of_client else at + 2
    at = _behind(out, at, 1, end) if of_client else at + 1
    if at == end:
        return
    if _behind(out, at, 2, end) != end:
        raise _Cut
    at += 2
    while at < end:
        behind = _behind(out, at + 2, 2, end)
        _extension(out, at, behind, of_client, names)
        at = behind


def _behind(out: bytearray, at: int, size: int, end: int) -> int:
    """Behind octets whose number stands in front of them, in `size` octets."""
    behind = at + size + int.from_bytes(out[at:at + size], "big")
    if at + size > end or behind > end:
        raise _Cut
    return behind


def _extension(out: bytearray, at: int, end: int, of_client: bool, names: StandIns) -> None:
    kind, start = int.from_bytes(out[at:at + 2], "big"), at + 4
    if kind in KEPT or (kind & 0x0F0F == GREASE and kind >> 8 == kind & 0xFF) or start == end:
        return
    if kind == SERVER_NAME and of_client:
        at = start + 2          # RFC 6066 §3: a list of names
        while at < end:
            behind = _behind(out, at + 1, 2, end)
            out[at + 3:behind] = host_stand_in(bytes(out[at + 3:behind]), names)
            at = behind
    elif kind == TICKET:
        out[start:end] = bytes(end - start)
    elif kind == COOKIE:
        out[start + 2:end] = bytes(max(end - start - 2, 0))
    elif kind == RESUMED and of_client:
        _identities(out, start, end)
    elif kind != RESUMED:
        out[at:at + 2] = PADDING.to_bytes(2, "big")     # RFC 7685 §3: zeros that say nothing
        out[start:end] = bytes(end - start)


def _identities(out: bytearray, at: int, end: int) -> None:
    """RFC 8446 §4.2.11: names of keys, each with its age; then a proof for each."""
    last = _behind(out, at, 2, end)
    at += 2
    while at < last:
        behind = _behind(out, at, 2, last)
        out[at + 2:behind] = bytes(behind - at - 2)
        at = behind + 4
    at = last + 2
    while at < end:
        behind = _behind(out, at, 1, end)
        out[at + 1:behind] = bytes(behind - at - 1)
        at = behind
