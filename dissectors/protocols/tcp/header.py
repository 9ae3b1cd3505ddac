"""The few options that the sequence analysis itself needs, read straight from the header bytes."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.octets import be16, be32
from dissectors.protocols.tcp.side import MASK, TcpSide

# Option kinds of the IANA registry "TCP Option Kind Numbers".
END: Final[i64] = 0           # RFC 9293 §3.2
NO_OPERATION: Final[i64] = 1  # RFC 9293 §3.2
MSS: Final[i64] = 2           # RFC 9293 §3.7.1
WINDOW_SCALE: Final[i64] = 3  # RFC 7323 §2.2
SACK: Final[i64] = 5          # RFC 2018 §3
MAX_SHIFT: Final[i64] = 14    # RFC 7323 §2.3: a larger shift is used as 14
MAX_SACK_BLOCKS: Final[i64] = 3


def read_options(data: bytes, at: i64, end: i64, fwd: TcpSide, syn: bool) -> i64:
    """Note window scale and SACK blocks of data[at:end] in `fwd`; return the MSS, or -1.

    syn: window scale counts in SYN segments alone (RFC 7323 §2.2).

    An option whose length is wrong ends the reading, since nothing after it can be trusted.
    """
    mss: i64 = -1
    while at < end:
        kind = i64(data[at])
        if kind == NO_OPERATION:
            at += 1
            continue
        if kind == END or at + 1 >= end:
            break
        length = i64(data[at + 1])
        if length < 2 or at + length > end:
            break
        if kind == MSS and length == 4:
            mss = be16(data, at + 2)
        elif kind == WINDOW_SCALE and length == 3 and syn:
            fwd.scale = min(i64(data[at + 2]), MAX_SHIFT)
        elif kind == SACK:
            _read_sack(data, at + 2, at + length, fwd)
        at += length
    return mss


def _read_sack(data: bytes, at: i64, end: i64, fwd: TcpSide) -> None:
    fwd.sack_blocks = 0
    fwd.sacked = 0
    while at + 8 <= end:
        if fwd.sack_blocks < MAX_SACK_BLOCKS:
            fwd.sack_blocks += 1
            fwd.sacked += (be32(data, at + 4) - be32(data, at)) & MASK
        at += 8
