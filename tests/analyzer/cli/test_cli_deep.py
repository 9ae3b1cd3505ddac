"""Wireshark's dissection of one frame."""
from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import pytest

from analyzer.cli import deep
from analyzer.cli.main import run

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

# An ARP request in Ethernet (RFC 826), in a pcap with microseconds.
ARP = bytes.fromhex("ffffffffffff020000000001" "0806" "0001080006040001" "0200000000010a000001" "0000000000000a000002")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "two.pcap"
    record = struct.pack("<IIII", 1_700_000_000, 0, len(ARP), len(ARP)) + ARP
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + record * 2)
    return path


@needs_tshark
def test_a_frame_is_shown_as_a_tree(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frames", str(capture), "--deep", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Frame 2: 42 bytes")
    assert "Address Resolution Protocol (request)" in lines
    assert "   Target IP address: 10.0.0.2" in lines
    assert any(line.startswith("      Address: ") for line in lines)      # nested below Destination


@needs_tshark
def test_a_frame_that_is_not_there(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frames", str(capture), "--deep", "3"]) == 2
    assert "has no frame 3" in capsys.readouterr().err


@needs_tshark
def test_a_capture_that_tshark_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.pcap"
    path.write_text("no capture")
    assert run(["frames", str(path), "--deep", "1"]) == 2
    assert "tshark cannot read" in capsys.readouterr().err


@needs_tshark
def test_a_capture_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frames", str(tmp_path), "--deep", "1"]) == 2
    assert "no such file" in capsys.readouterr().err


@needs_tshark
def test_nothing_in_the_current_folder_has_a_say(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pyshark reads `config.ini` there, which names programs; an empty entry of PATH means that folder."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "config.ini").write_text(f"[tshark]\ntshark_path = {folder / 'tshark'}\n[dumpcap]\n")
    (folder / "tshark").write_text(f"#!/bin/sh\ntouch {folder / 'was-run'}\n")
    (folder / "tshark").chmod(0o755)
    (folder / "lxml.py").write_text(f"open({str(folder / 'was-run')!r}, 'w')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f":.:{os.environ['PATH']}")
    assert run(["frames", os.path.relpath(capture), "--deep", "1"]) == 0
    assert "Address Resolution Protocol (request)" in capsys.readouterr().out
    assert not (folder / "was-run").exists()


@needs_tshark
def test_a_broken_configuration_in_the_current_folder_breaks_nothing(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.ini").write_text("[other]\n")
    monkeypatch.chdir(tmp_path)
    assert run(["frames", str(capture), "--deep", "1"]) == 0


@pytest.mark.parametrize(
    ("platform", "how"), [("linux", "apt install tshark"), ("darwin", "brew"), ("win32", "winget")]
)
def test_without_tshark_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], platform: str, how: str
) -> None:
    monkeypatch.setattr(deep, "find_program", lambda _name, _places: "")
    monkeypatch.setattr(deep.sys, "platform", platform)
    assert run(["frames", "x.pcap", "--deep", "1"]) == 2
    assert how in capsys.readouterr().err
