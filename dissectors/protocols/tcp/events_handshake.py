"""Events of the beginning of a TCP connection."""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64

from dissectors.kit.event import BASE, CORE, EXTRA, OPENING, SUMMED, JsonValue, Vantage
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED, what_ended
from dissectors.kit.units import duration, plural, size, span
from dissectors.protocols.tcp.events import HANDSHAKE, LIKELY, TcpEvent, TcpObserved, capital, frame_list, seen_in
from dissectors.protocols.tcp.flags import ACK, CWR, ECE
from dissectors.protocols.tcp.options import TcpOptions, brief, explain
from dissectors.protocols.tcp.segment import Segment

# The ninth control bit, once NS, now AE of accurate ECN.
AE: Final[i64] = 256


class Attempt:
    """Which sending of the same it is: number counts from 1; since_ns: since the one before, -1 for the first;
    backoff: the wait about doubled; answered: the one before had an answer, though not the right one."""

    def __init__(self, number: int, since_ns: int, *, backoff: bool, answered: bool = False) -> None:
        self.number = number
        self.since_ns = since_ns
        self.backoff = backoff
        self.answered = answered


class SynAnswer:
    """How a SYN-ACK answers the SYN. rtt_ns: since the SYN, -1 where the SYN was sent more than once or not seen.

    refused: offers of the SYN that the answer does not take up. crossed: this side had sent a SYN of its own.
    expected: the number that it should acknowledge where it acknowledges another one, -1 where it does not matter.
    after_third_ns: since the first ACK of a SYN-ACK like this one, -1 where there was none before.
    """

    def __init__(self, rtt_ns: int, refused: list[str], *, expected: int, crossed: bool, after_third_ns: int) -> None:
        self.rtt_ns = rtt_ns
        self.refused = refused
        self.expected = expected
        self.crossed = crossed
        self.after_third_ns = after_third_ns


class HandshakeTimes:
    """answer_ns: from the SYN to the SYN-ACK; ack_ns: from there to the third segment; total_ns: both. -1 where
    unknown."""

    def __init__(self, answer_ns: int, ack_ns: int, total_ns: int) -> None:
        self.answer_ns = answer_ns
        self.ack_ns = ack_ns
        self.total_ns = total_ns


def ecn_offer(flags: i64) -> str:
    """What the flags of a SYN offer (RFC 3168 §6.1.1)."""
    if flags & ECE and flags & CWR:
        return "accurate ECN" if flags & AE else "ECN"
    return ""


class Syn(TcpEvent):
    """A SYN, and which of how many."""

    name: ClassVar[str] = "tcp.syn"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5"
    WHY: ClassVar[str] = (
        "Both sides must agree from which number each counts its bytes, so that lost, late and repeated segments "
        "can be told apart. The first number is chosen hard to guess, so that an outsider cannot speak for a side."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], options: TcpOptions, attempt: Attempt) -> None:
        super().__init__(seen_in(segment, sides))
        self.seq = segment.seq
        self.window = segment.window
        self.options = options
        self.length = segment.length
        self.attempt = attempt.number
        self.since_ns = attempt.since_ns
        self.backoff = attempt.backoff
        self.answered = attempt.answered
        self.ecn = ecn_offer(segment.flags)

    def label(self) -> str:
        return "SYN" if self.attempt == 1 else "SYN again"

    def detail(self) -> str:
        words = [f"seq {self.seq}", f"window {self.window}", *brief(self.options)]
        if self.ecn:
            words.append(self.ecn)
        if self.length:
            words.append(f"{size(self.length)} of data")
        return ", ".join(words)

    def what(self) -> str:
        if self.attempt > 1:
            why = f"No answer was seen for {span(self.since_ns)}, so "
            if self.answered:
                why = f"{span(self.since_ns)} after the last one, whose answer did not fit it, "
            text = f"{why}{self.who()} sends its SYN again (attempt {self.attempt})."
            if self.backoff:
                text += " It waited about twice as long as before: the timer backs off."
        else:
            text = f"{capital(self.who())} asks to open a connection and names the number its bytes start from."
        if self.length:
            text += f" The SYN already carries {size(self.length)} of data."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "seq": self.seq, "window": self.window, "options": self.options.data(), "length": self.length,
            "attempt": self.attempt, "backoff": self.backoff,
        }
        if self.since_ns >= 0:
            out["since_previous_ns"] = self.since_ns
        if self.ecn:
            out["ecn"] = self.ecn
        return out


