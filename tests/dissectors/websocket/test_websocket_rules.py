"""Broken rules, missing bytes, late captures, and bytes that make no sense."""
from __future__ import annotations

from random import Random
from struct import pack

import pytest
from event_checks import check_events
from websocket_wire import CLIENT, SERVER, Deflater, Peer, frame

from dissectors.kit.event import Event
from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.websocket.ended import UNKNOWN, WsEnded
from dissectors.protocols.websocket.events import FrameSeen, Joined, Missing, WsMessage
from dissectors.protocols.websocket.events_rules import WsViolation
from dissectors.protocols.websocket.probe import probe
from dissectors.protocols.websocket.protocol import WEBSOCKET

TEXT = frame(1, b"hello")
CASES = {
    "a client that does not mask": (CLIENT, frame(1, b"x"), "masking"),
    "a server that masks": (SERVER, frame(1, b"x", masked=True), "masking"),
    "a reserved bit": (SERVER, frame(1, b"x", reserved=2), "reserved"),
    "RSV1 without compression": (SERVER, frame(1, b"x", reserved=4), "reserved"),
    "a reserved opcode": (SERVER, frame(3, b"x"), "reserved"),
    "a reserved control opcode": (SERVER, frame(11, b"x"), "reserved"),
    "a control frame in fragments": (SERVER, frame(9, b"x", fin=False), "control"),
    "a long control frame": (SERVER, frame(9, b"x" * 126), "control"),
    "a length of 16 bits too many": (SERVER, frame(1, b"x" * 125, form=16), "length"),
    "a length of 64 bits too many": (SERVER, frame(1, b"x" * 200, form=64), "length"),
    "a length beyond 2^63": (SERVER, b"\x82\x7f" + pack(">Q", 1 << 63 | 5), "length"),
    "a continuation of nothing": (SERVER, frame(0, b"x"), "fragments"),
    "a message within a message": (SERVER, frame(1, b"x", fin=False) + TEXT, "fragments"),
    "text that is no UTF-8": (SERVER, frame(1, b"abc\xff"), "utf8"),
    "text that ends within a character": (SERVER, frame(1, b"abc\xe2\x82"), "utf8"),
    "text that breaks in the second frame": (SERVER, frame(1, b"\xe2", fin=False) + frame(0, b"x"), "utf8"),
    "half a close code": (SERVER, frame(8, b"\x03"), "closing"),
    "a close code that is never sent": (SERVER, frame(8, pack(">H", 1006)), "closing"),
    "a close code that is not defined": (SERVER, frame(8, pack(">H", 2999)), "closing"),
    "a close reason that is no UTF-8": (SERVER, frame(8, b"\x03\xe8\xff"), "closing"),
    "data after a close": (SERVER, frame(8, b"\x03\xe8") + TEXT, "closing"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_rule_is_named_once_and_counted(case: str) -> None:
    direction, sent, rule = CASES[case]
    peer = Peer()
    peer.send(direction, sent)
    assert [event.rule for event in peer.of(WsViolation)] == [rule]
    assert peer.of(WsViolation)[0].by_client == (direction == CLIENT)
    peer.send(direction, sent)
    assert [event.rule for event in peer.of(WsViolation)].count(rule) == 1
    peer.close()
    if "2^63" not in case:
        assert peer.of(WsEnded)[0].talks[direction].violations[rule] >= 2


@pytest.mark.parametrize("sent", [
    frame(0, b"x", reserved=4), frame(9, b"x", reserved=4),
])
def test_rsv1_has_its_place(sent: bytes) -> None:
    peer = Peer(sec_websocket_extensions=b"permessage-deflate")
    peer.send(SERVER, frame(1, Deflater().message(b"x"), reserved=4, fin=False) + sent)
    assert [event.rule for event in peer.of(WsViolation)] == ["compression"]


def test_other_extensions_may_use_what_is_reserved() -> None:
    peer = Peer(sec_websocket_extensions=b"x-custom")
    peer.send(SERVER, frame(3, b"x", reserved=3))
    assert [event.rule for event in peer.of(WsViolation)] == ["upgrade"]


def test_a_gap_within_a_payload_is_counted_out() -> None:
    peer = Peer()
    sent = frame(1, b"a" * 1_000)
    peer.send(SERVER, sent[:100])
    peer.lose(SERVER, 500)
    peer.send(SERVER, sent[600:] + TEXT)
    first, second = peer.of(WsMessage)
    assert (first.size, first.complete, first.note) == (1_000, False, "bytes of it are not in the capture")
    assert second.octets == b"hello"
    assert peer.of(Missing) == []


def test_a_gap_over_a_header_waits_for_frames() -> None:
    peer = Peer()
    peer.send(SERVER, TEXT)
    peer.lose(SERVER, 50)
    peer.send(SERVER, b"rest of something")
    peer.send(SERVER, TEXT + frame(1, b"again"))
    missing = peer.of(Missing)[0]
    assert (missing.lost, missing.passed, missing.found) == (50, 17, True)
    assert [message.text() for message in peer.of(WsMessage)] == ["hello", "hello", "again"]
    peer.lose(SERVER, 9)
    peer.close()
    assert peer.of(Missing)[1].found is False
    assert peer.of(WsEnded)[0].how == UNKNOWN


def test_a_capture_that_starts_late_is_joined() -> None:
    peer = Peer(opened=False, each_pdu=True)
    peer.send(CLIENT, frame(1, b"how are you?", masked=True) + frame(9, b"", masked=True))
    peer.send(SERVER, frame(1, b"fine, thanks") + frame(10))
    assert len(peer.of(Joined)) == 1
    assert [(message.by_client, message.text()) for message in peer.of(WsMessage)] == [
        (True, "how are you?"), (False, "fine, thanks"),
    ]
    assert len(peer.of(FrameSeen)) == 4


def test_the_probe_wants_a_chain_of_frames() -> None:
    one = frame(1, b"how are you?", masked=True)
    assert probe(one, 0) == MORE
    assert probe(one + frame(1, b"and you?", masked=True), 0) == YES
    assert probe(one + frame(1, b"and you?"), 0) == NO                       # one side always masks or never
    assert probe(frame(1, b"\x00\x01binary\xff"), 0) == NO
    assert probe(b"GET / HTTP/1.1\r\n", 0) == NO
    assert probe(b"\x16\x03\x01\x02\x00", 0) == NO
    random = Random(4)
    taken = sum(probe(random.randbytes(random.randint(12, 400)), 0) == YES for _ in range(20_000))
    assert taken <= 10


def conversation(random: Random) -> list[tuple[int, bytes]]:
    deflater = Deflater()
    out = []
    for _ in range(30):
        direction = random.randrange(2)
        kind = random.randrange(6)
        masked = direction == CLIENT
        if kind == 0:
            data = frame(9, random.randbytes(4), masked=masked)
        elif kind == 1:
            data = frame(2, random.randbytes(random.choice((3, 200, 5_000))), masked=masked)
        elif kind == 2 and not masked:
            data = frame(1, deflater.message(b"some text, " * random.randint(1, 9)), reserved=4)
        else:
            text = "é and more ".encode() * random.randint(1, 20)
            at = random.randrange(len(text))
            data = frame(1, text[:at], masked=masked, fin=False) + frame(0, text[at:], masked=masked)
        out.append((direction, data))
    return [*out, (0, frame(8, b"\x03\xe8", masked=True)), (1, frame(8, b"\x03\xe8"))]


def said(peer: Peer) -> list[tuple[str, int, str]]:
    return [
        (event.name, event.direction, str({k: v for k, v in event.fields().items() if not k.endswith("_ns")}))
        for event in peer.events if not isinstance(event, WsEnded)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_pieces_do_not_matter(seed: int) -> None:
    items = conversation(Random(seed))
    whole = Peer(each_pdu=True, sec_websocket_extensions=b"permessage-deflate")
    for direction, data in items:
        whole.send(direction, data)
    assert whole.of(WsViolation) == []
    bytewise = Peer(each_pdu=True, sec_websocket_extensions=b"permessage-deflate")
    for direction, data in items:
        for at in range(len(data)):
            bytewise.send(direction, data[at:at + 1])
    assert said(bytewise) == said(whole)


def test_damage_never_stops_it() -> None:
    for seed in range(300):
        random = Random(seed)
        peer = Peer(opened=bool(seed % 3), each_pdu=bool(seed % 2), sec_websocket_extensions=b"permessage-deflate")
        for direction, data in conversation(random):
            octets = bytearray(data)
            for _ in range(random.randrange(3)):
                octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
            if random.random() < 0.05:
                peer.lose(direction, random.randint(1, 100))
            elif random.random() < 0.02:
                peer.close(random.choice(("fin", "rst", "capture", "timeout")), random.randrange(3))
            cut = random.randrange(len(octets) + 1)
            peer.send(direction, bytes(octets[:cut]))
            peer.send(direction, bytes(octets[cut:]))
        peer.close("capture")
        events: list[Event] = peer.events
        check_events(events, peer.number, WEBSOCKET.events, f"seed {seed}")
