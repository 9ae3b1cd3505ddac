"""The keys of a session: looked up by the client's random, or worked out from a private key.

What is found is checked by the records themselves: a key that opens none is wrong, and that is said.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.provided import Provided
from dissectors.protocols.tls.state import MAX_TRANSCRIPT, Session, TlsSide
from dissectors.wire.tls.premaster import premaster_by_rsa
from dissectors.wire.tls.protection import BadRecord, Opener, Opener13, opener13, openers12
from dissectors.wire.tls.schedule import (
    extended_master_secret,
    finished,
    handshake_hash,
    master_secret,
    message_hash,
)

WINDOW: Final = 64          # sequence numbers tried after a gap
MAX_FAILURES: Final = 64    # records in a row that do not open, then a direction is given up

EARLY: Final = b"CLIENT_EARLY_TRAFFIC_SECRET"
HANDSHAKES: Final = (b"CLIENT_HANDSHAKE_TRAFFIC_SECRET", b"SERVER_HANDSHAKE_TRAFFIC_SECRET")
TRAFFIC: Final = (b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0")
MASTER: Final = b"CLIENT_RANDOM"

UPDATE: Final = 16          # key updates tried at once where records are missing


class Keys:
    """For one connection. active: the user gave something to decrypt with.

    labels: of the secrets that were found. master: of the session in hand, up to TLS 1.2.
    """

    def __init__(self, provided: Provided) -> None:
        self.provided = provided
        self.active: bool = bool(provided.secrets) or bool(provided.private_keys) or provided.growing
        self.random = b""
        self.labels: list[str] = []
        self.master = b""
        self.transcript: list[bytes] = []
        self.transcript_size: i64 = 0
        self.whole = True             # the transcript holds every message of this handshake
        self.exchange = b""           # body of ClientKeyExchange
        self.pair: tuple[Opener, Opener] | None = None
        self.early: list[Opener] = []   # that may fit early data

    # -- what is known ---------------------------------------------------------------------------------

    def secret(self, label: bytes) -> bytes:
        found = self.provided.secret(label, self.random)
        if found:
            name = label.decode("ascii", "replace")
            if name not in self.labels:
                self.labels.append(name)
        return found

    def begin(self, random: bytes) -> None:
        """A ClientHello that begins a handshake."""
        self.random = random
        self.labels = []
        self.master = b""
        self.transcript = []
        self.transcript_size = 0
        self.whole = True
        self.exchange = b""
        self.pair = None
        self.early = []

    def note(self, raw: bytes) -> None:
        """A handshake message, for the hash over all of them."""
        if not self.active:
            return
        self.transcript_size += len(raw)
        if not raw or self.transcript_size > MAX_TRANSCRIPT:
            self.whole = False
            self.transcript = []
        elif self.whole:
            self.transcript.append(raw)

    # -- TLS 1.3 ---------------------------------------------------------------------------------------

    def find_early(self, suites: list[int]) -> None:
        """For early data, whose suite the ClientHello does not name: that of the earlier session, one of these."""
        secret = self.secret(EARLY)
        self.early = []
        for number in suites:
            opener = opener13(number, secret) if secret and number >> 8 == 0x13 else None
            if opener is not None:
                self.early.append(opener)

    def open_early(self, content_type: int, version: int, fragment: bytes) -> tuple[Opener, bytes] | None:
        """The first record of early data, with the opener that fits."""
        for opener in self.early:
            try:
                plain = opener.open(content_type, version, fragment)
            except BadRecord:
                continue
            self.early = []
            return opener, plain
        return None

    def has_traffic(self) -> bool:
        """The secrets of application data are there, if perhaps not those of the handshake."""
        return bool(self.secret(TRAFFIC[0]) or self.secret(TRAFFIC[1]))

    def retried_hello(self, suite: int, raw: bytes) -> None:
        """A HelloRetryRequest: a hash stands for the first ClientHello (RFC 8446 §4.4.1)."""
        if len(self.transcript) > 1:
            self.transcript = [message_hash(suite, b"".join(self.transcript[:-1])), raw]

    def handshake_opener(self, suite: int, from_client: bool) -> Opener | None:
        secret = self.secret(HANDSHAKES[0 if from_client else 1])
        return opener13(suite, secret) if secret else None

    def traffic_opener(self, suite: int, from_client: bool) -> Opener | None:
        secret = self.secret(TRAFFIC[0 if from_client else 1])
        return opener13(suite, secret) if secret else None

    # -- SSL 3.0 to TLS 1.2 ----------------------------------------------------------------------------

    def openers(self, session: Session) -> tuple[Opener, Opener] | None:
        """For the client and the server, from the master secret; None where it is not known."""
        hello, server = session.hello, session.server
        if self.pair is None and hello is not None and server is not None:
            master = self.find_master(session)
            if master:
                self.pair = openers12(
                    server.suite, server.version, master, hello.random, server.random,
                    hello.encrypt_then_mac and server.encrypt_then_mac,
                )
        return self.pair

    def find_master(self, session: Session) -> bytes:
        if self.master:
            return self.master
        self.master = self.secret(MASTER)
        hello, server = session.hello, session.server
        if not self.master and hello is not None and server is not None:
            if session.resumption and server.session_id:
                self.master = self.provided.secret(b"Session-ID", server.session_id)
            encrypted = self.encrypted_premaster(server.version)
            if not self.master and len(encrypted) >= 8:
                premaster = self.provided.secret(b"RSA", encrypted[:8])
                if not premaster and self.provided.private_keys:
                    premaster = premaster_by_rsa(self.provided.private_keys, encrypted, hello.legacy_version)
                if premaster:
                    self.labels.append("RSA")
                    self.master = self.from_premaster(session, premaster)
        return self.master

    def encrypted_premaster(self, version: int) -> bytes:
        """Without the length that TLS puts before it and SSL 3.0 does not (RFC 5246 §7.4.7.1)."""
        if version >= 0x0301 and len(self.exchange) >= 2:
            length = self.exchange[0] << 8 | self.exchange[1]
            if length == len(self.exchange) - 2:
                return self.exchange[2:]
        return self.exchange

    def from_premaster(self, session: Session, premaster: bytes) -> bytes:
        hello, server = session.hello, session.server
        if hello is None or server is None:
            return b""
        if hello.extended_master_secret and server.extended_master_secret:
            if not self.whole:
                return b""
            digest = handshake_hash(server.suite, server.version, self.until_exchange())
            return extended_master_secret(premaster, digest, server.version, server.suite)
        return master_secret(premaster, hello.random, server.random, server.version, server.suite)

    def until_exchange(self) -> bytes:
        """The messages up to and including ClientKeyExchange (RFC 7627 §3)."""
        taken: list[bytes] = []
        for raw in self.transcript:
            taken.append(raw)
            if raw[0] == 16:
                break
        return b"".join(taken)

    # -- checks ----------------------------------------------------------------------------------------

    def verify(self, session: Session, from_client: bool, verify_data: bytes) -> str:
        """Whether a Finished fits the messages before it: "yes", "no", or "" where that cannot be told."""
        server = session.server
        if server is None or not self.whole or not self.transcript:
            return ""
        secret = self.master
        if session.tls13:
            secret = self.provided.secret(HANDSHAKES[0 if from_client else 1], self.random)
        if not secret:
            return ""
        wanted = finished(server.suite, server.version, secret, from_client, b"".join(self.transcript))
        if not wanted:
            return ""
        return "yes" if wanted == verify_data else "no"


def open_record(side: TlsSide, content_type: int, version: int, fragment: bytes) -> bytes | None:
    """The plain text of a record, after a gap at one of the next sequence numbers; None where it does not open."""
    opener = side.opener
    if opener is None:
        return None
    plain: bytes | None = None
    if side.gap:
        plain = opener.resync(content_type, version, fragment, WINDOW)
    else:
        try:
            plain = opener.open(content_type, version, fragment)
        except BadRecord:
            plain = None
    if plain is None and side.gap and isinstance(opener, Opener13):
        plain = after_updates(side, opener, content_type, version, fragment)
    if plain is None:
        side.failures += 1
        return None
    side.gap = False
    side.failures = 0
    side.opened += 1
    return plain


def after_updates(side: TlsSide, opener: Opener13, content_type: int, version: int, fragment: bytes) -> bytes | None:
    """A KeyUpdate may be among the records that are missing."""
    following = opener
    for count in range(1, UPDATE + 1):
        following = following.next_generation()
        plain = following.resync(content_type, version, fragment, WINDOW)
        if plain is not None:
            side.opener = following
            side.generation += count
            return plain
    return None
