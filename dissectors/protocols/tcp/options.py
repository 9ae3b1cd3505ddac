"""TCP options: the IANA table of kinds, a tolerant parser, and what each option means.

The parser never fails: an option whose length lies ends the walk, and `malformed` says where and why
(RFC 9293 §3.1: length covers the kind and length bytes; MUST-7: illegal lengths are survived).
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import JsonValue
from dissectors.kit.units import duration

END: Final[i64] = 0
NO_OPERATION: Final[i64] = 1
MSS: Final[i64] = 2
WINDOW_SCALE: Final[i64] = 3
SACK_PERMITTED: Final[i64] = 4
SACK: Final[i64] = 5
TIMESTAMPS: Final[i64] = 8
MD5: Final[i64] = 19
USER_TIMEOUT: Final[i64] = 28
AUTHENTICATION: Final[i64] = 29
MPTCP: Final[i64] = 30
FAST_OPEN: Final[i64] = 34
ACC_ECN_0: Final[i64] = 172
ACC_ECN_1: Final[i64] = 174
EXPERIMENT_1: Final[i64] = 253
EXPERIMENT_2: Final[i64] = 254

USUAL: Final[tuple[int, ...]] = (2, 3, 4, 8)     # told first, in this order

# RFC 7323 §2.3: a larger shift is used as 14.
MAX_SHIFT: Final = 14
# 40 bytes of options hold no more than this many that are not padding.
MAX_OPTIONS: Final = 40

# IANA, "Transmission Control Protocol (TCP) Parameters", option kind numbers.
KINDS: Final[dict[int, str]] = {
    0: "end of options", 1: "no operation", 2: "maximum segment size", 3: "window scale",
    4: "SACK permitted", 5: "SACK", 6: "echo (obsolete)", 7: "echo reply (obsolete)", 8: "timestamps",
    9: "partial order permitted (obsolete)", 10: "partial order profile (obsolete)",
    11: "CC (obsolete)", 12: "CC.NEW (obsolete)", 13: "CC.ECHO (obsolete)",
    14: "alternate checksum request (obsolete)", 15: "alternate checksum data (obsolete)",
    16: "Skeeter", 17: "Bubba", 18: "trailer checksum", 19: "MD5 signature", 20: "SCPS capabilities",
    21: "selective negative acknowledgements", 22: "record boundaries", 23: "corruption experienced",
    24: "SNAP", 26: "compression filter", 27: "quick-start response", 28: "user timeout",
    29: "authentication (TCP-AO)", 30: "multipath TCP", 34: "Fast Open cookie",
    69: "encryption negotiation (TCP-ENO)", 172: "accurate ECN order 0", 174: "accurate ECN order 1",
    253: "experiment 1", 254: "experiment 2",
}

# RFC 8684 §7.2, MPTCP option subtypes.
MPTCP_SUBTYPES: Final[tuple[str, ...]] = (
    "MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE",
    "MP_TCPRST",
)

# RFC 6994 §3: the first bytes of an experimental option say whose experiment it is.
EXPERIMENT_FAST_OPEN: Final[i64] = 0xF989


class TcpOptions:
    """The options of one segment. -1 (or an empty list) where an option is absent.

    mss in bytes; scale is the shift; sack holds (left, right) raw sequence numbers; user_timeout in
    seconds; fast_open is the cookie's length, 0 for a request; mptcp is the subtype.
    """

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.mss = -1
        self.scale = -1
        self.sack_permitted = False
        self.sack: list[tuple[int, int]] = []
        self.ts_value = -1
        self.ts_echo = -1
        self.user_timeout = -1
        self.mptcp = -1
        self.fast_open = -1
        self.malformed = ""

    def has(self, kind: int) -> bool:
        return kind in self.kinds

    def data(self) -> dict[str, JsonValue]:
        """As JSON; absent options are absent."""
        out: dict[str, JsonValue] = {"kinds": [*self.kinds]}
        if self.mss >= 0:
            out["mss"] = self.mss
        if self.scale >= 0:
            out["window_scale"] = self.scale
        if self.sack_permitted:
            out["sack_permitted"] = True
        if self.ts_value >= 0:
            out["timestamp_value"] = self.ts_value
            out["timestamp_echo"] = self.ts_echo
        if self.user_timeout >= 0:
            out["user_timeout_s"] = self.user_timeout
        if self.mptcp >= 0:
            out["mptcp_subtype"] = self.mptcp
        if self.fast_open >= 0:
            out["fast_open_cookie_length"] = self.fast_open
        if self.malformed:
            out["malformed"] = self.malformed
        return out


def parse(raw: bytes) -> TcpOptions:
    """All options of a segment, in order. Padding is left out of `kinds`."""
    found = TcpOptions()
    size: i64 = len(raw)
    p: i64 = 0
    while p < size and len(found.kinds) < MAX_OPTIONS:
        kind = i64(raw[p])
        if kind == END:
            break
        if kind == NO_OPERATION:
            p += 1
            continue
        if p + 1 >= size:
            found.malformed = f"option kind {kind} at byte {p} has no length"
            break
        length = i64(raw[p + 1])
        if length < 2 or p + length > size:
            found.malformed = f"option kind {kind} at byte {p} claims {length} bytes of {size - p}"
            break
        found.kinds.append(int(kind))
        _read(found, raw, kind, p, length)
        p += length
    return found


def _read(found: TcpOptions, raw: bytes, kind: i64, p: i64, length: i64) -> None:
    """One well-formed option; one of an unexpected length is kept by number only."""
    if kind == TIMESTAMPS and length == 10:            # RFC 7323 §3.2
        found.ts_value = _u32(raw, p + 2)
        found.ts_echo = _u32(raw, p + 6)
    elif kind == SACK and (length - 2) % 8 == 0:       # RFC 2018 §3
        for at in range(p + 2, p + length, 8):
            found.sack.append((_u32(raw, at), _u32(raw, at + 4)))
    elif kind == MSS and length == 4:                  # RFC 9293 §3.2
        found.mss = _u16(raw, p + 2)
    elif kind == WINDOW_SCALE and length == 3:         # RFC 7323 §2.2
        found.scale = raw[p + 2]
    elif kind == SACK_PERMITTED and length == 2:       # RFC 2018 §2
        found.sack_permitted = True
    elif kind == USER_TIMEOUT and length == 4:         # RFC 5482 §3.3: one bit of unit, 15 bits of value
        value = _u16(raw, p + 2)
        found.user_timeout = (value & 0x7FFF) * (60 if value & 0x8000 else 1)
    elif kind == MPTCP and length >= 3:                # RFC 8684 §3
        found.mptcp = raw[p + 2] >> 4
    elif kind == FAST_OPEN:                            # RFC 7413 §4.1.1
        found.fast_open = int(length - 2)
    elif kind in (EXPERIMENT_1, EXPERIMENT_2) and length >= 4 and _u16(raw, p + 2) == EXPERIMENT_FAST_OPEN:
        found.fast_open = int(length - 4)              # RFC 7413 §9: the earlier number


def _u16(raw: bytes, p: i64) -> int:
    return int(i64(raw[p]) << 8 | i64(raw[p + 1]))


def _u32(raw: bytes, p: i64) -> int:
    return int(i64(raw[p]) << 24 | i64(raw[p + 1]) << 16 | i64(raw[p + 2]) << 8 | i64(raw[p + 3]))


def multiplier(shift: int) -> int:
    """What a window is multiplied by: 7 is ×128."""
    return 1 << min(shift, MAX_SHIFT)


def mptcp_name(subtype: int) -> str:
    if 0 <= subtype < len(MPTCP_SUBTYPES):
        return MPTCP_SUBTYPES[subtype]
    return "MP_EXPERIMENTAL" if subtype == 15 else f"subtype {subtype}"


def brief(found: TcpOptions) -> list[str]:
    """The options as the shortest words: `MSS 1460`, `scale ×128`, `SACK`, `timestamps`, then the rarer ones."""
    out: list[str] = []
    usual = [kind for kind in USUAL if kind in found.kinds]
    for kind in usual + [kind for kind in found.kinds if kind not in USUAL]:
        word = _brief(found, kind)
        if word and word not in out:
            out.append(word)
    if found.malformed:
        out.append("malformed options")
    return out


def _brief(found: TcpOptions, kind: int) -> str:
    if kind == MSS and found.mss >= 0:
        return f"MSS {found.mss}"
    if kind == WINDOW_SCALE and found.scale >= 0:
        return f"scale ×{multiplier(found.scale)}"
    if kind == SACK_PERMITTED:
        return "SACK"
    if kind == SACK:
        return f"{len(found.sack)} SACK block" + ("" if len(found.sack) == 1 else "s")
    if kind == TIMESTAMPS:
        return "timestamps"
    if kind == USER_TIMEOUT and found.user_timeout >= 0:
        return f"user timeout {found.user_timeout} s"
    if kind == MPTCP and found.mptcp >= 0:
        return f"MPTCP {mptcp_name(found.mptcp)}"
    if found.fast_open >= 0 and kind in (FAST_OPEN, EXPERIMENT_1, EXPERIMENT_2):
        return "Fast Open cookie wanted" if found.fast_open == 0 else f"Fast Open cookie of {found.fast_open} bytes"
    return named(kind)


def named(kind: int) -> str:
    """The IANA name, or the bare number."""
    return KINDS.get(kind, f"option {kind}")


def explain(found: TcpOptions, who: str) -> list[str]:
    """One sentence an option: what it promises on a SYN. `who` sent it ("the client")."""
    out = [sentence for kind in found.kinds if (sentence := _explain(found, kind, who))]
    if found.malformed:
        out.append(f"The options are malformed from there on: {found.malformed}.")
    return out


def _explain(found: TcpOptions, kind: int, who: str) -> str:
    if kind == MSS and found.mss >= 0:
        return f"MSS {found.mss}: {who} can take segments of up to {found.mss} bytes (RFC 9293 §3.7.1)."
    if kind == WINDOW_SCALE and found.scale >= 0:
        return (
            f"Window scale {found.scale}: once both sides have offered scaling, {who}'s window field counts in units "
            f"of {multiplier(found.scale)} bytes (RFC 7323 §2.2)."
        )
    if kind == SACK_PERMITTED:
        return f"SACK permitted: {who} understands acknowledgments of single blocks (RFC 2018 §2)."
    if kind == TIMESTAMPS and found.ts_value >= 0:
        return (
            f"Timestamps: {who}'s clock says {found.ts_value}; its echoes measure the round trip, and an old "
            "duplicate shows by its old clock (RFC 7323 §4 and §5)."
        )
    return _explain_rare(found, kind, who)


def _explain_rare(found: TcpOptions, kind: int, who: str) -> str:
    if kind == USER_TIMEOUT and found.user_timeout >= 0:
        wait = duration(found.user_timeout * 1_000_000_000)
        return f"User timeout: {who} says that it gives up on data unacknowledged for {wait} (RFC 5482 §3)."
    if kind == MPTCP and found.mptcp >= 0:
        return f"Multipath TCP, {mptcp_name(found.mptcp)}: {who} can use several paths at once (RFC 8684 §3)."
    if found.fast_open >= 0 and kind in (FAST_OPEN, EXPERIMENT_1, EXPERIMENT_2):
        if found.fast_open == 0:
            return f"Fast Open without a cookie: {who} asks for one, for a later connection (RFC 7413 §4.1.1)."
        return f"Fast Open cookie of {found.fast_open} bytes (RFC 7413 §4.1.1)."
    if kind == MD5:
        return "MD5 signature: the segment is signed with a shared key, as BGP peers do (RFC 2385 §2)."
    if kind == AUTHENTICATION:
        return "TCP-AO: the segment is authenticated with a shared key (RFC 5925 §2.2)."
    if kind in (ACC_ECN_0, ACC_ECN_1):
        return "Accurate ECN: counters of bytes by their ECN mark."
    if kind in KINDS:
        return f"Option {kind}, {KINDS[kind]}."
    return f"Option {kind}: IANA's table has no name for this number."
