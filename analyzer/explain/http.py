"""Findings about single exchanges of HTTP, whichever version carried them."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    DENIAL,
    FAILURE,
    LIKELY,
    POSSIBLE,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    times,
)
from analyzer.explain.usual import LEAST_POLLS, LONG_NS, NOTICED_NS, WAIT, way_to_server
from dissectors.kit.event import BACKWARD, NEITHER
from dissectors.kit.units import plural, size, span
from dissectors.protocols.http1.events import HttpAmbiguous
from dissectors.protocols.tcp.events_transfer import Transfer
from dissectors.wire.http.auth import scheme_sent
from dissectors.wire.http.caching import directives
from dissectors.wire.http.codings import KNOWN
from dissectors.wire.http.cookies import cookies_sent, cookies_set
from dissectors.wire.http.describe import is_preflight, listed, request_short, shortened
from dissectors.wire.http.events import UNASKED, UNKEPT, UNREADABLE, UNSEEN, ExchangeEvent
from dissectors.wire.http.message import Head
from dissectors.wire.http.status import status_name, status_of

SECOND: Final = 1_000_000_000
SLOW_NS: Final = LONG_NS                # a wait for the first byte that a person takes for a hang
VERY_SLOW_NS: Final = 5 * SECOND
BLOCKED_NS: Final = 10_000_000          # time in the queue of a connection that is worth a word
CONTINUE_NS: Final = 500_000_000        # a body held back in vain for so long
AT_ONCE_OCTETS: Final = 14_600          # ten segments, which TCP sends without waiting for an ACK (RFC 6928 §2)
COMPRESSIBLE: Final = 10_000            # octets from which compression pays
MAX_NAMED: Final = 3                    # exchanges named in one sentence

# Shapes that let a request be smuggled where a proxy and a server read them differently.
DANGEROUS: Final = frozenset((
    "both_lengths", "lengths_differ", "length_value", "transfer_encoding", "bare_cr", "space_before_colon",
    "space_first", "chunk_size",
))

# What was asked for where there is no request.
_WITHOUT: Final = {
    UNSEEN: "a request that was not seen", UNASKED: "no request", UNREADABLE: "what is no request of HTTP",
    UNKEPT: "a request that was not followed",
}

_TEXTS: Final = (
    "text/", "application/json", "application/javascript", "application/xml", "image/svg+xml",
    "application/vnd.apple.mpegurl", "application/dash+xml", "application/wasm",
)


def exchanges(case: Case) -> list[ExchangeEvent]:
    """Those of every version, in order of their ends."""
    return case.of_base(ExchangeEvent)


def is_plain(case: Case) -> bool:
    """The outermost protocol is HTTP itself: everyone on the way can read it."""
    return case.conversation.protocol in ("http", "http2")


def asked(exchange: ExchangeEvent) -> str:
    """`GET /x`."""
    return request_short(exchange.request) if exchange.request is not None else _WITHOUT[exchange.without]


def named(found: list[ExchangeEvent]) -> str:
    """The first of them by what they asked for, each once."""
    words = list(dict.fromkeys([asked(exchange) for exchange in found]))
    shown = ", ".join(words[:MAX_NAMED])
    return f"{shown} and {len(words) - MAX_NAMED} more" if len(words) > MAX_NAMED else shown


def filter_of(found: list[ExchangeEvent], one: str = "http", two: str = "http2") -> str:
    """A display filter by the version that carried them."""
    return two if found and found[0].name.startswith("http2") else one


def _by_status(case: Case, first: int, last: int) -> list[tuple[int, list[ExchangeEvent]]]:
    groups: dict[int, list[ExchangeEvent]] = {}
    for exchange in exchanges(case):
        if exchange.response is not None and first <= exchange.response.status <= last:
            groups.setdefault(exchange.response.status, []).append(exchange)
    return list(groups.items())


def _status_found(case: Case, status: int, group: list[ExchangeEvent], severity: str = "") -> Found:
    known = status_of(status)
    says = f" {known.says}" if known is not None else ""
    often = f" {times(len(group))}" if len(group) > 1 else ""
    return Found(
        f"The server answered {status_name(status)}{often}, to {named(group)}.{says}", frames_of(group),
        case.conversation, cost_ns=sum([max(one.times.total_ns(), 0) for one in group]), severity=severity,
        basis="the status code of the response",
        narrow=filter_of(group, f"http.response.code == {status}", f"http2.headers.status == {status}"),
    )


def server_error(case: Case) -> list[Found]:
    return [_status_found(case, status, group) for status, group in _by_status(case, 500, 599)]


def client_error(case: Case) -> list[Found]:
    """A challenge that the client then meets is how authentication works, and no error."""
    found = []
    for status, group in _by_status(case, 400, 499):
        challenge = status in (401, 407) and any(
            other.response is not None and other.response.status < 400 and other.request is not None
            and scheme_sent(other.request) for other in exchanges(case)
        )
        if not challenge:
            found.append(_status_found(case, status, group, "warn" if status == 429 else ""))
    return found


def slow(case: Case) -> list[Found]:
    """Waits that are far beyond the other answers of this server, or so long that nothing makes them ordinary: without
    the way to it, and where nobody asked it to wait."""
    late = [
        exchange for exchange in exchanges(case)
        if _waited(exchange) >= NOTICED_NS and _is_late(case, exchange) and not case.usual.waits_on_purpose(exchange)
    ]
    if not late:
        return []
    worst = max(late, key=_waited)
    wait = _waited(worst)
    least = min([*[_waited(one) for one in late], SLOW_NS])
    more = f", and {plural(len(late) - 1, 'other request')} waited longer than {span(least)}" if len(late) > 1 else ""
    return [Found(
        f"{asked(worst)} waited {span(wait)} for the first byte of its answer{_beside(case, worst)}{more}."
        f"{_split(worst)}",
        frames_of(late), case.conversation, cost_ns=sum([_waited(one) for one in late]),
        severity="warn" if wait - _way(case, worst) >= VERY_SLOW_NS else "",
        basis="from the end of the request to the first byte of the response", narrow=filter_of(late),
    )]


def _way(case: Case, exchange: ExchangeEvent) -> int:
    """What of the wait is the way: by the acknowledgment of the request, else by the shortest round trip."""
    acknowledged = exchange.acknowledged_ns
    return acknowledged if acknowledged >= 0 else min(way_to_server(case.conversation), _waited(exchange))


def _split(exchange: ExchangeEvent) -> str:
    """What of the wait is the way and what the server's: an ACK of the whole request takes the same way back as the
    answer, wherever between them the capture is taken. Looks alike: an answer that was lost before this place and sent
    again, so it is no more than likely. Where a proxy answers, it is the proxy's."""
    way = exchange.reached_ns
    if way < 0:
        return ""
    return (
        f" The request was acknowledged after {span(way)}; the other {span(_waited(exchange) - way)} are likely the "
        "server's, or of what it asked itself."
    )


