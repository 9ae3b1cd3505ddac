"""Which streams are read by a protocol of their own: heads of HTTP/2 as `wire/http/carry` takes them, and tunnels."""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Fields
from dissectors.kit.protocol import ANYONE, UPGRADE, Output, Readers
from dissectors.protocols.http2.section import H2Section
from dissectors.protocols.http2.stream import Stream
from dissectors.wire.http.carry import Carried, begun_by_response, carried_by, in_target
from dissectors.wire.http.message import as_text

TUNNEL: Final = "a tunnel"    # whose protocol the bytes have to tell


def on_request(
    readers: Readers, stream: Stream, section: H2Section, frame: int, time: int, direction: int, each_pdu: bool,
    out: list[Output],
) -> None:
    """Whether the request says who reads the stream."""
    carried = carried_by(readers, section.get(b"content-type"), stream.number)
    if carried is not None:
        stream.carried = carried
        carried.begin(direction, (_fields("request", section, frame, time, direction, stream.number),), out)
        return
    path = section.pseudo.get(b":path", b"")
    if b"?" in path and not each_pdu:     # its octets are not on the wire, so it is no PDU of a frame
        found = in_target(readers, as_text(path), section.get(b"accept"), stream.number)
        if found is not None:
            stream.carried, message = found
            stream.carried.begin(direction, (), out)
            stream.carried.message(message, frame, time, direction, out)


def on_response(
    readers: Readers, stream: Stream, section: H2Section, frame: int, time: int, direction: int, out: list[Output]
) -> None:
    """Whether the response says so, where the request did not; a tunnel begins with it."""
    carried = stream.carried
    if carried is not None:
        carried.fields(_fields("response", section, frame, time, direction, stream.number), out)
        return
    asked = (stream.client if stream.server.section is section else stream.server).section
    if asked is not None and asked.pseudo.get(b":method") == b"CONNECT":
        if not 200 <= section.status < 300:
            return
        stream.tunnel = True
        carried = _tunnel(readers, asked, stream.number)
    else:
        carried = begun_by_response(
            readers, section.get(b"content-type"), section.status, asked is not None, stream.told, direction,
            stream.number,
        )
    if carried is None:
        return
    stream.carried = carried
    opening = [_fields("request", asked, frame, time, 1 - direction, stream.number)] if asked is not None else []
    opening.append(_fields("response", section, frame, time, direction, stream.number))
    carried.begin(direction, tuple(opening) if carried.by != ANYONE else (), out)


def on_trailers(
    stream: Stream, section: H2Section, frame: int, time: int, direction: int, out: list[Output]
) -> None:
    if stream.carried is not None:
        stream.carried.fields(_fields("trailers", section, frame, time, direction, stream.number), out)


def _tunnel(readers: Readers, asked: H2Section, stream: int) -> Carried | None:
    """DATA is a tunnel: of a protocol by name (RFC 8441 §4), or of whoever knows its bytes."""
    token = asked.pseudo.get(b":protocol", b"").lower().decode("latin-1")
    if not token:
        return Carried(ANYONE, TUNNEL, False, stream)
    protocol = readers.of((UPGRADE, token))
    return Carried((UPGRADE, token), protocol.name, False, stream) if protocol is not None else None


def _fields(kind: str, section: H2Section, frame: int, time: int, direction: int, stream: int) -> Fields:
    return Fields(frame, time, direction, kind, section.pairs, stream)
