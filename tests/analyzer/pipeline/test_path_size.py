"""Paths that drop large packets without saying so, and what looks like them."""
from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from wires import ACK, PSH, SYN, A, B, analysed, ether, finding, ip, tcp

CODE = "tcp.black_hole"
MSS = b"\x02\x04\x05\xb4\x04\x02\x01\x01"
FULL = 1440
TAIL = 300

Frames = list[tuple[int, bytes]]


class Path4:
    """A connection in which `sender` sends four full segments and a tail, after the other side has asked."""

    def __init__(self, sender: int, version: int) -> None:
        self.sender = sender
        self.version = version
        self.start = 501 if sender == B else 101
        self.other = 151 if sender == B else 501
        self.tail = self.start + 4 * FULL
        self.frames: Frames = [
            (0, self.segment(A, SYN, 100, 0, options=MSS)), (20, self.segment(B, SYN | ACK, 500, 101, options=MSS)),
            (21, self.segment(A, ACK, 101, 501)),
        ]
        if sender == B:
            self.frames += [(22, self.segment(A, ACK | PSH, 101, 501, b"q" * 50)), (42, self.segment(B, ACK, 501, 151))]
        self.frames += [(43, self.data(self.start + FULL * at, FULL)) for at in range(4)]
        self.frames.append((44, self.data(self.tail, TAIL)))

    def segment(
        self, side: int, flags: int, seq: int, ack: int, data: bytes = b"", options: bytes = b""
    ) -> bytes:
        return ether(ip(side, tcp(side, flags, seq, ack, data, version=self.version, options=options), 6, self.version))

    def data(self, seq: int, size: int) -> bytes:
        return self.segment(self.sender, ACK, seq, self.other, b"d" * size)

    def acked(self, ack: int, sacked: tuple[int, int] | None = None) -> bytes:
        block = b"\x01\x01\x05\x0a" + struct.pack("!II", *sacked) if sacked else b""
        return self.segment(1 - self.sender, ACK, self.other, ack, options=block)

    def tail_reported(self) -> None:
        self.frames.append((64, self.acked(self.start, (self.tail, self.tail + TAIL))))

    def in_vain(self, often: int = 5) -> int:
        """The first segment again and again, each time after twice the wait."""
        at = 300
        for one in range(often):
            at += 400 << one
            self.frames.append((at, self.data(self.start, FULL)))
        return at


both_ways = pytest.mark.parametrize(("sender", "version"), [(A, 4), (A, 6), (B, 4), (B, 6)])


@both_ways
def test_a_tail_that_gets_through(tmp_path: Path, sender: int, version: int) -> None:
    path = Path4(sender, version)
    path.tail_reported()
    path.in_vain()
    found = finding(analysed(tmp_path, path.frames), CODE)
    assert found is not None
    assert "a segment of 1440 bytes 6 times" in found.sentence
    assert "300 bytes behind it arrived, as SACK blocks say" in found.sentence
    assert found.confidence == "likely"


@both_ways
def test_pieces_that_get_through(tmp_path: Path, sender: int, version: int) -> None:
    """RFC 4821: the sender goes down to 512 bytes by itself."""
    path = Path4(sender, version)
    path.tail_reported()
    at = path.in_vain() + 6400
    for seq in range(path.start, path.tail, 512):
        size = min(512, path.tail - seq)
        over = seq + size == path.tail
        path.frames += [(at, path.data(seq, size)), (at + 20, path.acked(
            path.tail + TAIL if over else seq + size, None if over else (path.tail, path.tail + TAIL)
        ))]
        at += 21
    found = finding(analysed(tmp_path, path.frames), CODE)
    assert found is not None
    assert "a segment of 1440 bytes 6 times" in found.sentence
    assert "in pieces of 512 bytes" in found.sentence
    assert found.confidence == "likely"


def a_full_one_passes(path: Path4) -> None:
    """Repaired after two timeouts, with segments as large as before."""
    path.tail_reported()
    at = path.in_vain(2)
    path.frames.append((at + 20, path.acked(path.start + FULL, (path.tail, path.tail + TAIL))))
    for more in range(1, 4):
        at += 22
        path.frames += [(at, path.data(path.start + FULL * more, FULL)), (at + 20, path.acked(
            path.start + FULL * (more + 1) if more < 3 else path.tail + TAIL
        ))]


def a_full_one_is_reported(path: Path4) -> None:
    """The SACK block holds a full segment too."""
    path.frames.append((64, path.acked(path.start, (path.start + FULL, path.tail + TAIL))))
    path.in_vain()


@both_ways
@pytest.mark.parametrize("happens", [a_full_one_passes, a_full_one_is_reported])
def test_what_looks_like_it(tmp_path: Path, sender: int, version: int, happens: Callable[[Path4], None]) -> None:
    path = Path4(sender, version)
    happens(path)
    analysis = analysed(tmp_path, path.frames)
    assert finding(analysis, "tcp.timeout") is not None
    assert finding(analysis, CODE) is None
