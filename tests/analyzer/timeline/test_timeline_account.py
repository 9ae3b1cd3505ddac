"""Where the time went, against captures of which it is known."""
from __future__ import annotations

from timed_wire import ACK, CLIENT, MS, PSH, SEGMENT, SERVER, SYN, Wire, account, query, told

from analyzer.model import Analysis
from analyzer.report.account import COLOURS, matters, together
from dissectors.kit.account import CAUSES
from dissectors.wire.http.events import ExchangeEvent

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def exchanges(analysis: Analysis) -> list[ExchangeEvent]:
    return [
        event for told in analysis.told for phase in told.phases for event in phase.events
        if isinstance(event, ExchangeEvent)
    ]


def test_a_slow_server() -> None:
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(81, SERVER)
    wire.send(581, SERVER, OK, ACK | PSH)
    wire.send(581.1, CLIENT)
    wire.close(583)
    analysis = wire.told()
    assert account(analysis) == {
        "connecting": 40.1, "client": 0.9, "request": 40, "server": 500, "data_path": 0.1, "idle": 1.9, "closing": 40.1,
    }
    exchange = exchanges(analysis)[0]
    assert exchange.acknowledged_ns == -1, "a short way is no answer to why one waits"
    assert exchange.timing() == "waited 540 ms"


def test_a_slow_client_thinks_and_then_is_idle() -> None:
    wire = Wire()
    wire.open()
    wire.send(740.1, CLIENT, GET, ACK | PSH)
    wire.send(780.1, SERVER, OK, ACK | PSH)
    wire.send(780.2, CLIENT)
    wire.send(1_680.2, CLIENT, GET, ACK | PSH)         # after 900 ms, which a client may think
    wire.send(1_720.2, SERVER, OK, ACK | PSH)
    wire.send(1_720.3, CLIENT)
    wire.send(4_720.3, CLIENT, GET, ACK | PSH)         # after 3 s, of which nobody knows
    wire.send(4_760.3, SERVER, OK, ACK | PSH)
    wire.close(4_760.5)
    assert account(wire.told()) == {
        "connecting": 40.1, "client": 700 + 900, "request": 3 * 40, "data_path": 0.3, "idle": 3_000 + 0.1,
        "closing": 40.1,
    }


def test_a_lost_syn() -> None:
    wire = Wire()
    wire.send(0, CLIENT, flags=SYN, lost=True)
    wire.send(1_000, CLIENT, flags=SYN, again=True)
    wire.send(1_040, SERVER, flags=SYN | ACK)
    wire.send(1_040.1, CLIENT)
    wire.send(1_041, CLIENT, GET, ACK | PSH)
    wire.send(1_091, SERVER, OK, ACK | PSH)
    wire.close(1_091.1)
    found = account(wire.told())
    assert (found["connecting_retry"], found["connecting"], found["closing"]) == (1_000, 40.1, 40.1)
    assert round(sum(found.values()), 6) == 1_131.2


def test_a_request_that_was_lost_and_a_server_that_was_not_slow() -> None:
    """Who waited, and for what: 1.155 s for the request to arrive, 16 ms for the server."""
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH, lost=True)
    wire.send(1_156, CLIENT, GET, ACK | PSH, again=True)
    wire.send(1_196, SERVER)
    wire.send(1_212, SERVER, OK, ACK | PSH)
    wire.close(1_213)
    analysis = wire.told()
    found = account(analysis)
    assert (found["data_timeout"], found["server"]) == (1_155, 16)
    exchange = exchanges(analysis)[0]
    assert exchange.acknowledged_ns == 1_155 * MS
    assert exchange.timing() == (
        "the request took 1.16 s to be acknowledged (network), the server answered 16.0 ms later"
    )
    assert exchange.fields()["acknowledged_ns"] == 1_155 * MS


