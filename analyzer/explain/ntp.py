"""Findings about the time: servers of NTP that do not answer, have no time themselves, or whose clocks differ."""
from __future__ import annotations

from itertools import pairwise
from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, NOTE, POSSIBLE, WEAK, Found, Rule, frames_of, times
from analyzer.explain.together import told_with
from analyzer.explain.usual import TOO_SOON
from analyzer.model import Analysis, Conversation, Told
from dissectors.kit.event import Event
from dissectors.kit.observation import NOWHERE, Absence, what_ended
from dissectors.kit.units import plural, span
from dissectors.protocols.ntp import NtpAnswer, NtpKiss, NtpUnanswered, NtpUnsynchronised

SILENT: Final = "udp.unanswered"
SURELY: Final = 2                      # requests without an answer, from which on it is no single loss
PATIENCE_NS: Final = 1_000_000_000     # by which a server answers
# RFC 5905 §11.2.1: a clock that is further off is set, and no longer slewed (STEPT, 0.128 s).
STEP_NS: Final = 128_000_000
AGREE_NS: Final = 1_000_000_000        # two stamps of one clock, against that of the capture


class Asked:
    """What one client had from one server. silent: with their conversations."""

    def __init__(self) -> None:
        self.answers: list[NtpAnswer] = []
        self.silent: list[tuple[NtpUnanswered, Told]] = []

    def of(self, kind: type[NtpAnswer]) -> list[NtpAnswer]:
        return [answer for answer in self.answers if type(answer) is kind]


def _asked(analysis: Analysis) -> dict[tuple[str, str], Asked]:
    """By client and server. A client takes another port for each request."""
    found: dict[tuple[str, str], Asked] = {}
    for told in analysis.told:
        one = told.conversation
        if one.protocol != "ntp":
            continue
        for event in _events(told):
            if isinstance(event, NtpAnswer):
                client, server = _ends(one, 1 - event.direction)
                found.setdefault((client, server), Asked()).answers.append(event)
            elif isinstance(event, NtpUnanswered):
                client, server = _ends(one, event.direction)
                found.setdefault((client, server), Asked()).silent.append((event, told))
    return found


def _events(told: Told) -> list[Event]:
    return [event for phase in told.phases for event in phase.events]


def _ends(one: Conversation, asks: int) -> tuple[str, str]:
    """Client and server, where the client sends in this direction."""
    ends = (one.originator.address, one.responder.address)
    return ends[asks], ends[1 - asks]


def unanswered(analysis: Analysis) -> list[Found]:
    """Where some silent conversations are not told, the finding of all of them says it."""
    whole = analysis.capture.together.get(SILENT)
    if whole is not None and whole.count > told_with(analysis, SILENT):
        return []
    return [
        _unanswered(analysis, client, server, asked)
        for (client, server), asked in _asked(analysis).items() if asked.silent
    ]


def _unanswered(analysis: Analysis, client: str, server: str, asked: Asked) -> Found:
    sent = sorted([time for event, _told in asked.silent for time in event.times])
    heard = len(asked.answers)
    ended = analysis.capture.end_ns
    late = [time for time in sent if ended - time >= PATIENCE_NS]
    certain = len(late) >= SURELY and not heard
    told = asked.silent[-1][1]
    direction = asked.silent[-1][0].direction
    absent = told.observed.absence(1 - direction, sent[0], ended - 1) if late else NOWHERE
    for _event, other in asked.silent:
        more: Absence = other.observed.absence(1 - direction, sent[0], ended - 1)
        absent = absent if not absent.proven else more
    others = f"; {plural(heard, 'other')} had one" if heard else ""
    requests = f"{plural(len(sent), 'request')} of {client} for the time"
    unheard = f"No answer of {server} to {requests} is in the capture."
    after = span(max(ended - sent[0], 0))
    return Found(
        f"{server} did not answer {requests}{others}." if late else unheard,
        frames_of([event for event, _told in asked.silent]),
        severity="" if certain else NOTE, confidence=LIKELY if certain else POSSIBLE,
        basis=f"{what_ended(analysis.capture.ended)} goes on for {after} after the first of them",
        absent=absent, otherwise=unheard, narrow=_of(server), about=(server, client),
    )


def _of(server: str) -> str:
    return f"ntp && {'ipv6' if ':' in server else 'ip'}.addr == {server}"


def kiss(analysis: Analysis) -> list[Found]:
    found = []
    for (client, server), asked in _asked(analysis).items():
        by_code: dict[str, list[NtpKiss]] = {}
        for answer in asked.answers:
            if isinstance(answer, NtpKiss):
                by_code.setdefault(answer.packet.kiss(), []).append(answer)
        for code, events in by_code.items():
            found.append(Found(
                f"{server} gave {client} no time, but a kiss-o'-death {times(len(events))}: {code}, "
                f"{events[0].reason()}.", frames_of(events), narrow=_of(server),
                basis="stratum 0 and four letters in the answer (RFC 5905 §7.4)", about=(server, client),
            ))
    return found


