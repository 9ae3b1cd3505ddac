"""Every event and every term says what it has to say."""
from __future__ import annotations

import re
from collections import Counter

import pytest

from dissectors.kit.event import BASE, CORE, EXTRA, DissectorFault, Event, LimitReached, Malformed
from dissectors.kit.protocol import Protocol, Term
from dissectors.registry import built_in

EVENTS = [event for protocol in built_in() for event in protocol.events]
COMMON = [Malformed, LimitReached, DissectorFault]
TERMS = [(protocol, term) for protocol in built_in() for term in protocol.terms]
SHORTEST_WHY = 40

# One or several rules, each of a standard, with the section where it is not the whole of it.
RULE = (
    r"(RFC \d{1,5}( (§[0-9A-Z]+(\.\d+)*|Appendix [A-Z](\.\d+)*))?"
    r"|IEEE \d+(\.\d+[A-Za-z]*)?(-\d{4})?( §\d+(\.\d+)*)?|IANA [A-Za-z0-9 -]+"
    r"|WHATWG HTML( §\d+(\.\d+)*)?|gRPC over HTTP2|gRPC-Web|Protocol Buffers Encoding)"
)
SPEC = re.compile(rf"{RULE}(; {RULE})*")


def ident(event: type[Event]) -> str:
    return event.name or event.__name__


@pytest.mark.parametrize("event", EVENTS, ids=ident)
def test_an_event_says_what_it_is_and_why(event: type[Event]) -> None:
    assert re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", event.name), event.name
    assert re.fullmatch(r"[a-z0-9_ .-]+", event.phase), f"{event.name}: phase {event.phase!r}"
    assert event.importance in (CORE, BASE, EXTRA)
    assert SPEC.fullmatch(event.spec), f"{event.name}: spec {event.spec!r}"
    assert len(event.WHY) >= SHORTEST_WHY, f"{event.name}: WHY {event.WHY!r}"
    assert event.WHY.rstrip().endswith("."), f"{event.name}: WHY ends in the middle"


@pytest.mark.parametrize("event", COMMON, ids=ident)
def test_an_event_of_any_protocol_says_why(event: type[Event]) -> None:
    assert re.fullmatch(r"[a-z_]+", event.name)
    assert len(event.WHY) >= SHORTEST_WHY


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


@pytest.mark.parametrize(("protocol", "term"), TERMS, ids=[f"{protocol.name}-{term.term}" for protocol, term in TERMS])
def test_a_term_is_explained(protocol: Protocol, term: Term) -> None:
    assert len(term.text) >= SHORTEST_WHY
    assert term.text.rstrip().endswith(".")
    assert not term.spec or SPEC.fullmatch(term.spec), f"{term.term}: spec {term.spec!r}"


@pytest.mark.parametrize("protocol", built_in(), ids=lambda protocol: protocol.name)
def test_standards_are_named(protocol: Protocol) -> None:
    assert all(SPEC.fullmatch(spec) for spec in protocol.specs), protocol.specs


def test_what_terms_refer_to_exists() -> None:
    known = {term.term.lower() for _protocol, term in TERMS} | {event.name for event in (*EVENTS, *COMMON)}
    known |= {protocol.name for protocol in built_in()}
    missing = [f"{term.term}: {other}" for _protocol, term in TERMS for other in term.see if other.lower() not in known]
    assert missing == []
