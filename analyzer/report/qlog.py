"""qlog: the packets of connections as programs that speak QUIC log them, for the tools that draw such logs.

Main schema 0.3 (draft-ietf-quic-qlog-main-schema-02), as one JSON document, or as a sequence of JSON texts (RFC 7464)
that can be read while it grows. The vantage point is the network, and what flows from the client is "sent". Of
connections that somebody else has to be protected from, connection IDs are left out.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from analyzer import __version__
from analyzer.model import Analysis, Told
from analyzer.report.pseudonyms import Pseudonyms
from dissectors.kit.event import JsonValue
from dissectors.kit.trace import TraceEntry, TraceEvent
from dissectors.wire.secrets.data import shown_data

VERSION: Final = "0.3"
SEPARATOR: Final = "\x1e"                  # before each text of a sequence (RFC 7464 §2.2)
IDENTIFYING: Final = frozenset(("dcid", "scid", "ODCID", "connection_id"))


def qlog(analysis: Analysis, names: Pseudonyms | None = None) -> Iterator[str]:
    """The document, a trace for each connection. names: stand-ins are wanted for what identifies anybody."""
    yield '{"qlog_version":"' + VERSION + '","qlog_format":"JSON","title":"wiretale ' + __version__ + '","traces":['
    first = True
    for told, trace in _traces(analysis):
        yield ("" if first else ",") + "\n" + _text({**_about(told, trace, names)})[:-1] + ',"events":['
        yield ",".join(["\n" + _text(_entry(told, trace, entry, names)) for entry in trace.entries])
        yield "]}"
        first = False
    yield "\n]}\n"


def qlog_sequence(analysis: Analysis, names: Pseudonyms | None = None) -> Iterator[str]:
    """A record that says what it is, then one for each entry of all connections, by time. `group_id` tells them
    apart."""
    entries = [(told, trace, entry) for told, trace in _traces(analysis) for entry in trace.entries]
    entries.sort(key=_by_time)
    about: dict[str, JsonValue] = {
        "qlog_version": VERSION, "qlog_format": "JSON-SEQ", "title": f"wiretale {__version__}",
        "trace": {"vantage_point": _vantage(), "common_fields": {"time_format": "absolute"}},
    }
    yield f"{SEPARATOR}{_text(about)}\n"
    for told, trace, entry in entries:
        yield f"{SEPARATOR}{_text({**_entry(told, trace, entry, names), 'group_id': _group(told, trace)})}\n"


def _by_time(one: tuple[Told, TraceEvent, TraceEntry]) -> int:
    return one[2].time


def _traces(analysis: Analysis) -> Iterator[tuple[Told, TraceEvent]]:
    for told in analysis.every():
        events = [event for phase in told.phases for event in phase.events if isinstance(event, TraceEvent)]
        for event in sorted(events, key=attrgetter("time")):
            yield told, event


def _group(told: Told, trace: TraceEvent) -> str:
    return f"conversation {told.conversation.number}, {trace.title}"


def _vantage() -> dict[str, JsonValue]:
    return {"name": "wiretale", "type": "network", "flow": "client"}


def _about(told: Told, trace: TraceEvent, names: Pseudonyms | None) -> dict[str, JsonValue]:
    common: dict[str, JsonValue] = {"time_format": "absolute", "group_id": _group(told, trace), **trace.common}
    return {
        "title": _group(told, trace), "vantage_point": _vantage(),
        "common_fields": _without_ids(common) if names is not None else common,
    }


def _entry(told: Told, trace: TraceEvent, entry: TraceEntry, names: Pseudonyms | None) -> dict[str, JsonValue]:
    data = shown_data({**entry.data}, told.marks, True)
    return {
        "time": entry.time / 1_000_000, "name": entry.name,
        "data": _without_ids(data) if names is not None else data,
    }


def _without_ids(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _without_ids(one) for key, one in value.items() if key not in IDENTIFYING}
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    return value


def _text(value: dict[str, JsonValue]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
