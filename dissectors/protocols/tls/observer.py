"""What the handshake messages of a connection mean, one after another, whoever misbehaves and whatever is missing."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import WireError
from dissectors.kit.event import Evidence, LimitReached, Malformed, Observed
from dissectors.protocols.tls.connection import TlsConnection
from dissectors.protocols.tls.events import message_name
from dissectors.protocols.tls.events_data import (
    ACCEPTED,
    REJECTED,
    EndOfEarlyDataSeen,
    KeyUpdateSeen,
    Renegotiation,
    UnknownMessage,
)
from dissectors.protocols.tls.events_hello import (
    ClientHelloSeen,
    EncryptedExtensionsSeen,
    HelloRetry,
    NewSessionTicketSeen,
    ServerHelloSeen,
)
from dissectors.protocols.tls.events_proof import (
    CertificateRequestSeen,
    CertificateSeen,
    CertificateStatusSeen,
    CertificateVerifySeen,
    ClientKeyExchangeSeen,
    HelloRequestSeen,
    ServerHelloDoneSeen,
    ServerKeyExchangeSeen,
)
from dissectors.protocols.tls.handshake import MAX_MESSAGE, TlsMessage
from dissectors.protocols.tls.state import Session, TlsSide
from dissectors.wire.tls import messages as wire
from dissectors.wire.tls.extensions import RENEGOTIATION_INFO
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.names import compression_name
from dissectors.wire.tls.protection import Opener13
from dissectors.wire.tls.suites import suite

# HandshakeType (RFC 8446 §4, RFC 5246 §7.4, RFC 6066 §8, RFC 8879 §4).
HELLO_REQUEST: Final = 0
CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
NEW_SESSION_TICKET: Final = 4
END_OF_EARLY_DATA: Final = 5
ENCRYPTED_EXTENSIONS: Final = 8
CERTIFICATE: Final = 11
SERVER_KEY_EXCHANGE: Final = 12
CERTIFICATE_REQUEST: Final = 13
SERVER_HELLO_DONE: Final = 14
CERTIFICATE_VERIFY: Final = 15
CLIENT_KEY_EXCHANGE: Final = 16
FINISHED: Final = 20
CERTIFICATE_STATUS: Final = 22
KEY_UPDATE: Final = 24
COMPRESSED_CERTIFICATE: Final = 25

RANDOM: Final = 32     # octets (RFC 8446 §4.1.2)

NO_PART: Final = (HELLO_REQUEST, KEY_UPDATE)   # of the hash over a handshake (RFC 5246 §7.4.1.1, RFC 8446 §4.4.1)


class TlsObserver(TlsConnection):
    """Reads handshake messages that are in clear, or were decrypted."""

    def message(self, side: TlsSide, message: TlsMessage) -> None:
        kind = message.type
        if not message.raw:
            self.out.append(LimitReached(
                Observed(message.time, side.direction, Evidence(message.frames)), "tls", "MAX_MESSAGE", int(MAX_MESSAGE)
            ))
            self.keys.note(b"")
            return
        try:
            self._read(side, kind, message)
        except WireError as bad:
            self._broken(side, message, bad.offset, bad.reason)
        if kind != FINISHED:
            self.spoke(side, message_name(kind), message.frames, message.time)

    def _broken(self, side: TlsSide, message: TlsMessage, offset: int, reason: str) -> None:
        self.out.append(Malformed(
            Observed(message.time, side.direction, Evidence(message.frames)), "tls", offset,
            f"{message_name(message.type)}: {reason}",
        ))

    def _read(self, side: TlsSide, kind: int, message: TlsMessage) -> None:
        if kind == CLIENT_HELLO:
            self.client_hello(side, message, ClientHello(message.body))
            return
        if kind == FINISHED:
            self.read_finished(side, message)
            return
        if kind not in NO_PART and not self.session.established:
            self.keys.note(message.raw)
        if kind == SERVER_HELLO:
            self.server_hello(side, message)
        elif kind in (CERTIFICATE, COMPRESSED_CERTIFICATE):
            self.certificate(side, message)
        elif kind == NEW_SESSION_TICKET:
            self.ticket(side, message)
        elif kind == KEY_UPDATE:
            self.key_update(side, message)
        elif kind == ENCRYPTED_EXTENSIONS:
            self.encrypted_extensions(side, message)
        elif kind == END_OF_EARLY_DATA:
            self.tell(EndOfEarlyDataSeen(self.seen(side, message)))
            self.use_handshake_keys(side)
        elif kind in (SERVER_KEY_EXCHANGE, CLIENT_KEY_EXCHANGE):
            self.key_exchange(side, kind, message)
        else:
            self._proof(side, kind, message)

    def _proof(self, side: TlsSide, kind: int, message: TlsMessage) -> None:
        """Messages that change nothing in what is known."""
        observed = self.seen(side, message)
        if kind == CERTIFICATE_REQUEST:
            request = wire.CertificateRequest(message.body, self.session.version)
            self.session.requested = True
            self.tell(CertificateRequestSeen(observed, request))
        elif kind == CERTIFICATE_VERIFY:
            self.tell(CertificateVerifySeen(observed, wire.CertificateVerify(message.body, self.session.version)))
        elif kind == CERTIFICATE_STATUS:
            self.tell(CertificateStatusSeen(observed, wire.CertificateStatus(message.body)))
        elif kind == SERVER_HELLO_DONE:
            self.tell(ServerHelloDoneSeen(observed))
        elif kind == HELLO_REQUEST:
            self.tell(HelloRequestSeen(observed))
        else:
            self.tell(UnknownMessage(observed, kind))

    # -- hellos ----------------------------------------------------------------------------------------

    def client_hello(self, side: TlsSide, message: TlsMessage, hello: ClientHello) -> None:
        """What broke within it is told beside what could be read before."""
        if hello.problem:
            self._broken(side, message, hello.problem_at, hello.problem)
        if len(hello.random) != RANDOM:
            return
        before = self.session
        again = before.retried and before.server is None and not before.established
        renegotiation = before.established
        if not self.client_known:
            self.client = side.direction
            self.client_known = True
        if not again:
            self.session = Session()
            self.session.renegotiation = renegotiation
            self.session.began_ns = message.time
            self.session.began_frames = message.frames
            self.keys.begin(hello.random)
            for one in self.sides:
                one.finished_ns = -1
                one.empty_certificate = False
                one.layer.count = False
                one.layer.keep = self.keys.active
                if not renegotiation:
                    one.secure = False
        self.keys.note(message.raw)
        session = self.session
        session.hello = hello
        session.hello_ns = message.time
        session.early = hello.early_data or (again and session.early)
        if renegotiation:
            bound = len(hello.extended.data(RENEGOTIATION_INFO)) > 1
            self.tell(Renegotiation(self.seen(side, message), readable=True, bound=bound))
        self.tell(ClientHelloSeen(
            self.seen(side, message), hello, again=again, renegotiation=renegotiation, carried=self.carried
        ))
        if session.early and not again:
            self.keys.find_early(hello.suites)
        self.expect_server(side)

    def expect_server(self, side: TlsSide) -> None:
        """A server that answers in SSL 2.0 does so in its framing."""
        self.sides[1 - side.direction].layer.may_be_ssl2 = side.layer.ssl2

    def server_hello(self, side: TlsSide, message: TlsMessage) -> None:
        hello = ServerHello(message.body)
        if hello.problem:
            self._broken(side, message, hello.problem_at, hello.problem)
        if hello.suite < 0:
            return
        session = self.session
        if not self.client_known:
            self.client = 1 - side.direction
            self.client_known = True
        session.version = hello.version
        session.suite = hello.suite
        session.server_ns = message.time - session.hello_ns if session.hello_ns >= 0 else -1
        if hello.retry:
            self.keys.retried_hello(hello.suite, message.raw)
            session.retried = True
            self.tell(HelloRetry(self.seen(side, message), hello, session))
            self.early_outcome(REJECTED, message.frames[-1], message.time)
            return
        session.server = hello
        session.group = hello.key_share
        session.alpn = hello.alpn
        session.resumption = resumption(session.hello, hello)
        self.tell(ServerHelloSeen(self.seen(side, message), hello, session))
        if session.tls13:
            self.keys_of_tls13(side, message)

    def keys_of_tls13(self, side: TlsSide, message: TlsMessage) -> None:
        """From here on the server encrypts, and the client once its early data is over."""
        session = self.session
        if session.early and session.server is not None and session.server.psk < 0:
            self.early_outcome(REJECTED, message.frames[-1], message.time)
        if not self.keys.active:
            return
        self.use_handshake_keys(side)
        client = self.client_side()
        if client.opener is None or session.early_outcome == REJECTED:
            self.use_handshake_keys(client)
        if side.opener is None and client.opener is None and not self.keys.has_traffic():
            self.no_keys(side, message)

    def encrypted_extensions(self, side: TlsSide, message: TlsMessage) -> None:
        found = wire.EncryptedExtensions(message.body)
        self.session.alpn = found.alpn or self.session.alpn
        self.tell(EncryptedExtensionsSeen(self.seen(side, message), found))
        self.early_outcome(ACCEPTED if found.early_data else REJECTED, message.frames[-1], message.time)
        if not found.early_data and self.session.early:
            self.use_handshake_keys(self.client_side())

    # -- certificates and keys -------------------------------------------------------------------------

    def certificate(self, side: TlsSide, message: TlsMessage) -> None:
        session = self.session
        body = message.body
        compressed = ""
        if message.type == COMPRESSED_CERTIFICATE:
            packed = wire.CompressedCertificate(body)
            compressed = compression_name(packed.algorithm)
            body = packed.body()
        found = wire.Certificate(body, session.tls13)
        if self.from_client(side):
            side.empty_certificate = not found.chain
            side.certificate = bool(found.chain)
        trusted = self.context.provided.trusted
        self.tell(CertificateSeen(self.seen(side, message), found, session, trusted, compressed=compressed))

    def key_exchange(self, side: TlsSide, kind: int, message: TlsMessage) -> None:
        session = self.session
        chosen = suite(session.suite)
        way = chosen.key_exchange if chosen is not None else ""
        if kind == CLIENT_KEY_EXCHANGE:
            self.keys.exchange = message.body
            self.tell(ClientKeyExchangeSeen(self.seen(side, message), way))
            return
        found: wire.ServerKeyExchange | None = None
        if chosen is not None and chosen.authentication != "PSK":   # which has a hint of its own in front, RFC 4279 §2
            signed = chosen.authentication != "anon"
            found = wire.ServerKeyExchange(message.body, way, session.version, signed)
            session.group = found.group or session.group
        session.dh_bits = found.prime_bits if found is not None else 0
        self.tell(ServerKeyExchangeSeen(self.seen(side, message), way, found))

    def ticket(self, side: TlsSide, message: TlsMessage) -> None:
        found = wire.NewSessionTicket(message.body, self.session.tls13)
        self.tell(NewSessionTicketSeen(self.seen(side, message), found))

    def key_update(self, side: TlsSide, message: TlsMessage) -> None:
        side.generation += 1
        found = wire.KeyUpdate(message.body)
        self.tell(KeyUpdateSeen(self.seen(side, message), found, side.generation))
        opener = side.opener
        if isinstance(opener, Opener13):
            side.opener = opener.next_generation()

    def read_finished(self, side: TlsSide, message: TlsMessage) -> None:
        """A Finished that could be read: its checksum is compared with what the messages give."""
        verified = self.keys.verify(self.session, self.from_client(side), message.body)
        self.keys.note(message.raw)
        self.finished(side, self.seen(side, message), verified)
        if self.session.tls13:
            self.use_traffic_keys(side)


def resumption(offered: ClientHello | None, chosen: ServerHello) -> str:
    """How a server goes on with an earlier session, "" where it does not.

    RFC 8446 §4.2.11, RFC 5246 §7.4.1.3, RFC 5077 §3.4: up to TLS 1.2 it repeats the session id of the ClientHello.
    """
    if chosen.psk >= 0:
        return "PSK"
    if offered is None or chosen.version >= 0x0304 or not chosen.session_id \
            or chosen.session_id != offered.session_id:
        return ""
    return "session ticket" if offered.ticket > 0 else "session id"
