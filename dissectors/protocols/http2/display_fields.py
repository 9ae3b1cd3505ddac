"""Fields of Wireshark's display filters that the frames and heads of HTTP/2 have."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import NUMBER, TEXT, DisplayField

REQUEST: Final = "http2.request"

FIELDS: Final = (
    DisplayField("http2.type", NUMBER, "type of a frame: 0 DATA, 1 HEADERS, 3 RST_STREAM, 7 GOAWAY", "type"),
    DisplayField("http2.streamid", NUMBER, "number of its stream", "stream"),
    DisplayField("http2.flags", NUMBER, "its flags together", "flags"),
    DisplayField("http2.length", NUMBER, "octets of its payload", "length"),
    DisplayField("http2.rst_stream.error", NUMBER, "why a stream is given up", event="http2.frame",
                 attribute="error"),
    DisplayField("http2.headers.method", TEXT, "method of a request", "method", REQUEST),
    DisplayField("http2.headers.path", TEXT, "target of a request", "target", REQUEST),
    DisplayField("http2.headers.authority", TEXT, "host of a request", "authority", REQUEST),
    DisplayField("http2.headers.status", NUMBER, "status of a response", "status", "http2.response"),
)
