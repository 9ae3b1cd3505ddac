"""One QUIC connection under observation: its connection IDs, its keys, and what was seen of either side."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.inputs import Datagram
from dissectors.kit.provided import Provided
from dissectors.protocols.quic.handshake import Handshake
from dissectors.protocols.quic.index import IdIndex
from dissectors.protocols.quic.parameters import IDLE_TIMEOUT, LARGEST_MS, Parameters
from dissectors.protocols.quic.protection import Opened, PacketKeys, PhasedKeys, initial_keys, keys_of
from dissectors.protocols.quic.recovery import Recovery, Spin
from dissectors.protocols.quic.versions import DRAFT_29, V1, is_reserved, version_of
from dissectors.protocols.quic.wire import INITIAL, ONE_RTT, SPIN, ZERO_RTT, QuicPacket
from dissectors.wire.tls.hello import ClientHello, ServerHello

MAX_IDS: Final = 64            # connection IDs of one direction that are known at once
MAX_INITIAL_KEYS: Final = 8    # pairs of keys that are derived for Initial packets of one connection
MAX_RANDOMS: Final = 4         # ClientHellos of one connection whose secrets are looked for
MAX_FAILURES: Final = 1_000    # packets in a row that do not open, then a direction is given up
MAX_TOKENS: Final = 64         # of stateless resets

EARLY: Final = b"CLIENT_EARLY_TRAFFIC_SECRET"
HANDSHAKES: Final = (b"CLIENT_HANDSHAKE_TRAFFIC_SECRET", b"SERVER_HANDSHAKE_TRAFFIC_SECRET")
TRAFFIC: Final = (b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0")
SUITES: Final = {32: (0x1301, 0x1303, 0x1304), 48: (0x1302,)}    # that fit a secret, while none is chosen
SPACES: Final = [0, 2, 1, -1, 2, -1, -1]    # of packet numbers, by the kind of a packet (RFC 9000 §12.3)


def spoken(version: int) -> tuple[int, ...]:
    """The versions whose keys an Initial of this version may have: a reserved one has none of its own."""
    return (V1, DRAFT_29) if is_reserved(version) else (version,)


class QuicSide:
    """What one direction sends.

    ids: destination connection IDs of its packets, as far as they are known; lengths: of those, the longest first.
    sources: that its long headers name as its own.     largest: packet numbers opened, by space.     counts: packets by
    their kind.     parameters: transport parameters, None while they are not known.     sealed: the frame of its first
    packet that was not opened, for want of a key.
    """

    def __init__(self, direction: int, serial: int, index: IdIndex) -> None:
        self.direction = direction
        self.serial = serial
        self.index = index
        self.ids: dict[bytes, int] = {}
        self.lengths: list[int] = []
        self.sources: dict[bytes, int] = {}
        self.largest: list[int] = [-1, -1, -1]
        self.handshake = Handshake()
        self.counts = [0] * 8
        self.opened = 0
        self.failures = 0
        self.lacking = False
        self.holes = 0                   # in the numbers of its 1-RTT packets
        self.sealed = 0
        self.sealed_packets = 0
        self.sealed_octets = 0           # of those with data
        self.sealed_ns = -1              # the first of those
        self.datagrams: i64 = 0
        self.octets: i64 = 0
        self.longest: i64 = 0
        self.last_ns: i64 = -1
        self.last_frame: i64 = 0
        self.parameters: Parameters | None = None
        self.parameters_frame = 0
        self.phased: PhasedKeys | None = None
        self.unknown_at = -1     # what was learned, and how many secrets there were, when the log had none for it
        self.unknown_of = -1
        self.first_of: list[int] = [-1] * 8    # time of the first packet of each kind
        self.spin = Spin()
        self.recovery = Recovery()

    def knows(self, dcid: bytes, sequence: int = -1) -> None:
        """Its packets may be sent to this connection ID."""
        if dcid in self.ids or len(self.ids) >= MAX_IDS:
            return
        self.ids[dcid] = sequence
        self.index.add(dcid, self.serial, self.direction)
        if len(dcid) not in self.lengths:
            self.lengths = sorted([*self.lengths, len(dcid)], reverse=True)

    def saw(self, datagram: Datagram) -> None:
        """A datagram of it."""
        self.datagrams += 1
        self.octets += datagram.length
        self.longest = max(self.longest, datagram.length)
        self.last_ns = datagram.time
        self.last_frame = datagram.frame

    def count(self, packet: QuicPacket, time: int) -> None:
        kind = int(packet.kind)
        self.counts[kind] += 1
        if self.first_of[kind] < 0:
            self.first_of[kind] = time
        if kind == ONE_RTT:
            self.spin.packet(packet.first & SPIN != 0, time)

    def of(self, *kinds: int) -> int:
        """Packets of these kinds."""
        return sum([self.counts[kind] for kind in kinds])


class Connection:
    """number: among those of a conversation, from 0.     index: of the capture, which knows it by its IDs.
    client: the direction in which the client sends.

    late: its first packet was not seen, so that its Initial packets cannot be opened.     original: the connection ID
    from which the keys of Initial packets are derived; attempted: that of the very first Initial, to which a Retry
    refers.     version: the last that both sides can be speaking.
    """

    def __init__(
        self, number: int, client: int, version: int, provided: Provided, index: IdIndex, *, late: bool
    ) -> None:
        self.number = number
        index.serials += 1
        self.serial = index.serials
        self.index = index
        self.client = client
        self.version = version
        self.provided = provided
        self.late = late
        self.sides = [QuicSide(0, self.serial, index), QuicSide(1, self.serial, index)]
        self.original = b""
        self.attempted = b""
        self.first_version = version
        self.hello: ClientHello | None = None
        self.server: ServerHello | None = None
        self.randoms: list[bytes] = []
        self.learned = 0            # times that more was learned of what its keys are looked up by
        self.suite = 0
        self.alpn = ""
        self.began_ns = -1
        self.began_frame = 0
        self.answered_ns = -1
        self.asked_ns = -1          # of the client's last datagram before that
        self.established_ns = -1
        self.token = False          # an Initial of the client bears one
        self.retried = False
        self.hello_retried = False
        self.negotiated = False     # by a Version Negotiation packet
        self.closed_by: set[int] = set()
        self.close_ns = -1
        self.close_frame = 0
        self.last_ns = -1           # of any datagram
        self.last_frame = 0
        self.longest_ns = 0         # without one, once the handshake was over
        self.quiet = (0, 0, 0, 0)   # when that was: time and frame before it, time and frame behind it
        self.since_quiet = [0, 0]   # datagrams behind it, by direction
        self.early_taken = ""       # 0-RTT: "yes" or "no" by the server's answer, "" where that was not read
        self.early_offered = False  # by the last ClientHello
        self.validated = False      # the server knows that the client has its address
        self.keys_told = ""
        self.early_told = False
        self.tokens: dict[bytes, int] = {}    # of stateless resets -> the direction in which one would come
        self.generations = [0, 0]
        self.initials: dict[tuple[int, bytes], tuple[PacketKeys, PacketKeys]] = {}
        self.keys: dict[tuple[int, int], PacketKeys] = {}
        self.labels: list[str] = []

    def from_client(self, direction: int) -> bool:
        return direction == self.client

    @property
    def client_side(self) -> QuicSide:
        return self.sides[self.client]

    @property
    def server_side(self) -> QuicSide:
        return self.sides[1 - self.client]

    def forget(self) -> None:
        """It is over: nobody looks for its connection IDs any more."""
        for side in self.sides:
            for dcid in side.ids:
                self.index.forget(dcid, self.serial)

    def saw(self, datagram: Datagram) -> None:
        """A datagram of either side: how long there was none before it."""
        last, self.last_ns = self.last_ns, datagram.time
        if self.established_ns >= 0:
            if datagram.time - last > self.longest_ns:
                self.longest_ns = datagram.time - last
                self.quiet = (last, self.last_frame, datagram.time, datagram.frame)
                self.since_quiet = [0, 0]
            self.since_quiet[datagram.direction] += 1
        self.last_frame = datagram.frame

    def idle_timeout(self) -> tuple[int, str]:
        """(ns after which it is over, whose time that is) as far as it is known; -1 for no end by silence.

        The shorter of the two counts, so that one which is known is never exceeded (RFC 9000 §10.1).
        """
        known: list[tuple[int, str]] = []
        for side, who in ((self.client_side, "client"), (self.server_side, "server")):
            milliseconds = side.parameters.number(IDLE_TIMEOUT, 0) if side.parameters is not None else 0
            if 0 < milliseconds < LARGEST_MS:
                known.append((milliseconds * 1_000_000, who))
        if len(known) == 2 and known[0][0] == known[1][0]:
            return known[0][0], "both"
        return min(known, default=(-1, ""))

    # -- opening ---------------------------------------------------------------------------------------

    def open(self, packet: QuicPacket, data: bytes, direction: int) -> Opened | None:
        """The packet below its protection; None where it does not open, or there is no key for it."""
        side = self.sides[direction]
        kind = int(packet.kind)
        space = SPACES[kind]
        if space < 0 or side.failures > MAX_FAILURES:
            return None
        opened: Opened | None = None
        if kind == INITIAL:
            opened = self._initial(packet, data, direction, side.largest[0])
        elif kind == ONE_RTT:
            phased = side.phased or self._phased(packet, data, side)
            if phased is not None:
                opened = phased.open(data, packet, side.largest[2])
        else:
            opened = self._long(packet, data, direction, side.largest[space])
        if opened is None:
            if kind != INITIAL and not packet.cut and (kind, direction) in self.keys:
                side.failures += 1
            return None
        side.failures = 0
        side.opened += 1 if kind != INITIAL else 0
        number = int(opened.number)
        if space == 2 and number > side.largest[2] + 1 and side.largest[2] >= 0:
            side.holes += number - side.largest[2] - 1
        side.largest[space] = max(side.largest[space], number)
        return opened

    def _initial(self, packet: QuicPacket, data: bytes, direction: int, largest: int) -> Opened | None:
        """With the keys of the connection ID that the client first chose, in the version of this packet; a client that
        begins anew chooses another."""
        index = 0 if self.from_client(direction) else 1
        tried = [self.original, packet.dcid] if index == 0 else [self.original, self.attempted]
        for place, dcid in enumerate(tried):
            if place and (dcid == self.original or not dcid):
                continue
            for version in spoken(int(packet.version)):
                pair = self.initial_pair(version, dcid)
                opened = pair[index].open(data, packet, largest) if pair is not None else None
                if opened is not None:
                    if index == 0:
                        self.original = dcid
                    return opened
        return None

    def begins_with(self, packet: QuicPacket, data: bytes) -> bool:
        """This Initial is a client's first, as its keys prove: they follow from its connection ID."""
        for version in spoken(int(packet.version)):
            pair = self.initial_pair(version, packet.dcid)
            if pair is not None and pair[0].open(data, packet, -1) is not None:
                return True
        return False

    def initial_pair(self, version: int, dcid: bytes) -> tuple[PacketKeys, PacketKeys] | None:
        pair = self.initials.get((version, dcid))
        known = version_of(version)
        if pair is None and known is not None and len(self.initials) < MAX_INITIAL_KEYS:
            pair = self.initials[version, dcid] = initial_keys(known, dcid)
        return pair

    def secret(self, label: bytes) -> bytes:
        """Of the log, for one of the ClientHellos of this connection."""
        for random in self.randoms:
            found = self.provided.secret(label, random)
            if found:
                name = label.decode("ascii")
                if name not in self.labels:
                    self.labels.append(name)
                return found
        return b""

    def _candidates(self, label: bytes, version: int) -> list[PacketKeys]:
        secret = self.secret(label)
        known = version_of(version)
        if not secret or known is None:
            return []
        suites = (self.suite,) if self.suite and label != EARLY else SUITES.get(len(secret), ())
        return [keys for keys in [keys_of(suite, secret, known) for suite in suites] if keys is not None]

    def _long(self, packet: QuicPacket, data: bytes, direction: int, largest: int) -> Opened | None:
        """Handshake and 0-RTT packets."""
        kind = int(packet.kind)
        keys = self.keys.get((kind, direction))
        if keys is not None:
            return keys.open(data, packet, largest)
        label = EARLY if kind == ZERO_RTT else HANDSHAKES[0 if self.from_client(direction) else 1]
        for keys in self._candidates(label, int(packet.version)):
            opened = keys.open(data, packet, largest)
            if opened is not None:
                self.keys[kind, direction] = keys
                return opened
        return None

    def _phased(self, packet: QuicPacket, data: bytes, side: QuicSide) -> PhasedKeys | None:
        """Keys for 1-RTT packets, once one opens with them. Where the log has none, it is asked again when there is
        more to ask it for, or more in it."""
        secrets = len(self.provided.secrets)
        if side.unknown_at == self.learned and side.unknown_of == secrets:
            return None
        found = self._candidates(TRAFFIC[0 if self.from_client(side.direction) else 1], self.version)
        for keys in found:
            phased = PhasedKeys(keys)
            if len(found) == 1 or phased.open(data, packet, side.largest[2]) is not None:
                side.phased = phased
                self.keys[ONE_RTT, side.direction] = keys
                return phased
        if not found:
            side.unknown_at, side.unknown_of = self.learned, secrets
        return None
