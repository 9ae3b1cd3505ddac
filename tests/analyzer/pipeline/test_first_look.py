"""Captures that do not show the packets as they were sent: what is told is what was sent."""
from __future__ import annotations

import gzip
import struct
import time
from pathlib import Path

import pytest
from taps import (
    ACK,
    CLIENT,
    MS,
    SECOND,
    SERVER,
    START,
    Seen,
    Sent,
    at_client,
    at_server,
    by_time,
    codes,
    download,
    ether,
    events,
    frame,
    names,
    told,
    write,
)

from analyzer.flows.clock import steps_of
from analyzer.flows.sightings import Sighting
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.pipeline.timeline import MAX_STEPS
from analyzer.report.terminal_conversation import number_pieces, title_pieces
from dissectors.kit.captured import ClockSet, CopiesSeen, OrderSet
from dissectors.protocols.icmp import RoutingLoop

# What a copy, or a wrong order, is taken for where it is not known.
MISTAKES = {
    "tcp.loss", "tcp.timeout", "tcp.spurious", "tcp.syn_resent", "tcp.keep_alive_unanswered", "tcp.not_ended",
    "tcp.reordering", "tcp.challenge", "tcp.data_unanswered", "capture.loss", "capture.gap", "dns.mismatch",
    "dns.retried",
}


def sound(analysis: Analysis) -> bool:
    """One download, each of its packets once, closed in order."""
    assert not MISTAKES & {*codes(analysis)}, [finding.sentence for finding in analysis.findings]
    assert len(analysis.told) == 1
    assert "tcp.closed" in names(analysis)
    return True


def later(packets: list[Sent], by: int, ttl: int = 64, version: int = 4, vlan: int = 0) -> list[Seen]:
    """The same packets at a second tap."""
    return [Seen(packet.time + by, packet, ttl, vlan, version) for packet in packets]


@pytest.mark.parametrize("by", [10_000, 5 * MS, 40 * MS])
@pytest.mark.parametrize(("stamps", "idents", "version"), [
    (True, True, 4), (False, True, 4), (True, False, 6), (False, False, 6),
])
def test_copies_are_told_once(tmp_path: Path, by: int, stamps: bool, idents: bool, version: int) -> None:
    packets = download(stamps=stamps, idents=idents)
    seen = by_time(later(packets, 0, 64, version) + later(packets, by, 64, version))
    analysis = told(tmp_path, seen)
    assert sound(analysis)
    copies = next(event for event in events(analysis) if isinstance(event, CopiesSeen))
    assert (sum(copies.copies.again), sum(copies.copies.packets)) == (len(packets), len(packets))
    assert copies.copies.middle_ns == by
    conversation = analysis.told[0].conversation
    once = told(tmp_path, by_time(later(packets, 0, 64, version))).told[0].conversation
    assert (conversation.sent_frames(), conversation.sent_payload()) == (once.frames, once.payload)
    assert conversation.frames == [2 * count for count in once.frames]
    assert conversation.as_sent is not None
    assert conversation.as_sent.copies == len(packets)
    assert conversation.as_sent.flags == [{}, {}]
    text = " · ".join([*title_pieces(conversation), *number_pieces(conversation, "normal")])
    assert f"beside {len(packets)} frames that " in text
    assert "×" not in text


def test_both_ends_in_one_file_are_two_sightings_each(tmp_path: Path) -> None:
    packets = download(30)
    analysis = told(tmp_path, by_time(at_client(packets) + at_server(packets)))
    assert sound(analysis)
    finding = next(finding for finding in analysis.findings if finding.code == "capture.duplicates")
    assert finding.sentence == (
        f"Each of the {len(packets)} packets is in the capture twice, 10.0 ms apart, with TTL 64 and 58: they were "
        "captured at two places on their way."
    )


def with_mss(seen: list[Seen], client: int, server: int) -> list[Seen]:
    return [one._replace(mss=(client, server)[one.packet.side]) for one in seen]


@pytest.mark.parametrize(("stamps", "idents"), [(True, True), (False, True), (True, False), (False, False)])
def test_a_syn_with_another_mss_at_another_place_is_the_same_packet(tmp_path: Path, stamps: bool, idents: bool) -> None:
    """A machine on the way clamps it: no packet is sent again, and what changed is told."""
    packets = download(30, stamps=stamps, idents=idents)
    analysis = told(tmp_path, by_time(
        with_mss(at_client(packets), 1460, 1360) + with_mss(at_server(packets), 1360, 1460)
    ))
    assert sound(analysis)
    assert "tcp.syn_resent" not in codes(analysis)
    one, two = [finding for finding in analysis.findings if finding.code == "tcp.mss_changed"]
    assert "SYN of 10.0.0.1:40000: 1460 in #1, 1360 in #2." in one.sentence
    assert "carries 1400 bytes" in one.sentence
    assert "SYN of 10.0.0.2:8080: 1460 in #3, 1360 in #4." in two.sentence
    assert one.severity == "note"


