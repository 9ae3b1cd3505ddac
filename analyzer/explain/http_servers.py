"""Findings about servers of one name beside one another, and about clients that ask again without a pause."""
from __future__ import annotations

from typing import Final

from analyzer.explain.http import filter_of
from analyzer.explain.http_patterns import Placed, all_exchanges
from analyzer.explain.names_servers import listed
from analyzer.explain.rule import LIKELY, NOTE, SLOW, WEAK, Found, Rule, frames_of
from analyzer.explain.usual import FAR, NOTICED_NS, way_to_server
from analyzer.model import Analysis
from dissectors.kit.units import duration, grouped, median, span
from dissectors.wire.http.describe import asks_to_wait, kind_of_request, shortened
from dissectors.wire.http.events import ExchangeEvent

ANSWERS: Final = 5               # of each server, to the same kind of request, that are held against one another
STREAMS: Final = (b"text/event-stream", b"application/grpc")
TOO_MANY: Final = 429            # RFC 6585 §4
RETRIES: Final = 10              # of the same request, each at once after the answer to the one before
AT_ONCE_NS: Final = 100_000_000  # a client that backs off waits for a second and longer


class Serving:
    """The answers of one server to one kind of request. waits: without the way to it, in ns."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.waits: list[int] = []
        self.placed: list[Placed] = []

    def middle(self) -> int:
        return int(median(self.waits))


def _beside(analysis: Analysis) -> dict[tuple[str, str], dict[str, Serving]]:
    """By the name that was asked for with its port, and the kind of request: the servers, by their addresses."""
    found: dict[tuple[str, str], dict[str, Serving]] = {}
    for placed in all_exchanges(analysis):
        one, exchange = placed
        waited = exchange.times.waited_ns()
        if exchange.request is None or exchange.response is None or waited < 0 or not exchange.request.authority \
                or exchange.response.status >= 400 or _waits_on_purpose(exchange):
            continue
        name = f"{exchange.request.authority.lower()} {one.responder.port}", kind_of_request(exchange.request)
        address = one.responder.address
        serving = found.setdefault(name, {}).setdefault(address, Serving(address))
        serving.waits.append(max(waited - way_to_server(one), 0))
        serving.placed.append(placed)
    return found


def _waits_on_purpose(exchange: ExchangeEvent) -> bool:
    """An answer that is long in coming because nothing happened, or that is no single one. Long polls that do not say
    so are so at each server."""
    request, response = exchange.request, exchange.response
    return (request is not None and asks_to_wait(request)) or (response is not None and (
        response.status == 101 or response.get(b"content-type").lower().startswith(STREAMS)
    ))


def one_slow(analysis: Analysis) -> list[Found]:
    """Of several servers of one name, one takes far longer than each other to answer the same kind of request. Looks
    alike: one that is far away, so the way to it is taken off; one that gets the hard requests, so they are of one
    kind, and the middle one of at least five is taken; an answer that is held on purpose."""
    found = []
    for (name, kind), servers in _beside(analysis).items():
        known = sorted([one for one in servers.values() if len(one.waits) >= ANSWERS], key=Serving.middle)
        if len(known) < 2:
            continue
        slow, others = known[-1], known[:-1]
        usual = others[-1].middle()
        if slow.middle() - usual < NOTICED_NS or slow.middle() < FAR * usual:
            continue
        beside = listed([f"{one.address} {duration(one.middle())}" for one in others])
        lost = sum([max(wait - usual, 0) for wait in slow.waits])
        events = [exchange for _conversation, exchange in slow.placed]
        authority = name.rpartition(" ")[0]
        found.append(Found(
            f"1 of {len(known)} servers of {authority} is slow: {slow.address} takes {duration(slow.middle())} (median "
            f"of {len(slow.waits)} answers) for {kind}, against {beside}.", frames_of(events),
            slow.placed[0][0], cost_ns=lost, confidence=LIKELY, narrow=filter_of(events),
            basis="the waits for answers to the same kind of request, without the way to each server",
            victims=len({one.number for one, _exchange in slow.placed}), about=(str(slow.placed[0][0].responder),),
        ))
    return found


def retried_at_once(analysis: Analysis) -> list[Found]:
    """Looks alike: a test of load, which does so on purpose; a page that asks for many things at once, which are not
    the same; a health check, which pauses."""
    groups: dict[tuple[str, str, str], list[Placed]] = {}
    for placed in all_exchanges(analysis):
        one, exchange = placed
        if exchange.request is not None and exchange.response is not None and exchange.times.begun >= 0:
            name = one.originator.address, str(one.responder), f"{exchange.request.method} {exchange.request.url()}"
            groups.setdefault(name, []).append(placed)
    found = []
    for (client, service, what), group in groups.items():
        run: list[Placed] = []
        for place, placed in enumerate(group):
            run.append(placed)
            following = group[place + 1:place + 2]
            again = [one for one in following if 0 <= one[1].times.begun - placed[1].times.ended <= AT_ONCE_NS]
            if not _failed(placed) or not again:
                if len(run) > RETRIES:
                    found.append(_retried(client, service, what, run))
                run = []
    return found


def _failed(placed: Placed) -> bool:
    response = placed[1].response
    return response is not None and (response.status >= 500 or response.status == TOO_MANY)


def _retried(client: str, service: str, what: str, run: list[Placed]) -> Found:
    events = [exchange for _conversation, exchange in run]
    failed = [exchange for placed in run if _failed(placed) for exchange in placed[1:]]
    codes = list(dict.fromkeys([one.response.status for one in failed if one.response is not None]))
    lasted = events[-1].times.begun - events[0].times.begun
    waits = any(one.response is not None and one.response.get(b"retry-after") for one in failed)
    asked = " although it was told how long to wait (Retry-After)" if waits else ""
    return Found(
        f"{client} asked {service} {grouped(len(run))} times within {span(lasted)} for {shortened(what)}, without a "
        f"pause{asked}: {grouped(len(failed))} answers were {' or '.join([str(code) for code in codes])}.",
        frames_of(events), run[0][0], cost_ns=max(lasted, 0), confidence=LIKELY, narrow=filter_of(events),
        severity="" if waits or TOO_MANY in codes else NOTE, about=(service, client),
        basis=f"the same request again within {span(AT_ONCE_NS)} of each answer",
    )


HTTP_SERVER_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "http.one_slow_server", "warn", SLOW, one_slow,
        "One of several servers of a name takes far longer than the others.",
        "Take that server out of the list for now, and compare it with the others: load, memory, disk, what it waits "
        "for itself, its version.", "Requests to it that are harder than those to the others.", "",
        threshold=f"{FAR} times the slowest of the others, and {span(NOTICED_NS)} beyond it, in the median of at least "
        f"{ANSWERS} answers each to the same kind of request.",
    ),
    Rule(
        "http.retried_at_once", "warn", WEAK, retried_at_once,
        "A client repeats a request that failed again and again, without a pause.",
        "Let the client wait between attempts, longer each time and by chance (back off), and heed Retry-After.",
        "A test of load.", "",
        threshold=f"more than {RETRIES} times, {span(AT_ONCE_NS)} after the answer at most: a client that backs off "
        "waits for longer.",
    ),
)
