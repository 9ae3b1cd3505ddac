"""From what was observed of each conversation to the whole analysis: phases, lookups, story, vantage point."""
from __future__ import annotations

from analyzer.faults import Faults
from analyzer.model import Account, Analysis, CaptureSummary, Told
from analyzer.timeline.lookups import Lookups
from analyzer.timeline.phases import phases_of
from analyzer.timeline.story import story_of
from analyzer.timeline.titles import Titles
from analyzer.timeline.vantage import seen_from
from dissectors.kit.event import UNMARKED
from dissectors.kit.lookup import Lookup
from dissectors.wire.secrets.text import shown_text


def build(capture: CaptureSummary, accounts: list[Account], faults: Faults | None = None) -> Analysis:
    """Group the events of each account into phases and put the conversations beside one another.

    Endpoints without a name get the one that an answer of this capture gave them before their conversation
    began. Findings are not part of it. A fault of ours costs the phases of one conversation, and is noted in faults;
    without them it is raised.
    """
    analysis = Analysis(capture)
    analysis.conversations = [account.conversation for account in accounts]
    titles = Titles()
    lookups = Lookups(accounts, titles)
    analysis.lookups = lookups.all
    _show(analysis.lookups, accounts)
    analysis.left_out += lookups.left_out
    for account in accounts:
        try:
            phases = phases_of(account, lookups.of(account.conversation.number), titles)
        except Exception as error:
            if faults is None:
                raise
            phases = []
            faults.note(0, f"the timeline of conversation {account.conversation.number}", error)
        told = Told(account.conversation, phases, account.marks, account.observed)
        told.points = account.points
        told.carriage = account.carriage
        analysis.told.append(told)
    capture.seen_from = capture.seen_from or seen_from(accounts)
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
