"""Events of the time in which a TCP connection carries data, other than repairs."""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64

from dissectors.kit.event import BASE, CORE, EXTRA, NEITHER, SUMMED, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.units import duration, plural, rate, size, span
from dissectors.protocols.tcp.events import LIKELY, TRANSFER, TcpEvent, TcpObserved, capital, frame_list, seen_in
from dissectors.protocols.tcp.segment import Segment

# A run shorter than this has no rate worth telling.
LEAST_SEGMENTS: Final = 10
LEAST_LASTED_NS: Final = 1_000_000


class DataRun:
    """Data of one direction, until the other side's turn, a pause, or the end. start, last: when, with their frames.

    turn counts from 1 over both directions. octets: stream bytes, each once (without those that the capture missed).
    after_ns: since the last data of the other side; pause_ns: since the last ones of this side, where it had been
    silent for long; -1 where it was not so.
    """

    def __init__(self, direction: i64, turn: i64, time: i64, frame: i64) -> None:
        self.direction: i64 = direction
        self.turn: i64 = turn
        self.start: i64 = time
        self.first_frame: i64 = frame
        self.last: i64 = time
        self.last_frame: i64 = frame
        self.octets: i64 = 0
        self.segments: i64 = 0
        self.after_ns: i64 = -1
        self.pause_ns: i64 = -1

    def add(self, time: i64, frame: i64, octets: i64) -> None:
        self.last = time
        self.last_frame = frame
        self.octets += octets
        self.segments += 1


class UntoldTurns:
    """The sum of the turns that are not told one by one. octets: by direction; start, last: when they came, with
    their frames. longest: of
    each direction, the run that came after the longest wait for it."""

    def __init__(self) -> None:
        self.longest = [DataRun(0, 0, 0, 0), DataRun(1, 0, 0, 0)]
        self.turns = 0
        self.octets = [0, 0]
        self.start = 0
        self.last = 0
        self.first_frame = 0
        self.last_frame = 0

    def add(self, run: DataRun) -> None:
        if self.turns == 0:
            self.start = int(run.start)
            self.first_frame = int(run.first_frame)
        self.turns += 1
        self.octets[run.direction] += int(run.octets)
        if run.after_ns > self.longest[run.direction].after_ns:
            self.longest[run.direction] = run
        self.last = int(run.last)
        self.last_frame = int(run.last_frame)


class WindowClosure:
    """A time without room at a receiver. how: "update" where an update reopened the window, "unseen" where data of the
    peer show that one did, which the capture does not have, "end" where nothing did.

    lasted_ns: until an update, otherwise until the last sign that it was closed. most_ns: until the data, or the last
    segment of the connection, came; -1 with an update. answers: to probes, saying that it is still closed.
    reopened: bytes of room, 0 where it was not. resumed_ns: from the update until data came, -1 where none did.
    """

    def __init__(self) -> None:
        self.lasted_ns = 0
        self.most_ns = -1
        self.probes = 0
        self.answers = 0
        self.reopened = 0
        self.how = ""
        self.resumed_ns = -1


class KeepAliveExchange:
    """Keep-alive probes of one side and their answers. start, last: when the first and the last probe came;
    idle_ns: the silence before them, -1 where unknown; unanswered: probes since the last answer; reset: the last
    answer was a RST."""

    def __init__(self) -> None:
        self.start = 0
        self.last = 0
        self.idle_ns = -1
        self.probes = 0
        self.answers = 0
        self.unanswered = 0
        self.reset = False


class Transfer(TcpEvent):
    """A run of data in one direction."""

    name: ClassVar[str] = "tcp.transfer"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8"
    WHY: ClassVar[str] = (
        "TCP carries two streams of bytes, one each way, and knows no messages: where a request ends only the "
        "application knows. Who sends when, and how long the other side takes to answer, shows its rhythm."
    )

    def __init__(self, run: DataRun, sides: tuple[str, str]) -> None:
        frames = (int(run.first_frame), int(run.last_frame))
        super().__init__(TcpObserved(
            run.start, run.direction, frames if run.last_frame > run.first_frame else frames[:1], sides
        ))
        self.octets = int(run.octets)
        self.segments = int(run.segments)
        self.lasted_ns = int(run.last - run.start)
        self.after_ns = int(run.after_ns)
        self.pause_ns = int(run.pause_ns)
        self.turn = int(run.turn)

    def label(self) -> str:
        return "data"

    def bits_per_second(self) -> float:
        """0 for a burst so short that a rate would say nothing."""
        if self.segments < LEAST_SEGMENTS or self.lasted_ns < LEAST_LASTED_NS:
            return 0.0
        return self.octets * 8e9 / self.lasted_ns

    def detail(self) -> str:
        text = f"{size(self.octets)} in {plural(self.segments, 'segment')}"
        if self.segments > 1 and self.lasted_ns > 0:
            text += f", {duration(self.lasted_ns)}"
        if self.bits_per_second() > 0:
            text += f", {rate(self.bits_per_second())}"
        return text

    def what(self) -> str:
        text = f"{capital(self.who())} sends {size(self.octets)} in {plural(self.segments, 'segment')}"
        if self.segments > 1 and self.lasted_ns > 0:
            text += f" within {duration(self.lasted_ns)}"
        text += "."
        if self.pause_ns >= 0:
            text += f" It had been silent for {duration(self.pause_ns)}."
        elif self.after_ns >= 0:
            text += f" The first of it comes {span(self.after_ns)} after the last data of {self.peer()}."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "octets": self.octets, "segments": self.segments, "lasted_ns": self.lasted_ns, "turn": self.turn,
        }
        if self.after_ns >= 0:
            out["after_peer_ns"] = self.after_ns
        if self.pause_ns >= 0:
            out["pause_ns"] = self.pause_ns
        return out


