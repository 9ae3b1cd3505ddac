"""What a record header looks like, for the probe and for a stream that has to be picked up in its middle."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

HEADER: Final[i64] = 5               # type, version, length (RFC 8446 §5.1)
LARGEST: Final[i64] = 18_432         # 2^14 octets and 2048 of protection (RFC 5246 §6.2.3); TLS 1.3 allows 256

# ContentType (RFC 8446 §5.1, RFC 6520 §6).
CHANGE_CIPHER_SPEC: Final[i64] = 20
ALERT: Final[i64] = 21
HANDSHAKE: Final[i64] = 22
APPLICATION_DATA: Final[i64] = 23
HEARTBEAT: Final[i64] = 24

LEAST_PROTECTED: Final[i64] = 16     # octets of an encrypted alert: its tag alone takes 8 to 16
MOST_OF_AN_ALERT: Final[i64] = 96   # and with an IV, a long MAC and padding no more than these
SSL2: Final = 128                    # not a content type: a message in the framing of SSL 2.0
SSL2_HEADER: Final[i64] = 11         # as far as the lengths in a ClientHello (RFC 5246 Appendix E.2)
CLIENT_HELLO_START: Final[i64] = 11  # record header, message header, version


def is_record(data: bytes, at: i64) -> bool:
    """A header may stand there: a known type, SSL 3.0 to TLS 1.3 as its version, a length in bounds."""
    if not 20 <= i64(data[at]) <= 24 or data[at + 1] != 3 or data[at + 2] > 4:
        return False
    length = i64(data[at + 3]) << 8 | i64(data[at + 4])
    return 0 < length <= LARGEST


def begins_client_hello(data: bytes, at: i64) -> bool:
    """A record that begins a ClientHello: the lengths of record and message and both versions agree."""
    if data[at] != 22 or data[at + 1] != 3 or data[at + 2] > 4 or data[at + 5] != 1 or data[at + 6] != 0:
        return False
    length = i64(data[at + 3]) << 8 | i64(data[at + 4])
    message = i64(data[at + 7]) << 8 | i64(data[at + 8])
    return 4 < length <= LARGEST and message + 4 >= length and data[at + 9] == 3 and data[at + 10] <= 4


def may_be_ssl2_hello(data: bytes, at: i64) -> bool:
    """As far as there are octets, an SSL 2.0 ClientHello may begin there."""
    return data[at] & 0x80 != 0 and (len(data) - at < 3 or data[at + 2] == 1)


def is_ssl2_hello(data: bytes, at: i64) -> bool:
    """A ClientHello framed as SSL 2.0 does, for servers that know no later one (RFC 5246 Appendix E.2)."""
    if not may_be_ssl2_hello(data, at):
        return False
    version = i64(data[at + 3]) << 8 | i64(data[at + 4])
    ciphers = i64(data[at + 5]) << 8 | i64(data[at + 6])
    session = i64(data[at + 7]) << 8 | i64(data[at + 8])
    challenge = i64(data[at + 9]) << 8 | i64(data[at + 10])
    length = (i64(data[at]) & 0x7F) << 8 | i64(data[at + 1])
    if version != 2 and not 0x0300 <= version <= 0x0304:
        return False
    return ciphers > 0 and ciphers % 3 == 0 and session in (0, 16) and 16 <= challenge <= 32 \
        and length == 9 + ciphers + session + challenge


def is_ssl2_answer(data: bytes, at: i64) -> bool:
    """A ServerHello or an error of SSL 2.0, as a server sends it that knows no later version."""
    return data[at] & 0x80 != 0 and data[at + 2] in (0, 4)


def find_record(data: bytes) -> i64:
    """The first place where TLS begins in a stream of which nothing is known, -1 for none.

    A header must be followed by a second one, or end with the data, or begin a ClientHello. A heartbeat is too rare to
    begin with.
    """
    size: i64 = len(data)
    place: i64 = data.find(b"\x03", 1)
    while 0 < place <= size - HEADER + 1:
        start = place - 1
        if data[start] <= APPLICATION_DATA and is_record(data, start) and _vouched(data, start):
            return start
        place = data.find(b"\x03", place + 1)
    return -1


def find_next(data: bytes, at: i64, version: i64) -> i64:
    """The first place from there on where a record may begin in a stream that is TLS for sure, -1 for none.

    version: as in the records before, 0 where none was seen. Octets that look like a header by chance are met every
    some 10 MB of encrypted data, and the next header that is none tells.
    """
    size: i64 = len(data)
    place: i64 = data.find(b"\x03", at + 1)
    while 0 < place <= size - HEADER + 1:
        start = place - 1
        kind = i64(data[start])
        if is_record(data, start) and version in (0, 0x0300 | i64(data[place + 1])):
            length = i64(data[place + 2]) << 8 | i64(data[place + 3])
            if kind in (HANDSHAKE, APPLICATION_DATA) or (kind == CHANGE_CIPHER_SPEC and length == 1) \
                    or (kind == ALERT and (length == 2 or LEAST_PROTECTED <= length <= MOST_OF_AN_ALERT)):
                return start
        place = data.find(b"\x03", place + 1)
    return -1


def _vouched(data: bytes, at: i64) -> bool:
    size: i64 = len(data)
    end = at + HEADER + (i64(data[at + 3]) << 8 | i64(data[at + 4]))
    if end == size:
        return True
    if end + HEADER <= size:
        return is_record(data, end)
    return size - at >= CLIENT_HELLO_START and begins_client_hello(data, at)
