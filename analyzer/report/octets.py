"""The bytes of frames as they may be shown: what is secret in words is secret in bytes.

Hidden are the places that dissectors marked, whatever the decision about secrets finds in the streams and datagrams
themselves, and the bytes that a statement rests on of which something was replaced. All of it by its place in the
stream, so that a piece that was sent again, or lies in several frames, is hidden everywhere. Where it cannot be told
which bytes hold a secret, the whole payload is hidden.

A secret begins at a name or a sign that may stand far before it, so each stream is read from its start; but only to
where no name behind the last byte that is shown could belong to it. Of most streams that is a small part.
"""
from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final

from analyzer.model import Analysis, Carriage, Told
from dissectors.kit.event import Event, JsonValue
from dissectors.kit.marks import Marks
from dissectors.wire.secrets.commands import Prompts, command_spans, opening_spans
from dissectors.wire.secrets.forms import Spans
from dissectors.wire.secrets.gate import Said
from dissectors.wire.secrets.marked import marked_spans
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.text import merged, secret_spans

HIDDEN: Final = "··"          # in place of two hexadecimal digits
HEADERS: Final = 40           # octets at the start of a frame that hold no payload: IPv4 and TCP at their shortest
LEAST: Final = 16             # octets of a hidden stretch that are looked for elsewhere
BLOCK: Final = LEAST // 2     # octets of a hidden stretch that are looked up
AHEAD: Final = 8_192          # octets behind what is shown that may tell of it: more than five times `named.MAX_TAG`
# Here ends whatever began before: a word, digits in hexadecimal or base64, blanks.
BREAK: Final = re.compile(rb"[g-zG-Z][ \t\r\n][0-9A-Za-z]")
# What is judged by words that stand anywhere: arguments of curl, the lines of a PuTTY key.
ARGUMENT: Final = re.compile(rb"-u(?<![a-z]-u)")
LINES: Final = b"private-lines"

Octets = dict[int, tuple[bytes, int]]
Ranges = dict[int, Spans]


def shown_octets(analysis: Analysis, replaced: bool) -> dict[str, JsonValue]:
    """By frame number: `hex`, two characters an octet, and `more`, how many octets are not there.

    replaced: something is in what is said, so that it has to be seen in which events.
    """
    hidden = _hidden(analysis, replaced)
    return {
        str(number): {"hex": _hex(data, merged(hidden.get(number, []))), "more": more}
        for number, (data, more) in sorted(analysis.octets.items())
    }


def _hex(data: bytes, ranges: Spans) -> str:
    text = data.hex()
    for start, end in ranges:
        text = text[:2 * start] + HIDDEN * (min(end, len(data)) - start) + text[2 * end:]
    return text


def _hidden(analysis: Analysis, replaced: bool) -> Ranges:
    """What is not shown of each frame, as ranges of its octets."""
    found: Ranges = {}
    known: set[int] = set()
    for told in analysis.told:
        if told.marks.show:
            return {}
        _Streams(told, analysis.octets, found, known).hide(replaced)
    for number, (data, _more) in analysis.octets.items():
        if number not in known:     # of no stream that is told, such as a fragment, or an error that quotes a packet
            found.setdefault(number, []).extend(_secret_in(data, Marks()))
    _hide_repeated(analysis.octets, found)
    return found


def _secret_in(data: bytes, marks: Marks) -> Spans:
    """Which octets of a text are secret: as Latin-1 each of them is one character."""
    text = data.decode("latin-1")
    found = list(secret_spans(text))
    command_spans(text, found)
    marked_spans(text, marks.values, found)
    return merged(found)


