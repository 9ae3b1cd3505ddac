"""Root causes of both captures: which is new, gone, or dearer; and of which nobody can say."""
from __future__ import annotations

from typing import Final

from analyzer.compare.seen import BLIND, OF_CAPTURE, ONE_WAY, covers, hides, poorer, spots, timed, unread, unsteady
from analyzer.compare.services import Key, Services
from analyzer.compare.spread import measured
from analyzer.comparison import ALIKE, BETTER, CHANGED, GONE, NEW, SAME, UNTOLD, WORSE, CauseChange, Measure
from analyzer.finding import SEVERITIES, Finding, Verdict
from analyzer.model import Analysis, Conversation, Told
from dissectors.kit.account import POSSIBLE
from dissectors.kit.observation import CUT, HIDDEN, STATELESS

LESS: Final = {CUT, HIDDEN, STATELESS}
TOLD: Final = ("warn", "error")
ORDER: Final = (NEW, CHANGED, UNTOLD, GONE, SAME)
Place = tuple[str, Key | str]         # a code, and the service that it is about


class Group:
    """Findings with one code about one service, in one capture."""

    def __init__(self, code: str, first: Finding) -> None:
        self.code = code
        self.findings: list[Finding] = [first]

    @property
    def severity(self) -> str:
        return max([one.severity for one in self.findings], key=SEVERITIES.index)

    def best(self) -> Finding:
        return max(self.findings, key=_weight)

    def costs(self) -> dict[int, int]:
        """By conversation, the dearest."""
        found: dict[int, int] = {}
        for one in self.findings:
            found[one.conversation] = max(found.get(one.conversation, 0), one.cost_ns)
        return found

    def count(self) -> int:
        return sum([max(one.victims, 1) for one in self.findings])


def _weight(finding: Finding) -> tuple[int, int, int]:
    return SEVERITIES.index(finding.severity), finding.cost_ns, -finding.number


