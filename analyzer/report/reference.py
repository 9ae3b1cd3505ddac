"""Reference in a terminal: entries of the glossary, its index, and the table of protocols."""
from __future__ import annotations

from typing import Final

from analyzer.report.glossary import Entry, Glossary
from analyzer.report.rows import DIM, FRAME, SECTION, TITLE, Row, cells, fit, paragraph
from analyzer.report.words import WIDEST_PROSE
from dissectors.kit.protocol import Protocol
from dissectors.registry import Plugin

MARGIN: Final = 1
INDENT: Final = 3
GAP: Final = 2
KINDS: Final = (
    ("term", "TERMS"), ("flag", "FLAGS OF WIRESHARK'S"), ("finding", "FINDINGS"), ("event", "EVENTS"),
    ("state", "STATES OF CONVERSATIONS"), ("protocol", "PROTOCOLS"),
)
PACKAGES: Final = "FROM OTHER PACKAGES"
KIND_WORDS: Final = {
    "term": "", "flag": "Wireshark's analysis flag", "event": "event", "protocol": "protocol", "finding": "finding",
    "state": "of a conversation",
}


def entry_rows(entries: list[Entry], width: int) -> list[Row]:
    """What is known under a name, each entry with its standard and what to look up next."""
    width = min(width, WIDEST_PROSE)
    rows: list[Row] = []
    for entry in entries:
        if rows:
            rows.append(Row())
        head = Row().to(MARGIN).add(entry.name, TITLE)
        if KIND_WORDS[entry.kind]:
            head.add(f"  {KIND_WORDS[entry.kind]}", DIM)
        rows.append(head)
        _labelled(rows, "", entry.text, width)
        for label, text in entry.more:
            _labelled(rows, label, text, width)
        _labelled(rows, "Standard: ", entry.spec, width)
        _labelled(rows, "Its events: " if entry.kind == "protocol" else "See also: ", ", ".join(entry.see), width)
    return rows


def _labelled(rows: list[Row], label: str, text: str, width: int) -> None:
    if text:
        rows.append(Row().to(INDENT).add(label, DIM))
        paragraph(rows, text, INDENT, width)


def index_rows(glossary: Glossary, width: int) -> list[Row]:
    """Every name that can be explained, by kind, in columns read downwards."""
    rows: list[Row] = []
    for kind, title in KINDS:
        names = {entry.name for entries in glossary.entries.values() for entry in entries if entry.kind == kind}
        if not names:
            continue
        if rows:
            rows.append(Row())
        rows.append(Row().to(MARGIN).add(title, SECTION))
        rows += _columns(sorted(names, key=str.lower), width)
    return rows


def _columns(names: list[str], width: int) -> list[Row]:
    widest = max(cells(name) for name in names) + GAP
    count = max((width - INDENT + GAP) // widest, 1)
    height = -(-len(names) // count)
    rows = []
    for line in range(height):
        row = Row()
        for place, name in enumerate(names[line::height]):
            row.to(INDENT + place * widest).add(fit(name, width - INDENT))
        rows.append(row)
    return rows


def plugin_rows(plugins: tuple[Plugin, ...], width: int) -> list[Row]:
    """The installed packages that bring protocols along, each with what it brings or why it is left out."""
    width = min(width, WIDEST_PROSE)
    rows: list[Row] = [Row(), Row().to(MARGIN).add(PACKAGES, SECTION)] if plugins else []
    for plugin in plugins:
        rows.append(Row().to(INDENT).add(plugin.title(), TITLE))
        names = ", ".join(protocol.name for protocol in plugin.protocols)
        _labelled(rows, "Left out: " if plugin.trouble else "Protocols: ", plugin.trouble or names, width)
    return rows


def protocol_rows(protocols: tuple[Protocol, ...], width: int) -> list[Row]:
    """One protocol a paragraph: name, carriers with the usual ports, summary, standards."""
    width = min(width, WIDEST_PROSE)
    column = max((cells(protocol.name) for protocol in protocols), default=0) + MARGIN + GAP
    rows: list[Row] = []
    for protocol in protocols:
        row = Row().to(MARGIN).add(protocol.name, FRAME).to(column).add(protocol.title, TITLE)
        rows.append(row)
        carried = _carried(protocol)
        if carried:
            if row.used + GAP + cells(carried) > width:
                rows.append(Row())
            rows[-1].right(fit(carried, width - column), width, DIM)
        rows.append(Row().to(column))
        paragraph(rows, protocol.summary, column, width)
        rows.append(Row().to(column))
        paragraph(rows, ", ".join(protocol.specs), column, width, DIM)
    return rows


def _carried(protocol: Protocol) -> str:
    """`udp 53, tcp 53`."""
    pieces = []
    for carrier in protocol.carriers:
        ports = ", ".join(str(port) for port in protocol.ports.get(carrier, ()))
        pieces.append(f"over {carrier} {ports}".rstrip())
    return ", ".join(pieces)


def field_rows(fields: list[tuple[str, str, str]], width: int) -> list[Row]:
    """The fields of filters, a line each: name, kind, meaning."""
    width = min(width, WIDEST_PROSE)
    second = max(cells(name) for name, _kind, _meaning in fields) + MARGIN + GAP
    third = second + max(cells(kind) for _name, kind, _meaning in fields) + GAP
    rows: list[Row] = []
    for name, kind, meaning in fields:
        rows.append(Row().to(MARGIN).add(name, FRAME).to(second).add(kind, DIM).to(third))
        paragraph(rows, meaning, third, width)
    return rows
