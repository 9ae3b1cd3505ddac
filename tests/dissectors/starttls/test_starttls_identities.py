"""Whom the lines of a dialogue name, for reports that name nobody."""
from __future__ import annotations

import pytest

from dissectors.kit.identity import HOST, USER
from dissectors.protocols.starttls.events import greeted_by, said_in


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("MAIL FROM:<alice@mailhost> SIZE=100", [(USER, "alice@mailhost")]),
        ("RCPT TO:<bob@mail.example>", [(HOST, "mail.example"), (USER, "bob@mail.example")]),
        ("MAIL FROM:<>", []),
        ("+OK POP3 ready <1896.697170952@pophost>", [(HOST, "pophost")]),
        ("EHLO laptop", [(HOST, "laptop")]),
        ("USER carol", [(USER, "carol")]),
    ],
)
def test_a_line(line: str, found: list[tuple[str, str]]) -> None:
    assert said_in(line) == found


@pytest.mark.parametrize(
    ("greeting", "hosts"),
    [
        ("220 files FTP server (Version 6.4/OpenBSD) ready.", ["files"]),
        ("220 Welcome to the FTP service", []),
        ("220 FTP server ready", []),
        ("* OK mailhost IMAP4rev1 service ready", ["mailhost"]),
        ("* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS] Dovecot ready.", []),
        ("+OK POP3 mailhost v2001.78 server ready", ["mailhost"]),
        ("+OK POP3 server ready", []),
    ],
)
def test_who_greets(greeting: str, hosts: list[str]) -> None:
    assert greeted_by(greeting) == [(HOST, host) for host in hosts]
