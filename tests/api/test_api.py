"""`import wiretale`: what a program sees, and that the page about it prints what it says."""
from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
from ctypes.util import find_library
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import wiretale

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "python.md"
TASK = re.compile(r"<!-- sample: (\S+) -->\n```python\n(.*?)```\n\n```text\n(.*?)```", re.S)
TASKS = TASK.findall(PAGE.read_text(encoding="utf-8"))


def sample(name: str) -> wiretale.Capture:
    return wiretale.open(ROOT / "samples" / name / "capture.pcapng")


def test_the_page_has_tasks() -> None:
    assert len(TASKS) >= 5


@pytest.mark.parametrize(("name", "code", "printed"), TASKS, ids=[name for name, _code, _printed in TASKS])
def test_the_page_prints_what_it_says(
    name: str, code: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "samples" / name / "capture.pcapng", tmp_path)
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, str(PAGE), "exec"), {})
    assert out.getvalue() == printed


def test_the_verdict_names_the_cause_and_what_follows_from_it() -> None:
    told = sample("tls/expired-certificate").verdict
    assert told.kind == "causes"
    first = told.causes[0]
    assert first.finding.code == "tls.certificate_expired"
    assert {one.code for one in first.explains} >= {"tls.certificate_refused"}
    assert first.sentence in str(told)
    assert sample("tcp/clean").verdict.kind == "clean"


def test_a_conversation_has_all_that_the_command_tells() -> None:
    capture = sample("http1/browser")
    one = capture.conversations[0]
    assert (one.number, one.transport, one.protocol) == (1, "tcp", "http")
    assert str(one.responder) == "10.0.1.20:80"
    assert one.tcp is not None
    assert [exchange["status"] for exchange in one.exchanges][:1] == [200]
    assert sum(booking.ns for booking in one.account) == one.end_ns - one.start_ns
    assert one.events == tuple(event for event in capture.events() if event.conversation == 1)
    assert capture.summary.frames == 110 == len(list(capture.frames()))
    assert {line["conversation"] for line in capture.frames(conversation=2)} == {2}


def test_secrets_are_shown_only_where_that_is_asked_for() -> None:
    path = ROOT / "samples" / "http1" / "basic-authentication" / "capture.pcapng"
    hidden, shown = ("".join(
        event.text + str(event.fields) for event in wiretale.open(path, show_secrets=secrets).events()
    ) for secrets in (False, True))
    assert "[redacted]" in hidden
    assert "[redacted]" not in shown


def test_tables() -> None:
    capture = sample("http1/browser")
    rows = capture.rows("exchanges")
    assert capture.to_arrow("exchanges").to_pylist() == rows
    assert capture.to_pandas("exchanges")["status"].tolist() == [row["status"] for row in rows]
    assert capture.to_polars("exchanges")["url"].to_list() == [row["url"] for row in rows]
    with pytest.raises(ValueError, match="there is no table 'packets'; there are conversations, events"):
        capture.rows("packets")


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(wiretale.CaptureError, match=r"nowhere\.pcap"):
        _ = wiretale.open(tmp_path / "nowhere.pcap").verdict
    (tmp_path / "text.pcap").write_text("no capture at all\n")
    with pytest.raises(wiretale.CaptureError):
        _ = wiretale.open(tmp_path / "text.pcap").summary
    with pytest.raises(wiretale.CaptureError, match="no capture was named"):
        wiretale.open()
    with pytest.raises(wiretale.CaptureError, match=r"nowhere\.keys"):
        wiretale.open("any.pcap", keylog=tmp_path / "nowhere.keys")
    with pytest.raises(wiretale.CaptureError):
        next(wiretale.sniff("no-such-interface"))


def test_a_notebook_shows_nothing_that_a_packet_wrote_as_markup(tmp_path: Path) -> None:
    name = tmp_path / "<img src=x>.pcapng"
    shutil.copy(ROOT / "samples" / "http1" / "not-found" / "capture.pcapng", name)
    shown = wiretale.open(name)._repr_html_()
    assert "<img" not in shown
    assert "&lt;img src=x&gt;.pcapng" in shown
    assert "http.client_error" in shown


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "wiretale", "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.startswith("wiretale ")


def test_a_part_of_a_capture_is_read_and_said() -> None:
    path = ROOT / "samples" / "dns" / "dns-then-http" / "capture.pcapng"
    frames = [frame["frame"] for frame in wiretale.open(path).frames()]
    begin = datetime.fromtimestamp(wiretale.open(path).summary.start_ns / 1e9, UTC)
    moments = [begin + timedelta(seconds=one) for one in (0.1, 0.15)]
    for since, until in ((0.1, 0.15), ("0.1", "150ms"), moments):
        capture = wiretale.open(path, since=since, until=until)
        numbers = [frame["frame"] for frame in capture.frames()]
        assert numbers == frames[33:146]
        assert capture.summary.frames == len(numbers)
        assert capture.summary.narrowed[0].startswith("Read was only from ")
    last = [wiretale.open(path, last=one).summary.frames for one in (0.02, "20ms")]
    assert 0 < last[0] == last[1] < len(frames)
    assert wiretale.open(path).summary.narrowed == ()


@pytest.mark.parametrize(("options", "reason"), [
    ({"since": "yesterday"}, "is no time: seconds after the first frame"),
    ({"until": datetime(2026, 1, 1)}, "has no zone"),  # which is what is wrong with it
    ({"last": "3 weeks"}, "is no duration"),
    ({"last": -1}, "is not below zero"),
    ({"last": 3, "since": 1}, "give another one"),
    ({"capture_filter": "port nonsense"}, "nonsense"),
])
def test_a_part_that_is_none_is_refused_at_once(options: dict[str, Any], reason: str) -> None:
    if "capture_filter" in options and find_library("pcap") is None:
        pytest.skip("libpcap is not installed, which compiles capture filters")
    with pytest.raises(ValueError, match=reason):
        wiretale.open("anything.pcap", **options)


@pytest.mark.skipif(find_library("pcap") is None, reason="libpcap is not installed, which compiles capture filters")
def test_a_capture_filter_lets_frames_through_with_their_numbers() -> None:
    capture = wiretale.open(ROOT / "samples" / "dns" / "dns-then-http" / "capture.pcapng", capture_filter="udp port 53")
    numbers = [frame["frame"] for frame in capture.frames()]
    assert 0 < len(numbers) == capture.summary.frames < 20
    assert max(numbers) > len(numbers)
    assert "udp port 53" in capture.summary.narrowed[0]


def test_a_filter_narrows_what_is_told_and_the_frames() -> None:
    path = ROOT / "samples" / "dns" / "dns-then-http" / "capture.pcapng"
    capture = wiretale.open(path, filter='http.host == "shop.test" and tcp')
    assert [conversation.number for conversation in capture.conversations] == [2]
    assert [frame["frame"] for frame in capture.frames()] == [12]
    with pytest.raises(ValueError, match=r"column 1: no field `tcp\.prt`; did you mean `tcp\.port`"):
        wiretale.open(path, filter="tcp.prt == 80")
