"""Traffic at two places: a recording at one of them, and what the other would hold after a path that is declared."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sample_feeds import SAMPLES
from ways import Frame, Observed, observed, sides

from analyzer.checksums import total
from analyzer.passage import Passage
from analyzer.pipeline.placed import passage

IP, MS = 14, 1_000_000
TCP, UDP = 6, 17
FIELD = {TCP: 16, UDP: 6}


class Way(NamedTuple):
    """delay_ns: of one way, there and back.     offset_ns: that the second clock is ahead.     drift_ppb: that it gains
    in each second.     hops: routers.     jitter: more delay of the frame with this index."""

    delay_ns: tuple[int, int] = (10 * MS, 10 * MS)
    offset_ns: int = 0
    drift_ppb: int = 0
    hops: int = 0
    jitter: Callable[[int], int] = lambda _index: 0


PLAIN = Way()


class Two:
    """The frames of A and of B. up: of each frame of A, whether it goes to B. From the first frame of a recording."""

    def __init__(self, sample: str, path: Way = PLAIN) -> None:
        every = observed(SAMPLES / sample / "capture.pcapng").frames
        frames = [frame for frame in every if frame.data[12:14] == b"\x08\0"]
        self.a = list(frames)
        first = sides(frames)[0]
        self.up = [side is first for side in sides(frames)]
        start = frames[0].time
        self.b = []
        for at, (frame, up) in enumerate(zip(frames, self.up, strict=True)):
            delay = path.delay_ns[0 if up else 1] + path.jitter(at)
            time = frame.time + delay if up else frame.time - delay
            time += path.offset_ns + (time - start) * path.drift_ppb // 1_000_000_000
            data = hopped(frame.data, path.hops if up else -path.hops)
            self.b.append(frame._replace(time=time, data=data))

    def told(self, folder: Path, *, sort: bool = True) -> Passage:
        for name, frames in (("a", self.a), ("b", self.b)):
            ordered = sorted(frames, key=lambda frame: frame.time) if sort else frames
            Observed(ordered, []).write(folder / f"{name}.pcapng")
        return passage(str(folder / "a.pcapng"), str(folder / "b.pcapng"))

    def number(self, side: int, frame: Frame) -> int:
        """Of a frame, in the file that is written."""
        every = (self.a, self.b)[side]
        return sorted(every, key=lambda one: one.time).index(frame) + 1


def hopped(data: bytes, hops: int) -> bytes:
    return summed(data[:IP + 8] + bytes([data[IP + 8] - hops]) + data[IP + 9:]) if hops else data


def header(data: bytes) -> int:
    """Where the transport begins."""
    return IP + (data[IP] & 15) * 4


def summed(data: bytes) -> bytes:
    """With right checksums of IP and of the transport."""
    at = header(data)
    out = bytearray(data)
    out[IP + 10:IP + 12] = b"\0\0"
    out[IP + 10:IP + 12] = complement(total(bytes(out), IP, at))
    protocol, end = data[IP + 9], IP + int.from_bytes(data[IP + 2:IP + 4])
    if protocol in FIELD:
        field = at + FIELD[protocol]
        out[field:field + 2] = b"\0\0"
        pseudo = bytes(out[IP + 12:IP + 20]) + bytes([0, protocol]) + (end - at).to_bytes(2)
        both = pseudo + bytes(out[at:end])
        out[field:field + 2] = complement(total(both, 0, len(both)))
    return bytes(out)


def complement(found: int) -> bytes:
    return ((65_535 - found) or 65_535).to_bytes(2)


def rewritten(data: bytes, at: int, value: bytes, *, sums: bool = True) -> bytes:
    """With other octets at a place."""
    out = data[:at] + value + data[at + len(value):]
    return summed(out) if sums else out


def shifted(data: bytes, at: int, by: int) -> bytes:
    """With another number of 32 bits at a place."""
    value = (int.from_bytes(data[at:at + 4]) + by) & 0xFFFFFFFF
    return rewritten(data, at, value.to_bytes(4))
