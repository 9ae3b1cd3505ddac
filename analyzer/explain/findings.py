"""The rules of all modules, each of which keeps its table beside its predicates, and the list that is shown."""
from __future__ import annotations

from typing import Final

from analyzer.explain.checksums import CHECKSUM_RULES
from analyzer.explain.crowds import CROWD_RULES, DNS, without_silent
from analyzer.explain.ending import ENDING_CAPTURE_RULES, ENDING_RULES
from analyzer.explain.fragments import FRAGMENT_RULES
from analyzer.explain.grpc import GRPC_RULES
from analyzer.explain.http import HTTP_RULES
from analyzer.explain.http2 import HTTP2_RULES
from analyzer.explain.http_answers import HTTP_ANSWER_RULES
from analyzer.explain.http_patterns import HTTP_CAPTURE_RULES
from analyzer.explain.icmp import ICMP_RULES, NEIGHBOUR_RULES
from analyzer.explain.losses import LOSS_RULES
from analyzer.explain.names import DNS_CAPTURE_RULES, DNS_RULES
from analyzer.explain.opening import OPENING_CAPTURE_RULES, OPENING_RULES
from analyzer.explain.pace import PACE_RULES
from analyzer.explain.quality import QUALITY_CAPTURE_RULES, QUALITY_RULES
from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES, NOTE, POSSIBLE, Case, Found, Rule, T
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.explain.together import fold
from analyzer.explain.verdict import said_once
from analyzer.explain.websocket import WEBSOCKET_RULES
from analyzer.faults import Faults
from analyzer.model import SEVERITIES, Analysis, Finding, Silence
from dissectors.kit.event import NEITHER, UNMARKED
from dissectors.kit.marks import Marks
from dissectors.kit.observation import NOWHERE, Absence
from dissectors.kit.units import plural, span
from dissectors.wire.secrets.text import shown_text
from dissectors.wire.x509.chain import Certificates

MAX_OF_A_CODE: Final = 5       # findings of one code that are told; how many more there are stands in the last
MAX_OF_ALL: Final = 10_000     # ... where every conversation is told (--all)
MAX_REMARKS: Final = 1         # of them, those that are only of the severity chat
MAX_NUMBERS: Final = 8         # conversations named there

# In the order in which findings of the same weight are told.
CONVERSATION_RULES: Final[tuple[Rule[Case], ...]] = (
    CHECKSUM_RULES + OPENING_RULES + LOSS_RULES + PACE_RULES + ENDING_RULES + DNS_RULES + ICMP_RULES + QUALITY_RULES
    + TLS_RULES + CERTIFICATE_RULES + STRENGTH_RULES + STARTTLS_RULES + HTTP_RULES + HTTP_ANSWER_RULES
    + HTTP2_RULES + WEBSOCKET_RULES + GRPC_RULES
)
CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    QUALITY_CAPTURE_RULES + NEIGHBOUR_RULES + FRAGMENT_RULES + OPENING_CAPTURE_RULES + ENDING_CAPTURE_RULES
    + CROWD_RULES + DNS_CAPTURE_RULES + HTTP_CAPTURE_RULES
)

# In the order of the tables; for documents and tests.
CODES: Final = tuple([rule.code for rule in CONVERSATION_RULES] + [rule.code for rule in CAPTURE_RULES])


