"""The same traffic at two places: what is found is what the path did, and nothing else."""
from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_feeds import SAMPLES, sample_captures, sample_name
from two_places import IP, MS, Two, Way, header, hopped, rewritten, shifted, summed
from ways import FEWEST, SNAP, Observed, less_well, observed

from analyzer.compare.clocks import clock_of
from analyzer.compare.matching import Match
from analyzer.ingest.moments import moment_of
from analyzer.ingest.part import Asked
from analyzer.passage import APART, CHANGED, INTACT, LOSSY, ONE, TO_A, TO_B, Passage
from analyzer.pipeline.placed import hold_the_same, passage, placed

HOUR = 3_600_000 * MS
DOWNLOAD = "tcp/large-window-limited"
NAMES = [sample_name(path) for path in sample_captures()]


def codes(made: Passage) -> set[str]:
    return {one.code for one in made.remarks}


SOME = ("tcp/clean", "http1/browser", "dns/record-types", "icmp/ping", "tls/tls13-full", DOWNLOAD)


@pytest.mark.parametrize("sample", SOME)
def test_a_path_that_only_takes_time_shows_nothing_else(sample: str, tmp_path: Path) -> None:
    two = Two(sample, Way((10 * MS, 10 * MS), HOUR, hops=2))
    made = two.told(tmp_path)
    assert made.matched == len(two.a)
    assert made.kind == INTACT
    assert made.remarks == []
    assert made.clock.bounded
    assert abs(made.clock.offset_ns - HOUR) <= made.clock.error_ns
    assert made.clock.round_ns == pytest.approx(20 * MS, rel=0.02)
    assert made.clock.error_ns == pytest.approx(10 * MS, rel=0.1)
    for way in made.ways:
        assert [*way.lost, *way.new, *way.missed, *way.overtaken] == []
        assert set(way.hops) == {2}
        assert way.delays.median_ns == pytest.approx(10 * MS, rel=0.01)


def test_a_way_back_over_more_routers_is_another_way(tmp_path: Path) -> None:
    two = Two(DOWNLOAD, Way(hops=2))
    back = [at for at, up in enumerate(two.up) if not up]
    for at in back:
        two.a[at] = two.a[at]._replace(data=hopped(two.a[at].data, 1))
    made = two.told(tmp_path)
    one, = [remark for remark in made.remarks if remark.code == "asymmetric"]
    assert one.sentence.startswith("From A to B 2 routers took one off the hop limit, and from B to A 3:")
    for at in back[::2]:                                    # of every other packet alone it proves no way
        two.a[at] = two.a[at]._replace(data=hopped(two.a[at].data, -1))
    assert "asymmetric" not in codes(two.told(tmp_path))


def test_of_an_asymmetric_path_the_sum_is_known_and_the_error_says_so(tmp_path: Path) -> None:
    made = Two("tcp/clean", Way((30 * MS, 2 * MS))).told(tmp_path)
    assert made.clock.round_ns == pytest.approx(32 * MS, rel=0.01)
    assert abs(made.clock.offset_ns) == pytest.approx(14 * MS, rel=0.01)
    assert abs(made.clock.offset_ns) <= made.clock.error_ns


