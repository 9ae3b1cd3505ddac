"""Questions and answers matched; streams; what is said of each."""
from __future__ import annotations

from struct import pack

import pytest
from dns_wire import AAAA, CNAME, MS, A, Talk, create, edns, feed, framed, message, name, option, record, soa
from hypothesis import given
from hypothesis import strategies as st

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.protocols.dns.events import DnsResponse, DnsUnanswered, Query
from dissectors.protocols.dns.protocol import DNS, LLMNR, MDNS
from dissectors.protocols.dns.transactions import MAX_ASKED

ANSWER = message(flags=0x8180, answers=(record(b"\xc0\x0c", A, bytes([10, 0, 0, 2])),))


def test_a_query_and_its_answer() -> None:
    talk = Talk()
    query = talk.one(message())
    assert (query.name, query.label()) == ("dns.query", "A query")
    assert query.what() == "Asks for the IPv4 addresses (A) of shop.test; recursion wanted."
    assert query.detail() == "id 0x0001, RD, 27 bytes"
    assert (query.evidence.start, query.evidence.end) == (42, 42 + 27)
    answer = talk.one(ANSWER, 1, 12_100_000)
    assert (answer.name, answer.label()) == ("dns.response", "A answer")
    assert answer.what() == "shop.test is 10.0.0.2; may be cached for 300 s; answered in 12.1 ms."
    assert answer.evidence.frames == (1, 2)
    assert answer.frame_record() == {
        "id": 1, "response": True, "rcode": 0, "qname": "shop.test", "qtype": 1, "answers": 1,
    }
    fields = answer.fields()
    assert fields["answer"] == [{
        "name": "shop.test", "type": "A", "class": "IN", "ttl": 300, "rdata": "10.0.0.2",
        "fields": {"address": "10.0.0.2"},
    }]
    assert (fields["response_time_ns"], fields["query_frame"]) == (12_100_000, 1)
    assert talk.close() == []


def response(flags: int = 0x8180, question: tuple[str, int] = ("shop.test", A), *answers: bytes,
             authority: tuple[bytes, ...] = (), additional: tuple[bytes, ...] = ()) -> Event:
    talk = Talk()
    talk.one(message(question=question))
    return talk.one(message(1, flags, question, answers, authority, additional), 1, 0)


@pytest.mark.parametrize(("event", "label", "text"), [
    (response(0x8183, authority=(soa(),)), "A NXDOMAIN",
     "shop.test does not exist (NXDOMAIN), says the zone test; may be cached for 60 s"),
    (response(0x8180, ("shop.test", AAAA), authority=(soa(),)), "AAAA NODATA",
     "shop.test has no AAAA records (NODATA), says the zone test; may be cached for 60 s"),
    (response(0x8000, authority=(record("test", 2, name("ns.test")),),
              additional=(record("ns.test", A, bytes([10, 0, 0, 5])),)), "A referral",
     "Does not know shop.test itself, but refers to the name servers of the zone test: ns.test; "
     "gives 1 address for them (glue)"),
    (response(0x8000, authority=(record("", 2, name("a.root")),)), "A referral",
     "Refers upward to the name servers of the root (a.root): this server does not serve shop.test, "
     "though it was asked as one that does"),
    (response(0x8182, additional=(edns(option(15, b"\x00\x09")),)), "A SERVFAIL",
     "No answer for shop.test: the server could not get an answer (SERVFAIL); "
     "the server adds: extended error 9 (DNSKEY Missing)"),
    (response(0x8380), "A truncated",
     "The answer is truncated: it did not fit into one datagram; the client is expected to ask again over TCP"),
    (response(0x8180, ("shop.test", A), record(b"\xc0\x0c", CNAME, name("cdn.test"), 0),
              record("cdn.test", A, bytes([10, 0, 0, 9]))), "A answer",
     "shop.test is an alias of cdn.test, which is 10.0.0.9; for this one use, not to be cached (TTL 0)"),
    (response(0x8180, ("shop.test", 15), record(b"\xc0\x0c", 15, b"\x00\x0a" + name("mx.test")),
              record(b"\xc0\x0c", 15, b"\x00\x14" + name("my.test"))), "MX answer",
     "shop.test has MX 10 mx.test and 20 my.test; may be cached for 300 s"),
])
def test_responses_in_words(event: Event, label: str, text: str) -> None:
    assert event.label() == label
    assert event.what() == text + "; answered in 0 ns."


def test_letters_may_change_their_case() -> None:
    talk = Talk()
    talk.one(message(question=("sHoP.tEsT", A)))
    assert talk.one(ANSWER, 1).name == "dns.response"


