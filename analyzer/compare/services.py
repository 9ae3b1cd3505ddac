"""Which service of one capture is which of the other.

By its name and port, else by its address and port. Where neither is in both captures, by its port alone, as long as
each of the two captures holds one service with that port: the same program on another machine, or behind another
address. What else could look alike, two different services on one port, is left apart as soon as there is a second one.
"""
from __future__ import annotations

from analyzer.model import Analysis, Conversation, Told

Key = tuple[str, str, int]      # transport, name or address, port


class Services:
    """The services of two captures. of: (side, conversation) -> the key that both share."""

    def __init__(self, a: Analysis, b: Analysis) -> None:
        self.titles: dict[Key, str] = {}
        self._shared: tuple[dict[Key, Key], dict[Key, Key]] = ({}, {})
        named = [_ends(a), _ends(b)]
        self._ends = named
        self._begun = [{_end(one) for one in analysis.conversations if not _joined(one)} for analysis in (a, b)]
        taken: set[Key] = set()
        for end, names in named[1].items():
            for other, others in named[0].items():
                if end == other or ((end[0], end[2]) == (other[0], other[2]) and names & others):
                    self._shared[1][end] = other
                    taken.add(other)
                    break
        left = [end for end in named[1] if end not in self._shared[1]]
        for end in left:
            rivals = [one for one in left if (one[0], one[2]) == (end[0], end[2])]
            there = [one for one in named[0] if one not in taken and (one[0], one[2]) == (end[0], end[2])]
            every = [one for one in named[0] if (one[0], one[2]) == (end[0], end[2])]
            if len(rivals) == 1 and len(there) == len(every) == 1 and end[2]:
                self._shared[1][end] = there[0]

    def key(self, side: int, conversation: Conversation) -> Key:
        end, turned = _end(conversation), _origin(conversation)
        others = self._ends[1 - side] if side else self._begun[1 - side]
        if _joined(conversation) and end not in self._ends[1 - side] and turned in others:
            return self._shared[side].get(turned, turned)    # its beginning is missing, and the server spoke first
        key = self._shared[side].get(end, end)
        if key not in self.titles:
            self.titles[key] = conversation.responder.title() if conversation.responder.name else \
                str(conversation.responder)
            if conversation.responder.name and conversation.responder.port:
                self.titles[key] = f"{conversation.responder.name}:{conversation.responder.port}"
        return key

    def title(self, key: Key) -> str:
        return self.titles.get(key, key[1])


def _end(conversation: Conversation) -> Key:
    return conversation.transport, conversation.responder.address, conversation.responder.port


def _origin(conversation: Conversation) -> Key:
    return conversation.transport, conversation.originator.address, conversation.originator.port


def _joined(conversation: Conversation) -> bool:
    """Who began it was not seen, so the first that spoke is taken for it."""
    return conversation.state == "OTH" or not all(conversation.frames)


def _ends(analysis: Analysis) -> dict[Key, set[str]]:
    """Every service with the names that it has."""
    found: dict[Key, set[str]] = {}
    for one in analysis.conversations:
        names = found.setdefault(_end(one), set())
        if one.responder.name:
            names.add(one.responder.name)
    return found


def by_service(services: Services, side: int, analysis: Analysis) -> dict[Key, list[Told]]:
    """The conversations that were read, of each service, in order."""
    found: dict[Key, list[Told]] = {}
    for told in analysis.every():
        found.setdefault(services.key(side, told.conversation), []).append(told)
    return found
