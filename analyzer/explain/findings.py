"""The rules of all modules, each of which keeps its table beside its predicates, and the list that is shown."""
from __future__ import annotations

from typing import Final

from analyzer.explain.alike import MAX_OF_A_CODE, Code, Single, with_cited
from analyzer.explain.crowds import DNS, without_silent
from analyzer.explain.leases import offered
from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES, NOTE, POSSIBLE, AnyRule, Case, Found, Rule, T
from analyzer.explain.rules import CAPTURE_RULES, CONVERSATION_RULES, STEPS
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.together import fold
from analyzer.explain.usual import Usual
from analyzer.explain.verdict import said_once
from analyzer.explain.ways import traced, without_traces
from analyzer.faults import Faults
from analyzer.model import SEVERITIES, Analysis, Finding, Silence
from dissectors.kit.event import NEITHER, UNMARKED, Event
from dissectors.kit.marks import Marks
from dissectors.kit.observation import NOWHERE, Absence
from dissectors.kit.units import span
from dissectors.wire.secrets.text import shown_text
from dissectors.wire.x509.chain import Certificates

# Protocols whose rules find nothing in a conversation that has no event of theirs, but for those that say that it is
# missing.
ALONE: Final = frozenset((
    "dhcp", "dhcpv6", "radius", "snmp", "sip", "tcp", "tls", "http", "http2", "websocket", "grpc", "quic",
))
MISSING: Final = frozenset(["tls.plaintext", *[rule.code for rule in STARTTLS_RULES]])
NEEDS: Final[dict[str, str]] = {
    rule.code: name for rule in CONVERSATION_RULES
    if (name := rule.code.partition(".")[0]) in ALONE and rule.code not in MISSING
}

MAX_SORTS: Final = 10_000      # of conversations, by the kinds of their events, that are told apart for speed
Sort = tuple[frozenset[type[Event]], str]


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


def findings(analysis: Analysis, faults: Faults | None = None) -> list[Finding]:
    """What the events together mean: worst first, then by the time that it cost.

    A fault of ours in a rule costs what that rule had to say of one conversation, and is noted in faults; without
    them it is raised.
    """
    made: list[tuple[Finding, int]] = []
    certificates = Certificates()
    usual = Usual(analysis.told)
    analysis.capture.traced, analysis.capture.scans = traced(analysis), without_traces(analysis)
    analysis.capture.offered = offered(analysis)
    cases = [Case(told, analysis.capture, certificates, usual) for told in analysis.told]
    observed = Observations(analysis, cases)
    found = Asking(faults).ask(cases)
    for capture_rule in CAPTURE_RULES:
        found[capture_rule.code] = examined(capture_rule, analysis, faults)
    found[DNS] = without_silent(found[DNS], analysis)
    for rule in CONVERSATION_RULES:
        made += found_by(rule, _folded(rule, found, analysis, faults), observed, analysis)
    for capture_rule in CAPTURE_RULES:
        made += found_by(capture_rule, _folded(capture_rule, found, analysis, faults), observed, analysis)
    made.sort(key=in_order)
    marks, marked = marks_of(analysis)
    return once([shown(finding, marks, marked) for finding, _cost in made], analysis, faults)


def marks_of(analysis: Analysis) -> tuple[dict[int, Marks], list[Marks]]:
    """What is secret in each conversation, and in any of them: those that have marked something, or else the first."""
    marks = {told.conversation.number: told.marks for told in analysis.told}
    marked = [one for one in marks.values() if one.values]
    return marks, marked or list(marks.values())[:1] or [UNMARKED]


def once(found: list[Finding], analysis: Analysis, faults: Faults | None) -> list[Finding]:
    try:
        return said_once(analysis, found)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, "findings that say the same", error)
        return found


def shown(finding: Finding, marks: dict[int, Marks], marked: list[Marks]) -> Finding:
    """Without what is secret in its conversation, or in any, where it concerns several."""
    one = marks.get(finding.conversation)
    for of in [one] if one is not None else marked:
        finding.sentence = shown_text(finding.sentence, of)
        finding.basis = shown_text(finding.basis, of)
        if finding.next_step not in STEPS:      # a password that reads "password" says nothing about our own words
            finding.next_step = shown_text(finding.next_step, of)
        finding.display_filter = shown_text(finding.display_filter, of)
    return finding


class Asking:
    """Asks the rules about one conversation each.

    A rule that finds nothing and has learned no more of a conversation than that it has no event of some kinds finds
    nothing in others of that sort either, and is not asked again. rules: by sort, those that are.
    """

    def __init__(self, faults: Faults | None) -> None:
        self.faults = faults
        self.rules: dict[Sort, list[Rule[Case]]] = {}

    def ask(self, cases: list[Case]) -> dict[str, list[Found]]:
        """What is found in these conversations, by code."""
        found: dict[str, list[Found]] = {rule.code: [] for rule in CONVERSATION_RULES}
        for case in cases:
            rules = self.rules.get(case.sort)
            if rules is not None:
                for rule in rules:
                    found[rule.code] += examined(rule, case, self.faults)
                continue
            loud: list[Rule[Case]] = []
            protocols = case.protocols
            for rule in CONVERSATION_RULES:
                needs = NEEDS.get(rule.code)
                if needs is None or needs in protocols:
                    case.touched = False
                    said = examined(rule, case, self.faults)
                    found[rule.code] += said
                    if said or case.touched:
                        loud.append(rule)
            if len(self.rules) < MAX_SORTS:
                self.rules[case.sort] = loud
        return found


def examined(rule: Rule[T], about: T, faults: Faults | None) -> list[Found]:
    if isinstance(about, Case):
        about.kinds = rule.kinds
    try:
        return rule.examine(about)
    except Exception as error:
        if faults is None:
            raise
        if isinstance(about, Case):
            about.touched = True
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


def found_by(
    rule: AnyRule, found: list[Found], observed: Observations, analysis: Analysis
) -> list[tuple[Finding, int]]:
    """The findings of a code with what they cost, in order; one for all where they are many."""
    if not found:
        return []
    code = Code()
    made: list[tuple[Finding, int]] = []
    for one in sorted(found, key=number_of):
        finding = judged(rule, one, observed)
        if finding is not None and one.examples:
            finding.examples = one.examples
            made.append((finding, one.cost_ns))
        elif finding is not None:
            code.add(Single(finding, one))
    made += code.told(analysis, (rule.narrow, rule.next_step))
    made.sort(key=in_order)
    return made


def judged(rule: AnyRule, found: Found, observed: Observations) -> Finding | None:
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
    within = " && ".join(parts)
    finding = Finding(
        rule.code, severity, confidence, sentence, number, frames,
        with_cited(within, frames) if frames and (narrow or not within) else within,
        found.next_step or rule.next_step, rule.refute, basis,
    )
    finding.cost_ns, finding.victims, finding.about = max(found.cost_ns, 0), found.victims, found.about
    finding.proof, finding.members, finding.clients = found.frames, found.members, found.clients
    return finding


def number_of(found: Found) -> int:
    return found.conversation.number if found.conversation is not None else 0


def in_order(entry: tuple[Finding, int]) -> tuple[int, int, int]:
    finding, cost = entry
    return -SEVERITIES.index(finding.severity), -cost, finding.conversation
