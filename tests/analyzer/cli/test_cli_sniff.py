"""`wiretale sniff` without rights: a pipe, a growing file, what contradicts itself, what it leaves behind."""
from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from analyzer.cli.interfaces import interface_rows
from analyzer.cli.main import cli
from analyzer.cli.sniff import duration, octets
from analyzer.ingest.live.interfaces import InterfaceState
from analyzer.ingest.open import open_capture
from analyzer.report.rows import cells

SAMPLES = Path(__file__).parents[3] / "samples"
CAPTURE = SAMPLES / "http1" / "keep-alive" / "capture.pcapng"
PATIENCE = 30.0


def capture() -> Path:
    return CAPTURE if CAPTURE.is_file() else next(iter(sorted(SAMPLES.glob("http1/*/capture.pcapng"))))


def sniff(*options: str, data: bytes | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", *options]
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=PATIENCE)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_pipe_is_told_line_by_line_and_in_short_at_the_end() -> None:
    done = sniff("-", data=capture().read_bytes())
    assert done.returncode == 0, done.stderr
    assert "→ SYN: " in done.stdout
    assert " closed: " in done.stdout
    assert "THE STORY" in done.stdout


def test_reports_of_a_pipe_are_those_of_the_file(tmp_path: Path) -> None:
    live, whole = tmp_path / "live.json", tmp_path / "whole.json"
    assert sniff("-", "-o", str(live), "--all", data=capture().read_bytes()).returncode == 0
    report = [sys.executable, "-P", "-m", "analyzer.cli.main", "report", str(capture()), "-o", str(whole), "--all"]
    subprocess.run(report, check=True, timeout=PATIENCE)
    seen, known = json.loads(live.read_text()), json.loads(whole.read_text())
    assert seen["conversations"] == known["conversations"]
    assert seen["findings"] == known["findings"]
    assert seen["story"] == known["story"]


def test_what_is_written_is_the_capture_and_can_be_annotated(tmp_path: Path) -> None:
    file, annotated = tmp_path / "copy.pcapng", tmp_path / "annotated.pcapng"
    done = sniff("-", "-w", str(file), "-o", str(annotated), data=capture().read_bytes())
    assert done.returncode == 0, done.stderr
    assert "written to" in done.stderr
    before, after = open_capture([str(capture())]), open_capture([str(file)])
    while before.next():
        assert after.next()
        assert before.data[before.start:before.end] == after.data[after.start:after.end]
        assert before.time == after.time
    assert not after.next()
    noted = open_capture([str(annotated)])
    while noted.next():
        continue
    assert noted.remarks


def test_a_file_that_grows_is_followed_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    whole = capture().read_bytes()
    growing = tmp_path / "growing.pcapng"
    growing.write_bytes(whole[:len(whole) // 2])
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", "--follow", str(growing), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert json.loads(first)["record"] == "notice"
    with growing.open("ab") as file:
        file.write(whole[len(whole) // 2:])
    records = []
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        records.append(json.loads(process.stdout.readline()))
        if records[-1].get("name") in ("tcp.closed", "tcp.reset"):
            break
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    last = json.loads(rest.splitlines()[-1])
    assert last["record"] == "capture"
    source = open_capture([str(capture())])
    while source.next():
        continue
    assert last["frames"] == source.number


def test_a_reader_who_leaves_ends_it_without_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.close()
    process.stdin.write(capture().read_bytes())
    process.stdin.close()
    assert process.stderr is not None
    complaints = process.stderr.read().decode()
    assert process.wait(PATIENCE) in (0, 141)
    assert "Traceback" not in complaints


@pytest.mark.parametrize("options", [("-",), ("-", "--json")])
def test_lines_that_find_no_room_are_no_success(options: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", *options], input=capture().read_bytes(),
            stdout=full, stderr=subprocess.PIPE, check=False, timeout=PATIENCE,
        )
    assert done.returncode == 2
    assert b"standard output cannot be written to: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_whose_pipe_does_not_block_gets_every_line() -> None:
    """As a shell hands over a descriptor that another program has made so."""
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    if sys.platform == "linux":
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", "-", "--json", "--level", "teach"],
        stdin=subprocess.PIPE, stdout=ends[1], stderr=subprocess.PIPE,
    )
    os.close(ends[1])
    assert process.stdin is not None
    process.stdin.write(capture().read_bytes())
    process.stdin.close()
    time.sleep(1.0)
    with open(ends[0], "rb") as late:
        lines = late.read().splitlines()
    assert process.wait(PATIENCE) == 0
    assert json.loads(lines[-1])["record"] == "capture"


def test_a_report_that_cannot_be_written_is_known_before_the_capture(tmp_path: Path) -> None:
    done = sniff("-", "-o", str(tmp_path / "nowhere" / "report.html"), data=capture().read_bytes())
    assert done.returncode == 2
    assert "SYN" not in done.stdout
    assert "Traceback" not in done.stderr


def test_one_report_that_fails_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "taken.html").mkdir()
    first, second = tmp_path / "taken.html", tmp_path / "second.json"
    done = sniff("-", "-o", str(first), "-o", str(second), data=capture().read_bytes())
    assert done.returncode == 2
    assert "taken.html" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(second.read_text())["conversations"]
    assert "THE STORY" in done.stdout


def test_a_page_shows_the_bytes_where_the_capture_was_written(tmp_path: Path) -> None:
    bare, full = tmp_path / "bare.html", tmp_path / "full.html"
    sniff("-", "-o", str(bare), data=capture().read_bytes())
    sniff("-", "-o", str(full), "-w", str(tmp_path / "copy.pcapng"), data=capture().read_bytes())
    assert full.stat().st_size > bare.stat().st_size + 500


@pytest.mark.parametrize(("path", "why"), [
    ("/dev/zero", "it is a device"), (".", "is a directory"), ("pipe/x", "Not a directory"),
])
def test_what_is_no_key_log_is_one_line(tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "pipe").write_text("")
    done = sniff("-", "--keylog", path if path[0] in "/." else str(tmp_path / path), data=capture().read_bytes())
    assert done.returncode == 2, done.stdout
    assert why in done.stderr
    assert "CAPTURE" not in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("variable", ["option", "environment"])
def test_a_pipe_of_keys_without_a_writer_does_not_hold_the_capture(
    tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "keys"
    os.mkfifo(pipe)
    if variable == "environment":
        monkeypatch.setenv("SSLKEYLOGFILE", str(pipe))
    done = sniff("-", *(["--keylog", str(pipe)] if variable == "option" else []), data=capture().read_bytes())
    assert done.returncode == 0, done.stderr
    assert "THE STORY" in done.stdout


def test_what_the_environment_names_and_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/dev/zero")
    done = sniff("-", data=capture().read_bytes())
    assert done.returncode == 0, done.stderr
    assert "key log /dev/zero: cannot be read (it is a device)" in done.stderr


def test_it_says_as_whom_it_reads() -> None:
    first = sniff("-", data=capture().read_bytes()).stdout.splitlines()[0]
    assert re.search(r"CAPTURE capturing on standard input, (from here on )?as \S+", first)


@pytest.mark.parametrize("options", [
    ("-", "--json", "--screen"), ("eth0", "--follow", "file"), ("-", "--rotate-size", "10MB"),
    ("-", "-w", "a.pcapng", "--rotate-files", "3"), ("-", "-w", "-", "--json"), ("-", "eth0"),
    ("-", "--limit", "3", "--all"), ("-", "-o", "out.pcapng"),
    ("-", "-o", "out.nothing"), ("-", "--duration", "soon"),
    ("-", "--keep-bytes", "-4"), ("-", "--screen"),
])
def test_what_contradicts_itself_is_one_sentence(options: tuple[str, ...]) -> None:
    done = sniff(*options, data=capture().read_bytes())
    assert done.returncode == 2, done.stdout
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stream_that_is_no_capture_is_refused() -> None:
    done = sniff("-", data=b"hello, this is no capture at all")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("text", "seconds"), [
    ("30", 30.0), ("500ms", 0.5), ("10 m", 600.0), ("2h", 7200.0), ("1.5s", 1.5),
])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "count"), [("100", 100), ("100MB", 10**8), ("16MiB", 16 << 20), ("2k", 2000)])
def test_sizes(text: str, count: int) -> None:
    assert octets(text) == count


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "10 parsecs", "inf", "nan"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        duration(text)


