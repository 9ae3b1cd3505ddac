"""Findings about who tries every door: scans of each kind, odd segments, and answers that nobody asked for.

What else looks like each of them stands with what counts it: `analyzer/flows/scans.py`, `groups.py`, `reflected.py`.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, NOTE, POSSIBLE, WEAK, Found, Rule
from analyzer.model import Analysis, Conversation, Reflected, Scan
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED, Absence, Observation
from dissectors.kit.units import grouped, plural, size, span

NAMED: Final = 4             # clients, or servers, that are named
SHOWN: Final = 8             # open ports or hosts that are named
MOST: Final = 4              # scans that are told one by one
ECHO: Final = "icmp"
ODD: Final[dict[str, str]] = {
    "FIN": "FIN and nothing else set", "NULL": "no flag set", "Xmas": "FIN, PSH and URG set",
    "odd": "flags set that exclude one another",
}
DOUBTS: Final[dict[str, str]] = {
    Scan.FILTERED: "It may be a scan, or a program whose ports are agreed upon from case to case (FTP in passive mode, "
    "RPC) behind a filter that drops them.",
    Scan.CUT_OFF: "It may be a scan, or a client of many servers, all over the Internet, whose own way out is cut.",
}
LONG_NS: Final = 5_000_000_000     # before and after the attempts in vain, within which others belong to it
BASIS: Final = "attempts that were refused or had no answer, of one client; a monitor of what is down looks alike"
ODD_BASIS: Final = "each conversation begins with flags that no TCP sends: whatever is not a SYN or a RST has an ACK"


def tcp_scan(analysis: Analysis) -> list[Found]:
    return _scans(analysis, [one for one in analysis.capture.scans if one.transport not in ("udp", ECHO)])


def udp_scan(analysis: Analysis) -> list[Found]:
    return _scans(analysis, [one for one in analysis.capture.scans if one.transport == "udp"])


def sweep(analysis: Analysis) -> list[Found]:
    return _scans(analysis, [one for one in analysis.capture.scans if one.transport == ECHO])


def _scans(analysis: Analysis, scans: list[Scan]) -> list[Found]:
    """The largest one by one, and the others together."""
    few = scans if len(scans) <= MOST + 1 else scans[:MOST]
    found = [_scan(analysis, scan) for scan in few]
    rest = scans[len(few):]
    if rest:
        clients = ", ".join([scan.client for scan in rest[:NAMED]])
        clients += f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
        tries = sum([scan.tries for scan in rest])
        found.append(Found(
            f"{plural(len(rest), 'more client')} tried many ports or hosts in vain ({grouped(tries)} attempts): "
            f"{clients}.",
            tuple(sorted({frame for scan in rest[:NAMED] for frame in scan.frames[:2]})), confidence=LIKELY,
            basis=BASIS, absent=_absent(analysis, rest[0]),
            about=tuple([scan.client for scan in rest]),
        ))
    return found


def _absent(analysis: Analysis, scan: Scan) -> Absence:
    """That nothing more came of it. A capture filter that leaves nothing but SYNs shows nothing of that."""
    if scan.transport == "tcp" and analysis.capture.syns_only:
        return blind("of all connections the capture holds nothing but SYNs")
    return analysis.capture.observed.absence(
        NEITHER, scan.start_ns, min(scan.end_ns, analysis.capture.end_ns - 1)
    )


def blind(why: str) -> Absence:
    unseen = Observation()
    unseen.miss(NOT_CAPTURED, NEITHER, -1, ALWAYS, 0, why)
    return unseen.absence(NEITHER)


def _scan(analysis: Analysis, scan: Scan) -> Found:
    more = "more than " if scan.more else ""
    ports = f"{more}{plural(scan.ports, 'port')}" if scan.port < 0 else f"port {scan.port}"
    hosts = f"{more}{plural(scan.hosts, 'host')}" if not scan.host else scan.host
    answers = (
        (scan.refused, "refused"), (scan.reported, "answered by an ICMP error"),
        (scan.tries - scan.refused - scan.reported, "without an answer"),
    )
    said = ", ".join([f"{grouped(count)} {how}" for count, how in answers if count])
    lasted = scan.end_ns - scan.start_ns
    within = f" within {span(lasted)}" if lasted > 0 else ""
    doubt = DOUBTS.get(scan.doubtful(), "")
    if scan.transport in ODD:
        text = (
            f"{scan.client} sent segments with {ODD[scan.transport]}, of no connection, to {ports} of {hosts}{within}: "
            f"{said}.{_quiet(scan)} It is a {scan.transport + ' ' if scan.transport != 'odd' else ''}scan."
        )
    elif scan.transport == ECHO:
        text = (
            f"{scan.client} sent echo requests to {hosts}{within} in vain: {said}.{_opened(analysis, scan)} "
            "It looks like a sweep for hosts that are there."
        )
    else:
        text = (
            f"{scan.client} tried {ports} of {hosts} over {scan.transport.upper()}{within} in vain: {said}."
            f"{_opened(analysis, scan)} {doubt or 'It looks like a scan.'}"
        )
    return Found(
        text, tuple(scan.frames), confidence=POSSIBLE if doubt else LIKELY, severity=NOTE if doubt else "",
        basis=ODD_BASIS if scan.transport in ODD else BASIS, narrow=_narrow(scan),
        absent=_absent(analysis, scan), otherwise=_otherwise(scan, ports, hosts),
        victims=scan.tries, about=(scan.client,),
    )


def _otherwise(scan: Scan, ports: str, hosts: str) -> str:
    """Where what came of it cannot be known."""
    if scan.transport == ECHO:
        return f"No reply to the echo requests of {scan.client} to {hosts} is in the capture."
    return f"{scan.client} tried {ports} of {hosts}; what came of it is not in the capture."


def _narrow(scan: Scan) -> str:
    family = "ipv6" if ":" in scan.client else "ip"
    of = {
        "tcp": "tcp.flags.syn == 1", "udp": "udp", ECHO: f"icmp{'v6' if family == 'ipv6' else ''}",
    }.get(scan.transport, "tcp && tcp.flags.ack == 0")
    return f"{family}.src == {scan.client} && {of}"


def _quiet(scan: Scan) -> str:
    """Ports that said nothing to a segment which a closed port answers with RST (RFC 9293 §3.10.7)."""
    if not scan.silent or not scan.refused:
        return ""
    return f" Open, or behind a filter: {_listed([str(port) for port in scan.silent])}."


def _opened(analysis: Analysis, scan: Scan) -> str:
    """Who was found, as far as it is known: all of it where every conversation was kept."""
    found = [one for one in analysis.conversations if found_by_scan(one, scan)]
    if scan.transport == ECHO:
        names = sorted({one.responder.address for one in found})
        whole = f"At least {plural(scan.opened, 'other')} answered."
    elif scan.host:
        names = [str(port) for port in sorted({one.responder.port for one in found})]
        whole = f"At least {plural(scan.opened, 'other attempt')} of it came to something."
    else:
        names = sorted({str(one.responder) if scan.port < 0 else one.responder.address for one in found})
        whole = f"At least {plural(scan.opened, 'other attempt')} of it came to something."
    if names:
        return f" {'Open' if scan.transport != ECHO else 'There'}: {_listed(names)}."
    return f" {whole}" if scan.opened else ""


def found_by_scan(one: Conversation, scan: Scan) -> bool:
    """Whether it is an attempt of this scan that was answered, while it went on."""
    if one.transport != scan.transport or one.originator.address != scan.client or not one.frames[1]:
        return False
    if not scan.start_ns - LONG_NS <= one.start_ns <= scan.end_ns + LONG_NS or one.state in ("REJ", "RSTRH"):
        return False
    if scan.host and one.responder.address != scan.host:
        return False
    return scan.port < 0 or one.responder.port == scan.port


def _listed(names: list[str]) -> str:
    more = f" and {grouped(len(names) - SHOWN)} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def odd_flags(analysis: Analysis) -> list[Found]:
    """Too few for a scan: who finds out what system answers sends a handful of them, and so does a broken device."""
    by_client: dict[str, list[Scan]] = {}
    for one in analysis.capture.oddities:
        by_client.setdefault(one.client, []).append(one)
    found = []
    for client, kinds in by_client.items():
        said = "; ".join([f"{plural(one.tries, 'segment')} with {ODD[one.transport]}" for one in kinds])
        to = kinds[0].host or f"{max([one.hosts for one in kinds])} hosts"
        found.append(Found(
            f"{client} began conversations with {to} by what no TCP sends: {said}. So does a program that finds out "
            "which system answers, or a broken device.",
            tuple(sorted({frame for one in kinds for frame in one.frames})), confidence=LIKELY,
            basis=ODD_BASIS, narrow=f"{'ipv6' if ':' in client else 'ip'}.src == {client} && tcp", about=(client,),
        ))
    return found


def reflected(analysis: Analysis) -> list[Found]:
    """Answers that nobody asked for. Of a host that is never heard, its questions may not be in the capture."""
    return [_reflected(analysis, one) for one in analysis.capture.reflected]


def _reflected(analysis: Analysis, one: Reflected) -> Found:
    least = "at least " if one.more else ""
    servers = f"{least}{plural(one.sources, 'server')}"
    named = ", ".join(one.servers) + (f" and {one.sources - len(one.servers)} more" if one.sources > NAMED else "")
    lasted = one.end_ns - one.start_ns
    what = f"{grouped(one.count)} datagrams ({size(one.octets)}) from port {one.service} of {servers} ({named})"
    denied = f" It says of {grouped(one.denied)} of them that nobody there wants them." if one.denied else ""
    heard = any(
        host.frames[side] and end.address == one.host for host in analysis.conversations
        for side, end in enumerate((host.originator, host.responder))
    )
    family = "ipv6" if ":" in one.host else "ip"
    return Found(
        f"{one.host} got {what} within {span(max(lasted, 0))}, and asked for none: it looks like answers to questions "
        f"that somebody else put in its name (reflection).{denied}",
        tuple(one.frames), confidence=LIKELY if one.denied else POSSIBLE, victims=one.count,
        basis="datagrams from a port that answers, and none of this host to it, while others of the host are in the "
        "capture", narrow=f"{family}.dst == {one.host} && udp.srcport == {one.service}", about=(one.host,),
        absent=analysis.capture.observed.absence(NEITHER, one.start_ns, one.end_ns - 1) if heard else
        blind(f"nothing that {one.host} sends is in the capture"),
        otherwise=f"No question of {one.host} is in the capture to which {what} are the answers.",
    )


_CLIENT: Final = "Find out what runs on this client: an inventory or a monitor that is allowed to, or something that " \
    "spreads."

SCAN_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "tcp.scan", "warn", FAILURE, tcp_scan,
        "One client tried many TCP services, most of them in vain.", _CLIENT,
        "A list of services that this client is meant to ask, and that are down.", "tcp", absence=True,
        threshold=f"{span(LONG_NS)} before and after attempts in vain, within which others belong to them.",
    ),
    Rule(
        "udp.scan", "warn", FAILURE, udp_scan,
        "One client tried many UDP services, most of them in vain.", _CLIENT,
        "A list of services that this client is meant to ask, and that are down.", "udp", absence=True,
    ),
    Rule(
        "icmp.sweep", "warn", FAILURE, sweep,
        "One client asked many hosts by ICMP whether they are there, most of them in vain.", _CLIENT,
        "A list of hosts that this client is meant to watch, and that are down.",
        "icmp || icmpv6", absence=True,
    ),
    Rule(
        "tcp.odd_flags", "note", WEAK, odd_flags,
        "Segments have flags that no connection has, as port scanners send them.",
        "Find out what runs on this client, and whether it is meant to look at other systems.",
        "A device on the way that changes flags: compare with a capture at the client.", "tcp",
    ),
    Rule(
        "udp.reflected", "warn", FAILURE, reflected,
        "A host gets answers that it did not ask for, as where somebody asks in its name.",
        "Let the network before this host drop answers from this port, and tell those who run the servers.",
        "Questions of this host that took another way.", "udp", absence=True,
    ),
)
