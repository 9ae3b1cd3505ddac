"""What is found about TLS in recordings of real programs is what was done to them, and nothing else."""
from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline.run import Options, analyze

SAMPLES = Path(__file__).parents[3] / "samples" / "tls"

# Code and severity of everything about TLS, remarks among it.
FOUND = {
    "chain-out-of-order": "note tls.chain_order",
    "client-certificate-13": "",
    "client-certificate-expired": "error tls.certificate_expired, chat tls.client_certificate",
    "client-certificate-missing-12": "error tls.client_certificate",
    "client-certificate-missing-13": "error tls.client_certificate",
    "closed-after-client-hello": "warn tls.stalled",
    "expired-certificate": "error tls.certificate_expired, chat tls.certificate_refused",
    "keys-of-another": "chat tls.keys_missing",
    "missing-intermediate": "error tls.chain_incomplete, chat tls.certificate_refused",
    "no-shared-alpn": "error tls.no_shared_alpn",
    "no-shared-group": "error tls.no_shared_suite",
    "no-shared-suite": "error tls.no_shared_suite",
    "no-shared-version": "error tls.no_shared_version",
    "not-yet-valid-certificate": "error tls.certificate_not_yet_valid, chat tls.certificate_refused",
    "plaintext-http": "warn tls.plaintext",
    "reset-after-client-hello": "error tls.reset_after_hello",
    "reset-in-data": "",
    "self-signed": "error tls.certificate_self_signed, chat tls.certificate_refused",
    "self-signed-accepted": "warn tls.certificate_self_signed",
    "stalled-after-client-hello": "warn tls.stalled",
    "stalled-after-server-hello": "warn tls.stalled",
    "tls10-full": "warn tls.old_version",
    "tls12-anonymous": "error tls.weak_suite",
    "tls12-full": "",
    "tls12-psk": "warn tls.no_forward_secrecy",
    "tls12-renegotiation": "",
    "tls12-rsa-key-exchange": "warn tls.no_forward_secrecy",
    "tls13-early-data": "note tls.early_data",
    "tls13-full": "",
    "tls13-hello-retry": "chat tls.hello_retry",
    "tls13-resumed": "",
    "to-plaintext-port": "error tls.plaintext",
    "unknown-authority": "error tls.certificate_refused",
    "unrecognized-name": "error tls.unknown_name",
    "wrong-name": "error tls.certificate_wrong_name, chat tls.certificate_refused",
}


@pytest.mark.parametrize("case", FOUND)
def test_a_recording_shows_what_was_done(case: str) -> None:
    found = analyze([str(SAMPLES / case / "capture.pcapng")], Options()).findings
    told = [f"{one.severity} {one.code}" for one in found if one.code.startswith("tls.")]
    assert ", ".join(told) == FOUND[case]
