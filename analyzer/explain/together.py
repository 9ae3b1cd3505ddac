"""Findings of conversations that have one trouble in common, told or not: one for all of them, with their numbers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.explain.floods import is_flood
from analyzer.explain.opening import SOONEST_NS
from analyzer.explain.rule import LIKELY, NOTE, Found, Rule, T, times
from analyzer.model import SEVERITIES, Analysis, CaptureSummary, Conversation, Endpoint, Scan, Together
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED, NOT_READ, Absence, Observation, what_ended
from dissectors.kit.units import grouped, plural, size, span
from dissectors.protocols.icmp import reason_of

NAMED: Final = 3             # conversations whose numbers are given, beside the last
MOST: Final = 2              # services that are named with their counts
NAMED_SHARE: Final = 0.1     # of all, from which on a service is named
CLIENT_SHARE: Final = 0.5    # ... and a client
REASONS: Final = 4           # of ICMP errors that are told apart
ONE_SIDED: Final = "no conversation of the capture has two directions"


class Shared:
    """What is to be said of one trouble. count: how many conversations have it, after a closer look at some of them.

    known: the severity where every one of them was looked at, else "".
    """

    def __init__(self, code: str, whole: Together, analysis: Analysis) -> None:
        self.code = code
        self.whole = whole
        self.analysis = analysis
        self.capture = analysis.capture
        self.count = whole.count
        self.services = dict(whole.services)
        self.clients = dict(whole.clients)
        self.service_count, self.client_count = whole.service_count, whole.client_count
        self.known = ""

    def leave_out(self, service: str, client: str, count: int = 1) -> None:
        """These have it not, or it is told by itself."""
        self.count -= count
        for peers, name in ((self.services, service), (self.clients, client)):
            if name in peers:
                peers[name] -= count
        if self.services.get(service, 1) <= 0:
            del self.services[service]
            self.service_count -= 1
        if self.clients.get(client, 1) <= 0:
            del self.clients[client]
            self.client_count -= 1

    def severity(self) -> str:
        weights = self.whole.weights
        return self.known or SEVERITIES[max([at for at, count in enumerate(weights) if count], default=0)]

    def about(self) -> tuple[str, ...]:
        """The services, and the client that most of them are of, if there is one."""
        clients = [name for name, count in self.clients.items() if count >= CLIENT_SHARE * self.count]
        return *self.services, *clients

    def every_client(self) -> tuple[str, ...]:
        """All of them, as far as they are known."""
        return tuple(self.clients) if len(self.clients) == self.client_count and not self.whole.more_clients else ()

    # -- words -----------------------------------------------------------------------------------------------

    def peers(self, word: str, what: str = "service") -> str:
        """`, 432 of them by 198.18.0.7:8080 (121 services in all)`, or ` by 198.18.0.7:8080` where it is the one."""
        order = sorted(self.services.items(), key=_by_count)
        if len(order) == 1 and self.service_count == 1 and not self.whole.more_services:
            return f"{'' if word == 'by' else ','} {word} {order[0][0]}"
        least = "at least " if self.whole.more_services else ""
        large = [entry for entry in order[:MOST] if entry[1] > 1 and entry[1] >= NAMED_SHARE * self.count]
        named = " and ".join([
            f"{least}{grouped(count)}{' of them' if (name, count) == large[0] else ''} {word} {name}"
            for name, count in large
        ])
        if named and len(large) == self.service_count:
            return f", {named}"
        more = "more than " if self.whole.more_services else ""
        every = f"{more}{plural(self.service_count, what)}"
        return f", {named} ({every} in all)" if named else f"{'' if word == 'by' else ','} {word} {every}"

    def callers(self) -> str:
        """`, from 31 clients, most from 10.0.0.5 (300)`."""
        if self.client_count == 1 and len(self.clients) == 1 and not self.whole.more_clients:
            return f", from {next(iter(self.clients))}"
        more = "more than " if self.whole.more_clients else ""
        order = sorted(self.clients.items(), key=_by_count)
        most = ""
        if order and order[0][1] > 1 and order[0][1] >= CLIENT_SHARE * self.count:
            most = f", most from {order[0][0]} ({grouped(order[0][1])})"
        return f", from {more}{plural(self.client_count, 'client')}{most}"

    def when(self) -> str:
        """`, between 1.2 s and 43 s after the capture began`."""
        start, first, last = self.capture.start_ns, self.whole.start_ns, self.whole.end_ns
        if first < start or start < 0 or last <= first:
            return ""
        if first == start:
            return f", in the first {span(last - start)} of the capture"
        since, until = span(first - start), span(last - start)
        return f", {since} to {until} after the capture began" if since != until else f", {until} after it began"

    def which(self) -> str:
        """` (conversations 266, 339, 365 … 16224)`."""
        numbers = self.whole.numbers
        if len(numbers) < 2:
            return ""
        first = numbers[:NAMED] if len(numbers) > NAMED + 1 else numbers[:-1]
        dots = " … " if self.count > len(first) + 1 else " and "
        return f" (conversations {', '.join([str(number) for number in first])}{dots}{numbers[-1]})"

    def around(self, word: str) -> str:
        return self.peers(word) + self.callers() + self.when() + self.which()

    def narrow(self, of_rule: str, transport: str) -> str:
        """The rule's display filter, within the one service where there is one."""
        if len(self.services) != 1 or self.service_count != 1 or self.whole.more_services:
            return of_rule
        address, _colon, port = next(iter(self.services)).rpartition(":")
        family, address = ("ipv6", address.strip("[]")) if address.startswith("[") else ("ip", address)
        within = f"{family}.addr == {address} && {transport}.port == {port}"
        if not of_rule:
            return within
        bare = " || " not in of_rule or of_rule.startswith("(")
        return f"{within} && {of_rule}" if bare else f"{within} && ({of_rule})"

    def absent(self) -> Absence:
        """As far as it can be known of all of them at once; of those that the end of the capture cuts off, see
        `certain`."""
        whole, capture = self.whole, self.capture
        if not whole.two and whole.count == whole.once:
            blind = Observation()
            blind.miss(NOT_CAPTURED, NEITHER, -1, ALWAYS, 0, ONE_SIDED)
            return blind.absence(NEITHER)
        return capture.observed.absence(NEITHER, whole.start_ns, min(whole.end_ns, capture.end_ns - 1))

    def certain(self) -> int:
        """Of how many it is known."""
        whole = self.whole
        return max(self.count - whole.early - whole.loose - (0 if whole.two else whole.once), 0)

    def soon(self) -> str:
        return " It ends less than 1 s after they began." if 0 < self.count <= self.whole.early else ""

    def doubts(self) -> str:
        """What is not known of some of them."""
        whole, text = self.whole, ""
        if whole.early and whole.early < self.count:
            text += (
                f" {grouped(whole.early)} of them began less than 1 s before {what_ended(self.capture.ended)} ends, so "
                "that their answer may have come after it."
            )
        if whole.loose:
            text += (
                f" Up to {grouped(whole.loose)} of them may have been answered after they had made room for others: "
                "that many connections begin with an answer."
            )
        return text


