"""The tables of numbers: unknown ones, GREASE, what a suite's name says; held against tshark's tables."""
from __future__ import annotations

import shutil
import subprocess
from functools import cache

import pytest

from dissectors.wire.tls.names import (
    EXTENSIONS,
    GROUPS,
    alert_name,
    extension_name,
    group_name,
    handshake_name,
    is_grease,
    suite_name,
    version_name,
)
from dissectors.wire.tls.suites import NAMES, suite


@cache
def tables() -> dict[str, dict[int, str]]:
    """tshark's values by field."""
    done = subprocess.run(
        ["tshark", "-G", "values"], capture_output=True, text=True, check=True, errors="replace", timeout=60
    )
    found: dict[str, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        cells = line.split("\t")
        if cells[0] == "V" and cells[1].startswith("tls."):
            try:
                found.setdefault(cells[1], {})[int(cells[2], 0)] = cells[3]
            except ValueError:
                continue
    return found


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_suites_are_named_as_elsewhere() -> None:
    theirs = tables()["tls.handshake.ciphersuite"]
    shared = NAMES.keys() & theirs.keys()
    assert len(shared) > 300
    assert {number: "TLS_" + NAMES[number] for number in shared} == {number: theirs[number] for number in shared}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_groups_and_extensions_are_named_as_elsewhere() -> None:
    for field, ours in (("extension.type", EXTENSIONS), ("extensions_supported_group", GROUPS)):
        theirs = tables()["tls.handshake." + field]
        for number in ours.keys() & theirs.keys():
            mine = ours[number].split(" (")[0].lower()
            if 0x200 <= number < 0x300:
                continue         # experiments of Open Quantum Safe had these numbers before the registry gave them away
            assert mine in theirs[number].lower() or theirs[number].lower() in mine, (number, mine, theirs[number])


@pytest.mark.parametrize(
    ("number", "exchange", "authentication", "cipher", "forward", "weak"),
    [
        (0x1301, "", "", "AES_128_GCM", True, False), (0xC02F, "ECDHE", "RSA", "AES_128_GCM", True, False),
        (0x009C, "RSA", "RSA", "AES_128_GCM", False, False), (0x000A, "RSA", "RSA", "3DES_EDE_CBC", False, True),
        (0x0003, "RSA", "RSA", "RC4_40", False, True), (0xCCA9, "ECDHE", "ECDSA", "CHACHA20_POLY1305", True, False),
        (0x0018, "DH", "anon", "RC4_128", True, True), (0xC0AC, "ECDHE", "ECDSA", "AES_128_CCM", True, False),
        (0x00AA, "DHE", "PSK", "AES_128_GCM", True, False), (0x0001, "RSA", "RSA", "NULL", False, True),
    ],
)
def test_what_the_name_of_a_suite_says(
    number: int, exchange: str, authentication: str, cipher: str, forward: bool, weak: bool
) -> None:
    found = suite(number)
    assert found is not None
    assert (found.key_exchange, found.authentication, found.cipher) == (exchange, authentication, cipher)
    assert (found.forward_secret, bool(found.weak)) == (forward, weak)


def test_every_suite_can_be_read() -> None:
    for number in NAMES:
        found = suite(number)
        assert found is not None
        assert found.cipher
        assert found.tls13 or found.signal or found.key_exchange
    assert suite(0xFFFF) is None


def test_grease_and_the_unknown() -> None:
    assert [value for value in range(0x10000) if is_grease(value)] == [0x0A0A + 0x1010 * step for step in range(16)]
    assert suite_name(0x0A0A) == "GREASE (0x0A0A)"
    assert suite_name(0xFFFF) == "unknown (0xFFFF)"
    assert group_name(0x001D) == "x25519"
    assert extension_name(0x3A3A) == "GREASE (14906)"
    assert alert_name(48) == "unknown_ca"
    assert alert_name(200) == "unknown (200)"
    assert handshake_name(2) == "server_hello"
    assert version_name(0x0304) == "TLS 1.3"
    assert version_name(0x7F1C) == "TLS 1.3 draft 28"
    assert version_name(0x0399) == "unknown (0x0399)"
