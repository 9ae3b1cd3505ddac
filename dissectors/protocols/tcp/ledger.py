"""What TCP knows of where the time of its connection went, as claims for the account of the time.

Whose turn it was shows in who sends data next; what was on its way, in the time that each side takes to answer at the
place of the capture; what held a sender back, in its rounds, repairs and windows, which the other watchers tell here.
All of it is bounded: where there are too many claims, the shortest of those that come with each turn are forgotten.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import (
    APPLICATION,
    BLIND,
    CERTAIN,
    CLIENT,
    CONNECTING,
    DOING,
    ENDING,
    GROUND,
    IDLE,
    LIKELY,
    LIMITED,
    MOVING,
    ON_THE_WAY,
    PATH,
    POSSIBLE,
    REQUEST,
    RETRYING,
    SECURING_CLIENT,
    SECURING_SERVER,
    SERVER,
    STOPPED,
    TURN,
    UNSEEN,
    Cause,
    Claim,
)
from dissectors.kit.units import duration
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.segment import Segment

MAX_CLAIMS: Final = 4_000       # of a connection that come with each turn or round
# A client that has all it asked for and asks for more within this time was thinking; after a longer silence nobody can
# say that it was.
THINKING_NS: Final[i64] = 1_000_000_000
# No receiver delays an ACK for longer (RFC 9293 §3.8.6.3): what took longer to be acknowledged was on its way.
MOST_DELAY_NS: Final[i64] = 500_000_000

OWN_PACE: Final = "data came one after another, and no window, repair or pause held them back"


def length_of(claim: Claim) -> int:
    return claim.until - claim.since


class Ledger:
    """client: the direction in which the client sends.   trips: by side, how long an answer of it takes at the least to
    come back to the place of the capture, -1 while unknown."""

    def __init__(self) -> None:
        self.client: int = 0
        self.midstream: bool = False
        self.trips: list[i64] = [-1, -1]
        self.sure: list[bool] = [False, False]      # by side: one such answer came at once
        self.claims: list[Claim] = []       # few of each connection
        self.turns: list[Claim] = []        # that come with each turn or round
        self.forgotten: i64 = -1            # the longest of those that were forgotten, -1 for none
        self._opened: i64 = -1              # when the last segment of the handshake came, with its frame
        self._opened_frame: i64 = 0
        self._run: i64 = -1                 # whose data came last, -1 for nobody's
        self._last: i64 = -1                # when, in which frame
        self._last_frame: i64 = 0
        self._acked: i64 = -1               # when all of them were acknowledged, without data
        self._acked_frame: i64 = 0
        self._kept_alive: bool = False      # and somebody has asked since whether the other is still there
        self._spoke: list[bool] = [False, False]    # by side
        self._grounds: list[str] = ["", ""]         # of what is on its way to each side

    # -- the opening -------------------------------------------------------------------------------------

    def opening(self, segment: Segment, *, again: bool = False) -> None:
        """A segment of the handshake. again: it was sent before."""
        time, frame = i64(segment.time), i64(segment.frame)
        if self._opened >= 0 and time > self._opened:
            cause, confidence, ground = CONNECTING, CERTAIN, "the handshake of the transport"
            if again:
                cause, confidence, ground = RETRYING, LIKELY, "the same segment was sent again for want of an answer"
            frames = (int(self._opened_frame), int(frame))
            self.add(Claim(int(self._opened), int(time), cause, DOING, frames, confidence, ground))
        self._opened = time
        self._opened_frame = frame
        self._last = time
        self._last_frame = frame

    def opened(self, segment: Segment, halves: list[i64], *, known: bool) -> None:
        """The segment that opens the connection. halves: how long each side took to answer, which it does at once
        there; known: at one place."""
        self.opening(segment)
        for side in (0, 1):
            if known and halves[side] >= 0:
                self.sure[side] = True
                self._shorter(side, halves[side])

    def measured(self, segment: Segment, trip: i64) -> None:
        """The ACK for data came back after so long; with data it may have waited for the program that answers."""
        if segment.length == 0:
            self._shorter(segment.direction, trip)

    def _shorter(self, side: int, trip: i64) -> None:
        if self.trips[side] < 0 or trip < self.trips[side]:
            self.trips[side] = trip
            self._grounds[side] = f"an answer takes {duration(int(trip))} at the least to come back"

    # -- turns -------------------------------------------------------------------------------------------

    def data(self, direction: i64, time: i64, frame: i64) -> None:
        """New data of this direction, behind all that was seen of it."""
        if direction != self._run:
            if self._last >= 0:
                self._turn(int(direction), time, frame)
            self._run = direction
            self._spoke[int(direction)] = True
        self._last = time
        self._last_frame = frame
        self._acked = -1
        self._kept_alive = False

    def acknowledged(self, direction: i64, time: i64, frame: i64) -> None:
        """All data of this direction are acknowledged, by a segment without data."""
        if direction == self._run and self._acked < 0:
            self._acked = time
            self._acked_frame = frame

    def keep_alive(self) -> None:
        self._kept_alive = True

    def _turn(self, side: int, time: i64, frame: i64) -> None:
        """This side sends, and what was seen last was of the other one or of the opening."""
        since = self._last
        if time <= since:
            return
        way = self._way(side, time, REQUEST if side != self.client else PATH) if self._run >= 0 else i64(0)
        frames = (int(self._last_frame), int(frame))
        if side != self.client:
            cause, ground = SERVER, "the server's data came next"
        elif self._run >= 0 and (time - since - way > THINKING_NS or self._kept_alive):
            cause, ground = IDLE, "all data had been answered, and nobody sent any"
        else:
            cause, ground = CLIENT, "the client's data came next"
        if self._run >= 0 and self.trips[side] < 0:
            ground += "; the way there and back is part of it, which is not known"
        elif self.midstream:
            ground += "; who is the client was not seen"
        self.add(Claim(
            int(since), int(time), cause, TURN, frames, POSSIBLE, ground,
            SECURING_CLIENT if side == self.client else SECURING_SERVER,
        ))

    def _way(self, side: int, until: i64, cause: Cause) -> i64:
        """How long the last data were on their way to this side, and its answer on its way back."""
        trip = self.trips[side]
        acked = self._acked if self._last <= self._acked < until else i64(-1)
        way = max(trip, i64(0))
        ground = self._grounds[side]
        if acked >= 0 and acked - self._last - MOST_DELAY_NS > way:
            way = acked - self._last - MOST_DELAY_NS
            ground = f"the ACK came after {duration(int(acked - self._last))}, which no receiver delays so long"
        way = min(way, until - self._last)
        frames = (int(self._last_frame), int(self._acked_frame)) if acked >= 0 else (int(self._last_frame),)
        if way > 0 or acked >= 0:
            self.add(Claim(
                int(self._last), int(self._last + way), cause, ON_THE_WAY, frames,
                LIKELY if self.sure[side] else POSSIBLE, ground, acked_ns=int(acked),
            ))
        return way

    # -- what the other watchers tell ----------------------------------------------------------------------

    def moved(self, since: i64, until: i64, cause: Cause, frame: i64, last: i64, confidence: str, ground: str) -> None:
        """A round of data in one direction, and what limited it."""
        if until <= since:
            return
        weight = MOVING if cause is PATH else LIMITED
        if self.turns:
            before = self.turns[-1]
            if before.until == since and before.cause is cause and before.confidence == confidence:
                before.until = int(until)
                before.frames = (before.frames[0], int(last))
                return
        self.add(Claim(int(since), int(until), cause, weight, (int(frame), int(last)), confidence, ground))

    def paused(self, direction: i64, times: tuple[i64, i64, i64, i64], frames: tuple[i64, i64, i64]) -> None:
        """A silence within the data of one direction.

        times: of the last data before it, of the ACK that covers them, when that ACK was at the sender, and of the
        first data after it. frames: of the three.
        """
        since, acked, free, until = times
        self.moved(since, acked, PATH, frames[0], frames[1], POSSIBLE, "data whose ACK had not come")
        if free > acked:        # whoever knows what the messages mean knows better what that time was
            self.add(Claim(
                int(acked), int(free), PATH, TURN, (int(frames[0]), int(frames[1])), POSSIBLE,
                "the ACK of what was sent last was on its way",
            ))
        self.add(Claim(
            int(free), int(until), APPLICATION, TURN, (int(frames[1]), int(frames[2])), POSSIBLE,
            "all that was sent was acknowledged, and the same side sent on later",
            SECURING_CLIENT if direction == self.client else SECURING_SERVER,
        ))

    def stopped(
        self, since: int, until: int, cause: Cause, frames: tuple[int, ...], confidence: str, ground: str
    ) -> None:
        """Nothing could go on."""
        if until > since:
            self.add(Claim(since, until, cause, STOPPED, frames, confidence, ground))

    def unsure(self, segment: Segment, forward: TcpDirection, backward: TcpDirection) -> None:
        """Nobody knows how long it was from the last segment to this one; and whose turn it was."""
        until, frame, last = i64(segment.time), i64(segment.frame), max(forward.last_time, backward.last_time)
        if 0 <= last < until:
            self.claims.append(Claim(
                int(last), int(until), UNSEEN, BLIND, (int(frame),), CERTAIN,
                "the clock of the capture may have been set here",
            ))
        self._run = -1
        self._last = -1

    # -- the end -----------------------------------------------------------------------------------------

    def finish(self, forward: TcpDirection, backward: TcpDirection, ended: i64, ended_frame: i64) -> list[Claim]:
        """Everything up to the last segment. More may come: a capture that goes on asks again.

        ended: when the first FIN or RST came, in ended_frame; -1 for never.
        """
        first = forward.first_time
        if first < 0 or 0 <= backward.first_time < first:
            first = backward.first_time
        latest = backward if backward.last_time > forward.last_time else forward
        last, last_frame = latest.last_time, latest.last_frame
        if first < 0:
            return []
        kept, few = self.turns, self.claims
        self.turns, self.claims = [*kept], [*few]
        until = last if ended < 0 else min(max(ended, self._last), last)
        frames = (int(self._last_frame), int(ended_frame if ended >= self._last else last_frame))
        if self._run >= 0 and until > self._last:
            self._way(1 - int(self._run), until, PATH)
            if self._run == self.client and self._spoke[1 - self.client]:
                self.add(Claim(int(self._last), int(until), SERVER, TURN, frames, POSSIBLE,
                                 "the client's data came last, and none of the server after them"))
        if ended >= 0 and last > until:
            since_frame = ended_frame if ended >= self._last else self._last_frame
            self.claims.append(Claim(
                int(until), int(last), ENDING, LIMITED, (int(since_frame), int(last_frame)), CERTAIN,
                "one side had said that it was done, and no data came after",
            ))
        base = Claim(int(first), int(last), IDLE, GROUND, frames, POSSIBLE, "no data were under way")
        if self.forgotten >= 0:
            base = Claim(
                int(first), int(last), UNSEEN, GROUND, frames, CERTAIN,
                f"there are more than MAX_CLAIMS = {MAX_CLAIMS} of them: of turns and rounds of up to "
                f"{duration(int(self.forgotten))} nothing is kept",
            )
        found = [base, *self.claims, *self.turns]
        self.turns, self.claims = kept, few
        return found

    # -- keeping -----------------------------------------------------------------------------------------

    def add(self, claim: Claim) -> None:
        if claim.until - claim.since <= self.forgotten:
            return
        self.turns.append(claim)
        if len(self.turns) < MAX_CLAIMS:
            return
        lengths = sorted([length_of(one) for one in self.turns])
        least = lengths[len(lengths) // 2]
        self.turns = [one for one in self.turns if length_of(one) > least]
        self.forgotten = max(self.forgotten, i64(least))
