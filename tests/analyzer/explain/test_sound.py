"""Numbers that cannot be are faults of ours, whoever says them."""
from __future__ import annotations

import pytest
from told_accounts import MS, SECOND, account, analysis, conversation, data, opened

from analyzer import faults
from analyzer.explain import sound
from analyzer.faults import Faults
from analyzer.model import Analysis, Finding
from dissectors.kit.event import Event


def noted(made: Analysis) -> list[str]:
    found = Faults()
    sound.check(made, found)
    faults.SEEN.clear()     # they are what is asked for here
    return list(found.kinds)


def with_event(event: Event) -> Analysis:
    return analysis(account(*opened(), event, of=conversation(end=SECOND)))


@pytest.mark.parametrize(("lasted", "octets", "words"), [
    (254 * SECOND, 100, "tcp.transfer: lasted_ns = 254000000000"), (-27_000, 100, "tcp.transfer: lasted_ns = -27000"),
    (MS, 1 << 50, "tcp.transfer: octets = 1125899906842624"),
])
def test_what_the_frames_cannot_hold_is_noted(lasted: int, octets: int, words: str) -> None:
    assert words in "".join(noted(with_event(data(lasted=lasted, octets=octets))))


def test_what_they_can_is_not() -> None:
    assert noted(with_event(data(lasted=600 * MS, octets=1000))) == []


def test_nothing_is_concluded_where_the_clock_went_back() -> None:
    made = with_event(data(lasted=-27_000, octets=100))
    made.told[0].observed.backwards = True
    assert noted(made) == []


@pytest.mark.parametrize("said", ["took 0 ns to answer", "came after -27.3 µs", "-8 bytes are missing"])
def test_a_finding_that_says_so_is_taken_out(said: str) -> None:
    made = with_event(data(lasted=MS))
    made.findings = [Finding("tcp.loss", "warn", "likely", f"The server {said}.", 1, (3,), "", "", "")]
    assert len(noted(made)) == 1
    assert made.findings == []


def test_an_address_or_a_date_is_no_duration() -> None:
    made = with_event(data(lasted=MS))
    made.findings = [Finding("tcp.loss", "warn", "likely", "host-3 s 10 ns 2024-01-2 days.", 1, (3,), "", "", "")]
    assert noted(made) == []
