"""The conversation table: as rows of a terminal, and as data."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rich.style import Style

from analyzer.model import Conversation
from analyzer.report.rows import DIM, FRAME, SECTION, TITLE, Row, cells, fit
from analyzer.report.words import BOTH_WAYS, flag_in_words, since_start
from dissectors.kit.units import duration, grouped, size

MARGIN: Final = 1
GAP: Final = 2
WIDEST_PAIR: Final = 96        # two IPv6 addresses with ports
SIDE_BY_SIDE: Final = 45       # two IPv4 addresses with ports; what is wider may stand below each other
NARROWEST_PAIR: Final = 16
PAIR: Final = "conversation"   # the title of their column
BLOCK: Final = 200             # conversations rendered at a time

RESENT: Final = "retransmissions"

SORTS: Final[dict[str, Callable[[Conversation], int]]] = {
    "start": lambda conversation: conversation.number,
    "duration": lambda conversation: conversation.start_ns - conversation.end_ns,
    "frames": lambda conversation: -sum(conversation.frames),
    "bytes": lambda conversation: -sum(conversation.octets),
    "retransmissions": lambda conversation: -resent(conversation),
}


class Column:
    """A column of the table. rank: how soon it is left away where the terminal is narrow; 0 stays."""

    def __init__(self, title: str, right: bool, rank: int, value: Callable[[Conversation], str]) -> None:
        self.title = title
        self.right = right
        self.rank = rank
        self.value = value


def resent(conversation: Conversation) -> int:
    """Segments sent again, both sides."""
    if conversation.tcp is None:
        return 0
    return sum(count for side in conversation.tcp.flags for flag, count in side.items() if "retransmission" in flag)


# The column that shows by what the table is sorted.
SORTED_BY: Final = {"duration": "duration", "frames": "frames", "bytes": "size", RESENT: "resent"}


def table_rows(
    conversations: list[Conversation], start_ns: int, width: int, order: str = "start"
) -> Iterator[list[Row]]:
    """The table in blocks, header first. Both ends stand below each other where they do not fit beside each other.

    start_ns: what the start column counts from.     order: by what it is sorted, whose column always stays.
    """
    before = [
        Column("#", True, 0, lambda conversation: str(conversation.number)),
        Column("start", True, 0, lambda conversation: since_start(conversation.start_ns - start_ns)),
        Column("protocol", False, 0, lambda conversation: conversation.protocol or conversation.transport),
    ]
    optional = [
        Column("frames", True, 0, lambda conversation: grouped(sum(conversation.frames))),
        Column("size", True, 0, lambda conversation: size(sum(conversation.octets))),
        Column("duration", True, 2, lambda conversation: duration(conversation.end_ns - conversation.start_ns)),
        Column("state", False, 1, lambda conversation: conversation.state),
        Column("round trip", True, 3, _round_trip),
        Column("resent", True, 4, lambda one: grouped(resent(one)) if resent(one) or order == RESENT else ""),
        Column("history", False, 5, lambda conversation: fit(conversation.history, 20)),
        Column("names", False, 6, _names),
        Column("flags", False, 7, _flags),
    ]
    for column in optional:
        if column.title == SORTED_BY.get(order):
            column.rank = 0
    least, most = _pair_widths(conversations)
    room = width - MARGIN - taken(before, conversations)
    after = fitting(optional, conversations, room - least)
    pair = max(min(most, room - taken(after, conversations)), NARROWEST_PAIR)
    widths = {column.title: column_width(column, conversations) for column in (*before, *after)}
    header = Row()
    at = MARGIN
    for column in before:
        at = _cell(header, column, column.title, at, widths[column.title], SECTION)
    header.to(at).add(PAIR, SECTION)
    at += pair + GAP
    for column in after:
        at = _cell(header, column, column.title, at, widths[column.title], SECTION)
    yield [header]
    for first in range(0, len(conversations), BLOCK):
        yield [
            row for conversation in conversations[first:first + BLOCK]
            for row in _conversation(conversation, before, after, widths, pair)
        ]


def _pair_widths(conversations: list[Conversation]) -> tuple[int, int]:
    """Columns that both ends need: below each other where side by side is too wide, and side by side."""
    least = most = len(PAIR)
    for conversation in conversations:
        both = cells(_pair(conversation))
        stacked = max(cells(str(conversation.originator)), cells(str(conversation.responder)) + 2)
        most = max(most, both)
        least = max(least, both if both <= SIDE_BY_SIDE else stacked)
    return least, min(most, WIDEST_PAIR)


def fitting(columns: list[Column], conversations: list[Conversation], room: int) -> list[Column]:
    """Leave columns away, the highest rank first, until the rest fits into `room`; empty ones always."""
    kept = [
        column for column in columns if column.rank == 0 or any(column.value(entry) for entry in conversations)
    ]
    while taken(kept, conversations) > room and any(column.rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def taken(columns: list[Column], conversations: list[Conversation]) -> int:
    return sum(column_width(column, conversations) + GAP for column in columns)


def column_width(column: Column, conversations: list[Conversation]) -> int:
    return max([len(column.title), *(cells(column.value(conversation)) for conversation in conversations)])


def _conversation(
    conversation: Conversation, before: list[Column], after: list[Column], widths: dict[str, int], pair: int
) -> list[Row]:
    row = Row()
    rows = [row]
    at = MARGIN
    for column in before:
        at = _cell(row, column, column.value(conversation), at, widths[column.title], _style(column))
    both = _pair(conversation)
    if cells(both) <= pair:
        row.to(at).add(both, TITLE)
    else:
        row.to(at).add(fit(str(conversation.originator), pair), TITLE)
        rows.append(Row().to(at).add(fit(f"{BOTH_WAYS} {conversation.responder}", pair), TITLE))
    at += pair + GAP
    for column in after:
        at = _cell(row, column, column.value(conversation), at, widths[column.title], _style(column))
    return rows


def _cell(row: Row, column: Column, text: str, at: int, width: int, style: Style | None) -> int:
    """Add `text` in its column; returns where the next one begins."""
    if column.right:
        row.right(text, at + width, style)
    elif text:
        row.to(at).add(text, style)
    return at + width + GAP


def _style(column: Column) -> Style | None:
    return FRAME if column.title == "#" else DIM if column.rank else None


def _pair(conversation: Conversation) -> str:
    return f"{conversation.originator} {BOTH_WAYS} {conversation.responder}"


def _names(conversation: Conversation) -> str:
    return fit(" ".join(conversation.names()), 30)


def _round_trip(conversation: Conversation) -> str:
    tcp = conversation.tcp
    return duration(tcp.handshake_rtt_ns) if tcp is not None and tcp.handshake_rtt_ns >= 0 else ""


def _flags(conversation: Conversation) -> str:
    if conversation.tcp is None:
        return ""
    counts: dict[str, int] = {}
    for side in conversation.tcp.flags:
        for flag, count in side.items():
            counts[flag] = counts.get(flag, 0) + count
    return fit(", ".join(f"{count} {flag_in_words(flag)}" for flag, count in counts.items() if count), 40)
