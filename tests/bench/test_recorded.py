"""The recorded mix: made where it can be, named where it cannot, and used beside the generated one."""
from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from test_targets import measured, series, tool

from bench import __main__ as bench
from bench import recorded, report, targets
from bench.measure import Series
from bench.tools import Tool, tools
from bench.traffic.capture import Capture

HEADER = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)


def frame(protocol: int, kind: bytes = b"\x08\x00") -> bytes:
    data = bytes(12) + kind + b"\x45" + bytes(8) + bytes([protocol]) + bytes(30)
    return struct.pack("=IIII", 1_700_000_000, 0, len(data), len(data)) + data


def written(folder: Path) -> dict[str, Capture]:
    """What a recording of seven packets becomes, of which five are wanted and three of those are TCP."""
    raw = folder / "raw"
    records = [frame(17), frame(6), frame(6), frame(6, b"\x86\xdd"), frame(6), frame(6), frame(6)]
    raw.write_bytes(HEADER + b"".join(records))
    return recorded.split(raw, folder, 5)


def test_a_recording_is_cut_to_length_and_its_tcp_packets_stand_apart(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert {key: each.packets for key, each in found.items()} == {"recorded-5": 5, "recorded-tcp-5": 3}
    assert (tmp_path / "recorded-tcp-5.pcap").read_bytes() == HEADER + 3 * frame(6)
    assert found["recorded-5"].bytes == (tmp_path / "recorded-5.pcap").stat().st_size
    assert list(tmp_path.glob("*.part")) == []


def test_it_is_found_again_only_while_it_is_whole(tmp_path: Path) -> None:
    found = written(tmp_path)
    captures = {key: [each.packets, each.bytes] for key, each in found.items()}
    (tmp_path / recorded.MANIFEST).write_text(json.dumps({"version": recorded.VERSION, "captures": captures}))
    assert sorted(recorded.existing(tmp_path, 5)) == ["recorded-5", "recorded-tcp-5"]
    assert recorded.existing(tmp_path, 6) == {}
    (tmp_path / "recorded-tcp-5.pcap").write_bytes(HEADER)
    assert recorded.existing(tmp_path, 5) == {}


def test_a_missing_program_is_named_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "PROGRAMS", ("ip", "no-such-load"))
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere it is the system that is missing")
    assert "no-such-load" in recorded.why_not()
    assert recorded.make(tmp_path, 5) == {}
    chosen = tools(["/nowhere/wiretale"], quick=True)
    said = report.introduction(chosen, {}, 1)
    assert "no recorded mix: not installed: " in said
    assert "no-such-load" in said


@pytest.mark.skipif(bool(recorded.why_not()), reason=f"no recorded mix can be made here: {recorded.why_not()}")
def test_a_recording_holds_what_it_says(tmp_path: Path) -> None:
    """Made of real programs in namespaces of its own, which are gone afterwards."""
    found = recorded.make(tmp_path, 5_000)
    data = (tmp_path / "recorded-5k.pcap").read_bytes()
    assert found["recorded-5k"].packets == 5_000
    assert 0 < found["recorded-tcp-5k"].packets < 5_000
    assert b"host1\x05bench\x04test" in data
    assert sorted(recorded.existing(tmp_path, 5_000)) == sorted(found)
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert f"wiretale-bench-{os.getpid()}-" not in spaces


def test_what_is_compared_reads_both_mixes() -> None:
    reads = {each.key: each.recording() for each in tools(["/nowhere/wiretale"], quick=True)}
    assert reads["analyze"] == reads["tshark-conv"] == "recorded-100k"
    assert reads["analyze-tcp"] == reads["tcptrace"] == "recorded-tcp-100k"
    assert reads["scapy"] == ""


def on_both(missing: str = "") -> list[Tool]:
    chosen = [tool("analyze", 1_000_000, 4_000_000), tool("tshark-conv", 100_000, 1_000_000, missing)]
    for each in chosen:
        each.recorded = 1_000_000
    return chosen


def test_the_verdict_on_the_recorded_mix_stands_beside_the_other() -> None:
    results = measured(0.5)
    series(results, "analyze", "recorded-1m", 1_000_000, 0.5)
    series(results, "tshark-conv", "recorded-1m", 1_000_000, 4.0)
    by_text = {target.text: target for target in targets.judge(results, on_both())}
    assert by_text["analyze against tshark-conv"].value == 20.0
    assert by_text["analyze against tshark-conv, recorded"].value == 8.0
    assert by_text["analyze against tshark-conv, recorded"].verdict == "MISSED"
    assert "recorded-1m" in report.speeds(results, on_both())


def test_without_a_recording_it_is_not_measured() -> None:
    found = {target.text: target for target in targets.judge(measured(0.5), on_both())}
    last = found["analyze against tshark-conv, recorded"]
    assert (last.verdict, last.note) == ("not measured", "no good runs on recorded-1m")


def test_memory_of_frames_and_the_time_of_telling_have_targets() -> None:
    results = measured(0.5)
    series(results, "frames", "mix-1m", 1_000_000, 4.0, 250)
    found = targets.judge(results, [tool("frames", 100_000, 1_000_000)])
    memory = next(target for target in found if target.text == "peak memory of wiretale frames")
    assert (memory.value, memory.verdict) == (250.0, "MISSED")
    assert targets.telling("mix-1m", [0.2, 0.9, 0.25]).verdict == "met"
    assert targets.telling("mix-1m", [0.2, None, 0.25]).verdict == "not measured"


def test_the_passes_of_a_run_are_timed() -> None:
    sample = Path(__file__).parents[2] / "samples" / "tcp" / "clean" / "capture.pcapng"
    seconds = bench.passes_on(sample)
    assert seconds is not None
    assert seconds > 0
    script = Path(bench.__file__).parent / "telling.py"
    done = subprocess.run([sys.executable, str(script), str(sample)], capture_output=True, check=True)
    said = json.loads(done.stdout)
    assert set(said["seconds"]) == {"Reading", "First look", "Telling", "Findings", "Drawing"}
    assert said["told"] == 1
    assert said["after_reading"] == pytest.approx(sum(said["seconds"].values()) - said["seconds"]["Reading"])
    assert said["peak"] > 1 << 20


def test_every_run_of_a_tool_has_its_recording_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = tmp_path / "any.pcap"
    sample.write_bytes(HEADER)
    chosen = on_both()
    keys = [key for each in chosen for key in each.captures()] + ["recorded-1m"]
    captures = {key: Capture(sample, 1, 24) for key in keys}
    options = bench.argparse.Namespace(runs=1, wiretale="true")
    monkeypatch.setattr(bench, "wiretale_command", lambda _given: ["true"])
    results = bench.measure(options, chosen, captures)
    assert isinstance(results[("analyze", "recorded-1m")], Series)
    del captures["recorded-1m"]
    assert ("analyze", "recorded-1m") not in bench.measure(options, chosen, captures)
