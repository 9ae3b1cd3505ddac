"""Blocks of pcapng as bytes (draft-ietf-opsawg-pcapng), in the byte order of small machines unless another is named."""
from __future__ import annotations

from typing import Final, Literal

from analyzer.ingest import pcapng_blocks as ng
from analyzer.ingest.source import Interface

ByteOrder = Literal["little", "big"]

END_OF_OPTIONS: Final = b"\0\0\0\0"
UNKNOWN_LENGTH: Final = b"\xff" * 8     # of a section
NANOSECONDS: Final = b"\x09"            # if_tsresol: ten to the minus nine
LARGEST_OPTION: Final = 0xFFFF

SHB_APPLICATION: Final = 4
ISB_STARTTIME: Final = 2
ISB_ENDTIME: Final = 3
ISB_USRDELIV: Final = 8


def block(kind: int, body: bytes, order: ByteOrder = "little") -> bytes:
    size = (len(body) + 12).to_bytes(4, order)
    return kind.to_bytes(4, order) + size + body + size


def option(code: int, value: bytes, order: ByteOrder = "little") -> bytes:
    """One option, cut where it is too long for one. An empty one is left out."""
    value = value[:LARGEST_OPTION]
    if not value:
        return b""
    return code.to_bytes(2, order) + len(value).to_bytes(2, order) + value + bytes(-len(value) % 4)


def options(parts: list[bytes]) -> bytes:
    """Options and their end; nothing where there are none."""
    joined = b"".join(parts)
    return joined + END_OF_OPTIONS if joined else b""


def text(value: str, most: int = LARGEST_OPTION) -> bytes:
    """Text of an option, cut between two characters where it has more bytes than `most`."""
    return value.encode("utf-8", "replace")[:most].decode("utf-8", "ignore").encode()


def section(application: str, system: str, comments: list[str]) -> bytes:
    """A section header: what wrote it, and on which system."""
    body = ng.BYTE_ORDER_MAGIC.to_bytes(4, "little") + b"\1\0\0\0" + UNKNOWN_LENGTH
    parts = [option(ng.OPT_COMMENT, text(each)) for each in comments]
    parts += [option(ng.SHB_OS, text(system)), option(SHB_APPLICATION, text(application))]
    return block(ng.SECTION, body + options(parts))


def interface(about: Interface) -> bytes:
    """An interface whose frames have times in nanoseconds."""
    body = about.link.to_bytes(2, "little") + b"\0\0" + min(about.snaplen, 0xFFFFFFFF).to_bytes(4, "little")
    parts = [
        option(ng.IF_NAME, text(about.name)), option(ng.IF_DESCRIPTION, text(about.description)),
        option(ng.IF_TSRESOL, NANOSECONDS), option(ng.IF_FILTER, b"\0" + text(about.filter) if about.filter else b""),
        option(ng.IF_OS, text(about.system)), option(ng.IF_HARDWARE, text(about.hardware)),
        option(ng.IF_FCSLEN, bytes([about.fcs]) if 0 < about.fcs < 256 else b""),
    ]
    return block(ng.INTERFACE, body + options(parts))


def time_halves(time: int) -> bytes:
    """A time stamp as two halves, the upper one first."""
    time = max(time, 0)
    return (time >> 32).to_bytes(4, "little") + (time & 0xFFFFFFFF).to_bytes(4, "little")


def statistics(
    place: int, start: int, end: int, received: int, dropped_by_interface: int, dropped_by_system: int,
    delivered: int, comment: str = "",
) -> bytes:
    """What was counted at an interface between two times; -1 for what nobody counted."""
    parts = [
        option(ng.OPT_COMMENT, text(comment)),
        option(ISB_STARTTIME, time_halves(start)), option(ISB_ENDTIME, time_halves(end)),
        _counter(ng.ISB_IFRECV, received), _counter(ng.ISB_IFDROP, dropped_by_interface),
        _counter(ng.ISB_OSDROP, dropped_by_system), _counter(ISB_USRDELIV, delivered),
    ]
    return block(ng.STATISTICS, place.to_bytes(4, "little") + time_halves(end) + options(parts))


def _counter(code: int, value: int) -> bytes:
    return option(code, value.to_bytes(8, "little")) if value >= 0 else b""


def secrets(kind: int, data: bytes, order: ByteOrder = "little") -> bytes:
    """Secrets that open what the section holds, such as a TLS key log."""
    head = kind.to_bytes(4, order) + len(data).to_bytes(4, order)
    return block(ng.SECRETS, head + data + bytes(-len(data) % 4), order)
