"""The sliding window of a sender, as textbooks draw it, in a terminal: a line for each moment in which it changes.

The bar is a stretch of the stream that begins at the first byte that is not acknowledged, so the window slides past it:
what is acknowledged goes out at its left. All bars of a sender have one scale.
"""
from __future__ import annotations

from typing import Final

from analyzer.model import Told
from analyzer.report.rows import DIM, FRAME, LABEL, SECTION, SIDES, Row, fit, joined, paragraph
from analyzer.report.words import ARROWS, CONVERSATION, since_start
from dissectors.kit.course import Moment, SenderView
from dissectors.kit.event import JsonValue
from dissectors.kit.units import grouped, plural, size

MARGIN: Final = 1
INDENT: Final = 3
MAX_LINES: Final = 40           # moments of a sender that are shown
WIDEST_BAR: Final = 48
NARROW_BAR: Final = 30          # where there is no room for words behind it
LEAST_BAR: Final = 8
TEXT: Final = 36                # columns for words behind the bar
LEAST_TEXT: Final = 16
NUMBER: Final = 8               # columns of a size, `64.2 kB`
ACKED, WAITING, SACKED, ALLOWED, LATER = "█", "▒", "▓", "░", "·"
ON: Final = "›"                 # the window goes on beyond the bar
BEHIND: Final = 2               # cells of what is acknowledged
HEADROOM: Final = 3             # the bar holds at least a third more than was ever outstanding
LEGEND: Final = (
    (ACKED, "acknowledged"), (WAITING, "sent, waiting for its ACK"), (SACKED, "arrived beyond a hole (SACK)"),
    (ALLOWED, "may be sent"), (LATER, "must wait for room"),
)
ORDINARY: Final = frozenset(("first data", "twice as much", "end of data", "all arrived", "goes on"))


def window_rows(told: Told, width: int) -> list[Row]:
    """Both senders of a conversation, as far as they sent anything, the one with more first."""
    conversation = told.conversation
    rows = [Row().to(MARGIN).add(f"{CONVERSATION} {conversation.number}", SECTION).add("   ")]
    paragraph(rows, f"{conversation.originator} ⇄ {conversation.responder}", INDENT, width)
    rows.append(Row().to(INDENT))
    joined(rows, [f"{mark} {means}" for mark, means in LEGEND], "  ", INDENT, width, DIM)
    views = sorted([view for view in told.views if view.moments], key=_by_octets)
    for number, view in enumerate(views):
        row = Row().to(INDENT).add(ARROWS[view.direction], SIDES[view.direction])
        rows += [Row(), row.add(f" {size(view.octets)} of {view.sender}", LABEL)]
        if number and ORDINARY.issuperset(view.kinds):
            rows[-1].add(": ")
            known = all(moment.allowed >= 0 for moment in view.moments)
            words = "none were sent again" + (", and the window was never full" if known else "")
            paragraph(rows, words, INDENT, width, DIM)
            continue
        rows.append(Row().to(INDENT))
        paragraph(rows, seen_where(view), INDENT, width, DIM)
        rows += _moments(view, conversation.start_ns, width)
    if not views:
        rows.append(Row().to(INDENT).add("No data were sent in it, or it is no TCP connection.", DIM))
    return rows


def _by_octets(view: SenderView) -> tuple[int, int]:
    return -view.octets, view.direction


def seen_where(view: SenderView) -> str:
    """What the place of the capture means for the picture."""
    side = {"client": "the client", "server": "the server"}.get(view.place, "")
    if side and side == view.sender:
        return f"Captured at {view.sender}: this is what it knew when it sent."
    if side and side == view.receiver:
        return (
            f"Captured at {view.receiver}, where these data arrive: what {view.sender} had sent further, and which "
            "ACKs had not reached it yet, is not in the picture."
        )
    where = "between both sides" if view.place else "at a place that the handshake does not tell"
    return f"Captured {where}: {view.sender} knew of each ACK a little later than it stands here."


def shown(view: SenderView, most: int = MAX_LINES) -> list[Moment]:
    """The moments that have a line, in order. Of too many, each kind has its share, the rarest first, which leave what
    they do not need to the others: of it three in four from the beginning, the rest from the end."""
    by_kind: dict[str, list[Moment]] = {}
    for moment in view.moments:
        by_kind.setdefault(moment.kind, []).append(moment)
    chosen: list[Moment] = []
    groups = sorted(by_kind.values(), key=len)
    for number, kept in enumerate(groups):
        share = (most - len(chosen)) // (len(groups) - number)
        last = share // 4
        chosen += kept if len(kept) <= share else kept[:share - last] + kept[len(kept) - last:]
    return sorted(chosen, key=_order)


def _order(moment: Moment) -> int:
    return sum(moment.before.values())


