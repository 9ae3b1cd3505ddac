"""Who gets the bytes of a conversation: by handoff, then by a probe of the bytes, with ports as hints.

This is the one place where a fault inside a dissector is caught.
"""
from __future__ import annotations

from typing import Final

from analyzer.flows.reassembly import Piece
from dissectors.kit.event import DissectorFault, Event, Evidence, Malformed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import BENEATH, MORE, YES, Context, Dissector, Handoff, Output, Protocol

MAX_PROBE_BYTES: Final = 4_096   # looked at per direction before a stream counts as unknown
MAX_PROBE_CHUNKS: Final = 64
MAX_PROBE_DATAGRAMS: Final = 16  # unrecognised ones of a conversation, then its bytes stay unknown
MAX_DEPTH: Final = 8             # protocols stacked by handoff


class Router:
    """The application side of one conversation.

    protocol: the name of the outermost protocol that was recognised, "" while there is none.
    """

    def __init__(self, protocols: tuple[Protocol, ...], context: Context, conversation: int) -> None:
        self.protocols = protocols
        self.context = context
        self.conversation = conversation
        self.protocol = ""
        self.stack: list[tuple[Protocol, Dissector]] = []
        self.undecided = True
        self.held: list[Chunk] = []
        self.seen = [b"", b""]
        self.probed = 0
        self.candidates = self._choose()

    # -- datagrams -------------------------------------------------------------------------------------

    def datagram(self, datagram: Datagram) -> list[Event]:
        """One UDP payload. A conversation keeps the protocol of its first recognised datagram."""
        if not self.stack:
            if self.probed >= MAX_PROBE_DATAGRAMS:
                return []
            self.probed += 1
            found = self._probe_datagram(datagram)
            if found is None:
                return []
            self._push(found)
        return self._run(0, datagram)

    # -- streams ---------------------------------------------------------------------------------------

    def piece(self, piece: Piece) -> list[Event]:
        """Whatever the reassembly of a stream brings; a conflict says nothing about the protocol above."""
        if isinstance(piece, Chunk):
            return self.chunk(piece)
        return self.gap(piece) if isinstance(piece, Gap) else []

    def chunk(self, chunk: Chunk) -> list[Event]:
        """The next bytes of one direction."""
        if self.stack:
            return self._run(0, chunk)
        if not self.undecided:
            return []
        self.held.append(chunk)
        seen = self.seen[chunk.direction]
        if len(seen) < MAX_PROBE_BYTES:
            self.seen[chunk.direction] = seen + chunk.data[: MAX_PROBE_BYTES - len(seen)]
        found = self._probe_stream(chunk.direction)
        if found is None:
            return []
        self._push(found)
        events: list[Event] = []
        held, self.held = self.held, []
        for item in held:
            events += self._run(0, item)
        return events

    def gap(self, gap: Gap) -> list[Event]:
        """Bytes that the capture does not hold."""
        if self.stack:
            return self._run(0, gap)
        self.held = []
        self.seen[gap.direction] = b""
        return []

    def close(self, close: Close) -> list[Event]:
        """The end of one direction, or of the conversation."""
        return self._run(0, close) if self.stack else []

    # -- choosing --------------------------------------------------------------------------------------

    def _hinted(self, protocol: Protocol) -> bool:
        ports = protocol.ports.get(self.context.transport, ())
        return self.context.responder_port in ports or self.context.originator_port in ports

    def _choose(self) -> list[Protocol]:
        """The protocols to ask, those whose port fits first."""
        carried = [
            p for p in self.protocols
            if self.context.transport in p.carriers and p.probe is not None and p.create is not None
        ]
        hinted = [p for p in carried if self._hinted(p)]
        return hinted + [p for p in carried if p.probe_anywhere and p not in hinted]

    def _probe_datagram(self, datagram: Datagram) -> Protocol | None:
        for protocol in self.candidates:
            if protocol.probe is not None and protocol.probe(datagram.data, datagram.direction) == YES:
                return protocol
        return None

    def _probe_stream(self, direction: int) -> Protocol | None:
        seen = self.seen[direction]
        waiting = False
        for protocol in self.candidates:
            if protocol.probe is None:
                continue
            answer = protocol.probe(seen, direction)
            if answer == YES:
                return protocol
            waiting = waiting or answer == MORE
        if len(seen) >= MAX_PROBE_BYTES:
            waiting = False
        one_sided = not (self.seen[0] and self.seen[1])
        self.undecided = (waiting or one_sided) and len(self.held) < MAX_PROBE_CHUNKS
        if not self.undecided:
            self.held = []
        return None

    def _push(self, protocol: Protocol) -> None:
        if protocol.create is None:
            return
        if not self.stack:
            self.protocol = protocol.name
        self.stack.append((protocol, protocol.create(self.context)))

    # -- running ---------------------------------------------------------------------------------------

    def _run(self, level: int, item: Chunk | Gap | Close | Datagram) -> list[Event]:
        if level >= len(self.stack):
            return []
        protocol, dissector = self.stack[level]
        try:
            outputs = _call(dissector, item)
        except IndexError as error:
            outputs = [_broken(protocol, item, str(error))]
        except Exception as error:
            self.stack[level] = (protocol, Dissector())
            outputs = [DissectorFault(
                item.time, item.direction, Evidence((item.frame,)), protocol.name, f"{type(error).__name__}: {error}"
            )]
        return self._take(level, item, outputs)

    def _take(self, level: int, item: Chunk | Gap | Close | Datagram, outputs: list[Output]) -> list[Event]:
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Event):
                output.conversation = self.conversation
                events.append(output)
            elif isinstance(output, Chunk):
                events += self._run(level + 1, output)
            else:
                events += self._hand_over(level, item, output)
        return events

    def _hand_over(self, level: int, item: Chunk | Gap | Close | Datagram, handoff: Handoff) -> list[Event]:
        found = [p for p in self.protocols if p.name == handoff.protocol and p.create is not None]
        if len(self.stack) >= MAX_DEPTH or not found:
            return []
        if handoff.position == BENEATH:
            del self.stack[level + 1:]
            self._push(found[0])
            return []
        del self.stack[level:]
        self._push(found[0])
        if not isinstance(item, Chunk) or item.direction != handoff.direction:
            return []
        skip = handoff.position - item.position
        if not 0 <= skip < len(item.data):
            return []
        offset = item.offset + skip if item.offset >= 0 else -1
        rest = Chunk(
            item.frame, item.time, item.direction, item.data[skip:], handoff.position, item.released_by, offset
        )
        return self._run(level, rest)


def _call(dissector: Dissector, item: Chunk | Gap | Close | Datagram) -> list[Output]:
    if isinstance(item, Chunk):
        return dissector.on_data(item)
    if isinstance(item, Datagram):
        return dissector.on_datagram(item)
    if isinstance(item, Gap):
        return dissector.on_gap(item)
    return dissector.on_close(item)


def _broken(protocol: Protocol, item: Chunk | Gap | Close | Datagram, reason: str) -> Event:
    """An index beyond the data means that the PDU ends before its own lengths say so."""
    return Malformed(item.time, item.direction, Evidence((item.frame,)), protocol.name, 0, f"truncated ({reason})")
