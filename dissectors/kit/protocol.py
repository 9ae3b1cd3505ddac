"""The contract between a protocol and the router: Dissector, Handoff, Protocol."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final, Union

from mypy_extensions import mypyc_attr

from dissectors.kit.display_field import DisplayField
from dissectors.kit.event import Event
from dissectors.kit.filling import Filling
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap
from dissectors.kit.lookup import Book
from dissectors.kit.marks import Marks
from dissectors.kit.observation import Observation
from dissectors.kit.phase import Stretch, Summary
from dissectors.kit.provided import NOTHING, Provided
from dissectors.kit.stand_ins import StandIns

# Answers of a byte probe.
NO: Final = 0
YES: Final = 1
MORE: Final = 2  # not enough bytes to tell; asked again with more, up to the router's cap

BENEATH: Final = -1  # see Handoff

# The ways by which one protocol leads to another. What is named there is a token of the registry behind each way.
ALPN: Final = "alpn"                  # a protocol identifier that TLS negotiated (RFC 7301), as it is written
STARTTLS: Final = "starttls"          # what a dialogue in the clear agreed to change to, in lower case
UPGRADE: Final = "upgrade"            # a token of HTTP's Upgrade or extended CONNECT (RFC 9110 §7.8), in lower case
MEDIA: Final = "media"                # a media type of HTTP bodies, in lower case, without parameters and suffix
QUERY: Final = "query"                # a variable in the target of a GET that holds a message (RFC 8484 §4.1)
SUBPROTOCOL: Final = "subprotocol"    # of WebSocket (RFC 6455 §1.9), as it is written
MESSAGES: Final = "messages"          # whose messages a transport carries in a frame of its own (RFC 9001 §4)
WAYS: Final = (ALPN, STARTTLS, UPGRADE, MEDIA, QUERY, SUBPROTOCOL, MESSAGES)

By = tuple[str, str]                  # (way, token): ("alpn", "h2")
ANYONE: Final[By] = ("", "")          # nothing says what follows: it is for whoever recognises the bytes


Input = Union[Chunk, Gap, Close, Datagram, Fields]


class Reader:
    """Whoever reads what a dissector hands on: a layer of the router's."""

    def take(self, item: Input) -> list[Event]:
        return []


@mypyc_attr(allow_interpreted_subclasses=True)
class Handoff:
    """From here on the bytes belong to another protocol: to the one that is reached `by` this, and where there is
    none to whichever recognises them by its probe.

    position: in the stream of `direction`, not before the chunk in hand: the child gets every byte of
    both directions from there on, and the parent none. BENEATH: the parent stays (it decrypts, or takes
    frames apart) and the chunks, datagrams, fields, gaps and closes among its outputs go to the child, those of
    each `stream` to a child of its own. A stream is over with a Close of direction NEITHER. A child whose `stream` is
    negative is none of a stream: it gets what comes in an `Above`, whichever streams that is of.
    opening: inputs that the child gets first, whichever way it takes over (what led to it: the fields of an
    upgrade).
    reader: who has read it in another conversation so far (`Context.layers`), and goes on here; None for a new one.
    """

    def __init__(
        self, by: By, direction: int, position: int, stream: int = 0, opening: tuple[Input, ...] = (),
        reader: Reader | None = None,
    ) -> None:
        self.by = by
        self.direction = direction
        self.position = position
        self.stream = stream
        self.opening = opening
        self.reader = reader


@mypyc_attr(allow_interpreted_subclasses=True)
class Above:
    """An input for the child that a Handoff gave this negative number: it reads all streams of a connection, and the
    `stream` of the input is the number of one of them as the two protocols count them."""

    def __init__(self, child: int, item: Input) -> None:
        self.child = child
        self.item = item


Output = Union[Event, Handoff, Above, Chunk, Gap, Close, Datagram, Fields]


