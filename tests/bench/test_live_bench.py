"""What `python -m bench.live` makes and reads; running it needs root and minutes."""
from __future__ import annotations

import pytest

from analyzer.packets.decode import Decoder
from analyzer.packets.packet import TCP, Packet
from bench.live import LOST, Point, of_dumpcap, of_line, of_tcpdump
from bench.live_load import CLIENT, Batch, conversation
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
    assert of_tcpdump(TCPDUMP) == (936_945, 1)
    assert of_dumpcap(DUMPCAP) == (672_000, 12)
    assert of_line('ready\n{"frames": 5, "dropped": 2}\n') == (5, 2)
    assert of_line('{"frames": 5}\n{"frames": [1, 2]}\n') == (5, -1)
    assert of_line('{"frames": 5, "dropped": null}\nthe end\n') == (5, -1)


@pytest.mark.parametrize("count", [of_tcpdump, of_dumpcap, of_line])
def test_a_tool_that_says_nothing_has_captured_nothing(count: object) -> None:
    assert callable(count)
    assert count("") == (0, -1)


def test_a_tool_that_does_not_count_its_losses_is_held_to_what_was_sent() -> None:
    assert Point(1.0, 1_000, 990, -1).lost == pytest.approx(0.01)
    assert Point(1.0, 1_000, 990, 0).lost == 0
    assert Point(1.0, 1_000, 1_005, -1).lost <= LOST


def test_the_load_is_whole_conversations_with_new_addresses() -> None:
    frames = conversation(4_000, 1)
    decoder, packet = Decoder(), Packet()
    flags = []
    for number, frame in enumerate(frames, 1):
        decoder.decode(frame, 0, len(frame), len(frame), 1, number, number, packet)
        assert packet.kind == TCP
        flags.append(frame[47])
    assert [flag & SYN for flag in flags] == [SYN, SYN, 0, 0, 0, 0, 0, 0, 0, 0]
    assert len(conversation(4_000, 24)) == 102
    assert [index for index, flag in enumerate(flags) if flag & FIN] == [7, 8]
    batch = Batch(frames, 0)
    batch.renew()
    first = batch.buffer.raw
    batch.renew()
    assert len(first) == len(batch.buffer.raw) == sum(map(len, frames))
    assert first != batch.buffer.raw
    assert CLIENT not in first
    assert batch.messages[1].vectors - batch.messages[0].vectors == 16
