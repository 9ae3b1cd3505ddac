"""The same traffic observed less well: frames that are missing, cut, late or there twice, and keys that are not there.

Each way keeps the traffic as it was and changes what a capture shows of it. Nothing is drawn but from a given `Random`.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from analyzer.ingest import pcapng_blocks as ng
from analyzer.ingest import pcapng_write
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import ETHERNET, Interface, Secrets
from analyzer.packet import ARP, TCP, UDP, Packet
from analyzer.packets.decode import Decoder

MS = 1_000_000
HOUR = 3_600_000 * MS
FEWEST, MOST = 2, 20_000            # frames of a capture that is observed less well
LOST = 0.03                         # of all frames
SNAP = 96                           # octets that are left of a frame
COPY_BEHIND = 5 * MS                # a mirror port's second copy
BOOTED = 1_000 * MS                 # a clock that was never set
LATE_SIDE = 20 * MS                 # of two mirror ports, one is so much slower
# RFC 826 on Ethernet for IPv4: the sender's address and the one that is asked for.
ARP_OF_IPV4 = re.compile(rb"\x08\x06\0\x01\x08\0\x06\x04.{8}(.{4}).{6}(.{4})", re.DOTALL)
TAG = b"\x81\x00\x00\x07"           # IEEE 802.1Q, VLAN 7


class Frame(NamedTuple):
    """time: ns since 1970.     length: octets on the wire."""

    time: int
    link: int
    data: bytes
    length: int


class Observed:
    """What a capture holds: frames in the order of the file, and secrets."""

    def __init__(self, frames: list[Frame], secrets: list[Secrets]) -> None:
        self.frames = frames
        self.secrets = secrets

    def write(self, path: Path) -> None:
        """As pcapng."""
        links = sorted({frame.link for frame in self.frames}) or [ETHERNET]
        parts = [pcapng_write.section("", "", [])]
        parts += [pcapng_write.interface(Interface(link, 0)) for link in links]
        parts += [pcapng_write.secrets(block.kind, block.data) for block in self.secrets]
        for time, link, data, length in self.frames:
            head = b"".join((
                links.index(link).to_bytes(4, "little"), pcapng_write.time_halves(time),
                len(data).to_bytes(4, "little"), length.to_bytes(4, "little"),
            ))
            parts.append(pcapng_write.block(ng.ENHANCED, head + data + bytes(-len(data) % 4)))
        path.write_bytes(b"".join(parts))


def observed(path: Path) -> Observed:
    """A capture in memory, up to one frame more than are told. Raises CaptureError.

    A frame without a time has that of the frame before.
    """
    source, frames, last = open_capture([str(path)]), list[Frame](), 0
    while len(frames) <= MOST and source.next():
        last = int(source.time) if source.time >= 0 else last
        frames.append(Frame(last, int(source.link), source.data[source.start:source.end], int(source.length)))
    secrets = list(source.secrets)
    source.close()
    return Observed(frames, secrets)


def packets(frames: list[Frame]) -> list[tuple[tuple[bytes, int], tuple[bytes, int]] | None]:
    """Address and port of sender and receiver, for each frame; None where there is no IP."""
    decoder, packet, found = Decoder(), Packet(), list[tuple[tuple[bytes, int], tuple[bytes, int]] | None]()
    for number, (time, link, data, length) in enumerate(frames, 1):
        decoder.decode(data, 0, len(data), length, link, number, time, packet)
        if not packet.ip_version or packet.kind == ARP:
            found.append(None)
            continue
        ports = (int(packet.sport), int(packet.dport)) if packet.kind in (TCP, UDP) else (0, 0)
        found.append(((packet.source(), ports[0]), (packet.destination(), ports[1])))
    return found


def sides(frames: list[Frame]) -> list[bool | None]:
    """For each frame, which of the two sides of its conversation sent it; None where there is no IP to tell by."""
    return [None if ends is None else ends[0] < ends[1] for ends in packets(frames)]


def addresses(frames: list[Frame]) -> frozenset[bytes]:
    """Of all IP packets, and those that ARP asks for."""
    found = set[bytes]()
    for frame, ends in zip(frames, packets(frames), strict=True):
        if ends is not None:
            found |= {ends[0][0], ends[1][0]}
        else:
            found |= {each for match in ARP_OF_IPV4.finditer(frame.data) for each in match.groups()}
    return frozenset(found)


def by_time(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame.time)


def late(frames: list[Frame], random: Random) -> list[Frame]:
    """The capture begins after the traffic."""
    return frames[max(1, int(len(frames) * random.uniform(0.1, 0.6))):]


def cut(frames: list[Frame], random: Random) -> list[Frame]:
    """The capture ends before the traffic."""
    return frames[:max(1, int(len(frames) * random.uniform(0.3, 0.9)))]


def one_side(frames: list[Frame], random: Random) -> list[Frame]:
    """Of every conversation, one direction is not seen."""
    gone = random.random() < 0.5
    return [frame for frame, side in zip(frames, sides(frames), strict=True) if side is not gone]


def loss(frames: list[Frame], random: Random) -> list[Frame]:
    """The capturing system was too slow for some frames; for one at least."""
    kept = [frame for frame in frames if random.random() >= LOST]
    if len(kept) == len(frames) and len(frames) > FEWEST:
        del kept[random.randrange(1, len(frames) - 1)]
    return kept


def snap(frames: list[Frame], random: Random) -> list[Frame]:
    """Only the first octets of each frame are kept."""
    return [frame._replace(data=frame.data[:SNAP]) for frame in frames]


def copies(frames: list[Frame], random: Random) -> list[Frame]:
    """Every frame is seen again at a second place."""
    return by_time([*frames, *(frame._replace(time=frame.time + COPY_BEHIND) for frame in frames)])


def skew(frames: list[Frame], random: Random) -> list[Frame]:
    """One side's frames come late to the capture, and are stamped then."""
    slow = random.random() < 0.5
    return by_time([
        frame._replace(time=frame.time + LATE_SIDE) if side is slow else frame
        for frame, side in zip(frames, sides(frames), strict=True)
    ])


