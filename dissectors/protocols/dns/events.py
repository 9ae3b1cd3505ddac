"""Events of DNS over UDP and TCP. Texts and record data are made when they are asked for."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.account import CERTAIN, DOING, LIKELY, Claim
from dissectors.kit.account import LOOKUP as LOOKING_UP
from dissectors.kit.event import BASE, CORE, SUMMED, Event, Evidence, JsonValue, Observed
from dissectors.kit.identity import Identity
from dissectors.kit.inputs import Close
from dissectors.kit.observation import OBSERVED_ENDED, Absence, Observation, what_ended
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.dns.describe import flag_names, label, query_text, question_text, response_text
from dissectors.protocols.dns.identity import named_in
from dissectors.protocols.dns.message import ADDITIONAL, ANSWER, AUTHORITY, MAX_TTL, QR, DnsMessage, DnsReceived
from dissectors.protocols.dns.outcome import DnsOutcome, outcome_json, outcome_of
from dissectors.protocols.dns.rdata import record_json
from dissectors.protocols.dns.transactions import (
    AGAIN,
    COPIED,
    DIFFERS,
    EARLY,
    NEVER_ASKED,
    OTHER_ADDRESS,
    TOO_LATE,
    WRONG_ID,
    WRONG_QUESTION,
    Asked,
)
from dissectors.wire.dns_codes import QUERY, opcode_name, rcode_name
from dissectors.wire.dns_types import OPT, class_name, type_name

LOOKUP: Final = "lookup"
MAX_RECORDS: Final = 1_000  # of one message, as data in `fields()`

_SECTIONS: Final = ((ANSWER, "answer"), (AUTHORITY, "authority"), (ADDITIONAL, "additional"))


class MessageEvent(Event):
    """One message. length: its true size; larger than len(message.data) where the capture cut it."""

    phase: ClassVar[str] = LOOKUP
    llmnr: ClassVar[bool] = False  # two of the flags have another meaning there

    def __init__(self, received: DnsReceived, message: DnsMessage, earlier: int) -> None:
        """earlier: a frame that the event rests on too, where it came before those of the message; 0 for none."""
        frames = received.frames
        if 0 < earlier < frames[0]:
            frames = (earlier, *frames)
        super().__init__(received.time, received.direction, Evidence(frames, received.start, received.end))
        self.message = message
        self.length = received.length

    def detail(self) -> str:
        message = self.message
        words = [f"id 0x{message.id:04x}", *flag_names(message, self.llmnr)]
        if message.edns:
            data, at = message.data, int(message.edns)
            words.append(f"EDNS, up to {data[at + 2] << 8 | data[at + 3]} bytes")  # RFC 6891 §6.1.2
            if data[at + 6] & 0x80:
                words.append("DO")  # RFC 3225 §3
            for record in message.section(ADDITIONAL):
                text = record_json(message, record)["rdata"] if record.start == at + 10 else ""
                if text:
                    words.append(str(text))
        words.append(size(self.length))
        return ", ".join(words)

    def cut(self) -> str:
        """What the capture does not hold, as a further sentence."""
        if self.length > len(self.message.data):
            return f" The capture holds only {len(self.message.data)} of its {size(self.length)}."
        return ""

    def fields(self) -> dict[str, JsonValue]:
        message = self.message
        flags: list[JsonValue] = []
        flags.extend(flag_names(message, self.llmnr))
        questions: list[JsonValue] = []
        for question in message.all_questions()[:MAX_RECORDS]:
            questions.append({
                "name": question.name.text(), "type": type_name(question.type), "class": class_name(question.class_)
            })
        out: dict[str, JsonValue] = {
            "id": int(message.id), "response": message.response, "opcode": opcode_name(message.opcode),
            "rcode": rcode_name(message.full_rcode()), "flags": flags, "length": self.length, "question": questions,
        }
        left_out = 0
        for number, name in _SECTIONS:
            records = message.section(number)
            left_out += max(len(records) - MAX_RECORDS, 0)
            shown: list[JsonValue] = []
            shown.extend([record_json(message, record) for record in records[:MAX_RECORDS]])
            out[name] = shown
        if left_out:
            out["records_left_out"] = left_out
        if message.bad_at < 0 and message.end < len(message.data):
            out["trailing_bytes"] = len(message.data) - int(message.end)
        return out

    def identifies(self) -> list[Identity]:
        return named_in(self.fields())

    def frame_record(self) -> dict[str, JsonValue] | None:
        """The name is written as Wireshark writes it; `fields()` has it in presentation format."""
        message = self.message
        out: dict[str, JsonValue] = {"id": int(message.id), "response": message.flags & QR != 0}
        out["rcode"] = message.rcode
        question = message.question()
        if question is not None:
            out["qname"] = question.name.display()
            out["qtype"] = question.type
        out["answers"] = int(message.answers)
        return out


class Query(MessageEvent):
    """A question. attempt: from 1; since_ns: since the attempt before, -1 for the first; first_frame: of the first.

    early: an answer to it that stands before it in the capture.
    """

    name: ClassVar[str] = "dns.query"
    normally: ClassVar[str] = SUMMED
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 1034 §3.7.1"
    WHY: ClassVar[str] = (
        "Programs know names, packets need addresses. A client sends the name, the type of data it wants and a "
        "number of its choice; the answer repeats all three, so that the client can tell what it answers."
    )
    multicast: ClassVar[bool] = False

    def __init__(self, received: DnsReceived, message: DnsMessage, asked: Asked) -> None:
        super().__init__(received, message, asked.previous_frame)
        self.asked = asked
        self.early: Mismatch | None = None
        self.attempt = asked.attempt
        self.since_ns = asked.since_ns
        self.first_frame = asked.first_frame
        self.same_id = asked.same_id

    def label(self) -> str:
        return label(self.message, None)

    def what(self) -> str:
        return f"{query_text(self.message, self.multicast)}.{self.cut()}"

    def fields(self) -> dict[str, JsonValue]:
        out = super().fields()
        out["attempt"] = self.attempt
        if self.since_ns >= 0:
            out["since_previous_ns"] = self.since_ns
            out["first_frame"] = self.first_frame
            out["same_id"] = self.same_id
        return out


class DnsRetry(Query):
    """The same question once more, while no answer to it was seen."""

    name: ClassVar[str] = "dns.retry"
    normally: ClassVar[str] = ""
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1035 §4.2.1"
    WHY: ClassVar[str] = (
        "UDP does not say when a datagram is lost. A client that hears nothing can only wait and ask again, "
        "so one lost packet costs a whole timeout, often seconds."
    )

    def label(self) -> str:
        return f"{label(self.message, None)} again"

    def what(self) -> str:
        number = "the same id" if self.same_id else "a new id"
        return (
            f"{query_text(self.message, self.multicast)}. This is attempt {self.attempt}, with {number}, "
            f"{duration(self.since_ns)} after the one before: no answer was seen until now.{self.cut()}"
        )


class DnsResponse(MessageEvent):
    """An answer. asked_frame: of the query, 0 where none was seen; response_ns: since it; total_ns: since the first
    attempt (both -1 where unknown); attempts: how often the question was asked. part: above 0 for a further
    message of a zone transfer.
    """

    name: ClassVar[str] = "dns.response"
    normally: ClassVar[str] = SUMMED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1034 §3.7"
    WHY: ClassVar[str] = (
        "The answer repeats the question and adds records in three sections: what was asked for, who has authority "
        "over it, and what may help. Each record carries a time to live, for which everyone on the way may keep it."
    )

    def __init__(
        self, received: DnsReceived, message: DnsMessage, asked: Asked | None, *, continued: bool = False
    ) -> None:
        super().__init__(received, message, asked.frame if asked is not None else 0)
        self.asked = asked
        self.asked_frame = 0
        self.response_ns = -1
        self.total_ns = -1
        self.attempts = 0
        if asked is not None:
            self.asked_frame = asked.frame
            self.response_ns = received.time - asked.time if asked.time >= 0 else -1     # a frame without a time
            self.total_ns = received.time - asked.first_time if asked.first_time >= 0 else -1
            self.attempts = asked.attempt
        self.continued = continued
        self._outcome: DnsOutcome | None = None

    def claims(self) -> list[Claim]:
        asked = self.asked
        if asked is None or asked.first_time < 0:
            return []
        frames = (asked.first_frame, *self.evidence.frames[-1:])
        return [Claim(asked.first_time, self.time, LOOKING_UP, DOING, frames, CERTAIN, "a question up to its answer")]

    def outcome(self) -> DnsOutcome:
        if self._outcome is None:
            self._outcome = outcome_of(self.message)
        return self._outcome

    def label(self) -> str:
        return label(self.message, self.outcome())

    def text(self) -> str:
        """Without its final dot."""
        if self.continued:
            return f"The zone transfer goes on: {plural(int(self.message.answers), 'record')} more"
        return response_text(self.message, self.outcome())

    def what(self) -> str:
        text = self.text()
        if self.response_ns >= 0 and not self.continued:
            text += f"; answered in {duration(self.response_ns)}"
            if self.attempts > 1:
                text += f", {duration(self.total_ns)} after the first of {self.attempts} attempts"
        return f"{text}.{self.cut()}"

    def fields(self) -> dict[str, JsonValue]:
        out = super().fields()
        if self.message.opcode == QUERY:
            out["outcome"] = outcome_json(self.outcome())
        if self.asked_frame:
            out["query_frame"] = self.asked_frame
            out["attempts"] = self.attempts
        if self.response_ns >= 0:
            out["response_time_ns"] = self.response_ns
            out["since_first_attempt_ns"] = self.total_ns
        high = [record for record in self.message.records() if record.ttl > MAX_TTL and record.type != OPT]
        if high:  # RFC 2181 §8
            out["ttl_above_limit"] = len(high)
        return out


class Mismatch(DnsResponse):
    """A response that answers no question as it was asked. fit: how it relates to what was asked.

    observed: what was observed of its conversation, where a stream carries it; of datagrams nobody can know whether
    one is missing.     refers: what it nearly answers, in words.
    instead: the address that was asked, where it came from another one.    since: its question was given up, in ns.
    """

    name: ClassVar[str] = "dns.mismatch"
    normally: ClassVar[str] = ""
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5452 §9.1"
    WHY: ClassVar[str] = (
        "A client must only accept an answer with the addresses, ports, id and question of its own query; the id and "
        "the port are hard to guess so that a forger has to. Harmless reasons exist too: a capture that starts late "
        "or loses packets, a duplicated packet, a server that answers twice."
    )

    def __init__(
        self, received: DnsReceived, message: DnsMessage, asked: Asked | None, fit: int,
        observed: Observation | None = None,
    ) -> None:
        """asked: the query that it nearly answers."""
        super().__init__(received, message, asked)
        self.response_ns = -1
        self.total_ns = -1
        self.attempts = 0
        self.first = asked.first if asked is not None else None
        self.again = asked.attempt if asked is not None else 0
        self.observed = observed
        self.refers = ""
        self.instead = ""
        self.since = -1
        self._fit = fit
        self._open = asked is not None and asked.answers == 0

    @property
    def fit(self) -> int:
        """A question behind it that has an answer of its own is not its question."""
        if self._fit == EARLY and (self.asked is None or self.asked.answers):
            return NEVER_ASKED
        return self._fit

    @property
    def whole(self) -> bool:
        """Nothing that the asker sent before it can be missing."""
        return self.observed is not None and self.observed.absence(1 - self.direction, -1, self.time).proven

    @property
    def unanswered(self) -> bool:
        """The question that it nearly answers never had an answer of its own."""
        return self._open and self.asked is not None and self.asked.answers == 0

    def before(self, asked: Asked) -> None:
        """Its question came behind it."""
        asked.early = True
        self._fit, self.asked = EARLY, asked

    def belongs(self, fit: int, asked: Asked, refers: str) -> None:
        """It answers a question of another conversation, or one that was given up."""
        self._fit, self.asked, self.refers = fit, asked, refers

    def said_before(self) -> str:
        """What the first answer says, "" where that is not kept."""
        return response_text(self.first, outcome_of(self.first)) if self.first is not None else ""

    @property
    def reason(self) -> str:
        """Why it answers nothing, as a sentence."""
        return _reason(self)

    def label(self) -> str:
        return "stray answer"

    def what(self) -> str:
        return f"{self.reason} It says: {self.text()}.{self.cut()}"

    def fields(self) -> dict[str, JsonValue]:
        out = super().fields()
        out["reason"] = self.reason
        return out


def _reason(event: Mismatch) -> str:
    fit, asked = event.fit, event.asked
    if asked is None or fit == NEVER_ASKED:
        if event.whole:
            return "No question for this answer was asked in this conversation, which is there from its beginning."
        return (
            "No question for this answer was seen in this conversation: the capture may have started after it or lost "
            "it, or the answer may be forged."
        )
    after = duration(abs(event.time - asked.time))
    return {
        EARLY: f"Its question stands {after} behind it, in frame {asked.frame}: the capture has the two directions in "
        "another order than they were sent.",
        OTHER_ADDRESS: f"It answers the {event.refers}, {after} after it and with its id 0x{asked.id:04x} and port: a "
        "client may not accept an answer from another address than it asked.",
        TOO_LATE: f"It answers the {event.refers}, {after} after it was asked.",
        WRONG_ID: f"This question is open under the id 0x{asked.id:04x} (frame {asked.frame}), but the answer has "
        f"0x{event.message.id:04x}: a late answer to an older query, or an attempt to guess the id.",
        WRONG_QUESTION: f"The id is that of the query in frame {asked.frame}, but the answer repeats another question "
        "than that query asked: an attempt to forge an answer looks like this.",
        COPIED: f"The query in frame {asked.frame} was answered already; this is the same answer octet for octet, "
        f"{after} after the query: the packet came twice, or the server answered twice.",
        AGAIN: f"The query in frame {asked.frame} was answered already; this comes {after} after it and says the same."
        if event.again < 2 else f"The question was sent {event.again} times and answered already; this comes {after} "
        f"after the query in frame {asked.frame} and is most likely the answer to another attempt.",
        DIFFERS: f"The query in frame {asked.frame} was answered already; this comes {after} after it and says "
        "something else, so it is no copy. The client keeps whichever came first.",
    }[fit]


class DnsUnanswered(Event):
    """A question that no answer was seen to. waited_ns: from the first attempt until `how` ended the watch.

    ended_by: the side that ended the conversation first, NEITHER where that is not known.
    observed: what was observed of its conversation.
    """

    name: ClassVar[str] = "dns.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = LOOKUP
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1035 §4.2.1"
    WHY: ClassVar[str] = (
        "Nothing tells a client why an answer is missing: the query or the answer was lost, a firewall drops them, "
        "the server is down or ignores the question, or the capture does not hold the answer."
    )

    def __init__(self, asked: Asked, direction: int, close: Close, ended_by: int, observed: Observation) -> None:
        """direction: of the asker.   close: what ended the watch."""
        frames = (asked.frame,) if asked.first_frame == asked.frame else (asked.first_frame, asked.frame)
        super().__init__(close.time, direction, Evidence(frames))
        self.asked = asked
        self.ended_by = ended_by
        self.observed = observed
        self.message = asked.message()
        self.attempts = asked.attempt
        self.waited_ns = close.until - asked.first_time if asked.first_time >= 0 else 0
        self.how = close.how

    def label(self) -> str:
        return "unanswered"

    def what(self) -> str:
        over = self.how in OBSERVED_ENDED
        end = f"{what_ended(self.how)} ended" if over else "the conversation ended"
        readable = self.message.question() is not None
        about = f"the question for {question_text(self.message)}" if readable else "the query"
        text = f"No answer was seen to {about}"
        if self.attempts > 1:
            text += f", asked {self.attempts} times"
        text = f"{text}; {end} {duration(self.waited_ns)} after it was first asked"
        absence = self.absence
        missed = not absence.proven and not over    # which the sentence says already
        return f"{text}, but {absence.why}." if missed else f"{text}."

    def claims(self) -> list[Claim]:
        asked = self.asked
        if asked.first_time < 0:
            return []
        frames = self.evidence.frames
        return [Claim(asked.first_time, self.time, LOOKING_UP, DOING, frames, LIKELY, "a question that had no answer")]

    @property
    def absence(self) -> Absence:
        """That no answer came. Known when all was read: holes are found at the end."""
        return self.observed.absence(1 - self.direction, self.asked.first_time, self.time)

    def identifies(self) -> list[Identity]:
        question = self.message.question()
        return named_in({"name": question.name.text()}) if question is not None else []

    def fields(self) -> dict[str, JsonValue]:
        question = self.message.question()
        out: dict[str, JsonValue] = {
            "id": int(self.message.id), "attempts": self.attempts, "waited_ns": self.waited_ns, "end": self.how
        }
        if question is not None:
            out["name"] = question.name.text()
            out["type"] = type_name(question.type)
        return out


class DnsIncomplete(Event):
    """Bytes of a TCP stream that could not be told as messages. missing: octets that the capture does not hold."""

    name: ClassVar[str] = "dns.incomplete"
    phase: ClassVar[str] = LOOKUP
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1035 §4.2.2"
    WHY: ClassVar[str] = (
        "Over TCP each message is preceded by its length in two octets. Where bytes are missing, the next message "
        "can be found by counting while the loss lies within one message, and only by its looks where it does not."
    )

    def __init__(self, observed: Observed, held: int, missing: int, reason: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.held = held
        self.missing = missing
        self.reason = reason

    def label(self) -> str:
        return "incomplete"

    def what(self) -> str:
        text = f"{self.reason}: {size(self.held)} cannot be told as messages"
        return text + (f", {size(self.missing)} are missing." if self.missing else ".")

    def fields(self) -> dict[str, JsonValue]:
        return {"held": self.held, "missing": self.missing, "reason": self.reason}
