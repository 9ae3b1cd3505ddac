"""Frames through scapy's sockets: slower, and on every system that scapy knows."""
from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any, Final

from mypy_extensions import i64

from analyzer.ingest.live.links import RAW_IP
from analyzer.ingest.live.packet_socket import PACKET_IGNORE_OUTGOING, SOL_PACKET
from analyzer.ingest.live.privileges import no_rights
from analyzer.ingest.live.source import GONE, INBOUND, UNKNOWN, UP, Counts, LiveSource
from analyzer.ingest.source import CaptureError, Interface

ALL: Final = "any"
AT_ONCE: Final = 64              # frames of one socket before the others are looked at
LARGEST: Final = 262_144         # bytes asked for, so that a frame's length is known before it is cut
RAW_IP_AS_DLT: Final = (12, 14)  # DLT_RAW, by system


class ScapySource(LiveSource):
    """Frames of several scapy sockets. Times have the resolution that scapy gives, microseconds at best.

    Frames of different interfaces are in the order in which they are fetched. Nobody counts what the system drops.
    """

    def __init__(
        self, name: str, sockets: list[Any], names: list[str], wanted: int, snaplen: int, filter: str
    ) -> None:
        super().__init__(name)
        self.sockets = sockets
        self.filter = filter
        self.snaplen: i64 = snaplen
        self.direction = wanted
        self.tallies: list[Counts] = []
        self.turn: i64 = 0
        self.taken: i64 = 0
        self.stopping: bool = False
        for each, interface in zip(sockets, names, strict=True):
            link = link_of_socket(each, interface)
            self.tallies.append(Counts(interface, link))
            described = Interface(link, snaplen, 1_000_000, interface)
            described.filter = filter
            self.interfaces.append(described)

    def next(self) -> bool:
        tried: i64 = 0
        while not self.ended and tried <= len(self.sockets):
            if self.taken >= AT_ONCE:
                self.taken = 0
                self.turn += 1
            if self.turn >= len(self.sockets):
                self.turn = 0
            if self.receive(int(self.turn)):
                self.taken += 1
                return True
            self.turn += 1
            self.taken = 0
            tried += 1
        self.ended = self.ended or self.stopping
        return False

    def receive(self, place: int) -> bool:
        """Take one wanted frame of a socket, where it has one now."""
        each = self.sockets[place]
        while readable([each], 0.0):
            try:
                _kind, data, stamp = each.recv_raw(LARGEST)
            except OSError as error:
                self.lose(place, error.strerror or str(error))
                return False
            if data is None:
                continue
            tally = self.tallies[place]
            tally.frames += 1
            tally.octets += len(data)
            self.data = data
            self.start = 0
            self.end = min(i64(len(data)), self.snaplen)
            self.length = len(data)
            self.time = int(float(stamp) * 1_000_000) * 1_000 if stamp is not None else time.time_ns()
            self.link = tally.link
            self.interface = place
            self.number += 1
            self.position += len(data)
            return True
        return False

    def lose(self, place: int, reason: str) -> None:
        """A socket failed: its interface went down or away. The capture ends with the last one."""
        tally = self.tallies[place]
        if tally.state == UP:
            self.notify(time.time_ns(), tally.name, f"{tally.name} cannot be captured on any more ({reason})")
            tally.state = GONE
        if all(each.state == GONE for each in self.tallies):
            self.ended = True

    def wait(self, timeout: float) -> bool:
        if self.ended or self.stopping:
            return True
        alive = [each for each, tally in zip(self.sockets, self.tallies, strict=True) if tally.state == UP]
        return readable(alive, timeout)

    def stop(self) -> None:
        self.stopping = True

    def counts(self) -> list[Counts]:
        return self.tallies

    def close(self) -> None:
        self.ended = True
        for each in self.sockets:
            each.close()
        self.sockets = []


def readable(sockets: list[Any], timeout: float) -> bool:
    """Whether one of these sockets has a frame within so many seconds."""
    if not sockets:
        time.sleep(timeout)
        return False
    return bool(sockets[0].select(sockets, timeout))


def link_of_socket(receiver: Any, name: str) -> int:
    """LINKTYPE_ of what a socket delivers, from the class by which scapy would read it."""
    scapy: Any = import_module("scapy.config")
    if getattr(receiver, "lvl", 2) == 3:
        return RAW_IP
    link = scapy.conf.l2types.layer2num.get(receiver.LL, -1)
    if link < 0:
        raise CaptureError(f"{name}: scapy names no link type for its frames ({receiver.LL.__name__})")
    return RAW_IP if link in RAW_IP_AS_DLT else int(link)


def open_scapy(names: list[str], filter: str, snaplen: int, promiscuous: bool, direction: str) -> LiveSource:
    """Raises CaptureError where an interface cannot be opened, or the filter is wrong."""
    scapy: Any = import_module("scapy.all")
    if direction == "out" or (direction == "in" and sys.platform != "linux"):
        raise CaptureError(f"scapy's sockets cannot tell which frames go {direction}; capture both directions")
    scapy.conf.ifaces.reload()
    known = {each.network_name or each.name: each for each in scapy.conf.ifaces.values()}
    title = ", ".join(names)
    if names == [ALL]:
        names = [name for name, each in known.items() if "UP" in str(each.flags)]
        title = "all interfaces"
    for name in names:
        if name not in known:
            raise CaptureError(f"there is no interface {name!r}; there are: {', '.join(known)}")
    sockets: list[Any] = []
    try:
        for name in names:
            receiver = opened(scapy, name, filter, promiscuous)
            sockets.append(receiver)
            if sys.platform == "linux" and (direction == "in" or "LOOPBACK" in str(known[name].flags)):
                receiver.ins.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        return ScapySource(title, sockets, names, INBOUND if direction == "in" else UNKNOWN, snaplen, filter)
    except CaptureError:
        for each in sockets:
            each.close()
        raise


def opened(scapy: Any, name: str, filter: str, promiscuous: bool) -> Any:
    """A listening socket of scapy's. Raises CaptureError."""
    try:
        return scapy.conf.L2listen(iface=name, filter=filter.strip() or None, promisc=promiscuous)
    except PermissionError as error:
        raise no_rights(name, error.strerror or "no right") from error
    except (OSError, ImportError, scapy.Scapy_Exception) as error:
        raise CaptureError(f"{name}: scapy cannot capture here ({error})") from error
