"""Every event and every term says what it has to say."""
from __future__ import annotations

import re
from collections import Counter

import pytest

from dissectors.kit.captured import ABOUT_THE_CAPTURE
from dissectors.kit.event import BASE, CORE, EXTRA, DissectorFault, Event, LimitReached, Malformed, OtherProtocol
from dissectors.registry import built_in

EVENTS = [event for protocol in built_in() for event in protocol.events]
COMMON = [Malformed, OtherProtocol, LimitReached, DissectorFault, *ABOUT_THE_CAPTURE]
TERMS = [(protocol, term) for protocol in built_in() for term in protocol.terms]
SHORTEST_WHY = 40

# One or several rules: a document, and the section or appendix where it is not meant as a whole. An RFC goes by its
# number, what others publish (IEEE, ITU-T, OASIS, W3C, WHATWG, IANA, a vendor) by a name of at most five words and,
# where it has one, the number or version behind it.
PLACE = r"( (§[0-9A-Z]+(\.\d+)*|Appendix [A-Z](\.\d+)*))?"
WORD = r"[A-Za-z]([A-Za-z0-9./+-]*[A-Za-z0-9])?"
DOCUMENT = rf"(RFC [1-9]\d{{0,4}}|(?!RFC)(?=[a-z]*[A-Z]){WORD}( {WORD}){{0,4}}( \d([\w.-]*\w)?)?)"
SPEC = re.compile(rf"{DOCUMENT}{PLACE}(; {DOCUMENT}{PLACE})*")


@pytest.mark.parametrize("spec", [
    "RFC 9293", "RFC 9293 §3.8.6.1", "RFC 5246 Appendix E.2", "RFC 9293 §3.5; RFC 5681 §3.2", "MQTT 3.1.1",
    "OASIS MQTT 5.0 §3.1.2",
    "IEEE 802.1Q-2022 §9.6", "IEEE 802.3", "ITU-T X.690 §8.1.2", "ISO/IEC 7816-4", "W3C Trace Context §3.2",
    "WHATWG HTML §9.2.6", "gRPC over HTTP2", "PostgreSQL Protocol 3.0 §55.2", "IANA Service Name postgresql",
    "RFC 6455 §1.3; WHATWG WebSockets",
])
def test_a_rule_may_be_of_any_body(spec: str) -> None:
    assert SPEC.fullmatch(spec)


@pytest.mark.parametrize("spec", [
    "", "RFC", "RFC9293", "rfc 9293", "RFC 9293 3.5", "RFC 9293 §", "RFC 9293 §3.5.", "RFC 9293, RFC 5681", "RFC draft",
    "the standard", "MQTT 3.1.1 3.1", "MQTT §", "It is said in the description of it", "Hello 1.0 (draft)",
    "MQTT 3.1.1;",
])
def test_a_rule_names_a_document_and_a_place(spec: str) -> None:
    assert not SPEC.fullmatch(spec)


def ident(event: type[Event]) -> str:
    return event.name or event.__name__


def wrong_with(event: type[Event]) -> list[str]:
    rules = {
        "name": re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", event.name),
        f"phase {event.phase!r}": re.fullmatch(r"[a-z0-9_ .-]+", event.phase),
        f"importance {event.importance!r}": event.importance in (CORE, BASE, EXTRA),
        f"spec {event.spec!r}": SPEC.fullmatch(event.spec),
        f"WHY {event.WHY!r}": len(event.WHY) >= SHORTEST_WHY,
        "WHY ends in the middle": event.WHY.rstrip().endswith("."),
    }
    return [f"{ident(event)}: {what}" for what, holds in rules.items() if not holds]


def test_every_event_says_what_it_is_and_why() -> None:
    assert len(EVENTS) > 100
    assert [line for event in EVENTS for line in wrong_with(event)] == []


def test_an_event_of_any_protocol_says_why() -> None:
    assert [event for event in COMMON if not re.fullmatch(r"[a-z_]+", event.name)] == []
    assert [event for event in COMMON if len(event.WHY) < SHORTEST_WHY] == []


def test_names_are_unique() -> None:
    classes = {*EVENTS, *COMMON}
    assert [name for name, count in Counter(event.name for event in classes).items() if count > 1] == []
    assert [name for name, count in Counter(p.name for p in built_in()).items() if count > 1] == []


def test_every_kind_of_event_is_declared() -> None:
    """An event that no protocol lists has no place in the reference and no entry in the glossary."""
    def kinds(event: type[Event]) -> list[type[Event]]:
        return [deeper for kind in event.__subclasses__() for deeper in (kind, *kinds(kind))]

    ours = [kind for kind in kinds(Event) if kind.__module__.startswith("dissectors.") and kind.name]
    assert sorted({kind.name for kind in ours} - {kind.name for kind in (*EVENTS, *COMMON)}) == []


def test_every_term_is_explained() -> None:
    assert len(TERMS) > 100
    unexplained = [
        f"{protocol.name}: {term.term}: {term.text!r}, spec {term.spec!r}" for protocol, term in TERMS
        if len(term.text) < SHORTEST_WHY or not term.text.rstrip().endswith(".")
        or (term.spec and not SPEC.fullmatch(term.spec))
    ]
    assert unexplained == []


def test_standards_are_named() -> None:
    named = [(protocol.name, spec) for protocol in built_in() for spec in protocol.specs]
    assert named
    assert [f"{name}: {spec!r}" for name, spec in named if not SPEC.fullmatch(spec)] == []


def test_what_terms_refer_to_exists() -> None:
    known = {term.term.lower() for _protocol, term in TERMS} | {event.name for event in (*EVENTS, *COMMON)}
    known |= {protocol.name for protocol in built_in()}
    missing = [f"{term.term}: {other}" for _protocol, term in TERMS for other in term.see if other.lower() not in known]
    assert missing == []
