"""Which conversations are drawn, of those that were read: they show what was found, then come the largest."""
from __future__ import annotations

from analyzer.model import Analysis, Conversation, Told


def to_draw(analysis: Analysis, limit: int) -> set[int]:
    """Numbers of up to `limit` conversations. Half of them, or more where there are few others, are those that show a
    finding best: one of each kind, the worst and dearest kind first, then others of each in the same order."""
    conversations = {told.conversation.number: told.conversation for told in analysis.told}
    if len(conversations) <= limit:
        return set(conversations)
    chosen = dict.fromkeys(_examples(analysis, conversations)[:max(limit // 2, 1)])
    for conversation in sorted(conversations.values(), key=_largest):
        if len(chosen) >= limit:
            break
        chosen[conversation.number] = None
    return set(chosen)


def _examples(analysis: Analysis, conversations: dict[int, Conversation]) -> list[int]:
    """Conversations that findings name, in rounds: of each code its first one, then of each its second one."""
    by_code: dict[str, list[int]] = {}
    for finding in analysis.findings:
        by_code.setdefault(finding.code, []).extend(finding.examples)
    found: dict[int, None] = {}
    for turn in range(max([len(numbers) for numbers in by_code.values()], default=0)):
        for numbers in by_code.values():
            if turn < len(numbers) and numbers[turn] in conversations:
                found[numbers[turn]] = None
    return list(found)


def draw_only(analysis: Analysis, numbers: set[int]) -> None:
    """The others are read and not drawn; what is kept to draw them is let go."""
    drawn: list[Told] = []
    for told in analysis.told:
        if told.conversation.number in numbers:
            drawn.append(told)
        else:
            told.courses, told.points, told.carriage = [], [], None
            told.views, told.filling, told.datagrams = [], None, []
            analysis.undrawn.append(told)
    analysis.told = drawn


def _largest(conversation: Conversation) -> tuple[int, int]:
    return -sum(conversation.octets), conversation.number
