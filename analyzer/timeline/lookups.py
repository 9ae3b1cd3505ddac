"""DNS lookups across conversations, and the names that their answers give to the ends of later ones."""
from __future__ import annotations

from operator import attrgetter

from analyzer.model import Account, Conversation
from dissectors.kit.units import grouped
from dissectors.protocols.dns.events import MessageEvent
from dissectors.protocols.dns.lookup import Lookup
from dissectors.protocols.dns.lookups import LookupBook


class Lookups:
    """all: in order of start.     left_out: caps that were reached, in words."""

    def __init__(self, accounts: list[Account]) -> None:
        book = LookupBook()
        self._follow(book, accounts)
        self.all: list[Lookup] = sorted(book.finish(), key=attrgetter("start_ns"))
        self.left_out = [
            f"{grouped(count)} times the cap {cap} on DNS lookups was reached" for cap, count in book.dropped.items()
        ]
        self._by_conversation: dict[int, list[Lookup]] = {}
        for lookup in self.all:
            for number in lookup.conversations:
                self._by_conversation.setdefault(number, []).append(lookup)

    def of(self, conversation: int) -> list[Lookup]:
        """Those in which this conversation takes part."""
        return self._by_conversation.get(conversation, [])

    def _follow(self, book: LookupBook, accounts: list[Account]) -> None:
        """Messages in the order of time; a conversation is named by what was known when it began."""
        messages = [
            (event.time, event.evidence.frames[-1] if event.evidence.frames else 0, event, account.conversation)
            for account in accounts for event in account.events if isinstance(event, MessageEvent)
        ]
        messages.sort(key=_when)
        waiting = sorted([account.conversation for account in accounts], key=attrgetter("start_ns"), reverse=True)
        for time, _frame, event, conversation in messages:
            while waiting and waiting[-1].start_ns <= time:
                _name(waiting.pop(), book.names)
            book.add(
                event, conversation.number, conversation.originator.address, conversation.responder.address,
                conversation.transport == "tcp",
            )
        while waiting:
            _name(waiting.pop(), book.names)


def _when(entry: tuple[int, int, MessageEvent, Conversation]) -> tuple[int, int]:
    return entry[0], entry[1]


def _name(conversation: Conversation, names: dict[str, str]) -> None:
    for end in (conversation.originator, conversation.responder):
        if not end.name:
            end.name = names.get(end.address, "")
