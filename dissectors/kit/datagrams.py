"""Questions and answers of a protocol over UDP that nobody knows, told by their timing alone."""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64, mypyc_attr

from dissectors.kit.cited import Cited
from dissectors.kit.event import BASE, TRANSFER, Event, Evidence, JsonValue
from dissectors.kit.units import duration, grouped, plural, span

LEAST_ANSWERS: Final = 4        # of fewer pairs nothing is told
MAX_WAITS: Final = 2_000        # the first ones, that are kept beside the shortest and the longest of all
# A port that a host gives to whoever asks for none; services listen below (RFC 6335 §6; Linux begins at 32768).
EPHEMERAL: Final = 32_768
# Two streams of media pass one another at equal paces, and would look like questions and answers.
PACED_NS: Final[i64] = 200_000_000
PACED_PART: Final = 4


class AnswerWatch:
    """Of one conversation. asks: datagrams of the originator.     waits: ns until the next one of the responder, where
    that came before another question.     over: questions that another one followed first.     longest: the frame of
    the question that waited longest."""

    def __init__(self) -> None:
        self.asks = 0
        self.answered = 0
        self.over = 0
        self.unasked = 0
        self.waits: list[int] = []
        self.least: i64 = -1
        self.most: i64 = -1
        self.longest = 0
        self.first_time: i64 = -1
        self.cited = Cited(7)
        self._asked: i64 = -1
        self._frame: i64 = 0
        self._last: i64 = -1
        self._least_apart: i64 = -1
        self._most_apart: i64 = -1

    def take(self, direction: int, time: i64, frame: i64) -> None:
        if direction == 0:
            self.asks += 1
            self.over += 1 if self._asked >= 0 else 0
            if self._last >= 0:
                apart = time - self._last
                self._most_apart = max(self._most_apart, apart)
                if apart < self._least_apart or self._least_apart < 0:
                    self._least_apart = apart
            self._last = time
            self._asked = time
            self._frame = frame
            return
        if self._asked < 0:
            self.unasked += 1
            return
        wait = time - self._asked
        self._asked = -1
        if wait < 0:
            return
        self.answered += 1
        if self.first_time < 0:
            self.first_time = time
        if len(self.waits) < MAX_WAITS:
            self.waits.append(int(wait))
        if wait < self.least or self.least < 0:
            self.least = wait
        if wait > self.most:
            self.most = wait
            self.longest = int(self._frame)
        self.cited.add(int(self._frame))
        self.cited.add(int(frame))

    def paired(self) -> bool:
        """They look like questions and answers: hardly one is asked before the last was answered, hardly one answer is
        in several datagrams, and it is no pace that the questions keep."""
        steady = self._most_apart - self._least_apart
        paced = self._most_apart < PACED_NS and PACED_PART * steady <= self._most_apart
        return (
            self.answered >= LEAST_ANSWERS and not paced and 10 * self.over <= self.asks
            and 10 * self.unasked <= self.answered
        )


@mypyc_attr(allow_interpreted_subclasses=True)
class DatagramAnswers(Event):
    """How long answers took in a conversation over UDP of which nobody knows the protocol.

    answered: datagrams of the originator that one of the responder followed before the next.     least_ns, middle_ns,
    most_ns: how long that took.     kept: the first ones, of which middle_ns is the middle.     longest: the frame of
    the question that waited longest.
    """

    name: ClassVar[str] = "datagram_answers"
    phase: ClassVar[str] = "datagrams"
    rank: ClassVar[int] = TRANSFER
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 768"
    WHY: ClassVar[str] = (
        "UDP knows neither questions nor answers. Where the datagrams of two sides take turns, the time between says "
        "how long an answer took, whatever the protocol; what they said is not known."
    )

    def __init__(self, watch: AnswerWatch) -> None:
        super().__init__(int(watch.first_time), 1, Evidence(watch.cited.frames()))
        waits = sorted(watch.waits)
        self.asks = watch.asks
        self.answered = watch.answered
        self.least_ns = int(watch.least)
        self.kept = len(waits)
        self.middle_ns = waits[len(waits) // 2]
        self.most_ns = int(watch.most)
        self.longest = watch.longest

    def label(self) -> str:
        return "answers"

    def detail(self) -> str:
        return f"{plural(self.answered, 'pair')} by timing, {span(self.least_ns)} to {duration(self.most_ns)}"

    def what(self) -> str:
        them = "them" if self.kept == self.answered else f"the first {grouped(self.kept)}"
        return (
            f"{self.answered} of {plural(self.asks, 'datagram')} → are followed by one ← before the next: by that "
            f"timing answers took {span(self.least_ns)} to {duration(self.most_ns)} (the longest was asked for in "
            f"#{self.longest}), half of {them} at most {span(self.middle_ns)}."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {
            "asked": self.asks, "answered": self.answered, "least_ns": self.least_ns, "middle_ns": self.middle_ns,
            "most_ns": self.most_ns, "longest": self.longest,
        }
