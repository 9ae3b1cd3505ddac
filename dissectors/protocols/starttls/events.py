"""Events of a dialogue in plain text that may change to TLS. `protocol` is its title: "SMTP"."""
from __future__ import annotations

import re
from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, EXTRA, LINED, Event, Evidence, Headline, JsonValue
from dissectors.kit.identity import UNIQUE, USER, Identity, host_of, hosts_in
from dissectors.kit.units import duration, plural
from dissectors.protocols.starttls.dialogue import Pending, StarttlsObserved
from dissectors.wire.secrets.named import REDACTED

STARTTLS: Final = "starttls"      # the kind of phase
WITHIN: Final = "within tls"      # ... of what the same protocol says inside TLS
CHANGE: Final = "RFC 3207 §4; RFC 9051 §6.2.1; RFC 2595 §4; RFC 4217 §4; RFC 4511 §4.14; RFC 6120 §5.4.2"

# RFC 5321 §4.2.3, RFC 4954 §6.
SMTP_CODES: Final[dict[str, str]] = {
    "421": "the service is not available", "450": "the mailbox is not available for now", "451": "a local error",
    "452": "too little room", "454": "TLS or a login is not available for now", "500": "the command is not known",
    "501": "an argument is wrong", "502": "the command is not implemented", "503": "a command out of order",
    "530": "it wants a login, or TLS, first", "534": "it wants a stronger login", "535": "the login is not right",
    "550": "the mailbox is not available, or not to be used", "551": "the user is elsewhere",
    "552": "the message is too large", "553": "the name of a mailbox is not allowed", "554": "the transaction failed",
    "555": "a parameter is not known",
}
# RFC 959 §4.2.1.
FTP_CODES: Final[dict[str, str]] = {
    "421": "the service is not available", "425": "the data connection cannot be opened",
    "426": "the data connection was closed", "430": "the login is not right",
    "450": "the file is not available for now", "451": "a local error",
    "452": "too little room", "500": "the command is not known", "501": "an argument is wrong",
    "502": "the command is not implemented", "503": "a command out of order", "530": "nobody is logged in",
    "534": "it does not protect data so", "550": "the file is not available", "551": "the type of a page is not known",
    "552": "too little room", "553": "the name of a file is not allowed",
}

LOGINS: Final = ("USER", "LOGIN")                     # RFC 959 §4.1.1, RFC 1939 §7, RFC 9051 §6.2.3
GREETINGS: Final = ("EHLO ", "HELO ", "LHLO ")        # RFC 5321 §4.1.1.1, RFC 2033 §4.1
PATH: Final = re.compile(r"<([^<>@\s]+)@([\w.-]+)>")     # a mailbox (RFC 5321 §4.1.2), the stamp of POP3 (RFC 1939 §7)
ALONE: Final = re.compile(r"(?i)\b(?:FROM|TO):<([^<>@\s]+)>")      # without a host
# What a server says in words of its own, behind a code or a sign: greetings, refusals, farewells.
FREE: Final = re.compile(r"(?i)^(?:[245]\d\d[ -]|\+OK |-ERR |\* (?:OK|BYE|PREAUTH|NO|BAD) |\S+ (?:NO|BAD) )(.+)$")
REFUSING: Final = re.compile(r"(?i)^(?:[45]\d\d[ -]|-ERR |\* (?:BYE|NO|BAD) |\S+ (?:NO|BAD) )")


def unpointed(text: str) -> str:
    """A line without the final point that it may have, to stand within a sentence."""
    return text.rstrip(" .")


def said_in(text: str) -> list[Identity]:
    """The hosts that a line names, and the user who logs in."""
    found = hosts_in(text)
    words = text.split()
    for place, word in enumerate(words[:-1]):
        if word.upper() in LOGINS and words[place + 1] != REDACTED:
            found.append((USER, words[place + 1].strip('"')))
    if len(words) > 1 and text[:5].upper() in GREETINGS:
        found += host_of(words[1])
    for name, host in PATH.findall(text):
        found += host_of(host) if name.replace(".", "").isdigit() else [(USER, f"{name}@{host}")]
    found += [(USER, name) for name in ALONE.findall(text)]
    return found + (own_words(text) if REFUSING.match(text) else [])