@pytest.mark.parametrize("width", [60, 100])
def test_interfaces_are_listed_with_addresses_and_rates(width: int) -> None:
    busy, idle = InterfaceState("eth0"), InterfaceState("a\x1b[2Jb")
    busy.addresses, busy.up, busy.running = ["192.0.2.1", "2001:db8::1"], True, True
    busy.frames_per_second, busy.octets_per_second = 1234.0, 100_000.0
    rows = interface_rows([busy, idle], width)
    text = "\n".join(row.text for row in rows)
    assert "192.0.2.1" in text
    assert "2001:db8::1" in text
    assert "running" in text
    assert "800 kbit/s" in text
    assert "\x1b" not in text
    assert [row.text for row in rows if cells(row.text) > width] == []


def test_help_needs_no_screen() -> None:
    """The libraries of the screen and of the sockets are imported where they are used."""
    script = (
        "import sys; from analyzer.cli.main import run; code = run(['sniff', '--help']); "
        "heavy = [name for name in ('textual', 'scapy', 'rich', 'analyzer.pipeline.live') if name in sys.modules]; "
        "sys.exit(str(heavy) if heavy or code else 0)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_is_listed() -> None:
    from analyzer.cli.main import cli

    assert "sniff" in CliRunner().invoke(cli, ["--help"]).output


@pytest.mark.parametrize(("sample", "text", "numbers"), [
    ("dns/dns-then-http", 'http.request.method == "GET"', {2}),
    ("dns/dns-then-http", "dns", {1}),
    ("dns/dns-then-http", 'event == "tcp.closed" and frame.time_relative > 0.1', {2}),
    ("dns/dns-then-http", "icmp", set()),
    ("tls/browser", "tls.handshake.type == 1 and tcp.flags.push == 1", {1, 2}),
    ("http1/browser", "tcp.srcport == 40852", {3}),
])
def test_only_conversations_of_which_a_filter_holds_are_shown(
    sample: str, text: str, numbers: set[int], tmp_path: Path
) -> None:
    capture = SAMPLES / sample / "capture.pcapng"
    report = tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, "-m", "analyzer.cli.main", "sniff", "-", "--keep-privileges", "--json", "-Y", text,
         "-o", str(report)],
        input=capture.read_bytes(), capture_output=True, check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["conversation"] for line in lines if line["record"] == "event"} == numbers
    told = json.loads(report.read_text())
    assert {one["number"] for one in told["conversations"]} == numbers
    assert text in told["capture"]["narrowed"][0]
    if "http" in text:      # what was told before the filter held is shown as well
        assert "tcp.syn" in {line["name"] for line in lines if line["record"] == "event"}


def test_a_filter_of_sniff_asks_for_no_findings() -> None:
    done = CliRunner().invoke(cli, ["sniff", "-", "-Y", 'finding == "tcp.timeout"'])
    assert done.exit_code == 2
    assert "made while the conversations go on" in done.output
