"""Lookups across conversations: retries, other servers, TCP after UDP, aliases, referrals from the root down.

Events of every DNS conversation go in, in the order of time; lookups come out. Nothing is inferred that the
frames do not show: two exchanges belong together where the client asks the same question again while it is
open, asks for the alias it was just given, or asks a server that it was just referred to.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import FORWARD, Event
from dissectors.kit.lookup import ANSWERED, TRUNCATED, UNANSWERED, Book, Lookup, Step
from dissectors.kit.units import plural
from dissectors.protocols.dns.addresses import address_of_reverse
from dissectors.protocols.dns.describe import listed, shortened
from dissectors.protocols.dns.events import DnsResponse, Mismatch, Query
from dissectors.protocols.dns.events_multicast import MdnsQuery, MdnsResponse, MdnsRetry
from dissectors.protocols.dns.message import RD, DnsMessage
from dissectors.protocols.dns.names import Name, ancestor
from dissectors.protocols.dns.outcome import ALIAS, FAILED, REFERRAL, DnsOutcome, addresses
from dissectors.protocols.dns.rdata import decode_or_generic
from dissectors.wire.dns_codes import QUERY, rcode_name
from dissectors.wire.dns_types import AAAA, AXFR, IXFR, PTR, A, type_name

MAX_OPEN: Final = 10_000        # lookups followed at once; the oldest is told as it stands
MAX_DONE: Final = 100_000       # told but not yet taken
MAX_REMEMBERED: Final = 65_536  # answers remembered, to notice that they are asked for again
MAX_NAMES: Final = 65_536       # addresses with a name
MAX_STEPS: Final = 64           # exchanges named in one lookup
MAX_DEPTH: Final = 8            # servers that ask one another on behalf of one client
MAX_SHOWN: Final = 4            # records of an answer

GRACE_NS: Final = 5_000_000_000     # how long a referral, an alias, a truncated or failed answer may be followed up
PATIENCE_NS: Final = 30_000_000_000  # after which the same question, unanswered until then, is a new lookup


class _Open:
    """A lookup under way. key: its client and question; qkey: the question; name: its key; zone: referred to last."""

    def __init__(self, lookup: Lookup, key: bytes, qkey: bytes, name: bytes, parent: _Open | None) -> None:
        self.lookup = lookup
        self.key = key
        self.qkey = qkey
        self.name = name
        self.parent = parent
        self.children: list[_Open] = []
        self.asked_at = 0
        self.zone: bytes = b""
        self.zone_text = ""
        self.glue: list[str] = []
        self.servers: list[bytes] = []  # its keys in `_by_server`
        self.hook: bytes = b""          # its key in `_next`
        self.closed = False


class LookupBook(Book):
    """names: address to the name that was asked for when a response gave it (an alias's own name, not its target's).

    dropped: what the caps above left out, by the name of the cap.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[bytes, _Open] = {}
        self._waiting: dict[bytes, tuple[int, _Open]] = {}   # may be followed up until that time; in its order
        self._by_server: dict[bytes, _Open] = {}             # server and question: who waits for that server
        self._next: dict[bytes, _Open] = {}                  # the question that would continue a lookup
        self._good_until: dict[bytes, int] = {}
        self._done: list[Lookup] = []

    # -- in and out ------------------------------------------------------------------------------------

    def add(self, event: Event, conversation: int, originator: str, responder: str, tcp: bool = False) -> None:
        """The next event. originator, responder: the addresses of its conversation, as text."""
        forward = event.direction == FORWARD
        sender, receiver = (originator, responder) if forward else (responder, originator)
        if isinstance(event, Mismatch) or not isinstance(event, (Query, DnsResponse)):
            return
        self._expire(event.time)
        if isinstance(event, MdnsResponse):
            self._announced(event.message)
        elif event.message.opcode != QUERY or isinstance(event, (MdnsQuery, MdnsRetry)):
            return
        elif isinstance(event, Query):
            self._query(event, conversation, sender, receiver, tcp)
        else:
            self._response(event, conversation, receiver, sender)

    def take(self) -> list[Lookup]:
        """The lookups that are complete, in the order of their ends; each is given once."""
        done, self._done = self._done, []
        return done

    def finish(self) -> list[Lookup]:
        """The capture is over: what is open is told as it stands."""
        for entry in list(self._open.values()):
            self._close(entry)
        return self.take()

    # -- questions -------------------------------------------------------------------------------------

    def _query(self, event: Query, conversation: int, client: str, server: str, tcp: bool) -> None:
        message = event.message
        question = message.question()
        if question is None:
            return
        qkey = message.question_key()
        name = question.name.key()
        entry = self._follows(client, server, qkey, name, message, event.time)
        if entry is None:
            entry = self._begin(client, server, qkey, question.name, type_name(question.type), event.time)
        lookup = entry.lookup
        lookup.attempts += 1
        if lookup.kind == TRUNCATED and tcp:
            lookup.over_tcp = True
        entry.asked_at = event.time
        self._unhook(entry)
        place = server.encode() + b"\x00" + qkey
        if self._by_server.get(place) is not entry and len(entry.servers) < MAX_STEPS:
            self._by_server[place] = entry
            entry.servers.append(place)
        text = f"{question.name.text()} {type_name(question.type)}"
        frame = event.evidence.frames[-1]
        last = lookup.steps[-1] if lookup.steps else None
        if last is not None and last.same(server, text, tcp):
            last.attempts += 1
            if len(last.frames) < MAX_STEPS:
                last.frames.append(frame)
        elif len(lookup.steps) < MAX_STEPS:
            zone = entry.zone_text if server in entry.glue or not entry.glue else ""
            lookup.steps.append(Step(client, server, zone, text, frame, event.time, tcp))
        else:
            lookup.left_out += 1
        _note(lookup, frame, conversation, event.time)

    def _follows(
        self, client: str, server: str, qkey: bytes, name: bytes, message: DnsMessage, now: int
    ) -> _Open | None:
        """The open lookup of this client that the question continues."""
        entry = self._open.get(client.encode() + b"\x00" + qkey)
        if entry is not None:
            if entry.lookup.kind != UNANSWERED or now - entry.asked_at <= PATIENCE_NS:
                return entry
            self._close(entry)
            return None
        address = client.encode() + b"\x00"
        waiting = self._next.get(b"a" + address + name + qkey[-4:])
        if waiting is not None:
            self._move(waiting, qkey, name)
            return waiting
        if message.flags & RD:
            return None
        # A resolver sends each server no more of the name than it needs (RFC 9156 §2).
        at = 0
        while at < len(name):
            waiting = self._next.get(b"z" + address + name[at:])
            question = message.question()
            if waiting is not None and server in waiting.glue and question is not None:
                waiting.lookup.name = question.name.text()
                waiting.lookup.type = type_name(question.type)
                self._move(waiting, qkey, name)
                waiting.parent = self._parent(client, qkey, waiting)
                return waiting
            at += name[at] + 1
        return None

    def _begin(self, client: str, server: str, qkey: bytes, name: Name, type_: str, now: int) -> _Open:
        key = client.encode() + b"\x00" + qkey
        entry = _Open(Lookup(name.text(), type_, client, server, now), key, qkey, name.key(), None)
        entry.parent = self._parent(client, qkey, entry)
        if len(self._open) >= MAX_OPEN:
            self._count("MAX_OPEN")
            self._close(next(iter(self._open.values())))
        self._open[key] = entry
        good = self._good_until.get(key, 0)
        if good > now:
            entry.lookup.repeated_before_ttl = (good - now) // 1_000_000_000
        return entry

    def _parent(self, client: str, qkey: bytes, entry: _Open) -> _Open | None:
        """The lookup that `client` is the server of, for the same question: it asks on behalf of that one."""
        parent = self._by_server.get(client.encode() + b"\x00" + qkey)
        if parent is None or entry.parent is not None or entry.children:
            return entry.parent
        above: _Open | None = parent
        depth = 0
        while above is not None:
            if above is entry or depth == MAX_DEPTH:
                return None
            above = above.parent
            depth += 1
        parent.children.append(entry)
        return parent

    def _move(self, entry: _Open, qkey: bytes, name: bytes) -> None:
        """The lookup goes on with another question."""
        self._unhook(entry)
        self._open.pop(entry.key, None)
        entry.qkey = qkey
        entry.name = name
        entry.key = entry.lookup.client.encode() + b"\x00" + qkey
        self._open[entry.key] = entry

    def _unhook(self, entry: _Open) -> None:
        self._waiting.pop(entry.key, None)
        if self._next.get(entry.hook) is entry:
            del self._next[entry.hook]

    # -- answers ---------------------------------------------------------------------------------------

    def _response(self, event: DnsResponse, conversation: int, client: str, server: str) -> None:
        message = event.message
        qkey = message.question_key()
        entry = self._open.get(client.encode() + b"\x00" + qkey)
        question = message.question()
        if entry is None or question is None:
            return
        outcome = event.outcome()
        lookup = entry.lookup
        lookup.kind = outcome.kind
        lookup.summary = _summary(message, outcome)
        lookup.seconds = outcome.seconds
        lookup.end_ns = event.time
        if outcome.kind != TRUNCATED and len(lookup.chain) < MAX_STEPS:
            lookup.chain += [target.text() for target in outcome.chain]
        _note(lookup, event.evidence.frames[-1], conversation, event.time)
        for step in reversed(lookup.steps):
            if step.end_ns < 0 and (step.server == server or len(lookup.steps) == 1):
                step.server = server   # of a question to a multicast address, whoever answers
                step.answer = shortened(lookup.summary)
                step.end_ns = event.time
                step.frames.append(event.evidence.frames[-1])
                break
        self._learn(message, outcome, entry)
        self._expect_targets(entry, client, outcome)
        self._settle(entry, outcome, event.time, message)

    def _settle(self, entry: _Open, outcome: DnsOutcome, now: int, message: DnsMessage) -> None:
        """Done, or something has to follow."""
        kind = outcome.kind
        address = entry.lookup.client.encode() + b"\x00"
        if kind == REFERRAL and outcome.zone is not None and not outcome.upward:
            entry.zone = outcome.zone.key()
            entry.zone_text = outcome.zone.text()
            entry.glue = outcome.glue
        elif kind == ALIAS:
            entry.hook = b"a" + address + outcome.final + entry.qkey[-4:]
        elif kind not in (TRUNCATED, FAILED, REFERRAL):
            partial = not message.flags & RD and entry.zone and kind != ANSWERED and entry.parent is None
            if not partial:
                self._close(entry)
                return
        if kind != ALIAS:
            entry.hook = b"z" + address + entry.name if entry.zone else b""
        if entry.hook:
            self._next[entry.hook] = entry
        self._waiting.pop(entry.key, None)
        self._waiting[entry.key] = (now + GRACE_NS, entry)

    def _expect_targets(self, entry: _Open, client: str, outcome: DnsOutcome) -> None:
        """A resolver asks for the targets of an alias by themselves, to be sure of them: for the same client still.

        It may come to each by names above it, within the zone that it was referred to (RFC 9156 §2).
        """
        parent = entry.parent
        if parent is None or parent.closed:
            return
        for target in outcome.chain:
            key = target.key()
            while len(key) > 1 and len(parent.servers) < MAX_STEPS:
                place = client.encode() + b"\x00" + key + entry.qkey[-4:]
                if place not in self._by_server:
                    self._by_server[place] = parent
                    parent.servers.append(place)
                key = key[key[0] + 1:]
                if not entry.zone or key == entry.zone or not ancestor(entry.zone, key):
                    break

    def _learn(self, message: DnsMessage, outcome: DnsOutcome, entry: _Open) -> None:
        """Names of addresses: that which the first client asked for."""
        lookup = entry.lookup
        first = entry
        while first.parent is not None:
            first = first.parent
        if message.qtype in (AXFR, IXFR):
            self._announced(message)
            return
        for address in addresses(message, outcome):
            self._name(address, first.lookup.name, True)
            if address not in lookup.addresses and len(lookup.addresses) < MAX_STEPS:
                lookup.addresses.append(address)
        question = message.question()
        if question is not None and question.type == PTR:
            address = address_of_reverse(question.name.labels)
            for record in outcome.answers[:1]:
                if address:
                    self._name(address, decode_or_generic(message, record).text, False)

    def _announced(self, message: DnsMessage) -> None:
        """The names that records themselves have: of mDNS, which tells them unasked, and of a zone transfer."""
        for record in message.records():
            if record.type in (A, AAAA) and record.ttl:
                self._name(decode_or_generic(message, record).text, record.name.text(), False)

    def _name(self, address: str, name: str, replace: bool) -> None:
        if address in self.names:
            if replace:
                self.names[address] = name
        elif len(self.names) < MAX_NAMES:
            self.names[address] = name
        else:
            self._count("MAX_NAMES")

    # -- ends ------------------------------------------------------------------------------------------

    def _expire(self, now: int) -> None:
        while self._waiting:
            until, entry = next(iter(self._waiting.values()))
            if until > now:
                return
            self._close(entry)

    def _close(self, entry: _Open) -> None:
        """Told now, or as a part of the lookup it was done for."""
        if entry.closed:
            return
        entry.closed = True
        for child in entry.children:
            self._close(child)
        entry.children = []  # no circle of references stays behind: the collector may be off
        self._unhook(entry)
        self._open.pop(entry.key, None)
        for place in entry.servers:
            if self._by_server.get(place) is entry:
                del self._by_server[place]
        lookup = entry.lookup
        if lookup.seconds > 0 and lookup.kind not in (TRUNCATED, FAILED, REFERRAL):
            if len(self._good_until) >= MAX_REMEMBERED:
                del self._good_until[next(iter(self._good_until))]
                self._count("MAX_REMEMBERED")
            self._good_until.pop(entry.key, None)
            self._good_until[entry.key] = lookup.end_ns + lookup.seconds * 1_000_000_000
        parent = entry.parent
        entry.parent = None
        if parent is not None:
            _absorb(parent.lookup, lookup)
        elif len(self._done) < MAX_DONE:
            self._done.append(lookup)
        else:
            self._count("MAX_DONE")

    def _count(self, cap: str) -> None:
        self.dropped[cap] = self.dropped.get(cap, 0) + 1


