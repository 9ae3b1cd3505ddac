"""What comes with a certificate: OCSP answers (RFC 6960 §4.2) and signed certificate timestamps (RFC 6962 §3.2).

Both are read. Their signatures are not checked: the key of a log, and often that of a responder, is not in a capture.
"""
from __future__ import annotations

import warnings
from typing import Final

from dissectors.kit.units import plural
from dissectors.wire.x509.certificate import unreadable
from dissectors.wire.x509.times import UNKNOWN, date, nanoseconds

SCT_V1: Final = 0             # RFC 6962 §3.2
SCT_LEAST: Final = 43         # octets: version, log identifier, time, length of the extensions
MAX_SCTS_SHOWN: Final = 4

# OCSPResponseStatus, RFC 6960 §4.2.1.
REFUSALS: Final[dict[str, str]] = {
    "MALFORMED_REQUEST": "malformed request", "INTERNAL_ERROR": "internal error", "TRY_LATER": "try later",
    "SIG_REQUIRED": "signature required", "UNAUTHORIZED": "unauthorized",
}


class OcspInfo:
    """One OCSP answer. status: "good", "revoked", "unknown", or "" where there is none; times in ns or UNKNOWN.

    serial: of the certificate it is about, hexadecimal. reason: of a revocation, "" where none is given.
    error: why nothing can be said.
    """

    def __init__(self) -> None:
        self.status = ""
        self.serial = ""
        self.this_update_ns = UNKNOWN
        self.next_update_ns = UNKNOWN
        self.revoked_ns = UNKNOWN
        self.reason = ""
        self.error = ""

    def words(self, time_ns: int = UNKNOWN) -> str:
        """`good, as of 2026-03-01 12:00:00 UTC, until 2026-03-08 12:00:00 UTC`; with a time, whether it is too old."""
        if not self.status:
            return f"no answer ({self.error})"
        text = self.status
        if self.revoked_ns != UNKNOWN:
            text += f" on {date(self.revoked_ns)}"
        if self.reason:
            text += f" ({self.reason})"
        text += f", as of {date(self.this_update_ns)}"
        if self.next_update_ns != UNKNOWN:
            text += f", until {date(self.next_update_ns)}"
        if time_ns != UNKNOWN and self.stale(time_ns):
            text += ", which is out of date"
        return text

    def stale(self, time_ns: int) -> bool:
        """Whether a newer answer had to be available at that time (RFC 6960 §4.2.2.1)."""
        return self.next_update_ns != UNKNOWN and time_ns > self.next_update_ns


def read_ocsp(der: bytes) -> OcspInfo:
    """The first answer of an OCSP response. Never raises over its bytes: see `error`."""
    from cryptography.x509 import ocsp

    info = OcspInfo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            response = ocsp.load_der_ocsp_response(der)
            if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
                name = response.response_status.name
                info.error = f"the responder said {REFUSALS.get(name, name)}"
                return info
            for single in response.responses:
                info.serial = f"{single.serial_number:x}"
                info.this_update_ns = nanoseconds(single.this_update_utc)
                info.next_update_ns = nanoseconds(single.next_update_utc)
                info.revoked_ns = nanoseconds(single.revocation_time_utc)
                reason = single.revocation_reason
                info.reason = "" if reason is None else reason.value
                info.status = single.certificate_status.name.lower()
                break
            else:
                info.error = "it holds no answer"
        except unreadable() as error:
            info.status = ""
            info.error = f"it cannot be read: {str(error)[:200]}"
    return info


def ocsp(der: bytes) -> str:
    """A stapled OCSP response in words."""
    return read_ocsp(der).words()


class SctInfo:
    """The promise of a log to publish a certificate. log: its identifier, hexadecimal. time_ns: when it gave it."""

    def __init__(self, log: str, time_ns: int, version: int) -> None:
        self.log = log
        self.time_ns = time_ns
        self.version = version


def read_sct(data: bytes) -> SctInfo | None:
    """One timestamp; None where it is cut short or of another version, whose form is not known."""
    if len(data) < SCT_LEAST or data[0] != SCT_V1:
        return None
    return SctInfo(data[1:33].hex(), int.from_bytes(data[33:41], "big") * 1_000_000, data[0])


def sct(items: list[bytes]) -> str:
    """Timestamps that came beside a certificate, in words: `2 timestamps: 2026-03-01 12:00:00 UTC by log ab12cd34…`."""
    read = [read_sct(item) for item in items]
    found = [one for one in read if one is not None]
    text = plural(len(items), "timestamp")
    if found:
        text += ": " + ", ".join([f"{date(one.time_ns)} by log {one.log[:8]}…" for one in found[:MAX_SCTS_SHOWN]])
    if len(found) > MAX_SCTS_SHOWN:
        text += f" and {len(found) - MAX_SCTS_SHOWN} more"
    if len(found) < len(items):
        text += f"; {len(items) - len(found)} of them cannot be read"
    return text
