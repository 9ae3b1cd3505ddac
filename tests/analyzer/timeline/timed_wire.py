"""A TCP connection written frame by frame, each at a time of its own, so that where its time goes is known."""
from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from pcap_bytes import ethernet, ipv4, tcp, udp

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

MS = 1_000_000
EPOCH = 1_700_000_000 * 1_000_000_000
CLIENT, SERVER = 0, 1
ENDS = (b"\x0a\0\0\1", b"\x0a\0\0\2")
PORTS = (40_000, 8_000)
FIN, SYN, PSH, ACK = 1, 2, 8, 16
MSS = b"\x02\x04\x05\xb4"
SEGMENT = 1_000


class Wire:
    """Times in milliseconds. Numbers follow from what was sent; `seen` leaves a frame out of the capture."""

    def __init__(self, window: int = 60_000) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.next = [1_000, 9_000]
        self.got = [9_000, 1_000]       # what each side acknowledges
        self.windows = [window, window]
        self.only = -1                  # the one side that is captured

    def send(
        self, ms: float, side: int, payload: bytes = b"", flags: int = ACK, *, again: bool = False, lost: bool = False,
        seq: int = -1,
    ) -> None:
        """again: the last octets of this side once more.     lost: it never arrives.     seq: of this number."""
        length = len(payload) + (1 if flags & (SYN | FIN) else 0)
        start = self.next[side] - length if again else self.next[side]
        if seq >= 0:
            start = seq
        segment = tcp(
            payload, PORTS[side], PORTS[1 - side], start, self.got[side] if flags & ACK else 0, flags,
            self.windows[side], MSS if flags & SYN else b"",
        )
        if self.only in (-1, side):
            frame = ethernet(ipv4(segment, 6, ENDS[side], ENDS[1 - side]))
            self.frames.append((EPOCH + round(ms * MS), frame))
        if seq < 0:
            self.next[side] = start + length
        if not lost and seq < 0:
            self.got[1 - side] = self.next[side]

    def open(self, there: float = 40, back: float = 0.1) -> None:
        """The handshake: the SYN is answered after so long at this place, and the answer after so long."""
        self.send(0, CLIENT, flags=SYN)
        self.send(there, SERVER, flags=SYN | ACK)
        self.send(there + back, CLIENT)

    def close(self, ms: float, there: float = 40, back: float = 0.1) -> None:
        self.send(ms, CLIENT, flags=FIN | ACK)
        self.send(ms + there, SERVER, flags=FIN | ACK)
        self.send(ms + there + back, CLIENT)

    def told(self) -> Analysis:
        return told(sorted(self.frames, key=lambda frame: frame[0]))


def query(ms: float, payload: bytes, *, answer: bool) -> tuple[int, bytes]:
    """A datagram to or from a name server."""
    ports = (53, 50_000) if answer else (50_000, 53)
    side = SERVER if answer else CLIENT
    return EPOCH + round(ms * MS), ethernet(ipv4(udp(payload, *ports), 17, ENDS[side], ENDS[1 - side]))


def told(frames: list[tuple[int, bytes]]) -> Analysis:
    """Written as a capture with nanoseconds, and analysed."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)]
    for time, frame in frames:
        out.append(struct.pack("<IIII", time // 10**9, time % 10**9, len(frame), len(frame)) + frame)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcap"
        path.write_bytes(b"".join(out))
        return analyze([str(path)], Options())


def account(analysis: Analysis) -> dict[str, float]:
    """The account of the first conversation: milliseconds by cause."""
    return {cause.key: ns / MS for cause, ns in analysis.told[0].books.totals()}
