"""The verdict: the shortest list of root causes that explains what went wrong, dearest first.

What follows from what stands in `causes.py`. A finding that nothing explains is a root, also where it is only a symptom
whose cause is not in the capture.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.causes import (
    CERTIFICATES,
    EXPLAIN_FROM,
    EXPLAINS,
    ORDINARY,
    SAID_TWICE,
    Explains,
)
from analyzer.explain.concerns import name_concerns
from analyzer.explain.related import RELATION, Key, Relation, Subject, covers, subjects
from analyzer.explain.rule import DENIAL, FAILURE, NOTE, POSSIBLE, SLOW
from analyzer.explain.rules import RULES
from analyzer.faults import Faults
from analyzer.model import SEVERITIES, Analysis, Cause, Conversation, Finding, Verdict
from dissectors.kit.observation import ALWAYS, HIDDEN, Blind
from dissectors.kit.units import grouped, plural

MOST: Final = 3                  # root causes that are told
MOST_CAUSES: Final = 4           # of one finding that are noted
CANDIDATES: Final = 50           # findings with one key that are tried
# What failed weighs as much as this, however short it was: nobody waits for less, and without it nothing came about.
FAILURE_NS: Final = 1_000_000_000
MANY_SERVICES: Final = 3         # of one client that have the same trouble: then it is told of the client
SHARE: Final = 10                # a note counts where it cost a tenth of the time of its conversation, or more
NAMED: Final = 8                 # conversations whose numbers are given
SAID_BY_DOUBTS: Final = ("capture.truncated", "capture.one_sided")
HARDLY_ANY: Final = 3            # frames of one direction, which may be anything
CUT_SHORT: Final = 2             # a capture is too poor where every second frame was cut short


def judge(analysis: Analysis, faults: Faults | None = None) -> None:
    """Connect the findings of a capture, name whom they are about, and say what they amount to.

    A fault of ours costs the connections, not the findings, and is noted in faults; without them it is raised.
    """
    for number, finding in enumerate(analysis.findings, 1):
        finding.number = number
    try:
        known = subjects(analysis, analysis.findings)
        connect(known)
        name_concerns(analysis, known)
    except Exception as error:
        if faults is None:
            raise
        faults.note(0, "the verdict", error)
        known = [Subject(finding, [], []) for finding in analysis.findings]
        for finding in analysis.findings:
            finding.explains = finding.explained_by = ()
    analysis.verdict = verdict(analysis, known)


# -- what follows from what ---------------------------------------------------------------------------------------


def said_once(analysis: Analysis, findings: list[Finding]) -> list[Finding]:
    """Without those that only repeat what another one says better."""
    codes = {finding.code for finding in findings}
    if not any(row.less in codes and codes.intersection(row.more) for row in SAID_TWICE):
        return findings
    by_code: dict[str, list[Subject]] = {}
    for subject in subjects(analysis, findings):
        by_code.setdefault(subject.finding.code, []).append(subject)
    less: set[int] = set()
    for row in SAID_TWICE:
        for one in by_code.get(row.less, []):
            better = [other for code in row.more for other in by_code.get(code, []) if _says(other, one)]
            if better:
                less.add(id(one.finding))
    return [finding for finding in findings if id(finding) not in less]


def _says(more: Subject, less: Subject) -> bool:
    """Whether it can stand for the other: of the same conversation and time, and no milder."""
    return (
        bool(more.conversations & less.conversations) and more.first <= less.last and less.first <= more.last
        and SEVERITIES.index(more.finding.severity) >= SEVERITIES.index(less.finding.severity)
    )


def connect(known: list[Subject]) -> None:
    """Let each finding know what it explains, and by what it is explained."""
    by_code: dict[str, list[Subject]] = {}
    for subject in known:
        by_code.setdefault(subject.finding.code, []).append(subject)
    causes: dict[int, list[int]] = {subject.finding.number: [] for subject in known}
    for row in EXPLAINS:
        symptoms = [one for code in row.symptoms for one in by_code.get(code, [])]
        if symptoms and any(code in by_code for code in row.causes):
            _apply(row, [one for code in row.causes for one in by_code.get(code, [])], symptoms, causes)
    for subject in known:
        finding = subject.finding
        finding.explained_by = tuple(sorted(causes[finding.number]))
    explains: dict[int, list[int]] = {}
    for symptom, numbers in causes.items():
        for number in numbers:
            explains.setdefault(number, []).append(symptom)
    for subject in known:
        subject.finding.explains = tuple(sorted(explains.get(subject.finding.number, [])))


def _apply(row: Explains, whys: list[Subject], symptoms: list[Subject], causes: dict[int, list[int]]) -> None:
    relation = RELATION[row.relation]
    index: dict[Key, list[Subject]] = {}
    for why in whys:
        for key in relation.of_cause(why):
            index.setdefault(key, []).append(why)
    for symptom in symptoms:
        for why in _related(relation, index, symptom):
            number, of = symptom.finding.number, why.finding.number
            mine = causes[number]
            if len(mine) < MOST_CAUSES and of not in mine and not _leads(number, of, causes):
                mine.append(of)


def _related(relation: Relation, index: dict[Key, list[Subject]], symptom: Subject) -> list[Subject]:
    return [
        why for key in relation.of_symptom(symptom) for why in index.get(key, [])[:CANDIDATES]
        if why is not symptom and _may(why.finding, symptom.finding) and relation.also(why, symptom)
        and covers(relation, why, symptom)
    ]


def _may(cause: Finding, symptom: Finding) -> bool:
    """A doubt, or a remark, does not explain away what is known to have gone wrong."""
    least = SEVERITIES[-1] if cause.code in CERTIFICATES else EXPLAIN_FROM.get(cause.code, SEVERITIES[0])
    if SEVERITIES.index(cause.severity) < SEVERITIES.index(least):
        return False
    if SEVERITIES.index(cause.severity) >= SEVERITIES.index(symptom.severity):
        return True
    if cause.severity == NOTE:
        return cause.confidence != POSSIBLE and cause.code not in ORDINARY
    return cause.severity != SEVERITIES[0]


def _leads(start: int, end: int, causes: dict[int, list[int]]) -> bool:
    """Whether `end` is itself explained by `start`, directly or not."""
    open_, seen = [end], {end}
    while open_:
        for number in causes[open_.pop()]:
            if number == start:
                return True
            if number not in seen:
                seen.add(number)
                open_.append(number)
    return False


# -- root causes, dearest first -----------------------------------------------------------------------------------


class _Group:
    """Roots that say the same of conversations with one service, and all that follows from them."""

    def __init__(self, roots: list[Subject], followers: list[Subject]) -> None:
        self.roots = roots
        self.first = roots[0].finding
        everything = [*roots, *followers]
        self.severity = max([one.finding.severity for one in everything], key=SEVERITIES.index)
        self.cost_ns = _cost(everything)
        conversations = {number for one in everything for number in one.conversations}
        self.victims = max([len(conversations), *[one.finding.victims for one in roots]])
        self.explains = tuple(sorted({one.finding.number for one in followers}))

    def order(self) -> tuple[int, int, int, int, int, int, int]:
        """What went wrong before what is weak; notes last of all. Then by time lost, victims, severity."""
        weight = SEVERITIES.index(self.severity)
        matter = _matter(self.first)
        tier = 0 if weight >= SEVERITIES.index("warn") else len(SEVERITIES) - weight
        weighs = max(self.cost_ns, FAILURE_NS) if matter <= FAILURE else self.cost_ns
        noticed = weighs if weighs >= FAILURE_NS else 0
        return tier, max(matter, SLOW), -noticed, -self.victims, -weight, -self.cost_ns, self.first.number

    def cause(self) -> Cause:
        made = Cause(self.first.number, self.severity)
        made.also = tuple([one.finding.number for one in self.roots[1:]])
        made.explains, made.cost_ns, made.victims = self.explains, self.cost_ns, self.victims
        made.more = _more(self.first, self.roots[1:])
        return made


def _matter(finding: Finding) -> int:
    """A weakness that somebody refused has failed."""
    if finding.severity == "error" and finding.code.startswith(("tls.certificate", "tls.chain")):
        return FAILURE
    return RULES[finding.code].matter


def _cost(everything: list[Subject]) -> int:
    """Time lost: in each conversation the dearest of what is said of it, since they tell of the same time."""
    dearest: dict[int, int] = {}
    for one in everything:
        number = one.finding.conversation
        dearest[number] = max(dearest.get(number, 0), one.finding.cost_ns)
    of_all = dearest.pop(0, 0)
    return max(of_all, sum(dearest.values()))


def _more(first: Finding, rest: list[Subject]) -> str:
    """`2 more of this kind in conversations 3 and 4.`"""
    if not rest:
        return ""
    numbers = sorted({one.finding.conversation for one in rest} - {first.conversation})
    where = ""
    if numbers:
        said = ", ".join([str(number) for number in numbers[:NAMED]])
        where = f", in conversation{'s' if len(numbers) > 1 else ''} {said}{' …' if len(numbers) > NAMED else ''}"
    return f"{grouped(len(rest))} more of this kind{where}."


def groups(known: list[Subject]) -> list[_Group]:
    """Root causes, dearest first: one for all that say the same of conversations with one service, or of one client
    that has it with many services."""
    by_number = {one.finding.number: one for one in known}
    roots: dict[tuple[str, str], list[Subject]] = {}
    for one in known:
        if not one.finding.explained_by:
            roots.setdefault(_alike(one), []).append(one)
    of_client: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for key, alike in roots.items():
        if len(alike[0].clients) == 1:
            of_client.setdefault((key[0], str(next(iter(alike[0].clients)))), []).append(key)
    for keys in of_client.values():
        if len(keys) >= MANY_SERVICES:
            for key in keys[1:]:
                roots[keys[0]] += roots.pop(key)
    made = [_Group(alike, _followers(alike, by_number)) for alike in roots.values()]
    made.sort(key=_Group.order)
    return made


def _alike(root: Subject) -> tuple[str, str]:
    finding = root.finding
    if not finding.conversation or len(root.services) != 1:
        return finding.code, f"#{finding.number}"
    return finding.code, str(next(iter(root.services)))


def _followers(roots: list[Subject], by_number: dict[int, Subject]) -> list[Subject]:
    seen: set[int] = {one.finding.number for one in roots}
    open_ = list(roots)
    found = []
    while open_:
        for number in open_.pop().finding.explains:
            if number not in seen:
                seen.add(number)
                found.append(by_number[number])
                open_.append(by_number[number])
    return found


def verdict(analysis: Analysis, known: list[Subject]) -> Verdict:
    made = Verdict()
    made.covered, made.doubts = covered(analysis), doubts(analysis)
    every = [one for one in groups(known) if one.severity != SEVERITIES[0]]
    told = [one for one in every if _counts(one, analysis)]
    if told:
        made.kind = Verdict.CAUSES
    elif made.doubts:
        made.kind, made.sentence = Verdict.UNSURE, made.doubts.pop(0)
        if analysis.capture.frames > HARDLY_ANY and analysis.capture.conversations:
            made.sentence = f"{made.sentence[:-1]}; nothing went wrong that can be seen."
        every = [one for one in every if one.first.code not in SAID_BY_DOUBTS]
    else:
        where = "that this capture shows" if not analysis.capture.narrowed else "in what was asked for"
        made.sentence = f"Nothing went wrong {where} ({made.covered})."
    made.causes = [one.cause() for one in (told or every)[:MOST]]
    return made


def _counts(group: _Group, analysis: Analysis) -> bool:
    """Whether it belongs into a verdict: a warning or an error, or a note about what was denied or cost much."""
    weight = SEVERITIES.index(group.severity)
    if weight != SEVERITIES.index(NOTE):
        return weight > SEVERITIES.index(NOTE)
    first = group.first
    matter = RULES[first.code].matter
    if matter == DENIAL or first.confidence == POSSIBLE:
        return matter == DENIAL
    lasted = _lasted(group, analysis)
    return matter == SLOW and 0 < lasted <= group.cost_ns * SHARE


def _lasted(group: _Group, analysis: Analysis) -> int:
    """How long its conversations took; the whole capture where that is not known."""
    numbers = group.roots[0].conversations
    times = [
        (one.start_ns, one.end_ns) for one in analysis.conversations if one.number in numbers
    ] or [(analysis.capture.start_ns, analysis.capture.end_ns)]
    return max([end for _start, end in times]) - min([start for start, _end in times])


# -- what it rests on ---------------------------------------------------------------------------------------------


def covered(analysis: Analysis) -> str:
    """`38 frames, 1 conversation, all read`."""
    capture = analysis.capture
    told = analysis.told_count()
    frames, conversations = plural(capture.frames, "frame"), plural(capture.conversations, "conversation")
    if capture.beside:
        every = plural(capture.conversations + capture.beside, "conversation")
        conversations = f"{grouped(capture.conversations)} of {every}"
    if not capture.conversations:
        return frames
    if told < capture.conversations:
        return f"{frames}, {conversations}, {grouped(told)} of them read and of the others what their headers show"
    whole = "all read" if not capture.unread else "most of it read"
    spoken, hidden = _hidden(analysis)
    behind = f", {grouped(hidden)} of them encrypted without keys" if 0 < hidden < spoken else ""
    return f"{frames}, {conversations}, {whole}{behind}"


def doubts(analysis: Analysis) -> list[str]:
    """Why this capture may not show what went wrong, a sentence each; [] where it can."""
    capture = analysis.capture
    if not capture.frames and capture.narrowed:
        return ["Nothing matches: no frame of the capture is in what was asked for, so nothing is said of it."]
    if not capture.frames:
        return ["The capture holds no frames, so it shows nothing."]
    if not capture.conversations and capture.beside:
        holds = f"the capture holds {plural(capture.beside, 'conversation')}"
        return [f"Nothing matches: {holds}, and none is in what was asked for, so nothing is said of them."]
    if not capture.conversations:
        return ["The capture holds no conversation, so it shows nothing of what programs did."]
    found = []
    sums = analysis.sums
    if not any(one.frames[0] and one.frames[1] for one in analysis.conversations) and not (sums and sums.two):
        if capture.frames <= HARDLY_ANY:
            frames = plural(capture.frames, "frame")
            found.append(f"The capture holds {frames}, which is too little to say what happened.")
        elif (sums and sums.carries) or any(carries(one) for one in analysis.conversations):
            found.append(
                "The capture shows one direction only, so what the other side did, and whether it answered, is not "
                "known."
            )
    if capture.truncated_frames * CUT_SHORT >= capture.frames:
        found.append(
            f"{grouped(capture.truncated_frames)} of {plural(capture.frames, 'frame')} were cut short when they were "
            "captured, so what programs said to each other is not known."
        )
    spoken, hidden = _hidden(analysis)
    if 0 < spoken == hidden:
        found.append(
            f"What was said in {plural(spoken, 'connection')} is encrypted without keys, so an error of the programs "
            "would not be seen."
        )
    return found


def _hidden(analysis: Analysis) -> tuple[int, int]:
    """How many connections carry something, and how many of them are encrypted without their keys."""
    if analysis.sums is not None:
        return analysis.sums.spoken, analysis.sums.hidden
    spoken = [told for told in analysis.told if carries(told.conversation)]
    return len(spoken), sum(1 for told in spoken if is_hidden(told.observed.spots))


def carries(conversation: Conversation) -> bool:
    """Is it a connection with data?"""
    return conversation.transport == "tcp" and any(conversation.payload)


def is_hidden(spots: list[list[Blind]]) -> bool:
    return any(spot.kind == HIDDEN and spot.until == ALWAYS for side in spots for spot in side)
