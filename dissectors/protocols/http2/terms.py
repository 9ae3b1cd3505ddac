"""Words of HTTP/2 for the glossary: what `wiretale explain TERM` says."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

_FRAMES: Final[tuple[Term, ...]] = (
    Term(
        "HTTP/2 frame",
        "The unit in which HTTP/2 sends everything: nine octets with length, type, flags and stream, then the "
        "payload. Frames of different streams may follow one another in any order, which is how exchanges share a "
        "connection.",
        "RFC 9113 §4.1", ("HTTP/2 stream", "DATA frame", "HEADERS frame"),
    ),
    Term(
        "connection preface",
        "What each side sends first: the client a fixed text of 24 octets and SETTINGS, the server SETTINGS. A server "
        "that knows only HTTP/1 takes the text for a bad request and refuses it.",
        "RFC 9113 §3.4", ("prior knowledge", "h2c", "SETTINGS"),
    ),
    Term(
        "prior knowledge",
        "A client that knows that a server speaks HTTP/2 in clear begins with the preface at once, without asking.",
        "RFC 9113 §3.3", ("connection preface", "h2c"),
    ),
    Term(
        "h2c",
        "HTTP/2 without TLS. It begins by prior knowledge, or in older programs by an upgrade from HTTP/1.1: then the "
        "request that asked for the upgrade is stream 1. Browsers speak HTTP/2 over TLS only.",
        "RFC 9113 §3.1; RFC 7540 §3.2", ("prior knowledge", "connection preface"),
    ),
    Term(
        "DATA frame",
        "Carries the octets of a request or response body. It alone is subject to flow control, padding included.",
        "RFC 9113 §6.1", ("flow control (HTTP/2)", "frame padding"),
    ),
    Term(
        "HEADERS frame",
        "Opens a stream, or carries a response or trailers: a block of compressed header fields. A block that does "
        "not fit into one frame goes on in CONTINUATION frames, and nothing else may come between them.",
        "RFC 9113 §6.2", ("HPACK", "CONTINUATION", "pseudo-header field"),
    ),
    Term(
        "CONTINUATION",
        "The rest of a header block that did not fit into one frame. Blocks without an end are an attack: the "
        "receiver has to keep them and can answer nothing else in the meantime.",
        "RFC 9113 §6.10", ("HEADERS frame",),
    ),
    Term(
        "frame padding",
        "Octets without meaning behind the content of a frame. They hide how long it really is from whoever sees only "
        "the sizes of encrypted records.",
        "RFC 9113 §6.1", ("DATA frame",),
    ),
    Term(
        "SETTINGS",
        "What a side announces of itself: how many streams it takes at once, how large windows and frames may be, how "
        "much header compression may remember. The peer obeys and acknowledges; there is no negotiation.",
        "RFC 9113 §6.5", ("connection preface", "concurrent streams", "flow control (HTTP/2)"),
    ),
    Term(
        "PING frame",
        "Eight octets that the peer sends back at once. It measures the round trip between the programs, and shows "
        "that a silent connection still lives.",
        "RFC 9113 §6.7", ("HTTP/2 frame",),
    ),
)

_STREAMS: Final[tuple[Term, ...]] = (
    Term(
        "HTTP/2 stream",
        "One exchange within a connection, with a number: odd ones are opened by the client, even ones by a push of "
        "the server. It is idle, open, half-closed once one side is done, then closed. Numbers are never used again.",
        "RFC 9113 §5.1", ("multiplexing", "RST_STREAM", "concurrent streams"),
    ),
    Term(
        "multiplexing",
        "Many exchanges at once over one connection, their frames taking turns. A slow response holds up no other "
        "one, and there is one handshake and one congestion window for all of them.",
        "RFC 9113 §5", ("HTTP/2 stream", "stall behind a loss"),
    ),
    Term(
        "concurrent streams",
        "How many streams may be open at once. Each side sets the limit for the other in "
        "SETTINGS_MAX_CONCURRENT_STREAMS; servers often allow 100 or 128. Further requests wait in the client.",
        "RFC 9113 §5.1.2", ("SETTINGS", "REFUSED_STREAM"),
    ),
    Term(
        "stall behind a loss",
        "TCP hands on octets in order only. One lost segment therefore stops all streams whose octets come behind it, "
        "though they lost nothing themselves, until it has been sent again. HTTP/3 gives each stream an order of its "
        "own.",
        "RFC 9113 §1", ("multiplexing",),
    ),
    Term(
        "RST_STREAM",
        "Ends one stream at once and leaves the connection and all others as they are. Its code says why: CANCEL for "
        "what is no longer needed, REFUSED_STREAM for what was not begun.",
        "RFC 9113 §6.4", ("CANCEL", "REFUSED_STREAM", "rapid reset"),
    ),
    Term(
        "CANCEL",
        "The error code of a stream that nobody needs any more: the page was left, a timeout ran out, the server gave "
        "up.",
        "RFC 9113 §7", ("RST_STREAM",),
    ),
    Term(
        "REFUSED_STREAM",
        "The error code of a request that was not looked at. It is safe to send it again, whatever its method.",
        "RFC 9113 §8.7", ("RST_STREAM", "GOAWAY"),
    ),
    Term(
        "rapid reset",
        "An attack: requests that are reset as soon as they are sent. Each counts against no limit any more, but the "
        "server has already begun to work on it.",
        "RFC 9113 §5.1.2; RFC 9113 §10.5", ("RST_STREAM", "concurrent streams"),
    ),
    Term(
        "GOAWAY",
        "Announces the end of a connection and names the last stream that its sender has looked at. Later ones can be "
        "sent again elsewhere; earlier ones may still be answered.",
        "RFC 9113 §6.8", ("REFUSED_STREAM", "HTTP/2 stream"),
    ),
    Term(
        "server push",
        "A server sends a response that nobody asked for, because it knows what the client will ask for next. A "
        "PUSH_PROMISE announces it. Browsers have given it up.",
        "RFC 9113 §8.4", ("HTTP/2 stream",),
    ),
    Term(
        "stream priority",
        "What a client wants first. RFC 7540 had a tree of dependencies and weights, which is obsolete. RFC 9218 has "
        "an urgency from 0 to 7 and a mark for what is of use in parts, in the field Priority or a PRIORITY_UPDATE "
        "frame.",
        "RFC 9218 §4; RFC 9113 §5.3", ("HTTP/2 stream",),
    ),
    Term(
        "extended CONNECT",
        "A CONNECT with the pseudo-header field :protocol turns one stream into a tunnel for another protocol, such "
        "as WebSocket, while the others go on. The server has to allow it in its SETTINGS.",
        "RFC 8441 §4", ("HTTP/2 stream", "pseudo-header field", "SETTINGS"),
    ),
)

_FIELDS: Final[tuple[Term, ...]] = (
    Term(
        "HPACK",
        "The header compression of HTTP/2. Common fields are numbers in a table that both sides know, and fields that "
        "were sent once are numbers in a table that fills as the connection goes. Strings can be Huffman-coded.",
        "RFC 7541 §1.1", ("dynamic table", "static table", "never-indexed field"),
    ),
    Term(
        "static table",
        "61 header fields that HPACK knows from the start, such as :method GET or :status 200. Each takes one octet.",
        "RFC 7541 §2.3.1", ("HPACK", "dynamic table"),
    ),
    Term(
        "dynamic table",
        "Header fields that were sent on this connection and can be referred to by number. It has a size in octets; "
        "the oldest entries go first. A capture that starts late has not seen its entries and cannot tell what they "
        "are.",
        "RFC 7541 §2.3.2", ("HPACK", "static table"),
    ),
    Term(
        "never-indexed field",
        "A header field that its sender marks as sensitive: no one on the way may put it into a compression table. So "
        "its value cannot be guessed from how well it compresses.",
        "RFC 7541 §7.1.3", ("HPACK",),
    ),
    Term(
        "pseudo-header field",
        "What HTTP/1 has in its first line is a field with a colon in HTTP/2: :method, :scheme, :authority and :path "
        "in a request, :status in a response.",
        "RFC 9113 §8.3", ("HEADERS frame",),
    ),
)

_FLOW: Final[tuple[Term, ...]] = (
    Term(
        "flow control (HTTP/2)",
        "How much DATA a receiver is ready to take, on each stream and on the connection as a whole. It begins with "
        "65 535 octets, which is too little for a fast path with a long round trip.",
        "RFC 9113 §5.2", ("WINDOW_UPDATE", "DATA frame"),
    ),
    Term(
        "WINDOW_UPDATE",
        "Allows so many octets of DATA more, on one stream or on the connection. A sender whose window is used up "
        "waits for it, however fast the path is.",
        "RFC 9113 §6.9", ("flow control (HTTP/2)",),
    ),
)

TERMS: Final = (*_FRAMES, *_STREAMS, *_FIELDS, *_FLOW)
