"""TLS connections event by event, for the rules about them."""
from __future__ import annotations

from collections.abc import Callable

from tls_wire import certificate as certificate_message
from tls_wire import client_hello, dhe, extension, groups, server_hello, server_name, versions
from told_accounts import MS, SECOND, SIDES, account, analysis, conversation, opened
from x509_lab import NOW_NS, OTHER, Signer

from analyzer.model import Analysis, Conversation
from dissectors.kit.event import Event
from dissectors.protocols.starttls.dialogue import Dialogue, Pending
from dissectors.protocols.starttls.dialogue import StarttlsObserved as Said
from dissectors.protocols.starttls.events import Agreed, InClear
from dissectors.protocols.starttls.events import StarttlsRefused as NoTls
from dissectors.protocols.tcp.events_teardown import Fin, ResetCause, TcpReset
from dissectors.protocols.tcp.flags import ACK, FIN, RST
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tls.events import TlsObserved
from dissectors.protocols.tls.events_data import DataSummary, HeartbeatSeen
from dissectors.protocols.tls.events_end import AlertSeen, Stalled, TlsClosed, TlsRefused
from dissectors.protocols.tls.events_hello import ClientHelloSeen, ServerHelloSeen
from dissectors.protocols.tls.events_proof import (
    CertificateRequestSeen,
    CertificateSeen,
    ServerKeyExchangeSeen,
)
from dissectors.protocols.tls.events_summary import Summary, TlsEstablished
from dissectors.protocols.tls.state import Session, TlsSide
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.messages import Alert, Certificate, CertificateRequest, Heartbeat, ServerKeyExchange

Made = Callable[[], Analysis]
RENEGOTIATION_INFO = extension(0xFF01, b"\0")
STARTTLS = Pending("STARTTLS", "STARTTLS", (7,), 59 * MS)
ECDHE_GCM, RSA_GCM, RC4, CBC, NULL = 0xC02F, 0x009C, 0xC011, 0xC013, 0x0002


def made(*events: Event, of: Conversation | None = None) -> Made:
    return lambda: analysis(account(*opened(), *events, of=of))


def hello(extensions: bytes = b"", offers: tuple[int, ...] = (0x0303,), time: int = 50 * MS) -> ClientHelloSeen:
    body = client_hello(extensions=server_name("shop.test") + versions(*offers) + groups(29) + extensions)[4:]
    return ClientHelloSeen(TlsObserved(time, 0, (4,), 0), ClientHello(body))


def asked(seen: ClientHelloSeen | None = None, name: str = "shop.test") -> Session:
    """A handshake that begins with this hello, or with any that asks for that server."""
    session = Session()
    session.hello = seen.hello if seen is not None else ClientHello(client_hello(extensions=server_name(name))[4:])
    session.began_ns = session.hello_ns = session.last_ns = 50 * MS
    session.server_ns = 25 * MS
    return session


def chosen(
    suite: int = ECDHE_GCM, version: int = 0x0303, extensions: bytes = RENEGOTIATION_INFO, random: bytes = bytes(32),
    compression: int = 0, offered: bool = True,
) -> ServerHelloSeen:
    answer = ServerHello(server_hello(suite, extensions, version=version, random=random)[4:])
    answer.compression = compression
    session = asked()
    if session.hello is not None:
        session.hello.suites = [suite] if offered else []
    return ServerHelloSeen(TlsObserved(75 * MS, 1, (5,), 0), answer, session)


def alert(
    number: int, cause: str = "", direction: int = 1, *, ends: bool = True, level: int = 2, time: int = 80 * MS
) -> AlertSeen:
    kind = TlsRefused if ends else AlertSeen
    read = Alert(bytes((level, number))) if number >= 0 else None
    return kind(TlsObserved(time, direction, (7,), 0, 2), read, cause, asked())


def stalled(after: str = "ClientHello", how: str = "capture", waited: int = 3 * SECOND) -> Stalled:
    session = asked()
    session.last_message = after
    return Stalled(TlsObserved(50 * MS + waited, 1, (4, 9), 0), session, "ServerHello", how)


def fin(direction: int = 1, time: int = 70 * MS) -> Fin:
    return Fin(Segment(8, time, direction, FIN | ACK, 9, 0, 0, 0), SIDES, 900, None)


def rst(direction: int = 1, time: int = 70 * MS) -> TcpReset:
    return TcpReset(Segment(6, time, direction, RST | ACK, 9, 9, 0, 0), SIDES, ResetCause("aborted", "", ""), 0)


