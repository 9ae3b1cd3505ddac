"""Packets that nobody takes because of their checksum, and wrong sums that mean nothing."""
from __future__ import annotations

from pathlib import Path

import pytest
from taps import MS, START, codes, write
from wires import (
    ACK,
    EMPTY,
    FIN,
    PSEUDO,
    PSH,
    RIGHT,
    SYN,
    WRONG,
    A,
    B,
    analysed,
    echo,
    ether,
    finding,
    ip,
    tcp,
    udp,
    vxlan,
)

from analyzer.flows.checksums import MAX_SOUND
from analyzer.pipeline.run import Options, analyze

CODE = "packet.checksum"
WAITS = (0, 1000, 3000, 7000)


def segment(side: int, flags: int, seq: int, ack: int, data: bytes = b"", sums: str = RIGHT, version: int = 4) -> bytes:
    return ether(ip(side, tcp(side, flags, seq, ack, data, sums, version), 6, version))


def opened(version: int = 4, client: str = RIGHT, server: str = RIGHT) -> list[tuple[int, bytes]]:
    return [
        (0, segment(A, SYN, 100, 0, sums=client, version=version)),
        (20, segment(B, SYN | ACK, 500, 101, sums=server, version=version)),
        (21, segment(A, ACK, 101, 501, sums=client, version=version)),
        (22, segment(A, ACK | PSH, 101, 501, b"q" * 50, client, version)),
        (42, segment(B, ACK, 501, 151, sums=server, version=version)),
    ]


def closed(at: int, version: int = 4, client: str = RIGHT) -> list[tuple[int, bytes]]:
    return [
        (at, segment(A, ACK | FIN, 151, 1501, sums=client, version=version)),
        (at + 20, segment(B, ACK | FIN, 1501, 152, version=version)),
        (at + 21, segment(A, ACK, 152, 1502, sums=client, version=version)),
    ]


@pytest.mark.parametrize("version", [4, 6])
def test_syn_acks_that_the_client_drops(tmp_path: Path, version: int) -> None:
    frames = []
    for wait in WAITS:
        frames += [(wait, segment(A, SYN, 100, 0, version=version)),
                   (wait + 1, segment(B, SYN | ACK, 500, 101, sums=WRONG, version=version))]
    analysis = analysed(tmp_path, frames)
    found = finding(analysis, CODE)
    assert found is not None
    assert found.sentence.startswith("All 4 SYN-ACKs of")
    assert "TCP checksum" in found.sentence
    assert (found.severity, found.confidence, found.frames) == ("error", "likely", (2, 4, 6, 8))
    half = finding(analysis, "tcp.half_open")
    assert half is not None
    assert "checksum" in half.next_step


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("vlan", [0, 7])
def test_data_of_which_no_copy_is_right(tmp_path: Path, version: int, vlan: int) -> None:
    frames = opened(version)
    for wait in WAITS:
        frames.append((50 + wait, segment(B, ACK | PSH, 501, 151, b"d" * 1001, WRONG, version)))
    if vlan:
        frames = [(time, ether(frame[14:], vlan)) for time, frame in frames]
    analysis = analysed(tmp_path, frames)
    found = finding(analysis, CODE)
    assert found is not None
    assert (found.severity, found.confidence, found.frames) == ("error", "certain", (6, 7, 8, 9))
    assert "other packets of this sender have a right one" in found.basis
    unanswered = finding(analysis, "tcp.data_unanswered")
    assert unanswered is not None
    assert "host down" not in unanswered.next_step


def test_data_that_come_through_once_the_sum_is_right(tmp_path: Path) -> None:
    frames = [*opened(), (50, segment(B, ACK | PSH, 501, 151, b"d" * 1000, WRONG)),
              (300, segment(B, ACK | PSH, 501, 151, b"d" * 1000)), (301, segment(A, ACK, 151, 1501)), *closed(400)]
    found = finding(analysed(tmp_path, frames), CODE)
    assert found is not None
    assert (found.severity, found.frames) == ("note", (6, 7))
    assert "once its sum was not wrong (#7), 250 ms later" in found.sentence