class Causes:
    """Of two captures."""

    def __init__(
        self, a: Analysis, b: Analysis, services: Services, matched: tuple[set[int], set[int]] = (set(), set())
    ) -> None:
        """matched: of each capture, conversations of which an exchange has its counterpart in the other one."""
        self.analyses = (a, b)
        self.matched = matched
        self.steady = not unsteady(a) and not unsteady(b)
        self.services = services
        self.by_number = [{told.conversation.number: told for told in one.every()} for one in self.analyses]
        self.known: list[dict[int, Conversation]] = [
            {conversation.number: conversation for conversation in one.conversations} for one in self.analyses
        ]
        self.groups = [self._groups(side, roots=True) for side in (0, 1)]
        self.every = [self._groups(side, roots=False) for side in (0, 1)]

    def _groups(self, side: int, *, roots: bool) -> dict[Place, Group]:
        analysis = self.analyses[side]
        found: dict[Place, Group] = {}
        judged = _judged(analysis) if roots else set()
        for finding in analysis.findings:
            doubted = finding.severity not in TOLD and finding.confidence == POSSIBLE
            if finding.code.startswith(OF_CAPTURE) or (roots and doubted):
                continue
            if roots and (finding.explained_by or finding.severity not in TOLD) and finding.number not in judged:
                continue
            place = (finding.code, self._service(side, finding))
            if place in found:
                found[place].findings.append(finding)
            else:
                found[place] = Group(finding.code, finding)
        return found

    def _service(self, side: int, finding: Finding) -> Key | str:
        """What it is about: the service of its conversation, or the one that all of its conversations have."""
        numbers = [finding.conversation] if finding.conversation else list(finding.members or finding.examples)
        keys = {self.services.key(side, self.known[side][number]) for number in numbers if number in self.known[side]}
        return keys.pop() if len(keys) == 1 else ""

    def changes(self) -> list[CauseChange]:
        found: list[CauseChange] = []
        for place, group in self.groups[1].items():
            other = self._other(0, place)
            found.append(self._single(1, group, place) if other is None else self._both(other, group))
        for place, group in self.groups[0].items():
            if self._other(1, place) is None:
                found.append(self._single(0, group, place))
            elif place not in self.groups[1] and self._other(1, place, roots=True) is None:
                continue      # the other capture has it as what follows from another cause, which is told
        found.sort(key=_order)
        return found

    def _other(self, side: int, place: Place, *, roots: bool = False) -> Group | None:
        """What the other capture says of the same: of this service, else of one that nobody can name."""
        known = self.groups[side] if roots else self.every[side]
        if place in known:
            return known[place]
        if place[1] == "" or (place[0], "") in known:
            alike = [group for (code, _service), group in known.items() if code == place[0]]
            return alike[0] if alike else None
        return None

    def _single(self, side: int, group: Group, place: Place) -> CauseChange:
        finding = group.best()
        why = self._hidden(1 - side, group, place)
        kind = UNTOLD if why else NEW if side else GONE
        made = CauseChange(kind, group.severity, None if side else finding, finding if side else None)
        cost, count = sum(group.costs().values()), group.count()
        made.costs = (0, cost) if side else (cost, 0)
        made.counts = (0, count) if side else (count, 0)
        made.why = why
        if kind != UNTOLD:
            made.change = WORSE if kind == NEW else BETTER
            if group.severity not in TOLD and not cost:
                made.change = ALIKE
        return made

    def _both(self, a: Group, b: Group) -> CauseChange:
        made = CauseChange(SAME, max(a.severity, b.severity, key=SEVERITIES.index), a.best(), b.best())
        first, second = a.costs(), b.costs()
        made.costs = (sum(first.values()), sum(second.values()))
        made.counts = (a.count(), b.count())
        values = [
            [cost for number, cost in costs.items() if cost and self._timed(side, number)]
            for side, costs in enumerate((first, second))
        ]
        if values[0] and values[1] and self.steady and self._alike(a, b):
            cost = measured("", "cost", Measure.NS, values[0], values[1])
            if cost.change != ALIKE:
                made.kind, made.change, made.why = CHANGED, cost.change, cost.basis
        before, after = (SEVERITIES.index(one.severity) for one in (a, b))
        least = SEVERITIES.index(TOLD[0])
        if max(before, after) >= least > min(before, after) and made.change == ALIKE and self._alike(a, b):
            made.kind, made.change = CHANGED, WORSE if after > before else BETTER
            made.why = f"{a.severity} in A, {b.severity} in B"
        return made

    def _timed(self, side: int, number: int) -> bool:
        told = self.by_number[side].get(number)
        return told is None or timed(told, self.analyses[side])

    def _alike(self, a: Group, b: Group) -> bool:
        """Whether both were observed equally well: a finding weighs less where something is hidden from it."""
        sides = [
            [known[one.conversation] for one in group.findings if one.conversation in known]
            for known, group in zip(self.by_number, (a, b), strict=True)
        ]
        return any(
            not hides(one, self.analyses[0].capture, two) and not hides(two, self.analyses[1].capture, one)
            for one in sides[0] for two in sides[1]
        )

    def _late(self, side: int, told: Told, there: list[Told]) -> str:
        """Why this capture may have missed what is like a conversation of the other one: that has no counterpart here,
        and comes at a time that this capture does not reach. "" where it has not missed it."""
        other = self.analyses[1 - side]
        key = self.services.key(1 - side, told.conversation)
        alike = [one.conversation.number for one in other.every()
                 if self.services.key(1 - side, one.conversation) == key]
        if told.conversation.number in self.matched[1 - side] or (
            not self.matched[1 - side] and alike.index(told.conversation.number) < len(there)
        ):
            return ""
        return covers(self.analyses[side].capture, other.capture, told.conversation.start_ns)

    def _hidden(self, side: int, group: Group, place: Place) -> str:
        """Why this capture would not show what the other one shows, "" where it would."""
        analysis = self.analyses[side]
        if analysis.verdict.kind == Verdict.UNSURE and not analysis.capture.conversations:
            return "holds no conversation"
        whole = unread(analysis)
        shown = [self.by_number[1 - side][one.conversation] for one in group.findings
                 if one.conversation in self.by_number[1 - side]]
        there = [told for told in analysis.every() if self.services.key(side, told.conversation) == place[1]]
        late = [self._late(side, told, there) for told in shown]
        if late and "" not in late:
            return whole or late[0]
        if group.severity not in TOLD and group.count() > max(len(there), 1):
            return whole or "holds fewer conversations with it"
        poor = poorer(analysis, self.analyses[1 - side])
        if not shown or not there or poor == ONE_WAY:
            return whole or poor
        if poor == BLIND[CUT] and all(told.conversation.transport != "tcp" for told in shown):
            return poor     # of datagrams nobody notes which ones were cut
        reasons = [min([hides(one, analysis.capture, told) for told in shown], key=len) for one in there]
        if "" not in reasons:
            return max(set(reasons), key=reasons.count)
        # What is seen less well may look otherwise for that alone. (What was not captured is no reason: of one
        # direction alone there are findings only where it proves them, such as a question that is asked again.)
        less = [kind for told in shown for one in there for _side, kind in spots(told) - spots(one)]
        return "shows more of it" if less and set(less) <= LESS else ""


def _judged(analysis: Analysis) -> set[int]:
    """Numbers of the findings that a verdict is made of, whatever their severity."""
    if analysis.verdict.kind != Verdict.CAUSES:
        return set()
    return {number for cause in analysis.verdict.causes for number in (cause.finding, *cause.also)}


def _order(one: CauseChange) -> tuple[int, int, int]:
    cost = max(one.costs) if one.kind != CHANGED else abs(one.costs[1] - one.costs[0])
    return ORDER.index(one.kind), -SEVERITIES.index(one.severity), -cost
