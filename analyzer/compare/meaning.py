"""Two analyses beside each other, and what it comes to in a sentence."""
from __future__ import annotations

from typing import Final

from analyzer.compare.alone import connections, only_in_one, secured, talks_of
from analyzer.compare.causes import TOLD, Causes
from analyzer.compare.exchanges import LOOKUP, exchanges_of, judge, pairs_of
from analyzer.compare.measures import ROUND_TRIP, measures_of
from analyzer.compare.seen import OF_CAPTURE, timed, unread, unsteady
from analyzer.compare.services import Key, Services, by_service
from analyzer.comparison import (
    ALIKE,
    BETTER,
    CHANGED,
    GONE,
    MIXED,
    NEW,
    OTHER,
    UNSURE,
    UNTOLD,
    WORSE,
    CauseChange,
    Comparison,
    Covered,
    Measure,
    Pair,
)
from analyzer.model import Analysis, Told, Verdict
from dissectors.kit.units import duration, grouped, plural, rate

MOST_DOUBTS: Final = 3
SAID_BY_DOUBTS: Final = ("capture.truncated", "capture.one_sided", "capture.dropped")
SAID: Final = 3        # differences in the sentence, of different kinds; the others stand below
LEAD: Final = (ROUND_TRIP, "connecting", "server", "rate", "sent again", "securing", "lookup", "data round trip")
STEPS: Final = {
    "connecting": "See who answers late: the path (round trip), or nobody at first (SYN sent again).",
    ROUND_TRIP: "Look for another path, a queue or a tunnel between the two: a traceroute in both states shows where.",
    "server": "Ask the server's own log what it did in this time; the network had delivered the request.",
    "rate": "Read what held the data back in each: wiretale analyze tells it of both captures.",
    "sent again": "Find where on the path packets are lost: captures at both ends, given to wiretale compare, show it.",
    "securing": "Look at the handshakes: resumed or not, another version, a slower certificate check.",
    "lookup": "Ask both name servers directly, and compare.",
    "data round trip": "A queue on the path fills while data moves: look for the narrowest link.",
}
SENTENCES: Final = {
    "connecting": "Connecting to {service} takes {b} instead of {a}",
    ROUND_TRIP: "The round trip to {service} is {b} instead of {a}",
    "server": "{service} takes {b} instead of {a} to answer",
    "rate": "{service} transfers at {b} instead of {a}",
    "sent again": "Of the packets with {service}, {b} are sent again instead of {a}",
    "securing": "Securing connections to {service} takes {b} instead of {a}",
    "lookup": "A lookup takes {b} instead of {a}",
    "data round trip": "The round trip to {service} while data moves is {b} instead of {a}",
}


def compare(a: Analysis, b: Analysis) -> Comparison:
    """Everything that differs."""
    made = Comparison(_covered(a), _covered(b))
    services = Services(a, b)
    told = (by_service(services, 0, a), by_service(services, 1, b))
    exchanges = (exchanges_of(0, a, services), exchanges_of(1, b, services))
    same_side = _side(a) == _side(b) != ""
    steady = not unsteady(a) and not unsteady(b)
    seen = (_timed(told[0], a), _timed(told[1], b))
    made.measures = measures_of(services.titles, seen, exchanges, same_side=same_side, steady=steady)
    pairs = pairs_of(*exchanges)
    made.pairs = [pair for pair in pairs if pair.exchanges[0] and pair.exchanges[1]]
    both = [{one.conversation for pair in made.pairs for one in pair.exchanges[side]} for side in (0, 1)]
    made.causes = Causes(a, b, services, (both[0], both[1])).changes()
    for pair in made.pairs:
        judge(pair, steady=steady)
    made.alone = only_in_one(pairs, (a, b), services)
    read = tuple([{number for one in side for number in [one.conversation]} | _looked_up(analysis)
                  for side, analysis in zip(exchanges, (a, b), strict=True)])
    made.talks, alone, talks = talks_of(told, (read[0], read[1]), services, (a, b), steady=steady)
    made.alone += alone
    made.talks += [*secured(told, services), *connections(told, exchanges, services)]
    made.alone.sort(key=_alone_first)
    matched = sum([min(len(pair.exchanges[0]), len(pair.exchanges[1])) for pair in made.pairs])
    pieces = [plural(matched, "exchange")] if matched else []
    pieces += [plural(talks, "conversation without one")] if talks else []
    made.compared = " and ".join(pieces)
    _conclude(made, (a, b))
    return made


