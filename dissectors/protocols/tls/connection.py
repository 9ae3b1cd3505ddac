"""One TLS connection under observation: who is who, which keys are in use, and when a handshake is over."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, LimitReached, Observed
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.observation import ALWAYS, HIDDEN, OCTETS
from dissectors.kit.protocol import ALPN, ANYONE, BENEATH, Context, Handoff, Output
from dissectors.protocols.tls.events import TlsEvent, TlsObserved
from dissectors.protocols.tls.events_data import (
    KEYS_FOUND,
    KEYS_MISSING,
    KEYS_PARTIAL,
    KEYS_WRONG,
    OFFERED,
    REJECTED,
    Decryption,
    EarlyData,
)
from dissectors.protocols.tls.events_proof import FinishedSeen
from dissectors.protocols.tls.events_summary import TlsEstablished
from dissectors.protocols.tls.handshake import RecordOrMessage
from dissectors.protocols.tls.records import TlsRecord
from dissectors.protocols.tls.secrets import TRAFFIC, Keys
from dissectors.protocols.tls.state import Session, TlsSide
from dissectors.protocols.tls.summary import summed_up

MAX_TOLD: Final = 2_000     # handshake messages, alerts and heartbeats of a connection that are told one by one

SERVER_PORTS: Final = (443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 5986, 6697, 8443)


def client_by_ports(context: Context) -> int:
    """The direction of the client where no hello was seen: the side whose port is no server's."""
    if context.originator_port in SERVER_PORTS and context.responder_port not in SERVER_PORTS:
        return BACKWARD
    return FORWARD