def _by_count(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]


# -- one for each kind --------------------------------------------------------------------------------------------


def _refused(of: Shared, narrow: str) -> Found:
    return Found(
        f"{plural(of.count, 'connection')} {_were(of)} refused{of.around('by')}: a RST answered the SYN.",
        tuple(of.whole.frames), severity=of.severity(), confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        basis="of each connection, a SYN and a RST from the side that was asked, before it agreed",
    )


def _unanswered(of: Shared, narrow: str) -> Found:
    around, doubts = of.around("to"), of.doubts()
    return _silence(
        of, narrow, f"{plural(of.count, 'connection')} had no answer to the SYN"
        f"{' in this capture' if doubts else ''}{around}.{doubts}",
        f"No answer to the SYN of {plural(of.count, 'connection')} is in the capture{around}.",
        "of each connection, SYNs and no segment of the other side",
    )


def _half_open(of: Shared, narrow: str) -> Found:
    around = of.around("with")
    return _silence(
        of, narrow, f"{plural(of.count, 'connection')} {_were(of)} answered and never completed{around}.{of.doubts()}",
        f"No acknowledgment of the SYN-ACK of {plural(of.count, 'connection')} is in the capture{around}.",
        "no third segment of them is in the capture",
    )


def _silence(of: Shared, narrow: str, sentence: str, otherwise: str, basis: str) -> Found:
    """Of connections that did not get on. otherwise: what is said where it is known of none of them."""
    certain = of.certain()
    return Found(
        sentence if certain else otherwise + of.soon(), tuple(of.whole.frames),
        severity=of.severity() if certain else NOTE, confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        absent=of.absent(), basis=basis, otherwise=otherwise,
    )


