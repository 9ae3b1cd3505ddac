"""Findings about clients of HTTP that spend the time themselves."""
from __future__ import annotations

from itertools import pairwise
from typing import Final

from analyzer.explain.http import filter_of
from analyzer.explain.rule import LIKELY, SLOW, Found, Rule, frames_of
from analyzer.explain.usual import NOTICED_NS, STEADY
from analyzer.model import Analysis, Conversation, Told
from dissectors.kit.units import median, plural, span
from dissectors.wire.http.events import ExchangeEvent

LEAST: Final = 5                      # requests one after another, from which on pauses can be compared
LONG_NS: Final = 1_000_000_000        # of pauses in all, from which on they are worth a word
HALF: Final = 2


def pauses(analysis: Analysis) -> list[Found]:
    """A client that lets as much time pass between each answer and its next request. Looks alike: a person who reads,
    whose pauses are of all lengths; somebody who asks for the same again and again (`http.polling`); a client that
    waits for something else meanwhile, so nothing else of it may be in the capture at that time; the way to a client,
    which is taken off each pause wherever the capture was taken."""
    found = []
    for told in analysis.told:
        series = _series(told)
        if len(series) < LEAST or told.conversation.tcp is None or told.conversation.tcp.initial_rtt_ns < 0:
            continue
        way = told.conversation.tcp.initial_rtt_ns
        lengths = [max(later.times.begun - earlier.times.ended - way, 0) for earlier, later in pairwise(series)]
        lasted = series[-1].times.ended - series[0].times.begun
        ordered, total = sorted(lengths), sum(lengths)
        steady = ordered[len(ordered) * 3 // 4] <= STEADY * ordered[len(ordered) // 4]
        if not steady or ordered[len(ordered) // 4] < NOTICED_NS or total < LONG_NS or HALF * total < lasted:
            continue
        if not _alone(analysis, told.conversation, series):
            continue
        waited = int(median([one.times.waited_ns() for one in series]))
        found.append(Found(
            f"{told.conversation.originator.address} let {span(int(median(lengths)))} pass (median) between an answer "
            f"and its next request, {plural(len(lengths), 'time')}: {span(total)} of {span(lasted)} are its own, where "
            f"answers of {told.conversation.responder} began after {span(waited)} (median).",
            frames_of(series), told.conversation, cost_ns=total, confidence=LIKELY, narrow=filter_of(series),
            basis="from the end of each answer to the beginning of the next request, without the round trip",
        ))
    return found


def _series(told: Told) -> list[ExchangeEvent]:
    """Requests one after another, most of them for different things; [] where any of them overlap."""
    made = [
        event for phase in told.phases for event in phase.events
        if isinstance(event, ExchangeEvent) and event.request is not None
    ]
    made.sort(key=_begun)
    whole = all(0 <= one.times.begun <= one.times.first <= one.times.ended for one in made)
    apart = whole and all(later.times.begun >= earlier.times.ended for earlier, later in pairwise(made))
    different = {one.request.target.partition("?")[0] for one in made if one.request is not None}
    return made if apart and HALF * len(different) >= len(made) else []


def _begun(exchange: ExchangeEvent) -> int:
    return exchange.times.begun


def _alone(analysis: Analysis, own: Conversation, series: list[ExchangeEvent]) -> bool:
    """Whether the client is heard in nothing else from the first answer to the last request; that is known where every
    conversation of the capture is at hand, and nothing of it was left out."""
    capture = analysis.capture
    if capture.narrowed or capture.beside or len(analysis.conversations) < capture.conversations:
        return False
    client, since, until = own.originator.address, series[0].times.ended, series[-1].times.begun
    return not any(
        one is not own and client in (one.originator.address, one.responder.address)
        and one.start_ns < until and one.end_ns > since for one in analysis.conversations
    )


HTTP_CLIENT_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "http.client_pauses", "note", SLOW, pauses,
        "A client lets time pass between each answer and its next request.",
        "See what the client does in between: a fixed pause, a limit of its rate, or work that it does; it may also "
        "ask for several things at once.",
        "Something that the client waits for and that is not in the capture.", "http",
        threshold=f"{LEAST} requests one after another, and pauses of {span(NOTICED_NS)} or more that are about as "
        f"long, {span(LONG_NS)} in all and half of the time: less is seldom noticed.",
    ),
)