class _Streams:
    """The hidden places of one conversation, and the frames that they lie in.

    known: gets the frames whose payload was looked at.     shown: the payloads of frames whose bytes are shown.
    """

    def __init__(self, told: Told, octets: Octets, found: Ranges, known: set[int]) -> None:
        self.told = told
        self.octets = octets
        self.found = found
        self.known = known
        self.carriage = told.carriage or Carriage()
        self.places: list[Spans] = [[], []]
        self.shown = [payload for payload in self.carriage.payloads if payload[0] in octets]

    @cached_property
    def payloads(self) -> dict[int, list[tuple[int, int, int, int]]]:
        """What each frame carries, whether its bytes are shown or not."""
        found: dict[int, list[tuple[int, int, int, int]]] = {}
        for frame, direction, position, start, end in self.carriage.payloads:
            found.setdefault(frame, []).append((direction, position, start, end))
        return found

    def hide(self, replaced: bool) -> None:
        readable = not self.told.conversation.encrypted
        for direction, start, end in self.told.marks.places:
            self.places[direction].append((start, end))
        if readable:
            for direction in (0, 1):
                self._look(direction)
            self._prompts()
        for phase in self.told.phases if replaced else ():
            for event in phase.events:
                if event.evidence.frames and _redacted(event):
                    self._evidence(event)
        self._apply(readable)

    def _look(self, direction: int) -> None:
        """What the stream itself says, across the frames that it came in."""
        pieces = self.carriage.carried[direction]
        shown = self._shown(direction)
        at = 0
        while at < len(pieces) and pieces[at][0] < shown:
            begin, end = pieces[at][0], pieces[at][0]
            run = []
            while at < len(pieces) and pieces[at][0] == end:
                run.append(pieces[at][1])
                end += len(pieces[at][1])
                at += 1
            data = _as_far_as(b"".join(run), shown - begin + AHEAD)
            spans = _secret_in(data, self.told.marks)
            if begin == 0:
                opening_spans(data.decode("latin-1"), spans)
            self.places[direction] += [(begin + start, begin + stop) for start, stop in spans if start < stop]

    def _shown(self, direction: int) -> int:
        """Where the last byte ends of what was carried that some frame shows."""
        pieces = self.carriage.carried[direction]
        behind = pieces[-1][0] + len(pieces[-1][1]) if pieces else 0
        return max((
            position + end - start for _frame, side, position, start, end in self.shown
            if side == direction and 0 <= position < behind
        ), default=0)

    def _prompts(self) -> None:
        """What one side answers where the other asks for a password."""
        prompts = Prompts()
        for frame, direction, position, start, end in self.shown:
            if position >= 0:
                prompts.add(direction, position, self.octets[frame][0][start:end].decode("latin-1"))
        for direction, start, end in prompts.places:
            self.places[direction].append((start, end))

    def _evidence(self, event: Event) -> None:
        """The bytes of an event of which something is hidden: its range, and all payload of its other frames."""
        evidence = event.evidence
        for frame in evidence.frames:
            last = frame == evidence.frames[-1] and evidence.start >= 0
            payloads = self.payloads.get(frame, [])
            size = len(self.octets.get(frame, (b"", 0))[0])
            low, high = (evidence.start, evidence.end) if last else (min(HEADERS, size) if not payloads else 0, 1 << 20)
            for direction, position, start, end in payloads:
                start_at, end_at = max(low, start), min(high, end)
                if position >= 0 and start_at < end_at:
                    self.places[direction].append((position + start_at - start, position + end_at - start))
                low_at = max(low, start)
                self._range(frame, low_at, min(high, end))
            if not payloads or last:
                self._range(frame, low, min(high, size))

    def _range(self, frame: int, start: int, end: int) -> None:
        if start < end:
            self.found.setdefault(frame, []).append((start, end))

    def _apply(self, readable: bool) -> None:
        """From places in a stream to the frames that carry them, whenever they were sent."""
        places = [merged(self.places[0]), merged(self.places[1])]
        for frame, direction, position, start, end in self.shown:
            self.known.add(frame)
            if self.told.marks.full:
                self._range(frame, start, end)
            elif readable and (position < 0 or position + end - start > self.carriage.octets[direction]):
                for first, last in _secret_in(self.octets[frame][0][start:end], self.told.marks):
                    self._range(frame, start + first, start + last)
            if position >= 0:
                self._cut(frame, places[direction], position, start, end)

    def _cut(self, frame: int, places: Spans, position: int, start: int, end: int) -> None:
        for first, last in places[max(bisect_right(places, (position, 1 << 62)) - 1, 0):]:
            if first >= position + end - start:
                break
            if last <= position:
                continue
            self._range(frame, start + max(first - position, 0), start + min(last - position, end - start))


def _as_far_as(data: bytes, least: int) -> bytes:
    """Its beginning, of at least so many octets, to where what stands there ends; all where that is not enough."""
    behind = BREAK.search(data, least) if least < len(data) else None
    if behind is None:
        return data
    start = data[:least].lower()
    if LINES in start or ARGUMENT.search(start) is not None:
        return data
    return data[:behind.end()]


def _hide_repeated(octets: Octets, found: Ranges) -> None:
    """Hide what is hidden once wherever else it lies whole.

    Wherever that is, one of its first blocks lies at a multiple of their length, so that no other place is looked at.
    """
    stretches = set()
    for number, ranges in found.items():
        data = octets.get(number, (b"", 0))[0]
        stretches.update([data[start:end] for start, end in ranges if len(data[start:end]) >= LEAST])
    blocks: dict[bytes, list[tuple[int, bytes]]] = {}
    for stretch in stretches:
        for ahead in range(BLOCK):
            blocks.setdefault(stretch[ahead:ahead + BLOCK], []).append((ahead, stretch))
    if not blocks:
        return
    for number, (data, _more) in octets.items():
        for at in range(0, len(data) - BLOCK + 1, BLOCK):
            for ahead, stretch in blocks.get(data[at:at + BLOCK], ()):
                if ahead <= at and data.startswith(stretch, at - ahead):
                    found.setdefault(number, []).append((at - ahead, at - ahead + len(stretch)))


def _redacted(event: Event) -> bool:
    said = Said(event)
    line = said.headline()
    return (
        REDACTED in said.what() or REDACTED in said.detail() or REDACTED in said.label()
        or (line is not None and REDACTED in line.text)
        or REDACTED in str(said.fields())
    )