def _reset(of: Shared, narrow: str) -> Found:
    whole = of.whole
    mild = ""
    if 0 < whole.mild < of.count:
        mild = (
            f" Of {grouped(whole.mild)} of them that is common: a side had sent its FIN, or the handshake was not "
            "complete."
        )
    return Found(
        f"{plural(of.count, 'connection')} {_were(of)} reset{_sides(of)}{of.around('with')}.{mild}",
        tuple(whole.frames), severity=of.severity(), confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        basis="the first RST of each connection, and who sent it",
    )


def _sides(of: Shared) -> str:
    client = min(of.whole.by_originator, of.count)
    server = of.count - client
    if not client or not server:
        return " by the client" if client else " by the server"
    return f", {grouped(client)} by the client and {grouped(server)} by the server"


def _gave_up(of: Shared, narrow: str) -> Found:
    sentence = (
        f"In {plural(of.count, 'connection')}{of.around('with')} a side sent the same data again and again, and then "
        "reset the connection"
    )
    return Found(
        f"{sentence}: no answer to them came.",
        tuple(of.whole.frames), severity=of.severity(), confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        absent=of.absent(), otherwise=f"{sentence}.",
        basis="of each connection, three resends of the same data or more, and a RST of their sender",
    )


def _resent(of: Shared, narrow: str) -> Found:
    whole = of.whole
    return Found(
        f"In {plural(of.count, 'connection')} about {plural(whole.segments, 'segment')} ({size(whole.octets)}) had to "
        f"be sent again{of.peers('with')}{of.callers()}{of.when()}{_dearest(of)}.",
        tuple(whole.frames), severity=of.severity(), confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        basis="segments that carry what had been sent before and was not acknowledged, without a wait for the timer; "
        "counted without a closer look at each connection",
    )


def _timeout(of: Shared, narrow: str) -> Found:
    whole = of.whole
    return Found(
        f"In {plural(of.count, 'connection')} a sender waited for its retransmission timer, about "
        f"{times(whole.times)} in all, and resent about {plural(whole.segments, 'segment')}{of.peers('with')}"
        f"{of.callers()}: about {span(whole.cost_ns)} passed without progress{of.when()}{_dearest(of)}.",
        tuple(whole.frames), cost_ns=whole.cost_ns, severity=of.severity(), confidence=LIKELY,
        narrow=of.narrow(narrow, "tcp"), basis="a silence of 200 ms or more before each resend; "
        "counted without a closer look at each connection",
    )


def _zero_window(of: Shared, narrow: str) -> Found:
    whole = of.whole
    cost = f" for up to {span(whole.cost_ns)} in all" if whole.cost_ns > 0 else ""      # until it was seen to open
    ended = f" {grouped(whole.unended)} of them had none when they were last heard of." if whole.unended else ""
    return Found(
        f"In {plural(of.count, 'connection')} a side had no room for more data{cost}, said in "
        f"{plural(whole.times, 'segment')}{of.peers('with')}{of.callers()}{of.when()}{_dearest(of)}.{ended}",
        tuple(whole.frames), cost_ns=whole.cost_ns, severity=of.severity(), narrow=of.narrow(narrow, "tcp"),
        basis="the window field of its own segments",
    )


def _one_sided(of: Shared, narrow: str) -> Found:
    return Found(
        f"The capture shows one direction only of {plural(of.count, 'connection')}{of.around('with')}.",
        tuple(of.whole.frames), severity=of.severity(), confidence=LIKELY, narrow=of.narrow(narrow, "tcp"),
        basis="frames with data one way and none the other",
    )


