"""Ctrl-C: what was read until then is told, and it is the reading that ended, not the capture."""
from __future__ import annotations

import gzip
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_captures import Wire

from analyzer.cli import main, progress
from analyzer.model import Analysis
from analyzer.pipeline import passes, run
from analyzer.pipeline.passes import LOOKING, READING, TELLING, Pulse
from analyzer.pipeline.run import Options, analyze
from analyzer.report.terminal import render
from dissectors.kit.observation import NOT_READ

CLIENT, SERVER = 0, 1
START = 1_700_000_000_000_000_000
MS = 1_000_000
Frame = tuple[int, bytes]


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C is, also where whoever started the tests ignores it; and every frame is a beat."""
    monkeypatch.setattr(passes, "PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr(Pulse, "stride", 1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Impatient:
    """Presses Ctrl-C in a pass, `times`, once it has gone over so many frames."""

    def __init__(self, name: str, frames: int, times: int = 1) -> None:
        self.name = name
        self.frames = frames
        self.left = times
        self.now = ""

    def begin(self, name: str, unit: str) -> None:
        self.now = name

    def update(self, done: int, whole: int, frames: int) -> None:
        if self.now == self.name and frames >= self.frames and self.left:
            self.left -= 1
            signal.raise_signal(signal.SIGINT)
            if self.left and self.name == TELLING:
                signal.raise_signal(signal.SIGINT)


def pcap(frames: list[Frame]) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1) + b"".join(
        struct.pack("<IIII", *divmod(time, 1_000_000_000), len(frame), len(frame)) + frame for time, frame in frames
    )


def exchange(port: int, start: int, turns: int = 4) -> list[Frame]:
    """A connection with so many requests, closed by both."""
    wire = Wire(opened=False)
    wire.ports = (port, 80)
    wire.now = start
    for side, flags in ((CLIENT, 2), (SERVER, 18)):
        wire.put(side, flags)
        wire.next[side] += 1
    wire.put(CLIENT, 16)
    for turn in range(turns):
        wire.say(CLIENT, b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n" % turn)
        wire.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    for side in (CLIENT, SERVER):
        wire.put(side, 17)
        wire.next[side] += 1
    wire.put(CLIENT, 16)
    return wire.frames


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Three connections one after the other, of 14 frames each, and a reset that ends the third."""
    frames = [frame for number in range(3) for frame in exchange(40_000 + number, START + number * 1_000 * MS)]
    path = tmp_path / "three.pcap"
    path.write_bytes(pcap(sorted(frames)))
    return path


def words(analysis: Analysis) -> str:
    rows = [row for block in render(analysis, "teach", 200, None, True) for row in block]
    return " ".join(" ".join(row.text for row in rows).split())      # wherever lines end


def paths_of(analysis: Analysis) -> list[str]:
    return [exchange.target for told in analysis.told for exchange in told.exchanges]


def test_what_was_told_until_then_is_shown(capture: Path) -> None:
    whole = analyze([str(capture)], Options())
    cut = analyze([str(capture)], Options(), Impatient(TELLING, 20))
    assert [told.conversation.number for told in whole.told] == [1, 2, 3]
    assert [told.conversation.number for told in cut.told] == [1, 2]
    assert cut.capture.interrupted
    assert cut.capture.frames == whole.capture.frames            # which were counted before
    assert cut.told[0].phases[-1].title == whole.told[0].phases[-1].title == "Teardown"
    text = words(cut)
    assert "the telling was interrupted before #20: only 2 conversations that began before it are told, 1 of them" \
        in text
    assert "the reading ends first" in text
    assert "The reading ends with #19" in text
    assert "capture ends" not in text


