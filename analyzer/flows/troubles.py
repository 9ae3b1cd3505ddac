"""The troubles of all conversations, told or not, counted by kind when each of them leaves the table."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import (
    ECHOES,
    EXPIRED,
    OTHER_ERROR,
    PROHIBITED,
    REDIRECTED,
    REPORTED,
    SAW_SYN,
    SAW_SYN_ACK,
    TOO_BIG,
    Flow,
    TcpFlow,
    UdpFlow,
)
from analyzer.flows.kinds import (
    CODES,
    ELSEWHERE,
    ERROR,
    FILTERED,
    GAVE_UP,
    HALF_OPEN,
    HEARD_NS,
    NOTE,
    ONE_SIDED,
    REFUSED,
    REPORTS,
    RESENT,
    RESET,
    SILENT,
    TIMEOUT,
    TOO_LARGE,
    UNANSWERED,
    WARN,
    WORST,
    ZERO_WINDOW,
    closed_for,
    has_ports,
    kinds_of,
    nobody_waits,
    resent_weight,
    reset_weight,
    service_port,
    silent_weight,
    zero_weight,
)
from analyzer.flows.reflected import Reflections, comes_unasked
from analyzer.flows.scans import BY_ECHO, BY_ICMP, BY_RST, BY_SYN, BY_UDP, IN_SILENCE, Scanner, Scans, odd_flags
from analyzer.flows.tally import MAX_SHOWN, PEERS_EACH, Attempt, Numbering, Tally, peer_text, service_of, tally_of
from analyzer.model import Together
from analyzer.packet import Packet
from analyzer.partition import mixed
from dissectors.kit.octets import be16, be32
from dissectors.protocols.icmp import by_filter

REDIRECT: Final = b"\x04\x05"      # version, type (RFC 792)
HEARD_BITS: Final[i64] = 1 << 18
# Each of them in each share of the capture.
MAX_SEEN: Final = 2_500            # conversations among which one that is seen once more is looked for
MAX_BEFORE: Final = 125            # ... before any of a VLAN or tunnel was met
COPY_NS: Final = 1_000_000_000     # within which the first packet passes in both


IN_VAIN: Final = (int(REFUSED), int(UNANSWERED), int(SILENT))     # kinds that the scanners keep by themselves


class Troubles:
    """All conversations with a trouble, each kind counted by itself, and who scans.

    two: a conversation with two directions was seen.     loose: connections that begin with an answer.
    kinds: what the last one was counted for; whoever counts one of another transport takes it away.
    """

    def __init__(self) -> None:
        self.kinds: i64 = 0
        self.tallies: dict[int, Tally] = {}
        self.scans = Scans()
        self.reflections = Reflections()
        self.two = False
        self.loose: i64 = 0
        self.scoped = False                     # a conversation in a VLAN or tunnel was counted
        self.seen: dict[bytes, tuple[bytes, int]] = {}      # by ends, without the scope: scope and first time
        self.silent: dict[bytes, bool] = {}     # UDP services that did not answer a client
        # Those that answered one: a bit each. Two may share one, so that of a few dead ones that is not said.
        self.heard = bytearray(HEARD_BITS >> 3)

    def tally(self, kind: i64) -> Tally:
        return tally_of(self.tallies, kind)

    def tcp(self, flow: TcpFlow, until: i64) -> None:
        """A connection that left the table at `until`."""
        if not self.two and flow.originator.frames and flow.responder.frames:
            self.two = True
        kinds = kinds_of(flow)
        self.kinds = 0
        if kinds and self._again(flow):
            return
        self.kinds = kinds
        if odd_flags(flow.opened_with):
            self.scans.odd(flow)
            self.kinds = 0
            return
        if not kinds & (REFUSED | UNANSWERED):
            if flow.responder.marks & SAW_SYN_ACK and not flow.originator.marks & SAW_SYN:
                self.loose += 1
            if flow.marks & REPORTED and flow.originator.marks & SAW_SYN and not flow.responder.frames:
                self.scans.failed(flow, BY_SYN, BY_ICMP)
            elif flow.responder.frames:
                self.scans.opened(flow, BY_SYN)
        if kinds:
            self._count(flow, kinds, until)

    def _again(self, flow: Flow) -> bool:
        """Whether it is one that was counted, seen once more in another VLAN or tunnel.

        Nothing is noted of captures that show neither, but for the first conversations, which may come before.
        """
        if flow.scope:
            self.scoped = True
        elif not self.scoped and len(self.seen) >= MAX_BEFORE:
            return False
        key = flow.forward[:len(flow.forward) - len(flow.scope)]
        before = self.seen.get(key)
        time = int(flow.first_time)
        if before is not None and before[0] != flow.scope and -COPY_NS <= time - before[1] <= COPY_NS:
            return True
        if len(self.seen) >= MAX_SEEN:
            self.seen.clear()
        self.seen[key] = (flow.scope, time)
        return False

    def _count(self, flow: TcpFlow, kinds: i64, until: i64) -> None:
        if kinds & REFUSED:
            self._in_vain(self.scans.failed(flow, BY_SYN, BY_RST), Attempt(flow, REFUSED, flow.reset_frame, WORST))
        elif kinds & UNANSWERED:
            one = Attempt(flow, UNANSWERED, flow.last_frame, WORST)
            one.since, one.until = flow.first_time, until
            one.once = flow.originator.frames == 1
            self._in_vain(self.scans.failed(flow, BY_SYN, IN_SILENCE), one)
        elif kinds & HALF_OPEN:
            self._half_open(flow, until)
        elif kinds & (RESET | GAVE_UP):
            self._reset(flow, self.tally(GAVE_UP if kinds & GAVE_UP else RESET))
        if kinds & ONE_SIDED:
            self.tally(ONE_SIDED).add(flow, flow.first_frame, NOTE)
        if kinds & (RESENT | TIMEOUT | ZERO_WINDOW):
            self._setbacks(flow, kinds)

    def _in_vain(self, scanner: Scanner | None, one: Attempt) -> None:
        """Counted by its client, as far as that is looked at, until it is known whether it scans."""
        if scanner is None:
            self.tally(one.kind).take(one)
        else:
            scanner.keep(one)
        if self.scans.freed:
            self._take_freed()

    def _take_freed(self) -> None:
        """Clients that were forgotten are none of those who scan."""
        for freed in self.scans.freed:
            self.tally(freed.kind).take(freed)
        self.scans.freed = []

    def _reset(self, flow: TcpFlow, tally: Tally) -> None:
        weight = reset_weight(flow)
        tally.add(flow, flow.reset_frame, weight)
        if flow.first_reset == 0:
            tally.by_originator += 1
        if weight < WARN:
            tally.mild += 1

    def _half_open(self, flow: TcpFlow, until: i64) -> None:
        """A server sends its SYN-ACK again after about a second (RFC 6298 §2): one that does not has got an answer."""
        once = flow.responder.frames == 1
        since = flow.syn_ack_time if once else flow.first_time
        tally = self.tally(HALF_OPEN)
        heard = once and until - since >= HEARD_NS
        tally.add(flow, flow.last_frame, NOTE if heard else WARN)
        tally.wait(since, until)

    def _setbacks(self, flow: TcpFlow, kinds: i64) -> None:
        """Each kind is counted once for the connection, and what it lost by it in both directions."""
        if kinds & RESENT:
            self._resent(flow, self.tally(RESENT))
        if kinds & TIMEOUT:
            self._timeouts(flow, self.tally(TIMEOUT))
        if kinds & ZERO_WINDOW:
            self._closed(flow, self.tally(ZERO_WINDOW))

    def _resent(self, flow: TcpFlow, tally: Tally) -> None:
        weight, frame, octets = NOTE, i64(0), i64(0)
        for half in (flow.originator, flow.responder):
            setback = half.setback
            if setback is not None and setback.segments:
                tally.segments += setback.segments
                tally.times += setback.episodes
                octets += setback.octets
                weight = max(weight, resent_weight(half, setback))
                frame = setback.first_resent
        tally.octets += octets
        tally.add(flow, frame, weight)
        tally.pay(flow, int(octets))

    def _timeouts(self, flow: TcpFlow, tally: Tally) -> None:
        weight, frame, cost = NOTE, i64(0), 0
        for half in (flow.originator, flow.responder):
            setback = half.setback
            if setback is not None and setback.timeouts:
                tally.times += setback.timeouts
                tally.segments += setback.waited
                tally.octets += setback.waited_octets
                cost += setback.timeout_ns
                if half.peer.frames:
                    weight = WARN
                frame = setback.first_resent
        tally.cost += cost
        tally.add(flow, frame, weight)
        tally.pay(flow, cost)

    def _closed(self, flow: TcpFlow, tally: Tally) -> None:
        weight, frame, cost = NOTE, i64(0), 0
        still = False
        for half in (flow.originator, flow.responder):
            setback = half.setback
            if setback is not None and half.zero_windows:
                tally.times += half.zero_windows
                cost += closed_for(half)
                still = still or half.zero_since >= 0
                weight = max(weight, zero_weight(half))
                frame = setback.first_closed
        if still:
            tally.unended += 1
        tally.cost += cost
        tally.add(flow, frame, weight)
        tally.pay(flow, cost)

    def other(self, flow: UdpFlow, until: i64) -> None:
        """A conversation without connections that left the table."""
        self.kinds = kinds_of(flow) & REPORTS if flow.icmp_errors else 0
        if flow.responder.frames and flow.originator.frames:
            self.two = True
            if has_ports(flow):
                bit = _bit_of(flow.forward, flow.address_size)
                self.heard[bit >> 3] |= 1 << (bit & 7)
                self.scans.opened(flow, BY_UDP)
            elif flow.marks & ECHOES:
                self.scans.opened(flow, BY_ECHO)
        elif flow.marks & ECHOES:
            if not flow.marks & EXPIRED:
                self.scans.failed(flow, BY_ECHO, BY_ICMP if flow.marks & REPORTED else IN_SILENCE)
        elif kinds_of(flow) & SILENT:
            if not self._again(flow):
                self.kinds |= SILENT
                self._silent(flow, until)
        elif has_ports(flow):
            if comes_unasked(flow):
                self.reflections.take(flow)
            elif flow.marks & REPORTED:
                self.scans.failed(flow, BY_UDP, BY_ICMP)
            elif flow.marks & EXPIRED:
                self.scans.expired(flow)

    def _silent(self, flow: UdpFlow, until: i64) -> None:
        """A client that asks once may have had its answer where the capture was not looking; one that asks again has
        had none."""
        again = flow.originator.frames > 1
        one = Attempt(flow, SILENT, flow.last_frame, silent_weight(service_port(flow)) if again else NOTE)
        one.since, one.until = flow.first_time, until
        one.times, one.once = flow.originator.frames, True
        self._in_vain(self.scans.failed(flow, BY_UDP, IN_SILENCE), one)
        service = service_of(flow)
        if len(self.silent) < PEERS_EACH:
            self.silent[service] = True

    def reported(self, flow: Flow, packet: Packet) -> None:
        """An ICMP error about a packet of this conversation."""
        data, at = packet.data, packet.transport
        reason = bytes((4 if packet.ip_version == 4 else 6, data[at], data[at + 1]))
        # RFC 792; RFC 4443 §3.3: a hop limit that ran out; code 1 is the receiver's, of fragments that did not come.
        if reason[1:] == bytes((11 if reason[0] == 4 else 3, 0)):
            flow.marks |= EXPIRED
        elif reason[:2] != REDIRECT:         # what is redirected is passed on all the same
            flow.marks |= REPORTED
        mark, kind, mild = OTHER_ERROR, ERROR, False
        if reason[1] == 2 if reason[0] == 6 else reason[1] == 3 and reason[2] == 4:
            mark, kind, mild = TOO_BIG, TOO_LARGE, True
        elif by_filter(int(reason[0]), int(reason[1]), int(reason[2]), isinstance(flow, TcpFlow)):
            mark, kind = PROHIBITED, FILTERED
        elif reason[:2] == REDIRECT:
            mark, kind, mild = REDIRECTED, ELSEWHERE, True
        tally = self.tally(kind)
        tally.times += 1
        tally.reasons[reason] = tally.reasons.get(reason, 0) + 1      # 256 types of 256 codes at most
        if flow.marks & mark:
            return
        flow.marks |= mark
        tally.count += 1
        mild = mild or nobody_waits(flow, packet, reason)
        tally.weights[NOTE if mild else WARN] += 1
        tally.services.add(packet.source())
        tally.clients.add(flow.forward[:flow.address_size])
        tally.cite(flow, packet.number)

    def _answers(self, service: bytes) -> bool:
        """May it have answered anybody?"""
        size: i64 = len(service) - 2
        bit = _bit_of(service[:size] + service[:size] + service[size:] + service[size:], size)
        return self.heard[bit >> 3] >> (bit & 7) & 1 != 0

    def merge(self, other: Troubles) -> None:
        """Those of another share of the capture."""
        for kind, tally in other.tallies.items():
            self.tally(kind).merge(tally)
        self.scans.merge(other.scans)
        self.reflections.merge(other.reflections)
        self.two = self.two or other.two
        self.loose += other.loose
        self.silent.update(other.silent)
        self.heard = bytearray(
            (int.from_bytes(self.heard, "little") | int.from_bytes(other.heard, "little")).to_bytes(
                len(self.heard), "little"
            )
        )

    def renumber(self, numbering: Numbering) -> None:
        for tally in self.tallies.values():
            tally.renumber(numbering)
        self.scans.renumber(numbering)

    def together(self, end: i64) -> dict[str, Together]:
        """By the code of the finding, at the end of the capture."""
        found: dict[str, Together] = {}
        self._take_freed()
        tallies: dict[int, Tally] = {}
        for kind, counted in self.tallies.items():
            tallies[kind] = counted
            if kind in IN_VAIN:
                tallies[kind] = Tally()
                tallies[kind].merge(counted)
        self.scans.others(tallies)
        for kind, tally in sorted(tallies.items()):
            made = tally.together(end)
            made.two = self.two
            made.loose = min(int(self.loose), made.left_young)
            if kind == SILENT:
                counts = tally.services.counts
                dead = sorted([(-counts.get(one, 0), one) for one in self.silent if not self._answers(one)])
                made.dead = [(peer_text(one), -count, _weight_of(one)) for count, one in dead[:MAX_SHOWN] if count]
            found[CODES[kind]] = made
        return found


def _bit_of(key: bytes, size: i64) -> i64:
    """Of the responder of a conversation with this key."""
    found = mixed(be16(key, size + size + 2))
    at = size
    while at < size + size:
        found = mixed(found ^ be32(key, at))
        at += 4
    return found % HEARD_BITS


def _weight_of(service: bytes) -> int:
    """Of silence of this UDP service: its address, and its port in the last two octets."""
    return int(silent_weight(i64(service[-2]) << 8 | i64(service[-1])))
