"""Whoever says that something did not happen asks what could be observed, or says here why it need not."""
from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from event_classes import event_classes

from analyzer.explain.rule import Case, Rule
from analyzer.explain.rules import RULES
from analyzer.model import Analysis

DISSECTORS = Path(__file__).parents[2] / "dissectors"
ABSENT = re.compile(
    r"\b(?:no (?:\w+ )?(?:answer|response|reply|ACK|acknowledgment|status|end|FIN|Close|close_notify|frame|message)s?"
    r"|did not|does not answer|never|without (?:an?|any|its) \w+|unanswered|not (?:answered|closed|acknowledged)|had no"
    r"|nothing)\b"
)

# Rules whose sentences hold such words and rest on nothing that was not seen.
SEEN_RULES = {
    "malformed": "tells of octets that came, and of what they may not be",
    "tcp.old_connection": "tells of an ACK that came",
    "tcp.loss": "the resends came; what is missing of ACKs is said of the capture",
    "tcp.timeout": "the resends came after a silence of their sender; a side that was not heard makes it a note",
    "tcp.reordering": "the bytes came, in another order",
    "capture.loss": "about the capture", "capture.gap": "about the capture", "capture.duplicates": "about the capture",
    "capture.order": "about the capture", "capture.silence": "about the capture",
    "tcp.zero_window": "the window of 0 was advertised",
    "tcp.reset": "the RST came; its cause is left out where a direction was not seen",
    "tcp.unread_data": "the RST came; its cause is left out where a direction was not seen",
    "tcp.challenge": "the ACK that asks back came",
    "tcp.not_ended": "it says where the capture ends, and no more",
    "dns.out_of_order": "about the order of the capture",
    **dict.fromkeys((
        "tls.no_shared_version", "tls.no_shared_suite", "tls.no_shared_alpn", "tls.unknown_name",
        "tls.client_certificate", "tls.certificate_refused", "tls.alert",
    ), "the alert came"),
    "tls.old_version": "the offer is a message that came",
    "tls.heartbleed": "the request came; of its answer it is said what the capture holds",
    "tls.insecure_renegotiation": "both hellos came",
    "http.no_head": "the answer came",
    "http.graphql_errors": "the answer came",
    "http.json_error": "the answer came",
    "http.retried_at_once": "the requests came",
    "http2.head_of_line": "the segment that was missing came, with what it held",
    "http2.reset": "the reset came, and the state that it found the stream in",
    "http2.flood": "the frames came",
    "grpc.deadline": "the status or the reset came",
    "grpc.no_deadline": "the request came whole",
    "dns.failed": "the answer came", "dns.lame": "the refusal came",
    "dns.slow": "the answer came",
    "dns.truncated": "the answer came; of what follows it is said what the capture shows",
    "dns.repeated": "the earlier answer came",
    "dns.server_silent": "the client turned to another server, which answered, after each wait",
    "dns.fallback": "the error came",
    "quic.early_refused": "the server's answer came",
    "quic.unanswered": "the client's first packets came again and again",
    "http.polling": "the answers came", "http.long_polling": "the answers came",
}

# Events of which the same is true. All others with such words take an `Absence`, or ask the observation themselves.
SEEN_EVENTS = {
    "DnsRetry": "the question came again", "DnsUnanswered": "says what was seen, and how long the capture went on",
    "GrpcEnded": "its status is asked for where both directions were seen", "Began": "the request came whole",
    "HttpSkipped": "the octets came", "H2ConnectionSummary": "about the capture",
    "DhcpUnanswered": "says what is in this capture", "Dhcp6Unanswered": "says what is in this capture",
    "AttemptsUnanswered": "says what is in this capture", "EchoUnanswered": "says what is in this capture",
    "NtpUnanswered": "says what is in this capture", "RequestsUnanswered": "says what is in this capture",
    "Advertise": "the answer came",
    "Greeting": "the greeting came",
    "StarttlsExchange": "says what is in this capture", "OldAnswer": "the answer came", "AnswerReset": "the RST came",
    "Syn": "says what was seen", "TcpUnanswered": "says what is in this capture",
    "HalfOpen": "says what is in this capture", "EcnNegotiation": "both SYNs came", "Missing": "about the capture",
    "Unrepaired": "says what is in this capture", "Loss": "says what is in this capture",
    "Timeout": "the resends came", "CaptureLoss": "about the capture", "NotEnded": "says where the capture ends",
    "KeepAlive": "says what was seen", "WindowUnscaled": "the segments came", "HeartbeatSeen": "the message came",
    "AlertSeen": "the record came", "Stalled": "asks the observation, and says what is missing",
    "TlsClosed": "asks the observation, and says of whom it is not known",
    "ClientHelloSeen": "the message came", "ServerHelloSeen": "both messages came", "NewSessionTicketSeen": "it came",
    "WsEnded": "asks the observation; says of an end that was not seen that it is not known",
    "WsOpened": "both heads came", "CloseSeen": "the frame came", "AcceptMismatch": "both heads came",
    "ExchangeEvent": "its end is asked of the observation by both versions of HTTP",
    "SackOutside": "the blocks came", "Duplicates": "about the capture", "Reordering": "the bytes came",
    "HeadOfLine": "the segment that was missing came, with what it held",
    "SpuriousRetransmission": "the ACKs came; what was resent is told where the capture misses nothing",
    "CongestionCourse": "told where no packet is missing",
    "Limits": "the segments came", "LongSilence": "about the capture", "H2Reset": "the reset came",
    "QuicStalled": "asks the observation, and says what is missing",
}


def strings(body: list[ast.stmt]) -> list[str]:
    """Of these statements, without their docstring."""
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return [
        node.value for statement in body for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@cache
def functions(module: str) -> dict[str, ast.FunctionDef]:
    path = Path(DISSECTORS.parent, *module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}


def said_by(rule: Rule[Case] | Rule[Analysis]) -> list[str]:
    """What stands in its predicate and in whatever that calls of its module."""
    known = functions(rule.examine.__module__)
    found, left = dict[str, ast.FunctionDef](), [rule.examine.__name__]
    while left:
        name = left.pop()
        if name in known and name not in found:
            found[name] = known[name]
            left += [node.id for node in ast.walk(known[name]) if isinstance(node, ast.Name)]
    assert found, f"{rule.code} is examined by no function of {sys.modules[rule.examine.__module__].__name__}"
    return [text for one in found.values() for text in strings(one.body)]




@pytest.mark.parametrize("code", RULES)
def test_a_rule_about_what_was_not_seen_is_held_against_the_observation(code: str) -> None:
    words = [text for text in said_by(RULES[code]) if ABSENT.search(text)]
    assert not words or RULES[code].absence or code in SEEN_RULES, words


def test_an_event_about_what_was_not_seen_asks_the_observation() -> None:
    saying: set[str] = set()
    for _path, one in event_classes():
        methods = [method for method in one.body if isinstance(method, ast.FunctionDef)]
        text = [text for method in methods for text in strings(method.body) if ABSENT.search(text)]
        if text and "Absence" not in ast.unparse(one):
            saying.add(one.name)
    assert saying - SEEN_EVENTS.keys() == set()


def test_every_reason_is_of_something_that_exists() -> None:
    assert SEEN_RULES.keys() - RULES.keys() == set()
    assert SEEN_EVENTS.keys() - {one.name for _path, one in event_classes()} == set()
    assert [code for code in SEEN_RULES if RULES[code].absence] == []
    assert min(len(reason) for reason in (*SEEN_RULES.values(), *SEEN_EVENTS.values())) >= 7
