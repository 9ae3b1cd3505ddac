"""Lookups across conversations, and the names that their answers give to the ends of later ones."""
from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from analyzer.model import Account, Conversation
from analyzer.timeline.titles import Titles
from dissectors.kit.event import Event
from dissectors.kit.lookup import Book, Lookup
from dissectors.kit.units import grouped


class Lookups:
    """all: in order of start.     left_out: caps that were reached, in words.     label: of one that has no other."""

    def __init__(self, accounts: list[Account], titles: Titles) -> None:
        self.all: list[Lookup] = []
        self.left_out: list[str] = []
        self.label = ""
        for make, (title, events) in _books(titles).items():
            book = make()
            self.label = self.label or title
            _follow(book, accounts, events)
            self.all += book.finish()
            self.left_out += [
                f"{grouped(count)} times the cap {cap} on {title} lookups was reached"
                for cap, count in book.dropped.items()
            ]
        self.all.sort(key=attrgetter("start_ns"))
        self._by_conversation: dict[int, list[Lookup]] = {}
        for lookup in self.all:
            for number in lookup.conversations:
                self._by_conversation.setdefault(number, []).append(lookup)

    def of(self, conversation: int) -> list[Lookup]:
        """Those in which this conversation takes part."""
        return self._by_conversation.get(conversation, [])


def _books(titles: Titles) -> dict[Callable[[], Book], tuple[str, set[type[Event]]]]:
    """What makes each book -> (the title of the protocol that brings it, the events that go in)."""
    found: dict[Callable[[], Book], tuple[str, set[type[Event]]]] = {}
    for protocol in titles.protocols.values():
        if protocol.book is not None:
            found.setdefault(protocol.book, (protocol.title, set()))[1].update(protocol.events)
    return found


def _follow(book: Book, accounts: list[Account], events: set[type[Event]]) -> None:
    """Messages in the order of time; a conversation is named by what was known when it began."""
    messages = [
        (event.time, event.evidence.frames[-1] if event.evidence.frames else 0, event, account.conversation)
        for account in accounts for event in account.events if type(event) in events
    ]
    messages.sort(key=_when)
    waiting = sorted([account.conversation for account in accounts], key=attrgetter("start_ns"), reverse=True)
    for time, _frame, event, conversation in messages:
        while waiting and waiting[-1].start_ns <= time:
            _name(waiting.pop(), book.names)
        book.add(
            event, conversation.number, conversation.originator.address, conversation.responder.address,
            conversation.transport == "tcp", (conversation.originator.port, conversation.responder.port),
        )
    while waiting:
        _name(waiting.pop(), book.names)


def _when(entry: tuple[int, int, Event, Conversation]) -> tuple[int, int]:
    return entry[0], entry[1]


def _name(conversation: Conversation, names: dict[str, str]) -> None:
    for end in (conversation.originator, conversation.responder):
        end.call(names.get(end.address, ""))