def certificate(
    *signers: Signer, direction: int = 1, name: str = "shop.test", trusted: tuple[Signer, ...] = (),
    staples: tuple[bytes, ...] = (),
) -> CertificateSeen:
    message = Certificate(certificate_message(tuple(signer.der for signer in signers))[4:], False)
    for entry, staple in zip(message.chain, staples, strict=False):
        entry.ocsp = staple
    observed = TlsObserved(76 * MS, direction, (6,), 0, 900)
    return CertificateSeen(observed, message, asked(name=name), [signer.der for signer in trusted])


def unread(*ders: bytes) -> CertificateSeen:
    message = Certificate(certificate_message(ders)[4:], False)
    return CertificateSeen(TlsObserved(76 * MS, 1, (6,), 0, 900), message, asked(), [])


def shown(*signers: Signer, then: tuple[Event, ...] = (), **options: object) -> Made:
    """A connection in which the server shows these certificates."""
    def build() -> Analysis:
        events = [hello(), chosen(), certificate(*signers, **options), *then]  # type: ignore[arg-type]
        for event in events:        # at the time for which the certificates are made
            event.time = NOW_NS + event.time % (100 * SECOND)
        of = conversation(start=NOW_NS, end=NOW_NS + SECOND)
        return analysis(account(*events, of=of))
    return build


def established(forward: str = "yes", suite: str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", tls13: bool = False,
                time: int = 90 * MS) -> TlsEstablished:
    summary = Summary()
    summary.version, summary.suite, summary.forward, summary.tls13 = "TLS 1.2", suite, forward, tls13
    summary.server_name, summary.began_ns, summary.ended_ns = "shop.test", 50 * MS, time
    return TlsEstablished(TlsObserved(time, 0, (4, 8), 0), summary)


def closed(notified: tuple[str, ...] = (), how: str = "fin", unfinished: tuple[str, ...] = ()) -> TlsClosed:
    return TlsClosed(TlsObserved(200 * MS, 2, (20,), 0), list(notified), how, list(unfinished), inferred=False)


def data(server: int = 4_000) -> DataSummary:
    sides = [TlsSide(0), TlsSide(1)]
    for side, records, octets in zip(sides, (1, 3), (50, server), strict=True):
        side.records, side.octets, side.runs, side.begin = records, octets, 1, 100 * MS
    return DataSummary(TlsObserved(150 * MS, 2, (18,), 0), sides, plain=False)


def heartbeat(direction: int, claimed: int, length: int) -> HeartbeatSeen:
    body = b"\x01" + claimed.to_bytes(2, "big") + bytes(length - 3)
    observed = TlsObserved((100 + 30 * direction) * MS, direction, (10 + direction,), 0, length)
    return HeartbeatSeen(observed, Heartbeat(body))


def exchange_of(bits: int) -> ServerKeyExchangeSeen:
    exchange = ServerKeyExchange(dhe(bits)[4:], "DHE", 0x0303, True)
    return ServerKeyExchangeSeen(TlsObserved(77 * MS, 1, (6,), 0, 500), "DHE", exchange)


def dialogue(offered: bool = True) -> Dialogue:
    """With a mail server, of which the client has said two commands."""
    found = Dialogue("SMTP")
    found.client, found.began_ns, found.commands, found.offered = 0, 0, 2, offered
    return found


def in_clear(exposed: str = "credentials", offered: bool = True, time: int = 90 * MS) -> InClear:
    command = Pending("AUTH", "AUTH PLAIN [redacted]", (9,), time)
    return InClear(Said(time, 0, (9,), dialogue(offered)), exposed, command)


def refused_tls(offered: bool = True) -> NoTls:
    return NoTls(Said(60 * MS, 1, (7, 8), dialogue(offered)), STARTTLS, "454 no")


def agreed() -> Agreed:
    return Agreed(Said(60 * MS, 1, (7, 8), dialogue()), STARTTLS, "220 go")


def spoken(protocol: str, port: int) -> Conversation:
    found = conversation(server_port=port)
    found.protocol = protocol
    return found


REQUEST = CertificateRequestSeen(TlsObserved(76 * MS, 1, (6,), 0), CertificateRequest(bytes(5), 0x0303))
FALSE = Signer("shop.test", OTHER, ca=False, names=("shop.test",))
DOWNGRADE = bytes(24) + b"DOWNGRD\x01"
REFUSAL = alert(45, "it has expired", 0)
