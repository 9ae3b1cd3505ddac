"""TLS connections played to the dissector, and what TCP says of their end."""
from __future__ import annotations

from collections.abc import Callable

from tls_connection import MS, Connection
from tls_wire import (
    CHANGE,
    certificate,
    client_hello,
    extension,
    groups,
    hello13,
    hidden,
    key_share,
    message,
    record,
    server_hello,
    server_hello13,
    server_name,
    versions,
)
from told_accounts import SIDES, account, analysis, conversation
from x509_lab import BETWEEN, NOW_NS, SERVER, leaf

from analyzer.explain.findings import findings
from analyzer.model import Finding
from dissectors.kit.provided import NOTHING, Provided
from dissectors.protocols.tcp.events_teardown import Fin, PeerFin, ResetCause, TcpReset
from dissectors.protocols.tcp.flags import ACK, FIN, RST
from dissectors.protocols.tcp.segment import Segment

SIGNAL = 0x00FF                                  # RFC 5746 §3.3
SECURE = extension(0xFF01, b"\0")                # renegotiation_info of a first handshake
GOOD = leaf(BETWEEN, usages=(SERVER,))
CHAIN = (GOOD.der, BETWEEN.der)
POINT = b"\x03\0\x17\x41" + bytes(65)
ECDHE = message(12, POINT + b"\x04\x01\0\x04sign")
ECDHE_OLD = message(12, POINT + b"\0\x04sign")   # up to TLS 1.1 no scheme is named
DONE = message(14, b"")
SEALED = bytes(8) + bytes(range(32))             # a Finished of TLS 1.2 behind encryption
CLOSE_NOTIFY = record(21, bytes(range(26)))      # of TLS 1.2 behind encryption
FINISHED13 = 53                                  # octets of a record with a Finished over SHA-256


class Scene(Connection):
    """A connection at the time for which the certificates of the tests were made."""

    def __init__(self, provided: Provided = NOTHING) -> None:
        super().__init__(provided=provided)
        self.now = NOW_NS

    def fin(self, side: int) -> None:
        before = any(isinstance(event, Fin) for event in self.events)
        segment = Segment(self.frame, self.now + MS, side, FIN | ACK, 1, 0, 0, 0)
        self.events.append(Fin(segment, SIDES, 1, PeerFin(-1, acked=False) if before else None))
        self.close("fin", side)

    def rst(self, side: int, after: int = 3 * MS) -> None:
        segment = Segment(self.frame, self.now + after, side, RST, 5, 0, 0, 0)
        self.events.append(TcpReset(segment, SIDES, ResetCause("aborted", "", "it came so"), 0))
        self.close("rst", side, after)


Story = Callable[[Scene], None]


def tls_findings(story: Story, provided: Provided = NOTHING, protocol: str = "tls") -> list[Finding]:
    """What the whole table says of the connection, as far as it is about TLS."""
    scene = Scene(provided)
    story(scene)
    of = conversation(start=NOW_NS, end=scene.now)
    of.protocol = protocol
    told = account(*scene.events, of=of)
    told.observed = scene.context.observed
    return [one for one in findings(analysis(told)) if one.code.startswith("tls.")]


def offer(
    *suites: int, extensions: bytes = b"", version: int = 0x0303, name: str = "shop.test", signal: bool = True
) -> bytes:
    """A ClientHello up to TLS 1.2."""
    listed = (*(suites or (0xC02F,)), *((SIGNAL,) if signal else ()))
    return client_hello(listed, server_name(name) + groups(29, 23) + extensions, version=version)


def choose(suite: int = 0xC02F, extensions: bytes = SECURE, version: int = 0x0303) -> bytes:
    return server_hello(suite, extensions, version=version)


def both_versions(*suites: int) -> bytes:
    """A ClientHello that offers TLS 1.3 and 1.2."""
    return client_hello(
        (0x1301, *suites, SIGNAL), server_name("shop.test") + versions(0x0304, 0x0303) + groups(29, 23) + key_share(),
        bytes(32),
    )


def orderly(scene: Scene) -> None:
    """Data both ways, and an end as it should be."""
    scene.client(record(23, bytes(200)))
    scene.server(record(23, bytes(5_000)))
    scene.server(CLOSE_NOTIFY)
    scene.client(CLOSE_NOTIFY)
    scene.fin(1)
    scene.fin(0)


def asked(hello: bytes) -> Story:
    def play(scene: Scene) -> None:
        scene.client(record(22, hello, 0x0301))
    return play


def opening(
    hello: bytes = b"", choice: bytes = b"", chain: tuple[bytes, ...] = CHAIN, exchange: bytes = ECDHE,
    extra: bytes = b"",
) -> Story:
    """TLS 1.2 up to ServerHelloDone. extra: messages before it."""
    def play(scene: Scene) -> None:
        scene.client(record(22, hello or offer(), 0x0301))
        shown = certificate(chain) if chain else b""
        scene.server(record(22, (choice or choose()) + shown + exchange + extra + DONE), 20 * MS)
    return play


def talk(
    hello: bytes = b"", choice: bytes = b"", chain: tuple[bytes, ...] = CHAIN, exchange: bytes = ECDHE,
    then: Story = orderly,
) -> Story:
    """A whole connection of TLS 1.2; with nothing said otherwise one in which nothing is to be found."""
    def play(scene: Scene) -> None:
        opening(hello, choice, chain, exchange)(scene)
        scene.client(record(22, message(16, b"\x41" + bytes(65))) + CHANGE + record(22, SEALED))
        scene.server(CHANGE + record(22, SEALED), 20 * MS)
        then(scene)
    return play


def talk13(before: Story | None = None, hello: bytes = b"", after: int = 20 * MS, psk: bool = False) -> Story:
    """A whole connection of TLS 1.3 without keys. before: what comes ahead of the ServerHello."""
    def play(scene: Scene) -> None:
        scene.client(record(22, hello or hello13(), 0x0301))
        if before is not None:
            before(scene)
        scene.server(
            record(22, server_hello13(with_psk=psk)) + CHANGE + hidden(40) + hidden(900) + hidden(280)
            + hidden(FINISHED13), after,
        )
        scene.client(CHANGE + hidden(FINISHED13))
        scene.client(hidden(300))
        scene.server(hidden(4_000) + hidden(19))
        scene.client(hidden(19))
        scene.fin(0)
        scene.fin(1)
    return play


def alerts(description: int, side: int = 1, level: int = 2) -> Story:
    def play(scene: Scene) -> None:
        scene.send(side, record(21, bytes((level, description))))
        scene.fin(side)
        scene.fin(1 - side)
    return play


def after(first: Story, *others: Story) -> Story:
    """One thing after the other."""
    def play(scene: Scene) -> None:
        for story in (first, *others):
            story(scene)
    return play
