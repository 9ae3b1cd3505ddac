"""Names and messages: compression, limits, the walk over the sections, the probe."""
from __future__ import annotations

from struct import pack

import pytest
from dns_wire import AAAA, CNAME, TXT, A, edns, framed, message, name, record, soa
from hypothesis import given
from hypothesis import strategies as st

from dissectors.kit.cursor import WireError
from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.dns.message import ANSWER, AUTHORITY, DnsMessage
from dissectors.protocols.dns.outcome import MAX_CHAIN, outcome_of
from dissectors.protocols.dns.probe import is_message, probe, probe_header, probe_stream
from dissectors.protocols.dns.rdata import fault, record_json
from dissectors.wire.dns_types import class_name, type_name
from dissectors.wire.domain_names import MAX_POINTERS, Name, ancestor, read_name, skip_name

ANSWER_OF_TWO = message(flags=0x8180, answers=(
    record(b"\xc0\x0c", CNAME, b"\x03cdn\xc0\x11"), record(b"\xc0\x27", A, bytes([10, 0, 0, 2])),
))


def test_header_and_sections() -> None:
    found = DnsMessage(ANSWER_OF_TWO)
    assert (found.id, found.response, found.rcode, found.questions, found.answers) == (1, True, 0, 1, 2)
    assert found.bad_at == -1
    assert not found.unchecked
    question = found.question()
    assert question is not None
    assert (question.name.text(), question.type, question.class_) == ("shop.test", A, 1)
    assert [(r.name.text(), r.type, r.ttl, r.section) for r in found.records()] == [
        ("shop.test", CNAME, 300, ANSWER), ("cdn.test", A, 300, ANSWER),
    ]
    assert record_json(found, found.records()[0])["rdata"] == "cdn.test"


def test_pointers_must_lead_backwards() -> None:
    head = pack(">6H", 1, 0x8180, 0, 1, 0, 0)
    loops = {
        "itself": b"\xc0\x0c",
        "forward": b"\xc0\x0e\x00",
        "own label": b"\x01a\xc0\x0c",
    }
    for data in loops.values():
        found = DnsMessage(head + data + pack(">HHIH", A, 1, 1, 4) + b"\x01\x02\x03\x04")
        assert found.bad_at == 12
        assert found.bad_reason == "a compression pointer that does not lead backwards"
        assert found.records() == []


def test_chains_of_pointers_are_capped() -> None:
    chain = b"\x00\x00" + b"".join([pack(">H", 0xC000 | 2 * index) for index in range(MAX_POINTERS + 3)])
    last = len(chain)
    assert skip_name(chain, 2 * MAX_POINTERS, last) == 2 * MAX_POINTERS + 2
    with pytest.raises(WireError, match="more than 126"):
        read_name(chain, 2 * (MAX_POINTERS + 2), last)


