"""What could be observed of a conversation, and what may be concluded from not having seen something."""
from __future__ import annotations

from dissectors.kit.event import BACKWARD, FORWARD
from dissectors.kit.observation import ALWAYS, HIDDEN, MAX_BLIND, NOT_CAPTURED, OCTETS, Observation


def test_what_is_hidden_until_further_notice_can_be_read_again() -> None:
    observed = Observation()
    observed.miss(HIDDEN, FORWARD, 100, ALWAYS, 5, "it is encrypted")
    assert not observed.absence(FORWARD, 200, 300).proven
    observed.readable(FORWARD, 200)
    assert observed.absence(FORWARD, 200, 300).proven
    assert not observed.absence(FORWARD, 150, 300).proven
    assert observed.absence(BACKWARD).proven


def test_encryption_hides_no_packets() -> None:
    observed = Observation()
    observed.miss(HIDDEN, FORWARD, 100, ALWAYS, 5, "it is encrypted")
    assert observed.absence(FORWARD, kinds=OCTETS).proven
    assert not observed.absence(FORWARD).proven


def test_spots_beyond_the_cap_grow_those_of_their_kind() -> None:
    observed = Observation()
    for time in range(MAX_BLIND):
        observed.miss(NOT_CAPTURED, FORWARD, time, time, 1, "a hole")
    observed.miss(HIDDEN, FORWARD, 500, ALWAYS, 2, "it is encrypted")
    observed.miss(NOT_CAPTURED, FORWARD, 900, 901, 3, "a hole")
    assert not observed.absence(FORWARD, 900, 900, OCTETS).proven
    assert observed.absence(FORWARD, 902, ALWAYS, OCTETS).proven
    observed.readable(FORWARD, 600)
    assert observed.absence(FORWARD, 902, ALWAYS).proven
    assert len(observed.spots[FORWARD]) <= MAX_BLIND + 1
