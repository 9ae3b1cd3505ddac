"""Which LINKTYPE_ an interface has, by its hardware type, and where a frame of it begins."""
from __future__ import annotations

from typing import Final

ETHERNET: Final = 1
RAW_IP: Final = 101
COOKED: Final = 276     # LINKTYPE_LINUX_SLL2
COOKED_HEADER: Final = 20

# Hardware types of linux/if_arp.h that need no header of ours: -> LINKTYPE_.
ARPHRD_LOOPBACK: Final = 772
HARDWARE: Final[dict[int, int]] = {
    1: ETHERNET, ARPHRD_LOOPBACK: ETHERNET,
    801: 105, 802: 119, 803: 127,                           # IEEE 802.11: plain, Prism, radiotap
    804: 230,                                               # IEEE 802.15.4 without FCS
    519: RAW_IP, 768: RAW_IP, 769: RAW_IP, 776: RAW_IP, 65534: RAW_IP,      # raw IP, tunnels, SIT, none at all
}


def link_of(hardware: int) -> int:
    """LINKTYPE_ by hardware type; of any other interface the frames get a cooked header."""
    return HARDWARE.get(hardware, COOKED)


def of_link(link: int) -> list[int]:
    """The hardware types that have this LINKTYPE_; none for the cooked one, which has all the others."""
    return [hardware for hardware, known in HARDWARE.items() if known == link]


def cooked_header(protocol: int, interface: int, hardware: int, kind: int, address: bytes) -> bytes:
    """LINKTYPE_LINUX_SLL2. protocol: EtherType.  interface: its number.  kind: 4 is outgoing."""
    return (
        protocol.to_bytes(2, "big") + b"\0\0" + interface.to_bytes(4, "big") + hardware.to_bytes(2, "big")
        + bytes([kind & 0xFF, min(len(address), 8)]) + address[:8].ljust(8, b"\0")
    )
