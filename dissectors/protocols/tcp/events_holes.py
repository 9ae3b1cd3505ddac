"""Events of data that are missing at the receiver, and of what it says about them. direction is the sender's."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.cited import Cited
from dissectors.kit.event import CORE, Evidence, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.inputs import Gap, Overlap
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.protocols.tcp import events as tcp
from dissectors.protocols.tcp.events import LIKELY, POSSIBLE, TRANSFER, TcpEvent, TcpObserved, capital, frame_list


class Missing:
    """What a receiver still asks for at the end. seq: raw, of the first byte missing.

    octets: -1 where it is not known how many. unseen: no frame of the capture carries them. beyond: the frame that
    lies behind them, 0 where none shows it; fin: that one is the FIN. asked: the frame that asks for them first.
    duplicates, sacked: how. watched_ns: how long the connection is seen after that.
    """

    def __init__(self, seq: int, octets: int) -> None:
        self.seq = seq
        self.octets = octets
        self.unseen = False
        self.beyond = 0
        self.fin = False
        self.asked = 0
        self.duplicates = 0
        self.sacked = False
        self.watched_ns = 0

    def signs(self) -> str:
        """`3 duplicate ACKs with SACK`."""
        if not self.duplicates:
            return "SACK blocks that leave a hole"
        return plural(self.duplicates, "duplicate ACK") + (" with SACK" if self.sacked else "")


class Unrepaired(TcpEvent):
    """The receiver asked for bytes, and up to the end of what was seen nobody sent them (again)."""

    name: ClassVar[str] = "tcp.unrepaired"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.8.1"
    WHY: ClassVar[str] = (
        "A receiver that repeats its ACK, or reports blocks beyond a hole, has not got what lies in between. It can "
        "hand nothing behind the hole to its application until the sender has filled it."
    )

    def __init__(self, observed: TcpObserved, hole: Missing) -> None:
        super().__init__(observed)
        self.hole = hole

    def label(self) -> str:
        return "missing"

    def missing(self) -> str:
        """`1010 bytes of the server`, or that some are."""
        hole = self.hole
        if hole.octets < 0:
            return f"data of {self.who()} from seq {hole.seq}"
        return f"{size(hole.octets)} of {self.who()}"

    def detail(self) -> str:
        return f"{size(self.hole.octets)} missing" if self.hole.octets >= 0 else f"missing from seq {self.hole.seq}"

    def grounds(self) -> str:
        """What shows it."""
        hole = self.hole
        text = ""
        if hole.beyond:
            text = f"{f'its FIN (#{hole.beyond})' if hole.fin else f'#{hole.beyond}'} begins behind them, and "
        return f"{text}{hole.signs()} of {self.peer()} (#{hole.asked}) {'asks' if self._one() else 'ask'} for them"

    def _one(self) -> bool:
        return self.hole.duplicates == 1

    def what(self) -> str:
        hole = self.hole
        one = hole.octets == 1
        text = f"{capital(self.missing())} {'is' if one else 'are'} missing: {self.grounds()}. "
        if hole.unseen:
            text += "No frame of the capture brings them"
        else:
            text += "They passed the capture once, and no resend is in it"
        if hole.watched_ns <= 0:
            return text + "."
        return f"{text}, though it shows {duration(hole.watched_ns)} more of this connection."

    def fields(self) -> dict[str, JsonValue]:
        hole = self.hole
        out: dict[str, JsonValue] = {
            "seq": hole.seq, "first_copy_unseen": hole.unseen, "duplicate_acks": hole.duplicates,
            "sacked": hole.sacked, "watched_ns": hole.watched_ns, "confidence": LIKELY,
        }
        if hole.octets >= 0:
            out["octets"] = hole.octets
        return out


class SackOutside(TcpEvent):
    """SACK blocks about bytes that their receiver cannot have got: beyond its window, or before the stream began."""

    name: ClassVar[str] = "tcp.sack_outside"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 2018 §3"
    WHY: ClassVar[str] = (
        "A SACK block names bytes by their sequence numbers. A machine on the path that changes the sequence numbers "
        "of a connection must change them in SACK blocks too; where it does not, the sender cannot use them, and may "
        "disregard the whole ACK."
    )

    def __init__(self, observed: TcpObserved, segments: int, distance: int) -> None:
        super().__init__(observed)
        self.segments = segments
        self.distance = distance

    def label(self) -> str:
        return "SACK outside"

    def where(self) -> str:
        side = "beyond" if self.distance > 0 else "before"
        return f"{grouped(abs(self.distance))} bytes {side} what it had acknowledged"

    def what(self) -> str:
        return (
            f"{plural(self.segments, 'segment')} of {self.peer()} "
            f"{'carry' if self.segments > 1 else 'carries'} SACK blocks outside the stream "
            f"({frame_list(self.evidence.frames)}): the first lies {self.where()}, where {self.who()} cannot have sent "
            "anything. They are not believed here. It looks as if something on the path changes the sequence numbers "
            "and leaves the SACK blocks as they were."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"segments": self.segments, "distance": self.distance, "confidence": POSSIBLE}


class StreamGap(TcpEvent):
    """Bytes that reassembly had to leave out. segments: more than one where the snap length cut so many."""

    name: ClassVar[str] = "tcp.gap"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.4"
    WHY: ClassVar[str] = (
        "The stream cannot be put together over a hole. What follows is decoded where a protocol can find its "
        "footing again, and what is missing is never made up."
    )

    def __init__(self, gap: Gap, sides: tuple[str, str]) -> None:
        super().__init__(TcpObserved(gap.time, gap.direction, (gap.frame,), sides))
        self.position = gap.position
        self.length = gap.length
        self.unheld = gap.unheld > 0
        self.segments = 1
        self.cited = Cited(tcp.MAX_FRAMES)
        self.cited.add(gap.frame)

    def add(self, gap: Gap) -> None:
        """Another segment of the same side that the snap length cut short."""
        self.segments += 1
        self.length += gap.length
        self.cited.add(gap.frame)
        self.evidence = Evidence(self.cited.frames())

    def label(self) -> str:
        return "gap"

    def what(self) -> str:
        if self.segments > 1:
            return (
                f"{size(self.length)} of {self.who()}'s stream are not in the capture: {grouped(self.segments)} "
                f"segments were cut short when they were captured, the first in #{self.evidence.frames[0]} and the "
                f"last in #{self.evidence.frames[-1]}."
            )
        if self.unheld:
            return (
                f"{size(self.length)} of {self.who()}'s stream are left out (from byte {self.position} on): so much "
                f"came before them, up to #{self.evidence.frames[0]}, that no more is held."
            )
        return (
            f"{size(self.length)} of {self.who()}'s stream are not in the capture (from byte {self.position} on); "
            f"#{self.evidence.frames[0]} shows it."
        )

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"position": self.position, "length": self.length}
        if self.segments > 1:
            out["segments"] = self.segments
        if self.unheld:
            out["unheld"] = True
        return out


class Conflict(TcpEvent):
    """The same bytes of the stream were sent twice with different content."""

    name: ClassVar[str] = "tcp.conflict"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.4"
    WHY: ClassVar[str] = (
        "A sender must repeat the same bytes under the same numbers. Two versions mean a broken sender, a machine on "
        "the path that rewrites, or somebody who wants an observer to read other bytes than the receiver."
    )

    def __init__(self, overlap: Overlap, sides: tuple[str, str], kept: str) -> None:
        """kept: "first" or "last", as reassembly decides."""
        again, first = overlap.frame, overlap.first_frame
        frames = (first, again) if 0 < first < again else (again,)
        super().__init__(TcpObserved(overlap.time, overlap.direction, frames, sides))
        self.position = overlap.position
        self.length = overlap.length
        self.kept = kept

    def label(self) -> str:
        return "conflict"

    def what(self) -> str:
        return (
            f"{size(self.length)} of {self.who()}'s stream were sent again with other content (from byte "
            f"{self.position} on, {frame_list(self.evidence.frames)}). The {self.kept} version is shown."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"position": self.position, "length": self.length, "kept": self.kept}