def _is_late(case: Case, exchange: ExchangeEvent) -> bool:
    own = _waited(exchange) - _way(case, exchange)
    others = case.usual.requests(case.conversation, exchange)
    return own >= SLOW_NS or (own >= NOTICED_NS and others.far_beyond(_waited(exchange)))


def _beside(case: Case, worst: ExchangeEvent) -> str:
    others = case.usual.requests(case.conversation, worst)
    if not others.far_beyond(_waited(worst)):
        return ""
    return f", where {len(others.waits)} other answers of this server took {others.middle()} (median)"


def _waited(exchange: ExchangeEvent) -> int:
    return exchange.times.waited_ns()


def blocked(case: Case) -> list[Found]:
    held = [exchange for exchange in exchanges(case) if exchange.times.blocked_ns() >= BLOCKED_NS]
    if not held:
        return []
    cost = sum([exchange.times.blocked_ns() for exchange in held])
    return [Found(
        f"{plural(len(held), 'pipelined request')} waited {span(cost)} in all for responses before them on the "
        f"same connection: {named(held)}.", frames_of(held), case.conversation, cost_ns=cost,
        basis="the end of the response before, against the end of the request", narrow=filter_of(held),
    )]


def ambiguous(case: Case) -> list[Found]:
    found = []
    groups: dict[str, list[HttpAmbiguous]] = {}
    for event in case.of(HttpAmbiguous):
        groups.setdefault(event.code, []).append(event)
    for code, events in groups.items():
        dangerous = code in DANGEROUS
        who = "response" if events[0].direction == BACKWARD else "request"
        often = f" ({times(len(events))})" if len(events) > 1 else ""
        found.append(Found(
            f"A {who} can be read in more than one way{often}: {events[0].reason}", frames_of(events),
            case.conversation, severity="" if dangerous else "note", confidence=CERTAIN if dangerous else LIKELY,
            basis="the bytes of its head or framing",
        ))
    return found


