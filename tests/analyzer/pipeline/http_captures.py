"""Captures of one TCP connection, made of what each side says, and what is told of them."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest
from told_accounts import MS

from analyzer.model import Analysis, Finding
from analyzer.pipeline import run
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event

SYN, ACK, RST, PSH_ACK, FIN_ACK, SYN_ACK = 2, 16, 4, 24, 17, 18
CLIENT, SERVER = 0, 1
ENDS = (b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02")


class Wire:
    """One connection; every segment is a frame, a millisecond after the one before unless it says otherwise."""

    def __init__(self, port: int = 80, opened: bool = True) -> None:
        self.ports = (40_000, port)
        self.next = [1_000, 5_000]
        self.now = 0
        self.frames: list[tuple[int, bytes]] = []
        if opened:
            for side, flags in ((CLIENT, SYN), (SERVER, SYN_ACK)):
                self.put(side, flags)
                self.next[side] += 1
            self.put(CLIENT, ACK)

    def put(self, side: int, flags: int, data: bytes = b"", after: int = MS, seen: bool = True) -> None:
        """seen: by the capture."""
        self.now += after
        ack = self.next[1 - side] if flags & ACK else 0
        segment = struct.pack(
            "!HHIIBBHHH", self.ports[side], self.ports[1 - side], self.next[side], ack, 0x50, flags, 64_240, 0, 0
        ) + data
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + ENDS[side] + ENDS[1 - side]
        if seen:
            self.frames.append((self.now, b"\x02" * 12 + b"\x08\x00" + packet + segment))

    def say(self, side: int, data: bytes, after: int = MS, seen: bool = True) -> None:
        self.put(side, PSH_ACK, data, after, seen)
        self.next[side] += len(data)

    def fin(self, side: int, after: int = MS) -> None:
        self.put(side, FIN_ACK, b"", after)
        self.next[side] += 1

    def close(self, first: int = SERVER) -> None:
        self.fin(first)
        self.fin(1 - first)
        self.put(first, ACK)

    def told(self, folder: Path) -> Analysis:
        """What is told of it."""
        path = folder / "made.pcap"
        start = 1_700_000_000_000_000_000
        path.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1) + b"".join(
            struct.pack("<IIII", *divmod(start + time, 1_000_000_000), len(frame), len(frame)) + frame
            for time, frame in self.frames
        ))
        return analyze([str(path)], Options())


def only_first(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    """Only so many frames are told one by one, as in a capture of very many."""
    monkeypatch.setattr(run, "FULL_FRAMES", 0)
    monkeypatch.setattr(run, "RECORD_CAP", frames)
    monkeypatch.setattr(run, "MAX_TOLD", frames)


def events(analysis: Analysis, name: str = "") -> list[Event]:
    found = [event for told in analysis.told for phase in told.phases for event in phase.events]
    return [event for event in found if not name or event.name == name]


def said(analysis: Analysis) -> str:
    """Everything that is said of it: events and findings."""
    return "\n".join([event.what() for event in events(analysis)] + [found.sentence for found in analysis.findings])


def finding(analysis: Analysis, code: str) -> Finding:
    found, = [one for one in analysis.findings if one.code == code]
    return found


def codes(analysis: Analysis) -> set[str]:
    return {found.code for found in analysis.findings}


def alarms(analysis: Analysis) -> set[str]:
    return {found.code for found in analysis.findings if found.severity in ("warn", "error")}
