"""Conversations that left the table, in a file without a name until they are told: too many to hold.

A conversation is written with all that it counted and with the places of its frames, and made anew from that.
"""
from __future__ import annotations

import marshal
import os
from array import array
from tempfile import TemporaryFile
from typing import IO, Any, Final

from librt.vecs import append, vec
from mypy_extensions import i64, mypyc_attr

from analyzer.flows.flow import Flow, Setback, TcpFlow, UdpFlow, Unrecorded
from dissectors.kit.protocol import Parties

BLOCK: Final = 1 << 20        # octets that are written at once
TCP_FLOW: Final = 0
UDP_FLOW: Final = 1
# Attributes that are written by themselves, or not at all.
APART: Final = frozenset((
    "flow", "peer", "records", "rest", "hand", "originator", "responder", "setback", "kept", "unacked", "parties",
    "spare",
))

_names: dict[type, list[str]] = {}


def names_of(thing: object) -> list[str]:
    """Its attributes that are numbers, texts, or lists of them."""
    found = _names.get(type(thing))
    if found is None:
        found = _names[type(thing)] = [name for name in attributes_of(thing) if name not in APART]
    return found


def attributes_of(thing: object) -> list[str]:
    """The names of all: a compiled class says what it has."""
    return list(getattr(type(thing), "__mypyc_attrs__", None) or vars(thing))


def values_of(thing: object) -> list[object]:
    return [getattr(thing, name) for name in names_of(thing)]


def give(thing: object, values: list[object]) -> None:
    for name, value in zip(names_of(thing), values, strict=True):
        setattr(thing, name, value)


@mypyc_attr(allow_interpreted_subclasses=True)
class Watcher:
    """Is shown every conversation before it is written."""

    def met(self, flow: Flow) -> None:
        """It left the table."""


class FlowSpool:
    """Keeps conversations by their numbers. folder: where, "" for the usual place.

    count: of them.      first, last: frames of each, by number from 1; 0 where there is none.
    """

    def __init__(self, folder: str = "") -> None:
        self.file: IO[bytes] = TemporaryFile(dir=folder or None)  # noqa: SIM115 - outlives this call
        self.block = bytearray()
        self.end = 0
        self.count = 0
        self.parties: list[Parties] = []      # who know the parties of conversations; they are few, and not written
        self.places = array("q")
        self.first = array("q")
        self.last = array("q")

    def put(self, flow: Flow) -> None:
        """Write it. Its frames are then known here alone. Raises OSError."""
        packed: Any = (self._known(flow.parties), *_packed(flow))
        data = marshal.dumps(packed)
        number = int(flow.number)
        while len(self.places) < number:
            self.places.append(-1)
            self.first.append(0)
            self.last.append(0)
        self.places[number - 1] = self.end
        self.first[number - 1] = int(flow.first_frame)
        self.last[number - 1] = int(flow.last_frame)
        self.block += len(data).to_bytes(8, "little")
        self.block += data
        self.end += len(data) + 8
        self.count += 1
        flow.records = vec[i64](capacity=0)
        if len(self.block) >= BLOCK:
            self._write()

    def _write(self) -> None:
        self.file.write(self.block)
        self.file.flush()
        self.block = bytearray()

    def numbers(self) -> int:
        """The largest number."""
        return len(self.places)

    def get(self, number: int) -> Flow | None:
        """The conversation of this number, made anew; None where there is none."""
        place = self.places[number - 1]
        if place < 0:
            return None
        if self.block:
            self._write()
        descriptor = self.file.fileno()
        head = os.pread(descriptor, 1024, place)
        size = int.from_bytes(head[:8], "little")
        data = head[8:8 + size]
        if len(data) < size:
            data = os.pread(descriptor, size, place + 8)
        known, *packed = marshal.loads(data)
        flow = _made(tuple(packed))
        flow.parties = self.parties[known] if known >= 0 else None
        return flow

    def _known(self, parties: Parties | None) -> int:
        """Its place among them, -1 for none."""
        if parties is None:
            return -1
        if parties not in self.parties:
            self.parties.append(parties)
        return self.parties.index(parties)

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


def _packed(flow: Flow) -> tuple[object, ...]:
    records = flow.records
    numbers: list[int] = [int(records[at]) for at in range(len(records))]
    rest = flow.rest
    base: tuple[object, ...] = (
        int(flow.number), int(flow.protocol), flow.forward, flow.backward, int(flow.address_size), flow.scope,
        values_of(flow), numbers, None if rest is None else values_of(rest),
    )
    if isinstance(flow, TcpFlow):
        setbacks = [
            None if half.setback is None else values_of(half.setback) for half in (flow.originator, flow.responder)
        ]
        return (
            TCP_FLOW, *base, values_of(flow.hand), values_of(flow.originator), values_of(flow.responder), *setbacks,
        )
    assert isinstance(flow, UdpFlow)
    return UDP_FLOW, *base, values_of(flow.originator), values_of(flow.responder)


def _made(packed: tuple[object, ...]) -> Flow:
    kind, number, protocol, forward, backward, size, scope, own, numbers, rest = packed[:10]
    assert isinstance(number, int)
    assert isinstance(protocol, int)
    assert isinstance(forward, bytes)
    assert isinstance(backward, bytes)
    assert isinstance(size, int)
    assert isinstance(scope, bytes)
    flow: Flow
    if kind == TCP_FLOW:
        tcp = TcpFlow(number, protocol, forward, backward, size, scope)
        give(tcp.hand, _values(packed[10]))
        for at, half in enumerate((tcp.originator, tcp.responder)):
            give(half, _values(packed[11 + at]))
            setback = packed[13 + at]
            if setback is not None:
                half.setback = Setback()
                give(half.setback, _values(setback))
        flow = tcp
    else:
        udp = UdpFlow(number, protocol, forward, backward, size, scope)
        give(udp.originator, _values(packed[10]))
        give(udp.responder, _values(packed[11]))
        flow = udp
    give(flow, _values(own))
    records = vec[i64](capacity=0)
    for value in _values(numbers):
        assert isinstance(value, int)
        records = append(records, value)
    flow.records = records
    if rest is not None:
        flow.rest = Unrecorded(0, 0, 0, 0)
        give(flow.rest, _values(rest))
    flow.retired = True
    return flow


def _values(packed: object) -> list[object]:
    assert isinstance(packed, list)
    return packed
