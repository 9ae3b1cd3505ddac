"""The diagrams: the waterfall of a capture; ladder, streams and time-sequence graph of its conversations."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from analyzer.model import Analysis, Conversation, Phase, Points, Told
from analyzer.report.selection import chosen
from analyzer.report.spans import BLOCKED, OPEN, SEND, WAIT, Part, story_parts, streams_of
from analyzer.report.svg import BARS, MARGIN, WIDTH, Canvas, fitted
from analyzer.report.terminal import capture_name
from analyzer.report.words import OF_POINTS, frame_list, since_start
from dissectors.kit.event import BACKWARD, FORWARD, Event
from dissectors.kit.units import duration, grouped, plural, size
from dissectors.wire.secrets.gate import Said

MAX_CONVERSATIONS: Final = 20    # in one file, beyond which a browser is slow to show it
MAX_ARROWS: Final = 200          # of one ladder
MAX_BARS: Final = 300            # of one chart
ROW: Final = 20                  # height of a bar's row
STEP: Final = 30                 # height of an arrow's
LEFT: Final = 250                # life lines of a ladder
RIGHT: Final = 750
PLOT_LEFT: Final = 80
PLOT_HEIGHT: Final = 340
FEWEST: Final = 5                # segments below which a direction has no shape
TICKS: Final = 6

Steps = list[tuple[int, int, int]]


def diagram(analysis: Analysis, level: str, kind: str) -> Iterator[str]:
    """One SVG. kind: one of DIAGRAMS. A diagram of conversations holds one beneath the other."""
    canvas = Canvas()
    title = capture_name(analysis.capture.names)
    if kind == WATERFALL:
        canvas.heading(title)
        _story(canvas, analysis)
    else:
        draws = _OF_CONVERSATIONS[kind]
        drawn = 0
        for told in analysis.told:
            if drawn == MAX_CONVERSATIONS:
                canvas.note(f"… the first {MAX_CONVERSATIONS} conversations are drawn; choose others by number")
                break
            drawn += draws(canvas, told, level)
        if not drawn:
            canvas.note(f"{title}: {_NOTHING[kind]}")
    return canvas.document(f"{title}: {kind}")


def _ends(conversation: Conversation) -> str:
    carried = conversation.protocol
    over = f"{carried} over {conversation.transport}" if carried and carried != conversation.transport else (
        conversation.transport
    )
    return f"{conversation.number}  {over} {conversation.originator} ⇄ {conversation.responder}"


def _story(canvas: Canvas, analysis: Analysis) -> None:
    rows = [
        (str(row.conversation or ""), row.label, row.text, row.start_ns, row.end_ns, parts)
        for row, parts in zip(analysis.story, story_parts(analysis), strict=True)
    ]
    if rows:
        _bars(canvas, rows)
    else:
        canvas.note(_NOTHING[WATERFALL])
    for left_out in analysis.left_out:
        canvas.note(f"… {left_out}")


def _streams(canvas: Canvas, told: Told, _level: str) -> bool:
    rows = [
        (str(span.stream or number), span.label, span.text, span.start_ns, span.end_ns, span.parts)
        for number, span in enumerate(streams_of(told), 1)
    ]
    if rows:
        canvas.heading(_ends(told.conversation))
        _bars(canvas, rows)
    return bool(rows)


def _bars(canvas: Canvas, rows: list[tuple[str, str, str, int, int, list[Part]]]) -> None:
    """A row each: number, label, text, how long it took, and its bar over a common axis."""
    shown = rows[:MAX_BARS]
    start = min(row[3] for row in shown)
    end = max(max([row[4], *(part.end_ns for part in row[5])]) for row in shown)
    at, room = WIDTH * 0.47, WIDTH * 0.53 - MARGIN
    scale = room / max(end - start, 1)
    _time_axis(canvas, at, room, end - start, len(shown) * ROW)
    colours: dict[str, int] = {}
    for number, label, text, from_ns, to_ns, parts in shown:
        colour = f"c{colours.setdefault(label.split(' ')[0], len(colours) % BARS)}"
        base = canvas.y + 14
        canvas.text(MARGIN + 22, base, number, "s e")
        canvas.text(MARGIN + 30, base, fitted(label, 66), "b")
        canvas.text(MARGIN + 100, base, fitted(text, at - MARGIN - 180))
        if to_ns > from_ns:
            canvas.text(at - 10, base, duration(to_ns - from_ns), "s e")
        for part in parts or [Part("", from_ns, to_ns)]:
            high, thin = {OPEN: (9, 1), SEND: (7, 6)}.get(part.kind, (4, 12))
            wide = max((part.end_ns - part.start_ns) * scale, 0.5 if part.kind == OPEN else 2)
            canvas.box(at + (part.start_ns - start) * scale, canvas.y + high, wide, thin,
                       f"{colour} {part.kind}".strip(), 2 if thin > 1 else 0)
        canvas.y += ROW
    kinds = {part.kind for row in shown for part in row[5]}
    canvas.y += 4
    if WAIT in kinds:
        blocked = " Grey: blocked by something else." if BLOCKED in kinds else ""
        canvas.note(f"Pale: waiting for the first byte.{blocked}")
    if len(rows) > MAX_BARS:
        canvas.note(f"… {plural(len(rows) - MAX_BARS, 'more bar')}")
    canvas.y += 10


def _time_axis(canvas: Canvas, left: float, width: float, span_ns: int, height: float) -> None:
    """Round times above what is drawn beneath, with a line down at each."""
    step = round_step(span_ns / TICKS)
    for tick in range(0, max(span_ns, 1), step):
        x = left + width * tick / max(span_ns, 1)
        canvas.path(f"M{x:.1f} {canvas.y:.1f}v{height + 14:.1f}", "line")
        if tick / max(span_ns, 1) < 0.93:
            canvas.text(x + 3, canvas.y + 10, duration(tick) if tick else "0", "s")
    canvas.y += 14


def round_step(least: float) -> int:
    """1, 2 or 5 times a power of ten, at least `least`."""
    decade = 1
    while decade * 10 <= least:
        decade *= 10
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= least)


def _ladder(canvas: Canvas, told: Told, level: str) -> bool:
    """An arrow for each event that tells of something sent, has a direction and a label, between two life lines."""
    conversation = told.conversation
    arrows = [
        (phase, event) for phase in told.phases for event in chosen(phase, level)
        if event.on_wire and event.direction in (FORWARD, BACKWARD) and Said(event).label()
    ]
    if not arrows:
        return False
    canvas.heading(_ends(conversation))
    for x, end in ((LEFT, conversation.originator), (RIGHT, conversation.responder)):
        canvas.text(x, canvas.y + 12, fitted(f"{end.name} ({end})" if end.name else str(end), 420), "m")
    canvas.y += 20
    top = canvas.y
    before: Phase | None = None
    lines = len(canvas.parts)
    for phase, event in arrows[:MAX_ARROWS]:
        if phase is not before:
            canvas.box(MARGIN + 90, canvas.y + 6, WIDTH - 2 * MARGIN - 180, 20, "band", 4)
            canvas.text(WIDTH / 2, canvas.y + 20, fitted(phase.title, 700), "b m")
            canvas.y += STEP + 2
            before = phase
        _arrow(canvas, event, conversation.start_ns)
    for x in (LEFT, RIGHT):     # beneath what they carry
        canvas.parts.insert(lines, f'<path d="M{x} {top:.1f}V{canvas.y:.1f}" class="life"/>')
    canvas.y += 6
    if len(arrows) > MAX_ARROWS:
        canvas.note(f"… {plural(len(arrows) - MAX_ARROWS, 'more event')} after these")
    canvas.y += 14
    return True


def _arrow(canvas: Canvas, event: Event, start_ns: int) -> None:
    forward = event.direction == FORWARD
    from_x, to_x, back = (LEFT, RIGHT, -8) if forward else (RIGHT, LEFT, 8)
    y = canvas.y + 20
    label, detail = Said(event).label(), Said(event).detail()
    words = label + (f"  {detail}" if detail else "")
    canvas.text((LEFT + RIGHT) / 2, y - 5, fitted(words, RIGHT - LEFT - 16), "m")
    canvas.path(f"M{from_x} {y:.1f}H{to_x}m{back} -4L{to_x} {y:.1f}l{back} 4", "f" if forward else "r")
    canvas.text(LEFT - 10, y + 4, since_start(event.time - start_ns), "s e")
    canvas.text(RIGHT + 10, y + 4, frame_list(event.evidence.frames), "s")
    canvas.y += STEP


def _sequence(canvas: Canvas, told: Told, _level: str) -> bool:
    """tcptrace's graph for each direction that carried data."""
    drawn = False
    for points, arrow in zip(told.points, ("→", "←"), strict=False):
        if len(points.segments) >= FEWEST:
            canvas.heading(f"{_ends(told.conversation)}: time and sequence {arrow}")
            _plot(canvas, points)
            drawn = True
    return drawn


