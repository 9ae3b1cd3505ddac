"""RADIUS: who is let in, who is kept out, and what nobody answers."""
from __future__ import annotations

from event_checks import check_events

from dissectors.kit.event import Event, Malformed
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context
from dissectors.protocols.radius import RADIUS, RadiusAnswer, RadiusAsked, RadiusUnanswered

MS = 1_000_000


def packet(code: int, identifier: int = 7, *attributes: tuple[int, bytes], authenticator: int = 1) -> bytes:
    held = b"".join([bytes((kind, len(value) + 2)) + value for kind, value in attributes])
    return bytes((code, identifier)) + (20 + len(held)).to_bytes(2) + bytes([authenticator] * 16) + held


def observed(*said: tuple[int, int, bytes]) -> list[Event]:
    assert RADIUS.create is not None
    observer = RADIUS.create(Context("udp", 40_000, 1812))
    made: list[Event] = []
    for frame, (time, direction, data) in enumerate(said, 1):
        made += [one for one in observer.on_datagram(Datagram(frame, time, direction, data, len(data)))
                 if isinstance(one, Event)]
    made += [one for one in observer.on_close(Close(len(said), said[-1][0], 2, "capture")) if isinstance(one, Event)]
    check_events(made, len(said), RADIUS.events, "radius")
    return made


def test_an_answer_belongs_to_the_request_with_its_identifier() -> None:
    user, says = (1, b"alice"), (18, b"wrong password")
    asked, again, answer = observed((0, 0, packet(1, 7, user)), (900 * MS, 0, packet(1, 7, user)),
                                    (950 * MS, 1, packet(3, 7, says)))
    assert isinstance(again, RadiusAsked)
    assert again.what() == "Access-Request of alice, identifier 7, for the second time."
    assert isinstance(answer, RadiusAnswer)
    assert answer.refuses
    assert answer.took_ns == 950 * MS
    assert answer.what() == 'The server keeps alice out, after 950 ms. It says "wrong password".'
    assert ("user", "alice") in asked.identifies()
    challenge = observed((0, 0, packet(1, 7, user)), (MS, 1, packet(11, 7)))[1]
    assert isinstance(challenge, RadiusAnswer)
    assert not challenge.refuses


def test_the_same_identifier_with_another_authenticator_is_another_request() -> None:
    made = observed((0, 0, packet(1, 7, (1, b"alice"))), (MS, 0, packet(1, 7, (1, b"bob"), authenticator=2)))
    silent = made[-1]
    assert isinstance(silent, RadiusUnanswered)
    assert len(silent.waiting) == 1
    assert silent.evidence.frames == (2,)


def test_what_is_recognised_and_what_is_damaged() -> None:
    assert RADIUS.probe is not None
    whole = packet(1, 7, (1, b"alice"))
    assert RADIUS.probe(whole, 0) == YES
    assert RADIUS.probe(whole[:-1], 0) == NO
    assert RADIUS.probe(b"\x63" + whole[1:], 0) == NO
    (broken,) = observed((0, 0, packet(1, 7, (1, b""))[:20] + b"\x01\x01"))
    assert isinstance(broken, Malformed)
