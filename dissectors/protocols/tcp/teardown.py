"""The end of a connection: FINs in their order, resets and why they look so, and what comes after."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.events import MAX_FRAMES, TcpObserved, seen_in
from dissectors.protocols.tcp.events_teardown import (
    BOTH,
    ChallengeAck,
    Fin,
    FinAcknowledged,
    HalfClose,
    LateSegments,
    NotEnded,
    PeerFin,
    ResetCause,
    TcpClosed,
    TcpReset,
)
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.states import (
    ACKED_FIN,
    CLOSED,
    FIN_ACKED,
    RESET,
    SENT_FIN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    step,
)

# A challenge ACK answers at once; later than this an ACK has another cause.
CHALLENGE_NS: Final[i64] = 1_000_000_000
# A connection silent this long may have been forgotten by a machine on the path (RFC 5382 §5 lets them
# forget an established one after 2 h 4 min; many do after minutes).
LONG_SILENCE_NS: Final[i64] = 30_000_000_000
# A window that has gone down by this part of its largest speaks of data that wait to be read.
UNREAD_SHARE: Final[i64] = 8
# So many resends without an answer, then a reset: the sender gave up.
GIVEN_UP: Final = 3


class TeardownWatch:
    def __init__(self, forward: TcpDirection, backward: TcpDirection) -> None:
        self.flows = [forward, backward]
        self.sides: tuple[str, str] = ("", "")
        self.states = [CLOSED, CLOSED]
        self.over: bool = False             # closed in order, or reset
        self.reset_seen: bool = False
        self._first_fin = -1                # direction
        self._fin_position: i64 = 0         # of the other side's data when the first FIN was sent
        self._challenge = -1                # direction of the RST or SYN that awaits its answer
        self._challenge_frame = 0
        self._challenge_time: i64 = 0
        self._challenge_word = ""
        self._late = 0
        self._late_octets = 0
        self._late_resets = 0
        self._late_cited = Cited(MAX_FRAMES)
        self._late_time = 0
        self._late_direction = 0

    def take(self, direction: int, given: int) -> None:
        self.states[direction] = step(self.states[direction], given)

    # Orderly.

    def fin(self, segment: Segment, out: list[Event]) -> None:
        """The first FIN of a side; the flow holds its position already."""
        direction = segment.direction
        mine = self.flows[direction]
        theirs = self.flows[1 - direction]
        peer: PeerFin | None = None
        if theirs.fin_end >= 0:
            peer = PeerFin(i64(segment.time) - theirs.fin_time, acked=theirs.acked >= theirs.fin_end)
            if peer.acked:
                self.take(direction, ACKED_FIN)
            octets = mine.octets() - self._fin_position
            if octets > 0:
                out.append(HalfClose(seen_in(segment, self.sides, int(theirs.fin_frame)), octets, peer.after_ns))
        else:
            self._first_fin = direction
            self._fin_position = theirs.octets()
        self.take(direction, SENT_FIN)
        out.append(Fin(segment, self.sides, mine.octets(), peer))

    def fin_acked(self, segment: Segment, out: list[Event]) -> None:
        """A segment covers the other side's FIN for the first time."""
        direction = segment.direction
        theirs = self.flows[1 - direction]
        theirs.fin_acked = True
        self.take(direction, ACKED_FIN)
        self.take(1 - direction, FIN_ACKED)
        out.append(FinAcknowledged(segment, self.sides, i64(segment.time) - theirs.fin_time))
        mine = self.flows[direction]
        if mine.fin_acked and theirs.fin_acked:
            self._closed(segment, out)

    def _closed(self, segment: Segment, out: list[Event]) -> None:
        first = self.flows[self._first_fin]
        second = self.flows[1 - self._first_fin]
        holder = BOTH if self.states[0] == TIME_WAIT and self.states[1] == TIME_WAIT else self._first_fin
        frames = (int(first.fin_frame), int(second.fin_frame), segment.frame)
        observed = TcpObserved(segment.time, NEITHER, frames, self.sides)
        out.append(TcpClosed(observed, holder, i64(segment.time) - first.fin_time))
        self.over = True

    # Resets.

    def reset(
        self, segment: Segment, gave_up: int, keep_alives: int, window: i64, largest: i64, out: list[Event]
    ) -> None:
        """A RST on a connection that both sides know. gave_up: resends of this side that had no answer; window
        and largest: its last and its largest advertised window."""
        direction = segment.direction
        mine = self.flows[direction]
        theirs = self.flows[1 - direction]
        cause = self._cause(segment, mine, theirs, gave_up, keep_alives)
        if cause is None:
            cause = self._abort(segment, mine, theirs, window, largest)
        exact = not mine.placed or mine.acked <= mine.place(segment.seq) <= mine.high
        if 0 < theirs.last_frame < segment.frame and cause.word not in ("gave up", "after own FIN"):
            cause.frame = int(theirs.last_frame)
        pending = theirs.high - theirs.acked if theirs.seen and not theirs.fin_acked else 0
        out.append(TcpReset(
            segment, self.sides, cause, max(pending, 0), self._remark(segment, mine, theirs, exact)
        ))
        self.reset_seen = True
        if exact:
            self.take(0, RESET)
            self.take(1, RESET)
            self.over = True
        else:
            self.challenged(segment, "RST")

    def _cause(
        self, segment: Segment, mine: TcpDirection, theirs: TcpDirection, gave_up: int, keep_alives: int
    ) -> ResetCause | None:
        """None where no sign says more than that it was broken off."""
        who = self.sides[segment.direction]
        peer = self.sides[1 - segment.direction]
        state = self.states[segment.direction]
        if state in (SYN_SENT, SYN_RECEIVED) or self.states[1 - segment.direction] == SYN_RECEIVED:
            return ResetCause(
                "handshake given up", f"{who} does not want this connection (any more)",
                "the RST comes before the handshake was complete",
            )
        if mine.fin_end >= 0 and theirs.last_data_time > mine.fin_time:
            return ResetCause(    # RFC 9293 §3.6.1, SHLD-3
                "late data", f"the program of {who} had closed for good",
                f"data of {peer} (#{theirs.last_data_frame}) came after the FIN of {who}",
            )
        if gave_up >= GIVEN_UP:
            text = f"{plural(gave_up, 'resend')} of the same data had no answer"
            return ResetCause("gave up", f"{who} gave up", text)
        if keep_alives > 0:
            return ResetCause("gave up", f"{who} gave up", f"{plural(keep_alives, 'keep-alive')} had no answer")
        if segment.flags & ACK == 0 and theirs.seen and i64(segment.seq) == theirs.last_ack:
            silence = i64(segment.time) - mine.last_time if mine.last_time >= 0 else i64(0)
            text = (    # RFC 9293 §3.5.2, group 1
                f"it carries no ACK and just the number that #{theirs.last_frame} acknowledged, as an answer to a "
                "segment of no known connection does"
            )
            if silence > LONG_SILENCE_NS:
                text += f", and {who} had been silent for {duration(int(silence))}"
            return ResetCause("unknown connection", f"{who} no longer knew this connection", text)
        return None

    def _abort(
        self, segment: Segment, mine: TcpDirection, theirs: TcpDirection, window: i64, largest: i64
    ) -> ResetCause:
        """A program, or a machine on the path, broke it off."""
        who = self.sides[segment.direction]
        peer = self.sides[1 - segment.direction]
        if mine.fin_end >= 0:
            text = f"{who} had sent its FIN and does not wait for the end of {peer}'s direction"
            return ResetCause("after own FIN", "", text)
        if theirs.fin_end >= 0:
            text = f"{peer} had sent its FIN; {who} answers with a RST instead of one of its own"
            return ResetCause("instead of FIN", "", text)
        if theirs.last_data_time >= 0 and theirs.last_data_time > mine.last_data_time:
            last = f"{peer} was the last to send data (#{theirs.last_data_frame}) and {who} sent no FIN"
            looks = f"the program of {who} closed without reading all that had come"     # RFC 9293 §3.6.1, SHLD-3
            if window >= 0 and largest - window >= max(theirs.mss, largest // UNREAD_SHARE):
                return ResetCause("unread data", looks, (
                    f"{last}, and its window had gone down from {size(int(largest))} to {size(int(window))}, as it "
                    "does while data wait to be read"
                ))
            if theirs.acked < theirs.high:
                return ResetCause("unread data", looks, f"{last} and has not acknowledged all of it")
        silence = i64(segment.time) - max(mine.last_time, theirs.last_time)
        text = f"{who} sent no FIN before, so its program (or a machine on the path) broke it off"
        if silence > LONG_SILENCE_NS:
            text += f", after {duration(int(silence))} of silence"
        return ResetCause("aborted", "", text)

    def _remark(self, segment: Segment, mine: TcpDirection, theirs: TcpDirection, exact: bool) -> str:
        parts: list[str] = []
        if not exact:
            parts.append(
                "Its number is not one that the other side can be waiting for, so a careful receiver asks back or "
                "drops it (RFC 5961 §3.2)."
            )
        if segment.flags & ACK and theirs.placed and theirs.place(segment.ack) > theirs.high:
            parts.append(f"It acknowledges bytes that {self.sides[1 - segment.direction]} was not seen to send.")
        if segment.ttl >= 0 and mine.ttl >= 0 and segment.ttl != mine.ttl:
            parts.append(
                f"Its TTL is {segment.ttl}, and {mine.ttl} in the first segment of {self.sides[segment.direction]}: it "
                "may come from another machine."
            )
        return " ".join(parts)

    # What may follow.

    def challenged(self, segment: Segment, word: str) -> None:
        """A RST or SYN that the other side may answer with a challenge ACK (RFC 5961 §3.2 and §4.2)."""
        self._challenge = segment.direction
        self._challenge_frame = segment.frame
        self._challenge_time = i64(segment.time)
        self._challenge_word = word

    def awaiting(self) -> bool:
        return self._challenge >= 0

    def answer(self, segment: Segment, out: list[Event]) -> None:
        """The next segment of the side that was challenged."""
        if segment.direction == self._challenge:
            return
        after = i64(segment.time) - self._challenge_time
        if segment.length == 0 and segment.flags == ACK and after <= CHALLENGE_NS:
            observed = seen_in(segment, self.sides, self._challenge_frame)
            out.append(ChallengeAck(observed, self._challenge_word, after))
        self._challenge = -1

    def late(self, segment: Segment) -> None:
        """A segment with data, or a RST, after the end."""
        if self._late == 0 and self._late_resets == 0:
            self._late_time = segment.time
            self._late_direction = segment.direction
        if segment.flags & RST:
            self._late_resets += 1
        else:
            self._late += 1
            self._late_octets += segment.length
        self._late_cited.add(segment.frame)

    def finish(
        self, how: str, time: int, told: bool, unanswered: list[int], fins: list[bool], out: list[Event]
    ) -> None:
        """The end of the telling. told: another event said how it ended; unanswered: resends by direction; fins: by
        direction, where only the FIN was resent."""
        if self._late_cited.last:
            observed = TcpObserved(self._late_time, self._late_direction, self._late_cited.frames(), self.sides)
            out.append(LateSegments(observed, self._late, self._late_octets, self._late_resets))
        if self.over or told or self.reset_seen:
            return
        first, second = self.flows
        last = first if first.last_time >= second.last_time else second
        half = self._first_fin if first.fin_end < 0 or second.fin_end < 0 else -1
        if half >= 0:
            octets = self.flows[1 - half].octets() - self._fin_position
            fin = self.flows[half]
            if octets > 0:
                observed = TcpObserved(last.last_time, 1 - half, (int(fin.fin_frame),), self.sides)
                out.append(HalfClose(observed, octets, last.last_time - fin.fin_time))
        if how == "closed" or (first.fin_end >= 0 and second.fin_end >= 0 and not any(unanswered)):
            return      # both have said all that they had to say
        side = 0 if unanswered[0] >= unanswered[1] else 1
        observed = TcpObserved(
            last.last_time, side if unanswered[side] else NEITHER, (int(last.last_frame),), self.sides
        )
        out.append(NotEnded(observed, how, time - last.last_time, half, unanswered[side], fin=fins[side]))
