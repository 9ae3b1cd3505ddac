"""Packet sockets of Linux with a ring of blocks in shared memory: packet(7), Documentation/networking/packet_mmap.

A socket hears nothing until it is bound, and it is bound last: no frame comes before the filter is attached.
"""
from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from mypy_extensions import i64

from analyzer.ingest.live.capture_filter import Instruction, attach
from analyzer.ingest.live.links import ARPHRD_LOOPBACK, COOKED, link_of
from analyzer.ingest.live.privileges import no_rights
from analyzer.ingest.live.source import DOWN, GONE, UP
from analyzer.ingest.source import CaptureError

# linux/socket.h, linux/if_ether.h, linux/if_packet.h. Numbers, because only Linux' Python has the names.
AF_PACKET: Final = 17
ETH_P_ALL: Final = 3
SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_VERSION: Final = 10
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_MR_PROMISC: Final = 1
TPACKET_V3: Final = 2

SIOCGIFNAME: Final = 0x8910
SIOCGIFFLAGS: Final = 0x8913
SIOCGIFHWADDR: Final = 0x8927
SIOCGIFINDEX: Final = 0x8933
IFF_UP: Final = 1
IFF_RUNNING: Final = 0x40

ATTEMPTS: Final = 5              # to see an interface with one name, where it is renamed meanwhile

# A block holds at least one frame of any size; large ones waste less of themselves at their end.
BLOCK: Final = 256 << 10
FEWEST_BLOCKS: Final = 8
FRAME_UNIT: Final = 2048         # only a divisor here: TPACKET_V3 packs frames of any size