def test_the_longest_name() -> None:
    longest = b"\x3f" + b"a" * 63
    good = longest * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert len(good) == 255
    assert read_name(good, 0, 255).end == 255
    for bad in (longest * 4 + b"\x00", longest * 3 + b"\x3e" + b"a" * 62 + b"\x00"):
        with pytest.raises(WireError, match="255"):
            read_name(bad, 0, len(bad))
    # The same limit where the rest comes through a pointer.
    tail = longest * 3 + b"\x00"
    with pytest.raises(WireError, match="255"):
        read_name(tail + longest + b"\xc0\x00", len(tail), len(tail) + 66)


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "ends beyond"), (b"\x03ab", "ends beyond"), (b"\x02ab", "ends beyond"), (b"\xc0", "ends beyond"),
    (b"\x40a", "type"), (b"\x80\x00", "type"),
])
def test_names_that_cannot_be_read(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read_name(data, 0, len(data))


def test_presentation_and_display() -> None:
    odd = Name([b"a.b", b"\x00\xff", "é".encode(), b"\\", b"x y"], 0)
    assert odd.text() == "a\\.b.\\000\\255.\\195\\169.\\\\.x\\032y"
    assert odd.display() == "a.b.\\000\ufffd.é.\\.x y"
    assert Name([], 1).text() == "."
    assert Name([b"ShOp", b"TEST"], 0).key() == Name([b"shop", b"test"], 0).key()


def test_display_takes_a_broken_character_as_one() -> None:
    assert Name([b"\xed\xbfd"], 0).display() == "\ufffdd"
    assert Name([b"\xe0\xbe\xf5\xbf\xc0\xfaz"], 0).display() == "\ufffd" * 4 + "z"
    assert Name([b"a\tb\x7f"], 0).display() == "a\\tb\\177"


def test_ancestors() -> None:
    shop, test = Name([b"shop", b"test"], 0).key(), Name([b"test"], 0).key()
    assert ancestor(test, shop)
    assert ancestor(shop, shop)
    assert ancestor(b"\x00", shop)
    assert not ancestor(shop, test)
    assert not ancestor(Name([b"op", b"test"], 0).key(), shop)


def test_the_question_key_ignores_case_in_the_name_alone() -> None:
    assert DnsMessage(message(question=("ShOp.test", 65))).question_key() == \
        DnsMessage(message(question=("shop.TEST", 65))).question_key()
    # HHIT (67) and SPF (99) differ by the bit that makes a letter small.
    small = DnsMessage(message(question=("a", 99)))
    assert DnsMessage(message(question=("a", 67))).question_key() != small.question_key()


def test_extended_rcode() -> None:
    assert DnsMessage(message(flags=0x8180, additional=(edns(rcode=16),))).full_rcode() == 16
    assert DnsMessage(message(flags=0x8183)).full_rcode() == 3


def test_names_of_numbers() -> None:
    assert (type_name(28), type_name(4711), class_name(1), class_name(77)) == ("AAAA", "TYPE4711", "IN", "CLASS77")


@pytest.mark.parametrize(("flags", "answers", "authority", "kind", "seconds"), [
    (0x8180, (record(b"\xc0\x0c", A, bytes(4), 300), record(b"\xc0\x0c", A, bytes(4), 200)), (), "answered", 200),
    (0x8183, (), (soa(ttl=900, minimum=60),), "NXDOMAIN", 60),
    (0x8183, (), (soa(ttl=30, minimum=60),), "NXDOMAIN", 30),
    (0x8180, (), (soa(),), "NODATA", 60),
    (0x8180, (), (), "NODATA", -1),
    (0x8000, (), (record("test", 2, name("ns.test"), 172800),), "referral", 172800),
    (0x8400, (), (record("test", 2, name("ns.test")),), "NODATA", -1),
    (0x8180, (record(b"\xc0\x0c", CNAME, name("cdn.test"), 40),), (), "alias", 40),
    (0x8182, (), (), "failed", -1),
    (0x8380, (), (), "truncated", -1),
])
def test_outcomes(
    flags: int, answers: tuple[bytes, ...], authority: tuple[bytes, ...], kind: str, seconds: int
) -> None:
    found = outcome_of(DnsMessage(message(flags=flags, answers=answers, authority=authority)))
    assert (found.kind, found.seconds) == (kind, seconds)


def test_aliases_are_followed_in_any_order_and_never_in_circles() -> None:
    records = (
        record("c.test", A, bytes([10, 0, 0, 9]), 60), record("b.test", CNAME, name("c.test"), 50),
        record("shop.test", CNAME, name("b.test"), 70),
    )
    found = outcome_of(DnsMessage(message(flags=0x8180, answers=records)))
    assert [target.text() for target in found.chain] == ["b.test", "c.test"]
    assert (found.kind, found.seconds, len(found.answers)) == ("answered", 50, 1)
    circle = (record("shop.test", CNAME, name("b.test")), record("b.test", CNAME, name("shop.test")))
    assert outcome_of(DnsMessage(message(flags=0x8180, answers=circle))).kind == "alias"


def test_a_referral_knows_its_servers_and_their_addresses() -> None:
    found = outcome_of(DnsMessage(message(
        flags=0x8000, authority=(record("test", 2, name("ns.test")),),
        additional=(record("ns.test", A, bytes([10, 0, 0, 5])), record("other.test", A, bytes(4))),
    )))
    assert [server.text() for server in found.servers] == ["ns.test"]
    assert found.glue == ["10.0.0.5"]
    assert not found.upward
    assert outcome_of(DnsMessage(message(flags=0x8000, authority=(record("", 2, name("a.root")),)))).upward
    assert outcome_of(DnsMessage(message(flags=0x8000, authority=(record("example", 2, name("a.root")),)))).upward


def test_what_is_dns() -> None:
    for data in (message(), message(flags=0x8183, authority=(soa(),)), ANSWER_OF_TWO, message(question=("", 2)),
                 message(flags=0x8400, question=None, answers=(record("a.local", A, bytes(4), class_=0x8001),)),
                 pack(">6H", 7, 0x8181, 0, 0, 0, 0), message() + b"trailing", message(flags=0x0140)):
        assert probe(data, 0) == YES, data
        assert probe(framed(data), 0) == YES, data


@pytest.mark.parametrize("data", [
    bytes(12), bytes(40), b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    bytes.fromhex("ffff8100000000300000000cdead" * 3),  # SOME/IP
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),  # TLS
    message(question=("C" * 32, 0x21)), message(question=("CKAAAAZAAAAAAAAAAAAAAAAAAAA9AAAA", 0x36)),  # NetBIOS
    message(question=("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0x20)),  # NetBIOS
    message(flags=0x8500, question=None, answers=(record("CK" + "A" * 30, 0x20, bytes(6)),)),
    message(flags=0x0103), message(question=("a", 0)), pack(">6H", 1, 0x0100, 200, 0, 0, 0) + name("a") * 900,
    message(flags=0x0140) + b"trailing", pack(">6H", 1, 0x0180, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01",
])
def test_what_is_not_dns(data: bytes) -> None:
    assert probe(data, 0) != YES
    assert not is_message(data)


def test_a_damaged_message_is_dns_where_its_header_is_sound() -> None:
    broken = pack(">6H", 1, 0x0180, 1, 0, 0, 0) + b"\xff\xff\xff"
    assert probe(broken, 0) != YES
    assert probe_header(broken, 0) == YES
    assert probe_header(message()[:12], 0) == YES                           # the capture ends after the header
    assert probe_header(message()[:11], 0) == NO
    assert probe_header(bytes(20), 0) == NO                                 # no question and no record
    assert probe_header(pack(">6H", 1, 0x0100, 5, 0, 0, 0), 0) == NO
    assert probe_header(pack(">6H", 1, 0x0100, 1, 256, 0, 0), 0) == NO
    assert probe_header(pack(">6H", 1, 0x0140, 1, 0, 0, 0), 0) == NO        # the bit that must be zero
    assert probe_header(pack(">6H", 1, 0x7800, 1, 0, 0, 0), 0) == NO        # no such opcode
    assert probe_header(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", 0) == NO
    assert probe_header(bytes.fromhex("16fefd0000000000000000006d01000061"), 0) == NO      # DTLS


def test_a_stream_is_recognised_as_early_as_it_can_be() -> None:
    stream = framed(message(), message(2))
    answers = [probe_stream(stream[:cut]) for cut in range(len(stream) + 1)]
    assert NO not in answers
    first = answers.index(YES)
    assert first == 2 + len(message())
    assert answers[first:] == [YES] * len(answers[first:])
    assert probe_stream(b"\x00\x05") == NO
    assert probe_stream(b"\x00") == MORE


@given(st.binary(max_size=600))
def test_nothing_raises(data: bytes) -> None:
    assert {probe(data, 0), probe_header(data, 0), probe_stream(data)} <= {NO, MORE, YES}
    if len(data) >= 12:
        found = DnsMessage(data)
        assert all(question.name.text() for question in found.all_questions())
        assert all(record_json(found, entry)["type"] for entry in found.records())
        broken = fault(found)
        assert broken is None or str(broken)
        assert len(outcome_of(found).chain) <= MAX_CHAIN


@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 200), st.integers(0, 255))
def test_nothing_raises_near_a_good_message(at: int, octet: int, second: int, other: int) -> None:
    data = bytearray(message(
        flags=0x8180,
        answers=(record(b"\xc0\x0c", CNAME, b"\x03cdn\xc0\x11"), record("a.b", TXT, b"\x02hi"),
                 record(b"\xc0\x27", AAAA, bytes(16))),
        authority=(soa(),), additional=(edns(b"\x00\x0a\x00\x08abcdefgh"),),
    ))
    data[at % len(data)] = octet
    data[second % len(data)] = other
    found = DnsMessage(bytes(data))
    assert all(record_json(found, entry)["type"] for entry in found.records())
    outcome = outcome_of(found)
    assert len(outcome.chain) <= MAX_CHAIN
    assert len(outcome.answers) <= len(found.records())


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3), st.integers(1, 65535))
def test_names_survive_a_round_trip(labels: list[bytes], type_: int) -> None:
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"
    found = DnsMessage(pack(">6H", 1, 0, 1, 0, 0, 0) + encoded + pack(">HH", type_, 1))
    question = found.question()
    assert question is not None
    assert question.name.labels == labels
    assert question.type == type_