def _timed(told: dict[Key, list[Told]], analysis: Analysis) -> dict[Key, list[Told]]:
    """Those of which times and counts can be compared."""
    found = {key: [one for one in side if timed(one, analysis)] for key, side in told.items()}
    return {key: side for key, side in found.items() if side}


def _alone_first(one: object) -> tuple[bool, int]:
    return bool(getattr(one, "why", "")), -int(getattr(one, "count", 0))


def _looked_up(analysis: Analysis) -> set[int]:
    return {number for one in analysis.lookups for number in one.conversations}


def _side(analysis: Analysis) -> str:
    return analysis.capture.seen_from.split(" (")[0]


def _covered(analysis: Analysis) -> Covered:
    capture = analysis.capture
    made = Covered(capture.names[0] if capture.names else "")
    made.text = f"{plural(capture.frames, 'frame')}, "
    if capture.end_ns > capture.start_ns >= 0:
        made.text += f"{duration(capture.end_ns - capture.start_ns)}, "
    made.text += plural(capture.conversations, "conversation")
    hidden = unread(analysis)
    made.text += ", all read" if not hidden and capture.conversations else f"; {hidden}" if hidden else ""
    if analysis.verdict.kind == Verdict.UNSURE:
        made.doubts.append(analysis.verdict.sentence)
    made.doubts += analysis.verdict.doubts
    made.doubts += capture.damage
    made.doubts += [unsteady(analysis)] if unsteady(analysis) else []
    made.doubts += [
        one.sentence for one in analysis.findings
        if one.code.startswith(OF_CAPTURE) and one.severity in TOLD and one.code not in SAID_BY_DOUBTS
    ][:MOST_DOUBTS]
    if capture.dropped > 0:
        made.doubts.append(f"The capturing system lost {plural(capture.dropped, 'frame')}.")
    return made


# -- what it comes to -------------------------------------------------------------------------------------------------


def _conclude(made: Comparison, analyses: tuple[Analysis, Analysis]) -> None:
    worse = _said(made, WORSE)
    better = _said(made, BETTER)
    other = any(not one.why for one in made.alone) or bool(made.talks) or any(
        pair.change != ALIKE for pair in made.pairs)
    kinds = {(True, True): MIXED, (True, False): WORSE, (False, True): BETTER}
    made.kind = kinds.get((bool(worse), bool(better)), OTHER if other else ALIKE)
    if made.kind == ALIKE and not made.compared and not made.measures:
        made.kind = UNSURE
    if made.kind == UNSURE:
        empty = [one for one in analyses if not one.capture.conversations]
        asked = [one for one in empty if one.capture.narrowed]
        made.sentence = "One of the captures holds no conversation, so nothing can be compared." if empty else \
            "The two have no service, request or conversation in common, so nothing can be compared."
        made.step = "Give two captures of the same thing, such as the same request in a good and in a bad state."
        if asked:
            which = "either capture" if len(asked) == len(analyses) else "one of the captures"
            made.sentence = f"What was asked for holds no conversation of {which}, so nothing can be compared."
            made.step = "Ask for more: `wiretale conversations` lists what each of them holds."
    elif made.kind == ALIKE:
        made.sentence = _alike(made)
    elif made.kind == OTHER:
        made.sentence = _others(made)
    elif made.kind == MIXED:
        made.sentence = f"Worse: {worse[0]} Better: {better[0]}"
    else:
        made.sentence = " ".join((worse or better)[:SAID])
    if not made.step:
        made.step = _step(made)


def _alike(made: Comparison) -> str:
    compared = made.compared or plural(len(made.measures), "measured quantity", "measured quantities")
    hidden = len([one for one in made.causes if one.kind == UNTOLD]) + sum([one.count for one in made.alone])
    if not hidden:
        return f"Nothing differs beyond what repeats vary by ({compared} compared)."
    more = plural(hidden, "thing is", "things are")
    return (
        f"Nothing differs that both captures show ({compared} compared); {more} in one of them only, and the other did "
        "not observe it."
    )


def _said(made: Comparison, change: str) -> list[str]:
    """Sentences for what goes that way, the heaviest first: causes, then answers, then times."""
    causes = [one for one in made.causes if one.change == change and one.severity in TOLD]
    found = [_of_cause(causes[0], len(causes))] if causes else []
    about = {number for one in causes for number in (one.told.conversation, *one.told.members)}
    answers = [
        pair for pair in made.pairs if pair.change == change and _answers(pair)
        and not any(one.conversation in about for one in pair.exchanges[change == WORSE])
    ]
    answers.sort(key=lambda pair: -len(pair.exchanges[1]))
    found += [f"{_request(pair)}: {pair.changes[0]}.{_more(answers)}" for pair in answers[:1]]
    if not causes:
        found += [_of_cause(one, 1) for one in made.causes if one.change == change][:1]
    slower = [pair for pair in made.pairs if pair.totals is not None and pair.totals.change == change]
    slower.sort(key=lambda pair: -abs(pair.lost_ns))
    if slower:
        found.append(_of_pair(slower[0], len(slower)))
    measures = [one for one in made.measures if one.change == change]
    measures.sort(key=lambda one: LEAD.index(one.word))
    if measures:
        found.append(of_measure(measures[0]))
    talks = [one for one in made.talks if one.change == change]
    found += [f"{one.title}: {one.changes[0]}." for one in talks[:1]]
    return found


