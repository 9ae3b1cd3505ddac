"""What a rule is, what it may look at, and what it gives back."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, Generic, TypeVar, cast

from analyzer.explain.usual import Usual
from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Told
from dissectors.kit.event import Event
from dissectors.kit.observation import KINDS, OCTETS, Absence, Observation
from dissectors.kit.units import grouped
from dissectors.wire.x509.chain import Certificates

CERTAIN: Final = "certain"
LIKELY: Final = "likely"
POSSIBLE: Final = "possible"
NOTE: Final = "note"       # the most that is made of what may not have been seen
CONFIDENCE: Final = (CERTAIN, LIKELY, POSSIBLE)   # falling

# What a finding is a matter of, what weighs most first.
DENIAL: Final = 0         # as a failure, and a note of it tells all the same that something asked for was denied
FAILURE: Final = 1        # something did not come about, or ended before its time
SLOW: Final = 2           # it took longer than it had to
WEAK: Final = 3           # it worked, and is unsafe, wasteful, or against a rule
OUTLOOK: Final = 4        # it concerns the capture, or what can be seen in it

MAX_FRAMES: Final = 12     # frames that a finding cites: the first ones

# What these say, nothing encrypts.
IN_CLEAR: Final = (
    "tcp", "udp", "icmp", "dhcp", "dhcpv6", "link", "capture", "packet", "radius", "snmp", "sip", "nbns",
)

MAX_HEIRS: Final = 10_000     # classes of events by what they inherit from, that are remembered

_heirs: dict[tuple[type[Event], frozenset[type[Event]]], tuple[type[Event], ...]] = {}

E = TypeVar("E", bound=Event)
T = TypeVar("T")


class Case:
    """A conversation under examination, its events by their class, and the capture that it is part of.

    observed: what could be observed of it.   kinds: the blind spots that matter for the rule in hand.

    certificates: what was read of certificates in all conversations.     usual: what is usual in the capture.
    protocols: whose events it has, and its transport; those of several versions without their number as well.
    sort: all that a rule learns of it which asks for events of kinds that it does not have.     touched: somebody has
    learned more.
    """

    def __init__(
        self, told: Told, capture: CaptureSummary, certificates: Certificates | None = None, usual: Usual | None = None,
    ) -> None:
        self._conversation = told.conversation
        self._capture = capture
        self._observed = told.observed
        self.kinds: tuple[str, ...] = KINDS
        self._certificates = certificates if certificates is not None else Certificates()
        self._usual = usual if usual is not None else Usual([told])
        self._events: dict[type[Event], list[Event]] = {}
        for phase in told.phases:
            for event in phase.events:
                self._events.setdefault(type(event), []).append(event)
        self.sort = (frozenset(self._events), told.conversation.transport)
        self.touched = False

    @property
    def protocols(self) -> set[str]:
        names = {kind.name.partition(".")[0] for kind in self._events}
        return names | {name.rstrip("0123456789") for name in names} | {self._conversation.transport}

    @property
    def conversation(self) -> Conversation:
        self.touched = True
        return self._conversation

    @property
    def capture(self) -> CaptureSummary:
        self.touched = True
        return self._capture

    @property
    def observed(self) -> Observation:
        self.touched = True
        return self._observed

    @property
    def certificates(self) -> Certificates:
        self.touched = True
        return self._certificates

    @property
    def usual(self) -> Usual:
        self.touched = True
        return self._usual

    def of(self, kind: type[E]) -> list[E]:
        """The events of exactly this class, in order."""
        found = self._events.get(kind)
        if not found:
            return []
        self.touched = True
        return cast("list[E]", list(found))

    def of_base(self, base: type[E]) -> list[E]:
        """The events of this class and of those that inherit from it, in order of time."""
        key = (base, self.sort[0])
        kinds = _heirs.get(key)
        if kinds is None:
            kinds = tuple([kind for kind in self._events if issubclass(kind, base)])
            if len(_heirs) >= MAX_HEIRS:
                _heirs.clear()
            _heirs[key] = kinds
        found: list[E] = []
        for kind in [kind for kind in self._events if kind in kinds] if kinds else ():
            found += cast("list[E]", self._events[kind])
        if found:
            self.touched = True
            found.sort(key=attrgetter("time"))
        return found

    def by_side(self, kind: type[E]) -> list[tuple[int, list[E]]]:
        """(direction, events) for each direction that has any."""
        found = self.of(kind)
        if not found:
            return []
        sides = [(side, [event for event in found if event.direction == side]) for side in (0, 1)]
        return [(side, events) for side, events in sides if events]

    def told_before(self, event: Event, protocol: str, but: frozenset[str]) -> bool:
        """Was a message of this protocol read before this event, in its direction? but: events that are no messages."""
        self.touched = True
        return any(
            other.name.startswith(f"{protocol}.") and other.name not in but and other.direction == event.direction
            and other.time < event.time for events in self._events.values() for other in events
        )

    def absence(self, direction: int, since: int = -1, until: int = -1, kinds: tuple[str, ...] = ()) -> Absence:
        """That this direction (NEITHER: either) did not do something from `since` to `until`, as far as is known.

        until: -1 for the end of the capture. What a claim about the time after it would rest on, nobody has seen.
        kinds: () for those that matter for the rule in hand.
        """
        end = self.capture.end_ns - 1 if until < 0 else until
        return self.observed.absence(direction, since, end, kinds or self.kinds)

    def end(self, direction: int) -> Endpoint:
        """The end that sends in this direction."""
        return self.conversation.responder if direction == 1 else self.conversation.originator


class Found:
    """What a rule found. cost_ns: time that it cost, to put the dearest first.

    severity, next_step: where they differ from the rule's.   narrow: a display filter within the conversation's.
    absent: for a rule about what was not seen: what the observation says of it. None asks about both directions, from
    the beginning of the capture to its end.
    otherwise: the sentence where it is not proven, which says only what was seen; "" leaves the finding out.
    victims: how many conversations have it; 0 for the one or those that its frames belong to.
    about: addresses, or services as address and port, that it is about, where it has no conversation that says so.
    clients: see `Finding`.
    examples: of one that tells of many conversations, the numbers of those that show it best.    members: of one that
    has a conversation, the numbers of others that it is about too.
    of: the lookup that it tells of, by client, name, type, server and what came of it.
    """

    def __init__(
        self, sentence: str, frames: tuple[int, ...], conversation: Conversation | None = None, *, cost_ns: int = 0,
        severity: str = "", confidence: str = CERTAIN, basis: str = "", narrow: str = "", next_step: str = "",
        absent: Absence | None = None, otherwise: str = "", victims: int = 0, about: tuple[str, ...] = (),
    ) -> None:
        self.sentence = sentence
        self.frames = frames
        self.conversation = conversation
        self.cost_ns = cost_ns
        self.severity = severity
        self.confidence = confidence
        self.basis = basis
        self.narrow = narrow
        self.next_step = next_step
        self.absent = absent
        self.otherwise = otherwise
        self.victims = victims
        self.about = about
        self.examples: tuple[int, ...] = ()
        self.clients: tuple[str, ...] = ()
        self.members: tuple[int, ...] = ()
        self.of: tuple[str, ...] = ()


class Rule(Generic[T]):
    """All that is said of findings of one code, beside the predicate that makes them.

    code: stable.  matter: what it is a matter of, from DENIAL to OUTLOOK, for the verdict.  examine: the one place that
    decides.  means: what such a finding says, in a sentence.  refute: what would prove one wrong.

    narrow: a display filter that is put behind the conversation's.   absence: it rests on something that was not
    seen. Its findings are then held against the observation (`Found.absent`): where that does not prove them they say
    what was seen, as a note, or are not made.   threshold: the fixed times and numbers that it has, each with why it is
    that and not a yardstick of the capture; where the capture gives one (the way to a server, its other answers, other
    servers) rules use that.   kinds: the blind spots that matter for it. Encryption hides nothing from a rule about
    packets.   lasting: what it tells of lasts until its conversation ends, whatever frames show that it began.
    """

    def __init__(
        self, code: str, severity: str, matter: int, examine: Callable[[T], list[Found]], means: str, next_step: str,
        refute: str, narrow: str = "", *, absence: bool = False, threshold: str = "", lasting: bool = False,
    ) -> None:
        self.code = code
        self.severity = severity
        self.matter = matter
        self.examine = examine
        self.means = means
        self.next_step = next_step
        self.refute = refute
        self.narrow = narrow
        self.absence = absence
        self.threshold = threshold
        self.lasting = lasting
        self.kinds = OCTETS if code.partition(".")[0] in IN_CLEAR else KINDS


AnyRule = Rule[Case] | Rule[Analysis]


def frames_of(events: Sequence[Event]) -> tuple[int, ...]:
    """The frames that all of them cite, ascending, each once."""
    return tuple(sorted({frame for event in events for frame in event.evidence.frames}))


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count) or f"{grouped(count)} times"


def place(end: Endpoint) -> str:
    """`10.0.0.2:443 (shop.test)`."""
    return end.full()
