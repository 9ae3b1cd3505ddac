"""The frames of a page as columns of octets, packed once and unpacked column by column when somebody asks.

    uint32 length of the head | head as JSON in ASCII | columns

A column of numbers is how far each is from the one before, in octets of one width, all lowest octets first, then the
second ones, and so on (so they pack to a third); signed, in two's complement, little-endian. Other columns are places
in a list of the values that there are.
"""
from __future__ import annotations

import base64
import json
import struct
import zlib
from array import array
from itertools import chain
from operator import sub
from typing import Final

from analyzer.listing import Column, Listing, Series, Traffic, Value
from analyzer.report.escape import terminal_text
from dissectors.kit.event import JsonValue

LEVEL: Final = 6        # of zlib
CODES: Final = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))     # of array: octets, and how they are called


class Packer:
    """Columns one behind the other. sets: rows that several columns have in common are there once."""

    def __init__(self, count: int) -> None:
        self.every = list(range(count))
        self.body: list[bytes] = []
        self.size = 0
        self.sets: list[JsonValue] = []
        self.known: dict[bytes, int] = {}

    def column(self, column: Column) -> dict[str, JsonValue]:
        """What the head says of it."""
        record: dict[str, JsonValue] = {"rows": self._rows(column.rows)}
        if all(isinstance(value, int) for value in column.values):
            numbers = [value for value in column.values if isinstance(value, int)]
        else:
            places: dict[tuple[Value, ...], int] = {}
            numbers = [places.setdefault(value if isinstance(value, tuple) else (value,), len(places))
                       for value in column.values]
            record["values"] = [[shown(one) for one in value] for value in places]
        return {**record, **self._numbers(numbers)}

    def _rows(self, rows: list[int]) -> JsonValue:
        """Which of the sets of rows; None for all of them."""
        if rows == self.every:
            return None
        key = array("q", rows).tobytes()
        if key not in self.known:
            self.known[key] = len(self.sets)
            self.sets.append(self._numbers(rows))
        return self.known[key]

    def _numbers(self, numbers: list[int]) -> dict[str, JsonValue]:
        steps = [*map(sub, numbers, chain((0,), numbers))]
        most = max(map(abs, steps), default=0)
        width, code = next((one for one in CODES if most < 1 << (8 * one[0] - 1)), CODES[-1])
        octets = array(code, steps).tobytes()
        at = self.size
        for place in range(width):
            self.body.append(octets[place::width])
        self.size += len(octets)
        return {"at": at, "count": len(numbers), "width": width}


def shown(value: Value) -> JsonValue:
    """Octets as hexadecimal digits, texts as they are shown."""
    return value.hex() if isinstance(value, bytes) else terminal_text(value) if isinstance(value, str) else value


def packed_listing(listing: Listing) -> str:
    """All of it in base64."""
    packer = Packer(listing.count)
    columns: dict[str, JsonValue] = {
        name: packer.column(column) for name, column in listing.columns.items() if column.rows
    }
    head: dict[str, JsonValue] = {
        "count": listing.count, "every": listing.every, "columns": columns, "sets": packer.sets,
        "known": [
            [name, kind, each, int(header), int(searched)] for name, kind, each, header, searched in listing.known
        ],
        "events": [*listing.events],
        "findings": [*listing.findings], "instead": dict[str, JsonValue](listing.instead),
        "marks": dict[str, JsonValue](listing.marks),
    }
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
    packed = zlib.compress(struct.pack("<I", len(text)) + text + b"".join(packer.body), LEVEL)
    return base64.b64encode(packed).decode()


def traffic_record(traffic: Traffic) -> dict[str, JsonValue]:
    """The traffic over time, for the page's graphs. Parts with the key "" are the rest."""
    return {
        "step": traffic.step_ns, "octets": [*traffic.octets], "active": [*traffic.active], "begun": [*traffic.begun],
        "conversation": [_series(one) for one in traffic.by_conversation],
        "protocol": [_series(one) for one in traffic.by_protocol],
        "host": [_series(one) for one in traffic.by_host],
        "troubles": {name: [*counts] for name, counts in traffic.troubles.items()},
    }


def _series(one: Series) -> JsonValue:
    return {"key": one.key, "octets": [*one.octets]}
