"""Questions and answers of one direction of one conversation, matched (RFC 5452 §9.1)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.dns.message import DnsMessage
from dissectors.protocols.dns.outcome import says
from dissectors.wire.dns_codes import IQUERY
from dissectors.wire.dns_types import AXFR, IXFR

MAX_ASKED: Final = 2_048  # queries remembered per direction of a conversation, answered ones included
MAX_ANSWER: Final = 4_096  # octets of an answer that is remembered, to compare another one with it

# How a response relates to what was asked.
MATCH: Final = 0
CONTINUED: Final = 1         # a further message of a zone transfer (RFC 5936 §2.2)
NEVER_ASKED: Final = 2
WRONG_ID: Final = 3          # this question is open, under another id
WRONG_QUESTION: Final = 4    # this id is open, with another question
AGAIN: Final = 5             # answered already, and this says no less
COPIED: Final = 6            # the answer that came already, octet for octet
DIFFERS: Final = 7           # answered already, asked no more often, and this says something else
EARLY: Final = 8             # the question stands behind its answer
OTHER_ADDRESS: Final = 9     # the question went to another address (RFC 5452 §9.1)
TOO_LATE: Final = 10         # the client had given up the question


class Asked:
    """One query message. answers: responses that matched it; first: the first of them, with its time.

    question: as it was sent, without the header; the rest of a message that may be large is not kept.
    first_*: of the first of its series; since_ns: since the one before, -1 for the first.
    """

    def __init__(self, message: DnsMessage, key: bytes, frame: int, time: int, before: Asked | None) -> None:
        self.id: i64 = message.id
        self.qtype: i64 = message.qtype
        self.question = message.question_bytes()
        self.key = key
        self.frame = frame
        self.time = time
        self.answers = 0
        self.first: DnsMessage | None = None
        self.first_answer = -1
        self.early = False      # an answer to it stands before it in the capture
        if before is None:
            self.attempt = 1
            self.since_ns = -1
            self.first_frame = frame
            self.first_time = time
            self.previous_frame = frame
            self.same_id = False
        else:
            self.attempt = before.attempt + 1
            self.since_ns = time - before.time
            self.first_frame = before.first_frame
            self.first_time = before.first_time
            self.previous_frame = before.frame
            self.same_id = before.id == message.id


    def message(self) -> DnsMessage:
        """What was asked, as a message that holds nothing else."""
        count = 1 if self.question else 0
        return DnsMessage(bytes([self.id >> 8, self.id & 0xFF, 0, 0, 0, count, 0, 0, 0, 0, 0, 0]) + self.question)


class Transactions:
    """latest: query of each id and question: a client may ask for two types with one id (RFC 5452 §9.1 lets an answer
    match by both). by_id: the latest of each id, for answers that repeat no question or another one.
    open: the latest of each series without an answer, by its question."""

    def __init__(self) -> None:
        self.latest: dict[tuple[int, bytes], Asked] = {}
        self.by_id: dict[i64, Asked] = {}
        self.open: dict[bytes, Asked] = {}
        self.asked: Asked | None = None   # what the last response matched, or nearly did
        self.overflow = False             # the cap was reached

    def query(self, message: DnsMessage, frame: int, time: int) -> Asked:
        """A question was asked; the same one again, while it is open, is a further attempt."""
        key = message.question_key()
        before = self.open.get(key)
        asked = Asked(message, key, frame, time, before)
        if before is not None:
            del self.open[key]   # so that both tables stay in the order of time
        self._make_room()
        both = (int(message.id), key)
        self.latest.pop(both, None)
        self.latest[both] = asked
        self.by_id.pop(message.id, None)
        self.by_id[message.id] = asked
        self.open[key] = asked
        return asked

    def response(self, message: DnsMessage, time: int) -> int:
        """How the response fits; `asked` is then the query concerned, if any."""
        key = message.question_key()
        asked = self._asked(message, key)
        self.asked = asked
        if asked is None:
            self.asked = self.open.get(key)
            return NEVER_ASKED if self.asked is None else WRONG_ID
        if key != asked.key and key and message.opcode != IQUERY:  # whose answer has the question (RFC 1035 §6.4)
            return WRONG_QUESTION
        asked.answers += 1
        if asked.answers > 1:
            return CONTINUED if asked.qtype in (AXFR, IXFR) else _again(asked, message)
        asked.first_answer = time
        if len(message.data) <= MAX_ANSWER:
            asked.first = message
        # An empty question section is accepted: servers that cannot read a query send none back.
        self.open.pop(asked.key, None)
        return MATCH

    def _asked(self, message: DnsMessage, key: bytes) -> Asked | None:
        """The query of the same id and question; of the same id, where there is none."""
        both = self.latest.get((int(message.id), key))
        asked = both if both is not None else self.by_id.get(message.id)
        if key or asked is None or not asked.answers:
            return asked
        for other in self.open.values():    # it may be the answer to another one with this id
            if other.id == message.id:
                return other
        return asked

    def _make_room(self) -> None:
        """Drop the oldest query where a table is full."""
        if len(self.latest) >= MAX_ASKED:
            del self.latest[next(iter(self.latest))]
            self.overflow = True
        if len(self.by_id) >= MAX_ASKED:
            del self.by_id[next(iter(self.by_id))]
            self.overflow = True
        if len(self.open) >= MAX_ASKED:
            del self.open[next(iter(self.open))]
            self.overflow = True


def _again(asked: Asked, message: DnsMessage) -> int:
    """How a further answer to the same question compares with the first."""
    first = asked.first
    if first is None or asked.answers <= asked.attempt:
        return AGAIN
    if first.data == message.data:
        return COPIED
    return AGAIN if says(first) == says(message) else DIFFERS
