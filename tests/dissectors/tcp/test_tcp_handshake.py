from __future__ import annotations

from tcp_wire import CLIENT, SERVER, Wire, timestamps

from dissectors.protocols.tcp.flags import ACK, CWR, ECE, RST, SYN

SYN_OPTIONS = bytes.fromhex("020405b40402080a0000007b0000000001030307")
PLAIN_OPTIONS = bytes.fromhex("020405b4")


def test_three_way_with_both_round_trips_and_the_place_of_the_capture() -> None:
    wire = Wire()
    wire.client(0, 0, flags=SYN, at=0, options=SYN_OPTIONS)
    wire.server(0, 1, flags=SYN | ACK, at=24.1, options=PLAIN_OPTIONS)
    wire.client(1, 1, at=24.3)
    syn, answer, third = (wire.one(name) for name in ("tcp.syn", "tcp.syn_ack", "tcp.established"))
    assert syn.detail() == "seq 1000, window 64000, MSS 1460, scale ×128, SACK, timestamps"
    assert answer.fields()["rtt_ns"] == 24_100_000
    assert "does not take up: window scaling ×128, SACK, timestamps." in answer.what()
    assert third.fields()["seen_from"] == "client"
    assert third.fields()["total_ns"] == 24_300_000
    assert "It looks as if the capture was taken on the client's side" in third.what()
    assert wire.narrator.seen_from[0] == "client"
    assert wire.narrator.states == ("ESTABLISHED", "ESTABLISHED")


def test_the_place_of_the_capture_follows_the_short_half() -> None:
    for answer, third, place in ((0.1, 30.0, "server"), (15.0, 10.0, "between"), (0.2, 0.3, "")):
        wire = Wire().client(0, 0, flags=SYN, at=0).server(0, 1, flags=SYN | ACK, at=answer)
        wire.client(1, 1, at=answer + third)
        assert wire.narrator.seen_from[0] == place


def test_a_syn_sent_again_backs_off_and_measures_no_round_trip() -> None:
    wire = Wire()
    for at in (0, 1000, 3010):
        wire.client(0, 0, flags=SYN, at=at)
    wire.server(0, 1, flags=SYN | ACK, at=3030).client(1, 1, at=3031)
    syns = [event for event in wire.events if event.name == "tcp.syn"]
    assert [event.fields()["attempt"] for event in syns] == [1, 2, 3]
    assert [event.fields()["backoff"] for event in syns] == [False, False, True]
    assert syns[1].label() == "SYN again"
    assert "rtt_ns" not in wire.one("tcp.syn_ack").fields()


def test_unanswered() -> None:
    wire = Wire()
    for at in (0, 1000, 3000):
        wire.client(0, 0, flags=SYN, at=at)
    wire.end(at=9000)
    told = wire.one("tcp.unanswered")
    assert told.fields() == {"attempts": 3, "lasted_ns": 3_000_000_000, "waited_ns": 6_000_000_000}
    assert told.evidence.frames == (1, 2, 3)
    assert "tcp.not_ended" not in wire.names()


def test_refused() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0).reset(SERVER, 0, 1, at=24).end()
    told = wire.one("tcp.refused")
    assert told.fields() == {"after_ns": 24_000_000, "acks_syn": True}
    assert "tcp.reset" not in wire.names()


def test_a_refusal_that_acknowledges_something_else_is_told_as_such() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0).reset(SERVER, 0, 77, at=24)
    assert wire.one("tcp.refused").fields()["acks_syn"] is False


def test_half_open() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0)
    wire.server(0, 1, flags=SYN | ACK, at=10).server(0, 1, flags=SYN | ACK, at=1010).end(at=5000)
    assert wire.one("tcp.half_open").fields() == {"attempts": 2, "waited_ns": 3_990_000_000}