def test_asked_again_with_the_same_and_with_a_new_id() -> None:
    talk = Talk()
    talk.one(message(1))
    again = talk.one(message(1), after=1000 * MS)
    assert again.name == "dns.retry"
    assert "This is attempt 2, with the same id, 1.00 s after the one before" in again.what()
    assert again.evidence.frames == (1, 2)
    third = talk.one(message(9), after=2000 * MS)
    assert "attempt 3, with a new id, 2.00 s" in third.what()
    answer = talk.one(message(9, 0x8180, answers=(record(b"\xc0\x0c", A, bytes(4)),)), 1, 10 * MS)
    assert "answered in 10.0 ms, 3.01 s after the first of 3 attempts" in answer.what()
    assert answer.fields()["since_first_attempt_ns"] == 3010 * MS
    assert talk.one(message(4), after=MS).name == "dns.query"  # answered, so this is a new series


def test_unanswered_is_told_at_the_end() -> None:
    talk = Talk()
    talk.one(message(1))
    talk.one(message(2), after=1000 * MS)
    talk.one(message(3, question=("other.test", A)))
    left = talk.close(500 * MS)
    assert [type(event) for event in left] == [DnsUnanswered, DnsUnanswered]
    assert left[0].evidence.frames == (1, 2)
    assert left[0].what() == (
        "No answer was seen to the question for the IPv4 addresses (A) of shop.test, asked 2 times; "
        "the capture ended 1.50 s after it was first asked."
    )
    assert left[0].fields()["waited_ns"] == 1501 * MS
    assert talk.close() == []


def test_a_query_that_cannot_be_read_is_unanswered_without_a_question() -> None:
    talk = Talk()
    talk.send(message(1)[:16], length=len(message(1)))
    (left,) = talk.close()
    assert left.what().startswith("No answer was seen to the query; the capture ended")


@pytest.mark.parametrize(("sent", "words"), [
    (message(2, 0x8180), "but the answer has 0x0002"),
    (message(1, 0x8180, ("bank.test", A)), "repeats another question"),
    (message(7, 0x8180, ("bank.test", A)), "No question for this answer was seen"),
])
def test_answers_to_no_question(sent: bytes, words: str) -> None:
    talk = Talk()
    talk.one(message(1))
    stray = talk.one(sent, 1)
    assert stray.name == "dns.mismatch"
    assert words in stray.what()
    assert stray.frame_record() is not None
    assert talk.one(ANSWER, 1).name == "dns.response"  # the true one still counts


def test_a_second_answer() -> None:
    talk = Talk()
    talk.one(message(1))
    talk.one(ANSWER, 1)
    assert "was answered already" in talk.one(ANSWER, 1).what()
    talk.one(message(1))
    talk.one(message(1))
    talk.one(ANSWER, 1)
    assert "most likely the answer to another attempt" in talk.one(ANSWER, 1).what()


def test_malformed_is_told_beside_what_could_be_read() -> None:
    talk = Talk()
    talk.one(message())
    answer, bad = talk.send(ANSWER[:-1], 1)
    assert answer.label() == "A unreadable"
    assert (bad.name, bad.fields()["offset"]) == ("malformed", len(ANSWER) - 6)
    _answer, bad = talk.send(message(flags=0x8180, answers=(record(b"\xc0\x0c", 16, b"\x09abc"),)), 1)
    assert "9 octets needed where 3 are left" in bad.what()
    assert talk.one(b"abc").what() == "Malformed dns at byte 3: 3 bytes where the header alone has 12."


def test_what_the_capture_cut_is_not_malformed() -> None:
    talk = Talk()
    talk.one(message())
    events = talk.send(ANSWER[:-1], 1, length=len(ANSWER))
    assert [event.name for event in events] == ["dns.response"]
    assert events[0].what().endswith(f"The capture holds only {len(ANSWER) - 1} of its {len(ANSWER)} bytes.")
    assert talk.send(b"\x00\x01", 1, length=60) == []


def test_every_cut_of_an_answer_is_survived() -> None:
    for cut in range(len(ANSWER)):
        talk = Talk()
        talk.one(message())
        events = talk.send(ANSWER[:cut], 1)
        assert events[-1].name == "malformed"
        for event in events:
            assert event.what()
            event.fields()


def test_the_number_of_open_questions_is_capped() -> None:
    talk = Talk()
    names: list[str] = []
    for index in range(MAX_ASKED + 5):
        names += [event.name for event in talk.send(message(index, question=(f"n{index}.test", A)))]
    assert names.count("limit_reached") == 1
    assert len(talk.close()) == MAX_ASKED
    same_id = Talk()
    for index in range(MAX_ASKED + 5):
        same_id.send(message(1, question=(f"n{index}.test", A)))
    assert len(same_id.close()) == MAX_ASKED


