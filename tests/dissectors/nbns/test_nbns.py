"""Names of NetBIOS: who has one, whose is taken, and who says nothing."""
from __future__ import annotations

import struct

from event_checks import check_events

from dissectors.kit.event import Event, Malformed
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context
from dissectors.protocols.nbns import NBNS, NbnsAnswer, NbnsAsked, NbnsUnanswered

MS = 1_000_000
SHOP = b"SHOP".ljust(15) + b"\x20"


def encoded(name: bytes) -> bytes:
    letters = bytes([half + 0x41 for octet in name for half in (octet >> 4, octet & 15)])
    return bytes((32,)) + letters + b"\0"


def question(number: int = 1, flags: int = 0x0100, name: bytes = SHOP, kind: int = 0x20) -> bytes:
    return struct.pack("!HHHHHH", number, flags, 1, 0, 0, 0) + encoded(name) + struct.pack("!HH", kind, 1)


def answer(number: int = 1, flags: int = 0x8580, *addresses: bytes, name: bytes = SHOP) -> bytes:
    data = b"".join([b"\0\0" + address for address in addresses])
    return struct.pack("!HHHHHH", number, flags, 0, 1, 0, 0) + encoded(name) + struct.pack(
        "!HHIH", 0x20, 1, 300, len(data)) + data


def observed(*said: tuple[int, int, bytes], to_all: bool = False) -> list[Event]:
    assert NBNS.create is not None
    observer = NBNS.create(Context("udp", 137, 137))
    made: list[Event] = []
    for frame, (time, direction, data) in enumerate(said, 1):
        datagram = Datagram(frame, time, direction, data, len(data), to_all=to_all)
        made += [one for one in observer.on_datagram(datagram) if isinstance(one, Event)]
    made += [one for one in observer.on_close(Close(len(said), said[-1][0], 2, "capture")) if isinstance(one, Event)]
    check_events(made, len(said), NBNS.events, "nbns")
    return made


def test_an_answer_gives_addresses_or_says_why_not() -> None:
    asked, again, said = observed((0, 0, question()), (20 * MS, 0, question()), (30 * MS, 1, answer(
        1, 0x8580, bytes((10, 0, 0, 2)), bytes((10, 0, 0, 3)))))
    assert isinstance(asked, NbnsAsked)
    assert again.what() == "Query of SHOP (file server), for the second time."
    assert said.what() == "Answer to the query of SHOP (file server): 10.0.0.2, 10.0.0.3, after 30.0 ms."
    nobody = observed((0, 0, question()), (MS, 1, answer(1, 0x8583)))[-1]
    assert nobody.what() == "Answer to the query of SHOP (file server): nobody has that name, after 1.00 ms."
    assert ("host", "SHOP") in said.identifies()


def test_a_registration_of_a_name_that_another_one_has_is_refused() -> None:
    made = observed((0, 0, question(2, 0x2900)), (MS, 1, answer(2, 0xAD86, bytes((10, 0, 0, 2)))))
    taken = made[-1]
    assert isinstance(taken, NbnsAnswer)
    assert taken.refuses()
    waits = observed((0, 0, question(3, 0x2900)), (MS, 1, answer(3, 0xBC00)), (2 * MS, 1, answer(3, 0xAD80)))
    assert [isinstance(one, NbnsAnswer) and one.took_ns for one in waits] == [False, MS, 2 * MS]
    assert not any(isinstance(one, NbnsUnanswered) for one in waits)


def test_only_what_goes_to_one_machine_waits_for_an_answer() -> None:
    assert observed((0, 0, question()))[-1].what() == (
        "query of SHOP (file server), sent 1 time, without an answer in the capture.")
    assert len(observed((0, 0, question(flags=0x0110)))) == 1
    assert len(observed((0, 0, question()), to_all=True)) == 1
    status = observed((0, 0, question(name=b"*".ljust(16, b"\0"), kind=0x21)))[0]
    assert status.what() == "Query of * (all its names)."
    assert status.identifies() == []


def test_other_bytes_are_none() -> None:
    assert NBNS.probe is not None
    assert NBNS.probe(question(), 0) == YES
    assert NBNS.probe(question().replace(b"F", b"Z"), 0) == NO
    assert NBNS.probe(question()[:20], 0) == NO
    assert isinstance(observed((0, 0, question()[:46]))[0], Malformed)