def _icmp(of: Shared, narrow: str) -> Found:
    whole = of.whole
    order = sorted(whole.reasons.items(), key=_by_number)
    said = [f"{reason_of(reason[0], reason[1], reason[2])} ({times(count)})" for reason, count in order[:REASONS]]
    more = len(order) - REASONS
    reasons = "; ".join(said) + (f"; and {plural(more, 'other reason')}" if more > 0 else "")
    types = [f"{'icmpv6' if reason[0] == 6 else 'icmp'}.type == {reason[1]}" for reason, _count in order[:REASONS]]
    return Found(
        f"{plural(whole.times, 'ICMP error')} about packets of {plural(of.count, 'conversation')}"
        f"{of.peers('by', 'reporter')}{of.callers()}{of.when()}: {reasons}.",
        tuple(whole.frames), severity=of.severity(), confidence=LIKELY, narrow=" || ".join(dict.fromkeys(types)),
        basis="ICMP messages that quote packets of these conversations; such messages can be forged",
    )


def _by_number(entry: tuple[bytes, int]) -> tuple[int, bytes]:
    return -entry[1], entry[0]


def _were(of: Shared) -> str:
    return "was" if of.count == 1 else "were"


def _dearest(of: Shared) -> str:
    """Where most of it was."""
    numbers = of.whole.dearest
    if not numbers or of.count <= len(numbers):
        return of.which()
    return f" (most in conversations {', '.join([str(number) for number in numbers])})"


Say = Callable[[Shared, str], Found]
SAY: Final[dict[str, Say]] = {
    "tcp.refused": _refused, "tcp.unanswered": _unanswered, "tcp.half_open": _half_open, "tcp.reset": _reset,
    "tcp.gave_up": _gave_up, "tcp.loss": _resent, "tcp.timeout": _timeout, "tcp.zero_window": _zero_window,
    "capture.one_sided": _one_sided, "icmp.error": _icmp, "icmp.too_big": _icmp,
    "icmp.prohibited": _icmp, "icmp.redirect": _icmp,
}
# What the survey takes for sent again may have been captured again, or stand in the file in another order, where a
# closer look at some of them shows that of this capture.
RESENDS: Final = ("tcp.loss", "tcp.timeout", "tcp.gave_up")
DISTURBED: Final = ("capture.duplicates", "capture.order", "capture.clock")
# What a flood leaves behind, and what scanners find, which the survey counts apart from the troubles of others.
OF_FLOODS: Final = ("tcp.half_open", "tcp.unanswered")
SCANNED: Final = ("icmp.prohibited", "tcp.refused", "tcp.unanswered", "udp.unanswered", "icmp.echo_unanswered")
# What a closer look at one of them may say by another code.
ALSO: Final[dict[str, str]] = {"tcp.reset": "tcp.unread_data"}


def members(analysis: Analysis, code: str) -> dict[int, Conversation]:
    """Those conversations with this trouble that are told."""
    return {
        told.conversation.number: told.conversation for told in analysis.told if code in told.troubles
    }


def told_with(analysis: Analysis, code: str) -> int:
    """How many of those with this trouble are told, here or in parts before."""
    return len(members(analysis, code)) if analysis.sums is None else analysis.sums.troubled.get(code, 0)


def unread(analysis: Analysis) -> set[int]:
    """Told conversations of which a closer look did not see all that was counted, so that it denies nothing of them."""
    last = analysis.capture.end_ns - 1
    return {
        told.conversation.number for told in analysis.told
        if told.observed.blind(NEITHER, until=last, kinds=(NOT_READ,)) is not None
    }


