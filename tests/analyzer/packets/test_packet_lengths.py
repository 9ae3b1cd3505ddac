"""IP lengths that say nothing: the placeholders of frames captured before the network card filled them in."""
from __future__ import annotations

from struct import pack

import pytest
from packet_frames import decoded, eth, ip4, ip6, tcp, udp

from analyzer.explain.findings import findings
from analyzer.packet import OTHER_IP, TCP
from analyzer.packets.decode import Decoder
from analyzer.pipeline.run import Options, analyze


@pytest.mark.parametrize("total", [0, 20])
def test_a_placeholder_is_no_length(total: int) -> None:
    decoder = Decoder()
    packet = decoded(eth(ip4(tcp(bytes(4344)), total=total)), decoder=decoder)
    assert packet.kind == TCP
    assert packet.end - packet.transport == 20 + 4344
    assert not packet.undecoded
    assert (decoder.walk.unsized, decoder.walk.unsized_frames) == (1, [1])


@pytest.mark.parametrize("frame", [
    eth(ip4(tcp(), total=20)),                                      # no more than a short frame is padded to
    eth(ip4(bytes(600), total=20)),                                 # no TCP header follows
    eth(ip4(udp(bytes(600)), 17, total=20)),
    eth(ip4(tcp(bytes(600)), total=20, fragment=0x2000)),
], ids=["padding", "zeros", "udp", "fragment"])
def test_a_length_of_the_bare_header_is_believed_elsewhere(frame: bytes) -> None:
    decoder = Decoder()
    packet = decoded(frame, decoder=decoder)
    assert decoder.walk.unsized == 0
    assert packet.kind == OTHER_IP


def test_an_ipv6_packet_keeps_its_own_rule() -> None:
    packet = decoded(eth(ip6(tcp(bytes(9000)), length=0), 0x86DD))
    assert packet.end - packet.transport == 20 + 9000


def test_it_is_said_once(tmp_path: object) -> None:
    path = f"{tmp_path}/made.pcap"
    with open(path, "wb") as file:
        file.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for second in range(3):
            frame = eth(ip4(tcp(bytes(3000)), total=20))
            file.write(pack("<IIII", second, 0, len(frame), len(frame)) + frame)
    told = [finding for finding in findings(analyze([path], Options())) if finding.code == "capture.length"]
    assert [finding.frames for finding in told] == [(1, 2, 3)]
    assert told[0].sentence.startswith("3 packets carry TCP data")