def test_an_ack_that_the_server_delays_is_not_the_network() -> None:
    wire = Wire()
    wire.open(there=1)
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(81, SERVER)                              # 40 ms later, on a path of 1 ms
    wire.send(91, SERVER, OK, ACK | PSH)
    wire.close(92)
    analysis = wire.told()
    assert (account(analysis)["request"], account(analysis)["server"]) == (1, 49)
    assert exchanges(analysis)[0].timing() == "waited 50.0 ms"


def test_a_zero_window() -> None:
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, b"give", ACK | PSH)
    wire.send(81, SERVER, bytes(SEGMENT))
    wire.windows[CLIENT] = 0
    wire.send(81.1, CLIENT)
    for ms in (300, 700):
        wire.send(ms, SERVER, flags=ACK, seq=wire.next[SERVER] - 1)      # a probe without a new octet
        wire.send(ms + 0.1, CLIENT)
    wire.windows[CLIENT] = 60_000
    wire.send(1_081.1, CLIENT)
    wire.send(1_121.1, SERVER, bytes(SEGMENT))
    wire.close(1_121.2)
    found = account(wire.told())
    assert found["data_closed_window"] == 1_040, "up to the update, and the way of the data that it let out"


def test_a_window_that_lets_four_segments_through_in_a_round_trip() -> None:
    wire = Wire()
    wire.open()
    wire.windows[CLIENT] = 4 * SEGMENT
    wire.send(40.2, CLIENT)
    wire.send(41, CLIENT, b"give", ACK | PSH)
    for turn in range(20):
        start = 81 + 40 * turn
        for piece in range(4):
            wire.send(start + 0.01 * piece, SERVER, bytes(SEGMENT))
            wire.send(start + 0.01 * piece + 0.005, CLIENT)
    wire.close(842)
    found = account(wire.told())
    assert found["data_receiver"] >= 17 * 40, "of 19 round trips, the first ones began under the larger window"
    assert "data_congestion" not in found


def test_a_pause_after_a_full_window_is_the_receivers_until_an_ack_has_made_room() -> None:
    """What is let out comes a round trip after the ACK; only what is later than that is the application's."""
    wire = Wire(window=4 * SEGMENT)
    wire.open()
    wire.send(41, CLIENT, b"give", ACK | PSH)
    for turn, start in enumerate((81, 121, 291, 591)):
        for piece in range(4):
            wire.send(start + 0.01 * piece, SERVER, bytes(SEGMENT))
        wire.send(start + (130 if turn == 1 else 0.1), CLIENT)       # the second time, the ACK is late
    wire.close(592)
    found = account(wire.told())
    assert found["data_receiver"] > 170 - 1
    assert 299 - 40 - 1 < found["data_application"] <= 300


def test_small_pieces_that_wait_for_delayed_acks() -> None:
    wire = Wire()
    wire.open(there=10)
    at = 11.0
    for _ in range(4):
        wire.send(at, CLIENT, b"piece", ACK | PSH)
        wire.send(at + 50, SERVER)              # the ACK is held back for 40 ms
        at += 50.01
    wire.send(at, CLIENT, b"end", ACK | PSH)
    wire.send(at + 10, SERVER, b"done", ACK | PSH)
    wire.close(at + 11, there=10)
    analysis = wire.told()
    found = account(analysis)
    assert found["data_delayed_ack"] == 4 * 50.01
    assert next(
        one.confidence for one in analysis.told[0].books.bookings if one.cause.key == "data_delayed_ack"
    ) == "likely"


def test_a_connection_that_is_kept_alive_is_idle() -> None:
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(81, SERVER, OK, ACK | PSH)
    wire.send(81.1, CLIENT)
    for ms in (300, 500, 700):
        wire.send(ms, CLIENT, seq=wire.next[CLIENT] - 1)
        wire.send(ms + 40, SERVER)
    wire.send(881.1, CLIENT, GET, ACK | PSH)
    wire.send(921.1, SERVER, OK, ACK | PSH)
    wire.close(922.1)
    assert account(wire.told())["idle"] == 800 + 0.9


def test_a_capture_of_one_direction_shows_nothing_of_the_time() -> None:
    wire = Wire()
    wire.only = CLIENT
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(581, SERVER, OK, ACK | PSH)
    wire.send(581.1, CLIENT)
    wire.close(583)
    assert account(wire.told()) == {"not_observable": 623.1}


