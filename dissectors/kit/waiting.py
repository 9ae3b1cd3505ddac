"""Requests over datagrams that wait for their answer, for protocols whose answers repeat something of the request."""
from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dissectors.kit.cited import Cited
from dissectors.kit.event import CORE, Event, Evidence, JsonValue, LimitReached, Observed, seen
from dissectors.kit.inputs import Datagram
from dissectors.kit.observation import what_is_held
from dissectors.kit.units import duration, plural

MAX_TIMES: Final = 64       # attempts at one request whose times and frames are kept: the first ones, and the last
MAX_CITED: Final = 20       # frames of those without an answer


@mypyc_attr(allow_interpreted_subclasses=True)
class Attempts:
    """How often a request was sent. times: when, of the first ones and the last."""

    def __init__(self) -> None:
        self.count = 0
        self.times: list[int] = []
        self.cited = Cited(MAX_TIMES - 1)

    def sent(self, datagram: Datagram) -> None:
        self.count += 1
        if len(self.times) < MAX_TIMES:
            self.times.append(datagram.time)
        else:
            self.times[-1] = datagram.time
        self.cited.add(datagram.frame)

    def again(self) -> str:
        """In a sentence, that it is not the first attempt."""
        return f", for the {_nth(self.count)} time" if self.count > 1 else ""


class Waiting(Attempts):
    """said: its name, for a sentence."""

    def __init__(self, said: str, direction: int) -> None:
        super().__init__()
        self.said = said
        self.direction = direction


class Waits:
    """Those of a conversation. most: how many are kept; of what is beyond nothing is known."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: dict[bytes, Waiting] = {}
        self.full = False
        self._told = False

    def limit(self, datagram: Datagram, protocol: str) -> list[LimitReached]:
        """That there were more, once."""
        if not self.full or self._told:
            return []
        self._told = True
        return [LimitReached(seen(datagram), protocol, "MAX_WAITING", self.most)]

    def ask(self, key: bytes, datagram: Datagram, said: str) -> Waiting:
        """A request, or one more attempt. key: what its answer repeats."""
        name = bytes((datagram.direction & 1,)) + key
        known = self.open.get(name)
        if known is None:
            known = Waiting(said, datagram.direction)
            if len(self.open) < self.most:
                self.open[name] = known
            else:
                self.full = True
        known.sent(datagram)
        return known

    def asked(self, key: bytes, datagram: Datagram) -> Waiting | None:
        """What this answers; it goes on waiting."""
        return self.open.get(bytes((1 - datagram.direction & 1,)) + key)

    def answer(self, key: bytes, datagram: Datagram) -> Waiting | None:
        """What this answers for good."""
        return self.open.pop(bytes((1 - datagram.direction & 1,)) + key, None)

    def left(self) -> list[tuple[Observed, list[Waiting]]]:
        """Those of each direction that nobody answered."""
        found: list[tuple[Observed, list[Waiting]]] = []
        for direction in (0, 1):
            mine = [one for one in self.open.values() if one.direction == direction]
            if mine:
                frames = sorted({frame for one in mine for frame in one.cited.frames()})[:MAX_CITED]
                last = max([one.times[-1] for one in mine])
                found.append((Observed(last, direction, Evidence(tuple(frames))), mine))
        self.open = {}
        return found


def both(asked: Waiting | None, datagram: Datagram) -> Observed:
    """An answer, proven by the first request and itself."""
    frames = {datagram.frame, *(asked.cited.first[:1] if asked is not None else ())}
    return Observed(datagram.time, datagram.direction, Evidence(tuple(sorted(frames))))


def _nth(count: int) -> str:
    if count in (2, 3):
        return ("second", "third")[count - 2]
    last = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{last}"


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestsUnanswered(Event):
    """Requests that nobody answered in what is observed. how: with what that ends (`Close.how`)."""

    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, waiting: list[Waiting], how: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.waiting = waiting
        self.how = how

    def label(self) -> str:
        return "no answer"

    def which(self) -> str:
        """The requests, in words."""
        return plural(len(self.waiting), "request")

    def sent(self) -> int:
        """How often any of them was sent."""
        return sum([one.count for one in self.waiting])

    def what(self) -> str:
        return f"{self.which()}, sent {plural(self.sent(), 'time')}, without an answer in {what_is_held(self.how)}."

    def fields(self) -> dict[str, JsonValue]:
        return {"count": len(self.waiting)}


@mypyc_attr(allow_interpreted_subclasses=True)
class AttemptsUnanswered(Event):
    """One request that nobody answered in what is observed, however often it was sent. how: as above."""

    importance: ClassVar[str] = CORE

    def __init__(self, attempts: Attempts, direction: int, how: str) -> None:
        super().__init__(attempts.times[-1], direction, Evidence(attempts.cited.frames()))
        self.attempts = attempts
        self.how = how

    def label(self) -> str:
        return "no answer"

    def request(self) -> str:
        """Which one, and whose, in words."""
        return "a request"

    def lasted_ns(self) -> int:
        """From the first attempt to the last."""
        return self.attempts.times[-1] - self.attempts.times[0]

    def what(self) -> str:
        lasted = self.lasted_ns()
        within = f" within {duration(lasted)}" if lasted > 0 else ""
        return f"{self.request()}, sent {plural(self.attempts.count, 'time')}{within}: no answer in " \
            f"{what_is_held(self.how)}."

    def fields(self) -> dict[str, JsonValue]:
        return {"attempts": self.attempts.count, "lasted_ns": self.lasted_ns()}
