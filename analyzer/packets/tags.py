"""What stands between an EtherType and the next: tags of switches, integrity and service headers."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packets.names import ethertype_name
from analyzer.packets.walk import ETHERNET, ETHERTYPE, Walk
from dissectors.kit.octets import be16

# EtherTypes of tags of a fixed size (with the EtherType that ends them), and their layers.
TAGS: Final[dict[int, tuple[str, int]]] = {
    0x8926: ("vntag", 6),
    0x893F: ("etag", 8),            # IEEE 802.1BR §7.5
    0x892F: ("hsr", 6),             # IEC 62439-3
    0xF1C1: ("ieee8021cb", 6),      # IEEE 802.1CB §7.8
    0x8909: ("cmd", 8),             # Cisco metadata with its one option
    0x88E7: ("ieee8021ah", 18),     # IEEE 802.1Q §9.7: service identifier, then the customer's addresses
}

# Layers of EtherTypes that are named and not looked into.
NAMED: Final[dict[int, str]] = {
    0x8137: "ipx", 0x809B: "ddp", 0x80F3: "aarp", 0x8809: "slow", 0x8863: "pppoed", 0x888E: "eapol", 0x88CC: "lldp",
    0x88F7: "ptp", 0x88B8: "goose", 0x8892: "pn_rt", 0x8902: "cfm", 0x88A2: "aoe", 0x8906: "fcoe",
}

FABRIC_PATH: Final = 0x8903
TRILL: Final = 0x22F3
ARISTA: Final = 0xD28B
MACSEC: Final = 0x88E5


def tagged(walk: Walk, kind: i64) -> None:
    """An EtherType that no packet of ours follows at once."""
    tag = TAGS.get(int(kind))
    if tag is not None:
        name, size = tag
        walk.layer(name)
        if not walk.lacks(size, f"{name} header"):
            walk.go(ETHERTYPE, walk.at + size, be16(walk.data, walk.at + size - 2))
    elif kind == FABRIC_PATH:
        # Cisco FabricPath: two bytes of tree and time to live behind addresses of its own, then the frame.
        walk.layer("cfp")
        if not walk.lacks(2, "FabricPath tag"):
            walk.go(ETHERNET, walk.at + 2)
    elif kind == MACSEC:
        _macsec(walk)
    elif kind == TRILL:
        _trill(walk)
    elif kind == ARISTA:
        _arista(walk)
    else:
        layer = NAMED.get(int(kind))
        if layer is not None:
            walk.layer(layer)
        walk.stop(ethertype_name(int(kind)) if kind >= 0x0600 else f"neither length nor EtherType: {kind}")


def _trill(walk: Walk) -> None:
    """RFC 6325 §3.1: flags with the length of options in words of four bytes, two nicknames, the frame."""
    walk.layer("trill")
    if not walk.lacks(6, "TRILL header"):
        options = (be16(walk.data, walk.at) >> 6 & 0x1F) << 2
        walk.go(ETHERNET, walk.at + 6 + options)


def _arista(walk: Walk) -> None:
    """Arista's time stamps: subtype 1, a version that tells 64 bits from 48, then the frame's own EtherType."""
    walk.layer("avsp")
    if walk.lacks(4, "Arista header"):
        return
    size: i64 = 14 if walk.data[walk.at + 3] == 0x10 else 12
    if be16(walk.data, walk.at) != 1:
        walk.stop(ethertype_name(ARISTA))
    elif not walk.lacks(size, "Arista time stamp"):
        walk.go(ETHERTYPE, walk.at + size, be16(walk.data, walk.at + size - 2))


def _macsec(walk: Walk) -> None:
    """IEEE 802.1AE §9.3: control bits, short length, packet number, perhaps a channel identifier.

    Without the E and C bits the data are in the clear, before a check value of 16 bytes.
    """
    walk.layer("macsec")
    if walk.lacks(6, "MACsec tag"):
        return
    at = walk.at
    control = i64(walk.data[at])
    short = i64(walk.data[at + 1]) & 0x3F
    if control & 0x0C:
        walk.stop("MACsec protected frame")
        return
    header: i64 = 14 if control & 0x20 else 6
    if walk.lacks(header + 2, "MACsec tag"):
        return
    walk.bound(at + header + short if short else walk.true_end - 16)
    walk.go(ETHERTYPE, at + header + 2, be16(walk.data, at + header))
