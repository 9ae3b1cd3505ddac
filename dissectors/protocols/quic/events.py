"""What the events of a QUIC connection share; packets, and what comes before a handshake can begin."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import (
    BASE,
    CARRYING,
    CORE,
    EXTRA,
    LINED,
    OPENING,
    SUMMED,
    Event,
    Evidence,
    JsonValue,
    Observed,
)
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.quic.parameters import Parameters
from dissectors.protocols.quic.versions import is_reserved, version_title
from dissectors.protocols.quic.wire import ONE_RTT, PACKET_NAMES, VERSIONS, QuicPacket

HANDSHAKE: Final = "quic handshake"
PACKETS: Final = "quic packets"
BRIEFLY: Final = ((0x01, "idle timeout {}"), (0x04, "{} at first"), (0x08, "{} at first"), (0x20, "DATAGRAM"))
MAX_LISTED: Final = 12       # versions, or values, in one sentence


class QuicEvent(Event):
    """One statement about a connection. client: the direction in which the client sends; NEITHER where that is not
    known.     number: of the connection among those of a conversation, from 0."""

    def __init__(self, observed: Observed, client: int, number: int = 0) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.client = client
        self.number = number

    def who(self) -> str:
        """The side that the event is about: the sender of its direction."""
        if self.client > 1:
            return "this side"
        return "the client" if self.direction == self.client else "the server"

    def peer(self) -> str:
        if self.client > 1:
            return "the other side"
        return "the server" if self.direction == self.client else "the client"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def some(words: list[str], most: int = MAX_LISTED) -> str:
    """The first words of a list: `a, b, c and 4 more`."""
    if len(words) <= most:
        return ", ".join(words)
    return ", ".join(words[:most]) + f" and {len(words) - most} more"


class PacketSeen(QuicEvent):
    """One packet. packet_number, frames: what is below its protection, -1 and () where that was not opened."""

    name: ClassVar[str] = "quic.packet"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9000 §12"
    WHY: ClassVar[str] = (
        "A datagram carries one packet or several. Each is protected by itself, its number too, so that nobody on the "
        "way can follow a connection by it, or change it unnoticed."
    )

    def __init__(
        self, observed: Observed, client: int, packet: QuicPacket, packet_number: int, frames: tuple[int, ...]
    ) -> None:
        super().__init__(observed, client)
        self.packet = packet
        self.packet_number = packet_number
        self.frames = frames

    def label(self) -> str:
        return PACKET_NAMES[int(self.packet.kind)]

    def what(self) -> str:
        text = f"A packet of the type {self.label()}, {plural(int(self.packet.end - self.packet.at), 'byte')}"
        return f"{text}, number {self.packet_number}." if self.packet_number >= 0 else f"{text}."

    def fields(self) -> dict[str, JsonValue]:
        packet = self.packet
        out: dict[str, JsonValue] = {"form": 0 if packet.kind == ONE_RTT else 1, "dcid": packet.dcid.hex()}
        if packet.kind != ONE_RTT:
            if packet.kind != VERSIONS:
                out["type"] = int(packet.bits)
            out["version"] = int(packet.version)
            out["scid"] = packet.scid.hex()
        if self.packet_number >= 0:
            out["packet_number"] = self.packet_number
            frames: list[JsonValue] = []
            frames.extend(self.frames)
            out["frames"] = frames
        return out

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self.fields()


class VersionsOffered(QuicEvent):
    """A Version Negotiation packet. asked: the version that it does not speak, 0 where that was not seen."""

    name: ClassVar[str] = "quic.version_negotiation"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §6"
    WHY: ClassVar[str] = (
        "A server that does not speak the version of a client's first packet answers with a list of those that it "
        "does. The packet is not protected, so a client may believe it only as long as nothing else has come."
    )

    def __init__(
        self, observed: Observed, client: int, packet: QuicPacket, *, asked: int, answered_ns: int, spoken: list[int]
    ) -> None:
        """spoken: the versions that the client says it can speak; [] where it does not say."""
        super().__init__(observed, client)
        self.spoken = [version for version in spoken if not is_reserved(version)]
        self.versions = [version for version in packet.versions if not is_reserved(version)]
        self.asked = asked
        self.answered_ns = answered_ns

    def label(self) -> str:
        return "Version Negotiation"

    def names(self) -> list[str]:
        return [version_title(version) for version in self.versions]

    def detail(self) -> str:
        return some(self.names())

    def what(self) -> str:
        asked = version_title(self.asked) if self.asked else "what it was asked for"
        names = some(self.names()) or "no version that is known"
        text = f"The server does not speak {asked}, and names what it speaks: {names}."
        if self.answered_ns >= 0:
            text += f" The attempt took {duration(self.answered_ns)} as seen here."
        return text

    def fields(self) -> dict[str, JsonValue]:
        versions: list[JsonValue] = []
        versions.extend(self.names())
        out: dict[str, JsonValue] = {"versions": versions, "asked": version_title(self.asked) if self.asked else ""}
        if self.answered_ns >= 0:
            out["answered_ns"] = self.answered_ns
        return out


class RetrySeen(QuicEvent):
    """A Retry. whole: "yes" or "no" where its integrity tag could be checked, else "".     answered_ns: since the
    client's last datagram, -1 where that was not seen."""

    name: ClassVar[str] = "quic.retry"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §8.1.2"
    WHY: ClassVar[str] = (
        "With a Retry a server has the client show that it can be reached at its address, before it spends more on it: "
        "the client repeats its first packet with the token. It costs a round trip, and keeps the server from being "
        "used to flood others."
    )

    def __init__(self, observed: Observed, client: int, packet: QuicPacket, whole: str, answered_ns: int) -> None:
        super().__init__(observed, client)
        self.token = len(packet.token)
        self.whole = whole
        self.answered_ns = answered_ns

    def label(self) -> str:
        return "Retry"

    def detail(self) -> str:
        words = [f"token of {plural(self.token, 'byte')}"]
        if self.whole:
            words.append("integrity tag fits" if self.whole == "yes" else "integrity tag does not fit")
        return ", ".join(words)

    def what(self) -> str:
        text = f"The server asks the client to begin again with a token of {plural(self.token, 'byte')}."
        if self.whole == "yes":
            text += " Its integrity tag fits the client's first packet."
        elif self.whole == "no":
            text += " Its integrity tag does not fit, so the client has to ignore it."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"token_length": self.token, "integrity": self.whole}
        if self.answered_ns >= 0:
            out["answered_ns"] = self.answered_ns
        return out