def uncompressed(case: Case) -> list[Found]:
    """A text of some size that went as it is, to a client that takes it packed."""
    plain = []
    for exchange in exchanges(case):
        body, request, response = exchange.received, exchange.request, exchange.response
        if request is None or response is None or body.codings or body.octets < COMPRESSIBLE or not body.type \
                or not response.whole:
            continue
        takes = [word.partition(";")[0].strip() for word in request.elements(b"accept-encoding")]
        if body.type.startswith(_TEXTS) and any(word in KNOWN for word in takes) \
                and "no-transform" not in directives(response.text(b"cache-control")) and response.status == 200:
            plain.append(exchange)
    if not plain:
        return []
    octets = sum([exchange.received.octets for exchange in plain])
    return [Found(
        f"{size(octets)} of text went uncompressed although the client takes compressed bodies: {named(plain)}.",
        frames_of(plain), case.conversation, cost_ns=sum([max(one.times.received_ns(), 0) for one in plain]),
        basis="Accept-Encoding of the request, no Content-Encoding in the response", narrow=filter_of(plain),
    )]


def undecodable(case: Case) -> list[Found]:
    found = []
    for exchange in exchanges(case):
        for who, body in (("request", exchange.sent), ("response", exchange.received)):
            if body.problem and body.whole and "MAX_" not in body.problem and "not known" not in body.problem:
                found.append(Found(
                    f"The body of the {who} of {asked(exchange)} says that it is {', '.join(body.codings)}, but "
                    f"{body.problem}.", exchange.evidence.frames, case.conversation, basis="an attempt to decode it",
                    narrow=filter_of([exchange]),
                ))
    return found[:MAX_NAMED]


def plain_credentials(case: Case) -> list[Found]:
    """Passwords and tokens that everyone on the way can read."""
    if not is_plain(case):
        return []
    found = []
    signed: dict[str, list[ExchangeEvent]] = {}
    cookies: list[ExchangeEvent] = []
    for exchange in exchanges(case):
        if exchange.request is None:
            continue
        scheme = scheme_sent(exchange.request)
        if scheme.lower() in ("basic", "bearer"):
            signed.setdefault(scheme, []).append(exchange)
        if cookies_sent(exchange.request):
            cookies.append(exchange)
    for scheme, group in signed.items():
        found.append(Found(
            f"Credentials of the scheme {scheme} went over a connection without encryption, with {named(group)}.",
            frames_of(group), case.conversation, basis="Authorization in a request that was not inside TLS",
            narrow=filter_of(group, "http.authorization", "http2"),
        ))
    if cookies and not signed:
        names = cookies_sent(cookies[0].request) if cookies[0].request is not None else []
        found.append(Found(
            f"Cookies ({listed(names)}) went over a connection without encryption, with {named(cookies)}.",
            frames_of(cookies), case.conversation, severity="note", confidence=POSSIBLE,
            basis="whether they are worth anything is not known", narrow=filter_of(cookies, "http.cookie", "http2"),
        ))
    return found


