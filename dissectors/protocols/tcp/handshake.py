"""The beginning of a connection: SYNs, their answers, and what they agree."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.units import span
from dissectors.protocols.tcp.events import LIKELY, MAX_FRAMES, POSSIBLE, TcpObserved, seen_in
from dissectors.protocols.tcp.events_answers import AnswerReset, OldAnswer
from dissectors.protocols.tcp.events_handshake import (
    AE,
    Attempt,
    EcnNegotiation,
    FastOpen,
    HalfOpen,
    HandshakeTimes,
    OptionsExplained,
    SimultaneousOpen,
    Syn,
    SynAck,
    SynAnswer,
    SynCookie,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.flags import ACK, CWR, ECE
from dissectors.protocols.tcp.flow import MASK
from dissectors.protocols.tcp.holes import doubled
from dissectors.protocols.tcp.options import TcpOptions, multiplier, parse
from dissectors.protocols.tcp.segment import Segment

MAX_TOLD: Final = 12             # SYNs of one side told one by one
# Below this total the two halves of a handshake say nothing about where the capture was taken.
LEAST_HANDSHAKE_NS: Final = 1_000_000
# A cookie's timestamp lies this far behind the clock, in ms; less could be jitter.
COOKIE_BEHIND_LEAST: Final[i64] = 4
COOKIE_BEHIND_MOST: Final[i64] = 63
# One half so many times the other: the capture is at the short half's end.
LOPSIDED: Final = 5
# An ACK so far beyond a SYN acknowledges nothing that a capture with holes may have missed: it is of other numbers.
REACH: Final[i64] = 1 << 24


class Opening:
    """The SYNs (or SYN-ACKs) of one side."""

    def __init__(self) -> None:
        self.count = 0
        self.seq: i64 = 0
        self.first_time: i64 = 0
        self.last_time: i64 = 0
        self.last_wait: i64 = -1
        self.cited = Cited(MAX_FRAMES)
        self.options = TcpOptions()
        self.length: i64 = 0
        self.flags: i64 = 0
        self.changed: bool = False       # a later one had another number
        self.right: bool = False         # one acknowledges the other side's SYN, as far as that was seen
        self.wrong: i64 = 0              # answers that do not
        self.wrong_ack: i64 = -1         # what the last of them acknowledges, and in which frame
        self.wrong_frame = 0
        self.wrong_syn: bool = False     # it was a SYN-ACK

    def again(self, segment: Segment) -> None:
        if self.count:
            self.last_wait = i64(segment.time) - self.last_time
        else:
            self.first_time = i64(segment.time)
        self.count += 1
        self.last_time = i64(segment.time)
        self.cited.add(segment.frame)

    def attempt(self, earlier: i64, answered: bool = False) -> Attempt:
        """The last one. earlier: the wait before the one before it, -1 where there was none."""
        return Attempt(
            self.count, self.last_wait, backoff=doubled(earlier, self.last_wait) if earlier > 0 else False,
            answered=answered,
        )

    def note_wrong(self, segment: Segment, *, syn: bool) -> None:
        self.wrong += 1
        self.wrong_syn = syn
        self.wrong_ack = i64(segment.ack)
        self.wrong_frame = segment.frame


class HandshakeWatch:
    """seen_from: where the capture was taken ("client", "server", "between", ""), with its basis."""

    def __init__(self) -> None:
        self.sides: tuple[str, str] = ("", "")
        self.syns = [Opening(), Opening()]          # by direction
        self.answers = [Opening(), Opening()]
        self.established: bool = False
        self.refused: bool = False
        self.accurate_ecn: bool = False
        self.rtt: i64 = -1                          # from the SYN to the ACK
        self.halves: list[i64] = [-1, -1]           # by direction: how long that side took to answer, at this place
        self._third_time: i64 = -1                  # of the first ACK of the SYN-ACK
        self._resets: i64 = 0                       # RSTs of the caller for answers that do not fit
        self.one_place = True       # both directions were captured at one place, with one clock
        self.seen_from = ""
        self.basis = ""
        self._cookie_matches = 0
        self._cookie_value = -1
        self._cookie_told: bool = False
        self.clock_wanted: bool = False             # a later timestamp of the server would tell of a cookie
        self._cookie_frame = 0
        self._cookie_time: i64 = 0
        self._cookie_side = 0

    def syn(self, segment: Segment, out: list[Event]) -> None:
        direction = segment.direction
        mine = self.syns[direction]
        theirs = self.syns[1 - direction]
        earlier = mine.last_wait if mine.count > 1 else -1
        mine.again(segment)
        if mine.count > 1 and mine.seq != i64(segment.seq):
            mine.changed = True
        mine.seq = i64(segment.seq)
        mine.length = i64(segment.length)
        mine.flags = i64(segment.flags)
        mine.options = parse(segment.options)
        if mine.count > MAX_TOLD:
            return
        answered = self.answers[1 - direction].wrong > 0
        out.append(Syn(segment, self.sides, mine.options, mine.attempt(earlier, answered)))
        if mine.count == 1 and mine.options.kinds:
            out.append(OptionsExplained(segment, self.sides, mine.options))
        if mine.count == 1 and theirs.count:
            frames = (theirs.cited.first[0], segment.frame)
            out.append(SimultaneousOpen(TcpObserved(segment.time, NEITHER, frames, self.sides)))

    def syn_ack(self, segment: Segment, out: list[Event]) -> None:
        direction = segment.direction
        mine = self.answers[direction]
        syn = self.syns[1 - direction]
        earlier = mine.last_wait if mine.count > 1 else -1
        changed = mine.count > 0 and mine.seq != i64(segment.seq)
        before = mine.cited.first[0] if mine.count else 0
        mine.again(segment)
        mine.seq = i64(segment.seq)
        mine.flags = i64(segment.flags)
        mine.options = parse(segment.options)
        # RFC 9293 §3.4: the SYN takes one number, data on it the next ones.
        taken = (i64(segment.ack) - syn.seq - 1) & MASK
        acks = syn.count > 0 and taken <= syn.length
        wrong = syn.count > 0 and not acks
        if wrong:
            mine.note_wrong(segment, syn=True)
        else:
            mine.right = True
        crossed = self.syns[direction].count > 0
        if mine.count <= MAX_TOLD:
            # Karn's algorithm (RFC 6298 §3): an answer to a SYN sent twice measures nothing.
            once = syn.count == 1 and mine.count == 1 and not crossed and not wrong
            rtt = i64(segment.time) - syn.first_time if once else -1
            refused = _not_taken_up(syn.options, mine.options) if syn.count and mine.count == 1 else []
            answer = SynAnswer(
                rtt, refused, expected=int((syn.seq + 1) & MASK) if wrong else -1, crossed=crossed,
                after_third_ns=i64(segment.time) - self._third_time if self._third_time >= 0 and not changed else -1,
            )
            out.append(SynAck(segment, self.sides, mine.options, mine.attempt(earlier), answer))
        if mine.count == 1:
            self._agreed(segment, syn, mine, int(taken) if acks else -1, out)
        if syn.count and acks:
            self._cookie(segment, syn, mine, changed, before, out)

    def _agreed(self, segment: Segment, syn: Opening, mine: Opening, taken: int, out: list[Event]) -> None:
        """What the first SYN-ACK settles: options, ECN, Fast Open."""
        if mine.options.kinds:
            out.append(OptionsExplained(segment, self.sides, mine.options))
        if syn.count and syn.flags & ECE and syn.flags & CWR:
            agreed = mine.flags & ECE != 0 and mine.flags & CWR == 0
            self.accurate_ecn = syn.flags & AE != 0 and not agreed
            out.append(EcnNegotiation(segment, self.sides, agreed=agreed, accurate=syn.flags & AE != 0))
        cookie = max(mine.options.fast_open, 0)
        if syn.length and taken >= 0:
            result = "accepted" if taken else "declined"
            out.append(FastOpen(segment, self.sides, result, cookie=cookie, octets=syn.length, accepted=taken))
        elif syn.options.fast_open == 0:
            out.append(FastOpen(segment, self.sides, "cookie" if cookie else "no cookie", cookie=cookie))

    def _cookie(
        self, segment: Segment, syn: Opening, mine: Opening, changed: bool, before: int, out: list[Event]
    ) -> None:
        """Signs of SYN cookies. One match of the timestamp's six low bits is chance once in 64 connections, so
        two are asked for (Linux keeps there what the cookie itself has no room for)."""
        if self._cookie_told:
            return
        direction = segment.direction
        if changed and not syn.changed:
            self._cookie_told = True
            out.append(SynCookie(
                seen_in(segment, self.sides, before),
                f"the answers #{before} and #{segment.frame} to the same SYN have different numbers, so no state of "
                "the first seems to have been kept", POSSIBLE,
            ))
            return
        value = mine.options.ts_value
        if value < 0 or syn.options.ts_value < 0 or value == self._cookie_value:
            return
        expected = (syn.options.scale if syn.options.scale >= 0 else 15) & 15
        expected |= (16 if syn.options.sack_permitted else 0) | (32 if mine.flags & ECE else 0)
        self._cookie_value = value
        self._cookie_matches = self._cookie_matches + 1 if value & 63 == expected else -100
        self.clock_wanted = self._cookie_matches > 0
        self._cookie_frame = segment.frame
        self._cookie_time = i64(segment.time)
        self._cookie_side = direction
        if self._cookie_matches == 2:
            self._cookie_told = True
            out.append(SynCookie(
                seen_in(segment, self.sides, before),
                "the low six bits of both its timestamps repeat the options of the SYN, as Linux writes them into a "
                "cookie's timestamp", POSSIBLE,
            ))

    def clock(self, segment: Segment, out: list[Event]) -> None:
        """A later timestamp of the side that answered. A cookie's timestamp has its low bits overwritten, so it
        lies up to 63 ms behind the clock that later segments show (Linux counts milliseconds)."""
        if segment.direction != self._cookie_side or self._cookie_told:
            return
        value = parse(segment.options).ts_value
        self.clock_wanted = False
        if value < 0:
            return
        passed = (i64(segment.time) - self._cookie_time) // 1_000_000
        behind = (i64(value) - i64(self._cookie_value) - passed) & MASK
        if COOKIE_BEHIND_LEAST <= behind <= COOKIE_BEHIND_MOST:
            self._cookie_told = True
            out.append(SynCookie(
                seen_in(segment, self.sides, self._cookie_frame),
                f"the low six bits of the timestamp in #{self._cookie_frame} repeat the options of the SYN, as Linux "
                f"writes them into a cookie's timestamp, and it lies {behind} ms behind the clock that "
                f"#{segment.frame} shows", LIKELY,
            ))

    def third(self, segment: Segment, out: list[Event]) -> None:
        """The first segment that acknowledges the other side's SYN."""
        self.established = True
        self._third_time = i64(segment.time)
        direction = segment.direction
        syn = self.syns[direction]
        answer = self.answers[1 - direction]
        first = i64(-1)
        second = i64(-1)
        total = i64(-1)
        if syn.count == 1 and answer.count >= 1:
            first = answer.first_time - syn.first_time
        if answer.count == 1:
            second = i64(segment.time) - answer.last_time
        self.halves[1 - direction] = first
        self.halves[direction] = second
        if first >= 0 and second >= 0:
            total = first + second
            if self.syns[1 - direction].count == 0:
                self.rtt = total
                self._place(int(first), int(second))
        times = HandshakeTimes(first, second, total)
        out.append(TcpEstablished(segment, self.sides, times, self.seen_from, self.basis))

    def _place(self, first: int, second: int) -> None:
        """Where the capture was taken: the half of the handshake that passes quickly is the near one."""
        if first + second < LEAST_HANDSHAKE_NS or not self.one_place:
            return
        self.basis = (
            f"the answer to the SYN came after {span(first)} and the ACK of it after {span(second)}"
        )
        if first >= LOPSIDED * second:
            self.seen_from = "client"
        elif second >= LOPSIDED * first:
            self.seen_from = "server"
        else:
            self.seen_from = "between"

    def acks_syn(self, segment: Segment) -> bool:
        """Does it acknowledge the other side's SYN, as far as that was seen?"""
        syn = self.syns[1 - segment.direction]
        return syn.count == 0 or (i64(segment.ack) - syn.seq - 1) & MASK <= syn.length

    def old_answer(self, segment: Segment, out: list[Event]) -> bool:
        """Before there was a SYN-ACK: is this the ACK of another connection? Then it is told.

        What acknowledges a little more than the SYN may be of this connection, where the capture missed some of it.
        """
        syn = self.syns[1 - segment.direction]
        mine = self.answers[segment.direction]
        if syn.count == 0 or mine.right:
            return False
        if (i64(segment.ack) - syn.seq - 1) & MASK <= syn.length + REACH:
            return False
        mine.note_wrong(segment, syn=False)
        if mine.wrong <= MAX_TOLD:
            after = i64(segment.time) - syn.last_time
            out.append(OldAnswer(segment, self.sides, syn.cited.last, int((syn.seq + 1) & MASK), after))
        return True

    def reset_answer(self, segment: Segment, out: list[Event]) -> bool:
        """Is this RST the caller's for an answer that does not acknowledge its SYN (RFC 9293 §3.10.7.3)?"""
        direction = segment.direction
        wrong = self.answers[1 - direction]
        if self.syns[direction].count == 0 or wrong.wrong == 0 or i64(segment.seq) != wrong.wrong_ack:
            return False
        self._resets += 1
        if self._resets <= MAX_TOLD:
            out.append(AnswerReset(segment, self.sides, wrong.wrong_frame, of_syn=wrong.wrong_syn))
        return True

    def refuse(self, segment: Segment, out: list[Event]) -> None:
        """A RST from the side that was asked, before it agreed."""
        syn = self.syns[1 - segment.direction]
        exact = (
            segment.flags & ACK != 0
            and (i64(segment.ack) - syn.seq - 1) & MASK <= syn.length     # RFC 9293 §3.10.7.3
        )
        out.append(TcpRefused(
            seen_in(segment, self.sides, syn.cited.last), i64(segment.time) - syn.last_time,
            exact=exact, repeated=self.refused,
        ))
        self.refused = True

    def finish(self, how: str, time: int, heard: tuple[bool, bool], reset_by: int, out: list[Event]) -> bool:
        """The end of the telling. True where the connection never came to be, and that was told.

        how: as `TcpNarrator.on_end()` has it.
        heard: whether anything of each side was seen. A side that sent something else is not silent.
        reset_by: which of them sent a RST, -1 for none: one that answers a SYN-ACK ends what was never open.
        """
        if self.established or self.refused:
            return self.refused
        for direction in (0, 1):
            answer = self.answers[direction]
            if answer.wrong and not answer.right:
                return True
            if answer.count and reset_by == 1 - direction:
                return False
            if answer.count:
                observed = TcpObserved(answer.last_time, direction, answer.cited.frames(), self.sides)
                lasted = answer.last_time - answer.first_time
                out.append(HalfOpen(observed, answer.count, lasted, time - answer.last_time, how))
                return True
        for direction in (0, 1):
            syn = self.syns[direction]
            if syn.count and not heard[1 - direction]:
                out.append(TcpUnanswered(
                    TcpObserved(syn.last_time, direction, syn.cited.frames(), self.sides), syn.count,
                    syn.last_time - syn.first_time, time - syn.last_time, how,
                ))
                return True
        return False


def _not_taken_up(offered: TcpOptions, taken: TcpOptions) -> list[str]:
    """Offers of the SYN that its answer leaves out."""
    out: list[str] = []
    if offered.scale >= 0 and taken.scale < 0:
        out.append(f"window scaling ×{multiplier(offered.scale)}")
    if offered.sack_permitted and not taken.sack_permitted:
        out.append("SACK")
    if offered.ts_value >= 0 and taken.ts_value < 0:
        out.append("timestamps")
    if offered.mptcp >= 0 and taken.mptcp < 0:
        out.append("multipath TCP")
    return out
