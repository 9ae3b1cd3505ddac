"""Findings about the change from plain text to TLS."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, POSSIBLE, WEAK, Case, Found, Rule, frames_of, place
from dissectors.kit.observation import OCTETS
from dissectors.protocols.starttls.events import Agreed, InClear, Injected, Requested, StarttlsRefused, Stripped

CREDENTIALS: Final = "credentials"


def refused(case: Case) -> list[Found]:
    found = []
    for event in case.of(StarttlsRefused):
        exposed = [later for later in case.of(InClear) if later.time >= event.time]
        went_on = f" The client went on and sent its {exposed[0].exposed} in plain text." if exposed else ""
        found.append(Found(
            f"{place(case.end(event.direction))} refused to change to TLS: it answered {event.command} with "
            f"{event.answer}.{went_on}", frames_of([event, *exposed[:1]]), case.conversation,
            severity="" if exposed or event.offered else "note",
            basis="the answer in plain text, which anybody on the way can put in the server's place",
        ))
    return found


def stripped(case: Case) -> list[Found]:
    events = case.of(Stripped)
    if not events:
        return []
    return [Found(
        f"The word STARTTLS in a {events[0].protocol} dialogue reads {events[0].sign}: something on the way seems to "
        "keep the two from using TLS.", frames_of(events), case.conversation, confidence=LIKELY,
        basis="no server offers a word of this form by itself",
    )]


def injected(case: Case) -> list[Found]:
    asked = [event.time for event in case.of(Requested)]
    return [
        Found(
            f"Plain text ({event.octets} bytes) follows the request for TLS before the {event.protocol} server has "
            "answered it: a server that acts on it after the handshake lets strangers speak for the client.",
            frames_of([event]), case.conversation, confidence=POSSIBLE,
            basis="the order of the bytes; a client that does not wait looks the same",
            absent=case.absence(
                1 - event.direction, max([time for time in asked if time <= event.time], default=-1), event.time, OCTETS
            ),
        )
        for event in case.of(Injected)
    ]


def in_clear(case: Case) -> list[Found]:
    """Without TLS, though not refused; mail between servers goes so where one of them has no TLS."""
    if case.of(StarttlsRefused):
        return []
    found = []
    for event in case.of(InClear)[:1]:
        if any(agreed.time <= event.time for agreed in case.of(Agreed)):
            continue
        offered = ", though the server offered it" if event.offered else ""
        secret = event.exposed.startswith(CREDENTIALS)
        found.append(Found(
            f"{place(case.end(event.direction))} sent its {event.exposed} over {event.protocol} without TLS{offered}.",
            frames_of([event]), case.conversation, severity="" if secret or event.offered else "note",
            basis="the command in plain text",
        ))
    return found


STARTTLS_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tls.starttls_refused", "warn", FAILURE, refused,
        "The server refused to switch to TLS.",
        "Give the server a certificate and switch TLS on; let the client insist on it.",
        "An answer that did not come from the server: compare captures at both ends.",
    ),
    Rule(
        "tls.starttls_stripped", "error", FAILURE, stripped,
        "The offer of TLS seems to have been taken out on the way.",
        "Look for a firewall that inspects this protocol, and let the client insist on TLS.",
        "The same letters in a capture right beside the server.",
    ),
    Rule(
        "tls.starttls_injected", "warn", FAILURE, injected,
        "Something was sent along with STARTTLS that belongs behind the handshake.",
        "Update the server: it must throw away what it had read before the handshake (CVE-2011-0411).",
        "A capture at the client in which the same bytes are there.", "", absence=True,
    ),
    Rule(
        "tls.in_clear", "warn", WEAK, in_clear,
        "A login or a message went without encryption where TLS could have been used.",
        "Let the client insist on TLS, or use the port on which TLS begins at once; change the password.",
        "A tunnel outside of this capture that protects the connection.",
    ),
)