def cookie_faults(case: Case) -> list[Found]:
    """Cookies that browsers refuse."""
    found = []
    for exchange in exchanges(case):
        if exchange.response is None:
            continue
        for cookie in cookies_set(exchange.response):
            for fault in cookie.faults(not is_plain(case)):
                found.append(Found(
                    f"The answer to {asked(exchange)} sets the cookie {shortened(cookie.name, 40)}: {fault}.",
                    exchange.evidence.frames, case.conversation, basis="the attributes of Set-Cookie",
                    narrow=filter_of([exchange], "http.set_cookie", "http2"),
                ))
    return found[:MAX_NAMED]


def held_back(case: Case) -> list[Found]:
    """Expect: 100-continue to a server that did not say it, so that the client waited for nothing."""
    found = []
    for exchange in exchanges(case):
        request = exchange.request
        if request is None or "100-continue" not in request.elements(b"expect"):
            continue
        went_on = any(one.status == 100 for one in exchange.informational)
        wait = exchange.times.sent_ns()
        if not went_on and exchange.sent.octets and wait >= CONTINUE_NS and _paused(case, exchange):
            found.append(Found(
                f"{asked(exchange)} held its body back for a 100 Continue that did not come; the request took "
                f"{span(wait)} to send.", exchange.evidence.frames, case.conversation, cost_ns=wait,
                confidence=LIKELY, basis="Expect: 100-continue, and no 1xx response", narrow=filter_of([exchange]),
                absent=case.absence(NEITHER, exchange.times.begun, exchange.times.sent),
            ))
    return found


def _paused(case: Case, exchange: ExchangeEvent) -> bool:
    """Whether the body was long in coming because the client waited: a small one leaves at once, a large one shows it
    by a pause. An upload that takes its time is none."""
    if exchange.sent.octets <= AT_ONCE_OCTETS:
        return True
    times = exchange.times
    return any(
        turn.pause_ns >= CONTINUE_NS and times.begun <= turn.time <= times.sent
        for turn in case.of(Transfer) if turn.direction != BACKWARD
    )


def preflights(case: Case) -> list[Found]:
    asked_first = [one for one in exchanges(case) if one.request is not None and is_preflight(one.request)]
    if not asked_first:
        return []
    refused = [
        one for one in asked_first
        if one.response is not None and one.response.whole and not _allows(one.response)
    ]
    cost = sum([max(one.times.total_ns(), 0) for one in asked_first])
    if refused:
        return [Found(
            f"The server does not allow what the browser asked for with {named(refused)} (CORS): the request itself "
            "will not be sent.", frames_of(refused), case.conversation, severity="warn",
            basis="no Access-Control-Allow-Origin in the answer", narrow=filter_of(refused),
        )]
    return [Found(
        f"{plural(len(asked_first), 'CORS preflight')} took {span(cost)} before the requests themselves.",
        frames_of(asked_first), case.conversation, cost_ns=cost, basis="OPTIONS with Access-Control-Request-Method",
        narrow=filter_of(asked_first),
    )]


def _allows(response: Head) -> bool:
    return response.has(b"access-control-allow-origin") and response.status < 300


def hsts_over_plain(case: Case) -> list[Found]:
    if not is_plain(case):
        return []
    said = [
        one for one in exchanges(case) if one.response is not None and one.response.has(b"strict-transport-security")
    ]
    if not said:
        return []
    return [Found(
        f"The server asks for HTTPS by Strict-Transport-Security in the answer to {named(said)}, over plain HTTP, "
        "where browsers have to ignore it.", frames_of(said), case.conversation,
        basis="RFC 6797 §8.1: only what comes over a secure connection counts", narrow=filter_of(said),
    )]


