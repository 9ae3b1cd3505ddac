"""ICMP (RFC 792) and ICMPv6 (RFC 4443): errors, with the conversation they quote, and echo."""
from __future__ import annotations

from ipaddress import ip_address
from typing import ClassVar, Final

from dissectors.kit.event import (
    ANYWHERE,
    BASE,
    CORE,
    EXTRA,
    Event,
    Evidence,
    JsonValue,
    LimitReached,
    Malformed,
    Observed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED
from dissectors.kit.phase import Stretch, Summary
from dissectors.kit.protocol import YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration, plural

# IANA registry "ICMP Type Numbers" (RFC 792; RFC 1256 §3 for 9 and 10).
ECHO_REPLY: Final = 0
UNREACHABLE: Final = 3
REDIRECT: Final = 5
ECHO: Final = 8
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12
V4_NAMES: Final[dict[int, str]] = {
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
    9: "router advertisement", 10: "router solicitation", 11: "time exceeded", 12: "parameter problem",
    13: "timestamp request", 14: "timestamp reply",
}
# RFC 792 p. 4; codes 6 to 12 from RFC 1122 §3.2.2.1, 13 to 15 from RFC 1812 §5.2.7.1.
V4_UNREACHABLE: Final[dict[int, str]] = {
    0: "the network cannot be reached", 1: "the host cannot be reached", 2: "the host does not speak this protocol",
    3: "nothing listens on that port", 4: "the packet is too large for the next link and may not be fragmented",
    5: "the source route failed", 6: "the network is unknown", 7: "the host is unknown",
    9: "contact with the network is prohibited", 10: "contact with the host is prohibited",
    11: "the network cannot be reached for this type of service",
    12: "the host cannot be reached for this type of service", 13: "a filter forbids it",
}
# By which a filter says that it rejects packets: RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1; RFC 4443 §3.1.
V4_FILTERED: Final = frozenset((9, 10, 13))
V6_FILTERED: Final = frozenset((1, 5))
# IANA registry "ICMPv6 type Numbers" (RFC 4443 §3 and §4; RFC 2710 §3 for 130 to 132, RFC 4861 §4 for
# 133 to 137, RFC 3810 §5.2 for 143).
V6_UNREACHABLE_TYPE: Final = 1
V6_TOO_BIG: Final = 2
V6_TIME_EXCEEDED: Final = 3
V6_ECHO: Final = 128
V6_ECHO_REPLY: Final = 129
V6_NAMES: Final[dict[int, str]] = {
    1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
    128: "echo request", 129: "echo reply", 130: "multicast listener query", 131: "multicast listener report",
    132: "multicast listener done", 133: "router solicitation", 134: "router advertisement",
    135: "neighbour solicitation", 136: "neighbour advertisement", 137: "redirect",
    143: "multicast listener report (version 2)",
}
V6_UNREACHABLE: Final[dict[int, str]] = {
    0: "there is no route", 1: "an administrator forbids it", 2: "it lies beyond the scope of the source address",
    3: "the address cannot be reached", 4: "nothing listens on that port",
    5: "the source address fails a policy", 6: "the route rejects it",
}
V6_REDIRECT: Final = 137
REDIRECTED: Final = 40            # octets of it up to its options (RFC 4861 §4.5)
HEADER: Final = 8                 # octets before what a message quotes or echoes (RFC 792; RFC 4443 §3, §4)
MAX_OPEN_ECHOES: Final = 1_024    # requests waiting for their reply, per conversation
MAX_SILENT_ECHOES: Final = 100_000    # ... and that are known to have none
LONG_NS: Final = 60_000_000_000    # a reply that did not come by then never does
SOON_NS: Final = 1_000_000_000     # a reply that stands so long before its request may be of that one


def is_error(version: int, kind: int) -> bool:
    """RFC 4443 §2.1: in ICMPv6 types below 128 are errors; in ICMP they are listed (RFC 1122 §3.2.2)."""
    return kind < 128 if version == 6 else kind in (UNREACHABLE, 4, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM)


def by_filter(version: int, kind: int, code: int, tcp: bool) -> bool:
    """Whether a filter says this. tcp: of a TCP segment, which a host whose port is closed answers with a RST (RFC 9293
    §3.5.2); "port unreachable" is for protocols that cannot say so themselves (RFC 1122 §3.2.2.1), and a filter's."""
    if version == 6:
        return kind == V6_UNREACHABLE_TYPE and (code in V6_FILTERED or (tcp and code == 4))
    return kind == UNREACHABLE and (code in V4_FILTERED or (tcp and code == 3))


class IcmpError(Event):
    """A router or host reports that a packet could not be delivered, and quotes its beginning."""

    name: ClassVar[str] = "icmp.error"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE     # whatever was going on when it came
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 792; RFC 4443 §3"
    WHY: ClassVar[str] = (
        "IP itself never says that a packet was thrown away. ICMP is how a router or the receiver tells the "
        "sender, and it quotes the start of the packet so that the sender knows which conversation is meant. "
        "Such a message can be forged, so many TCPs take it as a hint and keep an open connection (RFC 5927 §5.2)."
    )

    def __init__(self, observed: Observed, version: int, message: bytes, sender: str) -> None:
        """message: at least its header, of 8 octets."""
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.version = version
        self.kind = message[0]
        self.code = message[1]
        self.sender = sender
        self.hop = 0            # the hop limit with which the quoted packet was seen, where that is small; else 0
        self.after_ns = -1      # since then
        self.mtu = -1           # of the next hop, -1 where the message does not give one
        self.gateway = ""       # of a redirect: the better first hop (RFC 792 p. 12)
        if version == 6 and self.kind == V6_TOO_BIG:
            self.mtu = int.from_bytes(message[4:8])      # RFC 4443 §3.2
        elif version == 4 and self.kind == UNREACHABLE and self.code == 4:
            self.mtu = int.from_bytes(message[6:8])      # RFC 1191 §4
        elif version == 4 and self.kind == REDIRECT:
            self.gateway = str(ip_address(message[4:8]))

    def label(self) -> str:
        return "ICMP"

    def reason(self) -> str:
        """What went wrong, in words."""
        return reason_of(self.version, self.kind, self.code)

    @property
    def exceeded(self) -> bool:
        """The hop limit ran out on the way (RFC 792; RFC 4443 §3.3)."""
        return self.kind == (V6_TIME_EXCEEDED if self.version == 6 else TIME_EXCEEDED) and self.code == 0

    def what(self) -> str:
        if self.gateway:
            return f"{self.sender} says that {self.gateway} is the better first hop to there."
        text = f"{self.sender} reports: {self.reason()}."
        if self.hop > 0 and self.after_ns >= 0:
            text += f" It was sent with a hop limit of {self.hop}, {duration(self.after_ns)} before."
        if self.mtu > 0:
            text += f" The next link carries at most {self.mtu} bytes."
        return text

    def fields(self) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {
            "type": self.kind, "code": self.code, "sender": self.sender, "reason": self.reason(),
            "mtu": self.mtu if self.mtu > 0 else None,
        }
        if self.gateway:
            found["gateway"] = self.gateway
        if self.hop:
            found["hop_limit"], found["after_ns"] = self.hop, self.after_ns
        return found


class RoutingLoop(Event):
    """The same packets pass the place of the capture again and again, with fewer hops left each time.

    packets: that did; most: how often one of them passed; hops: the most and the least that were left of it.
    """

    name: ClassVar[str] = "icmp.routing_loop"
    phase: ClassVar[str] = "transfer"
    rank: ClassVar[int] = ANYWHERE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1812 §5.3.1"
    WHY: ClassVar[str] = (
        "Each router sends a packet on by its own table. Where two tables point to one another the packet goes back "
        "and forth, and each router takes one off its hop limit until none is left. Then it is dropped, and an ICMP "
        "message says that its time was exceeded. Nothing arrives until the tables are right."
    )

    def __init__(self, observed: Observed, packets: int, most: int, hops: tuple[int, int]) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.packets = packets
        self.most = most
        self.hops = hops

    def label(self) -> str:
        return "loop"

    def what(self) -> str:
        which = "One packet passes" if self.packets == 1 else f"{self.packets} packets pass"
        return (
            f"{which} this point up to {self.most} times, with a hop limit that falls from {self.hops[0]} to "
            f"{self.hops[1]}: the routers send it round in a loop."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"packets": self.packets, "most_passes": self.most, "hops": [*self.hops]}


class Echo(Event):
    """An echo reply with the request that it answers."""

    name: ClassVar[str] = "icmp.echo"
    phase: ClassVar[str] = "echo"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 792; RFC 4443 §4"
    WHY: ClassVar[str] = (
        "A host that answers an echo request returns its data unchanged. The time in between is the round trip, "
        "with whatever the other host needed to answer."
    )

    def __init__(self, observed: Observed, identifier: int, number: int, rtt: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.identifier = identifier
        self.number = number
        self.rtt = rtt

    def label(self) -> str:
        return "echo"

    def what(self) -> str:
        return f"Echo {self.number} came back after {duration(self.rtt)}."

    def fields(self) -> dict[str, JsonValue]:
        return {"identifier": self.identifier, "sequence": self.number, "rtt_ns": self.rtt}


class EchoUnanswered(Event):
    """Requests that nobody answered in what is observed. times: when they were sent, in order. how: with what that
    ends (`Close.how`)."""

    name: ClassVar[str] = "icmp.echo_unanswered"
    phase: ClassVar[str] = "echo"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 792; RFC 4443 §4"
    WHY: ClassVar[str] = (
        "The request or its reply was lost, a filter stops them, no host is there, the reply took a way that this "
        "capture does not see, or the capture ended too early."
    )

    def __init__(self, observed: Observed, count: int, how: str = CAPTURE_ENDED) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.count = count
        self.how = how
        self.times = [observed.time] * count

    def label(self) -> str:
        return "no reply"

    def what(self) -> str:
        where = "what was read" if self.how == READING_ENDED else "this capture"
        return f"{plural(self.count, 'echo request')} without a reply in {where}."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": self.count}


class IcmpMessage(Event):
    """Any other ICMP message."""

    name: ClassVar[str] = "icmp.message"
    phase: ClassVar[str] = "echo"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 792; RFC 4443 §2.1"
    WHY: ClassVar[str] = "Hosts and routers also use ICMP to find one another and to manage multicast groups."

    def __init__(self, observed: Observed, version: int, message: bytes) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.version = version
        self.kind = message[0]
        self.code = message[1]

    def label(self) -> str:
        return "ICMP"

    def what(self) -> str:
        names = V6_NAMES if self.version == 6 else V4_NAMES
        family = "ICMPv6" if self.version == 6 else "ICMP"
        return f"{family} {names.get(self.kind, f'type {self.kind}')} (type {self.kind}, code {self.code})."

    def fields(self) -> dict[str, JsonValue]:
        return {"type": self.kind, "code": self.code}


class IcmpRedirect(IcmpMessage):
    """A router tells a machine of its link a better first hop to a destination, which may be the destination itself."""

    name: ClassVar[str] = "icmp.redirect"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 4861 §4.5"
    WHY: ClassVar[str] = (
        "A router that sends a packet back over the link that it came from knows that its sender could have gone the "
        "shorter way, and tells it. The packet is passed on all the same. Whoever believes such a message from "
        "anybody can be led astray, so that many machines are set to ignore it."
    )

    def __init__(self, observed: Observed, message: bytes) -> None:
        """message: as far as both addresses, 40 octets."""
        super().__init__(observed, 6, message)
        self.gateway = str(ip_address(message[8:24]))
        self.destination = str(ip_address(message[24:40]))

    def what(self) -> str:
        return f"{self.gateway} is the better first hop to {self.destination}."

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"gateway": self.gateway, "destination": self.destination}


def error_event(observed: Observed, version: int, message: bytes, sender: str) -> IcmpError | None:
    """The event for an error message, or None where it is none. Its direction: of the quoted packet's return."""
    if len(message) < HEADER or not is_error(version, message[0]):
        return None
    return IcmpError(observed, version, message, sender)


def summarise(stretch: Stretch) -> Summary:
    """How many echoes came back, and how fast."""
    traffic = stretch.traffic
    family = "ICMPv6" if traffic.transport == "icmpv6" else "ICMP"
    summary = Summary(stretch, stretch.title, [])
    summary.label = family
    summary.start_ns = min(stretch.start_ns, traffic.start_ns)
    times = [event.rtt for event in stretch.events if isinstance(event, Echo)]
    lost = sum([event.count for event in stretch.events if isinstance(event, EchoUnanswered)])
    if not times and not lost:
        summary.title = f"{family} messages"
        summary.facts = traffic.counted()
        return summary
    more = ", others not followed" if any(isinstance(event, LimitReached) for event in stretch.events) else ""
    summary.facts = [f"{len(times)} of {plural(len(times) + lost, 'request')} answered{more}"]
    if times:
        mean = duration(sum(times) // len(times))
        low, high = duration(min(times)), duration(max(times))
        summary.facts.append(f"round trip {mean}" if low == high else f"round trip {low} to {high}, mean {mean}")
    return summary


class IcmpDissector(Dissector):
    """Pairs echo requests with their replies."""

    def __init__(self, context: Context) -> None:
        self.version = 6 if context.transport == "icmpv6" else 4
        self.open: dict[tuple[int, int, int], tuple[int, int]] = {}   # -> time and frame of the request
        self.early: dict[tuple[int, int, int], int] = {}    # -> time of a reply to a request that did not come yet
        self.silent: list[tuple[int, int, int]] = []    # time, frame and direction of those waited for in vain
        self.full = False

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        data = datagram.data
        observed = seen(datagram)
        if len(data) < HEADER:
            return [Malformed(observed, "icmp", len(data), "the message ends in its header")]
        kind = data[0]
        request = V6_ECHO if self.version == 6 else ECHO
        reply = V6_ECHO_REPLY if self.version == 6 else ECHO_REPLY
        identifier, number = int.from_bytes(data[4:6]), int.from_bytes(data[6:8])
        if kind == request:
            asking = (identifier, number, datagram.direction)
            replied = self.early.pop(asking, -1)
            if replied >= 0 and datagram.time - replied < SOON_NS:
                return []       # answered, and stamped or captured later than its answer
            limit = self._make_room(observed)
            self.open[asking] = (datagram.time, datagram.frame)
            return limit
        if kind == reply:
            asked = self.open.pop((identifier, number, 1 - datagram.direction), None)
            if asked is not None:
                both = Observed(datagram.time, datagram.direction, Evidence((asked[1], datagram.frame)))
                return [Echo(both, identifier, number, datagram.time - asked[0])]
            if len(self.early) < MAX_OPEN_ECHOES:
                self.early[(identifier, number, 1 - datagram.direction)] = datagram.time
        if is_error(self.version, kind) and (self.version, kind) != (4, REDIRECT):
            # What is redirected is passed on (RFC 792 p. 12). Any other error that quotes a request
            # is an answer to it.
            self.open.pop((*quoted_echo(self.version, data), 1 - datagram.direction), None)
        if self.version == 6 and kind == V6_REDIRECT and len(data) >= REDIRECTED:
            return [IcmpRedirect(observed, data)]
        return [IcmpMessage(observed, self.version, data)]

    def _make_room(self, observed: Observed) -> list[Output]:
        """Where too many wait, the oldest does no more: after so long it is not answered, else nobody knows."""
        if len(self.open) < MAX_OPEN_ECHOES:
            return []
        oldest = next(iter(self.open))
        sent = self.open.pop(oldest)
        if observed.time - sent[0] >= LONG_NS and len(self.silent) < MAX_SILENT_ECHOES:
            self.silent.append((*sent, oldest[2]))
            return []
        if self.full:
            return []
        self.full = True
        return [LimitReached(observed, "icmp", "MAX_OPEN_ECHOES", MAX_OPEN_ECHOES)]

    def on_close(self, close: Close) -> list[Output]:
        waiting = self.silent + [(*sent, asking[2]) for asking, sent in self.open.items()]
        if not waiting:
            return []
        frames = sorted({frame for _time, frame, _direction in waiting})
        times = sorted(time for time, _frame, _direction in waiting)
        direction = waiting[0][2]
        silent = EchoUnanswered(Observed(times[-1], direction, Evidence(tuple(frames[:20]))), len(waiting), close.how)
        silent.times = times
        return [silent]


def quoted_echo(version: int, message: bytes) -> tuple[int, int]:
    """Identifier and number of the echo request that an error quotes; (-1, -1) where it quotes none."""
    at = HEADER + (40 if version == 6 else (message[HEADER] & 15) << 2 if len(message) > HEADER else 0)
    request = V6_ECHO if version == 6 else ECHO
    if len(message) < at + HEADER or message[at] != request or at == HEADER:
        return -1, -1
    return int.from_bytes(message[at + 4:at + 6]), int.from_bytes(message[at + 6:at + 8])


def reason_of(version: int, kind: int, code: int) -> str:
    """What a message of this type and code reports, in words."""
    if version == 6:
        if kind == V6_UNREACHABLE_TYPE:
            return V6_UNREACHABLE.get(code, f"destination unreachable, code {code}")
        if kind == V6_TOO_BIG:
            return "the packet is too large for the next link"
        if kind == V6_TIME_EXCEEDED:
            return _exceeded(code)
        return V6_NAMES.get(kind, f"ICMPv6 type {kind}")
    if kind == UNREACHABLE:
        return V4_UNREACHABLE.get(code, f"destination unreachable, code {code}")
    if kind == TIME_EXCEEDED:
        return _exceeded(code)
    return V4_NAMES.get(kind, f"ICMP type {kind}")


def _exceeded(code: int) -> str:
    if code == 1:
        return "not all fragments arrived in time"
    return "the packet passed through as many routers as its hop limit allows"


def _create(context: Context) -> Dissector:
    return IcmpDissector(context)


def _always(data: bytes, direction: int) -> int:
    return YES


ICMP: Final = Protocol(
    name="icmp",
    title="ICMP and ICMPv6",
    summary="Errors tied to the conversation they quote; echo requests paired with replies.",
    specs=("RFC 792", "RFC 4443", "RFC 1191", "RFC 4861"),
    create=_create,
    carriers=("icmp", "icmpv6"),
    ports={},
    events=(IcmpError, RoutingLoop, Echo, EchoUnanswered, IcmpRedirect, IcmpMessage),
    terms=(
        Term("ICMP", "Messages about IP itself: a packet could not be delivered, a host is asked to answer. "
             "An error quotes the beginning of the packet it is about.", "RFC 792; RFC 4443"),
        Term("path MTU", "The largest packet that every link on the way can carry. A router that may not fragment "
             "a packet too large for the next link says so with ICMP and gives the size that would fit; the sender "
             "then sends smaller ones. "
             "Where a firewall drops that message, large packets vanish while small ones pass.",
             "RFC 1191; RFC 8201"),
        Term("hop limit", "How many routers a packet may still pass. Each takes one off; the one that takes off the "
             "last drops the packet and says so with ICMP. In IPv4 the field is called time to live (TTL).",
             "RFC 8200 §3; RFC 791 §3.2"),
        Term("redirect", "A router passes a packet on over the link that it came from, and tells the sender of a first "
             "hop that is nearer. The packet is not lost; it only went a longer way than it had to.",
             "RFC 792; RFC 4861 §8"),
    ),
    probe=_always,
    phases={"echo": "Echo"},
    summarise=summarise,
)
