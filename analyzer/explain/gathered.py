"""Findings of a capture that is told part by part: what each part shows is judged at once, and little of it is kept.

A rule about one conversation is asked when that is told. A rule about the capture as a whole is asked once, at the end.
A rule that looks across conversations gets some thousands of them at once, a stretch, as they follow one another, and
of their events those that any such rule asks for; lookups that may go on are carried into the next one. Findings of one
code are counted as `alike.py` and `together.py` put them together, and a few are kept.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.alike import MAX_MEMBERS, MAX_OF_A_CODE, MAX_PEERS, Code, Single
from analyzer.explain.concerns import REQUESTS, what_of
from analyzer.explain.crowds import DNS, SILENT, stands_for_all
from analyzer.explain.findings import (
    Asking,
    Observations,
    examined,
    found_by,
    in_order,
    judged,
    marks_of,
    number_of,
    once,
    shown,
)
from analyzer.explain.lasting import CODES as LASTING
from analyzer.explain.lasting import MAX_LASTING, Lasting
from analyzer.explain.rule import AnyRule, Case, Found
from analyzer.explain.rules import CAPTURE_RULES, CONVERSATION_RULES, RULES
from analyzer.explain.sound import events as sound_events
from analyzer.explain.together import (
    DISTURBED,
    OF_FLOODS,
    RESENDS,
    SAY,
    SCANNED,
    Shared,
    codes_of,
    forget_floods,
    leave_floods_out,
    looked_at,
    scanned,
    shared,
)
from analyzer.explain.usual import Usual
from analyzer.explain.verdict import carries, is_hidden
from analyzer.explain.ways import Tracing, scans_but_traces
from analyzer.explain.witnesses import Places, Witnesses
from analyzer.faults import Faults
from analyzer.model import (
    SEVERITIES,
    Account,
    Analysis,
    CaptureSummary,
    Conversation,
    Endpoint,
    Finding,
    Phase,
    Sums,
    Told,
)
from dissectors.kit.captured import ClockSet
from dissectors.kit.event import Event
from dissectors.kit.lookup import Lookup
from dissectors.kit.marks import Marks
from dissectors.kit.units import grouped
from dissectors.protocols.dhcp.events import DhcpSaid, Offer
from dissectors.protocols.dhcpv6.events import Reply6
from dissectors.protocols.dns.events import Mismatch
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.ntp import NtpAnswer, NtpUnanswered
from dissectors.protocols.starttls.events import Denied
from dissectors.protocols.tcp.events_handshake import Midstream, Syn, SynAck
from dissectors.protocols.tcp.events_teardown import NotEnded, TcpReset
from dissectors.protocols.tcp.events_transfer import Transfer, Turns
from dissectors.wire.dns_types import PORT as DNS_PORT
from dissectors.wire.http.events import ExchangeEvent
from dissectors.wire.x509.chain import Certificates

# Rules about the capture that ask what the survey counted, once; each other one looks across conversations.
ONCE: Final = frozenset((
    "capture.silence", "capture.damage", "capture.dropped", "capture.truncated", "capture.length",
    "link.address_claimed_twice", "link.taken_over", "link.address_in_use", "link.routers_disagree", "link.unanswered",
    "link.loop", "link.vlan_leak", "link.topology_changes", "link.root_changes",
    "ip.fragments_missing", "ip.fragments_contradict", "tcp.syn_flood", "udp.unanswered", "tcp.scan", "udp.scan",
    "icmp.sweep", "tcp.odd_flags", "udp.reflected",
))
# What rules across conversations ask for.
ASKED: Final = (
    ExchangeEvent, ClockSet, Mismatch, IcmpError, Midstream, Syn, SynAck, TcpReset, NotEnded, DhcpSaid, NtpAnswer,
    NtpUnanswered, Denied, Reply6,
)
# ... and, of a connection that begins in its middle, what says whether it carried anything.
ASKED_OF_STRAYS: Final = (Transfer, Turns)
STRETCH: Final = 10_000          # conversations that rules across conversations see at once
MAX_ASKED: Final = 30_000        # events that they ask for, after which a stretch ends before
MAX_TOLD_LOOKUPS: Final = 100_000       # of which a finding tells, so that it is not told of again in another stretch
# Findings that tell of the same lookup once, however often it was made, and by how much of `Found.of` it is the same.
SAME: Final = {"dns.unanswered": 5, "dns.failed": 5, "dns.no_name": 5, "dns.slow": 5, "dns.repeated": 3}
MAX_GIVEN: Final = 5_000         # lookups that gave the addresses of conversations that findings are about
MAX_OFFERED: Final = 100_000     # addresses that servers of DHCP offered
MAX_RECORDS: Final = 20_000      # conversations that findings are about, whose ends are kept
MAX_REQUESTS: Final = 20_000     # that findings tell of, of which it is kept what they asked for
CARRIED_NS: Final = 10_000_000_000      # before the end of a stretch: connections that may belong to its last lookups
SERIOUS: Final = SEVERITIES.index("warn")


class _Trouble:
    """One that the survey counts, and what a closer look at its conversations says.

    known: looked at; mine: findings of them, in `told` conversations; worst: the severity.     denied: who has it not,
    as service and client.
    """

    def __init__(self) -> None:
        self.known = 0
        self.mine = 0
        self.told = 0
        self.worst = 0
        self.denied: dict[tuple[str, str], int] = {}

    def deny(self, conversation: Conversation) -> None:
        key = (str(conversation.responder), conversation.originator.address)
        if key not in self.denied and len(self.denied) >= MAX_PEERS:
            key = ("", "")
        self.denied[key] = self.denied.get(key, 0) + 1


class Gathering:
    """What was found so far. sums: what is added up of the conversations."""

    def __init__(self, capture: CaptureSummary, faults: Faults | None, heard: frozenset[str] = frozenset()) -> None:
        self.capture = capture
        self.faults = faults
        self.heard = heard
        self.sums = Sums()
        self.asking = Asking(faults)
        self.certificates = Certificates()
        self.all = {code: Code() for code in RULES}
        self.others = {code: Code() for code in RULES}      # those that a finding for all does not stand for
        self.troubles = {code: _Trouble() for code in self.capture.together if code in SAY and code in RULES}
        self.owner = {also: code for code in self.troubles for also in codes_of(code)}
        self.found = 0
        self.disturbed = False
        self.silent: list[Told] = []             # the first conversations over UDP that had no answer
        self.silent_numbers: set[int] = set()    # of this stretch
        self.unanswered: list[Lookup] = []       # one for each question of a client to a server
        self.unheard: set[tuple[str, str, str]] = set()
        self.lasting = Lasting()
        self.places = Places()
        self.records: dict[int, Conversation] = {}
        self.given: dict[int, Lookup] = {}
        self.lookups_told: set[int] = set()
        self.largest: tuple[tuple[int, int], Told] | None = None
        self.examples: dict[int, Told] = {}
        self.asked: dict[type[Event], bool] = {}
        self.events = 0
        self.stretch = Analysis(capture)
        self.tried: set[int] = set()             # of this part, by scans
        self.carried: set[int] = set()           # conversations of it that were in the one before
        self.wanted = {number for whole in capture.together.values() for number in whole.numbers + whole.dearest}
        self.witnesses = Witnesses(capture)
        self.tracing = Tracing()
        self.requests = 0                        # of which it is kept what they asked for

    def foresee(self, accounts: list[Account]) -> None:
        """These come after the ones that are taken next: what matters for others is known of them before."""
        capture = self.capture
        for account in accounts:
            self.tracing.add(account.conversation, account.events)
            for event in account.events:
                if isinstance(event, Offer) and len(capture.offered) < MAX_OFFERED:
                    capture.offered.add((event.server, event.message.yiaddr))
        capture.scans = scans_but_traces(capture.scans, [account.conversation for account in accounts])

    def take(self, part: Analysis, pending: set[int]) -> None:
        """The next conversations, by number, whose findings are put into the part. pending: those of lookups that may
        go on."""
        if not self.sums.told:
            self.places.expect(Analysis(self.capture), [rule for rule in CAPTURE_RULES if rule.code in ONCE])
        self.capture.traced = self.tracing.parts(part.told)
        usual = Usual(part.told)
        cases = [Case(told, self.capture, self.certificates, usual) for told in part.told]
        observed = Observations(part, cases)
        found = self.asking.ask(cases)
        self._without_scanned(found, part)
        for told in part.told:
            self._sum(told)
        self.sums.steady = sound_events(part, self.faults or Faults()) and self.sums.steady
        self._keep(part)
        known = {code: self._looked_at(code, found, part) for code in self.troubles}
        marks = marks_of(part)
        by_number = {told.conversation.number: told for told in part.told}
        for rule in CONVERSATION_RULES:
            part.findings += self._add(rule, found[rule.code], observed, marks, known, by_number)
        if len(self.stretch.conversations) >= STRETCH or self.events >= MAX_ASKED:
            self._across(pending)

    # -- what is kept -------------------------------------------------------------------------------------

    def _sum(self, told: Told) -> None:
        sums, conversation = self.sums, told.conversation
        sums.told += 1
        totals = told.books.totals()
        sums.accounted += bool(totals)
        for cause, ns in totals:
            sums.totals[cause.key] = sums.totals.get(cause.key, 0) + ns
        sums.two = sums.two or bool(conversation.frames[0] and conversation.frames[1])
        if carries(conversation):
            sums.carries = True
            sums.spoken += 1
            sums.hidden += is_hidden(told.observed.spots)
        size = (sum(conversation.sent_payload()), conversation.end_ns - conversation.start_ns)
        if len(totals) > 1 and (self.largest is None or size > self.largest[0]):
            self.largest = (size, _bare(told))

    def _keep(self, part: Analysis) -> None:
        """What rules across conversations ask for."""
        stretch, known = self.stretch, self.asked
        stretch.conversations += part.conversations
        stretch.lookups += part.lookups
        for told in part.told:
            events = []
            stray = any(isinstance(event, Midstream) for phase in told.phases[:1] for event in phase.events)
            for phase in told.phases:
                for event in phase.events:
                    kind = type(event)
                    wanted = known.get(kind)
                    if wanted is None:
                        wanted = known[kind] = issubclass(kind, ASKED)
                    if wanted or (stray and isinstance(event, ASKED_OF_STRAYS)):
                        events.append(event)
            self.events += len(events)
            self.lasting.keep(told, events)
            if self.places.look(told):
                self._record(told.conversation)
            kept = Told(told.conversation, [], told.marks, told.observed)
            kept.troubles, kept.books = told.troubles, told.books
            if events:
                phase = Phase("", "", events[0].time, events[-1].time)
                phase.events = events
                kept.phases.append(phase)
            stretch.told.append(kept)
            conversation = told.conversation
            if conversation.number in self.wanted or self.witnesses.wants(conversation):
                self._record(conversation)
            if SILENT in told.troubles:
                self.sums.troubled[SILENT] = self.sums.troubled.get(SILENT, 0) + 1
                self.silent_numbers.add(conversation.number)
                if len(self.silent) < MAX_MEMBERS:
                    self.silent.append(kept)
        for lookup in part.lookups:
            asked = {(step.client, step.server, step.question) for step in lookup.steps if not step.answer}
            if len(self.unanswered) < MAX_MEMBERS and not asked <= self.unheard:
                self.unheard |= asked
                self.unanswered.append(lookup)

    def _record(self, conversation: Conversation) -> None:
        """Keep who it is: a finding is about it."""
        if conversation.number not in self.records and len(self.records) < MAX_RECORDS:
            self.records[conversation.number] = _brief(conversation)

    def _without_scanned(self, found: dict[str, list[Found]], part: Analysis) -> None:
        """Of attempts of a scan its finding tells."""
        self.tried = scanned(part)
        for code in SCANNED if self.tried else ():
            if code in found:
                found[code] = [one for one in found[code] if number_of(one) not in self.tried]

    def _looked_at(self, code: str, found: dict[str, list[Found]], part: Analysis) -> set[int]:
        """Those of this part with a trouble that the survey counts, of which a closer look knows more."""
        known = looked_at(code, found, part)
        for number in self.tried & set(known) if code in SCANNED else ():
            del known[number]
        if code in OF_FLOODS:
            forget_floods(code, self.capture, known, found)
        trouble = self.troubles[code]
        mine = [(RULES[of], one) for of in codes_of(code) for one in found.get(of, ()) if number_of(one) in known]
        told = {number_of(one) for _rule, one in mine}
        trouble.known += len(known)
        trouble.mine += len(mine)
        trouble.told += len(told)
        for rule, one in mine:
            trouble.worst = max(trouble.worst, SEVERITIES.index(one.severity or rule.severity))
        for number, conversation in known.items():
            if number not in told:       # a closer look has found something else
                trouble.deny(conversation)
        return set(known)

    def _add(
        self, rule: AnyRule, found: list[Found], observed: Observations, secret: tuple[dict[int, Marks], list[Marks]],
        known: dict[str, set[int]], told: dict[int, Told],
    ) -> list[Finding]:
        """The findings of one rule, of conversations that follow one another. secret: see `marks_of`."""
        code = rule.code
        made: list[Finding] = []
        if not found:
            return made
        self.disturbed = self.disturbed or code in DISTURBED
        marks, marked = secret
        folded = known.get(self.owner.get(code, ""), set())
        if code == DNS:
            folded = self.silent_numbers
        for one in sorted(found, key=number_of):
            finding = judged(rule, one, observed)
            if finding is None:
                continue
            shown(finding, marks, marked)
            one.narrow, one.next_step = _without(one.narrow, one, marks, marked), _without(
                one.next_step, one, marks, marked
            )
            made.append(finding)
            if code.startswith(REQUESTS) and number_of(one) in told:
                self._requests(one, told[number_of(one)])
            single = Single(finding, one)
            number = finding.conversation
            self.all[code].add(single)
            if number not in folded:
                self.others[code].add(single)
            if one.conversation is not None and (
                len(self.all[code].of[finding.severity].members) < MAX_MEMBERS or code.startswith("dns.")
            ):
                self._record(one.conversation)
            if number in told and number not in self.examples and SEVERITIES.index(finding.severity) >= SERIOUS \
                    and self.all[code].of[finding.severity].count <= MAX_OF_A_CODE:
                self.examples[number] = _bare(told[number])
        return made

    def _requests(self, one: Found, told: Told) -> None:
        """Keep what was asked for in the requests that it tells of."""
        frames = set(one.frames)
        of = self.sums.asked.get(told.conversation.number, [])
        for phase in told.phases:
            for event in phase.events:
                if isinstance(event, ExchangeEvent) and event.request is not None and self.requests < MAX_REQUESTS:
                    last = event.evidence.frames[-1] if event.evidence.frames else 0
                    if last in frames and (last, what_of(event, told)) not in of:
                        of.append((last, what_of(event, told)))
                        self.requests += 1
        if of:
            self.sums.asked[told.conversation.number] = of

    # -- across conversations -----------------------------------------------------------------------------

    def _across(self, pending: set[int]) -> None:
        """Ask the rules that look across conversations about this stretch, and begin the next one."""
        stretch = self.stretch
        stretch.heard = self.heard
        stretch.conversations.sort(key=_number)
        observed = Observations(stretch, [Case(told, self.capture) for told in stretch.told])
        marks = marks_of(stretch)
        by_number = {told.conversation.number: told for told in stretch.told}
        known: dict[str, set[int]] = {}
        for rule in CAPTURE_RULES:
            if rule.code in ONCE or rule.code in LASTING:
                continue
            found = examined(rule, stretch, self.faults)
            if rule.code in self.troubles:
                known[rule.code] = self._looked_at(rule.code, {rule.code: found}, stretch)
            if rule.code.startswith("dns."):
                self._with_lookups(found)
                found = [one for one in found if rule.code not in SAME or self._is_new(rule.code, one)]
            else:
                found = [one for one in found if number_of(one) not in self.carried]
                self._find_places(found, stretch.told)
            self._add(rule, found, observed, marks, known, by_number)
        for lookup in stretch.lookups:
            if len(self.given) < MAX_GIVEN and any(number in self.records for number in lookup.conversations):
                self.given[id(lookup)] = lookup
        following = Analysis(self.capture)
        end = max([one.start_ns for one in stretch.conversations], default=0)
        following.conversations = [
            one for one in stretch.conversations
            if one.number in pending or (
                one.transport == "tcp" and one.responder.port == DNS_PORT and one.start_ns >= end - CARRIED_NS
            )
        ]
        following.told = [_errors_of(told) for told in stretch.told if told.conversation.number in pending]
        self.carried = {one.number for one in following.conversations}
        self.stretch = following
        self.silent_numbers &= pending
        self.events = 0

    def _find_places(self, found: list[Found], told: list[Told]) -> None:
        """What is found of no single conversation is about those in which its frames are told."""
        frames = {frame for one in found if one.conversation is None for frame in one.frames}
        for each in told if frames else ():
            if self.places.find(each, frames):
                self._record(each.conversation)
        for one in found:
            if one.conversation is not None:
                self._record(one.conversation)

    def _is_new(self, code: str, one: Found) -> bool:
        """Was the same not found of the same lookup in a stretch before?"""
        key = hash((code, one.of[:SAME[code]]))
        if key in self.lookups_told:
            return False
        if len(self.lookups_told) < MAX_TOLD_LOOKUPS:
            self.lookups_told.add(key)
        return True

    def _with_lookups(self, found: list[Found]) -> None:
        """What is found of lookups is about every conversation that these took."""
        if not found:
            return
        places: dict[int, list[int]] = {}
        for lookup in self.stretch.lookups:
            for frame in lookup.frames:
                places.setdefault(frame, []).extend(lookup.conversations)
        records = {record.number: record for record in self.stretch.conversations}
        for one in found:
            numbers = sorted({number for frame in one.frames for number in places.get(frame, ())})[:MAX_MEMBERS]
            one.members = tuple(numbers)
            for number in numbers:
                if number in records:
                    self._record(records[number])

    # -- the end ------------------------------------------------------------------------------------------

    def conclude(self, analysis: Analysis) -> None:
        """All is told: put the findings into the analysis, and the conversations that they are about."""
        self._across(set())
        sums = self.sums
        sums.examples = [*self.examples.values(), *([self.largest[1]] if self.largest is not None else [])]
        sums.examples = list({told.conversation.number: told for told in sums.examples}.values())
        analysis.sums = sums
        known = {one.number: one for one in [*self.lasting.conversations(), *self.records.values()]}
        analysis.conversations = [known[number] for number in sorted(known)]
        told = {one.conversation.number: one for one in self.silent + self.lasting.told}
        analysis.told, analysis.lookups = [told[number] for number in sorted(told)], self.unanswered
        observed = Observations(analysis, [Case(one, self.capture) for one in analysis.told])
        whole = {
            rule.code: examined(rule, analysis, self.faults) for rule in CAPTURE_RULES
            if rule.code in ONCE or rule.code in LASTING
        }
        self._find_places([one for found in whole.values() for one in found], analysis.told)
        stands = stands_for_all(analysis)
        made: list[tuple[Finding, int]] = []
        for rules in (CONVERSATION_RULES, CAPTURE_RULES):
            for rule in rules:
                made += self._concluded(rule, whole.get(rule.code), stands, observed, analysis)
        made.sort(key=in_order)
        findings = [finding for finding, _cost in made]
        for each in findings:
            if not each.conversation:
                each.members = tuple(sorted({*each.members, *self.places.of(each.proof)})[:MAX_MEMBERS])
        analysis.conversations = [self.records[number] for number in sorted(self.records)]
        analysis.told, analysis.lookups = [], list(self.given.values())
        analysis.findings = once(findings, analysis, self.faults)
        if self.lasting.over:
            analysis.left_out.append(
                f"leases, servers of time and logins were put together from {grouped(MAX_LASTING)} events of theirs, "
                f"without {grouped(self.lasting.over)} later ones"
            )

    def _concluded(
        self, rule: AnyRule, whole: list[Found] | None, stands: bool, observed: Observations,
        analysis: Analysis,
    ) -> list[tuple[Finding, int]]:
        """The findings of one code, in order."""
        if whole is not None:
            said = found_by(rule, whole, observed, analysis)
            marks, marked = marks_of(analysis)
            for each, _cost in said if rule.code in LASTING else ():
                shown(each, marks, marked)
            return said
        code = self.all[rule.code]
        of = self._shared(self.owner.get(rule.code, ""), analysis)
        made: list[tuple[Finding, int]] = []
        if of is not None:
            code = self.others[rule.code]
            if of.code == rule.code:
                one = shared(of, rule.narrow)
                finding = judged(rule, one, observed)
                if finding is not None:
                    finding.examples, finding.members = one.examples, tuple(of.whole.numbers)
                    made.append((finding, one.cost_ns))
        elif rule.code == DNS and stands:
            code = self.others[rule.code]
        made += code.told(analysis, (rule.narrow, rule.next_step))
        made.sort(key=in_order)
        return made

    def _shared(self, code: str, analysis: Analysis) -> Shared | None:
        """What is told of all conversations with a trouble that the survey counts; None where each tells of itself."""
        whole, trouble = self.capture.together.get(code), self.troubles.get(code)
        if whole is None or trouble is None or (code in RESENDS and self.disturbed):
            return None
        of = Shared(code, whole, analysis)
        if code in OF_FLOODS:
            leave_floods_out(of)
        few = trouble.mine <= MAX_OF_A_CODE
        if of.count <= trouble.known and few:
            return None
        for (service, client), count in trouble.denied.items():
            of.leave_out(service, client, count)
        if of.count <= 0 or (of.count <= trouble.told and few):
            return None
        if of.count <= trouble.told:
            of.known = SEVERITIES[trouble.worst]
        return of


def _without(text: str, one: Found, marks: dict[int, Marks], marked: list[Marks]) -> str:
    finding = Finding("", "", "", text, number_of(one), (), "", "", "")
    return shown(finding, marks, marked).sentence if text else text


def _errors_of(told: Told) -> Told:
    """With nothing but what ICMP reports of it."""
    made = Told(told.conversation, [], told.marks, told.observed)
    made.books = told.books
    for phase in told.phases:
        kept = Phase("", "", phase.start_ns, phase.end_ns)
        kept.events = [event for event in phase.events if isinstance(event, IcmpError)]
        made.phases.append(kept)
    return made


def _bare(told: Told) -> Told:
    """Without its events."""
    made = Told(told.conversation, [], told.marks, told.observed)
    made.books = told.books
    return made


def _brief(conversation: Conversation) -> Conversation:
    """Who it is and when it was."""
    ends = [Endpoint(end.address, end.port, end.name) for end in (conversation.originator, conversation.responder)]
    made = Conversation(conversation.number, conversation.transport, ends[0], ends[1])
    made.protocol = conversation.protocol
    made.first_frame, made.last_frame = conversation.first_frame, conversation.last_frame
    made.start_ns, made.end_ns = conversation.start_ns, conversation.end_ns
    made.frames, made.payload = conversation.frames, conversation.payload
    made.state, made.next_hops = conversation.state, conversation.next_hops
    return made


def _number(conversation: Conversation) -> int:
    return conversation.number
