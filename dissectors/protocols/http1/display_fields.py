"""Fields of Wireshark's display filters that the messages of HTTP/1 have."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import BOOLEAN, NUMBER, TEXT, DisplayField, field_line, there

REQUEST: Final = "http.request"
RESPONSE: Final = "http.response"

FIELDS: Final = (
    DisplayField("http.request", BOOLEAN, "it is a request", event=REQUEST, read=there),
    DisplayField("http.response", BOOLEAN, "it is a response", event=RESPONSE, read=there),
    DisplayField("http.request.method", TEXT, "method of a request", "method"),
    DisplayField("http.request.uri", TEXT, "target of a request", "uri"),
    DisplayField("http.host", TEXT, "Host field of a request", event=REQUEST, read=field_line("host")),
    DisplayField("http.user_agent", TEXT, "User-Agent field", event=REQUEST, read=field_line("user-agent")),
    DisplayField("http.referer", TEXT, "Referer field", event=REQUEST, read=field_line("referer")),
    DisplayField("http.cookie", TEXT, "Cookie field", event=REQUEST, read=field_line("cookie")),
    DisplayField("http.authorization", TEXT, "Authorization field", event=REQUEST, read=field_line("authorization")),
    DisplayField("http.response.code", NUMBER, "status of a response", "status"),
    DisplayField("http.response.phrase", TEXT, "what stands behind the status", "reason", RESPONSE),
    DisplayField("http.server", TEXT, "Server field", event=RESPONSE, read=field_line("server")),
    DisplayField("http.set_cookie", TEXT, "Set-Cookie field", event=RESPONSE, read=field_line("set-cookie")),
    DisplayField("http.sec_websocket_accept", TEXT, "Sec-WebSocket-Accept field", event=RESPONSE,
                 read=field_line("sec-websocket-accept")),
    DisplayField("http.location", TEXT, "Location field", event=RESPONSE, read=field_line("location")),
    DisplayField("http.content_type", TEXT, "Content-Type field of a response", event=RESPONSE,
                 read=field_line("content-type")),
    DisplayField("http.content_encoding", TEXT, "Content-Encoding field of a response", event=RESPONSE,
                 read=field_line("content-encoding")),
)
