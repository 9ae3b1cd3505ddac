"""Who is asked whether a stream is theirs, and for how long."""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Chunk, Datagram, Gap
from dissectors.kit.protocol import MORE, YES, Context, Protocol, Readers

MAX_PROBE_BYTES: Final = 4_096   # looked at per direction before its beginning counts as unknown
MAX_PROBE_CHUNKS: Final = 64     # of a direction that are looked at
MAX_ONE_SIDED: Final = 1_000     # chunks of one direction, while the other says nothing, before nobody reads them
MIN_SEEN: Final = 8              # octets that fit the protocol of the port so far, where the rest is missing
MAX_PROBE_DATAGRAMS: Final = 16  # unrecognised ones of a conversation, then its bytes stay unknown


class Known:
    """Protocols, prepared for choosing among them: every conversation asks, and most ask the same."""

    def __init__(self, protocols: tuple[Protocol, ...]) -> None:
        self.protocols = protocols
        self.readers = Readers(protocols)
        self.anywhere: dict[str, list[Protocol]] = {}            # by carrier: those that are asked on any port
        self.hints: dict[str, dict[int, list[Protocol]]] = {}    # by carrier and port
        self.chosen: dict[tuple[str, int, int], Candidates] = {}
        self.resuming = [protocol for protocol in protocols if protocol.resumes is not None]
        for protocol in protocols:
            if protocol.create is None or protocol.probe is None:
                continue
            for carrier in protocol.carriers:
                if protocol.probe_anywhere:
                    self.anywhere.setdefault(carrier, []).append(protocol)
                ports = self.hints.setdefault(carrier, {})
                for port in protocol.ports.get(carrier, ()):
                    ports.setdefault(port, []).append(protocol)

    def candidates(self, context: Context) -> Candidates:
        """The protocols to ask, those whose port fits first. The answer is shared: it is not to be changed."""
        hints = self.hints.get(context.transport, {})
        responder = context.responder_port if context.responder_port in hints else 0
        originator = context.originator_port if context.originator_port in hints else 0
        key = (context.transport, responder, originator)
        found = self.chosen.get(key)
        if found is None:
            hinted = list(hints.get(responder, []))
            hinted += [protocol for protocol in hints.get(originator, []) if protocol not in hinted]
            rest = self.anywhere.get(context.transport, [])
            found = Candidates(
                hinted, hinted + [protocol for protocol in rest if protocol not in hinted],
                [protocol for protocol in self.resuming if context.transport in protocol.carriers],
            )
            self.chosen[key] = found
        return found


class Candidates:
    """Protocols to ask. hinted: those of the ports; asked: these first, then the ones that are asked anywhere.

    resuming: those that may know a datagram from another conversation."""

    def __init__(self, hinted: list[Protocol], asked: list[Protocol], resuming: list[Protocol]) -> None:
        self.hinted = hinted
        self.asked = asked
        self.resuming = resuming


class ProbedSide:
    """What was seen of one direction while nobody reads."""

    def __init__(self) -> None:
        self.seen = b""
        self.chunks = 0
        self.refused = False     # its beginning is nobody's
        self.gap: Gap | None = None    # the last one


class Search:
    """The search for the protocol of a stream.

    The beginning of each direction is shown to every candidate until none wants more of it. Where a capture starts
    late, or after a gap, a later segment may begin with a PDU: a direction that was refused is asked again at its
    segments, but only of the protocols whose port it is. Either direction may decide for both.
    """

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self.undecided = True
        self.held: list[Chunk] = []      # in the order of their coming, for whoever will read them
        self.sides = (ProbedSide(), ProbedSide())
        self.datagrams = 0

    def datagram(self, datagram: Datagram, context: Context) -> Protocol | None:
        """Whose datagram this is."""
        if self.datagrams >= MAX_PROBE_DATAGRAMS:
            return None
        self.datagrams += 1
        for protocol in self.candidates.resuming:
            if protocol.resumes is not None and protocol.resumes(context, datagram.data, datagram.direction):
                return protocol
        for protocol in self.candidates.asked:
            if protocol.probe is not None and protocol.probe(datagram.data, datagram.direction) == YES:
                return protocol
        for protocol in self.candidates.hinted:
            lenient = protocol.probe_on_port
            if lenient is not None and lenient(datagram.data, datagram.direction) == YES:
                return protocol
        return None

    def gap(self, gap: Gap) -> Protocol | None:
        """Octets are missing. What fits the protocol of the port so far cannot fit any better: it is taken for that,
        and the gap comes next. Else what follows the gap is asked as a beginning."""
        side = self.sides[gap.direction]
        if len(side.seen) >= MIN_SEEN and not side.refused:
            for protocol in self.candidates.hinted:
                if protocol.probe is not None and protocol.probe(side.seen, gap.direction) == MORE:
                    return protocol
        self._let_go(gap.direction)
        side.gap = gap
        side.seen = b""
        side.refused = side.chunks >= MAX_PROBE_CHUNKS
        return None

    def chunk(self, chunk: Chunk) -> Protocol | None:
        """Whose stream this is, once it is known; `held` are then its chunks."""
        if not self.undecided:
            return None
        side = self.sides[chunk.direction]
        side.chunks += 1
        if side.chunks <= MAX_PROBE_CHUNKS:
            self.held.append(chunk)
            found = self._in_the_middle(chunk) if side.refused else self._at_the_beginning(side, chunk)
        else:
            found = None
            self._let_go(chunk.direction)
        if found is None:
            self.undecided = self._hoping(side, self.sides[1 - chunk.direction])
            if not self.undecided:
                self.held = []
        return found

    def _at_the_beginning(self, side: ProbedSide, chunk: Chunk) -> Protocol | None:
        if len(side.seen) < MAX_PROBE_BYTES:
            side.seen += chunk.data[: MAX_PROBE_BYTES - len(side.seen)]
        waiting = False
        fits = False      # the protocol of the port may still have it
        for place, protocol in enumerate(self.candidates.asked):
            if protocol.probe is None:
                continue
            answer = protocol.probe(side.seen, chunk.direction)
            if answer == YES:
                return protocol
            waiting = waiting or answer == MORE
            fits = fits or (answer == MORE and place < len(self.candidates.hinted))
        side.refused = not waiting or len(side.seen) >= MAX_PROBE_BYTES or side.chunks >= MAX_PROBE_CHUNKS
        if len(side.seen) > len(chunk.data) and not fits:
            return self._in_the_middle(chunk)
        return None

    def _in_the_middle(self, chunk: Chunk) -> Protocol | None:
        """The chunk by itself: a PDU of the protocol whose port it is may begin here."""
        for protocol in self.candidates.hinted:
            if protocol.probe is not None and protocol.probe(chunk.data, chunk.direction) == YES:
                self._let_go(chunk.direction)
                self.held.append(chunk)
                return protocol
        return None

    def _let_go(self, direction: int) -> None:
        self.held = [chunk for chunk in self.held if chunk.direction != direction]

    def _hoping(self, side: ProbedSide, other: ProbedSide) -> bool:
        """Something may still be recognised."""
        for one in (side, other):
            if one.refused and not (self.candidates.hinted and one.chunks < MAX_PROBE_CHUNKS):
                continue
            if one.chunks or side.chunks < MAX_ONE_SIDED:
                return True
        return False
