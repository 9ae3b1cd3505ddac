"""The frames of a capture as columns, and its traffic in stretches of time: what a page lists, filters and draws."""
from __future__ import annotations

from collections.abc import Callable
from typing import Union

Value = Union[int, str, bytes]


class Column:
    """The values of one field. rows: of the frames that have it, as places in the listing, in order.

    values: of each of these rows; one of them, or a tuple where a frame has it several times or not as a number.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.values: list[int | tuple[Value, ...]] = []


class Series:
    """One part of the traffic. key: of a conversation its number, else its name.    octets: of each stretch."""

    def __init__(self, key: str, octets: list[int]) -> None:
        self.key = key
        self.octets = octets


class Traffic:
    """All frames of the capture, in stretches of one length.

    step_ns: that length.     octets, active, begun: of each stretch the octets on the wire, the conversations that
    have a frame in it, and those of which it holds the first.     by_conversation, by_protocol, by_host: the largest
    parts of the octets, and the rest of them as the last one, with the key "".     troubles: by name, how many frames
    of each stretch.
    """

    def __init__(self, step_ns: int, count: int) -> None:
        self.step_ns = step_ns
        self.octets = [0] * count
        self.active = [0] * count
        self.begun = [0] * count
        self.by_conversation: list[Series] = []
        self.by_protocol: list[Series] = []
        self.by_host: list[Series] = []
        self.troubles: dict[str, list[int]] = {}


class Listing:
    """Frames that a filter can be asked of. count: how many are listed.     every: all frames of the capture are.

    known: each field that a filter may ask for: its name, its kind, how many values each header has, whether the
    octets of its headers are known, and whether they can be searched.     events, findings: the names that there are.
    instead: of names that cannot be asked for, what to ask for.     marks: the bits of fields that are marks in the
    column "tcp.analysis".
    columns: by the name of the field; of one that no frame has there is none. Beside fields "layers", the protocols of
    the frame, and "link", its LINKTYPE.
    """

    def __init__(self) -> None:
        self.count = 0
        self.every = True
        self.known: list[tuple[str, str, int, bool, bool]] = []
        self.events: tuple[str, ...] = ()
        self.findings: tuple[str, ...] = ()
        self.instead: dict[str, str] = {}
        self.marks: dict[str, int] = {}
        self.columns: dict[str, Column] = {}
        self.traffic: Traffic | None = None

    def disguised(self, text: Callable[[str], str]) -> Listing:
        """Without frames, which hold addresses; the traffic of hosts in stand-ins."""
        copy = Listing()
        copy.every = False
        copy.traffic = self.traffic
        if self.traffic is not None:
            copy.traffic = Traffic(self.traffic.step_ns, 0)
            for name in ("octets", "active", "begun", "by_conversation", "by_protocol", "troubles"):
                setattr(copy.traffic, name, getattr(self.traffic, name))
            copy.traffic.by_host = [Series(text(one.key), one.octets) for one in self.traffic.by_host]
        return copy
