"""The cause comes first: of each recorded sample with a fault the root that expected.tsv names, and of the others
nothing at warn or above. expected.tsv is written from what the samples were recorded to show, not from what is told."""
from __future__ import annotations

import re

import pytest

from analyzer.explain.rules import CODES
from analyzer.model import Verdict
from bench.diagnosis import expected, false_claims, judged, rows, samples, told

ROOTS = expected()
OPEN = {row["sample"] for row in rows() if row["open"]}
# Faults that have nothing to do with each other, in one capture: neither explains the other away.
PAIRS = (
    ("tcp/refused", "tcp/zero-window"),
    ("dns/servfail", "tcp/loss-backoff"),
    ("tls/expired-certificate", "tls/reset-in-data"),
    ("http1/server-error", "tcp/unanswered-syn"),
    ("tcp/mtu-black-hole", "tcp/gives-up"),
    ("http2/flow-control-stall", "http2/protocol-error"),
    ("websocket/unmasked", "websocket/abort"),
    ("tls/stalled-black-hole", "tls/stalled-after-server-hello"),
    ("grpc/deadline", "dns/retry-after-loss"),
    ("http1/truncated-by-reset", "http1/truncated-by-close"),
    ("tcp/syn-retransmit", "tcp/server-rst"),
    ("icmp/unreachable", "dns/unanswered"),
)


def test_the_table_names_samples_and_codes_that_there_are_and_gives_reasons() -> None:
    assert set(ROOTS) - set(samples()) == set()
    assert {cause for causes in ROOTS.values() for cause in causes} - set(CODES) - {"unsure"} == set()
    assert all(re.match(r"[A-Z0-9].*\.$", row["reason"]) for row in rows())
    assert len(ROOTS) == len(rows())


@pytest.mark.parametrize("sample", sorted(set(ROOTS) - OPEN))
def test_the_root_cause_comes_first(sample: str) -> None:
    """Of two faults either, and both are named."""
    said = told(judged(sample))
    assert said[0] in ROOTS[sample]
    assert set(ROOTS[sample]) <= set(said)


@pytest.mark.parametrize("sample", sorted(OPEN))
def test_what_is_open_is_still_missed(sample: str) -> None:
    """Else its mark in the table is to go."""
    assert not set(ROOTS[sample]) <= set(told(judged(sample)))


@pytest.mark.parametrize("sample", sorted(set(samples()) - set(ROOTS)))
def test_nothing_is_said_to_have_gone_wrong_where_nothing_did(sample: str) -> None:
    analysis = judged(sample)
    assert false_claims(analysis) == []
    assert analysis.verdict.kind == Verdict.CLEAN


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_faults_in_one_capture_are_both_named(pair: tuple[str, str]) -> None:
    said = told(judged(*pair))
    assert {cause for name in pair for cause in ROOTS[name]} <= set(said)
