"""SNMP: requests with their answers, what a device refuses, and what stays secret or unread."""
from __future__ import annotations

from event_checks import check_events

from dissectors.kit.event import Event, Malformed
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context
from dissectors.protocols.snmp import SNMP, SnmpAnswer, SnmpAsked, SnmpMessageSeen, SnmpUnanswered, object_name

MS = 1_000_000
SYSTEM = bytes.fromhex("2b06010201010100")      # 1.3.6.1.2.1.1.1.0
REPORT = bytes.fromhex("2b060106030f01010500")   # 1.3.6.1.6.3.15.1.1.5.0: wrong digests


def ber(tag: int, held: bytes) -> bytes:
    return bytes((tag, len(held))) + held if len(held) < 128 else bytes((tag, 0x82)) + len(held).to_bytes(2) + held


def pdu(tag: int, request: int = 7, status: int = 0, name: bytes = SYSTEM) -> bytes:
    binding = ber(0x30, ber(6, name) + b"\x05\x00")
    return ber(tag, ber(2, bytes((request,))) + ber(2, bytes((status,))) + b"\x02\x01\x00" + ber(0x30, binding))


def version2(*of: bytes, community: bytes = b"for-reading", version: int = 1) -> bytes:
    return ber(0x30, ber(2, bytes((version,))) + ber(4, community) + b"".join(of))


def version3(number: int, flags: int, inside: bytes) -> bytes:
    header = ber(0x30, ber(2, bytes((number,))) + ber(2, b"\x05\xdc") + ber(4, bytes((flags,))) + ber(2, b"\x03"))
    scoped = ber(0x30, ber(4, b"engine") + ber(4, b"") + inside) if not flags & 2 else ber(4, inside)
    return ber(0x30, ber(2, b"\x03") + header + ber(4, b"user") + scoped)


def observed(*said: tuple[int, int, bytes]) -> tuple[list[Event], Context]:
    assert SNMP.create is not None
    context = Context("udp", 40_000, 161)
    observer = SNMP.create(context)
    made: list[Event] = []
    for frame, (time, direction, data) in enumerate(said, 1):
        made += [one for one in observer.on_datagram(Datagram(frame, time, direction, data, len(data)))
                 if isinstance(one, Event)]
    made += [one for one in observer.on_close(Close(len(said), said[-1][0], 2, "capture")) if isinstance(one, Event)]
    check_events(made, len(said), SNMP.events, "snmp")
    return made, context


def test_a_request_and_its_answer_and_the_community_is_a_secret() -> None:
    (asked, answer), context = observed((0, 0, version2(pdu(0xA0))), (5 * MS, 1, version2(pdu(0xA2))))
    assert isinstance(asked, SnmpAsked)
    assert asked.what() == "GetRequest of 1.3.6.1.2.1.1.1.0."
    assert isinstance(answer, SnmpAnswer)
    assert answer.took_ns == 5 * MS
    assert not answer.refuses()
    assert b"for-reading" in context.marks.values
    assert object_name(b"\x88\x37\x03") == "2.999.3"


def test_what_refuses_and_what_only_ends_a_walk() -> None:
    def status(of: int, version: int = 1) -> SnmpAnswer:
        made, _context = observed((0, 0, version2(pdu(0xA3), version=version)),
                                  (MS, 1, version2(pdu(0xA2, 7, of), version=version)))
        assert isinstance(made[1], SnmpAnswer)
        return made[1]

    assert status(6).refuses()
    assert status(6).what() == "Response of 1.3.6.1.2.1.1.1.0, after 1.00 ms: noAccess."
    assert not status(2, 0).refuses()
    assert not status(1).refuses()
    made, _context = observed((0, 0, version3(9, 4, pdu(0xA0, 7))), (MS, 1, version3(9, 0, pdu(0xA8, 0, 0, REPORT))))
    report = made[1]
    assert isinstance(report, SnmpAnswer)
    assert report.refuses()
    assert "the digest is wrong" in report.what()
    assert isinstance(observed((0, 0, version3(9, 7, b"\x11" * 40)))[0][0], SnmpMessageSeen)


def test_what_nobody_answered_and_what_is_damaged() -> None:
    made, _context = observed((0, 0, version2(pdu(0xA0))), (1000 * MS, 0, version2(pdu(0xA0))))
    assert isinstance(made[-1], SnmpUnanswered)
    assert made[-1].what() == "1 request, sent 2 times, without an answer in the capture."
    assert SNMP.probe is not None
    assert SNMP.probe(version2(pdu(0xA0)), 0) == YES
    assert SNMP.probe(version2(pdu(0xA0))[:-1], 0) == NO
    broken = version2(b"\xa0\x03\x02\x01")
    assert isinstance(observed((0, 0, broken))[0][0], Malformed)
