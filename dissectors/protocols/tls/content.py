"""What is in the records of a connection, sorted by their type, decrypted where there are keys."""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Close
from dissectors.kit.protocol import Context
from dissectors.protocols.tls.causes import cause
from dissectors.protocols.tls.events import RecordSeen, TlsObserved
from dissectors.protocols.tls.events_data import REJECTED, EncryptedHandshake, HeartbeatSeen, Renegotiation
from dissectors.protocols.tls.events_end import CLOSE_NOTIFY, FATAL, AlertSeen, Ssl2Answer, TlsRefused
from dissectors.protocols.tls.events_proof import ChangeCipherSpecSeen
from dissectors.protocols.tls.handshake import TlsMessage
from dissectors.protocols.tls.header import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, SSL2
from dissectors.protocols.tls.observer import CLIENT_HELLO, TlsObserver
from dissectors.protocols.tls.records import TlsRecord
from dissectors.protocols.tls.secrets import MAX_FAILURES, open_record
from dissectors.protocols.tls.state import Hidden, TlsSide
from dissectors.wire.tls.hello import ClientHello
from dissectors.wire.tls.messages import Alert, Heartbeat
from dissectors.wire.tls.names import HANDSHAKES
from dissectors.wire.tls.protection import BadRecord

TLS13: Final = 0x0304
SHA384_SUITE: Final = 0x1302        # the one suite of RFC 8446 Appendix B.4 with a longer hash
SHORT_TAG_SUITE: Final = 0x1305     # and the one with a tag of 8 octets
LEAST_ENCRYPTED: Final = 16         # octets: a nonce, a MAC or a tag takes as many
MAX_HIDDEN: Final = 16              # encrypted records of a client, then the first of them counts as its Finished
USER_CANCELED: Final = 90           # with close_notify the alerts that end nothing at once (RFC 8446 §6.1)

SSL2_MASTER_KEY: Final = 2          # CLIENT-MASTER-KEY


