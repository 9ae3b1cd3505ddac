"""How captures are observed less well: what each way takes away, and that it takes nothing else."""
from __future__ import annotations

import gzip
from pathlib import Path
from random import Random

import pytest
from examine import beside, capture, captures_in, known_addresses
from pcap_bytes import ethernet, ipv4, pcap, tcp
from sample_feeds import SAMPLES, sample_captures
from ways import COPY_BEHIND, FEWEST, HOUR, LATE_SIDE, MOST, WAYS, Frame, Observed, addresses, less_well, observed

from analyzer.ingest.keylog import TLS_KEY_LOG
from analyzer.ingest.source import ETHERNET, Secrets

RAW = 101       # a link type without a link header
A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"
START = 1_700_000_000_000_000_000
STEP = 1_000_000


def traffic(count: int = 40) -> Observed:
    """One to the server, one back, a millisecond apart, 200 octets each."""
    frames = []
    for number in range(count):
        there = number % 2 == 0
        segment = tcp(bytes([number]) * 160, *((40_000, 80) if there else (80, 40_000)), seq=1 + 160 * number)
        data = ethernet(ipv4(segment, 6, *((A, B) if there else (B, A))))
        frames.append(Frame(START + STEP * number, ETHERNET, data, len(data) + 4))
    return Observed(frames, [Secrets(TLS_KEY_LOG, b"CLIENT_RANDOM and so on\n")])


def worse(way: str, whole: Observed, seed: int | str = 0, other: Observed | None = None) -> list[Frame]:
    found = less_well(way, whole, other, Random(seed))
    assert found is not None
    return found.frames


def senders(frames: list[Frame]) -> set[bytes]:
    return {frame.data[26:30] for frame in frames}


def test_a_capture_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    whole = traffic()
    raw = whole.frames[0]._replace(link=RAW, data=whole.frames[0].data[14:], time=START + 41 * STEP + 7)
    whole.frames.append(raw)
    whole.write(tmp_path / "x.pcapng")
    again = observed(tmp_path / "x.pcapng")
    assert again.frames == whole.frames
    assert [(block.kind, block.data) for block in again.secrets] == [(TLS_KEY_LOG, b"CLIENT_RANDOM and so on\n")]


@pytest.mark.parametrize("seed", range(20))
def test_missing_frames_are_the_only_difference(seed: int) -> None:
    frames = traffic().frames
    begun, ended, lost = (worse(way, traffic(), seed) for way in ("late", "cut", "loss"))
    assert begun == frames[-len(begun):]
    assert ended == frames[:len(ended)]
    assert 0.4 * len(frames) <= len(begun) < len(frames)
    assert 0.3 * len(frames) <= len(ended) < len(frames)
    assert lost == [frame for frame in frames if frame in set(lost)]
    assert len(lost) < len(frames)


def test_one_side_is_not_seen_and_it_may_be_either() -> None:
    kept = [worse("one_side", traffic(), seed) for seed in range(20)]
    assert {frozenset(senders(frames)) for frames in kept} == {frozenset({A}), frozenset({B})}
    assert {len(frames) for frames in kept} == {20}


def test_snap_leaves_the_length_on_the_wire() -> None:
    frames = traffic().frames
    assert worse("snap", traffic()) == [Frame(each.time, each.link, each.data[:96], each.length) for each in frames]
    short = Observed([frame._replace(data=frame.data[:90]) for frame in frames], [])
    assert less_well("snap", short, None, Random(0)) is None


def test_copies_stand_where_their_time_puts_them() -> None:
    frames = worse("copies", traffic())
    assert [frame.time for frame in frames] == sorted(frame.time for frame in frames)
    assert sorted(frames) == sorted(
        each for frame in traffic().frames for each in (frame, frame._replace(time=frame.time + COPY_BEHIND))
    )


def test_skew_delays_one_side() -> None:
    frames = worse("skew", traffic())
    assert [frame.time for frame in frames] == sorted(frame.time for frame in frames)
    was = {frame.data: frame.time for frame in traffic().frames}
    delays = {(frame.data[26:30], frame.time - was[frame.data]) for frame in frames}
    assert delays in ({(A, 0), (B, LATE_SIDE)}, {(A, LATE_SIDE), (B, 0)})


def test_only_no_keys_leaves_the_secrets_out() -> None:
    kept = {way: less_well(way, traffic(), traffic(4), Random(0)) for way in WAYS}
    assert {way for way, found in kept.items() if found is None or not found.secrets} == {"no_keys"}
    assert kept["no_keys"] is not None
    assert kept["no_keys"].frames == traffic().frames
    assert less_well("no_keys", Observed(traffic().frames, []), None, Random(0)) is None


def test_what_follows_comes_an_hour_later() -> None:
    other = Observed([frame._replace(time=frame.time // 2) for frame in traffic(4).frames], [])
    frames = worse("merged", traffic(), other=other)
    assert frames[:40] == traffic().frames
    assert [frame.data for frame in frames[40:]] == [frame.data for frame in other.frames]
    assert frames[40].time - frames[39].time == HOUR
    assert frames[41].time - frames[40].time == STEP // 2


def test_shifted_and_tagged_keep_every_frame() -> None:
    whole = traffic()
    assert worse("shifted", whole) == [frame._replace(time=frame.time + HOUR) for frame in whole.frames]
    tags = worse("tagged", whole)
    assert {frame.data[12:16] for frame in tags} == {b"\x81\0\0\x07"}
    assert [frame.data[:12] + frame.data[16:] for frame in tags] == [frame.data for frame in whole.frames]
    assert [frame.length - 4 for frame in tags] == [frame.length for frame in whole.frames]
    mixed = Observed([*whole.frames, whole.frames[0]._replace(link=RAW)], [])
    assert less_well("tagged", mixed, None, Random(0)) is None


def test_the_same_seed_draws_the_same() -> None:
    for way in WAYS:
        assert worse(way, traffic(), "x", traffic(4)) == worse(way, traffic(), "x", traffic(4))
    assert worse("late", traffic(), "x") != worse("late", traffic(), "y")


def test_addresses_of_arp_count() -> None:
    arp = b"\xff" * 6 + bytes(6) + b"\x08\x06\0\1\x08\0\6\4\0\1" + bytes(6) + A + bytes(6) + B
    assert addresses([Frame(0, ETHERNET, arp, len(arp))]) == {A, B}


def test_what_is_put_behind_a_sample_shares_no_address_with_it() -> None:
    path = SAMPLES / "tcp" / "clean" / "capture.pcapng"
    behind = beside(path)
    assert behind is not None
    assert behind.frames != observed(path).frames
    assert not addresses(behind.frames) & known_addresses(path)
    assert len([path for path in sample_captures()[::20] if beside(path) is not None]) > 10


def test_what_cannot_be_read_and_what_is_too_small_or_too_large_is_left_out(tmp_path: Path) -> None:
    frame = traffic(1).frames[0].data
    for name, content in (
        ("none.pcap", b"no capture"), ("one.pcap", pcap([frame])), ("many.pcap", pcap([frame] * (MOST + 1))),
        ("two.pcap.gz", gzip.compress(pcap([frame] * FEWEST))),
    ):
        (tmp_path / name).write_bytes(content)
    found = {path.name: capture(path) is not None for path in captures_in(tmp_path)}
    assert found == {"none.pcap": False, "one.pcap": False, "two.pcap.gz": True, "many.pcap": False}
