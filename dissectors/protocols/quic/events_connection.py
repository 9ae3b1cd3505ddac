"""Events of a whole connection: how it came about, what it carried, and how it ended."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.account import CONNECTING, DOING, LIKELY, Claim
from dissectors.kit.event import (
    BASE,
    CARRYING,
    CORE,
    OPENING,
    SUMMED,
    Headline,
    JsonValue,
    Observed,
)
from dissectors.kit.identity import HOST, Identity
from dissectors.kit.units import duration, median, plural, size
from dissectors.protocols.quic.events import HANDSHAKE, PACKETS, QuicEvent
from dissectors.protocols.quic.versions import version_title

DATA: Final = "quic data"


class Opening:
    """How a connection began. Times in ns since 1970, -1 for what was not seen.

    answered_ns: the server's first datagram; asked_ns: the client's last one before it; ended_ns: the client's first
    packet that only somebody sends who has completed the handshake.     round_trips: that the client had to wait for.
    """

    def __init__(self) -> None:
        self.version = 0
        self.first_version = 0
        self.server_name = ""
        self.alpn = ""
        self.began_ns = -1
        self.asked_ns = -1
        self.answered_ns = -1
        self.ended_ns = -1
        self.retried = False
        self.hello_retried = False
        self.negotiated = False
        self.early = False
        self.early_offered = False    # the ClientHello says that early data may follow
        self.early_taken = ""         # "yes" or "no", as the server answers; "" where that was not read
        self.read = False         # both Finished were read

    def round_trips(self) -> int:
        return 1 + sum([self.retried, self.hello_retried, self.negotiated])

    def answer_ns(self) -> int:
        return self.answered_ns - self.asked_ns if min(self.answered_ns, self.asked_ns) >= 0 else -1


class QuicEstablished(QuicEvent):
    """The handshake is complete, as the client's first 1-RTT packet shows (RFC 9001 §5.7)."""

    name: ClassVar[str] = "quic.established"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §7; RFC 9001 §4.1"
    WHY: ClassVar[str] = (
        "QUIC opens and secures a connection in one handshake: what TCP and TLS do one after another takes it one "
        "round trip. A client sends 1-RTT packets when it has the server's part of the handshake and has checked it."
    )

    def __init__(self, observed: Observed, client: int, number: int, opening: Opening) -> None:
        super().__init__(observed, client, number)
        self.opening = opening

    def label(self) -> str:
        return "established"

    def _trips(self) -> str:
        trips = self.opening.round_trips()
        return "one round trip" if trips == 1 else f"{trips} round trips"

    def _took(self) -> str:
        return duration(self.opening.ended_ns - self.opening.began_ns)

    def detail(self) -> str:
        one = self.opening
        words = [one.alpn, one.server_name, "0-RTT" if one.early else ""]
        return " · ".join([word for word in words if word])

    def what(self) -> str:
        one = self.opening
        text = f"{version_title(one.version)} is established: {self._trips()}, {self._took()} from the client's first "
        text += "packet to its first 1-RTT packet."
        if one.answer_ns() >= 0:
            text += f" The server's answer came after {duration(one.answer_ns())}, as seen where the capture was taken."
        if one.first_version != one.version:
            text += f" The client had begun with {version_title(one.first_version)}."
        if one.early and one.early_taken:
            text += " The server takes its 0-RTT data." if one.early_taken == "yes" else (
                " The server does not take its 0-RTT data, which it has to send again."
            )
        extra = [said for told, said in (
            (one.negotiated, "agree on a version"), (one.retried, "answer a Retry"),
            (one.hello_retried, "answer a HelloRetryRequest"),
        ) if told]
        if extra:
            text += f" It took a round trip more to {' and one to '.join(extra)}."
        return text

    def headline(self) -> Headline | None:
        return Headline(
            version_title(self.opening.version), self.detail() or self._trips(), self.opening.began_ns,
            self.opening.ended_ns,
        )

    def claims(self) -> list[Claim]:
        one, frames = self.opening, self.evidence.frames
        if one.began_ns < 0:
            return []
        ground = "from the client's first packet to its first 1-RTT packet"
        return [Claim(one.began_ns, one.ended_ns, CONNECTING, DOING, (frames[0], frames[-1]), LIKELY, ground)]

    def phase_title(self) -> str:
        return f"{version_title(self.opening.version)} handshake"

    def phase_facts(self) -> list[str]:
        one = self.opening
        facts = [self._trips(), self._took()]
        if one.answer_ns() >= 0:
            facts.append(f"server {duration(one.answer_ns())}")
        return facts

    def fields(self) -> dict[str, JsonValue]:
        one = self.opening
        out: dict[str, JsonValue] = {
            "version": version_title(one.version), "first_version": version_title(one.first_version),
            "server_name": one.server_name, "alpn": one.alpn, "round_trips": one.round_trips(),
            "retried": one.retried, "negotiated": one.negotiated, "hello_retried": one.hello_retried,
            "early_data": one.early, "early_data_offered": one.early_offered, "early_data_taken": one.early_taken,
            "total_ns": one.ended_ns - one.began_ns,
        }
        if one.answer_ns() >= 0:
            out["server_ns"] = one.answer_ns()
        return out

    def identifies(self) -> list[Identity]:
        return [(HOST, self.opening.server_name)] if self.opening.server_name else []