class Shared:
    """What the dissectors of a protocol keep across the conversations of a capture, by the name of the protocol: a
    connection may go on between other addresses."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}


@mypyc_attr(allow_interpreted_subclasses=True)
class Context:
    """What a dissector may know of its conversation: the ports, and which side is the originator.

    each_pdu: every PDU is wanted as an event of its own (`wiretale frames`); otherwise a run of like ones that
    say nothing new, such as the records of a download, may be told as one event.
    provided: what the user gave beside the capture.
    beneath: the protocols that carry this one within the conversation, the outermost first: ("tls",) for what was
    decrypted.
    readers: who is reached by what; set by the router, which resolves each Handoff by it. A carrier asks it where
    handing on has a cost, as for the bodies of HTTP.
    marks: what is secret in this conversation by its position; a dissector adds to them.
    filling: how the streams of this connection fill, where that is drawn; None where nobody wants it.
    observed: what could be observed of this conversation. Whoever says that something did not happen asks it, and a
    dissector that cannot see (what is encrypted, what depends on a table from before) notes it there.
    shared: with the conversations that are told together.     number: of the conversation.     layers: who reads above
    the dissector, by the stream of its Handoff; set by the router.
    """

    def __init__(
        self, transport: str, originator_port: int, responder_port: int, midstream: bool = False,
        each_pdu: bool = False, provided: Provided = NOTHING, beneath: tuple[str, ...] = (),
        marks: Marks | None = None, observed: Observation | None = None, shared: Shared | None = None,
    ) -> None:
        self.transport = transport          # "tcp" or "udp"
        self.originator_port = originator_port
        self.responder_port = responder_port
        self.midstream = midstream          # the capture starts after the conversation did
        self.each_pdu = each_pdu
        self.provided = provided
        self.beneath = beneath
        self.readers: Readers = NO_READERS
        self.marks = marks if marks is not None else Marks(provided.show_secrets)
        self.observed = observed if observed is not None else Observation()
        self.shared = shared if shared is not None else Shared()
        self.number = 0
        self.layers: dict[int, Reader] = {}
        self.filling: Filling | None = None

    def mark(self, octets: bytes, chunk: Chunk, at: int) -> None:
        """These octets are a secret; they begin at chunk.data[at], which is before the chunk where `at` is negative.

        Inside something that was decrypted or decoded, positions are not those of the transport.
        """
        self.marks.mark(octets, chunk.direction, -1 if self.beneath else max(chunk.position + at, 0))

    def midway(self) -> Context:
        """The same, for an observer that begins in the middle of what it reads."""
        context = Context(
            self.transport, self.originator_port, self.responder_port, True, self.each_pdu, self.provided, self.beneath,
            self.marks, self.observed, self.shared,
        )
        context.readers, context.number, context.filling = self.readers, self.number, self.filling
        return context

    def above(self, protocol: str) -> Context:
        """The context of what this protocol carries."""
        context = Context(
            self.transport, self.originator_port, self.responder_port, self.midstream, self.each_pdu, self.provided,
            (*self.beneath, protocol), self.marks, self.observed, self.shared,
        )
        context.readers, context.number, context.filling = self.readers, self.number, self.filling
        return context


@mypyc_attr(allow_interpreted_subclasses=True)
class Dissector:
    """An observer of one conversation. A method that is not overridden has nothing to say.

    A WireError that leaves a method is told as Malformed, and the next input comes as usual. Any other exception is
    a fault of ours: it is told, and another dissector of the same protocol gets what follows.
    """

    def on_data(self, chunk: Chunk) -> list[Output]:
        return []

    def on_gap(self, gap: Gap) -> list[Output]:
        return []

    def on_close(self, close: Close) -> list[Output]:
        return []

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        return []

    def on_fields(self, fields: Fields) -> list[Output]:
        return []


@mypyc_attr(allow_interpreted_subclasses=True)
class Term:
    """An entry of the glossary: `wiretale explain TERM`."""

    def __init__(self, term: str, text: str, spec: str = "", see: tuple[str, ...] = ()) -> None:
        self.term = term
        self.text = text
        self.spec = spec
        self.see = see


@mypyc_attr(allow_interpreted_subclasses=True)
class Flag:
    """A mark of the analysis on a packet. name: in full, as a display filter has it; short: the last part of it.

    term: of the glossary, to read on with; "" for none.
    """

    def __init__(self, name: str, text: str, severity: str, term: str) -> None:
        self.name = name
        self.short = name.rpartition(".")[2]
        self.text = text
        self.severity = severity
        self.term = term


Probe = Callable[[bytes, int], int]  # (first bytes of one direction, that direction) -> NO, YES or MORE


Disguise = Callable[[bytes, str, bool, StandIns], bytes]    # payload, carrier, on one of its ports -> what may be kept


Resumes = Callable[[Context, bytes, int], bool]  # a datagram, and its direction, of a conversation that nobody reads


Namer = Callable[[bytes], list[tuple[bytes, str]]]  # a payload -> (packed address, name) pairs it answers with


@mypyc_attr(allow_interpreted_subclasses=True)
class Parties:
    """Whose datagrams make one conversation, for a protocol in which the addresses do not say so: who has none yet
    asks everybody, and is answered from another address than was asked, or by everybody's."""

    def client(self, data: bytes, sport: int, dport: int) -> bytes:
        """Octets that are this client's in every datagram of it and to it; b"" for one that goes by its addresses.

        data: a payload from one of the ports of the protocol, or to one. It never raises.
        """
        return b""

    def asks(self, data: bytes) -> bool:
        """Whether it goes from the client to a server, and not the other way. data: of which `client` has said whose
        it is."""
        return True

    def ends(self, client: bytes, key: bytes) -> bytes:
        """The addresses and ports of its conversation, client first, the same whichever of its datagrams are seen.

        key: those of one of them, as from the client.
        """
        return key

    def name(self, client: bytes) -> str:
        """What tells it from other clients with the same ends."""
        return ""

    def display_filter(self, client: bytes) -> str:
        """A display filter of Wireshark for the datagrams of this client."""
        return ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Protocol:
    """One line of the registry.

    ports: hints, by carrier ("udp", "tcp"); a port never decides against the bytes.
    probe: looks at the first bytes; None where the protocol is only reached by handoff.
    probe_anywhere: the probe is strict enough to decide on ports that are none of `ports`.
    probe_on_port: for datagrams on one of `ports` that no probe knows, because they are damaged or cut by the capture:
      with what is left, the port may decide.
    resumes: for datagrams that are no beginning: whether they go on with what was read in another conversation.
    namer: for protocols whose answers give names to addresses; sees every UDP payload from one of `ports`,
      so it returns [] at once for whatever it does not understand, and never raises.
    create: None for a transport, whose segments the conversation table itself follows.
    reached_by: what a carrier can say that leads here, as (way, token): ("alpn", "h2").
    whole_by: the ways by which each message comes whole, as a Datagram; by all others octets come, as Chunks.
    phases: titles of its phases by their kinds, where they do not read well as its own title and the kind.
    summarise: what a phase of its events amounts to; None where the events say it (`phase_title`, `phase_facts`).
    book: puts together what is told across conversations, such as lookups. Protocols that name the same one share it.
    flags: what analysis marks single packets with, for the glossary.
    names_others: it says itself what answers it in another protocol; else the router does, and nobody reads that.
    parties: whose datagrams on its ports make one conversation; None where that is said by addresses and ports.
    encrypts: what it carries cannot be read in the octets of frames.
    fields: what of its messages a filter may ask for, by Wireshark's names.
    disguise: of a payload, what can be kept where nobody is to be named, in stand-ins as long; b"" for nothing. It is
      given the carrier, and whether one of the ports is among `ports`.
    """

    def __init__(
        self,
        name: str,
        title: str,
        summary: str,
        specs: tuple[str, ...],
        create: Callable[[Context], Dissector] | None,
        carriers: tuple[str, ...],
        ports: dict[str, tuple[int, ...]],
        events: tuple[type[Event], ...],
        terms: tuple[Term, ...] = (),
        probe: Probe | None = None,
        probe_anywhere: bool = True,
        namer: Namer | None = None,
        probe_on_port: Probe | None = None,
        reached_by: tuple[By, ...] = (),
        whole_by: tuple[str, ...] = (),
        phases: dict[str, str] | None = None,
        summarise: Callable[[Stretch], Summary] | None = None,
        book: Callable[[], Book] | None = None,
        flags: tuple[Flag, ...] = (),
        names_others: bool = False,
        parties: Parties | None = None,
        encrypts: bool = False,
        fields: tuple[DisplayField, ...] = (),
        disguise: Disguise | None = None,
        resumes: Resumes | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.summary = summary
        self.specs = specs
        self.create = create
        self.carriers = carriers
        self.ports = ports
        self.events = events
        self.terms = terms
        self.probe = probe
        self.probe_anywhere = probe_anywhere
        self.namer = namer
        self.probe_on_port = probe_on_port
        self.reached_by = reached_by
        self.whole_by = whole_by
        self.phases = phases or {}
        self.summarise = summarise
        self.book = book
        self.flags = flags
        self.names_others = names_others
        self.parties = parties
        self.encrypts = encrypts
        self.fields = fields
        self.disguise = disguise
        self.resumes = resumes


@mypyc_attr(allow_interpreted_subclasses=True)
class Readers:
    """Who is reached by what, of the protocols in use. Where two say the same, the first one has it."""

    def __init__(self, protocols: tuple[Protocol, ...]) -> None:
        self._reached: dict[By, Protocol] = {}
        for protocol in protocols:
            if protocol.create is not None:
                for by in protocol.reached_by:
                    self._reached.setdefault(by, protocol)

    def of(self, by: By) -> Protocol | None:
        """The protocol that is reached by this; None where nobody is."""
        return self._reached.get(by)

    def tokens(self, way: str) -> list[str]:
        """Everything that leads somewhere by that way."""
        return [token for known, token in self._reached if known == way]


NO_READERS: Final = Readers(())    # for a dissector without a router
