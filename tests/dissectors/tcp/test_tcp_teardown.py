from __future__ import annotations

import pytest
from tcp_wire import CLIENT, MS, SERVER, Wire

from dissectors.protocols.tcp.flags import ACK, KEEP_ALIVE, RETRANSMISSION, RST, SYN


def exchanged() -> Wire:
    """A request of 100 bytes and an answer of 1000, all acknowledged."""
    return Wire().open().client(1, 1, 100, at=30).server(1, 101, 1000, at=50).client(101, 1001, at=51)


def test_orderly_and_who_holds_time_wait() -> None:
    wire = exchanged().finish(CLIENT, 101, 1001, at=60).finish(SERVER, 1001, 102, at=80).client(102, 1002, at=81).end()
    closed = wire.one("tcp.closed")
    assert closed.fields() == {"time_wait": [0], "lasted_ns": 21 * MS, "simultaneous": False}
    assert "The client closed first, so it is the one to hold TIME_WAIT." in closed.what()
    assert wire.narrator.states == ("TIME-WAIT", "CLOSED")
    assert "tcp.not_ended" not in wire.names()
    assert [event.fields()["octets"] for event in wire.events if event.name == "tcp.fin"] == [100, 1000]


def test_simultaneous_close() -> None:
    wire = exchanged().finish(CLIENT, 101, 1001, at=60).finish(SERVER, 1001, 101, at=61)
    wire.client(102, 1002, at=62).server(1002, 102, at=80).end()
    assert wire.one("tcp.closed").fields()["simultaneous"] is True
    assert wire.narrator.states == ("TIME-WAIT", "TIME-WAIT")


def test_half_close_tells_what_still_came() -> None:
    wire = Wire().open().client(1, 1, 100, at=30).finish(CLIENT, 101, 1, at=31).server(1, 102, at=50)
    wire.server(1, 102, 3000, at=200).client(102, 3001, at=201).finish(SERVER, 3001, 102, at=231)
    wire.client(102, 3002, at=232).end()
    told = wire.one("tcp.half_close")
    assert told.fields() == {"octets": 3000, "lasted_ns": 200 * MS}
    assert told.direction == SERVER
    assert "tcp.closed" in wire.names()


def test_a_half_close_without_an_end() -> None:
    wire = Wire().open().finish(CLIENT, 1, 1, at=31).server(1, 2, 3000, at=131).client(2, 3001, at=132).end(at=500)
    assert wire.one("tcp.half_close").fields()["octets"] == 3000
    assert "Only the client had closed its direction" in wire.one("tcp.not_ended").what()


def test_of_a_side_that_was_not_captured_nobody_knows_how_it_ended() -> None:
    """The number that its FIN takes is no byte that it still sent (RFC 9293 §3.4)."""
    wire = Wire().client(0, 0, flags=SYN, at=0).client(1, 1, at=20).client(1, 1, 100, at=21)
    wire.client(101, 1001, at=40).finish(CLIENT, 101, 1001, at=41).client(102, 1002, at=60).end()
    told = wire.one("tcp.not_ended").what()
    assert "tcp.half_close" not in wire.names()
    assert "Of the server the capture holds nothing" in told
    assert "The client closed its own" in told


def test_of_a_side_that_was_not_captured_nobody_knows_whether_it_closed_first() -> None:
    alone = Wire().client(0, 0, flags=SYN, at=0).client(1, 1, at=20).finish(CLIENT, 1, 1, at=41).end()
    told = alone.one("tcp.fin")
    assert "first" not in told.what()
    assert "Whether the server had closed its own is not in the capture." in told.what()
    assert "first" not in told.fields()
    late = Wire().client(1, 1, 100, at=0).server(1, 101, at=1).finish(CLIENT, 101, 1, at=2).end()
    assert "first" not in late.one("tcp.fin").what()       # it may have closed before the capture began
    heard = Wire().client(1, 1, 100, at=0).server(1, 101, 10, at=1).finish(CLIENT, 101, 11, at=2).end()
    assert "closes its direction first" in heard.one("tcp.fin").what()


def test_a_fin_and_a_syn_are_no_bytes_that_a_reset_leaves_unacknowledged() -> None:
    wire = exchanged().finish(CLIENT, 101, 1001, at=60).finish(SERVER, 1001, 102, at=80)
    told = wire.reset(CLIENT, 102, flags=RST, at=80.3).end().one("tcp.reset")
    assert told.fields()["unacknowledged"] == 0
    assert "had not been acknowledged" not in told.what()
    wire = exchanged().server(1001, 101, 500, at=70).finish(SERVER, 1501, 101, at=71).reset(CLIENT, 101, 1001, at=72)
    assert wire.end().one("tcp.reset").fields()["unacknowledged"] == 500


@pytest.mark.parametrize("number", [101, 5101])
def test_a_reset_that_both_sides_outlive_did_not_end_the_connection(number: int) -> None:
    """RFC 5961 §3.2: with a number of its own it is not taken, and the right one may be dropped on the way."""
    wire = exchanged().reset(CLIENT, number, flags=RST, at=100)
    wire.client(101, 1001, 50, at=200).server(1001, 151, 60, at=220).client(151, 1061, at=230).end()
    told = wire.one("tcp.reset").what()
    assert "which the connection outlives: up to #10 each side has acknowledged data" in told
    assert "resets the connection" not in told


