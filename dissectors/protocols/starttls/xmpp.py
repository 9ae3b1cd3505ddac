"""XMPP and its change to TLS (RFC 6120 §5): a stream of XML, of which only the tags are looked at."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.event import Evidence, LimitReached, Observed
from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.observer import StarttlsObserver

MAX_TAG: Final = 8_192            # octets of one tag
PROBED: Final = 1_024             # octets in which the opening of a stream must be found

NAME: Final = re.compile(rb"</?([A-Za-z:-]{1,32})")
MECHANISM: Final = re.compile(rb"mechanism=['\"]([A-Za-z0-9_-]{1,40})['\"]")
STREAMS: Final = (b"http://etherx.jabber.org/streams", b"jabber:client", b"jabber:server")
# What holds a login: SASL (RFC 6120 §6.4), SASL2 (XEP-0388), components (XEP-0114), before SASL (XEP-0078).
LOGINS: Final = ("auth", "response", "authenticate", "initial-response", "handshake", "password", "digest")
STANZAS: Final = ("message", "iq", "presence")      # RFC 6120 §8


class XmppObserver(StarttlsObserver):
    """From the opening of the stream to <starttls/>, or to a login or a stanza without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "XMPP")
        self.rest: list[bytes] = [b"", b""]
        self.in_offer = False       # within the <starttls> of the server's features
        self.frames: tuple[int, ...] = ()
        self.limited = False

    def is_server(self, data: bytes) -> bool:
        return b"<stream:features" in data

    def between(self, direction: int) -> bool:
        return not self.rest[direction]

    def lost(self, direction: int) -> None:
        self.rest[direction] = b""

    def read(self, chunk: Chunk) -> None:
        side = chunk.direction
        before = len(self.rest[side])
        data = self.rest[side] + chunk.data
        self.frames = (chunk.released_by,)
        at = 0
        while not self.over and not self.quiet:
            start = data.find(b"<", at)
            if start < 0:
                at = len(data)
                break
            end = data.find(b">", start)
            if end < 0:
                at = start
                break
            at = end + 1
            self._tag(data[start:at], chunk, at - before)
        if self.over:
            return
        if self.quiet:
            self.octets[side] += len(data) - at
            self.last_frame = chunk.released_by
            at = len(data)
        self.rest[side] = data[at:]
        if len(self.rest[side]) > MAX_TAG:
            self._too_long(chunk)

    def _too_long(self, chunk: Chunk) -> None:
        self.rest[chunk.direction] = b""
        if not self.limited:
            self.limited = True
            self.out.append(LimitReached(
                Observed(self.now, chunk.direction, Evidence((chunk.released_by,))), self.dialogue.protocol, "MAX_TAG",
                MAX_TAG,
            ))

    def _tag(self, tag: bytes, chunk: Chunk, end: int) -> None:
        found = NAME.match(tag)
        if found is None:
            return
        name = found.group(1).decode("ascii")
        closing = tag[1:2] == b"/"
        if chunk.direction == self.dialogue.client:
            if not closing:
                self._client(name, tag)
        else:
            self._server(name, tag, closing, chunk, end)

    def _client(self, name: str, tag: bytes) -> None:
        if self.request is not None:
            self.behind(self.frames, self.now, len(tag))
        if name == "stream:stream":
            self.command(name, "<stream:stream>", self.frames, self.now)
        elif name == "starttls":
            command = self.command(name, "<starttls/>", self.frames, self.now)
            if not self.inside:
                self.ask(command)
        elif name in LOGINS:
            mechanism = MECHANISM.search(tag)
            way = f" mechanism='{mechanism.group(1).decode('ascii')}'" if mechanism else ""
            self.expose("credentials", self.command(name, f"<{name}{way}>", self.frames, self.now))
        elif name in STANZAS:
            self.expose("messages", self.command(name, f"<{name}>", self.frames, self.now))

    def _server(self, name: str, tag: bytes, closing: bool, chunk: Chunk, end: int) -> None:
        alone = tag[-2:] == b"/>"
        if name == "starttls":
            self.in_offer = not closing and not alone
            if closing or alone:
                self.offer(self.now, self.frames)      # told before where <required/> stands inside
        elif name == "required" and self.in_offer:
            self.offer(self.now, self.frames, True)
        elif name == "stream:features" and (closing or alone):
            if self.pending and self.pending[0].word == "stream:stream":
                self.answered("<stream:features>", 1, self.frames, self.now)
        elif name == "proceed" and self.request is not None and (alone or closing):
            self._proceed(chunk, end)
        elif name == "failure" and self.request is not None:
            self.answered("<failure/>", 1, self.frames, self.now)
            self.refuse("<failure/>", self.frames, self.now)

    def _proceed(self, chunk: Chunk, end: int) -> None:
        self.answered("<proceed/>", 1, self.frames, self.now)
        self.agree("<proceed/>", self.frames, chunk, end)


def probe(data: bytes, direction: int) -> int:
    """The opening of a stream: <stream:stream> in one of the namespaces of XMPP (RFC 6120 §4.8)."""
    start = data[:PROBED].lstrip()
    if not start:
        return MORE
    if not (start.startswith((b"<?xml", b"<stream:stream")) or b"<?xml".startswith(start)
            or b"<stream:stream".startswith(start)):
        return NO
    if b"<stream:stream" in start and any(one in start for one in STREAMS):
        return YES
    return MORE if len(data) < PROBED else NO


def create(context: Context) -> Dissector:
    return XmppObserver(context)


XMPP: Final = Protocol(
    name="xmpp",
    title="XMPP",
    summary="Chat and presence, as far as <starttls/>.",
    specs=("RFC 6120", "RFC 7590"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (5222, 5269)},
    events=EVENTS,
    probe=probe,
)