HTTP_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "http.server_error", "error", FAILURE, server_error,
        "The server answered with an error of its own (5xx).",
        "Look into the log of the server at this time; a 502 or 504 points to the server behind it.",
        "A later answer to the same request that succeeds: then it was for a moment only.",
    ),
    Rule(
        "http.client_error", "note", DENIAL, client_error,
        "The server answered that the request is wrong (4xx).",
        "Check the address, the method and the credentials of the request.",
        "The same request with success, elsewhere in the capture.",
    ),
    Rule(
        "http.slow", "note", SLOW, slow,
        "A request waited long for the first byte of its answer.",
        "Measure what the server does in this time: its log, a trace, its database.",
        "A round trip of this length: then it is the path and not the server.", "http",
        threshold=f"{WAIT}. A warning from {span(VERY_SLOW_NS)}. Answers to the same request count, where there are as "
        f"many. Long polls and streams are no waits: what asks to be held, and at least {LEAST_POLLS} "
        "requests in a row whose waits differ or brought nothing.",
    ),
    Rule(
        "http.blocked", "note", SLOW, blocked,
        "Requests waited for responses before them on the same connection.",
        "Use several connections, or HTTP/2, where responses do not wait for one another.",
        "Responses that were not ready when the line became free.", "http",
        threshold=f"{span(BLOCKED_NS)} behind another response, without anything of the way in it.",
    ),
    Rule(
        "http.ambiguous", "warn", WEAK, ambiguous,
        "A message can be read in more than one way, which lets requests be smuggled.",
        "See that every proxy and server on the way refuses such messages; find out who sends them.",
        "One recipient only, with nothing in between.", "http",
    ),
    Rule(
        "http.uncompressed", "note", WEAK, uncompressed,
        "Text went uncompressed to a client that takes it compressed.",
        "Let the server compress texts (gzip, br, zstd).", "Bodies that hardly shrink when they are compressed.",
        threshold=f"{size(COMPRESSIBLE)} of text: below that compressing gains less than a packet or two.",
    ),
    Rule(
        "http.undecodable", "warn", FAILURE, undecodable,
        "A body is not coded in the way that it says.",
        "Look for a machine on the way that changes bodies, or a server that sets Content-Encoding wrongly.",
        "A program that decodes the same bytes.",
    ),
    Rule(
        "http.plain_credentials", "warn", WEAK, plain_credentials,
        "Credentials went over a connection without encryption.",
        "Use HTTPS, and change what was sent: everyone on the way could read it.",
        "A tunnel around this connection that encrypts it.",
    ),
    Rule(
        "http.cookie", "note", WEAK, cookie_faults,
        "A cookie is set in a way that browsers refuse.",
        "Mend the attributes of Set-Cookie.", "A client that is no browser and does not mind.",
    ),
    Rule(
        "http.held_back", "note", SLOW, held_back,
        "A client held its body back for a 100 Continue that did not come.",
        "Let the server answer 100 Continue at once, or leave Expect out for small bodies.",
        "A line so slow that the body took this long.", "http", absence=True,
        threshold=f"{span(CONTINUE_NS)} for a body of {size(AT_ONCE_OCTETS)} or less, which leaves at once, or a pause "
        "as long within a larger one: programs wait a second for 100 Continue.",
    ),
    Rule(
        "http.preflight", "chat", SLOW, preflights,
        "A browser had to ask whether a request is allowed before it sent it (CORS).",
        "Let answers to preflights be kept (Access-Control-Max-Age), or serve from the same origin.",
        "Preflights whose answers were kept.",
    ),
    Rule(
        "http.hsts_over_plain", "note", WEAK, hsts_over_plain,
        "The server asks for HTTPS where browsers must ignore it.",
        "Redirect to HTTPS and say it there.", "TLS that ended in front of the place of the capture.",
        "http.response",
    ),
)
