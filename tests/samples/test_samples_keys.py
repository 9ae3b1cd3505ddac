"""Keys in the recordings: where the block goes, and which samples have one."""
from __future__ import annotations

from pathlib import Path

import pytest

from samples.record.capture import cleaned, has_keys, with_keys
from samples.record.cases import ALL

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
RANDOM, SECRET = "11" * 32, "22" * 48
LINE = f"CLIENT_RANDOM {RANDOM} {SECRET}"

# Samples of the folder tls in which nobody wrote a key: no handshake gets that far, or the keys are what is missing.
WITHOUT = {
    "tls/no-shared-version", "tls/no-shared-suite", "tls/no-shared-group", "tls/no-shared-alpn",
    "tls/unrecognized-name", "tls/reset-after-client-hello", "tls/closed-after-client-hello",
    "tls/stalled-after-client-hello", "tls/stalled-after-server-hello", "tls/stalled-black-hole", "tls/plaintext-http",
    "tls/plaintext-http-refused", "tls/to-plaintext-port", "tls/keys-missing", "tls/not-yet-valid-certificate",
    "tls/unknown-authority", "tls/missing-intermediate",
}


def block(kind: int, body: bytes) -> bytes:
    size = (len(body) + 12).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + size + body + size


SECTION = block(0x0A0D0D0A, bytes.fromhex("4d3c2b1a01000000") + b"\xff" * 8)
REST = block(1, bytes.fromhex("0100000000000400")) + block(6, bytes(20))


def test_keys_stand_behind_the_section_header_and_before_the_packets() -> None:
    data = with_keys(SECTION + REST, LINE + "\n")
    text = (LINE + "\n").encode()
    padding = b"\0" * (-len(text) % 4)
    body = b"KSLT" + len(text).to_bytes(4, "little") + text + padding
    assert data == SECTION + block(10, body) + REST
    assert has_keys(data)
    assert not has_keys(SECTION + REST)


def test_each_line_once_and_no_comments() -> None:
    once = with_keys(SECTION + REST, LINE + "\n")
    assert with_keys(SECTION + REST, f"# made by a library\n{LINE}\n\n{LINE}\n") == once


def test_a_log_without_keys_changes_nothing() -> None:
    assert with_keys(SECTION + REST, "# made by a library\n\n") == SECTION + REST


def test_cleaning_leaves_the_keys() -> None:
    data = with_keys(SECTION + REST, LINE)
    assert cleaned(data) == data


@pytest.mark.parametrize("key", [case.key for case in ALL if case.protocol == "tls"])
def test_tls_samples_have_their_keys(key: str) -> None:
    assert has_keys((SAMPLES / key / "capture.pcapng").read_bytes()) is (key not in WITHOUT)
    said = "Decryption Secrets Block" in (SAMPLES / key / "README.md").read_text()
    assert said is (key not in WITHOUT)