def _moments(view: SenderView, start_ns: int, width: int) -> list[Row]:
    moments = shown(view)
    frames = max(len(grouped(moment.frame)) for moment in moments) + 1
    times = max(len(since_start(moment.time - start_ns)) for moment in moments)
    kinds = max(len(moment.kind) for moment in moments)
    fixed = MARGIN + frames + 1 + times + 1 + kinds + 1 + 2 + 2 * (NUMBER + 1)
    bar = min(max(min(width - fixed, NARROW_BAR), width - fixed - TEXT, LEAST_BAR), WIDEST_BAR)
    rest = width - fixed - bar
    scale = scale_of(view, bar)
    head = Row()
    head.right("waiting", fixed - NUMBER - 2, DIM).right("may send", fixed - 1, DIM)
    head.tab(fixed).add(fit(f"{size(int(scale))} a cell", bar + max(rest, 0)), DIM)
    rows = [head]
    seen: dict[str, int] = {}
    for moment in moments:
        rows += _left_out(seen, moment.before, width)
        row = Row().to(MARGIN).right(f"#{moment.frame}", MARGIN + frames, FRAME)
        row.to(MARGIN + frames + 1).right(since_start(moment.time - start_ns), MARGIN + frames + 1 + times, DIM)
        row.tab(MARGIN + frames + times + 2).add(moment.kind, LABEL)
        waiting, room = max(moment.sent - moment.acked, 0), max(moment.allowed - moment.sent, 0)
        row.right(short(waiting), fixed - NUMBER - 2)
        row.right(short(room) if moment.allowed >= 0 else "?", fixed - 1).tab(fixed)
        row.add(drawn(moment, scale, bar))
        if moment.text and rest >= LEAST_TEXT:
            row.add("  ").add(fit(moment.text, width - row.used), DIM)
        rows.append(row)
        seen = {**moment.before, moment.kind: moment.before.get(moment.kind, 0) + 1}
    return rows + _left_out(seen, view.kinds, width)


def short(octets: int) -> str:
    """`64.2 kB`; below ten thousand the number alone with its unit."""
    return f"{octets} B" if octets < 10_000 else size(octets)


def _left_out(seen: dict[str, int], now: dict[str, int], width: int) -> list[Row]:
    """What happened between two lines and has none of its own."""
    missing = [(now[kind] - seen.get(kind, 0), kind) for kind in now if now[kind] > seen.get(kind, 0)]
    if not missing:
        return []
    words = ", ".join(f"{grouped(count)} × {kind}" for count, kind in sorted(missing, reverse=True))
    total = sum(count for count, _kind in missing)
    return [Row().to(INDENT).add(fit(f"… {plural(total, 'moment')} left out: {words}", width - INDENT), DIM)]


def scale_of(view: SenderView, bar: int) -> float:
    """Octets a cell: what was ever outstanding and a part of what may be sent fit into the bar."""
    most = max(moment.sent - moment.acked for moment in view.moments)
    widest = max([moment.allowed - moment.acked for moment in view.moments if moment.allowed >= 0], default=0)
    wanted = min(max(widest, most), most * (HEADROOM + 1) // HEADROOM) if most else widest
    return max(wanted / max(bar - BEHIND - 1, 1), 1.0)


def drawn(moment: Moment, scale: float, bar: int) -> str:
    """The four stretches of the stream. A stretch that is there has a cell at least."""
    room = bar - BEHIND - 1
    out = [LATER] * room

    def paint(first: float, last: float, mark: str) -> None:
        begin = int((first - moment.acked) / scale)
        end = max(-int(-(last - moment.acked) // scale), begin + 1)
        for cell in range(max(begin, 0), min(end, room)):
            out[cell] = mark

    if moment.allowed > moment.sent:
        paint(moment.sent, moment.allowed, ALLOWED)
    if moment.sent > moment.acked:
        paint(moment.acked, moment.sent, WAITING)
    for cell in range(room):
        first = moment.acked + cell * scale
        last = min(first + scale, moment.sent)
        arrived = sum(max(min(right, last) - max(left, first), 0) for left, right in moment.sacked)
        if arrived > 0 and 2 * arrived >= last - first:     # most of it, to the grain of the picture
            out[cell] = SACKED
    beyond = moment.allowed - moment.acked > scale * room
    behind = (ACKED if moment.acked > 1 else " ") * BEHIND
    return behind + "".join(out) + (ON if beyond else LATER)


def views_record(told: Told) -> dict[str, JsonValue]:
    """The same as data, with every moment that is kept."""
    return {
        "conversation": told.conversation.number,
        "senders": [
            {
                "direction": ("forward", "backward")[view.direction], "sender": view.sender, "octets": view.octets,
                "seen_from": view.place, "basis": view.basis, "kinds": dict[str, JsonValue](view.kinds),
                "moments": [
                    {
                        "time_ns": moment.time, "frame": moment.frame, "kind": moment.kind, "text": moment.text,
                        "acknowledged": moment.acked, "sent": moment.sent,
                        "allowed": moment.allowed if moment.allowed >= 0 else None,
                        "sacked": [[left, right] for left, right in moment.sacked],
                    } for moment in view.moments
                ],
            } for view in told.views if view.moments
        ],
    }