def own_words(text: str) -> list[Identity]:
    """What a server says in words of its own, where nobody knows which of them are names: all of it."""
    said = FREE.match(text)
    words = unpointed(said.group(1)) if said is not None else ""
    return [(UNIQUE, words)] if " " in words else []      # one word may be any, such as "ready"


def _second(text: str) -> str:
    """`mail` of `220 mail ESMTP` and of `250-mail`."""
    words = text.replace("-", " ", 1).split() if text[3:4] == "-" else text.split()
    return words[1] if len(words) > 1 else ""


class DialogueEvent(Event):
    """One statement about a dialogue. client: the direction in which the client sends."""

    phase: ClassVar[str] = STARTTLS

    def __init__(self, observed: StarttlsObserved) -> None:
        super().__init__(observed.time, observed.direction, Evidence(observed.frames))
        self.client = observed.dialogue.client
        self.protocol = observed.dialogue.protocol

    def phase_title(self) -> str:
        return f"{self.protocol} in plain text"

    def identifies(self) -> list[Identity]:
        return [found for text in self.fields().values() if isinstance(text, str) for found in said_in(text)]


class Greeting(DialogueEvent):
    """The server speaks first. text: what it says, shortened."""

    name: ClassVar[str] = "starttls.greeting"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5321 §3.1; RFC 9051 §7.1; RFC 1939 §4; RFC 959 §5.4"
    WHY: ClassVar[str] = (
        "In these protocols the client waits until the server has greeted it, which costs a round trip before the "
        "first command. Many servers name their program and version here."
    )

    def __init__(self, observed: StarttlsObserved, text: str) -> None:
        super().__init__(observed)
        self.text = text

    def label(self) -> str:
        return "greeting"

    def detail(self) -> str:
        return self.text

    def what(self) -> str:
        return f"The {self.protocol} server greets: {unpointed(self.text) or 'without a word'}."

    def identifies(self) -> list[Identity]:
        """The server of SMTP names itself first (RFC 5321 §4.2), others where they like."""
        named = host_of(_second(self.text)) if self.protocol == "SMTP" else []
        return super().identifies() + named + own_words(self.text)

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "text": self.text}


class StarttlsExchange(DialogueEvent):
    """A command and its answer, credentials redacted. answer: its first line, "" where none came.

    lines: of the answer, 0 where none came. took_ns: from command to answer, -1 where none came.
    """

    name: ClassVar[str] = "starttls.exchange"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 5321 §3; RFC 9051 §2.2; RFC 1939 §3; RFC 959 §5"
    WHY: ClassVar[str] = (
        "The dialogue goes command by command, and each answer is waited for. Commands before TLS can be read, and "
        "changed, by everybody on the way."
    )

    def __init__(self, observed: StarttlsObserved, command: Pending, answer: str, lines: int) -> None:
        super().__init__(observed)
        self.command = command.text
        self.answer = answer
        self.lines = lines
        self.took_ns = max(observed.time - command.time, 0) if lines else -1

    def label(self) -> str:
        return self.command.partition(" ")[0][:16]

    def detail(self) -> str:
        return self.answer or "no answer"

    def what(self) -> str:
        if self.took_ns < 0:
            return f"The client says {self.command}, and no answer is in the capture."
        answer = unpointed(self.answer)
        text = f"The client says {self.command}; {duration(self.took_ns)} later the server answers {answer}"
        return text + (f" and {plural(self.lines - 1, 'more line')}." if self.lines > 1 else ".")

    def identifies(self) -> list[Identity]:
        """So it does in its answer to EHLO (RFC 5321 §4.1.1.1)."""
        greets = self.command[:5].upper() in GREETINGS
        return super().identifies() + (host_of(_second(self.answer)) if greets else [])

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "protocol": self.protocol, "command": self.command, "answer": self.answer, "lines": self.lines,
        }
        if self.took_ns >= 0:
            out["took_ns"] = self.took_ns
        return out