def stepped(frames: list[Frame], random: Random) -> list[Frame]:
    """The clock is set forward or back by an hour while the capture runs."""
    at, by = random.randrange(1, len(frames)), random.choice((HOUR, -HOUR))
    return [*frames[:at], *(frame._replace(time=max(frame.time + by, 0)) for frame in frames[at:])]


def stray(frames: list[Frame], random: Random) -> list[Frame]:
    """A few frames are stamped by a clock that knows nothing of the day."""
    drawn = {at for at in range(len(frames)) if random.random() < LOST} or {random.randrange(len(frames))}
    return [frame._replace(time=BOOTED) if at in drawn else frame for at, frame in enumerate(frames)]


def shifted(frames: list[Frame], random: Random) -> list[Frame]:
    """The same an hour later."""
    return [frame._replace(time=frame.time + HOUR) for frame in frames]


def tagged(frames: list[Frame], random: Random) -> list[Frame]:
    """The same on a trunk: each frame has a VLAN tag more. Nothing where not every frame is Ethernet."""
    if any(frame.link != ETHERNET for frame in frames):
        return []
    return [
        frame._replace(data=frame.data[:12] + TAG + frame.data[12:], length=frame.length + len(TAG))
        for frame in frames
    ]


def merged(frames: list[Frame], other: list[Frame]) -> list[Frame]:
    """Another capture follows an hour after the end of this one."""
    later = max(frame.time for frame in frames) + HOUR - other[0].time
    return [*frames, *(frame._replace(time=frame.time + later) for frame in other)]


OF_FRAMES: dict[str, Callable[[list[Frame], Random], list[Frame]]] = {
    "late": late, "cut": cut, "one_side": one_side, "loss": loss, "snap": snap, "copies": copies, "skew": skew,
    "stepped": stepped, "stray": stray, "shifted": shifted, "tagged": tagged,
}
WAYS = (
    "late", "cut", "one_side", "loss", "snap", "copies", "skew", "stepped", "stray", "no_keys", "merged", "shifted",
    "tagged",
)
SAME = ("merged", "shifted", "tagged")      # nothing else may be told


def less_well(way: str, capture: Observed, other: Observed | None, random: Random) -> Observed | None:
    """The capture as it is observed in this way; None where that is no other capture.

    other: what follows in `merged`; its secrets are not known.
    """
    if way == "no_keys":
        return Observed(capture.frames, []) if capture.secrets else None
    if way == "merged":
        frames = merged(capture.frames, other.frames) if other is not None and other.frames else []
    else:
        frames = OF_FRAMES[way](capture.frames, random)
    return Observed(frames, capture.secrets) if frames and frames != capture.frames else None
