"""`wiretale frames` agrees with tshark: over a corpus where there is one, and always over our own samples."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from joined import Capture, grouped, packets, without_secrets
from sample_feeds import sample_captures, sample_name
from tshark_view import Line, Row, agree, rows_of_tshark, rows_of_wiretale, said_by_tshark, said_by_wiretale

HERE = Path(__file__).parent
EXCEPTIONS = HERE / "exceptions.tsv"
ASPECTS = (
    "layers", "tcp.header", "tcp.analysis", "tcp.bytes_in_flight", "tcp.initial_rtt", "tcp.ack_rtt", "dns",
    "tls.records", "tls.handshake", "quic.packet_number", "quic.frames", "http", "http2", "websocket",
)
OF_CORPUS = (*ASPECTS, "quic", "http3")
TLS = ("tls.records", "tls.handshake", "quic.packet_number", "quic.frames")
FLOOR = 99.5         # per cent of the frames that have anything of the aspect
SLOWEST = 10         # seconds for one capture of the corpus
EXAMPLES = 300


def excepted() -> set[tuple[str, str, str]]:
    rows = [line.split("\t") for line in EXCEPTIONS.read_text().splitlines() if line and not line.startswith("#")]
    return {(row[0], row[1], row[2]) for row in rows}


def test_every_exception_has_a_reason() -> None:
    for line in EXCEPTIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            row = line.split("\t")
            assert len(row) == 4, line
            assert row[1] in OF_CORPUS, line
            assert row[2] == "*" or row[2].isdigit(), line
            assert len(row[3]) >= 20, f"no reason: {line}"


@pytest.mark.slow(reason="tshark reads every sample")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_samples_agree_with_tshark(tmp_path: Path) -> None:
    """With the keys that samples carry, and without: tshark counts the records that it decrypts twice."""
    whole, stripped = with_keys_and_without(tmp_path)
    without_keys = {capture.name for capture in stripped}
    known = excepted()
    agreed, total = Counter[str](), Counter[str]()
    different: dict[str, list[str]] = {aspect: [] for aspect in ASPECTS}
    for capture, number, row, line in frame_by_frame(whole, stripped, tmp_path):
        if capture in stripped:
            aspects = set(TLS)
        else:
            aspects = set(ASPECTS) - set(TLS if capture.name in without_keys else ())
        theirs, mine = said_by_tshark(row), said_by_wiretale(line)
        for aspect in (theirs.keys() | mine.keys()) & aspects:
            if {(capture.name, aspect, str(number)), (capture.name, aspect, "*")} & known:
                continue
            total[aspect] += 1
            if agree(aspect, mine.get(aspect), theirs.get(aspect)):
                agreed[aspect] += 1
            else:
                different[aspect].append(
                    f"{capture.name} #{number} {aspect}: "
                    f"tshark {theirs.get(aspect)}, wiretale {mine.get(aspect)}"
                )
    assert set(total) == set(ASPECTS), "an aspect that no sample holds"
    short = [aspect for aspect in ASPECTS if 100 * agreed[aspect] < FLOOR * total[aspect]]
    shares = ", ".join(f"{aspect} {100 * agreed[aspect] / total[aspect]:.2f} %" for aspect in ASPECTS)
    assert short == [], "\n".join([shares, *(line for aspect in short for line in different[aspect][:EXAMPLES])])


def with_keys_and_without(folder: Path) -> tuple[list[Capture], list[Capture]]:
    """Every sample, and those that carry keys once more, without them."""
    whole, stripped = [], []
    for path in sample_captures():
        name, octets = sample_name(path), path.read_bytes()
        whole.append(Capture(name, octets, rows_of_wiretale(path)))
        bare = without_secrets(octets)
        if bare != octets:
            copy = folder / f"{name.replace('/', '-')}.pcapng"
            copy.write_bytes(bare)
            stripped.append(Capture(name, bare, rows_of_wiretale(copy)))
    return whole, stripped


def frame_by_frame(
    whole: list[Capture], stripped: list[Capture], folder: Path,
) -> Iterator[tuple[Capture, int, Row, Line]]:
    """Each frame's number in its capture, what tshark says of it, and what wiretale says."""
    for captures, name in ((whole, "whole"), (stripped, "stripped")):
        (folder / name).mkdir()
        for group in grouped(captures, folder / name):
            truth = rows_of_tshark(group.path)
            assert len(truth) == group.frames
            for capture in group.captures:
                assert len(capture.lines) == packets(capture.octets), capture.name
                for number, line in enumerate(capture.lines, 1):
                    yield capture, number, truth[capture.first + number - 1], line


@pytest.mark.slow(reason="hundreds of captures of other projects")
def test_corpus_agrees_with_tshark(tmp_path: Path) -> None:
    """check.py, which lies beside the corpus, compares with what tshark 4.0 said of each capture."""
    named = os.environ.get("WIRETALE_CORPUS", "")
    if not named:
        pytest.skip("WIRETALE_CORPUS names no folder with captures and tshark's truth")
    corpus = Path(named).resolve()
    check = corpus.parent / "conformance" / "check.py"
    if not check.is_file():
        pytest.skip(f"{check} is not there")
    report = tmp_path / "figures.json"
    floors = [word for aspect in OF_CORPUS for word in ("--min", f"{aspect}={FLOOR}")]
    done = subprocess.run(
        [
            sys.executable, str(check), str(corpus), "--only", ",".join(OF_CORPUS), "--examples", str(EXAMPLES),
            "--command", f"{sys.executable} -m analyzer.cli.main frames", "--timeout", str(SLOWEST),
            "--exceptions", str(EXCEPTIONS), "--json", str(report), *floors,
        ],
        capture_output=True, text=True, check=False, timeout=1800, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    print(done.stdout)
    assert report.is_file(), done.stderr
    figures = json.loads(report.read_text())
    assert figures["broken"] == [], "\n".join(f"{name}: {why}" for name, why in figures["broken"])
    assert figures["files"] > 0
    assert set(figures["aspects"]) == set(OF_CORPUS)
    assert done.returncode == 0, done.stdout