def test_a_capture_that_begins_late_claims_no_more_than_possible() -> None:
    wire = Wire()
    wire.send(0, SERVER, bytes(SEGMENT))
    wire.send(0.1, CLIENT)
    wire.send(500, CLIENT, b"more", ACK | PSH)
    wire.send(900, SERVER, bytes(SEGMENT))
    analysis = wire.told()
    found = account(analysis)
    assert sum(found.values()) == 900
    assert "connecting" not in found
    assert {one.confidence for one in analysis.told[0].books.bookings if one.cause.key in ("client", "server")} == {
        "possible"
    }


def test_a_capture_at_the_server_leaves_the_way_to_the_client_out_of_its_thinking() -> None:
    """What the server takes is measured; what the client takes is that which the way there and back leaves."""
    wire = Wire()
    wire.open(there=0.1, back=40)
    wire.send(50, CLIENT, GET, ACK | PSH)
    wire.send(50.1, SERVER)
    wire.send(350, SERVER, OK, ACK | PSH)
    wire.send(390, CLIENT)
    wire.send(600, CLIENT, GET, ACK | PSH)
    wire.send(610, SERVER, OK, ACK | PSH)
    wire.close(650, there=0.1, back=40)
    analysis = wire.told()
    assert account(analysis) == {
        "connecting": 40.1, "client": 9.9 + 210, "request": 0.2, "server": 309.8, "data_path": 40 + 40,
        "closing": 40.1,
    }
    way = next(one for one in analysis.told[0].books.bookings if one.cause.key == "data_path")
    assert (way.confidence, way.ground) == ("likely", "an answer takes 40.0 ms at the least to come back")


def test_where_the_way_is_not_known_the_account_says_that_it_is_part_of_the_wait() -> None:
    wire = Wire()
    wire.send(0, CLIENT, b"ask", ACK | PSH)
    wire.send(400, SERVER, b"answer", ACK | PSH)
    wire.send(900, CLIENT, b"ask", ACK | PSH)
    books = wire.told().told[0].books
    assert [one.cause.key for one in books.bookings][-1] == "client"
    assert "the way there and back is part of it" in books.bookings[-1].ground


def test_a_silence_in_which_the_clock_may_have_been_set_is_nobodys_wait() -> None:
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(81, SERVER, OK, ACK | PSH)
    wire.send(81.1, CLIENT)
    late = 2 * 3_600_000
    wire.send(late, CLIENT, GET, ACK | PSH)
    wire.send(late + 50, SERVER, OK, ACK | PSH)
    wire.close(late + 51)
    analysis = wire.told()
    assert analysis.capture.silences
    found = account(analysis)
    assert (found["not_observable"], found["server"], found["request"]) == (late - 81.1, 10, 80)
    assert "idle" not in found or found["idle"] < 2


def test_a_lookup() -> None:
    question = b"\1a\4test\0\0\1\0\1"
    head = b"\0\7\1\0\0\1\0\0\0\0\0\0"
    answer = b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\2"
    analysis = told([query(0, head + question, answer=False), query(17, answer, answer=True)])
    assert account(analysis) == {"lookup": 17}


def test_causes_have_a_colour_and_a_meaning_each() -> None:
    assert {cause.key for cause in CAUSES} == set(COLOURS)
    assert len(set(COLOURS.values())) == len({cause.word for cause in CAUSES}) == len(CAUSES)
    assert all(cause.means.endswith(".") for cause in CAUSES)


def test_the_capture_adds_its_conversations_up_and_the_gravest_comes_first() -> None:
    wire = Wire()
    wire.open()
    wire.send(41, CLIENT, GET, ACK | PSH)
    wire.send(81, SERVER, OK, ACK | PSH)
    wire.close(82)
    analysis = wire.told()
    assert together(analysis) == analysis.told[0].books.totals()
    assert matters(analysis) is analysis.told[0]
