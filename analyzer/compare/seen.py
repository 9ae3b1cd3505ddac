"""Whether one capture would show what the other one does: what was not observed is no difference.

A conversation shows what another one shows if it was observed no less well: it has no kind of blind spot that the other
one has not, and it was followed to its end, or for as long.
"""
from __future__ import annotations

from typing import Final

from analyzer.model import Analysis, CaptureSummary, Told
from dissectors.kit.account import SECURING_CLIENT, SECURING_NETWORK, SECURING_SERVER, UNSEEN
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import CUT, FOREIGN, HIDDEN, NOT_CAPTURED, NOT_READ, OCTETS, STATELESS
from dissectors.kit.units import grouped, plural

OVER: Final = frozenset(("SF", "RSTO", "RSTR", "REJ", "RSTOS0"))     # states of a conversation that was seen to end
BLIND: Final = {
    NOT_CAPTURED: "did not capture all of it", NOT_READ: "was not read in full", CUT: "was cut short there",
    HIDDEN: "holds it encrypted, without its keys", STATELESS: "begins after it did",
    FOREIGN: "holds another protocol there",
}

SECURE: Final = (SECURING_NETWORK, SECURING_CLIENT, SECURING_SERVER)
OF_CAPTURE: Final = "capture."                          # findings about the capture and not about the traffic
ONE_WAY: Final = "shows one direction only"
CLOCK: Final = ("capture.clock", "capture.order")       # of these, what makes its times doubtful


def unsteady(analysis: Analysis) -> str:
    """Why no times of this capture are compared, "" where they are."""
    codes = {finding.code for finding in analysis.findings}
    if CLOCK[0] in codes:
        return "The clock of the capture was set while it ran, so its times are not compared."
    if CLOCK[1] in codes or analysis.capture.lag_ns:
        return "Frames are stamped late or out of order, so its times are not compared."
    return ""


def timed(told: Told, analysis: Analysis) -> bool:
    """Whether how long something took in this conversation can be compared with others."""
    return spans(analysis, told.conversation.start_ns, told.conversation.end_ns) and whole(told)


def spans(analysis: Analysis, start_ns: int, end_ns: int) -> bool:
    """Whether the time between these two is what passed: no silence lies within that a set clock may have made."""
    return not any(one.within(start_ns, end_ns) and not one.stood for one in analysis.capture.silences)


def whole(told: Told) -> bool:
    """Whether all of its packets were seen between its first frame and its last."""
    talk = told.conversation
    return told.observed.blind(NEITHER, talk.start_ns, talk.end_ns, OCTETS) is None


def secured(told: Told) -> bool:
    """Something comes after the handshake that secures it, so all of that was seen."""
    seen = [one.cause for one in told.books.bookings if one.cause is not UNSEEN]
    return bool(seen) and seen[-1] not in SECURE


def spots(told: Told) -> set[tuple[int, str]]:
    """(direction, kind) of the blind spots between its first frame and its last."""
    start, end = told.conversation.start_ns, told.conversation.end_ns
    return {
        (side, spot.kind) for side, every in enumerate(told.observed.spots) for spot in every
        if spot.since < end and spot.until >= start
    }


def hides(seen: Told, capture: CaptureSummary, shown: Told) -> str:
    """Why the first conversation would not show what the second one does, "" where it would."""
    beyond = {kind for _side, kind in spots(seen) - spots(shown)}
    for kind, words in BLIND.items():
        if kind in beyond:
            return words
    followed = capture.end_ns - seen.conversation.start_ns
    lasted = shown.conversation.end_ns - shown.conversation.start_ns
    if seen.conversation.state not in OVER and followed < lasted:
        return "ends before it would show"
    return ""


def unread(analysis: Analysis) -> str:
    """Why what this capture does not show may be in it all the same, "" where it was read as a whole."""
    capture = analysis.capture
    read = max(capture.read, len(analysis.every()))
    if capture.interrupted:
        return "was not read to its end"
    if read < capture.conversations:
        return f"was read in part ({grouped(read)} of {plural(capture.conversations, 'conversation')})"
    if capture.unread:
        return "was read in part"
    return ""


def poorer(seen: Analysis, shown: Analysis) -> str:
    """Why a capture as a whole shows less than the other one, "" where it does not."""
    sides = [[one for one in analysis.conversations if one.frames[0] and one.frames[1]] for analysis in (seen, shown)]
    if not sides[0] and seen.conversations:
        return ONE_WAY
    if seen.capture.truncated_frames and not shown.capture.truncated_frames:
        return BLIND[CUT]
    for kind, words in ((CUT, BLIND[CUT]), (HIDDEN, BLIND[HIDDEN])):
        if _any(seen, kind) and not _any(shown, kind):
            return words
    if any(told.observed.midstream for told in seen.every()):
        return "begins in the middle of what it holds"
    return ""


def _any(analysis: Analysis, kind: str) -> bool:
    return any(spot.kind == kind for told in analysis.every() for side in told.observed.spots for spot in side)


def covers(other: CaptureSummary, capture: CaptureSummary, time: int) -> str:
    """Why the other capture may have missed what this one has at this time, by how long the two are; "" where not."""
    lasted = other.end_ns - other.start_ns
    if time - capture.start_ns > lasted:
        return "ends before it would come"
    return "begins after it would have come" if capture.end_ns - time > lasted else ""