def _answers(pair: Pair) -> bool:
    """Its answer differs, and not only the time."""
    return bool(pair.changes) and (pair.totals is None or pair.totals.change != pair.change
                                   or any(one.failed for side in pair.exchanges for one in side))


def _more(pairs: list[Pair]) -> str:
    return f" ({grouped(len(pairs) - 1)} more answer otherwise.)" if len(pairs) > 1 else ""


def _request(pair: Pair) -> str:
    return f"{LOOKUP} {pair.key}" if pair.label == LOOKUP else pair.key


def _of_cause(one: CauseChange, many: int) -> str:
    """many: how many causes go that way."""
    said = one.told.sentence
    if many > 1:
        said += f" ({plural(many - 1, 'more cause')} below.)"
    if one.kind == NEW:
        return f"New in B: {said}"
    if one.kind == GONE:
        return f"Gone in B: {said}"
    costs = [duration(cost) for cost in one.costs]
    if one.costs[0] and one.costs[1]:
        return f"{'Dearer' if one.change == WORSE else 'Cheaper'} in B ({costs[0]} → {costs[1]}): {said}"
    return f"{'Heavier' if one.change == WORSE else 'Milder'} in B: {said}"


def _of_pair(pair: Pair, many: int) -> str:
    if pair.totals is None:
        return ""
    a, b = pair.totals.numbers
    rest = f" So {'does' if many == 2 else 'do'} {plural(many - 1, 'other request')}." if many > 1 else ""
    return f"{_request(pair)} takes {duration(b.median)} instead of {duration(a.median)}" \
           f"{_times(a.median, b.median, _counted(pair.totals))}.{rest}"


def of_measure(one: Measure) -> str:
    """One quantity, as a sentence."""
    a, b = one.numbers
    said = SENTENCES[one.word].format(
        service=one.service, a=amount(one.unit, a.median), b=amount(one.unit, b.median)
    )
    return f"{said}{_times(a.median, b.median, _counted(one))}."


def _counted(one: Measure) -> str:
    a, b = [side.count for side in one.numbers]
    return "one measurement each" if a == b == 1 else f"{grouped(a)} and {grouped(b)} measurements"


def _times(a: int, b: int, counted: str) -> str:
    """` (3.0 times; 4 and 4 measurements)`."""
    low, high = min(a, b), max(a, b)
    if low <= 0 or high < low * 1.95:
        return f" ({counted})"
    factor = high / low
    return f" ({factor:.0f} times; {counted})" if factor >= 10 else f" ({factor:.1f} times; {counted})"


def amount(unit: str, value: int) -> str:
    if unit == Measure.RATE:
        return rate(value)
    return f"{value / 10_000:.1f} %" if unit == Measure.SHARE else duration(value)


def _others(made: Comparison) -> str:
    changed = [f"{_request(pair)}: {pair.changes[0]}" for pair in made.pairs if pair.change != ALIKE and pair.changes]
    talks = [f"{one.title}: {one.changes[0]}" for one in made.talks]
    pieces = [*changed[:SAID - 1], *talks[:SAID - 1]]
    more = len(changed) + len(talks) - len(pieces)
    if more:
        pieces.append(f"{plural(more, 'more change')} below")
    for side, name in ((0, "A"), (1, "B")):
        count = sum([one.count for one in made.alone if one.side == side and not one.why])
        if count:
            pieces.append(f"{plural(count, 'request or conversation', 'requests or conversations')} only in {name}")
    return f"They differ, and nothing is slower or has failed: {'; '.join(pieces)}."


def _step(made: Comparison) -> str:
    """What to do next about the first thing that is worse."""
    for one in made.causes:
        if one.change == WORSE and one.kind in (NEW, CHANGED):
            return one.told.next_step
    measures = [one for one in made.measures if one.change == WORSE]
    measures.sort(key=lambda one: LEAD.index(one.word))
    return STEPS[measures[0].word] if measures else ""
