"""Manifests of streaming media: HLS playlists (RFC 8216) and DASH presentations (ISO/IEC 23009-1)."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.kit.units import plural, rate
from dissectors.wire.http.message import number_of

MAX_RATES: Final = 24      # bit rates of a manifest that are kept

_BANDWIDTH: Final = re.compile(rb'bandwidth="(\d{1,12})"')
_INF: Final = re.compile(rb"#EXTINF:(\d{1,6}(?:\.\d{1,6})?)")
_HLS_RATE: Final = re.compile(rb"[:,]BANDWIDTH=(\d{1,12})")
_TARGET: Final = re.compile(rb"#EXT-X-TARGETDURATION:(\d{1,6})")


class Manifest:
    """summary: in a few words; detail: as data."""

    def __init__(self, summary: str, detail: dict[str, JsonValue]) -> None:
        self.summary = summary
        self.detail = detail


def _rates(found: list[bytes]) -> list[int]:
    return sorted({number_of(value) for value in found[:MAX_RATES]})


def _offered(rates: list[int]) -> str:
    if len(rates) == 1:
        return f"at {rate(rates[0])}"
    return f"in {len(rates)} bit rates from {rate(rates[0])} to {rate(rates[-1])}"


def describe_hls(sample: bytes) -> Manifest:
    """A list of variants by bit rate, or of segments by duration (RFC 8216 §4.3)."""
    detail: dict[str, JsonValue] = {"manifest": "HLS"}
    if not sample.startswith(b"#EXTM3U"):
        return Manifest("no HLS playlist, though its type says so", {})
    rates = _rates(_HLS_RATE.findall(sample))
    if rates:
        offered: list[JsonValue] = []
        offered.extend(rates)
        detail["bit_rates"] = offered
        return Manifest(f"an HLS playlist that offers the stream {_offered(rates)}", detail)
    durations = _INF.findall(sample)
    target = _TARGET.search(sample)
    if target is not None:
        detail["target_duration_ns"] = number_of(target.group(1)) * 1_000_000_000
    detail["segments"] = len(durations)
    detail["live"] = b"#EXT-X-ENDLIST" not in sample
    total = sum([float(value) for value in durations])
    kind = "live" if detail["live"] else "whole"
    return Manifest(f"a {kind} HLS playlist of {plural(len(durations), 'segment')}, {total:.0f} s in all", detail)


def describe_dash(sample: bytes) -> Manifest:
    """Representations by bit rate (ISO/IEC 23009-1 §5.3.5)."""
    detail: dict[str, JsonValue] = {"manifest": "DASH", "live": b'type="dynamic"' in sample}
    rates = _rates(_BANDWIDTH.findall(sample))
    if not rates:
        return Manifest("a DASH manifest", detail)
    offered: list[JsonValue] = []
    offered.extend(rates)
    detail["bit_rates"] = offered
    return Manifest(f"a DASH manifest that offers the stream {_offered(rates)}", detail)