class SynAck(TcpEvent):
    """The answer to a SYN."""

    name: ClassVar[str] = "tcp.syn_ack"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5"
    WHY: ClassVar[str] = (
        "The answer proves that the request arrived, because it acknowledges its number plus one: a SYN takes one "
        "sequence number of its own. In the same segment the other side opens its own direction."
    )

    def __init__(
        self, segment: Segment, sides: tuple[str, str], options: TcpOptions, attempt: Attempt, answer: SynAnswer
    ) -> None:
        super().__init__(seen_in(segment, sides))
        self.seq = segment.seq
        self.ack = segment.ack
        self.window = segment.window
        self.options = options
        self.length = segment.length
        self.attempt = attempt.number
        self.since_ns = attempt.since_ns
        self.backoff = attempt.backoff
        self.rtt_ns = answer.rtt_ns
        self.expected = answer.expected
        self.acks_syn = answer.expected < 0
        self.after_third_ns = answer.after_third_ns
        self.crossed = answer.crossed
        self.refused = answer.refused

    def label(self) -> str:
        return "SYN-ACK" if self.attempt == 1 else "SYN-ACK again"

    def detail(self) -> str:
        words = [f"seq {self.seq}", f"ack {self.ack}", f"window {self.window}", *brief(self.options)]
        return ", ".join(words)

    def what(self) -> str:
        who = capital(self.who())
        if self.attempt > 1:
            text = f"{who} sends its SYN-ACK again after {span(self.since_ns)} (attempt {self.attempt})."
            if self.backoff:
                text += " It waited about twice as long as before: the timer backs off."
            if self.after_third_ns >= 0:
                text += f" {capital(self.peer())} had acknowledged it {duration(self.after_third_ns)} before."
            return text
        if self.crossed:
            return f"{who} repeats its own SYN, now with an ACK of {self.peer()}'s."
        text = f"{who} agrees and sends its own number"
        if self.acks_syn:
            text += f"; ack = {self.peer()}'s + 1."
        else:
            text += f", but acknowledges {self.ack}, which is not {self.peer()}'s number + 1 ({self.expected})."
        if self.rtt_ns > 0:
            text += f" The {duration(self.rtt_ns)} since the SYN are the first measure of the round trip."
        if self.refused:
            text += f" It does not take up: {', '.join(self.refused)}."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "seq": self.seq, "ack": self.ack, "window": self.window, "options": self.options.data(),
            "length": self.length, "attempt": self.attempt, "acks_syn": self.acks_syn,
            "not_taken_up": [*self.refused],
        }
        if self.since_ns >= 0:
            out["since_previous_ns"] = self.since_ns
        if self.rtt_ns >= 0:
            out["rtt_ns"] = self.rtt_ns
        return out


class OptionsExplained(TcpEvent):
    """The options of a SYN or SYN-ACK, a sentence each."""

    name: ClassVar[str] = "tcp.options"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9293 §3.2"
    WHY: ClassVar[str] = (
        "Most extensions of TCP are offered here and nowhere else: one that a side leaves out of its SYN cannot be "
        "used for the rest of the connection."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], options: TcpOptions) -> None:
        super().__init__(seen_in(segment, sides))
        self.options = options

    def label(self) -> str:
        return "options"

    def detail(self) -> str:
        return ", ".join(brief(self.options))

    def what(self) -> str:
        return " ".join(explain(self.options, self.who()))

    def fields(self) -> dict[str, JsonValue]:
        return self.options.data()


class TcpEstablished(TcpEvent):
    """The third segment. seen_from: "client", "server", "between" or "" with its basis: an inference."""

    name: ClassVar[str] = "tcp.established"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5"
    WHY: ClassVar[str] = (
        "The third segment is needed because the answer itself might have been lost: only now does the answering "
        "side know that it was heard. An old, duplicated SYN cannot open a connection by itself."
    )

    def __init__(
        self, segment: Segment, sides: tuple[str, str], times: HandshakeTimes, seen_from: str, basis: str
    ) -> None:
        super().__init__(seen_in(segment, sides))
        self.ack = segment.ack
        self.window = segment.window
        self.length = segment.length
        self.answer_ns = times.answer_ns
        self.ack_ns = times.ack_ns
        self.total_ns = times.total_ns
        self.seen_from = seen_from
        self.basis = basis

    def label(self) -> str:
        return "ACK"

    def detail(self) -> str:
        text = f"ack {self.ack}, window {self.window}"
        return text + (f", {size(self.length)} of data" if self.length else "")

    def what(self) -> str:
        text = "Established. Both sides have proved that they can send and receive."
        if self.total_ns > 0:
            text += f" From SYN to ACK: {duration(self.total_ns)}."
        if self.seen_from == "between":
            text += f" It looks as if the capture was taken between the two, because {self.basis}."
        elif self.seen_from:
            text += f" It looks as if the capture was taken on the {self.seen_from}'s side, because {self.basis}."
        return text

    def vantage(self) -> Vantage | None:
        """The third segment is the caller's, whichever index it has in this conversation."""
        if not self.seen_from:
            return None
        return Vantage(self.seen_from, 1 if self.direction == 1 else 0, self.answer_ns, self.ack_ns)

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"ack": self.ack, "window": self.window, "length": self.length}
        for key, value in (("answer_ns", self.answer_ns), ("ack_ns", self.ack_ns), ("total_ns", self.total_ns)):
            if value >= 0:
                out[key] = value
        if self.seen_from:
            out["seen_from"] = self.seen_from
            out["confidence"] = LIKELY
            out["basis"] = self.basis
        return out