@pytest.mark.parametrize("sums", [WRONG, PSEUDO, EMPTY])
@pytest.mark.parametrize("version", [4, 6])
def test_offload_of_the_sender_is_no_finding(tmp_path: Path, version: int, sums: str) -> None:
    """Also where something was lost: the resend looks as wrong as the first."""
    frames = [
        *opened(version, client=sums),
        (50, segment(A, ACK | PSH, 151, 501, b"l" * 100, sums, version)),
        (350, segment(A, ACK | PSH, 151, 501, b"l" * 100, sums, version)),
        (370, segment(B, ACK, 501, 251, version=version)),
        (400, segment(A, ACK | PSH, 251, 501, b"m" * 100, sums, version)),
        (1000, segment(A, ACK | PSH, 251, 501, b"m" * 100, sums, version)),
        (2200, segment(A, ACK | PSH, 251, 501, b"m" * 100, sums, version)),
        (3000, segment(B, ACK, 501, 251, version=version)),
    ]
    analysis = analysed(tmp_path, frames)
    assert "tcp.timeout" in codes(analysis)
    assert CODE not in codes(analysis)


@pytest.mark.parametrize("sums", [PSEUDO, EMPTY])
def test_what_the_card_fills_in_says_nothing_where_nobody_answers(tmp_path: Path, sums: str) -> None:
    frames = [(wait, segment(A, SYN, 100, 0, sums=sums)) for wait in WAITS] + [(9000, ether(ip(B, echo(B, 1), 1)))]
    analysis = analysed(tmp_path, frames)
    assert "tcp.unanswered" in codes(analysis)
    assert CODE not in codes(analysis)


def test_no_claim_from_one_direction_alone(tmp_path: Path) -> None:
    frames = [(time, frame) for time, frame in opened() if frame[26:30] == bytes((10, 0, 0, 2))]
    frames += [(50 + wait, segment(B, ACK | PSH, 501, 151, b"d" * 1001, WRONG)) for wait in WAITS]
    assert CODE not in codes(analysed(tmp_path, frames))


def test_no_claim_from_frames_that_are_cut(tmp_path: Path) -> None:
    frames = opened() + [(50 + wait, segment(B, ACK | PSH, 501, 151, b"d" * 1001, WRONG)) for wait in WAITS]
    path = Path(write(tmp_path / "whole.pcap", [(START + time * MS, frame) for time, frame in frames]))
    data, cut, at = path.read_bytes(), b"", 24
    cut = data[:at]
    while at < len(data):
        size = int.from_bytes(data[at + 8:at + 12], "little")
        kept = min(size, 96)
        cut += data[at:at + 8] + kept.to_bytes(4, "little") + data[at + 12:at + 16 + kept]
        at += 16 + size
    path.write_bytes(cut)
    analysis = analyze([str(path)], Options())
    assert "tcp.data_unanswered" in codes(analysis)
    assert CODE not in codes(analysis)


def test_bytes_that_a_sack_block_reports_were_taken(tmp_path: Path) -> None:
    """The ACK stays where a hole is; what lies behind it came, wrong sum or not."""
    block = b"\x01\x01\x05\x0a" + (1501).to_bytes(4) + (2501).to_bytes(4)
    frames = [
        *opened(),
        (50, segment(B, ACK | PSH, 1501, 151, b"d" * 1000, WRONG)),
        (51, ether(ip(A, tcp(A, ACK, 151, 501, options=block), 6))),
        (400, segment(B, ACK | PSH, 1501, 151, b"d" * 1000, WRONG)),
        (1400, segment(B, ACK | PSH, 1501, 151, b"d" * 1000, WRONG)),
        (2000, ether(ip(A, tcp(A, ACK, 151, 501, options=block), 6))),
    ]
    assert CODE not in codes(analysed(tmp_path, frames))


