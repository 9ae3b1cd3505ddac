"""What a finished handshake came to."""
from __future__ import annotations

from typing import Final

from dissectors.protocols.tls.events_data import ACCEPTED, OFFERED
from dissectors.protocols.tls.events_summary import FULL, Summary
from dissectors.protocols.tls.state import Session, TlsSide
from dissectors.wire.tls.names import group_name, suite_name, version_name
from dissectors.wire.tls.suites import suite

WEAK_PRIME: Final = 2_048    # bits of a finite-field group below which it is weak (RFC 9325 §4.5)


def summed_up(session: Session, ended_ns: int, inferred: bool, decrypted: bool, client: TlsSide) -> Summary:
    """Of a session whose two sides have finished; both hellos were seen."""
    out = Summary()
    out.version = version_name(session.version)
    out.tls13 = session.tls13
    out.suite = suite_name(session.suite)
    out.cipher = out.suite
    out.group = as_written(group_name(session.group)) if session.group else ""
    out.alpn = session.alpn
    out.server_name = session.server_name
    out.resumption = session.resumption or FULL
    out.early_data = session.early_outcome or (OFFERED if session.early else "")
    out.retried = session.retried
    out.mutual = client.certificate
    out.inferred = inferred
    out.decrypted = decrypted
    out.renegotiated = session.renegotiation
    out.began_ns = session.began_ns
    out.ended_ns = ended_ns
    out.server_ns = session.server_ns
    out.client_ns = session.client_ns
    out.round_trips = round_trips(session)
    found = suite(session.suite)
    if found is not None:
        out.cipher = found.short()
        out.forward = forward_secret(session, found.forward_secret)
        if found.weak:
            out.weak.append(found.weak)
    if session.resumption and not session.tls13:
        out.forward = "unknown"   # as secret as the session that it goes on with, and its ticket key
    if session.version < 0x0303:
        out.weak.append(f"{out.version} is deprecated (RFC 8996)" if session.version > 0x0300 else
                        "SSL 3.0 is broken (RFC 7568)")
    if 0 < session.dh_bits < WEAK_PRIME:
        out.weak.append(f"a Diffie-Hellman prime of {session.dh_bits} bits")
    return out


def as_written(group: str) -> str:
    """The registry writes x25519; everybody else writes X25519."""
    return "X" + group[1:] if group.startswith("x") else group


def round_trips(session: Session) -> int:
    """That the client had to wait for before it could send its first request (RFC 8446 §2, RFC 5246 §7.3)."""
    if session.tls13:
        return (0 if session.early_outcome == ACCEPTED else 1) + (1 if session.retried else 0)
    return 1 if session.resumption else 2


def forward_secret(session: Session, by_suite: bool) -> str:
    """TLS 1.3 resumes with a fresh key exchange, or with the pre-shared key alone (psk_ke), which gives none away only
    as long as that key is secret (RFC 8446 §2.2). A ServerHello with neither was not read rightly: "unknown"."""
    if session.tls13 and not session.group:
        return "no" if session.resumption else "unknown"
    return "yes" if session.tls13 or by_suite else "no"