def test_every_cut_is_noticed_and_harmless() -> None:
    data = message(flags=0x8180, answers=(record(b"\xc0\x0c", A, bytes(4)),), authority=(soa(),))
    for cut in range(12, len(data)):
        found = DnsMessage(data[:cut])
        assert found.bad_at >= 0
        assert len(found.records()) == found.walked
        assert all(entry.section in (ANSWER, AUTHORITY) for entry in found.records())


def test_agrees_with_dnspython() -> None:
    dns_message = pytest.importorskip("dns.message", reason="dnspython is only a second opinion, and not installed")
    data = message(
        flags=0x8180,
        answers=(record(b"\xc0\x0c", CNAME, b"\x03cdn\xc0\x11"), record(b"\xc0\x27", A, bytes([1, 2, 3, 4]))),
        authority=(soa(),), additional=(record("x.test", TXT, b"\x01a\x02bc"),),
    )
    theirs = dns_message.from_wire(data)
    ours = DnsMessage(data)
    flat = [
        (rrset.name.to_text().rstrip("."), rrset.ttl, item.to_text().replace(". ", " ").rstrip("."))
        for part in theirs.sections[1:] for rrset in part for item in rrset
    ]
    assert flat == [(r.name.text(), r.ttl, str(record_json(ours, r)["rdata"])) for r in ours.records()]
