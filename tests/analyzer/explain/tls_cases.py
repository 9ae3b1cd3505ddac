"""TLS connections event by event, for the rules about them."""
from __future__ import annotations

from collections.abc import Callable

from tls_wire import client_hello, extension, groups, server_hello, server_name, versions
from told_accounts import MS, SECOND, SIDES, account, analysis, conversation, opened
from x509_lab import NOW_NS, OTHER, Signer

from analyzer.model import Analysis, Conversation
from dissectors.kit.event import Event
from dissectors.protocols.starttls.events import Agreed, InClear
from dissectors.protocols.starttls.events import StarttlsRefused as NoTls
from dissectors.protocols.tcp.events_teardown import Fin, ResetCause, TcpReset
from dissectors.protocols.tcp.flags import ACK, FIN, RST
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tls.events_data import DataSummary, HeartbeatSeen
from dissectors.protocols.tls.events_end import AlertSeen, Stalled, TlsClosed, TlsRefused
from dissectors.protocols.tls.events_hello import ClientHelloSeen, ServerHelloSeen
from dissectors.protocols.tls.events_proof import (
    CertificateRequestSeen,
    CertificateSeen,
    ServerKeyExchangeSeen,
)
from dissectors.protocols.tls.events_summary import Summary, TlsEstablished
from dissectors.wire.tls.hello import ClientHello, ServerHello

Made = Callable[[], Analysis]
RENEGOTIATION_INFO = extension(0xFF01, b"\0")
ECDHE_GCM, RSA_GCM, RC4, CBC, NULL = 0xC02F, 0x009C, 0xC011, 0xC013, 0x0002


def made(*events: Event, of: Conversation | None = None) -> Made:
    return lambda: analysis(account(*opened(), *events, of=of))


def hello(extensions: bytes = b"", offers: tuple[int, ...] = (0x0303,), time: int = 50 * MS) -> ClientHelloSeen:
    body = client_hello(extensions=server_name("shop.test") + versions(*offers) + groups(29) + extensions)[4:]
    return ClientHelloSeen(time, 0, (4,), 0, ClientHello(body), False, False, "")


def chosen(
    suite: int = ECDHE_GCM, version: int = 0x0303, extensions: bytes = RENEGOTIATION_INFO, random: bytes = bytes(32),
    compression: int = 0, offered: bool = True,
) -> ServerHelloSeen:
    answer = ServerHello(server_hello(suite, extensions, version=version, random=random)[4:])
    answer.compression = compression
    return ServerHelloSeen(75 * MS, 1, (5,), 0, answer, 25 * MS, "", offered)


def alert(
    number: int, cause: str = "", direction: int = 1, *, ends: bool = True, level: int = 2, time: int = 80 * MS
) -> AlertSeen:
    kind = TlsRefused if ends else AlertSeen
    return kind(time, direction, (7,), 0, level, number, cause, 50 * MS, "shop.test", 2)


def stalled(after: str = "ClientHello", how: str = "capture", waited: int = 3 * SECOND) -> Stalled:
    return Stalled(50 * MS + waited, 1, (4, 9), 0, after, "ServerHello", False, how, waited, 50 * MS, "shop.test")


def fin(direction: int = 1, time: int = 70 * MS) -> Fin:
    return Fin(Segment(8, time, direction, FIN | ACK, 9, 0, 0, 0), SIDES, 900, None)


def rst(direction: int = 1, time: int = 70 * MS) -> TcpReset:
    return TcpReset(Segment(6, time, direction, RST | ACK, 9, 9, 0, 0), SIDES, ResetCause("aborted", "", ""), 0)


def certificate(
    *signers: Signer, direction: int = 1, name: str = "shop.test", trusted: tuple[Signer, ...] = (),
    staples: tuple[bytes, ...] = (),
) -> CertificateSeen:
    return CertificateSeen(
        76 * MS, direction, (6,), 0, [signer.der for signer in signers], list(staples), [], "", name,
        [signer.der for signer in trusted], 900, 0,
    )


def unread(*ders: bytes) -> CertificateSeen:
    return CertificateSeen(76 * MS, 1, (6,), 0, list(ders), [], [], "", "shop.test", [], 900, 0)


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
    return TlsEstablished(time, 0, (4, 8), 0, summary)


def closed(notified: tuple[str, ...] = (), how: str = "fin", unfinished: tuple[str, ...] = ()) -> TlsClosed:
    return TlsClosed(200 * MS, 2, (20,), 0, list(notified), how, list(unfinished), False)


def data(server: int = 4_000) -> DataSummary:
    return DataSummary(150 * MS, 2, (18,), 0, [1, 3], [50, server], [1, 1], 100 * MS, False)


def heartbeat(direction: int, claimed: int, length: int, over: bool) -> HeartbeatSeen:
    return HeartbeatSeen((100 + 30 * direction) * MS, direction, (10 + direction,), 0, "request", claimed, length, over)


def exchange_of(bits: int) -> ServerKeyExchangeSeen:
    return ServerKeyExchangeSeen(77 * MS, 1, (6,), 0, "DHE", 0, bits, 0x0401, 500)


def in_clear(exposed: str = "credentials", offered: bool = True, time: int = 90 * MS) -> InClear:
    return InClear(time, 0, (9,), 0, "SMTP", exposed, "AUTH PLAIN [redacted]", offered)


def refused_tls(offered: bool = True) -> NoTls:
    return NoTls(60 * MS, 1, (7, 8), 0, "SMTP", "STARTTLS", "454 no", offered)


def agreed() -> Agreed:
    return Agreed(60 * MS, 1, (7, 8), 0, "SMTP", "STARTTLS", "220 go", MS, 0, 2)


def spoken(protocol: str, port: int) -> Conversation:
    found = conversation(server_port=port)
    found.protocol = protocol
    return found


REQUEST = CertificateRequestSeen(76 * MS, 1, (6,), 0, [], 0)
FALSE = Signer("shop.test", OTHER, ca=False, names=("shop.test",))
DOWNGRADE = bytes(24) + b"DOWNGRD\x01"
REFUSAL = alert(45, "it has expired", 0)
