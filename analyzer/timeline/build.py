"""From what was observed of each conversation to the whole analysis: phases, lookups, story, vantage point."""
from __future__ import annotations

from analyzer.faults import Faults
from analyzer.model import Account, Analysis, CaptureSummary, Told
from analyzer.timeline.lookups import Lookups
from analyzer.timeline.phases import phases_of
from analyzer.timeline.story import story_of
from analyzer.timeline.titles import Titles
from analyzer.timeline.vantage import seen_from


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
    analysis.left_out += lookups.left_out
    for account in accounts:
        try:
            phases = phases_of(account, lookups.of(account.conversation.number), titles)
        except Exception as error:
            if faults is None:
                raise
            phases = []
            faults.note(0, f"the timeline of conversation {account.conversation.number}", error)
        told = Told(account.conversation, phases)
        told.points = account.points
        analysis.told.append(told)
    capture.seen_from = capture.seen_from or seen_from(accounts)
    analysis.story, left_out = story_of(analysis.told, lookups, titles)
    analysis.left_out += left_out
    return analysis
