"""Loops of bridges and restless spanning trees, and what only looks like them."""
from __future__ import annotations

import socket
import struct
from pathlib import Path

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

MS = 1e-3
ONE, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
GROUP = bytes.fromhex("0180c2000000")


def question(station: bytes, wanted: str) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + station + socket.inet_aton("10.0.0.1") + bytes(6)
    return b"\xff" * 6 + station + b"\x08\x06" + body + socket.inet_aton(wanted)


def bpdu(station: bytes, kind: int = 0, flags: int = 0, root: int = 0x8000, vlan: int = 0) -> bytes:
    body = b"\0\0\0" + bytes((kind,))
    if kind != 0x80:
        identity = struct.pack("!H", root) + ONE
        body += bytes((flags,)) + identity + bytes(4) + identity + b"\x80\x01" + bytes(8)
    if vlan:
        cisco = b"\xaa\xaa\x03\x00\x00\x0c\x01\x0b" + body
        return bytes.fromhex("01000ccccccd") + station + struct.pack("!HHH", 0x8100, vlan, len(cisco)) + cisco
    return GROUP + station + struct.pack("!H", 3 + len(body)) + b"\x42\x42\x03" + body


def told(folder: Path, *frames: tuple[float, bytes]) -> Analysis:
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for at, frame in sorted(frames):
        octets += struct.pack("<IIII", 1_700_000_000 + int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame
    (folder / "made.pcap").write_bytes(octets)
    return analyze([str(folder / "made.pcap")], Options())


def found(analysis: Analysis) -> list[str]:
    return [f"{one.severity} {one.code}" for one in analysis.findings if one.code in (
        "link.loop", "link.topology_changes", "link.root_changes")]


def test_frames_of_two_machines_that_go_round_are_a_loop(tmp_path: Path) -> None:
    frames = [
        (number * MS + start, question(station, "10.0.0.9"))
        for start, station in ((0.1, ONE), (0.1004, OTHER)) for number in range(150)
    ]
    made = told(tmp_path, *frames)
    assert found(made) == ["error link.loop"]
    sentence = next(one.sentence for one in made.findings if one.code == "link.loop")
    assert sentence == (
        "2 frames to everybody or to a group, from 02:00:00:00:00:01 and 02:00:00:00:00:02, came again and "
        "again, 300 times within "
        "149 ms and the same octet for octet: the link has a loop, and its bridges send them round."
    )
    assert made.findings[0].code == "link.loop"
    assert found(told(tmp_path, *frames[:150])) == []
    alone = told(tmp_path, *[(number * MS, question(ONE, "10.0.0.9")) for number in range(1200)])
    assert found(alone) == ["warn link.loop"]
    assert "or that machine floods it" in alone.findings[0].sentence


def test_what_is_copied_at_once_or_asked_for_often_is_none(tmp_path: Path) -> None:
    mirrored = [
        (second + copy * 2e-6, question(station, f"10.0.0.{wanted}"))
        for second in range(3) for copy in range(200) for wanted, station in ((8, ONE), (9, OTHER))
    ]
    assert found(told(tmp_path, *mirrored)) == []
    patient = [(number * 0.2, question(station, "10.0.0.9")) for number in range(300) for station in (ONE, OTHER)]
    assert found(told(tmp_path, *patient)) == []
    swept = [(number * MS / 4, question(ONE, f"10.1.{number >> 8}.{number & 255}")) for number in range(2000)]
    assert found(told(tmp_path, *swept)) == []


def test_changes_of_the_tree_are_counted_and_not_the_frames_that_tell_of_them(tmp_path: Path) -> None:
    def changing(at: int, vlan: int = 0) -> list[tuple[float, bytes]]:
        return [(at + second, bpdu(ONE, flags=1, vlan=vlan)) for second in range(8)]

    calm = [(float(at), bpdu(ONE)) for at in range(0, 100, 2)]
    assert found(told(tmp_path, *calm)) == []
    assert found(told(tmp_path, *calm, *changing(20))) == ["note link.topology_changes"]
    assert found(told(tmp_path, *calm, (19.5, bpdu(OTHER, 0x80)), *changing(20))) == ["note link.topology_changes"]
    often = told(tmp_path, *calm, *changing(20), *changing(40), *changing(60))
    assert found(often) == ["warn link.topology_changes"]
    assert "3 times within 40.0 s" in often.findings[0].sentence
    apart = told(tmp_path, *[frame for vlan in (7, 8, 9) for frame in changing(20, vlan)])
    assert "topology once" in next(one.sentence for one in apart.findings if one.code == "link.topology_changes")


def test_a_root_that_changes_once_is_a_bridge_that_came_to_know_a_better_one(tmp_path: Path) -> None:
    def of(*roots: int) -> list[str]:
        return found(told(tmp_path, *[(2.0 * at, bpdu(ONE, 2, root=root)) for at, root in enumerate(roots)]))

    assert of(0x8000, 0x8000, 0x1000, 0x1000) == ["note link.root_changes"]
    assert of(0x8000, 0x1000, 0x8000, 0x1000) == ["warn link.root_changes"]
    assert of(*[0x8000] * 5) == []
    trunk = [(2.0 * at, bpdu(ONE, root=root, vlan=vlan)) for vlan in range(5, 9) for at, root in enumerate((1, 2, 2))]
    assert found(told(tmp_path, *trunk)) == ["note link.root_changes"]


def in_vlan(vlan: int, frame: bytes) -> bytes:
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


def leaks(analysis: Analysis) -> list[str]:
    return [one.sentence for one in analysis.findings if one.code == "link.vlan_leak"]


def test_frames_of_two_machines_that_come_in_two_vlans_are_a_leak(tmp_path: Path) -> None:
    def both(station: bytes, wanted: str, at: float, first: int = 10, second: int = 20) -> list[tuple[float, bytes]]:
        asked = question(station, wanted)
        return [(at, in_vlan(first, asked)), (at + MS, in_vlan(second, asked))]

    crossing = both(ONE, "10.0.0.8", 0) + both(ONE, "10.0.0.9", 1) + both(OTHER, "10.0.0.8", 2, 20, 10)
    assert leaks(told(tmp_path, *crossing)) == [
        "Frames of one VLAN came in another one as well, the same octet for octet but for the tag: 2 of VLAN 10 in "
        "VLAN 20 and 1 of VLAN 20 in VLAN 10, from 02:00:00:00:00:01 and 02:00:00:00:00:02 within 2.00 s. Something "
        "joins the two."
    ]
    assert leaks(told(tmp_path, *crossing[:4])) == []            # of one machine, which may have a foot in both
    late = [(at * 3 if number % 2 else at, frame) for number, (at, frame) in enumerate(crossing)]
    assert leaks(told(tmp_path, *[(at + 0.1 * (number % 2), frame) for number, (at, frame) in enumerate(late)])) == []
    other_priority = [(at, frame[:14] + bytes((frame[14] | 0xE0,)) + frame[15:]) for at, frame in crossing]
    assert len(leaks(told(tmp_path, *other_priority))) == 1


def test_a_tag_more_or_less_and_what_belongs_to_no_vlan_alone_are_no_leak(tmp_path: Path) -> None:
    asked = [question(station, f"10.0.0.{wanted}") for station in (ONE, OTHER) for wanted in (7, 8, 9)]
    untagged = [
        (at + 0.001 * copy, in_vlan(10, one) if copy else one) for at, one in enumerate(asked) for copy in (0, 1)
    ]
    assert leaks(told(tmp_path, *untagged)) == []
    stacked = [
        (at + 0.001 * copy, in_vlan(100, in_vlan(10, one)) if copy else in_vlan(10, one))
        for at, one in enumerate(asked) for copy in (0, 1)
    ]
    assert leaks(told(tmp_path, *stacked)) == []
    probes = [one[:28] + bytes(4) + one[32:] for one in asked]        # of machines that have no address yet
    in_both = [
        (at + 0.001 * copy, in_vlan(20 if copy else 10, one)) for at, one in enumerate(probes) for copy in (0, 1)
    ]
    assert leaks(told(tmp_path, *in_both)) == []
