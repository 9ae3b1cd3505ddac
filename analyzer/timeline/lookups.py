"""Lookups across conversations, and the names that their answers give to the ends of later ones."""
from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from analyzer.model import Account, Conversation
from analyzer.timeline.titles import Titles
from dissectors.kit.event import Event
from dissectors.kit.lookup import NOT_FOLLOWED, UNANSWERED, Book, Lookup
from dissectors.kit.units import grouped

NEVER: Final = 1 << 62        # later than any time of a capture
MAX_HELD: Final = 50_000      # messages of conversations that are told already, while others before them are not

Message = tuple[int, int, Event, Conversation]


class _Followed:
    """A book, and what goes into it. title: of the protocol that brings it.     held: messages that are not in it yet.
    """

    def __init__(self, book: Book, title: str, events: set[type[Event]]) -> None:
        self.book = book
        self.title = title
        self.events = events
        self.held: list[Message] = []

    def follow(self, accounts: list[Account], until: int) -> None:
        """Messages in the order of time; a conversation is named by what was known when it began."""
        book, events = self.book, self.events
        self.held += [
            (event.time, event.evidence.frames[-1] if event.evidence.frames else 0, event, account.conversation)
            for account in accounts for event in account.events if type(event) in events
        ]
        self.held.sort(key=_when)
        waiting = sorted([account.conversation for account in accounts], key=attrgetter("start_ns"), reverse=True)
        surplus = len(self.held) - MAX_HELD if until < NEVER else 0
        taken = 0
        for time, _frame, event, conversation in self.held:
            if time >= until and taken >= surplus:
                break
            taken += 1
            while waiting and waiting[-1].start_ns <= time:
                _name(waiting.pop(), book.names)
            book.add(
                event, conversation.number, conversation.originator.address, conversation.responder.address,
                conversation.transport == "tcp", (conversation.originator.port, conversation.responder.port),
            )
        del self.held[:taken]
        while waiting:
            _name(waiting.pop(), book.names)


class Lookups:
    """label: of a lookup that has no other.     left_out: caps that were reached, in words, once all is followed.

    pending: conversations of lookups that may go on.
    """

    def __init__(self, titles: Titles) -> None:
        self.left_out: list[str] = []
        self._followed = [_Followed(make(), title, events) for make, (title, events) in _books(titles).items()]
        self.label = next((followed.title for followed in self._followed if followed.title), "")
        self.pending: set[int] = set()
        self._cut: set[int] = set()         # conversations of which not all events are kept
        self._closed: list[list[Lookup]] = [[], []]     # by the last two calls of `follow()`
        self._by_conversation: dict[int, list[Lookup]] = {}

    def follow(self, accounts: list[Account], until: int = NEVER) -> list[Lookup]:
        """What these conversations say: the lookups that are complete now, in order of start.

        until: when the next ones begin that are told later; NEVER where all are told.
        """
        closed: list[Lookup] = []
        for followed in self._followed:
            followed.follow(accounts, until)
            closed += followed.book.take() if until < NEVER else self._finish(followed)
        self._cut.update([account.conversation.number for account in accounts if account.unkept])
        for lookup in closed:
            if lookup.kind == UNANSWERED and not self._cut.isdisjoint(lookup.conversations):
                lookup.kind = NOT_FOLLOWED
        closed.sort(key=attrgetter("start_ns"))
        self.pending = {
            number for followed in self._followed for lookup in followed.book.pending()
            for number in lookup.conversations
        } if until < NEVER else set()
        for followed in self._followed:
            self.pending.update([conversation.number for _time, _frame, _event, conversation in followed.held])
        self._closed = [self._closed[-1], closed]
        self._by_conversation = {}
        for lookup in self._closed[0] + closed:
            for number in lookup.conversations:
                self._by_conversation.setdefault(number, []).append(lookup)
        return closed

    def _finish(self, followed: _Followed) -> list[Lookup]:
        closed = followed.book.finish()
        self.left_out += [
            f"{grouped(count)} times the cap {cap} on {followed.title} lookups was reached"
            for cap, count in followed.book.dropped.items()
        ]
        return closed

    def of(self, conversation: int) -> list[Lookup]:
        """Those in which this conversation takes part, and that are complete."""
        return self._by_conversation.get(conversation, [])


def _books(titles: Titles) -> dict[Callable[[], Book], tuple[str, set[type[Event]]]]:
    """What makes each book -> (the title of the protocol that brings it, the events that go in)."""
    found: dict[Callable[[], Book], tuple[str, set[type[Event]]]] = {}
    for protocol in titles.protocols.values():
        if protocol.book is not None:
            found.setdefault(protocol.book, (protocol.title, set()))[1].update(protocol.events)
    return found


def _when(entry: Message) -> tuple[int, int]:
    return entry[0], entry[1]


def _name(conversation: Conversation, names: dict[str, str]) -> None:
    for end in (conversation.originator, conversation.responder):
        end.call(names.get(end.address, ""))