def _note(lookup: Lookup, frame: int, conversation: int, now: int) -> None:
    """Frames stay ascending because events come in the order of time."""
    if len(lookup.frames) < 2 * MAX_STEPS and (not lookup.frames or lookup.frames[-1] != frame):
        lookup.frames.append(frame)
    if conversation not in lookup.conversations and len(lookup.conversations) < MAX_STEPS:
        lookup.conversations.append(conversation)
    lookup.end_ns = max(lookup.end_ns, now)


def _absorb(parent: Lookup, child: Lookup) -> None:
    """The steps that a server took to answer its client."""
    room = max(MAX_STEPS - len(parent.steps), 0)
    parent.steps += child.steps[:room]
    parent.left_out += child.left_out + max(len(child.steps) - room, 0)
    parent.steps.sort(key=_started)
    parent.frames = sorted({*parent.frames, *child.frames})[:2 * MAX_STEPS]
    parent.conversations = sorted({*parent.conversations, *child.conversations})[:MAX_STEPS]


def _started(step: Step) -> int:
    return step.start_ns


def _summary(message: DnsMessage, outcome: DnsOutcome) -> str:
    """What a response says, in few words."""
    kind = outcome.kind
    if kind == ANSWERED:
        if message.qtype in (AXFR, IXFR):
            return f"the zone, {plural(len(outcome.answers), 'record')} in the first message"
        values = [shortened(decode_or_generic(message, record).text) for record in outcome.answers[:MAX_SHOWN]]
        return listed(values, len(outcome.answers))
    if kind == REFERRAL:
        zone = outcome.zone.text() if outcome.zone is not None else "."
        names = listed([server.text() for server in outcome.servers[:MAX_SHOWN]], len(outcome.servers))
        return f"{'refers upward to' if outcome.upward else 'refers to'} the servers of {zone}: {names}"
    if kind == ALIAS:
        return f"an alias of {outcome.chain[-1].text()}"
    if kind == FAILED:
        return rcode_name(message.full_rcode())
    return kind
