"""What limited a transfer, held against the kernel: the arithmetic, and one transfer recorded anew where it can be."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bench.limits.compare import Compared, our_shares, windows
from bench.limits.record import controls, made, why_not
from bench.limits.run import lines, ready
from bench.limits.transfers import TRANSFERS
from bench.limits.truth import LONG_WORDS, WORDS, Sample, Shares, Trip, bounds, read, shares, trips, window_at
from dissectors.kit.account import APPLICATION, CERTAIN, CLOSED_WINDOW, PATH, RECEIVER, Booking, Books

MS = 1_000_000
MSS = 1000
ATTEMPTS = 3          # of a recording: on a machine that does much else its ends are not served in time


def info(state: int = 0, **values: int) -> bytes:
    data = bytearray(248)
    data[1] = state
    for name, value in {"snd_mss": MSS, "cwnd": 10, "rtt_us": 20_000, "min_rtt_us": 20_000, **values}.items():
        if name in WORDS:
            struct.pack_into("=I", data, WORDS[name], value)
        else:
            struct.pack_into("=Q", data, LONG_WORDS[name], value)
    return bytes(data)


def sample(at_ms: int, mark: str = "-", state: int = 0, **values: int) -> Sample:
    return Sample(at_ms * MS, mark, info(state, **values))


def test_the_kernels_shares_are_of_the_whole_time() -> None:
    said = [
        sample(100, "start", busy_us=1_000),
        sample(300, "end", busy_us=151_000, rwnd_limited_us=60_000, sndbuf_limited_us=20_000),
    ]
    assert bounds(said) == (100 * MS, 300 * MS)
    assert shares(said, paced=False) == Shares(30.0, 35.0, 35.0)     # 60 of 200; 50 not busy and 20; the rest


def test_of_a_sender_that_paces_the_window_is_asked_and_not_the_counter() -> None:
    full = {"bytes_sent": 9_000, "bytes_acked": 1_000, "snd_wnd": 8_500, "notsent": 5_000}
    said = [
        sample(0, "start", **full), sample(50, **full), sample(60, **{**full, "snd_wnd": 9_000}),
        sample(70, **{**full, "notsent": 0}), sample(100, "end", busy_us=100_000, rwnd_limited_us=10_000),
    ]
    assert shares(said, paced=True) == Shares(60.0, 0.0, 40.0)


def test_round_trips_are_as_long_as_the_kernel_says() -> None:
    said = [sample(at, "start" if at == 0 else "end" if at == 60 else "-", 3 if at == 45 else 0,
                   unacked=10 if at < 20 else 5) for at in range(0, 61, 5)]
    found = trips(said)
    assert [(trip.since // MS, trip.until // MS) for trip in found] == [(0, 20), (20, 40), (40, 60)]
    assert [trip.used for trip in found] == [True, False, False]
    assert [trip.recovery for trip in found] == [False, False, True]


def test_the_window_lies_between_two_samples() -> None:
    said = [sample(0, cwnd=10), sample(4, cwnd=20), sample(8, cwnd=30)]
    assert window_at(said, 2 * MS) == (10_000, 20_000)
    assert window_at(said, 9 * MS) == (30_000, 30_000)


def test_a_window_is_right_within_15_percent_and_missed_where_it_is_not_named() -> None:
    said = [sample(at, cwnd=10) for at in range(0, 101, 4)]
    found = [Trip(at * MS, (at + 20) * MS, used, recovery) for at, used, recovery in
             ((0, True, False), (20, True, False), (40, False, False), (60, True, True), (80, False, False))]
    points = [(10 * MS, 11_400), (50 * MS, 11_600), (70 * MS, 9_000)]
    # The first is right; the second has none that ends in it, and that of the next is too far; none counts in recovery.
    assert windows(found, said, points, late=0) == (3, 3, 1)
    assert windows(found, said, [(2 * MS, 8_600)], late=0) == (2, 1, 1)


def test_what_passes_the_capture_later_is_held_against_the_time_when_it_was_sent() -> None:
    said = [sample(at, cwnd=10 if at < 20 else 20) for at in range(0, 61, 4)]
    found = [Trip(0, 20 * MS, True, False), Trip(20 * MS, 40 * MS, True, False)]
    assert windows(found, said, [(22 * MS, 10_000), (44 * MS, 20_000)], late=10 * MS) == (2, 2, 2)


def test_our_shares_come_from_the_books() -> None:
    bookings = [
        Booking(since * MS, until * MS, cause, (), CERTAIN, "") for since, until, cause in
        ((0, 30, PATH), (30, 50, RECEIVER), (50, 60, CLOSED_WINDOW), (60, 100, APPLICATION))
    ]
    assert our_shares(Books(0, 100 * MS, bookings, []), 20 * MS, 80 * MS) == Shares(50.0, 100 / 3, 50.0 - 100 / 3)


@pytest.mark.parametrize(("receiver", "near"), [(40.5, True), (39.5, False)])
def test_ten_points_are_near(receiver: float, near: bool) -> None:
    ours, theirs = Shares(50.0, 0.0, 50.0), Shares(receiver, 0.0, 100 - receiver)
    assert Compared("", ours, theirs, ours, 0, 0, 0).near() is near


def test_a_short_sample_is_none() -> None:
    with pytest.raises(ValueError, match="100 octets"):
        Sample(0, "-", bytes(100))


def test_samples_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "one.info"
    path.write_text(f"1000 start {info(busy_us=7).hex()}\n2000 end {info(3).hex()}\n")
    first, last = read(path)
    assert (first.time, first.mark, first.of["busy_us"], last.ca_state) == (1000, "start", 7, 3)


def test_there_are_enough_transfers_and_each_has_a_name_of_its_own() -> None:
    assert len({one.name for one in TRANSFERS}) == len(TRANSFERS) >= 30
    assert {one.version for one in TRANSFERS} == {4, 6}
    assert {one.control for one in TRANSFERS} == {"reno", "cubic", "bbr"}


def test_a_transfer_that_the_receivers_window_limits_is_told_as_the_kernel_has_it(tmp_path: Path) -> None:
    if why_not():
        pytest.skip(why_not())
    if "reno" not in controls():
        pytest.skip("the kernel has no reno")
    transfer = next(one for one in TRANSFERS if one.name.startswith("receiver-buffer-reno"))
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        (recorded,) = ready(folder, [transfer])
        assert made(folder, recorded)
        found = lines(folder, recorded)
        if all(compared.theirs.receiver > 80 and compared.near() for compared in found):
            return
    pytest.fail("; ".join([compared.line() for compared in found]))
