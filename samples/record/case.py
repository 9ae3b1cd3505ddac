"""What a case declares: its network, what is run there, and what must be seen."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from samples.record.lab import Lab
from samples.record.network import Capture, Host, Link


@dataclass(frozen=True)
class Shows:
    """One thing the recording must show: a Wireshark display filter, and what its frames mean.

    The recorder counts the frames, refuses the recording when there are too few or too many, and writes
    their numbers into the README.
    """

    filter: str
    text: str
    at_least: int = 1
    at_most: int = 1_000_000


@dataclass(frozen=True)
class Case:
    protocol: str
    name: str
    title: str
    summary: str                             # the README's first paragraph; stable
    hosts: tuple[Host, ...]
    drive: Callable[[Lab], None]
    shows: tuple[Shows, ...]
    prepare: Callable[[Lab], None] | None = None   # before the capture starts: servers, zones
    links: dict[str, Link] = field(default_factory=dict)
    capture: Capture = field(default_factory=Capture)
    seconds: float = 20.0                    # the drive takes no longer
    settle_s: float = 0.4                    # what is still recorded after the drive
    together: str = ""                       # key of the case that this is recorded with, at another place

    @property
    def key(self) -> str:
        return f"{self.protocol}/{self.name}"
