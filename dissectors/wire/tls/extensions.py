"""Extensions of hello messages and certificates, kept as they are and read by who asks (RFC 8446 §4.2)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.wire.tls.names import extension_name, is_grease

SERVER_NAME: Final = 0              # RFC 6066 §3
STATUS_REQUEST: Final = 5           # RFC 6066 §8
SUPPORTED_GROUPS: Final = 10        # RFC 8422 §5.1.1, RFC 8446 §4.2.7
EC_POINT_FORMATS: Final = 11        # RFC 8422 §5.1.2
SIGNATURE_ALGORITHMS: Final = 13    # RFC 8446 §4.2.3
HEARTBEAT: Final = 15               # RFC 6520 §2
ALPN: Final = 16                    # RFC 7301 §3.1
SCT: Final = 18                     # RFC 6962 §3.3.1
PADDING: Final = 21                 # RFC 7685
ENCRYPT_THEN_MAC: Final = 22        # RFC 7366 §2
EXTENDED_MASTER_SECRET: Final = 23  # RFC 7627 §5.1
COMPRESS_CERTIFICATE: Final = 27    # RFC 8879 §3
SESSION_TICKET: Final = 35          # RFC 5077 §3.2
KEY_SHARE_DRAFT: Final = 40         # draft-ietf-tls-tls13-22 §4.2 and before
PRE_SHARED_KEY: Final = 41          # RFC 8446 §4.2.11
EARLY_DATA: Final = 42              # RFC 8446 §4.2.10
SUPPORTED_VERSIONS: Final = 43      # RFC 8446 §4.2.1
PSK_MODES: Final = 45               # RFC 8446 §4.2.9
CERTIFICATE_AUTHORITIES: Final = 47   # RFC 8446 §4.2.4
POST_HANDSHAKE_AUTH: Final = 49     # RFC 8446 §4.2.6
KEY_SHARE: Final = 51               # RFC 8446 §4.2.8
ECH: Final = 0xFE0D                 # RFC 9849 §5
RENEGOTIATION_INFO: Final = 0xFF01  # RFC 5746 §3.2

MAX_EXTENSIONS: Final = 512         # of one message


class Extension:
    """type, data as sent.     start: where its data begin in the message's body."""

    def __init__(self, type: int, data: bytes, start: int) -> None:
        self.type = type
        self.data = data
        self.start = start

    @property
    def name(self) -> str:
        return extension_name(self.type)


class Extensions:
    """The extensions of one message in order. Each type may come once (RFC 8446 §4.2); of several the first counts.

    problem: what broke their structure, "" where nothing did; those before it are there.
    """

    def __init__(self) -> None:
        self.all: list[Extension] = []
        self.index: dict[int, Extension] = {}
        self.repeated: list[int] = []
        self.problem = ""
        self.problem_at = 0

    def read(self, cursor: Cursor) -> None:
        """Read the block of extensions that a message ends with, if it has one."""
        if not cursor.left:
            return
        try:
            inside = cursor.inner(2, "extensions")
            while inside.left:
                kind = inside.number(2)
                size = inside.number(2)
                start = int(inside.at)
                self._add(Extension(kind, inside.take(size, f"extension {extension_name(kind)}"), start))
            cursor.done("the extensions")
        except WireError as error:
            self.fail(error)

    def _add(self, extension: Extension) -> None:
        if len(self.all) >= MAX_EXTENSIONS:
            raise WireError(extension.start, f"more than {MAX_EXTENSIONS} extensions")
        self.all.append(extension)
        if extension.type in self.index:
            self.repeated.append(extension.type)
        else:
            self.index[extension.type] = extension

    def fail(self, error: WireError) -> None:
        """Note the first thing that is wrong."""
        if not self.problem:
            self.problem, self.problem_at = error.reason, error.offset

    def check(self) -> None:
        """Raises what was noted."""
        if self.problem:
            raise WireError(self.problem_at, self.problem)

    def has(self, type: int) -> bool:
        return type in self.index

    def key_share(self, draft: bool) -> Extension | None:
        """The key share. draft: of TLS 1.3, whose drafts gave it another number at first."""
        found = self.index.get(KEY_SHARE)
        return self.index.get(KEY_SHARE_DRAFT) if found is None and draft else found

    def types(self) -> list[int]:
        return [extension.type for extension in self.all]

    def data(self, type: int) -> bytes:
        """The data of an extension, b"" where it is not there."""
        found = self.index.get(type)
        return b"" if found is None else found.data

    def numbers(self, type: int, length_octets: int, octets: int) -> list[int]:
        """An extension that is one vector of numbers; [] where it is not there or broken (which is noted)."""
        found = self.index.get(type)
        if found is None:
            return []
        cursor = Cursor(found.data)
        try:
            values = cursor.numbers(length_octets, octets, found.name)
            cursor.done(found.name)
        except WireError as error:
            self.fail(WireError(found.start + error.offset, error.reason))
            return []
        return values

    def expect(self, type: int, *widths: int) -> None:
        """Notes an extension that is not made of exactly these vectors, each given by the octets of its length."""
        found = self.index.get(type)
        if found is None:
            return
        cursor = Cursor(found.data)
        try:
            for width in widths:
                cursor.vector(width, found.name)
            cursor.done(found.name)
        except WireError as error:
            self.fail(WireError(found.start + error.offset, error.reason))

    def protocols(self) -> list[str]:
        """ALPN (RFC 7301 §3.1): names as sent, octets that are not UTF-8 escaped; GREASE says so."""
        found = self.index.get(ALPN)
        if found is None:
            return []
        names: list[str] = []
        try:
            cursor = Cursor(found.data)
            inside = cursor.inner(2, "the list of protocols")
            while inside.left:
                name = inside.vector(1, "a protocol's name")
                if len(name) == 2 and is_grease(name[0] << 8 | name[1]):
                    names.append(f"GREASE (0x{name.hex().upper()})")
                else:
                    names.append(name.decode("utf-8", "backslashreplace"))
            cursor.done("the list of protocols")
        except WireError as error:
            self.fail(WireError(found.start + error.offset, error.reason))
        return names