def test_what_was_under_way_at_a_reset_does_not_outlive_it() -> None:
    wire = exchanged().server(1001, 101, 500, at=99).reset(CLIENT, 101, flags=RST, at=100)
    wire.server(1501, 101, 500, at=101).server(2001, 101, 500, at=102).end()
    assert "resets the connection" in wire.one("tcp.reset").what()


@pytest.mark.parametrize(("how", "words"), [
    ("capture", "The capture ends"), ("idle", "Nothing more is seen for"), ("reused", "with the same ports begins"),
])
def test_no_end_was_seen(how: str, words: str) -> None:
    told = exchanged().end(how, at=60_051).one("tcp.not_ended")
    assert words in told.what()
    assert told.fields()["silent_ns"] == 60_000 * MS


def test_the_end_is_told_once() -> None:
    wire = exchanged().end()
    assert wire.narrator.on_end("capture", 99 * MS) == []


def cause(wire: Wire) -> str:
    return str(wire.one("tcp.reset").fields()["cause"])


def test_reset_with_unread_data() -> None:
    wire = Wire().open().client(1, 1, 100, at=30).server(1, 101, 20_000, at=50)
    wire.client(101, 20_001, at=51, window=44_000, window_bytes=44_000).reset(CLIENT, 101, 20_001, at=60)
    assert cause(wire) == "unread data"
    assert "It looks as if" in wire.one("tcp.reset").what()
    assert wire.narrator.states == ("CLOSED", "CLOSED")


def test_reset_after_late_data() -> None:
    wire = exchanged().finish(CLIENT, 101, 1001, at=60).server(1001, 102, at=80)
    wire.server(1001, 102, 500, at=90).reset(CLIENT, 102, flags=RST, at=90.1).end()
    assert cause(wire) == "late data"
    assert wire.one("tcp.reset").fields()["unacknowledged"] == 500


def test_reset_after_giving_up() -> None:
    wire = exchanged().server(1001, 101, 1000, at=60)
    for at in (300, 800, 1800):
        wire.server(1001, 101, 1000, at=at, analysis=RETRANSMISSION, rto_ns=200 * MS)
    assert cause(wire.reset(SERVER, 2001, 101, at=4000)) == "gave up"
    wire = exchanged()
    for at in (1000, 2000, 3000):
        wire.client(100, 1001, at=at, analysis=KEEP_ALIVE)
    assert cause(wire.reset(CLIENT, 101, 1001, at=4000)) == "gave up"


def test_reset_of_an_unknown_connection() -> None:
    wire = exchanged().client(101, 1001, 50, at=90_000).reset(SERVER, 1001, flags=RST, at=90_020)
    assert cause(wire) == "unknown connection"
    assert "silent for" in wire.one("tcp.reset").what()


def test_a_plain_abort_claims_no_more() -> None:
    wire = exchanged().reset(SERVER, 1001, 101, at=80).end()
    assert cause(wire) == "aborted"
    assert "looks as if" not in wire.one("tcp.reset").what()
    assert "tcp.not_ended" not in wire.names()


def test_a_client_that_has_all_its_answers_breaks_nothing_off() -> None:
    wire = exchanged().reset(CLIENT, 101, 1001, at=80).end()
    assert cause(wire) == "nothing under way"
    assert "all data of both sides had been acknowledged" in wire.one("tcp.reset").what()
    asked = exchanged().client(101, 1001, 50, at=70).server(1001, 151, at=75).reset(CLIENT, 151, 1001, at=80).end()
    assert cause(asked) == "aborted"


def test_a_reset_instead_of_a_fin() -> None:
    wire = exchanged().finish(CLIENT, 101, 1001, at=60).reset(SERVER, 1001, 102, at=80)
    assert cause(wire) == "instead of FIN"


def test_a_reset_from_elsewhere_is_noticed_by_its_ttl() -> None:
    wire = Wire()
    wire.client(0, 0, flags=SYN, at=0, ttl=64).server(0, 1, flags=SYN | ACK, at=20, ttl=52).client(1, 1, at=21, ttl=64)
    wire.client(1, 1, 100, at=30, ttl=64).reset(SERVER, 1, 101, at=31, ttl=117)
    told = wire.one("tcp.reset")
    assert told.fields()["cause"] == "another machine"
    assert "its TTL is 117, where the other packets of the server have 52" in told.what()
    assert "it came 1.00 ms after #4, where a round trip takes 20.0 ms" in told.what()


def test_a_reset_from_nearer_that_comes_too_soon_is_of_another_machine() -> None:
    wire = Wire()
    wire.client(0, 0, flags=SYN, at=0, ttl=64).server(0, 1, flags=SYN | ACK, at=20, ttl=52).client(1, 1, at=21, ttl=64)
    wire.client(1, 1, 100, at=30, ttl=64).server(1, 101, 100, at=50, ttl=52).server(101, 101, 100, at=51, ttl=52)
    wire.client(101, 201, 100, at=60, ttl=64).reset(SERVER, 201, 201, at=68, ttl=53)
    told = wire.one("tcp.reset")
    assert told.fields()["cause"] == "another machine"
    assert "its TTL is 53, where all other packets of the server have 52, as if it came from nearer" in told.what()


