"""Accounts put together by hand: a TCP connection event by event, DNS lookups, datagrams."""
from __future__ import annotations

from dns_wire import A, create, framed, message, record

from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Endpoint, Series, TcpSummary
from analyzer.timeline.build import build
from dissectors.kit.event import Event, Evidence
from dissectors.kit.inputs import Chunk, Close, Datagram
from dissectors.protocols.dns.protocol import DNS
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.tcp.events_handshake import (
    HalfOpen,
    Midstream,
    Syn,
    SynAck,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.events_loss import Loss, Repair
from dissectors.protocols.tcp.events_teardown import Fin, NotEnded, TcpClosed, TcpReset
from dissectors.protocols.tcp.events_transfer import KeepAlive, Limits, Transfer, Turns, ZeroWindow
from dissectors.protocols.tcp.options import TcpOptions

MS = 1_000_000
SECOND = 1_000_000_000
SIDES = ("the client", "the server")
CLIENT, SERVER, RESOLVER = "10.0.0.1", "10.0.0.2", "10.0.0.53"
KB, MB = 1_000, 1_000_000


def conversation(number: int = 1, transport: str = "tcp", start: int = 0, end: int = SECOND, port: int = 51034,
                 server: str = SERVER, server_port: int = 443) -> Conversation:
    made = Conversation(number, transport, Endpoint(CLIENT, port), Endpoint(server, server_port))
    made.start_ns, made.end_ns = start, end
    made.frames, made.octets, made.payload = [10, 20], [1_000, 20_000], [500, 18_000]
    made.first_frame, made.last_frame = 1, 30
    made.state = "SF"
    if transport == "tcp":
        made.tcp = TcpSummary()
        made.tcp.mss = [1460, 1460]
        made.tcp.initial_rtt_ns = made.tcp.handshake_rtt_ns = 24 * MS
        made.tcp.max_window = [64 * KB, 64 * KB]
        made.tcp.unique = [500, 18_000]
    return made


def account(*events: Event, of: Conversation | None = None) -> Account:
    made = Account(of or conversation())
    made.events = list(events)
    for event in events:
        event.conversation = made.conversation.number
    return made


def analysis(*accounts: Account, capture: CaptureSummary | None = None) -> Analysis:
    """Built from these, in a capture that goes on for a minute."""
    summary = capture or CaptureSummary(["made.pcap"])
    summary.frames = summary.frames or 100
    summary.start_ns, summary.end_ns = 0, max(summary.end_ns, 60 * SECOND)
    return build(summary, list(accounts))


# How a connection begins.

def syn(time: int = 0, attempt: int = 1, since: int = -1, frame: int = 1, direction: int = 0) -> Syn:
    return Syn(time, direction, (frame,), SIDES, 1000, 64240, TcpOptions(), 0, attempt, since, False, "")


def syn_ack(time: int = 24 * MS, attempt: int = 1, since: int = -1, frame: int = 2) -> SynAck:
    return SynAck(
        time, 1, (frame,), SIDES, 2000, 1001, 65160, TcpOptions(), 0, attempt, since, False, 24 * MS, True, False, []
    )


def established(
    time: int = 24 * MS + 200_000, seen_from: str = "client", answer: int = 24 * MS, ack: int = 200_000, frame: int = 3
) -> TcpEstablished:
    return TcpEstablished(time, 0, (frame,), SIDES, 2001, 502, 0, answer, ack, answer + ack, seen_from, "it came so")


def opened() -> list[Event]:
    return [syn(), syn_ack(), established()]


def refused(exact: bool = True, after: int = 24 * MS) -> TcpRefused:
    return TcpRefused(after, 1, (1, 2), SIDES, after, exact, False)


def unanswered(attempts: int = 3, lasted: int = 3 * SECOND, waited: int = 5 * SECOND) -> TcpUnanswered:
    return TcpUnanswered(lasted, 0, tuple(range(1, attempts + 1)), SIDES, attempts, lasted, waited)


def half_open(attempts: int = 3, waited: int = 5 * SECOND) -> HalfOpen:
    return HalfOpen(24 * MS, 1, (2,), SIDES, attempts, waited)


def midstream() -> Midstream:
    return Midstream(0, 2, (1,), ("the originator", "the responder"))


# What it carries.

def data(
    direction: int = 1, time: int = 50 * MS, octets: int = 1_200 * KB, segments: int = 830, lasted: int = 600 * MS,
    after: int = -1, frames: tuple[int, ...] = (6, 90), turn: int = 1,
) -> Transfer:
    return Transfer(time, direction, frames, SIDES, octets, segments, lasted, after, -1, turn)


def turns(forward: int = 4 * KB, backward: int = 90 * KB, time: int = 700 * MS, lasted: int = 100 * MS) -> Turns:
    return Turns(time, 2, (95, 130), SIDES, 12, forward, backward, lasted)


def repair(segments: int = 1, octets: int = 1460, lasted: int = 25 * MS, repaired: bool = True) -> Repair:
    made = Repair()
    made.frame, made.seq, made.segments, made.octets = 40, 84001, segments, octets
    made.duplicates, made.rounds = 3, 1
    made.lasted_ns, made.answered_ns, made.repaired = lasted, 24 * MS, repaired
    made.basis = "it came so"
    return made


def lost(kind: type[Loss], of: Repair | None = None, direction: int = 1, time: int = 300 * MS) -> Loss:
    return kind(time, direction, (38, 40), SIDES, of or repair())


def zero_window(lasted: int = 2 * SECOND, how: str = "update", direction: int = 0, time: int = 400 * MS) -> ZeroWindow:
    return ZeroWindow(time, direction, (50, 51, 60), SIDES, lasted, 2, 2, 64 * KB, how, MS)


def limits(cause: str = "receiver", share: int = 71, direction: int = 1) -> Limits:
    shares = [(cause, share * 6 * MS), ("unknown", (100 - share) * 6 * MS)]
    return Limits(50 * MS, direction, (6, 90), SIDES, shares, 600 * MS, "each round trip was looked at")


def keep_alive(answers: int = 0, probes: int = 3) -> KeepAlive:
    return KeepAlive(800 * MS, 0, (91, 92, 93), SIDES, probes, answers, 90 * MS, 30 * MS, 100 * MS)


def icmp_error(kind: int = 3, code: int = 3, mtu: int = -1, version: int = 4, time: int = 30 * MS) -> IcmpError:
    return IcmpError(time, 1, Evidence((5,)), version, kind, code, "10.0.0.254", mtu)


# How it ends.

def fins(time: int = 900 * MS) -> list[Event]:
    return [
        Fin(time, 0, (97,), SIDES, 1500, 500, True, False, -1),
        TcpClosed(time + 24 * MS, 2, (97, 98, 99), SIDES, 0, 24 * MS, False),
    ]


def reset(cause: str = "aborted", says: str = "", direction: int = 1, unacknowledged: int = 0) -> TcpReset:
    return TcpReset(900 * MS, direction, (96, 97), SIDES, cause, says, "it came so", 5, -1, unacknowledged, "")


def not_ended(how: str = "capture", silent: int = 3 * SECOND, unanswered: int = 0) -> NotEnded:
    return NotEnded(900 * MS, 1, (97,), SIDES, how, silent, -1, unanswered)


def download() -> Account:
    """A whole connection that carries 1.2 MB to the client."""
    made = account(
        *opened(), data(0, 25 * MS, 517, 1, 0, frames=(4,)), data(after=24 * MS, turn=2), limits(), *fins()
    )
    times = [50 * MS + 60 * MS * step for step in range(10)]
    for side in (0, 1):
        made.series[side] = [
            Series("window", "B", times, [64 * KB] * 10), Series("in flight", "B", times, [side * 9 * KB] * 10)
        ]
    return made


# Names.

def answer(name: str = "shop.test", address: bytes = b"\x0a\x00\x00\x02", ttl: int = 300) -> bytes:
    return record(name, A, address, ttl)


def lookup(
    *messages: tuple[int, int, bytes], number: int = 1, port: int = 40112, first_frame: int = 1, tcp: bool = False,
    server: str = RESOLVER, close: int = 0,
) -> Account:
    """A DNS conversation. messages: (time, direction, bytes), one a frame; close: when it is over, 0 for never."""
    of = conversation(
        number, "tcp" if tcp else "udp", messages[0][0], messages[-1][0], port, server, 53
    )
    of.protocol = "dns"
    dissector = create(DNS, "tcp" if tcp else "udp")
    events: list[Event] = []
    at = [0, 0]
    for place, (time, direction, payload) in enumerate(messages):
        if tcp:
            made = dissector.on_data(Chunk(first_frame + place, time, direction, framed(payload), at[direction]))
            at[direction] += len(framed(payload))
        else:
            made = dissector.on_datagram(Datagram(first_frame + place, time, direction, payload, len(payload)))
        events += [event for event in made if isinstance(event, Event)]
    if close:
        over = dissector.on_close(Close(first_frame + len(messages) - 1, close, 2, "capture"))
        events += [event for event in over if isinstance(event, Event)]
    return account(*events, of=of)


def answered(number: int = 1, start: int = 0, took: int = 12 * MS, port: int = 40112, first_frame: int = 1,
             ttl: int = 300) -> Account:
    return lookup(
        (start, 0, message(7)), (start + took, 1, message(7, 0x8180, answers=(answer(ttl=ttl),))),
        number=number, port=port, first_frame=first_frame,
    )
