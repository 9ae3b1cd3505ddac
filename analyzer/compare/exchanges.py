"""Requests and what came of them, of both captures, matched: by what was asked, repeats in their order."""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.compare.seen import spans, whole
from analyzer.compare.services import Services
from analyzer.compare.spread import measured
from analyzer.comparison import ALIKE, BETTER, OTHER, WORSE, Exchange, Measure, Pair
from analyzer.model import Analysis, Told
from dissectors.kit.account import SERVER
from dissectors.kit.event import NEITHER, Event, JsonValue
from dissectors.kit.lookup import ANSWERED, TRUNCATED, UNANSWERED, Lookup
from dissectors.kit.units import size
from dissectors.wire.secrets.gate import Said

LOOKUP: Final = "DNS"
# How an exchange ends as far as its sides are concerned; other ends are those of what was observed.
ENDED: Final = frozenset(("complete", "closed", "cut", "unanswered", "upgraded", "tunnel", "foreign"))
BROKEN: Final = {"cut": "cut off", "unanswered": "no response", "foreign": "another protocol"}
ERRORS: Final = 400                 # RFC 9110 §15: from here on a status is an error
PATIENCE: Final = 1_000_000_000     # for which a capture has to go on before a lookup is called unanswered
NEAR_SIZE: Final = 0.1              # of a body, by which an answer may differ and be the same
LEAST_OCTETS: Final = 1_000         # by which it may differ whatever its size
HTTP_PORTS: Final = ("http://", "https://")


def exchanges_of(side: int, analysis: Analysis, services: Services) -> list[Exchange]:
    """Every exchange that was read, and every lookup, in order of start."""
    known = {told.conversation.number: told for told in analysis.every()}
    found = [_lookup(one, analysis, known) for one in analysis.lookups]
    for told in analysis.every():
        service = services.title(services.key(side, told.conversation))
        outcomes = _outcomes(told)
        for phase in told.phases:
            for event in phase.events:
                made = _exchange(told, event, outcomes)
                if made is not None:
                    made.service = service
                    if not whole(told) or not spans(analysis, made.start_ns, event.time):
                        made.total_ns = made.waited_ns = made.received_ns = made.server_ns = -1
                    found.append(made)
    found.sort(key=attrgetter("start_ns", "conversation"))
    return found


def _exchange(told: Told, event: Event, outcomes: dict[int, str]) -> Exchange | None:
    """Of an event that sums one up: whatever the protocol, it has `exchange`, and says how it ended."""
    said = Said(event)
    fields = said.fields()
    if "exchange" not in fields or "ended" not in fields or "url" not in fields:
        return None
    line = said.headline()
    if line is None:
        return None
    url, method = _text(fields.get("url")), _text(fields.get("method"))
    for scheme in HTTP_PORTS:
        url = url.removeprefix(scheme)
    made = Exchange(line.label, f"{method} {url}", told.conversation.number, line.start_ns)
    made.loose = made.key.partition("?")[0]
    ended = _text(fields.get("ended"))
    status = _number(fields.get("status"))
    made.bounded = ended in ENDED
    made.outcome = str(status) if status >= 0 else BROKEN.get(ended, "")
    made.failed = status >= ERRORS or ended in BROKEN
    if ended in BROKEN and told.observed.blind(NEITHER, line.start_ns, told.conversation.end_ns) is not None:
        ended, made.bounded, made.failed = "", False, status >= ERRORS
        made.outcome = str(status) if status >= 0 else ""
    carried = outcomes.get(event.stream)
    if carried is not None and status >= 0:
        made.outcome, made.failed = carried, carried != "OK" or made.failed
    elif "carried" in fields and ended not in BROKEN:
        made.outcome, made.failed = "", False      # it comes to what is carried, which was not seen
    elif status >= 0 and ended in BROKEN:
        made.outcome += f", {BROKEN[ended]}"
    whole = ended in ("complete", "closed")
    made.total_ns = _number(fields.get("total_ns")) if whole else -1
    made.waited_ns = _number(fields.get("waited_ns"))
    made.received_ns = _number(fields.get("received_ns")) if whole else -1
    body = fields.get("response_body")
    if whole and status >= 0:
        made.octets = _number(body.get("octets")) if isinstance(body, dict) else 0
    frames = event.evidence.frames
    made.frames = (frames[0], frames[-1]) if frames else ()
    if made.waited_ns >= 0:
        until = line.start_ns + max(_number(fields.get("sent_ns")), 0) + made.waited_ns
        until += max(_number(fields.get("blocked_ns")), 0)
        parts = told.books.between(line.start_ns, until)
        tcp = told.conversation.tcp
        if told.conversation.as_sent is None and (tcp is None or tcp.initial_rtt_ns > 0):    # else the way is not known
            made.server_ns = sum([ns for cause, ns in parts if cause is SERVER])
    return made


