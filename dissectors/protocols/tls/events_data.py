"""Events of what goes over a TLS connection once it stands, and of its keys."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, CORE, EXTRA, SECURING, SUMMED, Headline, JsonValue
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tls.events import (
    DATA,
    HANDSHAKE,
    TlsEvent,
    TlsObserved,
    capital,
    message_name,
    numbers,
    texts,
)
from dissectors.protocols.tls.records import TlsRun
from dissectors.protocols.tls.state import Hidden, TlsSide
from dissectors.wire.tls.messages import Heartbeat, KeyUpdate

# What happened to early data, as far as the capture shows it.
OFFERED: Final = "offered"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"

# What came of looking for keys.
KEYS_FOUND: Final = "found"
KEYS_MISSING: Final = "missing"
KEYS_WRONG: Final = "wrong"
KEYS_PARTIAL: Final = "partial"   # for one direction, or for a part of what it sends


class ApplicationData(TlsEvent):
    """A run of application-data records of one direction. octets: of their fragments; plain: of what was inside, -1
    where they were not decrypted. time: of the first record; end_ns: of the last. runs: 1, or more where the cap on
    runs told one by one was reached. masked: the type of these records is hidden too (RFC 8446 §5.2), so that some may
    be alerts or messages. alert_size: of the only record, which is as long as an alert is.
    """

    name: ClassVar[str] = "tls.application_data"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §5.2"
    WHY: ClassVar[str] = (
        "This is what the connection is for. Encryption hides the content, but not how much is sent in which "
        "direction and when: pages, films and keystrokes can often be told apart by that alone."
    )

    def __init__(
        self, observed: TlsObserved, run: TlsRun, runs: int, *, masked: bool = False, alert_size: bool = False
    ) -> None:
        super().__init__(observed)
        self.records = int(run.records)
        self.octets = int(run.octets)
        self.plain = int(run.plain)
        self.largest = int(run.largest)
        self.end_ns = run.end
        self.runs = runs
        self.masked = masked
        self.alert_size = alert_size and masked and run.records == 1

    def label(self) -> str:
        return "application data"

    def detail(self) -> str:
        text = f"{plural(self.records, 'record')}, {size(self.octets)}"
        return text + (f", {size(self.plain)} inside" if self.plain >= 0 else " encrypted")

    def what(self) -> str:
        kind = "encrypted record" if self.masked else "record"
        text = f"{capital(self.who())} sends {plural(self.records, kind)}"
        text += f", {size(self.octets)}" if self.masked else f" of application data, {size(self.octets)}"
        if self.runs > 1:
            text += f" in {self.runs} runs"
        if self.end_ns > self.time:
            text += f" in {duration(self.end_ns - self.time)}"
        if self.plain >= 0:
            return f"{text}; {size(self.plain)} of them are content."
        if self.alert_size:
            return f"{text}: the size of an alert, such as close_notify, or of 2 bytes of data."
        if self.masked:
            return f"{text}: data, as far as one can tell, though alerts and tickets look the same (RFC 8446 §5.2)."
        return f"{text}. The content is hidden; its size and its timing are not."

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "records": self.records, "octets": self.octets, "largest": self.largest, "runs": self.runs,
            "last_ns": self.end_ns,
        }
        if self.plain >= 0:
            out["plain"] = self.plain
        return out


class DataSummary(TlsEvent):
    """What went over the connection, told when it is over. octets, records, runs: by direction.

    time: of the last record; began_ns: of the first. plain: it was decrypted, so the protocol above tells more.
    masked: records whose type is hidden are counted, so that less may be data.
    """

    name: ClassVar[str] = "tls.data"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 Appendix E.3"
    WHY: ClassVar[str] = (
        "TLS may pad its records, but hardly anybody does. So sums, directions and pauses show to whoever listens, and "
        "are often enough to tell a download from a chat, or one page of a site from another."
    )

    def __init__(self, observed: TlsObserved, sides: list[TlsSide], *, plain: bool, masked: bool = False) -> None:
        super().__init__(observed)
        self.records = [side.records for side in sides]
        self.octets = [side.octets for side in sides]
        self.runs = [side.runs for side in sides]
        self.began_ns = min([side.begin for side in sides if side.records])
        self.plain = plain
        self.masked = masked

    def label(self) -> str:
        return "data in all"

    def _amounts(self) -> str:
        arrows = "→←"
        return ", ".join([f"{size(self.octets[way])} {arrows[way]}" for way in (0, 1) if self.records[way]])

    def detail(self) -> str:
        return self._amounts()

    def what(self) -> str:
        mine, other = self.client, 1 - self.client
        most = "at most " if self.masked else ""
        text = (
            f"In all the client sends {most}{size(self.octets[mine])} in {plural(self.records[mine], 'record')} and "
            f"the server {most}{size(self.octets[other])} in {plural(self.records[other], 'record')}"
        )
        if self.time > self.began_ns:
            text += f", within {duration(self.time - self.began_ns)}"
        text += "; alerts and tickets among the records look the same." if self.masked else "."
        return text if self.plain else text + " That much anybody on the way can tell; what was said, nobody."

    def headline(self) -> Headline | None:
        if self.plain:
            return None
        return Headline("TLS", f"{self._amounts()}, encrypted", self.began_ns, self.time)

    def phase_title(self) -> str:
        return "Data over TLS"

    def phase_facts(self) -> list[str]:
        turns = sum(self.runs)
        return [self._amounts(), plural(turns, "run")]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "records": numbers(self.records), "octets": numbers(self.octets), "runs": numbers(self.runs),
            "duration_ns": self.time - self.began_ns, "decrypted": self.plain,
        }


class EncryptedHandshake(TlsEvent):
    """Handshake messages that cannot be read without the keys. octets: of the fragments. within13: TLS 1.3, where all
    after the ServerHello is encrypted.
    """

    name: ClassVar[str] = "tls.encrypted_handshake"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §2"
    WHY: ClassVar[str] = (
        "TLS 1.3 encrypts the handshake as soon as there are keys, so certificates and most answers can no longer be "
        "read on the way. Their size remains visible and often gives away how long the chain of certificates is."
    )

    def __init__(self, observed: TlsObserved, hidden: Hidden, *, within13: bool) -> None:
        super().__init__(observed)
        self.records = hidden.records
        self.octets = hidden.octets
        self.within13 = within13
        self.last_ns = hidden.end

    def label(self) -> str:
        return "encrypted handshake"

    def detail(self) -> str:
        return f"{plural(self.records, 'record')}, {size(self.octets)}"

    def what(self) -> str:
        text = f"{capital(self.who())} goes on encrypted: {plural(self.records, 'record')} of {size(self.octets)}."
        if self.within13 and not self.from_client():
            text += " They hold the remaining answers, and unless a session is resumed its certificate and signature."
        elif self.within13:
            text += " They end its part of the handshake."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {"records": self.records, "octets": self.octets, "last_ns": self.last_ns}


class EarlyData(TlsEvent):
    """Early data (0-RTT). outcome: OFFERED, ACCEPTED or REJECTED. records, octets: sent before the handshake ended."""

    name: ClassVar[str] = "tls.early_data"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §8"
    WHY: ClassVar[str] = (
        "With keys of an earlier session the client can send its first request together with its hello, a round trip "
        "early. The price: whoever records these bytes can send them to the server a second time (replay), and they "
        "are not forward secret. Only requests that do no harm when they are repeated belong here."
    )

    def __init__(self, observed: TlsObserved, outcome: str, sent: Hidden) -> None:
        super().__init__(observed)
        self.outcome = outcome
        self.records = sent.records
        self.octets = sent.octets

    def label(self) -> str:
        return "early data"

    def detail(self) -> str:
        return f"{self.outcome}, {plural(self.records, 'record')}, {size(self.octets)}"

    def what(self) -> str:
        sent = f"{plural(self.records, 'record')} of early data, {size(self.octets)}"
        if self.outcome == ACCEPTED:
            text = f"The server takes the early data: {sent} saved a round trip."
        elif self.outcome == REJECTED:
            text = f"The server does not take the early data ({sent}); the client has to send it again."
        else:
            text = f"The client sends {sent}, before the server has said a word."
        return text + " Somebody who recorded it can send it again, and the server must be ready for that."

    def fields(self) -> dict[str, JsonValue]:
        return {"outcome": self.outcome, "records": self.records, "octets": self.octets}


class EndOfEarlyDataSeen(TlsEvent):
    """EndOfEarlyData, readable with the keys only."""

    name: ClassVar[str] = "tls.end_of_early_data"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 8446 §4.5"
    WHY: ClassVar[str] = "It tells the server where the keys of early data end and those of the handshake begin."

    def label(self) -> str:
        return "EndOfEarlyData"

    def what(self) -> str:
        return "The client ends its early data and changes to the keys of the handshake."


class KeyUpdateSeen(TlsEvent):
    """A KeyUpdate. wanted: the peer is asked to update too. generation: of the sender's keys from here on, from 1."""

    name: ClassVar[str] = "tls.key_update"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §4.6.3"
    WHY: ClassVar[str] = (
        "No key should protect too much. The sender derives the next one from the present one and throws that away, "
        "so a key that is stolen later opens nothing that was sent before."
    )

    def __init__(self, observed: TlsObserved, update: KeyUpdate, generation: int) -> None:
        super().__init__(observed)
        self.wanted = update.requested
        self.generation = generation

    def label(self) -> str:
        return "KeyUpdate"

    def what(self) -> str:
        text = f"{capital(self.who())} changes to new keys (update {self.generation})"
        return text + (f" and asks {self.peer()} to do the same." if self.wanted else ".")

    def fields(self) -> dict[str, JsonValue]:
        return {"wanted": self.wanted, "generation": self.generation}


