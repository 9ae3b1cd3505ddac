"""Which streams are read by a protocol of their own, and what that protocol gets (RFC 8441, RFC 8484, gRPC)."""
from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error
from typing import Final

from dissectors.kit.event import NEITHER
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields
from dissectors.kit.protocol import BENEATH, Handoff, Output
from dissectors.protocols.http2.section import H2Section
from dissectors.protocols.http2.stream import BYTES, FIELDS, MAX_CARRIED, MESSAGE, NOBODY, H2Half, Stream

DNS_TYPE: Final = b"application/dns-message"      # RFC 8484 §6
EVENT_STREAM: Final = b"text/event-stream"        # the HTML standard, server-sent events
GRPC_TYPE: Final = b"application/grpc"            # also gRPC-Web and the forms with +proto, +json
WEBSOCKET: Final = b"websocket"                   # RFC 8441 §4


def is_type(value: bytes, wanted: bytes) -> bool:
    """The essence of a media type, without its parameters."""
    return value.partition(b";")[0].strip().lower() == wanted


def on_request(
    stream: Stream, section: H2Section, frame: int, time: int, direction: int, each_pdu: bool, out: list[Output]
) -> None:
    """Whether the request says who reads the stream."""
    kind = section.get(b"content-type")
    if kind[:len(GRPC_TYPE)].lower() == GRPC_TYPE:
        fields = _fields("request", section, frame, time, direction, stream.number)
        _begin(stream, "grpc", FIELDS, f"content-type {kind[:60].decode('latin-1')}", direction, (fields,), out)
    elif is_type(kind, DNS_TYPE):
        _begin(stream, "dns", MESSAGE, "a DNS query over HTTPS", direction, (), out)
    elif b"dns=" in section.pseudo.get(b":path", b"") and DNS_TYPE in section.get(b"accept").lower():
        message = query_of(section.pseudo[b":path"])
        # The octets of this message are not on the wire, so it is none of the PDUs of a frame.
        if message and not each_pdu:
            _begin(stream, "dns", MESSAGE, "a DNS query over HTTPS, in the target", direction, (), out)
            out.append(Datagram(frame, time, direction, message, len(message), stream=stream.number))


def on_response(
    stream: Stream, section: H2Section, frame: int, time: int, direction: int, out: list[Output]
) -> None:
    """Whether the response says so, where the request did not; a tunnel begins with it."""
    request = stream.client if stream.server.section is section else stream.server
    asked = request.section
    success = 200 <= section.status < 300
    if stream.carried:
        if FIELDS in (stream.client.carries, stream.server.carries):
            out.append(_fields("response", section, frame, time, direction, stream.number))
        return
    kind = section.get(b"content-type")
    if asked is not None and asked.pseudo.get(b":method") == b"CONNECT":
        if success:
            _tunnel(stream, asked, section, frame, time, direction, out)
    elif is_type(kind, DNS_TYPE):
        _begin(stream, "dns", MESSAGE, "an answer of DNS over HTTPS", direction, (), out)
    elif stream.told:
        return       # nobody listens any more
    elif is_type(kind, EVENT_STREAM) and success:
        opening: list[Fields] = []
        if asked is not None:
            opening.append(_fields("request", asked, frame, time, 1 - direction, stream.number))
        opening.append(_fields("response", section, frame, time, direction, stream.number))
        _begin(stream, "sse", BYTES, "a response of the type text/event-stream", direction, tuple(opening), out)
        request.carries = NOBODY
    elif kind[:len(GRPC_TYPE)].lower() == GRPC_TYPE:
        fields = _fields("response", section, frame, time, direction, stream.number)
        _begin(stream, "grpc", FIELDS, "a response of gRPC", direction, (fields,), out)


def on_trailers(stream: Stream, half: H2Half, section: H2Section, frame: int, time: int, direction: int,
                out: list[Output]) -> None:
    if half.carries == FIELDS:
        out.append(_fields("trailers", section, frame, time, direction, stream.number))


def on_octets(stream: Stream, half: H2Half, data: bytes, chunk: Chunk, direction: int, out: list[Output]) -> None:
    """The next octets of DATA, decoded where they had a content coding."""
    if half.carries == MESSAGE:
        if half.held <= MAX_CARRIED:
            half.parts.append(data)
            half.held += len(data)
        return
    position = int(half.position)
    half.position += len(data)
    out.append(Chunk(
        chunk.frame, chunk.time, direction, data, position, chunk.released_by, -1, stream.number
    ))


def on_end(stream: Stream, half: H2Half, frame: int, time: int, direction: int, out: list[Output]) -> None:
    """One side has ended."""
    if half.carries == MESSAGE:
        if 0 < half.held <= MAX_CARRIED and not half.lost:
            message = b"".join(half.parts)
            out.append(Datagram(frame, time, direction, message, len(message), stream=stream.number))
        half.parts = []
        half.held = 0
    elif half.carries != NOBODY:
        out.append(Close(frame, time, direction, "fin", stream.number))


def on_close(stream: Stream, frame: int, time: int, how: str, out: list[Output]) -> None:
    """The stream is over."""
    if stream.carried:
        out.append(Close(frame, time, NEITHER, how, stream.number))


def query_of(path: bytes) -> bytes:
    """The DNS message in the variable `dns` of a GET, in base64url without padding (RFC 8484 §4.1); b"" for none."""
    for part in path.partition(b"?")[2].split(b"&"):
        name, _equals, value = part.partition(b"=")
        if name == b"dns" and len(value) <= 2 * MAX_CARRIED:
            try:
                return urlsafe_b64decode(value + b"=" * (-len(value) % 4))
            except (Error, ValueError):
                return b""
    return b""


def _tunnel(
    stream: Stream, asked: H2Section, section: H2Section, frame: int, time: int, direction: int, out: list[Output]
) -> None:
    """From the response on DATA is a tunnel: WebSocket by name, of another protocol whoever knows its bytes."""
    stream.tunnel = True
    protocol = asked.pseudo.get(b":protocol", b"").lower()
    opening = (
        _fields("request", asked, frame, time, 1 - direction, stream.number),
        _fields("response", section, frame, time, direction, stream.number),
    )
    if protocol == WEBSOCKET:
        _begin(stream, "websocket", BYTES, "extended CONNECT for WebSocket", direction, opening, out)
    elif not protocol:
        _begin(stream, "", BYTES, "the tunnel that CONNECT asked for is open", direction, (), out)


def _begin(
    stream: Stream, protocol: str, carries: int, reason: str, direction: int, opening: tuple[Fields, ...],
    out: list[Output],
) -> None:
    stream.carried = protocol or "a tunnel"
    stream.client.carries = carries
    stream.server.carries = carries
    out.append(Handoff(protocol, direction, BENEATH, reason, stream.number, opening))


def _fields(kind: str, section: H2Section, frame: int, time: int, direction: int, stream: int) -> Fields:
    return Fields(frame, time, direction, kind, section.pairs, stream)