class Offered(DialogueEvent):
    """The server says that it can change to TLS. required: it says that it insists."""

    name: ClassVar[str] = "starttls.offered"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 3207 §3; RFC 9051 §6.2.1; RFC 2595 §4; RFC 4217 §6; RFC 6120 §5.4.1"
    WHY: ClassVar[str] = (
        "The offer travels in plain text, so whoever sits on the way can take it out, and a client that does not "
        "insist then goes on unprotected. That is why clients should insist, or use a port where TLS begins at once."
    )

    def __init__(self, observed: StarttlsObserved, *, required: bool) -> None:
        super().__init__(observed)
        self.required = required

    def label(self) -> str:
        return "TLS offered"

    def what(self) -> str:
        insists = ", and insists on it" if self.required else ""
        return f"The {self.protocol} server offers to change to TLS{insists}."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "required": self.required}


class Requested(DialogueEvent):
    """The client asks to change to TLS. command: in the protocol's own word. offered: the server had offered it."""

    name: ClassVar[str] = "starttls.requested"
    normally: ClassVar[str] = LINED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = CHANGE
    WHY: ClassVar[str] = (
        "The client wants the rest of the dialogue protected. It must now wait for the answer: the very next byte "
        "after a yes belongs to TLS."
    )

    def __init__(self, observed: StarttlsObserved, command: Pending) -> None:
        super().__init__(observed)
        self.command = command.text
        self.offered = observed.dialogue.offered

    def label(self) -> str:
        return self.command

    def what(self) -> str:
        return f"The {self.protocol} client asks to change to TLS ({self.command})."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "command": self.command, "offered": self.offered}


class Agreed(DialogueEvent):
    """The server agrees; TLS begins with the next byte of either side.

    command, answer: "" where they were not seen, and TLS is told by its look alone. took_ns: from the request, -1
    where that was not seen. began_ns: of the dialogue. commands: that came before, the request among them.
    """

    name: ClassVar[str] = "starttls.agreed"
    normally: ClassVar[str] = LINED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = CHANGE
    WHY: ClassVar[str] = (
        "From here on both sides speak TLS. All that was said before could have been changed on the way, so the "
        "client has to forget it, and asks for the server's abilities again inside TLS."
    )

    def __init__(self, observed: StarttlsObserved, command: Pending | None = None, answer: str = "") -> None:
        super().__init__(observed)
        self.command = command.text if command is not None else ""
        self.answer = answer
        self.took_ns = max(observed.time - command.time, 0) if command is not None else -1
        self.began_ns = observed.dialogue.began_ns
        self.commands = observed.dialogue.commands

    def label(self) -> str:
        return "TLS begins"

    def detail(self) -> str:
        return self.answer

    def what(self) -> str:
        if self.took_ns < 0:
            return f"TLS begins on this {self.protocol} connection, and no agreement on it is in the capture."
        return (
            f"The {self.protocol} server agrees ({unpointed(self.answer)}) {duration(self.took_ns)} after the request: "
            "the next byte of either side belongs to TLS."
        )

    def headline(self) -> Headline | None:
        return Headline(self.protocol, f"{self.command or 'change'} to TLS", self.began_ns, self.time)

    def phase_title(self) -> str:
        return f"{self.protocol} before TLS"

    def phase_facts(self) -> list[str]:
        return [plural(self.commands, "command"), duration(max(self.time - self.began_ns, 0))]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"protocol": self.protocol, "command": self.command, "answer": self.answer}
        if self.took_ns >= 0:
            out["took_ns"] = self.took_ns
        return out


