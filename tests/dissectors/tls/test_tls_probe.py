"""Which bytes are taken for TLS."""
from __future__ import annotations

from random import Random

import pytest
from tls_wire import client_hello, hello13, record

from dissectors.kit.protocol import MORE, NO, YES
from dissectors.protocols.tls.probe import probe

SSL2 = b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + b"\0\0\x2f" * 7 + bytes(16)


@pytest.mark.parametrize("data", [
    record(22, hello13(), 0x0301), record(22, client_hello(), 0x0300), record(23, bytes(100)), record(20, b"\x01"),
    record(21, b"\x02\x28"), SSL2, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + record(22, hello13(), 0x0301),
    b"\x05\x01\0" + record(22, hello13(), 0x0301), bytes(300) + record(23, bytes(90)) + record(23, bytes(30)),
])
def test_tls_is_recognised(data: bytes) -> None:
    assert probe(data, 0) == YES


def test_a_header_is_enough_and_less_is_not() -> None:
    data = record(22, hello13(), 0x0301)
    assert [probe(data[:size], 0) for size in range(5)] == [MORE] * 5
    assert probe(data[:5], 0) == YES


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x02\0\0\x20" + bytes(32),
    b"\x16\x03\x01\xff\xff" + bytes(32), bytes(64),
])
def test_something_else_is_not(data: bytes) -> None:
    assert probe(data, 0) != YES


def test_what_only_looks_like_heartbeats() -> None:
    data = bytes(40) + record(24, bytes(70), 0x0301) + record(24, bytes(70), 0x0301)
    assert probe(data, 0) != YES
    assert probe(data[40:], 0) == NO


def test_openvpn_cuts_tls_into_packets_of_its_own() -> None:
    data = b"\0\x2a\x38" + bytes(range(60, 101)) + b"\x01\x10\x20" + bytes(20) + record(22, hello13(), 0x0301)
    assert probe(data, 0) == NO


def test_noise_is_not() -> None:
    random = Random("noise")
    assert sum(probe(random.randbytes(1_460), 0) == YES for _ in range(2_000)) <= 2
