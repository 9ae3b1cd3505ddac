"""Findings about several exchanges of HTTP together: redirects, polling, streaming media, what is fetched again."""
from __future__ import annotations

from itertools import pairwise
from typing import Final

from analyzer.explain.http import filter_of, named
from analyzer.explain.rule import LIKELY, POSSIBLE, SLOW, WEAK, Found, Rule, frames_of, times
from analyzer.model import Analysis, Conversation
from dissectors.kit.units import median, plural, rate, size, span
from dissectors.wire.http.caching import condition_of, freshness
from dissectors.wire.http.describe import shortened
from dissectors.wire.http.events import ExchangeEvent
from dissectors.wire.http.media import DASH_TYPE, HLS_TYPES
from dissectors.wire.http.message import Head, as_text

SECOND: Final = 1_000_000_000
MAX_HOPS: Final = 20             # redirects followed one after another
HOP_NS: Final = 10 * SECOND      # within which the request that follows a redirect has to begin
MAX_AHEAD: Final = 500           # ... and how many other requests may come in between
MANY_HOPS: Final = 2             # redirects in a row that are worth a word
LEAST_POLLS: Final = 4           # requests for the same from which a rhythm can be told
POLL_SPREAD: Final = 0.25        # of the median interval, within which most of the others lie
LONG_POLL_NS: Final = SECOND     # a server that waits so long, again and again, waits for something to say
AT_ONCE_NS: Final = SECOND       # after an answer, within which a long poll is taken up again
LEAST_SEGMENTS: Final = 3        # of a film
SINGLE: Final = 4                # connections with one request each that could have been one
SEGMENT_TYPES: Final = ("video/", "audio/", "application/mp4")
SEGMENT_NAMES: Final = (".ts", ".m4s", ".m4v", ".m4a", ".mp4", ".aac", ".cmfv", ".cmfa")

Placed = tuple[Conversation, ExchangeEvent]


def all_exchanges(analysis: Analysis) -> list[Placed]:
    """Those of the whole capture with where they were, in order of their beginnings."""
    found: list[Placed] = []
    for told in analysis.told:
        for phase in told.phases:
            found += [(told.conversation, event) for event in phase.events if isinstance(event, ExchangeEvent)]
    found.sort(key=_begun)
    return found


def _begun(placed: Placed) -> int:
    return placed[1].times.begun


def path_of(head: Head) -> str:
    """What is asked for, without its query."""
    return f"{head.method} {head.authority} {head.target.partition('?')[0]}"


# -- redirects -----------------------------------------------------------------------------------------


def target_of(exchange: ExchangeEvent) -> str:
    """Where a redirect leads, as an absolute URL; "" where it is none."""
    request, response = exchange.request, exchange.response
    if request is None or response is None or response.status not in (301, 302, 303, 307, 308):
        return ""
    place = as_text(response.get(b"location")).partition("#")[0].strip()
    if place.startswith("//"):
        return f"{request.scheme or 'http'}:{place}"
    if place.startswith("/"):
        return f"{request.scheme or 'http'}://{request.authority}{place}"
    return place if "://" in place else ""


def _same_place(url: str, head: Head) -> bool:
    """Whether a request is for this URL; the scheme is left aside, for what was read inside TLS does not tell it."""
    host, slash, path = url.partition("://")[2].partition("/")
    host = host.removesuffix(":80").removesuffix(":443")
    authority = head.authority.removesuffix(":80").removesuffix(":443")
    return host.lower() == authority.lower() and (slash + path or "/") == (head.target or "/")


def chains(placed: list[Placed]) -> list[list[Placed]]:
    """Redirects with the requests that followed them, hop by hop."""
    taken: set[int] = set()
    found: list[list[Placed]] = []
    for number, first in enumerate(placed):
        if number in taken or not target_of(first[1]):
            continue
        chain = [first]
        place = number
        while len(chain) <= MAX_HOPS:
            here = chain[-1][1]
            url = target_of(here)
            follower = -1
            for other in range(place + 1, len(placed)):
                exchange = placed[other][1]
                if other > place + MAX_AHEAD or exchange.times.begun > here.times.ended + HOP_NS:
                    break
                if exchange.request is not None and other not in taken and _same_place(url, exchange.request):
                    follower = other
                    break
            if not url or follower < 0:
                break
            taken.add(follower)
            chain.append(placed[follower])
            place = follower
        if len(chain) > 1:
            found.append(chain)
    return found


