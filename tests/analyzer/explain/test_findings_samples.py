"""What is found in recordings of real programs is what was done to them, and nothing else."""
from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.explain.findings import NEEDS
from analyzer.explain.rule import Case
from analyzer.explain.rules import CONVERSATION_RULES
from analyzer.pipeline.run import Options, analyze

SAMPLES = Path(__file__).parents[3] / "samples"

# Code and severity of everything above a remark.
FOUND = {
    "tcp/clean": [],
    "tcp/half-close": [],
    "tcp/keep-alive": [],
    "tcp/refused": ["error tcp.refused"],
    "tcp/unanswered-syn": ["error tcp.unanswered"],
    "tcp/syn-retransmit": ["warn tcp.syn_resent"],
    "tcp/synack-retransmit": ["warn tcp.syn_resent"],
    "tcp/server-rst": ["warn tcp.reset"],
    "tcp/reset-by-client-unread-data": ["warn tcp.unread_data"],
    "tcp/keep-alive-dead-peer": ["error tcp.gave_up"],
    "tcp/loss-fast-retransmit": ["note tcp.loss"],
    "tcp/loss-timeout": ["warn tcp.timeout"],
    "tcp/mtu-black-hole": ["warn tcp.black_hole", "warn tcp.timeout"],
    "tcp/path-mtu": ["note icmp.too_big", "note tcp.loss"],
    "tcp/reordering": ["note tcp.reordering"],
    "tcp/slow-reader": ["note tcp.window_limited", "warn tcp.zero_window"],
    "tcp/large-window-limited": ["warn tcp.window_limited"],
    "tcp/duplicate-packets": ["note capture.duplicates"],
    "tcp/port-reuse": ["note tcp.port_reuse"],
    "tcp/late-start": [],
    "dns/a": [],
    "dns/nxdomain": ["note dns.no_name"],
    "dns/servfail": ["error dns.failed"],
    "dns/unanswered": ["error dns.unanswered"],
    "dns/retry-after-loss": ["warn dns.retried"],
    "dns/truncation-tcp": ["note dns.truncated"],
    "dns/dns-then-http": [],
    "icmp/ping": [],
    "icmp/unreachable": ["warn icmp.error"],
    "link/snaplen": ["note capture.gap", "note capture.gap", "note capture.truncated"],
}


@pytest.mark.parametrize("case", FOUND)
def test_a_recording_shows_what_was_done(case: str) -> None:
    found = analyze([str(SAMPLES / case / "capture.pcapng")], Options()).findings
    assert sorted(f"{one.severity} {one.code}" for one in found if one.severity != "chat") == FOUND[case]


@pytest.mark.parametrize("capture", sorted(SAMPLES.glob("*/*/capture.*"))[::4], ids=lambda path: path.parent.name)
def test_what_is_not_asked_has_nothing_to_say(capture: Path) -> None:
    """Rules that need events of their protocol find nothing in conversations that have none."""
    found = analyze([str(capture)], Options(everything=True))
    for told in found.told:
        case = Case(told, found.capture)
        for rule in CONVERSATION_RULES:
            if NEEDS.get(rule.code, case.conversation.transport) not in case.protocols:
                case.kinds = rule.kinds
                assert rule.examine(case) == [], rule.code
