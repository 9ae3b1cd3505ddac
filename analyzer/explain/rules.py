"""All rules, in the order in which documents name them; each stands with what it looks at."""
from __future__ import annotations

from typing import Final

from analyzer.explain.bridges import BRIDGE_RULES
from analyzer.explain.checksums import CHECKSUM_RULES
from analyzer.explain.crowds import CROWD_RULES
from analyzer.explain.dhcp import DHCP_RULES
from analyzer.explain.dhcpv6 import DHCPV6_RULES
from analyzer.explain.ending import ENDING_CAPTURE_RULES, ENDING_RULES
from analyzer.explain.floods import FLOOD_RULES
from analyzer.explain.fragments import FRAGMENT_RULES
from analyzer.explain.grpc import GRPC_RULES
from analyzer.explain.http import HTTP_RULES
from analyzer.explain.http2 import HTTP2_RULES
from analyzer.explain.http_answers import HTTP_ANSWER_RULES
from analyzer.explain.http_client import HTTP_CLIENT_RULES
from analyzer.explain.http_patterns import HTTP_CAPTURE_RULES
from analyzer.explain.http_servers import HTTP_SERVER_RULES
from analyzer.explain.icmp import ICMP_RULES
from analyzer.explain.leases import DHCP_CAPTURE_RULES
from analyzer.explain.link import LINK_RULES
from analyzer.explain.logins import LOGIN_CAPTURE_RULES, LOGIN_RULES
from analyzer.explain.losses import LOSS_RULES
from analyzer.explain.names import DNS_CAPTURE_RULES, DNS_RULES
from analyzer.explain.names_shapes import SHAPE_RULES
from analyzer.explain.ntp import NTP_RULES
from analyzer.explain.opening import OPENING_RULES
from analyzer.explain.pace import PACE_RULES
from analyzer.explain.quality import QUALITY_CAPTURE_RULES, QUALITY_RULES
from analyzer.explain.quic import QUIC_RULES
from analyzer.explain.rule import AnyRule, Case, Rule, T
from analyzer.explain.scans import SCAN_RULES
from analyzer.explain.services import SERVICE_RULES
from analyzer.explain.starttls import STARTTLS_RULES
from analyzer.explain.tls import TLS_RULES
from analyzer.explain.tls_certificates import CERTIFICATE_RULES
from analyzer.explain.tls_strength import STRENGTH_RULES
from analyzer.explain.ways import WAY_RULES
from analyzer.explain.websocket import WEBSOCKET_RULES
from analyzer.finding import FindingKind
from analyzer.model import Analysis

# In the order in which findings of the same weight are told.
CONVERSATION_RULES: Final[tuple[Rule[Case], ...]] = (
    CHECKSUM_RULES + OPENING_RULES + LOSS_RULES + PACE_RULES + ENDING_RULES + DNS_RULES + DHCP_RULES + DHCPV6_RULES
    + SERVICE_RULES + ICMP_RULES + QUALITY_RULES + TLS_RULES + CERTIFICATE_RULES + STRENGTH_RULES + STARTTLS_RULES
    + LOGIN_RULES + HTTP_RULES + HTTP_ANSWER_RULES + HTTP2_RULES + WEBSOCKET_RULES + GRPC_RULES + QUIC_RULES
)
CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    QUALITY_CAPTURE_RULES + DHCP_CAPTURE_RULES + BRIDGE_RULES + LINK_RULES + WAY_RULES + FRAGMENT_RULES
    + FLOOD_RULES + ENDING_CAPTURE_RULES + SCAN_RULES + CROWD_RULES + NTP_RULES + LOGIN_CAPTURE_RULES
    + DNS_CAPTURE_RULES + SHAPE_RULES + HTTP_CAPTURE_RULES + HTTP_SERVER_RULES + HTTP_CLIENT_RULES
)
# By the code of what they find.
RULES: Final[dict[str, AnyRule]] = {
    **{rule.code: rule for rule in CONVERSATION_RULES}, **{rule.code: rule for rule in CAPTURE_RULES},
}

# In the order of the tables; for documents and tests.
CODES: Final = tuple([rule.code for rule in CONVERSATION_RULES] + [rule.code for rule in CAPTURE_RULES])
STEPS: Final = frozenset([rule.next_step for rule in CONVERSATION_RULES] + [rule.next_step for rule in CAPTURE_RULES])


def kinds() -> tuple[FindingKind, ...]:
    """What is said of all findings of each code."""
    return tuple([_kind(rule) for rule in CONVERSATION_RULES] + [_kind(rule) for rule in CAPTURE_RULES])


def _kind(rule: Rule[T]) -> FindingKind:
    return FindingKind(
        rule.code, rule.severity, rule.means, rule.next_step, rule.refute, rule.narrow, rule.absence, rule.threshold,
    )