class ParametersSeen(QuicEvent):
    """The transport parameters of one side."""

    name: ClassVar[str] = "quic.transport_parameters"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 9000 §7.4; RFC 9000 §18.2"
    WHY: ClassVar[str] = (
        "In its first flight each side says how much it takes and how it behaves. The client's parameters can be read "
        "by anyone on the way; those of the server are encrypted."
    )

    def __init__(self, observed: Observed, client: int, parameters: Parameters) -> None:
        super().__init__(observed, client)
        self.parameters = parameters

    def label(self) -> str:
        return "parameters"

    def detail(self) -> str:
        found = self.parameters
        words = []
        for number, said in BRIEFLY:
            one = found.get(number)
            if one is not None and one.value > 0:
                words.append(said.replace("{}", one.text()))
        return ", ".join([*words, plural(len(found.all), "parameter")])

    def what(self) -> str:
        said = list(dict.fromkeys([one.says() for one in self.parameters.all if one.says()]))
        unknown = [one.name for one in self.parameters.all if not one.says()]
        text = f"{capital(self.who())} sends {plural(len(self.parameters.all), 'transport parameter')}"
        text += f": it {'; it '.join(said)}." if said else "."
        if unknown:
            text += f" What it does not name here: {some(unknown, 6)}."
        if self.parameters.problem:
            text += f" The rest cannot be read: {self.parameters.problem}."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {}
        for one in self.parameters.all:
            name = one.name.removesuffix("_token")      # of which it is said that it is there, and not what it is
            out.setdefault(name, one.value if one.value >= 0 else one.text() or True)
        return out


class EarlyPackets(QuicEvent):
    """The client's first 0-RTT packet."""

    name: ClassVar[str] = "quic.zero_rtt"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9001 §4.6"
    WHY: ClassVar[str] = (
        "A client that was here before may send data with its first flight, protected by keys of the earlier session. "
        "It saves a round trip. Whoever records these packets can send them again, so they should ask for nothing that "
        "must not happen twice."
    )

    def label(self) -> str:
        return "0-RTT"

    def what(self) -> str:
        return (
            "The client sends 0-RTT packets: data for the server that do not wait for its answer. They may be replayed "
            "by others. Whether the server takes them, it says encrypted."
        )


class HelloPending(QuicEvent):
    """CRYPTO of Initial packets that did not make a whole message. octets: that came of it."""

    name: ClassVar[str] = "quic.incomplete_hello"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §19.6"
    WHY: ClassVar[str] = (
        "A ClientHello with a key share that withstands quantum computers does not fit into one packet, and browsers "
        "cut it on purpose. What it asks for can be read when all of it is there."
    )

    def __init__(self, observed: Observed, client: int, octets: int) -> None:
        super().__init__(observed, client)
        self.octets = octets

    def label(self) -> str:
        return "incomplete hello"

    def what(self) -> str:
        return f"Of {self.who()}'s first message {size(self.octets)} are here, and not all of it."

    def fields(self) -> dict[str, JsonValue]:
        return {"octets": self.octets}


class PacketsHidden(QuicEvent):
    """Keys for protected packets. outcome: "found", "missing" or "partial".     labels: of the secrets that were found.
    """

    name: ClassVar[str] = "quic.decryption"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = SUMMED
    spec: ClassVar[str] = "RFC 9001 §5"
    WHY: ClassVar[str] = (
        "The keys of the first packets can be derived by anyone. All later ones come from the handshake, and only the "
        "two sides have them, or whoever they tell: many programs write their secrets to the file that SSLKEYLOGFILE "
        "names."
    )

    def __init__(self, observed: Observed, client: int, outcome: str, labels: list[str], *, given: bool = True) -> None:
        """given: the user gave secrets, of this connection or of others."""
        super().__init__(observed, client)
        self.given = given
        self.outcome = outcome
        self.labels = labels

    def label(self) -> str:
        return "keys"

    def detail(self) -> str:
        return self.outcome

    def what(self) -> str:
        if self.outcome == "found":
            return "With the secrets that were given, the packets can be read."
        if self.outcome == "partial":
            return f"Of the secrets for {self.who()}'s packets some are missing, so not all of them can be read."
        return (
            "What follows the first packets is encrypted, and no keys for it are here: what it carries, and when "
            "packets were lost or sent again, is hidden."
        )

    def fields(self) -> dict[str, JsonValue]:
        labels: list[JsonValue] = []
        labels.extend(self.labels)
        return {"outcome": self.outcome, "labels": labels}


def seen(time: int, direction: int, frames: tuple[int, ...], start: int = -1, end: int = -1) -> Observed:
    return Observed(time, direction, Evidence(frames, start, end))