@pytest.mark.parametrize("version", [4, 6])
def test_the_outer_header_of_a_tunnel(tmp_path: Path, version: int) -> None:
    def carried(side: int, inner: bytes, sums: str) -> bytes:
        return ether(vxlan(side, ether(ip(side, inner, 6)), sums, version))

    frames = [(wait, carried(A, tcp(A, SYN, 100, 0), WRONG)) for wait in WAITS]
    frames += [(15_000, carried(A, tcp(A, SYN, 100, 0), EMPTY)),
               (15_002, carried(B, tcp(B, SYN | ACK, 500, 101), EMPTY)),
               (15_003, carried(A, tcp(A, ACK, 101, 501), EMPTY))]
    found = finding(analysed(tmp_path, frames), CODE)
    assert found is not None
    assert "4 SYNs of 10.0.0.1:40000 carry a wrong outer UDP checksum" in found.sentence
    assert "VXLAN 42" in found.sentence
    assert "(#5), 15.0 s later" in found.sentence
    # The same tunnel on the machine that sends, which takes all of it.
    assert CODE not in codes(analysed(tmp_path, [
        (0, carried(A, tcp(A, SYN, 100, 0), WRONG)), (1000, carried(A, tcp(A, SYN, 100, 0), WRONG)),
        (1020, carried(B, tcp(B, SYN | ACK, 500, 101), EMPTY)), (1021, carried(A, tcp(A, ACK, 101, 501), WRONG)),
    ]))


@pytest.mark.parametrize("version", [4, 6])
def test_a_wrong_ip_header_or_datagram(tmp_path: Path, version: int) -> None:
    def datagram(side: int, data: bytes, sums: str = RIGHT) -> bytes:
        return ether(ip(side, udp(side, data, sums, version), 17, version))

    frames = [(0, datagram(A, b"first")), (10, datagram(B, b"answer"))]
    frames += [(100 + wait, datagram(A, b"second", WRONG)) for wait in WAITS]
    found = finding(analysed(tmp_path, frames), CODE)
    assert found is not None
    assert "4 datagrams of" in found.sentence
    assert "UDP checksum" in found.sentence
    taken = [*frames, (7200, datagram(B, b"answer"))]
    assert CODE not in codes(analysed(tmp_path, taken))
    if version == 4:
        frames = [(wait, ether(ip(A, tcp(A, SYN, 100, 0), 6, sums=WRONG))) for wait in WAITS]
        frames += [(9000, segment(A, SYN, 100, 0)), (9001, segment(B, SYN | ACK, 500, 101)),
                   (9002, segment(A, ACK, 101, 501))]
        found = finding(analysed(tmp_path, frames), CODE)
        assert found is not None
        assert "wrong IP header checksum" in found.sentence


@pytest.mark.parametrize("version", [4, 6])
def test_echo_requests(tmp_path: Path, version: int) -> None:
    protocol = 1 if version == 4 else 58
    frames = [(wait, ether(ip(A, echo(A, number, WRONG, version), protocol, version)))
              for number, wait in enumerate(WAITS)]
    found = finding(analysed(tmp_path, frames), CODE)
    assert found is not None
    assert "no answer to any of them is in the capture" in found.sentence
    assert found.severity == "note"
    found = finding(analysed(tmp_path, [*frames, *[(20_000 + time, frame) for time, frame in opened()]]), CODE)
    assert found is not None
    assert "4 messages of" in found.sentence
    assert (found.severity, found.confidence) == ("warn", "possible")
    answered = [*frames, (7005, ether(ip(B, echo(B, 3, RIGHT, version, reply=True), protocol, version)))]
    assert CODE not in codes(analysed(tmp_path, answered))


def test_after_many_right_sums_only_resends_are_verified(tmp_path: Path) -> None:
    """So the first of the four sendings is not counted."""
    many = MAX_SOUND + 10
    frames = opened() + [(50, segment(B, ACK | PSH, 501 + 10 * at, 151, b"d" * 10)) for at in range(many)]
    frames.append((60, segment(A, ACK, 151, 501 + 10 * many)))
    frames += [(100 + wait, segment(B, ACK | PSH, 501 + 10 * many, 151, b"d" * 10, WRONG)) for wait in WAITS]
    found = finding(analysed(tmp_path, frames), CODE)
    assert found is not None
    assert found.sentence.startswith("3 segments of")