class SimultaneousOpen(TcpEvent):
    """Both sides sent a SYN before they saw the other's."""

    name: ClassVar[str] = "tcp.simultaneous_open"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5"
    WHY: ClassVar[str] = (
        "Neither side needs to be the one that waits: two SYNs that cross on the way make one connection, not two. "
        "It is used to get through address translators."
    )

    def label(self) -> str:
        return "simultaneous open"

    def what(self) -> str:
        return f"Both sides asked at the same time: their SYNs ({frame_list(self.evidence.frames)}) crossed."


class TcpRefused(TcpEvent):
    """A RST in answer to a SYN. exact: it acknowledges the SYN's number; repeated: the side had refused before."""

    name: ClassVar[str] = "tcp.refused"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5.2"
    WHY: ClassVar[str] = (
        "A host that has nobody listening on the port says so at once, so that the caller need not wait for a "
        "timeout. A firewall can send the same answer in its name."
    )

    def __init__(self, observed: TcpObserved, after_ns: int, *, exact: bool, repeated: bool) -> None:
        super().__init__(observed)
        self.after_ns = after_ns
        self.exact = exact
        self.repeated = repeated

    def label(self) -> str:
        return "RST"

    def what(self) -> str:
        again = "again " if self.repeated else ""
        text = f"{capital(self.who())} {again}refuses: a RST answers the SYN after {duration(self.after_ns)}."
        if self.exact:
            return text + " It acknowledges the SYN, as a host does that has nobody listening on this port."
        return text + " It does not acknowledge the SYN's number, so by the standard the caller drops it."

    def fields(self) -> dict[str, JsonValue]:
        return {"after_ns": self.after_ns, "acks_syn": self.exact}


class NeverOpen(TcpEvent):
    """The handshake was not finished in what is observed. lasted_ns: from the first to the last of its segments;
    waited_ns: since then. how: what ended the telling."""

    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE

    def __init__(
        self, observed: TcpObserved, attempts: int, lasted_ns: int, waited_ns: int, how: str = CAPTURE_ENDED
    ) -> None:
        super().__init__(observed)
        self.attempts = attempts
        self.lasted_ns = lasted_ns
        self.waited_ns = waited_ns
        self.how = how


class TcpUnanswered(NeverOpen):
    """No answer to any SYN in this capture."""

    name: ClassVar[str] = "tcp.unanswered"
    spec: ClassVar[str] = "RFC 9293 §3.8.3"
    WHY: ClassVar[str] = (
        "Silence is not a refusal. The host may be down, a firewall may drop the SYN, or the answer takes a way "
        "that this capture does not see. The caller can only try again and at last give up."
    )

    def label(self) -> str:
        return "no answer"

    def what(self) -> str:
        text = plural(self.attempts, "SYN")
        if self.attempts > 1:
            text += f" in {duration(self.lasted_ns)}"
        if self.waited_ns < 1_000_000:
            return f"{text}, and no answer before {what_ended(self.how)} ends."
        if self.how == READING_ENDED:
            return f"{text}, and no answer in what was read, {duration(self.waited_ns)} on after the last."
        return f"{text}, and no answer in this capture, which goes on for {duration(self.waited_ns)} after the last."

    def fields(self) -> dict[str, JsonValue]:
        return {"attempts": self.attempts, "lasted_ns": self.lasted_ns, "waited_ns": self.waited_ns}


class HalfOpen(NeverOpen):
    """A SYN-ACK that was never acknowledged."""

    name: ClassVar[str] = "tcp.half_open"
    spec: ClassVar[str] = "RFC 4987 §2"
    WHY: ClassVar[str] = (
        "Until the third segment comes, the answering side holds memory for a caller that has not proved its "
        "address. Many of these at once are a SYN flood; a single one may be a lost segment or a caller that went "
        "away."
    )

    def label(self) -> str:
        return "half open"

    def what(self) -> str:
        text = f"{capital(self.who())} sent {plural(self.attempts, 'SYN-ACK')}, and {self.peer()} never acknowledged "
        if self.waited_ns < 1_000_000:
            return text + f"before {what_ended(self.how)} ends. The connection is half open."
        if self.how == READING_ENDED:
            return text + f"in what was read, {duration(self.waited_ns)} on. The connection is half open."
        return text + (
            f"in this capture, which goes on for {duration(self.waited_ns)}. The connection stayed half open."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"attempts": self.attempts, "waited_ns": self.waited_ns}


