"""The stand-ins of a report for the octets of frames: as long as what they stand for."""
from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from analyzer.report.pseudonyms import Pseudonyms


class EvenNames:
    """Those that the texts of the report have, so that both agree (`StandIns`)."""

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names
        self._known: dict[bytes, bytes] = {}

    def name(self, labels: list[str]) -> list[str]:
        return self._names.labels(labels)

    def v4(self, octets: bytes) -> bytes:
        return self._address(octets, IPv4Address(octets))

    def v6(self, octets: bytes) -> bytes:
        return self._address(octets, IPv6Address(octets))

    def _address(self, octets: bytes, address: IPv4Address | IPv6Address) -> bytes:
        found = self._known.get(octets)
        if found is None:
            found = self._known[octets] = ip_address(self._names.address(str(address))).packed
        return found

    def mac(self, octets: bytes) -> bytes:
        return self._names.mac(octets)
