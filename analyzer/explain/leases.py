"""Findings about leases that need more than the client's own conversation: servers that serve others, and what a lease
names that is not there."""
from __future__ import annotations

from typing import Final

from analyzer.explain.dhcp import Run, leases_of, unheard
from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, Case, Found, Rule, frames_of, times
from analyzer.model import Analysis, Told
from analyzer.neighbourhood import Missing
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER
from dissectors.kit.units import plural, span
from dissectors.protocols.dhcp.events import Ack, Offer
from dissectors.protocols.dhcp.wire import NAME_SERVER, ROUTER
from dissectors.protocols.dhcpv6.events import Reply6
from dissectors.wire.dns_types import PORT as DNS_PORT

QUESTIONS: Final = 2                   # to a name server, before its silence is told as its own


def _cases(analysis: Analysis) -> list[Case]:
    return [Case(told, analysis.capture) for told in analysis.told if told.conversation.protocol == "dhcp"]


def offered(analysis: Analysis) -> set[tuple[str, str]]:
    """(server, address): a server asks an address whether it is in use (an echo request, RFC 2131 §2.2) before it
    offers it, and hopes for no reply."""
    return {
        (offer.server, offer.message.yiaddr) for case in _cases(analysis) for offer in case.of(Offer)
    }


def not_served(analysis: Analysis) -> list[Found]:
    """A server that lends addresses to others says nothing to some clients. Looks alike: a server that went away
    meanwhile, so something has to come from it later on; one on another link, so the relay has to be the same; and a
    client that is the access point or bridge of that server, which nobody can tell by its messages: so where there is
    but one, this is a note."""
    cases = _cases(analysis)
    lent: dict[tuple[str, str, str], Ack] = {}
    for case in cases:
        for ack in leases_of(case):
            lent.setdefault((ack.server, ack.message.giaddr, case.conversation.scope), ack)
    found = []
    for (server, relay, scope), ack in lent.items():
        runs = [
            (case, run) for case in cases if case.conversation.scope == scope and not case.of(Ack)
            for run in unheard(case)
            if run.asked[0].message.giaddr == relay and _heard_after(analysis, server, run)
        ]
        clients = {case.conversation.number for case, _run in runs}
        if runs:
            found.append(_not_served(ack, runs[0][0], runs[0][1], [run for _case, run in runs], len(clients)))
    return found


def _not_served(ack: Ack, case: Case, run: Run, runs: list[Run], clients: int) -> Found:
    more = f", and no more to {plural(clients - 1, 'other machine')}" if clients > 1 else ""
    asked = [one for each in runs for one in each.asked]
    return Found(
        f"{ack.server} leases {ack.message.yiaddr} to {ack.client} and offers {run.asked[-1].client} nothing, which "
        f"asked {times(len(run.asked))} within {span(run.lasted())}{more}: it has no address left, or none for "
        f"{'them' if clients > 1 else 'this client'}.", frames_of([ack, *asked]), case.conversation,
        cost_ns=sum([each.lasted() for each in runs]) if clients > 1 else 0, severity="" if clients > 1 else "note",
        confidence=LIKELY, victims=clients,
        basis=f"{ack.server} lends addresses, and is heard of afterwards as well; who hears an offer asks for it",
        absent=case.absence(FORWARD, run.first, run.last - 1),
    )


def _heard_after(analysis: Analysis, server: str, run: Run) -> bool:
    """Whether something came from the server after the client had begun to ask."""
    for one in analysis.conversations:
        for side, end in enumerate((one.originator, one.responder)):
            if end.address == server and one.frames[side] and one.end_ns > run.first:
                return True
    return False


def wrong_router(analysis: Analysis) -> list[Found]:
    """What a lease names as router is asked for and nobody has it. Looks alike: an answer that the capture does not
    see, as for `link.unanswered`, which this explains."""
    missing = {one.address: one for one in analysis.capture.missing}
    found = []
    for case in _cases(analysis):
        for ack in leases_of(case):
            for router in ack.message.all(ROUTER)[:1]:
                one = missing.get(router)
                if one is not None and one.asker == ack.message.yiaddr and one.start_ns >= ack.time:
                    found.append(_no_router(analysis, case, ack, one))
    return found


