"""What only one of two captures holds, and conversations of which no application is read, one by one."""
from __future__ import annotations

from typing import Final

from analyzer.compare.seen import OVER, covers, hides, poorer, spots, timed, unread, whole
from analyzer.compare.seen import secured as was_secured
from analyzer.compare.services import Key, Services
from analyzer.compare.spread import CLEAR_NS, TWICE
from analyzer.comparison import ALIKE, BETTER, OTHER, WORSE, Alone, Exchange, Pair, TalkChange
from analyzer.model import Analysis, Conversation, Told
from dissectors.kit.event import SECURING
from dissectors.kit.units import duration, plural, size
from dissectors.wire.secrets.gate import Said

FAILED: Final = frozenset(("S0", "REJ", "RSTOS0", "RSTR", "RSTO"))
MEANS: Final = {
    "S0": "no answer", "REJ": "refused", "RSTOS0": "reset by the client", "RSTR": "reset by the server",
    "RSTO": "reset by the client", "SF": "closed in order", "S1": "not seen to end", "S2": "closed by the client only",
    "S3": "closed by the server only",
}
UDP_MEANS: Final = {"S0": "no answer", "SF": "answered"}
NEAR: Final = 0.2               # of the octets that a conversation carried, by which repeats may differ
LEAST_OCTETS: Final = 2_000
SLOWER: Final = 2               # times as long: one conversation on each side, of which nobody knows how they vary


def only_in_one(pairs: list[Pair], analyses: tuple[Analysis, Analysis], services: Services) -> list[Alone]:
    """Requests that one capture holds more often, or alone."""
    found = []
    for pair in pairs:
        counts = [len(side) for side in pair.exchanges]
        if counts[0] == counts[1]:
            continue
        side = 0 if counts[0] > counts[1] else 1
        more = pair.exchanges[side][counts[1 - side]:]
        found.append(Alone(
            side, more[0].label, f"{pair.key} → {more[0].outcome}" if more[0].outcome else pair.key, len(more),
            tuple([frame for one in more for frame in one.frames[:1]]),
            _missed(analyses, side, more[0], services),
        ))
    return found


def _missed(analyses: tuple[Analysis, Analysis], side: int, one: Exchange, services: Services) -> str:
    """Why the other capture may hold the same all the same, "" where it would show it."""
    other = analyses[1 - side]
    shown = [told for told in analyses[side].every() if told.conversation.number == one.conversation]
    late = covers(other.capture, analyses[side].capture, one.start_ns)
    if not shown or late:
        return late or unread(other)
    key = services.key(side, shown[0].conversation)
    there = [told for told in other.every() if services.key(1 - side, told.conversation) == key]
    return _between(there, other, shown, analyses[side]) or unread(other)


def _between(there: list[Told], other: Analysis, shown: list[Told], analysis: Analysis) -> str:
    """Why conversations with a service do not show the same in both: the other capture hides something, or this one
    does, and looks otherwise for that alone."""
    if not there:
        less_of_it = shown[0].observed.midstream or poorer(analysis, other)
        return poorer(other, analysis) or ("shows more of it" if less_of_it else "")
    reasons = [hides(told, other.capture, shown[0]) for told in there]
    if reasons and "" not in reasons:
        return max(set(reasons), key=reasons.count)
    less = [hides(shown[0], analysis.capture, told) for told in there]
    return "shows more of it" if "" not in less else ""


def talks_of(
    told: tuple[dict[Key, list[Told]], dict[Key, list[Told]]], read: tuple[set[int], set[int]],
    services: Services, analyses: tuple[Analysis, Analysis], *, steady: bool,
) -> tuple[list[TalkChange], list[Alone], int]:
    """Conversations of which no exchange and no lookup was read, by service and in their order.

    (Those that differ, what only one capture holds, how many were matched.) read: numbers of those that were.
    """
    changed: list[TalkChange] = []
    alone: list[Alone] = []
    matched = 0
    for key in [*told[0], *[key for key in told[1] if key not in told[0]]]:
        left = [[one for one in told[side].get(key, []) if one.conversation.number not in read[side]]
                for side in (0, 1)]
        usual = [[_length(one) for one in side] for side in left]
        counts = steady and all(timed(one, analyses[side]) for side in (0, 1) for one in left[side])
        for a, b in zip(left[0], left[1], strict=False):
            matched += 1
            if hides(a, analyses[0].capture, b) or hides(b, analyses[1].capture, a):
                continue
            made = _compared(a, b, services.title(key), usual, steady=counts)
            if made.changes:
                changed.append(made)
        for side in (0, 1):
            beyond = len(told[side].get(key, [])) - len(told[1 - side].get(key, []))
            more = left[side][len(left[1 - side]):][:max(beyond, 0)]
            if more:
                first = more[0].conversation
                there = told[1 - side].get(key, [])
                late = covers(analyses[1 - side].capture, analyses[side].capture, first.start_ns)
                why = late or unread(analyses[1 - side]) or _between(there, analyses[1 - side], more, analyses[side])
                frames = tuple([one.conversation.first_frame for one in more])
                alone.append(Alone(side, first.transport, _what(first, services.title(key)), len(more), frames, why))
    return changed, alone, matched


