"""The observer of the QUIC connections between two addresses and ports."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError
from dissectors.kit.event import (
    NEITHER,
    Evidence,
    Observed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.observation import OCTETS
from dissectors.kit.protocol import Above, Context, Dissector, Output
from dissectors.protocols.quic.connection import Connection, QuicSide
from dissectors.protocols.quic.events import HelloPending, PacketSeen, RetrySeen, VersionsOffered
from dissectors.protocols.quic.events_connection import QuicHidden, QuicStalled, QuicTotals, SideTotals
from dissectors.protocols.quic.events_packets import ResetPossible
from dissectors.protocols.quic.frames import Frames
from dissectors.protocols.quic.observer import QuicObserver, Watched
from dissectors.protocols.quic.parameters import GREASE_BIT, VERSION_INFORMATION
from dissectors.protocols.quic.protection import Opened, retry_is_whole
from dissectors.protocols.quic.recovery import spin_round_trips
from dissectors.protocols.quic.versions import version_of
from dissectors.protocols.quic.wire import (
    FIXED,
    HANDSHAKE,
    INITIAL,
    LONG,
    ONE_RTT,
    OTHER,
    RETRY,
    VERSIONS,
    ZERO_RTT,
    QuicPacket,
    read_packet,
)

MAX_CONNECTIONS: Final = 64        # between two addresses and ports that are followed
FIRST_WAIT_NS: Final = 999_000_000   # after which a side sends again that knows nothing of the way (RFC 9002 §6.2.2)
MAX_COALESCED: Final = 32          # packets of one datagram
MAX_SOURCES: Final = 16             # source connection IDs of a side that are remembered
LEAST_RESET: Final = 21            # octets of a stateless reset (RFC 9000 §10.3)
TOKEN: Final = 16                  # octets of the token that it ends with
LEAST_RESET_ID: Final = 1
SERVER_PORTS: Final = (443, 853, 8443, 4433, 784)


class QuicDissector(Dissector):
    """A packet belongs to a connection by its connection ID, and where it has none, or an unknown one, to the last one
    between these addresses."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.observer = QuicObserver(context)
        self.watched: list[Watched] = []
        self.strange = [0, 0, 0]           # (frame, time, octets) of the last datagram whose connection ID is unknown
        self.strange_direction = NEITHER
        self.strange_tail = b""            # its last octets
        self.finished = False

    # -- inputs ----------------------------------------------------------------------------------------

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        data = datagram.data
        size: i64 = len(data)
        at: i64 = 0
        first: Watched | None = None
        for place in range(MAX_COALESCED):
            if at >= size:
                break
            if place and not data[at] & (LONG | FIXED) and not self._named(data, at, datagram.direction):
                break          # what follows the last packet is padding, or noise
            try:
                packet, watched = self._next(datagram, at, first)
            except WireError:
                break          # no packet: it may be of another protocol on the same ports (RFC 9443)
            if watched is None:
                if self.context.each_pdu:
                    self._record(datagram, packet, None, None, NEITHER)
            else:
                if first is None:
                    first = watched
                    self._saw(watched, datagram)
                self._packet(watched, packet, datagram)
            at = packet.end
        if first is not None:
            self.observer.amplification(first, datagram)
        out, self.observer.out = self.observer.out, []
        return out

    def on_close(self, close: Close) -> list[Output]:
        if close.direction == NEITHER and not self.finished:
            self.finished = True
            for watched in self.watched:
                self._finish(watched, close)
        out, self.observer.out = self.observer.out, []
        return out

    # -- which connection ------------------------------------------------------------------------------

    def _next(self, datagram: Datagram, at: i64, first: Watched | None) -> tuple[QuicPacket, Watched | None]:
        """The packet at that place and the connection that it belongs to. Raises WireError."""
        data, direction = datagram.data, datagram.direction
        if data[at] & LONG:
            packet = read_packet(data, at, datagram.length, 0)
            return packet, self._of_long(packet, datagram)
        found = self._of_short(data, at, direction)
        if found is not None:
            return read_packet(data, at, datagram.length, found[1]), found[0]
        if not data[at] & FIXED and not self._greased():
            raise WireError(int(at), "neither a long nor a short header")
        guess = first or (self.watched[-1] if self.watched else None)
        lengths = guess.connection.sides[direction].lengths if guess is not None else []
        packet = read_packet(data, at, datagram.length, lengths[0] if lengths else 0)
        if not at:
            self.strange = [datagram.frame, datagram.time, datagram.length]
            self.strange_tail = data[-TOKEN:]
            self.strange_direction = direction
        return packet, guess

    def _named(self, data: bytes, at: i64, direction: int) -> bool:
        """A short header whose QUIC bit is 0 (RFC 9287), by its connection ID."""
        found = self._of_short(data, at, direction)
        return found is not None and found[1] > 0

    def _greased(self) -> bool:
        """The QUIC bit may be 0 (RFC 9287 §3): a side has said so, or what it said is hidden."""
        for watched in self.watched:
            for side in watched.connection.sides:
                if side.parameters is None or side.parameters.get(GREASE_BIT) is not None:
                    return True
        return False

    def _of_short(self, data: bytes, at: i64, direction: int) -> tuple[Watched, int] | None:
        """By the connection ID, the longest first; the connection that began last first."""
        for place in range(len(self.watched) - 1, -1, -1):
            watched = self.watched[place]
            side = watched.connection.sides[direction]
            for length in side.lengths:
                if data[at + 1:at + 1 + length] in side.ids:
                    return watched, length
        return None

    def _of_long(self, packet: QuicPacket, datagram: Datagram) -> Watched | None:
        direction = datagram.direction
        by_source: Watched | None = None
        for place in range(len(self.watched) - 1, -1, -1):
            watched = self.watched[place]
            side = watched.connection.sides[direction]
            if packet.dcid in side.ids and (packet.dcid or packet.scid in side.sources or not side.sources):
                return watched
            if packet.scid and packet.scid in side.sources and by_source is None:
                by_source = watched
        if by_source is not None and (packet.kind != INITIAL or by_source.connection.from_client(direction)):
            return by_source
        return self._begin(packet, datagram)

    def _begin(self, packet: QuicPacket, datagram: Datagram) -> Watched | None:
        """A connection that was not seen before; the last one where nothing proves that this is another."""
        direction, kind = datagram.direction, int(packet.kind)
        last = self.watched[-1] if self.watched else None
        if last is not None and kind in (RETRY, VERSIONS):
            return None         # it answers none of these clients
        if last is not None and (kind == HANDSHAKE or (kind == ZERO_RTT and last.connection.established_ns < 0)):
            return last
        if len(self.watched) >= MAX_CONNECTIONS:
            self.observer.limit(seen(datagram), "MAX_CONNECTIONS", MAX_CONNECTIONS)
            return None
        provided = self.context.provided
        connection = Connection(len(self.watched), direction, int(packet.version), provided, late=False)
        if kind in (INITIAL, ZERO_RTT, OTHER):
            connection.original = connection.attempted = packet.dcid
            if kind == INITIAL and not packet.cut and not connection.begins_with(packet, datagram.data):
                if last is not None:
                    return last
                connection.late = True
        elif kind in (RETRY, VERSIONS):
            connection.client = 1 - direction
            connection.late = True
        else:
            connection.late = True
        if connection.late and kind not in (RETRY, VERSIONS):
            connection.client = self._client_by_ports(datagram)
        connection.began_ns, connection.began_frame = datagram.time, datagram.frame
        filling = self.context.filling
        if filling is not None and filling.pieces:
            filling = None      # of an earlier connection, whose streams have the same numbers
        watched = Watched(connection, filling)
        self.watched.append(watched)
        return watched

    def _client_by_ports(self, datagram: Datagram) -> int:
        """Where the first packets are missing: the side whose port is no server's."""
        if datagram.source_port in SERVER_PORTS and datagram.destination_port not in SERVER_PORTS:
            return 1 - datagram.direction
        return datagram.direction

    # -- packets ---------------------------------------------------------------------------------------

    def _saw(self, watched: Watched, datagram: Datagram) -> None:
        connection = watched.connection
        connection.sides[datagram.direction].saw(datagram)
        if connection.from_client(datagram.direction):
            if connection.answered_ns < 0:
                connection.asked_ns = datagram.time
        elif connection.answered_ns < 0 <= connection.asked_ns:
            connection.answered_ns = datagram.time

    def _packet(self, watched: Watched, packet: QuicPacket, datagram: Datagram) -> None:
        connection = watched.connection
        direction = datagram.direction
        side, peer = connection.sides[direction], connection.sides[1 - direction]
        kind = packet.kind
        if kind not in (ONE_RTT, VERSIONS):
            side.knows(packet.dcid)
            peer.knows(packet.scid)
            if len(side.sources) < MAX_SOURCES:
                side.sources[packet.scid] = datagram.frame
            if kind != OTHER and not connection.from_client(direction):
                connection.version = int(packet.version)
        opened: Opened | None = None
        if kind == VERSIONS:
            self._versions(watched, packet, datagram)
        elif kind == RETRY:
            self._retry(watched, packet, datagram)
        else:
            if kind == INITIAL and connection.from_client(direction):
                connection.token = connection.token or bool(packet.token)
                if connection.negotiated:
                    connection.version = int(packet.version)
            opened = connection.open(packet, datagram.data, direction)
        place = len(self.observer.out)
        frames = self.observer.packet(watched, packet, datagram, opened)
        if self.context.each_pdu:
            self._record(datagram, packet, opened, frames, connection.client, place)

    def _record(
        self, datagram: Datagram, packet: QuicPacket, opened: Opened | None, frames: Frames | None, client: int,
        place: int = -1,
    ) -> None:
        types = tuple([int(frame.type) for frame in frames.all]) if frames is not None else ()
        number = int(opened.number) if opened is not None else -1
        out = self.observer.out
        event = PacketSeen(seen(datagram), client, packet, number, types)
        out.insert(place if place >= 0 else len(out), event)

    def _versions(self, watched: Watched, packet: QuicPacket, datagram: Datagram) -> None:
        connection = watched.connection
        if connection.from_client(datagram.direction):
            return                      # a client sends none (RFC 9000 §6)
        asked = 0 if connection.late else connection.first_version
        took = datagram.time - connection.asked_ns if connection.asked_ns >= 0 else -1
        if not connection.negotiated:
            given = connection.client_side.parameters
            information = given.get(VERSION_INFORMATION) if given is not None else None
            spoken = information.versions() if information is not None else []
            event = VersionsOffered(
                seen(datagram), connection.client, packet, asked=asked, answered_ns=took, spoken=spoken
            )
            self.observer.tell(watched, event)
        connection.negotiated = True
        connection.client_side.handshake.restart()

    def _retry(self, watched: Watched, packet: QuicPacket, datagram: Datagram) -> None:
        connection = watched.connection
        known = version_of(int(packet.version))
        whole = ""
        if known is not None and known.retry_key and connection.attempted and not connection.late and not packet.cut:
            fits = retry_is_whole(known, connection.attempted, datagram.data[packet.at:packet.end])
            whole = "yes" if fits else "no"
        took = datagram.time - connection.asked_ns if connection.asked_ns >= 0 else -1
        if not connection.retried:
            self.observer.tell(watched, RetrySeen(seen(datagram), connection.client, packet, whole, took))
        if whole != "no":
            connection.retried = True
            connection.original = packet.scid
            connection.client_side.handshake.restart()

    # -- the end ---------------------------------------------------------------------------------------

    def _finish(self, watched: Watched, close: Close) -> None:
        connection = watched.connection
        streams = watched.streams
        streams.finish(close.frame, close.time, self.observer.out)
        if connection.closed_by and streams.child:      # what was on its way by then has come
            self.observer.out.append(Above(
                streams.child, Close(connection.close_frame, connection.close_ns, NEITHER, "rst")
            ))
        if self.context.each_pdu:
            return
        for side in connection.sides:
            crypto = side.handshake.spaces[0]
            if crypto.incomplete() and connection.hello is None:
                octets = int(crypto.stream.octets + crypto.stream.ahead)
                observed = Observed(int(side.last_ns), side.direction, Evidence(crypto.came.frames()))
                self.observer.tell(watched, HelloPending(observed, connection.client, octets))
        gave_up = not connection.closed_by or not connection.server_side.datagrams     # a client may say so
        if connection.established_ns < 0 and gave_up and not connection.late:
            self._stalled(watched, close)
        self._reset(watched)
        self._totals(watched)

    def _stalled(self, watched: Watched, close: Close) -> None:
        """At which flight the handshake stopped."""
        connection = watched.connection
        client, server = connection.client_side, connection.server_side
        initials = client.of(INITIAL, OTHER)
        if not initials or close.how == "unread":
            return
        if not server.datagrams and self.context.observed.frames[server.direction]:
            return                        # something came, cut or of another kind
        if not server.datagrams:
            due, awaited = server, "the server's answer"
        elif server.of(VERSIONS) and not server.of(INITIAL, HANDSHAKE):
            if server.last_ns >= client.last_ns:
                return                    # the client takes none of the versions, or begins anew elsewhere
            due, awaited = server, "the server's answer to the version that was chosen"
        elif server.last_ns > client.last_ns:
            due, awaited = client, "the client's next flight"
        else:
            due, awaited = server, "the rest of the server's handshake"
        since = int(due.last_ns) if due.datagrams else connection.began_ns
        if close.time - since < FIRST_WAIT_NS:
            return                        # it may still come
        absent = self.context.observed.absence(due.direction, since, close.time - 1, OCTETS)
        frames = tuple(sorted({connection.began_frame, int(client.last_frame), int(max(server.last_frame, 0))} - {0}))
        event = QuicStalled(
            Observed(close.time, due.direction, Evidence(frames)), connection.client, awaited, initials=initials,
            waited_ns=close.time - since, unproven=absent.why,
        )
        self.observer.tell(watched, event)

    def _reset(self, watched: Watched) -> None:
        """The last datagram of the conversation may be a stateless reset (RFC 9000 §10.3)."""
        frame, time, octets = self.strange
        connection = watched.connection
        if not frame or self.strange_direction == NEITHER or watched is not self.watched[-1]:
            return
        side = connection.sides[self.strange_direction]
        if side.last_frame == frame and octets >= LEAST_RESET and connection.established_ns >= 0 \
                and not connection.closed_by and max(side.lengths, default=0) >= LEAST_RESET_ID:
            observed = Observed(time, side.direction, Evidence((frame,)))
            proven = connection.tokens.get(self.strange_tail) == side.direction
            self.observer.tell(watched, ResetPossible(observed, connection.client, octets, proven=proven))

    def _totals(self, watched: Watched) -> None:
        connection = watched.connection
        sides: list[SideTotals] = []
        for side in (connection.client_side, connection.server_side):
            one = SideTotals()
            one.datagrams, one.octets, one.longest = int(side.datagrams), int(side.octets), int(side.longest)
            one.packets, one.opened = sum(side.counts), side.opened
            one.stream_octets = watched.streams.octets[side.direction]
            one.streams = watched.streams.count[side.direction]
            one.repeated = watched.streams.repeated[side.direction]
            one.lost, one.late, one.holes = side.recovery.lost, side.recovery.late, side.holes
            one.lost_frames = side.recovery.lost_in.frames()
            one.generation = connection.generations[side.direction]
            one.rtts = side.recovery.rtts
            sides.append(one)
        client, server = connection.client_side, connection.server_side
        begun = [side.sealed_ns for side in (client, server) if side.sealed_ns >= 0]
        if begun and (connection.established_ns >= 0 or connection.keys_told != "found"):
            latest = max((client, server), key=_last)
            frames = tuple(sorted({client.sealed, server.sealed, int(latest.last_frame)} - {0}))
            self.observer.tell(watched, QuicHidden(
                Observed(int(latest.last_ns), NEITHER, Evidence(frames)), connection.client, min(begun),
                sum([side.sealed_packets for side in (client, server)]), (client.sealed_octets, server.sealed_octets),
            ))
        spins = spin_round_trips(connection.client_side.spin, connection.server_side.spin)
        last = max(connection.sides, key=_last)
        frames = tuple(sorted({connection.began_frame, int(last.last_frame)} - {0}))
        self.observer.tell(watched, QuicTotals(
            Observed(max(int(last.last_ns), 0), last.direction, Evidence(frames)), connection.client,
            connection.number, (sides[0], sides[1]), spins=spins,
            hidden=sum([side.sealed_packets for side in connection.sides]),
        ))


def _last(side: QuicSide) -> int:
    return int(side.last_ns)
