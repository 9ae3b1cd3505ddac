"""Findings that no single conversation shows: services over UDP that are silent, and clients that scan."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import LIKELY, NOTE, POSSIBLE, Found, Rule
from analyzer.explain.together import Shared, members
from analyzer.model import SEVERITIES, Analysis, Scan
from dissectors.kit.event import NEITHER
from dissectors.kit.units import grouped, plural, span

SILENT: Final = "udp.unanswered"
DNS: Final = "dns.unanswered"      # tells of one question what SILENT tells of many conversations
FEW: Final = 5               # that may be told one by one
AGAIN: Final = 2             # conversations with a service of which nobody knows whether it answers
SURELY: Final = 5            # conversations without an answer of a service that was not heard to answer anybody
NAMED: Final = 4             # such services that are named
WARN: Final = 2
MOST: Final = 4              # scans that are told one by one


def stands_for_all(analysis: Analysis) -> bool:
    """Whether some silent conversations are not told, or there are too many to tell one by one: of lookups, each
    question of a client to a server once, however many conversations it took."""
    whole = analysis.capture.together.get(SILENT)
    if whole is None:
        return False
    known = members(analysis, SILENT)
    asked = {
        (step.client, step.server, step.question)
        for lookup in analysis.lookups for step in lookup.steps if not step.answer
    }
    others = [one for one in known.values() if one.protocol != "dns"]
    return whole.count > len(known) or len(asked) + len(others) > FEW


def without_silent(found: list[Found], analysis: Analysis) -> list[Found]:
    """Those findings of DNS that `silent` does not stand for."""
    if not stands_for_all(analysis):
        return found
    known = members(analysis, SILENT)
    return [one for one in found if one.conversation is None or one.conversation.number not in known]


def silent(analysis: Analysis) -> list[Found]:
    """Conversations over UDP in which one side speaks alone, with services that may be asked for answers."""
    whole = analysis.capture.together.get(SILENT)
    if whole is None:
        return []
    of = Shared(SILENT, whole, analysis)
    if not stands_for_all(analysis):
        for conversation in members(analysis, SILENT).values():
            if conversation.protocol:       # what speaks there tells of it in its own terms
                of.leave_out(str(conversation.responder), conversation.originator.address)
        if of.count <= 0 or (not sum(whole.weights[WARN:]) and max(of.services.values(), default=0) < AGAIN):
            return []
    found = _silent(of)
    found.examples = tuple(whole.numbers)
    return [found]


def _silent(of: Shared) -> Found:
    whole = of.whole
    dead = [name for name, count, _weight in whole.dead if count >= SURELY]
    certain = of.certain() > 0 and bool(dead)      # one answer is lost to a capture as easily as to the line
    around, what = of.around("to"), f"{plural(of.count, 'conversation')} over UDP"
    sent = plural(whole.times, "datagram")
    never = f" Not heard to answer anybody: {', '.join(dead[:NAMED])}" if dead else ""
    never += f" and {len(dead) - NAMED} more." if len(dead) > NAMED else "." if dead else ""
    otherwise = f"No answer to the {sent} of {what} is in the capture{around}."
    weights = [weight for _name, count, weight in whole.dead if count >= SURELY]
    worst = max([SEVERITIES.index(of.severity()), *weights])
    return Found(
        f"{what} had no answer to {sent}{around}.{of.doubts()}{never}" if certain else otherwise,
        tuple(whole.frames), severity=SEVERITIES[worst] if certain else NOTE,
        confidence=LIKELY if certain else POSSIBLE, narrow=of.narrow("", "udp") or "udp", absent=of.absent(),
        otherwise=otherwise,
        basis="datagrams to a port and none from it; whether they ask for an answer only their protocol knows",
        victims=max(of.count, 0), about=of.about(),
    )


def tcp_scan(analysis: Analysis) -> list[Found]:
    return _scans(analysis, "tcp", "tcp.flags.syn == 1")


def udp_scan(analysis: Analysis) -> list[Found]:
    return _scans(analysis, "udp", "udp")


def _scans(analysis: Analysis, transport: str, narrow: str) -> list[Found]:
    """The largest one by one, and the others together."""
    scans = [scan for scan in analysis.capture.scans if scan.transport == transport]
    few = scans if len(scans) <= MOST + 1 else scans[:MOST]
    found = [_scan(analysis, scan, narrow) for scan in few]
    rest = scans[len(few):]
    if rest:
        clients = ", ".join([scan.client for scan in rest[:NAMED]])
        clients += f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
        tries = sum([scan.tries for scan in rest])
        found.append(Found(
            f"{plural(len(rest), 'more client')} tried many ports or hosts in vain ({grouped(tries)} attempts): "
            f"{clients}.",
            tuple(sorted({frame for scan in rest[:NAMED] for frame in scan.frames[:2]})), confidence=LIKELY,
            basis=BASIS, narrow=narrow,
            absent=analysis.capture.observed.absence(NEITHER, rest[0].start_ns, rest[0].start_ns),
        ))
    return found


BASIS: Final = "attempts that were refused or had no answer, of one client; a monitor of what is down looks alike"


def _scan(analysis: Analysis, scan: Scan, narrow: str) -> Found:
    more = "more than " if scan.more else ""
    ports = f"{more}{plural(scan.ports, 'port')}" if scan.port < 0 else f"port {scan.port}"
    hosts = f"{more}{plural(scan.hosts, 'host')}" if not scan.host else scan.host
    silent = scan.tries - scan.refused
    said = f"{grouped(scan.refused)} refused" if scan.refused else ""
    if silent:
        said += f"{', ' if said else ''}{grouped(silent)} without an answer"
    opened = f" At least {plural(scan.opened, 'other attempt')} of it came to something." if scan.opened else ""
    lasted = scan.end_ns - scan.start_ns
    within = f" within {span(lasted)}" if lasted > 0 else ""
    family = "ipv6" if ":" in scan.client else "ip"
    return Found(
        f"{scan.client} tried {ports} of {hosts} over {scan.transport.upper()}{within} in vain: {said}.{opened} "
        "It looks like a scan.",
        tuple(scan.frames), confidence=LIKELY, basis=BASIS, narrow=f"{family}.src == {scan.client} && {narrow}",
        absent=analysis.capture.observed.absence(
            NEITHER, scan.start_ns, min(scan.end_ns, analysis.capture.end_ns - 1)
        ), victims=scan.tries, about=(scan.client,),
    )


CROWD_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        SILENT, "warn", silent,
        "See whether the service runs, and capture beside it: do the datagrams arrive, and does it answer?",
        "Answers that took another way, or a protocol that gives none.", "udp", True,
    ),
    Rule(
        "tcp.scan", "warn", tcp_scan,
        "Find out what runs on this client: an inventory or a monitor that is allowed to, or something that spreads.",
        "A list of services that this client is meant to ask, and that are down.", "tcp.flags.syn == 1", True,
    ),
    Rule(
        "udp.scan", "warn", udp_scan,
        "Find out what runs on this client: an inventory or a monitor that is allowed to, or something that spreads.",
        "A list of services that this client is meant to ask, and that are down.", "udp", True,
    ),
)