class QuicStalled(QuicEvent):
    """The handshake did not come to an end, as far as the capture shows. awaited: what the side of its direction should
    have sent.     initials: packets that the client sent.     since_ns: the last packet of the other side.
    unproven: why nobody can tell, "" where the absence is proven.
    """

    name: ClassVar[str] = "quic.stalled"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §7; RFC 9002 §6.2"
    WHY: ClassVar[str] = (
        "A side that gets no answer sends its packets again, each time after a longer wait, until it gives up. Many "
        "networks let no UDP through, so clients try TCP as well."
    )

    def __init__(
        self, observed: Observed, client: int, awaited: str, *, initials: int, waited_ns: int, unproven: str
    ) -> None:
        super().__init__(observed, client)
        self.awaited = awaited
        self.initials = initials
        self.waited_ns = waited_ns
        self.unproven = unproven

    def label(self) -> str:
        return "stalled"

    def detail(self) -> str:
        return f"waiting for {self.awaited}"

    def what(self) -> str:
        text = f"The handshake stops here: {self.awaited} {'is not seen' if self.unproven else 'did not come'}"
        text += f" within {duration(self.waited_ns)}." if self.waited_ns > 0 else "."
        if self.initials > 1 and self.who() == "the server":
            text += f" The client sent {plural(self.initials, 'Initial packet')}."
        return text + (f" But {self.unproven}." if self.unproven else "")

    def headline(self) -> Headline | None:
        return Headline("QUIC", f"no handshake: {self.detail()}", self.time - self.waited_ns, self.time)

    def fields(self) -> dict[str, JsonValue]:
        return {
            "awaited": self.awaited, "initials": self.initials, "waited_ns": self.waited_ns, "unproven": self.unproven,
        }


class AmplificationStall(QuicEvent):
    """The server waited for the client before it sent the rest of its flight. sent, received: octets by then."""

    name: ClassVar[str] = "quic.amplification_stall"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = OPENING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §8.1"
    WHY: ClassVar[str] = (
        "Until a client has shown that it can be reached at its address, a server may send it three times as many "
        "bytes as it got, lest it be used to flood others. A long chain of certificates does not fit into that, and "
        "waits a round trip."
    )

    def __init__(self, observed: Observed, client: int, sent: int, received: int, waited_ns: int) -> None:
        super().__init__(observed, client)
        self.sent = sent
        self.received = received
        self.waited_ns = waited_ns

    def label(self) -> str:
        return "waits for the client"

    def what(self) -> str:
        return (
            f"The server had sent {size(self.sent)} for the {size(self.received)} of the client, nearly the three "
            f"times that it may. It sent more when the client had answered, {duration(self.waited_ns)} later."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"sent": self.sent, "received": self.received, "waited_ns": self.waited_ns}


class SideTotals:
    """What one direction sent. rtts: until its packets were acknowledged, as seen at the capture point."""

    def __init__(self) -> None:
        self.datagrams = 0
        self.octets = 0
        self.longest = 0
        self.packets = 0
        self.opened = 0
        self.stream_octets = 0
        self.streams = 0
        self.repeated = 0
        self.lost = 0
        self.late = 0
        self.holes = 0            # in the numbers of its 1-RTT packets: sent before here and not captured, or left out
        self.lost_frames: tuple[int, ...] = ()
        self.generation = 0
        self.rtts: list[int] = []

    def as_json(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "datagrams": self.datagrams, "octets": self.octets, "longest": self.longest, "packets": self.packets,
            "opened": self.opened,
        }
        if self.opened:
            out["stream_octets"] = self.stream_octets
            out["streams"] = self.streams
            out["repeated_octets"] = self.repeated
            out["overtaken"] = self.lost
            out["acknowledged_late"] = self.late
            out["number_holes"] = self.holes
            out["key_generation"] = self.generation
        if self.rtts:
            out["rtt_min_ns"] = min(self.rtts)
            out["rtt_median_ns"] = int(median(self.rtts))
        return out


