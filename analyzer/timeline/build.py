"""From what was observed of each conversation to the whole analysis: phases, lookups, story, vantage point."""
from __future__ import annotations

from typing import Final

from analyzer.faults import Faults
from analyzer.model import Account, Analysis, CaptureSummary, Phase, Told
from analyzer.timeline.account import books_of, told_to
from analyzer.timeline.lookups import NEVER, Lookups
from analyzer.timeline.phases import bare_phases, phases_of
from analyzer.timeline.story import Story
from analyzer.timeline.titles import Titles
from analyzer.timeline.vantage import Vote, seen_from, votes_of
from dissectors.kit.account import Books
from dissectors.kit.event import BACKWARD, FORWARD, UNMARKED
from dissectors.kit.lookup import Lookup
from dissectors.kit.marks import Marks
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED
from dissectors.wire.secrets.text import shown_text

MAX_VOTES: Final = 100_000      # handshakes that say where the capture was taken, the first ones
ONE_SIDED: Final = "no conversation of the capture has two directions"


def note_sides(accounts: list[Account], two: bool) -> None:
    """A capture in which not one conversation has two directions may hold one direction only, of all of them.

    A TCP connection shows that by what is acknowledged in it, or by a SYN that is sent again; in others nothing else
    shows whether anybody answered. While a capture goes on, this is told anew each time. two: one of it has two.
    """
    for account in accounts:
        account.observed.forget(ONE_SIDED)
        conversation = account.conversation
        once = conversation.state == "S0" and sum(conversation.frames) == 1    # a SYN that nobody sent again
        if not two and (once or conversation.transport != "tcp"):
            silent = BACKWARD if account.conversation.frames[0] else FORWARD
            account.observed.miss(NOT_CAPTURED, silent, -1, ALWAYS, 0, ONE_SIDED)


class Builder:
    """Builds the analysis of a capture from conversations that are told part by part.

    A fault of ours costs the phases of one conversation, and is noted in faults; without them it is raised.
    two: a conversation of the capture has two directions.     bare: phases have their events and nothing else, and
    there is no story.
    """

    def __init__(
        self, capture: CaptureSummary, faults: Faults | None = None, two: bool = True, bare: bool = False,
    ) -> None:
        self.capture = capture
        self.faults = faults
        self.two = two
        self.bare = bare
        self.titles = Titles()
        self.lookups = Lookups(self.titles)
        self.story = Story(self.titles)
        self.votes: list[Vote] = []
        self.marks: dict[int, Marks] = {}      # of the conversations of this part, and of lookups that may go on

    def follow(self, accounts: list[Account], until: int = NEVER) -> list[Lookup]:
        """Take what these conversations say to one another: the lookups that are complete now.

        Endpoints without a name get the one that an answer of this capture gave them before their conversation
        began. until: when the next ones begin that are told later; NEVER where all are told.
        """
        note_sides(accounts, self.two)
        closed = self.lookups.follow(accounts, until)
        self.marks.update({account.conversation.number: account.marks for account in accounts})
        _show(closed, self.marks)
        self.marks = {number: marks for number, marks in self.marks.items() if number in self.lookups.pending}
        return closed

    def part(self, accounts: list[Account], closed: list[Lookup]) -> Analysis:
        """The analysis of these conversations, which were followed, with the lookups that they completed. Findings are
        not part of it. What a lookup says that was not complete when the next ones had been followed is left out."""
        part = Analysis(self.capture)
        part.conversations = [account.conversation for account in accounts]
        part.lookups = closed
        part.told = [self._told(account) for account in accounts]
        if len(self.votes) < MAX_VOTES and not self.capture.seen_from:
            self.votes += votes_of(accounts, self.capture.silences)
        if not self.bare:
            self.story.add(part.told, closed, self.lookups)
        return part

    def _told(self, account: Account) -> Told:
        books = Books(account.conversation.start_ns, account.conversation.start_ns, [], [])
        phases: list[Phase] = []
        try:
            books = books_of(account)
            told_to(account, books)
            if self.bare:
                phases = bare_phases(account)
            else:
                phases = phases_of(account, self.lookups.of(account.conversation.number), self.titles)
        except Exception as error:
            if self.faults is None:
                raise
            self.faults.note(0, f"the timeline of conversation {account.conversation.number}", error)
        told = Told(account.conversation, phases, account.marks, account.observed)
        told.books = books
        told.courses, told.views = account.courses, account.views
        told.points = account.points
        told.filling, told.datagrams = account.filling, account.datagrams
        told.troubles = account.troubles
        told.carriage = account.carriage
        return told

    def finish(self, analysis: Analysis) -> None:
        """Put into it what all parts have in common."""
        self.capture.seen_from = self.capture.seen_from or seen_from(self.votes)
        analysis.story, left_out = self.story.told()
        analysis.left_out += self.lookups.left_out + left_out


def build(capture: CaptureSummary, accounts: list[Account], faults: Faults | None = None) -> Analysis:
    """Group the events of each account into phases and put the conversations beside one another, all at once."""
    capture.two_sided = sum([1 for account in accounts if all(account.conversation.frames)])
    builder = Builder(capture, faults, capture.two_sided > 0)
    analysis = builder.part(accounts, builder.follow(accounts))
    builder.finish(analysis)
    return analysis


def _show(lookups: list[Lookup], marks: dict[int, Marks]) -> None:
    """What lookups say, without what is secret in their conversations."""
    for lookup in lookups:
        of = marks.get(lookup.conversations[0], UNMARKED) if lookup.conversations else UNMARKED
        lookup.name = shown_text(lookup.name, of)
        lookup.summary = shown_text(lookup.summary, of)
        for step in lookup.steps:
            step.question, step.answer = shown_text(step.question, of), shown_text(step.answer, of)
