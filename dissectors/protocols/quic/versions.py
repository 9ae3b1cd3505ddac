"""The versions of QUIC that are spoken: their numbers, and what each derives its first keys from."""
from __future__ import annotations

from typing import Final

V1: Final = 1                      # RFC 9000
V2: Final = 0x6B33_43CF            # RFC 9369
V2_DRAFT: Final = 0x709A_50C4      # draft-ietf-quic-v2 up to -03, still spoken by older programs
NEGOTIATION: Final = 0             # the version field of a Version Negotiation packet (RFC 8999 §6)
DRAFTS: Final = 0xFF00_0000        # with the number of the draft in the last octet
FIRST_DRAFT, LAST_DRAFT = 21, 34   # of those whose packets have this form and whose first keys are known here
DRAFT_29: Final = 0xFF00_001D      # of those the one that was spoken for longest
MVFST: Final = (0xFACE_B001, 0xFACE_B002, 0xFACE_B00E)   # of Facebook's own, built on draft 22 and on draft 27
MVFST_DRAFT: Final = (22, 27, 27)
GREASE_MASK: Final = 0x0F0F_0F0F   # versions that are reserved to exercise negotiation (RFC 9000 §15)
GREASE: Final = 0x0A0A_0A0A


class Version:
    """salt: from which the keys of Initial packets are derived (RFC 9001 §5.2).     label: in front of the labels of
    keys.     retry_key, retry_nonce: of the integrity tag of a Retry; b"" where it has none.     types: what the two
    bits of a long header mean, in the order of their values."""

    def __init__(
        self, salt: str, label: bytes = b"quic ", retry_key: str = "", retry_nonce: str = "",
        types: tuple[int, int, int, int] = (0, 1, 2, 3),
    ) -> None:
        self.salt = bytes.fromhex(salt)
        self.label = label
        self.retry_key = bytes.fromhex(retry_key)
        self.retry_nonce = bytes.fromhex(retry_nonce)
        self.types = types


ROTATED: Final = (3, 0, 1, 2)      # Retry, Initial, 0-RTT, Handshake (RFC 9369 §3.2)
_V1 = Version(
    "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", b"quic ",
    "be0c690b9f66575a1d766b54e368c84e", "461599d35d632bf2239825bb",           # RFC 9001 §5.2, §5.8
)
_V2 = Version(
    "0dede3def700a6db819381be6e269dcbf9bd2ed9", b"quicv2 ",
    "8fb4b01b56ac48e260fbcbcead7ccc92", "d86969bc2d7c6d9990efb04a", ROTATED,  # RFC 9369 §3.3
)
_V2_DRAFT = Version(
    "a707c203a59b47184a1d62ca570406ea7ae3e5d3", b"quicv2 ",
    "ba858dc7b43de5dbf87617ff4ab253db", "141b99c239b03e785d6a2e9f", ROTATED,  # draft-ietf-quic-v2-01 §3.3
)
_DRAFT_29 = Version(
    "afbfec289993d24c9e9786f19c6111e04390a899", b"quic ",
    "ccce187ed09a09d05728155a6cb96be1", "e54930f97f2136f0530a8c1c",           # draft-ietf-quic-tls-29 §5.2, §5.8
)
_DRAFT_25 = Version(
    "c3eef712c72ebb5a11a7d2432bb46365bef9f502", b"quic ",
    "4d32ecdb2a2133c841e4043df27d4430", "4d1611d05513a552c587d575",           # draft-ietf-quic-tls-25 §5.2, §5.8
)
_DRAFT_23 = Version("c3eef712c72ebb5a11a7d2432bb46365bef9f502")               # draft-ietf-quic-tls-23 §5.2
_DRAFT_21 = Version("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a")               # draft-ietf-quic-tls-21 §5.2


def draft_of(number: int) -> int:
    """The number of a draft of version 1 whose rules this version follows; 0 for none that is known."""
    if number in MVFST:
        return MVFST_DRAFT[MVFST.index(number)]
    draft = number & 0xFF
    return draft if number & 0xFFFF_FF00 == DRAFTS and FIRST_DRAFT <= draft <= LAST_DRAFT else 0


def version_of(number: int) -> Version | None:
    """None where it is not known how its packets look."""
    if number == V1:
        return _V1
    if number == V2:
        return _V2
    if number == V2_DRAFT:
        return _V2_DRAFT
    draft = draft_of(number)
    if not draft:
        return None
    if draft >= 33:
        return _V1
    if draft >= 29:
        return _DRAFT_29
    return _DRAFT_25 if draft >= 25 else _DRAFT_23 if draft >= 23 else _DRAFT_21


def is_reserved(number: int) -> bool:
    """A version that nobody speaks: whoever names it wants to see that it is ignored, or a negotiation."""
    return number & GREASE_MASK == GREASE


def version_title(number: int) -> str:
    """`QUIC v1`, `QUIC draft 29`, `QUIC version 0x12345678`."""
    if number == V1:
        return "QUIC v1"
    if number == V2:
        return "QUIC v2"
    if number == V2_DRAFT:
        return "QUIC v2 (draft)"
    if number in MVFST:
        return f"QUIC mvfst (0x{number:08x})"
    if number & 0xFFFF_FF00 == DRAFTS:
        return f"QUIC draft {number & 0xFF}"
    return f"QUIC version 0x{number:08x}" + (" (reserved)" if is_reserved(number) else "")