class Turns(TcpEvent):
    """Turns that were counted but not told one by one.

    longest: by direction, how long the other side waited for one of them at most (-1 for none), and its frame.
    """

    name: ClassVar[str] = "tcp.turns"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8"
    WHY: ClassVar[str] = "A conversation of many short turns is told as a sum, so that its story stays readable."

    def __init__(self, untold: UntoldTurns, sides: tuple[str, str]) -> None:
        super().__init__(TcpObserved(untold.start, NEITHER, (untold.first_frame, untold.last_frame), sides))
        self.turns = untold.turns
        self.octets_forward, self.octets_backward = untold.octets
        self.longest = [(int(run.after_ns), int(run.first_frame)) for run in untold.longest]
        self.lasted_ns = untold.last - untold.start

    def label(self) -> str:
        return "data"

    def what(self) -> str:
        lasted = f", in {duration(self.lasted_ns)}" if self.lasted_ns > 0 else ""
        return (
            f"{plural(self.turns, 'more turn')} not told one by one{lasted}: "
            f"{size(self.octets_forward)} from {self.sides[0]}, {size(self.octets_backward)} from {self.sides[1]}."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {
            "turns": self.turns, "octets": [self.octets_forward, self.octets_backward], "lasted_ns": self.lasted_ns
        }


class ZeroWindow(TcpEvent):
    """A receiver without room. direction is the receiver's: the side that advertised nothing."""

    name: ClassVar[str] = "tcp.zero_window"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.8.6.1"
    WHY: ClassVar[str] = (
        "The window is the room that the receiver has left. When its application does not read, the room runs out "
        "and the sender must stop. The sender then probes from time to time, because the update that reopens the "
        "window might be lost and both would wait for ever."
    )

    def __init__(self, observed: TcpObserved, closure: WindowClosure) -> None:
        super().__init__(observed)
        self.lasted_ns = closure.lasted_ns
        self.most_ns = closure.most_ns
        self.probes = closure.probes
        self.answers = closure.answers
        self.reopened = closure.reopened
        self.how = closure.how
        self.resumed_ns = closure.resumed_ns

    def label(self) -> str:
        return "zero window"

    def detail(self) -> str:
        text = f"closed{self.lasted()}, " + plural(self.probes, "probe")
        return text + (f", reopened with {size(self.reopened)}" if self.how == "update" else "")

    def what(self) -> str:
        text = (
            f"{capital(self.who())} has no room left: from #{self.evidence.frames[0]} on its window is 0"
            f"{self.lasted()}."
        )
        if self.probes:
            text += f" {capital(self.peer())} probes {plural(self.probes, 'time')}"
            text += f" and is told so {plural(self.answers, 'time')}." if self.answers else "."
        if self.how == "update":
            text += f" #{self.evidence.frames[-1]} reopens it with {size(self.reopened)}."
            if self.resumed_ns >= 0:
                text += f" Data go on {span(self.resumed_ns)} later."
        elif self.how == "unseen":
            text += f" Then {self.peer()} sends more than that leaves room for: it opened in a segment that is not in"
            text += " the capture."
        elif self.how == "end":
            text += " It was still closed when the connection ended or the capture did."
        return text

    def lasted(self) -> str:
        return closed_for([self])

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "lasted_ns": self.lasted_ns, "probes": self.probes, "answers": self.answers, "ended_by": self.how,
        }
        if self.most_ns >= 0:
            out["at_most_ns"] = self.most_ns
        if self.how == "update":
            out["reopened_octets"] = self.reopened
        if self.resumed_ns >= 0:
            out["resumed_ns"] = self.resumed_ns
        return out


