"""For every rule a capture that meets it, and one that is like it and does not."""
from __future__ import annotations

from collections.abc import Callable

from dns_wire import AAAA, A, create, edns, message, option
from told_accounts import (
    KB,
    MB,
    MS,
    SECOND,
    SIDES,
    account,
    analysis,
    answer,
    answered,
    conversation,
    data,
    established,
    half_open,
    icmp_error,
    keep_alive,
    limits,
    lookup,
    lost,
    midstream,
    not_ended,
    observed,
    opened,
    refused,
    repair,
    reset,
    syn,
    syn_ack,
    unanswered,
    zero_window,
)

from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Silence
from analyzer.neighbourhood import Advertised, InUse, Unasked
from analyzer.neighbourhood import Missing as Unheard
from dissectors.kit.captured import ClockSet, Copies, CopiesSeen, OrderSet
from dissectors.kit.event import (
    NEITHER,
    DissectorFault,
    Event,
    Evidence,
    LimitReached,
    Malformed,
    Observed,
    OtherProtocol,
)
from dissectors.kit.inputs import Close, Datagram, Gap, Overlap
from dissectors.kit.lookup import Lookup, Step
from dissectors.protocols.dns.events import DnsIncomplete
from dissectors.protocols.icmp import Echo, EchoUnanswered, RoutingLoop
from dissectors.protocols.tcp.events_answers import OldAnswer
from dissectors.protocols.tcp.events_holes import Conflict, Missing, SackOutside, StreamGap, Unrepaired
from dissectors.protocols.tcp.events_hops import HopsChanged
from dissectors.protocols.tcp.events_loss import (
    CaptureLoss,
    FastRetransmit,
    LateArrivals,
    LossSummary,
    OldTimestamps,
    Reordering,
    SpuriousRetransmission,
    Timeout,
    UntoldLosses,
)
from dissectors.protocols.tcp.events_teardown import ChallengeAck, ResetCause, TcpReset
from dissectors.protocols.tcp.events_transfer import CongestionMarks, Duplicates, WindowShrunk
from dissectors.protocols.tcp.events_windows import AckAwaited, WindowOverrun, WindowUnscaled
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.segment import Segment

Made = Callable[[], Analysis]


def late(acks: int, lag: int) -> OrderSet:
    """The server's frames came late, as so many ACKs show."""
    event = OrderSet(Observed(MS, 2, Evidence((8, 9))), SIDES)
    event.late, event.acks, event.lag_ns, event.shifted = 1, acks, lag, True
    return event


def tcp(*events: object, of: Conversation | None = None) -> Made:
    return lambda: analysis(account(*opened(), *events, of=of))  # type: ignore[arg-type]


def bare(*events: object, of: Conversation | None = None) -> Made:
    return lambda: analysis(account(*events, of=of))  # type: ignore[arg-type]


def dns(*accounts: Account) -> Made:
    return lambda: analysis(*accounts)


def capture(**counts: object) -> Made:
    def made() -> Analysis:
        summary = CaptureSummary(["made.pcap"])
        for key, value in counts.items():
            setattr(summary, key, value)
        return analysis(answered(), capture=summary)
    return made


def tuned(**counts: object) -> Conversation:
    """A TCP conversation with other counts."""
    made = conversation()
    assert made.tcp is not None
    for key, value in counts.items():
        setattr(made if hasattr(made, key) else made.tcp, key, value)
    return made


def broken(segments: int, rounds: int, octets: int, icmp: bool = False) -> Made:
    worn = repair(segments, octets, 2 * SECOND)
    worn.rounds, worn.duplicates, worn.waited_ns = rounds, 0, 300 * MS
    worn.answered_ns = worn.lasted_ns
    extra = [icmp_error(3, 4, 1400)] if icmp else []
    return tcp(data(octets=20 * KB), lost(Timeout, worn), *extra)


def unasked(count: int) -> Unasked:
    made = Unasked("10.0.0.1", "02:00:00:00:00:cc", ("02:00:00:00:00:aa", 1), count, list(range(2, 2 + count)))
    made.told, made.start_ns, made.end_ns = ["10.0.0.5"], 0, count * SECOND
    return made


def missing() -> Missing:
    made = Missing(84001, 1448)
    made.asked, made.duplicates, made.watched_ns = 9, 3, 4 * SECOND
    return made