def redirects(analysis: Analysis) -> list[Found]:
    found = []
    for chain in chains(all_exchanges(analysis)):
        events = _events(chain)
        hops = sum([bool(target_of(exchange)) for exchange in events])
        words = []
        for exchange in events:
            if exchange.request is not None and exchange.response is not None:
                words.append(f"{shortened(exchange.request.url())} ({exchange.response.status})")
        cost = events[-1].times.begun - events[0].times.begun
        circle = len({word.rpartition(" ")[0] for word in words}) < len(words)
        found.append(Found(
            f"{plural(hops, 'redirect')} in a row took {span(max(cost, 0))}: {' → '.join(words)}"
            + (", in a circle." if circle else "."), frames_of(events), chain[0][0], cost_ns=max(cost, 0),
            severity="warn" if circle else "" if hops >= MANY_HOPS else "chat",
            basis="Location of each response, and the request for it that followed", narrow=filter_of(events),
        ))
    return found


# -- polling -------------------------------------------------------------------------------------------


def _repeated(analysis: Analysis) -> list[list[Placed]]:
    """Requests of one client for the same, at least so many that a rhythm shows, on whichever connections."""
    groups: dict[str, list[Placed]] = {}
    for placed in all_exchanges(analysis):
        conversation, exchange = placed
        if exchange.request is not None and exchange.request.named and exchange.response is not None \
                and exchange.times.begun >= 0:
            groups.setdefault(f"{conversation.originator.address} {path_of(exchange.request)}", []).append(placed)
    return [group for group in groups.values() if len(group) >= LEAST_POLLS]


def _events(group: list[Placed]) -> list[ExchangeEvent]:
    return [exchange for _conversation, exchange in group]


def _waits(group: list[ExchangeEvent]) -> list[int]:
    return [exchange.times.waited_ns() for exchange in group]


def _pauses(group: list[ExchangeEvent]) -> list[int]:
    """From the end of one answer to the beginning of the next request."""
    return [later.times.begun - earlier.times.ended for earlier, later in pairwise(group)]


def is_long_polling(group: list[ExchangeEvent]) -> bool:
    """The server waits, and the client asks again as soon as it has an answer."""
    return median(_waits(group)) >= LONG_POLL_NS and median(_pauses(group)) <= AT_ONCE_NS


def is_polling(group: list[ExchangeEvent]) -> bool:
    """Answers at once, and questions at a steady interval."""
    starts = [exchange.times.begun for exchange in group]
    intervals = [later - earlier for earlier, later in pairwise(starts)]
    middle = median(intervals)
    steady = sum([abs(interval - middle) <= POLL_SPREAD * middle for interval in intervals])
    return middle >= SECOND // 5 and steady * 4 >= len(intervals) * 3 and median(_waits(group)) < middle / 2


def _overhead(group: list[ExchangeEvent]) -> int:
    """Octets on the wire that were no body: heads and framing."""
    total = 0
    for exchange in group:
        total += max(exchange.wire[0] - exchange.sent.octets, 0) + max(exchange.wire[1] - exchange.received.octets, 0)
    return total


def polling(analysis: Analysis) -> list[Found]:
    found = []
    for placed in _repeated(analysis):
        group = _events(placed)
        if is_long_polling(group) or not is_polling(group) or _is_media(group[-1]):
            continue
        starts = [exchange.times.begun for exchange in group]
        interval = int(median([later - earlier for earlier, later in pairwise(starts)]))
        same = sum([_nothing_new(earlier, later) for earlier, later in pairwise(group)])
        found.append(Found(
            f"{named(group[:1])} is asked for every {span(interval)} ({times(len(group))}): polling. "
            f"{plural(same, 'answer')} brought nothing new, {size(_overhead(group))} went into heads, and news wait "
            f"{span(interval // 2)} on average until they are asked for.", frames_of(group), placed[0][0],
            confidence=LIKELY, basis="requests for the same at a steady interval", narrow=filter_of(group),
        ))
    return found


def _nothing_new(earlier: ExchangeEvent, later: ExchangeEvent) -> bool:
    """304, 204, or an answer with the same mark or of the same size and words as the one before."""
    before, after = earlier.response, later.response
    if before is None or after is None:
        return False
    if after.status in (204, 304):
        return True
    if not (before.whole and after.whole):
        return False
    if after.has(b"etag"):
        return after.get(b"etag") == before.get(b"etag")
    return later.received.octets == earlier.received.octets and later.received.summary == earlier.received.summary