def _outcomes(told: Told) -> dict[int, str]:
    """By stream, what a call that was carried there came to, by its own status."""
    found: dict[int, str] = {}
    for phase in told.phases:
        for event in phase.events:
            if event.stream:
                name = Said(event).fields().get("status_name")
                if isinstance(name, str) and name:
                    found[event.stream] = name
    return found


def _lookup(lookup: Lookup, analysis: Analysis, known: dict[int, Told]) -> Exchange:
    number = lookup.conversations[0] if lookup.conversations else 0
    made = Exchange(LOOKUP, f"{lookup.name} {lookup.type}", number, lookup.start_ns)
    made.service = lookup.server
    made.bounded = lookup.kind != UNANSWERED
    made.failed = lookup.kind != ANSWERED
    made.outcome = ", ".join(sorted(lookup.addresses)) or lookup.summary if lookup.kind == ANSWERED else lookup.result()
    every = [known[number] for number in lookup.conversations if number in known]
    end = analysis.capture.end_ns
    seen = all(told.observed.blind(NEITHER, lookup.start_ns, end - 1) is None for told in every)
    cut = analysis.capture.truncated_frames > 0 and made.failed
    # An answer that came is one, of a single question; what a chain of them came to rests on what did not come.
    single = made.bounded and len(lookup.steps) <= 1 and lookup.kind != TRUNCATED
    if cut or (made.failed and not (single or (seen and (made.bounded or end - lookup.start_ns >= PATIENCE)))):
        made.outcome = ""
    whole_of_it = (single or lookup.kind == ANSWERED) and seen and not analysis.capture.truncated_frames
    if made.bounded and whole_of_it and spans(analysis, lookup.start_ns, lookup.end_ns):
        made.total_ns = lookup.end_ns - lookup.start_ns
    frames = sorted(lookup.frames)
    made.frames = (frames[0], frames[-1]) if frames else ()
    return made


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else -1


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


# -- matching ---------------------------------------------------------------------------------------------------------


def pairs_of(a: list[Exchange], b: list[Exchange]) -> list[Pair]:
    """Exchanges by what was asked, in the order of the first capture. What the query of a request makes unequal is
    matched without it, where nothing equal is left: identifiers and times stand there."""
    found: dict[tuple[str, str], Pair] = {}
    for side, every in enumerate((a, b)):
        for one in every:
            _add(found, side, one, one.key)
    alone = [pair for pair in found.values() if not pair.exchanges[0] or not pair.exchanges[1]]
    again: dict[tuple[str, str], Pair] = {}
    for pair in alone:
        for side in (0, 1):
            for one in pair.exchanges[side]:
                _add(again, side, one, one.loose)
    loose = {key: pair for key, pair in again.items() if pair.exchanges[0] and pair.exchanges[1]}
    keys = {(one.label, one.loose) for pair in loose.values() for side in (0, 1) for one in pair.exchanges[side]}
    kept = [
        pair for pair in found.values()
        if pair not in alone or _kind(pair) not in {(_family(label), key) for label, key in keys}
    ]
    return [*kept, *loose.values()]


