"""A filter as a tree, typed: every field is known, every value is of the type of its field."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Union

from analyzer.filter.fields import Field
from analyzer.filter.parts import Part

# How a comparison of a field that a frame has several times comes out. Wireshark's manual, "Possible pitfalls using
# multi-value fields": `==` and the orders ask for any; `!=` for all; `===` for all, `!==` for any.
ANY: Final = "any"
ALL: Final = "all"

EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST = "==", "!=", "<", "<=", ">", ">="
CONTAINS: Final = "contains"
MATCHES: Final = "matches"

Value = Union[int, str, bytes]


@dataclass(frozen=True)
class Operand:
    """A field, perhaps passed through a function. mask: of which bits alone count, -1 for all; of octets, octets.

    function: "lower", "upper", "len" or "count"; "" for none.    kind: of what comes out.
    layers: of which headers; () for all.   parts: which octets of the value; () for all.
    """

    field: Field
    kind: str
    function: str = ""
    mask: int | bytes = -1
    layers: tuple[Part, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Presence:
    """The frame has the field; of a masked one: some of these bits are set."""

    operand: Operand


@dataclass(frozen=True)
class Range:
    """From low to high, both included: one value, a range of a set, a network of addresses."""

    low: Value
    high: Value


@dataclass(frozen=True)
class Comparison:
    """how: EQUAL and the like, CONTAINS or MATCHES. value: for EQUAL and UNEQUAL, a Range; for MATCHES, its text."""

    operand: Operand
    how: str
    quantity: str
    value: Range | Value


@dataclass(frozen=True)
class Pair:
    """One field against another one of the same frame."""

    operand: Operand
    how: str
    quantity: str
    other: Operand


@dataclass(frozen=True)
class Membership:
    """Any value of it lies in one of the ranges; of ALL, every value."""

    operand: Operand
    quantity: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Negation:
    of: Tree


@dataclass(frozen=True)
class Junction:
    """All of its parts hold, or one of them does."""

    every: bool
    parts: tuple[Tree, ...]


Tree = Union[Presence, Comparison, Pair, Membership, Negation, Junction]


def operands(tree: Tree) -> list[Operand]:
    """Every field that the filter asks for, in order."""
    if isinstance(tree, Junction):
        return [operand for part in tree.parts for operand in operands(part)]
    if isinstance(tree, Negation):
        return operands(tree.of)
    if isinstance(tree, Pair):
        return [tree.operand, tree.other]
    return [tree.operand]


def tests(tree: Tree) -> list[Tree]:
    """Its leaves, in order."""
    if isinstance(tree, Junction):
        return [leaf for part in tree.parts for leaf in tests(part)]
    return tests(tree.of) if isinstance(tree, Negation) else [tree]
