"""Datagrams in fragments: what is missing of them, and fragments that contradict each other."""
from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from taps import MS, START, codes
from wires import A, B, analysed, ether, finding, ip, summed, tcp, udp

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

MISSING, CONTRADICT = "ip.fragments_missing", "ip.fragments_contradict"
SIZE = 1480
PAYLOAD = bytes(range(200)) * 20        # three fragments with the header of UDP


def fragments(version: int, body: bytes = b"", ident: int = 0x309, side: int = B, protocol: int = 17) -> list[bytes]:
    """The frames of one datagram."""
    body = body or udp(side, PAYLOAD, version=version)
    found = []
    for at in range(0, len(body), SIZE):
        found.append(piece(version, body[at:at + SIZE], at, at + SIZE < len(body), ident, side, protocol))
    return found


def piece(
    version: int, part: bytes, at: int, more: bool, ident: int = 0x309, side: int = B, protocol: int = 17
) -> bytes:
    if version == 4:
        return ether(ip(side, part, protocol, ident=ident, fragment=(0x2000 if more else 0) | at >> 3))
    return ether(ip(side, struct.pack("!BBHI", protocol, 0, at | more, ident) + part, 44, 6))


def report(version: int, quoted: bytes) -> bytes:
    """The receiver gave up: it quotes the first fragment."""
    kind = 11 if version == 4 else 3
    protocol = 1 if version == 4 else 58
    message = summed(struct.pack("!BBHI", kind, 1, 0, 0) + quoted[14:14 + 64], 2, "right", version, A, protocol)
    return ether(ip(A, message, protocol, version))


def three(version: int, missing: int, with_report: bool = False) -> list[tuple[int, bytes]]:
    frames: list[tuple[int, bytes]] = []
    for number in range(3):
        pieces = fragments(version, ident=0x309 + number)
        frames += [(1000 * number, one) for at, one in enumerate(pieces) if at != missing]
    if with_report:
        frames.append((30_000, report(version, fragments(version)[0])))
    return frames


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("vlan", [0, 9])
def test_a_fragment_missing_in_the_middle_of_each(tmp_path: Path, version: int, vlan: int) -> None:
    frames = [(time, ether(frame[14:], vlan)) for time, frame in three(version, 1, with_report=True)]
    analysis = analysed(tmp_path, frames)
    found = finding(analysis, MISSING)
    assert found is not None
    ends = ("10.0.0.2:5000", "10.0.0.1:40000") if version == 4 else ("[fd00::2]:5000", "[fd00::1]:40000")
    assert found.sentence == (
        f"3 UDP datagrams from {ends[0]} to {ends[1]} never became whole: of each the fragment at offset 1480 (1480 "
        "bytes) is missing, and the receiver reports that it gave up after 30.0 s (ICMP, #7)."
    )
    assert (found.severity, found.confidence, found.frames) == ("warn", "certain", tuple(range(1, 8)))
    assert not any(":17 " in str(end) for told in analysis.told for end in (told.conversation.originator,
                                                                              told.conversation.responder))
    transports = {told.conversation.transport for told in analysis.told}
    assert transports == {"fragments", "icmp" if version == 4 else "icmpv6"}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("missing", "says"), [
    (0, "the fragment at offset 0 (1480 bytes)"), (2, "what begins at offset 2960, the last fragment among it,"),
])
def test_the_first_or_the_last(tmp_path: Path, version: int, missing: int, says: str) -> None:
    found = finding(analysed(tmp_path, three(version, missing)), MISSING)
    assert found is not None
    assert says in found.sentence
    assert found.sentence.startswith("3 UDP datagrams")
    assert (":5000" in found.sentence) == (missing != 0)


@pytest.mark.parametrize("keep", [(1, 2), (0, 1)])
def test_what_the_edges_of_the_capture_may_have_missed(tmp_path: Path, keep: tuple[int, ...]) -> None:
    """The capture begins in the middle of the datagram, or ends there."""
    pieces = fragments(4)
    assert MISSING not in codes(analysed(tmp_path, [(at, pieces[at]) for at in keep]))
    others = [(5000, ether(ip(A, udp(A, b"later"), 17)))] if 0 in keep else []
    before = [(-5000, ether(ip(A, udp(A, b"early"), 17)))] if 0 not in keep else []
    frames = [*before, *[(at, pieces[at]) for at in keep], *others, (9000, ether(ip(A, udp(A, b"late"), 17)))]
    assert MISSING in codes(analysed(tmp_path, frames))


def test_what_the_snap_length_cuts_is_not_missing(tmp_path: Path) -> None:
    """Large fragments are cut; the short last one is not."""
    frames = [(at, frame) for at, frame in enumerate(fragments(4) + fragments(6))]
    frames += [(9000, ether(ip(A, udp(A, b"late"), 17)))]
    analysis = cut(tmp_path, frames, 1200)
    assert analysis.capture.truncated_frames == 4
    assert MISSING not in codes(analysis)
    # ... and what is missing among them is.
    del frames[1]
    found = finding(cut(tmp_path, frames, 1200), MISSING)
    assert found is not None
    assert "offset 1480" in found.sentence


