"""Status codes: their names and what they say (RFC 9110 §15, and the IANA registry for those defined elsewhere)."""
from __future__ import annotations

from typing import Final


class Status:
    """says: one sentence.   spec: where it is defined."""

    def __init__(self, code: int, name: str, says: str, spec: str) -> None:
        self.code = code
        self.name = name
        self.says = says
        self.spec = spec


_LIST: Final = (
    Status(100, "Continue", "The server has read the head and wants the body.", "RFC 9110 §15.2.1"),
    Status(101, "Switching Protocols", "From here on the connection speaks another protocol.", "RFC 9110 §15.2.2"),
    Status(102, "Processing", "The server is still at work.", "RFC 2518 §10.1"),
    Status(103, "Early Hints", "The server names what the page will need, before it is ready.", "RFC 8297 §2"),
    Status(200, "OK", "The request succeeded.", "RFC 9110 §15.3.1"),
    Status(201, "Created", "Something new was made.", "RFC 9110 §15.3.2"),
    Status(202, "Accepted", "The request was taken and is not done yet.", "RFC 9110 §15.3.3"),
    Status(203, "Non-Authoritative Information", "A proxy changed what the server sent.", "RFC 9110 §15.3.4"),
    Status(204, "No Content", "The request succeeded and there is nothing to send.", "RFC 9110 §15.3.5"),
    Status(205, "Reset Content", "The request succeeded; the client should reset its form.", "RFC 9110 §15.3.6"),
    Status(206, "Partial Content", "A part of it, as it was asked for.", "RFC 9110 §15.3.7"),
    Status(207, "Multi-Status", "Several results, one for each part of the request.", "RFC 4918 §11.1"),
    Status(208, "Already Reported", "These members were listed before in this answer.", "RFC 5842 §7.1"),
    Status(226, "IM Used", "The difference to what the client has.", "RFC 3229 §10.4.1"),
    Status(300, "Multiple Choices", "There are several forms of it to choose from.", "RFC 9110 §15.4.1"),
    Status(301, "Moved Permanently", "It has moved for good; the method of a POST may become GET.", "RFC 9110 §15.4.2"),
    Status(302, "Found", "It is elsewhere for now; the method of a POST may become GET.", "RFC 9110 §15.4.3"),
    Status(303, "See Other", "The answer is at another address, to be fetched with GET.", "RFC 9110 §15.4.4"),
    Status(304, "Not Modified", "The copy that the client holds is still good.", "RFC 9110 §15.4.5"),
    Status(305, "Use Proxy", "It is to be fetched through a proxy; a code no longer in use.", "RFC 9110 §15.4.6"),
    Status(307, "Temporary Redirect", "It is elsewhere for now; the method must stay.", "RFC 9110 §15.4.8"),
    Status(308, "Permanent Redirect", "It has moved for good; the method must stay.", "RFC 9110 §15.4.9"),
    Status(400, "Bad Request", "The server does not understand the request.", "RFC 9110 §15.5.1"),
    Status(401, "Unauthorized", "The client has to say who it is first.", "RFC 9110 §15.5.2"),
    Status(402, "Payment Required", "Reserved for payments.", "RFC 9110 §15.5.3"),
    Status(403, "Forbidden", "The server understood and refuses.", "RFC 9110 §15.5.4"),
    Status(404, "Not Found", "There is nothing at this address, or the server will not say.", "RFC 9110 §15.5.5"),
    Status(405, "Method Not Allowed", "What is there does not know this method.", "RFC 9110 §15.5.6"),
    Status(406, "Not Acceptable", "There is no form of it that the client accepts.", "RFC 9110 §15.5.7"),
    Status(407, "Proxy Authentication Required", "The proxy wants to know who asks.", "RFC 9110 §15.5.8"),
    Status(408, "Request Timeout", "The server did not get a whole request in the time it waits.", "RFC 9110 §15.5.9"),
    Status(409, "Conflict", "The request does not fit the state of what it is about.", "RFC 9110 §15.5.10"),
    Status(410, "Gone", "It was there and is gone for good.", "RFC 9110 §15.5.11"),
    Status(411, "Length Required", "The server wants a Content-Length.", "RFC 9110 §15.5.12"),
    Status(412, "Precondition Failed", "A condition that the client named does not hold.", "RFC 9110 §15.5.13"),
    Status(413, "Content Too Large", "The body is larger than the server takes.", "RFC 9110 §15.5.14"),
    Status(414, "URI Too Long", "The target is longer than the server reads.", "RFC 9110 §15.5.15"),
    Status(415, "Unsupported Media Type", "The server does not take bodies of this type.", "RFC 9110 §15.5.16"),
    Status(416, "Range Not Satisfiable", "None of the ranges lies within it.", "RFC 9110 §15.5.17"),
    Status(417, "Expectation Failed", "The server cannot do what Expect names.", "RFC 9110 §15.5.18"),
    Status(418, "I'm a teapot", "A joke, kept out of use.", "RFC 9110 §15.5.19"),
    Status(421, "Misdirected Request", "This server does not answer for that name.", "RFC 9110 §15.5.20"),
    Status(422, "Unprocessable Content", "The body is well formed and makes no sense here.", "RFC 9110 §15.5.21"),
    Status(423, "Locked", "It is locked.", "RFC 4918 §11.3"),
    Status(424, "Failed Dependency", "Another action, on which this one rests, failed.", "RFC 4918 §11.4"),
    Status(425, "Too Early", "The server will not act on data that may be replayed.", "RFC 8470 §5.2"),
    Status(426, "Upgrade Required", "The server wants another protocol.", "RFC 9110 §15.5.22"),
    Status(428, "Precondition Required", "The server wants the request to be conditional.", "RFC 6585 §3"),
    Status(429, "Too Many Requests", "The client asks too often.", "RFC 6585 §4"),
    Status(431, "Request Header Fields Too Large", "The head is larger than the server reads.", "RFC 6585 §5"),
    Status(451, "Unavailable For Legal Reasons", "It may not be shown, by law.", "RFC 7725 §3"),
    Status(500, "Internal Server Error", "Something unexpected went wrong in the server.", "RFC 9110 §15.6.1"),
    Status(501, "Not Implemented", "The server does not know this method at all.", "RFC 9110 §15.6.2"),
    Status(502, "Bad Gateway", "The server behind the gateway answered badly.", "RFC 9110 §15.6.3"),
    Status(503, "Service Unavailable", "The server cannot do it for now.", "RFC 9110 §15.6.4"),
    Status(504, "Gateway Timeout", "The server behind the gateway did not answer in time.", "RFC 9110 §15.6.5"),
    Status(505, "HTTP Version Not Supported", "The server does not speak this version.", "RFC 9110 §15.6.6"),
    Status(507, "Insufficient Storage", "The server has no room for it.", "RFC 4918 §11.5"),
    Status(508, "Loop Detected", "The server went in a circle.", "RFC 5842 §7.2"),
    Status(511, "Network Authentication Required", "The network wants a sign-in: a captive portal.", "RFC 6585 §6"),
)
_STATUS: Final = {status.code: status for status in _LIST}
_CLASSES: Final = ("", "informational", "success", "redirection", "client error", "server error")


def status_of(code: int) -> Status | None:
    return _STATUS.get(code)


def status_name(code: int, reason: str = "") -> str:
    """`404 Not Found`; the sender's own words where the code has no registered name."""
    known = _STATUS.get(code)
    name = known.name if known is not None else reason
    return f"{code} {name}" if name else str(code)


def class_of(code: int) -> str:
    """A client that does not know a code takes it for x00 of its class (RFC 9110 §15)."""
    return _CLASSES[code // 100] if 100 <= code < 600 else "unknown"
