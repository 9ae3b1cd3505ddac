"""ClientHello and ServerHello, SSL 3.0 to TLS 1.3, and the hello of SSL 2.0 that announces a later version.

Sources: RFC 8446 §4.1, RFC 5246 §7.4.1 and appendix E.2, RFC 6101 §5.6.1. What was read before something broke stays.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.wire.tls.extensions import (
    COMPRESS_CERTIFICATE,
    EARLY_DATA,
    EC_POINT_FORMATS,
    ECH,
    ENCRYPT_THEN_MAC,
    EXTENDED_MASTER_SECRET,
    HEARTBEAT,
    KEY_SHARE,
    POST_HANDSHAKE_AUTH,
    PRE_SHARED_KEY,
    PSK_MODES,
    RENEGOTIATION_INFO,
    SERVER_NAME,
    SESSION_TICKET,
    SIGNATURE_ALGORITHMS,
    STATUS_REQUEST,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    Extension,
    Extensions,
)
from dissectors.wire.tls.names import TLS13, is_draft13, is_grease
from dissectors.wire.tls.suites import RENEGOTIATION

# The random of a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
# What a TLS 1.3 server puts at the end of its random where it agrees to less (RFC 8446 §4.1.3).
DOWNGRADES: Final[dict[bytes, str]] = {b"DOWNGRD\x01": "TLS 1.2", b"DOWNGRD\x00": "TLS 1.1 or below"}

EMPTY: Final = (EARLY_DATA, ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, POST_HANDSHAKE_AUTH)   # in a ClientHello
MAX_SESSION_ID: Final = 32     # octets, RFC 5246 §7.4.1.2
RANDOM: Final = 32             # octets

OUTER: Final = "outer"     # encrypted_client_hello as a client sends it, real or GREASE (RFC 9849 §6.2)
INNER: Final = "inner"     # within the decrypted hello


class PskIdentity:
    """A key that the client offers to resume with or holds beforehand (RFC 8446 §4.2.11). age: obfuscated, in ms."""

    def __init__(self, identity: bytes, age: int) -> None:
        self.identity = identity
        self.age = age


class ClientHello:
    """The client's offer. Lists are in the client's order, GREASE among them.

    versions: those of supported_versions, else what the legacy version allows as [legacy_version].
    key_shares: (group, length of the key).   ticket: length of the session ticket, 0 asks for one, -1 not supported.
    ech: OUTER, INNER or "".   ssl2: in the format of SSL 2.0, whose body begins with the type.
    problem: what broke, "" for nothing; problem_at: where.
    """

    def __init__(self, body: bytes, ssl2: bool = False) -> None:
        self.legacy_version = 0
        self.random = b""
        self.session_id = b""
        self.suites: list[int] = []
        self.compressions: list[int] = []
        self.ssl2 = ssl2
        self.extended = Extensions()
        try:
            if ssl2:
                self._read_ssl2(Cursor(body))
            else:
                self._read(Cursor(body))
        except WireError as error:
            self.extended.fail(error)
        extended = self.extended
        self.versions = extended.numbers(SUPPORTED_VERSIONS, 1, 2) or [self.legacy_version]
        self.groups = extended.numbers(SUPPORTED_GROUPS, 2, 2)
        self.schemes = extended.numbers(SIGNATURE_ALGORITHMS, 2, 2)
        self.point_formats = extended.numbers(EC_POINT_FORMATS, 1, 1)
        self.psk_modes = extended.numbers(PSK_MODES, 1, 1)
        self.certificate_compressions = extended.numbers(COMPRESS_CERTIFICATE, 1, 2)
        self.alpn = extended.protocols()
        self.server_name = self._server_name()
        self.key_shares = self._key_shares()
        self.psk_identities = self._psk_identities()
        self._check_ech()
        extended.expect(RENEGOTIATION_INFO, 1)
        for kind in EMPTY:
            extended.expect(kind)

    def _read(self, cursor: Cursor) -> None:
        self.legacy_version = cursor.number(2)
        self.random = cursor.take(RANDOM, "the random")
        self.session_id = cursor.vector(1, "the session id")
        _check_session_id(self.session_id, self.extended)
        self.suites = cursor.numbers(2, 2, "the cipher suites")
        self.compressions = cursor.numbers(1, 1, "the compression methods")
        self.extended.read(cursor)

    def _read_ssl2(self, cursor: Cursor) -> None:
        """RFC 5246 appendix E.2: suites of three octets, of which those that begin with zero are of later versions."""
        cursor.number(1)
        self.legacy_version = cursor.number(2)
        suites, session, challenge = cursor.number(2), cursor.number(2), cursor.number(2)
        inside = Cursor(cursor.take(suites, "the cipher specs"))
        while inside.left >= 3:
            self.suites.append(inside.number(3))
        inside.done("the cipher specs")
        self.session_id = cursor.take(session, "the session id")
        self.random = cursor.take(challenge, "the challenge")[-RANDOM:].rjust(RANDOM, b"\0")   # zeros in front
        cursor.done("the challenge")

    # -- what extensions say ---------------------------------------------------------------------------

    @property
    def extensions(self) -> list[Extension]:
        return self.extended.all

    @property
    def problem(self) -> str:
        return self.extended.problem

    @property
    def problem_at(self) -> int:
        return self.extended.problem_at

    @property
    def version(self) -> int:
        """The highest version that is offered, GREASE apart."""
        return max([version for version in self.versions if not is_grease(version)], default=self.legacy_version)

    @property
    def early_data(self) -> bool:
        return self.extended.has(EARLY_DATA)

    @property
    def ocsp_requested(self) -> bool:
        return self.extended.has(STATUS_REQUEST)

    @property
    def extended_master_secret(self) -> bool:
        return self.extended.has(EXTENDED_MASTER_SECRET)

    @property
    def encrypt_then_mac(self) -> bool:
        return self.extended.has(ENCRYPT_THEN_MAC)

    @property
    def secure_renegotiation(self) -> bool:
        return self.extended.has(RENEGOTIATION_INFO) or RENEGOTIATION in self.suites

    @property
    def heartbeat(self) -> bool:
        return self.extended.has(HEARTBEAT)

    @property
    def ticket(self) -> int:
        return len(self.extended.data(SESSION_TICKET)) if self.extended.has(SESSION_TICKET) else -1

    @property
    def ech(self) -> str:
        """Real and GREASE ECH look the same to whoever has no key: that is their purpose (RFC 9849 §6.2)."""
        if not self.extended.has(ECH):
            return ""
        return INNER if self.extended.data(ECH)[:1] == b"\x01" else OUTER

    def _server_name(self) -> str:
        """The first host name (RFC 6066 §3), octets that are not ASCII escaped."""
        found = self.extended.index.get(SERVER_NAME)
        first = ""
        if found is None:
            return first
        try:
            cursor = Cursor(found.data)
            names = cursor.inner(2, "the list of names")
            while names.left:
                kind = names.number(1)
                name = names.vector(2, "a server name")
                if kind == 0 and not first:
                    first = name.decode("ascii", "backslashreplace")
            cursor.done("the list of names")
        except WireError as error:
            self.extended.fail(WireError(found.start + error.offset, error.reason))
        return first

    def _key_shares(self) -> list[tuple[int, int]]:
        found = self.extended.key_share(any(is_draft13(version) for version in self.versions))
        shares: list[tuple[int, int]] = []
        if found is None:
            return shares
        try:
            cursor = Cursor(found.data)
            inside = cursor.inner(2, "the key shares")
            while inside.left:
                group = inside.number(2)
                shares.append((group, len(inside.vector(2, "a key share"))))
            cursor.done("the key shares")
        except WireError as error:
            self.extended.fail(WireError(found.start + error.offset, error.reason))
        return shares

    def _psk_identities(self) -> list[PskIdentity]:
        found = self.extended.index.get(PRE_SHARED_KEY)
        identities: list[PskIdentity] = []
        if found is None:
            return identities
        try:
            cursor = Cursor(found.data)
            inside = cursor.inner(2, "the pre-shared keys")
            while inside.left:
                identity = inside.vector(2, "a pre-shared key's identity")
                identities.append(PskIdentity(identity, inside.number(4)))
            binders = cursor.inner(2, "the binders")
            while binders.left:
                binders.vector(1, "a binder")
            cursor.done("the binders")
        except WireError as error:
            self.extended.fail(WireError(found.start + error.offset, error.reason))
        return identities

    def _check_ech(self) -> None:
        """What an outer hello carries (RFC 9849 §5): a cipher suite, a configuration, a key, and what is encrypted."""
        found = self.extended.index.get(ECH)
        if found is None or found.data[:1] > b"\x01":     # a type that is not known is kept as it is
            return
        try:
            cursor = Cursor(found.data)
            if cursor.number(1) == 0:
                cursor.take(5, "the cipher suite and configuration")
                cursor.vector(2, "the encapsulated key")
                cursor.vector(2, "the encrypted hello")
            cursor.done("the encrypted hello")
        except WireError as error:
            self.extended.fail(WireError(found.start + error.offset, error.reason))


def _check_session_id(session_id: bytes, extended: Extensions) -> None:
    if len(session_id) > MAX_SESSION_ID:
        extended.fail(WireError(RANDOM + 2, f"a session id of {len(session_id)} octets, above {MAX_SESSION_ID}"))


class ServerHello:
    """The server's choice.

    version: what was chosen, from supported_versions where it is there (RFC 8446 §4.2.1).     retry: a
    HelloRetryRequest.     key_share: the group, 0 for none.     psk: which identity, -1 for none.
    downgrade: what the server's random warns of, "" for nothing.
    """

    def __init__(self, body: bytes) -> None:
        self.legacy_version = 0
        self.random = b""
        self.session_id = b""
        self.suite = -1
        self.compression = 0
        self.extended = Extensions()
        try:
            self._read(Cursor(body))
        except WireError as error:
            self.extended.fail(error)
        self.retry = self.random == RETRY_RANDOM
        self.version = self._number(SUPPORTED_VERSIONS, self.legacy_version)
        self.key_share = self._number(KEY_SHARE, 0)
        self.psk = self._number(PRE_SHARED_KEY, -1)
        self.alpn = next(iter(self.extended.protocols()), "")
        self.downgrade = "" if self.version >= TLS13 else DOWNGRADES.get(self.random[-8:], "")

    def _read(self, cursor: Cursor) -> None:
        self.legacy_version = cursor.number(2)
        self.random = cursor.take(RANDOM, "the random")
        if self.legacy_version >> 8 != 0x7F or self.legacy_version >= 0x7F16:   # drafts before 22 had neither
            self.session_id = cursor.vector(1, "the session id")
            _check_session_id(self.session_id, self.extended)
        self.suite = cursor.number(2)
        if self.legacy_version >> 8 != 0x7F or self.legacy_version >= 0x7F16:
            self.compression = cursor.number(1)
        self.extended.read(cursor)

    def _number(self, type: int, otherwise: int) -> int:
        """The number that an extension of a ServerHello is; the server's key follows that of its group."""
        found = self.extended.index.get(type)
        if type == KEY_SHARE:
            found = self.extended.key_share(is_draft13(self.version))
        if found is None:
            return otherwise
        number = otherwise
        cursor = Cursor(found.data)
        try:
            number = cursor.number(2)
            if type == KEY_SHARE and not self.retry:      # RFC 8446 §4.2.8
                cursor.vector(2, "the key share")
            cursor.done(found.name)
        except WireError as error:
            self.extended.fail(WireError(found.start + error.offset, error.reason))
        return number

    @property
    def extensions(self) -> list[Extension]:
        return self.extended.all

    @property
    def problem(self) -> str:
        return self.extended.problem

    @property
    def problem_at(self) -> int:
        return self.extended.problem_at

    @property
    def tls13(self) -> bool:
        return self.version == TLS13 or is_draft13(self.version)

    @property
    def extended_master_secret(self) -> bool:
        return self.extended.has(EXTENDED_MASTER_SECRET)

    @property
    def encrypt_then_mac(self) -> bool:
        return self.extended.has(ENCRYPT_THEN_MAC)

    @property
    def secure_renegotiation(self) -> bool:
        return self.extended.has(RENEGOTIATION_INFO)