def cut(path: Path, frames: list[tuple[int, bytes]], most: int) -> Analysis:
    records = b"".join(
        struct.pack("<IIII", (START + time * MS) // 10**9, (START + time * MS) % 10**9, min(len(data), most), len(data))
        + data[:most] for time, data in frames
    )
    name = path / "cut.pcap"
    name.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, most, 1) + records)
    return analyze([str(name)], Options())


def adjacent(frames: list[bytes]) -> list[bytes]:
    return [frame for frame in frames for _ in range(2)]


def after(frames: list[bytes]) -> list[bytes]:
    return frames + frames


def overtaken(frames: list[bytes]) -> list[bytes]:
    return [frames[0], frames[1], frames[0], frames[2], frames[1], frames[2]]


@pytest.mark.parametrize("order", [adjacent, after, overtaken])
def test_copies_of_fragments_are_not_datagrams_of_their_own(
    tmp_path: Path, order: Callable[[list[bytes]], list[bytes]]
) -> None:
    frames = [(at, frame) for at, frame in enumerate(order(fragments(4)))]
    analysis = analysed(tmp_path, [*frames, (9000, ether(ip(A, udp(A, b"late"), 17)))])
    assert not {MISSING, CONTRADICT} & {*codes(analysis)}


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_that_contradict_each_other(tmp_path: Path, version: int) -> None:
    pieces = fragments(version)
    other = piece(version, b"\xee" * SIZE, SIZE, True)
    analysis = analysed(tmp_path, [(0, pieces[0]), (1, pieces[1]), (2, other), (3, pieces[2])])
    found = finding(analysis, CONTRADICT)
    assert found is not None
    assert "Two fragments (#2, #3) of one UDP datagram" in found.sentence
    assert "the bytes at offsets 1480 to 2959" in found.sentence
    assert ("RFC 5722" in found.sentence) == (version == 6)
    assert (found.severity, found.confidence, found.frames) == ("warn", "certain", (2, 3))
    assert "attack" not in found.sentence
    # Also where the datagram never becomes whole.
    found = finding(analysed(tmp_path, [(0, pieces[0]), (1, pieces[1]), (2, other)]), CONTRADICT)
    assert found is not None


def test_overlaps_that_agree_are_no_finding(tmp_path: Path) -> None:
    body = udp(B, PAYLOAD)
    frames = [(0, piece(4, body[:1480], 0, True)), (1, piece(4, body[800:2400], 800, True)),
              (2, piece(4, body[1480:], 1480, False))]
    assert codes(analysed(tmp_path, frames)) == []


def test_a_later_datagram_with_the_same_identification_may_look_like_one(tmp_path: Path) -> None:
    """RFC 4963: 65 536 numbers go round soon."""
    pieces, others = fragments(4), fragments(4, udp(B, PAYLOAD[::-1]))
    frames = [(0, pieces[0]), (1, pieces[1]), (20_000, others[1]), (20_001, others[2])]
    found = finding(analysed(tmp_path, frames), CONTRADICT)
    assert found is not None
    assert "the later one may be of another datagram" in found.sentence
    assert (found.severity, found.confidence) == ("note", "possible")


def test_an_overlap_in_the_header_of_tcp(tmp_path: Path) -> None:
    segment = tcp(B, 2, 1, 0, b"x" * 100)
    frames = [(0, piece(4, segment[:40], 0, True, protocol=6)), (1, piece(4, b"\0" * 80, 8, True, protocol=6)),
              (2, piece(4, segment[88:], 88, False, protocol=6))]
    found = finding(analysed(tmp_path, frames), CONTRADICT)
    assert found is not None
    assert "RFC 1858 §4" in found.sentence


def test_a_report_of_another_datagram_is_none_of_this(tmp_path: Path) -> None:
    frames = [*three(4, 1), (30_000, report(4, fragments(4, ident=0x999)[0]))]
    found = finding(analysed(tmp_path, frames), MISSING)
    assert found is not None
    assert "gave up" not in found.sentence
    assert found.confidence == "likely"


def test_whole_datagrams_are_no_finding(tmp_path: Path) -> None:
    frames = [(at, frame) for at, frame in enumerate(fragments(4) + fragments(6))]
    assert codes(analysed(tmp_path, [*frames, (9000, ether(ip(A, udp(A, b"late"), 17)))])) == []


def test_one_fragment_that_only_the_capture_may_have_missed(tmp_path: Path) -> None:
    """Several datagrams that miss the same one are another thing, and so is the receiver's word."""
    frames = [(0, fragments(4)[0]), (1, fragments(4)[2])]
    late = (9000, ether(ip(A, udp(A, b"late"), 17)))
    found = finding(analysed(tmp_path, [*frames, late]), MISSING)
    assert found is not None
    assert (found.severity, found.confidence) == ("note", "possible")
    assert "the capture does not hold all fragments" in found.sentence
    found = finding(analysed(tmp_path, [*frames, (5000, report(4, fragments(4)[0])), late]), MISSING)
    assert found is not None
    assert found.severity == "warn"
