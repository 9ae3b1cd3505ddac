"""Findings about connections of HTTP/2: their streams, their windows, and what their peers do to them."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    FAILURE,
    LIKELY,
    POSSIBLE,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    place,
    times,
)
from analyzer.explain.usual import way_to_server
from dissectors.kit.event import NEITHER, Event
from dissectors.kit.units import grouped, plural, size, span
from dissectors.protocols.grpc.ended import RESET as GIVEN_UP
from dissectors.protocols.grpc.ended import GrpcEnded
from dissectors.protocols.http2.codes import (
    CANCEL,
    CONTINUATION,
    ENHANCE_YOUR_CALM,
    HTTP_1_1_REQUIRED,
    NO_ERROR,
    PING,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    error_name,
    type_name,
)
from dissectors.protocols.http2.events import H2Exchange, Preface, PushPromise
from dissectors.protocols.http2.events_control import GoAway, H2Reset, Settings, SettingsAck, listed
from dissectors.protocols.http2.events_state import Blocked, H2Violation, HeadOfLine
from dissectors.protocols.http2.events_summary import H2ConnectionSummary, SideFacts
from dissectors.protocols.http2.meaning import error_text
from dissectors.protocols.tcp.events_loss import Loss, Reordering
from dissectors.protocols.tcp.events_teardown import Fin, TcpReset
from dissectors.wire.http.describe import request_short
from dissectors.wire.http.events import CUT, UNANSWERED
from dissectors.wire.secrets.gate import Said

MILLISECOND: Final = 1_000_000
BLOCKED_NS: Final = 10 * MILLISECOND        # waits for windows, in all, that are worth a word
LONG_BLOCKED_NS: Final = 1_000 * MILLISECOND
HELD_UP_NS: Final = MILLISECOND             # a stall behind a missing segment that is worth a word
SLOW_ACK_NS: Final = 1_000 * MILLISECOND    # SETTINGS unacknowledged for so long are no matter of the path
CONNECTIONS: Final = 6                      # that browsers open to one host with HTTP/1.1
MANY: Final = 3                             # violations that are told in full

# Frames of a kind on one connection from which on they are a flood: no program needs so many.
FLOODS: Final = {int(RST_STREAM): 200, int(SETTINGS): 100, int(PING): 500, int(PRIORITY): 5_000}
LONG_BLOCK: Final = 100                     # CONTINUATION frames of one header block
EMPTY_DATA: Final = 500                     # DATA frames that carry nothing and end nothing

_QUIET: Final = (NO_ERROR, CANCEL)
_SOFT: Final = (REFUSED_STREAM, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED)


def reset(case: Case) -> list[Found]:
    """Resets by code and side. One that gives up what nobody needs any more is part of the protocol; of a call that was
    given up its own protocol tells."""
    called = {event.stream for event in case.of(GrpcEnded) if event.outcome.how == GIVEN_UP}
    groups: dict[tuple[int, bool, bool], list[H2Reset]] = {}
    for event in case.of(H2Reset):
        if not (event.code in _QUIET and event.stream in called):
            groups.setdefault((event.code, event.by_client, event.over), []).append(event)
    found = []
    for (code, by_client, over), events in groups.items():
        who = "The client" if by_client else "The server"
        streams = sorted({event.stream for event in events})
        which = f"stream{'s' if len(streams) > 1 else ''} {listed(streams)}"
        subjects = list(dict.fromkeys([event.subject for event in events if event.subject]))
        of = f" ({', '.join(subjects[:MANY])}{', …' if len(subjects) > MANY else ''})" if subjects and not over else ""
        meaning = error_text(code, by_client)
        sentence = f"{who} reset {which}{of} with {error_name(code)}{': ' if meaning else ''}{meaning}."
        reasons = list(dict.fromkeys([event.reason for event in events if event.reason]))
        if over:
            sentence += f" Both sides had ended {'them' if len(streams) > 1 else 'it'} before, so it changes nothing."
        elif len(reasons) == 1:
            sentence += f" {reasons[0]}"
        found.append(Found(
            sentence + _brought(case, streams), frames_of(events), case.conversation, severity=_weight(events[0]),
            confidence=LIKELY if reasons else CERTAIN, basis="the error code, and the state the stream was in",
            narrow=f"http2.type == 3 && http2.rst_stream.error == {code}",
        ))
    return found


def _weight(event: H2Reset) -> str:
    """What a reset amounts to; "" for what the rule says. A server that gives up an answer leaves half of it."""
    if event.over or event.code == NO_ERROR:
        return "chat"
    if event.code == CANCEL and not event.by_client and event.cut:
        return ""
    return "note" if event.code in _QUIET or event.code in _SOFT else ""


def _brought(case: Case, streams: list[int]) -> str:
    """What had come of the answer, where one stream was reset."""
    told = [event for event in case.of(H2Exchange) if event.stream in streams]
    if len(streams) > 1 or len(told) != 1 or told[0].ended not in (CUT, UNANSWERED):
        return ""
    one = told[0]
    if one.ended == CUT:
        return f" {size(one.received.octets)} of the answer had come."
    return " No answer had begun." if case.absence(NEITHER, one.times.begun, one.time).proven else ""


def goaway(case: Case) -> list[Found]:
    found = []
    for event in case.of(GoAway):
        if event.code == NO_ERROR and not event.refused:
            continue
        severity = "note" if event.code == NO_ERROR else "error" if event.running or event.refused else ""
        found.append(Found(
            Said(event).what(), event.evidence.frames, case.conversation, severity=severity,
            basis="the frame says so", narrow="http2.type == 7",
        ))
    return found


def blocked(case: Case) -> list[Found]:
    """Waits for WINDOW_UPDATE, by who waited and for which kind of window."""
    groups: dict[tuple[bool, bool], list[Blocked]] = {}
    for event in case.of(Blocked):
        groups.setdefault((event.by_client, event.stream == 0), []).append(event)
    found = []
    for (by_client, whole), events in groups.items():
        longest = max(event.total_ns for event in events)
        if longest < BLOCKED_NS:
            continue
        who = "The client" if by_client else "The server"
        count = sum(event.times for event in events)
        streams = sorted({event.stream for event in events})
        where = "the connection" if whole else f"stream{'s' if len(streams) > 1 else ''} {listed(streams)}"
        initial = [
            value for event in case.of(Settings) if event.by_client != by_client
            for key, value in event.values if key == 4
        ]
        allowed = f", which the other side had set to {size(initial[-1])}" if initial and not whole else ""
        found.append(Found(
            f"{who} waited {span(longest)} for room in the window of {where}{allowed} ({times(count)}): the "
            f"receiver was the limit of the rate and not the path.{_vain(case, events)}",
            frames_of(events), case.conversation, cost_ns=longest,
            severity="warn" if longest >= LONG_BLOCKED_NS else "", confidence=LIKELY,
            basis="DATA filled the window to its last octet" + (
                ", and no WINDOW_UPDATE came" if _vain(case, events) else " and went on after the next WINDOW_UPDATE"
            ),
            narrow="http2.type == 8" if not _vain(case, events) else "http2",
        ))
    return found


def _vain(case: Case, events: list[Blocked]) -> str:
    """Windows that did not open any more: what was held up then."""
    held = [event for event in events if event.vain_ns >= 0]
    if not held:
        return ""
    streams = sorted({stream for event in held for stream in event.streams})
    asked = [
        request_short(event.request) for event in case.of(H2Exchange)
        if event.stream in streams and event.request is not None
    ]
    which = f"stream{'s' if len(streams) > 1 else ''} {listed(streams)}"
    named = f" ({', '.join(asked[:MANY])}{', …' if len(asked) > MANY else ''})" if asked else ""
    return (
        f" It was used up, and no WINDOW_UPDATE came in the last {span(max(event.vain_ns for event in held))}: "
        f"{which}{named} had not ended by then."
    )


def head_of_line(case: Case) -> list[Found]:
    """How long each exchange waited in all behind segments in which there was nothing of it."""
    events = [event for event in case.of(HeadOfLine) if event.longest_ns >= HELD_UP_NS]
    if not events:
        return []
    waited: dict[int, int] = {}
    for event in events:
        for stream in event.streams:
            waited[stream] = waited.get(stream, 0) + event.waits[stream]
    asked = {event.stream: request_short(event.request) for event in case.of(H2Exchange) if event.request is not None}
    dearest = sorted(waited, key=lambda stream: (-waited[stream], stream))
    each = [
        f"{stream}{f' ({asked[stream]})' if stream in asked else ''} for {span(waited[stream])}"
        for stream in dearest[:MANY]
    ]
    if len(dearest) > MANY:
        each.append(f"{plural(len(dearest) - MANY, 'more stream')} for up to {span(waited[dearest[MANY]])}")
    several = len(each) > 1
    return [Found(
        f"{plural(len(events), f'{_missing(case, events)} TCP segment')} held up {plural(len(waited), 'stream')} that "
        f"had nothing in {'it' if len(events) == 1 else 'them'}, though {'their' if several else 'its'} octets had "
        f"arrived: stream {', '.join(each[:-1])}{' and ' if several else ''}{each[-1]}.",
        frames_of(events), case.conversation,
        cost_ns=sum(event.longest_ns for event in events),
        basis="octets behind the missing ones were in the capture before them",
    )]


def _missing(case: Case, events: list[HeadOfLine]) -> str:
    """What TCP says of the segments that were waited for: lost and sent again, or late; else that they were missing."""
    frames = {(event.direction, event.evidence.frames[-1]) for event in events}
    repairs = case.of_base(Loss)
    late = {(event.direction, frame) for event in case.of(Reordering) for frame in event.late_frames}
    if frames <= late:
        return "late"
    again = {
        (side, frame) for side, frame in frames for event in repairs
        if event.direction == side and event.repair.frame <= frame and (
            frame <= event.repair.repaired_by or not event.repair.repaired
        )
    }
    return "lost" if frames == again else "missing"


def violation(case: Case) -> list[Found]:
    groups: dict[tuple[str, bool], list[H2Violation]] = {}
    for event in case.of(H2Violation):
        groups.setdefault((event.code, event.by_client), []).append(event)
    found = []
    for events in groups.values():
        more = f" ({times(len(events))})" if len(events) > 1 else ""
        found.append(Found(
            f"{Said(events[0]).what()[:-1]}{more}.", frames_of(events[:MANY]), case.conversation,
            confidence=LIKELY, basis="every frame before it was in the capture",
            absent=case.absence(NEITHER, -1, max(event.time for event in events)),
        ))
    return found


def unspoken(case: Case) -> list[Found]:
    """A client that begins HTTP/2 without asking first, and a server that ends the connection without a word."""
    server = 1 - case.of(Preface)[0].direction if case.of(Preface) else 0
    if not case.of(Preface) or case.conversation.payload[server]:
        return []
    first = case.of(Preface)[0]
    ends = [event for event in case.of(Fin) if event.direction == server] + \
        [event for event in case.of(TcpReset) if event.direction == server and not event.survived]
    if not ends:
        return []
    end = min(ends, key=_time)
    return [Found(
        f"The client began HTTP/2 without asking whether the server speaks it, and {place(case.end(server))} ended the "
        f"connection {span(max(end.time - first.time, 0))} later without a byte in answer: it does not speak "
        "HTTP/2 in the clear on this port.", frames_of([first, end]), case.conversation, confidence=LIKELY,
        basis="the preface of the client, and no octet of the server before its FIN or RST",
        absent=case.absence(server, -1, end.time),
    )]


def _time(event: Event) -> int:
    return event.time


def flood(case: Case) -> list[Found]:
    """More frames of a kind than any use of the protocol needs."""
    found = []
    for event in case.of(H2ConnectionSummary):
        for who, side in (("The client", event.client), ("The server", event.server)):
            for kind, most in FLOODS.items():
                count = side.counts.get(kind, 0)
                if count >= most and not (kind == RST_STREAM and 2 * count < event.streams):
                    found.append(_flood(case, event, f"{who} sent {plural(count, type_name(kind) + ' frame')}", kind))
            found += _endless(case, event, who, side)
    return found


def _endless(case: Case, event: H2ConnectionSummary, who: str, side: SideFacts) -> list[Found]:
    found = []
    if side.longest_block >= LONG_BLOCK:
        text = f"{who} sent {plural(side.longest_block, 'CONTINUATION frame')} for one header block"
        found.append(_flood(case, event, text, int(CONTINUATION)))
    if side.empty_data >= EMPTY_DATA:
        found.append(_flood(case, event, f"{who} sent {plural(side.empty_data, 'DATA frame')} without content", 0))
    return found


def _flood(case: Case, event: H2ConnectionSummary, text: str, kind: int) -> Found:
    return Found(
        f"{text} on one connection: each costs its peer work and its sender next to nothing.",
        event.evidence.frames, case.conversation, confidence=POSSIBLE,
        basis="the number alone", narrow=f"http2.type == {kind}",
    )


def full(case: Case) -> list[Found]:
    """All the streams that a server allows were in use."""
    return [
        Found(
            f"The client had {grouped(event.peak)} streams open at once, as many as the server allows: further "
            "requests had to wait for one of them to end.", event.evidence.frames, case.conversation,
            confidence=LIKELY, basis="SETTINGS_MAX_CONCURRENT_STREAMS, and the streams open at the peak",
        )
        for event in case.of(H2ConnectionSummary) if event.limit > 0 and event.peak >= event.limit
    ]


def slow_settings(case: Case) -> list[Found]:
    way = way_to_server(case.conversation)     # an upper bound of the way to the client, where it is captured beside it
    late = [event for event in case.of(SettingsAck) if event.ack_ns - way >= SLOW_ACK_NS]
    if not late:
        return []
    worst = max(event.ack_ns for event in late)
    return [Found(
        f"SETTINGS were acknowledged only after {span(worst)}.", frames_of(late), case.conversation,
        cost_ns=worst, basis="from the SETTINGS frame to its acknowledgment", narrow="http2.type == 4",
    )]


def pushed_in_vain(case: Case) -> list[Found]:
    """Pushes that the client did not want."""
    promised = {event.promised: event for event in case.of(PushPromise)}
    refused = [event for event in case.of(H2Reset) if event.by_client and event.stream in promised]
    if not refused:
        return []
    octets = sum(
        event.received.octets for event in case.of(H2Exchange)
        if event.facts.pushed and event.facts.reset
    )
    cost = f"; {size(octets)} of them had been sent" if octets else ""
    return [Found(
        f"The client refused {len(refused)} of {plural(len(promised), 'pushed response')}{cost}.",
        frames_of(refused), case.conversation, basis="RST_STREAM on the promised streams",
    )]


def multiplexed(case: Case) -> list[Found]:
    """What six connections of HTTP/1.1 would have made of the same requests: an estimate."""
    whole = [
        event for event in case.of(H2Exchange)
        if event.times.begun >= 0 and event.times.ended >= 0 and event.times.waited_ns() >= 0 and not event.facts.pushed
    ]
    peak = max([event.peak for event in case.of(H2ConnectionSummary)], default=0)
    if peak <= CONNECTIONS or len(whole) <= CONNECTIONS:
        return []
    begun = min(event.times.begun for event in whole)
    took = max(event.times.ended for event in whole) - begun
    other = _one_after_another(whole, begun)
    ratio = other / took if took > 0 else 0.0
    if ratio < 1.0:
        return []
    return [Found(
        f"{plural(len(whole), 'request')}, up to {grouped(peak)} at once, took {span(took)}. Over {CONNECTIONS} "
        f"connections of HTTP/1.1 they would have taken {span(int(other))} or more (an estimate), the opening of "
        "the further connections not counted.", frames_of(whole[:1] + whole[-1:]), case.conversation,
        confidence=POSSIBLE,
        basis="each request waits as long as the quickest of them did, and all of them share the rate that was seen",
    )]


def _one_after_another(whole: list[H2Exchange], begun: int) -> float:
    """When the last of them would end, in ns from the first: each waits for a free connection of six."""
    octets = sum(event.received.octets + event.sent.octets for event in whole)
    busy = max(event.times.ended for event in whole) - min(event.times.first for event in whole)
    wait = min(event.times.waited_ns() for event in whole)
    per_octet = CONNECTIONS * busy / octets if octets and busy > 0 else 0.0
    free = [0.0] * CONNECTIONS
    last = 0.0
    for event in sorted(whole, key=_begun):
        index = free.index(min(free))
        start = max(free[index], float(event.times.begun - begun))
        service = wait + (event.received.octets + event.sent.octets) * per_octet
        free[index] = start + service
        last = max(last, free[index])
    return last


def _begun(event: H2Exchange) -> int:
    return event.times.begun


HTTP2_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "http2.reset", "warn", FAILURE, reset,
        "A stream of HTTP/2 was reset.",
        "Look into the log of whoever sent the reset, at this time; the code says where to begin.",
        "The same request with success, elsewhere in the capture.",
    ),
    Rule(
        "http2.goaway", "warn", FAILURE, goaway,
        "A side of HTTP/2 ended the connection with GOAWAY and an error.",
        "See what the error says of the other side, and whether the client sent the refused requests again.",
        "The refused requests, answered on another connection.",
    ),
    Rule(
        "http2.blocked", "note", SLOW, blocked,
        "A sender of HTTP/2 waited for room in a window of flow control.",
        "Let the receiver set larger windows (SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_UPDATE), or read faster.",
        "A sender that paused by itself at the moment when the window was used up.",
        threshold=f"{span(BLOCKED_NS)} of waits for a window, in all; a warning from {span(LONG_BLOCKED_NS)}. A window "
        "that fits the way is never waited for.",
    ),
    Rule(
        "http2.head_of_line", "note", SLOW, head_of_line,
        "A missing segment held up streams of HTTP/2 of which it carried nothing.",
        "If losses are frequent here, compare with HTTP/3, where a loss stops its own stream only.",
        "Segments that were captured late but arrived in order.", "tcp.analysis.retransmission",
        threshold=f"{span(HELD_UP_NS)} behind a missing segment.",
    ),
    Rule(
        "http2.violation", "warn", FAILURE, violation,
        "A side broke a rule of HTTP/2.",
        "Find out which program it is; its peer may end the stream or the connection for it.",
        "Frames before it that the capture missed.", "http2", absence=True,
    ),
    Rule(
        "http2.not_spoken", "warn", FAILURE, unspoken,
        "A client began HTTP/2, and the server does not speak it.",
        "See what the server speaks on this port: TLS most often, or HTTP/1.1 only.",
        "An answer that the capture missed.", "http2", absence=True,
    ),
    Rule(
        "http2.flood", "warn", WEAK, flood,
        "A side sent more frames of a kind than any use of HTTP/2 needs.",
        "Check the versions of the server and of what stands before it against the known attacks of this kind.",
        "A test of load, or a connection that lived for very long.",
        threshold="so many frames of a kind as no use of the protocol needs: "
            + ", ".join([f"{count} {type_name(kind)}" for kind, count in FLOODS.items()]) + ".",
    ),
    Rule(
        "http2.full", "note", SLOW, full,
        "All the streams that a server of HTTP/2 allows were in use.",
        "Raise the limit of streams at once, or see why the responses take so long.",
        "No request that came just after another one had ended.", "http2.type == 1",
    ),
    Rule(
        "http2.slow_settings", "note", SLOW, slow_settings,
        "The acknowledgment of SETTINGS took long.",
        "Look for a peer that reads late: it is busy, or blocked by something else.",
        "A round trip of this length.",
        threshold=f"{span(SLOW_ACK_NS)} beyond the round trip: it is answered by the library, and waits for nothing.",
    ),
    Rule(
        "http2.pushed_in_vain", "note", WEAK, pushed_in_vain,
        "A server pushed what the client did not want.",
        "Turn push off; 103 Early Hints serve the same end without sending what the client has.",
        "Pushes that the client took, on other connections.", "http2.type == 5",
    ),
    Rule(
        "http2.multiplexed", "chat", WEAK, multiplexed,
        "What HTTP/2 saved against HTTP/1.1: an estimate.",
        "Nothing: it is what HTTP/2 is for.",
        "The same page over HTTP/1.1, measured.",
    ),
)
