"""What the bodies of an exchange carry: the one place where HTTP/1 and HTTP/2 decide who reads them, and what that
protocol gets.

It gets the fields of the messages that lead to it, the decoded octets of the bodies, trailers and ends. A protocol
that takes messages whole gets each body as one datagram, and nothing else.

Where the request says what is carried, both bodies are read. Where only the response does, the request's is not, if
that was seen to be of another kind. A response is read by its type where it succeeded (any 2xx): EventSource of
browsers insists on 200 (WHATWG HTML §9.2.3), other clients of event streams do not, and the type says what the octets
are (RFC 9110 §8.3).
"""
from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error
from typing import Final

from dissectors.kit.event import NEITHER
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields
from dissectors.kit.protocol import BENEATH, MEDIA, QUERY, By, Handoff, Output, Protocol, Readers

MAX_MESSAGE: Final = 65_535    # octets of a body that is one message of another protocol (a DNS message)
MAX_VARIABLES: Final = 200     # of one target that are looked at


class Carried:
    """The protocol inside one exchange. name: "a tunnel" where the bytes have to tell.

    whole: each body is one message.     listens, positions, parts, held: of each direction.
    """

    def __init__(self, by: By, name: str, whole: bool, stream: int) -> None:
        self.by = by
        self.name = name
        self.whole = whole
        self.stream = stream
        self.listens: list[bool] = [True, True]
        self.positions: list[int] = [0, 0]
        self.parts: list[list[bytes]] = [[], []]
        self.held: list[int] = [0, 0]

    def begin(self, direction: int, opening: tuple[Fields, ...], out: list[Output]) -> None:
        """Hand over to it. opening: the fields that were seen until now."""
        out.append(Handoff(self.by, direction, BENEATH, self.stream, () if self.whole else opening))

    def message(self, data: bytes, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """A whole message."""
        out.append(Datagram(frame, time, direction, data, len(data), stream=self.stream))

    def fields(self, fields: Fields, out: list[Output]) -> None:
        """Fields that came after it had begun."""
        if not self.whole and self.listens[fields.direction]:
            out.append(fields)

    def octets(self, data: bytes, frame: int, time: int, direction: int, released_by: int, out: list[Output]) -> None:
        """The next octets of a body, decoded where it had a content coding."""
        if not data or not self.listens[direction]:
            return
        if self.whole:
            if self.held[direction] <= MAX_MESSAGE:
                self.parts[direction].append(data)
                self.held[direction] += len(data)
            return
        position = self.positions[direction]
        self.positions[direction] = position + len(data)
        out.append(Chunk(frame, time, direction, data, position, released_by, -1, self.stream))

    def end(
        self, frame: int, time: int, direction: int, lost: bool, out: list[Output], *, seen: bool = True
    ) -> None:
        """One of the bodies is over. lost: octets of it are not in the capture.   seen: its end is."""
        if not self.listens[direction]:
            return
        if self.whole:
            if 0 < self.held[direction] <= MAX_MESSAGE and not lost:
                self.message(b"".join(self.parts[direction]), frame, time, direction, out)
            self.parts[direction] = []
            self.held[direction] = 0
        elif seen:
            out.append(Close(frame, time, direction, "fin", self.stream))

    def give_up(self, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """This side wants no more of it, while the other may already have sent something."""
        out.append(Close(frame, time, direction, "rst", self.stream))

    def close(self, frame: int, time: int, how: str, out: list[Output]) -> None:
        """The exchange is over."""
        out.append(Close(frame, time, NEITHER, how, self.stream))


def media_type(value: bytes) -> str:
    """`application/grpc+proto; charset=x` as `application/grpc+proto` (RFC 9110 §8.3.1)."""
    return value.partition(b";")[0].strip().lower().decode("latin-1")


def _reader(readers: Readers, kind: bytes) -> tuple[By, Protocol] | None:
    """Who reads this media type, as it stands or without its suffix (`+proto`, RFC 6838 §4.2.8)."""
    essence = media_type(kind)
    for token in (essence, essence.partition("+")[0]):
        protocol = readers.of((MEDIA, token))
        if protocol is not None:
            return (MEDIA, token), protocol
    return None


def carried_by(readers: Readers, kind: bytes, stream: int) -> Carried | None:
    """What a message of this content-type carries for a protocol of its own; None where nobody reads it."""
    found = _reader(readers, kind) if kind else None
    if found is None:
        return None
    by, protocol = found
    return Carried(by, protocol.name, MEDIA in protocol.whole_by, stream)


def begun_by_response(
    readers: Readers, kind: bytes, status: int, requested: bool, abandoned: bool, direction: int, stream: int
) -> Carried | None:
    """What a response carries whose request led to nobody.

    requested: the request was seen, so that its body is known to be of another kind.
    abandoned: the client gave the exchange up before; what is whole by itself is read all the same.
    """
    carried = carried_by(readers, kind, stream)
    if carried is None or not (carried.whole or (200 <= status < 300 and not abandoned)):
        return None
    if requested and not carried.whole:
        carried.listens[1 - direction] = False
    return carried


def in_target(readers: Readers, target: str, accept: bytes, stream: int) -> tuple[Carried, bytes] | None:
    """A message in a variable of the target, in base64url without padding (RFC 8484 §4.1), whose answer is wanted in
    a media type that the same protocol reads."""
    names = readers.tokens(QUERY)
    for part in target.partition("?")[2].split("&", MAX_VARIABLES)[:MAX_VARIABLES]:
        name, _equals, value = part.partition("=")
        if name not in names or len(value) > 2 * MAX_MESSAGE:
            continue
        protocol = readers.of((QUERY, name))
        for kind in accept.split(b","):
            found = _reader(readers, kind)
            if protocol is not None and found is not None and found[1] is protocol:
                try:
                    data = urlsafe_b64decode(value + "=" * (-len(value) % 4))
                except (Error, ValueError):
                    return None
                return (Carried((QUERY, name), protocol.name, True, stream), data) if data else None
    return None
