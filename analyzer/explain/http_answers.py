"""Findings about answers of HTTP that are missing, that are not whole, that nobody asked for, or that hide an error."""
from __future__ import annotations

from typing import Final

from analyzer.explain.http import MAX_NAMED, asked, exchanges, filter_of, named
from analyzer.explain.rule import CERTAIN, DENIAL, FAILURE, LIKELY, Case, Found, Rule, frames_of, times
from dissectors.kit.event import BACKWARD, NEITHER
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, size
from dissectors.protocols.http1.events import HttpAmbiguous
from dissectors.protocols.http2.events import H2Exchange
from dissectors.wire.http.events import CUT, LOST, UNANSWERED, UNASKED, ExchangeEvent, announced
from dissectors.wire.http.status import status_name

PROBLEM_TYPE: Final = "application/problem+json"     # RFC 9457 §3
GRAPHQL_TYPE: Final = "application/graphql-response+json"
LEAST_FAILED: Final = 400      # statuses from which on an answer to nothing says why the server closes (408)


def _own_end(exchange: ExchangeEvent) -> bool:
    """It ended with its connection: a stream that was reset is told by its reset."""
    return not (isinstance(exchange, H2Exchange) and exchange.facts.reset)


def _seen(case: Case, exchange: ExchangeEvent) -> Absence:
    """That what is missing of this exchange was not there, in either direction while it lasted."""
    return case.absence(NEITHER, exchange.times.begun, exchange.time)


def unanswered(case: Case) -> list[Found]:
    left = [exchange for exchange in exchanges(case) if exchange.ended == UNANSWERED and _own_end(exchange)]
    found = [_lost(case, exchange) for exchange in exchanges(case) if exchange.ended == LOST and exchange.missing]
    for proven in (True, False):
        group = [exchange for exchange in left if _seen(case, exchange).proven is proven]
        if group:
            found.append(Found(
                f"The connection ended without an answer to {named(group)}.", frames_of(group), case.conversation,
                confidence=LIKELY, basis="no response was seen before the connection ended", narrow=filter_of(group),
                absent=_seen(case, group[0]),
                otherwise=f"The connection ended, and no answer to {named(group)} is in the capture.",
            ))
    return found


def _lost(case: Case, exchange: ExchangeEvent) -> Found:
    """The server closed behind octets that are not there."""
    what = "has no answer" if exchange.response is None else "has no whole answer"
    text = (
        f"{asked(exchange)} {what} in the capture: {size(exchange.missing)} that the server sent before its FIN are "
        "not in it."
    )
    return Found(
        text, exchange.evidence.frames, case.conversation, severity="note", basis="the sequence number of the FIN",
        narrow=filter_of([exchange]), absent=_seen(case, exchange), otherwise=text,
    )


def cut(case: Case) -> list[Found]:
    short = [exchange for exchange in exchanges(case) if exchange.ended == CUT and _own_end(exchange)]
    found = []
    for exchange in short[:MAX_NAMED]:
        received = exchange.received.octets
        promised = exchange.promised(BACKWARD)
        of = f" of {announced(exchange.response, promised)}" \
            if exchange.response is not None and promised > received else ""
        found.append(Found(
            f"The connection ended in the middle of the answer to {asked(exchange)}: {size(received)}{of} had come.",
            exchange.evidence.frames, case.conversation, basis="the length or the framing that the response announced",
            narrow=filter_of([exchange]), absent=_seen(case, exchange),
            otherwise=f"The answer to {asked(exchange)} is not whole in the capture: {size(received)}{of} are in it "
            "when the connection ends.",
        ))
    return found


def surplus(case: Case) -> list[Found]:
    """More responses than requests. What a server says to nobody before it closes (408) is part of how it closes; and
    where as many requests have no answer, frames may have been stored in another order than they were sent in."""
    extra = [
        one for one in exchanges(case)
        if one.without == UNASKED and one.response is not None and one.response.status < LEAST_FAILED
    ]
    missed = sum([one.request is not None and one.response is None for one in exchanges(case)])
    if len(extra) <= missed:
        return []
    first = extra[0]
    status = status_name(first.response.status) if first.response is not None else ""
    hidden = [event for event in case.of(HttpAmbiguous) if event.direction != first.direction]
    led = (
        "the server may have found a request in a message that can be read in more than one way." if hidden else
        "whoever takes them for the answers to later requests reads the wrong ones."
    )
    return [Found(
        f"The server sent {plural(len(extra), 'response')} more than there were requests, the first of them {status}"
        f"{_after(case, first)}: {led}",
        frames_of(extra), case.conversation, basis="responses and requests of this connection, counted in order",
        narrow="http.response", absent=case.absence(NEITHER, -1, first.time),
    )]


def _after(case: Case, exchange: ExchangeEvent) -> str:
    before = [one for one in exchanges(case) if one.exchange < exchange.exchange and one.request is not None]
    return f" after the answer to {asked(before[-1])}" if before else ""


