"""From what was observed of each conversation to the whole analysis: phases, lookups, story, vantage point."""
from __future__ import annotations

from typing import Final

from analyzer.faults import Faults
from analyzer.model import Account, Analysis, CaptureSummary, Told
from analyzer.timeline.account import books_of, told_to
from analyzer.timeline.lookups import Lookups
from analyzer.timeline.phases import phases_of
from analyzer.timeline.story import story_of
from analyzer.timeline.titles import Titles
from analyzer.timeline.vantage import seen_from
from dissectors.kit.account import Books
from dissectors.kit.event import BACKWARD, FORWARD, UNMARKED
from dissectors.kit.lookup import Lookup
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED
from dissectors.wire.secrets.text import shown_text

ONE_SIDED: Final = "no conversation of the capture has two directions"


def note_sides(accounts: list[Account]) -> None:
    """A capture in which not one conversation has two directions may hold one direction only, of all of them.

    A TCP connection shows that by what is acknowledged in it, or by a SYN that is sent again; in others nothing else
    shows whether anybody answered. While a capture goes on, this is told anew each time.
    """
    two = any(account.conversation.frames[0] and account.conversation.frames[1] for account in accounts)
    for account in accounts:
        account.observed.forget(ONE_SIDED)
        conversation = account.conversation
        once = conversation.state == "S0" and sum(conversation.frames) == 1    # a SYN that nobody sent again
        if not two and (once or conversation.transport != "tcp"):
            silent = BACKWARD if account.conversation.frames[0] else FORWARD
            account.observed.miss(NOT_CAPTURED, silent, -1, ALWAYS, 0, ONE_SIDED)


def build(capture: CaptureSummary, accounts: list[Account], faults: Faults | None = None) -> Analysis:
    """Group the events of each account into phases and put the conversations beside one another.

    Endpoints without a name get the one that an answer of this capture gave them before their conversation
    began. Findings are not part of it. A fault of ours costs the phases of one conversation, and is noted in faults;
    without them it is raised.
    """
    note_sides(accounts)
    analysis = Analysis(capture)
    analysis.conversations = [account.conversation for account in accounts]
    capture.two_sided = sum([1 for one in analysis.conversations if all(one.frames)])
    titles = Titles()
    lookups = Lookups(accounts, titles)
    analysis.lookups = lookups.all
    _show(analysis.lookups, accounts)
    analysis.left_out += lookups.left_out
    for account in accounts:
        books = Books(account.conversation.start_ns, account.conversation.start_ns, [], [])
        try:
            books = books_of(account)
            told_to(account, books)
            phases = phases_of(account, lookups.of(account.conversation.number), titles)
        except Exception as error:
            if faults is None:
                raise
            phases = []
            faults.note(0, f"the timeline of conversation {account.conversation.number}", error)
        told = Told(account.conversation, phases, account.marks, account.observed)
        told.books = books
        told.courses, told.views = account.courses, account.views
        told.points = account.points
        told.troubles = account.troubles
        told.carriage = account.carriage
        analysis.told.append(told)
    capture.seen_from = capture.seen_from or seen_from(accounts, capture.silences)
    analysis.story, left_out = story_of(analysis.told, lookups, titles)
    analysis.left_out += left_out
    return analysis


def _show(lookups: list[Lookup], accounts: list[Account]) -> None:
    """What lookups say, without what is secret in their conversations."""
    marks = {account.conversation.number: account.marks for account in accounts}
    for lookup in lookups:
        of = marks.get(lookup.conversations[0], UNMARKED) if lookup.conversations else UNMARKED
        lookup.name = shown_text(lookup.name, of)
        lookup.summary = shown_text(lookup.summary, of)
        for step in lookup.steps:
            step.question, step.answer = shown_text(step.question, of), shown_text(step.answer, of)
