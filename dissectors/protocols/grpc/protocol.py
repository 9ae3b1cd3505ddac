"""gRPC as the registry knows it."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import MEDIA, Context, Dissector, Protocol, Term
from dissectors.protocols.grpc.dissector import GrpcDissector
from dissectors.protocols.grpc.ended import GrpcEnded
from dissectors.protocols.grpc.events import Began, GrpcIncomplete, GrpcMessage, GrpcMessageRun

TERMS: Final = (
    Term(
        "gRPC",
        "Calls of methods on another machine. Each call is one stream of HTTP/2: the path names the method, messages "
        "travel in DATA, and the trailers hold the status.",
        "gRPC over HTTP2", ("deadline", "trailers-only", "unary"),
    ),
    Term(
        "gRPC-Web",
        "gRPC for browsers, which cannot read trailers: the status comes as the last part of the body instead. A "
        "form in base64 serves where only text gets through.",
        "gRPC-Web", ("gRPC",),
    ),
    Term(
        "unary",
        "A call with one message there and one back, as a function. The other patterns are server streaming, client "
        "streaming and bidirectional streaming.",
        "gRPC over HTTP2", ("gRPC",),
    ),
    Term(
        "deadline",
        "The time that a client allows for a call, sent as grpc-timeout. When it is over the client gives up, and the "
        "server may stop as well. It is handed on to the calls that a call causes.",
        "gRPC over HTTP2", ("gRPC",),
    ),
    Term(
        "trailers-only",
        "A response of gRPC without any message: the fields of the response hold the status at once. Servers use it "
        "for calls that fail before anything was sent.",
        "gRPC over HTTP2", ("gRPC",),
    ),
    Term(
        "Protocol Buffers",
        "The usual form of gRPC messages: each field as its number, a wire type and the value. Names and exact types "
        "stand only in the schema; without it several readings of a value are possible.",
        "Protocol Buffers Encoding", ("varint", "gRPC"),
    ),
    Term(
        "varint",
        "A number in as few octets as it needs, seven bits in each, the lowest first. The topmost bit says that "
        "another octet follows.",
        "Protocol Buffers Encoding", ("Protocol Buffers",),
    ),
)


def _create(context: Context) -> Dissector:
    return GrpcDissector(context)


GRPC: Final = Protocol(
    "grpc", "gRPC", "Calls of methods over HTTP, with deadlines, streams of messages and a status at the end.",
    ("gRPC over HTTP2", "gRPC-Web"), _create, ("tcp",), {},
    (Began, GrpcMessage, GrpcMessageRun, GrpcIncomplete, GrpcEnded), TERMS,
    reached_by=(
        (MEDIA, "application/grpc"), (MEDIA, "application/grpc-web"), (MEDIA, "application/grpc-web-text"),
    ),
)