def test_simultaneous_open() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0).server(0, 0, flags=SYN, at=5)
    wire.client(0, 1, flags=SYN | ACK, at=6).server(0, 1, flags=SYN | ACK, at=11).client(1, 1, at=12)
    assert wire.one("tcp.simultaneous_open").evidence.frames == (1, 2)
    assert wire.one("tcp.established").fields().get("seen_from") is None
    assert wire.narrator.states == ("ESTABLISHED", "ESTABLISHED")


def test_fast_open_asked_given_accepted_declined() -> None:
    asked = Wire().client(0, 0, flags=SYN, options=b"\x22\x02")
    asked.server(0, 1, flags=SYN | ACK, options=b"\x22\x0a12345678")
    assert asked.one("tcp.fast_open").fields()["result"] == "cookie"
    taken = Wire().client(0, 0, 100, flags=SYN, options=b"\x22\x0a12345678").server(0, 101, flags=SYN | ACK)
    assert taken.one("tcp.fast_open").fields()["result"] == "accepted"
    refused = Wire().client(0, 0, 100, flags=SYN, options=b"\x22\x0a12345678").server(0, 1, flags=SYN | ACK)
    refused.client(1, 1, 100).server(1, 101).end()
    assert refused.one("tcp.fast_open").fields()["result"] == "declined"
    assert not [name for name in refused.names() if "loss" in name or "retrans" in name]


def test_ecn_agreed_and_refused() -> None:
    agreed = Wire().client(0, 0, flags=SYN | ECE | CWR).server(0, 1, flags=SYN | ACK | ECE)
    assert agreed.one("tcp.ecn").fields()["agreed"] is True
    assert "ECN" in agreed.one("tcp.syn").detail()
    refused = Wire().client(0, 0, flags=SYN | ECE | CWR).server(0, 1, flags=SYN | ACK)
    assert refused.one("tcp.ecn").fields()["agreed"] is False


def test_marks_of_congestion_are_counted() -> None:
    wire = Wire().client(0, 0, flags=SYN | ECE | CWR).server(0, 1, flags=SYN | ACK | ECE).client(1, 1)
    wire.server(1, 1, 1000, ip_ecn=3).client(1, 1001, flags=ACK | ECE).server(1001, 1, 1000, flags=ACK | CWR).end()
    assert wire.one("tcp.congestion_marks").fields() == {"ce": 1, "ece": 1, "cwr": 1}


def test_syn_cookies_need_more_than_one_sign() -> None:
    def answered(value: int, later: int) -> Wire:
        wire = Wire().client(0, 0, flags=SYN, at=0, options=SYN_OPTIONS)
        wire.server(0, 1, flags=SYN | ACK, at=10, options=bytes.fromhex("02040550") + timestamps(value, 123))
        return wire.client(1, 1, at=11).client(1, 1, 50, at=12).server(1, 51, at=30, options=timestamps(later, 130))

    matching = 64 * 5000 + 7 + 16                       # shift 7, SACK permitted, no ECN
    assert "tcp.syn_cookie" in answered(matching, matching + 20 + 30).names()
    assert "tcp.syn_cookie" not in answered(matching, matching + 20).names()
    assert "tcp.syn_cookie" not in answered(matching + 1, matching + 1 + 20 + 30).names()


def test_a_rst_after_the_syn_ack_gives_the_handshake_up() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0).server(0, 1, flags=SYN | ACK, at=10)
    wire.reset(CLIENT, 1, flags=RST, at=10.1).end()
    assert wire.one("tcp.reset").fields()["cause"] == "handshake given up"


def test_midstream() -> None:
    wire = Wire().server(500, 300, 100).client(300, 600).end()
    assert wire.one("tcp.midstream").evidence.frames == (1,)
    assert wire.one("tcp.transfer").fields()["octets"] == 100
    assert "the responder" in wire.one("tcp.transfer").what().lower()