def response(*messages: tuple[int, int, bytes], **options: int) -> Made:
    return dns(lookup(*messages, **options))  # type: ignore[arg-type]


def incomplete() -> Account:
    made = lookup((0, 0, message(7)), (MS, 1, message(7, 0x8180, answers=(answer(),))), tcp=True)
    made.events.append(DnsIncomplete(Observed(2 * MS, 1, Evidence((3,))), 20, 5, "The stream ended within a message"))
    return made


def silent(answers: int) -> Made:
    """Two names that are asked of a server, and 5 s later of another one. answers: frames of the first one."""
    def made() -> Analysis:
        first = lookup((0, 0, QUESTION), (9 * SECOND, 0, message(8, question=("a.test", A))))
        first.conversation.frames = [2, answers]
        second = lookup(
            (5 * SECOND, 0, QUESTION), (5 * SECOND + MS, 1, ANSWER),
            (14 * SECOND, 0, message(8, question=("a.test", A))),
            (14 * SECOND + MS, 1, message(8, 0x8180, ("a.test", A), (answer("a.test"),))), number=2, server="10.0.0.54",
            first_frame=10,
        )
        return analysis(first, second)
    return made


def instead(identifier: int) -> Made:
    """An answer of this id from an address that was not asked."""
    return lambda: analysis(
        lookup((0, 0, QUESTION)),
        lookup((MS, 1, message(identifier, 0x8180, answers=(answer(),))), number=2, server="10.0.0.54", first_frame=2),
    )


def given_up(late: bool) -> Made:
    """A question of a stream that is reset before, or after, its answer."""
    def made() -> Analysis:
        dissector, events = create(), list[Event]()
        for step in ("question", "reset", "answer") if late else ("question", "answer", "reset"):
            frame = len(events) + 1
            if step == "reset":
                outputs = dissector.on_close(Close(frame, frame * MS, 2, "rst"))
                dissector = create()
            else:
                data = QUESTION if step == "question" else ANSWER
                outputs = dissector.on_datagram(Datagram(frame, frame * MS, int(step == "answer"), data, len(data)))
            events += [output for output in outputs if isinstance(output, Event)]
        for event in events:
            event.stream = 7
        return analysis(account(*events))
    return made


def searched(*names: str) -> Made:
    """The last of these names is there, and the others are not."""
    messages: list[tuple[int, int, bytes]] = []
    for place, text in enumerate(names):
        for kind in (A, AAAA):
            flags, answers = (0x8183, ()) if text != names[-1] else (0x8180, (answer(text),))
            messages.append((len(messages) * MS, 0, message(2 * place + kind, question=(text, kind))))
            messages.append((len(messages) * MS, 1, message(2 * place + kind, flags, (text, kind), answers)))
    return response(*messages)


def again(gap: int) -> Made:
    first, second = conversation(1, end=SECOND), conversation(2, start=SECOND + gap, end=SECOND + gap + MS)
    return lambda: analysis(account(of=first), account(of=second))


def clamped(changed: tuple[int, int, int, int] | None) -> Made:
    """A connection seen at two places, with the MSS of its SYN there and there."""
    copies = Copies()
    copies.packets, copies.again, copies.frames, copies.basis = [4, 4], [4, 4], (1, 2), "the same IP identification"
    copies.certain, copies.mss[0] = True, changed
    return tcp(CopiesSeen(Observed(0, NEITHER, Evidence((1, 2))), copies, SIDES))


def idle_ends(*seconds: int) -> Made:
    """Connections that the server resets at these seconds, each five seconds after its last word."""
    def make() -> Analysis:
        accounts = []
        for number, at in enumerate(seconds, 1):
            event = reset()
            event.time, event.idle_ns, event.waits = at * SECOND, 5 * SECOND, True
            accounts.append(account(*opened(), event, of=conversation(number, port=50_000 + number, end=at * SECOND)))
        return analysis(*accounts)
    return make


