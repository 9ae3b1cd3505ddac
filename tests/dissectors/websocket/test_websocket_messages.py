"""Frames become messages: lengths, masks, fragments, text, compression."""
from __future__ import annotations

from random import Random

import pytest
from websocket_wire import ACCEPT, CLIENT, MS, NONCE, SECOND, SERVER, Deflater, Peer, frame, request, response

from dissectors.kit.event import LimitReached
from dissectors.protocols.websocket.deflate import MAX_INFLATED_MESSAGE
from dissectors.protocols.websocket.dissector import MAX_SHOWN
from dissectors.protocols.websocket.ended import ABRUPT, CLEAN, HALF, OPEN, WsEnded
from dissectors.protocols.websocket.events import CloseSeen, FrameSeen, Pong, WsMessage, WsMessageRun, WsOpened, WsPing
from dissectors.protocols.websocket.events_rules import AcceptMismatch, WsViolation
from dissectors.protocols.websocket.frames import unmask
from dissectors.protocols.websocket.upgrade import accept_of

DEFLATE = b"permessage-deflate"


def test_the_answer_to_the_key_is_that_of_the_standard() -> None:
    assert accept_of(NONCE) == ACCEPT.decode()


def test_the_opening_tells_what_was_agreed() -> None:
    peer = Peer(sec_websocket_protocol=b"v1", sec_websocket_extensions=b"permessage-deflate; server_max_window_bits=12")
    opened = peer.of(WsOpened)[0]
    assert opened.fields()["accept_right"] is True
    assert opened.fields()["subprotocol"] == "v1"
    assert "4096 bytes (server)" in opened.what()
    assert "s3cr3t" not in opened.what()
    assert opened.evidence.frames == (1, 2)
    assert peer.of(WsViolation) == []


def test_a_wrong_answer_to_the_key_is_told_with_the_right_one() -> None:
    peer = Peer(sec_websocket_accept=b"bm90IHRoaXM=")
    assert ACCEPT.decode() in peer.of(AcceptMismatch)[0].what()


def test_what_was_not_offered_must_not_be_chosen() -> None:
    peer = Peer(sec_websocket_protocol=b"v9", sec_websocket_extensions=b"x-mux")
    said = [event.reason for event in peer.of(WsViolation)]
    assert said == ["it chose the subprotocol v9, which the client did not offer"]
    peer.close()
    assert peer.of(WsEnded)[0].talks[1].violations == {"upgrade": 2}


def test_over_http2_there_is_no_key() -> None:
    peer = Peer(opened=False)
    peer._take(peer.dissector.on_fields(request(**{":method": b"CONNECT", ":protocol": b"websocket"})))
    peer._take(peer.dissector.on_fields(response(**{":status": b"200"})))
    assert peer.names() == ["websocket.opened"]
    assert peer.of(WsOpened)[0].fields()["over_http2"] is True


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("masked", [False, True])
def test_the_three_forms_of_length(size: int, masked: bool) -> None:
    peer = Peer(each_pdu=True)
    payload = Random(size).randbytes(size)
    peer.send(CLIENT if masked else SERVER, frame(2, payload, masked=masked))
    assert peer.of(WsViolation) == []
    seen = peer.of(FrameSeen)[0]
    assert seen.frame_record() == {"opcode": 2, "fin": True, "length": size}
    message = peer.of(WsMessage)[0]
    assert message.size == size
    assert message.octets == payload[:4096]
    assert message.complete == (size <= 4096)


def test_unmasking_starts_anywhere_in_the_key() -> None:
    sent = frame(2, bytes(range(50)), masked=True)[6:]
    for at in range(8):
        assert unmask(sent[at:], b"\x11\x22\x33\x44", at) == bytes(range(at, 50))


