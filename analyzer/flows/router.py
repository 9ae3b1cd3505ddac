"""Who gets the bytes of a conversation: by handoff, then by a probe of the bytes, with ports as hints.

This is the one place where a fault inside a dissector is caught. A WireError that leaves one is no fault: it says
what is wrong with the bytes.
"""
from __future__ import annotations

from typing import Final

from analyzer.flows.probing import Known, Search
from analyzer.flows.reassembly import Piece
from dissectors.kit.cursor import WireError
from dissectors.kit.event import (
    BACKWARD,
    NEITHER,
    DissectorFault,
    Event,
    Evidence,
    LimitReached,
    Malformed,
    Observed,
    OtherProtocol,
)
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap
from dissectors.kit.marks import unquoted
from dissectors.kit.observation import ALWAYS, FOREIGN
from dissectors.kit.protocol import BENEATH, YES, Above, Context, Dissector, Handoff, Input, Output, Protocol, Reader
from dissectors.wire.beginnings import beginning_of
from dissectors.wire.secrets.text import without_secrets

MAX_DEPTH: Final = 8             # protocols above one another
MAX_CHILDREN: Final = 1_000      # streams of one connection that are read by a protocol of their own at once
MAX_CHANGES: Final = 16          # of the protocol that reads one layer (STARTTLS, an upgrade, a tunnel)
MAX_OPENING: Final = 64          # octets of a direction by which another protocol is recognised in it
MAX_FAULTS: Final = 3            # of ours in one layer; then nobody reads it any more


class Router:
    """The application side of one conversation."""

    def __init__(self, protocols: tuple[Protocol, ...], context: Context, conversation: int) -> None:
        self.conversation = conversation
        prepared = known(protocols)
        context.readers, context.number = prepared.readers, conversation
        self.outer = Layer(prepared, context, conversation, 1, 0)
        self.outer.search()

    @property
    def protocol(self) -> str:
        """The name of the outermost protocol that was recognised, "" while there is none."""
        return self.outer.first

    @property
    def encrypts(self) -> bool:
        """That protocol encrypts."""
        return self.outer.encrypts

    @property
    def idle(self) -> bool:
        """Nobody reads these bytes, and nobody will."""
        search = self.outer.looking
        return search is not None and not search.undecided

    def piece(self, piece: Piece) -> list[Event]:
        """Whatever the reassembly of a stream brings; a conflict says nothing about the protocol above."""
        if isinstance(piece, (Chunk, Gap)):
            return self.outer.take(piece)
        return []

    def datagram(self, datagram: Datagram) -> list[Event]:
        """One UDP payload. A conversation keeps the protocol of its first recognised datagram."""
        return self.outer.take(datagram)

    def chunk(self, chunk: Chunk) -> list[Event]:
        """The next bytes of one direction."""
        return self.outer.take(chunk)

    def gap(self, gap: Gap) -> list[Event]:
        """Bytes that the capture does not hold."""
        return self.outer.take(gap)

    def close(self, close: Close) -> list[Event]:
        """The end of one direction, or of the conversation."""
        return self.outer.take(close)

    def skip(self, close: Close) -> list[Event]:
        """What comes next was not read: nobody can conclude anything from it. Whoever recognises what follows begins
        in its middle."""
        events = self.outer.take(close)
        self.outer.context = self.outer.context.midway()
        self.outer.search()
        return events


_LAST: Final[list[Known]] = []    # at most one: a run has one set of protocols


def known(protocols: tuple[Protocol, ...]) -> Known:
    """The preparation of these protocols, made once for all conversations of a run."""
    if not _LAST or _LAST[0].protocols is not protocols:
        _LAST[:] = [Known(protocols)]
    return _LAST[0]


