"""Connections that go on between other addresses or ports (RFC 9000 §9): found by their connection IDs."""
from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from dissectors.kit.event import Evidence, Observed, seen
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.observation import ALWAYS, HIDDEN, OCTETS
from dissectors.kit.protocol import ANYONE, BENEATH, Context, Handoff
from dissectors.protocols.quic.events_path import MIGRATION, REBINDING, Migrated, Move, MovedOn, PathTotals
from dissectors.protocols.quic.index import PROOF, IdIndex
from dissectors.protocols.quic.observer import QuicObserver, Watched
from dissectors.protocols.quic.wire import FIXED, LONG, QuicPacket

MAX_ROAMING: Final = 2_000   # connections of a capture that are looked for between other addresses at once
MAX_MOVES: Final = 64      # to one pair of addresses and ports that are told


class Roaming:
    """The connections of a capture that go on, by serial. told: somebody has said that there are more."""

    def __init__(self) -> None:
        self.index = IdIndex()
        self.watched: dict[int, Watched] = {}
        self.told = False

    def add(self, watched: Watched) -> bool:
        """One that begins. Where there are too many the oldest is no longer looked for; True the first time."""
        self.watched[watched.connection.serial] = watched
        if len(self.watched) <= MAX_ROAMING:
            return False
        oldest = self.watched.pop(next(iter(self.watched)))
        oldest.connection.forget()
        first, self.told = not self.told, True
        return first

    def find(self, data: bytes, at: int, direction: int) -> tuple[Watched, int] | None:
        """The connection of a packet with a short header, and the octets of the ID that it bears: as both are seen in
        the same direction, and the client sends it, who alone may move (RFC 9000 §9)."""
        if not self.index.ids or at >= len(data) or data[at] & (LONG | FIXED) != FIXED:
            return None
        for serial, octets in self.index.short(data, at, direction):
            watched = self.watched.get(serial)
            if watched is not None and octets >= PROOF and watched.connection.from_client(direction):
                return watched, octets
        return None


def roaming_in(context: Context) -> Roaming:
    """What the conversations that are told together know of each other."""
    found = context.shared.kept.get("quic")
    if isinstance(found, Roaming):
        return found
    made = Roaming()
    context.shared.kept["quic"] = made
    return made


def resumes(context: Context, data: bytes, direction: int) -> bool:
    """Whether a datagram goes on with a connection that was in another conversation until now."""
    return "quic" in context.shared.kept and roaming_in(context).find(data, 0, direction) is not None


def end_of(datagram: Datagram) -> str:
    """Address and port of its sender; "" where they are not known."""
    if len(datagram.source) not in (4, 16):
        return ""
    address = str(ip_address(datagram.source))
    return f"[{address}]:{datagram.source_port}" if ":" in address else f"{address}:{datagram.source_port}"


class Paths:
    """Of the connections of one conversation, those that came from another one."""

    def __init__(self, context: Context, observer: QuicObserver, roaming: Roaming) -> None:
        self.context = context
        self.observer = observer
        self.roaming = roaming
        self.moves: dict[int, tuple[Watched, Move]] = {}

    def begin(self, watched: Watched, datagram: Datagram) -> None:
        """One that begins here."""
        if self.roaming.add(watched):
            self.observer.limit(seen(datagram), "MAX_ROAMING", MAX_ROAMING)

    def hold(self, watched: Watched, packet: QuicPacket, datagram: Datagram) -> None:
        """The connection goes on here: who reads above it comes along."""
        before, watched.context = watched.context, self.context
        self.context.marks.join(before.marks)
        for child in (watched.tls_child, watched.tls_child - 1):
            reader = before.layers.pop(child, None)
            if reader is not None:
                self.observer.out.append(Handoff(ANYONE, datagram.direction, BENEATH, child, reader=reader))
        if watched.move is not None:
            watched.move.left = True
        connection = watched.connection
        watched.move = None
        if watched.home is self.context:
            watched.client_end = ""
            return
        known = self.moves.get(connection.serial)
        if known is not None:
            watched.move, watched.client_end = known[1], known[1].new
        elif len(self.moves) < MAX_MOVES:
            self._moved(watched, before, packet, datagram)
        else:
            self.observer.limit(seen(datagram), "MAX_MOVES", MAX_MOVES)

    def _moved(self, watched: Watched, before: Context, packet: QuicPacket, datagram: Datagram) -> None:
        """For the first time."""
        connection = watched.connection
        for side in connection.sides:
            if side.sealed:
                self.context.observed.miss(
                    HIDDEN, side.direction, datagram.time, ALWAYS, datagram.frame,
                    f"from #{datagram.frame} on this direction is encrypted, and no key for it is there",
                )
        kind = REBINDING if packet.dcid == watched.last_id else MIGRATION
        move = Move(kind, watched.client_end, end_of(datagram), before.number, datagram.time, datagram.frame)
        watched.move, watched.client_end = move, move.new
        self.moves[connection.serial] = watched, move
        readable = connection.client_side.phased is not None
        self.observer.tell(watched, Migrated(seen(datagram), connection.client, move, readable=readable))

    def finish(self, watched: Watched, close: Close) -> None:
        """What became of it, as far as this conversation goes. It goes on elsewhere, or is over."""
        connection = watched.connection
        here = watched.context is self.context
        if here:
            self.roaming.watched.pop(connection.serial, None)
            connection.forget()
        if self.context.each_pdu:
            return
        observed = Observed(close.time, connection.client, Evidence((close.frame,)))
        known = self.moves.pop(connection.serial, None)
        if known is not None:
            move = known[1]
            absent = self.context.observed.absence(1 - connection.client, move.first_ns, move.last_ns, OCTETS)
            frames = tuple(sorted({move.first_frame, move.last_frame}))
            at = Observed(move.last_ns, connection.client, Evidence(frames))
            self.observer.tell(watched, PathTotals(at, connection.client, move, absent))
        if not here:
            self.observer.tell(watched, MovedOn(
                observed, connection.client, watched.context.number, watched.client_end
            ))