class PacketSocket:
    """A packet socket on one interface, or on all of them (name ""), and its ring once `start()` was called.

    name, index: of the interface.       link, hardware: its LINKTYPE_ and hardware type; of all of them: COOKED, 0.
    memory: the ring, `blocks` blocks of BLOCK bytes.
    received, dropped: by the kernel, since the start; `count()` brings them up to date.
    """

    def __init__(self, name: str) -> None:
        """Raises CaptureError where there is no such interface, or no right to open a socket."""
        self.name = name
        self.index = 0
        self.hardware = 0
        self.link = COOKED
        self.blocks: i64 = 0
        self.received = 0
        self.dropped = 0
        self.memory: mmap.mmap | None = None
        self.receiver = opened(name, socket.SOCK_RAW)
        if name:
            try:
                self.index, self.hardware = self._find()
            except CaptureError:
                self.receiver.close()
                raise
            self.link = link_of(self.hardware)
            if self.link == COOKED:
                self.receiver.close()
                self.receiver = opened(name, socket.SOCK_DGRAM)

    @property
    def loopback(self) -> bool:
        return self.hardware == ARPHRD_LOOPBACK

    def _find(self) -> tuple[int, int]:
        """Number and hardware type of the interface."""
        try:
            index = struct.unpack_from("i", self.ask(SIOCGIFINDEX, os.fsencode(self.name)), 16)[0]
            hardware = struct.unpack_from("H", self.ask(SIOCGIFHWADDR, os.fsencode(self.name)), 16)[0]
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.ENXIO):
                known = ", ".join(name for _index, name in socket.if_nameindex())
                raise CaptureError(f"there is no interface {self.name!r}; there are: {known}") from error
            raise CaptureError(f"{self.name}: cannot be used ({error.strerror})") from error
        return int(index), int(hardware)

    def ask(self, what: int, name: bytes) -> bytes:
        """A struct ifreq from the network namespace that the socket belongs to. Raises OSError."""
        return ioctl(self.receiver.fileno(), what, name[:15].ljust(40, b"\0"))

    def name_of(self, index: int) -> str:
        """The name of an interface by its number; one that is gone by now has its number for a name."""
        try:
            return os.fsdecode(self.named(index))
        except OSError:
            return f"interface {index}"

    def named(self, index: int) -> bytes:
        """The name that the interface of this number has now. Raises OSError where there is none."""
        found = ioctl(self.receiver.fileno(), SIOCGIFNAME, struct.pack("16si20x", b"", index))
        return found[:16].split(b"\0", 1)[0]

    def state_of(self, index: int) -> tuple[str, str]:
        """UP, DOWN or GONE, and the name that the interface of this number has now, "" for one that is gone.

        The number stays with an interface for its life; its name may be changed, and given to another one.
        """
        for _attempt in range(ATTEMPTS):
            try:
                name = self.named(index)
            except OSError:
                return GONE, ""
            try:
                flags = struct.unpack_from("H", self.ask(SIOCGIFFLAGS, name), 16)[0]
                if self.named(index) == name:
                    return UP if flags & IFF_UP else DOWN, os.fsdecode(name)
            except OSError:
                continue         # renamed, or gone, between the two
        return DOWN, os.fsdecode(name)

    def start(
        self, program: list[Instruction], promiscuous: bool, inbound_only: bool, buffer: int, wait_ms: int
    ) -> None:
        """Attach the filter, make the ring, and hear frames from now on. Raises CaptureError."""
        shown = self.name or "all interfaces"
        if program:
            attach(self.receiver, program)
        self.receiver.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        self._make_ring(shown, buffer, wait_ms)
        if inbound_only:
            with suppress(OSError):     # before Linux 4.20: the reader leaves them out
                self.receiver.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if promiscuous and self.name:
            try:
                request = struct.pack("iHH8s", self.index, PACKET_MR_PROMISC, 0, b"")
                self.receiver.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
            except OSError as error:
                raise CaptureError(f"{shown}: cannot be made promiscuous ({error.strerror})") from error
        self._bind(shown)

    def _make_ring(self, shown: str, buffer: int, wait_ms: int) -> None:
        """A ring of `buffer` bytes, or as many as the kernel has."""
        blocks = max(buffer // BLOCK, FEWEST_BLOCKS)
        while True:
            request = struct.pack(
                "7I", BLOCK, blocks, FRAME_UNIT, BLOCK // FRAME_UNIT * blocks, wait_ms, 0, 0
            )
            try:
                self.receiver.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
                self.memory = mmap.mmap(self.receiver.fileno(), BLOCK * blocks)
                break
            except OSError as error:
                if error.errno != errno.ENOMEM or blocks == FEWEST_BLOCKS:
                    raise CaptureError(f"{shown}: no ring of blocks can be made ({error.strerror})") from error
            blocks = max(blocks // 2, FEWEST_BLOCKS)
        self.blocks = blocks

    def _bind(self, shown: str) -> None:
        """By number, because Python's own bind() cannot say "all of them", which is number 0."""
        libc = ctypes.CDLL(None, use_errno=True)
        # struct sockaddr_ll; the protocol stands in network order
        address = struct.pack("HHiHBB8s", AF_PACKET, socket.htons(ETH_P_ALL), self.index, 0, 0, 0, b"")
        if libc.bind(self.receiver.fileno(), address, len(address)):
            code = ctypes.get_errno()
            raise CaptureError(f"{shown}: cannot be captured on ({os.strerror(code)})")

    def count(self) -> None:
        """Add what the kernel counted since the last call: it begins anew with each."""
        try:
            counted = self.receiver.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        except OSError:
            return
        received, dropped, _frozen = struct.unpack("3I", counted)
        self.received += received
        self.dropped += dropped

    def close(self) -> None:
        if self.memory is not None:
            self.memory.close()
            self.memory = None
        self.receiver.close()


def ioctl(descriptor: int, what: int, request: bytes) -> bytes:
    """ioctl(2) with a structure that comes back filled. Raises OSError."""
    fcntl: Any = import_module("fcntl")
    filled: bytes = fcntl.ioctl(descriptor, what, request)
    return filled


def opened(name: str, kind: int) -> socket.socket:
    """A packet socket that hears nothing yet. Raises CaptureError."""
    try:
        return socket.socket(AF_PACKET, kind, 0)
    except PermissionError as error:
        raise no_rights(name or "all interfaces", error.strerror or "no right") from error
    except OSError as error:
        raise CaptureError(f"packet sockets cannot be opened here ({error.strerror})") from error


def interface_counters() -> dict[str, tuple[int, int, int, int, int]]:
    """Of each interface: frames and bytes received, frames dropped on the way in, frames and bytes sent.

    From /proc/net/dev, which shows the network namespace of this process; empty where there is none.
    """
    found: dict[str, tuple[int, int, int, int, int]] = {}
    try:
        with open("/proc/net/dev", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()[2:]
    except OSError:
        return found
    for line in lines:
        name, _colon, rest = line.rpartition(":")
        words = rest.split()
        if len(words) >= 10:
            found[name.strip()] = (int(words[1]), int(words[0]), int(words[3]), int(words[9]), int(words[8]))
    return found
