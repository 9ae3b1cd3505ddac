"""What a page lists: the frames with the fields that a filter may ask for, and the traffic over time.

The capture is gone over once more, when all is concluded. Its frames are seen as a filter of the command sees them, so
the page answers a filter as the command does.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.explain.rules import kinds
from analyzer.filter.expression import event_names
from analyzer.filter.fields import EVENTS, PROTOCOL, Field, fields, instead_of
from analyzer.filter.sources import (
    OF_ANALYSIS,
    OF_ARP,
    OF_ICMP,
    OF_ICMPV6,
    OF_IP,
    OF_IPV6,
    OF_TCP,
    OF_UDP,
    Header,
    Joined,
    Message,
)
from analyzer.filter.sources import Source as Values
from analyzer.filter.view import Value, View
from analyzer.ingest.source import Source
from analyzer.listing import Column, Listing
from analyzer.model import Analysis
from analyzer.packet import TCP, UDP
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.narrowed import Told
from analyzer.pipeline.traffic import Counter
from dissectors.kit.display_field import BOOLEAN, MARK, OCTETS
from dissectors.kit.provided import Provided
from dissectors.kit.units import grouped
from dissectors.protocols.tcp.flags import RULES
from dissectors.registry import protocols

MAX_LISTED: Final = 100_000         # frames; of a larger capture those of conversations that are drawn
MARKS: Final = "tcp.analysis"       # the column of all marks together, as the bits of their rules
# What the page makes of another column: both ends of one, bits of the flags, differences of times.
MADE: Final = frozenset((
    "eth.addr", "ip.addr", "ipv6.addr", "tcp.port", "udp.port", "frame.number", "frame.time_relative",
    "frame.time_epoch", "conversation",
))
# Which layer a frame has where it has fields of this group; other groups are asked for every frame.
LAYER_OF: Final = {OF_ARP: "arp", OF_IP: "ip", OF_IPV6: "ipv6", OF_ICMP: "icmp", OF_ICMPV6: "icmpv6"}
NUMBERS: Final = ("frame.number", "frame.time_relative", "conversation", "link")       # of every row


class Lister:
    """Takes one frame after another into the columns."""

    def __init__(self, listing: Listing, every: bool) -> None:
        self.listing = listing
        self.headers: list[tuple[Field, Column]] = []
        self.fitting: dict[tuple[str, ...], list[tuple[Field, Column]]] = {}      # of the headers, by the layers
        self.saying: dict[frozenset[str], list[tuple[Field, Column]]] = {}      # of messages, by what a frame completes
        self.of_tcp: list[tuple[Field, Column]] = []
        self.of_udp: list[tuple[Field, Column]] = []
        self.messages: list[tuple[Field, Column]] = []
        self.told: list[tuple[Field, Column]] = []
        self.numbers = [listing.columns.setdefault(name, Column()) for name in NUMBERS]
        self.layers = listing.columns.setdefault("layers", Column())
        self.marks = listing.columns.setdefault(MARKS, Column())
        self.stacks: dict[tuple[str, ...], tuple[str, ...]] = {}
        for field in fields().values():
            if carried(field) and (field.name != "frame.time_delta" or not every):
                self._place(field).append((field, listing.columns.setdefault(field.name, Column())))

    def _place(self, field: Field) -> list[tuple[Field, Column]]:
        if field.name in ("event", "finding"):
            return self.told
        if field.needs >= EVENTS:
            return self.messages
        source = field.source
        if isinstance(source, Header) and source.group in (OF_TCP, OF_ANALYSIS):
            return self.of_tcp
        return self.of_udp if isinstance(source, Header) and source.group == OF_UDP else self.headers

    def take(self, view: View) -> None:
        """The frame in hand, with what it completes."""
        packet = view.packet
        row = self.listing.count
        self.listing.count = row + 1
        for column, value in zip(self.numbers, (
            int(packet.number), int(packet.time - view.start), int(view.conversation), int(packet.link),
        ), strict=True):
            column.rows.append(row)
            column.values.append(value)
        stack = tuple(packet.layers)
        if view.events:
            found = dict.fromkeys(stack)
            found.update(dict.fromkeys([protocol for protocol, _record in view.pdus()]))
            stack = tuple(found)
            self._add(self._of_messages(view, found), view, row)
        self._put(self.layers, row, self.stacks.setdefault(stack, stack))
        self._add(self._of_headers(packet.layers), view, row)
        self._add(self.told, view, row)
        if packet.kind == TCP or packet.headers:
            self._add(self.of_tcp, view, row)
            self._mark(view, row)
        if packet.kind == UDP or packet.headers:
            self._add(self.of_udp, view, row)

    def _of_headers(self, layers: list[str]) -> list[tuple[Field, Column]]:
        """Those of the headers that a frame with these layers may have."""
        key = tuple(layers)
        found = self.fitting.get(key)
        if found is None:
            found = self.fitting[key] = [
                one for one in self.headers if LAYER_OF.get(_group(one[0].source), "") in ("", *layers)
            ]
        return found

    def _of_messages(self, view: View, protocols: dict[str, None]) -> list[tuple[Field, Column]]:
        """Those of messages that a frame may have which completes these events, of these protocols."""
        key = frozenset([*protocols, *[event.name for event in view.events]])
        found = self.saying.get(key)
        if found is None:
            found = self.saying[key] = [one for one in self.messages if not key.isdisjoint(_told_by(one[0].source))]
        return found

    def _add(self, wanted: list[tuple[Field, Column]], view: View, row: int) -> None:
        for field, column in wanted:
            values = field.source.values(view)
            if values:
                first = values[0]
                if len(values) == 1 and isinstance(first, int):
                    column.rows.append(row)
                    column.values.append(int(first))
                else:
                    self._put(column, row, tuple(values))

    def _mark(self, view: View, row: int) -> None:
        if view.sound and view.bits:
            self.marks.rows.append(row)
            self.marks.values.append(int(view.bits))

    @staticmethod
    def _put(column: Column, row: int, values: tuple[Value, ...]) -> None:
        column.rows.append(row)
        column.values.append(values)


def _group(source: Values) -> int:
    return int(source.group) if isinstance(source, Header) else -1


def _told_by(source: Values) -> set[str]:
    """Protocols and events that say a field of messages."""
    if isinstance(source, Joined):
        return {name for one in source.sources for name in _told_by(one)}
    return {*source.protocols, *source.events} if isinstance(source, Message) else set()


def carried(field: Field) -> bool:
    """Whether the page needs a column of it: what it cannot make of others, and no octets."""
    if field.kind in (PROTOCOL, OCTETS) or field.name in MADE:
        return False
    return not (field.name.startswith("tcp.flags.") and field.kind == BOOLEAN) and not (
        field.kind == MARK and field.name.startswith("tcp.analysis.")
    )


def list_frames(
    analysis: Analysis, source: Source, provided: Provided, beat: Callable[[int], bool]
) -> None:
    """Go over the capture once more. beat: told the number of a frame now and then; False where that is to end."""
    listing = Listing()
    capture = analysis.capture
    drawn = {told.conversation.number for told in analysis.told}
    listing.every = capture.frames <= MAX_LISTED
    _name(listing)
    lister = Lister(listing, listing.every)
    counter = Counter(analysis)
    cursor = source.reopen()
    lines = FrameLines(cursor, protocols(), 0, provided)
    lines.view = View()
    told = Told()
    told.take(analysis)
    lines.tell(told.events, told.findings, {})
    if not listing.every:
        lines.followed = drawn
    while (view := lines.show()) is not None:
        counter.take(view)
        if listing.every or (listing.count < MAX_LISTED and int(view.conversation) in drawn):
            lister.take(view)
        if view.packet.number & 0xFFF == 0 and not beat(int(view.packet.number)):
            analysis.left_out.append(f"frames and traffic beyond #{view.packet.number}: the listing was interrupted")
            break
    cursor.close()
    listing.traffic = counter.traffic()
    if not listing.every:
        analysis.left_out.append(
            f"{grouped(capture.frames - listing.count)} frames in the list of frames: it holds those of the "
            f"conversations that are drawn, the first {grouped(MAX_LISTED)} at most"
        )
    analysis.listing = listing


def _name(listing: Listing) -> None:
    """The names that a filter may have, so that it is read as the command reads it."""
    known = fields()
    listing.known = [
        (field.name, field.kind, field.each, field.header is not None, field.searched) for field in known.values()
    ]
    listing.events = event_names()
    listing.findings = tuple([kind.code for kind in kinds()])
    listing.marks = {rule.display_filter(): int(rule.bit) for rule in RULES}
    for protocol in protocols():
        if protocol.name not in known and (words := instead_of(protocol.name)):
            listing.instead[protocol.name] = words

