"""Events of how a TLS connection fails or ends: alerts, stalls, plain text, the last word."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, CORE, SECURING, Headline, JsonValue
from dissectors.kit.units import duration
from dissectors.protocols.tls.events import DATA, HANDSHAKE, TlsEvent, TlsObserved, capital
from dissectors.protocols.tls.plain import looks_like
from dissectors.protocols.tls.records import Notice
from dissectors.protocols.tls.state import Session
from dissectors.wire.tls.messages import Alert
from dissectors.wire.tls.names import alert_name

WARNING: Final = 1
FATAL: Final = 2
CLOSE_NOTIFY: Final = 0

# How the transport ended.
RESET: Final = "rst"
FIN: Final = "fin"
ENDS: Final = {"rst": "a reset", "fin": "the end of the TCP connection", "timeout": "a timeout",
               "capture": "the end of the capture"}


class AlertSeen(TlsEvent):
    """An alert. level, description: -1 where it is encrypted and was not opened.

    cause: what in the messages before likely led to it, "" where nothing points to one. began_ns: of the ClientHello,
    -1 where none was seen. server_name: what the client asked for.
    """

    name: ClassVar[str] = "tls.alert"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §6; RFC 5246 §7.2"
    WHY: ClassVar[str] = (
        "An alert says why a side gives up, or that it has nothing more to say. The words are few on purpose: detail "
        "would help an attacker, so the cause has to be found in the messages before."
    )

    def __init__(self, observed: TlsObserved, alert: Alert | None, cause: str, session: Session) -> None:
        """alert: None where it was not read. session: the handshake that it belongs to."""
        super().__init__(observed)
        self.level = alert.level if alert is not None else -1
        self.description = alert.description if alert is not None else -1
        self.cause = cause
        self.began_ns = session.began_ns
        self.server_name = session.server_name
        self.length = observed.length

    def words(self) -> str:
        return alert_name(self.description) if self.description >= 0 else "encrypted"

    def label(self) -> str:
        return f"alert {self.words()}"

    def detail(self) -> str:
        if self.description < 0:
            return f"encrypted, {self.length} bytes"
        return {WARNING: "warning", FATAL: "fatal"}.get(self.level, f"level {self.level}")

    def what(self) -> str:
        who = capital(self.who())
        if self.description < 0:
            text = f"{who} sends an alert that is encrypted."
            if not isinstance(self, TlsRefused):
                text += " At this place it mostly is close_notify."
        elif self.description == CLOSE_NOTIFY:
            text = f"{who} says that it has nothing more to send (close_notify)."
        else:
            text = f"{who} sends the alert {self.words()}"
            text += " and ends the handshake." if isinstance(self, TlsRefused) else "."
        if self.cause:
            text += f" {capital(self.cause)}."
        return text

    def headline(self) -> Headline | None:
        """Only where it breaks something off; a close_notify is no news."""
        if self.description <= CLOSE_NOTIFY or self.level != FATAL:
            return None
        return Headline("TLS", f"broken off: {self.words()} from {self.who()}", self.time, self.time)

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "level": self.level, "description": self.words(), "encrypted": self.description < 0,
        }
        if self.cause:
            out["cause"] = self.cause
            out["confidence"] = "likely"
        return out


class TlsRefused(AlertSeen):
    """An alert that breaks off the handshake."""

    name: ClassVar[str] = "tls.refused"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING

    def headline(self) -> Headline | None:
        if self.began_ns < 0:
            return None
        name = f" · {self.server_name}" if self.server_name else ""
        return Headline("TLS", f"handshake refused: {self.words()}{name}", self.began_ns, self.time)

    def phase_title(self) -> str:
        return "TLS handshake, refused"

    def phase_facts(self) -> list[str]:
        return [f"alert {self.words()} from {self.who()}"]


class Stalled(TlsEvent):
    """A handshake that was not finished. after: the last message that was seen; awaited: what should have come next.

    missing_from_client: whose turn it was. how: "rst", "fin", "timeout" or "capture"; waited_ns: since that message.
    """

    name: ClassVar[str] = "tls.stalled"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §2"
    WHY: ClassVar[str] = (
        "A handshake ends with Finished from both sides, or with an alert. Where neither comes, somebody gave up "
        "without a word: a server that is overloaded or speaks another protocol, a firewall, a large message that "
        "got lost on the way."
    )

    def __init__(self, observed: TlsObserved, session: Session, awaited: str, how: str) -> None:
        """observed: the end, of the direction of the side whose turn it was."""
        super().__init__(observed)
        self.after = session.last_message
        self.awaited = awaited
        self.missing_from_client = self.from_client()
        self.how = how
        self.waited_ns = max(observed.time - session.last_ns, 0)
        self.began_ns = session.began_ns
        self.server_name = session.server_name

    def label(self) -> str:
        return "reset in the handshake" if self.how == RESET else "handshake not finished"

    def detail(self) -> str:
        return f"after {self.after}, awaited {self.awaited}"

    def what(self) -> str:
        side = "the client" if self.missing_from_client else "the server"
        text = f"The handshake is not finished: after {self.after}, {self.awaited} of {side} was due"
        text += f", and {duration(self.waited_ns)} later came {ENDS.get(self.how, 'the end')}."
        if self.how == RESET and self.after == "ClientHello":
            text += (
                " A reset right after the ClientHello often comes from a firewall that reads the server's name, or from"
                " a server that refuses without an alert."
            )
        elif self.how == "capture":
            text += " It may have gone on after the capture ended."
        return text

    def headline(self) -> Headline | None:
        name = f" · {self.server_name}" if self.server_name else ""
        end = "reset" if self.how == RESET else "not finished"
        return Headline("TLS", f"handshake {end} after {self.after}{name}", self.began_ns, self.time)

    def phase_title(self) -> str:
        return "TLS handshake, not finished"

    def phase_facts(self) -> list[str]:
        return [f"stopped after {self.after}"]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "after": self.after, "awaited": self.awaited, "awaited_from": "client" if self.missing_from_client else
            "server", "how": self.how, "waited_ns": self.waited_ns,
        }


class Ssl2Answer(TlsEvent):
    """The server speaks SSL 2.0."""

    name: ClassVar[str] = "tls.ssl2"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6176 §2; RFC 6176 §3"
    WHY: ClassVar[str] = (
        "SSL 2.0 does not protect its own handshake, uses one key for two purposes and ciphers that are broken. It "
        "must not be used, and its records have a framing of their own."
    )

    def label(self) -> str:
        return "SSL 2.0"

    def what(self) -> str:
        return "The server answers in SSL 2.0, which is broken. What follows is not examined."

    def phase_title(self) -> str:
        return "SSL 2.0"


class Plaintext(TlsEvent):
    """Bytes that are no TLS where TLS was due. guess: what they look like, "" where they look like nothing known.

    answer: they answer a ClientHello. began_ns: of that, -1 for none.
    """

    name: ClassVar[str] = "tls.plaintext"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §5.1"
    WHY: ClassVar[str] = (
        "A program that speaks plain text to a TLS port, or the other way round, is a common slip: http:// instead of "
        "https:// or a wrong port. TLS notices at the first byte, which is no type of record."
    )

    def __init__(self, observed: TlsObserved, notice: Notice, session: Session) -> None:
        super().__init__(observed)
        self.guess = looks_like(notice.first)
        self.first = notice.first
        self.answer = session.hello is not None and not self.from_client()
        self.began_ns = session.began_ns

    def label(self) -> str:
        return "plain text"

    def headline(self) -> Headline | None:
        if not self.answer or self.began_ns < 0:
            return None
        return Headline("TLS", f"answered with {self.guess or 'bytes that are no TLS'}", self.began_ns, self.time)

    def phase_title(self) -> str:
        return "TLS handshake, answered in plain text" if self.answer else ""

    def detail(self) -> str:
        return self.guess or self.first.hex(" ")

    def what(self) -> str:
        text = f"{capital(self.who())} answers" if self.answer else f"{capital(self.who())} begins"
        text += " with bytes that are no TLS"
        if self.guess:
            text += f"; they look like {self.guess}"
        return f"{text} (the first are {self.first.hex(' ')})."

    def fields(self) -> dict[str, JsonValue]:
        return {"guess": self.guess, "first": self.first.hex(), "answer": self.answer}


class TlsClosed(TlsEvent):
    """The end of the connection, as TLS sees it. notified: which sides sent close_notify ("client", "server").

    truncated: directions that ended without it, or within a record. how: what ended the transport.
    inferred: alerts were encrypted and taken for close_notify.
    """

    name: ClassVar[str] = "tls.closed"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §6.1"
    WHY: ClassVar[str] = (
        "The end of a TCP connection can be forged by anybody on the way; close_notify cannot. Without it the "
        "receiver does not know whether it got everything, unless the protocol above says so itself."
    )

    def __init__(
        self, observed: TlsObserved, notified: list[str], how: str, unfinished: list[str], *, inferred: bool
    ) -> None:
        super().__init__(observed)
        self.notified = notified
        self.how = how
        self.unfinished = unfinished
        self.inferred = inferred

    def label(self) -> str:
        return "TLS ends"

    def what(self) -> str:
        likely = " (likely: the alerts are encrypted)" if self.inferred else ""
        if len(self.notified) == 2:
            text = f"Both sides said close_notify{likely} before {ENDS.get(self.how, 'the end')}."
        elif self.notified:
            text = f"Only the {self.notified[0]} said close_notify{likely} before {ENDS.get(self.how, 'the end')}."
        else:
            text = f"Neither side said close_notify before {ENDS.get(self.how, 'the end')}"
            text += (
                ", so neither can be sure from TLS alone that it got everything." if self.how != "capture" else "."
            )
        for side in self.unfinished:
            text += f" A record of the {side} is cut off in its middle."
        return text

    def fields(self) -> dict[str, JsonValue]:
        notified: list[JsonValue] = []
        notified.extend(self.notified)
        unfinished: list[JsonValue] = []
        unfinished.extend(self.unfinished)
        return {"notified": notified, "how": self.how, "unfinished": unfinished, "inferred": self.inferred}