def unsynchronised(analysis: Analysis) -> list[Found]:
    found = []
    for (client, server), asked in _asked(analysis).items():
        events = asked.of(NtpUnsynchronised)
        if events:
            good = len(asked.of(NtpAnswer))
            found.append(Found(
                f"{server} answered {client} {times(len(events))} that its own clock is not synchronised"
                f"{f', and {times(good)} that it is' if good else ''}.", frames_of(events), narrow=_of(server),
                severity=NOTE if good else "", basis="leap indicator 3, or stratum 16 or 0, in the answer "
                "(RFC 5905 §7.3)", about=(server, client),
            ))
    return found


def differ(analysis: Analysis) -> list[Found]:
    """Servers of one client whose clocks differ by more than the ways to them can explain. The clock of the capture
    does not matter: it is the same for both, as long as it is not set in between."""
    by_client: dict[str, list[tuple[str, NtpAnswer]]] = {}
    for (client, server), asked in _asked(analysis).items():
        good = asked.of(NtpAnswer)
        if good:
            best = min(good, key=lambda answer: answer.error_ns)
            if best.ahead_ns is not None:
                by_client.setdefault(client, []).append((server, best))
    found = []
    for client, servers in by_client.items():
        servers.sort(key=lambda entry: entry[1].ahead_ns or 0)
        (low, first), (high, last) = servers[0], servers[-1]
        apart = (last.ahead_ns or 0) - (first.ahead_ns or 0)
        error = first.error_ns + last.error_ns
        if len(servers) > 1 and apart - error > STEP_NS and not analysis.capture.silences:
            found.append(Found(
                f"The clocks of {low} and {high}, which {client} asks for the time, are {span(apart)} apart (within "
                f"{span(error)}).", frames_of([first, last]), confidence=LIKELY,
                basis="the stamps of both servers against the clock of the capture, and half of each round trip",
                about=(low, high, client),
            ))
    return found


def off(analysis: Analysis) -> list[Found]:
    """A client whose own clock is not what its server says. Many clients send chance numbers in place of their time:
    two requests have to say the same of it."""
    found = []
    for (client, server), asked in _asked(analysis).items():
        stamped = [
            (answer, answer.ahead_ns, answer.client_ns) for answer in asked.answers
            if type(answer) is NtpAnswer and answer.ahead_ns is not None and answer.client_ns is not None
        ]
        for (first, ahead, client_ns), (second, _ahead, again) in pairwise(stamped):
            behind = ahead - client_ns
            if abs(client_ns - again) < AGREE_NS and abs(behind) - first.error_ns > STEP_NS:
                found.append(Found(
                    f"The clock of {client} is {span(abs(behind))} {'behind' if behind > 0 else 'ahead of'} that of "
                    f"{server} (within {span(first.error_ns)}).", frames_of([first, second]), narrow=_of(server),
                    basis="the stamps of client and server, and half of the round trip", about=(server, client),
                ))
                break
    return found


NTP_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "ntp.unanswered", "warn", FAILURE, unanswered,
        "A question for the time had no answer.",
        "See whether the server runs and is meant to serve this client, and whether a filter drops port 123.",
        "An answer that took another way than the one captured.", "ntp", absence=True,
        threshold=f"{span(PATIENCE_NS)} by which a server answers: {TOO_SOON}.",
    ),
    Rule(
        "ntp.kiss", "warn", WEAK, kiss,
        "A time server told a client to stop asking, or to ask less often.",
        "Let the client ask less often, or another server; many clients behind one address look like one.",
        "Answers of this server with a time, to the same client at the same rate.", "ntp",
    ),
    Rule(
        "ntp.unsynchronised", "warn", WEAK, unsynchronised,
        "A time server says that its own clock is not set.",
        "See which servers this one asks, and whether they answer; until then its clients need another one.",
        "A later answer of it with a stratum below 16.", "ntp",
    ),
    Rule(
        "ntp.servers_differ", "warn", WEAK, differ,
        "Time servers give times that do not fit together.",
        "Ask a third server which of the two is right, and take the other one out of the list.",
        "A clock of the capture that was set between the two answers.", "ntp",
    ),
    Rule(
        "ntp.clock_off", "note", WEAK, off,
        "The clock of a client is off by what its time server says.",
        "See whether the client sets its clock from this answer; if not, why it does not believe its server.",
        "A later request of the client with a time that fits.", "ntp",
        threshold=f"{span(STEP_NS)}, beyond which a client sets its clock at once (RFC 5905 §11.2.1), and "
        f"{span(AGREE_NS)} between two stamps of one clock.",
    ),
)
