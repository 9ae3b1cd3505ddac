"""Findings about services that are asked: RADIUS, SNMP, SIP, names of NetBIOS; what they refuse or do not answer."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, NOTE, POSSIBLE, Case, Found, Rule, frames_of, place, times
from analyzer.explain.usual import TOO_SOON
from dissectors.kit.observation import what_ended
from dissectors.kit.units import plural, span
from dissectors.kit.waiting import RequestsUnanswered
from dissectors.protocols.nbns import ALL_NAMES, NbnsAnswer, NbnsUnanswered
from dissectors.protocols.radius import ACCEPT, RadiusAnswer, RadiusUnanswered
from dissectors.protocols.sip import CHALLENGES, PEOPLE, SipAnswer, SipUnanswered
from dissectors.protocols.snmp import ERRORS, REPORT, SnmpAnswer, SnmpUnanswered

SURELY: Final = 2                      # times that something was sent in vain, from which on it is no single loss
PATIENCE_NS: Final = 1_000_000_000     # by which a server answers
STREAM_NS: Final = 4_000_000_000       # ... over TCP: by then SIP says that it is under way (RFC 4320 4.1)
AGAIN: Final = 3                       # refusals, or attempts, of one client that are no chance
SERVER_FAULTS: Final = 500             # of SIP, from which on the server failed (RFC 3261 §21.5)
CHANGES: Final = ("INVITE", "UPDATE")                     # within a call they change it (RFC 3261 §14)
EVENTS: Final = ("SUBSCRIBE", "NOTIFY", "PUBLISH")        # without which a telephone still works (RFC 6665)

def _unanswered(case: Case, event: RequestsUnanswered, heard: int, what: str) -> Found:
    """Looks alike: one datagram that was lost, so it has to have been sent again, or to go over TCP; an answer on a way
    that the capture does not see, which the observation is asked for; a capture that ends too soon."""
    direction = event.direction
    client, server = case.end(direction), case.end(1 - direction)
    sent = sorted([time for one in event.waiting for time in one.times])
    ended = case.capture.end_ns
    stream = case.conversation.transport == "tcp"       # which sends again for itself what is lost
    late = [time for time in sent if ended - time >= (STREAM_NS if stream else PATIENCE_NS)]
    surely = len(late) >= (1 if stream else SURELY)
    requests = f"{plural(len(event.waiting), what)} of {client.address}"
    again = f", sent {times(event.sent())}" if event.sent() > len(event.waiting) else ""
    others = f"; {plural(heard, 'other')} had one" if heard else ""
    otherwise = f"No answer of {place(server)} to {requests} is in the capture."
    basis = f"{what_ended(event.how)} goes on for {span(max(ended - sent[0], 0))} after the first of them"
    absent = case.absence(1 - direction, sent[0], ended - 1)
    attempts = max([one.count for one in event.waiting])
    if not absent.proven and attempts >= AGAIN:
        absent = case.absence(direction, sent[0], ended - 1)      # it rests on what the client did
        basis += f"; the client sent the same {times(attempts)}, as one does that hears nothing"
    return Found(
        f"{place(server)} did not answer {requests}{again}{others}." if late else otherwise,
        frames_of([event]), case.conversation, severity="" if surely and not heard else NOTE,
        confidence=LIKELY if surely else POSSIBLE, cost_ns=max(sent[-1] - sent[0], 0),
        basis=basis, absent=absent, otherwise=otherwise,
    )


def radius_unanswered(case: Case) -> list[Found]:
    return [
        _unanswered(case, event, len(case.of(RadiusAnswer)), "request") for event in case.of(RadiusUnanswered)
    ]


def snmp_unanswered(case: Case) -> list[Found]:
    return [
        _unanswered(case, event, len(case.of(SnmpAnswer)), "request") for event in case.of(SnmpUnanswered)
    ]


def sip_unanswered(case: Case) -> list[Found]:
    found = []
    for event in case.of(SipUnanswered):
        methods = list(dict.fromkeys([one.said for one in event.waiting]))
        what = methods[0] if len(methods) == 1 else "request"
        found.append(_unanswered(case, event, len(case.of(SipAnswer)), what))
    return found


def nbns_unanswered(case: Case) -> list[Found]:
    """Looks alike: Windows asks hosts anywhere for all their names (node status), most of which speak no NetBIOS: that
    is a remark."""
    found = []
    for event in case.of(NbnsUnanswered):
        one = _unanswered(case, event, len(case.of(NbnsAnswer)), "question for names of NetBIOS")
        if all(waiting.said.endswith(ALL_NAMES) for waiting in event.waiting):
            one.severity = NOTE
        found.append(one)
    return found


def nbns_taken(case: Case) -> list[Found]:
    """Looks alike: the answer to a machine that asks for its own old name, which may have it after all: it goes on, and
    no other answer of this kind follows."""
    groups: dict[tuple[str, int], list[NbnsAnswer]] = {}
    for event in case.of(NbnsAnswer):
        if event.refuses():
            groups.setdefault((event.message.text, event.direction), []).append(event)
    return [
        Found(
            f"{place(case.end(direction))} refused the name {name} {times(len(events))}: another machine has it.",
            frames_of(events), case.conversation, basis="the result code of the answer (RFC 1002 §4.2.6)",
        )
        for (name, direction), events in groups.items()
    ]


def radius_rejected(case: Case) -> list[Found]:
    """Looks alike: a challenge (Access-Challenge), which is a question and no refusal."""
    groups: dict[tuple[str, str, int], list[RadiusAnswer]] = {}
    for event in case.of(RadiusAnswer):
        if event.refuses:
            groups.setdefault((event.packet.name, event.user, event.direction), []).append(event)
    found = []
    for (name, user, direction), events in groups.items():
        let = [
            one for one in case.of(RadiusAnswer)
            if one.packet.code == ACCEPT and one.user == user and one.time > events[-1].time
        ]
        says = next((f', and says "{one.says()}"' for one in events if one.says()), "")
        after = f" It let that user in {span(let[0].time - events[0].time)} later." if let else ""
        who = user or "a user"
        did = f"kept {who} out" if name == "Access-Reject" else f"refused a request about {who}"
        found.append(Found(
            f"{place(case.end(direction))} {did} {times(len(events))} ({name}){says}.{after}", frames_of(events),
            case.conversation, severity="warn" if len(events) >= AGAIN and not let else "",
            basis="the code of the answers (RFC 2865 §4.3)",
        ))
    return found


def snmp_refused(case: Case) -> list[Found]:
    """Looks alike: noSuchName, with which version 1 ends each walk, tooBig, after which less is asked, and the reports
    by which manager and device find one another; they are none."""
    groups: dict[tuple[str, int], list[SnmpAnswer]] = {}
    for event in case.of(SnmpAnswer):
        if event.refuses():
            groups.setdefault((event.message.fault(), event.direction), []).append(event)
    return [
        Found(
            f"{place(case.end(direction))} refused {plural(len(events), 'request')} of "
            f"{case.end(1 - direction).address}: {fault}.", frames_of(events), case.conversation,
            severity=NOTE if events[0].message.status and events[0].message.status not in ERRORS else "",
            basis="the report of the security model" if events[0].message.pdu == REPORT else
            "the error status of the answers (RFC 3416 §3)",
        )
        for (fault, direction), events in groups.items()
    ]


def sip_refused(case: Case) -> list[Found]:
    """Looks alike: 401 and 407, which ask for a password first: only to a request that brought one they refuse; what
    people do, such as 486 (busy), a change of a call that is not taken (the call goes on as it was), and OPTIONS, by
    which it is only asked whether somebody is there, are remarks."""
    groups: dict[tuple[int, str, str, int], list[SipAnswer]] = {}
    for event in case.of(SipAnswer):
        if event.refuses():
            message = event.message
            name = message.status, message.method, message.called, event.direction
            groups.setdefault(name, []).append(event)
    found = []
    for (status, method, called, direction), events in groups.items():
        first = events[0]
        reason = f" {first.message.reason}" if first.message.reason else ""
        what = f"{method} {called}" if called else method
        password = ": the password or the name is wrong" if status in CHALLENGES else ""
        failed = "could not do" if status >= SERVER_FAULTS and status not in PEOPLE else "refused"
        found.append(Found(
            f"{place(case.end(direction))} {failed} {what} {times(len(events))}: {status}{reason}{password}.",
            frames_of(events), case.conversation, severity=_grave(first),
            basis="the status of the responses (RFC 3261 §21)",
        ))
    return found


def _grave(answer: SipAnswer) -> str:
    status, method = answer.message.status, answer.message.method
    if status in PEOPLE or method == "OPTIONS" or (method in CHANGES and answer.within):
        return "chat"
    return NOTE if method in EVENTS else ""


SERVICE_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "radius.unanswered", "error", FAILURE, radius_unanswered,
        "A server of RADIUS did not answer.",
        "See whether the server runs, knows this device as a client and has the same secret for it: else it drops what "
        "the device sends without a word. Then look for a filter on UDP port 1812.",
        "An answer that took another way than the one captured.", "radius", absence=True,
        threshold=f"{span(PATIENCE_NS)} by which a server answers: {TOO_SOON}.",
    ),
    Rule(
        "radius.rejected", "note", DENIAL, radius_rejected,
        "A server of RADIUS kept a user out.",
        "Look into the log of the server, which says why: password, account, certificate, or a policy.",
        "An Access-Accept for the same user at once afterwards.", "radius",
    ),
    Rule(
        "snmp.unanswered", "warn", FAILURE, snmp_unanswered,
        "A device did not answer SNMP.",
        "Compare the community or the user on both sides, and see whether the device serves this manager's address: to "
        "others it says nothing. Then look for a filter on UDP port 161.",
        "An answer that took another way than the one captured.", "snmp", absence=True,
        threshold=f"{span(PATIENCE_NS)} by which a device answers: {TOO_SOON}.",
    ),
    Rule(
        "snmp.refused", "warn", FAILURE, snmp_refused,
        "A device refused what a manager asked of it by SNMP.",
        "See which rights the community or user has at the device, and for which part of its values.",
        "The same request, answered later.", "snmp",
    ),
    Rule(
        "nbns.unanswered", "warn", FAILURE, nbns_unanswered,
        "A machine that was asked for a NetBIOS name did not answer.",
        "See whether it speaks NetBIOS at all (a name server, WINS, or Samba); if not, take it out of the settings of "
        "the client, and let DNS know the name.",
        "An answer that took another way than the one captured.", "nbns", absence=True,
        threshold=f"{span(PATIENCE_NS)} by which a machine answers: {TOO_SOON}.",
    ),
    Rule(
        "nbns.name_taken", "warn", DENIAL, nbns_taken,
        "A machine wanted a NetBIOS name that another one has.",
        "Find both machines and give one of them another name; a name server (WINS) may also hold an old entry.",
        "The same name, registered later by the same machine.", "nbns",
    ),
    Rule(
        "sip.unanswered", "error", FAILURE, sip_unanswered,
        "Nobody answered a request of SIP.",
        "See whether the server runs at that address, and whether a filter or address translation lets port 5060, of "
        "UDP or of TCP, through in both directions.",
        "An answer that took another way than the one captured.", "sip", absence=True,
        threshold=f"{span(PATIENCE_NS)} by which a server answers, over TCP {span(STREAM_NS)}: {TOO_SOON}.",
    ),
    Rule(
        "sip.refused", "warn", DENIAL, sip_refused,
        "A call or a registration was refused.",
        "Look into the log of the server that answered so, at this time; the status says what it is about.",
        "The same request, accepted later.", "sip",
    ),
)
