"""A filter as objects that hold or do not hold of a frame. Compiled: each frame passes it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from analyzer.filter.sources import Source
from analyzer.filter.view import Value, View

Range = tuple[Value, Value]        # low and high, both included

# How an order compares, as a number that is tested fast.
LESS: Final = 0
AT_MOST: Final = 1
GREATER: Final = 2
AT_LEAST: Final = 3


@mypyc_attr(allow_interpreted_subclasses=True)
class Predicate:
    def holds(self, view: View) -> bool:
        return False


class Every(Predicate):
    def __init__(self, parts: list[Predicate]) -> None:
        self.parts = parts

    def holds(self, view: View) -> bool:
        for part in self.parts:     # noqa: SIM110  # a generator would cost as much as a test
            if not part.holds(view):
                return False
        return True


class Either(Predicate):
    def __init__(self, parts: list[Predicate]) -> None:
        self.parts = parts

    def holds(self, view: View) -> bool:
        for part in self.parts:  # noqa: SIM110
            if part.holds(view):
                return True
        return False


class Not(Predicate):
    def __init__(self, part: Predicate) -> None:
        self.part = part

    def holds(self, view: View) -> bool:
        return not self.part.holds(view)


class Layer(Predicate):
    """A protocol of the frame, by Wireshark's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def holds(self, view: View) -> bool:
        if self.name in view.packet.layers:
            return True
        if view.events:
            for protocol, _record in view.pdus():
                if protocol == self.name:
                    return True
        return False


class Framed(Predicate):
    """It is a frame: all are."""

    def holds(self, view: View) -> bool:
        return True


class There(Predicate):
    def __init__(self, source: Source) -> None:
        self.source = source

    def holds(self, view: View) -> bool:
        return len(self.source.values(view)) > 0


class BitsSet(Predicate):
    """Some value has one of the bits that its source leaves."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def holds(self, view: View) -> bool:
        for value in self.source.values(view):
            if isinstance(value, bytes):
                if value.strip(b"\0"):
                    return True
            elif value:
                return True
        return False


@mypyc_attr(allow_interpreted_subclasses=True)
class OfValues(Predicate):
    """One of the values of a field fits; with `every`, all of them do, and there is one."""

    def __init__(self, source: Source, every: bool) -> None:
        self.source = source
        self.every = every

    def fits(self, value: Value) -> bool:
        return False

    def holds(self, view: View) -> bool:
        values = self.source.values(view)
        every = self.every
        for value in values:
            if self.fits(value) != every:
                return not every
        return every and len(values) > 0


class Equal(OfValues):
    """It is this value; or with `opposite` it is not."""

    def __init__(self, source: Source, value: Value, every: bool, opposite: bool) -> None:
        super().__init__(source, every)
        self.value = value
        self.opposite = opposite

    def fits(self, value: Value) -> bool:
        return (value == self.value) != self.opposite


class Within(OfValues):
    """It lies in one of these ranges; or with `opposite` in none."""

    def __init__(self, source: Source, ranges: list[Range], every: bool, opposite: bool) -> None:
        super().__init__(source, every)
        self.singles = {low for low, high in ranges if low == high}
        self.ranges = [(low, high) for low, high in ranges if low != high]
        self.opposite = opposite

    def fits(self, value: Value) -> bool:
        return self._inside(value) != self.opposite

    def _inside(self, value: Value) -> bool:
        if value in self.singles:
            return True
        for low, high in self.ranges:  # noqa: SIM110
            if low <= value <= high:  # type: ignore[operator]  # of one type, as the checks saw to
                return True
        return False


class Ordered(OfValues):
    def __init__(self, source: Source, how: int, value: Value, every: bool) -> None:
        super().__init__(source, every)
        self.how = how
        self.value = value

    def fits(self, value: Value) -> bool:
        return ordered(value, self.how, self.value)


def ordered(value: Value, how: int, other: Value) -> bool:
    if how == LESS:
        return value < other  # type: ignore[operator, no-any-return, unused-ignore]
    if how == AT_MOST:
        return value <= other  # type: ignore[operator, no-any-return, unused-ignore]
    if how == GREATER:
        return value > other  # type: ignore[operator, no-any-return, unused-ignore]
    return value >= other  # type: ignore[operator, no-any-return, unused-ignore]


class Satisfies(OfValues):
    """It does what a function says; for what is asked seldom."""

    def __init__(self, source: Source, does: Callable[[Value], bool], every: bool) -> None:
        super().__init__(source, every)
        self.does = does

    def fits(self, value: Value) -> bool:
        return self.does(value)


class Paired(Predicate):
    """Some value of the one and some value of the other, or every two of them."""

    def __init__(self, source: Source, other: Source, does: Callable[[Value, Value], bool], every: bool) -> None:
        self.source = source
        self.other = other
        self.does = does
        self.every = every

    def holds(self, view: View) -> bool:
        values = self.source.values(view)
        others = self.other.values(view)
        for value in values:
            for other in others:
                if self.does(value, other) != self.every:
                    return not self.every
        return self.every and len(values) > 0 and len(others) > 0