def test_the_same_mss_at_both_places_is_nothing(tmp_path: Path) -> None:
    packets = download(30)
    seen = by_time(with_mss(at_client(packets) + at_server(packets), 1460, 1460))
    assert "tcp.mss_changed" not in codes(told(tmp_path, seen))


def test_a_syn_that_is_sent_again_with_a_smaller_mss_is_no_clamping(tmp_path: Path) -> None:
    packets = download(30)
    first = packets[0]
    again = first._replace(time=first.time - SECOND, ident=first.ident + 500, stamp=first.stamp - 1000)
    seen = [*with_mss(at_client([again]), 1460, 1460), *with_mss(at_client(packets), 536, 1460)]
    assert "tcp.mss_changed" not in codes(told(tmp_path, by_time(seen)))


def test_two_files_are_two_observers(tmp_path: Path) -> None:
    packets = download(30)
    ends = [
        write(tmp_path / f"{name}.pcap", [(one.time, frame(one)) for one in by_time(seen)])
        for name, seen in (("client", at_client(packets)), ("server", at_server(packets)))
    ]
    assert sound(analyze(ends, Options(everything=True)))


def resent(idents: bool, stamps: bool) -> list[Sent]:
    """The sixth data segment is lost on its way and comes again after 30 ms; three duplicate ACKs ask for it."""
    packets = download(12, stamps=stamps, idents=idents)
    data = [packet for packet in packets if packet.length == 1000]
    lost = data[5]
    again = lost._replace(
        time=lost.time + 30 * MS, ident=lost.ident + 500 if idents else 0, stamp=lost.stamp + 30 if stamps else -1
    )
    out: list[Sent] = []
    for packet in packets:
        missing = packet.side == CLIENT and lost.seq < packet.ack <= lost.seq + 7000 and not packet.flags & 1
        if missing and packet.time < again.time + 10 * MS:
            out.append(packet._replace(ack=lost.seq))
        else:
            out.append(packet)
    return [*out, again]