def long_polling(analysis: Analysis) -> list[Found]:
    found = []
    for placed in _repeated(analysis):
        group = _events(placed)
        if not is_long_polling(group):
            continue
        waits = _waits(group)
        empty = sum([exchange.response is not None and exchange.response.status in (204, 304) for exchange in group])
        blind = [pause for pause in _pauses(group) if pause > 0]
        found.append(Found(
            f"{named(group[:1])} is answered after {span(int(median(waits)))} (median of {len(group)}) and asked "
            f"again at once: long polling. {size(_overhead(group))} went into heads, "
            f"{plural(empty, 'answer')} had nothing to say"
            + (f", and between two requests the server could not speak for {span(int(median(blind)))}."
               if blind else "."),
            frames_of(group), placed[0][0], confidence=LIKELY,
            basis="the server waits with its answers, and the client asks again right after each",
            narrow=filter_of(group),
        ))
    return found


# -- streaming -----------------------------------------------------------------------------------------


def _is_media(exchange: ExchangeEvent) -> bool:
    """A segment of a film."""
    if exchange.request is None or exchange.response is None or exchange.response.status not in (200, 206):
        return False
    path = exchange.request.target.partition("?")[0].lower()
    return exchange.received.type.startswith(SEGMENT_TYPES) or path.endswith(SEGMENT_NAMES)


def _is_manifest(exchange: ExchangeEvent) -> bool:
    return exchange.received.type in HLS_TYPES or exchange.received.type == DASH_TYPE


def streaming(analysis: Analysis) -> list[Found]:
    """What each client streamed."""
    clients: dict[str, list[Placed]] = {}
    for placed in all_exchanges(analysis):
        if _is_manifest(placed[1]) or _is_media(placed[1]):
            clients.setdefault(placed[0].originator.address, []).append(placed)
    return [found for group in clients.values() for found in _streamed(group)]


def _streamed(group: list[Placed]) -> list[Found]:
    """A manifest and the segments that it names: bit rates that were offered and reached, and what came too late."""
    manifests = [one for one in _events(group) if _is_manifest(one)]
    segments = [one for one in _events(group) if _is_media(one)]
    if not manifests or len(segments) < LEAST_SEGMENTS:
        return []
    kind = str(manifests[0].received.detail.get("manifest", "streaming"))
    rates = [
        segment.received.octets * 8 * SECOND // segment.times.total_ns() for segment in segments
        if segment.times.total_ns() > 0
    ]
    offered = [one.received.summary for one in manifests if "bit_rates" in one.received.detail]
    text = (
        f"{kind} streaming: {plural(len(segments), 'segment')}, {size(sum([one.received.octets for one in segments]))}"
    )
    if rates:
        text += f", at {rate(min(rates))} to {rate(max(rates))} while they came"
    text += f"; offered was {offered[0]}." if offered else "."
    late, waited = _late(manifests, segments)
    if late:
        text += (
            f" {plural(len(late), 'segment')} took longer to come than it plays, {span(waited)} in all: the player "
            "has to have that much in hand, or it stalls."
        )
    return [Found(
        text, frames_of([*manifests[:2], *(late or segments)]), group[0][0], cost_ns=waited,
        severity="warn" if late else "", confidence=LIKELY if late else "certain",
        basis="the manifest and the times of the segments", narrow=filter_of(segments),
    )]


def _late(manifests: list[ExchangeEvent], segments: list[ExchangeEvent]) -> tuple[list[ExchangeEvent], int]:
    """Segments that took longer than the longest of the playlist plays, and by how much in all."""
    lasts = [one.received.detail.get("target_duration_ns") for one in manifests]
    known = [value for value in lasts if isinstance(value, int) and value > 0]
    if not known:
        return [], 0
    plays = max(known)
    late = [segment for segment in segments if segment.times.total_ns() > plays]
    return late, sum([segment.times.total_ns() - plays for segment in late])


# -- caches and connections ----------------------------------------------------------------------------


def fetched_again(analysis: Analysis) -> list[Found]:
    """The same whole answer twice, while the first was still fresh."""
    kept: dict[str, Placed] = {}
    again: dict[str, list[Placed]] = {}
    for placed in all_exchanges(analysis):
        conversation, exchange = placed
        request, response = exchange.request, exchange.response
        if request is None or response is None or request.method != "GET" or response.status != 200 \
                or not (request.whole and request.named):
            continue
        key = f"{conversation.originator.address} {request.url()}"
        before = kept.get(key)
        if before is not None and before[1].response is not None and not condition_of(request):
            fresh = freshness(before[1].response)
            if 0 <= exchange.times.begun - before[1].times.ended < fresh.seconds * SECOND:
                again.setdefault(key, [before]).append(placed)
        kept[key] = placed
    found = []
    for group in again.values():
        events = _events(group)
        octets = sum([exchange.received.octets for exchange in events[1:]])
        found.append(Found(
            f"{named(events[:1])} was fetched {times(len(group))} although the first answer was still fresh: "
            f"{size(octets)} came again.", frames_of(events), group[0][0],
            cost_ns=sum([max(exchange.times.total_ns(), 0) for exchange in events[1:]]), confidence=POSSIBLE,
            basis="the same client address; two programs behind it keep two caches", narrow=filter_of(events),
        ))
    return found


