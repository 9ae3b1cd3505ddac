"""What is told of a dialogue in plain text, and what is not shown of it."""
from __future__ import annotations

import pytest
from starttls_dialogue import CHANGES, Dialogue, ber, ldap, only, talk, told

from dissectors.kit.event import Event
from dissectors.kit.provided import Provided
from dissectors.protocols.starttls.events import ExchangeWithin, Greeting, InClear, NotTold, StarttlsExchange
from dissectors.protocols.starttls.observer import MAX_TOLD

MAIL = [(1, b"220 mx.test ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250-mx.test\r\n250 AUTH PLAIN\r\n")]
STARTUP = b"\0\0\0\x13\0\x03\0\0user\0anna\0\0"
SECRETS = ("anna", "hunter2", "AGFubmE", "hunter")

# (what is said, what is exposed, how the command is shown)
EXPOSED = [
    ([*MAIL, (0, b"AUTH PLAIN AGFubmEA\r\n"), (1, b"235 ok\r\n")], "credentials", "AUTH PLAIN [redacted]"),
    ([*MAIL, (0, b"MAIL FROM:<a@b.test>\r\n")], "mail", "MAIL FROM:<a@b.test>"),
    ([(1, b"* OK hi\r\n"), (0, b"a login anna hunter2\r\n")], "credentials", "a login [redacted]"),
    ([(1, b"* OK hi\r\n"), (0, b"a AUTHENTICATE PLAIN AGFubmEA\r\n")], "credentials",
     "a AUTHENTICATE PLAIN [redacted]"),
    ([(1, b"+OK hi\r\n"), (0, b"USER anna\r\n"), (1, b"+OK anna may come\r\n"), (0, b"PASS hunter2\r\n")],
     "credentials", "PASS [redacted]"),
    ([(1, b"+OK hi\r\n"), (0, b"APOP anna hunter2\r\n")], "credentials", "APOP [redacted]"),
    ([(1, b"220 FTP\r\n"), (0, b"USER anna\r\n"), (1, b"331 anna's password\r\n"), (0, b"PASS hunter2\r\n")],
     "credentials", "PASS [redacted]"),
    ([(1, b"220 FTP\r\n"), (0, b"USER anonymous\r\n"), (1, b"331 go on\r\n"), (0, b"PASS me@a.test\r\n")],
     "commands and data", "PASS [redacted]"),
    ([(0, ldap(1, ber(0x60, ber(2, b"\3") + ber(4, b"cn=anna") + ber(0x80, b"hunter2"))))], "credentials",
     "BindRequest (simple)"),
    ([(0, STARTUP), (1, b"R\0\0\0\x08\0\0\0\x03")], "credentials and queries",
     "StartupMessage, protocol 3.0, answered with a request for a password as it is"),
    ([(0, STARTUP), (1, b"R\0\0\0\x08\0\0\0\0")], "queries and their results",
     "StartupMessage, protocol 3.0, let in without a password"),
    ([*CHANGES["XMPP"][:2], (0, b"<auth xmlns='urn:x' mechanism='PLAIN'>AGFubmEAaHVudGVyMg==</auth>")], "credentials",
     "<auth mechanism='PLAIN'>"),
    ([*CHANGES["XMPP"][:2], (0, b"<message to='anna'/>")], "messages", "<message>"),
]


def texts(events: list[Event]) -> str:
    return " ".join(f"{event.what()} {event.detail()} {event.fields()}" for event in events)


@pytest.mark.parametrize(("pieces", "exposed", "command"), EXPOSED, ids=[shown for _, _, shown in EXPOSED])
def test_what_is_sent_in_clear_is_told_and_secrets_are_not(
    pieces: list[tuple[int, bytes]], exposed: str, command: str
) -> None:
    events = talk(*pieces, (1, b"and more of it\r\n"))
    found = only(events, InClear)
    assert (found.exposed, found.command) == (exposed, command)
    assert only(events, NotTold).octets[1] >= len(b"and more of it\r\n")
    assert not [secret for secret in SECRETS if secret in texts(events)]


@pytest.mark.parametrize(("pieces", "exposed", "command"), EXPOSED, ids=[shown for _, _, shown in EXPOSED])
def test_inside_tls_it_is_not_in_clear(pieces: list[tuple[int, bytes]], exposed: str, command: str) -> None:
    events = talk(*pieces, beneath=("tls",))
    assert not [event for event in events if isinstance(event, InClear)]
    assert not [secret for secret in SECRETS if secret in texts(events)]
    assert {event.phase for event in events} <= {"within tls"}


def test_secrets_are_shown_when_asked_for() -> None:
    provided = Provided()
    provided.show_secrets = True
    events = talk(*EXPOSED[4][0], provided=provided)
    assert only(events, InClear).command == "PASS hunter2"
    assert only(events, StarttlsExchange).answer == "+OK anna may come"


def test_that_tls_was_offered_is_said() -> None:
    events = talk(*CHANGES["SMTP"][:3], (0, b"MAIL FROM:<a@b.test>\r\n"))
    assert only(events, InClear).what() == (
        "The SMTP client sends its mail without TLS (MAIL FROM:<a@b.test>), though the server offered it."
    )


def test_greeting_and_commands() -> None:
    events = talk(*MAIL, (0, b"NOOP\r\n"), (1, b"250 fine.\r\n"))
    assert told(events) == ["greeting", "exchange", "exchange"]
    assert only(events, Greeting).what() == "The SMTP server greets: 220 mx.test ESMTP."
    first, second = [event for event in events if isinstance(event, StarttlsExchange)]
    assert first.what() == "The client says EHLO me; 1.00 ms later the server answers 250-mx.test and 1 more line."
    assert (first.evidence.frames, first.direction) == ((2, 3), 1)
    assert second.what() == "The client says NOOP; 1.00 ms later the server answers 250 fine."