class Observations:
    """What rules about absence are held against where they do not say more closely what they need to have seen.

    dropped: why less can be concluded in every conversation; "" where nothing is known to be lost at random.
    silences: of the capture, as it has them.
    """

    def __init__(self, analysis: Analysis, cases: list[Case]) -> None:
        self.dropped = "the capturing system lost frames" if analysis.capture.dropped > 0 else ""
        self.silences = analysis.capture.silences
        self.lag_ns = analysis.capture.lag_ns
        self._cases = {case.conversation.number: case for case in cases}

    def slept(self, found: Found) -> str:
        """In a sentence, that who was waited for was suspended; "" where nothing says so."""
        one = found.conversation
        for silence in self.silences:
            if one is None or one.responder.address not in silence.stood or one.originator.address in silence.stood:
                continue
            if found.cost_ns >= silence.lasted_ns and across(found, silence):
                return f" {stood(silence)}"
        return ""

    def doubt(self, found: Found) -> str:
        """In a sentence, why so much time may not have passed, or not for all; "" where nothing speaks against it."""
        if self.slept(found):
            return ""
        for silence in self.silences:
            lasted = silence.lasted_ns
            if found.cost_ns < lasted or not across(found, silence):
                continue
            where = f"between #{silence.before} and #{silence.after}"
            if silence.stood:
                return f" {stood(silence)}"
            return (
                f" {span(lasted)} of that rest on the clock of the capture alone, which may have been set {where}."
            )
        one = found.conversation
        if one is not None and one.transport == "udp" and 0 < found.cost_ns <= 2 * self.lag_ns:
            return (
                f" Connections show that one direction of this capture is stamped up to {span(self.lag_ns)} late; that "
                "may be so here too."
            )
        return ""

    def absence(self, number: int, kinds: tuple[str, ...]) -> Absence:
        """That something did not happen anywhere in this conversation, from the beginning of the capture to its end.

        Where it is none of one conversation, the rule puts together what is told of several, and asks by itself.
        """
        case = self._cases.get(number)
        return case.absence(NEITHER, kinds=kinds) if case is not None else NOWHERE


def stood(silence: Silence) -> str:
    return (
        f"For {span(silence.lasted_ns)} of that, between #{silence.before} and #{silence.after}, "
        f"{' and '.join(silence.stood)} stood still by the TCP timestamps: suspended."
    )


def across(found: Found, silence: Silence) -> bool:
    """May what it tells of have gone on across this silence? Where all its frames come before it, it has not."""
    if found.frames and max(found.frames) <= silence.before:
        return False
    one = found.conversation
    return one is None or (one.first_frame <= silence.before and one.last_frame >= silence.after)


def findings(analysis: Analysis, faults: Faults | None = None, *, whole: bool = False) -> list[Finding]:
    """What the events together mean: worst first, then by the time that it cost.

    whole: those of every conversation are told one by one.

    A fault of ours in a rule costs what that rule had to say of one conversation, and is noted in faults; without
    them it is raised.
    """
    made: list[tuple[Finding, int]] = []
    certificates = Certificates()
    cases = [Case(told, analysis.capture, certificates) for told in analysis.told]
    observed = Observations(analysis, cases)
    found = {rule.code: [one for case in cases for one in _examined(rule, case, faults)] for rule in CONVERSATION_RULES}
    for capture_rule in CAPTURE_RULES:
        found[capture_rule.code] = _examined(capture_rule, analysis, faults)
    found[DNS] = without_silent(found[DNS], analysis)
    for rule in CONVERSATION_RULES:
        made += _told(rule, _folded(rule, found, analysis, faults), observed, whole)
    for capture_rule in CAPTURE_RULES:
        made += _told(capture_rule, _folded(capture_rule, found, analysis, faults), observed, whole)
    made.sort(key=_order)
    marks = {told.conversation.number: told.marks for told in analysis.told}
    return _once([_shown(finding, marks) for finding, _cost in made], analysis, faults)


def _once(found: list[Finding], analysis: Analysis, faults: Faults | None) -> list[Finding]:
    try:
        return said_once(analysis, found)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, "findings that say the same", error)
        return found


def _shown(finding: Finding, marks: dict[int, Marks]) -> Finding:
    """Without what is secret in its conversation, or in any, where it concerns several."""
    one = marks.get(finding.conversation)
    for of in [one] if one is not None else list(marks.values()) or [UNMARKED]:
        finding.sentence = shown_text(finding.sentence, of)
        finding.basis = shown_text(finding.basis, of)
        finding.next_step = shown_text(finding.next_step, of)
        finding.display_filter = shown_text(finding.display_filter, of)
    return finding


def _examined(rule: Rule[T], about: T, faults: Faults | None) -> list[Found]:
    if isinstance(about, Case):
        about.kinds = rule.kinds
    try:
        return rule.examine(about)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, f"a finding ({rule.code})", error)
        return []


