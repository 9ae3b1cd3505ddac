"""The glossary of HTTP, for `explain`. One fact a sentence."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term(
        "request method",
        "The word at the beginning of a request that says what should be done: GET asks for something, POST sends "
        "data to be processed, PUT stores, DELETE removes.",
        "RFC 9110 §9", ("safe method", "idempotent"),
    ),
    Term(
        "safe method",
        "A method that asks for information and is not meant to change anything: GET, HEAD, OPTIONS, TRACE. "
        "Programs may send such requests by themselves, for instance to fetch pages ahead.",
        "RFC 9110 §9.2.1", ("request method", "idempotent"),
    ),
    Term(
        "idempotent",
        "Said of a method that has the same effect however often it is sent: the safe ones, PUT and DELETE. "
        "When a connection breaks before the answer, a client may send such a request again by itself.",
        "RFC 9110 §9.2.2", ("safe method",),
    ),
    Term(
        "status code",
        "The three digits with which a response says how the request came out. "
        "The first tells the class: 1 goes on, 2 succeeded, 3 look elsewhere, 4 the client's fault, 5 the server's.",
        "RFC 9110 §15",
    ),
    Term(
        "keep-alive",
        "Using one connection for many requests, one after another. "
        "It saves a handshake for each of them. HTTP/1.1 does so unless one side says Connection: close.",
        "RFC 9112 §9.3", ("pipelining",),
    ),
    Term(
        "pipelining",
        "Sending the next request before the answer to the last one is there. "
        "The answers come in the order of the requests, so a slow one delays all behind it. Browsers gave it up.",
        "RFC 9112 §9.3.2", ("head-of-line blocking", "keep-alive"),
    ),
    Term(
        "head-of-line blocking",
        "Waiting for something that is not wanted itself, because it stands in front in the same queue. "
        "In HTTP/1 a response that is ready waits until the one before it is out. "
        "In HTTP/2 the streams of a connection wait together where a segment of TCP is missing, also those that have "
        "nothing in it; a stream of HTTP/3 waits for its own losses only.",
        "RFC 9112 §9.3.2; RFC 9000 §2", ("pipelining", "SACK"),
    ),
    Term(
        "chunked",
        "A way to send a body whose length is not known when it begins: in chunks, each with its size before it, "
        "and a chunk of size 0 as the end.",
        "RFC 9112 §7.1", ("trailer", "request smuggling"),
    ),
    Term(
        "trailer",
        "Fields after the body instead of before it, for what is only known at the end, such as a checksum.",
        "RFC 9110 §6.5", ("chunked",),
    ),
    Term(
        "content coding",
        "How a body is packed to be smaller: gzip, deflate, br, zstd. "
        "The client says in Accept-Encoding which ones it takes, the server says in Content-Encoding which it used.",
        "RFC 9110 §8.4",
    ),
    Term(
        "conditional request",
        "A request to be carried out only if something holds: that a copy is out of date, or that nobody else changed "
        "the thing. A server that finds the copy still good answers 304 without a body.",
        "RFC 9110 §13", ("ETag",),
    ),
    Term(
        "ETag",
        "A mark of one version of what is at an address. "
        "A client sends it back in If-None-Match to ask whether its copy is still that version.",
        "RFC 9110 §8.8.3", ("conditional request", "freshness"),
    ),
    Term(
        "freshness",
        "How long a kept response may be used without asking the server. "
        "Cache-Control: max-age gives it in seconds; after that the response is stale and has to be checked.",
        "RFC 9111 §4.2", ("ETag", "Vary"),
    ),
    Term(
        "Vary",
        "A field of a response that names fields of the request on which it depends. "
        "A cache may use the response only for requests that are alike in them.",
        "RFC 9110 §12.5.5", ("freshness",),
    ),
    Term(
        "redirect",
        "A response that sends the client to another address, in Location. "
        "Each one costs a round trip, and a connection too where it leads to another host.",
        "RFC 9110 §15.4", ("status code",),
    ),
    Term(
        "cookie",
        "A name and a value that a server sets and the browser sends back with every later request to it. "
        "HttpOnly hides it from scripts, Secure keeps it off plain connections. SameSite, which browsers added later, "
        "limits who may cause it to be sent.",
        "RFC 6265 §4.1",
    ),
    Term(
        "CORS",
        "Cross-origin resource sharing: by fields of a response a server says which other sites may read it from a "
        "script in a browser. Without them the browser keeps it to itself.",
        "", ("CORS preflight",),
    ),
    Term(
        "CORS preflight",
        "A request of the method OPTIONS by which a browser asks whether another site may send a certain request, "
        "before it sends it. It costs a round trip, unless Access-Control-Max-Age lets the answer be kept.",
        "", ("CORS",),
    ),
    Term(
        "HSTS",
        "HTTP Strict Transport Security: a server tells browsers to use nothing but HTTPS for its name, for a time. "
        "It only counts where it is said over HTTPS.",
        "RFC 6797 §6.1",
    ),
    Term(
        "range request",
        "A request for a part of something, by byte positions. "
        "Players skip forward with it, and downloads that broke off go on where they ended.",
        "RFC 9110 §14",
    ),
    Term(
        "request smuggling",
        "Hiding a request inside the body of another, by a head from which two recipients read different lengths. "
        "What the first takes for a body reaches the second as a request that nobody checked.",
        "RFC 9112 §11.2", ("chunked",),
    ),
    Term(
        "upgrade",
        "Going on with another protocol over the same connection: the client offers it in Upgrade, the server agrees "
        "with 101. So WebSocket connections begin.",
        "RFC 9110 §7.8",
    ),
    Term(
        "CONNECT",
        "The method that asks a proxy to open a tunnel to a host. "
        "After a 2xx answer the proxy passes all bytes on without looking at them; they are mostly TLS.",
        "RFC 9110 §9.3.6",
    ),
    Term(
        "polling",
        "Asking again and again whether there is something new. "
        "Most of the answers say no, and what is new waits for the next question.",
        "RFC 6202 §1", ("long polling",),
    ),
    Term(
        "long polling",
        "Polling where the server holds its answer back until there is something to say. "
        "It tells news at once, and costs a request with all its fields for each.",
        "RFC 6202 §2", ("polling",),
    ),
    Term(
        "HLS",
        "HTTP Live Streaming: a film as a playlist of short files, in several bit rates. "
        "The player asks for one file after another, and chooses the rate by how fast they come.",
        "RFC 8216 §2", ("DASH",),
    ),
    Term(
        "DASH",
        "Dynamic Adaptive Streaming over HTTP: like HLS, with a manifest in XML that lists the segments and their bit "
        "rates.",
        "", ("HLS",),
    ),
    Term(
        "GraphQL",
        "A language for requests in which the client names the fields that it wants. "
        "All requests go to one address, so the method and the path say little; the operation in the body says what "
        "is asked.",
    ),
    Term(
        "SSDP",
        "Simple Service Discovery Protocol: heads of HTTP in UDP datagrams to everyone on the link, with which devices "
        "announce themselves and look for one another.",
    ),
)