def closed_for(events: list[ZeroWindow]) -> str:
    """` for 2.97 s`: how long the window was closed in sum, as exactly as it is known; empty where it is not."""
    least = sum([event.lasted_ns for event in events])
    most = sum([event.most_ns if event.how == "unseen" else event.lasted_ns for event in events])
    longer = any(event.how == "end" and event.most_ns > event.lasted_ns for event in events)
    if longer or (least > 0 and most > least):
        text = f" for at least {duration(least)}" if least > 0 else ""
        return text + (f", at most {duration(most)}" if text and most > least and not longer else "")
    if most > least:
        return f" for at most {duration(most)}"
    return f" for {duration(least)}" if least > 0 else ""


class WindowFull(TcpEvent):
    """The sender filled the window that its peer had advertised. direction is the sender's."""

    name: ClassVar[str] = "tcp.window_full"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8.6"
    WHY: ClassVar[str] = (
        "A sender may have no more unacknowledged bytes under way than the window allows. When it fills the window, "
        "it is the receiver's buffer and the round trip that set the pace, not the network."
    )

    def __init__(self, observed: TcpObserved, count: int, window: int) -> None:
        super().__init__(observed)
        self.count = count
        self.window = window

    def label(self) -> str:
        return "window full"

    def what(self) -> str:
        text = f"{capital(self.who())} fills the window of {size(self.window)} that {self.peer()} had advertised"
        return f"{text}, {plural(self.count, 'time')} in this run." if self.count > 1 else text + "."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": self.count, "window": self.window}


class WindowShrunk(TcpEvent):
    """The right edge of the window moved back. direction is the receiver's."""

    name: ClassVar[str] = "tcp.window_shrunk"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8.6"
    WHY: ClassVar[str] = (
        "A receiver that takes back room it had promised may find bytes under way that it no longer wants. The "
        "standard strongly discourages it, and asks senders to survive it."
    )

    def __init__(self, observed: TcpObserved, count: int, largest: int) -> None:
        super().__init__(observed)
        self.count = count
        self.largest = largest

    def label(self) -> str:
        return "window shrunk"

    def what(self) -> str:
        text = f"{capital(self.who())} takes back room it had promised: the right edge of its window moves back by "
        if self.count == 1:
            return text + f"{size(self.largest)} in #{self.evidence.frames[0]}."
        return text + f"up to {size(self.largest)}, {plural(self.count, 'time')}, first in #{self.evidence.frames[0]}."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": self.count, "largest_octets": self.largest}


class KeepAlive(TcpEvent):
    """An exchange of keep-alives: probes from one side, answers from the other."""

    name: ClassVar[str] = "tcp.keep_alive"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8.4"
    WHY: ClassVar[str] = (
        "An idle connection sends nothing, so a peer that has died cannot be told from one that is silent. A "
        "keep-alive repeats a byte number that was acknowledged already; a living peer must answer. It also keeps "
        "address translators and firewalls from forgetting the connection."
    )

    def __init__(self, observed: TcpObserved, exchange: KeepAliveExchange) -> None:
        super().__init__(observed)
        self.probes = exchange.probes
        self.answers = exchange.answers
        self.unanswered = exchange.unanswered     # the last ones
        self.lasted_ns = exchange.last - exchange.start
        self.interval_ns = self.lasted_ns // (self.probes - 1) if self.probes > 1 else -1
        self.idle_ns = exchange.idle_ns
        self.reset = exchange.reset

    def label(self) -> str:
        return "keep-alive"

    def detail(self) -> str:
        text = f"{plural(self.probes, 'probe')}, {plural(self.answers, 'answer')}"
        return text + (f", every {duration(self.interval_ns)}" if self.interval_ns >= 0 else "")

    def what(self) -> str:
        text = f"{capital(self.who())} asks {plural(self.probes, 'time')} whether {self.peer()} is still there"
        if self.interval_ns >= 0:
            text += f", every {duration(self.interval_ns)}"
        if self.idle_ns > 0:
            text += f", first after {duration(self.idle_ns)} of silence"
        if self.answers == 0:
            return text + ". No answer was seen."
        if self.reset:
            return text + (". A RST answers it." if self.probes == 1 else ". The last answer is a RST.")
        return text + (". Each is answered." if self.answers >= self.probes else f". {self.answers} are answered.")

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"probes": self.probes, "answers": self.answers, "lasted_ns": self.lasted_ns}
        if self.interval_ns >= 0:
            out["interval_ns"] = self.interval_ns
        if self.idle_ns >= 0:
            out["idle_ns"] = self.idle_ns
        return out


