"""Frames of a told conversation whose places were not kept are found again: everything is told as if they had been."""
from __future__ import annotations

import gzip
import os
import socket
import struct
import threading
from pathlib import Path

import pytest
from http_captures import Wire

from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.ingest.open import open_capture
from analyzer.model import Analysis
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder
from analyzer.pipeline import run
from analyzer.pipeline.rest import Rest
from analyzer.pipeline.run import Options, analyze
from analyzer.pipeline.survey import Survey
from dissectors.kit.event import TRANSFER
from dissectors.registry import protocols

CLIENT, SERVER = 0, 1
START = 1_700_000_000_000_000_000
KEPT = 20      # places of a conversation
Frame = tuple[int, bytes]


def opened(port: int, start: int, number: int = 1_000) -> Wire:
    """A connection after its handshake. number: the client's first one."""
    wire = Wire(opened=False)
    wire.ports = (port, 80)
    wire.now = start
    wire.next[CLIENT] = number
    for side, flags in ((CLIENT, 2), (SERVER, 18)):
        wire.put(side, flags)
        wire.next[side] += 1
    wire.put(CLIENT, 16)
    return wire


def download(port: int, segments: int, lost: set[int], start: int) -> list[Frame]:
    """One response in many segments. Some of them are lost, and sent again five segments later."""
    wire = opened(port, start)
    wire.say(CLIENT, b"GET /big HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    wire.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (segments * 1_000))
    hole = 0
    for count in range(segments):
        if count in lost:
            hole = wire.next[SERVER]
            wire.next[SERVER] += 1_000
            continue
        wire.say(SERVER, bytes([count & 255]) * 1_000)
        high = wire.next[SERVER]
        if hole and count - 5 in lost:      # the acknowledgments in between have asked for it
            wire.next[SERVER] = hole
            wire.put(SERVER, 24, bytes(1_000))
            hole, wire.next[SERVER] = 0, high
        wire.next[SERVER] = hole or high
        wire.put(CLIENT, 16)
        wire.next[SERVER] = high
    wire.close()
    return wire.frames


def exchanges(port: int, count: int, start: int, first: int = 1_000) -> list[Frame]:
    """Many requests on one connection, one of them answered with an error."""
    wire = opened(port, start, first)
    for number in range(count):
        wire.say(CLIENT, b"GET /item/%d HTTP/1.1\r\nHost: shop.test\r\n\r\n" % number)
        status = b"503 Service Unavailable" if number == count // 2 else b"200 OK"
        wire.say(SERVER, b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\nbody", 20_000_000)
    wire.close(CLIENT)
    return wire.frames


def datagram(source: int, payload: bytes, ports: tuple[int, int] = (4_000, 53)) -> bytes:
    ends = (socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2"))
    segment = struct.pack("!HHHH", ports[source], ports[1 - source], 8 + len(payload), 0) + payload
    return b"\x02" * 12 + b"\x08\x00" + struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 17, 0
    ) + ends[source] + ends[1 - source] + segment


def lookups(count: int, start: int) -> list[Frame]:
    frames = []
    for number in range(count):
        name = b"\x05n%04d\x04test\x00" % number + b"\x00\x01\x00\x01"
        frames.append((start + number * 9_000_000, datagram(0, struct.pack("!6H", number, 256, 1, 0, 0, 0) + name)))
        answer = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 300, 4) + socket.inet_aton(f"10.1.1.{number % 9 + 1}")
        message = struct.pack("!6H", number, 0x8180, 1, 1, 0, 0) + name + answer
        frames.append((start + number * 9_000_000 + 2_000_000, datagram(1, message)))
    return frames


def unreachable(quoted: bytes) -> bytes:
    """A router's ICMP error about a packet."""
    message = b"\x03\x01\x00\x00\x00\x00\x00\x00" + quoted[14:42]
    return b"\x02" * 12 + b"\x08\x00" + struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 64, 1, 0
    ) + socket.inet_aton("10.0.0.254") + socket.inet_aton("10.0.0.1") + message


