"""Which name an address was last given by an answer of this capture, noted while the frames pass."""
from __future__ import annotations

from typing import Final

from analyzer.flows.flow import Flow, let_go
from analyzer.model import Conversation
from dissectors.kit.protocol import Namer, Protocol

MAX_NAMES: Final = 2_500     # addresses, in each share of the capture; beyond it the one named first is forgotten first


class Named:
    """A name, the frame that gave it, and the conversation that this frame belongs to."""

    def __init__(self, name: str, frame: int, flow: Flow) -> None:
        self.name = name
        self.frame = frame
        self.flow = flow


class NameBook:
    """Answers give names to later conversations. Only names that were asked for in this capture are known.

    shares: into which the capture is divided (`analyzer/partition.py`).     names: of all of them, once `settle()` was
    called; before, those of the first one.     books: of each.
    """

    def __init__(self, protocols: tuple[Protocol, ...], shares: int = 1) -> None:
        self.protocols = protocols
        self.namers: dict[int, Namer] = {}
        self.names: dict[bytes, Named] = {}
        self.books: list[dict[bytes, Named]] = [self.names] + [{} for _ in range(shares - 1)]
        for protocol in protocols:
            if protocol.namer is not None:
                for port in protocol.ports.get("udp", ()):
                    self.namers[port] = protocol.namer

    def name_endpoints(self, conversation: Conversation, flow: Flow) -> None:
        """Give both ends the names by which the capture itself found them before."""
        size = int(flow.address_size)
        for endpoint, address in (
            (conversation.originator, flow.forward[:size]), (conversation.responder, flow.forward[size:2 * size])
        ):
            named = self.names.get(address)
            if named is not None and named.frame < conversation.first_frame:
                endpoint.call(named.name)

    def settle(self) -> None:
        """No more will come: of what was named in several shares, the last name counts."""
        for book in self.books[1:]:
            for address, named in book.items():
                before = self.names.get(address)
                if before is not None:
                    let_go(named.flow if before.frame > named.frame else before.flow)
                if before is None or before.frame < named.frame:
                    self.names[address] = named
        self.books = [self.names]

    def forget(self) -> None:
        """Let go of the lookups that the names came from."""
        for named in self.names.values():
            let_go(named.flow)
        self.names = {}

    def note(self, namer: Namer, data: bytes, frame: int, flow: Flow) -> None:
        """Read one payload that came from a name server's port."""
        names = self.books[flow.share]
        for address, name in namer(data):
            flow.kept += 1
            before = names.get(address)
            if before is not None:
                let_go(before.flow)
                before.name = name
                before.frame = frame
                before.flow = flow
                continue
            if len(names) >= MAX_NAMES:
                let_go(names.pop(next(iter(names))).flow)
            names[address] = Named(name, frame, flow)