def falls_silent(*numbers: int, alive: bool) -> Made:
    """Connections whose data after four seconds of silence nobody answers. alive: the server takes another one then."""
    def make() -> Analysis:
        accounts = []
        for number in numbers:
            event = not_ended(unanswered=3)
            event.since, event.silence, event.heard = 9 * SECOND, 4 * SECOND, 0
            accounts.append(account(*opened(), event, of=conversation(number, port=50_000 + number, end=11 * SECOND)))
        if alive:
            later = [syn(10 * SECOND), syn_ack(10 * SECOND + MS), established(10 * SECOND + 2 * MS)]
            accounts.append(account(*later, of=conversation(9, start=10 * SECOND, port=50_009, end=11 * SECOND)))
        return analysis(*accounts)
    return make


def stray(number: int) -> Made:
    """A connection whose client has sent 500 bytes, and a segment of a stranger that acknowledges up to `number`."""
    known, strange = conversation(1), conversation(2, start=300 * MS, end=301 * MS, server="10.244.3.7")
    segment = Segment(97, 301 * MS, 0, RST, 1000 + number, 0, 0, 0)
    told = TcpReset(segment, SIDES, ResetCause("unknown connection", "", "it came so", 96), 0)
    return lambda: analysis(account(*opened(), of=known), account(midstream(), told, of=strange))


def referred(zone: str) -> Made:
    """A server refuses who was referred to it as a server of this zone, "" where nobody was."""
    def made() -> Analysis:
        built = analysis(answered())
        found = Lookup("www.shop.test", "A", "10.0.0.1", "10.0.0.53", 0)
        step = Step("10.0.0.1", "10.0.0.53", zone, "www.shop.test A", 1, 0, False)
        step.answer, step.failure, step.end_ns = "REFUSED", "REFUSED", MS
        found.steps, found.frames, found.kind, found.end_ns = [step], [1, 2], "failed", MS
        built.lookups = [found]
        return built
    return made


def leads_back(ring: tuple[str, ...], *zones: tuple[str, str]) -> Made:
    """A lookup whose aliases lead back by these names, and referrals: zones, each with the name of its server."""
    def made() -> Analysis:
        built = analysis(answered())
        for number, (zone, server) in enumerate(zones or (("", ""),)):
            found = Lookup(f"www{number}.shop.test", "A", "10.0.0.1", "10.0.0.53", 0)
            found.frames, found.kind, found.end_ns, found.ring = [1, 2], "failed", MS, list(ring)
            found.referred = [(zone, [server])] if zone else []
            built.lookups.append(found)
        return built
    return made


QUESTION = message(7)
ANSWER = message(7, 0x8180, answers=(answer(),))
OTHER = message(7, 0x8180, answers=(answer(address=b"\x06\x06\x06\x06"),))
EDNS = message(7, additional=(edns(),))
ANSWER_8 = message(8, 0x8180, answers=(answer(),))
STALE = edns(option(15, b"\0\3"))
LATE_PING = EchoUnanswered(Observed(5 * SECOND, 0, Evidence((9,))), 2)
PING = Echo(Observed(2 * MS, 1, Evidence((1, 2))), 1, 1, 2 * MS)