def tagged(frames: list[Frame], vlan: int) -> list[Frame]:
    return [(time, frame[:12] + b"\x81\x00" + vlan.to_bytes(2) + frame[12:]) for time, frame in frames]


def over_ipv6(frames: list[Frame]) -> list[Frame]:
    """The same segments between fd00::a00:1 and fd00::a00:2."""
    return [
        (time, frame[:12] + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(frame) - 34, frame[23], 64)
         + b"\xfd" + bytes(11) + frame[26:30] + b"\xfd" + bytes(11) + frame[30:34] + frame[34:])
        for time, frame in frames
    ]


def capture() -> list[Frame]:
    """Conversations that go on at the same time, some of them one after another with the same ports."""
    second = 1_000_000_000
    again = exchanges(40_003, 40, 3 * second, 9_000_000)
    early = exchanges(40_003, 40, 0)
    frames = [
        *download(40_001, 300, {50, 200}, 0), *download(40_002, 120, set(), second // 2), *early,
        *((time + 60 * second, frame) for time, frame in again), *lookups(60, second),
        *tagged(exchanges(40_004, 50, second), 7), *tagged(download(40_005, 60, {30}, second), 9),
        *download(40_006, 3, set(), 0), *over_ipv6(download(40_007, 60, {30}, second)),
    ]
    unlucky = [frame for frame in lookups(60, second) if frame[1][34:36] == b"\x0f\xa0"][40]
    frames.append((unlucky[0] + 1_000_000, unreachable(unlucky[1])))
    broken = bytearray(frames[100][1])
    broken[46] = 0x40       # a TCP header of 16 octets, which belongs to no conversation
    frames += [(frames[100][0] + 1 + at, bytes(broken)) for at in range(5)]
    frames.sort(key=lambda entry: entry[0])
    return frames


def pcap(frames: list[Frame]) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1) + b"".join(
        struct.pack("<IIII", *divmod(START + time, 1_000_000_000), len(frame), len(frame)) + frame
        for time, frame in frames
    )


def pcapng(frames: list[Frame]) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    blocks = [
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)),
    ]
    for time, frame in frames:
        high, low = divmod(START + time, 1 << 32)
        blocks.append(block(6, struct.pack("<IIIII", 0, high, low, len(frame), len(frame)) + frame))
    return b"".join(blocks)


def stored(folder: Path, frames: list[Frame], way: str) -> str:
    """The capture as a file of some kind, or as a pipe that somebody writes into."""
    path = folder / way
    if way == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(pcap(frames),), daemon=True).start()
    elif way == "gz":
        path.write_bytes(gzip.compress(pcap(frames)))
    else:
        path.write_bytes(pcapng(frames) if way == "pcapng" else pcap(frames))
    return str(path)


def everything(analysis: Analysis) -> list[tuple[object, ...]]:
    """All that is said of each conversation, and of the capture."""
    out: list[tuple[object, ...]] = []
    for told in analysis.told:
        conversation = told.conversation
        out.append((conversation.number, conversation.state, conversation.start_ns, conversation.end_ns))
        for phase in told.phases:
            out.append((phase.title, phase.start_ns, phase.end_ns, *phase.facts, *phase.left_out))
            out += [(event.name, event.time, event.evidence.frames, event.what()) for event in phase.events]
    out += [(found.code, found.frames, found.sentence) for found in analysis.findings]
    out += [(row.label, row.text, row.start_ns, row.end_ns) for row in analysis.story]
    return out + [(text,) for text in analysis.left_out]


def few_places(monkeypatch: pytest.MonkeyPatch, more: int = 0) -> None:
    """As in a capture of very many frames: the places of the first frames of each conversation are kept, and so many
    more."""
    monkeypatch.setattr(run, "FULL_FRAMES", more)
    monkeypatch.setattr(run, "RECORD_CAP", KEPT)