class StarttlsRefused(DialogueEvent):
    """The server does not change to TLS. answer: its words. offered: it had offered to."""

    name: ClassVar[str] = "starttls.refused"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = CHANGE
    WHY: ClassVar[str] = (
        "A server may have no certificate, or no TLS at all. A client that goes on in plain text now shows all that "
        "follows to everybody on the way, and cannot know whether the refusal really came from the server."
    )

    def __init__(self, observed: StarttlsObserved, command: Pending, answer: str) -> None:
        super().__init__(observed)
        self.command = command.text
        self.answer = answer
        self.offered = observed.dialogue.offered

    def label(self) -> str:
        return "TLS refused"

    def detail(self) -> str:
        return self.answer

    def what(self) -> str:
        answer = unpointed(self.answer)
        text = f"The {self.protocol} server does not change to TLS: it answers {self.command} with {answer}."
        return text + (" It had offered it." if self.offered else "")

    def phase_title(self) -> str:
        return f"{self.protocol}, TLS refused"

    def fields(self) -> dict[str, JsonValue]:
        return {
            "protocol": self.protocol, "command": self.command, "answer": self.answer, "offered": self.offered,
        }


class Stripped(DialogueEvent):
    """Signs that somebody on the way takes the change to TLS out. sign: the text that shows it."""

    name: ClassVar[str] = "starttls.stripped"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 3207 §6; RFC 7457 §2.2"
    WHY: ClassVar[str] = (
        "A box that wants to read along cannot remove bytes from a TCP stream without changing all numbers after "
        "them, so it overwrites the word STARTTLS with as many other letters. No server sends such a word by itself."
    )

    def __init__(self, observed: StarttlsObserved, sign: str) -> None:
        super().__init__(observed)
        self.sign = sign

    def label(self) -> str:
        return "STARTTLS overwritten"

    def what(self) -> str:
        part = "command" if self.direction == self.client else "offer"
        return f"A {self.protocol} {part} reads {self.sign}: the word STARTTLS was likely overwritten on the way."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "sign": self.sign, "confidence": "likely"}


class Injected(DialogueEvent):
    """Plain text behind the request to change to TLS, before its answer. octets: of its first line."""

    name: ClassVar[str] = "starttls.injected"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 3207 §4; RFC 9051 §6.2.1; RFC 7457 §2.2"
    WHY: ClassVar[str] = (
        "After the request the client has to wait. Plain text that follows all the same may have been put in by "
        "somebody on the way: a server that keeps it and acts on it inside TLS takes it for the client's own words."
    )

    def __init__(self, observed: StarttlsObserved, octets: int) -> None:
        super().__init__(observed)
        self.octets = octets

    def label(self) -> str:
        return "text behind the request"

    def what(self) -> str:
        return (
            f"A line of {plural(self.octets, 'byte')} in plain text follows the client's request for TLS before the "
            f"{self.protocol} server has answered it."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "octets": self.octets}


class InClear(DialogueEvent):
    """The dialogue goes on without TLS. exposed: "credentials", "mail" ... offered: the server offered TLS."""

    name: ClassVar[str] = "starttls.in_clear"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8314 §4.1"
    WHY: ClassVar[str] = (
        "Whoever sees these packets can read the content, change it, and use a password later. What follows is "
        "counted here and not told."
    )

    def __init__(self, observed: StarttlsObserved, exposed: str, command: Pending) -> None:
        super().__init__(observed)
        self.exposed = exposed
        self.command = command.text
        self.offered = observed.dialogue.offered

    def label(self) -> str:
        return "in plain text"

    def detail(self) -> str:
        return self.command

    def what(self) -> str:
        text = f"The {self.protocol} client sends its {self.exposed} without TLS ({self.command})"
        return text + (", though the server offered it." if self.offered else ".")

    def phase_facts(self) -> list[str]:
        return [f"{self.exposed} without TLS"]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "protocol": self.protocol, "exposed": self.exposed, "command": self.command, "offered": self.offered,
        }