class Renegotiation(TlsEvent):
    """A new handshake within the connection. bound: to the one before (RFC 5746). readable: its hello was read."""

    name: ClassVar[str] = "tls.renegotiation"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5746 §3"
    WHY: ClassVar[str] = (
        "Up to TLS 1.2 keys and identities can be negotiated anew at any time. Without the extension of RFC 5746 "
        "somebody in the middle can put words of his own before those of the client. TLS 1.3 has done away with it."
    )

    def __init__(self, observed: TlsObserved, *, readable: bool, bound: bool) -> None:
        super().__init__(observed)
        self.readable = readable
        self.bound = bound

    def label(self) -> str:
        return "renegotiation"

    def what(self) -> str:
        text = f"{capital(self.who())} begins a new handshake within the connection"
        if not self.readable:
            return text + ". Its messages are encrypted with the keys of the one before."
        if self.bound:
            return text + ", bound to the one before."
        return text + ". It is not bound to the one before: this is open to an attacker in the middle."

    def fields(self) -> dict[str, JsonValue]:
        return {"readable": self.readable, "bound": self.bound}


class HeartbeatSeen(TlsEvent):
    """A heartbeat. claimed: payload length that it names, -1 where it is encrypted. length: of the record.

    overread: it names more payload than it carries, which the Heartbleed flaw of OpenSSL answered with memory.
    loose: its payload and the padding that must follow do not fit, so that a receiver has to drop it. padding: octets
    of it that are there, -1 where it is encrypted.
    """

    name: ClassVar[str] = "tls.heartbeat"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6520 §4"
    WHY: ClassVar[str] = (
        "A heartbeat asks whether the other side is still there; the payload comes back as it was sent. A request "
        "that claims more payload than it carries, with at least 16 bytes of padding, must be dropped. A server that "
        "trusts the claim sends back whatever lies behind it in memory, keys among it (Heartbleed)."
    )

    def __init__(self, observed: TlsObserved, heartbeat: Heartbeat | None) -> None:
        """heartbeat: None where it is encrypted."""
        super().__init__(observed)
        self.kind = heartbeat.kind if heartbeat is not None else ""
        self.claimed = heartbeat.claimed if heartbeat is not None else -1
        self.length = observed.length
        self.overread = heartbeat is not None and heartbeat.overread
        self.loose = heartbeat is not None and heartbeat.loose
        self.padding = heartbeat.padding if heartbeat is not None else -1

    def label(self) -> str:
        return "heartbeat"

    def detail(self) -> str:
        return f"{self.kind}, {self.length} bytes"

    def what(self) -> str:
        text = f"{capital(self.who())} sends a heartbeat"
        if self.claimed < 0:
            return f"{text} of {self.length} bytes, encrypted."
        text += f" {self.kind} that names {plural(self.claimed, 'byte')} of payload; its record has {self.length}."
        if self.overread:
            text += " It claims more than it carries: an attempt to read memory (Heartbleed)."
        elif self.loose:
            text += (
                f" {plural(self.padding, 'byte')} of padding follow where at least 16 must, so it has to be dropped "
                "without an answer."
            )
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "kind": self.kind, "claimed": self.claimed, "length": self.length, "overread": self.overread,
        }
        if self.claimed >= 0:
            out["padding"] = self.padding
        return out


