"""The glossary, its index and the table of protocols."""
from __future__ import annotations

import pytest
from report_example import Handshake, Query, Window

from analyzer.explain.rules import CODES, kinds
from analyzer.report.glossary import Glossary
from analyzer.report.reference import entry_rows, index_rows, protocol_rows
from analyzer.report.words import TCP_STATES, UDP_STATES
from dissectors.kit.protocol import Flag, Protocol, Term
from dissectors.protocols.tcp.flags import RULES
from dissectors.registry import protocols

TCP = Protocol(
    "tcp", "Transmission Control Protocol", "Bytes in order.", ("RFC 9293",), None, ("ip",), {}, (Handshake, Window),
    (
        Term("MSS", "The most payload bytes in a segment.", "RFC 9293 §3.7.1", ("MTU",)),
        Term("fast retransmit", "A segment resent after three duplicate ACKs.", "RFC 5681 §3.2"),
        Term("round trip", "There and back."),
    ),
    flags=tuple(Flag(rule.display_filter(), rule.text, rule.severity, rule.term) for rule in RULES),
)
DNS = Protocol(
    "dns", "Domain Name System", "Names to addresses.", ("RFC 1034", "RFC 1035"), None, ("udp", "tcp"),
    {"udp": (53,), "tcp": (53,)}, (Query,),
)
GLOSSARY = Glossary((TCP, DNS))


@pytest.mark.parametrize("name", ["MSS", "mss", "Mss"])
def test_terms_are_found_in_any_case(name: str) -> None:
    (entry,) = GLOSSARY.find(name)
    assert (entry.kind, entry.text, entry.see) == ("term", "The most payload bytes in a segment.", ("MTU",))


@pytest.mark.parametrize("name", ["Fast Retransmit", "fast-retransmit", "fast_retransmits"])
def test_spelling_makes_no_difference(name: str) -> None:
    assert [entry.kind for entry in GLOSSARY.find(name)] == ["term"]


def test_flags_of_wireshark_lead_to_their_term() -> None:
    (entry,) = GLOSSARY.find("tcp.analysis.fast_retransmission")
    assert entry.text.endswith("Severity: note.")
    assert (entry.spec, entry.see) == ("RFC 5681 §3.2", ("fast retransmit",))


def test_flags_lead_to_terms_that_exist() -> None:
    known = Glossary(protocols())
    for rule in RULES:
        assert known.find(rule.term)


@pytest.mark.parametrize("flag", [rule.name for rule in RULES])
def test_every_flag_is_explained(flag: str) -> None:
    assert GLOSSARY.find(f"tcp.analysis.{flag}")
    assert GLOSSARY.find(flag)


def test_events_and_protocols_are_explained() -> None:
    (event,) = GLOSSARY.find("dns.query")
    assert (event.text, event.spec) == (Query.WHY, "RFC 1035 §4.1.2")
    (protocol,) = GLOSSARY.find("DNS")
    assert protocol.see == ("dns.query",)
    assert GLOSSARY.find("Domain Name System") == [protocol]
    assert GLOSSARY.find("malformed")[0].kind == "event"


def test_near_misses_are_suggested() -> None:
    assert not GLOSSARY.find("fast retransmitt")
    assert "fast retransmit" in GLOSSARY.suggestions("fast retransmitt")
    assert "dns.query" in GLOSSARY.suggestions("query")
    assert GLOSSARY.suggestions("zzzzzz") == []


def test_words_in_a_text_are_found_once_and_whole() -> None:
    glossary = Glossary((TCP, DNS))
    assert [word[0] for word in glossary.new_words_in(["MSSX, mss", "Round trips of 3 ms"])] == ["round trip"]
    assert [word[0] for word in glossary.new_words_in(["a round trip and the MSS"])] == ["MSS"]


def test_an_empty_glossary_finds_nothing() -> None:
    assert Glossary(()).new_words_in(["a MSS"]) == []


@pytest.mark.parametrize("width", [40, 80, 200])
def test_reference_fits_the_terminal(width: int) -> None:
    for rows in (
        index_rows(GLOSSARY, width), protocol_rows((TCP, DNS), width), entry_rows(GLOSSARY.find("dns"), width)
    ):
        assert rows
        assert max(row.used for row in rows) <= width


def test_the_table_of_protocols_names_carriers_and_standards() -> None:
    text = "\n".join(row.text for row in protocol_rows((TCP, DNS), 100))
    assert "over udp 53, over tcp 53" in text
    assert "RFC 1034, RFC 1035" in text


WHOLE = Glossary(protocols(), kinds())


@pytest.mark.parametrize("code", CODES)
def test_every_finding_is_explained(code: str) -> None:
    entry, = [entry for entry in WHOLE.find(code) if entry.kind == "finding"]
    points = dict(entry.more)
    assert entry.text
    assert points["Severity: "]
    assert points["Next: "]


@pytest.mark.parametrize("state", [*TCP_STATES, *UDP_STATES])
def test_every_state_of_the_table_is_explained(state: str) -> None:
    entry, = [entry for entry in WHOLE.find(state) if entry.kind == "state"]
    assert TCP_STATES.get(state, UDP_STATES.get(state, "")) in entry.text


def test_a_history_is_told_letter_by_letter() -> None:
    entry, = WHOLE.find("ShADadFf")
    assert entry.text.startswith("S: a SYN without ACK of the originator; h: a SYN-ACK of the responder; A: an ACK")
    assert WHOLE.find("xyzzy") == []
    assert WHOLE.find("haggard") == []


def test_the_first_word_of_a_term_is_enough_where_there_is_one_such_term() -> None:
    assert [entry.name for entry in WHOLE.find("Nagle")] == ["Nagle algorithm"]
    assert WHOLE.find("") == []


@pytest.mark.parametrize("name", ["community id", "history", "state", "confidence", "verdict", "originator"])
def test_what_is_printed_beside_protocols_is_explained(name: str) -> None:
    assert WHOLE.find(name)


def test_what_holds_the_word_is_suggested_first() -> None:
    assert all("retransmi" in name for name in WHOLE.suggestions("retransmi"))
