"""What in a handshake likely led to an alert. An inference: it says what it rests on, and "" where nothing does."""
from __future__ import annotations

from typing import Final

from dissectors.kit.units import plural
from dissectors.protocols.tls.events import some
from dissectors.protocols.tls.state import Session
from dissectors.wire.tls.names import is_grease, version_name
from dissectors.wire.tls.suites import FALLBACK, RENEGOTIATION, suite

# AlertDescription (RFC 8446 §6, RFC 5246 §7.2).
UNEXPECTED_MESSAGE: Final = 10
BAD_RECORD_MAC: Final = 20
DECRYPTION_FAILED: Final = 21
RECORD_OVERFLOW: Final = 22
HANDSHAKE_FAILURE: Final = 40
NO_CERTIFICATE: Final = 41
BAD_CERTIFICATE: Final = 42
UNSUPPORTED_CERTIFICATE: Final = 43
CERTIFICATE_REVOKED: Final = 44
CERTIFICATE_EXPIRED: Final = 45
CERTIFICATE_UNKNOWN: Final = 46
ILLEGAL_PARAMETER: Final = 47
UNKNOWN_CA: Final = 48
ACCESS_DENIED: Final = 49
DECODE_ERROR: Final = 50
DECRYPT_ERROR: Final = 51
PROTOCOL_VERSION: Final = 70
INSUFFICIENT_SECURITY: Final = 71
INTERNAL_ERROR: Final = 80
INAPPROPRIATE_FALLBACK: Final = 86
USER_CANCELED: Final = 90
NO_RENEGOTIATION: Final = 100
MISSING_EXTENSION: Final = 109
UNSUPPORTED_EXTENSION: Final = 110
UNRECOGNIZED_NAME: Final = 112
BAD_STATUS: Final = 113
UNKNOWN_PSK: Final = 115
CERTIFICATE_REQUIRED: Final = 116
NO_APPLICATION_PROTOCOL: Final = 120

# Those whose cause does not depend on what was said before.
PLAIN: Final[dict[int, str]] = {
    UNEXPECTED_MESSAGE: "a message came that was not due at this place",
    BAD_RECORD_MAC: "a record did not decrypt: the keys differ, or it was damaged on the way",
    DECRYPTION_FAILED: "a record did not decrypt: the keys differ, or it was damaged on the way",
    RECORD_OVERFLOW: "a record was longer than is allowed",
    ILLEGAL_PARAMETER: "a field of the last message holds a value that is not allowed there",
    ACCESS_DENIED: "the certificate is valid, but its owner is not let in",
    DECODE_ERROR: "the last message could not be read: a length in it is wrong",
    DECRYPT_ERROR: "a signature or a Finished did not check out",
    INTERNAL_ERROR: "the sender failed for a reason of its own; its log tells more",
    INAPPROPRIATE_FALLBACK: (
        "the client came back with an older version after a failure, and the server could speak a newer one"
    ),
    USER_CANCELED: "the handshake was broken off for a reason outside the protocol",
    NO_RENEGOTIATION: "the sender does not negotiate anew within a connection",
    MISSING_EXTENSION: "an extension that is mandatory with this choice is missing in the last message",
    UNSUPPORTED_EXTENSION: "the last message answers an extension that was not offered",
    BAD_STATUS: "the stapled OCSP answer was not accepted",
    UNKNOWN_PSK: "the server does not know the pre-shared key that the client named",
}

CERTIFICATE_ALERTS: Final[dict[int, str]] = {
    BAD_CERTIFICATE: "is damaged or does not check out",
    UNSUPPORTED_CERTIFICATE: "is of a kind that it does not accept",
    CERTIFICATE_REVOKED: "was withdrawn by its issuer",
    CERTIFICATE_EXPIRED: "has expired or is not valid yet",
    CERTIFICATE_UNKNOWN: "was not accepted for a reason that it does not name",
    UNKNOWN_CA: "does not lead to an authority that it trusts",
}


def cause(description: int, from_client: bool, session: Session, empty_certificate: bool) -> str:
    """empty_certificate: the client was asked for a certificate and showed none."""
    if description in PLAIN:
        return PLAIN[description]
    if description in CERTIFICATE_ALERTS:
        whose = "the server's" if from_client else "the client's"
        judge = "the client" if from_client else "the server"
        return f"it looks as if {whose} certificate {CERTIFICATE_ALERTS[description].replace('it ', judge + ' ', 1)}"
    wanted = empty_certificate and description in (HANDSHAKE_FAILURE, NO_CERTIFICATE)
    if wanted or description == CERTIFICATE_REQUIRED:
        return "the server asked for a client certificate, and the client showed none"
    hello = session.hello
    if hello is None:
        return ""
    if description == PROTOCOL_VERSION:
        return _version(from_client, session)
    if description == UNRECOGNIZED_NAME:
        named = f"named {hello.server_name}" if hello.server_name else "named no server"
        return f"the client {named}, and the server has nothing under that name"
    if description == NO_APPLICATION_PROTOCOL:
        return f"the client offers {some(hello.alpn, 8)} above TLS, and the server speaks none of them"
    if description in (HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY):
        return _nothing_shared(from_client, session)
    return ""


def _version(from_client: bool, session: Session) -> str:
    hello = session.hello
    if hello is None:
        return ""
    if from_client:
        return f"the server chose {version_name(session.version)}, which the client does not accept"
    offered = [version_name(number) for number in sorted(set(hello.versions), reverse=True) if not is_grease(number)]
    return f"the client offers {some(offered, 5)}, and the server accepts none of these"


def _nothing_shared(from_client: bool, session: Session) -> str:
    hello = session.hello
    if hello is None:
        return ""
    if from_client:
        return "the client does not accept what the server chose"
    if session.server is not None:
        return ""
    suites = [number for number in hello.suites if not is_grease(number) and number not in (FALLBACK, RENEGOTIATION)]
    text = (
        f"no set of parameters was found that both sides accept; the client offers "
        f"{plural(len(suites), 'cipher suite')} and "
        f"{plural(len([number for number in hello.groups if not is_grease(number)]), 'group')}"
    )
    known = [found for found in [suite(number) for number in suites] if found is not None]
    if known and all(found.weak for found in known):
        text += ", all of them weak"
    elif known and all(found.tls13 for found in known):
        text += ", of TLS 1.3 alone"
    if not hello.server_name:
        text += ", and names no server, which some servers insist on"
    return text
