from __future__ import annotations

from dissectors.protocols.tcp import states


def walk(*inputs: int) -> str:
    state = states.CLOSED
    for given in inputs:
        state = states.step(state, given)
    return states.NAMES[state]


def test_the_active_closer_ends_in_time_wait() -> None:
    opened = (states.SENT_SYN, states.ACKED_SYN)
    assert walk(*opened) == "ESTABLISHED"
    assert walk(*opened, states.SENT_FIN, states.FIN_ACKED, states.ACKED_FIN) == "TIME-WAIT"


def test_the_passive_closer_ends_closed() -> None:
    opened = (states.SENT_SYN_ACK, states.SYN_ACKED)
    assert walk(*opened, states.ACKED_FIN, states.SENT_FIN) == "LAST-ACK"
    assert walk(*opened, states.ACKED_FIN, states.SENT_FIN, states.FIN_ACKED) == "CLOSED"


def test_a_simultaneous_close_passes_through_closing() -> None:
    opened = (states.SENT_SYN, states.ACKED_SYN)
    assert walk(*opened, states.SENT_FIN, states.ACKED_FIN) == "CLOSING"
    assert walk(*opened, states.SENT_FIN, states.ACKED_FIN, states.FIN_ACKED) == "TIME-WAIT"


def test_what_is_not_listed_changes_nothing() -> None:
    for state in range(len(states.NAMES)):
        for given in range(states.INPUTS):
            listed = [following for at, what, following in states.TRANSITIONS if (at, what) == (state, given)]
            assert states.step(state, given) == (listed[0] if listed else state)
