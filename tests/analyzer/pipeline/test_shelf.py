"""What is kept of very many events."""
from __future__ import annotations

from typing import ClassVar

from analyzer.model import Account, Conversation, Endpoint
from analyzer.pipeline.shelf import Room, Shelf
from dissectors.kit.event import BACKWARD, FORWARD, Event, Evidence

ENOUGH = 1 << 40


class Question(Event):
    name: ClassVar[str] = "made.question"
    phase: ClassVar[str] = "lookup"


class Answer(Event):
    name: ClassVar[str] = "made.answer"
    phase: ClassVar[str] = "lookup"


class End(Event):
    name: ClassVar[str] = "made.end"


def account() -> Account:
    return Account(Conversation(1, "udp", Endpoint("10.0.0.1", 4_000), Endpoint("10.0.0.2", 53)))


def question(number: int) -> Event:
    return Question(number * 10, FORWARD, Evidence((2 * number,)))


def answer(number: int) -> Event:
    return Answer(number * 10 + 25, BACKWARD, Evidence((2 * number + 1,)))


def counted(account: Account) -> dict[str, int]:
    names = [event.name for event in account.events]
    return {name: names.count(name) for name in sorted(set(names))}


def test_everything_is_kept_while_there_is_room() -> None:
    kept = account()
    shelf = Shelf(kept, Room(ENOUGH, ENOUGH))
    for number in range(5_000):
        shelf.add([question(number), answer(number)])
    shelf.finish()
    assert len(kept.events) == 10_000
    assert kept.unkept == {}
    assert kept.observed.blind(FORWARD) is None


def test_the_answers_to_questions_that_are_kept_are_kept() -> None:
    kept = account()
    shelf = Shelf(kept, Room(ENOUGH, 401))
    for number in range(1_000):
        shelf.add([question(number)])
        if number > 1:
            shelf.add([answer(number - 2)])      # two are always under way
    shelf.add([End(10_050, FORWARD, Evidence((2_100,)))])
    shelf.finish()
    assert counted(kept) == {"made.answer": 202, "made.end": 1, "made.question": 202}
    assert {event.evidence.frames[0] + 1 for event in kept.events if event.name == "made.question"} == {
        event.evidence.frames[0] for event in kept.events if event.name == "made.answer"
    }
    (kind, unkept), = kept.unkept.items()
    assert kind == (Question.rank, "lookup")
    assert unkept.names == {"made.question": 798, "made.answer": 796}
    assert (unkept.frame, unkept.start_ns, unkept.end_ns) == (404, 2_020, 9_995)
    # Nobody can say that something did not come from then on; before that, and after the last one, it is known.
    assert kept.observed.blind(BACKWARD, 0, 2_019) is None
    assert kept.observed.blind(BACKWARD, 2_020, 2_030) is not None
    assert kept.observed.blind(BACKWARD, 10_040) is None


def test_conversations_share_the_room() -> None:
    room = Room(600, 500)
    first, second = account(), account()
    shelves = [Shelf(one, room) for one in (first, second)]
    for number in range(400):
        for shelf in shelves:
            shelf.add([question(number)])
    assert (len(first.events), len(second.events)) == (300, 300)