def test_pipelined_commands_meet_their_answers() -> None:
    events = talk(*MAIL, (0, b"NOOP\r\nVRFY a\r\n"), (1, b"250 one\r\n"), (1, b"252 two\r\n"))
    found = [(event.command, event.answer) for event in events if isinstance(event, StarttlsExchange)]
    assert found[1:] == [("NOOP", "250 one"), ("VRFY a", "252 two")]


def test_answers_out_of_order_find_their_commands() -> None:
    events = talk((1, b"* OK hi\r\n"), (0, b"a NOOP\r\nb NOOP\r\n"), (1, b"b OK two\r\na OK one\r\n"))
    found = [(event.command, event.answer) for event in events if isinstance(event, StarttlsExchange)]
    assert found == [("b NOOP", "b OK two"), ("a NOOP", "a OK one")]


def test_a_command_without_an_answer() -> None:
    events = talk(*MAIL, (0, b"NOOP\r\n"))
    last = [event for event in events if isinstance(event, StarttlsExchange)][-1]
    assert last.what() == "The client says NOOP, and no answer is in the capture."
    assert (last.took_ns, last.direction) == (-1, 0)


def test_a_client_that_does_not_wait_for_the_greeting() -> None:
    events = talk((0, b"EHLO me\r\n"), (1, b"220 mx.test ESMTP\r\n250 mx.test\r\n"))
    assert told(events) == ["greeting", "exchange"]
    assert only(events, StarttlsExchange).answer == "250 mx.test"


def test_a_capture_that_starts_late_takes_the_first_answer_for_one() -> None:
    events = talk((0, b"EHLO me\r\n"), (1, b"250 mx\r\n"), (0, b"STARTTLS\r\n"), (1, b"220 go\r\n"), midstream=True)
    assert told(events) == ["exchange", "requested", "agreed"]


def test_the_server_may_be_the_one_who_opened_the_connection() -> None:
    """Seen in captures that start late: who comes first in the file need not be the client."""
    events = talk((0, b"220 mx.test ESMTP\r\n"), (1, b"EHLO me\r\n"), (0, b"250 mx\r\n"))
    assert told(events) == ["greeting", "exchange"]
    assert only(events, Greeting).direction == 0


def test_a_long_dialogue_is_cut_and_counted() -> None:
    pieces = [piece for _ in range(MAX_TOLD + 5) for piece in ((0, b"NOOP\r\n"), (1, b"250 ok\r\n"))]
    events = talk(*MAIL, *pieces)
    assert told(events).count("exchange") == MAX_TOLD
    assert only(events, NotTold).octets == (5 * 6, 5 * 8)


def test_many_commands_at_once_are_bounded() -> None:
    dialogue = Dialogue()
    dialogue.say(1, b"220 mx.test ESMTP\r\n").say(0, b"NOOP\r\n" * 5_000)
    assert told(dialogue.end()) == ["greeting", "not_told"]


def test_a_gap_loses_what_waits_and_no_more() -> None:
    dialogue = Dialogue()
    for side, data in MAIL:
        dialogue.say(side, data)
    dialogue.say(0, b"NOOP\r\n").lose(1, 10).say(1, b"of a line\r\n").say(0, b"HELP\r\n").say(1, b"214 no\r\n")
    found = [(event.command, event.answer) for event in dialogue.end() if isinstance(event, StarttlsExchange)]
    assert found == [("EHLO me", "250-mx.test"), ("HELP", "214 no")]


def test_what_is_said_inside_tls_is_told_apart() -> None:
    events = talk((0, b"EHLO me\r\n"), (1, b"250-mx\r\n250 AUTH PLAIN\r\n"), beneath=("tls",))
    found = only(events, ExchangeWithin)
    assert found.phase_title() == "SMTP within TLS"
    assert found.name == "starttls.exchange_within"


def test_search_results_are_counted() -> None:
    search = ldap(2, ber(0x63, ber(4, b"")))
    entry = ldap(2, ber(0x64, ber(4, b"")))
    done = ldap(2, ber(0x65, b"\x0a\x01\x00"))
    events = talk((0, search), (1, entry + entry + done))
    assert only(events, StarttlsExchange).what() == (
        "The client says SearchRequest; 1.00 ms later the server answers SearchResultDone success and 2 more lines."
    )


def test_a_large_message_is_passed_over() -> None:
    large = b"\x30\x83\x00\x40\x00" + ber(2, b"\2") + b"\x64\x82\x3f\xf0" + bytes(0x4000 - 3 - 4)
    done = ldap(2, ber(0x65, b"\x0a\x01\x00"))
    events = talk((0, ldap(2, ber(0x63, ber(4, b"")))), (1, large + done), step=700)
    assert only(events, StarttlsExchange).lines == 2


def test_a_bind_under_sasl_may_protect_what_follows() -> None:
    sasl = ldap(1, ber(0x60, ber(2, b"\3") + ber(4, b"") + ber(0xA3, ber(4, b"GSSAPI"))))
    events = talk((0, sasl), (1, ldap(1, ber(0x61, b"\x0a\x01\x00"))), (0, b"whatever it is"))
    assert told(events) == ["exchange", "not_told"]
    assert only(events, StarttlsExchange).command == "BindRequest (SASL)"
