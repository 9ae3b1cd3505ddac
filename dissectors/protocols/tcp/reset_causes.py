"""Why a reset looks as it does. Each cause needs a ground: what came before, how long before, and from where.

A cause is claimed from what preceded the RST, never from its form alone: the same form has several causes.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.events_teardown import ANOTHER_MACHINE, ResetCause
from dissectors.protocols.tcp.flags import ACK
from dissectors.protocols.tcp.flow import MASK, TcpDirection
from dissectors.protocols.tcp.heard import stamps
from dissectors.protocols.tcp.segment import Segment

# A connection silent this long may have been forgotten by a machine on the path (RFC 5382 §5 lets them
# forget an established one after 2 h 4 min; many do after minutes).
LONG_SILENCE_NS: Final[i64] = 30_000_000_000
# A window that has gone down by this part of its largest speaks of data that wait to be read.
UNREAD_SHARE: Final[i64] = 8
# So many resends without an answer, then a reset: the sender gave up.
GIVEN_UP: Final = 3
# A path that changes makes the TTL of one sender differ by a few; systems begin at 64, 128 or 255 (RFC 1700: 64).
ROUTE_CHANGE: Final[i64] = 4
# A counter of IP identifications is one that went up by one so often; it goes on with one of the next few.
LEAST_COUNTED: Final[i64] = 2
NEXT_FEW: Final[i64] = 4
MASK_16: Final[i64] = 0xFFFF
# RFC 7323 §5.4: a timestamp clock ticks once in 1 ms to 1 s, so in so many ns it goes on by one at most.
LEAST_TICK_NS: Final[i64] = 1_000_000
SLACK_TICKS: Final[i64] = 50
# Of so many segments with one TTL another one by a little says something too, where the answer came too soon as well.
LEAST_STEADY: Final[i64] = 3
# An answer that comes within three quarters of the shortest round trip that was seen answers something earlier.
SOONER: Final[i64] = 3
THAN: Final[i64] = 4

FOREIGN: Final = ANOTHER_MACHINE
ALONE: Final = "nothing before it"
UNKNOWN: Final = "unknown connection"
FORGOTTEN: Final = "forgotten"
LATE: Final = "late data"
GAVE_UP: Final = "gave up"
AFTER_FIN: Final = "after own FIN"
OPENING: Final = "handshake given up"
AT_REST: Final = "nothing under way"


class ResetScene:
    """A RST and what came before it. mine: of its sender; theirs: of the other side.

    opening: the handshake is not complete.     rtt: the shortest time in which its sender was seen to answer, -1.
    gave_up, gave_up_since: resends of its sender without an answer, and when they began; keep_alives likewise.
    window, largest: its sender's last and largest advertised window, -1 for none.
    """

    def __init__(
        self, segment: Segment, sides: tuple[str, str], mine: TcpDirection, theirs: TcpDirection, opening: bool
    ) -> None:
        self.segment = segment
        self.mine = mine
        self.theirs = theirs
        self.opening = opening
        self.who = sides[segment.direction]
        self.peer = sides[1 - segment.direction]
        self.rtt: i64 = -1
        self.gave_up = 0
        self.gave_up_since: i64 = -1
        self.keep_alives = 0
        self.keep_alives_since: i64 = -1
        self.window: i64 = -1
        self.largest: i64 = -1

    def time(self) -> i64:
        return i64(self.segment.time)

    def silence(self, *flows: TcpDirection) -> i64:
        """Since the last segment of these directions before the RST; -1 where there was none."""
        last = max([flow.last_time for flow in flows])
        return self.time() - last if last >= 0 else -1

    def answers(self) -> bool:
        """The other side was the last to send, so the RST may be an answer to that."""
        return self.theirs.last_frame > self.mine.last_frame

    def too_soon(self, since: i64) -> bool:
        """What came at this time cannot have reached its sender and been answered."""
        return self.rtt > 0 and since >= 0 and THAN * (self.time() - since) < SOONER * self.rtt


def unacknowledged(scene: ResetScene) -> i64:
    """Bytes of the other side that nothing acknowledges, not even the RST. The numbers of its SYN and its FIN are none
    (RFC 9293 §3.4)."""
    theirs = scene.theirs
    if not theirs.seen or theirs.fin_acked:
        return 0
    acked = max(_acked(scene), 1)
    fin: i64 = 1 if theirs.fin_end > acked else 0
    return max(theirs.high - acked - fin, 0)


def reset_cause(scene: ResetScene) -> ResetCause:
    mine, theirs = scene.mine, scene.theirs
    if mine.segments == 0 and theirs.segments == 0:
        return ResetCause(
            ALONE, "", "nothing of this connection comes before it in the capture, so what led to it is not known"
        )
    signs = foreign_signs(scene)
    if signs:
        return ResetCause(FOREIGN, f"another machine sent it in the name of {scene.who}", "; ".join(signs))
    found = _of_the_ends(scene)
    return found if found is not None else _abort(scene)


def foreign_signs(scene: ResetScene) -> list[str]:
    """What shows that another machine than the sender of the other packets made this RST. [] where nothing does."""
    segment, mine, theirs = scene.segment, scene.mine, scene.theirs
    signs: list[str] = []
    ttl = i64(segment.ttl)
    if ttl >= 0 and mine.ttl_low >= 0 and (ttl < mine.ttl_low - ROUTE_CHANGE or ttl > mine.ttl_high + ROUTE_CHANGE):
        usual = f"{mine.ttl_low}" if mine.ttl_low == mine.ttl_high else f"{mine.ttl_low} to {mine.ttl_high}"
        signs.append(f"its TTL is {ttl}, where the other packets of {scene.who} have {usual}")
    elif (
        ttl > mine.ttl_high >= 0 and mine.ttl_low == mine.ttl_high and mine.segments >= LEAST_STEADY
        and scene.answers() and scene.too_soon(theirs.last_time)
    ):
        signs.append(
            f"its TTL is {ttl}, where all other packets of {scene.who} have {mine.ttl_high}, as if it came from nearer"
        )
    if len(mine.stations) == 1 and segment.station >= 0 and segment.station != mine.stations[0]:
        signs.append(
            f"it comes from {_station(segment.station)} on this link, where the other packets of {scene.who} come from "
            f"{_station(mine.stations[0])}"
        )
    if (
        scene.answers() and segment.ip_id > 0 and i64(segment.ip_id) == theirs.last_ip_id
        and i64(segment.window) == theirs.last_window and segment.window > 0
    ):
        signs.append(
            f"its IP identification (0x{segment.ip_id:04x}) and its window are those of #{theirs.last_frame}, as in a "
            "packet that was made from that one"
        )
    if signs and scene.answers() and scene.too_soon(theirs.last_time):
        signs.append(
            f"it came {duration(int(scene.silence(theirs)))} after #{theirs.last_frame}, where a round trip takes "
            f"{duration(int(scene.rtt))}"
        )
    if signs and scene.answers() and scene.theirs.segments:
        silence = scene.silence(scene.mine)
        if silence > LONG_SILENCE_NS:
            signs.append(
                f"it answers #{scene.theirs.last_frame} after {duration(int(silence))} without a segment of "
                f"{scene.who}, as a machine does that has forgotten the connection"
            )
    return signs


def own_signs(scene: ResetScene) -> list[str]:
    """What speaks for the machine which sent the other packets of its sender having made this RST too. [] where nothing
    does.

    A machine between answers or ends a connection with packets of its own, and knows neither the clock of the host
    (RFC 7323 §5.4) nor its counter of packets. An answer to a segment of no known connection has neither (RFC 9293
    §3.10.7.1), so their absence says nothing. What looks alike: a machine between that copies both and counts on.
    """
    segment, mine = scene.segment, scene.mine
    signs: list[str] = []
    if i64(segment.ttl) < mine.ttl_low or i64(segment.ttl) > mine.ttl_high:
        return signs
    value = stamps(segment.options)[0]
    last = stamps(mine.last_options)[0]
    if value >= 0 and last >= 0 and mine.options_time >= 0:
        passed = (scene.time() - mine.options_time) // LEAST_TICK_NS
        if 0 < (value - last) & MASK <= passed + passed // 8 + SLACK_TICKS:
            signs.append("its timestamp")
    ident = i64(segment.ip_id)
    if mine.counted >= LEAST_COUNTED and ident > 0 and 0 < (ident - mine.last_ip_id) & MASK_16 <= NEXT_FEW:
        signs.append("its IP identification")
    return signs


def _of_the_ends(scene: ResetScene) -> ResetCause | None:
    """None where no sign says more than that it was broken off."""
    segment, mine, theirs, who, peer = scene.segment, scene.mine, scene.theirs, scene.who, scene.peer
    if scene.opening:
        text = "the RST comes before the handshake was complete"
        return ResetCause(OPENING, f"{who} does not want this connection (any more)", text)
    if mine.fin_end >= 0 and theirs.last_data_time > mine.fin_time:
        return ResetCause(    # RFC 9293 §3.6.1, SHLD-3
            LATE, f"the program of {who} had closed for good",
            f"data of {peer} (#{theirs.last_data_frame}) came after the FIN of {who}",
        )
    if scene.gave_up >= GIVEN_UP:
        text = f"{plural(scene.gave_up, 'resend')} of the same data had no answer"
        return ResetCause(GAVE_UP, f"{who} gave up", text, since=int(scene.gave_up_since))
    if scene.keep_alives > 0:
        text = f"{plural(scene.keep_alives, 'keep-alive')} had no answer"
        return ResetCause(GAVE_UP, f"{who} gave up", text, since=int(scene.keep_alives_since))
    if mine.fin_end >= 0:
        text = f"{who} had sent its FIN and does not wait for the end of {peer}'s direction"
        return ResetCause(AFTER_FIN, "", text)
    if segment.flags & ACK == 0 and theirs.seen and i64(segment.seq) == theirs.last_ack:
        if scene.answers() and not scene.too_soon(theirs.ack_time):
            return _unknown(scene)
        if scene.answers():
            return ResetCause("aborted", "", (
                f"it came {duration(int(scene.silence(theirs)))} after #{theirs.last_frame}, sooner than the round "
                f"trip of {duration(int(scene.rtt))} allows an answer, so nothing that {peer} sent provoked it: the "
                f"program of {who}, or a machine on the path, broke the connection off"
            ))
    silence = scene.silence(mine)
    if scene.answers() and silence > LONG_SILENCE_NS:
        return ResetCause(FORGOTTEN, f"{who}, or a machine on the path, had forgotten this connection", (
            f"it answers #{theirs.last_frame}, the first sign of {peer} after {who} had been silent for "
            f"{duration(int(silence))}"
        ) if theirs.segments and scene.time() - theirs.last_time < LONG_SILENCE_NS else (
            f"nothing had come from {who} for {duration(int(silence))}"
        ))
    return None


def _unknown(scene: ResetScene) -> ResetCause:
    """An answer to a segment of no known connection (RFC 9293 §3.5.2, group 1)."""
    text = (
        f"it carries no ACK and just the number that #{scene.theirs.last_frame} acknowledged, as an answer to a "
        "segment of no known connection does"
    )
    silence = scene.silence(scene.mine)
    if silence < 0:
        return ResetCause(UNKNOWN, f"{scene.who} does not know this connection", text)
    if silence > LONG_SILENCE_NS:
        text += f", and {scene.who} had been silent for {duration(int(silence))}"
    return ResetCause(UNKNOWN, f"{scene.who} no longer knew this connection", text)


def _abort(scene: ResetScene) -> ResetCause:
    """A program, or a machine on the path, broke it off."""
    mine, theirs, who, peer = scene.mine, scene.theirs, scene.who, scene.peer
    if theirs.fin_end >= 0:
        text = f"{peer} had sent its FIN; {who} answers with a RST instead of one of its own"
        return ResetCause("instead of FIN", "", text)
    if theirs.last_data_time >= 0 and theirs.last_data_time > mine.last_data_time:
        last = f"{peer} was the last to send data (#{theirs.last_data_frame}) and {who} sent no FIN"
        looks = f"the program of {who} closed without reading all that had come"     # RFC 9293 §3.6.1, SHLD-3
        window, largest = scene.window, scene.largest
        if window >= 0 and largest - window >= max(theirs.mss, largest // UNREAD_SHARE):
            return ResetCause("unread data", looks, (
                f"{last}, and its window had gone down from {size(int(largest))} to {size(int(window))}, as it "
                "does while data wait to be read"
            ))
        if _acked(scene) < theirs.high:
            return ResetCause("unread data", looks, f"{last} and has not acknowledged all of it")
        # A client that has all its answers may end so, and many do. A server that does not answer breaks something off.
        if scene.segment.direction == 0 and mine.acked >= mine.high:
            return ResetCause(AT_REST, "", (
                f"{last}; all data of both sides had been acknowledged, and whether its program had read them does not "
                "show"
            ))
    silence = scene.silence(mine, theirs)
    text = f"{who} sent no FIN before, so its program (or a machine on the path) broke it off"
    if own_signs(scene):
        text = f"{who} sent no FIN before, and seems to have broken it off itself"
    if silence > LONG_SILENCE_NS:
        text += f", after {duration(int(silence))} of silence"
    return ResetCause("aborted", "", text)


def _acked(scene: ResetScene) -> i64:
    """How far the other side's bytes are acknowledged, by the RST too where its number can be meant."""
    theirs = scene.theirs
    if scene.segment.flags & ACK and theirs.placed:
        position = theirs.place(scene.segment.ack)
        if theirs.acked < position <= theirs.high:
            return position
    return theirs.acked


def remark(scene: ResetScene, exact: bool) -> str:
    """What is odd about the numbers of the RST, or about where it comes from."""
    segment, mine, theirs = scene.segment, scene.mine, scene.theirs
    parts: list[str] = []
    if not exact:
        parts.append(
            "Its number is not one that the other side can be waiting for, so a careful receiver asks back or "
            "drops it (RFC 5961 §3.2)."
        )
    if segment.flags & ACK and theirs.placed and theirs.place(segment.ack) > theirs.high:
        parts.append(f"It acknowledges bytes that {scene.peer} was not seen to send.")
    if segment.ttl >= 0 and mine.ttl_low >= 0 and not mine.ttl_low <= i64(segment.ttl) <= mine.ttl_high:
        if not foreign_signs(scene):
            parts.append(
                f"Its TTL is {segment.ttl}, and {mine.ttl_low} in other segments of {scene.who}: it may come from "
                "another machine, or by another path."
            )
    return " ".join(parts)


def _station(number: int) -> str:
    """An address on the link as it is written."""
    return number.to_bytes(6, "big").hex(":")