def test_a_reset_that_goes_on_counting_is_of_the_sender_itself() -> None:
    for ident, made in ((73, True), (0, False), (900, False)):
        wire = Wire()
        wire.client(0, 0, flags=SYN, at=0).server(0, 1, flags=SYN | ACK, at=20, ip_id=70).client(1, 1, at=21)
        wire.client(1, 1, 100, at=30).server(1, 101, 100, at=50, ip_id=71).server(101, 101, 100, at=51, ip_id=72)
        told = wire.reset(SERVER, 201, 101, at=900, ip_id=ident).one("tcp.reset")
        assert ("made_by" in told.fields()) is made
        assert ("(or a machine on the path)" in told.what()) is not made


def test_a_ttl_that_differs_by_little_may_be_another_path() -> None:
    wire = Wire()
    wire.client(0, 0, flags=SYN, at=0, ttl=64).server(0, 1, flags=SYN | ACK, at=20, ttl=52).client(1, 1, at=21, ttl=64)
    wire.client(1, 1, 100, at=30, ttl=64).reset(SERVER, 1, 101, at=51, ttl=54)
    told = wire.one("tcp.reset")
    assert told.fields()["cause"] != "another machine"
    assert "Its TTL is 54, and 52" in told.what()


def test_a_reset_made_from_the_packet_that_it_answers_is_of_another_machine() -> None:
    wire = exchanged().client(100, 1001, 1, at=7_200_000, analysis=KEEP_ALIVE, ip_id=104, window=502)
    wire.reset(SERVER, 1001, 101, at=7_200_003, ip_id=104, window=502).end()
    told = wire.one("tcp.reset")
    assert told.fields()["cause"] == "another machine"
    assert "its IP identification (0x0068) and its window are those of #7" in told.what()
    assert wire.one("tcp.keep_alive").what().endswith("A RST answers it.")


def test_what_no_segment_can_have_provoked_is_no_answer() -> None:
    """The client's data are on their way still when the RST comes."""
    wire = Wire().open(rtt=40).client(1, 1, 200, at=41).reset(SERVER, 1, flags=RST, at=45).end()
    told = wire.one("tcp.reset")
    assert told.fields()["cause"] == "aborted"
    assert "sooner than the round trip of 40.0 ms allows an answer" in told.what()
    late = Wire().open(rtt=40).client(1, 1, 200, at=41).reset(SERVER, 1, flags=RST, at=81).end()
    assert late.one("tcp.reset").fields()["cause"] == "unknown connection"


def test_a_side_that_goes_on_after_its_reset_did_not_send_it() -> None:
    wire = Wire().open(rtt=40).client(1, 1, 200, at=41, ttl=64).reset(SERVER, 1, flags=RST, at=45, ttl=250)
    wire.server(1, 201, at=81).server(1, 201, 1448, at=82).end()
    assert "The server goes on after it (#6) as if it had sent none." in wire.one("tcp.reset").what()


def test_a_reset_that_acknowledges_all_leaves_nothing_unread() -> None:
    wire = exchanged().client(101, 1001, 100, at=400_000).reset(SERVER, 1001, 201, at=400_001).end()
    told = wire.one("tcp.reset")
    assert (told.fields()["cause"], told.fields()["unacknowledged"]) == ("forgotten", 0)
    assert "after the server had been silent for 6 min 39 s" in told.what()


def test_a_reset_alone_says_nothing_of_what_was_before() -> None:
    for flags in (RST, RST | ACK):
        told = Wire().reset(SERVER, 1, 1, flags=flags, at=1000).end().one("tcp.reset")
        assert told.fields()["cause"] == "nothing before it"
        assert "silence" not in told.what()


def test_a_reset_with_a_guessed_number_is_challenged() -> None:
    wire = exchanged().reset(SERVER, 1001 + 5000, flags=RST, at=60)
    wire.client(101, 1001, at=60.1).client(101, 1001, 100, at=70).server(1001, 201, at=90).end()
    told = wire.one("tcp.challenge_ack")
    assert told.fields() == {"challenged": "RST", "after_ns": MS // 10}
    assert "a careful receiver asks back" in wire.one("tcp.reset").what()
    assert wire.narrator.states == ("ESTABLISHED", "ESTABLISHED")


def test_a_syn_in_the_middle_is_challenged() -> None:
    wire = exchanged().client(900, 0, flags=SYN, at=60).server(1001, 101, at=80)
    assert wire.one("tcp.challenge_ack").fields()["challenged"] == "SYN"


def test_what_comes_after_the_end() -> None:
    wire = exchanged().reset(CLIENT, 101, 1001, at=60).server(1001, 101, 700, at=61).reset(CLIENT, 101, at=62).end()
    assert wire.one("tcp.late_segments").fields() == {"segments": 1, "octets": 700, "resets": 1}
