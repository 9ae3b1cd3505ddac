"""What a program could have logged of a connection, one entry a packet, for whoever writes it in qlog's form.

draft-ietf-quic-qlog-main-schema-02: entries have a time, a name and data; those of one connection are one trace.
"""
from __future__ import annotations

from dissectors.kit.event import Event, JsonValue, Observed


class TraceEntry:
    """name: `transport:packet_sent`, as qlog has it.     time: in ns since 1970."""

    def __init__(self, time: int, name: str, data: dict[str, JsonValue]) -> None:
        self.time = time
        self.name = name
        self.data = data


class TraceEvent(Event):
    """All entries of one connection, as far as this conversation goes. Made only where somebody asked for it
    (`Provided.traced`).

    title: of the connection.     client: the direction in which the client sends, whose entries are "sent".
    common: fields that all entries share.
    """

    def __init__(
        self, observed: Observed, title: str, client: int, entries: list[TraceEntry], *, common: dict[str, JsonValue],
    ) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.title = title
        self.client = client
        self.common = common
        self.entries = entries
