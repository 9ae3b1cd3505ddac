"""Findings about packets that their receiver drops because a checksum in them is wrong."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import CERTAIN, FAILURE, LIKELY, POSSIBLE, Case, Found, Rule, place
from dissectors.kit.checksums import IP_SUM, OUTER_SUM, WrongChecksums
from dissectors.kit.units import plural

SEVERAL: Final = 3           # packets from which on it is more than damage now and then
# What other findings advise of a side that does not answer, where this is the reason.
SUM_STEP: Final = "Mend the checksums first: the other side drops these packets without a word (see that finding)."
STEPS: Final = {
    OUTER_SUM: "Switch off checksum offload for this tunnel on the machine that sends (ethtool -K DEVICE "
    "tx-checksum-ip-generic off), or update its driver or kernel.",
    IP_SUM: "Find out which machine changes the IP header last (a router, a translator): it does not add it up again.",
}


def sums_step(case: Case, direction: int) -> str:
    """What to do about packets of this direction that nobody takes, where it is for their sums; else ""."""
    return SUM_STEP if any(event.direction == direction for event in case.of(WrongChecksums)) else ""


def checksum(case: Case) -> list[Found]:
    return [_found(case, event) for event in case.of(WrongChecksums)]


def _found(case: Case, event: WrongChecksums) -> Found:
    sums = event.sums
    tunnel = f" in the tunnel {case.conversation.scope}" if sums.header == OUTER_SUM and case.conversation.scope else ""
    some = "All " if sums.count > 1 and not sums.sound and not sums.replaced else ""
    every = f"{some}{plural(sums.count, sums.noun)}"
    one = sums.count == 1
    carry = (
        f"{every} of {place(case.end(event.direction))} {'carries' if one else 'carry'} a wrong {sums.header} checksum "
        f"({sums.values()}){tunnel}"
    )
    sentence = f"{carry}, so whoever adds it up drops {'it' if one else 'them'}"
    took = event.lasted()
    if sums.replaced:
        later = f", {took} later" if took else ""
        sentence += f": the same came through once its sum was not wrong (#{sums.replaced}){later}."
    else:
        sentence += f": none was acknowledged{f' in {took}' if took else ''}."
    basis = "each was sent again and none acknowledged"
    if sums.replaced:
        basis = "each was sent again, and acknowledged only when its sum was not wrong"
    if sums.sound:
        others = plural(sums.sound, "other packet")
        basis += f"; {others} of this sender {'has' if sums.sound == 1 else 'have'} a right one"
    else:
        basis += "; a sum that the network card fills in behind the capture looks the same, but is taken"
    severe = "note" if sums.replaced and sums.count < SEVERAL else "warn" if sums.replaced else ""
    return Found(
        sentence, event.evidence.frames, case.conversation, cost_ns=max(sums.last_ns - sums.first_ns, 0),
        severity=severe if sums.heard or case.conversation.transport == "tcp" else "warn",
        confidence=POSSIBLE if not sums.heard else CERTAIN if sums.sound and not one else LIKELY,
        basis=basis, next_step=STEPS.get(sums.header, ""),
        absent=case.absence(1 - event.direction, sums.first_ns, min(sums.last_ns, case.capture.end_ns - 1)),
        otherwise="" if sums.heard else f"{carry}, and no answer to any of them is in the capture.",
    )


CHECKSUM_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "packet.checksum", "error", FAILURE, checksum,
        "Packets whose checksum is wrong were thrown away by whoever should have taken them.",
        "Capture at the sender and before the receiver: the machine behind which the sum is wrong changes the packet, "
        "or its network card adds it up wrongly (ethtool -K DEVICE tx off).",
        "The same packets with a right sum in a capture at the receiver: then the network card fills it in.",
        "", absence=True,
    ),
)