def _frame(
    canvas: Canvas, points: Points, highest: int, words: Callable[[int], str]
) -> tuple[int, float, float, float]:
    """Axes of a graph over the time of a direction: (start, units a nanosecond, units a step up, bottom)."""
    times = [row[0] for row in points.segments] + [row[0] for row in points.acks]
    start, end = min(times), max(times)
    width = WIDTH - PLOT_LEFT - MARGIN
    across, up = width / max(end - start, 1), PLOT_HEIGHT / max(highest, 1)
    _time_axis(canvas, PLOT_LEFT, width, end - start, PLOT_HEIGHT)
    bottom = canvas.y + PLOT_HEIGHT
    for tick in range(0, highest, round_step(highest / TICKS)):
        canvas.path(f"M{PLOT_LEFT} {bottom - tick * up:.1f}h{width}", "line")
        canvas.text(PLOT_LEFT - 6, bottom - tick * up + 4, words(tick), "s e")
    return start, across, up, bottom


def _flight(canvas: Canvas, told: Told, _level: str) -> bool:
    """What each direction had sent without an ACK, and how much the receiver allowed."""
    drawn = False
    for points, arrow in zip(told.points, ("→", "←"), strict=False):
        if len(points.segments) < FEWEST or not points.acks:
            continue
        way, allowed = outstanding(points)
        canvas.heading(f"{_ends(told.conversation)}: outstanding {arrow}")
        highest = max(1, *(value for _time, value in way)) * 5 // 4
        start, across, up, bottom = _frame(canvas, points, highest, size)
        for kind, line in (("data", way), ("allowed", [(time, min(value, highest)) for time, value in allowed])):
            canvas.path(_line(line, start, across, up, bottom), kind)
        canvas.y = bottom + 6
        canvas.note("Sent and not acknowledged yet. The yellow line is the window that the receiver allows, where it "
                    "is within the picture.")
        canvas.y += 10
        drawn = True
    return drawn