def no_head(case: Case) -> list[Found]:
    bare = [
        one for one in exchanges(case) if one.response is not None and one.response.version == "HTTP/0.9"
        and one.request is not None and one.request.version != "HTTP/0.9" and _seen(case, one).proven
    ]
    return [
        Found(
            f"The answer to {asked(one)} has no status line and no fields, as in HTTP/0.9: {size(one.received.octets)} "
            f"of a document alone, where the request was {one.request.version if one.request is not None else ''}.",
            one.evidence.frames, case.conversation, basis="the first octets of the server", narrow=filter_of(bare),
        )
        for one in bare[:MAX_NAMED]
    ]


def graphql_errors(case: Case) -> list[Found]:
    """Answers of GraphQL with errors and a status of success (GraphQL specification §7.1)."""
    failed: list[tuple[int, ExchangeEvent]] = []
    for one in exchanges(case):
        count = one.received.detail.get("graphql_errors")
        good = one.response is not None and one.response.status < 300
        if isinstance(count, int) and count and good and _graphql(one):
            failed.append((count, one))
    if not failed:
        return []
    group = [one for _count, one in failed]
    errors = sum([count for count, _one in failed])
    empty = sum(["data" not in one.received.detail and "no data" in one.received.summary for one in group])
    none = f", {times(empty)} without any data" if empty else ""
    return [Found(
        f"{plural(len(group), 'answer')} of GraphQL hold{'s' if len(group) == 1 else ''} {plural(errors, 'error')} "
        f"behind the status {group[0].response.status if group[0].response is not None else 0}{none}: {named(group)}.",
        frames_of(group), case.conversation, basis="the member errors of the answer", narrow=filter_of(group),
    )]


def json_errors(case: Case) -> list[Found]:
    """Answers in JSON that say of themselves that they failed, with a status of success. Looks alike: a member of that
    name that is empty, or tells of something else, such as of an earlier attempt, which only the program knows: so the
    sentence says what stands there."""
    groups: dict[str, list[ExchangeEvent]] = {}
    for one in exchanges(case):
        good = one.response is not None and 200 <= one.response.status < 300
        said = one.received.detail.get("json_error", "")
        if good and one.received.type == PROBLEM_TYPE:
            said = "a problem (RFC 9457)"
        if good and isinstance(said, str) and said:
            groups.setdefault(said, []).append(one)
    return [
        Found(
            f"{plural(len(group), 'answer')} in JSON say{'s' if len(group) == 1 else ''} \"{said}\" behind the status "
            f"{group[0].response.status if group[0].response is not None else 0}: {named(group)}.", frames_of(group),
            case.conversation, confidence=CERTAIN if "JSON-RPC" in said or "RFC" in said else LIKELY,
            basis="the outermost members of the answer, or its media type", narrow=filter_of(group),
        )
        for said, group in groups.items()
    ]


def _graphql(exchange: ExchangeEvent) -> bool:
    """It is an operation of GraphQL: by what the request holds, by its path, or by the type of the answer."""
    path = exchange.request.target.partition("?")[0].lower() if exchange.request is not None else ""
    return "graphql_kind" in exchange.sent.detail or "graphql" in path or exchange.received.type == GRAPHQL_TYPE


HTTP_ANSWER_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "http.unanswered", "warn", DENIAL, unanswered,
        "A request had no answer before its connection ended.",
        "Look why the server closed: a timeout of idle connections, a crash, a limit of requests per connection.",
        "An answer that the capture missed.", "http", absence=True, lasting=True,
    ),
    Rule(
        "http.cut", "warn", FAILURE, cut,
        "A response ended before it was whole.",
        "Look who ended the connection and why; a download like this has to be taken up again.",
        "The rest of the body, captured elsewhere.", "http", absence=True,
    ),
    Rule(
        "http.surplus", "warn", FAILURE, surplus,
        "A server sent a response that nobody had asked for.",
        "Find out who sent them: a server or proxy that lost count, or an attack on whoever shares the connection.",
        "Requests that the capture missed.", "http", absence=True,
    ),
    Rule(
        "http.no_head", "warn", FAILURE, no_head,
        "An answer of HTTP has no head.",
        "See what listens there; most clients refuse such an answer, some take it (HTTP/0.9).",
        "A server that is meant to speak HTTP/0.9.",
    ),
    Rule(
        "http.graphql_errors", "note", DENIAL, graphql_errors,
        "Answers of GraphQL hold errors, though their status says success.",
        "Look at the member errors of the answers, and into the log of the server: the status does not show them.",
        "Errors that the program expects.",
    ),
    Rule(
        "http.json_error", "note", DENIAL, json_errors,
        "Answers in JSON say that they failed, though their status says success.",
        "Read the body of the cited answers, and let monitors look there: the status does not show it.",
        "A program that expects this answer, or a member of that name that means something else.",
    ),
)