def test_other_operations() -> None:
    talk = Talk()
    update = pack(">6H", 5, 0x2800, 1, 0, 1, 0) + name("test") + pack(">HH", 6, 1) + record("a.test", A, bytes(4))
    assert talk.one(update).what() == "Asks to update test: 1 change, 0 conditions."
    assert talk.one(pack(">6H", 5, 0xA800, 0, 0, 0, 0), 1).what().startswith("The UPDATE for the zone was accepted")
    notify = talk.one(message(6, 0x2400, ("test", 6)))
    assert (notify.label(), notify.what()) == (
        "NOTIFY request", "Tells that the zone has changed: the start of authority (SOA) of test."
    )


def test_a_zone_transfer_in_several_messages() -> None:
    asked = message(3, 0, ("test", 252))
    first = message(3, 0x8400, ("test", 252), (soa(), record("a.test", A, bytes(4))))
    second = message(3, 0x8400, None, (record("b.test", A, bytes(4)), soa()))
    dissector = create(transport="tcp")
    assert [e.name for e in feed(dissector, framed(asked), 0, [999])] == ["dns.query"]
    events = feed(dissector, framed(first, second), 1, [999])
    assert [e.name for e in events] == ["dns.response", "dns.response"]
    assert events[0].what() == "Transfers the zone test: 2 records in this message; answered in 0 ns."
    assert events[1].what() == "The zone transfer goes on: 2 records more."


# -- streams -------------------------------------------------------------------------------------------

STREAM = framed(message(1), message(2, question=("www.shop.test", AAAA)), message(3, question=("", 2)))


def told(events: list[Event]) -> list[str]:
    return [f"{event.name} {event.what()} {event.fields()}" for event in events]


def test_several_messages_in_a_segment_and_one_split_over_segments() -> None:
    dissector = create(transport="tcp")
    events = feed(dissector, STREAM, 0, [20, 30, 999])
    assert [event.evidence.frames for event in events] == [(1, 2), (2, 3), (3,)]
    assert [event.name for event in events] == ["dns.query"] * 3
    assert (events[2].evidence.start, events[2].evidence.end) == (54 + len(STREAM) - 50 - 19, 54 + len(STREAM) - 50)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_the_split_does_not_matter(sizes: list[int]) -> None:
    whole = told(feed(create(transport="tcp"), STREAM, 0, [len(STREAM)]))
    assert told(feed(create(transport="tcp"), STREAM, 0, [1])) == whole
    assert told(feed(create(transport="tcp"), STREAM, 0, sizes)) == whole


def test_every_cut_of_a_stream() -> None:
    ends = [29, 29 + 33, len(STREAM)]
    for cut in range(len(STREAM) + 1):
        dissector = create(transport="tcp")
        events = feed(dissector, STREAM[:cut], 0, [7])
        assert len(events) == sum(end <= cut for end in ends)
        last = [e for e in dissector.on_close(Close(9, 9, 0, "fin")) if isinstance(e, Event)]
        assert ("dns.incomplete" in [e.name for e in last]) == (cut not in (0, *ends))


def chunk(data: bytes, position: int, frame: int) -> Chunk:
    return Chunk(frame, frame * MS, 0, data, position)


def names_of(outputs: list[object]) -> list[str]:
    return [output.name for output in outputs if isinstance(output, Event)]


def test_a_gap_within_one_message_is_counted_out() -> None:
    dissector = create(transport="tcp")
    assert names_of(list(dissector.on_data(chunk(STREAM[:10], 0, 1)))) == []
    assert names_of(list(dissector.on_gap(Gap(2, 2 * MS, 0, 10, 12)))) == ["dns.incomplete"]
    rest = dissector.on_data(chunk(STREAM[22:], 22, 3))
    assert names_of(list(rest)) == ["dns.incomplete", "dns.query", "dns.query"]


def test_after_a_longer_gap_a_message_is_recognised_by_its_looks() -> None:
    dissector = create(transport="tcp")
    dissector.on_data(chunk(STREAM[:29], 0, 1))
    assert names_of(list(dissector.on_gap(Gap(2, 2 * MS, 0, 29, 40)))) == []
    assert names_of(list(dissector.on_data(chunk(b"\xff" * 30, 69, 3)))) == []
    assert names_of(list(dissector.on_data(chunk(STREAM[29:], 99, 4)))) == [
        "dns.incomplete", "dns.query", "dns.query",
    ]


def test_a_stream_that_was_joined_late() -> None:
    dissector = create(transport="tcp", midstream=True)
    assert names_of(list(dissector.on_data(chunk(b"\x07garbage", 500, 1)))) == []
    events = [e for e in dissector.on_data(chunk(STREAM, 508, 2)) if isinstance(e, Event)]
    assert [e.name for e in events] == ["dns.incomplete", "dns.query", "dns.query", "dns.query"]


