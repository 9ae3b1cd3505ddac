"""Events of how a TLS connection fails or ends: alerts, stalls, plain text, the last word."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.account import DOING, LIKELY, SECURING_NETWORK, Claim
from dissectors.kit.event import BASE, CARRYING, CORE, SECURING, SUMMED, Headline, JsonValue
from dissectors.kit.observation import CAPTURE_ENDED, OBSERVED_ENDED, READING_ENDED, what_ended
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
               CAPTURE_ENDED: "the end of the capture", READING_ENDED: "the end of the reading"}


class AlertSeen(TlsEvent):
    """An alert. level, description: -1 where it is encrypted and was not opened.

    cause: what in the messages before likely led to it, "" where nothing points to one. began_ns: of the ClientHello,
    -1 where none was seen. server_name: what the client asked for. answered: a ServerHello came before. wanted: the
    server had asked for a certificate of the client. by_size: an encrypted record whose size speaks for an alert.
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

    def __init__(
        self, observed: TlsObserved, alert: Alert | None, cause: str, session: Session, *, by_size: bool = False
    ) -> None:
        """alert: None where it was not read. session: the handshake that it belongs to."""
        super().__init__(observed)
        self.level = alert.level if alert is not None else -1
        self.description = alert.description if alert is not None else -1
        self.cause = cause
        self.began_ns = session.began_ns
        self.server_name = session.server_name
        self.length = observed.length
        self.answered = session.server is not None
        self.wanted = session.requested
        self.by_size = by_size

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
        if self.by_size:
            text = (
                f"{who} sends an encrypted record of the size of an alert ({self.length} bytes); no message of the "
                "handshake is as short."
            )
        elif self.description < 0:
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

    def claims(self) -> list[Claim]:
        if self.began_ns < 0:
            return []
        frames = self.evidence.frames
        bounds = (frames[0], frames[-1]) if frames else ()
        return [Claim(
            self.began_ns, self.time, SECURING_NETWORK, DOING, bounds, LIKELY, "a handshake that was broken off"
        )]

    def phase_title(self) -> str:
        return "TLS handshake, refused"

    def phase_facts(self) -> list[str]:
        return [f"alert {self.words()} from {self.who()}"]


class Stalled(TlsEvent):
    """A handshake that was not finished. after: the last message that was seen; awaited: what should have come next.

    missing_from_client: whose turn it was. how: "rst", "fin", "timeout", "capture" or "reading"; waited_ns: since that
    message.
    unseen: what of it the capture misses, so that it may have been finished; "" where all of it was seen.
    """

    name: ClassVar[str] = "tls.stalled"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §2"
    WHY: ClassVar[str] = (
        "A handshake ends with Finished from both sides, or with an alert. Where neither comes, somebody gave up "
        "without a word: a server that is overloaded or speaks another protocol, a firewall, a large message that "
        "got lost on the way."
    )

    def __init__(self, observed: TlsObserved, session: Session, awaited: str, how: str, unseen: str = "") -> None:
        """observed: the end, of the direction of the side whose turn it was."""
        super().__init__(observed)
        self.after = session.last_message
        self.awaited = awaited
        self.missing_from_client = self.from_client()
        self.how = how
        self.waited_ns = max(observed.time - session.last_ns, 0)
        self.began_ns = session.began_ns
        self.server_name = session.server_name
        self.unseen = unseen

    def label(self) -> str:
        if self.unseen:
            return "handshake not seen whole"
        return "reset in the handshake" if self.how == RESET else "handshake not finished"

    def detail(self) -> str:
        return f"after {self.after}, awaited {self.awaited}"

    def what(self) -> str:
        side = "the client" if self.missing_from_client else "the server"
        if self.unseen:
            return (
                f"The end of the handshake was not seen: the last message that was is {self.after}, {self.awaited} of "
                f"{side} was due, but {self.unseen}."
            )
        text = f"The handshake is not finished: after {self.after}, {self.awaited} of {side} was due"
        text += f", and {duration(self.waited_ns)} later came {ENDS.get(self.how, 'the end')}."
        if self.how == RESET and self.after == "ClientHello":
            text += (
                " A reset right after the ClientHello often comes from a firewall that reads the server's name, or from"
                " a server that refuses without an alert."
            )
        elif self.how in OBSERVED_ENDED:
            text += f" It may have gone on after {what_ended(self.how)} ended."
        return text

    def headline(self) -> Headline | None:
        name = f" · {self.server_name}" if self.server_name else ""
        end = "not seen whole" if self.unseen else "reset" if self.how == RESET else "not finished"
        return Headline("TLS", f"handshake {end} after {self.after}{name}", self.began_ns, self.time)

    def claims(self) -> list[Claim]:
        frames = self.evidence.frames
        bounds = (frames[0], frames[-1]) if frames else ()
        return [Claim(
            self.began_ns, self.time, SECURING_NETWORK, DOING, bounds, LIKELY, "a handshake that is not finished"
        )]

    def phase_title(self) -> str:
        return "TLS handshake, not seen whole" if self.unseen else "TLS handshake, not finished"

    def phase_facts(self) -> list[str]:
        return [f"last seen {self.after}" if self.unseen else f"stopped after {self.after}"]

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "after": self.after, "awaited": self.awaited, "awaited_from": "client" if self.missing_from_client else
            "server", "how": self.how, "waited_ns": self.waited_ns,
        }
        if self.unseen:
            out["unseen"] = self.unseen
        return out


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


