"""Events about waits within a connection, and about its silence (RFC 9000 §4, §10.1)."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, CLOSING, CORE, JsonValue, Observed
from dissectors.kit.observation import Absence
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.quic.events import PACKETS, QuicEvent, capital, some
from dissectors.protocols.quic.flow import COUNT, STREAM_OF, WaitSum
from dissectors.protocols.quic.streams import HeldUp

END: Final = "quic end"


class FlowWaits(QuicEvent):
    """A sender had to wait, once or again and again, until the receiver allowed more."""

    name: ClassVar[str] = "quic.flow_wait"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §4.1; RFC 9000 §4.6; RFC 9000 §19.9; RFC 9000 §19.10"
    WHY: ClassVar[str] = (
        "A receiver says how much it takes, on each stream and in all, and raises that as it reads. A sender that has "
        "used it up waits, though the network could carry more: for a round trip at the least, and for as long as the "
        "receiver does not read."
    )

    def __init__(self, observed: Observed, client: int, waits: WaitSum) -> None:
        super().__init__(observed, client)
        self.waits = waits

    def label(self) -> str:
        return "flow control"

    def where(self) -> str:
        waits = self.waits
        if waits.kind == COUNT:
            return "the number of streams of one direction" if waits.id else "the number of streams"
        return f"stream {waits.id}" if waits.kind == STREAM_OF else waits.kind

    def limit(self) -> str:
        return plural(self.waits.limit, "stream") if self.waits.kind == COUNT else size(self.waits.limit)

    def detail(self) -> str:
        return f"{self.where()}, {plural(self.waits.times, 'wait')}, {duration(self.waits.total_ns)}"

    def what(self) -> str:
        waits = self.waits
        text = f"{capital(self.who())} has used up what {self.peer()} allows it of {self.where()}, at first "
        text += f"{self.limit()}: {plural(waits.times, 'wait')}, {duration(waits.total_ns)} in all until it sends "
        text += "more, as seen where the capture was taken."
        if waits.said:
            text += f" Of these it says {waits.said} itself."
        return text + (" That more is allowed after the last is not seen." if waits.vain else "")

    def fields(self) -> dict[str, JsonValue]:
        waits = self.waits
        out: dict[str, JsonValue] = {
            "kind": waits.kind, "first_limit": waits.limit, "times": waits.times, "said": waits.said,
            "total_ns": waits.total_ns, "longest_ns": waits.longest_ns, "open": waits.vain,
        }
        if waits.kind == STREAM_OF:
            out["stream_id"] = waits.id
        return out


class StreamsHeldUp(QuicEvent):
    """Streams of one direction that waited for octets that came late. waits: in their order."""

    name: ClassVar[str] = "quic.held_up"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §2.2; RFC 9000 §13.3"
    WHY: ClassVar[str] = (
        "What a lost packet carried of a stream holds up that stream alone: its later bytes wait until it is sent "
        "again. Over TCP everything behind it would wait, of whatever stream."
    )

    def __init__(self, observed: Observed, client: int, waits: list[HeldUp]) -> None:
        super().__init__(observed, client)
        self.waits = waits

    def label(self) -> str:
        return "held up"

    def streams(self) -> list[int]:
        return sorted({wait.number for wait in self.waits})

    def longest(self) -> HeldUp:
        return max(self.waits, key=_lasted)

    def detail(self) -> str:
        return f"{self.named()}, {duration(_lasted(self.longest()))} at most"

    def named(self) -> str:
        names = some([str(number) for number in self.streams()])
        return f"streams {names}" if len(self.streams()) > 1 else f"stream {names}"

    def what(self) -> str:
        one = self.longest()
        most = f"stream {one.number} for {duration(_lasted(one))} at most" if len(self.waits) > 1 else (
            f"for {duration(_lasted(one))}"
        )
        text = f"{capital(self.named())} of {self.who()} waited for bytes that came late, {most} "
        text += f"(#{one.since_frame} to #{one.until_frame})."
        if one.others:
            text += f" Meanwhile {plural(one.others, 'other stream')} went on."
        return text

    def fields(self) -> dict[str, JsonValue]:
        waits: list[JsonValue] = [
            {"stream_id": wait.number, "waited_ns": _lasted(wait), "others_went_on": wait.others}
            for wait in self.waits
        ]
        return {"waits": waits}


def _lasted(wait: HeldUp) -> int:
    return wait.until_ns - wait.since_ns


class Silence:
    """Nothing of a connection was seen for longer than it lives. timeout_ns: after which it is over.

    whose: the side whose timeout that is: "client", "server" or "both".     since, until: the packets around it.
    after: datagrams of client and server behind it; last_ns: the last of them.
    """

    def __init__(self, since_ns: int, since_frame: int, until_ns: int, until_frame: int, after: list[int]) -> None:
        self.since_ns = since_ns
        self.since_frame = since_frame
        self.until_ns = until_ns
        self.until_frame = until_frame
        self.timeout_ns = -1
        self.whose = ""
        self.after = after
        self.last_ns = until_ns

    @property
    def lasted_ns(self) -> int:
        return self.until_ns - self.since_ns

    def gives_up(self) -> str:
        return "both sides give" if self.whose == "both" else f"the {self.whose} gives"


class IdleEnd(QuicEvent):
    """A side goes on with a connection after a silence that was too long. absent: what may be concluded from that."""

    name: ClassVar[str] = "quic.idle_end"
    phase: ClassVar[str] = END
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §10.1"
    WHY: ClassVar[str] = (
        "Each side says after which silence it gives a connection up, and the shorter time counts. It then forgets the "
        "connection without a word: who sends later gets no answer, or a stateless reset. A PING now and then keeps a "
        "connection, and the way through a NAT, open."
    )

    def __init__(self, observed: Observed, client: int, silence: Silence, absent: Absence) -> None:
        super().__init__(observed, client)
        self.silence = silence
        self.unproven = "" if absent.proven else absent.why

    def label(self) -> str:
        return "idle timeout"

    def detail(self) -> str:
        return f"{duration(self.silence.timeout_ns)}, silent for {duration(self.silence.lasted_ns)}"

    def what(self) -> str:
        silence = self.silence
        text = f"Nothing of the connection is seen for {duration(silence.lasted_ns)} after #{silence.since_frame}, and "
        text += f"{silence.gives_up()} it up after {duration(silence.timeout_ns)} of silence. {capital(self.who())} "
        text += f"sends {plural(sum(silence.after), 'datagram')} after that, and no answer is seen."
        return text + (f" But {self.unproven}." if self.unproven else "")

    def fields(self) -> dict[str, JsonValue]:
        silence = self.silence
        return {
            "timeout_ns": silence.timeout_ns, "silent_ns": silence.lasted_ns, "whose": silence.whose,
            "client_after": silence.after[0], "server_after": silence.after[1], "unproven": self.unproven,
        }