class Denied(DialogueEvent):
    """The server refuses something. code: three digits of SMTP and FTP, NO, BAD or -ERR.     login: it was a login.

    attempt: which login; a number that is the same for the same one, and says nothing of it.
    """

    name: ClassVar[str] = "starttls.denied"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5321 §4.2.1; RFC 959 §4.2.1; RFC 9051 §7.1; RFC 1939 §3"
    WHY: ClassVar[str] = (
        "The first digit says whether it makes sense to try again: 4 is for now, 5 is for good. The words behind the "
        "code are for people, and not shown here where they may repeat what the client sent."
    )

    def __init__(self, observed: StarttlsObserved, code: str, *, login: bool) -> None:
        super().__init__(observed)
        self.code = code
        self.login = login
        self.attempt = observed.dialogue.login

    def label(self) -> str:
        return "refused"

    def detail(self) -> str:
        return self.code

    def meaning(self) -> str:
        """In words; "" where the standards have none for this code."""
        return (FTP_CODES if self.protocol == "FTP" else SMTP_CODES).get(self.code, "")

    def what(self) -> str:
        if self.login:
            return f"The {self.protocol} server refuses the login ({self.code})."
        means = f", {self.meaning()}" if self.meaning() else ""
        return f"The {self.protocol} server refuses it: {self.code}{means}."

    def fields(self) -> dict[str, JsonValue]:
        return {"protocol": self.protocol, "code": self.code, "login": self.login}


class NotTold(DialogueEvent):
    """What came after the part of the dialogue that is told. octets: by direction."""

    name: ClassVar[str] = "starttls.not_told"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 5321 §3; RFC 9051 §2.2; RFC 1939 §3; RFC 959 §5"
    WHY: ClassVar[str] = "Only the beginning of these protocols is told here, up to the place where TLS could begin."

    def __init__(self, observed: StarttlsObserved, octets: tuple[int, int]) -> None:
        super().__init__(observed)
        self.octets = octets

    def _by_side(self) -> tuple[int, int]:
        """(of the client, of the server)"""
        return (self.octets[0], self.octets[1]) if self.client == 0 else (self.octets[1], self.octets[0])

    def label(self) -> str:
        return "the rest"

    def what(self) -> str:
        client, server = self._by_side()
        return (
            f"The rest of the {self.protocol} dialogue is not told: {plural(client, 'byte')} of the client, "
            f"{plural(server, 'byte')} of the server."
        )

    def fields(self) -> dict[str, JsonValue]:
        client, server = self._by_side()
        return {"protocol": self.protocol, "octets_client": client, "octets_server": server}


class GreetingWithin(Greeting):
    """A greeting inside TLS."""

    name: ClassVar[str] = "starttls.greeting_within"
    phase: ClassVar[str] = WITHIN

    def phase_title(self) -> str:
        return f"{self.protocol} within TLS"


class ExchangeWithin(StarttlsExchange):
    """A command and its answer inside TLS."""

    name: ClassVar[str] = "starttls.exchange_within"
    phase: ClassVar[str] = WITHIN
    WHY: ClassVar[str] = (
        "What was said before TLS could have been changed on the way, so a careful client asks again what the server "
        "can do, now that nobody can change the answer."
    )

    def phase_title(self) -> str:
        return f"{self.protocol} within TLS"


class NotToldWithin(NotTold):
    """What came after the part of the dialogue inside TLS that is told."""

    name: ClassVar[str] = "starttls.not_told_within"
    phase: ClassVar[str] = WITHIN

    def phase_title(self) -> str:
        return f"{self.protocol} within TLS"


EVENTS: Final[tuple[type[Event], ...]] = (
    Greeting, StarttlsExchange, Offered, Requested, Agreed, StarttlsRefused, Stripped, Injected, InClear, Denied,
    NotTold, GreetingWithin, ExchangeWithin, NotToldWithin,
)
