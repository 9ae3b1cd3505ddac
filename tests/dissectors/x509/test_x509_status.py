"""OCSP answers and signed certificate timestamps in words."""
from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given
from hypothesis import strategies as st
from x509_lab import DAY, NOW, NOW_NS, ROOT, SECOND, leaf

from dissectors.wire.x509.status import ocsp, read_ocsp, read_sct, sct

SERVER = leaf(ROOT)


def response(status: library.OCSPCertStatus, revoked: bool = False) -> bytes:
    builder = library.OCSPResponseBuilder().add_response(
        cert=SERVER.certificate, issuer=ROOT.certificate, algorithm=hashes.SHA1(), cert_status=status,
        this_update=NOW, next_update=NOW + DAY, revocation_time=NOW - DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    ).responder_id(library.OCSPResponderEncoding.NAME, ROOT.certificate)
    return builder.sign(ROOT.key, hashes.SHA256()).public_bytes(Encoding.DER)


def timestamp(time_ms: int = NOW_NS // 1_000_000, version: int = 0) -> bytes:
    return bytes([version]) + b"\xab\xcd\xef\x01" * 8 + time_ms.to_bytes(8, "big") + b"\0\0" + b"\4\3\0\2\x30\0"


def test_a_good_answer() -> None:
    der = response(library.OCSPCertStatus.GOOD)
    assert ocsp(der) == "good, as of 2025-06-15 15:06:40 UTC, until 2025-06-16 15:06:40 UTC"
    info = read_ocsp(der)
    assert info.serial == "1234567890"
    assert not info.stale(NOW_NS + 86_400 * SECOND)
    assert info.stale(NOW_NS + 86_401 * SECOND)
    assert info.words(NOW_NS + 90_000 * SECOND).endswith(", which is out of date")


def test_a_revoked_certificate() -> None:
    assert ocsp(response(library.OCSPCertStatus.REVOKED, True)).startswith(
        "revoked on 2025-06-14 15:06:40 UTC (keyCompromise), as of "
    )


def test_a_responder_that_does_not_answer() -> None:
    built = library.OCSPResponseBuilder.build_unsuccessful(library.OCSPResponseStatus.TRY_LATER)
    assert ocsp(built.public_bytes(Encoding.DER)) == "no answer (the responder said try later)"


@pytest.mark.parametrize("der", [b"", b"\x30\0", b"junk"])
def test_what_is_no_answer(der: bytes) -> None:
    assert ocsp(der).startswith("no answer (it cannot be read: ")


@given(st.integers(0, 2_000), st.integers(0, 255))
def test_no_mutation_makes_the_reader_fail(at: int, value: int) -> None:
    der = bytearray(GOOD)
    der[at % len(der)] = value
    assert ocsp(bytes(der))


GOOD = response(library.OCSPCertStatus.GOOD)


def test_timestamps() -> None:
    assert sct([timestamp()]) == "1 timestamp: 2025-06-15 15:06:40 UTC by log abcdef01…"
    assert sct([timestamp(), timestamp(version=1), b"short"]) == (
        "3 timestamps: 2025-06-15 15:06:40 UTC by log abcdef01…; 2 of them cannot be read"
    )
    assert sct([timestamp()] * 6).endswith(" and 2 more")
    assert read_sct(timestamp()[:42]) is None
    assert "an unknown time" in sct([timestamp((1 << 64) - 1)])
