"""Logins in the bytes of streams that no dissector reads, told by how a line begins or a message is built.

Telnet, FTP, POP3, SMTP, IRC, NNTP, ManageSieve, Redis and SIP in text; SOCKS5 and MQTT by the first octets of a stream.
The texts are octets as Latin-1. All of it takes time in proportion to the text.
"""
from __future__ import annotations

import re
from typing import Final

from dissectors.wire.secrets.forms import Spans

# What Telnet or a control octet puts where a line begins (RFC 854).
_START: Final = r"(?:\xff[\xfb-\xfe][^\r\n]|\xff(?![\xfb-\xfe])|[^!-~\r\n\xff]){0,32}"
# A word of a login in any case, or one that begins like it in capitals, also misspelt; then its arguments.
_WORDS: Final = (
    r"(?:(?i:PASS|PASSWD|PASSWORD|AUTH|AUTHINFO|AUTHENTICATE|LOGIN|LOGON|IDENTIFY|OPER|APOP|ACCT|PSWD|ADAT)"
    r"|(?:PASS|AUTH|LOGIN|PSWD)[A-Z]{1,16}"
    r"|(?i:SITE|NICKSERV|NS|[!-~]{1,32} (?=(?-i:LOGIN|AUTHENTICATE) ))[ \t]{0,8}"
    r"(?i:\w{0,8}PASS\w{0,8}|\w{0,8}PSWD|IDENTIFY|REGISTER|LOGIN|AUTH|AUTHENTICATE)"
    r"|(?i:PRIVMSG|NOTICE|SQUERY)[ \t]{1,8}[!-~]{1,64}[ \t]{1,8}:?"
    r"(?i:IDENTIFY|REGISTER|LOGIN|AUTH|GHOST|RECOVER|RELEASE|SET[ \t]{1,8}PASSWORD))"
)
LINE: Final = re.compile(_START + _WORDS + r"[ \t]+([^\r\n]+)")
LITERAL: Final = re.compile(r"\{\d{1,9}\+?\}\Z")           # the argument is the next line (RFC 9051 §4.3, RFC 5804 §4)
NEXT: Final = re.compile(r"\r?\n([^\r\n]+)")
BULK: Final = re.compile(r"\$\d{1,9}\r\n(?:AUTH|REQUIREPASS|MASTERAUTH|MASTERUSER)\r\n", re.IGNORECASE)   # RESP
STRING: Final = re.compile(r"\$(\d{1,9})\r\n")
MAX_STRINGS: Final = 2                                     # a user and a password
SIP_USER: Final = re.compile(r"[sS](?<!\w[sS])[iI][pP][sS]?:[^\s:@<>]{1,128}:([^\s@<>]{1,256})@")
PROMPT: Final = re.compile(
    r"(?:pass(?:word|code|phrase|wd)?|kennwort|passwort|pin|otp|code)[^\r\n:>]{0,32}[:>]\s{0,4}\Z", re.IGNORECASE
)
MAX_PROMPT: Final = 80        # characters behind which an answer may be secret
SOCKS: Final = 5              # RFC 1928 §3
CONNECT: Final = 0x10         # MQTT 5.0 §3.1
MQTT_NAMES: Final = ("MQTT", "MQIsdp")


def command_spans(text: str, out: Spans) -> None:
    """Add what stands behind a command that logs in, in a text that begins where a line may."""
    _line_spans(text, 0, out)
    for sign in "\r\n":      # both are found much faster one by one, and no line of a login holds either
        at = text.find(sign)
        while at >= 0:
            _line_spans(text, at + 1, out)
            at = text.find(sign, at + 1)
    for match in BULK.finditer(text):
        at = match.end()
        for _index in range(MAX_STRINGS):
            string = STRING.match(text, at)
            if string is None:
                break
            end = string.end() + int(string.group(1))
            out.append((string.end(), min(end, len(text))))
            at = end + 2
    if "@" in text:
        for match in SIP_USER.finditer(text):
            out.append(match.span(1))


def _line_spans(text: str, at: int, out: Spans) -> None:
    """Add what stands behind such a command in the line that begins there, or in the next where it says so."""
    match = LINE.match(text, at)
    if match is None:
        return
    out.append(match.span(1))
    if LITERAL.search(match.group(1)[-16:]) is not None:
        following = NEXT.match(text, match.end())
        if following is not None:
            out.append(following.span(1))


def opening_spans(text: str, out: Spans) -> None:
    """Add the login in the first octets of a stream: SOCKS5 (RFC 1929 §2) or CONNECT of MQTT (5.0 §3.1, 3.1.1 §3.1)."""
    if len(text) > 5 and ord(text[0]) == SOCKS:
        at = 2 + ord(text[1])                  # behind the methods that are offered
        if text[at:at + 1] == "\x01":
            at = _behind(text, at + 1, 1)
            out.append((min(at + 1, len(text)), min(_behind(text, at, 1), len(text))))
    elif len(text) > 10 and ord(text[0]) == CONNECT:
        _mqtt(text, out)


def _number(text: str, at: int, octets: int) -> int:
    found = 0
    for one in text[at:at + octets]:
        found = found << 8 | ord(one)
    return found


def _behind(text: str, at: int, octets: int) -> int:
    """Where what begins with its length ends."""
    return at + octets + _number(text, at, octets)


def _varied(text: str, at: int) -> tuple[int, int]:
    """A number of seven bits an octet, and where it ends (MQTT 5.0 §1.5.5)."""
    found = 0
    for place in range(4):
        one = ord(text[at + place:at + place + 1] or "\0")
        found |= (one & 127) << 7 * place
        if one < 128:
            return found, at + place + 1
    return found, at + 4


def _mqtt(text: str, out: Spans) -> None:
    _length, at = _varied(text, 1)
    name = at + 2
    at = _behind(text, at, 2)
    if text[name:at] not in MQTT_NAMES or len(text) < at + 4:
        return
    level, flags = ord(text[at]), ord(text[at + 1])
    at += 4
    if level >= 5:
        size, at = _varied(text, at)
        out.append((min(at, len(text)), min(at + size, len(text))))     # may hold data of an authentication
        at += size
    at = _behind(text, at, 2)                  # the identifier of the client
    if flags & 4:
        if level >= 5:
            size, at = _varied(text, at)
            at += size
        at = _behind(text, _behind(text, at, 2), 2)
    if flags & 128:
        at = _behind(text, at, 2)
    if flags & 64:
        out.append((min(at + 2, len(text)), min(_behind(text, at, 2), len(text))))


class Prompts:
    """What is typed behind a prompt for a password goes to the end of its line, also octet by octet.

    Told in the order of the frames. places: (direction, start, end) in the streams.
    """

    def __init__(self) -> None:
        self.tails = ["", ""]
        self.next = [-1, -1]
        self.secret = [False, False]
        self.places: list[tuple[int, int, int]] = []

    def add(self, direction: int, position: int, text: str) -> None:
        """A piece of a stream. What was sent before is passed over."""
        behind = position + len(text)
        if self.next[direction] > position:
            text = text[self.next[direction] - position:]
        if not text:
            return
        self.next[direction] = behind
        other = 1 - direction
        if PROMPT.search(self.tails[other]) is not None:
            self.secret[direction] = True
            self.tails[other] = ""
        self.tails[direction] = (self.tails[direction] + text)[-MAX_PROMPT:]
        if not self.secret[direction]:
            return
        breaks = [at for at in (text.find("\r"), text.find("\n")) if at >= 0]
        end = min(breaks) if breaks else len(text)
        self.secret[direction] = not breaks
        start = behind - len(text)
        if end:
            self.places.append((direction, start, start + end))
