"""The network of a case: hosts and their devices, the link between them and its faults, and where is captured."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a frame is, as far as a fault needs to know. One frame has one kind."""

    SYN = "SYN"
    SYN_ACK = "SYN-ACK"
    DATA = "data segment"          # TCP with payload, FIN or not
    FIN = "FIN without data"
    RST = "RST"
    ACK = "pure ACK"
    UDP = "UDP datagram"
    OTHER = "other frame"          # ARP, ICMP, fragments, ...


class Action(Enum):
    DROP = "dropped"
    DELAY = "held back"            # later frames overtake it
    DUPLICATE = "delivered twice"
    MARK_CE = "marked as congestion experienced"  # RFC 3168 §5: a router sets both ECN bits


@dataclass(frozen=True)
class Fault:
    """One precise harm: which frames of which sender, by their ordinal among frames of that kind (from 1).

    TCP segments with sequence space are numbered by their first transmission: a segment that is sent again
    keeps its ordinal. `copies` says how many transmissions of each are hit, counted from the first.
    """

    action: Action
    source: str                    # host that sends the frame
    kind: Kind
    ordinals: tuple[int, ...]
    copies: int = 1
    by_ms: float = 0.0             # DELAY: how long; DUPLICATE: how long after the first

    def words(self) -> str:
        numbers = ", ".join(str(n) for n in self.ordinals)
        if len(self.ordinals) > 2 and self.ordinals[-1] - self.ordinals[0] == len(self.ordinals) - 1:
            numbers = f"{self.ordinals[0]} to {self.ordinals[-1]}"
        times = "" if self.copies == 1 else f", its first {self.copies} transmissions"
        extra = ""
        if self.action is Action.DELAY:
            extra = f" for {self.by_ms:g} ms"
        elif self.action is Action.DUPLICATE:
            extra = f", the second time {self.by_ms:g} ms later"
        return f"{self.kind.value} {numbers} of `{self.source}` is {self.action.value}{extra}{times}"


@dataclass(frozen=True)
class Link:
    """One segment: a switch between the devices on it. Without a word here it only delays (see Nic)."""

    jitter_ms: float = 0.0         # up to so much more delay, uniformly; order is kept
    rate_kbit: int = 0             # towards each device; 0: no limit
    queue_frames: int = 1000       # before each device; more are dropped at the tail
    police_kbit: int = 0           # towards each device: what is more is dropped and nothing waits; 0: no limit
    police_octets: int = 0         # that may come at once
    loss: float = 0.0              # probability, of any frame
    duplicate: float = 0.0
    reorder: float = 0.0           # probability that a frame is held back by reorder_ms
    reorder_ms: float = 0.0
    largest_frame: int = 0         # longer frames vanish without a word; 0: no limit
    seed: int = 1
    faults: tuple[Fault, ...] = ()

    def words(self) -> list[str]:
        said: list[str] = []
        if self.jitter_ms:
            said.append(f"jitter up to {self.jitter_ms:g} ms")
        if self.rate_kbit:
            said.append(f"{self.rate_kbit:,} kbit/s, drop tail after {self.queue_frames} frames".replace(",", " ", 1))
        if self.police_kbit:
            said.append(f"a policer of {self.police_kbit:,} kbit/s and {self.police_octets:,} octets".replace(",", " "))
        for name, value in (("loss", self.loss), ("duplication", self.duplicate)):
            if value:
                said.append(f"{name} {value:.1%}")
        if self.reorder:
            said.append(f"{self.reorder:.1%} of the frames held back by {self.reorder_ms:g} ms")
        if self.largest_frame:
            said.append(f"frames longer than {self.largest_frame} bytes vanish")
        if self.jitter_ms or self.loss or self.duplicate or self.reorder:
            said.append(f"seed {self.seed}")
        return said + [fault.words() for fault in self.faults]


@dataclass(frozen=True)
class Nic:
    """A device of a host: its addresses with prefix length, and the one-way delay between it and the switch.

    bridged: it is a port of a bridge, which takes every frame.
    """

    addresses: tuple[str, ...]
    delay_ms: float = 6.0
    segment: str = "lan"
    mtu: int = 1500
    bridged: bool = False


@dataclass(frozen=True)
class Host:
    name: str
    nics: tuple[Nic, ...]
    sysctl: tuple[tuple[str, str], ...] = ()
    routes: tuple[str, ...] = ()             # arguments of `ip route add`
    forwards: bool = False
    resolver: str = ""                       # what /etc/resolv.conf of this host names
    names: tuple[str, ...] = ()              # lines of its /etc/hosts: address and names


@dataclass(frozen=True)
class Capture:
    """Where and how the capture is taken."""

    at: str = "client"                       # host, or MIRROR
    device: str = ""                         # "" the host's first device; "any"; a tunnel's device
    linktype: str = ""                       # dumpcap's -y, where a device offers several
    snaplen: int = 0
    tags: tuple[tuple[int, int], ...] = ()   # MIRROR: VLAN tags (EtherType, identifier), the outer one first


MIRROR = "mirror"                            # a port that gets a copy of every frame the switch takes in
