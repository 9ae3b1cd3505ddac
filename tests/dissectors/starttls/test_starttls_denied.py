"""What a server refuses is told, whole or in pieces: the login, a command; and mail that looks like it is not."""
from __future__ import annotations

import pytest
from starttls_dialogue import talk

from dissectors.kit.event import Event
from dissectors.protocols.starttls.events import Denied

FTP = ((1, b"220 FTP ready\r\n"), (0, b"USER ann\r\n"), (1, b"331 say it\r\n"))
SMTP = ((1, b"220 mail ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250-mail\r\n250 AUTH PLAIN\r\n"))
IMAP = ((1, b"* OK IMAP4rev1 ready\r\n"), (0, b"a1 LOGIN ann wrong1\r\n"))
POP3 = ((1, b"+OK POP3 ready\r\n"), (0, b"USER ann\r\n"), (1, b"+OK\r\n"), (0, b"PASS wrong1\r\n"))


def denied(events: list[Event]) -> list[tuple[str, bool]]:
    return [(event.code, event.login) for event in events if isinstance(event, Denied)]


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(("pieces", "says"), [
    ((*FTP, (0, b"PASS wrong1\r\n"), (1, b"530 Login incorrect.\r\n")), [("530", True)]),
    ((*FTP, (0, b"PASS right1\r\n"), (1, b"230 welcome\r\n"), (0, b"RETR none\r\n"), (1, b"550 no such file\r\n")),
     [("550", False)]),
    (((1, b"220 FTP ready\r\n"), (0, b"SYST\r\n"), (1, b"530 Please login.\r\n")), [("530", False)]),
    ((*SMTP, (0, b"AUTH PLAIN AGFubgB3cm9uZzE=\r\n"), (1, b"535 5.7.8 not right\r\n")), [("535", True)]),
    ((*SMTP, (0, b"MAIL FROM:<a@b.test>\r\n"), (1, b"250 ok\r\n"), (0, b"RCPT TO:<c@d.test>\r\n"),
      (1, b"550-there is\r\n550 no such user\r\n")), [("550", False)]),
    (((1, b"554 go away\r\n"), (0, b"EHLO me\r\n"), (1, b"421 closing\r\n")), [("554", False), ("421", False)]),
    ((*IMAP, (1, b"a1 NO [AUTHENTICATIONFAILED] failed\r\n"), (0, b"a2 LOGIN ann wrong2\r\n"),
      (1, b"a2 NO failed\r\n")), [("NO", True), ("NO", True)]),
    ((*IMAP, (1, b"a1 OK logged in\r\n* 1 FETCH (BODY[] {14}\r\nshe NO longer\r\n-ERR 550 no\r\n")), []),
    ((*POP3, (1, b"-ERR wrong\r\n")), [("-ERR", True)]),
    ((*POP3, (1, b"+OK\r\n-ERR in a letter\r\n550 in a letter\r\n")), []),
], ids=["ftp login", "ftp file", "ftp before a login", "smtp login", "smtp user", "smtp greeting", "imap twice",
        "imap mail", "pop3 login", "pop3 mail"])
def test_what_is_refused(pieces: tuple[tuple[int, bytes], ...], says: list[tuple[str, bool]], step: int) -> None:
    port = {b"220": 21, b"554": 25, b"* O": 143, b"+OK": 110}[pieces[0][1][:3]]
    assert denied(talk(*pieces, step=step, port=25 if b"SMTP" in pieces[0][1] else port)) == says


def test_the_same_login_has_the_same_number_and_says_nothing_of_it() -> None:
    def attempt(secret: bytes) -> Event:
        events = talk(*FTP, (0, b"PASS " + secret + b"\r\n"), (1, b"530 no\r\n"), port=21)
        return next(event for event in events if isinstance(event, Denied))

    first, again, other = attempt(b"wrong1"), attempt(b"wrong1"), attempt(b"wrong2")
    assert isinstance(first, Denied)
    assert first.attempt == again.attempt != other.attempt
    assert "attempt" not in first.fields()
    assert "wrong1" not in first.what()
