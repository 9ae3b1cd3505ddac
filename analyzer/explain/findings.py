"""Every rule in one table, and how what they find becomes the list that is shown."""
from __future__ import annotations

from typing import Final

from analyzer.explain import ending, losses, names, opening, pace, quality
from analyzer.explain.grpc import GRPC_RULES
from analyzer.explain.http import HTTP_RULES
from analyzer.explain.http2 import HTTP2_RULES
from analyzer.explain.http_patterns import HTTP_CAPTURE_RULES
from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES, Case, Found, Rule, T
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.explain.websocket import WEBSOCKET_RULES
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

CONVERSATION_RULES: Final[tuple[Rule[Case], ...]] = (
    # How it began.
    Rule(
        "tcp.refused", "error", opening.refused,
        "Check that the service runs and listens on this address and port, and that no firewall rejects it.",
        "A connection to the same port that opens at the same time.", "tcp.flags.reset == 1",
    ),
    Rule(
        "tcp.unanswered", "error", opening.unanswered,
        "Capture at the other end: if the SYN arrives there, look for the answer; if not, for a filter on the way.",
        "A SYN-ACK that took another way than the one captured.", "tcp.flags.syn == 1", True,
    ),
    Rule(
        "tcp.syn_resent", "warn", opening.resent,
        "See whether the first SYN arrived at the other end: a full backlog drops it there, a lossy path before.",
        "An answer to the first one that the capture missed.", "tcp.flags.syn == 1", True,
    ),
    Rule(
        "tcp.half_open", "warn", opening.half_open,
        "If many come from many addresses it is a SYN flood; if only from one, look for its lost third segment.",
        "The third segment, captured elsewhere.", "tcp.flags.syn == 1", True,
    ),
    Rule(
        "tcp.midstream", "chat", opening.midstream,
        "Start the capture before the connection to see its handshake.",
        "A SYN of this connection in an earlier part of the capture.",
    ),
    Rule(
        "tcp.high_rtt", "note", opening.high_rtt,
        "Save round trips: keep connections open, ask for several things at once, or serve from nearer by.",
        "Later round trips (the ACK times of the data) that are much shorter.", "tcp.analysis.ack_rtt",
    ),
    Rule(
        "tcp.small_mss", "note", opening.small_mss,
        "Look for the reason: a tunnel, a middlebox that clamps the MSS, or a setting of the host.",
        "A link of this size on the way, which makes it right.", "tcp.flags.syn == 1",
    ),
    # Loss and repair.
    Rule(
        "tcp.loss", "note", losses.loss,
        "One loss is ordinary. If they come often, compare captures at both ends to find the link that drops.",
        "Resends without a loss: a duplicate SACK that reports them as needless.", "tcp.analysis.retransmission", True,
    ),
    Rule(
        "tcp.timeout", "warn", losses.timeout,
        "Find out why no duplicate ACKs came: losses at the end of a burst, a path that was down, a silent peer.",
        "A sender that had paused by itself, without anything outstanding.", "tcp.analysis.retransmission", True,
    ),
    Rule(
        "tcp.black_hole", "warn", losses.black_hole,
        "Ping with large packets that may not be fragmented, and let ICMP \"too big\" pass, or lower the MTU.",
        "A segment of full size that was acknowledged, or small ones lost just as often.",
        "tcp.analysis.retransmission", True,
    ),
    Rule(
        "tcp.spurious", "note", losses.spurious,
        "Look for late ACKs or a jump of the round trip just before: the sender's timer was too early.",
        "A first copy that was lost beyond the capture.", "tcp.analysis.retransmission",
    ),
    Rule(
        "tcp.reordering", "note", losses.reordering,
        "Look for parallel paths (link bundles, load balancing by packet) if it is frequent.",
        "A resend of the same bytes that the capture missed.", "tcp.analysis.out_of_order",
    ),
    Rule(
        "tcp.conflict", "warn", losses.conflict,
        "Compare both versions: a machine that rewrites, a faulty sender, or an attempt to mislead an observer.",
        "Damage of one copy, which its checksum would show.", "tcp.analysis.retransmission",
    ),
    Rule(
        "capture.loss", "warn", losses.capture_loss,
        "Capture again with a larger buffer, a narrower filter, or at a place that sees both directions.",
        "The missing bytes in a capture of the same time elsewhere that lost them too.",
        "tcp.analysis.ack_lost_segment",
    ),
    Rule(
        "capture.gap", "note", losses.gap,
        "Check whether the frames before the gap were captured at all.",
        "The missing bytes, later in the capture.", "tcp.analysis.lost_segment",
    ),
    Rule(
        "capture.duplicates", "note", losses.duplicates,
        "Capture at one place only, or take copies out (editcap -d), before you count anything.",
        "Timestamps or an IP identification that differ between the copies: then they are resends.",
    ),
    # Pace.
    Rule(
        "tcp.zero_window", "warn", pace.zero_window,
        "Look at the program that receives: it did not read. Its CPU, its disk or a lock may be the reason.",
        "A window that only looks closed because its scaling is unknown.",
        "(tcp.analysis.zero_window || tcp.analysis.zero_window_probe || tcp.analysis.window_update)",
    ),
    Rule(
        "tcp.window_limited", "note", pace.window_limited,
        "Raise the receive buffer (or let the system scale it), above rate times round trip.",
        "Bytes in flight that stay well below the window.", "tcp.len > 0",
    ),
    Rule(
        "tcp.window_shrunk", "note", pace.shrunk,
        "Update the receiver's TCP or the middlebox that rewrites windows.",
        "Window scaling that is not known rightly.", "tcp.window_size",
    ),
    Rule(
        "tcp.keep_alive_unanswered", "warn", pace.keep_alive,
        "Find out when the other side went away, and whether a firewall forgot the connection.",
        "Answers that took another way.", "tcp.analysis.keep_alive", True,
    ),
    Rule(
        "tcp.congestion_marks", "note", pace.congestion_marks,
        "Find the queue that marks: ECN told of it before anything was lost.",
        "A middlebox that sets the bits wrongly on every packet.", "tcp.flags.ece == 1 || ip.dsfield.ecn == 3",
    ),
    Rule(
        "tcp.queueing", "note", pace.queueing,
        "Measure the round trip while the line is idle and while it is busy; shape or manage the queue.",
        "ACK times that are as long when hardly anything is under way.", "tcp.analysis.ack_rtt",
    ),
    Rule(
        "tcp.slow_answer", "note", pace.slow_answer,
        "Ask the log of the side that answers what it did in this time.",
        "Data that answer nothing: the next thing that this side had to say.", "tcp.len > 0",
    ),
    Rule(
        "capture.offload", "note", pace.offload,
        "Switch off segmentation and receive offload (ethtool -K) for a capture that shows what the wire carries.",
        "A loopback or jumbo link whose segments are this large.", "tcp.len > 0",
    ),
    # How it ended.
    Rule(
        "tcp.reset", "warn", ending.reset,
        "Ask the log of the side that sent the RST; a TTL unlike its other packets points to a machine in between.",
        "A FIN of this side before the RST, or an orderly end of the application protocol.", "tcp.flags.reset == 1",
    ),
    Rule(
        "tcp.unread_data", "warn", ending.unread,
        "See that the program reads all that was sent to it before it closes its socket.",
        "Another RST with the same cause from a machine in between.", "tcp.flags.reset == 1",
    ),
    Rule(
        "tcp.gave_up", "error", ending.gave_up,
        "Find out why the other side fell silent: host down, path down, or a firewall that forgot the connection.",
        "ACKs of the other side that the capture missed.", "tcp.flags.reset == 1", True,
    ),
    Rule(
        "tcp.data_unanswered", "error", ending.data_unanswered,
        "Find out why the other side fell silent: host down, path down, or a firewall that forgot the connection.",
        "ACKs of the other side that the capture missed.", "tcp.analysis.retransmission", True,
    ),
    Rule(
        "tcp.challenge", "note", ending.challenge,
        "Look where the RST or SYN came from: a late packet of an old connection, or somebody who guesses numbers.",
        "A connection that ends right after it.", "tcp.flags.reset == 1 || tcp.flags.syn == 1",
    ),
    Rule(
        "tcp.not_ended", "chat", ending.not_ended,
        "Capture for longer if the end matters.", "A FIN or RST after the last frame.",
    ),
    # Names.
    Rule(
        "dns.mismatch", "warn", names.mismatch,
        "Compare id, ports and question: a duplicated or late answer is harmless, a forged one is not.",
        "The question, in a part of the capture that is missing.", "dns.flags.response == 1", True,
    ),
    Rule(
        "dns.incomplete", "note", names.incomplete,
        "Capture from the start of the connection, without losses.", "A protocol on this port that is not DNS.",
    ),
    # ICMP.
    Rule(
        "icmp.error", "warn", quality.icmp_error,
        "Look at the router or host that sent it: it knows why it dropped the packet.",
        "Packets of this conversation that arrive all the same: the message may be forged or old.",
    ),
    Rule(
        "icmp.too_big", "note", quality.icmp_too_big,
        "Nothing, if the sender goes on with smaller packets; else let this ICMP message reach it.",
        "Larger packets that still pass.",
    ),
    Rule(
        "icmp.echo_unanswered", "warn", quality.echo_unanswered,
        "Try TCP to an open port of the same host: many filters drop only ICMP.",
        "Replies that took another way.", "", True,
    ),
    # The analyser.
    Rule(
        "analyzer.fault", "error", quality.faults,
        "Please report it, with the capture if you can share it.", "A run without it on the same bytes.",
    ),
    Rule(
        "analyzer.limit", "note", quality.limits,
        "Nothing, unless what lies beyond the cap matters to you.", "No frames of this conversation after it.",
    ),
    Rule(
        "malformed", "warn", quality.malformed,
        "Look at the bytes: a bug of the sender, damage on the way, another protocol, or an attack.",
        "A protocol that was recognised wrongly.",
    ),
)

CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "capture.damage", "warn", quality.damage,
        "Record again, or repair the file, if what is missing matters.", "Another reader that finds the file whole.",
    ),
    Rule(
        "capture.dropped", "warn", quality.dropped,
        "Capture with a larger buffer, a narrower filter or a shorter snap length.",
        "Counters that include frames which the filter would not have kept.",
    ),
    Rule(
        "capture.truncated", "note", quality.truncated,
        "Capture whole frames (snap length 0) if their contents matter.", "Frames that were this short on the wire.",
    ),
    Rule(
        "capture.one_sided", "note", quality.one_sided,
        "Capture where both directions pass: on the host itself, or with a mirror port for both directions.",
        "Frames of the other side under another VLAN or in a tunnel.",
    ),
    Rule(
        "tcp.port_reuse", "note", ending.port_reuse,
        "Look whether the caller runs out of ports, or binds a fixed one, before the old connection is forgotten.",
        "A new connection on another host behind the same address.", "tcp.flags.syn == 1",
    ),
    Rule(
        "dns.unanswered", "error", names.unanswered,
        "Ask the same server from elsewhere, and see whether a filter drops port 53.",
        "An answer that took another way than the one captured.", "dns", True,
    ),
    Rule(
        "dns.failed", "error", names.failed,
        "Ask the servers of the zone directly; SERVFAIL often means broken DNSSEC or servers out of reach.",
        "Another server that answers the same question.", "dns.flags.rcode != 0",
    ),
    Rule(
        "dns.no_name", "note", names.no_name,
        "Check the spelling, and the search list of the client.", "A server of the zone that knows the name.",
        "dns.flags.rcode == 3",
    ),
    Rule(
        "dns.retried", "warn", names.retried,
        "See whether question or answer was lost, by a capture at the server.",
        "An answer to the first question that the capture missed.", "dns", True,
    ),
    Rule(
        "dns.slow", "note", names.slow,
        "See what the resolver waited for: a cold cache, a distant server, one that does not answer.",
        "The same question again, just as slow from a warm cache.", "dns",
    ),
    Rule(
        "dns.truncated", "note", names.truncated,
        "Let the client announce a larger EDNS size, or the answer be smaller.", "A whole answer over UDP.", "dns",
    ),
    Rule(
        "dns.repeated", "chat", names.repeated,
        "Run a cache on the client, if it happens often.", "Different programs, or different hosts behind one address.",
        "dns",
    ),
)