@pytest.mark.parametrize(("idents", "stamps"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_resend_seen_at_both_places_stays_one(tmp_path: Path, idents: bool, stamps: bool) -> None:
    version = 4 if idents else 6
    packets = resent(idents, stamps)
    lost = [packet for packet in packets if packet.length == 1000][5]
    seen = [one._replace(version=version) for one in at_server(packets)]
    seen += [one._replace(version=version) for one in at_client(packets) if one.packet != lost]
    analysis = told(tmp_path, by_time(seen))
    sentences = [finding.sentence for finding in analysis.findings if finding.code.startswith("tcp.")]
    assert [text for text in sentences if "1 segment" in text and "1000 bytes" in text], analysis.findings
    copies = next(event for event in events(analysis) if isinstance(event, CopiesSeen)).copies
    assert sum(copies.packets) - sum(copies.again) == 1


def test_a_resend_alone_is_no_copy(tmp_path: Path) -> None:
    lost = [packet for packet in resent(True, True) if packet.length == 1000][5]
    seen = [one for one in at_server(resent(True, True)) if one.packet is not lost]
    analysis = told(tmp_path, by_time(seen))
    assert "capture.duplicates" not in codes(analysis)


def test_a_number_that_never_changes_names_no_packet(tmp_path: Path) -> None:
    """Some devices send every packet with the same IP identification; a resend of theirs stays a resend."""
    packets = [packet._replace(ident=77, stamp=-1) for packet in resent(True, True)]
    analysis = told(tmp_path, by_time(at_server(packets)))
    assert "capture.duplicates" not in codes(analysis)
    assert any("resend 1 segment" in finding.sentence for finding in analysis.findings)


def test_one_connection_in_two_vlans_is_one(tmp_path: Path) -> None:
    packets = download()
    analysis = told(tmp_path, by_time(later(packets, 0) + later(packets, 10_000, 63, vlan=30)))
    assert sound(analysis)
    assert analysis.capture.conversations == 1
    finding = next(finding for finding in analysis.findings if finding.code == "capture.duplicates")
    assert "once untagged and once in VLAN 30" in finding.sentence
    conversation = analysis.told[0].conversation
    assert sum(conversation.sent_frames()) == len(packets)


def test_the_same_ends_in_two_vlans_with_packets_of_their_own_are_two(tmp_path: Path) -> None:
    one = download()
    other = [
        packet._replace(
            seq=packet.seq + 9000, ack=packet.ack + 9000 if packet.ack else 0, ident=packet.ident + 9000
        ) for packet in one
    ]
    analysis = told(tmp_path, by_time(later(one, 0, vlan=10) + later(other, 10_000, vlan=20)))
    assert len(analysis.told) == 2
    assert "capture.duplicates" not in codes(analysis)


def test_a_loop_is_no_copy_and_no_resend(tmp_path: Path) -> None:
    packets = download()
    request = next(packet for packet in packets if packet.length == 100)
    round_trips = [Seen(request.time + at * 300_000, request, 64 - 2 * at) for at in range(30)]
    seen = [one for one in later(packets, 0) if one.packet is not request]
    analysis = told(tmp_path, by_time(seen + round_trips))
    loop = next(event for event in events(analysis) if isinstance(event, RoutingLoop))
    assert (loop.packets, loop.most, loop.hops) == (1, 30, (64, 6))
    assert not MISTAKES & {*codes(analysis)}
    assert "capture.duplicates" not in codes(analysis)


@pytest.mark.parametrize("late", [CLIENT, SERVER])
@pytest.mark.parametrize("by", [300_000, 4 * MS, 60 * MS])
@pytest.mark.parametrize("stamps", [True, False])
def test_a_direction_that_is_stamped_late_is_set_right(tmp_path: Path, late: int, by: int, stamps: bool) -> None:
    seen = [
        one._replace(time=one.time + (by if one.packet.side == late else 0))
        for one in at_client(download(20, stamps=stamps))
    ]
    analysis = told(tmp_path, by_time(seen))
    assert sound(analysis)
    order = [event for event in events(analysis) if isinstance(event, OrderSet)]
    if order:
        assert (order[0].late, order[0].shifted) == (late, True)
        assert 0 < order[0].lag_ns <= by
    assert order or (late, by) == (CLIENT, 300_000) or by < 20 * MS      # nothing that is impossible: nothing to see


def test_a_file_in_blocks_is_sorted(tmp_path: Path) -> None:
    seen = by_time(at_client(download(20)))
    blocks = [one for at in range(0, len(seen), 16) for side in (SERVER, CLIENT)
              for one in seen[at:at + 16] if one.packet.side == side]
    analysis = told(tmp_path, blocks)
    assert sound(analysis)
    order = next(event for event in events(analysis) if isinstance(event, OrderSet))
    assert order.unsorted > 0
    assert "capture.order" in codes(analysis)


def test_a_compressed_file_is_told_alike(tmp_path: Path) -> None:
    """It cannot be read at a place, so frames are held until their turn."""
    seen = by_time(at_client(download(20)))
    blocks = [one for at in range(0, len(seen), 16) for side in (SERVER, CLIENT)
              for one in seen[at:at + 16] if one.packet.side == side]
    plain = told(tmp_path, blocks)
    packed = tmp_path / "made.pcap.gz"
    packed.write_bytes(gzip.compress((tmp_path / "made.pcap").read_bytes()))
    assert [event.what() for event in events(analyze([str(packed)], Options(everything=True)))] == [
        event.what() for event in events(plain)
    ]


def test_a_capture_that_missed_data_is_no_disorder(tmp_path: Path) -> None:
    """An ACK of bytes that were not captured, and data behind them, prove nothing about the order."""
    seen = at_client(download(20))
    data = [one for one in seen if one.packet.length == 1000]
    analysis = told(tmp_path, by_time([one for one in seen if one not in data[6:9]]))
    assert "capture.order" not in codes(analysis)


@pytest.mark.parametrize("by", [-2 * SECOND, 3600 * SECOND, 10 * SECOND])
def test_no_time_is_taken_across_a_step_of_the_clock(tmp_path: Path, by: int) -> None:
    seen = by_time(at_client(download(20)))
    stepped = [one._replace(time=one.time + (by if at >= 25 else 0)) for at, one in enumerate(seen)]
    analysis = told(tmp_path, stepped)
    assert sound(analysis)
    clock = next(event for event in events(analysis) if isinstance(event, ClockSet))
    assert clock.evidence.frames == (25, 26)
    assert abs(clock.by_ns - by) <= 2 * MS
    conversation = analysis.conversations[0]
    assert abs(conversation.end_ns - conversation.start_ns - (seen[-1].time - seen[0].time)) <= 2 * MS
    assert [finding.severity for finding in analysis.findings if finding.code == "capture.clock"] == ["warn"]


@pytest.mark.parametrize(("by", "unsure"), [(3600 * 24 * SECOND, True), (60 * SECOND, False)])
def test_without_timestamps_a_silence_may_be_a_step_of_the_clock(tmp_path: Path, by: int, unsure: bool) -> None:
    seen = by_time(at_client(download(60, stamps=False)))
    stepped = [one._replace(time=one.time + (by if at >= 40 else 0)) for at, one in enumerate(seen)]
    analysis = told(tmp_path, stepped)
    found = [finding.sentence for finding in analysis.findings if finding.code == "capture.silence"]
    said = " ".join(event.what() for event in events(analysis))
    assert bool(found) is unsure
    assert ("either all were silent, or the clock was set forward" in said) is unsure
    assert ("It had been silent" in said) is not unsure
    if unsure:
        assert "between #40 and #41" in found[0]
        assert not {"tcp.limits"} & {*names(analysis)}


@pytest.mark.parametrize(("times", "set_right"), [(3, True), (MAX_STEPS + 20, False)])
def test_a_clock_that_is_set_all_the_time_is_told_as_it_stands(tmp_path: Path, times: int, set_right: bool) -> None:
    seen = by_time(at_client(download(4 * times)))
    stepped = [one._replace(time=one.time - at // 6 % (times + 1) * 2 * SECOND) for at, one in enumerate(seen)]
    analysis = told(tmp_path, stepped)
    assert ("capture.clock" in codes(analysis)) is set_right
    assert any("was set more than" in text for text in analysis.capture.damage) is not set_right


def test_what_a_clock_did_is_found_in_a_time_that_grows_with_the_frames() -> None:
    """One side has no timestamps at all, and the clock is set back at every other frame."""
    sightings = [Sighting(at, at + 1, (at - at % 2 * 3) * 4 * SECOND, 0) for at in range(40_000)]
    for sighting in sightings:
        sighting.tcp, sighting.stamp = True, sighting.number
    begun = time.process_time()
    steps_of(sightings)
    assert time.process_time() - begun < 4


def test_a_silence_is_no_step_of_the_clock(tmp_path: Path) -> None:
    """Both senders' clocks go on while nothing is sent."""
    pause = 3600 * SECOND
    seen = by_time(at_client([
        packet._replace(time=packet.time + pause, stamp=packet.stamp + pause // MS, echo=packet.echo + pause // MS)
        if packet.time >= START + 60 * MS else packet for packet in download(20)
    ]))
    analysis = told(tmp_path, seen)
    assert "capture.clock" not in codes(analysis)


def question(identifier: int, response: bool) -> bytes:
    head = struct.pack("!HHHHHH", identifier, 0x8180 if response else 0x0100, 1, 1 if response else 0, 0, 0)
    asked = b"\x04shop\x04test\x00" + struct.pack("!HH", 1, 1)
    return head + asked + (b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\x0a\x00\x00\x09") if response else b"")


def datagram(seen: Seen, side: int, ident: int, data: bytes) -> bytes:
    ports = (5353 + 40_000, 53)
    return ether(seen, 17, struct.pack("!HHHH", ports[side], ports[1 - side], 8 + len(data), 0) + data, side, ident)


@pytest.mark.parametrize(("version", "ident"), [(4, 7), (4, 0), (6, 0)])
def test_a_datagram_seen_twice_is_asked_and_answered_once(tmp_path: Path, version: int, ident: int) -> None:
    packet = Sent(START, 0, 0, 0, ACK, 0, 0, -1, -1)
    place = Seen(START, packet, 64, 0, version)
    asked = datagram(place, CLIENT, ident, question(9, False))
    answered = datagram(place, SERVER, ident and ident + 1, question(9, True))
    by = 4 * MS
    name = write(tmp_path / "dns.pcap", [
        (START, asked), (START + by, asked), (START + 20 * MS, answered), (START + 20 * MS + by, answered),
    ])
    analysis = analyze([name], Options(everything=True))
    assert codes(analysis) == ["capture.duplicates"]
    assert names(analysis).count("dns.query") == 1
    conversation = analysis.told[0].conversation
    assert conversation.sent_frames() == [1, 1]
    assert sum(conversation.payload) == 2 * sum(conversation.sent_payload()) > 0


def test_a_question_that_is_asked_again_after_a_second_is_no_copy(tmp_path: Path) -> None:
    packet = Sent(START, 0, 0, 0, ACK, 0, 0, -1, -1)
    place = Seen(START, packet, 64, 0, 6)
    asked = datagram(place, CLIENT, 0, question(9, False))
    name = write(tmp_path / "dns.pcap", [
        (START, asked), (START + SECOND, asked),
        (START + SECOND + 20 * MS, datagram(place, SERVER, 0, question(9, True))),
    ])
    analysis = analyze([name], Options(everything=True))
    assert "capture.duplicates" not in codes(analysis)
    assert "dns.retry" in names(analysis)
