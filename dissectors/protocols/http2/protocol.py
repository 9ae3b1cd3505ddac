"""The protocol record of HTTP/2."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import ALPN, UPGRADE, Context, Dissector, Protocol
from dissectors.protocols.http2.codes import PORTS
from dissectors.protocols.http2.display_fields import FIELDS
from dissectors.protocols.http2.dissector import Http2Dissector
from dissectors.protocols.http2.events import Frame, H2Exchange, H2Response, Preface, PushPromise, Request, Trailers
from dissectors.protocols.http2.events_control import (
    AltSvc,
    GoAway,
    H2Ping,
    H2Reset,
    Origin,
    PingAck,
    Priority,
    PriorityUpdate,
    Settings,
    SettingsAck,
    UnknownFrame,
    WindowUpdate,
)
from dissectors.protocols.http2.events_state import Blocked, H2Violation, HeadOfLine, OutOfStep
from dissectors.protocols.http2.events_summary import H2ConnectionSummary
from dissectors.protocols.http2.header import probe
from dissectors.protocols.http2.terms import TERMS


def _http2(context: Context) -> Dissector:
    return Http2Dissector(context)


HTTP2: Final = Protocol(
    name="http2",
    title="HTTP/2",
    summary="Many requests and responses at once over one connection, in frames with compressed header fields.",
    specs=("RFC 9113", "RFC 7541", "RFC 7838", "RFC 8336", "RFC 8441", "RFC 8484", "RFC 9218"),
    create=_http2,
    carriers=("tcp",),
    reached_by=((ALPN, "h2"), (UPGRADE, "h2c")),
    ports={"tcp": PORTS},
    events=(
        Frame, Preface, Request, H2Response, Trailers, PushPromise, H2Exchange, Settings, SettingsAck, H2Reset, GoAway,
        H2Ping, PingAck, WindowUpdate, Priority, PriorityUpdate, AltSvc, Origin, UnknownFrame, Blocked, HeadOfLine,
        H2Violation, OutOfStep, H2ConnectionSummary,
    ),
    terms=TERMS,
    fields=FIELDS,
    probe=probe,
)
