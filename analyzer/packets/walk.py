"""Where the decoding of one frame stands, header by header.

Each header's function reads at `at`, then says with `step` (and `value`) what stands behind it. So headers
nest in any order without recursion, and the one loop that calls them bounds the work of a frame.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import NOTHING, Packet
from analyzer.packets.fragments import Fragments
from analyzer.packets.scope import identifier, tunnel

# What stands at `at`; `value` where it says so.
STOP: Final = 0
ETHERNET: Final = 1
ETHERTYPE: Final = 2    # value: the EtherType of what follows
LLC: Final = 3
IP: Final = 4           # version 4 or 6, by the first four bits
IPV6: Final = 5
PROTOCOL: Final = 6     # value: the IP protocol number
PPP: Final = 7          # at the protocol field
PPP_HDLC: Final = 8     # at the address field, where there is one (RFC 1662 §3.1)
MPLS: Final = 9
WLAN: Final = 10        # value: flags below
CISCO_HDLC: Final = 11
UDP_PAYLOAD: Final = 12  # value: which tunnel the ports mean, see analyzer.packets.tunnels
ERSPAN: Final = 13
RADIOTAP: Final = 14
PPI: Final = 15
LINK: Final = 16        # value: LINKTYPE_ number
FRAME_RELAY: Final = 17
GRE: Final = 18
NSH: Final = 19

# Flags of WLAN.
CHECKED: Final = 1      # a frame check sequence of four bytes stands at the end
PADDED: Final = 2       # the header is padded to a multiple of four bytes
SWAPPED: Final = 4      # frame control and sequence control stand in the other byte order


def le16(data: bytes, at: i64) -> i64:
    """Two bytes, least significant first."""
    return i64(data[at]) | (i64(data[at + 1]) << 8)


def le32(data: bytes, at: i64) -> i64:
    """Four bytes, least significant first."""
    return i64(data[at]) | (i64(data[at + 1]) << 8) | (i64(data[at + 2]) << 16) | (i64(data[at + 3]) << 24)


class Walk:
    """data[at:end]: what is left of the captured bytes; true_end: where they would end uncut.

    scope: of the headers passed so far.     quoting: inside what an ICMP error quotes, so only the quoted_*
    fields of the packet are filled.     frame, time: of the frame, for reassembly.
    """

    def __init__(self) -> None:
        self.packet = Packet()
        self.fragments = Fragments()
        self.data: bytes = b""
        self.at: i64 = 0
        self.end: i64 = 0
        self.true_end: i64 = 0
        self.step: i64 = STOP
        self.value: i64 = 0
        self.scope: bytes = b""
        self.quoting: bool = False
        self.frame: i64 = 0
        self.time: i64 = 0
        self.unsized: i64 = 0               # packets whose IP length is a placeholder, and the first frames of them
        self.unsized_frames: list[int] = []

    def begin(
        self, data: bytes, start: i64, end: i64, length: i64, link: i64, frame: i64, time: i64, packet: Packet
    ) -> None:
        self.packet = packet
        self.data = data
        self.at = start
        self.end = end
        self.true_end = max(start + length, end)
        self.step = LINK
        self.value = link
        self.scope = b""
        self.quoting = False
        self.frame = frame
        self.time = time
        packet.kind = NOTHING
        packet.ip_version = 0
        packet.protocol = 0
        packet.network = start
        packet.src = start
        packet.dst = start
        packet.transport = start
        packet.end = end
        packet.true_end = self.true_end
        packet.sport = 0
        packet.dport = 0
        packet.ttl = 0
        packet.ecn = 0
        packet.scope = b""
        packet.layers = []
        if packet.want_layers:
            packet.headers = []
            packet.carried = []
        packet.undecoded = ""
        packet.fragments = []
        packet.outer = -1
        packet.quoted_kind = NOTHING

    def layer(self, name: str) -> None:
        self.packet.layers.append(name)

    def stop(self, reason: str) -> None:
        """Decoding ends here, for this reason. A quote is cut on purpose, so its end needs none."""
        self.step = STOP
        if not self.quoting:
            self.packet.undecoded = reason

    def remark(self, what: str) -> None:
        """Something is left aside, while decoding goes on."""
        if not self.quoting:
            self.packet.undecoded = what

    def done(self) -> None:
        """Decoding ends here, with everything known that is told."""
        self.step = STOP

    def lacks(self, size: i64, what: str) -> bool:
        """Whether the next `size` bytes are not all there; decoding has then stopped."""
        if self.at + size <= self.end:
            return False
        self.stop(f"truncated {what}")
        return True

    def go(self, step: i64, at: i64, value: i64 = 0) -> None:
        """What stands behind this header."""
        self.step = step
        self.value = value
        self.at = at

    def bound(self, true_end: i64) -> None:
        """A length field says where the data end; it can only shorten them."""
        if true_end < self.true_end:
            self.true_end = true_end
            self.end = min(self.end, true_end)

    def tunnel(self, kind: int, number: i64 = -1) -> None:
        """What follows is carried between the addresses of the packet so far. number: of the virtual network."""
        packet = self.packet
        version, at = packet.ip_version, packet.src
        if self.quoting:
            version, at = packet.quoted_version, packet.quoted_src
        if version == 0:
            return
        size: i64 = 4 if version == 4 else 16
        self.scope += tunnel(kind, self.data[at:at + size], self.data[at + size:at + size + size])
        if number >= 0:
            self.scope += identifier(number)