def _folded(
    rule: Rule[T], found: dict[str, list[Found]], analysis: Analysis, faults: Faults | None
) -> list[Found]:
    try:
        return fold(rule, found, analysis, MAX_OF_A_CODE)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, f"a finding ({rule.code})", error)
        return found[rule.code]


def _told(rule: Rule[T], found: list[Found], observed: Observations, whole: bool) -> list[tuple[Finding, int]]:
    """The worst findings of a code; the rest is counted in the last of them."""
    made: list[tuple[Finding, int]] = []
    for one in found:
        finding = _finding(rule, one, observed)
        if finding is not None:
            made.append((finding, one.cost_ns))
    made.sort(key=_order)
    remarks = sum(finding.severity == SEVERITIES[0] for finding, _cost in made)    # they come last
    most = MAX_OF_ALL if whole else min(MAX_OF_A_CODE, len(made) - remarks + MAX_REMARKS)
    rest = [finding.conversation for finding, _cost in made[most:]]
    made = made[:most]
    if rest:
        numbers = [str(number) for number in sorted({number for number in rest if number})]
        where = ""
        if numbers:
            where = f" (conversation{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:MAX_NUMBERS])}"
            where += f" and {len(numbers) - MAX_NUMBERS} more)" if len(numbers) > MAX_NUMBERS else ")"
        made[-1][0].sentence += f" And {plural(len(rest), 'more finding')} of this kind{where}."
    return made


def _finding(rule: Rule[T], found: Found, observed: Observations) -> Finding | None:
    """None where it says that something did not happen, and the observation does not bear that out."""
    conversation = found.conversation
    number = conversation.number if conversation is not None else 0
    sentence, severity = found.sentence, found.severity or rule.severity
    confidence, basis = found.confidence, found.basis
    if rule.absence:
        absent = found.absent or observed.absence(number, rule.kinds)
        if not absent.proven:
            if not found.otherwise:
                return None
            sentence, severity, confidence = found.otherwise, min(severity, NOTE, key=SEVERITIES.index), POSSIBLE
        elif observed.dropped:
            confidence = CONFIDENCE[min(CONFIDENCE.index(confidence) + 1, len(CONFIDENCE) - 1)]
        why = absent.why if not absent.proven else observed.dropped
        if why:
            basis = f"{basis}; but {why}" if basis else why
    doubt = observed.doubt(found)
    sentence += observed.slept(found)
    if doubt:
        sentence, severity, confidence = sentence + doubt, min(severity, NOTE, key=SEVERITIES.index), POSSIBLE
    frames = found.frames[:MAX_FRAMES]
    parts = [conversation.display_filter()] if conversation is not None else []
    narrow = found.narrow or rule.narrow
    if narrow:
        parts.append(f"({narrow})" if " || " in narrow and parts and not narrow.startswith("(") else narrow)
    shown = " && ".join(parts)
    finding = Finding(
        rule.code, severity, confidence, sentence, number, frames,
        _with_cited(shown, frames) if frames and (narrow or not shown) else shown,
        found.next_step or rule.next_step, rule.refute, basis,
    )
    finding.cost_ns, finding.victims, finding.about = max(found.cost_ns, 0), found.victims, found.about
    finding.proof = found.frames
    return finding


def _with_cited(display_filter: str, frames: tuple[int, ...]) -> str:
    """A display filter that shows the cited frames too: Wireshark may read one of them in another way, and what
    concerns several conversations has frames in each."""
    cited: list[list[int]] = []
    for frame in sorted(frames):
        if cited and frame == cited[-1][1] + 1:
            cited[-1][1] = frame
        else:
            cited.append([frame, frame])
    numbers = ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in cited)
    shown = f"frame.number in {{{numbers}}}"
    return f"({display_filter}) || {shown}" if display_filter else shown


def _order(entry: tuple[Finding, int]) -> tuple[int, int, int]:
    finding, cost = entry
    return -SEVERITIES.index(finding.severity), -cost, finding.conversation
