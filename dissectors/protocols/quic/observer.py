"""What the packets of a connection mean, one after another."""
from __future__ import annotations

from contextlib import suppress
from typing import Final

from dissectors.kit.cited import Cited
from dissectors.kit.cursor import WireError
from dissectors.kit.event import (
    BACKWARD,
    FORWARD,
    NEITHER,
    Evidence,
    LimitReached,
    Malformed,
    Observed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.observation import ALWAYS, HIDDEN
from dissectors.kit.protocol import ALPN, BENEATH, MESSAGES, Above, Context, Handoff, Output
from dissectors.protocols.quic import streams as stream_caps
from dissectors.protocols.quic.codes import application_error, is_alert
from dissectors.protocols.quic.connection import MAX_RANDOMS, MAX_TOKENS, Connection, QuicSide
from dissectors.protocols.quic.events import EarlyPackets, PacketsHidden, ParametersSeen, QuicEvent
from dissectors.protocols.quic.events_connection import AmplificationStall, Opening, QuicEstablished
from dissectors.protocols.quic.events_flow import FlowWaits, StreamsHeldUp
from dissectors.protocols.quic.events_packets import KeysUpdated, PathChecked, QuicClosed, StreamReset
from dissectors.protocols.quic.events_path import Move
from dissectors.protocols.quic.flow import MAX_WAITS, WaitSum
from dissectors.protocols.quic.frames import (
    ACK,
    ACK_ECN,
    CLOSE,
    CLOSE_APPLICATION,
    CRYPTO,
    DATA_BLOCKED,
    MAX_DATA,
    MAX_STREAMS,
    NEW_CONNECTION_ID,
    PATH_CHALLENGE,
    PATH_RESPONSE,
    RESET_STREAM,
    STOP_SENDING,
    STREAM,
    STREAMS_BLOCKED,
    Frames,
    QuicFrame,
)
from dissectors.protocols.quic.handshake import Message
from dissectors.protocols.quic.parameters import (
    EXTENSION,
    EXTENSION_DRAFT,
    RESET_TOKEN,
    Parameters,
)
from dissectors.protocols.quic.protection import Opened
from dissectors.protocols.quic.streams import Streams
from dissectors.protocols.quic.trace import MAX_ENTRIES, Tracer
from dissectors.protocols.quic.wire import HANDSHAKE, INITIAL, ONE_RTT, ZERO_RTT, QuicPacket
from dissectors.wire.tls.extensions import Extensions
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.messages import EncryptedExtensions

CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS = 1, 2, 8     # RFC 8446 §4
FATAL: Final = 2                # the level of every alert that QUIC carries (RFC 9001 §4.8)
MAX_TOLD: Final = 200            # events of one kind of a connection that are told one by one
MAX_ACKS: Final = 2              # of one packet that are held against what was sent
MAX_CHALLENGES: Final = 64       # of a connection that wait for their answer
SOON_NS: Final = 5_000_000       # for an endpoint to go on once it may
ALLOWED: Final = 3               # times what it received a server may send at first (RFC 9000 §8.1)


class Watched:
    """A connection with what is kept for its events. tls: a layer reads its handshake.

    context: of the conversation in which it was seen last, home: in which it began.     client_end: address and port of
    the client there; "" as long as it sent nothing.     last_id: to which it sent its last packet.     move: by which
    it came there.
    """

    def __init__(self, connection: Connection, context: Context) -> None:
        self.connection = connection
        self.context = self.home = context
        self.client_end = ""
        self.last_id = b""
        self.move: Move | None = None
        filling = context.filling
        # Those of an earlier connection have the same numbers.
        self.streams = Streams(None if filling is not None and filling.pieces else filling)
        self.tls = False
        self.asked = False               # whether somebody reads its streams
        self.challenges: dict[bytes, int] = {}
        self.told: dict[str, int] = {}
        self.waits: dict[tuple[int, str, int], WaitSum] = {}
        self.early: list[tuple[QuicPacket, Datagram]] = []     # that came before their keys can be found
        self.unlocked = False            # some may be found now
        self.tracer: Tracer | None = Tracer() if context.provided.traced and not context.each_pdu else None
        self.unvalidated = [0, 0]        # octets of client and server until the address is validated
        self.blocked_ns = -1             # the server may have waited for the client since then
        self.blocked_received = 0
        self.answer_ns = -1              # a datagram of the client came after that
        self.last_hello = b""

    @property
    def tls_child(self) -> int:
        """The number of the layer that reads its handshake (`Handoff`); the next one reads its streams."""
        return -1 - 2 * self.connection.serial


class QuicObserver:
    """out: what there is to tell."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.out: list[Output] = []
        self.limits: set[str] = set()
        self.acks = 0            # frames of the packet in hand

    def tell(self, watched: Watched, event: QuicEvent) -> None:
        if self.context.each_pdu:
            return
        count = watched.told[event.name] = watched.told.get(event.name, 0) + 1
        if count <= MAX_TOLD:
            self.out.append(event)
        elif count == MAX_TOLD + 1:
            self.limit(Observed(event.time, event.direction, event.evidence), "events of one kind", MAX_TOLD)

    def limit(self, observed: Observed, cap: str, limit: int) -> None:
        """Told once."""
        if cap not in self.limits:
            self.limits.add(cap)
            self.out.append(LimitReached(observed, "quic", cap, limit))

    # -- packets ---------------------------------------------------------------------------------------

    def packet(self, watched: Watched, packet: QuicPacket, datagram: Datagram, opened: Opened | None) -> Frames | None:
        """A packet of the connection; its frames, where it could be opened."""
        connection = watched.connection
        side = connection.sides[datagram.direction]
        side.count(packet, datagram.time)
        kind = packet.kind
        if kind == ZERO_RTT and not connection.early_told:
            connection.early_told = True
            self.tell(watched, EarlyPackets(seen(datagram), connection.client))
        if kind == HANDSHAKE and connection.from_client(side.direction):
            connection.validated = True      # RFC 9000 §8.1
        frames: Frames | None = None
        if opened is not None:
            frames = self._opened(watched, side, packet, datagram, opened)
        elif kind in (HANDSHAKE, ZERO_RTT, ONE_RTT) and not packet.cut:
            self._sealed(watched, side, packet, datagram)
        if kind == ONE_RTT and connection.established_ns < 0 and connection.from_client(side.direction):
            self._established(watched, side, datagram)
        tracer = watched.tracer
        if tracer is not None and not tracer.packet(connection, packet, datagram, opened, frames):
            self.limit(seen(datagram), "MAX_ENTRIES", MAX_ENTRIES)
        return frames

    def _opened(
        self, watched: Watched, side: QuicSide, packet: QuicPacket, datagram: Datagram, opened: Opened
    ) -> Frames:
        connection = watched.connection
        if packet.kind != INITIAL:
            if connection.keys_told != "found":
                connection.keys_told = "found"
                self.tell(watched, PacketsHidden(seen(datagram), connection.client, "found", [*connection.labels]))
            if side.sealed and not side.lacking:
                side.sealed = 0
                self.context.observed.readable(side.direction, datagram.time)
        phased = side.phased
        if phased is not None and phased.generation != connection.generations[side.direction]:
            connection.generations[side.direction] = phased.generation
            self.tell(watched, KeysUpdated(seen(datagram), connection.client, phased.generation))
        frames = Frames(opened.payload)
        if frames.problem:
            self.out.append(Malformed(
                seen(datagram), "quic", int(frames.problem_at), f"in packet {opened.number}: {frames.problem}"
            ))
        if frames.unread:
            self.limit(seen(datagram), "MAX_FRAMES", len(frames.all))
        space = 0 if packet.kind == INITIAL else 1 if packet.kind == HANDSHAKE else 2
        if frames.eliciting:
            side.recovery.send(
                space, int(opened.number), datagram.frame, datagram.time,
                early=packet.kind == ZERO_RTT and connection.early_taken != "yes",
            )
        self.acks = 0
        for frame in frames.all:
            self._frame(watched, side, space, packet, frame, datagram)
        return frames

    def _sealed(self, watched: Watched, side: QuicSide, packet: QuicPacket, datagram: Datagram) -> None:
        """A packet that cannot be read: what it says is hidden."""
        connection = watched.connection
        side.sealed_packets += 1
        if packet.kind != HANDSHAKE:
            side.sealed_octets += int(packet.end - packet.at)
            side.sealed_ns = datagram.time if side.sealed_ns < 0 else side.sealed_ns
        if side.sealed:
            return
        side.sealed = datagram.frame
        self.context.observed.miss(
            HIDDEN, side.direction, datagram.time, ALWAYS, datagram.frame,
            f"from #{datagram.frame} on this direction is encrypted, and no key for it is there",
        )
        if connection.keys_told == "found" and packet.kind == ONE_RTT and side.phased is None:
            side.lacking = True
            self.tell(watched, PacketsHidden(seen(datagram), connection.client, "partial", [*connection.labels]))
        elif not connection.keys_told and packet.kind != ZERO_RTT:
            connection.keys_told = "missing"
            given = bool(self.context.provided.secrets)
            self.tell(watched, PacketsHidden(seen(datagram), connection.client, "missing", [], given=given))

    # -- frames ----------------------------------------------------------------------------------------

    def _frame(
        self, watched: Watched, side: QuicSide, space: int, packet: QuicPacket, frame: QuicFrame, datagram: Datagram
    ) -> None:
        kind = int(frame.type)
        connection = watched.connection
        if STREAM <= kind < STREAM + 8 or kind == RESET_STREAM:
            self._stream(watched, side, frame, datagram)
        elif kind in (ACK, ACK_ECN):
            self.acks += 1
            if self.acks > MAX_ACKS:
                return
            connection.sides[1 - side.direction].recovery.acknowledge(space, frame, datagram.time)
        elif kind == CRYPTO:
            crypto = side.handshake.spaces[space]
            for message in crypto.feed(frame.offset, frame.data, datagram.frame, datagram.time):
                self._message(watched, side, message, datagram)
        elif kind in (CLOSE, CLOSE_APPLICATION):
            self._close(watched, side, frame, packet, datagram)
        elif kind == NEW_CONNECTION_ID:
            connection.sides[1 - side.direction].knows(frame.data, int(frame.id))
            if len(connection.tokens) < MAX_TOKENS:
                connection.tokens[frame.token] = side.direction
        elif kind == PATH_CHALLENGE:
            if len(watched.challenges) < MAX_CHALLENGES:
                watched.challenges.setdefault(frame.data, datagram.time)
            move = watched.move
            if move is not None and move.challenged_ns < 0:
                move.challenged_ns = datagram.time
        elif kind == PATH_RESPONSE:
            asked = watched.challenges.pop(frame.data, -1)
            if asked >= 0 and watched.move is not None and watched.move.answered_ns < 0:
                watched.move.answered_ns = datagram.time
            if asked >= 0:
                self.tell(watched, PathChecked(seen(datagram), connection.client, datagram.time - asked))
        elif MAX_DATA <= kind <= MAX_STREAMS + 1:
            watched.streams.raised(frame, 1 - side.direction, datagram.frame, datagram.time)
            if watched.streams.over:
                self._waited(watched, datagram)
        elif DATA_BLOCKED <= kind <= STREAMS_BLOCKED + 1:
            watched.streams.flows[side.direction].blocked(frame, datagram.time, datagram.frame)
        elif kind == STOP_SENDING:
            self._stopped(watched, side, frame, datagram, stops=True)

    def _stopped(
        self, watched: Watched, side: QuicSide, frame: QuicFrame, datagram: Datagram, *, stops: bool
    ) -> None:
        connection = watched.connection
        error = application_error(int(frame.code), connection.alpn)[0]
        self.tell(watched, StreamReset(seen(datagram), connection.client, int(frame.id), error, stops=stops))

    def _stream(self, watched: Watched, side: QuicSide, frame: QuicFrame, datagram: Datagram) -> None:
        streams = watched.streams
        if not watched.asked:
            watched.asked = True
            self._hand_on(watched, side)
        if frame.type == RESET_STREAM:
            self._stopped(watched, side, frame, datagram, stops=False)
        streams.take(frame, side.direction, datagram.frame, datagram.time, watched.connection.client, self.out)
        if streams.over:
            self._waited(watched, datagram)
        if streams.untold:
            most = stream_caps.MAX_STREAMS if streams.untold == "MAX_STREAMS" else int(stream_caps.MAX_HELD)
            self.limit(seen(datagram), streams.untold, most)
            streams.untold = ""

    def _waited(self, watched: Watched, datagram: Datagram) -> None:
        """Waits for the receiver that are over."""
        over, watched.streams.over = watched.streams.over, []
        for wait in over:
            key = (wait.direction, wait.kind, wait.id)
            found = watched.waits.get(key)
            if found is None:
                if len(watched.waits) >= MAX_TOLD:
                    self.limit(seen(datagram), "streams whose waits are told", MAX_TOLD)
                    continue
                found = watched.waits[key] = WaitSum(wait)
            found.add(wait)

    def waits(self, watched: Watched, datagram: Close) -> None:
        """All waits of a connection, when it is over; of those that are not, the ones of which the sender tells."""
        self._held_up(watched)
        for flow in watched.streams.flows:
            if flow.full:
                self.limit(Observed(datagram.time, NEITHER, Evidence((datagram.frame,))), "MAX_WAITS", MAX_WAITS)
            watched.streams.over += [wait for wait in flow.waits.values() if wait.said]
            flow.waits = {}
        self._waited(watched, Datagram(datagram.frame, datagram.time, NEITHER, b"", 0))
        for found in watched.waits.values():
            observed = Observed(found.last_ns, found.direction, Evidence(found.cited.frames()))
            self.tell(watched, FlowWaits(observed, watched.connection.client, found))

    def _held_up(self, watched: Watched) -> None:
        """Streams that waited for what was missing of them, by direction."""
        streams = watched.streams
        for direction in (FORWARD, BACKWARD):
            waits = [wait for wait in streams.held_up if wait.direction == direction]
            if not waits:
                continue
            cited = Cited()
            for wait in waits:
                cited.add(wait.since_frame)
                cited.add(wait.until_frame)
            observed = Observed(max([wait.until_ns for wait in waits]), direction, Evidence(cited.frames()))
            self.tell(watched, StreamsHeldUp(observed, watched.connection.client, waits))
            if streams.most_held_up:
                self.limit(observed, "MAX_HELD_UP", stream_caps.MAX_HELD_UP)

    def _hand_on(self, watched: Watched, side: QuicSide) -> None:
        """Whoever is reached by the protocol that was agreed on reads all streams of the connection."""
        connection = watched.connection
        alpn = connection.alpn
        if not alpn and connection.hello is not None and len(connection.hello.alpn) == 1:
            alpn = connection.hello.alpn[0]      # where the server's answer is not in the capture
        if alpn and self.context.readers.of((ALPN, alpn)) is not None:
            watched.streams.child = watched.tls_child - 1
            self.out.append(Handoff((ALPN, alpn), connection.client, BENEATH, watched.streams.child))

    def _close(
        self, watched: Watched, side: QuicSide, frame: QuicFrame, packet: QuicPacket, datagram: Datagram
    ) -> None:
        """Said once of each side, however often it repeats it (RFC 9000 §10.2.1)."""
        connection = watched.connection
        if side.direction in connection.closed_by:
            return
        connection.closed_by.add(side.direction)
        if connection.close_ns < 0:
            connection.close_ns, connection.close_frame = datagram.time, datagram.frame
        if frame.type == CLOSE and is_alert(int(frame.code)) and watched.tls:
            alert = bytes((FATAL, int(frame.code) & 0xFF))
            self.out.append(Above(watched.tls_child, Datagram(
                datagram.frame, datagram.time, side.direction, alert, len(alert)
            )))
        self.tell(watched, QuicClosed(
            seen(datagram), connection.client, int(frame.code), frame.data, alpn=connection.alpn,
            application=frame.type == CLOSE_APPLICATION, early=packet.kind in (INITIAL, HANDSHAKE),
            trigger=int(frame.id),
        ))

    # -- the handshake ---------------------------------------------------------------------------------

    def _message(self, watched: Watched, side: QuicSide, message: Message, datagram: Datagram) -> None:
        connection = watched.connection
        if message.type == CLIENT_HELLO:
            if message.raw == watched.last_hello:
                return        # again after a Retry
            watched.last_hello = message.raw
        if not watched.tls:
            watched.tls = True
            self.out.append(Handoff((MESSAGES, "tls"), side.direction, BENEATH, watched.tls_child))
        with suppress(WireError):      # whoever reads the handshake tells of it
            self._read(watched, side, message)
        self.out.append(Above(watched.tls_child, Datagram(
            datagram.frame, datagram.time, side.direction, message.raw, len(message.raw), frames=message.frames,
        )))
        if side.parameters is not None and side.parameters_frame == 0:
            side.parameters_frame = datagram.frame
            self.tell(watched, ParametersSeen(
                Observed(message.time, side.direction, Evidence(message.frames)), connection.client, side.parameters
            ))

    def _read(self, watched: Watched, side: QuicSide, message: Message) -> None:
        """What of the handshake the packets depend on."""
        connection = watched.connection
        body = message.raw[4:]
        if message.type == CLIENT_HELLO:
            hello = ClientHello(body)
            connection.hello = hello
            if len(hello.random) == 32 and hello.random not in connection.randoms[:MAX_RANDOMS]:
                connection.randoms = [*connection.randoms, hello.random][-MAX_RANDOMS:]
                connection.learned += 1
            connection.early_offered = hello.early_data
            watched.unlocked = True
            self._parameters(watched, side, hello.extended)
        elif message.type == SERVER_HELLO:
            found = ServerHello(body)
            if found.retry:
                connection.hello_retried = True
            elif found.suite > 0:
                connection.server = found
                connection.suite = found.suite
                connection.learned += 1
                watched.unlocked = True
        elif message.type == ENCRYPTED_EXTENSIONS:
            answer = EncryptedExtensions(body)
            connection.alpn = answer.alpn
            connection.early_taken = "yes" if answer.early_data else "no"
            if answer.early_data:
                connection.client_side.recovery.taken()
            self._parameters(watched, side, answer.extensions)

    def _parameters(self, watched: Watched, side: QuicSide, extensions: Extensions) -> None:
        data = extensions.data(EXTENSION) or extensions.data(EXTENSION_DRAFT)
        if not data or side.parameters is not None:
            return
        side.parameters = Parameters(data)
        watched.streams.flows[1 - side.direction].allowed(side.parameters)
        token = side.parameters.get(RESET_TOKEN)
        if token is not None and len(token.data) == 16:
            watched.connection.tokens[token.data] = side.direction

    def _established(self, watched: Watched, side: QuicSide, datagram: Datagram) -> None:
        """The client sends a 1-RTT packet, for which it must have the server's Finished (RFC 9001 §5.7)."""
        connection = watched.connection
        connection.established_ns = datagram.time
        connection.validated = True
        if connection.began_ns < 0 or connection.late:
            return
        one = Opening()
        one.version, one.first_version = connection.version, connection.first_version
        one.server_name = connection.hello.server_name if connection.hello is not None else ""
        one.alpn = connection.alpn
        one.began_ns, one.ended_ns = connection.began_ns, datagram.time
        one.asked_ns, one.answered_ns = connection.asked_ns, connection.answered_ns
        one.retried, one.hello_retried = connection.retried, connection.hello_retried
        one.negotiated, one.early = connection.negotiated, connection.early_told
        one.early_offered, one.early_taken = connection.early_offered, connection.early_taken
        frames = tuple(sorted({connection.began_frame, datagram.frame}))
        observed = Observed(datagram.time, side.direction, Evidence(frames))
        self.tell(watched, QuicEstablished(observed, connection.client, connection.number, one))

    # -- the limit of three times ----------------------------------------------------------------------

    def amplification(self, watched: Watched, datagram: Datagram) -> None:
        """Before the client's address is validated a server may run into its limit (RFC 9000 §8.1)."""
        connection = watched.connection
        if connection.validated or connection.late or connection.token or connection.established_ns >= 0:
            return
        client = connection.from_client(datagram.direction)
        sums = watched.unvalidated
        if client:
            if watched.blocked_ns >= 0 and watched.answer_ns < 0:
                watched.answer_ns = datagram.time
            sums[0] += datagram.length
            return
        if watched.answer_ns >= 0 and self._went_on(watched, datagram):
            waited = datagram.time - watched.blocked_ns
            self.tell(watched, AmplificationStall(
                seen(datagram), connection.client, sums[1], watched.blocked_received, waited
            ))
        sums[1] += datagram.length
        near = sums[1] + int(connection.server_side.longest) > ALLOWED * sums[0]
        watched.blocked_ns = datagram.time if near else -1
        watched.answer_ns = -1
        watched.blocked_received = sums[0]

    def _went_on(self, watched: Watched, datagram: Datagram) -> bool:
        """The server sends more of its flight because the client's datagram has come: a round trip after that at the
        most, and not when its own timer has run out."""
        connection = watched.connection
        trip = max(connection.answered_ns - connection.asked_ns, 0)
        soon = datagram.time - watched.answer_ns <= trip + trip // 2 + SOON_NS
        return soon and 2 * datagram.length >= connection.server_side.longest
