"""Findings of one code: a few are told one by one, many as one, with their number, with whom, when, and the worst."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES, Found, times
from analyzer.explain.together import Shared
from analyzer.model import SEVERITIES, Analysis, Conversation, Finding, Together
from dissectors.kit.units import grouped, plural

MAX_OF_A_CODE: Final = 5       # findings of one code that are told one by one; where there are more, one tells of all
MAX_REMARKS: Final = 1         # ... of those that are only of the severity chat
MAX_PEERS: Final = 10_000      # services, and clients, of one code that are counted apart
MAX_MEMBERS: Final = 1_000     # conversations of one finding that are known by number
MAX_CITED: Final = 5           # findings whose frames are cited, the first ones, and the last
MAX_DRAWN: Final = 3           # conversations that a finding of many recommends to look at


class Single:
    """One finding, made and judged. cost_ns: what it cost.     number: of its conversation, 0 for none."""

    def __init__(self, finding: Finding, found: Found) -> None:
        self.finding = finding
        self.conversation = found.conversation
        self.cost_ns = found.cost_ns
        self.narrow = found.narrow
        self.next_step = found.next_step

    def place(self) -> tuple[int, tuple[int, ...]]:
        return self.finding.conversation, self.finding.frames

    def order(self) -> tuple[int, int, int]:
        """Worst first, then the dearest, then as they come."""
        return -SEVERITIES.index(self.finding.severity), -self.cost_ns, self.finding.conversation


class Alike:
    """Findings of one code and severity. kept: all of them where they are few.

    count: of findings; conversations: of those they are about, which come in order.
    """

    def __init__(self) -> None:
        self.count = 0
        self.conversations = 0
        self.cost_ns = 0
        self.kept: list[Single] = []
        self.best: list[Single] = []           # the dearest
        self.last: Single | None = None
        self.members: list[int] = []           # their conversations, the first ones
        self.services: dict[str, int] = {}
        self.clients: dict[str, int] = {}
        self.more = False                      # there are more of either than are counted apart
        self.start_ns = -1
        self.end_ns = -1
        self.narrow: set[str] = set()
        self.next_steps: set[str] = set()
        self.weakest = 0                       # index of the confidence
        self.transport = ""

    def add(self, single: Single) -> None:
        self.count += 1
        self.cost_ns += single.cost_ns
        if len(self.kept) < MAX_OF_A_CODE:
            self.kept.append(single)
        best = self.best
        if len(best) < MAX_DRAWN or single.order() < best[-1].order():
            best.append(single)
            best.sort(key=Single.order)
            del best[MAX_DRAWN:]
        if len(self.narrow) < MAX_OF_A_CODE:
            self.narrow.add(single.narrow)
        if len(self.next_steps) < MAX_OF_A_CODE:
            self.next_steps.add(single.next_step)
        self.weakest = max(self.weakest, CONFIDENCE.index(single.finding.confidence))
        conversation = single.conversation
        before = self.last.finding.conversation if self.last is not None else 0
        if conversation is not None and conversation.number != before:
            self._meet(conversation)
        self.last = single

    def _meet(self, conversation: Conversation) -> None:
        """The next conversation of which there is one."""
        self.conversations += 1
        if len(self.members) < MAX_MEMBERS:
            self.members.append(conversation.number)
        self.transport = conversation.transport
        for peers, name in (
            (self.services, str(conversation.responder)), (self.clients, conversation.originator.address)
        ):
            if name in peers or len(peers) < MAX_PEERS:
                peers[name] = peers.get(name, 0) + 1
            else:
                self.more = True
        time = conversation.start_ns
        if time >= 0:
            self.start_ns = time if self.start_ns < 0 else min(self.start_ns, time)
            self.end_ns = max(self.end_ns, time)

    def whole(self) -> Together:
        """As the troubles that the survey counts."""
        made = Together()
        made.count = self.conversations
        made.services, made.clients = list(self.services.items()), list(self.clients.items())
        made.service_count, made.client_count = len(made.services), len(made.clients)
        made.more_services = made.more_clients = self.more
        made.start_ns, made.end_ns = self.start_ns, self.end_ns
        made.numbers = list(dict.fromkeys([one.finding.conversation for one in self.cited()]))
        cited = self.cited()
        each = MAX_FRAMES // len(cited) - 1       # the first ones, and the last
        frames = {frame for one in cited for frame in one.finding.frames[:each] + one.finding.frames[-1:]}
        made.frames = sorted(frames)
        return made

    def cited(self) -> list[Single]:
        """The first ones, and the last."""
        last = self.last
        return self.kept if last is None or last in self.kept else [*self.kept, last]


class Code:
    """What was found of one rule, each as `Single`."""

    def __init__(self) -> None:
        self.of: dict[str, Alike] = {}      # by severity

    def add(self, single: Single) -> None:
        severity = single.finding.severity
        if severity not in self.of:
            self.of[severity] = Alike()
        self.of[severity].add(single)

    def kept(self) -> list[Single]:
        """Those that are not only counted."""
        found = [one for alike in self.of.values() for one in alike.kept + alike.best + [alike.last] if one is not None]
        return list({id(one): one for one in found}.values())

    def told(self, analysis: Analysis, of_rule: tuple[str, str]) -> list[tuple[Finding, int]]:
        """The findings with what they cost. of_rule: the rule's display filter, and what it says to do next."""
        serious = sum([alike.count for severity, alike in self.of.items() if severity != SEVERITIES[0]])
        found: list[tuple[Finding, int]] = []
        for severity, alike in self.of.items():
            many = alike.count > MAX_REMARKS if severity == SEVERITIES[0] else serious > MAX_OF_A_CODE
            if many and alike.count > 1:
                found.append((_one_for_all(alike, analysis, of_rule), alike.cost_ns))
            else:
                found += [(one.finding, one.cost_ns) for one in alike.kept]
        return found


