"""Accounts put together by hand: a TCP connection event by event, DNS lookups, datagrams."""
from __future__ import annotations

from dns_wire import A, create, framed, message, record

from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Endpoint, TcpSummary
from analyzer.timeline.build import build
from dissectors.kit.event import Event, Evidence, Observed
from dissectors.kit.inputs import Chunk, Close, Datagram
from dissectors.protocols.dns.protocol import DNS
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_handshake import (
    Attempt,
    HalfOpen,
    HandshakeTimes,
    Midstream,
    Syn,
    SynAck,
    SynAnswer,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.events_loss import Loss, Repair
from dissectors.protocols.tcp.events_teardown import Fin, NotEnded, ResetCause, TcpClosed, TcpReset, Unanswered
from dissectors.protocols.tcp.events_transfer import (
    DataRun,
    KeepAlive,
    KeepAliveExchange,
    Limits,
    Transfer,
    Turns,
    UntoldTurns,
    WindowClosure,
    ZeroWindow,
)
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN
from dissectors.protocols.tcp.options import TcpOptions
from dissectors.protocols.tcp.segment import Segment

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


def observed(time: int, direction: int, *frames: int) -> TcpObserved:
    return TcpObserved(time, direction, frames, SIDES)


# How a connection begins.

def syn(time: int = 0, attempt: int = 1, since: int = -1, frame: int = 1, direction: int = 0) -> Syn:
    segment = Segment(frame, time, direction, SYN, 1000, 0, 64240, 0)
    return Syn(segment, SIDES, TcpOptions(), Attempt(attempt, since, backoff=False))


def syn_ack(
    time: int = 24 * MS, attempt: int = 1, since: int = -1, frame: int = 2, expected: int = -1, after_third: int = -1
) -> SynAck:
    segment = Segment(frame, time, 1, SYN | ACK, 2000, 1001 if expected < 0 else 777, 65160, 0)
    found = SynAnswer(24 * MS, [], expected=expected, crossed=False, after_third_ns=after_third)
    return SynAck(segment, SIDES, TcpOptions(), Attempt(attempt, since, backoff=False), found)


def established(
    time: int = 24 * MS + 200_000, seen_from: str = "client", answer: int = 24 * MS, ack: int = 200_000, frame: int = 3
) -> TcpEstablished:
    segment = Segment(frame, time, 0, ACK, 1001, 2001, 502, 0)
    return TcpEstablished(segment, SIDES, HandshakeTimes(answer, ack, answer + ack), seen_from, "it came so")


def opened() -> list[Event]:
    return [syn(), syn_ack(), established()]


def refused(exact: bool = True, after: int = 24 * MS) -> TcpRefused:
    return TcpRefused(observed(after, 1, 1, 2), after, exact=exact, repeated=False)


def unanswered(attempts: int = 3, lasted: int = 3 * SECOND, waited: int = 5 * SECOND) -> TcpUnanswered:
    return TcpUnanswered(observed(lasted, 0, *range(1, attempts + 1)), attempts, lasted, waited)


def half_open(attempts: int = 3, waited: int = 5 * SECOND) -> HalfOpen:
    return HalfOpen(observed(24 * MS, 1, 2), attempts, 0, waited)


def midstream() -> Midstream:
    segment = Segment(1, 0, 0, ACK, 1001, 2001, 502, 0)
    return Midstream(segment, ("the originator", "the responder"))


# What it carries.

def data(
    direction: int = 1, time: int = 50 * MS, octets: int = 1_200 * KB, segments: int = 830, lasted: int = 600 * MS,
    after: int = -1, frames: tuple[int, ...] = (6, 90), turn: int = 1,
) -> Transfer:
    run = DataRun(direction, turn, time, frames[0])
    run.octets, run.segments, run.after_ns = octets, segments, after
    run.last, run.last_frame = time + lasted, frames[-1]
    return Transfer(run, SIDES)


def turns(forward: int = 4 * KB, backward: int = 90 * KB, time: int = 700 * MS, lasted: int = 100 * MS) -> Turns:
    untold = UntoldTurns()
    untold.turns, untold.octets = 12, [forward, backward]
    untold.start, untold.last, untold.first_frame, untold.last_frame = time, time + lasted, 95, 130
    return Turns(untold, SIDES)


def repair(segments: int = 1, octets: int = 1460, lasted: int = 25 * MS, repaired: bool = True) -> Repair:
    made = Repair()
    made.frame, made.seq, made.segments, made.octets = 40, 84001, segments, octets
    made.duplicates, made.rounds = 3, 1
    made.lasted_ns, made.answered_ns, made.repaired = lasted, 24 * MS, repaired
    made.basis = "it came so"
    return made


def lost(kind: type[Loss], of: Repair | None = None, direction: int = 1, time: int = 300 * MS) -> Loss:
    return kind(observed(time, direction, 38, 40), of or repair())


def zero_window(lasted: int = 2 * SECOND, how: str = "update", direction: int = 0, time: int = 400 * MS) -> ZeroWindow:
    closure = WindowClosure()
    closure.lasted_ns, closure.probes, closure.answers = lasted, 2, 2
    closure.most_ns = lasted if how == "end" else -1
    closure.reopened, closure.how, closure.resumed_ns = 64 * KB, how, MS
    return ZeroWindow(observed(time, direction, 50, 51, 60), closure)


def limits(cause: str = "receiver", share: int = 71, direction: int = 1) -> Limits:
    shares = [(cause, share * 6 * MS), ("unknown", (100 - share) * 6 * MS)]
    return Limits(observed(50 * MS, direction, 6, 90), shares, "each round trip was looked at")


def keep_alive(answers: int = 0, probes: int = 3) -> KeepAlive:
    exchange = KeepAliveExchange()
    exchange.start, exchange.last, exchange.idle_ns = 800 * MS, 890 * MS, 100 * MS
    exchange.probes, exchange.answers = probes, answers
    return KeepAlive(observed(800 * MS, 0, 91, 92, 93), exchange)


def icmp_error(kind: int = 3, code: int = 3, mtu: int = -1, version: int = 4, time: int = 30 * MS) -> IcmpError:
    message = bytes([kind, code, 0, 0]) + max(mtu, 0).to_bytes(4)
    return IcmpError(Observed(time, 1, Evidence((5,))), version, message, "10.0.0.254")


# How it ends.

def fins(time: int = 900 * MS) -> list[Event]:
    return [
        Fin(Segment(97, time, 0, FIN | ACK, 1500, 0, 0, 0), SIDES, 500, None),
        TcpClosed(observed(time + 24 * MS, 2, 97, 98, 99), 0, 24 * MS),
    ]


def reset(cause: str = "aborted", says: str = "", direction: int = 1, unacknowledged: int = 0) -> TcpReset:
    segment = Segment(97, 900 * MS, direction, RST, 5, 0, 0, 0)
    return TcpReset(segment, SIDES, ResetCause(cause, says, "it came so", 96), unacknowledged)


def not_ended(how: str = "capture", silent: int = 3 * SECOND, unanswered: int = 0) -> NotEnded:
    resent = Unanswered(unanswered, 800 * MS, 0) if unanswered else None
    return NotEnded(observed(900 * MS, 1, 97), how, silent, -1, resent)


def download() -> Account:
    """A whole connection that carries 1.2 MB to the client."""
    return account(
        *opened(), data(0, 25 * MS, 517, 1, 0, frames=(4,)), data(after=24 * MS, turn=2), limits(), *fins()
    )


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
