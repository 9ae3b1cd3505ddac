"""The rules of all modules, each of which keeps its table beside its predicates, and the list that is shown."""
from __future__ import annotations

from typing import Final

from analyzer.explain.ending import ENDING_CAPTURE_RULES, ENDING_RULES
from analyzer.explain.grpc import GRPC_RULES
from analyzer.explain.http import HTTP_RULES
from analyzer.explain.http2 import HTTP2_RULES
from analyzer.explain.http_patterns import HTTP_CAPTURE_RULES
from analyzer.explain.icmp import ICMP_RULES
from analyzer.explain.losses import LOSS_RULES
from analyzer.explain.names import DNS_CAPTURE_RULES, DNS_RULES
from analyzer.explain.opening import OPENING_RULES
from analyzer.explain.pace import PACE_RULES
from analyzer.explain.quality import QUALITY_CAPTURE_RULES, QUALITY_RULES
from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES, Case, Found, Rule, T
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.explain.websocket import WEBSOCKET_RULES
from analyzer.faults import Faults
from analyzer.model import SEVERITIES, Analysis, Finding
from dissectors.kit.event import UNMARKED
from dissectors.kit.marks import Marks
from dissectors.kit.units import plural
from dissectors.protocols.tcp.events_loss import CaptureLoss
from dissectors.wire.secrets.text import shown_text
from dissectors.wire.x509.chain import Certificates

MAX_OF_A_CODE: Final = 5       # findings of one code that are told; how many more there are stands in the last
MAX_REMARKS: Final = 1         # of them, those that are only of the severity chat
MAX_NUMBERS: Final = 8         # conversations named there

# In the order in which findings of the same weight are told.
CONVERSATION_RULES: Final[tuple[Rule[Case], ...]] = (
    OPENING_RULES + LOSS_RULES + PACE_RULES + ENDING_RULES + DNS_RULES + ICMP_RULES + QUALITY_RULES + TLS_RULES
    + CERTIFICATE_RULES + STRENGTH_RULES + STARTTLS_RULES + HTTP_RULES + HTTP2_RULES + WEBSOCKET_RULES + GRPC_RULES
)
CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    QUALITY_CAPTURE_RULES + ENDING_CAPTURE_RULES + DNS_CAPTURE_RULES + HTTP_CAPTURE_RULES
)

# In the order of the tables; for documents and tests.
CODES: Final = tuple([rule.code for rule in CONVERSATION_RULES] + [rule.code for rule in CAPTURE_RULES])


class Doubt:
    """Where the capture is known to have missed frames. everywhere: frames that the capturing system lost."""

    def __init__(self, everywhere: bool) -> None:
        self.everywhere = everywhere
        self.conversations: set[int] = set()

    def about(self, conversation: int) -> str:
        """Why less can be concluded from what was not seen; "" where nothing speaks against it."""
        if conversation in self.conversations:
            return "the capture missed segments of this conversation"
        return "the capturing system lost frames" if self.everywhere else ""


def findings(analysis: Analysis, faults: Faults | None = None) -> list[Finding]:
    """What the events together mean: worst first, then by the time that it cost.

    A fault of ours in a rule costs what that rule had to say of one conversation, and is noted in faults; without
    them it is raised.
    """
    doubt = Doubt(analysis.capture.dropped > 0)
    made: list[tuple[Finding, int]] = []
    certificates = Certificates()
    cases = [Case(told, analysis.capture, certificates) for told in analysis.told]
    for case in cases:
        if case.of(CaptureLoss):
            doubt.conversations.add(case.conversation.number)
    for rule in CONVERSATION_RULES:
        found = [one for case in cases for one in _examined(rule, case, faults)]
        made += _told(rule, found, doubt)
    for capture_rule in CAPTURE_RULES:
        made += _told(capture_rule, _examined(capture_rule, analysis, faults), doubt)
    made.sort(key=_order)
    marks = {told.conversation.number: told.marks for told in analysis.told}
    return [_shown(finding, marks) for finding, _cost in made]


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
    try:
        return rule.examine(about)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, f"a finding ({rule.code})", error)
        return []


def _told(rule: Rule[T], found: list[Found], doubt: Doubt) -> list[tuple[Finding, int]]:
    """The worst findings of a code; the rest is counted in the last of them."""
    made = [(_finding(rule, one, doubt), one.cost_ns) for one in found]
    made.sort(key=_order)
    remarks = sum(finding.severity == SEVERITIES[0] for finding, _cost in made)    # they come last
    most = min(MAX_OF_A_CODE, len(made) - remarks + MAX_REMARKS)
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


def _finding(rule: Rule[T], found: Found, doubt: Doubt) -> Finding:
    conversation = found.conversation
    number = conversation.number if conversation is not None else 0
    confidence, basis = found.confidence, found.basis
    why = doubt.about(number) if rule.absence else ""
    if why:
        confidence = CONFIDENCE[min(CONFIDENCE.index(confidence) + 1, len(CONFIDENCE) - 1)]
        basis = f"{basis}; but {why}" if basis else why
    narrow = found.narrow or rule.narrow
    parts = [conversation.display_filter()] if conversation is not None else []
    if narrow:
        parts.append(f"({narrow})" if " || " in narrow and parts and not narrow.startswith("(") else narrow)
    return Finding(
        rule.code, found.severity or rule.severity, confidence, found.sentence, number, found.frames[:MAX_FRAMES],
        " && ".join(parts), found.next_step or rule.next_step, rule.refute, basis,
    )


def _order(entry: tuple[Finding, int]) -> tuple[int, int, int]:
    finding, cost = entry
    return -SEVERITIES.index(finding.severity), -cost, finding.conversation
