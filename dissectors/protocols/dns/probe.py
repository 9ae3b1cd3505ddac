"""Whether bytes are DNS. Strict, because the answer decides on any port."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.dns.message import HEADER, QR, DnsMessage, Z
from dissectors.wire.dns_codes import IQUERY, OPCODES, QUERY, UPDATE
from dissectors.wire.dns_types import ANY_CLASS, CH, HS, IN, NONE_CLASS, OPT
from dissectors.wire.domain_names import MAX_NAME

MAX_QUESTIONS: Final = 64   # mDNS asks several at once; a number beyond this is taken for something else
MAX_DAMAGED_QUESTIONS: Final = 4     # of a message that cannot be read; more of them, or
MAX_DAMAGED_RECORDS: Final = 255     # of records in a section, are more likely no DNS
SMALLEST: Final = 17        # header, the root's name, type and class
NETBIOS_LABEL: Final = 32   # octets, all between A and P (RFC 1001 §14.1)
NETBIOS_DAMAGED: Final = 4  # of them that may be others, in a message that is damaged
CACHE_FLUSH: Final = 0x8000  # the same bit asks for a unicast answer in a question (RFC 6762 §5.4, §10.2)


def probe(data: bytes, direction: int) -> int:
    """A DNS message by itself, as in a datagram, or after its length, as in a stream."""
    if is_message(data):
        return YES
    return probe_stream(data)


def probe_header(data: bytes, direction: int) -> int:
    """A sound header, whatever follows it: a message that is damaged, or cut by the capture."""
    if len(data) < HEADER or not _header(data) or i64(data[3]) & Z:
        return NO
    counts = [i64(data[at]) << 8 | i64(data[at + 1]) for at in range(4, HEADER, 2)]
    if not any(counts) or counts[0] > MAX_DAMAGED_QUESTIONS:
        return NO
    return YES if max(counts) <= MAX_DAMAGED_RECORDS else NO


def is_message(data: bytes) -> bool:
    """A header with sound values and a first question that can be read; or none, and records that can."""
    size: i64 = len(data)
    if size < HEADER or not _header(data):
        return False
    if i64(data[4]) << 8 | i64(data[5]) > MAX_QUESTIONS:
        return False
    message = DnsMessage(data)
    if message.flags & Z and (message.bad_at >= 0 or message.end != size):
        return False  # the bit must be zero (RFC 1035 §4.1.1), but some set it; then all the rest must fit
    if _netbios(data, message):
        return False
    return _question(message) if message.questions else _no_question(message)


def _header(data: bytes) -> bool:
    """The opcode is one in use, and a query has no response code (RFC 1035 §4.1.1)."""
    flags = i64(data[2]) << 8 | i64(data[3])
    return int(flags >> 11 & 15) in OPCODES and (flags & QR != 0 or flags & 0x000F == 0)


def _question(message: DnsMessage) -> bool:
    return message.question_end > 0 and message.qtype > 0 and _class(int(message.qclass))


def _netbios(data: bytes, message: DnsMessage) -> bool:
    """NetBIOS name service: the same format, with names of 32 letters between A and P."""
    if message.questions + message.walked == 0 or len(data) <= HEADER or data[HEADER] != NETBIOS_LABEL:
        return False
    letters = [octet for octet in data[HEADER + 1:HEADER + 1 + NETBIOS_LABEL] if 0x41 <= octet <= 0x50]
    return len(letters) >= NETBIOS_LABEL - NETBIOS_DAMAGED


def _no_question(message: DnsMessage) -> bool:
    """Announcements of mDNS, later parts of a zone transfer, bare errors, inverse queries."""
    total = message.answers + message.authorities + message.additionals
    if total == 0:
        # A bare error is the header alone; a rcode keeps twelve near-zero octets from passing for one.
        return message.response and message.rcode != 0 and len(message.data) == HEADER
    if message.opcode not in (QUERY, IQUERY, UPDATE) or message.walked == 0:
        return False
    if message.bad_at >= 0 and message.walked < 2:
        return False
    # The class of an OPT record is a size (RFC 6891 §6.1.2).
    return all(record.type and (record.type == OPT or _class(record.class_)) for record in message.records())


def _class(number: int) -> bool:
    return number & ~CACHE_FLUSH in (IN, CH, HS, NONE_CLASS, ANY_CLASS)


def probe_stream(data: bytes) -> int:
    """The beginning of a stream of messages, each after its length (RFC 1035 §4.2.2)."""
    size: i64 = len(data)
    if size < 2:
        return MORE
    length = i64(data[0]) << 8 | i64(data[1])
    if length < HEADER:
        return NO
    if size >= 8:
        if i64(data[6]) << 8 | i64(data[7]) > MAX_QUESTIONS or not _header(data[2:6]):
            return NO
    elif size >= 6 and not _header(data[2:6]):
        return NO
    if size >= 2 + length:
        return YES if is_message(data[2:2 + length]) else NO
    if size >= 2 + HEADER + MAX_NAME + 4:
        return YES if is_message(data[2:]) else NO
    if size >= 2 + SMALLEST and is_message(data[2:]):
        return YES
    return MORE
