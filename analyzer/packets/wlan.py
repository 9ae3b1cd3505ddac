"""IEEE 802.11 data frames, and the headers that capture drivers put before them."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packets.walk import CHECKED, LINK, LLC, PADDED, SWAPPED, WLAN, Walk, le16, le32
from dissectors.kit.octets import be16

CONTROL: Final = 1
DATA: Final = 2

# Bits of radiotap's Flags field.
FCS_AT_END: Final = 0x10
DATA_PAD: Final = 0x20


def radiotap(walk: Walk) -> None:
    """radiotap.org: version, length and a chain of bitmaps; the Flags field tells padding and check sequence."""
    walk.layer("radiotap")
    if walk.lacks(8, "radiotap header"):
        return
    data = walk.data
    at = walk.at
    size = le16(data, at + 2)
    if size < 8:
        walk.stop("radiotap length below 8")
        return
    if walk.lacks(size, "radiotap header"):
        return
    present = le32(data, at + 4)
    flags: i64 = 0
    if present & 2:
        field = at + 8
        bitmap = present
        while bitmap & 0x80000000 and field + 4 <= at + size:
            bitmap = le32(data, field)
            field += 4
        if present & 1:
            field = at + ((field - at + 7) & ~7) + 8
        if field < at + size:
            flags = i64(data[field])
    walk.go(WLAN, at + size, (CHECKED if flags & FCS_AT_END else 0) | (PADDED if flags & DATA_PAD else 0))


def ppi(walk: Walk) -> None:
    """Per-Packet Information: version, flags, length, and the link type of what follows."""
    walk.layer("ppi")
    if walk.lacks(8, "PPI header"):
        return
    data = walk.data
    at = walk.at
    size = le16(data, at + 2)
    kind = le32(data, at + 4)
    if size < 8:
        walk.stop("PPI length below 8")
        return
    if walk.lacks(size, "PPI header"):
        return
    if kind == 105 and size >= 32 and le16(data, at + 8) == 2:
        # Field 802.11-Common: bit 0 of its flags tells of the frame check sequence.
        walk.go(WLAN, at + size, CHECKED if le16(data, at + 20) & 1 else 0)
        return
    walk.go(LINK, at + size, kind)


def wlan(walk: Walk) -> None:
    """IEEE 802.11 §9.2: frame control, addresses, QoS control; data frames carry LLC."""
    walk.layer("wlan")
    if walk.lacks(2, "802.11 header"):
        return
    data = walk.data
    at = walk.at
    if walk.value & CHECKED:
        walk.bound(walk.true_end - 4)
    control = i64(data[at])
    flags = i64(data[at + 1])
    if walk.value & SWAPPED:
        control, flags = flags, control
    kind = (control >> 2) & 3
    subtype = control >> 4
    if control & 3:
        walk.stop(f"802.11 protocol version {control & 3}")
        return
    if kind != DATA:
        walk.stop(("802.11 management frame", "802.11 control frame", "", "802.11 extension frame")[kind])
        return
    header: i64 = 24
    if flags & 3 == 3:
        header += 6
    quality: i64 = 0
    if subtype & 8:
        if walk.lacks(header + 2, "802.11 header"):
            return
        quality = le16(data, at + header)
        header += 2
        if flags & 0x80:
            header += 4     # §9.2.4.6: HT control
    if walk.lacks(header, "802.11 header"):
        return
    if subtype & 4:
        walk.stop("802.11 data frame without data")
    elif flags & 0x40:
        walk.stop("802.11 protected frame")
    elif flags & 4 or (be16(data, at + 22) if walk.value & SWAPPED else le16(data, at + 22)) & 15:
        walk.stop("802.11 fragment")
    else:
        if walk.value & PADDED:
            header = (header + 3) & ~3
        _payload(walk, at + header, quality & 0x80 != 0, flags & 3 == 3 and quality & 0x100 != 0)


def _payload(walk: Walk, at: i64, aggregated: bool, mesh: bool) -> None:
    """§9.3.2.2: an A-MSDU begins with addresses and a length. §9.2.4.7.3: mesh control has up to two addresses."""
    data = walk.data
    if mesh and not aggregated and at + 6 < walk.end and data[at] != 0xAA:
        at += 6 + 6 * (i64(data[at]) & 3)
    if aggregated:
        if at + 14 > walk.end:
            walk.stop("truncated A-MSDU")
            return
        length = be16(data, at + 12)
        at += 14
        if at + length + 14 <= walk.end:
            walk.remark("further frames of an A-MSDU")
        walk.bound(at + length)
    walk.go(LLC, at)