@pytest.mark.parametrize("packed", [False, True])
def test_a_capture_that_is_gone_over_is_cut_there_too(
    capture: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed one has no places; of a large one only some are kept."""
    path = capture
    if packed:
        path = capture.with_suffix(".gz")
        path.write_bytes(gzip.compress(capture.read_bytes()))
    else:
        monkeypatch.setattr(run, "STEP", 1)
        monkeypatch.setattr(run, "RECORD_CAP", 2)
        monkeypatch.setattr(run, "FULL_FRAMES", 0)
    cut = analyze([str(path)], Options(), Impatient(TELLING, 20))
    assert [told.conversation.number for told in cut.told] == [1, 2]
    assert "The reading ends with #19" in words(cut)


def test_before_anything_is_told_the_counts_are(capture: Path) -> None:
    cut = analyze([str(capture)], Options(), Impatient(TELLING, 0))
    assert cut.told == []
    assert cut.capture.conversations == 3
    assert "the telling was interrupted before it began" in words(cut)


def test_a_second_one_ends_at_once(capture: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        analyze([str(capture)], Options(), Impatient(TELLING, 20, times=2))


def test_one_while_it_is_read_counts(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no second one left for the telling."""
    monkeypatch.setattr(run, "STEP", 20)
    cut = analyze([str(capture)], Options(), Impatient(READING, 20))
    assert cut.capture.frames == 20
    text = words(cut)
    assert "the reading was interrupted: all of this is about the first 20 frames" in text
    assert "The reading ends with #20" in text
    assert "capture ends" not in text

    class Twice(Impatient):
        """... and in the telling."""

        def update(self, done: int, whole: int, frames: int) -> None:
            if self.now == TELLING:
                self.name = TELLING
            super().update(done, whole, frames)

    with pytest.raises(KeyboardInterrupt):
        analyze([str(capture)], Options(), Twice(READING, 20, times=2))


def test_the_command_says_so_and_exits_with_130(
    capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Bar(progress.TerminalProgress):
        """Instead of one for a terminal."""

        def __init__(self) -> None:
            super().__init__()
            self.press = Impatient(TELLING, 20)

        def begin(self, name: str, unit: str) -> None:
            self.press.begin(name, unit)

        def update(self, done: int, whole: int, frames: int) -> None:
            self.press.update(done, whole, frames)

    monkeypatch.setattr(progress, "TerminalProgress", Bar)
    assert main.run(["analyze", str(capture)]) == 130
    out = " ".join(capsys.readouterr().out.split())
    assert "the telling was interrupted before #20" in out
    assert "(--all reads all)" not in out


def test_afterwards_it_means_what_it_did_before(capture: Path) -> None:
    analyze([str(capture)], Options(), Impatient(TELLING, 20))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_findings_that_were_counted_stand_where_the_telling_did_not_come_to_them(tmp_path: Path) -> None:
    """A connection that was refused after the interruption: nobody had a closer look, so nothing is denied."""
    frames = exchange(40_000, START)
    late = Wire(opened=False)
    late.ports = (40_001, 81)
    late.now = START + 1_000 * MS
    late.put(CLIENT, 2)
    late.next[CLIENT] += 1
    late.put(SERVER, 20)
    path = tmp_path / "refused.pcap"
    path.write_bytes(pcap(frames + late.frames))
    for when in (5, len(frames) + 2):      # before it, and in its middle
        cut = analyze([str(path)], Options(), Impatient(TELLING, when))
        assert [finding.code for finding in cut.findings if finding.code == "tcp.refused"] == ["tcp.refused"], when


def test_during_the_first_look_nothing_is_lost_but_the_telling(tmp_path: Path) -> None:
    frames = exchange(40_000, START, 8)
    path = tmp_path / "twice.pcap"
    path.write_bytes(pcap(sorted(frames + [(time + 1_000, data) for time, data in frames])))     # each packet twice
    cut = analyze([str(path)], Options(), Impatient(LOOKING, 3))
    assert cut.told == []
    assert "the telling was interrupted before it began" in words(cut)


def test_a_hole_that_what_was_not_read_fills_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment stands in the file behind those that were sent after it, and the reading ends between them."""
    wire = Wire(opened=False)
    wire.now = START
    for side, flags in ((CLIENT, 2), (SERVER, 18)):
        wire.put(side, flags)
        wire.next[side] += 1
    wire.put(CLIENT, 16)
    wire.say(CLIENT, b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    wire.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")
    for _segment in range(3):
        wire.say(SERVER, b"x" * 1_000)
    late = wire.frames.pop(-3)
    wire.frames.append((wire.now + 1, late[1]))
    wire.now += 1
    wire.close()
    path = tmp_path / "late.pcap"
    path.write_bytes(pcap(wire.frames))
    monkeypatch.setattr(run, "STEP", 7)
    cut = analyze([str(path)], Options(), Impatient(READING, 7))
    assert cut.capture.frames == 7
    assert "It is not finished when the reading ends" in words(cut)      # and 3000 bytes of it did not come
    assert "not in the capture" not in words(cut)
    observed = cut.told[0].observed
    assert {spot.kind for spots in observed.spots for spot in spots} == {NOT_READ}