class Decryption(TlsEvent):
    """What came of the keys that the user gave: KEYS_FOUND, KEYS_MISSING, KEYS_WRONG, or KEYS_PARTIAL, which is told
    of the direction that cannot be read. labels: in the log."""

    name: ClassVar[str] = "tls.decryption"
    on_wire: ClassVar[bool] = False
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §7.1"
    WHY: ClassVar[str] = (
        "Only who knows the secrets of a session can read it, and one of the two sides must have written them down. "
        "They are looked up by the random number in the ClientHello, so keys of another session are of no use."
    )

    def __init__(self, observed: TlsObserved, outcome: str, labels: list[str], reason: str) -> None:
        super().__init__(observed)
        self.outcome = outcome
        self.labels = labels
        self.reason = reason

    def label(self) -> str:
        return f"keys {self.outcome}"

    def what(self) -> str:
        if self.outcome == KEYS_FOUND:
            text = "The keys for this TLS session were given, so what follows is read"
        elif self.outcome == KEYS_WRONG:
            text = "The keys that were given for this TLS session do not open its records"
        elif self.outcome == KEYS_PARTIAL:
            text = "The keys for this TLS session are not all in the log"
        else:
            text = "The keys for this TLS session are not in the log"
        return f"{text}: {self.reason}." if self.reason else text + "."

    def fields(self) -> dict[str, JsonValue]:
        return {"outcome": self.outcome, "labels": texts(self.labels), "reason": self.reason}


class UnknownMessage(TlsEvent):
    """A handshake message that is not taken apart. length: of its body."""

    name: ClassVar[str] = "tls.handshake_message"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 8446 §4"
    WHY: ClassVar[str] = (
        "Every handshake message says its type and its length, so an observer can step over one that it does not know."
    )

    def __init__(self, observed: TlsObserved, type: int) -> None:
        super().__init__(observed)
        self.type = type
        self.length = observed.length

    def label(self) -> str:
        return message_name(self.type)

    def what(self) -> str:
        return f"{capital(self.who())} sends the handshake message {message_name(self.type)}, {self.length} bytes."

    def fields(self) -> dict[str, JsonValue]:
        return {"type": self.type, "length": self.length}
