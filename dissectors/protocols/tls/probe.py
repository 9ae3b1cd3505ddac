"""Whether bytes are TLS: the look of the first record, or of a ClientHello that comes after something else."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.tls.header import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER,
    LEAST_PROTECTED,
    SSL2_HEADER,
    find_record,
    is_record,
    is_ssl2_hello,
)

OPENVPN_RESETS: Final = (1, 2, 7, 8, 10)  # hard resets of a client and a server, in the versions of the protocol
OPENVPN_LEAST: Final[i64] = 14           # opcode, session, acknowledgments, packet number


def probe(data: bytes, direction: int) -> int:
    """Records of SSL 3.0 to TLS 1.3, or an SSL 2.0 ClientHello.

    A connection that the capture met in its middle begins anywhere, and one that went through a proxy or began in
    plain text has other octets first: then records are looked for in all that there is, and a stream in which there
    are none yet is never refused for good.
    """
    size: i64 = len(data)
    if not size:
        return MORE
    if size >= HEADER and is_record(data, 0):
        return _first(data)
    if size >= SSL2_HEADER and is_ssl2_hello(data, 0):
        return YES
    if is_openvpn(data):
        return NO
    return YES if find_record(data) >= 0 else MORE


def _first(data: bytes) -> int:
    """The first record by its header; types other than the two common ones by their lengths too."""
    kind = i64(data[0])
    length = i64(data[3]) << 8 | i64(data[4])
    if kind == CHANGE_CIPHER_SPEC:
        return YES if length == 1 else NO
    if kind == ALERT:
        return YES if length == 2 or length >= LEAST_PROTECTED else NO
    return YES if kind in (HANDSHAKE, APPLICATION_DATA) else NO   # a heartbeat never comes first


def is_openvpn(data: bytes) -> bool:
    """OpenVPN over TCP: a length, then the opcode of a first control packet. It cuts TLS into packets of its own."""
    return len(data) > 2 and data[0] < 8 and i64(data[2]) >> 3 in OPENVPN_RESETS and data[2] & 7 == 0 \
        and i64(data[0]) << 8 | i64(data[1]) >= OPENVPN_LEAST
