"""What the survey met of the addresses of a link, for the rules about them."""
from __future__ import annotations

from typing import Final

MAX_CHANGES: Final = 200         # of the topology, and of the roots that one bridge names, that are noted


class Missing:
    """An address that one machine of the link asked for, and that nobody claimed since. frames: of the first questions.

    spoke: the last frame before them in which a machine claimed it, 0 for none.
    """

    def __init__(
        self, address: str, asker: str, count: int, frames: list[int], start_ns: int, end_ns: int, spoke: int = 0
    ) -> None:
        self.address = address
        self.asker = asker
        self.count = count
        self.frames = frames
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.spoke = spoke


class InUse:
    """A machine wanted an address, and another one answered that it has it. Each with its frame."""

    def __init__(self, address: str, version: int, wanted: tuple[str, int], owner: tuple[str, int]) -> None:
        self.address = address
        self.version = version
        self.wanted = wanted
        self.owner = owner


class Unasked:
    """A machine told others that an address is its own, which nobody had asked for; another one claims it as well.

    told: to whom.     other: who else, with the frame.     frames: of the first answers.
    """

    def __init__(self, address: str, mac: str, other: tuple[str, int], count: int, frames: list[int]) -> None:
        self.address = address
        self.mac = mac
        self.other = other
        self.count = count
        self.frames = frames
        self.told: list[str] = []
        self.start_ns = -1
        self.end_ns = -1


class Circled:
    """A frame to everybody that came again and again, the same octet for octet. frames: the first of them."""

    def __init__(self, station: str, count: int, start_ns: int, end_ns: int, frames: list[int]) -> None:
        self.station = station
        self.count = count
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.frames = frames


class Crossed:
    """Frames that were seen in one VLAN, and the same, octet for octet, in another one right after it. frames: the
    first of them, each with its copy."""

    def __init__(
        self, out_of: str, into: str, count: int, stations: list[str], frames: list[int], start_ns: int, end_ns: int
    ) -> None:
        self.out_of = out_of
        self.into = into
        self.count = count
        self.stations = stations
        self.frames = frames
        self.start_ns = start_ns
        self.end_ns = end_ns


class Advertised:
    """What a router advertises of a link. hops, flags, mtu: -1 where it leaves them open.     lifetime: in seconds, 0
    where it is no router for other networks.     prefixes: with the seconds for which they are valid."""

    def __init__(self, address: str, frame: int, lifetime: int, values: dict[str, str]) -> None:
        self.address = address
        self.frame = frame
        self.lifetime = lifetime
        self.values = values
        self.prefixes: dict[str, int] = {}


class Owned:
    """An address of the link, and the link-layer addresses that claimed it, each with the first frame."""

    def __init__(self, address: str, owners: list[tuple[str, int]]) -> None:
        self.address = address
        self.owners = owners