def test_fragments_are_put_together_around_a_control_frame() -> None:
    peer = Peer(each_pdu=True)
    whole = '{"price": "12 €"}'.encode()
    peer.send(CLIENT, frame(1, whole[:14], masked=True, fin=False))     # cut within the sign of the euro
    peer.send(CLIENT, frame(9, b"hi", masked=True) + frame(0, b"", masked=True, fin=False))
    peer.send(CLIENT, frame(0, whole[14:], masked=True))
    message = peer.of(WsMessage)[0]
    assert (message.text(), message.fragments, message.kind()) == (whole.decode(), 3, "JSON")
    assert message.fields()["json"] == {"price": "12 €"}
    assert message.evidence.frames == (3, 4, 5)
    assert [event.opcode for event in peer.of(FrameSeen)] == [1, 9, 0, 0]
    assert peer.of(WsPing)[0].payload == b"hi"
    assert peer.of(WsViolation) == []


def test_a_frame_stands_on_the_frame_of_the_capture_that_completes_it() -> None:
    peer = Peer(each_pdu=True)
    sent = frame(1, b"x" * 300)
    peer.send(SERVER, sent[:1])
    peer.send(SERVER, sent[1:200])
    peer.send(SERVER, sent[200:] + frame(1, b"next"))
    first, second = peer.of(FrameSeen)
    assert first.evidence.frames == (3, 5)
    assert second.evidence.frames == (5,)


def test_secrets_in_messages_are_replaced_unless_asked_for() -> None:
    said = b'{"type": "auth", "access_token": "abc123", "n": 1}'
    peer = Peer()
    peer.send(SERVER, frame(1, said))
    assert "abc123" not in str(peer.of(WsMessage)[0].fields()) + peer.of(WsMessage)[0].what()
    shown = Peer(show_secrets=True)
    shown.send(SERVER, frame(1, said))
    assert "abc123" in shown.of(WsMessage)[0].what()


def test_a_json_text_that_cannot_be_written_again_stays_text() -> None:
    peer = Peer()
    for text in (b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"[" * 500 + b"]" * 500, b"{} {}", b"[1"):
        peer.send(SERVER, frame(1, text))
    assert [event.kind() for event in peer.of(WsMessage)] == ["text"] * 6


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("bits", [9, 15])
def test_compressed_messages(keeps: bool, bits: int) -> None:
    agreed = DEFLATE + b"; server_max_window_bits=%d" % bits + (b"" if keeps else b"; server_no_context_takeover")
    peer, deflater = Peer(sec_websocket_extensions=agreed), Deflater(keeps, bits)
    texts = [b'{"count": %d, "text": "the same again and again"}' % number for number in range(10)]
    for index, text in enumerate(texts):
        packed = deflater.message(text)
        if index % 2:
            peer.send(SERVER, frame(1, packed, reserved=4))
        else:                               # in fragments; the bit stands on the first only
            peer.send(SERVER, frame(1, packed[:3], reserved=4, fin=False))
            peer.send(SERVER, frame(0, packed[3:]))
    messages = peer.of(WsMessage)
    assert [message.octets for message in messages] == texts
    assert all(message.compressed and message.size == len(texts[0]) for message in messages)
    assert peer.of(WsViolation) == []
    if keeps:
        assert messages[-1].wire < messages[0].wire
    peer.close()
    talk = peer.of(WsEnded)[0].talks[1]
    assert (talk.packed, talk.plain) == (sum(m.wire for m in messages), sum(len(text) for text in texts))


def test_a_bomb_is_stopped_and_said() -> None:
    peer, deflater = Peer(sec_websocket_extensions=DEFLATE), Deflater(keeps=False)
    peer.send(SERVER, frame(2, deflater.message(bytes(MAX_INFLATED_MESSAGE * 3)), reserved=4))
    assert peer.of(LimitReached)[0].cap == "MAX_INFLATED_MESSAGE"
    assert peer.of(WsMessage)[0].size == -1
    peer.send(SERVER, frame(1, deflater.message(b"and on"), reserved=4))
    assert peer.of(WsMessage)[1].octets == b"and on"


def test_data_that_does_not_inflate_is_a_violation() -> None:
    peer = Peer(sec_websocket_extensions=DEFLATE)
    peer.send(SERVER, frame(1, b"\xff\xff\xff\xff", reserved=4))
    assert [event.name for event in peer.of(WsViolation)] == ["websocket.compression_violation"]
    assert "does not inflate" in peer.of(WsMessage)[0].what()


