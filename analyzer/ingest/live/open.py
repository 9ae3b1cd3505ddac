"""Opening what is live. Whatever needs rights is done here, before `drop_privileges()`."""
from __future__ import annotations

import os
import sys
from typing import Final

from analyzer.ingest.live.capture_filter import Instruction, compiled, for_all, pass_all
from analyzer.ingest.live.packet_socket import PacketSocket
from analyzer.ingest.live.ring import RingSource
from analyzer.ingest.live.scapy_sockets import open_scapy
from analyzer.ingest.live.source import INBOUND, OUTBOUND, UNKNOWN, LiveSource
from analyzer.ingest.live.streamed import open_stream
from analyzer.ingest.source import CaptureError
from analyzer.ingest.streams import settle_allocator

__all__ = ["ANY", "DIRECTIONS", "LiveOptions", "open_live", "open_stream"]

ANY: Final = "any"
LOOPBACK: Final = "lo"          # an Ethernet interface that every Linux has, to compile filters with
DIRECTIONS: Final = ("both", "in", "out")
LONGEST_NAME: Final = 15        # IFNAMSIZ without the NUL (linux/if.h)
WHITESPACE: Final = " \t\n\v\f\r\xa0"      # as isspace() of Linux has it
# As tcpdump and Wireshark have it: more than any frame, offloaded segments of 64 KiB included.
DEFAULT_SNAPLEN: Final = 262_144
# Between the kernel and us, for each interface. 16 MiB hold 0.2 s of 500 000 small frames a second.
DEFAULT_BUFFER: Final = 16 << 20
# The kernel hands a block over when it is full or this old, so no frame waits for longer.
BLOCK_TIMEOUT_MS: Final = 40

RING: Final = "ring"
SCAPY: Final = "scapy"


class LiveOptions:
    """How to capture.

    interfaces: names; "any" alone for all of them.     filter: tcpdump's language, "" for everything.
    snaplen: bytes of each frame that are kept.         direction: one of DIRECTIONS.
    buffer: bytes between the system and us, for each interface.
    sockets: RING, SCAPY, or "" for the best that this system has.
    """

    def __init__(
        self, interfaces: list[str], filter: str = "", snaplen: int = DEFAULT_SNAPLEN, promiscuous: bool = True,
        direction: str = "both", buffer: int = DEFAULT_BUFFER, sockets: str = "",
    ) -> None:
        self.interfaces = interfaces
        self.filter = filter
        self.snaplen = snaplen
        self.promiscuous = promiscuous
        self.direction = direction
        self.buffer = buffer
        self.sockets = sockets


def open_live(options: LiveOptions) -> LiveSource:
    """Capture on interfaces from now on.

    Raises CaptureError: no such interface, no right to capture (the text names the ways to get it), a filter that
    is wrong, or no libpcap to compile it with.
    """
    names = list(dict.fromkeys(options.interfaces))
    if not names:
        raise CaptureError("no interface was named")
    for name in names:
        wrong = wrong_name(name)
        if wrong:
            raise CaptureError(f"{name!r} is no name of an interface: {wrong}")
    if ANY in names and len(names) > 1:
        raise CaptureError(f"{ANY!r} already means all interfaces; name it alone")
    if options.direction not in DIRECTIONS:
        raise CaptureError(f"a direction is one of {', '.join(DIRECTIONS)}, not {options.direction!r}")
    if not 1 <= options.snaplen <= DEFAULT_SNAPLEN:
        raise CaptureError(f"a snap length is between 1 and {DEFAULT_SNAPLEN} bytes, not {options.snaplen}")
    # The ring's numbers are in the order of the machine; the compiled walk reads one of the two.
    ring = sys.platform == "linux" and sys.byteorder == "little"
    if options.sockets == RING and not ring:
        raise CaptureError("a ring of blocks needs Linux on a little-endian machine")
    settle_allocator()
    if ring and options.sockets != SCAPY:
        return _open_rings(names, options)
    return open_scapy(names, options.filter, options.snaplen, options.promiscuous, options.direction)


def wrong_name(name: str) -> str:
    """Why no interface can have this name, "" where one can: dev_valid_name() of Linux; elsewhere hardly a rule."""
    if not name:
        return f"it is empty ({ANY!r} means all of them)"
    if "\0" in name:
        return "it has a NUL in it"
    if sys.platform != "linux":
        return ""
    if len(os.fsencode(name)) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} bytes"
    if name in (".", "..") or "/" in name or any(character in WHITESPACE for character in name):
        return "no name has a slash or white space in it, or is only dots"
    if ":" in name:
        return "what follows a colon names an address only; name the interface before it"
    return ""


def _open_rings(names: list[str], options: LiveOptions) -> LiveSource:
    sockets: list[PacketSocket] = []
    try:
        for name in names:
            each = PacketSocket("" if name == ANY else name)
            sockets.append(each)
            # On the loopback interface each frame is seen twice: once is enough.
            inbound = options.direction == "in" or (each.loopback and options.direction == "both")
            each.start(_program(each, options), options.promiscuous, inbound, options.buffer, BLOCK_TIMEOUT_MS)
        wanted = (UNKNOWN, INBOUND, OUTBOUND)[DIRECTIONS.index(options.direction)]
        title = "all interfaces" if names == [ANY] else ", ".join(names)
        return RingSource(title, sockets, wanted, options.snaplen, options.filter)
    except CaptureError:
        for each in sockets:
            each.close()
        raise


def _program(packets: PacketSocket, options: LiveOptions) -> list[Instruction]:
    """What the kernel runs on each frame: the filter, and how much of the frame is kept."""
    if not options.filter.strip():
        return pass_all(options.snaplen)
    if packets.name:
        return compiled(options.filter, packets.link, options.snaplen, packets.name)
    return for_all(options.filter, options.snaplen, LOOPBACK)