class TlsConnection:
    """client: the direction in which the client sends, as far as is known. out: what there is to tell."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.keys = Keys(context.provided)
        self.session = Session()
        self.sides = [TlsSide(FORWARD), TlsSide(BACKWARD)]
        self.client = client_by_ports(context)
        self.client_known = False
        self.told = 0
        self.capped = False
        self.keys_told = ""
        self.out: list[Output] = []
        self.child = False           # a protocol above was named
        self.carried = False         # by a transport of its own, which protects its messages and tells of its keys
        for side in self.sides:
            side.layer.keep = self.keys.active

    def tell(self, event: TlsEvent) -> None:
        """Up to the cap on what is told one by one."""
        self.told += 1
        if self.told <= MAX_TOLD:
            self.out.append(event)
        elif not self.capped:
            self.capped = True
            self.out.append(LimitReached(
                Observed(event.time, event.direction, event.evidence), "tls", "messages told one by one", MAX_TOLD
            ))

    def take(self) -> list[Output]:
        out = self.out
        self.out = []
        return out

    def seen(self, side: TlsSide, within: RecordOrMessage) -> TlsObserved:
        """What that record or message of a side shows."""
        return TlsObserved(within.time, side.direction, within.frames, self.client, within.length)

    def from_client(self, side: TlsSide) -> bool:
        return side.direction == self.client

    def client_side(self) -> TlsSide:
        return self.sides[self.client]

    def server_side(self) -> TlsSide:
        return self.sides[1 - self.client]

    def spoke(self, side: TlsSide, name: str, frames: tuple[int, ...], time: int) -> None:
        """A handshake message of that side."""
        session = self.session
        from_client = self.from_client(side)
        if from_client and session.server is not None and session.last_message and not session.last_from_client:
            session.client_ns = time - session.last_ns
        session.last_message = name
        session.last_from_client = from_client
        session.last_frames = frames
        session.last_ns = time

    def seen_whole(self, until: int) -> bool:
        """Nothing of this handshake is missing in the capture up to then, as far as is known by now."""
        observed = self.context.observed
        frames = observed.frames
        if self.sides[0].unsure or self.sides[1].unsure or (min(frames) == 0 and max(frames) > 0):
            return False
        return observed.absence(NEITHER, self.session.began_ns, until, OCTETS).proven

    # -- keys ------------------------------------------------------------------------------------------

    def seal(self, side: TlsSide, record: TlsRecord, sealed: bool) -> None:
        """Whether a protected record could be read: what is hidden is none of what did not happen."""
        if side.sealed == sealed:
            return
        side.sealed = sealed
        observed = self.context.observed
        if not sealed:
            observed.readable(side.direction, record.time)
            return
        observed.miss(
            HIDDEN, side.direction, record.time, ALWAYS, record.number,
            f"from #{record.number} on this direction is encrypted, and no key for it is there",
        )

    def lacking(self, side: TlsSide, record: TlsRecord) -> None:
        """TLS 1.3: there are keys for this connection, and none for what this side sends."""
        session = self.session
        if side.lacking or side.opener is not None or session.server is None or not session.tls13:
            return
        label = TRAFFIC[0 if self.from_client(side) else 1]
        if not self.keys.labels or self.keys.secret(label):
            return
        side.lacking = True
        who = "client" if self.from_client(side) else "server"
        reason = f"the secret of what the {who} sends ({label.decode()}) is missing"
        self.tell(Decryption(self.seen(side, record), KEYS_PARTIAL, [*self.keys.labels], reason))

    def decryption(self, outcome: str, reason: str, side: TlsSide, within: RecordOrMessage) -> None:
        """Said once for each outcome of a connection."""
        if self.keys_told == outcome or self.carried:
            return
        self.keys_told = outcome
        self.tell(Decryption(self.seen(side, within), outcome, [*self.keys.labels], reason))

    def no_keys(self, side: TlsSide, within: RecordOrMessage) -> None:
        """What was wanted is not in the log, so fragments need not be kept."""
        if not self.keys.active:
            return
        for one in self.sides:
            if not one.opened:
                one.layer.keep = False
        if self.keys.labels and self.session.tls13:
            return     # which of them are missing is told of each side
        reason = ""
        if self.session.hello is None:
            reason = "the ClientHello is not in the capture, and keys are named by its random number"
        elif self.keys.provided.private_keys and not self.keys.provided.secrets:
            reason = "a private key only opens sessions with RSA key exchange"
        self.decryption(KEYS_MISSING, reason, side, within)

    def use_handshake_keys(self, side: TlsSide) -> None:
        """TLS 1.3: from the ServerHello on, or for the client after its early data."""
        side.opener = self.keys.handshake_opener(self.session.suite, self.from_client(side))

    def use_traffic_keys(self, side: TlsSide) -> None:
        """TLS 1.3: after Finished of that side."""
        opener = self.keys.traffic_opener(self.session.suite, self.from_client(side))
        if opener is not None or side.opener is not None:
            side.opener = opener
        side.generation = 0

    def opened(self, side: TlsSide, record: TlsRecord) -> None:
        """The first record that opened proves that the keys are right."""
        if side.opened == 1 and self.keys_told != KEYS_FOUND:
            self.decryption(KEYS_FOUND, "", side, record)

    def refused(self, side: TlsSide, most: int, record: TlsRecord) -> None:
        """A record did not open."""
        if side.failures >= most:
            side.opener = None
            side.layer.keep = False
        if not side.opened and not self.sides[1 - side.direction].opened and self.seen_whole(record.time):
            self.decryption(KEYS_WRONG, "a record does not pass its check with them", side, record)

    # -- the end of a handshake ------------------------------------------------------------------------

    def finished(
        self, side: TlsSide, observed: TlsObserved, verified: str = "", *, encrypted: bool = False,
        inferred: bool = False,
    ) -> None:
        """Finished of one side, read or told by its place."""
        if self.from_client(side):
            self.tell_early()
        self.spoke(side, "Finished", observed.frames, observed.time)
        self.tell(FinishedSeen(observed, verified, encrypted=encrypted, inferred=inferred))
        side.finished_ns = observed.time
        side.finished_frames = observed.frames
        self.establish(side, inferred)

    def establish(self, side: TlsSide, inferred: bool) -> None:
        """Sum up, once both sides have finished."""
        session = self.session
        mine, theirs = side, self.sides[1 - side.direction]
        if session.established or session.broken or mine.finished_ns < 0 or theirs.finished_ns < 0:
            return
        session.established = True
        for one in self.sides:
            one.layer.count = not self.context.each_pdu
        if session.hello is None or session.server is None:
            return
        decrypted = self.carried or (mine.opened > 0 and theirs.opened > 0)
        summary = summed_up(session, mine.finished_ns, inferred, decrypted, self.client_side())
        frames = tuple(sorted({*session.began_frames, *theirs.finished_frames, *mine.finished_frames}))
        self.tell(TlsEstablished(TlsObserved(mine.finished_ns, side.direction, frames, self.client), summary))

    def early_outcome(self, outcome: str, frame: int, time: int) -> None:
        """What became of the early data, once the capture shows it."""
        session = self.session
        if not session.early or session.early_outcome:
            return
        session.early_outcome = outcome
        if outcome == REJECTED:
            self.restart(self.client_side(), frame, time)

    def tell_early(self) -> None:
        """When no more of it can come."""
        session = self.session
        sent = session.early_sent
        if session.early and not session.early_told and sent.records:
            session.early_told = True
            observed = TlsObserved(sent.begin, self.client, sent.cited.frames(), self.client)
            self.tell(EarlyData(observed, session.early_outcome or OFFERED, sent))

    # -- the protocol above ----------------------------------------------------------------------------

    def deliver(self, side: TlsSide, record: TlsRecord, plain: bytes) -> None:
        """Decrypted octets go on to the protocol above."""
        if not plain:
            return
        if not self.child:
            self.child = True
            alpn = self.session.alpn
            self.out.append(Handoff((ALPN, alpn) if alpn else ANYONE, side.direction, BENEATH))
        self.out.append(Chunk(record.carrier, record.arrived, side.direction, plain, side.position, record.number))
        side.position += len(plain)

    def restart(self, side: TlsSide, frame: int, time: int) -> None:
        """What was delivered so far was refused by the server: the protocol above begins again."""
        if self.child:
            self.out.append(Close(frame, time, NEITHER, "refused"))
            self.child = False
            side.position = 0

    def lost(self, side: TlsSide, frame: int, time: int, octets: int) -> None:
        """Octets are missing in what goes on to the protocol above."""
        if self.child and octets > 0:
            self.out.append(Gap(frame, time, side.direction, side.position, octets))
            side.position += octets