def test_after_a_gap_a_message_that_refers_to_lost_ones_is_not_blamed() -> None:
    peer, deflater = Peer(sec_websocket_extensions=DEFLATE), Deflater()
    words = b"some words that are long enough to be referred to"
    lost = frame(1, deflater.message(words), reserved=4)
    peer.send(SERVER, lost[:4])
    peer.lose(SERVER, len(lost) - 4)
    peer.send(SERVER, frame(1, deflater.message(words), reserved=4))
    peer.send(SERVER, frame(1, Deflater().message(b"fresh"), reserved=4))
    messages = peer.of(WsMessage)
    assert "not in the capture" in messages[0].note
    assert "does not hold" in messages[1].note
    assert messages[2].octets == b"fresh"
    assert peer.of(WsViolation) == []


def test_like_messages_are_counted_after_the_first_ones() -> None:
    peer = Peer()
    for number in range(100):
        peer.send(SERVER, frame(1, b'{"tick": %d}' % number), after=SECOND)
    peer.send(CLIENT, frame(8, b"\x03\xe8bye", masked=True))
    peer.send(SERVER, frame(8, b"\x03\xe8bye"))
    peer.close()
    assert len(peer.of(WsMessage)) == MAX_SHOWN
    run = peer.of(WsMessageRun)[0]
    assert run.counts == (0, 100 - MAX_SHOWN)
    assert run.previews[0] == '{"tick": 20}'
    ended = peer.of(WsEnded)[0]
    assert (ended.how, ended.code, ended.talks[1].messages, ended.talks[1].every_ns) == (CLEAN, 1000, 100, SECOND)
    assert "every 1.00 s in a steady rhythm" in ended.what()
    assert ended.headline() is not None


def test_runs_grow_so_that_an_endless_stream_makes_few_events() -> None:
    peer = Peer()
    for _ in range(300):
        peer.send(SERVER, frame(2, b"abcd") * 100)
    assert len(peer.of(WsMessageRun)) == 4      # 1000 + 2000 + 4000 + 8000 of the first 30 000


def test_pings_are_matched_with_their_pongs() -> None:
    peer = Peer()
    peer.send(SERVER, frame(9, b"a"))
    peer.send(SERVER, frame(9, b"b"))
    peer.send(CLIENT, frame(10, b"b", masked=True), after=7 * MS)
    peer.send(CLIENT, frame(10, b"z", masked=True))
    first, second = peer.of(Pong)
    assert (first.round_trip_ns, first.passed_over) == (7 * MS, 1)
    assert second.round_trip_ns == -1
    for _ in range(9):
        peer.send(SERVER, frame(9, b"c"), after=20 * SECOND)
        peer.send(CLIENT, frame(10, b"c", masked=True), after=2 * MS)
    peer.close("capture")
    ended = peer.of(WsEnded)[0]
    assert ended.how == OPEN
    assert ended.talks[1].answered == 10
    assert ended.talks[1].round_trip_ns == 2 * MS
    assert "every 20.0 s" in ended.what()


def test_a_heartbeat_of_the_application_is_found() -> None:
    peer = Peer()
    for _ in range(8):
        peer.send(CLIENT, frame(1, b"2", masked=True), after=25 * SECOND)
        peer.send(SERVER, frame(1, b"3"))
    peer.close("capture")
    assert [talk.heartbeat_ns // SECOND for talk in peer.of(WsEnded)[0].talks] == [25, 25]


def test_how_it_ended() -> None:
    silent = Peer()
    silent.close("rst")
    assert silent.of(WsEnded)[0].how == ABRUPT
    assert "1006" in silent.of(WsEnded)[0].what()
    half = Peer()
    half.send(SERVER, frame(8))
    half.close("fin", SERVER)
    assert half.of(WsEnded) == []
    half.close("fin", CLIENT)
    half.close("fin")
    assert [event.how for event in half.of(WsEnded)] == [HALF]
    assert "1005" in half.of(CloseSeen)[0].what()
    assert half.of(CloseSeen)[0].fields()["code"] is None
