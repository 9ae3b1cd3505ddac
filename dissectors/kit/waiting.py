"""Requests over datagrams that wait for their answer, for protocols whose answers repeat something of the request."""
from __future__ import annotations

from dissectors.kit.event import Evidence, Observed
from dissectors.kit.inputs import Datagram

MAX_CITED = 20        # frames of one request, and of those without an answer


class Waiting:
    """A request, and how often it was sent. said: its name, for a sentence."""

    def __init__(self, said: str, direction: int) -> None:
        self.said = said
        self.direction = direction
        self.frames: list[int] = []
        self.times: list[int] = []

    def again(self) -> str:
        """In a sentence, that it is not the first attempt."""
        return f", for the {_nth(len(self.times))} time" if len(self.times) > 1 else ""


class Waits:
    """Those of a conversation. most: how many are kept; of what is beyond nothing is known."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: dict[bytes, Waiting] = {}
        self.full = False

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
        if len(known.times) < MAX_CITED:
            known.times.append(datagram.time)
            if datagram.frame not in known.frames:
                known.frames.append(datagram.frame)
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
                frames = sorted({frame for one in mine for frame in one.frames})[:MAX_CITED]
                last = max([one.times[-1] for one in mine])
                found.append((Observed(last, direction, Evidence(tuple(frames))), mine))
        self.open = {}
        return found


def both(asked: Waiting | None, datagram: Datagram) -> Observed:
    """An answer, proven by the first request and itself."""
    frames = {datagram.frame, *(asked.frames[:1] if asked is not None else ())}
    return Observed(datagram.time, datagram.direction, Evidence(tuple(sorted(frames))))


def _nth(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, f"{count}th")
