"""A filter, read and ready: what commands and the Python API hold."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from analyzer.filter.errors import FilterError
from analyzer.filter.fields import EVENTS, HEADERS, PROTOCOL, TOLD, fields
from analyzer.filter.grammar import parse
from analyzer.filter.matching import (
    AT_LEAST,
    AT_MOST,
    GREATER,
    LESS,
    BitsSet,
    Either,
    Equal,
    Every,
    Framed,
    Layer,
    Not,
    Ordered,
    Paired,
    Predicate,
    Satisfies,
    There,
    Within,
    ordered,
)
from analyzer.filter.parts import Layered, Sliced
from analyzer.filter.regular import Pattern
from analyzer.filter.sources import Source
from analyzer.filter.tree import (
    ALL,
    CONTAINS,
    EQUAL,
    MATCHES,
    UNEQUAL,
    Comparison,
    Junction,
    Membership,
    Negation,
    Operand,
    Pair,
    Presence,
    Range,
    Tree,
    operands,
    tests,
)
from analyzer.filter.view import Value, View
from dissectors.kit.event import DissectorFault, LimitReached, Malformed, OtherProtocol
from dissectors.registry import protocols

__all__ = ["Filter", "FilterError", "read_filter"]

ORDERS: Final = {"<": LESS, "<=": AT_MOST, ">": GREATER, ">=": AT_LEAST}
TRANSPORT: Final = "tcp."       # of events that only the second look at a capture tells


class Filter:
    """text: as it was written.   tree: what it means.   test: whether it holds of a frame.

    needs: HEADERS, EVENTS or TOLD: how much has to be known of a frame.
    """

    def __init__(self, text: str, tree: Tree) -> None:
        self.text = text
        self.tree = tree
        self.test = _test(tree)
        asked = operands(tree)
        self.needs = max([operand.field.needs for operand in asked], default=HEADERS)
        if self.needs == EVENTS and any(_of_transport(leaf) for leaf in tests(tree)):
            self.needs = TOLD

    def asks(self, name: str) -> bool:
        """Whether it asks for this field."""
        return any(operand.field.name == name for operand in operands(self.tree))

    def names(self, field: str) -> frozenset[str] | None:
        """The texts that this field is compared with; None where it may be any."""
        found: set[str] = set()
        for leaf in tests(self.tree):
            if not any(operand.field.name == field for operand in operands(leaf)):
                continue
            if isinstance(leaf, Comparison) and isinstance(leaf.value, Range) and not leaf.operand.function:
                found.add(str(leaf.value.low))
                if leaf.how == UNEQUAL:
                    return None
            elif isinstance(leaf, Membership) and all(one.low == one.high for one in leaf.ranges):
                found |= {str(one.low) for one in leaf.ranges}
            else:
                return None
        return frozenset(found)


def read_filter(text: str, findings: tuple[str, ...] = ()) -> Filter:
    """Raises FilterError.   findings: the codes that there are; () where that is not to be checked."""
    names = {"event": event_names()}
    if findings:
        names["finding"] = findings
    return Filter(text, parse(text, fields(), names))


def event_names() -> tuple[str, ...]:
    """Of every event that there is."""
    kit = (Malformed, OtherProtocol, LimitReached, DissectorFault)
    return tuple(dict.fromkeys([event.name for one in protocols() for event in one.events] + [one.name for one in kit]))


def _of_transport(leaf: Tree) -> bool:
    """Whether it asks for an event that may be one of TCP's, which a first look at the frames does not tell."""
    if isinstance(leaf, Comparison) and leaf.operand.field.name == "event":
        if leaf.how == EQUAL and isinstance(leaf.value, Range):
            return str(leaf.value.low).startswith(TRANSPORT)
        return True
    if isinstance(leaf, Membership) and leaf.operand.field.name == "event":
        return any(str(one.low).startswith(TRANSPORT) or one.low != one.high for one in leaf.ranges)
    return False


# -- from the tree to what is asked of each frame ----------------------------------------------------------------------


def _test(tree: Tree) -> Predicate:
    if isinstance(tree, Junction):
        parts = [_test(part) for part in tree.parts]
        return Every(parts) if tree.every else Either(parts)
    if isinstance(tree, Negation):
        return Not(_test(tree.of))
    if isinstance(tree, Presence):
        return _presence(tree.operand)
    source = _source(tree.operand)
    every = tree.quantity == ALL
    if isinstance(tree, Membership):
        return Within(source, [(one.low, one.high) for one in tree.ranges], every, False)
    if isinstance(tree, Pair):
        return Paired(source, _source(tree.other), _relation(tree.how), every)
    return _comparison(tree, source, every)


def _presence(operand: Operand) -> Predicate:
    if operand.mask != -1:
        return BitsSet(_source(operand))
    if operand.kind == PROTOCOL and not operand.layers:
        return Framed() if operand.field.name == "frame" else Layer(operand.field.name)
    return There(_source(operand))


def _comparison(tree: Comparison, source: Source, every: bool) -> Predicate:
    value = tree.value
    if isinstance(value, Range):
        opposite = tree.how == UNEQUAL
        if value.low == value.high:
            return Equal(source, value.low, every, opposite)
        return Within(source, [(value.low, value.high)], every, opposite)
    if tree.how == CONTAINS:
        return Satisfies(source, partial(_contains, value), every)
    if tree.how == MATCHES:
        return Satisfies(source, partial(_matches, Pattern(str(value))), every)
    return Ordered(source, ORDERS[tree.how], value, every)


def _contains(part: Value, value: Value) -> bool:
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    return isinstance(value, bytes) and isinstance(part, bytes) and part in value


def _matches(pattern: Pattern, value: Value) -> bool:
    return pattern.search(value.decode("latin-1") if isinstance(value, bytes) else str(value))


def _relation(how: str) -> Callable[[Value, Value], bool]:
    if how in (EQUAL, UNEQUAL):
        same = how == EQUAL
        return lambda one, other: (one == other) == same
    order = ORDERS[how]
    return lambda one, other: ordered(one, order, other)


def _source(operand: Operand) -> Source:
    field = operand.field
    source = field.source
    if field.kind == PROTOCOL and field.header is not None and (operand.parts or operand.layers or operand.function):
        source = field.header
    if operand.layers:
        source = Layered(source, operand.layers, field.each)
    if operand.parts:
        source = Sliced(source, operand.parts)
    if operand.mask != -1:
        return Masked(source, operand.mask)
    return Applied(source, operand.function) if operand.function else source


class Masked(Source):
    """Some bits of numbers, or of octets: as many of them as both have."""

    def __init__(self, source: Source, mask: int | bytes) -> None:
        self.source = source
        self.mask = mask

    def values(self, view: View) -> list[Value]:
        mask = self.mask
        if isinstance(mask, int):
            return [value & mask for value in self.source.values(view) if isinstance(value, int)]
        return [
            bytes([one & other for one, other in zip(value, mask, strict=False)])
            for value in self.source.values(view) if isinstance(value, bytes)
        ]


class Applied(Source):
    """What a function makes of the values."""

    def __init__(self, source: Source, function: str) -> None:
        self.source = source
        self.function = function

    def values(self, view: View) -> list[Value]:
        values = self.source.values(view)
        if self.function == "count":
            return [len(values)] if values else []
        if self.function == "len":
            return [len(value) for value in values if not isinstance(value, int)]
        lower = self.function == "lower"
        return [value.lower() if lower else value.upper() for value in values if isinstance(value, str)]
