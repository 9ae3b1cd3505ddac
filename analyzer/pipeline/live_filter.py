"""Which conversations of a live capture are shown, where a filter was given."""
from __future__ import annotations

from typing import Final

from analyzer.filter.expression import Filter
from analyzer.filter.fields import EVENTS
from analyzer.filter.view import View
from analyzer.flows.flow import Flow
from analyzer.flows.table import FlowTable
from analyzer.flows.teller import Teller
from analyzer.model import Conversation
from analyzer.packet import Packet
from analyzer.pipeline.frames import see
from analyzer.pipeline.tell import context_of
from dissectors.kit.event import Event
from dissectors.kit.protocol import Protocol, Shared
from dissectors.kit.provided import Provided

OF_TCP: Final = "tcp."      # how events are named that a reader of messages does not tell


class LiveFilter:
    """Asks each frame of conversations of which it did not hold yet.

    reads: it asks for what frames complete.   said: what was told of the conversation of the frame in hand.
    """

    def __init__(self, wanted: Filter) -> None:
        self.test = wanted.test
        self.reads = wanted.needs >= EVENTS
        self.view = View()
        self.said: list[Event] = []
        self.shared = Shared()

    def reader(
        self, conversation: Conversation, protocols: tuple[Protocol, ...], provided: Provided
    ) -> Teller | None:
        """Who says what each frame of this conversation completes; None where nobody asks."""
        if not self.reads:
            return None
        context = context_of(conversation, provided, self.shared)
        context.each_pdu = True
        return Teller(conversation.number, protocols, context)

    def holds(self, reader: Teller | None, packet: Packet, table: FlowTable, flow: Flow, direction: int) -> bool:
        """Of the frame in hand, which the table has just seen."""
        events = self.said
        if reader is not None:
            events = [event for event in events if event.name.startswith(OF_TCP)]
            events += reader.take(packet, table, direction)
        self.view.begin(packet, events)
        see(self.view, packet, table, flow)
        return self.test.holds(self.view)
