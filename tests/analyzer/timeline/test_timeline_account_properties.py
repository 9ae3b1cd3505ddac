"""Whatever is claimed, and however badly a capture shows it: each nanosecond is booked once."""
from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_feeds import sample_captures, sample_name
from tiled import assert_tiled
from told_accounts import account as account_of
from ways import OF_FRAMES, less_well, observed

from analyzer.model import Account, Told
from analyzer.pipeline.run import Options, analyze
from analyzer.timeline.account import books_of
from dissectors.kit.account import (
    BLIND,
    CAUSES,
    CONFIDENCES,
    GROUND,
    IDLE,
    LIKELY,
    ON_THE_WAY,
    PATH,
    REQUEST,
    SECURING_NETWORK,
    SECURING_SERVER,
    SERVER,
    TURN,
    UNSEEN,
    Claim,
)
from dissectors.kit.observation import ALWAYS, CUT, HIDDEN, NOT_CAPTURED
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.ledger import MAX_CLAIMS, Ledger

END = 1_000
CLAIMS = st.lists(st.builds(
    Claim, st.integers(-50, END + 50), st.integers(-50, END + 50), st.sampled_from(CAUSES),
    st.integers(GROUND, ON_THE_WAY), st.tuples(st.integers(1, 9)), st.sampled_from(CONFIDENCES), st.just("told so"),
), max_size=40)


def booked(claims: list[Claim]) -> Told:
    account: Account = account_of()
    account.events = []
    account.conversation.start_ns, account.conversation.end_ns = 0, END
    account.claims = claims
    told = Told(account.conversation, [])
    told.books = books_of(account)
    return told


@given(CLAIMS)
def test_whatever_is_claimed_is_booked_once(claims: list[Claim]) -> None:
    told = booked(claims)
    assert_tiled(told)
    assert told.books.end_ns == END


@given(CLAIMS)
def test_the_weightiest_claim_counts_at_each_moment(claims: list[Claim]) -> None:
    told = booked(claims)
    for booking in told.books.bookings:
        of = [claim for claim in claims if claim.since <= booking.since < claim.until and claim.weight < ON_THE_WAY]
        weight = max([claim.weight for claim in of], default=GROUND)
        if weight == BLIND:
            assert booking.cause in {claim.cause for claim in of}
        if not of:
            assert booking.cause is UNSEEN


def totals(claims: list[Claim]) -> dict[str, int]:
    return {cause.key: ns for cause, ns in booked(claims).books.totals()}


def test_a_turn_within_a_handshake_is_computing_and_the_way_is_the_network() -> None:
    securing = Claim(0, END, SECURING_NETWORK, 5, (1,), LIKELY, "a handshake")
    turn = Claim(100, 400, SERVER, TURN, (2,), LIKELY, "the server's data came next", SECURING_SERVER)
    way = Claim(100, 150, REQUEST, ON_THE_WAY, (2,), LIKELY, "the way")
    assert totals([securing, turn, way]) == {"securing_network": 750, "securing_server": 250}
    assert totals([turn, way]) == {"request": 50, "server": 250, "not_observable": 700}


def test_what_is_on_its_way_beside_a_protocol_that_owes_nothing_is_no_request() -> None:
    idle = Claim(0, END, IDLE, 2, (1,), LIKELY, "either side sends when it likes")
    way = Claim(100, 150, REQUEST, ON_THE_WAY, (2,), LIKELY, "the way")
    assert totals([idle, way]) == {"idle": 950, "data_path": 50}


@pytest.mark.parametrize(("kind", "seen"), [(NOT_CAPTURED, 0), (CUT, END), (HIDDEN, END)])
def test_where_packets_are_missing_nothing_is_claimed(kind: str, seen: int) -> None:
    """What is only cut or encrypted still shows when it came."""
    account = account_of()
    account.events, account.claims = [], [Claim(0, END, PATH, 4, (1,), LIKELY, "data")]
    account.conversation.start_ns, account.conversation.end_ns = 0, END
    account.observed.miss(kind, 0, -1, ALWAYS, 1, "nobody saw it")
    assert {cause.key: ns for cause, ns in books_of(account).totals()}.get("data_path", 0) == seen


def test_of_too_many_turns_the_shortest_are_not_observable() -> None:
    ledger = Ledger()
    first, latest = TcpDirection(0), TcpDirection(1)
    time = first.first_time = 0
    for number in range(2 * MAX_CLAIMS):
        time += 10_000 if number % 1_000 else 50_000_000
        ledger.data(number % 2, time, number + 1)
    latest.last_time, latest.last_frame = time, 2 * MAX_CLAIMS
    claims = ledger.finish(first, latest, -1, 0)
    assert len(claims) < MAX_CLAIMS + 10
    account = account_of()
    account.events, account.claims = [], claims
    account.conversation.start_ns, account.conversation.end_ns = 0, time
    told = Told(account.conversation, [])
    told.books = books_of(account)
    assert_tiled(told)
    found = {cause.key: ns for cause, ns in told.books.totals()}
    assert 7 * 50_000_000 <= found["client"] < 8 * 50_000_000, "the long ones are all there"
    assert set(found) <= {"client", "server", "not_observable"}
    assert any("MAX_CLAIMS" in one.ground for one in told.books.bookings)


@pytest.mark.slow(reason="samples are analysed again, observed less well")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(sample_captures()), st.sampled_from(sorted(OF_FRAMES)), st.integers(0, 1 << 32))
def test_samples_observed_less_well(tmp_path: Path, capture: Path, way: str, seed: int) -> None:
    seen = less_well(way, observed(capture), None, Random(f"{sample_name(capture)} {seed}"))
    if seen is None:
        return
    path = tmp_path / "less.pcapng"
    seen.write(path)
    analysis = analyze([str(path)], Options())
    for told in analysis.told:
        assert_tiled(told)
    assert analysis.capture.frames == len(seen.frames)