def one_each(analysis: Analysis) -> list[Found]:
    """Connections to the same server that carried one request each, one after another."""
    single: dict[tuple[str, str, int], list[tuple[Conversation, ExchangeEvent]]] = {}
    for told in analysis.told:
        events = [
            event for phase in told.phases for event in phase.events if isinstance(event, ExchangeEvent)
            and event.response is not None and event.name == "http.exchange"
        ]
        conversation = told.conversation
        if len(events) == 1 and conversation.transport == "tcp":
            ends = (conversation.originator.address, conversation.responder.address, conversation.responder.port)
            single.setdefault(ends, []).append((conversation, events[0]))
    found = []
    for group in single.values():
        in_turn = [
            later for earlier, later in pairwise(group)
            if later[0].start_ns >= earlier[1].times.ended
        ]
        if len(in_turn) + 1 < SINGLE or len({_asked_for(exchange) for _conversation, exchange in group}) == 1:
            continue    # the same each time is a check whether the server answers, which is to open a connection
        opening = [
            one[0].tcp.initial_rtt_ns for one in in_turn if one[0].tcp is not None and one[0].tcp.initial_rtt_ns > 0
        ]
        closing = [exchange for _conversation, exchange in group if _closes(exchange)]
        why = " The server closes after each answer." if len(closing) * 2 > len(group) else ""
        saved = f"; a single one would have saved {span(sum(opening))} of handshakes" if sum(opening) else ""
        found.append(Found(
            f"{plural(len(in_turn) + 1, 'connection')} to {group[0][0].responder} carried one request each, one after "
            f"another{saved}.{why}",
            frames_of([exchange for _conversation, exchange in group]), group[0][0], cost_ns=sum(opening),
            basis="the round trip of each handshake; TLS would add to it",
        ))
    return found


def _asked_for(exchange: ExchangeEvent) -> tuple[str, str, str]:
    head = exchange.request
    return (head.method, head.authority, head.target) if head is not None else ("", "", "")


def _closes(exchange: ExchangeEvent) -> bool:
    response = exchange.response
    return response is not None and (
        "close" in response.elements(b"connection") or (response.version == "HTTP/1.0"
                                                        and "keep-alive" not in response.elements(b"connection"))
    )


HTTP_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "http.polling", "note", SLOW, polling,
        "A client asks again and again at regular intervals.",
        "Let the server speak when there is something: server-sent events, WebSocket, or long polling.",
        "Requests that a person makes by hand.",
        threshold=f"{LEAST_POLLS} requests for the same, most of them within {round(100 * POLL_SPREAD)} % of the "
        "median interval.",
    ),
    Rule(
        "http.long_polling", "chat", WEAK, long_polling,
        "A server holds requests until it has something to say.",
        "Nothing, if news are rare; else server-sent events or WebSocket save the heads and the gaps in between.",
        "A server that is slow for other reasons.",
        threshold=f"{LEAST_POLLS} requests for the same that waited {span(LONG_POLL_NS)} and were sent within "
        f"{span(AT_ONCE_NS)} of the answer before (medians).",
    ),
    Rule(
        "http.streaming", "chat", WEAK, streaming,
        "A client streamed audio or video in segments.",
        "If the player stalls, compare the bit rates offered with what the line carries.",
        "A player that had buffered enough.",
    ),
    Rule(
        "http.redirects", "note", SLOW, redirects,
        "A request was redirected more than once.",
        "Link to the last address right away, and let one redirect do what several do.",
        "Requests that were made for another reason.", "",
        threshold=f"{MANY_HOPS} in a row, each followed within {span(HOP_NS)}.",
    ),
    Rule(
        "http.fetched_again", "note", WEAK, fetched_again,
        "A client fetched again what it could have kept.",
        "See whether the client has a cache, and whether something tells it to reload.",
        "Another program behind the same address, or a reload by hand.",
    ),
    Rule(
        "http.one_request_each", "note", SLOW, one_each,
        "A client opened a connection for each request.",
        "Keep connections open (keep-alive) on both sides.", "Programs that know nothing of one another.",
        threshold=f"{SINGLE} connections that could have been one.",
    ),
)