class CongestionMarks(TcpEvent):
    """Marks of congestion: CE on packets, ECE from the receiver, CWR from the sender. direction is the sender's."""

    name: ClassVar[str] = "tcp.congestion_marks"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 3168 §6.1"
    WHY: ClassVar[str] = (
        "A marked packet arrives instead of being dropped. The receiver echoes the mark (ECE) until the sender says "
        "that it has slowed down (CWR): congestion is told without a loss and without a repair."
    )

    def __init__(self, observed: TcpObserved, marked: int, echoes: int, reduced: int) -> None:
        super().__init__(observed)
        self.marked = marked
        self.echoes = echoes
        self.reduced = reduced

    def label(self) -> str:
        return "ECN"

    def what(self) -> str:
        parts: list[str] = []
        if self.marked:
            parts.append(f"{plural(self.marked, 'packet')} from {self.who()} carried the mark for congestion (CE)")
        if self.echoes:
            parts.append(f"{self.peer()} echoed marks in {plural(self.echoes, 'segment')} (ECE)")
        if self.reduced:
            parts.append(f"{self.who()} said {plural(self.reduced, 'time')} that it slowed down (CWR)")
        return capital("; ".join(parts)) + f". First in #{self.evidence.frames[0]}."

    def fields(self) -> dict[str, JsonValue]:
        return {"ce": self.marked, "ece": self.echoes, "cwr": self.reduced}


class Limits(TcpEvent):
    """What held a direction back, in shares of the time in which it was sending: an inference."""

    name: ClassVar[str] = "tcp.limits"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5681 §3.1"
    WHY: ClassVar[str] = (
        "A transfer goes only as fast as the slowest of four: the application that supplies the bytes, the receiver's "
        "window, the congestion window after losses, and the path. Knowing which one tells what to change."
    )

    def __init__(self, observed: TcpObserved, shares: list[tuple[str, int]], basis: str) -> None:
        super().__init__(observed)
        self.shares = shares            # (cause, nanoseconds), largest first
        self.total_ns = sum([time for _cause, time in shares])
        self.basis = basis

    def label(self) -> str:
        return "limited by"

    def detail(self) -> str:
        return ", ".join(f"{cause} {self.percent(time)} %" for cause, time in self.shares if self.percent(time))

    def percent(self, time: int) -> int:
        return (100 * time + self.total_ns // 2) // self.total_ns if self.total_ns else 0

    def what(self) -> str:
        words = {
            "application": "by the application, which had nothing to send",
            "receiver": f"by the window of {self.peer()}",
            "congestion": "by the repair of losses or marks of congestion",
            "unknown": "by none of these that the frames show (the congestion window or the link may be the cause)",
        }
        parts = [
            f"for {self.percent(time)} % of the time {words[cause]}"
            for cause, time in self.shares if self.percent(time)
        ]
        return (
            f"What {self.who()} sends looks limited " + "; ".join(parts) +
            f". Reckoned over {duration(self.total_ns)} of sending, because {self.basis}."
        )

    def fields(self) -> dict[str, JsonValue]:
        shares: dict[str, JsonValue] = {}
        shares.update(self.shares)
        return {"shares_ns": shares, "total_ns": self.total_ns, "confidence": LIKELY, "basis": self.basis}


class Duplicates(TcpEvent):
    """Packets that the capture holds twice: an inference. reported: copies that reached the receiver too."""

    name: ClassVar[str] = "tcp.duplicates"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.8"
    WHY: ClassVar[str] = (
        "A capture at two places at once (a bridge, a mirror port both ways) shows each packet twice, and sometimes a "
        "network delivers one twice. Such a copy looks like a retransmission and is none."
    )

    def __init__(self, observed: TcpObserved, count: int, reported: int) -> None:
        super().__init__(observed)
        self.count = count
        self.reported = reported

    def label(self) -> str:
        return "duplicates"

    def what(self) -> str:
        text = (
            f"It looks as if {plural(self.count, 'packet')} came twice (copies: {frame_list(self.evidence.frames)}), "
            "because nothing asked for a resend and the numbers or the timestamp are those of the first sending. A "
            "copy is not a retransmission."
        )
        if self.reported:
            text += f" {capital(self.peer())} got copies too ({plural(self.reported, 'duplicate SACK')})."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {
            "count": self.count, "reported": self.reported, "confidence": LIKELY,
            "basis": "the numbers and options, or the timestamp, of the first sending, and no sign of loss",
        }


class Urgent(TcpEvent):
    """Urgent data: the URG bit with its pointer."""

    name: ClassVar[str] = "tcp.urgent"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9293 §3.8.5"
    WHY: ClassVar[str] = (
        "The urgent pointer asks the receiver to read up to a point at once. Implementations never agreed on what "
        "it points to, so new programs should not use it."
    )

    def __init__(self, segment: Segment, sides: tuple[str, str]) -> None:
        super().__init__(seen_in(segment, sides))
        self.pointer = segment.urgent

    def label(self) -> str:
        return "urgent"

    def what(self) -> str:
        return f"{capital(self.who())} marks data as urgent (pointer {self.pointer}) in #{self.evidence.frames[0]}."

    def fields(self) -> dict[str, JsonValue]:
        return {"pointer": self.pointer}
