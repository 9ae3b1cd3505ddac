"""What `python -m bench.live` makes and reads; running it needs root and minutes."""
from __future__ import annotations

import pytest

from analyzer.packet import TCP, Packet
from analyzer.packets.decode import Decoder
from bench.live import Point, grown, untold, verdicts
from bench.live_load import CLIENT, SEGMENT, WHOLE, Batch, conversation, octets
from bench.live_wire import of_dumpcap, of_line, of_tcpdump
from dissectors.protocols.tcp.flags import FIN, SYN

TCPDUMP = """tcpdump: listening on near, link-type EN10MB (Ethernet), snapshot length 262144 bytes
936945 packets captured
937984 packets received by filter
1 packet dropped by kernel
"""
DUMPCAP = """Capturing on 'near'
Packets captured: 672000
Packets received/dropped on interface 'near': 672000/12 (pcap:12/dumpcap:0/flushed:0/ps_ifdrop:0) (100.0%)
"""


def test_what_the_tools_count() -> None:
    assert of_tcpdump(TCPDUMP) == 936_945
    assert of_dumpcap(DUMPCAP) == 672_000
    assert of_line('ready\n{"frames": 5}\n') == 5
    assert of_line('{"frames": 5}\n{"frames": [1, 2]}\n') == 5
    assert of_line('{"frames": 5, "dropped": null}\nthe end\n') == 5


@pytest.mark.parametrize("count", [of_tcpdump, of_dumpcap, of_line])
def test_a_tool_that_says_nothing_has_captured_nothing(count: object) -> None:
    assert callable(count)
    assert count("") == 0


def test_what_arrived_and_was_not_captured_is_lost() -> None:
    assert Point(1.0, 1_000, 990).lost == pytest.approx(0.01)
    assert Point(1.0, 1_000, 1_005).lost == 0
    assert Point(1.0, 0, 0).lost == 0


def test_what_was_only_counted_is_the_last_word_on_it() -> None:
    said = '{"record":"status","untold":3}\n{"record":"status","untold":7}\n{"record":"capture","frames":9}\n'
    assert untold(said) == 7
    assert untold('{"record":"capture","frames":9}\n') == 0


def test_memory_is_judged_once_every_budget_is_full() -> None:
    memory = [100, 110, 120, 130, 140, 150, 150, 150, 150, 153]
    assert grown(memory, 20.0) == pytest.approx(153 / 150)
    assert grown(memory, 600.0) == pytest.approx(1.53)
    assert grown(memory, 12.0) is None


def test_nothing_is_judged_where_nothing_was_compared() -> None:
    assert verdicts({"tcpdump": {"title": "tcpdump", "rate": 1.0, "at_most": False}, "churn": {"growth": None}}) == ""


def test_the_verdict_says_where_a_peer_was_not_brought_to_drop() -> None:
    ours: dict[str, object] = {"title": "wiretale sniff", "rate": 700.0, "at_most": True}
    peer: dict[str, object] = {"title": "tcpdump", "rate": 1000.0, "at_most": True}
    found = verdicts({"sniff": ours, "tcpdump": peer, "churn": {"growth": 1.01}})
    assert "0.70 ×" in found
    assert "MISSED" in found
    assert "tcpdump dropped nothing that could be sent" in found
    assert "1.010 ×" in found


def test_the_load_is_whole_conversations_with_new_addresses() -> None:
    pieces = conversation(4_000, 1, 1)
    decoder, packet = Decoder(), Packet()
    flags = []
    for number, piece in enumerate(pieces, 1):
        decoder.decode(piece.data, 0, len(piece.data), len(piece.data), 1, number, number, packet)
        assert packet.kind == TCP
        flags.append(piece.data[47])
    assert [flag & SYN for flag in flags] == [SYN, SYN, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [index for index, flag in enumerate(flags) if flag & FIN] == [7, 8]
    batch = Batch(pieces, 0)
    batch.renew()
    first = batch.buffer.raw
    batch.renew()
    assert len(first) == len(batch.buffer.raw) == sum(len(WHOLE) + len(piece.data) for piece in pieces)
    assert first != batch.buffer.raw
    assert CLIENT not in first
    assert batch.messages[1].vectors - batch.messages[0].vectors == 16


def test_a_response_is_cut_into_whole_segments() -> None:
    pieces = conversation(4_000, 8, 16)
    assert sum(piece.frames for piece in pieces) == 6 + 8 * (3 + 16)
    cut = [piece for piece in pieces if piece.frames > 1]
    assert {len(piece.data) for piece in cut} == {54 + 16 * SEGMENT}
    head, _blank, body = cut[0].data[54:].partition(b"\r\n\r\n")
    assert int(head.rpartition(b":")[2]) == len(body)
    assert octets(cut) == 8 * 16 * (54 + SEGMENT)
    assert Batch(pieces, 0).ends[-1] == 6 + 8 * 19
