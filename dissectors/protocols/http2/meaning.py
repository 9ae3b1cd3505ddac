"""What settings, error codes and priorities mean."""
from __future__ import annotations

from dissectors.kit.units import grouped, size
from dissectors.protocols.http2.codes import (
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    DEFAULT_WINDOW,
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    HEADER_TABLE_SIZE,
    HTTP_1_1_REQUIRED,
    INADEQUATE_SECURITY,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    NO_RFC7540_PRIORITIES,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    setting_name,
)


def setting_text(identifier: int, value: int) -> str:
    """`INITIAL_WINDOW_SIZE 65535`."""
    return f"{setting_name(identifier)} {grouped(value)}"


def effect(identifier: int, value: int, by_client: bool) -> str:
    """What a setting means for the peer of the side that sends it (RFC 9113 §6.5.2 and the extensions)."""
    if identifier == HEADER_TABLE_SIZE:
        return f"The peer's header compression may remember up to {size(value)}."
    if identifier == ENABLE_PUSH:
        if not by_client:
            if value:
                return "A server must not send this setting with a value other than 0."
            return "As it has to be for a server."
        return "The server may push." if value else "The server must not push."
    if identifier == MAX_CONCURRENT_STREAMS:
        return f"The peer may have {grouped(value)} streams open at once."
    if identifier == INITIAL_WINDOW_SIZE:
        beside = ", the default" if value == DEFAULT_WINDOW else ""
        return f"Each stream may bring {size(value)} before it needs a WINDOW_UPDATE{beside}."
    if identifier == MAX_FRAME_SIZE:
        return f"Frames of up to {size(value)} are taken."
    if identifier == MAX_HEADER_LIST_SIZE:
        return f"Header sections of more than {size(value)}, uncompressed, will be refused."
    if identifier == ENABLE_CONNECT_PROTOCOL:
        return "Extended CONNECT is understood, so WebSocket can run on a stream (RFC 8441)." if value \
            else "Extended CONNECT is not understood (RFC 8441)."
    if identifier == NO_RFC7540_PRIORITIES:
        return f"The priority signals of RFC 7540 {'will be ignored' if value else 'may be used'} (RFC 9218)."
    return "A setting that is not known is ignored."


def setting_error(identifier: int, value: int, by_client: bool) -> str:
    """Why the value may not be, "" where it may (RFC 9113 §6.5.2)."""
    if identifier in (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES) and value > 1:
        return f"{setting_text(identifier, value)}, which can only be 0 or 1"
    if identifier == ENABLE_PUSH and value == 1 and not by_client:
        return "ENABLE_PUSH 1 from a server"
    if identifier == INITIAL_WINDOW_SIZE and value > 0x7FFF_FFFF:
        return f"{setting_text(identifier, value)}, beyond 2^31-1"
    if identifier == MAX_FRAME_SIZE and not 16_384 <= value <= 16_777_215:
        return f"{setting_text(identifier, value)}, not within 2^14 and 2^24-1"
    return ""


_ERRORS = {
    NO_ERROR: "nothing went wrong",
    PROTOCOL_ERROR: "the peer broke a rule for which there is no other code",
    INTERNAL_ERROR: "an error inside the sender",
    FLOW_CONTROL_ERROR: "the peer sent more than the window allowed",
    SETTINGS_TIMEOUT: "the peer did not acknowledge SETTINGS in time",
    STREAM_CLOSED: "the sender takes the stream for closed already",
    FRAME_SIZE_ERROR: "a frame had a length that its type does not allow",
    REFUSED_STREAM: "the request was not processed at all, so it is safe to send it again",
    CANCEL: "the stream is no longer needed",
    COMPRESSION_ERROR: "the compressed header fields could not be read, so nothing after them can",
    CONNECT_ERROR: "the connection behind a CONNECT was reset or closed",
    ENHANCE_YOUR_CALM: "the peer causes too much load",
    INADEQUATE_SECURITY: "the transport is not secure enough",
    HTTP_1_1_REQUIRED: "the request has to be made over HTTP/1.1",
}


def error_text(code: int, by_client: bool = False) -> str:
    """What the sender of that code says (RFC 9113 §7), "" for a code that is not known.

    A client that refuses a stream refuses what the server wants to push (RFC 9113 §8.4.2).
    """
    if code == REFUSED_STREAM and by_client:
        return "what the server wants to push is not wanted"
    return _ERRORS.get(code, "")


def reset_reason(code: int, by_client: bool, request_whole: bool, response_begun: bool, response_whole: bool) -> str:
    """What most likely led to a reset in that state of the exchange; "" where its code says all."""
    if code == CANCEL and by_client:
        return "The client gave up while it received." if response_begun else "The client gave up waiting."
    if code == CANCEL:
        return "The server gave up what it was sending." if response_begun else ""
    if code == NO_ERROR and not by_client and response_whole and not request_whole:
        return "The response was whole, and the server did not need the rest of the request (RFC 9113 §8.1)."
    if code == REFUSED_STREAM and not by_client:
        return "Most likely too many streams were open, or the server was about to close the connection."
    if code == INTERNAL_ERROR and not by_client:
        return "A gateway says this when the server behind it failed in the middle of a response."
    if code == PROTOCOL_ERROR:
        return "Malformed header fields, or a body that does not match its content-length, are the usual reasons."
    return ""