@pytest.mark.parametrize("more", [0, 1, 200])
@pytest.mark.parametrize("way", ["file", "pcapng", "pipe", "gz"])
def test_all_frames_of_a_conversation_are_told(
    way: str, more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = capture()
    expected = everything(analyze([stored(tmp_path, frames, "whole")], Options()))
    names = {one[0] for one in expected}
    assert {"tcp.loss", "icmp.error", "http.exchange", "dns.response"} <= names, sorted(str(name) for name in names)
    few_places(monkeypatch, more)
    found = everything(analyze([stored(tmp_path, frames, way)], Options()))
    assert found == expected


def mirrored(port: int, count: int, start: int) -> list[Frame]:
    """A connection whose directions come under a VLAN each."""
    frames = exchanges(port, count, start)
    return [
        (time, frame[:12] + b"\x81\x00" + (30 if frame[34:36] == port.to_bytes(2) else 31).to_bytes(2) + frame[12:])
        for time, frame in frames
    ]


def read(path: str, **options: object) -> Analysis:
    return analyze([path], Options(**options))  # type: ignore[arg-type]


def left_out(analysis: Analysis) -> list[str]:
    return [text for told in analysis.told for phase in told.phases for text in phase.left_out]


def test_a_connection_with_a_vlan_for_each_direction_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path, mirrored(40_001, 60, 0), "file")
    expected = everything(read(path))
    assert sum(one[0] == "http.exchange" for one in expected) == 60
    few_places(monkeypatch)
    assert everything(read(path)) == expected


