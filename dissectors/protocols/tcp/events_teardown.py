"""Events of the end of a TCP connection."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CLOSING, CORE, SUMMED, JsonValue
from dissectors.kit.observation import what_ended
from dissectors.kit.units import duration, plural, size, span
from dissectors.protocols.tcp.events import LIKELY, TEARDOWN, TcpEvent, TcpObserved, capital, frame_list, seen_in
from dissectors.protocols.tcp.flags import ACK
from dissectors.protocols.tcp.segment import Segment

ANOTHER_MACHINE: Final = "another machine"      # a cause: it is not its sender's
BOTH: Final = 2     # of the two sides, beside the index of one


class PeerFin:
    """The FIN that the other side had sent before. after_ns: since it came; acked: it was acknowledged."""

    def __init__(self, after_ns: int, *, acked: bool) -> None:
        self.after_ns = after_ns
        self.acked = acked


class ResetCause:
    """Why a reset looks so. word: a stable one; says: what it looks like, empty where no more than the fact is told;
    because: what that rests on; frame: the earlier frame that shows it, 0 for none; since: when what is missing was
    to come, where it rests on something that was not seen, -1 for none; open_at: when the direction of the RST was not
    ended yet, for certain, -1 where that was not seen."""

    def __init__(self, word: str, says: str, because: str, frame: int = 0, since: int = -1) -> None:
        self.word = word
        self.says = says
        self.because = because
        self.frame = frame
        self.since = since
        self.open_at = -1


class Unanswered:
    """Data that were sent again and not acknowledged. count: how often; since: when they were sent again first;
    heard: the last frame in which the other side still sent something after that, 0 for none; fin: a FIN alone;
    silence: how long neither side had sent anything when they were sent first, -1 where it is not known."""

    def __init__(self, count: int, since: int, heard: int, *, fin: bool = False, silence: int = -1) -> None:
        self.fin = fin
        self.silence = silence
        self.count = count
        self.since = since
        self.heard = heard


class Fin(TcpEvent):
    """The first FIN of one side. octets: stream bytes it sent; peer: the other side's FIN, None where it sent none.
    alone: the capture holds nothing that shows the other side's direction open, so that it may have closed before.
    whole: the capture has the SYN of this side, so that these are all the bytes that it sent."""

    name: ClassVar[str] = "tcp.fin"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.6"
    WHY: ClassVar[str] = (
        "A FIN ends one direction: this side has no more to send, and can still receive. It takes a sequence number "
        "of its own, so that it is acknowledged and resent like data, and never comes before the last byte."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str], octets: int, peer: PeerFin | None) -> None:
        super().__init__(seen_in(segment, sides))
        self.seq = segment.seq
        self.octets = octets
        self.first = peer is None
        self.alone = False
        self.whole = True
        self.acks_peer = peer is not None and peer.acked
        self.after_ns = peer.after_ns if peer is not None else -1

    def label(self) -> str:
        return "FIN"

    def detail(self) -> str:
        return f"seq {self.seq}, after {size(self.octets)}"

    def what(self) -> str:
        text = f"{capital(self.who())} has no more to send after {size(self.octets)}"
        text += "" if self.whole else " in this capture"
        if self.alone:
            text += f" and closes its direction. Whether {self.peer()} had closed its own is not in the capture."
        elif self.first:
            text += f" and closes its direction first. {capital(self.peer())} may go on."
        elif self.acks_peer:
            text += f". It closes too, {span(self.after_ns)} after {self.peer()}."
        else:
            text += f". It closes before it has acknowledged the FIN of {self.peer()}."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"seq": self.seq, "octets": self.octets}
        if not self.alone:
            out["first"] = self.first
        if self.after_ns >= 0:
            out["after_peer_fin_ns"] = self.after_ns
        return out


class FinAcknowledged(TcpEvent):
    """The ACK of a FIN. direction is that of the ACK."""

    name: ClassVar[str] = "tcp.fin_acknowledged"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.6"
    WHY: ClassVar[str] = "The FIN counts as one byte, so its ACK is one more than the last byte's: all of it arrived."

    def __init__(self, segment: Segment, sides: tuple[str, str], after_ns: int) -> None:
        super().__init__(seen_in(segment, sides))
        self.ack = segment.ack
        self.after_ns = after_ns

    def label(self) -> str:
        return "ACK"

    def detail(self) -> str:
        return f"ack {self.ack}"

    def what(self) -> str:
        after = f" after {duration(self.after_ns)}" if self.after_ns > 0 else ""    # the capture may show it first
        return f"{capital(self.who())} acknowledges the FIN of {self.peer()}{after}."

    def fields(self) -> dict[str, JsonValue]:
        return {"ack": self.ack, "after_ns": self.after_ns}


class HalfClose(TcpEvent):
    """One side had finished and the other went on sending. direction is that of the side that went on."""

    name: ClassVar[str] = "tcp.half_close"
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.6.1"
    WHY: ClassVar[str] = (
        "The two directions end on their own. A program can say \"that was all\" and still wait for the answer; this "
        "is how a request without a length can be ended."
    )

    def __init__(self, observed: TcpObserved, octets: int, lasted_ns: int) -> None:
        super().__init__(observed)
        self.octets = octets
        self.lasted_ns = lasted_ns

    def label(self) -> str:
        return "half close"

    def what(self) -> str:
        return (
            f"{capital(self.peer())} had closed its direction; {self.who()} still sent {size(self.octets)} "
            f"in the {duration(self.lasted_ns)} after that."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"octets": self.octets, "lasted_ns": self.lasted_ns}


class TcpClosed(TcpEvent):
    """Both directions ended and were acknowledged. holder: who is to hold TIME_WAIT, an index or BOTH, which is so
    where the FINs crossed."""

    name: ClassVar[str] = "tcp.closed"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.6"
    WHY: ClassVar[str] = (
        "The side that closes first keeps the connection in TIME_WAIT for twice the longest life of a segment. It "
        "can then answer a FIN that is sent again, and late segments cannot fall into a new connection with the same "
        "ports. A busy server that closes first therefore collects many of these."
    )

    def __init__(self, observed: TcpObserved, holder: int, lasted_ns: int) -> None:
        super().__init__(observed)
        self.holder = holder
        self.lasted_ns = lasted_ns
        self.simultaneous = holder == BOTH

    def label(self) -> str:
        return "closed"

    def what(self) -> str:
        if self.simultaneous:
            return (
                "Both sides finished at the same time: their FINs crossed, and each was acknowledged, "
                f"within {duration(self.lasted_ns)}. Both are to hold TIME_WAIT."
            )
        within = f" within {duration(self.lasted_ns)}" if self.lasted_ns > 0 else ""
        return (
            f"Both sides finished in order (FIN, ACK, FIN, ACK){within}. "
            f"{capital(self.sides[self.holder])} closed first, so it is the one to hold TIME_WAIT."
        )

    def fields(self) -> dict[str, JsonValue]:
        holders: list[JsonValue] = []
        if self.simultaneous:
            holders += [0, 1]
        else:
            holders.append(self.holder)
        return {"time_wait": holders, "lasted_ns": self.lasted_ns, "simultaneous": self.simultaneous}


class TcpReset(TcpEvent):
    """A RST, and why it looks so. unacknowledged: bytes of the other side; remark: what is odd about the RST;
    went_on: the first frame after it in which its sender goes on as if it had sent none, 0 for none; survived: the
    frame after which each side has acknowledged data that the other one sent after it, 0 where that was not seen.
    idle_ns: how long neither side had sent anything before it, -1 where nothing came before; waits: its sender was the
    last to send data before that, or nobody sent any.
    answered_ns: it answers the first data after so long a silence, -1 where it does not.
    own: what goes on in it where the other packets of its sender stopped, so that the same machine made it."""

    name: ClassVar[str] = "tcp.reset"
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5.2"
    WHY: ClassVar[str] = (
        "A reset ends both directions at once. Whatever was under way is lost, and the other program gets an error "
        "instead of an orderly end. Hosts send it to abort, and in answer to segments of a connection they do not know."
    )

    def __init__(
        self, segment: Segment, sides: tuple[str, str], cause: ResetCause, unacknowledged: int, remark: str = ""
    ) -> None:
        super().__init__(seen_in(segment, sides, cause.frame))
        self.cause = cause.word
        self.says = cause.says
        self.because = cause.because
        self.seq = segment.seq
        self.ack = segment.ack if segment.flags & ACK else -1
        self.unacknowledged = unacknowledged
        self.remark = remark
        self.since = cause.since
        self.open_at = cause.open_at
        self.own: list[str] = []
        self.answered_ns = -1
        self.went_on = 0
        self.survived = 0
        self.idle_ns = -1
        self.waits = False

    def made_by(self) -> str:
        """By which machine, and what that rests on; "" where that does not show."""
        if not self.own or self.went_on or self.survived:
            return ""
        goes, stopped = ("goes on where that", "s") if len(self.own) == 1 else ("go on where those", "")
        return (
            f"{' and '.join(self.own)} {goes} of the other packets of {self.who()} stop{stopped}: it looks as if the "
            "machine that sent them made it, and none on the path"
        )

    def label(self) -> str:
        return "RST"

    def detail(self) -> str:
        return f"seq {self.seq}" + (f", ack {self.ack}" if self.ack >= 0 else "")

    def what(self) -> str:
        text = f"{capital(self.who())} resets the connection."
        if self.survived:
            text = (
                f"A RST in the name of {self.who()}, which the connection outlives: up to #{self.survived} each side "
                "has acknowledged data that the other one sent after it."
            )
            return text + (f" {self.remark}" if self.remark else "")
        if self.cause == ANOTHER_MACHINE:
            text = f"A RST comes in the name of {self.who()}."
        if self.says:
            text += f" It looks as if {self.says}, because {self.because}."
        elif self.because:
            text += f" {capital(self.because)}."
        if self.unacknowledged > 0:
            text += f" {size(self.unacknowledged)} sent by {self.peer()} had not been acknowledged."
        if self.went_on:
            text += f" {capital(self.who())} goes on after it (#{self.went_on}) as if it had sent none."
        if self.made_by():
            text += f" {capital(self.made_by())}."
        return text + (f" {self.remark}" if self.remark else "")

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"cause": self.cause, "seq": self.seq, "unacknowledged": self.unacknowledged}
        if self.ack >= 0:
            out["ack"] = self.ack
        if self.because:
            out["basis"] = self.because
            out["confidence"] = LIKELY
        if self.made_by():
            out["made_by"] = f"{self.made_by()} ({LIKELY})"
        return out


class LateSegments(TcpEvent):
    """Segments with data that came after the connection was over. survived: after a RST that did not end it."""

    name: ClassVar[str] = "tcp.late_segments"
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.5.2"
    WHY: ClassVar[str] = (
        "Data that were under way when the connection ended have nobody left to take them; the usual answer is a reset."
    )

    def __init__(self, observed: TcpObserved, segments: int, octets: int, resets: int) -> None:
        super().__init__(observed)
        self.segments = segments
        self.octets = octets
        self.resets = resets
        self.survived = False

    def label(self) -> str:
        return "late" if not self.survived else "goes on"

    def what(self) -> str:
        parts: list[str] = []
        if self.segments:
            parts.append(f"{plural(self.segments, 'segment')} with {size(self.octets)} of data")
        if self.resets:
            parts.append(plural(self.resets, "RST"))
        when = "After the RST, which the connection outlives," if self.survived else "After the end"
        return f"{when} there came {' and '.join(parts)} ({frame_list(self.evidence.frames)})."

    def fields(self) -> dict[str, JsonValue]:
        return {"segments": self.segments, "octets": self.octets, "resets": self.resets}


class ChallengeAck(TcpEvent):
    """A RST or SYN that was not taken at its word: the receiver answered with an ACK and the connection went on."""

    name: ClassVar[str] = "tcp.challenge_ack"
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5961 §3.2"
    WHY: ClassVar[str] = (
        "An outsider could guess a number inside the window and end the connection with a forged RST or SYN. So a "
        "receiver asks back with an ACK: the true peer, if it meant it, will answer with the exact number."
    )

    def __init__(self, observed: TcpObserved, challenged: str, after_ns: int) -> None:
        super().__init__(observed)
        self.challenged = challenged
        self.after_ns = after_ns

    def label(self) -> str:
        return "challenge ACK"

    def what(self) -> str:
        return (
            f"{capital(self.who())} answers the {self.challenged} of #{self.evidence.frames[0]} with an ACK after "
            f"{span(self.after_ns)} instead of obeying it: it looks like a challenge ACK."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"challenged": self.challenged, "after_ns": self.after_ns}


class NotEnded(TcpEvent):
    """The telling stops before the connection did. how: "idle", "capture", "reading", "reused" or "capacity".

    half_closed: the side that had sent its FIN, -1 for none; unanswered: what is known of its last data, None where
    they were acknowledged, or sent once.
    unheard: the side of which the capture holds nothing, so that it may have closed; -1 where both were heard.
    """

    name: ClassVar[str] = "tcp.not_ended"
    phase: ClassVar[str] = TEARDOWN
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.8.4"
    WHY: ClassVar[str] = (
        "TCP has no clock for silence: two hosts may say nothing for days and still be connected. Without a FIN or "
        "RST an observer cannot tell a connection that lives from one that was forgotten."
    )

    def __init__(
        self, observed: TcpObserved, how: str, silent_ns: int, half_closed: int, unanswered: Unanswered | None = None
    ) -> None:
        super().__init__(observed)
        self.how = how
        self.fin = unanswered is not None and unanswered.fin
        self.silent_ns = silent_ns
        self.half_closed = half_closed
        self.unanswered = unanswered.count if unanswered is not None else 0
        self.since = unanswered.since if unanswered is not None else -1
        self.heard = unanswered.heard if unanswered is not None else 0
        self.silence = unanswered.silence if unanswered is not None and not unanswered.fin else -1
        self.unheard = -1

    def label(self) -> str:
        return "open" if self.unheard < 0 else "end not seen"

    def what(self) -> str:
        last = f"#{self.evidence.frames[-1]}"
        if self.unheard in (0, 1):
            text = f"Of {self.sides[self.unheard]} the capture holds nothing, so how its direction ended was not seen."
            if self.half_closed in (0, 1):
                text += f" {capital(self.sides[self.half_closed])} closed its own."
            return text
        if self.how == "reused":
            text = f"A connection with the same ports begins {span(self.silent_ns)} after {last}; no end was seen."
        elif self.how == "idle":
            text = f"Nothing more is seen for {duration(self.silent_ns)} after {last}; no FIN or RST ended it."
        elif self.how == "capacity":
            text = f"It is followed no further after {last}: more connections are open at once than are followed."
        elif self.silent_ns < 1_000_000:
            text = f"{capital(what_ended(self.how))} ends with {last}, before the connection does."
        else:
            over = capital(what_ended(self.how))
            text = f"{over} ends {duration(self.silent_ns)} after {last}, before the connection does."
        if self.half_closed in (0, 1):
            text += f" Only {self.sides[self.half_closed]} had closed its direction."
        if self.unanswered:
            text += f" {self.resent()} {plural(self.unanswered, 'time')} "
            text += f"and not acknowledged, though {self.peer()} was heard (#{self.heard})." if self.heard else (
                "without an answer."
            )
        return text

    def resent(self) -> str:
        who = self.sides[self.direction & 1]
        return f"The FIN of {who} was sent again" if self.fin else f"The last data of {who} were sent again"

    def fields(self) -> dict[str, JsonValue]:
        return {"how": self.how, "silent_ns": self.silent_ns, "unanswered": self.unanswered}
