"""Findings about what servers of mail, files and pages refuse: logins, one by one or again and again, and commands.

What else looks like guessing passwords: a program that keeps an old password sends the same login again and again, and
is told so; a challenge of HTTP (401 to a request without a login) is how a login begins; NTLM and Negotiate take
several answers of 401. Which login it was is known by a number that is the same for the same one.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, NOTE, POSSIBLE, Case, Found, Rule, frames_of, place, times
from analyzer.model import Analysis, Told
from dissectors.kit.event import Event
from dissectors.kit.units import grouped, span
from dissectors.protocols.starttls.events import Denied
from dissectors.wire.http.events import ExchangeEvent

GUESSES: Final = 10           # logins in vain, of one client at one service, from which on it may be guessing
AGAIN: Final = 3              # refusals of one client at one service that are more than a slip of the hand
KINDS: Final = 5              # ... and different logins among them
UNAUTHORIZED: Final = 401
SCHEMES: Final = (b"basic ", b"bearer ")     # whose one request says all (RFC 7617, RFC 6750)
FOR_NOW: Final = "4"
TRANSFER: Final = ("425", "426")             # RFC 959 §4.2.2: of the data connection


class Logins:
    """What one client tried at one service. kinds: how many different logins, as far as they can be told apart."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.events: list[Event] = []
        self.kinds: set[int] = set()
        self.unknown = 0
        self.numbers: set[int] = set()

    def add(self, event: Event, number: int, login: int) -> None:
        self.events.append(event)
        self.numbers.add(number)
        if login:
            self.kinds.add(login)
        else:
            self.unknown += 1


def _logins(analysis: Analysis) -> dict[tuple[str, str], Logins]:
    """In vain, by client and service."""
    found: dict[tuple[str, str], Logins] = {}
    for told in analysis.told:
        one = told.conversation
        for event, login, protocol in in_vain(told):
            client, service = (one.originator.address, str(one.responder)) if event.direction == 1 else (
                one.responder.address, str(one.originator))
            found.setdefault((client, service), Logins(protocol)).add(event, one.number, login)
    return found


def in_vain(told: Told) -> list[tuple[Event, int, str]]:
    """Each with a number for the login, 0 where it is not known, and the protocol."""
    found: list[tuple[Event, int, str]] = []
    for phase in told.phases:
        for event in phase.events:
            if isinstance(event, Denied) and event.login:
                found.append((event, event.attempt, event.protocol))
            elif isinstance(event, ExchangeEvent) and event.response is not None:
                if event.response.status == UNAUTHORIZED and event.request is not None:
                    sent = event.request.index.get(b"authorization", b"")
                    if sent.lower().startswith(SCHEMES):
                        found.append((event, event.request.login or hash(sent), "HTTP"))
    return found


def refused(analysis: Analysis) -> list[Found]:
    return [
        _refused(client, service, logins) for (client, service), logins in _logins(analysis).items()
    ]


def _refused(client: str, service: str, logins: Logins) -> Found:
    count = len(logins.events)
    same = ""
    if count > 1 and len(logins.kinds) == 1 and not logins.unknown:
        same = ", the same each time: so does a program that keeps an old one"
    return Found(
        f"{service} refused the login of {client} over {logins.protocol} {times(count)}{same}.",
        frames_of(logins.events), basis="the code of the answer to it", about=(client, service),
        severity="warn" if count >= AGAIN else "", victims=len(logins.numbers), narrow=_narrow(client, service),
    )


def _guesses(logins: Logins) -> bool:
    return len(logins.events) >= GUESSES and (
        len(logins.kinds) >= KINDS or (not logins.kinds and len(logins.numbers) >= KINDS)
    )


def guessed(analysis: Analysis) -> list[Found]:
    found = []
    for (client, service), logins in _logins(analysis).items():
        if not _guesses(logins):
            continue
        events = sorted(logins.events, key=lambda event: event.evidence.frames[0])
        lasted = events[-1].time - events[0].time
        kinds = f"{grouped(len(logins.kinds))} different ones" if logins.kinds else "which ones cannot be seen"
        found.append(Found(
            f"{client} tried to log in at {service} over {logins.protocol} {times(len(events))} within {span(lasted)}, "
            f"with {kinds}, and was refused each time: it looks like guessing." if logins.kinds else
            f"{client} tried to log in at {service} over {logins.protocol} {times(len(events))} within {span(lasted)} "
            f"and was refused each time ({kinds}): somebody may be guessing, or a program keeps an old one.",
            frames_of(events), confidence=LIKELY if logins.kinds else POSSIBLE, about=(client, service),
            basis="the codes of the answers, and whether the logins were alike", victims=len(logins.numbers),
            severity="" if logins.kinds else NOTE, narrow=_narrow(client, service),
        ))
    return found


def _narrow(client: str, service: str) -> str:
    family = "ipv6" if ":" in client else "ip"
    port = service.rpartition(":")[2]
    return f"{family}.addr == {client} && tcp.port == {port}"


def commands(case: Case) -> list[Found]:
    """What is refused and is no login. FTP refuses files as HTTP does; mail that is refused does not arrive."""
    found = []
    by_code: dict[str, list[Denied]] = {}
    for event in case.of(Denied):
        if not event.login:
            by_code.setdefault(event.code, []).append(event)
    for code, events in by_code.items():
        first = events[0]
        means = f", {first.meaning()}" if first.meaning() else ""
        again = "; 4 says that it may be tried again later" if code[0] == FOR_NOW else ""
        grave = code in TRANSFER if first.protocol == "FTP" else code[0] != FOR_NOW and code not in ("500", "502")
        found.append(Found(
            f"{place(case.end(first.direction))} refused what the {first.protocol} client wanted {times(len(events))}: "
            f"{code}{means}{again}.", frames_of(events), case.conversation, severity="warn" if grave else "",
            basis="the code of the answer",
        ))
    return found


LOGIN_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "reply.refused", "note", DENIAL, commands,
        "A server refused commands.",
        "Read the words behind the code in the cited frames, and look into the log of the server at this time.",
        "The same command, accepted later.",
    ),
)
LOGIN_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "login.refused", "note", DENIAL, refused,
        "A login was refused.",
        "Check name and password, and which programs of this client still keep an old one.",
        "A login of the same client that succeeds.",
    ),
    Rule(
        "login.guessed", "warn", FAILURE, guessed,
        "A client failed to log in so often that it seems to guess.",
        "Find out who this client is; let the server delay or lock after some failures, and see whether one succeeded.",
        "A test that is known to the owner of the server.",
    ),
)