@pytest.mark.parametrize("way", ["file", "pcapng", "gz"])
def test_beyond_the_budget_each_conversation_gets_a_share(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small one is told whole, the large ones share what it leaves; how much was read is said first."""
    few_places(monkeypatch)
    monkeypatch.setattr(run, "MAX_TOLD", 430)
    frames = [*download(40_001, 200, set(), 0), *download(40_002, 5, set(), 0), *exchanges(40_003, 200, 0)]
    frames.sort(key=lambda entry: entry[0])
    analysis = read(stored(tmp_path, frames, way))
    counted = [text for text in left_out(analysis) if "counted but not told" in text]
    assert len(counted) == 2
    small, = [told for told in analysis.told if told.conversation.originator.port == 40_002]
    rest = (430 - sum(small.conversation.frames)) // 2
    total = sum([sum(told.conversation.frames) for told in analysis.told])
    unread = 0
    for told in analysis.told:
        transfer = next(phase for phase in told.phases if phase.rank == TRANSFER)
        assert transfer.end_ns > told.conversation.end_ns - 100_000_000, "it lasts as long as its octets came"
        if told is not small:
            # What may end a connection is told all the same: both FINs, and the last ACK.
            unread += sum(told.conversation.frames) - rest - 3
            assert f"{sum(told.conversation.frames) - rest - 3} frames after" in "\n".join(
                [text for phase in told.phases for text in phase.left_out]
            )
    assert analysis.capture.unread.startswith(f"Of {total} frames of the conversations that are told, {unread} were")
    assert analysis.capture.unread in analysis.left_out
    # Nothing is concluded from what was not read: one answer was an error, and that was read.
    assert {found.code for found in analysis.findings if found.severity in ("warn", "error")} == {"http.server_error"}


def test_a_conversation_asked_for_is_told_whole_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_places(monkeypatch)
    monkeypatch.setattr(run, "MAX_TOLD", 30)
    path = stored(tmp_path, exchanges(40_003, 200, 0), "file")
    assert any("counted but not told" in text for text in left_out(read(path)))
    named = read(path, conversations=(1,))
    assert not named.capture.unread
    assert sum(one[0] == "http.exchange" for one in everything(named)) == 200


@pytest.mark.parametrize("way", ["file", "gz"])
def test_frames_out_of_order_behind_what_is_kept_are_not_read(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look would have to put them in order, and it sees only frames whose places were kept."""
    few_places(monkeypatch)
    frames = exchanges(40_003, 40, 0)
    frames[60], frames[61] = frames[61], frames[60]
    analysis = read(stored(tmp_path, frames, way))
    assert any("counted but not told" in text for text in left_out(analysis))
    assert analysis.capture.unread


def test_copies_that_the_first_look_found_are_not_told_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_places(monkeypatch)
    frames = [
        (time + 20_000 * at, frame[:22] + bytes([64 - at]) + frame[23:])
        for time, frame in exchanges(40_003, 40, 0) for at in range(2)
    ]
    analysis = read(stored(tmp_path, frames, "file"))
    said = everything(analysis)
    assert any(one[0] == "capture_copies" for one in said)
    assert any("counted but not told" in text for text in left_out(analysis))
    assert not {"tcp.spurious", "tcp.loss", "tcp.duplicates"} & {one[0] for one in said}


def test_events_of_a_kind_are_counted_where_there_are_too_many(tmp_path: Path) -> None:
    path = stored(tmp_path, exchanges(40_003, 3_500, 0), "file")
    analysis = read(path)
    told, = analysis.told
    events = [event for phase in told.phases for event in phase.events]
    assert len(events) <= 10_100
    assert {"tcp.fin", "tcp.closed"} <= {event.name for event in events}, "what ends it is kept"
    text, = [text for text in left_out(analysis) if "counted and not kept" in text]
    kept = sum(event.name == "http.exchange" for event in events)
    assert f"{3_500 - kept} http.exchange" in text.replace("\u202f", "").replace("\u00a0", "")
    phase, = [phase for phase in told.phases if any("counted and not kept" in text for text in phase.left_out)]
    assert phase.end_ns > told.conversation.end_ns - 1_000_000_000, "it goes on as long as what was counted"
    assert told.observed.blind(0, int(events[-1].time) - 2_000_000_000) is not None
    whole = read(path, conversations=(1,))
    assert sum(event.name == "http.exchange" for phase in whole.told[0].phases for event in phase.events) == 3_500


@pytest.mark.parametrize("way", ["file", "gz"])
def test_a_page_shows_the_bytes_of_frames_that_were_found_again(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = exchanges(40_003, 40, 0)
    path = stored(tmp_path, frames, way)
    expected = read(path, graphs=True)
    few_places(monkeypatch)
    found = read(path, graphs=True)
    assert found.octets == expected.octets
    assert len(found.octets) > 80
    assert found.octets[81] == (frames[80][1], 0)
    assert [points.segments for points in found.told[0].points] == [
        points.segments for points in expected.told[0].points
    ]


def test_the_cheap_test_of_a_frame_passes_every_frame_that_is_wanted(tmp_path: Path) -> None:
    """Whatever carries it; and of plain frames of other conversations none."""
    frames = capture()
    source = open_capture([stored(tmp_path, frames, "file")])
    survey = Survey(source, Keeper(KEEP_ALL), NameBook(protocols()), 1_000, KEPT)
    while survey.step():
        pass
    rest = Rest()
    flows = [flow for flow in survey.keeper.chosen(0) if flow.rest is not None and flow.number != 1]
    for owner, flow in enumerate(flows):
        assert flow.rest is not None
        rest.add(flow, flow.rest, owner)
    decoder, packet = Decoder(), Packet()
    found, passed = [0] * len(flows), 0
    again = source.reopen()
    while again.next():
        likely = rest.likely(again.data, again.start, again.end, again.link)
        decoder.decode(
            again.data, again.start, again.end, again.length, again.link, again.number, again.time, packet
        )
        wanted = rest.find(packet)
        assert likely or not wanted
        passed += likely
        for member in rest.found:
            found[member.owner] += 1
    assert found == [flow.unrecorded for flow in flows]
    unwanted = survey.keeper.chosen(0)[0]
    assert passed <= len(frames) - unwanted.recorded - unwanted.unrecorded