class BackToClear(TlsEvent):
    """Bytes that are no records where the next one would begin, and that TLS had ended before, or that are text.

    closed: the sender had ended TLS with close_notify, or with a record that may hold it. first: the first of them.
    """

    name: ClassVar[str] = "tls.back_to_clear"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §6.1; RFC 4217 §12.3; RFC 4511 §4.14.3.1"
    WHY: ClassVar[str] = (
        "Where TLS began within a dialogue it may end within it too: FTP's CCC goes back to plain text so that a "
        "firewall can read the addresses, and LDAP may take TLS off again. What follows is open to everybody."
    )

    def __init__(self, observed: TlsObserved, notice: Notice, *, closed: bool) -> None:
        super().__init__(observed)
        self.closed = closed
        self.first = notice.first

    def label(self) -> str:
        return "in clear again"

    def detail(self) -> str:
        return self.first.hex(" ")

    def what(self) -> str:
        after = " after its close_notify" if self.closed else ", which looks like text"
        return (
            f"What {self.who()} sends from here on is no TLS any more{after} (the first bytes are "
            f"{self.first.hex(' ')}). It is not read further."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"closed": self.closed, "first": self.first.hex()}


class TlsClosed(TlsEvent):
    """The end of the connection, as TLS sees it. notified: which sides sent close_notify ("client", "server").

    truncated: directions that ended without it, or within a record. how: what ended the transport.
    inferred: alerts were encrypted and taken for close_notify. unseen: sides of which nobody can tell, and why.
    sized: of these, those whose last record is as long as an alert, with its size and frame.
    """

    name: ClassVar[str] = "tls.closed"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §6.1"
    WHY: ClassVar[str] = (
        "The end of a TCP connection can be forged by anybody on the way; close_notify cannot. Without it the "
        "receiver does not know whether it got everything, unless the protocol above says so itself."
    )

    def __init__(
        self, observed: TlsObserved, notified: list[str], how: str, unfinished: list[str], *, inferred: bool,
        unseen: dict[str, str] | None = None, sized: dict[str, str] | None = None,
    ) -> None:
        super().__init__(observed)
        self.notified = notified
        self.how = how
        self.unfinished = unfinished
        self.inferred = inferred
        self.unseen = unseen if unseen is not None else {}
        self.sized = sized if sized is not None else {}

    def label(self) -> str:
        return "TLS ends"

    def what(self) -> str:
        likely = " (likely: the alerts are encrypted)" if self.inferred else ""
        if self.unseen:
            text = self._in_part(likely)
        elif len(self.notified) == 2:
            text = f"Both sides said close_notify{likely} before {ENDS.get(self.how, 'the end')}."
        elif self.notified:
            text = f"Only the {self.notified[0]} said close_notify{likely} before {ENDS.get(self.how, 'the end')}."
        else:
            text = f"Neither side said close_notify before {ENDS.get(self.how, 'the end')}"
            text += (
                ", so neither can be sure from TLS alone that it got everything."
                if self.how not in OBSERVED_ENDED else "."
            )
        for side in self.unfinished:
            text += f" A record of the {side} is cut off in its middle."
        return text

    def _in_part(self, likely: str) -> str:
        """Where it cannot be told of every side."""
        text = f"TLS ends with {ENDS.get(self.how, 'the end')}."
        whys = set(self.unseen.values())
        if len(self.unseen) == 2 and len(whys) == 1:
            text += f" Whether the two sides said close_notify is unknown: {whys.pop()}."
        else:
            for side in ("client", "server"):
                if side in self.unseen:
                    text += f" Whether the {side} said close_notify is unknown: {self.unseen[side]}."
                elif side in self.notified:
                    text += f" The {side} said close_notify{likely}."
                else:
                    text += f" The {side} said no close_notify."
        if self.sized:
            last = " and ".join([f"the {side}'s last record ({which})" for side, which in self.sized.items()])
            text += f" {capital(last)} {'is' if len(self.sized) == 1 else 'are'} as long as an alert."
        return text

    def fields(self) -> dict[str, JsonValue]:
        notified: list[JsonValue] = []
        notified.extend(self.notified)
        unfinished: list[JsonValue] = []
        unfinished.extend(self.unfinished)
        out: dict[str, JsonValue] = {
            "notified": notified, "how": self.how, "unfinished": unfinished, "inferred": self.inferred,
        }
        if self.unseen:
            unseen: dict[str, JsonValue] = {}
            unseen.update(self.unseen)
            out["unseen"] = unseen
        return out
