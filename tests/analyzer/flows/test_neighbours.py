"""What stands against each other among the neighbours of a link, and what only looks so."""
from __future__ import annotations

from analyzer.flows.neighbours import Neighbour, Router

SECOND = 1_000_000_000
A, B = "02:00:00:00:00:aa", "02:00:00:00:00:bb"
ASKER = bytes((10, 0, 0, 9))


def test_a_question_that_goes_to_the_last_owner_alone_is_not_asked_in_vain() -> None:
    one = Neighbour("10.0.0.1", 4)
    for number in range(3):
        one.ask(ASKER, number * SECOND, number + 1, False)
    assert one.askers == {}
    one.ask(ASKER, 4 * SECOND, 5, True)
    assert one.askers[ASKER].count == 1
    one.claim(A, 5 * SECOND, 6, True)
    assert one.askers == {}
    assert one.spoke == 6


def test_whoever_answers_a_probe_has_the_address() -> None:
    one = Neighbour("10.0.0.1", 4)
    one.probe(A, 0, 1)
    one.defend(A, 1, 2)              # one's own
    assert one.in_use is None
    one.defend(B, 3 * SECOND, 3)     # too late for that probe
    assert one.in_use is None
    one.probe(A, 4 * SECOND, 4)
    one.defend(B, 4 * SECOND + 1, 5)
    assert one.in_use == (A, 4, B, 5)


def test_answers_to_questions_and_copies_of_them_are_not_unasked() -> None:
    one = Neighbour("10.0.0.1", 4)

    def answer(mac: str, time: int, frame: int) -> None:
        one.tell(mac, "10.0.0.9", time, frame)
        one.claim(mac, time, frame, True)

    one.ask(ASKER, 0, 1, True)
    answer(A, 1_000, 2)
    answer(A, 5_000_000, 3)          # a mirror's copy
    assert one.unasked == {}
    answer(B, SECOND, 4)             # another answer to the same question
    assert one.unasked == {}
    answer(B, 2 * SECOND, 5)
    answer(B, 9 * SECOND, 6)
    assert one.unasked[B].frames == [5, 6]


def test_a_router_advertisement_is_read_to_its_end_and_no_further() -> None:
    router = Router("fe80::1")
    mtu = bytes((5, 1, 0, 0)) + (1280).to_bytes(4)
    prefix = bytes((3, 4, 64, 0xC0)) + (600).to_bytes(4) + bytes(8) + bytes.fromhex("fd00") + bytes(14)
    data = bytes((134, 0, 0, 0, 64, 0x80)) + (1800).to_bytes(2) + bytes(8) + mtu + prefix + bytes((3, 4))
    router.advertise(data, 0, len(data), 1, 1)
    assert (router.mtu, router.flags, router.lifetime, router.hops) == (1280, 0x80, 1800, 64)
    assert router.prefixes == {"fd00::/64": 600}
