"""The annotated capture: the same packets, everything else in it, and our comments on top."""
from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from sample_feeds import SAMPLES, sample_captures, sample_name

from analyzer.cli.report import with_comments
from analyzer.ingest.annotated import TLS_KEY_LOG
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.comments import LEAD, MAX_COMMENTS, packet_comments, summary_of
from analyzer.report.formats import Layout, by_name
from dissectors.kit.event import Malformed, Observed

LOSS = SAMPLES / "tcp" / "loss-fast-retransmit" / "capture.pcapng"
LOG = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
Frame = tuple[int, int, int, bytes]


def frames(path: Path) -> list[Frame]:
    """Time, link type, length and bytes of every frame."""
    source = open_capture([str(path)])
    found = []
    while source.next():
        found.append((int(source.time), int(source.link), int(source.length), source.data[source.start:source.end]))
    assert source.damage == []
    source.close()
    return found


def again(paths: list[str], analysis: Analysis, level: str, inject: bytes = b"", strip: bool = False) -> bytes:
    """These captures with what is told of them."""
    form = by_name("pcapng")
    assert form is not None
    return b"".join(form.write(analysis, Layout(level, rewrite=with_comments(paths, inject, strip))))


def annotate(path: Path, target: Path, inject: bytes = b"", strip: bool = False) -> Path:
    target.write_bytes(again([str(path)], analyze([str(path)], Options()), "teach", inject, strip))
    return target


def without_times(found: list[Frame]) -> list[tuple[int, int, bytes]]:
    return [frame[1:] for frame in found]


@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_every_sample_keeps_its_frames(capture: Path, tmp_path: Path) -> None:
    assert frames(annotate(capture, tmp_path / "a.pcapng")) == frames(capture)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_the_comments_back(tmp_path: Path) -> None:
    target = annotate(LOSS, tmp_path / "a.pcapng")
    expected = packet_comments(analyze([str(LOSS)], Options()), "teach")
    done = subprocess.run(
        ["tshark", "-r", str(target), "-T", "fields", "-e", "frame.number", "-e", "frame.comment", "-E",
         "aggregator=\x01"], capture_output=True, text=True, check=True, timeout=60,
    )
    read = {}
    for line in done.stdout.splitlines():
        number, _tab, comments = line.partition("\t")
        if comments:
            read[int(number)] = comments.split("\x01")
    assert read == {frame: [LEAD + text for text in texts] for frame, texts in expected.items()}


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng", "snoop"])
def test_other_formats_become_pcapng_with_the_same_packets(form: str, tmp_path: Path) -> None:
    other = tmp_path / f"a.{form}"
    try:
        subprocess.run(["editcap", "-F", form, str(LOSS), str(other)], check=True, timeout=60, capture_output=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"editcap cannot write {form}: {error.stderr!r}")
    assert frames(annotate(other, tmp_path / "b.pcapng")) == frames(other)


def test_a_compressed_capture_can_be_annotated(tmp_path: Path) -> None:
    packed = tmp_path / "a.pcapng.gz"
    packed.write_bytes(gzip.compress(LOSS.read_bytes()))
    assert frames(annotate(packed, tmp_path / "b.pcapng")) == frames(LOSS)


def test_annotating_twice_keeps_the_first_comments_too(tmp_path: Path) -> None:
    once = annotate(LOSS, tmp_path / "a.pcapng")
    twice = annotate(once, tmp_path / "b.pcapng")
    assert frames(twice) == frames(LOSS)
    assert twice.read_bytes().count(LEAD.encode()) == 2 * once.read_bytes().count(LEAD.encode())


def test_keys_can_be_put_in_and_taken_out(tmp_path: Path) -> None:
    keyed = annotate(LOSS, tmp_path / "a.pcapng", inject=LOG)
    source = open_capture([str(keyed)])
    while source.next():
        pass
    assert [(secret.kind, secret.data) for secret in source.secrets] == [(TLS_KEY_LOG, LOG)]
    source.close()
    bare = annotate(keyed, tmp_path / "b.pcapng", strip=True)
    assert LOG not in bare.read_bytes()
    assert frames(bare) == frames(LOSS)


def keys_of(path: Path) -> bytes:
    source = open_capture([str(path)])
    while source.next():
        pass
    log = b"".join(secret.data for secret in source.secrets)
    source.close()
    return log


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_decrypts_with_injected_keys_and_not_without(tmp_path: Path) -> None:
    original = SAMPLES / "tls" / "tls13-full" / "capture.pcapng"
    bare = annotate(original, tmp_path / "bare.pcapng", strip=True)
    keyed = annotate(bare, tmp_path / "keyed.pcapng", inject=keys_of(original))
    found = [
        subprocess.run(
            ["tshark", "-r", str(path), "-Y", "http.request", "-T", "fields", "-e", "http.request.uri"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout.split() for path in (bare, keyed)
    ]
    assert found == [[], ["/page.txt"]]


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_the_summary_is_the_comment_of_the_section(tmp_path: Path) -> None:
    target = annotate(LOSS, tmp_path / "a.pcapng")
    command = ["capinfos", "-k", str(target)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    expected = summary_of(analyze([str(LOSS)], Options()))
    assert len(expected) > 1
    assert all(LEAD + line in said for line in expected)


def test_a_file_that_ends_early_keeps_what_it_has(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(LOSS.read_bytes()[:-1001])
    target = annotate(cut, tmp_path / "a.pcapng")
    assert target.read_bytes().endswith(cut.read_bytes()[-100:])
    source = open_capture([str(target)])
    while source.next():
        pass
    assert len(source.damage) == 1
    source.close()


def test_several_captures_become_one(tmp_path: Path) -> None:
    paths = [str(LOSS), str(SAMPLES / "tcp" / "refused" / "capture.pcapng")]
    analysis = analyze(paths, Options())
    target = tmp_path / "a.pcapng"
    target.write_bytes(again(paths, analysis, "normal"))
    assert len(frames(target)) == sum(len(frames(Path(path))) for path in paths)


def test_a_frame_has_a_bounded_number_of_comments() -> None:
    analysis = analyze([str(LOSS)], Options())
    phase = analysis.told[0].phases[0]
    phase.events = phase.events[:1] * 50
    texts = packet_comments(analysis, "teach")[phase.events[0].evidence.frames[-1]]
    assert len(texts) == MAX_COMMENTS
    assert texts[-1] == "43 more statements about this frame"


def test_no_control_of_a_packet_gets_into_a_comment(tmp_path: Path) -> None:
    analysis = analyze([str(LOSS)], Options())
    event = analysis.told[0].phases[0].events[0]
    broken = Malformed(Observed(event.time, 0, event.evidence), "http", 0, "\x1b[31m\u202egnp.exe\r\n\x00")
    analysis.told[0].phases[0].events.append(broken)
    data = again([str(LOSS)], analysis, "teach")
    assert b"Malformed http at byte 0: \\x1b[31m\\u202egnp.exe\\r\\n\\x00." in data
    assert b"\x1b[31m" not in data


def test_standard_input_cannot_be_annotated() -> None:
    with pytest.raises(CaptureError, match="second time"):
        again(["-"], analyze([str(LOSS)], Options()), "normal")
