"""Records that several stages share: what the pipeline hands to the reports."""
from __future__ import annotations

from collections.abc import Sequence

from analyzer.endpoint import Endpoint as Endpoint  # noqa: PLC0414 (part of the model)
from analyzer.finding import SEVERITIES as SEVERITIES  # noqa: PLC0414
from analyzer.finding import Cause as Cause  # noqa: PLC0414
from analyzer.finding import Finding as Finding  # noqa: PLC0414
from analyzer.finding import Verdict as Verdict  # noqa: PLC0414
from analyzer.graph import Carriage as Carriage  # noqa: PLC0414
from analyzer.graph import Points as Points  # noqa: PLC0414
from analyzer.listing import Listing as Listing  # noqa: PLC0414
from analyzer.many import Group as Group  # noqa: PLC0414
from analyzer.many import Reflected as Reflected  # noqa: PLC0414
from analyzer.many import Scan as Scan  # noqa: PLC0414
from analyzer.many import Together as Together  # noqa: PLC0414
from analyzer.neighbourhood import Advertised, Circled, Crossed, InUse, Missing, Owned, Unasked
from dissectors.kit.account import Books, Claim
from dissectors.kit.course import Course, SenderView
from dissectors.kit.event import APPLICATION, Event
from dissectors.kit.filling import Filling
from dissectors.kit.lookup import Lookup
from dissectors.kit.marks import Marks
from dissectors.kit.observation import CAPTURE_ENDED, Observation


class Conversation:
    """One conversation as the table shows it. Index 0 of a pair is the originator's, 1 the responder's.

    number: from 1, in order of first frame.      transport: "tcp", "udp", "icmp", "icmpv6", "arp", ...
    protocol: the application protocol that was recognised, "" for none.
    few_hops: its first packets had a hop limit that is small on purpose.
    next_hops: the station of an Ethernet that each side sent to, "" where that is not known or it was not read.
    shown_by: a display filter of Wireshark for it, where its addresses do not identify it; else "".
    encrypted: its protocol cannot be read in the octets of frames.     scope: VLAN or tunnel in words, "" for none.
    state, history: Zeek's conn_state and history.
    """

    def __init__(self, number: int, transport: str, originator: Endpoint, responder: Endpoint) -> None:
        self.number = number
        self.transport = transport
        self.protocol = ""
        self.encrypted = False
        self.originator = originator
        self.responder = responder
        self.scope = ""
        self.shown_by = ""
        self.next_hops = ["", ""]
        self.few_hops = False
        self.first_frame = 0
        self.last_frame = 0
        self.start_ns = 0
        self.end_ns = 0
        self.frames = [0, 0]
        self.octets = [0, 0]            # on the wire, with headers
        self.payload = [0, 0]           # transport payload, retransmissions included
        self.as_sent: AsSent | None = None      # where its frames show it otherwise
        self.state = "OTH"
        self.history = ""
        self.community_id = ""
        self.tcp: TcpSummary | None = None

    def names(self) -> list[str]:
        """Those of its ends that have one."""
        return [end.name for end in (self.originator, self.responder) if end.name]

    def sent_frames(self) -> list[int]:
        """How many packets that are, each once."""
        return self.frames if self.as_sent is None else self.as_sent.frames

    def sent_payload(self) -> list[int]:
        return self.payload if self.as_sent is None else self.as_sent.payload

    def display_filter(self) -> str:
        """A Wireshark display filter that shows this conversation."""
        if self.shown_by:
            return self.shown_by
        family = "ipv6" if ":" in self.originator.address else "ip"
        if self.transport not in ("tcp", "udp"):
            return f"{family}.addr == {self.originator.address} && {family}.addr == {self.responder.address}"
        return (
            f"{family}.addr == {self.originator.address} && {family}.addr == {self.responder.address} && "
            f"{self.transport}.port == {self.originator.port} && {self.transport}.port == {self.responder.port}"
        )


class AsSent:
    """What was sent in a conversation, where its frames do not show it so: each packet once, in the order of the wire.

    frames, payload: of each direction.     copies: frames that show a packet once more.     certain: they cannot be
    packets of their own.     flags: as those of TcpSummary.
    """

    def __init__(self, frames: list[int], payload: list[int], copies: int, certain: bool) -> None:
        self.frames = frames
        self.payload = payload
        self.copies = copies
        self.certain = certain
        self.flags: list[dict[str, int]] = [{}, {}]


