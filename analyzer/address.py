"""Addresses as text: IPv4, IPv6 (RFC 5952) and MAC addresses, each converted once."""
from __future__ import annotations

import socket
from typing import Final

# Texts kept. A capture of a scan has millions of addresses, so the store is emptied where it is full.
MAX_KEPT: Final = 65_536

_texts: Final[dict[bytes, str]] = {}


def address_text(address: bytes) -> str:
    """`10.0.0.1` for 4 bytes, `2001:db8::1` for 16 (RFC 5952 §4), a MAC address for 6, else hexadecimal digits."""
    text = _texts.get(address)
    if text is None:
        if len(_texts) >= MAX_KEPT:
            _texts.clear()
        text = _convert(address)
        _texts[address] = text
    return text


def _convert(address: bytes) -> str:
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address)
    if len(address) == 16:
        return socket.inet_ntop(socket.AF_INET6, address)
    return address.hex(":")