class TlsContent(TlsObserver):
    """Takes records of both sides in the order of the capture."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.hidden_renegotiation = False
        self.inner = 0               # the type of the record in hand, inside its protection where that was opened
        self.ssl2 = False            # the connection goes on in SSL 2.0, encrypted

    def record(self, side: TlsSide, record: TlsRecord) -> bool:
        """Take a record. True where it is application data that was not read, and so only counts."""
        place = len(self.out)
        kind = record.content_type
        types: list[int] = []
        counts = False
        inner = kind
        plain: bytes | None = None
        if record.cut:
            types = self._cut(side, record)
            counts = kind == APPLICATION_DATA
        else:
            if kind == APPLICATION_DATA or (side.secure and not self.session.tls13):
                plain = self._opened(side, record)
                self.seal(side, record, plain is None)
                if plain is None and self.keys.active:
                    self.lacking(side, record)
            if plain is not None and side.opener is not None:
                inner = side.opener.inner_type
            content = record.fragment if plain is None else plain
            if inner == APPLICATION_DATA:
                if plain is not None:
                    self.deliver(side, record, plain)
                    self._count(side, record, len(plain))
                else:
                    counts = self._unread(side, record)
            elif inner == HANDSHAKE:
                types = self._handshake(side, record, content, plain is not None)
            elif inner == ALERT:
                self._alert(side, record, content, plain is not None)
            elif inner == CHANGE_CIPHER_SPEC:
                self._change(side, record)
            elif inner == HEARTBEAT:
                self._heartbeat(side, record, content, plain is not None)
            elif inner == SSL2:
                types = self._ssl2(side, record)
        self.inner = inner
        if self.context.each_pdu and (inner != SSL2 or types):
            self.out.insert(place, RecordSeen(self.seen(side, record), record, inner, types))
        return counts

    # -- decryption ------------------------------------------------------------------------------------

    def _opened(self, side: TlsSide, record: TlsRecord) -> bytes | None:
        """The plain text of an encrypted record, None where it does not open."""
        if not self.keys.active or not side.layer.keep:
            return None
        kind, version, fragment = record.content_type, record.version, record.fragment
        plain: bytes | None = None
        if side.opener is None:
            plain = self._without_opener(side, record)
            if plain is None:
                return None
        else:
            plain = open_record(side, kind, version, fragment)
        if plain is None and self.session.tls13:
            plain = self._other_keys(side, record)
        if plain is None:
            if self.session.early_outcome == REJECTED and self.from_client(side) and side.finished_ns < 0:
                return None   # early data that was on its way when the server refused it
            most = 1 if not self.session.tls13 and not side.opened else MAX_FAILURES
            self.refused(side, most, record)
            return None
        self.opened(side, record)
        return plain

    def _without_opener(self, side: TlsSide, record: TlsRecord) -> bytes | None:
        """Early data, or application data whose handshake cannot be read."""
        if self.from_client(side) and self.keys.early:
            found = self.keys.open_early(record.content_type, record.version, record.fragment)
            if found is not None:
                side.opener, plain = found
                side.opened += 1
                return plain
        if self.session.server is None or not self.session.tls13:
            return None
        return self._by_traffic_keys(side, record)

    def _by_traffic_keys(self, side: TlsSide, record: TlsRecord) -> bytes | None:
        """Records from Finished on, where that itself could not be read."""
        if side.spare is None and not side.spared:
            side.spared = True
            side.spare = self.keys.traffic_opener(self.session.suite, self.from_client(side))
        spare = side.spare
        if spare is None:
            return None
        try:
            plain = spare.open(record.content_type, record.version, record.fragment)
        except BadRecord:
            return None
        side.opener = spare
        side.spare = None
        side.opened += 1
        side.failures = 0
        return plain

    def _other_keys(self, side: TlsSide, record: TlsRecord) -> bytes | None:
        """Early data has ended, or Finished was missed: the keys after the present ones."""
        before = side.opener
        if self.from_client(side) and self.session.early and side.finished_ns < 0 and not side.left_early:
            self.use_handshake_keys(side)
            if side.opener is not None:
                plain = open_record(side, record.content_type, record.version, record.fragment)
                if plain is not None:
                    side.left_early = True
                    return plain
            side.opener = before
        if side.finished_ns >= 0 and not side.gap:
            return None
        return self._by_traffic_keys(side, record)

    def _cut(self, side: TlsSide, record: TlsRecord) -> list[int]:
        """A record of which the capture holds a part: its place in the sequence is known, its content is not."""
        opener = side.opener
        if opener is not None and (record.content_type == APPLICATION_DATA or side.secure):
            opener.skip(1)
            if record.content_type == APPLICATION_DATA:
                self.lost(side, record.number, record.time, record.length)
        begun = not side.messages.within
        side.messages.clear()
        side.unsure = True
        if record.content_type != HANDSHAKE or side.secure or not begun or len(record.fragment) < 4:
            return []
        return [] if self._encrypted(side, record.fragment) else [record.fragment[0]]

    # -- handshake -------------------------------------------------------------------------------------

    def _encrypted(self, side: TlsSide, content: bytes) -> bool:
        """Whether a record of handshake messages cannot be in clear.

        After ChangeCipherSpec it is not. Where that may have been missed, it is told by a first octet that is no type
        of message, by a length that is none, or by a nonce of zeros.
        """
        if side.secure and not self.session.tls13:
            return True
        if side.messages.within or len(content) < LEAST_ENCRYPTED:
            return False
        if content[:5] == b"\0\0\0\0\0" or content[0] not in HANDSHAKES:
            return True
        return content[1] != 0 and (side.unsure or self.session.hello is None)

    def _handshake(self, side: TlsSide, record: TlsRecord, content: bytes, opened: bool) -> list[int]:
        if not opened and self._encrypted(side, content):
            self._hidden_handshake(side, record)
            return []
        types: list[int] = []
        for message in side.messages.feed_record(record, content):
            types.append(message.type)
            self.message(side, message)
        return types

    def _hidden_handshake(self, side: TlsSide, record: TlsRecord) -> None:
        """Up to TLS 1.2: Finished, or a new handshake within the connection."""
        if side.secure and side.finished_ns < 0:
            self.finished(side, self.seen(side, record), encrypted=True)
            return
        if self.session.established and not self.hidden_renegotiation:
            self.hidden_renegotiation = True
            self.tell(Renegotiation(self.seen(side, record), readable=False, bound=False))
        alone = Hidden()
        _add(alone, record)
        self.tell(EncryptedHandshake(self.seen(side, record), alone, within13=False))

    def _ssl2(self, side: TlsSide, record: TlsRecord) -> list[int]:
        """A message of SSL 2.0: a ClientHello, which later versions may answer, or the answer of SSL 2.0 itself."""
        content = record.fragment
        if not content or self.ssl2:
            return []
        if content[0] == SSL2_MASTER_KEY:
            self.ssl2 = True   # all that follows is encrypted
        elif content[0] == CLIENT_HELLO:
            message = TlsMessage(CLIENT_HELLO, content, len(content), record.frames, record.time)
            self.client_hello(side, message, ClientHello(content, True))
            self.spoke(side, "ClientHello", record.frames, record.time)
        elif not self.session.broken:
            self.session.broken = True
            self.tell(Ssl2Answer(self.seen(side, record)))
        return [content[0]]

    def _change(self, side: TlsSide, record: TlsRecord) -> None:
        session = self.session
        offers13 = session.hello is not None and TLS13 in session.hello.versions
        dummy = session.tls13 or (session.server is None and offers13)
        early = not dummy and session.hello is not None and session.server is None
        self.tell(ChangeCipherSpecSeen(self.seen(side, record), dummy=dummy, early=early))
        if dummy:
            return
        self.spoke(side, "ChangeCipherSpec", record.frames, record.time)
        side.secure = True
        side.opener = None
        if not self.keys.active:
            return
        pair = self.keys.openers(session)
        if pair is None:
            self.no_keys(side, record)
        else:
            side.opener = pair[0 if self.from_client(side) else 1]
            side.opened = 0
            side.failures = 0

    # -- application data that is not read -------------------------------------------------------------

    def _count(self, side: TlsSide, record: TlsRecord, plain: int) -> None:
        """What a client sends before its Finished is early data."""
        if self.session.early and self.from_client(side) and side.finished_ns < 0:
            _add(self.session.early_sent, record)
        else:
            side.layer.add(record, plain)

    def _unread(self, side: TlsSide, record: TlsRecord) -> bool:
        """True where it is application data as far as one can tell; the rest belongs to a handshake of TLS 1.3."""
        session = self.session
        if session.hello is None:
            self.no_keys(side, record)
            for one in self.sides:
                one.layer.count = not self.context.each_pdu
            return True
        if session.established or session.broken:
            return True
        client = self.from_client(side)
        if session.server is None:
            if client and session.early:
                _add(session.early_sent, record)
                return False
            return True
        if not session.tls13:
            return True
        tag = 8 if session.suite == SHORT_TAG_SUITE else 16
        if record.length == 3 + tag and not session.early and self.seen_whole(record.time):
            self._hidden_alert(side, record)
            return False
        if not client:
            first = self.client_side().hidden
            if first.records and not session.early:
                self._inferred(self.client_side(), self._by_its_place(self.client_side()))
                return True
            _add(side.hidden, record)
            self.spoke(side, "its encrypted messages", record.frames, record.time)
            return False
        if record.length == 4 + (48 if session.suite == SHA384_SUITE else 32) + 1 + tag:
            self._inferred(side, self.seen(side, record))
            return False
        if session.early and side.hidden.records == 0 and record.length != 5 + tag:
            _add(session.early_sent, record)
            return False
        _add(side.hidden, record)
        if side.hidden.records >= MAX_HIDDEN:
            self._inferred(side, self._by_its_place(side))
        return False

    def _by_its_place(self, side: TlsSide) -> TlsObserved:
        """A Finished that is among the encrypted records of that side."""
        return TlsObserved(side.hidden.end, side.direction, side.hidden.cited.frames(), self.client)

    def _inferred(self, side: TlsSide, observed: TlsObserved) -> None:
        """The client's Finished, told by its size or its place, ends a handshake that cannot be read."""
        server = self.server_side()
        self.flush_hidden(server)
        if server.finished_ns < 0:
            server.finished_ns = self.session.last_ns
            server.finished_frames = self.session.last_frames
        self.finished(side, observed, encrypted=True, inferred=True)
        side.hidden = Hidden()

    def flush_hidden(self, side: TlsSide) -> None:
        hidden = side.hidden
        if hidden.records:
            observed = TlsObserved(hidden.begin, side.direction, hidden.cited.frames(), self.client)
            self.tell(EncryptedHandshake(observed, hidden, within13=True))
            side.hidden = Hidden()

    # -- alerts and heartbeats -------------------------------------------------------------------------

    def _hidden_alert(self, side: TlsSide, record: TlsRecord) -> None:
        """An encrypted record in the handshake of TLS 1.3 that is as long as an alert and shorter than any message.

        Early data may be as short, and so may anything where the capture does not show at which place it stands.
        """
        session = self.session
        session.broken = True
        self.flush_hidden(self.server_side())
        why = ""
        if self.from_client(side):
            why = "at this place the client mostly does not accept the server's certificate"
        elif session.requested or self.client_side().hidden.records:
            why = "at this place the server mostly misses or refuses the client's certificate"
        self.tell(TlsRefused(self.seen(side, record), None, why, session, by_size=True))

    def _alert(self, side: TlsSide, record: TlsRecord, content: bytes, opened: bool) -> None:
        session = self.session
        if len(content) != 2:   # no alert is longer, so this one is encrypted (RFC 8446 §6)
            whole = self.seen_whole(record.time)
            side.notified_hidden = session.established or not whole
            ended = not session.established and not session.broken and whole
            session.broken = session.broken or ended
            hidden = TlsRefused if ended and session.hello is not None else AlertSeen
            self.tell(hidden(self.seen(side, record), None, "", session))
            return
        alert = Alert(content)
        description = alert.description
        fatal = alert.level == FATAL or (session.tls13 and description not in (CLOSE_NOTIFY, USER_CANCELED))
        ended = fatal and not session.established
        if description == CLOSE_NOTIFY:
            side.notified = True
            if self.child:
                self.out.append(Close(record.number, record.time, side.direction, "fin"))
        session.requested = session.requested or self.client_side().empty_certificate
        because = cause(description, self.from_client(side), session, self.client_side().empty_certificate)
        if ended:
            self.flush_hidden(self.server_side())
            session.broken = True
        kind = TlsRefused if ended else AlertSeen
        self.tell(kind(self.seen(side, record), alert, because, session))

    def carried_alert(self, side: TlsSide, message: TlsMessage) -> None:
        """An alert that a transport carries as an error of its own, always a fatal one (RFC 9001 §4.8)."""
        session = self.session
        alert = Alert(message.raw)
        ended = not session.established
        session.broken = session.broken or ended
        because = cause(alert.description, self.from_client(side), session, self.client_side().empty_certificate)
        kind = TlsRefused if ended else AlertSeen
        self.tell(kind(self.seen(side, message), alert, because, session))

    def _heartbeat(self, side: TlsSide, record: TlsRecord, content: bytes, opened: bool) -> None:
        readable = len(content) >= 3 and (opened or not side.secure)
        self.tell(HeartbeatSeen(self.seen(side, record), Heartbeat(content) if readable else None))


def _add(hidden: Hidden, record: TlsRecord) -> None:
    hidden.add(1, record.length, record.time, record.time, record.frames)