# By code: what meets the rule, and what just does not.
CASES: dict[str, tuple[Made, Made]] = {
    "tcp.refused": (bare(syn(), refused()), tcp(data())),
    "tcp.unanswered": (bare(syn(), unanswered()), tcp(data())),
    "tcp.old_connection": (
        bare(syn(), OldAnswer(Segment(2, MS, 1, ACK, 77, 88, 9, 0), SIDES, 1, 1001, MS)), bare(syn(), unanswered())
    ),
    "tcp.wrong_number": (bare(syn(), syn_ack(expected=1001)), bare(syn(), syn_ack())),
    "tcp.not_accepted": (
        tcp(syn_ack(SECOND, 2, SECOND, 5, after_third=SECOND), syn_ack(3 * SECOND, 3, SECOND, 7, after_third=SECOND)),
        tcp(syn_ack(30 * MS, 2, 6 * MS, 5, after_third=6 * MS)),
    ),
    "tcp.old_timestamps": (tcp(data(), OldTimestamps(observed(MS, 1, 8, 9), 2, 5, 500)), tcp(data(), lost(Timeout))),
    "tcp.idle_timeout": (idle_ends(10, 17, 40), idle_ends(10, 10, 10)),
    "tcp.forgotten": (falls_silent(1, 2, 3, alive=True), falls_silent(1, 2, 3, alive=False)),
    "tcp.not_translated": (stray(100), stray(9 * MB)),
    "tcp.path_changed": (
        tcp(data(), HopsChanged(observed(MS, 1, 8, 9), 1, (52, 49))),
        tcp(data(), Duplicates(observed(MS, 1, 8, 9), 1, 0)),
    ),
    "icmp.routing_loop": (
        bare(syn(), RoutingLoop(Observed(2 * MS, 0, Evidence((1, 2, 3))), 1, 3, (64, 60))), bare(syn(), unanswered())
    ),
    "tcp.syn_resent": (
        bare(syn(), syn(SECOND, 2, SECOND, 2), syn_ack(SECOND + MS, frame=3), established(SECOND + 2 * MS)),
        bare(syn(), syn(SECOND, 2, SECOND, 2), unanswered(2)),
    ),
    "tcp.half_open": (bare(syn(), syn_ack(), half_open()), tcp()),
    "tcp.midstream": (bare(midstream(), data()), tcp(data())),
    "tcp.high_rtt": (tcp(of=tuned(initial_rtt_ns=600 * MS)), tcp(of=tuned(initial_rtt_ns=200 * MS))),
    "tcp.mss_changed": (clamped((1, 1460, 2, 1360)), clamped(None)),
    "tcp.small_mss": (tcp(of=tuned(mss=[1460, 536])), tcp(of=tuned(mss=[1460, 1360]))),
    "tcp.loss": (tcp(data(), lost(FastRetransmit)), tcp(data(), lost(SpuriousRetransmission))),
    "tcp.timeout": (broken(1, 1, 1460), tcp(data(), lost(FastRetransmit))),
    "tcp.black_hole": (broken(14, 3, 19 * KB), broken(14, 3, 19 * KB, icmp=True)),
    "tcp.unrepaired": (tcp(data(), Unrepaired(observed(MS, 1, 8, 9), missing())), tcp(data(), lost(FastRetransmit))),
    "tcp.sack_outside": (tcp(data(), SackOutside(observed(MS, 1, 8, 9), 2, 1 << 30)), tcp(data())),
    "tcp.spurious": (tcp(data(), lost(SpuriousRetransmission)), tcp(data(), lost(FastRetransmit))),
    "tcp.reordering": (tcp(data(), Reordering(observed(MS, 1, 8, 9), 1, LateArrivals(2, MS, (8, 9)))), tcp(data())),
    "tcp.conflict": (tcp(Conflict(Overlap(8, MS, 0, 10, 4, 7), SIDES, "first")), tcp(data())),
    "capture.loss": (tcp(CaptureLoss(observed(MS, 1, 9), 1460, 1)), tcp(lost(FastRetransmit))),
    "capture.gap": (
        tcp(StreamGap(Gap(9, MS, 1, 5, 99), SIDES)),
        tcp(StreamGap(Gap(9, MS, 1, 5, 99), SIDES), CaptureLoss(observed(MS, 1, 9), 99, 1)),
    ),
    "capture.duplicates": (tcp(Duplicates(observed(MS, 1, 8, 9), 2, 0)), tcp(lost(FastRetransmit))),
    "capture.order": (tcp(late(3, 5 * MS)), tcp(data())),
    "capture.silence": (capture(silences=[Silence(7200 * SECOND, 8, 9, SECOND, 7201 * SECOND)]), capture()),
    "capture.clock": (tcp(ClockSet(Observed(MS, 2, Evidence((8, 9))), -2 * SECOND, MS, (0, 2 * SECOND))), tcp(data())),
    "tcp.zero_window": (tcp(data(), zero_window()), tcp(data(), limits())),
    "tcp.window_limited": (tcp(data(), limits()), tcp(data(), limits(), zero_window(500 * MS))),
    "tcp.window_shrunk": (tcp(WindowShrunk(observed(MS, 0, 9), 1, 900)), tcp(data())),
    "tcp.window_overrun": (tcp(data(), WindowOverrun(observed(MS, 1, 8), 64 * KB, 29 * KB)), tcp(data())),
    "tcp.window_unscaled": (tcp(data(), WindowUnscaled(observed(MS, 1, 8, 9), 40, 46, 128)), tcp(data())),
    "tcp.ack_awaited": (tcp(data(), AckAwaited(observed(MS, 1, 8, 9), 4, 200 * MS, 45 * MS)), tcp(data())),
    "tcp.keep_alive_unanswered": (tcp(keep_alive()), tcp(keep_alive(3))),
    "tcp.congestion_marks": (
        tcp(CongestionMarks(observed(MS, 1, 9), 3, 0, 0)), tcp(CongestionMarks(observed(MS, 1, 9), 0, 0, 1))
    ),
    "tcp.queueing": (
        tcp(data(), of=tuned(
            rtt_samples=[0, 50], rtt_min_ns=[-1, 20 * MS], rtt_max_ns=[-1, SECOND], rtt_sum_ns=[0, 50 * 300 * MS],
            unique=[0, MB],
        )),
        tcp(data(), of=tuned(
            rtt_samples=[0, 50], rtt_min_ns=[-1, 20 * MS], rtt_max_ns=[-1, SECOND], rtt_sum_ns=[0, 50 * 300 * MS],
            unique=[0, 9 * KB],
        )),
    ),
    "tcp.slow_answer": (
        tcp(data(0, 25 * MS, 99, 1, 0), data(after=3 * SECOND)), tcp(data(0, 25 * MS, 99, 1, 0), data(after=90 * MS))
    ),
    "capture.offload": (tcp(data(octets=90 * KB, segments=9)), tcp(data(octets=13_140, segments=9))),
    "tcp.reset": (tcp(data(), reset()), tcp(data(), reset("unread data"))),
    "tcp.unread_data": (tcp(data(), reset("unread data", "it did not read")), tcp(data(), reset())),
    "tcp.gave_up": (tcp(data(), reset("gave up", "the server gave up")), tcp(data(), reset())),
    "tcp.data_unanswered": (tcp(data(), not_ended(unanswered=4)), tcp(data(), not_ended())),
    "tcp.challenge": (tcp(ChallengeAck(observed(MS, 0, 8, 9), "RST", MS)), tcp(reset())),
    "tcp.not_ended": (tcp(data(), not_ended("idle")), tcp(data(), reset())),
    "dns.mismatch": (response((0, 0, QUESTION), (MS, 1, message(8, 0x8180, answers=(answer(),)))), dns(answered())),
    "dns.answers_differ": (
        response((0, 0, QUESTION), (MS, 1, ANSWER), (2 * MS, 1, OTHER)),
        response((0, 0, QUESTION), (MS, 1, ANSWER), (2 * MS, 1, ANSWER)),
    ),
    "dns.other_address": (instead(7), instead(8)),
    "dns.too_late": (given_up(late=True), given_up(late=False)),
    "dns.out_of_order": (
        response((0, 1, ANSWER), (20 * MS, 0, QUESTION)),
        response((0, 1, ANSWER), (20 * MS, 0, QUESTION), (30 * MS, 1, ANSWER)),
    ),
    "dns.server_silent": (silent(0), silent(1)),
    "dns.alias_loop": (leads_back(("a.test", "b.test")), leads_back(())),
    "dns.delegation_loop": (
        leads_back((), ("one.test", "ns.two.test"), ("two.test", "ns.one.test")),
        leads_back((), ("one.test", "ns.two.test"), ("two.test", "ns.three.test")),
    ),
    "dns.lame": (referred("shop.test"), referred("")),
    "dns.fallback": (
        response((0, 0, EDNS), (MS, 1, message(7, 0x8181, None)), (2 * MS, 0, message(8)), (3 * MS, 1, ANSWER_8)),
        response((0, 0, EDNS), (MS, 1, message(7, 0x8181, None))),
    ),
    "dns.search_list": (searched("a.test.b.test", "a.test.test", "a.test"), searched("a.test.b.test", "b.test.a.test")),
    "dns.extended_error": (
        response((0, 0, QUESTION), (MS, 1, message(7, 0x8180, answers=(answer(),), additional=(STALE,)))),
        response((0, 0, QUESTION), (MS, 1, message(7, 0x8180, answers=(answer(),), additional=(edns(),)))),
    ),
    "link.address_claimed_twice": (
        capture(contested=[("10.0.0.5", (("02:00:00:00:00:aa", 2), ("02:00:00:00:00:bb", 3)))]), capture()
    ),
    "link.taken_over": (capture(unasked=[unasked(3)]), capture(unasked=[unasked(2)])),
    "link.address_in_use": (capture(in_use=[InUse("10.0.0.5", 4, ("02:00:00:00:00:aa", 2), ("02:00:00:00:00:bb", 3))]),
                            capture()),
    "link.routers_disagree": (
        capture(routers=[Advertised("fe80::1", 2, 900, {"MTU": "1500"}), Advertised("fe80::2", 3, 900, {"MTU": "9"})]),
        capture(routers=[Advertised("fe80::1", 2, 900, {"MTU": "1500"}), Advertised("fe80::2", 3, 0, {"MTU": "9"})]),
    ),
    "link.unanswered": (
        capture(missing=[Unheard("10.0.0.9", "10.0.0.5", 3, [1, 2, 3], 0, 2 * SECOND)]),
        capture(missing=[Unheard("10.0.0.9", "10.0.0.5", 2, [1, 2], 0, SECOND)]),
    ),
    "dns.incomplete": (dns(incomplete()), dns(answered())),
    "icmp.error": (tcp(icmp_error(3, 1)), tcp(icmp_error(3, 4, 1400))),
    "icmp.prohibited": (tcp(icmp_error()), tcp(icmp_error(3, 1))),
    "icmp.redirect": (tcp(icmp_error(5, 1)), tcp(icmp_error(3, 1))),
    "icmp.too_big": (tcp(icmp_error(2, 0, 1280, 6)), tcp(icmp_error(3, 0, 0, 6))),
    "icmp.echo_unanswered": (
        bare(LATE_PING, of=conversation(transport="icmp")), bare(PING, of=conversation(transport="icmp"))
    ),
    "analyzer.fault": (tcp(DissectorFault(Observed(MS, 0, Evidence((4,))), "dns", "KeyError")), tcp()),
    "analyzer.limit": (tcp(LimitReached(Observed(MS, 0, Evidence((4,))), "tcp", "MAX_GAPS", 100)), tcp()),
    "protocol.mismatch": (tcp(OtherProtocol(Observed(MS, 1, Evidence((6,))), "SSH", "HTTP/1", "SSH-2.0-x")), tcp()),
    "malformed": (tcp(Malformed(Observed(MS, 0, Evidence((4,))), "dns", 12, "a loop")), tcp()),
    "capture.damage": (capture(damage=["made.pcap: damaged at byte 99"]), capture()),
    "capture.dropped": (capture(dropped=7), capture(dropped=0)),
    "capture.truncated": (capture(truncated_frames=3), capture()),
    "capture.length": (capture(unsized=6, unsized_frames=(6, 8)), capture()),
    "capture.one_sided": (tcp(data(), of=tuned(frames=[9, 0])), tcp(data())),
    "tcp.port_reuse": (again(SECOND), again(5 * 60 * SECOND)),
    "dns.unanswered": (response((0, 0, QUESTION), close=5 * SECOND), dns(answered())),
    "dns.failed": (response((0, 0, QUESTION), (MS, 1, message(7, 0x8182))), dns(answered())),
    "dns.no_name": (response((0, 0, QUESTION), (MS, 1, message(7, 0x8183))), dns(answered())),
    "dns.retried": (
        response((0, 0, QUESTION), (SECOND, 0, QUESTION), (SECOND + MS, 1, ANSWER)), dns(answered(took=SECOND))
    ),
    "dns.slow": (
        dns(answered(took=300 * MS)), response((0, 0, QUESTION), (SECOND, 0, QUESTION), (SECOND + MS, 1, ANSWER))
    ),
    "dns.truncated": (response((0, 0, QUESTION), (MS, 1, message(7, 0x8380))), dns(answered())),
    "dns.repeated": (
        dns(answered(), answered(2, 9 * SECOND, port=40113)), dns(answered(ttl=5), answered(2, 9 * SECOND, port=40113))
    ),
}


def untold() -> LossSummary:
    losses = UntoldLosses()
    losses.time, losses.frame, losses.episodes, losses.segments = MS, 50, 9, 40
    losses.octets, losses.lasted_ns = 60 * KB, 700 * MS
    return LossSummary(1, SIDES, losses)


# Used beyond the table.
MANY_LOSSES = tcp(data(), lost(FastRetransmit), untold())
