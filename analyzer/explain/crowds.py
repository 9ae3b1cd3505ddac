"""Findings that no single conversation shows: services over UDP that are silent."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, NOTE, POSSIBLE, Found, Rule
from analyzer.explain.together import Shared, members, told_with
from analyzer.model import SEVERITIES, Analysis
from dissectors.kit.units import plural

SILENT: Final = "udp.unanswered"
NTP: Final = "ntp"
OWN_WORDS: Final = ("dns", NTP)     # whose findings tell of silence once, however many conversations it took
DNS: Final = "dns.unanswered"      # tells of one question what SILENT tells of many conversations
FEW: Final = 5               # that may be told one by one
AGAIN: Final = 2             # conversations with a service of which nobody knows whether it answers
SURELY: Final = 5            # conversations without an answer of a service that was not heard to answer anybody
NAMED: Final = 4             # such services that are named
WARN: Final = 2


def stands_for_all(analysis: Analysis) -> bool:
    """Whether some silent conversations are not told, or there are too many to tell one by one: of lookups, each
    question of a client to a server once, however many conversations it took."""
    whole = analysis.capture.together.get(SILENT)
    if whole is None:
        return False
    known = members(analysis, SILENT)
    asked = {
        (step.client, step.server, step.question)
        for lookup in analysis.lookups for step in lookup.steps if not step.answer
    }
    others = [one for one in known.values() if one.protocol not in OWN_WORDS]
    return whole.count > told_with(analysis, SILENT) or len(asked) + len(others) > FEW


def without_silent(found: list[Found], analysis: Analysis) -> list[Found]:
    """Those findings of DNS that `silent` does not stand for."""
    if not stands_for_all(analysis):
        return found
    known = members(analysis, SILENT)
    return [one for one in found if one.conversation is None or one.conversation.number not in known]


def silent(analysis: Analysis) -> list[Found]:
    """Conversations over UDP in which one side speaks alone, with services that may be asked for answers."""
    whole = analysis.capture.together.get(SILENT)
    if whole is None:
        return []
    of = Shared(SILENT, whole, analysis)
    alone = stands_for_all(analysis)
    known = members(analysis, SILENT)
    whole_told = whole.count == told_with(analysis, SILENT)
    for conversation in known.values():
        # what speaks there tells of it in its own terms
        if conversation.protocol and (not alone or (conversation.protocol == NTP and whole_told)):
            of.leave_out(str(conversation.responder), conversation.originator.address)
    little = not sum(whole.weights[WARN:]) and max(of.services.values(), default=0) < AGAIN
    if of.count <= 0 or (not alone and little):
        return []
    found = _silent(of)
    found.examples = tuple(whole.numbers)
    return [found]


def _silent(of: Shared) -> Found:
    whole = of.whole
    dead = [name for name, count, _weight in whole.dead if count >= SURELY]
    certain = of.certain() > 0 and bool(dead)      # one answer is lost to a capture as easily as to the line
    around, what = of.around("to"), f"{plural(of.count, 'conversation')} over UDP"
    sent = plural(whole.times, "datagram")
    never = f" Not heard to answer anybody: {', '.join(dead[:NAMED])}" if dead else ""
    never += f" and {len(dead) - NAMED} more." if len(dead) > NAMED else "." if dead else ""
    otherwise = f"No answer to the {sent} of {what} is in the capture{around}."
    weights = [weight for _name, count, weight in whole.dead if count >= SURELY]
    worst = max([SEVERITIES.index(of.severity()), *weights])
    return Found(
        f"{what} had no answer to {sent}{around}.{of.doubts()}{never}" if certain else otherwise,
        tuple(whole.frames), severity=SEVERITIES[worst] if certain else NOTE,
        confidence=LIKELY if certain else POSSIBLE, narrow=of.narrow("", "udp") or "udp", absent=of.absent(),
        otherwise=otherwise,
        basis="datagrams to a port and none from it; whether they ask for an answer only their protocol knows",
        victims=max(of.count, 0), about=of.about(),
    )


CROWD_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        SILENT, "warn", FAILURE, silent,
        "A service over UDP that may be asked for answers gave none.",
        "See whether the service runs, and capture beside it: do the datagrams arrive, and does it answer?",
        "Answers that took another way, or a protocol that gives none.", "udp", absence=True, lasting=True,
    ),
)
