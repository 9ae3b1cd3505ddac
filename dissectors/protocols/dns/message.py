"""One DNS message (RFC 1035 §4.1): the header at once, the sections when they are asked for.

Making a Message walks every section once to see that the lengths fit; names are put together and record
data is decoded only on demand.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError
from dissectors.kit.event import Evidence, Observed
from dissectors.wire.dns_codes import STATEFUL
from dissectors.wire.dns_types import AAAA, CNAME, NS, OPT, PTR, A
from dissectors.wire.domain_names import REASONS, Name, read_name, skip_name

HEADER: Final = 12  # octets

# Header flags (RFC 1035 §4.1.1; AD and CD: RFC 4035 §3.1.6, §3.2).
QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
RA: Final = 0x0080
Z: Final = 0x0040
AD: Final = 0x0020
CD: Final = 0x0010

ANSWER: Final = 0
AUTHORITY: Final = 1
ADDITIONAL: Final = 2

# Larger TTLs break RFC 2181 §8.
MAX_TTL: Final = 0x7FFF_FFFF


class DnsReceived:
    """One message as it came.

    length: its true size; larger than len(data) where the capture cut it.   frames: that carried it.
    start, end: its bytes in the last of them, or -1.
    """

    def __init__(self, time: int, direction: int, frames: tuple[int, ...], data: bytes, length: int) -> None:
        self.time = time
        self.direction = direction
        self.frames = frames
        self.data = data
        self.length = length
        self.start = -1
        self.end = -1

    def observed(self) -> Observed:
        return Observed(self.time, self.direction, Evidence(self.frames, self.start, self.end))


class Question:
    """name: with the case as it was sent."""

    def __init__(self, name: Name, type_: int, class_: int) -> None:
        self.name = name
        self.type = type_
        self.class_ = class_


class DnsRecord:
    """One resource record, undecoded. data[start:end] of the message is its record data."""

    def __init__(
        self, name: Name, type_: int, class_: int, ttl: int, start: int, end: int, section: int
    ) -> None:
        self.name = name
        self.type = type_
        self.class_ = class_
        self.ttl = ttl          # as it was sent, unsigned
        self.start = start
        self.end = end
        self.section = section


class DnsMessage:
    """A message of at least 12 octets.

    question_end: where the first question ends; 0 where there is none that can be read.
    bad_at, bad_reason: where the walk stopped, -1 and "" where it did not.
    end: of the last record; trailing bytes follow where it is less than len(data).
    walked: records whose lengths fit, in the order of the sections.
    unchecked: some record data has not been seen to be sound.
    edns: offset of the fixed part of the OPT record, behind its name; 0 without EDNS.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.id: i64 = i64(data[0]) << 8 | i64(data[1])
        self.flags: i64 = i64(data[2]) << 8 | i64(data[3])
        self.questions: i64 = i64(data[4]) << 8 | i64(data[5])
        self.answers: i64 = i64(data[6]) << 8 | i64(data[7])
        self.authorities: i64 = i64(data[8]) << 8 | i64(data[9])
        self.additionals: i64 = i64(data[10]) << 8 | i64(data[11])
        self.question_end: i64 = 0
        self.qtype: i64 = 0
        self.qclass: i64 = 0
        self.end: i64 = HEADER
        self.walked: i64 = 0
        self.edns: i64 = 0
        self.unchecked: bool = False
        self.bad_at: i64 = -1
        self.bad_reason: str = ""
        self._records: list[DnsRecord] | None = None
        self._walk()

    # -- header ----------------------------------------------------------------------------------------

    @property
    def response(self) -> bool:
        return self.flags & QR != 0

    @property
    def opcode(self) -> int:
        return int(self.flags >> 11 & 15)

    @property
    def rcode(self) -> int:
        """The four bits of the header."""
        return int(self.flags & 15)

    def full_rcode(self) -> int:
        """With the upper eight bits that EDNS adds (RFC 6891 §6.1.3)."""
        if self.edns:
            return int(i64(self.data[self.edns + 4]) << 4 | self.flags & 15)
        return self.rcode

    # -- the walk --------------------------------------------------------------------------------------

    def _walk(self) -> None:
        data = self.data
        end: i64 = len(data)
        at: i64 = HEADER
        if self.flags >> 11 & 15 == STATEFUL:
            self.end = end  # RFC 8490 §5.4: no sections, TLVs instead
            return
        index: i64 = 0
        while index < self.questions:
            after = skip_name(data, at, end)
            if after < 0 or after + 4 > end:
                self._stop(at, after, "the question section ends beyond the message")
                return
            at = after + 4
            if index == 0:
                self.question_end = at
                self.qtype = i64(data[after]) << 8 | i64(data[after + 1])
                self.qclass = i64(data[after + 2]) << 8 | i64(data[after + 3])
            index += 1
        self.end = at
        total = self.answers + self.authorities + self.additionals
        index = 0
        while index < total:
            after = skip_name(data, at, end)
            if after < 0 or after + 10 > end:
                self._stop(at, after, "a record ends beyond the message")
                return
            length = i64(data[after + 8]) << 8 | i64(data[after + 9])
            if after + 10 + length > end:
                self._stop(after + 8, 0, "record data is longer than what is left of the message")
                return
            type_ = i64(data[after]) << 8 | i64(data[after + 1])
            if type_ == OPT and self.edns == 0:
                self.edns = after
            elif length != 0 and not _plain(data, type_, after + 10, after + 10 + length):
                self.unchecked = True
            at = after + 10 + length
            self.end = at
            index += 1
            self.walked = index

    def _stop(self, at: i64, code: i64, reason: str) -> None:
        self.bad_at = at
        self.bad_reason = REASONS[int(code)] if code < 0 else reason

    # -- the first question ----------------------------------------------------------------------------

    def question_key(self) -> bytes:
        """Name, type and class of the first question, letters in lower case; b"" where there is none.

        A pointer in a question has nothing before it to lead to, so equal bytes are equal names.
        """
        if self.question_end == 0:
            return b""
        return self.data[HEADER:self.question_end - 4].lower() + self.data[self.question_end - 4:self.question_end]

    def question_bytes(self) -> bytes:
        """The first question as it was sent, b"" where there is none."""
        return self.data[HEADER:self.question_end] if self.question_end else b""

    def question(self) -> Question | None:
        """The first question, None where there is none or its name cannot be read."""
        if self.question_end == 0:
            return None
        try:
            name = read_name(self.data, HEADER, len(self.data))
        except WireError:
            return None
        return Question(name, int(self.qtype), int(self.qclass))

    def all_questions(self) -> list[Question]:
        """Every question up to the first that cannot be read."""
        out: list[Question] = []
        at = HEADER
        data = self.data
        for _ in range(int(self.questions)):
            try:
                name = read_name(data, at, len(data))
            except WireError:
                break
            at = name.end
            if at + 4 > len(data):
                break
            out.append(Question(name, data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]))
            at += 4
        return out

    # -- records ---------------------------------------------------------------------------------------

    def records(self) -> list[DnsRecord]:
        """Every record that can be read, in order; decoded once and kept."""
        if self._records is None:
            self._records = self._read_records()
        return self._records

    def section(self, number: int) -> list[DnsRecord]:
        """The records of ANSWER, AUTHORITY or ADDITIONAL."""
        return [record for record in self.records() if record.section == number]

    def _read_records(self) -> list[DnsRecord]:
        out: list[DnsRecord] = []
        data = self.data
        at: i64 = HEADER
        index: i64 = 0
        while index < self.questions and self.walked:
            at = skip_name(data, at, len(data)) + 4
            index += 1
        index = 0
        while index < self.walked:
            name = read_name(data, int(at), len(data))
            after = i64(name.end)
            start = after + 10
            at = start + (i64(data[after + 8]) << 8 | i64(data[after + 9]))
            section = ANSWER
            if index >= self.answers:
                section = AUTHORITY if index < self.answers + self.authorities else ADDITIONAL
            type_ = i64(data[after]) << 8 | i64(data[after + 1])
            class_ = i64(data[after + 2]) << 8 | i64(data[after + 3])
            ttl = (
                i64(data[after + 4]) << 24 | i64(data[after + 5]) << 16 | i64(data[after + 6]) << 8
                | i64(data[after + 7])
            )
            out.append(DnsRecord(name, int(type_), int(class_), int(ttl), int(start), int(at), section))
            index += 1
        return out


def _plain(data: bytes, type_: i64, start: i64, end: i64) -> bool:
    """Whether record data is of one of the frequent simple types, and sound."""
    if type_ == A:
        return end - start == 4
    if type_ == AAAA:
        return end - start == 16
    if type_ in (CNAME, NS, PTR):
        return skip_name(data, start, end) == end
    return False
