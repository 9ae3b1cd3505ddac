"""The protocol records of HTTP/1 and of its use over UDP."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import ALPN, MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.http1.disguise import disguise
from dissectors.protocols.http1.display_fields import FIELDS
from dissectors.protocols.http1.dissector import HttpDissector
from dissectors.protocols.http1.events import HttpAmbiguous, HttpExchange, HttpRequest, HttpResponse, HttpSkipped
from dissectors.protocols.http1.lines import NO_START, NORMAL, SIMPLE, line_kind, resembles
from dissectors.protocols.http1.ssdp import SsdpDissector
from dissectors.protocols.http1.terms import TERMS

MAX_LINE: Final = 4_000     # octets of a first line that is waited for


def _http(context: Context) -> Dissector:
    return HttpDissector(context)


def _ssdp(context: Context) -> Dissector:
    return SsdpDissector(context)


def probe(data: bytes, direction: int) -> int:
    """A request line with its version, or a status line. A preface of HTTP/2 looks like one and is none."""
    start = data.lstrip(b"\r\n")
    if not start:
        return MORE if len(data) < 8 else NO
    if resembles(start[:32]) == NO_START:
        return NO
    line_end = start.find(b"\n")
    if line_end < 0:
        return MORE if len(start) < MAX_LINE else NO
    kind = line_kind(start, 0, line_end)
    if kind == SIMPLE:
        return YES if start.startswith(b"GET /") else NO
    if kind != NORMAL or start.startswith(b"PRI * HTTP/2"):
        return NO
    return YES


def probe_ssdp(data: bytes, direction: int) -> int:
    """A head in a datagram."""
    line_end = data.find(b"\n")
    return YES if line_end > 0 and line_kind(data, 0, line_end) == NORMAL else NO


HTTP: Final = Protocol(
    name="http",
    title="HTTP/1",
    summary="Requests and responses in text, one after another over one connection.",
    specs=("RFC 9110", "RFC 9111", "RFC 9112", "RFC 6265", "RFC 6797", "RFC 1945"),
    create=_http,
    carriers=("tcp",),
    reached_by=((ALPN, "http/1.1"), (ALPN, "http/1.0")),
    ports={"tcp": (80, 3128, 8000, 8080, 8088, 8888)},
    events=(HttpRequest, HttpResponse, HttpExchange, HttpAmbiguous, HttpSkipped),
    terms=TERMS,
    fields=FIELDS,
    disguise=disguise,
    probe=probe,
)

# On its own port only: elsewhere a datagram that begins like a request means nothing.
SSDP: Final = Protocol(
    name="ssdp",
    title="SSDP",
    summary="Devices on the local link announce themselves and look for one another, with heads of HTTP over UDP.",
    specs=("RFC 9110",),
    create=_ssdp,
    carriers=("udp",),
    ports={"udp": (1900,)},
    events=(HttpRequest, HttpResponse),
    fields=FIELDS,
    probe=probe_ssdp,
    probe_anywhere=False,
)
