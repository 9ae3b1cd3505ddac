"""The end of a connection: FINs in their order, resets and why they look so, and what comes after."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import NEITHER, Event
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
    TcpClosed,
    TcpReset,
    Unanswered,
)
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.flow import HALF, MASK, TcpDirection
from dissectors.protocols.tcp.reset_causes import (
    AFTER_FIN,
    ALONE,
    FOREIGN,
    GAVE_UP,
    ResetScene,
    own_signs,
    remark,
    reset_cause,
    unacknowledged,
)
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.states import (
    ACKED_FIN,
    CLOSED,
    FIN_ACKED,
    RESET,
    SENT_FIN,
    TIME_WAIT,
    step,
)

# A challenge ACK answers at once; later than this an ACK has another cause.
CHALLENGE_NS: Final[i64] = 1_000_000_000


class TeardownWatch:
    def __init__(self, forward: TcpDirection, backward: TcpDirection) -> None:
        self.flows = [forward, backward]
        self.sides: tuple[str, str] = ("", "")
        self.states = [CLOSED, CLOSED]
        self.began: i64 = -1                # when the first FIN or RST came, in which frame
        self.began_frame: i64 = 0
        self.over: bool = False             # closed in order, or reset
        self.reset_seen: bool = False
        self._reset: TcpReset | None = None  # the last one
        self._sent: list[i64] = [-1, -1]     # raw end of the first data of each side after it
        self._taken = [False, False]         # they were acknowledged
        self._first: Fin | None = None
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

    def _note(self, segment: Segment) -> None:
        if self.began < 0:
            self.began = i64(segment.time)
            self.began_frame = i64(segment.frame)

    # Orderly.

    def fin(self, segment: Segment, out: list[Event]) -> None:
        """The first FIN of a side; the flow holds its position already."""
        self._note(segment)
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
        fin = Fin(segment, self.sides, mine.octets(), peer)
        fin.alone = peer is None and not theirs.syn and theirs.last_data_time < 0
        fin.whole = mine.syn
        if self._first is None:
            self._first = fin
        elif peer is not None:
            self._first.alone = False       # the other side closes only now
        out.append(fin)

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

    def reset(self, scene: ResetScene, out: list[Event]) -> None:
        """A RST on a connection that both sides know."""
        segment = scene.segment
        self._note(segment)
        mine, theirs = scene.mine, scene.theirs
        cause = reset_cause(scene)
        cause.open_at = int(mine.last_data_time)
        exact = not mine.placed or mine.acked <= mine.place(segment.seq) <= mine.high
        if 0 < theirs.last_frame < segment.frame and cause.word not in (GAVE_UP, AFTER_FIN):
            cause.frame = int(theirs.last_frame)
        told = TcpReset(segment, self.sides, cause, int(unacknowledged(scene)), remark(scene, exact))
        told.own = own_signs(scene) if cause.word not in (ALONE, FOREIGN) else []
        told.idle_ns = int(scene.silence(mine, theirs))
        if scene.answers() and theirs.acked < theirs.high:
            told.answered_ns = int(theirs.silence)
        told.waits = mine.last_data_time >= theirs.last_data_time
        out.append(told)
        self.reset_seen = True
        self._reset = told
        self._sent = [-1, -1]
        self._taken = [False, False]
        if exact:
            self.take(0, RESET)
            self.take(1, RESET)
            self.over = True
        else:
            self.challenged(segment, "RST")

    def after_reset(self, segment: Segment) -> None:
        """A segment after a RST. Where each side still acknowledges what the other one sent first after it, none of
        them took it for the end (RFC 5961 §3.2)."""
        reset = self._reset
        if reset is None or reset.survived or segment.flags & RST:
            return
        direction = segment.direction
        if segment.length and self._sent[direction] < 0:
            self._sent[direction] = (i64(segment.seq) + i64(segment.length)) & MASK
        first = self._sent[1 - direction]
        if first >= 0 and segment.flags & ACK and (i64(segment.ack) - first) & MASK < HALF:
            self._taken[1 - direction] = True
        if self._taken[0] and self._taken[1]:
            reset.survived = segment.frame

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
        """A segment after the end. Its sender cannot have sent the RST that ended it, where it had no part in it."""
        reset = self._reset
        if reset is not None and not segment.flags & RST and segment.direction == reset.direction:
            reset.went_on = reset.went_on or segment.frame
        self.after_reset(segment)
        if segment.length == 0 and not segment.flags & RST:
            return
        if self._late == 0 and self._late_resets == 0:
            self._late_time = segment.time
            self._late_direction = segment.direction
        if segment.flags & RST:
            self._late_resets += 1
        else:
            self._late += 1
            self._late_octets += segment.length
        self._late_cited.add(segment.frame)

    def reset_by(self) -> int:
        """The direction of the last RST, -1 for none."""
        return self._reset.direction if self._reset is not None else -1

    def finish(self, how: str, time: int, told: bool, unanswered: list[Unanswered], out: list[Event]) -> None:
        """The end of the telling. told: another event said how it ended; unanswered: by direction."""
        if self._late_cited.last:
            observed = TcpObserved(self._late_time, self._late_direction, self._late_cited.frames(), self.sides)
            late = LateSegments(observed, self._late, self._late_octets, self._late_resets)
            late.survived = self._reset is not None and self._reset.survived > 0
            out.append(late)
        if self.over or told or (self._reset is not None and not self._reset.survived):
            return
        first, second = self.flows
        last = first if first.last_time >= second.last_time else second
        half = self._first_fin if first.fin_end < 0 or second.fin_end < 0 else -1
        if half >= 0:
            octets = self.flows[1 - half].octets() - self._fin_position
            fin = self.flows[half]
            if octets > 0 and self.flows[1 - half].last_frame:
                observed = TcpObserved(last.last_time, 1 - half, (int(fin.fin_frame),), self.sides)
                out.append(HalfClose(observed, octets, last.last_time - fin.fin_time))
        side = 0 if unanswered[0].count >= unanswered[1].count else 1
        most = unanswered[side]
        if how == "closed" or (first.fin_end >= 0 and second.fin_end >= 0 and not most.count):
            return      # both have said all that they had to say
        observed = TcpObserved(last.last_time, side if most.count else NEITHER, (int(last.last_frame),), self.sides)
        ended = NotEnded(observed, how, time - last.last_time, half, most if most.count else None)
        if not first.last_frame or not second.last_frame:
            ended.unheard = 1 if first.last_frame else 0
        out.append(ended)
