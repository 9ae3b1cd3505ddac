"""What an observer of a TLS connection remembers: one Side for each direction, one Session for each handshake."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.protocols.tls.handshake import TlsMessages
from dissectors.protocols.tls.records import RecordLayer, TlsRun
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.protection import Opener

TLS13: Final = 0x0304
MAX_TRANSCRIPT: Final[i64] = 1 << 20  # octets of handshake messages kept to check Finished and to derive keys


def is_tls13(version: int) -> bool:
    """TLS 1.3 or a draft of it, which had numbers of their own (RFC 8446 §4.2.1 names the final one)."""
    return version >= TLS13


class Hidden:
    """Records of a handshake that could not be read."""

    def __init__(self) -> None:
        self.records = 0
        self.octets = 0
        self.begin = 0
        self.end = 0
        self.cited = Cited()

    def add(self, records: int, octets: int, begin: int, end: int, frames: tuple[int, ...]) -> None:
        if not self.records:
            self.begin = begin
        self.records += records
        self.octets += octets
        self.end = end
        self.cited.add_all(frames)


class TlsSide:
    """One direction."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.layer = RecordLayer(False)
        self.messages = TlsMessages()
        self.opener: Opener | None = None
        self.secure = False          # encrypted since ChangeCipherSpec (TLS 1.2 and below)
        self.unsure = False          # octets are missing, so it may be encrypted without our knowing
        self.gap = False             # records are missing since one was opened
        self.finished_ns = -1        # of Finished
        self.finished_frames: tuple[int, ...] = ()
        self.position = 0            # of the next octet of plain text
        self.generation = 0          # of keys, counted by KeyUpdate
        self.failures = 0            # records in a row that did not open
        self.opened = 0              # records that did
        self.spare: Opener | None = None   # for application data, while the handshake cannot be read
        self.spared = False          # that was looked for
        self.left_early = False      # the client's early data is over
        self.hidden = Hidden()
        self.notified = False        # close_notify
        self.notified_hidden = False # an encrypted alert that is taken for it
        self.origin = -1             # position of the first octets that came
        self.sealed = False          # its last protected record could not be read
        self.lacking = False         # that a secret of it is missing was told
        self.ended = ""              # "fin" once the transport said so
        self.ended_frame = 0
        self.ended_ns = 0
        self.runs = 0                # told one by one
        self.rest = TlsRun()            # runs beyond the cap, added up
        self.records = 0             # of application data, in runs that were told
        self.octets = 0
        self.begin = -1              # ns, of the first
        self.end = 0                 # ns, of the last
        self.last_length = 0         # octets of the last
        self.last_frame = 0
        self.empty_certificate = False
        self.certificate = False     # one was shown


class Session:
    """One handshake: the first of a connection, or a renegotiation."""

    def __init__(self) -> None:
        self.hello: ClientHello | None = None
        self.first: ClientHello | None = None   # before a HelloRetryRequest
        self.server: ServerHello | None = None
        self.began_ns = -1
        self.began_frames: tuple[int, ...] = ()
        self.hello_ns = -1           # of the last ClientHello
        self.retried = False
        self.version = 0
        self.suite = 0
        self.group = 0
        self.alpn = ""
        self.resumption = ""         # "session id", "session ticket", "PSK"
        self.early = False           # early data was offered
        self.early_outcome = ""
        self.early_told = False
        self.early_sent = Hidden()
        self.requested = False       # the server asked for a certificate of the client, which may be told by its answer
        self.last_message = ""       # by name, and who sent it
        self.last_from_client = False
        self.last_frames: tuple[int, ...] = ()
        self.last_ns = 0
        self.established = False
        self.broken = False          # ended by an alert, or told as stalled
        self.dh_bits = 0
        self.server_ns = -1          # from the ClientHello to the first word of the answer
        self.client_ns = -1          # from the server's last message to the client's answer
        self.renegotiation = False

    @property
    def tls13(self) -> bool:
        return is_tls13(self.version)

    @property
    def server_name(self) -> str:
        return self.hello.server_name if self.hello is not None else ""