def _kind(pair: Pair) -> tuple[str, str]:
    first = (pair.exchanges[0] or pair.exchanges[1])[0]
    return _family(first.label), first.loose


def _family(label: str) -> str:
    """A request is the same in whichever version it is sent: HTTP/1.1 and HTTP/2 are one."""
    return label.partition("/")[0]


def _add(found: dict[tuple[str, str], Pair], side: int, one: Exchange, key: str) -> None:
    place = (_family(one.label), key)
    if place not in found:
        found[place] = Pair(one.label, key)
    found[place].exchanges[side].append(one)


def judge(pair: Pair, *, steady: bool) -> None:
    """What differs between the repeats in A and those in B. steady: times can be compared."""
    a, b = pair.exchanges
    _outcome(pair)
    if a[0].label != b[0].label and a[0].bounded and b[0].bounded:
        pair.changes.append(f"{a[0].label} → {b[0].label}")
    if steady:
        _times(pair)
    _size(pair)
    slower = {pair.totals.change} if pair.totals is not None else set()
    if pair.change == ALIKE:
        pair.change = WORSE if WORSE in slower else BETTER if BETTER in slower else OTHER if pair.changes else ALIKE


def _times(pair: Pair) -> None:
    a, b = pair.exchanges
    totals = [[one.total_ns for one in side if one.total_ns >= 0] for side in (a, b)]
    if totals[0] and totals[1]:
        pair.totals = measured(pair.key, "took", Measure.NS, totals[0], totals[1])
        pair.lost_ns = pair.totals.difference * min(len(totals[0]), len(totals[1]))
    for word, name in (("server", "server_ns"), ("receiving", "received_ns")):
        parts = [[value for one in side if (value := attrgetter(name)(one)) >= 0] for side in (a, b)]
        if parts[0] and parts[1]:
            made = measured(pair.key, word, Measure.NS, parts[0], parts[1])
            if made.change != ALIKE:
                pair.parts.append(made)


def _outcome(pair: Pair) -> None:
    """Where repeats answer differently within one capture, only what the other one never had is told."""
    seen = [[one for one in side if one.outcome and (one.bounded or one.outcome)] for side in pair.exchanges]
    if not seen[0] or not seen[1]:
        return
    ended = all(one.bounded for side in seen for one in side)
    words = [list(dict.fromkeys([_word(one, ended) for one in side])) for side in seen]
    counts = [len(side) for side in pair.exchanges]      # what a repeat came to that the other has not is no change
    fresh = [one for one in seen[1] if _word(one, ended) not in words[0] and counts[0] >= counts[1]]
    lost = [one for one in seen[0] if _word(one, ended) not in words[1] and counts[1] >= counts[0]]
    if not fresh and not lost:
        return
    pair.changes.append(f"{' or '.join(words[0])} → {' or '.join(words[1])}")
    failed = [any(one.failed for one in side) for side in (lost, fresh)]
    if failed[1] and not any(one.failed for one in seen[0]):
        pair.change = WORSE
    elif failed[0] and not any(one.failed for one in seen[1]):
        pair.change = BETTER
    else:
        pair.change = OTHER


def _word(one: Exchange, ended: bool) -> str:
    """Its outcome; without how it ended, where that was not seen of all of them."""
    return one.outcome if ended else one.outcome.partition(",")[0]


def _size(pair: Pair) -> None:
    """Another answer is as good a reason for another time as another path is."""
    sizes = [[one.octets for one in side if one.octets >= 0] for side in pair.exchanges]
    if not sizes[0] or not sizes[1]:
        return
    low, high = max(min(sizes[0]), min(sizes[1])), min(max(sizes[0]), max(sizes[1]))
    if low <= high:      # the two ranges have something in common
        return
    first, second = sorted(sizes[0])[len(sizes[0]) // 2], sorted(sizes[1])[len(sizes[1]) // 2]
    if abs(second - first) > max(LEAST_OCTETS, NEAR_SIZE * max(first, second)):
        pair.changes.append(f"{size(first)} → {size(second)}")
