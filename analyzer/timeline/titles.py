"""What a phase is called where nothing more is known of it than its kind, and which protocol sums it up."""
from __future__ import annotations

from dissectors.kit.event import ANYWHERE, Event
from dissectors.kit.protocol import Protocol
from dissectors.registry import protocols


class Titles:
    """Protocols by name, so that a phase `handshake` of `tls` is a "TLS handshake" without a list here."""

    def __init__(self) -> None:
        self.protocols: dict[str, Protocol] = {}
        for protocol in protocols():
            self.protocols.setdefault(protocol.name, protocol)

    def of(self, protocol: str) -> str:
        """The title of a protocol by its name."""
        known = self.protocols.get(protocol)
        return known.title if known is not None else protocol.upper()

    def protocol(self, event: Event) -> str:
        """The title of the protocol that an event belongs to; "" for events of the analyser itself."""
        name, dot, _kind = event.name.partition(".")
        return self.of(name) if dot else ""

    def owner(self, events: list[Event], transport: str) -> Protocol | None:
        """Whose phase these events are: that of the first with a phase of its own, else the transport's."""
        for event in events:
            if event.phase and event.rank != ANYWHERE:
                return self.protocols.get(event.name.partition(".")[0])
        known = self.protocols.get(transport)
        return known if known is not None and known.create is None else None

    def phase(self, kind: str, event: Event) -> str:
        """`DNS lookup`; a kind that begins with the name of a protocol gets its title instead: `TLS handshake`."""
        name = event.name.partition(".")[0]
        known = self.protocols.get(name)
        if known is not None and kind in known.phases:
            return known.phases[kind]
        words = kind.replace("_", " ").split(" ")
        if words[0] in self.protocols:
            return " ".join([self.protocols[words[0]].title, *words[1:]])
        lead = self.protocol(event)
        return f"{lead} {' '.join(words)}".strip() or "Other"
