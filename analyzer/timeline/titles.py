"""What a phase is called where nothing more is known of it than its kind."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import Event
from dissectors.registry import protocols

# Kinds that read well without the name of their protocol. Every other kind is titled by its own name.
TITLES: Final = {"handshake": "Handshake", "transfer": "Data transfer", "teardown": "Teardown", "echo": "Echo"}


class Titles:
    """Protocols by their titles, so that a phase `handshake` of `tls` is a "TLS handshake" without a list here."""

    def __init__(self) -> None:
        self._titles = {protocol.name: protocol.title for protocol in protocols()}

    def of(self, protocol: str) -> str:
        """The title of a protocol by its name."""
        return self._titles.get(protocol, protocol.upper())

    def protocol(self, event: Event) -> str:
        """The title of the protocol that an event belongs to; "" for events of the analyser itself."""
        name, dot, _kind = event.name.partition(".")
        return self.of(name) if dot else ""

    def phase(self, kind: str, event: Event) -> str:
        """`DNS lookup`; a kind that begins with the name of a protocol gets its title instead: `TLS handshake`."""
        if kind in TITLES:
            return TITLES[kind]
        words = kind.replace("_", " ").split(" ")
        if words[0] in self._titles:
            return " ".join([self._titles[words[0]], *words[1:]])
        lead = self.protocol(event)
        return f"{lead} {' '.join(words)}".strip() or "Other"