class TcpSummary:
    """What a pass over every segment counts of a TCP connection. Pairs: originator, responder.

    Times in nanoseconds, -1 where the capture does not show them. flags counts by Wireshark's names.
    """

    def __init__(self) -> None:
        self.completeness = 0           # Wireshark's tcp.completeness bits
        self.handshake_rtt_ns = -1
        self.initial_rtt_ns = -1
        self.rtt_min_ns = [-1, -1]
        self.rtt_max_ns = [-1, -1]
        self.rtt_sum_ns = [0, 0]
        self.rtt_samples = [0, 0]
        self.unique = [0, 0]            # stream bytes, each once
        self.mss = [-1, -1]
        self.scale = [-1, -1]           # window shift, -1 where unknown or not negotiated
        self.max_in_flight = [0, 0]
        self.max_window = [0, 0]        # bytes advertised, scaled
        self.zero_window_ns = [0, 0]    # how long that side advertised nothing
        self.flags: list[dict[str, int]] = [{}, {}]


class Unkept:
    """Events of one kind of phase that were counted only. names: how many of each.     frame: which shows the first.

    start_ns, end_ns: times of the first and the last.
    """

    def __init__(self, frame: int, start_ns: int) -> None:
        self.names: dict[str, int] = {}
        self.frame = frame
        self.start_ns = start_ns
        self.end_ns = start_ns


class Account:
    """What was observed of one conversation in detail, before it is grouped into phases.

    events: in the order in which they were made.
    courses: how each direction of a stream went over time, originator first; [] where it is none.
    views: what each sender might do, moment by moment, where that is wanted.
    limits: for each direction, what held the sender back, as shares of the transfer time (0 to 1).
    left_out: "12 480 data segments not shown".
    unkept: events that were counted only, by (rank, kind of phase).
    points: of each direction, and carriage, where graphs are wanted.     marks: what is secret in it.
    filling: how its streams filled; datagrams: of each direction (time, octets, frame); where graphs are wanted.
    observed: what could be observed of it.     copies: frames that show a packet once more, which are not told.
    troubles: as the survey counted it, the codes of `CaptureSummary.together`.
    claims: of the transport, for the account of the time.
    """

    def __init__(
        self, conversation: Conversation, marks: Marks | None = None, observed: Observation | None = None
    ) -> None:
        self.claims: list[Claim] = []
        self.copies = 0
        self.troubles: tuple[str, ...] = ()
        self.conversation = conversation
        self.marks = marks if marks is not None else Marks()
        self.observed = observed if observed is not None else Observation()
        self.points: list[Points] = []
        self.carriage: Carriage | None = None
        self.events: list[Event] = []
        self.courses: list[Course] = []
        self.views: list[SenderView] = []
        self.filling: Filling | None = None
        self.datagrams: list[list[tuple[int, int, int]]] = []
        self.limits: list[dict[str, float]] = [{}, {}]
        self.left_out: list[str] = []
        self.unkept: dict[tuple[int, str], Unkept] = {}


class Phase:
    """A stretch of a conversation: its events, what they amount to, and what was left out.

    kind: what its events call it.     rank: where it stands in a story; see `dissectors/kit/event.py`.
    outcome, octets, label: for the story; see `Summary` in `dissectors/kit/phase.py`.
    """

    def __init__(self, kind: str, title: str, start_ns: int, end_ns: int, rank: int = APPLICATION) -> None:
        self.kind = kind
        self.rank = rank
        self.title = title
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.facts: list[str] = []       # short: "one round trip", "1.2 MB ←"
        self.events: list[Event] = []
        self.left_out: list[str] = []    # "12 480 data segments not shown"
        self.plain = ""                  # that one of them that counts what is nothing out of the ordinary
        self.outcome = ""
        self.octets = [0, 0]
        self.label = ""


class Told:
    """A conversation with its phases, in order. points: of each direction, and carriage, where graphs are wanted.

    marks: what is secret in it.     observed: what could be observed of it.     troubles: see `Account`.
    books: where its time went.     courses, views, filling, datagrams: see `Account`.
    """

    def __init__(
        self, conversation: Conversation, phases: list[Phase], marks: Marks | None = None,
        observed: Observation | None = None,
    ) -> None:
        self.conversation = conversation
        self.phases = phases
        self.books = Books(conversation.start_ns, conversation.start_ns, [], [])
        self.troubles: tuple[str, ...] = ()
        self.marks = marks if marks is not None else Marks()
        self.observed = observed if observed is not None else Observation()
        self.courses: list[Course] = []
        self.views: list[SenderView] = []
        self.filling: Filling | None = None
        self.datagrams: list[list[tuple[int, int, int]]] = []
        self.points: list[Points] = []
        self.carriage: Carriage | None = None


