"""The one record that decoding a frame fills, used again for the next frame."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

# What a packet turned out to be: IP protocol numbers where there is one (RFC 5237 registry).
NOTHING: Final = 0      # not decoded down to something that is told; `undecoded` says why
ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58
SCTP: Final = 132
ARP: Final = 256        # beyond the 8-bit protocol numbers
OTHER_IP: Final = 257   # IP with a payload that has no conversation of ours; `protocol` is its number


class Packet:
    """One decoded frame. All offsets are into `data`.

    number: of the frame, from 1.     time: integer nanoseconds since 1970.     length: its octets on the wire.
    captured: its octets in the capture.     link: its link type.
    place: where its first octet lies in the file; -1 where the file cannot be read at a place.
    data: the bytes that the offsets refer to: the source's block, or a new buffer after reassembly
      or decapsulation (then `base` is -1 and byte ranges of the frame are not claimed).
    kind: TCP, UDP, ... as above.     ip_version: 4, 6, or 0.
    src, dst: offsets of the (innermost) addresses, 4 or 16 bytes each.
    transport: offset of the TCP/UDP/ICMP/ARP header.     end: past its last captured byte, without padding.
    true_end: where it would end had the capture not cut the frame (>= end).
    sport, dport: ports.     scope: VLAN and tunnel identifiers that keep equal addresses apart, b"" for none.
    ttl, ecn: of the innermost IP header.     fragments: frames that a reassembled datagram came from.
    outer: offset of the UDP header of the tunnel that carries it (the innermost one), -1 for none; outer_src: of the
      source address before it, of IP version outer_version.
    layers: names as in `wiretale frames`; filled only where `want_layers` is set or the slow path was taken.
      Not to be changed by readers: frames of the same shape share one list.
    headers: where frames are walked through header by header and `want_layers` is set, the octets of each header of IP,
      those of tunnels and of what an ICMP error quotes among them; [] where there is the innermost one alone.
    carried: then, of each header of TCP and UDP: kind << 32 | source port << 16 | destination port.
    undecoded: a short name for what stopped decoding ("" where everything was decoded).
    quoted_*: of an ICMP error (kind ICMP or ICMPV6, else without meaning), the innermost packet that it quotes:
      quoted_kind as `kind`, NOTHING where no address is quoted; its addresses (IP version, two offsets); the
      ports of TCP, UDP and SCTP, -1 where the quote stops before them.
    """

    def __init__(self) -> None:
        self.number: i64 = 0
        self.time: i64 = 0
        self.length: i64 = 0
        self.captured: i64 = 0
        self.link: i64 = 0
        self.place: i64 = -1
        self.data: bytes = b""
        self.base: i64 = 0          # offset of the frame's first byte in data, -1 in another buffer
        self.kind: i64 = NOTHING
        self.ip_version: i64 = 0
        self.protocol: i64 = 0      # IP protocol number of the innermost payload
        self.network: i64 = 0       # offset of the innermost IP header
        self.src: i64 = 0
        self.dst: i64 = 0
        self.transport: i64 = 0
        self.end: i64 = 0
        self.true_end: i64 = 0
        self.sport: i64 = 0
        self.dport: i64 = 0
        self.ttl: i64 = 0
        self.ecn: i64 = 0
        self.outer: i64 = -1
        self.outer_src: i64 = 0
        self.outer_version: i64 = 0
        self.scope: bytes = b""
        self.want_layers: bool = False
        self.layers: list[str] = []
        self.headers: list[bytes] = []
        self.carried: list[i64] = []
        self.undecoded: str = ""
        self.fragments: list[int] = []
        self.quoted_kind: i64 = NOTHING
        self.quoted_version: i64 = 0
        self.quoted_src: i64 = 0
        self.quoted_dst: i64 = 0
        self.quoted_sport: i64 = -1
        self.quoted_dport: i64 = -1
        self.quoted_scope: bytes = b""

    def size(self) -> i64:
        """Octets of one address."""
        return 4 if self.ip_version == 4 else 16

    def source(self) -> bytes:
        """The packed address of the sender."""
        return self.data[self.src:self.src + self.size()]

    def destination(self) -> bytes:
        """The packed address of the receiver."""
        return self.data[self.dst:self.dst + self.size()]

    def offset(self, at: i64) -> i64:
        """An offset into `data` as one into the frame; -1 where they lie in another buffer than the frame."""
        return at - self.base if self.base >= 0 else -1

    def behind(self, at: i64) -> bytes:
        """The captured octets of the packet from this offset on."""
        return self.data[at:max(at, self.end)]

    def copy(self) -> Packet:
        """The packet as it is now, for whoever needs it after the next frame was decoded. Its frame alone is kept."""
        kept = Packet()
        kept.number, kept.time, kept.length, kept.captured = self.number, self.time, self.length, self.captured
        kept.link, kept.place, kept.kind, kept.ip_version = self.link, self.place, self.kind, self.ip_version
        first = self.base if self.base >= 0 else 0
        kept.data = self.data[first:first + self.captured] if self.base >= 0 else self.data
        kept.base = self.base - first if self.base >= 0 else -1
        kept.protocol, kept.sport, kept.dport = self.protocol, self.sport, self.dport
        kept.network, kept.src, kept.dst = self.network - first, self.src - first, self.dst - first
        kept.transport, kept.end, kept.true_end = self.transport - first, self.end - first, self.true_end - first
        kept.ttl, kept.ecn, kept.scope, kept.undecoded = self.ttl, self.ecn, self.scope, self.undecoded
        kept.layers, kept.fragments = self.layers, self.fragments
        kept.outer = self.outer - first if self.outer >= 0 else -1
        kept.outer_src, kept.outer_version = self.outer_src - first, self.outer_version
        kept.quoted_kind, kept.quoted_version, kept.quoted_scope = (
            self.quoted_kind, self.quoted_version, self.quoted_scope
        )
        kept.quoted_src, kept.quoted_dst = self.quoted_src - first, self.quoted_dst - first
        kept.quoted_sport, kept.quoted_dport = self.quoted_sport, self.quoted_dport
        return kept

    def clear(self) -> None:
        """A frame of which nothing is known."""
        self.kind = NOTHING
        self.ip_version = 0
        self.quoted_kind = NOTHING
        self.undecoded = ""
