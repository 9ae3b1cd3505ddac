"""The protocol record of HTTP/3."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import ALPN, Context, Dissector, Protocol
from dissectors.protocols.http3.dissector import Http3Dissector
from dissectors.protocols.http3.events import H3Exchange, H3Frame, H3GoAway, H3Request, H3Response, H3Settings
from dissectors.protocols.http3.events_control import H3PriorityUpdate, H3PushCancelled, H3PushPromise
from dissectors.protocols.http3.terms import TERMS

DRAFTS: Final = tuple([(ALPN, f"h3-{draft}") for draft in range(27, 35)])


def _http3(context: Context) -> Dissector:
    return Http3Dissector(context)


HTTP3: Final = Protocol(
    name="http3",
    title="HTTP/3",
    summary="Requests and responses over the streams of QUIC, with compressed header fields.",
    specs=("RFC 9114", "RFC 9204", "RFC 9218", "RFC 9220"),
    create=_http3,
    carriers=("udp",),
    ports={},
    events=(H3Frame, H3Request, H3Response, H3Exchange, H3Settings, H3GoAway, H3PriorityUpdate, H3PushPromise,
            H3PushCancelled),
    terms=TERMS,
    reached_by=((ALPN, "h3"), *DRAFTS),
)