class StoryRow:
    """One bar of the waterfall. label: "DNS", "TCP"; text: what it did, in a line."""

    def __init__(self, conversation: int, label: str, text: str, start_ns: int, end_ns: int) -> None:
        self.conversation = conversation
        self.label = label
        self.text = text
        self.start_ns = start_ns
        self.end_ns = end_ns


class Fragmented:
    """Datagrams between two ends with one trouble in their fragments: some never came, or two contradict each other.

    source, destination: without a port where the fragment that has them did not come.     transport: "UDP".
    count: datagrams.     holes: what is missing, as (from, to) of the payload, -1 for an unknown end, with how often.
    size: octets of the largest fragment.     frames: of the fragments.     start_ns, end_ns: the first and the last.
    report: the ICMP message in which the receiver says that it gave up, 0 for none, after report_ns.
    after_ns: how long the capture goes on after the last of them.
    first, last, pair, apart_ns: of the first contradiction: which octets, which frames, how long between them.
    identification: of that datagram.     version: of IP.
    """

    def __init__(self, source: Endpoint, destination: Endpoint, transport: str, version: int) -> None:
        self.source = source
        self.destination = destination
        self.transport = transport
        self.version = version
        self.count = 0
        self.holes: dict[tuple[tuple[int, int], ...], int] = {}
        self.size = 0
        self.frames: tuple[int, ...] = ()
        self.start_ns = -1
        self.end_ns = -1
        self.report = 0
        self.report_ns = -1
        self.after_ns = 0
        self.first = 0
        self.last = 0
        self.pair = (0, 0)
        self.apart_ns = 0
        self.identification = 0


class Silence:
    """A stretch in which nothing is in the whole capture, and of whose length not all can be told.

    before, after: the frames on either side of it; since_ns, until_ns: their times.
    stood: hosts whose TCP timestamps stood still meanwhile, where those of others went on; none where nothing tells
    whether all were silent or the clock of the capture was set.
    """

    def __init__(
        self, lasted_ns: int, before: int, after: int, since_ns: int, until_ns: int, stood: Sequence[str] = ()
    ) -> None:
        self.lasted_ns = lasted_ns
        self.before = before
        self.after = after
        self.since_ns = since_ns
        self.until_ns = until_ns
        self.stood = tuple(stood)

    def within(self, start_ns: int, end_ns: int) -> bool:
        """Does something that is told from one time to another go on across it?"""
        return start_ns <= self.since_ns and end_ns >= self.until_ns


