"""Which packets of a conversation their receiver dropped for a wrong checksum.

A wrong sum by itself says little: where the capture is taken on the machine that sends, the network card fills it in
behind the capture. So each is held until what came of it is known. Taken: the other side acknowledged it, or answered.
Dropped: it was sent again, with a wrong sum too and in vain, or with a right one that was taken. A direction of which
one packet with a wrong sum was taken shows sums that are not those of the wire, and nothing is said of it.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.checksums import (
    RIGHT,
    WRONG,
    expected,
    ip_checksum,
    ip_expected,
    outer_checksum,
    outer_expected,
    transport_checksum,
)
from analyzer.flows.flow import Flow, TcpFlow, UdpFlow
from analyzer.flows.kinds import ONE_WAY
from analyzer.flows.table import RESENT, FlowTable
from analyzer.packet import TCP, UDP, Packet
from dissectors.kit.checksums import IP_SUM, OUTER_SUM, WrongChecksums, WrongSums
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event, Evidence, Observed
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN
from dissectors.protocols.tcp.options import parse
from dissectors.protocols.tcp.side import MASK, at_or_before

MAX_PENDING: Final = 64      # packets of a direction with a wrong sum of which nobody knows yet what came of them
MAX_SOUND: Final[i64] = 2_000    # right sums of a direction, none wrong, after which only what was resent is verified
MAX_FRAMES: Final = 12       # cited
AGAIN: Final = 2             # sendings of the same from which on a silence says that it was dropped
PLAIN_HEADER: Final[i64] = 32    # octets of a TCP header with timestamps; SACK blocks make it longer (RFC 2018 §3)
UDP_HEADER: Final[i64] = 8

# Which sum is wrong.
NOTHING: Final[i64] = 0
TRANSPORT: Final[i64] = 1
IP: Final[i64] = 2
OUTER: Final[i64] = 3


def may_be_damaged(flow: Flow) -> bool:
    """Can a packet of it have been dropped for its checksum? Then something was sent again, or not answered.

    The sums of all others need not be verified.
    """
    if isinstance(flow, TcpFlow):
        return flow.originator.retransmitted > 0 or flow.responder.retransmitted > 0
    return not isinstance(flow, UdpFlow) or flow.originator.frames != flow.responder.frames


class Suspect:
    """A packet with a wrong sum. first, end: of TCP its sequence numbers; else first tells what is the same again.

    replaced: the frame in which it came again with a right sum, 0 for none, at replaced_ns.
    """

    def __init__(self, packet: Packet, first: i64, end: i64, where: i64, flags: i64) -> None:
        self.first: i64 = first
        self.end: i64 = end
        self.where: i64 = where
        self.flags: i64 = flags
        self.kind: i64 = packet.kind
        self.frame: i64 = packet.number
        self.time: i64 = packet.time
        self.replaced: i64 = 0
        self.replaced_ns: i64 = 0
        stands, right = ip_expected(packet) if where == IP else (
            outer_expected(packet) if where == OUTER else expected(packet)
        )
        self.stands: i64 = stands
        self.right: i64 = right


class Side:
    """Of one direction. sound: packets whose sums are right; taken: wrong ones that were taken all the same; wrong: any
    was met.

    asked: one without a wrong sum was sent since the other side was last heard (of datagrams).
    acks: it acknowledges something of the other side.     heard: anything came of it.
    """

    def __init__(self) -> None:
        self.pending: list[Suspect] = []
        self.dropped: list[Suspect] = []
        self.sound: i64 = 0
        self.taken: i64 = 0
        self.wrong = False
        self.asked = False
        self.acks = False
        self.heard = False


class ChecksumWatch:
    """Of both directions."""

    def __init__(self) -> None:
        self.sides = (Side(), Side())

    # -- TCP -----------------------------------------------------------------------------------------------

    def segment(self, packet: Packet, table: FlowTable, direction: int) -> None:
        """A segment that the table has just seen."""
        mine, theirs = self.sides[direction], self.sides[1 - direction]
        flags, seq = table.flags, table.seq
        mine.heard = True
        if flags & ACK and not flags & RST:
            mine.acks = True
            if theirs.pending:
                _acknowledged(theirs, packet, table)
        length = table.length + (1 if flags & (SYN | FIN) else 0)
        if mine.sound >= MAX_SOUND and not mine.wrong and not table.bits & RESENT:
            return
        verdict = transport_checksum(packet)
        if flags & RST or length == 0:
            mine.sound += 1 if verdict == RIGHT else 0      # nothing shows whether such a segment was taken
            return
        where = _wrong(packet, verdict)
        if where == NOTHING:
            mine.sound += 1 if verdict == RIGHT else 0
            if mine.pending:
                _sent_again(mine, packet, seq, (seq + length) & MASK, verdict == RIGHT)
            return
        _note(mine, Suspect(packet, seq, (seq + length) & MASK, where, flags))

    # -- everything else -------------------------------------------------------------------------------------

    def datagram(self, packet: Packet, direction: int) -> None:
        """A datagram or an ICMP message."""
        mine = self.sides[direction]
        mine.heard = True
        self.answered(1 - direction)
        if _to_many(packet) or (packet.kind == UDP and int(packet.dport) in ONE_WAY):
            return      # which is sent again without waiting for an answer
        if mine.sound >= MAX_SOUND and not mine.wrong:
            return
        verdict = transport_checksum(packet)
        where = _wrong(packet, verdict)
        name = _name(packet)
        if where == NOTHING:
            mine.sound += 1 if verdict == RIGHT else 0
            mine.asked = True
            for suspect in mine.pending:
                if suspect.first == name and not suspect.replaced:
                    suspect.replaced = packet.number
                    suspect.replaced_ns = packet.time
            return
        _note(mine, Suspect(packet, name, 0, where, 0))

    def answered(self, direction: int) -> None:
        """Something came back for what this direction sent."""
        side = self.sides[direction]
        asked = side.asked
        side.asked = False
        if not side.pending:
            return
        if not asked:
            side.taken += 1
            side.pending = []
            return
        side.dropped += [suspect for suspect in side.pending if suspect.replaced]
        side.pending = [suspect for suspect in side.pending if not suspect.replaced]

    # -- the end -------------------------------------------------------------------------------------------

    def told(self, direction: int, sides: tuple[str, str]) -> list[Event]:
        """What came of it, once the conversation is over. sides: the words for its two ends."""
        mine, theirs = self.sides[direction], self.sides[1 - direction]
        if mine.taken or (mine.acks and not theirs.heard):     # what the other side took is not in the capture
            return []
        counts: dict[int, int] = {}
        for suspect in mine.pending:
            counts[int(suspect.first)] = counts.get(int(suspect.first), 0) + 1
        lost = [one for one in mine.pending if not one.replaced and counts[int(one.first)] >= AGAIN]
        dropped = lost or mine.dropped
        if not dropped:
            return []
        where = dropped[0].where
        dropped = [one for one in (mine.dropped + lost if lost else dropped) if one.where == where]
        return [_event(dropped, mine, theirs, direction, sides, not lost)]


def _event(
    dropped: list[Suspect], mine: Side, theirs: Side, direction: int, sides: tuple[str, str], replaced: bool
) -> Event:
    first, last = dropped[0], dropped[-1]
    cited = Cited(MAX_FRAMES)
    for one in dropped:
        cited.add(int(one.frame))
    sums = WrongSums()
    sums.header = OUTER_SUM if first.where == OUTER else IP_SUM if first.where == IP else _transport(first.kind)
    sums.noun = _noun(dropped)
    sums.count = len(dropped)
    sums.stands, sums.right = int(first.stands), int(first.right)
    sums.sound = int(mine.sound)
    sums.first_ns, sums.last_ns = int(first.time), int(last.time)
    sums.heard = theirs.heard
    if replaced:
        sums.replaced = int(last.replaced)
        sums.last_ns = int(last.replaced_ns)
        cited.add(int(last.replaced))
    return WrongChecksums(Observed(int(first.time), direction, Evidence(cited.frames())), sums, sides)


def _transport(kind: i64) -> str:
    return "TCP" if kind == TCP else "UDP" if kind == UDP else "ICMP"


def _noun(dropped: list[Suspect]) -> str:
    """One word for all of them."""
    if dropped[0].kind != TCP:
        return "datagram" if dropped[0].kind == UDP else "message"
    syn = [one.flags & (SYN | ACK) for one in dropped]
    if all(flags == SYN for flags in syn):
        return "SYN"
    return "SYN-ACK" if all(flags == SYN | ACK for flags in syn) else "segment"


def _wrong(packet: Packet, verdict: i64) -> i64:
    """Which of its sums is wrong, the outermost first: whoever adds that up drops the packet."""
    if packet.outer >= 0 and packet.outer != packet.transport and outer_checksum(packet) == WRONG:
        return OUTER
    if ip_checksum(packet) == WRONG:
        return IP
    return TRANSPORT if verdict == WRONG else NOTHING


def _note(side: Side, suspect: Suspect) -> None:
    """Beyond the cap the oldest is forgotten, and nothing is said of it."""
    side.wrong = True
    side.pending.append(suspect)
    if len(side.pending) > MAX_PENDING:
        side.pending.pop(0)


def _acknowledged(side: Side, packet: Packet, table: FlowTable) -> None:
    """The other side says how far it has everything, and with SACK blocks what it has beyond that."""
    blocks: list[tuple[int, int]] = []
    if table.header > PLAIN_HEADER - 4:
        at = packet.transport + 20
        blocks = parse(packet.data[at:max(at, min(table.payload, packet.end))]).sack
    kept: list[Suspect] = []
    for one in side.pending:
        has = at_or_before(one.end, table.ack)
        for left, right in blocks:
            has = has or (at_or_before(i64(left), one.first) and at_or_before(one.end, i64(right)))
        if not has:
            kept.append(one)
        elif one.replaced:
            side.dropped.append(one)
        else:
            side.taken += 1
    side.pending = kept


def _sent_again(side: Side, packet: Packet, first: i64, end: i64, sound: bool) -> None:
    """The same octets, without a wrong sum. Where that sum is not known to be right, what is taken cannot be told."""
    kept: list[Suspect] = []
    for one in side.pending:
        if at_or_before(first, one.first) and not at_or_before(end, one.first):
            if not sound:
                continue
            if not one.replaced:
                one.replaced = packet.number
                one.replaced_ns = packet.time
        kept.append(one)
    side.pending = kept


def _name(packet: Packet) -> i64:
    """The same for datagrams that carry the same, and for ICMP messages of one type."""
    at = packet.transport
    if packet.kind == UDP:
        return i64(hash(packet.behind(at + UDP_HEADER)))
    return i64(packet.data[at]) << 8 | i64(packet.data[at + 1]) if at + 2 <= packet.end else 0


def _to_many(packet: Packet) -> bool:
    """RFC 1112 §4 and RFC 4291 §2.7: groups; RFC 919 §7: everybody."""
    first = packet.data[packet.dst]
    return first == 0xFF if packet.ip_version == 6 else first >= 224
