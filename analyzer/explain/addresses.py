"""Findings about who holds an address on the link."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import LIKELY, Found, Rule
from analyzer.model import Analysis

SHOWN: Final = 4      # machines that are named


def contested(analysis: Analysis) -> list[Found]:
    """Not a move: an address that goes from one machine to another is claimed by one after the other, once."""
    found = []
    for one in analysis.capture.contested:
        named = [f"{station} (#{frame})" for station, frame in one.stations[:SHOWN]]
        if len(one.stations) > SHOWN:
            named.append(f"{len(one.stations) - SHOWN} more")
        version6 = ":" in one.address
        found.append(Found(
            f"{len(one.stations)} machines claim the address {one.address} at the same time: {', '.join(named[:-1])} "
            f"and {named[-1]}. What is sent to it reaches now the one, now the other.",
            one.frames, confidence=LIKELY,
            narrow=f"icmpv6.nd.na.target_address == {one.address}" if version6
            else f"arp.src.proto_ipv4 == {one.address}",
            basis="both answered the same request, or claimed it in turn; a router that answers for the host (proxy "
            "ARP) looks alike",
        ))
    return found


ADDRESS_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "capture.address_conflict", "warn", contested,
        "Find the machine of each link-layer address, and give one of them another address (RFC 5227 §2.4).",
        "One machine with two interfaces on this link, or two routers that share an address on purpose.",
    ),
)