class CaptureSummary:
    """The capture as a whole. half_open: connections that began with one SYN and came to nothing, by service.

    together: conversations with one trouble in common, by the code of the finding that tells of one of them.
    observed: when anything at all could be seen.
    read: how many conversations were read for what they carried; of the others TCP, UDP and ICMP are known.
    unread: in a sentence, how many frames of told conversations were counted only; "" for none.
    silences: of the whole capture, of whose length not all can be told, the longest first.
    lag_ns: by which connections show that one direction is stamped late, at the most; 0 where none does.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.frames = 0
        self.octets = 0
        self.start_ns = -1
        self.end_ns = -1
        self.links: list[str] = []
        self.seen_from = ""                   # which side it was captured on, and why we think so
        self.damage: list[str] = []
        self.interrupted = False              # by the user: not all of it was read, or told
        self.ended = CAPTURE_ENDED            # or READING_ENDED: all of this is about what was read until then
        self.half_told = False                # somebody wanted an end while it was told, or no more was kept
        self.kept = ""                        # in a few words, how much of a pipe was kept for a second look, and where
        self.remarks: list[tuple[int, str]] = []
        self.undecoded: dict[str, int] = {}   # what was not decoded, by name
        self.truncated_frames = 0             # captured shorter than they were on the wire
        self.unsized = 0                      # packets whose IP length is a placeholder
        self.unsized_frames: tuple[int, ...] = ()     # the first of them
        self.read = 0
        self.unread = ""
        self.silences: list[Silence] = []
        self.lag_ns = 0
        self.dropped = -1                     # frames that the capturing system says it lost
        self.conversations = 0                # all that were seen, told or not; of a filter, those that it chooses
        self.beside = 0                       # conversations that a filter leaves out
        self.narrowed: list[str] = []         # what was asked for, and how much of the capture it leaves, in sentences
        self.two_sided = 0                    # of those that are read, with frames of both sides
        self.by_transport: dict[str, int] = {}
        self.states: dict[str, dict[str, int]] = {}   # by transport: Zeek's conn_state -> conversations
        self.tcp_flags: dict[str, int] = {}   # of all connections, by Wireshark's names
        self.neighbours: list[str] = []       # ARP and neighbour discovery, in words
        self.contested: list[tuple[str, tuple[tuple[str, int], ...]]] = []   # addresses, with (owner, frame) of each
        self.missing: list[Missing] = []      # neighbours that were asked for and never spoke
        self.addresses: list[Owned] = []      # ... and those that spoke
        self.in_use: list[InUse] = []
        self.unasked: list[Unasked] = []
        self.traced: set[int] = set()         # conversations that are part of a traceroute
        self.offered: set[tuple[str, str]] = set()    # (server, address) that a lease was offered of
        self.routers: list[Advertised] = []   # of IPv6, in the order of their coming
        self.circled: list[Circled] = []      # frames to everybody that came again and again
        self.crossed: list[Crossed] = []      # frames of one VLAN that came into another one
        self.topology_changes: list[tuple[int, int, str]] = []       # when, in which frame, and who told of it
        self.root_changes: list[tuple[int, int, str, str, str]] = []     # ... of the tree with most
        self.half_open: list[Group] = []
        self.syns_only = False                # of all connections nothing but SYNs, as a capture filter may leave it
        self.incomplete: list[Fragmented] = []        # datagrams of which fragments are missing
        self.contradicted: list[Fragmented] = []      # ... with fragments that contradict each other
        self.together: dict[str, Together] = {}
        self.scans: list[Scan] = []
        self.oddities: list[Scan] = []        # segments with flags that no TCP sets, too few for a scan
        self.reflected: list[Reflected] = []
        self.observed = Observation()


class Sums:
    """What is added up of a capture that is told part by part, of whose conversations none is kept.

    told: how many are told.     accounted: those whose time is accounted for.     totals: where it went, by the key of
    the cause.     spoken, hidden: connections that carry something, and those of them that are encrypted without keys.
    two: one has two directions.     carries: a connection carries data.     steady: no clock was set back in any.
    examples: some of them, without their events, of which one may be the one whose account matters most.
    troubled: how many have a trouble that the survey counts, by its code.     asked: what was asked for where a finding
    tells of requests, by the number of the conversation, each with the last frame.
    """

    def __init__(self) -> None:
        self.told = 0
        self.accounted = 0
        self.totals: dict[str, int] = {}
        self.spoken = 0
        self.hidden = 0
        self.two = False
        self.carries = False
        self.steady = True
        self.examples: list[Told] = []
        self.troubled: dict[str, int] = {}
        self.asked: dict[int, list[tuple[int, str]]] = {}


class Analysis:
    """Everything a report needs. Reports read this and nothing else.

    lookups: DNS lookups across the conversations that are told, in order of start; a lookup that was done for
    another one is among that one's steps.
    told: the conversations that are drawn.     undrawn: others that were read as well: their findings are among the
    others, and the story and tables have their rows.
    octets: the first bytes of frames that are cited, by number, with how many more there are; where they are wanted.
    listing: its frames as columns, and its traffic over time, where a page is wanted.
    sums: of a capture that was told part by part: then conversations are those that findings are about, and few or
    none are in told. heard: addresses that are known to have spoken in conversations that are not among these.
    """

    def __init__(self, capture: CaptureSummary) -> None:
        self.capture = capture
        self.conversations: list[Conversation] = []   # those that were kept, in order of first frame
        self.story: list[StoryRow] = []
        self.told: list[Told] = []
        self.undrawn: list[Told] = []
        self.lookups: list[Lookup] = []
        self.findings: list[Finding] = []
        self.verdict = Verdict()
        self.octets: dict[int, tuple[bytes, int]] = {}
        self.listing: Listing | None = None
        self.left_out: list[str] = []                 # choices that shortened the output, in words
        self.since = ""                               # the earlier report whose findings are left out
        self.anonymized = False
        self.sums: Sums | None = None
        self.heard: frozenset[str] = frozenset()

    def told_count(self) -> int:
        """How many conversations are told, here or in parts before."""
        return len(self.told) if self.sums is None or self.told else self.sums.told

    def findings_only(self) -> None:
        """Leave out whatever is told of single conversations."""
        self.told, self.undrawn, self.story, self.lookups, self.octets, self.sums = [], [], [], [], {}, None
        self.listing = None

    def every(self) -> list[Told]:
        """Those that are drawn and the others, by number."""
        return sorted(self.told + self.undrawn, key=_number) if self.undrawn else self.told


def _number(told: Told) -> int:
    return told.conversation.number


class Sink:
    """Takes the conversations of a large capture as they are told, by number, and keeps few of them or none."""

    def expect(self, numbers: set[int]) -> None:
        """Those that are worth the most, where few can be kept."""

    def take(self, part: Analysis) -> None:
        """The next ones: they are in `told` and `conversations`; `lookups` are those that ended meanwhile, and
        `findings` what was found in these conversations, before findings that are alike are put together."""