# Each protocol above TCP keeps its rules beside what they examine.
CASE_RULES: Final = (
    CONVERSATION_RULES + TLS_RULES + CERTIFICATE_RULES + STRENGTH_RULES + STARTTLS_RULES + HTTP_RULES + HTTP2_RULES
    + WEBSOCKET_RULES + GRPC_RULES
)
WHOLE_RULES: Final = CAPTURE_RULES + HTTP_CAPTURE_RULES

# In the order of the tables; for documents and tests.
CODES: Final = tuple([rule.code for rule in CASE_RULES] + [rule.code for rule in WHOLE_RULES])


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


def findings(analysis: Analysis) -> list[Finding]:
    """What the events together mean: worst first, then by the time that it cost."""
    doubt = Doubt(analysis.capture.dropped > 0)
    made: list[tuple[Finding, int]] = []
    certificates = Certificates()
    cases = [Case(told, analysis.capture, certificates) for told in analysis.told]
    for case in cases:
        if case.of(CaptureLoss):
            doubt.conversations.add(case.conversation.number)
    for rule in CASE_RULES:
        found = [one for case in cases for one in rule.examine(case)]
        made += _told(rule, found, doubt)
    for capture_rule in WHOLE_RULES:
        made += _told(capture_rule, capture_rule.examine(analysis), doubt)
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