def _one_for_all(alike: Alike, analysis: Analysis, of_rule: tuple[str, str]) -> Finding:
    """In the words of the worst of them."""
    worst = alike.best[0].finding
    whole = alike.whole()
    of = Shared(worst.code, whole, analysis)
    narrow = (next(iter(alike.narrow)) if len(alike.narrow) == 1 else "") or of_rule[0]
    number = 0
    if alike.conversations > 1:
        lead = f"{grouped(alike.count)} times in" if alike.count > alike.conversations else "In"
        lead = f"{lead} {plural(of.count, 'conversation')}{of.around('with')}"
        lead += f", as in conversation {worst.conversation}" if worst.conversation else ""
        shown = of.narrow(narrow, alike.transport)
    else:
        at = f", as at #{worst.frames[0]}" if worst.frames else ""
        lead = f"{times(alike.count).capitalize()}{at}"
        shown = narrow
        if alike.conversations == 1 and all(one.conversation is not None for one in alike.kept):
            conversation = alike.best[0].conversation
            number = worst.conversation
            shown = _within(conversation, narrow)
    step = next(iter(alike.next_steps)) if len(alike.next_steps) == 1 else ""
    made = Finding(
        worst.code, worst.severity, CONFIDENCE[alike.weakest], f"{lead}: {worst.sentence}", number,
        tuple(whole.frames), with_cited(shown, tuple(whole.frames)) if whole.frames else shown, step or of_rule[1],
        worst.refute, worst.basis,
    )
    made.cost_ns, made.victims, made.members = alike.cost_ns, alike.conversations, tuple(alike.members)
    if not number:
        made.about = tuple(list(alike.services)[:MAX_OF_A_CODE])
    made.examples = tuple(dict.fromkeys([one.finding.conversation for one in alike.best if one.finding.conversation]))
    return made


def _within(conversation: Conversation | None, narrow: str) -> str:
    parts = [conversation.display_filter()] if conversation is not None else []
    if narrow:
        parts.append(f"({narrow})" if " || " in narrow and not narrow.startswith("(") else narrow)
    return " && ".join(parts)


def with_cited(display_filter: str, frames: tuple[int, ...]) -> str:
    """A display filter that shows the cited frames too: Wireshark may read one of them in another way, and what
    concerns several conversations has frames in each."""
    cited: list[list[int]] = []
    for frame in sorted(frames):
        if cited and frame == cited[-1][1] + 1:
            cited[-1][1] = frame
        else:
            cited.append([frame, frame])
    numbers = ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in cited)
    shown = f"frame.number in {{{numbers}}}"
    return f"({display_filter}) || {shown}" if display_filter else shown