def test_a_capture_that_begins_with_the_syn_ack_knows_the_server() -> None:
    wire = Wire().send(CLIENT, 0, 1, flags=SYN | ACK)
    assert wire.one("tcp.syn_ack").what().startswith("The server agrees")


def meets_old(answers: int, ack: int = -50_000) -> Wire:
    """SYNs that an old connection answers with an ACK of its own number; the client resets each."""
    wire = Wire()
    for index in range(answers):
        wire.client(0, 0, flags=SYN, at=1000 * index).server(-70_000, ack, at=1000 * index + 10)
        wire.reset(CLIENT, ack, flags=RST, at=1000 * index + 10.03)
    return wire


def test_an_ack_of_another_number_answers_for_an_old_connection() -> None:
    wire = meets_old(2).end(at=5000)
    told = [event for event in wire.events if event.name == "tcp.old_answer"]
    assert [event.evidence.frames for event in told] == [(1, 2), (4, 5)]
    assert "holds an old connection" in told[0].what()
    assert [event.name for event in wire.events if event.name == "tcp.answer_reset"] == ["tcp.answer_reset"] * 2
    assert not {"tcp.reset", "tcp.unanswered", "tcp.half_open", "tcp.challenge_ack"} & set(wire.names())
    again = [event.what() for event in wire.events if event.name == "tcp.syn"][1]
    assert "No answer was seen" not in again


def test_the_connection_that_follows_is_told_from_its_own_numbers() -> None:
    wire = meets_old(1).client(0, 0, flags=SYN, at=1000).server(0, 1, flags=SYN | ACK, at=1010).client(1, 1, at=1010.1)
    wire.client(1, 1, 100, at=1011).server(1, 101, 40, at=1021).client(101, 41, at=1022).end()
    assert [event.fields()["octets"] for event in wire.events if event.name == "tcp.transfer"] == [100, 40]
    assert "tcp.established" in wire.names()
    assert not {"tcp.stream_gap", "tcp.capture_loss", "tcp.reset"} & set(wire.names())


def test_an_ack_a_little_ahead_may_be_of_what_the_capture_missed() -> None:
    wire = Wire().client(0, 0, flags=SYN, at=0).server(1, 501, at=50).client(501, 1, 100, at=51).end()
    assert "tcp.old_answer" not in wire.names()


def test_a_syn_ack_of_another_number_is_no_answer_and_its_reset_gives_nothing_up() -> None:
    wire = Wire()
    for at in (0, 1000):
        wire.client(0, 0, flags=SYN, at=at).server(0, 777, flags=SYN | ACK, at=at + 0.4)
        wire.reset(CLIENT, 777, flags=RST, at=at + 0.42)
    wire.end(at=1001)
    answers = [event for event in wire.events if event.name == "tcp.syn_ack"]
    assert "acknowledges 1777, which is not the client's number + 1 (1001)" in answers[0].what()
    assert "rtt_ns" not in answers[0].fields()
    assert not {"tcp.reset", "tcp.half_open"} & set(wire.names())
    assert wire.names().count("tcp.answer_reset") == 2


def test_a_syn_ack_that_comes_again_after_its_ack() -> None:
    wire = Wire().open().client(1, 1, 120, at=21).server(0, 1, flags=SYN | ACK, at=1020).client(121, 1, at=1020.1).end()
    again = [event for event in wire.events if event.name == "tcp.syn_ack"][1]
    assert "had acknowledged it 1.00 s before" in again.what()


def test_an_ack_of_number_zero_is_the_first_one_too() -> None:
    """The server's initial number is the last before 2**32, so the third segment acknowledges 0."""
    wire = Wire()
    shift = 2**32 - 1 - 4294967000
    wire.client(0, 0, flags=SYN, at=0).server(shift, 1, flags=SYN | ACK, at=20).client(1, shift + 1, at=21)
    for at in (1000, 2000):
        wire.client(1, shift + 1, at=at, analysis=512)
    wire.end()
    assert "tcp.reordering" not in wire.names()