def _no_router(analysis: Analysis, case: Case, ack: Ack, one: Missing) -> Found:
    return Found(
        f"{ack.server} names {one.address} as router to {ack.client}, and no machine has that address: "
        f"{one.asker} asked for it {times(one.count)}, and reaches nothing beyond its link.",
        tuple(sorted({*frames_of([ack]), *one.frames})), case.conversation, cost_ns=one.end_ns - one.start_ns,
        confidence=LIKELY, basis="the lease, and ARP requests without a reply", about=(one.address, one.asker),
        absent=analysis.capture.observed.absence(NEITHER, one.start_ns, min(one.end_ns, analysis.capture.end_ns - 1)),
    )


def wrong_name_server(analysis: Analysis) -> list[Found]:
    """A name server of a lease from which nothing comes. Looks alike: answers on a way that the capture does not see;
    the observation of each conversation with it is asked."""
    found = []
    for case in _cases(analysis):
        for ack in leases_of(case):
            found += _silent(analysis, case, ack, ack.message.all(NAME_SERVER), {ack.message.yiaddr})
    return found


def wrong_name_server6(analysis: Analysis) -> list[Found]:
    """The same of DHCPv6. A machine that asks for settings alone has made its addresses by itself: then whoever asks
    that name server counts."""
    found = []
    for told in analysis.told:
        if told.conversation.protocol != "dhcpv6":
            continue
        case = Case(told, analysis.capture)
        named: set[str] = set()
        for reply in case.of(Reply6):
            servers = [server for server in reply.message.name_servers() if server not in named]
            named.update(servers)
            found += _silent(analysis, case, reply, servers, {one.text for one in reply.message.lent()})
    return found


def _silent(
    analysis: Analysis, case: Case, lease: Ack | Reply6, servers: list[str], clients: set[str]
) -> list[Found]:
    """Those of the name servers of a lease that answer none of these addresses; of nobody, where there are none."""
    found = []
    for server in servers:
        asked = [
            told for told in analysis.told if told.conversation.responder.address == server
            and told.conversation.responder.port == DNS_PORT and told.conversation.start_ns >= lease.time
            and (told.conversation.originator.address in clients or not clients)
        ]
        questions = sum([told.conversation.frames[0] for told in asked])
        if questions >= QUESTIONS and not any(told.conversation.frames[1] for told in asked):
            found.append(_no_name_server(case, lease, server, asked, questions, others=len(servers) > 1))
    return found


def _no_name_server(
    case: Case, lease: Ack | Reply6, server: str, asked: list[Told], questions: int, *, others: bool
) -> Found:
    absences = [
        told.observed.absence(BACKWARD, told.conversation.start_ns, told.conversation.end_ns - 1) for told in asked
    ]
    first, last = asked[0].conversation, asked[-1].conversation
    frames = sorted({*frames_of([lease]), *[told.conversation.first_frame for told in asked]})
    return Found(
        f"{lease.server} names {server} as name server to {lease.client}, and it answered none of "
        f"{plural(questions, 'question')} of {first.originator.address}{'' if others else ': no name is found'}.",
        tuple(frames), case.conversation, cost_ns=max(last.end_ns - first.start_ns, 0),
        confidence=LIKELY, severity="warn" if others else "", about=(server,),
        basis="the lease, and questions without an answer",
        absent=next((absence for absence in absences if not absence.proven), absences[0]),
    )


DHCP_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dhcp.not_served", "error", DENIAL, not_served,
        "A server of DHCP serves others and offers nothing to this client.",
        "Look into the log of the server: is its pool used up, or is this client not meant to be served? A longer pool "
        "or a shorter lease makes room.", "An offer that the client heard.", "dhcp", absence=True,
    ),
    Rule(
        "dhcp.wrong_router", "error", FAILURE, wrong_router,
        "Nobody has the address of the router that DHCP gave.",
        "Correct the router (option 3) at the server, or switch that router on.",
        "An answer of the router.", "dhcp || arp", absence=True,
    ),
    Rule(
        "dhcp.wrong_name_server", "error", FAILURE, wrong_name_server,
        "The name server that DHCP gave does not answer.",
        "Correct the name server (option 6) at the server of DHCP, or let that machine answer.",
        "An answer of that name server.", "dhcp || dns", absence=True,
    ),
    Rule(
        "dhcpv6.wrong_name_server", "error", FAILURE, wrong_name_server6,
        "The name server that DHCPv6 gave does not answer.",
        "Correct the name servers (option 23) at the server of DHCPv6, or let that machine answer.",
        "An answer of that name server.", "dhcpv6 || dns", absence=True,
    ),
)