class QuicTotals(QuicEvent):
    """What a connection carried, when it is over or no more of it is seen. sides: client, server.     spins: round
    trips by the spin bit, [] where it is not used.     hidden: packets that could not be opened."""

    name: ClassVar[str] = "quic.totals"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = SUMMED
    spec: ClassVar[str] = "RFC 9000 §12; RFC 9000 §17.4"
    WHY: ClassVar[str] = (
        "Without keys an observer of QUIC sees sizes, times and addresses, and little else: no requests, no losses, no "
        "acknowledgments. A bit of the header may show round trips, if both sides let it."
    )

    def __init__(
        self, observed: Observed, client: int, number: int, sides: tuple[SideTotals, SideTotals], *, spins: list[int],
        hidden: int,
    ) -> None:
        super().__init__(observed, client, number)
        self.sides = sides
        self.spins = spins
        self.hidden = hidden

    def label(self) -> str:
        return "in all"

    def detail(self) -> str:
        client, server = self.sides
        words = [f"client {size(client.octets)}", f"server {size(server.octets)}"]
        if self.spins:
            words.append(f"spin bit {duration(int(median(self.spins)))}")
        return ", ".join(words)

    def what(self) -> str:
        words = []
        for who, side in zip(("The client", "The server"), self.sides, strict=True):
            if not side.datagrams:
                words.append(f"{who} is not seen to send anything.")
                continue
            text = f"{who} sent {plural(side.packets, 'packet')} in {plural(side.datagrams, 'datagram')}"
            text += f", {size(side.octets)}; the largest has {plural(side.longest, 'byte')}."
            if side.streams:
                text += f" They carried {size(side.stream_octets)} of {plural(side.streams, 'stream')}."
            if side.lost - side.late > 0:
                text += f" Of its packets {side.lost - side.late} were overtaken by the ACKs of later ones."
            if side.rtts:
                initial = "" if side.opened else "Initial "
                text += f" Its {initial}packets were acknowledged after {duration(int(median(side.rtts)))} (median)."
            words.append(text)
        if self.spins:
            words.append(f"By the spin bit a round trip takes {duration(int(median(self.spins)))} (median).")
        if self.hidden:
            words.append(f"{plural(self.hidden, 'packet')} could not be read.")
        return " ".join(words)

    def phase_facts(self) -> list[str]:
        found: list[str] = []
        for who, side in zip(("client", "server"), self.sides, strict=True):
            if side.datagrams:
                found.append(f"{who}: {plural(side.packets, 'packet')}, {size(side.octets)}")
            if side.lost - side.late > 0:
                found.append(f"{side.lost - side.late} overtaken")
        if self.spins:
            found.append(f"spin bit {duration(int(median(self.spins)))}")
        return found

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "client": self.sides[0].as_json(), "server": self.sides[1].as_json(), "hidden_packets": self.hidden,
            "connection": self.number,
        }
        if self.spins:
            out["spin_rtt_median_ns"] = int(median(self.spins))
        return out


class QuicHidden(QuicEvent):
    """What a connection carries, where nobody can read it. octets: of its protected packets, by client and server.

    begun_ns: when the first of them came. packets: how many.
    """

    name: ClassVar[str] = "quic.hidden_data"
    phase: ClassVar[str] = DATA
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = SUMMED
    spec: ClassVar[str] = "RFC 9001 §5"
    WHY: ClassVar[str] = (
        "Requests, answers, their streams, and what is said of losses are inside the protection of the packets. With "
        "the secrets of the connection they can be told."
    )

    def __init__(self, observed: Observed, client: int, begun_ns: int, packets: int, octets: tuple[int, int]) -> None:
        super().__init__(observed, client)
        self.begun_ns = begun_ns
        self.packets = packets
        self.octets = octets

    def label(self) -> str:
        return "encrypted data"

    def detail(self) -> str:
        return f"{size(self.octets[0])} by the client, {size(self.octets[1])} by the server"

    def what(self) -> str:
        return f"{plural(self.packets, 'packet')} of data are encrypted, and no keys are here: {self.detail()}."

    def headline(self) -> Headline | None:
        return Headline("QUIC", f"encrypted: {self.detail()}", self.begun_ns, self.time)

    def phase_facts(self) -> list[str]:
        return [plural(self.packets, "packet"), self.detail()]

    def fields(self) -> dict[str, JsonValue]:
        return {"packets": self.packets, "client_octets": self.octets[0], "server_octets": self.octets[1]}
