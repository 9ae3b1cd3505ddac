"""The glossary of WebSocket, for `explain`. One fact a sentence."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term(
        "WebSocket",
        "A connection over which both sides send messages whenever they like. It begins as an HTTP request, so it "
        "passes wherever the web does.",
        "RFC 6455 §1.2", ("WebSocket upgrade", "WebSocket frame", "masking"),
    ),
    Term(
        "WebSocket upgrade",
        "A request to speak another protocol on the same connection. The server agrees with 101 Switching Protocols, "
        "and from the next byte on the other protocol is spoken.",
        "RFC 9110 §7.8", ("Sec-WebSocket-Accept",),
    ),
    Term(
        "Sec-WebSocket-Accept",
        "The server's proof that it read the request for a WebSocket: SHA-1 of the client's key and a fixed text, in "
        "base64. A cache or a server that does not know WebSocket cannot produce it.",
        "RFC 6455 §4.2.2", ("WebSocket upgrade",),
    ),
    Term(
        "WebSocket frame",
        "The smallest unit that is sent over a WebSocket: a header of 2 to 14 bytes with kind and length, then the "
        "payload.",
        "RFC 6455 §5.2", ("opcode", "FIN bit"),
    ),
    Term(
        "opcode",
        "The number in a WebSocket frame that says what it is: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, "
        "10 pong. The others are reserved.",
        "RFC 6455 §5.2", ("WebSocket frame",),
    ),
    Term(
        "FIN bit",
        "The bit of a WebSocket frame that marks the last one of a message. A message in one frame has it set; it "
        "has nothing to do with the FIN of TCP.",
        "RFC 6455 §5.2", ("fragmented message",),
    ),
    Term(
        "fragmented message",
        "A WebSocket message in several frames: the first says what it is, the others are continuations. Control "
        "frames may come in between.",
        "RFC 6455 §5.4", ("FIN bit",),
    ),
    Term(
        "masking",
        "The client of a WebSocket combines every payload with a random key of four bytes. It hides nothing, for "
        "the key stands beside it; it keeps scripts from choosing the bytes on the wire and so fooling proxies.",
        "RFC 6455 §10.3",
    ),
    Term(
        "ping and pong",
        "A question whether the other side is still there, and its answer with the same data. They keep idle "
        "connections alive and measure the round trip between the programs.",
        "RFC 6455 §5.5.2",
    ),
    Term(
        "close code",
        "The number that a WebSocket side gives as its reason to end. 1000 is normal, 1001 going away, 1006 is what "
        "programs are told when the connection ended without a Close frame.",
        "RFC 6455 §7.4", ("1005", "1006"),
    ),
    Term(
        "1005",
        "The close code that programs are told when a Close frame came without a code. It is never sent itself.",
        "RFC 6455 §7.4.1", ("close code",),
    ),
    Term(
        "1006",
        "The close code that programs are told when the connection ended without any Close frame: a crash, a reset, "
        "a proxy that gave up. It is never sent itself.",
        "RFC 6455 §7.4.1", ("close code",),
    ),
    Term(
        "permessage-deflate",
        "The WebSocket extension that compresses messages. The bit RSV1 of the first frame marks a compressed one.",
        "RFC 7692", ("context takeover",),
    ),
    Term(
        "context takeover",
        "In permessage-deflate, compressing a message with what earlier messages held. It makes messages smaller and "
        "costs memory for each connection; either side may ask to do without.",
        "RFC 7692 §7.1.1", ("permessage-deflate",),
    ),
    Term(
        "subprotocol",
        "The language of the messages inside a WebSocket, such as graphql-transport-ws or mqtt. The client offers "
        "several, the server picks one.",
        "RFC 6455 §1.9", ("WebSocket",),
    ),
)