def outstanding(points: Points) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(time, bytes sent and not acknowledged) at each step, and (time, bytes that the window allows)."""
    steps = [(time, 0, end, -1) for time, _first, end, _kind, _frame in points.segments]
    steps += [(time, 1, acked, until) for time, acked, until in points.acks]
    steps.sort()
    sent = acked = 0
    way: list[tuple[int, int]] = []
    allowed: list[tuple[int, int]] = []
    for time, answer, place, until in steps:
        if answer:
            acked = max(acked, place)
            if until >= 0:
                allowed.append((time, max(until - acked, 0)))
        else:
            sent = max(sent, place)
        way.append((time, max(sent - acked, 0)))
    return way, allowed


def _trips(canvas: Canvas, told: Told, _level: str) -> bool:
    """How long the ACKs of each direction took."""
    drawn = False
    for points, arrow in zip(told.points, ("→", "←"), strict=False):
        trips = [(time, length) for time, length in points.trips if length >= 0]    # else the clock ran backwards
        if len(points.segments) < FEWEST or not trips:
            continue
        canvas.heading(f"{_ends(told.conversation)}: from data to its ACK {arrow}")
        highest = max(1, *(length for _time, length in trips)) * 5 // 4
        start, across, up, bottom = _frame(canvas, points, highest, duration)
        canvas.path(_dots(trips, start, across, up, bottom), "ack")
        canvas.y = bottom + 6
        canvas.note(f"{plural(len(trips), 'measure')}, as seen where the capture was taken.")
        canvas.y += 10
        drawn = True
    return drawn


def _plot(canvas: Canvas, points: Points) -> None:
    highest = max(1, *(row[2] for row in points.segments)) * 23 // 20     # with room above
    start, across, up, bottom = _frame(canvas, points, highest, size)

    def strokes(rows: Steps, kind: str) -> None:
        canvas.path(_strokes(rows, start, across, up, bottom), kind)

    strokes([(time, left, min(right, highest)) for time, left, right in points.sacks if left < highest], "sack")
    for number, kind in ((Points.DATA, "data"), (Points.ENDS, "ends"), (Points.RESENT, "resent")):
        strokes([(time, first, last) for time, first, last, of, _frame in points.segments if of == number], kind)
    for kind, line in (
        ("ack", [(time, value) for time, value, _allowed in points.acks]),
        ("allowed", [(time, min(value, highest)) for time, _acked, value in points.acks if value >= 0]),
    ):
        canvas.path(_line(line, start, across, up, bottom), kind)
    canvas.y = bottom + 6
    canvas.note("Each stroke is a segment, red where it was sent again, orange SYN and FIN. Purple: selective "
                "acknowledgments.")
    canvas.note("The green line is what was acknowledged, the yellow one what the receiver allows.")
    if points.left_out:
        canvas.note(f"… {grouped(points.left_out)} segments are drawn as one with their neighbours")
    canvas.y += 10


def _strokes(rows: Steps, start: int, across: float, up: float, bottom: float) -> str:
    """Upright strokes of (time, from, to); those on one column that touch are one, so that many stay small."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for time, first, last in rows:
        x = round((time - start) * across * 2)     # half a unit is as fine as a line
        low, high = bottom - first * up, min(bottom - last * up, bottom - first * up - 1)
        found = columns.setdefault(x, [])
        if found and low >= found[-1][1] - 1 and high <= found[-1][0] + 1:
            found[-1] = (max(found[-1][0], low), min(found[-1][1], high))
        else:
            found.append((low, high))
    return "".join(
        f"M{PLOT_LEFT + x / 2:.1f} {low:.1f}V{high:.1f}" for x, pairs in columns.items() for low, high in pairs
    )


