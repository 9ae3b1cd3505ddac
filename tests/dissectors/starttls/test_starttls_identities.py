"""Whom the lines of a dialogue name, for reports that name nobody."""
from __future__ import annotations

import pytest

from dissectors.kit.identity import HOST, UNIQUE, USER
from dissectors.protocols.starttls.events import own_words, said_in


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
    ("line", "words"),
    [
        ("220 files FTP server (Version 6.4/OpenBSD) ready.", "files FTP server (Version 6.4/OpenBSD) ready"),
        ("220 Welcome to ftphost!", "Welcome to ftphost!"),
        ("* OK [CAPABILITY IMAP4rev1 STARTTLS] mailhost ready.", "[CAPABILITY IMAP4rev1 STARTTLS] mailhost ready"),
        ("+OK Dovecot ready on mailhost.", "Dovecot ready on mailhost"),
        ("a1 BAD mailhost not now carol", "mailhost not now carol"),
        ("+OK ready", ""),
        ("220 ready", ""),
    ],
)
def test_what_a_server_says_in_words_of_its_own_may_name_anybody(line: str, words: str) -> None:
    assert own_words(line) == ([(UNIQUE, words)] if words else [])


def test_a_refusal_is_in_words_of_its_own() -> None:
    assert said_in("530 archivehost refuses") == [(UNIQUE, "archivehost refuses")]
    assert said_in("MAIL FROM:<alice>") == [(USER, "alice")]