class SynCookie(TcpEvent):
    """An inference: the server seems to keep no state before the third segment."""

    name: ClassVar[str] = "tcp.syn_cookie"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 4987 §3.6"
    WHY: ClassVar[str] = (
        "Under a flood of SYNs a server can code what it must remember into its own sequence number and forget the "
        "request. The options that do not fit into that number are lost, unless the timestamp carries them."
    )

    def __init__(self, observed: TcpObserved, basis: str, confidence: str) -> None:
        super().__init__(observed)
        self.basis = basis
        self.confidence = confidence

    def label(self) -> str:
        return "SYN cookie"

    def what(self) -> str:
        return f"It looks as if {self.who()} uses SYN cookies ({self.confidence}), because {self.basis}."

    def fields(self) -> dict[str, JsonValue]:
        return {"confidence": self.confidence, "basis": self.basis}


class FastOpen(TcpEvent):
    """Fast Open, as the SYN-ACK decides it. result: "cookie", "no cookie", "accepted", "declined".

    cookie: length of the cookie given; octets: those that came with the SYN; accepted: as many of them.
    """

    name: ClassVar[str] = "tcp.fast_open"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 7413 §4.2"
    WHY: ClassVar[str] = (
        "A cookie from an earlier connection proves the caller's address, so data may come with the SYN and save a "
        "round trip. Such data can arrive twice, so only requests that may safely be repeated belong there."
    )

    def __init__(
        self, segment: Segment, sides: tuple[str, str], result: str, *, cookie: int, octets: int = 0, accepted: int = 0
    ) -> None:
        super().__init__(seen_in(segment, sides))
        self.result = result
        self.octets = octets
        self.accepted = accepted
        self.cookie = cookie

    def label(self) -> str:
        return "Fast Open"

    def what(self) -> str:
        who = capital(self.who())
        if self.result == "cookie":
            return f"{who} gives a Fast Open cookie of {self.cookie} bytes, for a later connection."
        if self.result == "no cookie":
            return f"{who} gives no Fast Open cookie, though one was asked for."
        if self.result == "accepted":
            part = "all" if self.accepted == self.octets else str(self.accepted)
            return f"{who} accepts {part} of the {size(self.octets)} that came with the SYN: one round trip saved."
        return f"{who} acknowledges the SYN but not its {size(self.octets)} of data: they must be sent again."

    def fields(self) -> dict[str, JsonValue]:
        return {"result": self.result, "octets": self.octets, "accepted": self.accepted, "cookie_length": self.cookie}


class EcnNegotiation(TcpEvent):
    """Explicit congestion notification: what the two SYNs agreed."""

    name: ClassVar[str] = "tcp.ecn"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 3168 §6.1.1"
    WHY: ClassVar[str] = (
        "A router that runs full can mark a packet instead of dropping it. The receiver must echo the mark and the "
        "sender must slow down, so both have to agree first."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], *, agreed: bool, accurate: bool) -> None:
        super().__init__(seen_in(segment, sides))
        self.agreed = agreed
        self.accurate = accurate

    def label(self) -> str:
        return "ECN"

    def what(self) -> str:
        if self.accurate:
            return "The SYN offered accurate ECN (bits AE, CWR and ECE set); the answer's bits say what is used."
        if self.agreed:
            return "Both sides agree to use ECN: the SYN had ECE and CWR set, the SYN-ACK ECE alone."
        return f"{capital(self.peer())} offered ECN and {self.who()} did not take it up."

    def fields(self) -> dict[str, JsonValue]:
        return {"agreed": self.agreed, "accurate_offered": self.accurate}


class Midstream(TcpEvent):
    """The connection began before what was read of it. seq, ack: raw, of the first segment."""

    name: ClassVar[str] = "tcp.midstream"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §2.2"
    WHY: ClassVar[str] = (
        "Window scaling, the initial numbers and the handshake's round trip are only told by the SYNs. Without them "
        "windows cannot be scaled, and it is not known which side asked."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str]) -> None:
        super().__init__(seen_in(segment, sides))
        self.seq = segment.seq
        self.ack = segment.ack if segment.flags & ACK else -1

    def label(self) -> str:
        return "no SYN"

    def what(self) -> str:
        return (
            f"What was read holds no SYN of this connection: #{self.evidence.frames[0]} is the first segment seen. "
            f"{capital(self.sides[self.direction & 1])} is the side that sent it."
        )
