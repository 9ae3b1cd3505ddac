"""NTP (RFC 5905): what a client asks of a server, how good its time is, and how far the two clocks are apart."""
from __future__ import annotations

from ipaddress import ip_address
from typing import ClassVar, Final

from dissectors.kit.cursor import Cursor
from dissectors.kit.display_field import NUMBER, DisplayField
from dissectors.kit.event import (
    BASE,
    CORE,
    EXTRA,
    Event,
    Evidence,
    Headline,
    JsonValue,
    Observed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED
from dissectors.kit.protocol import NO, YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration, plural

HEADER: Final = 48                # octets without extensions and MAC (RFC 5905 §7.3)
MAX_OPEN: Final = 256             # requests that wait for their answer, per conversation
UNSYNCHRONISED: Final = 3         # leap indicator (RFC 5905 §7.3)
UNREACHED: Final = 16             # stratum
CLIENT, SERVER = 3, 4             # modes
MODES: Final[dict[int, str]] = {
    1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast",
}
# RFC 5905 §7.4, figure 13.
KISSES: Final[dict[str, str]] = {
    "ACST": "it was asked by anycast", "AUTH": "authentication failed", "AUTO": "the key exchange failed",
    "BCST": "it was asked by broadcast", "CRYP": "the keys could not be checked", "DENY": "it refuses this client",
    "DROP": "it lost its peer", "RSTR": "it refuses this client by its policy", "INIT": "it has no time yet",
    "MCST": "it was asked by multicast", "NKEY": "it does not have the key", "RATE": "this client asks too often",
    "RMOT": "somebody asks it to change its way remotely", "STEP": "its clock has just been set",
    "NTSN": "the cookies of Network Time Security are no longer good",       # RFC 8915 §5.7
}
ERA: Final = 1 << 32
SINCE_1900: Final = 2_208_988_800       # seconds from 1900 to 1970 (RFC 5905 §6, figure 4)
BILLION: Final = 1_000_000_000
# What is further away is no time of a clock. A client that does not want to be known sends chance numbers in place of
# its time, of which half are within; those of one client do not agree with one another.
BELIEVED_NS: Final = 60 * 365 * 86_400 * BILLION


def nanoseconds(stamp: int) -> int:
    """Since 1970, of 32 bits of seconds and 32 of fractions; -1 for none. Without their highest bit the seconds are
    those of the era from 2036 on (RFC 5905 §6)."""
    if not stamp:
        return -1
    seconds = stamp >> 32
    if not seconds & 1 << 31:
        seconds += ERA
    return (seconds - SINCE_1900) * BILLION + ((stamp & ERA - 1) * BILLION >> 32)


def _stamp(cursor: Cursor) -> int:
    """Of 64 bits, all of which count: more than the cursor reads at once has room for."""
    return cursor.number(4) << 32 | cursor.number(4)


class NtpPacket:
    """The header (RFC 5905 §7.3). originate, receive, transmit: 64 bits each."""

    def __init__(self, data: bytes) -> None:
        cursor = Cursor(data)
        first = cursor.number(1)
        self.leap, self.version, self.mode = first >> 6, first >> 3 & 7, first & 7
        self.stratum = cursor.number(1)
        self.poll = cursor.number(1)
        cursor.number(1)                  # precision
        self.root_delay = cursor.number(4)
        self.root_dispersion = cursor.number(4)
        self.reference = cursor.take(4)
        _stamp(cursor)                    # when the clock was last set
        self.originate = _stamp(cursor)
        self.receive = _stamp(cursor)
        self.transmit = _stamp(cursor)

    def source(self) -> str:
        """Where the server has its time from: an address, the name of a clock, or nothing that can be told."""
        if self.stratum == 1:
            return self.reference.rstrip(b"\0").decode("ascii", "replace")
        return str(ip_address(self.reference)) if 2 <= self.stratum < UNREACHED and self.reference != bytes(4) else ""

    def kiss(self) -> str:
        """The code of a kiss-o'-death; "" where it is none."""
        code = self.reference.decode("ascii", "replace")
        return code if self.mode == SERVER and self.stratum == 0 and code.isalnum() else ""

    def record(self) -> dict[str, JsonValue]:
        return {"mode": self.mode, "version": self.version, "stratum": self.stratum, "leap": self.leap}


class NtpEvent(Event):
    """One statement about the time of a server."""

    phase: ClassVar[str] = "time"
    spec: ClassVar[str] = "RFC 5905 §7.3"

    def __init__(self, observed: Observed, packet: NtpPacket) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.packet = packet

    def fields(self) -> dict[str, JsonValue]:
        return dict(self.packet.record())

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self.packet.record()


class NtpAsked(NtpEvent):
    """A request. Told by its answer; by itself it is only a line."""

    name: ClassVar[str] = "ntp.request"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 5905 §9.1"
    WHY: ClassVar[str] = (
        "A client asks its servers from time to time, every 64 to 1024 seconds, more often at the start. In its "
        "request it needs to say nothing but a number by which it knows the answer."
    )

    def label(self) -> str:
        return "request"

    def what(self) -> str:
        return f"The client asks for the time (version {self.packet.version})."


class NtpAnswer(NtpEvent):
    """An answer with the request that it answers. took_ns: between the two.

    ahead_ns: how far the clock of the server is ahead of that of the capture, ±error_ns; None where its stamps say
    nothing. client_ns: how far the client's is, by its own stamp; None where it sends none.
    """

    name: ClassVar[str] = "ntp.answer"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5905 §8"
    WHY: ClassVar[str] = (
        "The server stamps when the request came and when its answer left. With its own two stamps the client reckons "
        "how far its clock is off, as if both ways took the same time; the error is half of the round trip at most."
    )

    def __init__(self, observed: Observed, packet: NtpPacket, asked: NtpRequest) -> None:
        super().__init__(observed, packet)
        self.took_ns = observed.time - asked.time
        came, left, said = nanoseconds(packet.receive), nanoseconds(packet.transmit), nanoseconds(asked.transmit)
        self.ahead_ns: int | None = None
        self.client_ns: int | None = None
        self.error_ns = max(self.took_ns - max(left - came, 0), 0) // 2
        if came >= 0 and left >= 0 and abs(left - observed.time) < BELIEVED_NS:
            self.ahead_ns = (came - asked.time + left - observed.time) // 2
        if said >= 0 and abs(said - asked.time) < BELIEVED_NS:
            self.client_ns = said - asked.time

    def synchronised(self) -> bool:
        return self.packet.leap != UNSYNCHRONISED and 0 < self.packet.stratum < UNREACHED

    def label(self) -> str:
        return f"stratum {self.packet.stratum}"

    def what(self) -> str:
        packet = self.packet
        source = f", with its time from {packet.source()}" if packet.source() else ""
        return f"{duration(self.took_ns)} later the server answers with its time: stratum {packet.stratum}{source}."

    def said(self) -> str:
        return f"time of stratum {self.packet.stratum}"

    def headline(self) -> Headline | None:
        return Headline("NTP", self.said(), self.time - self.took_ns, self.time)

    def fields(self) -> dict[str, JsonValue]:
        out = super().fields() | {"took_ns": self.took_ns, "source": self.packet.source()}
        if self.ahead_ns is not None:
            out |= {"ahead_s": round(self.ahead_ns / BILLION, 6), "error_s": round(self.error_ns / BILLION, 6)}
        return out


class NtpUnsynchronised(NtpAnswer):
    """An answer of a server that has no time itself."""

    name: ClassVar[str] = "ntp.unsynchronised"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5905 §7.3"
    WHY: ClassVar[str] = (
        "A server that has not heard of a better clock for long, or not yet, says so. No client takes its time, but "
        "asks another server, or goes on with its own clock."
    )

    def said(self) -> str:
        return "the server has no time itself"

    def what(self) -> str:
        return f"{duration(self.took_ns)} later the server answers that its own clock is not synchronised."


class NtpKiss(NtpAnswer):
    """A kiss-o'-death: the server sends no time, and says why."""

    name: ClassVar[str] = "ntp.kiss"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5905 §7.4"
    WHY: ClassVar[str] = (
        "By four letters a server tells a client to ask less often, or never again. A client has to heed it."
    )

    def said(self) -> str:
        return f"kiss-o'-death {self.packet.kiss()}"

    def reason(self) -> str:
        return KISSES.get(self.packet.kiss(), "for a reason that is not among those of the standard")

    def label(self) -> str:
        return f"kiss {self.packet.kiss()}"

    def what(self) -> str:
        return f"The server sends no time, but {self.packet.kiss()}: {self.reason()}."


class NtpMessage(NtpEvent):
    """Any other message: between peers, to everybody, or an answer to what the capture does not hold."""

    name: ClassVar[str] = "ntp.message"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 5905 §3"
    WHY: ClassVar[str] = "Servers also ask one another, as peers, or send their time to a whole network."

    def label(self) -> str:
        return MODES.get(self.packet.mode, f"mode {self.packet.mode}")

    def what(self) -> str:
        return f"A message of NTP, mode {self.label()}, stratum {self.packet.stratum}."


class NtpUnanswered(Event):
    """Requests that nobody answered in what is observed. how: with what that ends (`Close.how`)."""

    name: ClassVar[str] = "ntp.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = "time"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5905 §9.1"
    WHY: ClassVar[str] = (
        "The request or its answer was lost, a filter stops them, no server is there, the answer took a way that this "
        "capture does not see, or the capture ended too early."
    )

    def __init__(self, observed: Observed, times: list[int], how: str = CAPTURE_ENDED) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.times = times
        self.how = how

    def label(self) -> str:
        return "no answer"

    def what(self) -> str:
        where = "what was read" if self.how == READING_ENDED else "this capture"
        return f"{plural(len(self.times), 'request')} for the time without an answer in {where}."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": len(self.times)}


class NtpRequest:
    """One that waits for its answer."""

    def __init__(self, frame: int, time: int, direction: int, transmit: int) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.transmit = transmit


class NtpObserver(Dissector):
    """Pairs requests with answers, which repeat the stamp of the request (RFC 5905 §8)."""

    def __init__(self, _context: Context) -> None:
        self.open: dict[int, NtpRequest] = {}

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        observed = seen(datagram)
        if len(datagram.data) < HEADER:
            return []                   # cut by the capture, or a message of another kind: control, private
        packet = NtpPacket(datagram.data)
        if packet.mode == CLIENT:
            if len(self.open) < MAX_OPEN:
                self.open[packet.transmit] = NtpRequest(
                    datagram.frame, datagram.time, datagram.direction, packet.transmit
                )
            return [NtpAsked(observed, packet)]
        asked = self.open.get(packet.originate) if packet.mode == SERVER else None
        if asked is None or asked.direction == datagram.direction:
            return [NtpMessage(observed, packet)]
        del self.open[packet.originate]
        both = Observed(datagram.time, datagram.direction, Evidence(tuple(sorted({asked.frame, datagram.frame}))))
        if packet.kiss():
            return [NtpKiss(both, packet, asked)]
        answer = NtpAnswer(both, packet, asked)
        return [answer if answer.synchronised() else NtpUnsynchronised(both, packet, asked)]

    def on_close(self, close: Close) -> list[Output]:
        if not self.open:
            return []
        waiting = sorted(self.open.values(), key=_frame)
        self.open = {}
        frames = tuple(sorted({one.frame for one in waiting}))[:20]
        times = sorted([one.time for one in waiting])
        return [NtpUnanswered(Observed(times[-1], waiting[0].direction, Evidence(frames)), times, close.how)]


def _frame(request: NtpRequest) -> int:
    return request.frame


def probe(data: bytes, direction: int) -> int:
    """A header of version 1 to 4 and of a mode with one, of 48 octets, or with extensions or a MAC behind it."""
    if len(data) < HEADER or len(data) % 4 or not 1 <= data[0] >> 3 & 7 <= 4 or data[0] & 7 not in MODES:
        return NO
    return YES if data[1] <= UNREACHED else NO


NTP: Final = Protocol(
    name="ntp",
    title="NTP",
    summary="The time: requests with their answers, how good the server's clock is and how far ahead.",
    specs=("RFC 5905", "RFC 8915"),
    create=NtpObserver,
    carriers=("udp",),
    ports={"udp": (123,)},
    events=(NtpAsked, NtpAnswer, NtpUnsynchronised, NtpKiss, NtpMessage, NtpUnanswered),
    terms=(
        Term("stratum", "How many servers a clock is away from one that has its time from outside, such as a "
             "satellite: 1 is the server beside it, 15 the last; 16 says that it has no time.", "RFC 5905 §3"),
        Term("kiss-o'-death", "An answer of NTP without a time: four letters say why, and whether the client may ask "
             "again.", "RFC 5905 §7.4", ("stratum",)),
    ),
    probe=probe,
    probe_anywhere=False,
    phases={"time": "Time"},
    fields=(
        DisplayField("ntp.flags.mode", NUMBER, "3 from a client, 4 from a server", "mode"),
        DisplayField("ntp.flags.vn", NUMBER, "version", "version"),
        DisplayField("ntp.stratum", NUMBER, "how far the clock is from the source of its time", "stratum"),
    ),
)
