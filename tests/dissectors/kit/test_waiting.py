"""Requests that wait for their answer: every attempt counts, however many are kept."""
from __future__ import annotations

import pytest

from dissectors.kit.event import LimitReached
from dissectors.kit.inputs import Datagram
from dissectors.kit.observation import CAPTURE_ENDED
from dissectors.kit.waiting import MAX_TIMES, Attempts, AttemptsUnanswered, RequestsUnanswered, Waits


def datagram(frame: int, direction: int = 0) -> Datagram:
    return Datagram(frame, frame * 1_000_000_000, direction, b"", 0, 0, 1, 2)


def test_attempts_beyond_those_that_are_kept_are_counted() -> None:
    asked = Attempts()
    for frame in range(1, 201):
        asked.sent(datagram(frame))
    assert (asked.count, len(asked.times), asked.times[-1]) == (200, MAX_TIMES, 200_000_000_000)
    assert asked.again() == ", for the 200th time"
    event = AttemptsUnanswered(asked, 0, CAPTURE_ENDED)
    assert event.what() == "a request, sent 200 times within 3 min 19 s: no answer in the capture."
    assert event.evidence.frames[-1] == 200
    assert len(event.evidence.frames) == MAX_TIMES


@pytest.mark.parametrize(("count", "said"), [
    (1, ""), (2, "second"), (3, "third"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (22, "22nd"),
    (33, "33rd"), (111, "111th"), (112, "112th"), (121, "121st"),
])
def test_which_attempt_it_is(count: int, said: str) -> None:
    asked = Attempts()
    asked.count = count
    assert asked.again() == (f", for the {said} time" if said else "")


def test_what_is_beyond_the_cap_is_said_once_and_not_called_unanswered() -> None:
    waits = Waits(2)
    limits = []
    for number in range(4):
        waits.ask(bytes((number,)), datagram(number + 1), "request")
        limits += waits.limit(datagram(number + 1), "some")
    assert [(one.protocol, one.cap, one.limit) for one in limits] == [("some", "MAX_WAITING", 2)]
    assert isinstance(limits[0], LimitReached)
    assert waits.answer(b"\0", datagram(9, 1)) is not None
    (observed, waiting), = waits.left()
    assert RequestsUnanswered(observed, waiting, CAPTURE_ENDED).what() == \
        "1 request, sent 1 time, without an answer in the capture."
