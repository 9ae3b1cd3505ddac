"""SIP: what answers a request, what refuses it, and what only asks for a password."""
from __future__ import annotations

from event_checks import check_events

from dissectors.kit.event import Event, Malformed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import MORE, NO, YES, Context
from dissectors.protocols.sip import SIP, SipAnswer, SipAsked, SipUnanswered

MS = 1_000_000
ENDS = "From: Alice <sip:alice@10.0.0.1:5060>;tag=1\r\nTo: <sip:bob@shop.test>\r\nCall-ID: c1\r\n"


def request(method: str = "INVITE", number: int = 1, more: str = "") -> bytes:
    return f"{method} sip:bob@shop.test SIP/2.0\r\n{ENDS}CSeq: {number} {method}\r\n{more}\r\n".encode()


def response(status: str, method: str = "INVITE", number: int = 1, more: str = "") -> bytes:
    return f"SIP/2.0 {status}\r\n{ENDS}CSeq: {number} {method}\r\n{more}\r\n".encode()


def observed(*said: tuple[int, int, bytes]) -> list[Event]:
    assert SIP.create is not None
    observer = SIP.create(Context("udp", 5060, 5060))
    made: list[Event] = []
    for frame, (time, direction, data) in enumerate(said, 1):
        made += [one for one in observer.on_datagram(Datagram(frame, time, direction, data, len(data)))
                 if isinstance(one, Event)]
    made += [one for one in observer.on_close(Close(len(said), said[-1][0], 2, "capture")) if isinstance(one, Event)]
    check_events(made, len(said), SIP.events, "sip")
    return made


def answers(*said: tuple[int, int, bytes]) -> list[SipAnswer]:
    return [one for one in observed(*said) if isinstance(one, SipAnswer)]


def test_a_call_is_answered_by_what_repeats_its_numbers() -> None:
    made = observed((0, 0, request()), (500 * MS, 0, request()), (510 * MS, 1, response("100 Trying")),
                    (900 * MS, 1, response("404 Not Found")), (901 * MS, 0, request("ACK")))
    asked, again, trying, final, ack = made
    assert isinstance(again, SipAsked)
    assert again.what() == "INVITE alice@10.0.0.1 → bob@shop.test, for the second time."
    assert isinstance(trying, SipAnswer)
    assert not trying.refuses()
    assert isinstance(final, SipAnswer)
    assert final.refuses()
    assert final.took_ns == 900 * MS
    assert ack.label() == "ACK"
    assert ("user", "alice") in asked.identifies()
    assert ("host", "shop.test") in asked.identifies()


def test_a_challenge_refuses_only_who_has_brought_a_password() -> None:
    password = 'Authorization: Digest username="alice", response="0"\r\n'
    first, second = answers((0, 0, request("REGISTER")), (MS, 1, response("401 Unauthorized", "REGISTER")),
                            (2 * MS, 0, request("REGISTER", 2, password)),
                            (3 * MS, 1, response("401 Unauthorized", "REGISTER", 2)))
    assert not first.refuses()
    assert second.refuses()
    (stale,) = answers((0, 0, request("REGISTER", 2, password)),
                       (MS, 1, response("401 Unauthorized", "REGISTER", 2, "WWW-Authenticate: Digest stale=true\r\n")))
    assert not stale.refuses()
    change = request(number=3).replace(b"bob@shop.test>", b"bob@shop.test>;tag=2")
    assert answers((0, 0, change), (MS, 1, response("488 Not Acceptable Here", number=3)))[0].within
    assert not answers((0, 0, request()), (MS, 1, response("488 Not Acceptable Here")))[0].within


def test_what_nobody_answered_and_what_is_none() -> None:
    made = observed((0, 0, request()), (500 * MS, 0, request()), (501 * MS, 0, b"\r\n\r\n"))
    assert isinstance(made[-1], SipUnanswered)
    assert made[-1].what() == "INVITE, sent 2 times, without an answer in the capture."
    under_way = observed((0, 0, request()), (MS, 1, response("180 Ringing")))
    assert not any(isinstance(one, SipUnanswered) for one in under_way)
    assert SIP.probe is not None
    assert SIP.probe(request(), 0) == YES
    assert SIP.probe(b"GET / HTTP/1.1\r\n", 0) == NO
    assert SIP.probe(b"SIP/2.0 abc no\r\n", 0) == NO
    assert isinstance(observed((0, 0, b"noise"))[0], Malformed)


def streamed(*said: Chunk | Gap, midstream: bool = False) -> list[Event]:
    assert SIP.create is not None
    observer = SIP.create(Context("tcp", 40000, 5060, midstream))
    made: list[Event] = []
    for one in said:
        told = observer.on_gap(one) if isinstance(one, Gap) else observer.on_data(one)
        made += [event for event in told if isinstance(event, Event)]
    last = max(one.frame for one in said)
    made += [one for one in observer.on_close(Close(last, last * MS, 2, "fin")) if isinstance(one, Event)]
    check_events(made, last, SIP.events, "sip")
    return made


def in_pieces(data: bytes, size: int, direction: int = 0) -> list[Chunk]:
    return [
        Chunk(number + 1, number * MS, direction, data[at:at + size], at)
        for number, at in enumerate(range(0, len(data), size))
    ]


def test_over_tcp_messages_end_where_their_length_says() -> None:
    body = "Content-Length: 12\r\n"
    said = request(more=body) + b"INVITE x\r\n\r\n" + b"\r\n\r\n" + request("BYE", 2, "l: 0\r\n")
    for size in (1, 7, len(said)):
        made = [one for one in streamed(*in_pieces(said, size)) if not isinstance(one, SipUnanswered)]
        assert [one.label() for one in made] == ["INVITE", "BYE"]
        ends = [len(request(more=body)) + 11, len(said) - 1]         # the last octet of each
        assert [one.evidence.frames[-1] for one in made] == [end // size + 1 for end in ends]
    assert any(isinstance(one, Malformed) for one in streamed(*in_pieces(b"noise and\r\nmore of it\r\n", 4)))


def test_over_tcp_a_gap_takes_no_more_than_what_it_holds() -> None:
    first, second = request(more="Content-Length: 900\r\n"), request("BYE", 2)
    within = streamed(
        Chunk(1, 0, 0, first + b"a" * 100, 0), Gap(2, MS, 0, len(first) + 100, 700),
        Chunk(2, MS, 0, b"a" * 100 + second, len(first) + 800),
    )
    assert [one.label() for one in within if isinstance(one, SipAsked)] == ["INVITE", "BYE"]
    beyond = streamed(
        Chunk(1, 0, 0, first + b"a" * 100, 0), Gap(2, MS, 0, len(first) + 100, 2_000),
        Chunk(2, MS, 0, b"of a body\r\n" + second, len(first) + 2_100),
    )
    assert [one.label() for one in beyond if isinstance(one, SipAsked)] == ["INVITE", "BYE"]
    assert [one.label() for one in streamed(Chunk(1, 0, 0, b"the end\r\n" + second, 0), midstream=True)] == [
        "BYE", "no answer"]
    assert SIP.probe is not None
    assert [SIP.probe(first[:end], 0) for end in (3, 10, len(first))] == [MORE, MORE, YES]
    assert SIP.probe(b"OPTIONS * HTTP/1.1\r\n", 0) == NO