def test_a_length_below_a_header_is_malformed_and_the_stream_goes_on() -> None:
    events = feed(create(transport="tcp"), b"\x00\x03abc\x00\x00" + framed(message()), 0, [4])
    assert [event.name for event in events] == ["malformed", "malformed", "dns.query"]


def test_one_side_may_end_before_the_answer() -> None:
    dissector = create(transport="tcp")
    feed(dissector, framed(message()), 0, [99])
    assert dissector.on_close(Close(5, 5, 0, "fin")) == []
    answered = feed(dissector, framed(ANSWER), 1, [99], 6)
    assert isinstance(answered[0], DnsResponse)
    assert dissector.on_close(Close(7, 7, 1, "fin")) == []
    reset = create(transport="tcp")
    feed(reset, framed(message()), 0, [99])
    assert [type(event) for event in reset.on_close(Close(5, 5, 2, "rst"))] == [DnsUnanswered]


# -- multicast -----------------------------------------------------------------------------------------

def test_mdns() -> None:
    talk = Talk(MDNS)
    query = talk.one(message(0, 0, ("_http._tcp.local", 12), (record("_http._tcp.local", 12, name("x.local")),)))
    assert (query.name, query.what()) == ("mdns.query", (
        "Asks everyone on the link for the name pointer (PTR) of _http._tcp.local; 1 answer it knows already, "
        "so that nobody repeats them."
    ))
    assert talk.one(message(0, 0, ("_http._tcp.local", 12)), after=1000 * MS).name == "mdns.retry"
    told_ = talk.one(message(0, 0x8400, None, (record("pc.local", A, bytes([10, 0, 0, 7]), 120, 0x8001),)), 0)
    assert (told_.name, told_.label()) == ("mdns.response", "mDNS answer")
    assert told_.what() == "Tells everyone on the link: pc.local A 10.0.0.7; may be cached for 120 s."
    gone = talk.one(message(0, 0x8400, None, (record("pc.local", A, bytes([10, 0, 0, 7]), 0),)), 0)
    assert (gone.label(), gone.what()) == ("goodbye", "Takes back pc.local A 10.0.0.7 (TTL 0).")
    assert talk.close() == []


def test_llmnr() -> None:
    talk = Talk(LLMNR)
    query = talk.one(message(9, 0x0400, ("fileserver", A)))
    assert (query.name, query.detail()) == ("llmnr.query", "id 0x0009, C, 28 bytes")
    other = Talk(LLMNR)  # the answer comes from the owner's own address
    answer = other.one(message(9, 0x8000, ("fileserver", A), (record("fileserver", A, bytes([10, 0, 0, 3]), 30),)))
    assert (answer.name, answer.what()) == (
        "llmnr.response", "fileserver is 10.0.0.3; may be cached for 30 s."
    )
    assert talk.close() == []


def test_the_protocols_name_what_they_emit() -> None:
    for protocol in (DNS, MDNS, LLMNR):
        for kind in protocol.events:
            assert kind.name.startswith(protocol.name + ".")
            assert kind.WHY
            assert kind.spec
            assert kind.phase == "lookup"
        known = {term.term for each in (DNS, MDNS, LLMNR) for term in each.terms}
        for term in protocol.terms:
            assert set(term.see) <= known
            assert term.spec.startswith("RFC ")
    assert issubclass(DNS.events[0], Query)


def test_two_questions_with_one_id_have_an_answer_each() -> None:
    talk = Talk()
    talk.one(message(7, question=("shop.test", A)))
    talk.one(message(7, question=("shop.test", AAAA)))
    second = talk.one(message(7, 0x8180, ("shop.test", AAAA), (record(b"\xc0\x0c", AAAA, bytes(16)),)), 1)
    first = talk.one(message(7, 0x8180, ("shop.test", A), (record(b"\xc0\x0c", A, bytes(4)),)), 1)
    assert [event.evidence.frames for event in (second, first)] == [(2, 3), (1, 4)]
    assert [event.name for event in (second, first)] == ["dns.response", "dns.response"]
    assert talk.close() == []


def test_answers_without_a_question_are_those_of_the_open_ones() -> None:
    talk = Talk()
    talk.one(message(7, question=("shop.test", A)))
    talk.one(message(7, question=("shop.test", AAAA)))
    errors = [talk.one(message(7, 0x8181, None), 1) for _ in range(3)]
    assert [event.evidence.frames for event in errors] == [(2, 3), (1, 4), (2, 5)]
    assert [event.name for event in errors] == ["dns.response", "dns.response", "dns.mismatch"]
    assert talk.close() == []
