"""Lookups across conversations: retries, other servers, TCP after UDP, aliases, referrals from the root down.

Events of every DNS conversation go in, in the order of time; lookups come out. Nothing is inferred that the
frames do not show: two exchanges belong together where the client asks the same question again while it is
open, asks for the alias it was just given, or asks a server that it was just referred to. Two programs of one machine
may ask the same at once: their questions are two, where neither the id nor the socket nor a wait says otherwise.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import FORWARD, Event
from dissectors.kit.lookup import ANSWERED, NOT_FOLLOWED, TRUNCATED, UNANSWERED, Book, Lookup, Step
from dissectors.kit.units import duration
from dissectors.protocols.dns.addresses import address_of_reverse
from dissectors.protocols.dns.describe import shortened
from dissectors.protocols.dns.events import DnsResponse, DnsUnanswered, Mismatch, Query
from dissectors.protocols.dns.events_multicast import MdnsQuery, MdnsResponse, MdnsRetry
from dissectors.protocols.dns.lookup_entry import MAX_STEPS, OpenLookup, absorb, key_of, note, summary_of
from dissectors.protocols.dns.message import RD, DnsMessage
from dissectors.protocols.dns.outcome import ALIAS, FAILED, REFERRAL, DnsOutcome, addresses, extended_errors
from dissectors.protocols.dns.rdata import decode_or_generic
from dissectors.protocols.dns.transactions import EARLY, NEVER_ASKED, OTHER_ADDRESS, TOO_LATE, Asked
from dissectors.wire.dns_codes import QUERY
from dissectors.wire.dns_types import AAAA, AXFR, IXFR, PTR, A, type_name
from dissectors.wire.domain_names import Name, ancestor

MAX_OPEN: Final = 10_000        # lookups followed at once; the oldest is not followed any further
MAX_DONE: Final = 100_000       # told but not yet taken
MAX_REMEMBERED: Final = 65_536  # answers remembered, to notice that they are asked for again
MAX_NAMES: Final = 65_536       # addresses with a name
MAX_DEPTH: Final = 8            # servers that ask one another on behalf of one client

GRACE_NS: Final = 5_000_000_000     # how long a referral, an alias, a truncated or failed answer may be followed up
PATIENCE_NS: Final = 30_000_000_000  # after which the same question, unanswered until then, is a new lookup
SOONEST_NS: Final = 50_000_000      # nobody gives up an answer sooner; Unbound's first wait is the shortest known


class LookupBook(Book):
    """names: address to the name that was asked for when a response gave it (an alias's own name, not its target's).

    dropped: what the caps above left out, by the name of the cap.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[bytes, OpenLookup] = {}
        self._entries: dict[OpenLookup, bool] = {}                # all that are open, in the order of their start
        self._by_asked: dict[Asked, OpenLookup] = {}
        # Who was asked what: by socket or stream, id and question.
        self._asked: dict[tuple[str, int, int, bytes], tuple[Asked, str, OpenLookup]] = {}
        self._given_up: dict[Asked, int] = {}                # questions, and when
        self._waiting: dict[OpenLookup, int] = {}                 # may be followed up until that time; in its order
        self._by_server: dict[bytes, OpenLookup] = {}             # server and question: who waits for that server
        self._next: dict[bytes, OpenLookup] = {}                  # the question that would continue a lookup
        self._good_until: dict[bytes, int] = {}
        self._done: list[Lookup] = []

    # -- in and out ------------------------------------------------------------------------------------

    def add(
        self, event: Event, conversation: int, originator: str, responder: str, tcp: bool = False,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        """The next event. originator, responder, ports: of its conversation, as text."""
        forward = event.direction == FORWARD
        sender, receiver = (originator, responder) if forward else (responder, originator)
        if isinstance(event, DnsUnanswered):
            self._abandoned(event, forward)
            return
        if not isinstance(event, (Query, DnsResponse)):
            return
        self._expire(event.time)
        asker = f"stream {conversation}" if event.stream else sender if isinstance(event, Query) else receiver
        port = event.stream or ports[0 if forward == isinstance(event, Query) else 1]
        if isinstance(event, Mismatch):
            self._stray(event, asker, port, receiver, sender)
            return
        if isinstance(event, MdnsResponse):
            self._announced(event.message)
        elif event.message.opcode != QUERY or isinstance(event, (MdnsQuery, MdnsRetry)):
            return
        elif isinstance(event, Query):
            entry = self._query(event, conversation, sender, receiver, tcp)
            if entry is None:
                return
            if len(self._asked) >= MAX_OPEN:
                del self._asked[next(iter(self._asked))]
            key = (asker, port, int(event.message.id), event.message.question_key())
            self._asked.pop(key, None)
            self._asked[key] = (event.asked, receiver, entry)
            early = event.early
            if early is not None and early.fit == EARLY:
                self._response(early, conversation, sender, receiver)
        else:
            self._response(event, conversation, receiver, sender)

    def take(self) -> list[Lookup]:
        """The lookups that are complete, in the order of their ends; each is given once."""
        done, self._done = self._done, []
        return done

    def pending(self) -> list[Lookup]:
        """Those that are open, with the ones that are done for others."""
        return [entry.lookup for entry in self._entries]

    def finish(self) -> list[Lookup]:
        """The capture is over: what is open is told as it stands."""
        for entry in list(self._entries):
            self._close(entry)
        return self.take()

    # -- questions -------------------------------------------------------------------------------------

    def _query(self, event: Query, conversation: int, client: str, server: str, tcp: bool) -> OpenLookup | None:
        message = event.message
        question = message.question()
        if question is None:
            return None
        qkey = message.question_key()
        name = question.name.key()
        stream = tcp or event.stream != 0
        entry = self._follows(client, server, qkey, name, event, conversation, stream)
        if entry is None:
            entry = self._begin(client, server, qkey, question.name, type_name(question.type), event)
        waited = event.time - entry.asked_at if entry.last is not None else -1
        alike = not self._surely(entry, event, server)
        entry.last, entry.at, entry.stream = event, conversation, stream
        entry.abandoned, entry.failed = False, ""
        if len(entry.asked) < MAX_STEPS:
            entry.asked.append(event.asked)
            self._by_asked[event.asked] = entry
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
            last.alike += alike
            last.waited_ns = max(last.waited_ns, waited)
            if len(last.frames) < MAX_STEPS:
                last.frames.append(frame)
        elif len(lookup.steps) < MAX_STEPS:
            zone = entry.zone_text if server in entry.glue or not entry.glue else ""
            lookup.steps.append(Step(client, server, zone, text, frame, event.time, tcp))
            lookup.steps[-1].edns = message.edns != 0
        else:
            lookup.left_out += 1
        note(lookup, frame, conversation, event.time)
        return entry

    def _surely(self, entry: OpenLookup, event: Query, server: str) -> bool:
        """Whether the question surely is one more attempt of the same asker: by its id, since it turns to another
        server, or since it is that of a resolver, which keeps what it is told."""
        last = entry.last
        if last is None or entry.stream or entry.lookup.steps[-1].server != server:
            return True
        return last.message.id == event.message.id or entry.parent is not None or entry.zone != b""

    def _again(self, entry: OpenLookup, event: Query, conversation: int, server: str, stream: bool) -> bool:
        """Whether the same question continues this lookup of its client."""
        last = entry.last
        kind = entry.lookup.kind
        wait = event.time - entry.asked_at
        if last is None:
            return True
        if kind == FAILED:      # asked elsewhere, or in another way; the same again is a new lookup
            edns = (last.message.edns != 0) != (event.message.edns != 0)
            return server != entry.failed or edns or stream != entry.stream or conversation == entry.at
        if kind == TRUNCATED and entry.stream and stream:
            return entry.abandoned
        if kind != UNANSWERED:
            return True
        if stream and entry.stream:
            return entry.abandoned or (conversation != entry.at and wait >= SOONEST_NS)
        same = not stream and not entry.stream and (
            last.message.id == event.message.id or conversation == entry.at
        )
        return same or wait >= SOONEST_NS

    def _follows(
        self, client: str, server: str, qkey: bytes, name: bytes, event: Query, conversation: int, stream: bool
    ) -> OpenLookup | None:
        """The open lookup of this client that the question continues."""
        message = event.message
        entry = self._open.get(key_of(client, qkey, message))
        if entry is not None:
            if not self._again(entry, event, conversation, server, stream):
                return None
            if entry.lookup.kind != UNANSWERED or event.time - entry.asked_at <= PATIENCE_NS:
                return entry
            self._close(entry)
            return None
        address = client.encode() + b"\x00"
        waiting = self._next.get(b"a" + address + name + qkey[-4:])
        if waiting is not None:
            self._move(waiting, qkey, name, message)
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
                self._move(waiting, qkey, name, message)
                waiting.parent = self._parent(client, qkey, waiting)
                return waiting
            at += name[at] + 1
        return None

    def _begin(self, client: str, server: str, qkey: bytes, name: Name, type_: str, event: Query) -> OpenLookup:
        key = key_of(client, qkey, event.message)
        now = event.time
        entry = OpenLookup(Lookup(name.text(), type_, client, server, now), key, qkey, name.key(), None)
        entry.parent = self._parent(client, qkey, entry)
        if len(self._entries) >= MAX_OPEN:
            self._count("MAX_OPEN")
            oldest = next(iter(self._entries))
            if oldest.lookup.kind == UNANSWERED:
                oldest.lookup.kind = NOT_FOLLOWED
            self._close(oldest)
        self._entries[entry] = True
        self._open[key] = entry
        good = self._good_until.get(key, 0)
        if good > now:
            entry.lookup.repeated_before_ttl = (good - now) // 1_000_000_000
        return entry

    def _parent(self, client: str, qkey: bytes, entry: OpenLookup) -> OpenLookup | None:
        """The lookup that `client` is the server of, for the same question: it asks on behalf of that one."""
        parent = self._by_server.get(client.encode() + b"\x00" + qkey)
        if parent is None or entry.parent is not None or entry.children:
            return entry.parent
        above: OpenLookup | None = parent
        depth = 0
        while above is not None:
            if above is entry or depth == MAX_DEPTH:
                return None
            above = above.parent
            depth += 1
        parent.children.append(entry)
        return parent

    def _move(self, entry: OpenLookup, qkey: bytes, name: bytes, message: DnsMessage) -> None:
        """The lookup goes on with another question."""
        self._unhook(entry)
        if self._open.get(entry.key) is entry:
            del self._open[entry.key]
        entry.qkey = qkey
        entry.name = name
        entry.key = key_of(entry.lookup.client, qkey, message)
        self._open[entry.key] = entry

    def _unhook(self, entry: OpenLookup) -> None:
        self._waiting.pop(entry, None)
        if self._next.get(entry.hook) is entry:
            del self._next[entry.hook]

    # -- answers ---------------------------------------------------------------------------------------

    def _response(self, event: DnsResponse, conversation: int, client: str, server: str) -> None:
        message = event.message
        asked = event.asked
        if asked is not None:
            entry = self._by_asked.get(asked)
        else:
            entry = self._open.get(key_of(client, message.question_key(), message))
        if entry is None or (asked is None and message.question() is None):
            return
        outcome = event.outcome()
        entry.failed = server if outcome.kind == FAILED else ""
        lookup = entry.lookup
        lookup.kind = outcome.kind
        lookup.summary = summary_of(message, outcome)
        lookup.seconds = outcome.seconds
        lookup.end_ns = max(event.time, lookup.start_ns)
        lookup.errors.update(extended_errors(message))
        if outcome.kind != TRUNCATED and len(lookup.chain) < MAX_STEPS:
            lookup.chain += [target.text() for target in outcome.chain]
        lookup.ring = lookup.ring or [name.text() for name in outcome.ring]
        if outcome.kind == REFERRAL and outcome.zone is not None and not outcome.glue and not outcome.upward:
            if len(lookup.referred) < MAX_STEPS:
                lookup.referred.append((outcome.zone.text(), [server.text() for server in outcome.servers]))
        note(lookup, event.evidence.frames[-1], conversation, event.time)
        for step in reversed(lookup.steps):
            if step.end_ns < 0 and (step.server == server or len(lookup.steps) == 1):
                step.server = server   # of a question to a multicast address, whoever answers
                step.answer = shortened(lookup.summary)
                step.end_ns = max(event.time, step.start_ns)
                step.failure = lookup.summary if outcome.kind == FAILED else ""
                step.closed = ""
                step.frames.append(event.evidence.frames[-1])
                break
        self._learn(message, outcome, entry)
        self._expect_targets(entry, client, outcome)
        self._settle(entry, outcome, event.time, message)

    def _settle(self, entry: OpenLookup, outcome: DnsOutcome, now: int, message: DnsMessage) -> None:
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
        self._wait(entry, now)

    def _wait(self, entry: OpenLookup, now: int) -> None:
        """What follows it up within GRACE_NS belongs to it."""
        self._waiting.pop(entry, None)
        self._waiting[entry] = now + GRACE_NS

    def _abandoned(self, event: DnsUnanswered, forward: bool) -> None:
        """The connection, or the stream of it, that carried a question is over, and nothing answered it."""
        entry = self._by_asked.get(event.asked)
        if entry is None or event.how not in ("fin", "rst"):
            return
        if event.stream:
            self._given_up[event.asked] = event.time
        entry.abandoned = True
        lookup = entry.lookup
        if event.absence.proven and lookup.steps and lookup.steps[-1].end_ns < 0:
            asker = event.direction
            who = "the connection was reset" if event.how == "rst" else (
                "the client closed the connection" if event.ended_by == asker else "the server closed the connection"
            )
            lookup.steps[-1].closed = "the client gave up the question" if event.stream else who
            lookup.steps[-1].end_ns = event.time
            lookup.end_ns = max(lookup.end_ns, event.time)
        self._wait(entry, event.time)

    def _stray(self, event: Mismatch, asker: str, port: int, client: str, server: str) -> None:
        """An answer whose question went to another address, or was given up before."""
        if event.fit != NEVER_ASKED or not port:
            return
        found = self._asked.get((asker, port, int(event.message.id), event.message.question_key()))
        if found is None:
            return
        asked, server_asked, entry = found
        text = f"question in frame {asked.frame}"
        step = next((step for step in reversed(entry.lookup.steps) if step.server == server_asked), None)
        if server_asked != server:
            event.belongs(OTHER_ADDRESS, asked, f"{text}, which went to {server_asked}")
            event.instead = server_asked
            if step is not None and not asked.answers:
                step.elsewhere = server
        elif asked in self._given_up:
            since = event.time - self._given_up[asked]
            event.belongs(TOO_LATE, asked, f"{text}, which the client had given up {duration(since)} before")
            event.since = since
            if step is not None:
                step.late_ns = since
                entry.lookup.kind = event.outcome().kind
                entry.lookup.summary = summary_of(event.message, event.outcome())
                entry.lookup.end_ns = event.time

    def _expect_targets(self, entry: OpenLookup, client: str, outcome: DnsOutcome) -> None:
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

    def _learn(self, message: DnsMessage, outcome: DnsOutcome, entry: OpenLookup) -> None:
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
            entry, until = next(iter(self._waiting.items()))
            if until > now:
                return
            self._close(entry)

    def _close(self, entry: OpenLookup) -> None:
        """Told now, or as a part of the lookup it was done for."""
        if entry.closed:
            return
        entry.closed = True
        for child in entry.children:
            self._close(child)
        entry.children = []  # no circle of references stays behind: the collector may be off
        self._unhook(entry)
        if self._open.get(entry.key) is entry:
            del self._open[entry.key]
        self._entries.pop(entry, None)
        for asked in entry.asked:
            self._by_asked.pop(asked, None)
            self._given_up.pop(asked, None)
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
            absorb(parent.lookup, lookup)
        elif len(self._done) < MAX_DONE:
            self._done.append(lookup)
        else:
            self._count("MAX_DONE")

    def _count(self, cap: str) -> None:
        self.dropped[cap] = self.dropped.get(cap, 0) + 1