class Layer(Reader):
    """One protocol of a conversation, or the search for it, and the layers that it carries by stream.

    first: the name of the first protocol that was found here; protocol: the one that reads now.
    """

    def __init__(
        self, protocols: Known, context: Context, conversation: int, depth: int, stream: int
    ) -> None:
        self.protocols = protocols
        self.context = context
        self.conversation = conversation
        self.depth = depth
        self.stream = stream
        self.first = ""
        self.encrypts = False
        self.protocol: Protocol | None = None
        self.dissector = Dissector()
        self.looking: Search | None = None
        self.children: dict[int, Reader] = {}
        self.changes = 0
        self.limit_told = False
        self.faults = 0
        self.again: dict[str, int] = {}    # by fault: how many times it came again and was not told
        self.unheard = [False, False]      # directions whose first octets are still to be held against the protocol
        self.foreign = [False, False]      # directions of another protocol, which nobody reads

    # -- choosing --------------------------------------------------------------------------------------

    def search(self) -> None:
        """Nobody reads; whoever recognises the bytes that come will."""
        self.protocol = None
        self.dissector = Dissector()
        self.looking = Search(self.protocols.candidates(self.context))

    def begin(self, protocol: Protocol) -> None:
        """This protocol reads from here on."""
        if protocol.create is None:
            return
        if not self.first:
            self.first = protocol.name
            self.encrypts = protocol.encrypts
        self.protocol = protocol
        self.dissector = protocol.create(self.context)
        self.children = {}
        self.context.layers = self.children
        self.looking = None
        self.unheard = [False, False]
        self.foreign = [False, False]

    def _searched(self, item: Input, search: Search) -> list[Event]:
        """An input while nobody reads."""
        found: Protocol | None = None
        if isinstance(item, Datagram):
            found = search.datagram(item, self.context)
        elif isinstance(item, Chunk):
            found = search.chunk(item)
        elif isinstance(item, Gap):
            found = search.gap(item)
        if found is None:
            return []
        self.begin(found)
        if isinstance(item, Datagram):
            return self._run(item)
        if isinstance(item, Chunk) and not self.context.midstream:
            self.unheard[1 - item.direction] = True
        events: list[Event] = []
        for chunk in search.held:
            side = search.sides[chunk.direction]
            if side.gap is not None and chunk.direction != item.direction:
                events += self.take(side.gap)     # nothing says that what follows it begins anything
                side.gap = None
            events += self.take(chunk)
        if isinstance(item, Gap):
            events += self.take(item)
        return events

    # -- running ---------------------------------------------------------------------------------------

    def take(self, item: Input) -> list[Event]:
        """The next input of this layer."""
        search = self.looking
        if search is not None:
            return self._searched(item, search)
        if isinstance(item, (Chunk, Gap)):
            if self.foreign[item.direction]:
                return []
            if self.unheard[item.direction]:
                self.unheard[item.direction] = False
                other = self._other(item) if isinstance(item, Chunk) and item.position == 0 else None
                if other is not None:
                    self.foreign[item.direction] = True
                    return self._sort(item, [other])
        return self._run(item)

    def _other(self, chunk: Chunk) -> OtherProtocol | None:
        """One direction has decided who reads. What if the other one begins with something else?"""
        protocol = self.protocol
        if protocol is None or protocol.probe is None or protocol.names_others:
            return None
        data = chunk.data[:MAX_OPENING]
        if protocol.probe(data, chunk.direction) == YES:
            return None
        spoken = beginning_of(data)
        for other in self.protocols.candidates(self.context).asked:
            if not spoken and other is not protocol and other.probe is not None \
                    and other.probe(data, chunk.direction) == YES:
                spoken = other.title
        if not spoken:
            return None
        self.context.observed.miss(
            FOREIGN, chunk.direction, chunk.time, ALWAYS, chunk.frame, f"this direction speaks {spoken}"
        )
        return OtherProtocol(
            Observed(chunk.time, chunk.direction, Evidence((chunk.released_by,))), spoken, protocol.title,
            first_line(data) if chunk.direction == BACKWARD else "",
        )

    def _run(self, item: Input) -> list[Event]:
        protocol = self.protocol
        if protocol is None:
            return []
        try:
            outputs = _call(self.dissector, item)
        except WireError as bad:     # a name of its own: compiled, a name has one type
            outputs = [Malformed(_seen(item), protocol.name, bad.offset, bad.reason)]
        except Exception as error:
            return self._fault(protocol, item, f"{type(error).__name__}: {unquoted(error)}")
        events = self._sort(item, outputs) if outputs else []
        if isinstance(item, Close):
            if self.again:
                events += self._sort(item, self._repeated(protocol, item))
            if self.children:
                events += self._closed(item)
        return events

    # -- faults of ours --------------------------------------------------------------------------------

    def _fault(self, protocol: Protocol, item: Input, error: str) -> list[Event]:
        """A new dissector gets the next input, which is in the middle for it; after MAX_FAULTS nobody does.

        The same fault is told once, and counted from then on. Who read above hears that no more is observed.
        """
        events = self._closed(Close(item.frame, item.time, NEITHER, "capture")) if self.children else []
        outputs: list[Output] = []
        if error in self.again:
            self.again[error] += 1
        else:
            self.again[error] = 0
            outputs.append(DissectorFault(_seen(item), protocol.name, error))
        self.faults += 1
        if self.faults < MAX_FAULTS and protocol.create is not None:
            self.dissector = protocol.create(self.context.midway())
        else:
            self.dissector = Dissector()
            outputs += self._repeated(protocol, item)
            outputs.append(LimitReached(_seen(item), protocol.name, "MAX_FAULTS", MAX_FAULTS))
        return events + self._sort(item, outputs)

    def _repeated(self, protocol: Protocol, item: Input) -> list[Output]:
        """How often the faults that were told came again."""
        out: list[Output] = []
        for error, count in self.again.items():
            if count:
                out.append(DissectorFault(_seen(item), protocol.name, error, count))
            self.again[error] = 0
        return out

    # -- layers above ----------------------------------------------------------------------------------

    def _closed(self, close: Close) -> list[Event]:
        """The end of the connection reaches every layer above; of one direction only, the one without streams."""
        events: list[Event] = []
        for stream, child in list(self.children.items()):
            if not stream or close.direction == NEITHER:
                events += child.take(Close(close.frame, close.time, close.direction, close.how, stream, close.until))
        if close.direction == NEITHER:
            self.children.clear()
        return events

    def _sort(self, item: Input, outputs: list[Output]) -> list[Event]:
        """Events are told, inputs go to the layer above, a handoff changes who reads."""
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Event):
                output.conversation = self.conversation
                output.marks = self.context.marks
                if self.stream and not output.stream:
                    output.stream = self.stream
                events.append(output)
            elif isinstance(output, Handoff):
                events += self._hand_over(item, output)
            elif isinstance(output, Above):
                reader = self.children.get(output.child)
                if reader is not None:
                    events += reader.take(output.item)
            else:
                events += self._above(output)
        return events

    def _above(self, item: Input) -> list[Event]:
        child = self.children.get(item.stream)
        if child is None:
            return []
        if item.stream and isinstance(item, Close) and item.direction == NEITHER:
            del self.children[item.stream]
        return child.take(item)

    def _hand_over(self, item: Input, handoff: Handoff) -> list[Event]:
        found = self.protocols.readers.of(handoff.by)
        if handoff.position == BENEATH:
            return self._carry(item, handoff, found)
        self.changes += 1
        if self.changes > MAX_CHANGES:
            return self._limit(item, "changes of protocol", MAX_CHANGES)
        if found is not None:
            self.begin(found)
        else:
            self.search()
        events: list[Event] = []
        for first in handoff.opening:
            events += self.take(first)
        if not isinstance(item, Chunk) or item.direction != handoff.direction:
            return events
        skip = handoff.position - item.position
        if not 0 <= skip < len(item.data):
            return events
        offset = item.offset + skip if item.offset >= 0 else -1
        return events + self.take(Chunk(
            item.frame, item.time, item.direction, item.data[skip:], handoff.position, item.released_by, offset,
            item.stream,
        ))

    def _carry(self, item: Input, handoff: Handoff, found: Protocol | None) -> list[Event]:
        """A layer above this one, for a stream of it."""
        if self.depth >= MAX_DEPTH:
            return self._limit(item, "protocols above one another", MAX_DEPTH)
        if len(self.children) >= MAX_CHILDREN and handoff.stream not in self.children:
            return self._limit(item, "streams read at once", MAX_CHILDREN)
        if handoff.reader is not None:
            self.children[handoff.stream] = handoff.reader
            return []
        name = self.protocol.name if self.protocol is not None else ""
        context = self.context.above(name)
        stream = handoff.stream if handoff.stream > 0 else self.stream
        child = Layer(self.protocols, context, self.conversation, self.depth + 1, stream)
        if found is not None:
            child.begin(found)
        else:
            child.search()
        self.children[handoff.stream] = child
        events: list[Event] = []
        for first in handoff.opening:
            events += child.take(first)
        return events

    def _limit(self, item: Input, cap: str, limit: int) -> list[Event]:
        """Told once a layer."""
        if self.limit_told or self.protocol is None:
            return []
        self.limit_told = True
        told = LimitReached(_seen(item), self.protocol.name, cap, limit)
        told.conversation = self.conversation
        told.marks = self.context.marks
        return [told]


def first_line(data: bytes) -> str:
    """The line with which a server begins, without secrets; "" where it is no text."""
    line = data.partition(b"\n")[0].rstrip(b"\r")
    text = line.decode("ascii", "replace")
    return without_secrets(text) if text.isprintable() and "\ufffd" not in text else ""


def _seen(item: Input) -> Observed:
    return Observed(item.time, item.direction, Evidence((item.frame,)))


def _call(dissector: Dissector, item: Input) -> list[Output]:
    if isinstance(item, Chunk):
        return dissector.on_data(item)
    if isinstance(item, Datagram):
        return dissector.on_datagram(item)
    if isinstance(item, Gap):
        return dissector.on_gap(item)
    if isinstance(item, Fields):
        return dissector.on_fields(item)
    return dissector.on_close(item)
