"""Server-sent events as the registry knows them."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import MEDIA, Context, Dissector, Protocol, Term
from dissectors.protocols.sse.dissector import SseDissector
from dissectors.protocols.sse.events import Comment, EventRun, SseEnded, SseIncomplete, SseOpened, SseRetry, StreamEvent

TERMS: Final = (
    Term(
        "server-sent events",
        "A response of HTTP that does not end, in which the server writes an event whenever it has one. It goes one "
        "way only, over plain HTTP, and browsers reconnect by themselves.",
        "WHATWG HTML §9.2", ("Last-Event-ID", "long polling"),
    ),
    Term(
        "Last-Event-ID",
        "The field with which a client that lost its event stream says which event it saw last. A server that knows "
        "it can send what was missed in between.",
        "WHATWG HTML §9.2.4", ("server-sent events",),
    ),
)


def _create(context: Context) -> Dissector:
    return SseDissector(context)


SSE: Final = Protocol(
    "sse", "Server-sent events", "A response that goes on: one event after another, whenever the server has one.",
    ("WHATWG HTML §9.2",), _create, ("tcp",), {},
    (SseOpened, StreamEvent, EventRun, SseRetry, Comment, SseIncomplete, SseEnded), TERMS,
    reached_by=((MEDIA, "text/event-stream"),),
)
