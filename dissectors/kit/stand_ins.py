"""What stands in the octets of a frame for what names somebody, where a capture is given away without names.

Everything keeps its length, so that lengths, offsets and sequence numbers stay true.
"""
from __future__ import annotations

import re
from typing import Protocol

_KEPT = re.compile(rb"[^ \t]")


class StandIns(Protocol):
    """The same stand-in for the same original, everywhere."""

    def name(self, labels: list[str]) -> list[str]:
        """Of a host's name: as many labels, each as long."""

    def v4(self, octets: bytes) -> bytes:
        """Of an IPv4 address."""

    def v6(self, octets: bytes) -> bytes:
        """Of an IPv6 address."""

    def mac(self, octets: bytes) -> bytes:
        """Of a MAC address."""


def host_stand_in(name: bytes, names: StandIns) -> bytes:
    """Of a host's name as text: as long. What is none, such as an address, is made unreadable."""
    labels = name.decode("latin-1").split(".")
    if labels[-1].isdigit() or not all(labels):
        return hidden(name)
    return ".".join(names.name(labels)).encode("latin-1")


def hidden(text: bytes) -> bytes:
    """Text of which only the length and the spaces are left."""
    return _KEPT.sub(b"x", text)
