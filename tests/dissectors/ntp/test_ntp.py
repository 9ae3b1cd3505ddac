"""NTP: requests with their answers, what a server says instead of the time, and how far clocks are apart."""
from __future__ import annotations

import struct

import pytest
from event_checks import check_events

from dissectors.kit.event import Event
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context
from dissectors.protocols.ntp import NTP, NtpAnswer, NtpKiss, NtpMessage, NtpUnanswered, nanoseconds

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
MS = 1_000_000


def stamp(time: int) -> bytes:
    seconds, rest = divmod(time, SECOND)
    return struct.pack(">II", (seconds + 2_208_988_800) % (1 << 32), (rest << 32) // SECOND)


def packet(
    mode: int, stratum: int = 2, leap: int = 0, reference: bytes = b"\x0a\0\0\1", originate: bytes = bytes(8),
    receive: bytes = bytes(8), transmit: bytes = bytes(8),
) -> bytes:
    head = bytes((leap << 6 | 4 << 3 | mode, stratum, 6, 0xE9))
    return head + bytes(8) + reference + bytes(8) + originate + receive + transmit


def observed(*messages: tuple[int, int, bytes], end: int = 5 * SECOND) -> list[Event]:
    """(after, direction, octets) of each datagram, and the end of the capture."""
    assert NTP.create is not None
    observer = NTP.create(Context("udp", 40_000, 123))
    made: list[Event] = []
    for frame, (after, direction, data) in enumerate(messages, 1):
        outputs = observer.on_datagram(Datagram(frame, NOW + after, direction, data, len(data)))
        made += [one for one in outputs if isinstance(one, Event)]
    outputs = observer.on_close(Close(len(messages), NOW + messages[-1][0], 2, "capture", until=NOW + end))
    made += [one for one in outputs if isinstance(one, Event)]
    check_events(made, len(messages), NTP.events, "ntp")
    return made


ASKED = stamp(NOW - 700 * MS)      # a client whose clock is 0.7 s behind


def test_how_far_the_clocks_are_apart() -> None:
    """The server is 3 s ahead; 10 ms there, 2 ms thinking, 10 ms back."""
    came = NOW + 3 * SECOND + 10 * MS
    answer = packet(4, originate=ASKED, receive=stamp(came), transmit=stamp(came + 2 * MS))
    _request, event = observed((0, 0, packet(3, transmit=ASKED)), (22 * MS, 1, answer))
    assert isinstance(event, NtpAnswer)
    assert event.took_ns == 22 * MS
    assert event.ahead_ns == pytest.approx(3 * SECOND, abs=1_000)
    assert event.client_ns == pytest.approx(-700 * MS, abs=1_000)
    assert event.error_ns == pytest.approx(10 * MS, abs=1_000)
    assert event.what() == "22.0 ms later the server answers with its time: stratum 2, with its time from 10.0.0.1."


def test_an_answer_belongs_to_the_request_whose_stamp_it_repeats() -> None:
    first, second = b"first---", b"second--"
    events = observed(
        (0, 0, packet(3, transmit=first)), (SECOND, 0, packet(3, transmit=second)),
        (SECOND + MS, 1, packet(4, originate=first)), (SECOND + 2 * MS, 1, packet(4, originate=b"whatever")),
    )
    answers = [one for one in events if isinstance(one, NtpAnswer)]
    assert [(one.took_ns, one.evidence.frames) for one in answers] == [(SECOND + MS, (1, 3))]
    assert [one.evidence.frames for one in events if isinstance(one, NtpMessage)] == [(4,)]
    unanswered, = [one for one in events if isinstance(one, NtpUnanswered)]
    assert (unanswered.times, unanswered.evidence.frames) == ([NOW + SECOND], (2,))


@pytest.mark.parametrize(("answer", "name", "says"), [
    (packet(4, 0, 3, b"RATE", ASKED), "ntp.kiss", "The server sends no time, but RATE: this client asks too often."),
    (packet(4, 0, 3, b"XYZW", ASKED), "ntp.kiss",
     "The server sends no time, but XYZW: for a reason that is not among those of the standard."),
    (packet(4, 16, 3, b"INIT", ASKED), "ntp.unsynchronised",
     "10.0 ms later the server answers that its own clock is not synchronised."),
    (packet(4, 3, 3, b"\x0a\0\0\1", ASKED), "ntp.unsynchronised",
     "10.0 ms later the server answers that its own clock is not synchronised."),
    (packet(4, 1, 0, b"GPS\0", ASKED), "ntp.answer",
     "10.0 ms later the server answers with its time: stratum 1, with its time from GPS."),
])
def test_what_a_server_says(answer: bytes, name: str, says: str) -> None:
    event = observed((0, 0, packet(3, transmit=ASKED)), (10 * MS, 1, answer))[1]
    assert (event.name, event.what()) == (name, says)
    assert isinstance(event, NtpKiss) == (name == "ntp.kiss")


@pytest.mark.parametrize(("data", "verdict"), [
    (packet(3), YES), (packet(4, 16), YES), (packet(3) + bytes(20), YES), (packet(3)[:47], NO), (packet(3) + b"x", NO),
    (packet(3, 17), NO), (packet(6), NO), (packet(7), NO), (b"\0" + bytes(47), NO),
])
def test_what_is_taken_for_ntp(data: bytes, verdict: int) -> None:
    assert NTP.probe is not None
    assert NTP.probe(data, 0) == verdict


def test_stamps_of_the_next_era() -> None:
    """2036-02-07 06:28:16 UTC is 0 of the era that follows (RFC 5905 §6)."""
    assert nanoseconds(0) == -1
    assert nanoseconds(1 << 32) == 2_085_978_497 * SECOND
    assert nanoseconds(0xFFFFFFFF << 32) == 2_085_978_495 * SECOND
