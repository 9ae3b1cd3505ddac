"""Error codes of QUIC and of HTTP/3, and what they mean.

RFC 9000 §20.1, RFC 9368 §10.2; RFC 9114 §8.1, RFC 9204 §6.
"""
from __future__ import annotations

from typing import Final

from dissectors.wire.tls.names import alert_name

CRYPTO_FIRST: Final = 0x100      # and the alert of TLS in the last octet (RFC 9001 §4.8)
CRYPTO_LAST: Final = 0x1FF
NO_ERROR: Final = 0x00
APPLICATION_ERROR: Final = 0x0C

TRANSPORT: Final[dict[int, tuple[str, str]]] = {
    0x00: ("NO_ERROR", "nothing went wrong"),
    0x01: ("INTERNAL_ERROR", "an error of its own"),
    0x02: ("CONNECTION_REFUSED", "it takes no connection now"),
    0x03: ("FLOW_CONTROL_ERROR", "the peer sent more than it was allowed"),
    0x04: ("STREAM_LIMIT_ERROR", "the peer opened more streams than it was allowed"),
    0x05: ("STREAM_STATE_ERROR", "a frame came for a stream that cannot take it"),
    0x06: ("FINAL_SIZE_ERROR", "the size of a stream changed after its end"),
    0x07: ("FRAME_ENCODING_ERROR", "a frame was badly formed"),
    0x08: ("TRANSPORT_PARAMETER_ERROR", "the peer's transport parameters were bad"),
    0x09: ("CONNECTION_ID_LIMIT_ERROR", "the peer issued more connection IDs than are kept"),
    0x0A: ("PROTOCOL_VIOLATION", "the peer broke a rule that has no code of its own"),
    0x0B: ("INVALID_TOKEN", "the token of the client's Initial was bad"),
    0x0C: ("APPLICATION_ERROR", "the application ended it, and does not say why before the handshake is over"),
    0x0D: ("CRYPTO_BUFFER_EXCEEDED", "more of the handshake came than it keeps"),
    0x0E: ("KEY_UPDATE_ERROR", "the peer changed its keys wrongly"),
    0x0F: ("AEAD_LIMIT_REACHED", "its keys were used as often as they may be"),
    0x10: ("NO_VIABLE_PATH", "no way to the peer works"),
    0x11: ("VERSION_NEGOTIATION_ERROR", "the versions of the two do not fit together"),
}
HTTP3: Final[dict[int, tuple[str, str]]] = {
    0x100: ("H3_NO_ERROR", "nothing went wrong"),
    0x101: ("H3_GENERAL_PROTOCOL_ERROR", "the peer broke a rule that has no code of its own"),
    0x102: ("H3_INTERNAL_ERROR", "an error of its own"),
    0x103: ("H3_STREAM_CREATION_ERROR", "the peer opened a stream that it must not"),
    0x104: ("H3_CLOSED_CRITICAL_STREAM", "a stream that has to stay open was closed"),
    0x105: ("H3_FRAME_UNEXPECTED", "a frame came where it must not"),
    0x106: ("H3_FRAME_ERROR", "a frame was badly formed"),
    0x107: ("H3_EXCESSIVE_LOAD", "the peer causes too much work"),
    0x108: ("H3_ID_ERROR", "an identifier was used wrongly"),
    0x109: ("H3_SETTINGS_ERROR", "the peer's SETTINGS were bad"),
    0x10A: ("H3_MISSING_SETTINGS", "the peer did not begin with SETTINGS"),
    0x10B: ("H3_REQUEST_REJECTED", "the server did not process the request"),
    0x10C: ("H3_REQUEST_CANCELLED", "the request or its response is no longer wanted"),
    0x10D: ("H3_REQUEST_INCOMPLETE", "the request was not whole"),
    0x10E: ("H3_MESSAGE_ERROR", "a message was malformed"),
    0x10F: ("H3_CONNECT_ERROR", "the connection behind a CONNECT was lost"),
    0x110: ("H3_VERSION_FALLBACK", "it has to be asked over HTTP/1.1"),
    0x200: ("QPACK_DECOMPRESSION_FAILED", "a field section could not be decompressed"),
    0x201: ("QPACK_ENCODER_STREAM_ERROR", "the instructions for the table of fields were bad"),
    0x202: ("QPACK_DECODER_STREAM_ERROR", "what was said of the table of fields was bad"),
}


def is_alert(code: int) -> bool:
    """It is an alert of TLS."""
    return CRYPTO_FIRST <= code <= CRYPTO_LAST


def transport_error(code: int) -> tuple[str, str]:
    """(name, what it means); the meaning is "" where it is not known."""
    if is_alert(code):
        return f"CRYPTO_ERROR 0x{code:x}", f"an alert of TLS: {alert_name(code - CRYPTO_FIRST)}"
    return TRANSPORT.get(code, (f"0x{code:x}", ""))


def application_error(code: int, alpn: str) -> tuple[str, str]:
    """The same of an application; its protocol gives codes their meaning. alpn: "" where it is not known."""
    if alpn == "h3" or alpn.startswith("h3-"):
        return HTTP3.get(code, (f"0x{code:x}", ""))
    return f"0x{code:x}", ""