def connections(
    told: tuple[dict[Key, list[Told]], dict[Key, list[Told]]], exchanges: tuple[list[Exchange], list[Exchange]],
    services: Services,
) -> list[TalkChange]:
    """Services with which the same number of requests took another number of connections."""
    found = []
    for key in told[0]:
        sides = [[one.conversation for one in side.get(key, []) if one.conversation.tcp is not None] for side in told]
        asked = [
            len([one for one in every if one.conversation in {talk.number for talk in side}])
            for side, every in zip(sides, exchanges, strict=True)
        ]
        counts = [len(side) for side in sides]
        if 0 < asked[0] == asked[1] and counts[0] != counts[1] and all(counts):
            made = TalkChange(services.title(key), sides[0][0].number, sides[1][0].number)
            requests = plural(asked[0], "request")
            made.changes.append(f"{counts[0]} → {plural(counts[1], 'connection')} for {requests}")
            first = [tuple(one.first_frame for one in side) for side in sides]
            made.frames = (first[0], first[1])
            found.append(made)
    return found


def secured(told: tuple[dict[Key, list[Told]], dict[Key, list[Told]]], services: Services) -> list[TalkChange]:
    """Services whose connections are secured in another way throughout: `TLS 1.2 … → TLS 1.3 …`."""
    found = []
    for key, here in told[0].items():
        sides = (here, told[1].get(key, []))
        ways = [list(dict.fromkeys([way for one in side for way in _secured(one)])) for side in sides]
        # Of what is encrypted without keys, less is known of how.
        blind = [{frozenset(spots(one)) for one in side if _secured(one)} for side in sides]
        if ways[0] and ways[1] and not set(ways[0]) & set(ways[1]) and blind[0] == blind[1]:
            made = TalkChange(services.title(key), here[0].conversation.number, sides[1][0].conversation.number)
            made.changes.append(f"{ways[0][0]} → {ways[1][0]}")
            first = [tuple(one.conversation.first_frame for one in side if _secured(one)) for side in sides]
            made.frames = (first[0], first[1])
            found.append(made)
    return found


def _secured(told: Told) -> list[str]:
    """How it was secured, as the headlines of that say; [] where it was not seen to be."""
    if told.conversation.state not in OVER or not was_secured(told):
        return []
    lines = [Said(event).headline() for phase in told.phases if phase.rank == SECURING for event in phase.events]
    return [f"{line.label} {line.text}" for line in lines if line is not None]


def _what(one: Conversation, title: str) -> str:
    means = _means(one)
    return f"{title}, {means}" if means else title


def _means(one: Conversation) -> str:
    if one.transport == "udp":
        return UDP_MEANS.get(one.state, "")
    return MEANS.get(one.state, "") if one.tcp is not None else ""


def _length(told: Told) -> int:
    return told.conversation.end_ns - told.conversation.start_ns


def _compared(a: Told, b: Told, title: str, usual: list[list[int]], *, steady: bool) -> TalkChange:
    one, two = a.conversation, b.conversation
    made = TalkChange(title, one.number, two.number)
    made.frames = ((one.first_frame, one.last_frame), (two.first_frame, two.last_frame))
    if _means(one) != _means(two) and _ended(one) and _ended(two):
        made.changes.append(f"{_means(one)} → {_means(two)}")
        failed = one.state in FAILED, two.state in FAILED
        made.change = OTHER if failed[0] == failed[1] else WORSE if failed[1] else BETTER
    if not whole(a) or not whole(b):
        return made
    if _ended(one) and _ended(two):
        for side, arrow in ((0, "→"), (1, "←")):
            first, second = one.sent_payload()[side], two.sent_payload()[side]
            if one.tcp is not None and two.tcp is not None:
                first, second = one.tcp.unique[side], two.tcp.unique[side]
            if abs(first - second) > max(LEAST_OCTETS, NEAR * max(first, second)):
                made.changes.append(f"{size(first)} → {size(second)} {arrow}")
    if steady and one.tcp is not None and one.state in OVER and two.state in OVER:
        _longer(made, _length(a), _length(b), usual)
    return made


def _ended(one: Conversation) -> bool:
    """What it came to was seen: not only that the capture ended."""
    return one.state in OVER or (one.state in ("S0", "SF") and one.transport == "udp") or one.state == "S0"


def _longer(made: TalkChange, a: int, b: int, usual: list[list[int]]) -> None:
    noise = max([max(side) - min(side) for side in usual if side])
    apart = abs(a - b)
    if min(a, b) < 0 or apart < CLEAR_NS or apart <= TWICE * noise or max(a, b) < SLOWER * min(a, b):
        return
    made.changes.append(f"{duration(a)} → {duration(b)}")
    if made.change == OTHER and len(made.changes) == 1:
        made.change = ALIKE if a == b else WORSE if b > a else BETTER