def test_where_the_capture_left_data_out_nothing_was_lost(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    data = [at for at, up in enumerate(two.up) if not up and len(two.a[at].data) > 1_000]
    gone = [two.number(1, two.b[at]) for at in data[10:60:10]]
    two.a = [frame for at, frame in enumerate(two.a) if at not in data[10:60:10]]      # A is where they come
    made = two.told(tmp_path)
    assert made.ways[TO_A].missed == gone
    assert made.ways[TO_A].lost == []
    assert made.kind == INTACT


def test_where_a_capture_left_data_out_nobody_knows_what_became_of_the_rest(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    data = [at for at, up in enumerate(two.up) if not up and len(two.a[at].data) > 1_000]
    acks = [at for at, up in enumerate(two.up) if up][8:12]
    gone = [two.number(0, two.a[at]) for at in acks]
    two.b = [frame for at, frame in enumerate(two.b) if at not in (*acks, data[20])]
    made = two.told(tmp_path)
    assert made.left == [0, 1]
    assert (made.ways[TO_B].lost, made.ways[TO_B].unsure) == ([], gone)
    assert made.kind == INTACT
    assert "or were left out by a capture" in made.sentence


def test_acknowledgments_that_did_not_come_were_lost_where_no_capture_left_anything_out(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    acks = [at for at, up in enumerate(two.up) if up][8:12]
    gone = [two.number(0, two.a[at]) for at in acks]
    two.b = [frame for at, frame in enumerate(two.b) if at not in acks]
    made = two.told(tmp_path)
    assert made.ways[TO_B].lost == gone
    assert made.kind == LOSSY
    assert [one.code for one in made.severe(("warn",))] == ["lost"]


@pytest.mark.parametrize(("a", "b"), [("path-server", "path-client"), ("path-client", "path-server")])
def test_what_a_link_lost_and_duplicated_is_what_identifications_say(a: str, b: str) -> None:
    """Linux numbers the packets of a connection, so each has a name that this test goes by alone."""
    first, second = [placed(str(SAMPLES / "compare" / name / "capture.pcapng")) for name in (a, b)]
    names = [[(one.title(), one.ident) for one in place.sights] for place in (first, second)]
    made = passage(*[str(SAMPLES / "compare" / name / "capture.pcapng") for name in (a, b)])
    assert made.matched == len(set(names[0]) & set(names[1]))
    for side, place in enumerate((first, second)):
        lost = {one.number for one in place.sights if (one.title(), one.ident) not in names[1 - side]}
        told = set(made.ways[TO_B].lost if side == 0 else made.ways[TO_A].lost)
        assert told <= lost
        assert len(lost - told) == made.ways[side].outside
        again = {one.number for at, one in enumerate(place.sights) if (one.title(), one.ident) in names[side][:at]}
        assert {second for _first, second in made.ways[1 - side].twice} == again
    assert made.kind == LOSSY
    assert {way.hops and max(way.hops, key=lambda hop: way.hops[hop]) for way in made.ways} == {1}


def test_translated_addresses_are_named(tmp_path: Path) -> None:
    two = Two("http1/browser")
    for at, (frame, up) in enumerate(zip(two.b, two.up, strict=True)):
        port = header(frame.data) + (0 if up else 2)
        data = rewritten(frame.data, IP + (12 if up else 16), bytes((198, 51, 100, 7)))
        inside = int.from_bytes(data[port:port + 2])
        two.b[at] = frame._replace(data=rewritten(data, port, (inside - 9_000).to_bytes(2)))
    made = two.told(tmp_path)
    assert made.matched == len(two.a)
    assert codes(made) == {"translated"}
    assert " is 198.51.100.7:31" in made.remarks[0].sentence


def test_other_sequence_numbers_are_one_difference_throughout(tmp_path: Path) -> None:
    two = Two("tcp/clean")
    for at, (frame, up) in enumerate(zip(two.b, two.up, strict=True)):
        tcp = header(frame.data)
        data = shifted(frame.data, tcp + 4, 77_777 if up else -1_234_567_890)
        if data[tcp + 13] & 0x10:
            data = shifted(data, tcp + 8, -1_234_567_890 if up else 77_777)
        two.b[at] = frame._replace(data=data)
    made = two.told(tmp_path)
    assert made.matched == len(two.a)
    assert codes(made) == {"sequence"}


def test_a_smaller_mss_and_missing_options_are_seen(tmp_path: Path) -> None:
    two = Two("tcp/clean")
    for at, frame in enumerate(two.b):
        tcp = header(frame.data)
        if frame.data[tcp + 13] & 0x02:
            options = frame.data[tcp + 20:]
            mss, scale = tcp + 20 + options.index(b"\x02\x04"), tcp + 20 + options.index(b"\x03\x03")
            data = rewritten(frame.data, mss + 2, (1_200).to_bytes(2))
            two.b[at] = frame._replace(data=rewritten(data, scale, b"\x01\x01\x01"))
    made = two.told(tmp_path)
    assert made.matched == len(two.a)
    assert {one.sentence for one in made.remarks} == {
        "The MSS of 2 SYNs is 1460 bytes at A and 1200 bytes at B: a device between the two sets it to what its path "
        "carries.", "The TCP option window scale is at A and not at B in 2 SYNs.",
    }
    assert made.kind == CHANGED


def test_marks_of_routers(tmp_path: Path) -> None:
    two = Two("tcp/ecn")
    at = next(at for at, up in enumerate(two.up) if up and two.a[at].data[IP + 1] & 3)
    two.b[at] = two.b[at]._replace(data=rewritten(two.b[at].data, IP + 1, bytes([46 << 2 | 3])))
    made = two.told(tmp_path)
    assert codes(made) == {"congestion", "class"}
    assert all(one.frames == ([two.number(0, two.a[at])], [two.number(1, two.b[at])]) for one in made.remarks)


def test_another_payload_and_a_wrong_checksum(tmp_path: Path) -> None:
    two = Two("http1/keep-alive")
    carrying = [at for at, up in enumerate(two.up) if up and len(two.a[at].data) > 100]
    first, second = carrying[0], carrying[1]
    data = two.b[first].data
    two.b[first] = two.b[first]._replace(data=summed(data[:-4] + b"XXXX"))
    damaged = two.b[second].data
    two.b[second] = two.b[second]._replace(data=damaged[:-1] + bytes([damaged[-1] ^ 1]))
    made = two.told(tmp_path)
    assert made.matched == len(two.a)
    told = {one.code: one.frames for one in made.remarks}
    assert set(told) == {"payload_changed", "damaged"}
    assert told["damaged"] == ([two.number(0, two.a[second])], [two.number(1, two.b[second])])
    assert two.number(0, two.a[first]) in told["payload_changed"][0]


def test_a_reset_that_one_place_never_held_was_made_between(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    at = max(at for at, up in enumerate(two.up) if not up and at < len(two.up) // 2)
    frame = two.a[at]
    tcp = header(frame.data)
    forged = frame.data[:IP + 2] + (tcp - IP + 20).to_bytes(2) + frame.data[IP + 4:tcp + 20]
    forged = forged[:tcp + 12] + b"\x50\x04" + forged[tcp + 14:]
    forged = rewritten(rewritten(forged, IP + 8, b"\xfa"), IP + 4, b"\x12\x34")
    reset = frame._replace(data=forged, length=len(forged), time=frame.time + 1)
    two.a.insert(at + 1, reset)
    made = two.told(tmp_path)
    assert [(one.code, one.severity, one.confidence, one.frames) for one in made.remarks] == [
        ("reset_between", "error", "likely", ([two.number(0, reset)], []))
    ]
    assert "its hop limit is 250, that of the others 64" in made.remarks[0].sentence
    assert made.severe(("error",))


def test_what_comes_twice_or_late_is_counted(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    up = [at for at, up in enumerate(two.up) if up]
    early, late = up[10], up[20]
    twice = two.b[early]._replace(time=two.b[early].time + MS)
    held = two.b[late]._replace(time=two.b[up[23]].time + 1)
    two.b[late] = held
    two.b.append(twice)
    made = two.told(tmp_path)
    assert made.ways[TO_B].twice == [(two.number(1, two.b[early]), two.number(1, twice))]
    assert made.ways[TO_B].overtaken == [two.number(1, held)]
    assert made.ways[TO_B].delays.most_frames == (two.number(0, two.a[late]), two.number(1, held))
    assert codes(made) == {"duplicated", "reordered"}


@pytest.mark.parametrize("way", ["late", "cut", "snap"])
@pytest.mark.parametrize("sample", ["tcp/clean", "http1/browser", DOWNLOAD, "dns/record-types", "compare/path-client"])
def test_a_capture_that_holds_less_has_lost_nothing(sample: str, way: str, tmp_path: Path) -> None:
    for side in ("a", "b"):
        two = Two(sample)
        ordered = sorted(getattr(two, side), key=lambda frame: frame.time)
        worse = less_well(way, Observed(ordered, []), None, Random(3))
        assert worse is not None
        setattr(two, side, worse.frames)
        made = two.told(tmp_path)
        assert made.kind in (INTACT, APART)
        assert not any(one.lost or one.new for one in made.ways)
        if way == "snap":
            assert made.matched == len(two.a)
            assert all(len(frame.data) <= SNAP for frame in getattr(two, side))


def test_packets_that_a_capture_holds_twice_were_not_lost(tmp_path: Path) -> None:
    for side in ("a", "b"):
        two = Two("tcp/clean")
        setattr(two, side, [*getattr(two, side), *[one._replace(time=one.time + 5) for one in getattr(two, side)]])
        made = two.told(tmp_path)
        assert not any(way.lost or way.new for way in made.ways)


def test_segments_that_a_card_put_together_were_not_lost(tmp_path: Path) -> None:
    two = Two(DOWNLOAD)
    at = next(at for at, up in enumerate(two.up) if not up and not two.up[at + 1] and len(two.a[at].data) > 1_000
              and len(two.a[at + 1].data) > 1_000)
    one, other = two.a[at], two.a[at + 1]
    tcp = header(one.data)
    start = tcp + (one.data[tcp + 12] >> 4) * 4
    both = one.data + other.data[start:]
    both = summed(both[:IP + 2] + (len(both) - IP).to_bytes(2) + both[IP + 4:])
    two.a[at:at + 2] = [one._replace(data=both, length=len(both))]
    made = two.told(tmp_path)
    assert made.remarks == []
    assert not any(way.lost or way.new or way.missed for way in made.ways)
    assert made.ways[TO_A].recut == 2


def test_a_conversation_of_one_place_is_not_called_lost(tmp_path: Path) -> None:
    two = Two("http1/browser")
    port = two.a[0].data[header(two.a[0].data):header(two.a[0].data) + 2]
    ports = [frame.data[header(frame.data):header(frame.data) + 4] for frame in two.a]
    two.b = [frame for frame, both in zip(two.b, ports, strict=True) if port not in (both[:2], both[2:])]
    made = two.told(tmp_path)
    assert not any(way.lost for way in made.ways)
    assert made.flows[2] == 0
    assert made.flows[0] >= 1


def test_the_same_capture_twice_is_said_to_be_that(tmp_path: Path) -> None:
    path = str(SAMPLES / "tcp/clean/capture.pcapng")
    made = passage(path, path)
    assert made.kind == ONE
    assert made.remarks == []


@pytest.mark.parametrize(("a", "b"), [
    ("tcp/clean", "tcp/ipv6-clean"), ("dns/a", "dns/aaaa"), ("http1/keep-alive", "http1/connection-each"),
    ("compare/good-link", "compare/bad-link"), ("icmp/ping", "arp/resolve"),
])
def test_other_traffic_is_known_to_be_other(a: str, b: str) -> None:
    paths = [str(SAMPLES / name / "capture.pcapng") for name in (a, b)]
    assert not hold_the_same(*paths)


@pytest.mark.parametrize("name", NAMES[::9])
def test_any_recording_is_known_again_after_a_path(name: str, tmp_path: Path) -> None:
    frames = observed(SAMPLES / name / "capture.pcapng").frames
    if len([frame for frame in frames if frame.data[12:14] == b"\x08\0"]) < 9:
        pytest.skip("too few packets of IPv4 over Ethernet")
    made = Two(name, Way((7 * MS, 7 * MS), -5 * MS, hops=1)).told(tmp_path)
    assert not any(way.lost or way.new for way in made.ways)
    assert {one.severity for one in made.remarks} <= {"note"}
    assert made.matched >= FEWEST


class Stamp:
    """As much of a packet as a clock asks for."""

    def __init__(self, time: int) -> None:
        self.time = time


@settings(max_examples=200)
@given(
    st.integers(-HOUR, HOUR), st.integers(-300_000, 300_000), st.integers(0, 50 * MS), st.integers(0, 50 * MS),
    st.integers(0, 1 << 32), st.integers(10, 120),
)
def test_the_true_offset_lies_within_its_error(
    offset: int, drift_ppb: int, there: int, back: int, seed: int, packets: int
) -> None:
    """However the delays vary, and however different the two ways are."""
    random = Random(seed)
    start, lasts = 1_700_000_000_000 * MS, 60_000 * MS
    matches: tuple[list[Match], list[Match]] = ([], [])
    for way in (TO_B, TO_A):
        for _ in range(packets):
            sent = start + random.randrange(lasts)
            delay = (back if way else there) + int(random.expovariate(1 / (3 * MS)))
            a, real_b = (sent, sent + delay) if way == TO_B else (sent + delay, sent)
            b = real_b + offset + (real_b - start) * drift_ppb // 1_000_000_000
            matches[way].append(Match(Stamp(a), Stamp(b)))      # type: ignore[arg-type]
    made = clock_of(*matches)
    assert made.steady
    true = offset + (made.at_ns - start) * drift_ppb // 1_000_000_000
    slack = 60 * MS * abs(drift_ppb) // 1_000_000_000 + 1_000     # B's clock gains while a packet is on its way
    assert abs(made.offset_ns - true) <= made.error_ns + slack
    if made.drifts:
        assert abs(made.drift_ppb - drift_ppb) <= made.drift_error_ppb + 2_000
    else:
        assert abs(drift_ppb) <= made.drift_error_ppb + 2_000


def test_a_stretch_of_time_is_matched_and_nothing_outside_it_is_missing() -> None:
    asked = Asked(begin=moment_of("0.1"), end=moment_of("0.2"))
    path = [str(SAMPLES / "compare" / name / "capture.pcapng") for name in ("path-server", "path-client")]
    made, whole = passage(path[0], path[1], asked), passage(path[0], path[1])
    assert 20 < made.matched < 80
    for letter, doubts in zip("ab", made.doubts, strict=True):
        assert any(doubt.startswith("Read was only from 0.1 s to 0.2 s: ") for doubt in doubts), letter
    lost = [{number for way in one.ways for number in way.lost} for one in (made, whole)]
    assert lost[0] <= lost[1]
