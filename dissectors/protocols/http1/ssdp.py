"""HTTP over UDP, as SSDP has it: a head in a datagram, to everyone on the link (UPnP Device Architecture §1)."""
from __future__ import annotations

from mypy_extensions import i64

from dissectors.kit.event import evidence_of
from dissectors.kit.inputs import Datagram
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.http1.events import HttpRequest, HttpResponse
from dissectors.protocols.http1.grammar import NO_KIND, RESPONSE, authority_of, parse_section, parse_start
from dissectors.protocols.http1.lines import blank_line
from dissectors.wire.http.events import HttpSeen
from dissectors.wire.http.message import Head, shown_head


class SsdpDissector(Dissector):
    """Requests and responses are not matched: a question to everyone is answered by many, each to the asker alone."""

    def __init__(self, context: Context) -> None:
        self.show_secrets: bool = context.provided.show_secrets

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        data = datagram.data
        line_end: i64 = data.find(b"\n")
        if line_end < 0:
            return []
        start = parse_start(data[:line_end].rstrip(b"\r"))
        if start.kind == NO_KIND:
            return []
        end = max(blank_line(data, line_end, len(data)), line_end + 1)
        section = parse_section(data[line_end + 1:end].rstrip(b"\r\n"))
        evidence = evidence_of(datagram)
        notes = tuple(start.notes + section.notes)
        head = Head(start.version, start.method, "", "", start.target, start.status, start.reason, section.pairs)
        head.authority = authority_of(head) if start.kind != RESPONSE else ""
        shown = shown_head(head, self.show_secrets)
        seen = HttpSeen(datagram.time, datagram.direction, evidence)
        if start.kind == RESPONSE:
            return [HttpResponse(seen, shown, 0, None, notes)]
        return [HttpRequest(seen, shown, 0, notes)]