def fold(rule: Rule[T], singles: dict[str, list[Found]], analysis: Analysis, most: int) -> list[Found]:
    """What is told of this rule: a finding for each conversation where there are few of them and all are told, else one
    for all that have this trouble.

    singles: what was found of each conversation, by code. Those that a finding for all stands for are taken out of it.
    """
    whole = analysis.capture.together.get(rule.code)
    tried = scanned(analysis) if rule.code in SCANNED else set()
    if tried:
        singles[rule.code] = [one for one in singles[rule.code] if _number(one) not in tried]
    if whole is None or rule.code not in SAY:
        return singles[rule.code]
    if rule.code in RESENDS and any(singles[code] for code in DISTURBED):
        return singles[rule.code]
    of = Shared(rule.code, whole, analysis)
    codes = codes_of(rule.code)
    known = looked_at(rule.code, singles, analysis)
    known = {number: known[number] for number in known if number not in tried}
    if rule.code in OF_FLOODS:
        leave_floods_out(of)
        forget_floods(rule.code, of.capture, known, singles)
    mine = [one for code in codes for one in singles[code] if _number(one) in known]
    told = {_number(one) for one in mine}
    if of.count <= len(known) and len(mine) <= most:
        return singles[rule.code]
    for number, conversation in known.items():
        if number not in told:       # a closer look has found something else
            of.leave_out(str(conversation.responder), conversation.originator.address)
    if of.count <= 0 or (of.count <= len(told) and len(mine) <= most):
        return singles[rule.code]
    if of.count <= len(told):
        of.known = max([one.severity or rule.severity for one in mine], key=SEVERITIES.index)
    for code in codes:
        singles[code] = [one for one in singles[code] if _number(one) not in known]
    return [shared(of, rule.narrow), *singles[rule.code]]


def shared(of: Shared, narrow: str) -> Found:
    """What is told of all of them."""
    found = SAY[of.code](of, narrow)
    found.victims, found.about, found.clients = of.count, of.about(), of.every_client()
    found.examples = tuple(of.whole.dearest or of.whole.numbers)
    return found


def codes_of(code: str) -> tuple[str, ...]:
    """Under which codes a closer look may tell of this trouble."""
    return (code, ALSO[code]) if code in ALSO else (code,)


def looked_at(code: str, singles: dict[str, list[Found]], analysis: Analysis) -> dict[int, Conversation]:
    """Those with this trouble of which a closer look denies or confirms it."""
    known = members(analysis, code)
    if known and analysis.capture.half_told:
        cut = unread(analysis)
        said = {_number(one) for code in codes_of(code) for one in singles[code]}
        known = {number: known[number] for number in known if number in said or number not in cut}
    return known


def _number(found: Found) -> int:
    return found.conversation.number if found.conversation is not None else 0


def leave_floods_out(of: Shared) -> None:
    """What belongs to a flood is told as one. Who sends a SYN again is a client that it keeps out."""
    for group in of.capture.half_open:
        if is_flood(group):
            answered = of.code == "tcp.half_open"
            of.leave_out(str(group.service), "", group.answered if answered else group.count - group.answered)


def forget_floods(
    code: str, capture: CaptureSummary, known: dict[int, Conversation], singles: dict[str, list[Found]]
) -> None:
    """Of those that belong to a flood nothing is told one by one, and they are none of those that have this trouble."""
    services = {str(group.service) for group in capture.half_open if is_flood(group)}
    numbers = {
        number for number, one in known.items() if str(one.responder) in services
        and (code == "tcp.half_open" or one.end_ns - one.start_ns < SOONEST_NS)
    } if services else set()
    for number in numbers:
        del known[number]
    if numbers:
        singles[code] = [one for one in singles[code] if _number(one) not in numbers]


def scanned(analysis: Analysis) -> set[int]:
    """Told conversations that are attempts of a scan, whose finding tells of them."""
    by_client: dict[str, list[Scan]] = {}
    for scan in analysis.capture.scans:
        if not scan.doubtful():
            by_client.setdefault(scan.client, []).append(scan)
    found = set()
    for told in analysis.told if by_client else []:
        one = told.conversation
        for client, peer in ((one.originator, one.responder), (one.responder, one.originator)):
            if any(_tried_by(scan, one.transport, peer) for scan in by_client.get(client.address, ())):
                found.add(one.number)
    return found


def _tried_by(scan: Scan, transport: str, peer: Endpoint) -> bool:
    of = scan.transport if scan.transport in ("udp", "icmp") else "tcp"
    return of == transport and (not scan.host or peer.address == scan.host) and scan.port in (-1, peer.port)