def _line(rows: list[tuple[int, int]], start: int, across: float, up: float, bottom: float) -> str:
    """Steps through (time, value), the last value of each column."""
    columns: dict[int, float] = {}
    for time, value in rows:
        columns[round((time - start) * across * 2)] = bottom - value * up
    steps: list[str] = []
    for x, y in columns.items():
        at = f"{PLOT_LEFT + x / 2:.1f}"
        steps.append(f"H{at}V{y:.1f}" if steps else f"M{at} {y:.1f}")
    return "".join(steps)


def _dots(rows: list[tuple[int, int]], start: int, across: float, up: float, bottom: float) -> str:
    """A short stroke for each (time, value); those of one place are one."""
    places = dict.fromkeys((round((time - start) * across * 2), round(value * up * 2)) for time, value in rows)
    return "".join(f"M{PLOT_LEFT + x / 2 - 1:.1f} {bottom - y / 2:.1f}h2" for x, y in places)


WATERFALL: Final = "waterfall"
_OF_CONVERSATIONS: Final[dict[str, Callable[[Canvas, Told, str], bool]]] = {
    "ladder": _ladder, "streams": _streams, "sequence": _sequence, "flight": _flight, "trips": _trips,
}
DIAGRAMS: Final = (WATERFALL, *_OF_CONVERSATIONS)
_NOTHING: Final = {
    WATERFALL: "there is nothing to draw.",
    "ladder": "no event of a conversation that is told has a direction.",
    "streams": "no conversation that is told carries exchanges or streams.",
    **dict.fromkeys(OF_POINTS, "no TCP connection that is told carries enough segments to draw."),
}
