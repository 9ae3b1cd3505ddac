"""One HTML file: offline, nothing loaded, nothing of the capture ever taken for markup.

The data travel as a compressed JSON document that the page's script unpacks and sets as text only; what may not be
shown raw is escaped before it goes in, so that the script need not know of it. The script travels compressed as well,
and a few lines unpack it. The content policy in the head names these two and the one style by their hashes, so nothing
else could run even if it got in.
"""
from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from analyzer import __version__
from analyzer.model import Analysis, Phase, Points, Told
from analyzer.report.account import COLOURS, Totals, count_of, matters, together
from analyzer.report.courses import ALL_COLUMNS, SIDES, courses_of
from analyzer.report.document import event_record, reasons
from analyzer.report.escape import shown_value, terminal_text
from analyzer.report.listed import packed_listing, traffic_record
from analyzer.report.octets import shown_octets
from analyzer.report.play import columns, play_record, steps
from analyzer.report.records import conversation_record, verdict_record
from analyzer.report.spans import Part, spans_of, story_parts, streams_of
from analyzer.report.terminal import capture_name, doubts, read_of, recorded, totals
from analyzer.report.words import TEACH, counted, doubtful, explained, state_in_words, took
from dissectors.kit.account import CAUSES
from dissectors.kit.event import Event, JsonValue
from dissectors.kit.units import plural
from dissectors.wire.secrets.named import REDACTED

COMMENT: Final = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/\n?")
BLANKS: Final = re.compile(r"\s*([{};,]|:(?= ))\s*")
INDENT: Final = re.compile(r"^[ \t]+", re.MULTILINE)
PAGE: Final = Path(__file__).with_name("page")
SCRIPTS: Final = (
    "uPlot.min.js", "page.js", "fragment.js", "listing.js", "filter_words.js", "filter_values.js", "filter_pattern.js",
    "filter_parts.js", "filter_grammar.js", "filter_matching.js", "fields.js", "narrow.js", "state.js", "copy.js",
    "bars.js", "story.js", "time.js", "traffic.js", "overview.js", "timeline.js", "layers.js",
    "frames.js", "graph.js", "played.js", "player.js", "moving.js", "lens.js", "main.js",
)
STYLES: Final = ("uPlot.min.css", "page.css", "player.css")
LEVEL: Final = 5             # of zlib: 6 takes half as long again for a twentieth less
MOST_BOOKINGS: Final = 300   # of a conversation, in its account of the time; JSON has all
EVENT_FIELDS: Final = (
    "name", "stream", "direction", "frames", "bytes", "importance", "label", "detail", "text", "spec", "fields",
)


def html_page(analysis: Analysis) -> Iterator[str]:
    """The page in pieces."""
    script = '"use strict";\n' + "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = "\n".join(map(_lean, STYLES))
    loader = (PAGE / "loader.js").read_text(encoding="utf-8")
    capture = analysis.capture
    parts = {
        "title": _words(capture_name(capture.names)),
        "numbers": _words(" · ".join(part for part in (
            plural(capture.frames, "frame"), took(capture.start_ns, capture.end_ns, capture.silences),
            plural(capture.conversations, "conversation"), counted(analysis.findings), recorded(capture),
            f"seen from {capture.seen_from}" if capture.seen_from else "", *doubtful(capture.silences),
        ) if part)),
        "code": _packed(script.encode()),
        "loader": loader,
        "style": style,
        "script_hash": f"{_hash(loader)} {_hash(script)}",
        "style_hash": _hash(style),
        "frames": "" if analysis.listing is None else packed_listing(analysis.listing),
        "data": _packed(page_json(analysis).encode()),
    }
    text = (PAGE / "page.html").read_text(encoding="utf-8")
    for piece in text.split("{{"):
        name, closed, rest = piece.partition("}}")
        yield parts[name] + rest if closed and name in parts else piece


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, LEVEL)).decode()


def _lean(name: str) -> str:
    """A style without what only its authors read: comments, indents and the blanks around its signs."""
    text = INDENT.sub("", COMMENT.sub("", (PAGE / name).read_text(encoding="utf-8")))
    return BLANKS.sub(r"\1", text)


def _words(text: str) -> str:
    return escape(terminal_text(text))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_json(analysis: Analysis) -> str:
    """What the page's script reads, as ASCII: the data, the points of its graphs, which are numbers only and many, as
    `points`, and the bytes of frames as `octets`."""
    data = _ascii(shown_value(page_data(analysis)))
    octets = shown_octets(analysis, REDACTED in data)
    return f'{data[:-1]},"points":{_ascii(_drawn(analysis))},"octets":{_ascii(octets)}}}'


def _ascii(data: JsonValue) -> str:
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


def page_data(analysis: Analysis) -> dict[str, JsonValue]:
    """All but points and bytes. Times count from the start of the capture, so that a browser holds them exactly."""
    start = analysis.capture.start_ns
    return {
        "capture": {
            "conversations": analysis.capture.conversations, "start": start, "frames": analysis.capture.frames,
            "links": [*analysis.capture.links],
        },
        "totals": _covered(analysis),
        "doubts": [*doubts(analysis.capture)],
        "verdict": _verdict(analysis),
        "findings": [finding.as_json() for finding in analysis.findings],
        "time": _time(analysis),
        "story": _story(analysis, start),
        "conversations": [_told(told, start) for told in analysis.told],
        "courses": {str(told.conversation.number): _courses(told) for told in analysis.told if told.courses},
        "play": {str(told.conversation.number): play_record(told) for told in analysis.told},
        "reasons": reasons(analysis, TEACH),
        "traffic": _traffic(analysis),
        "left_out": [*analysis.left_out],
        "about": _about(analysis),
    }


def _traffic(analysis: Analysis) -> JsonValue:
    listing = analysis.listing
    return None if listing is None or listing.traffic is None else traffic_record(listing.traffic)


def _verdict(analysis: Analysis) -> dict[str, JsonValue]:
    """As the other formats have it, with what each cause explains in words."""
    record = verdict_record(analysis)
    record["explained"] = [explained(analysis, cause) for cause in analysis.verdict.causes]
    return record


def _covered(analysis: Analysis) -> list[JsonValue]:
    """What was read, where that is not all that is drawn, and all conversations in a few lines."""
    covered = read_of(analysis)
    lines: list[JsonValue] = [f"Read: {covered}"] if covered else []
    return lines + [label + text for label, text in totals(analysis.capture) if analysis.capture.conversations > 1]


def _story(analysis: Analysis, start: int) -> list[JsonValue]:
    places = {
        (span.conversation, span.text, span.start_ns): span for told in analysis.told for span in spans_of(told)
    }
    found: list[JsonValue] = []
    for row, parts in zip(analysis.story, story_parts(analysis), strict=True):
        record: dict[str, JsonValue] = {
            "conversation": row.conversation, "label": row.label, "text": row.text, "start": row.start_ns - start,
            "end": row.end_ns - start, "parts": _parts(parts, start),
        }
        span = places.get((row.conversation, row.text, row.start_ns))
        if span is not None:
            record["event"] = [span.phase, span.place]
        found.append(record)
    return found


def _time(analysis: Analysis) -> dict[str, JsonValue]:
    """The account of the capture, and what the numbers of causes stand for, here and in each conversation."""
    causes: list[JsonValue] = [
        {"key": cause.key, "word": cause.word, "means": cause.means, "colour": COLOURS[cause.key]} for cause in CAUSES
    ]
    totals = _totals(together(analysis)) if matters(analysis) is not None else []
    return {"causes": causes, "conversations": count_of(analysis), "totals": totals}


def _totals(totals: Totals) -> list[JsonValue]:
    return [[CAUSES.index(cause), ns] for cause, ns in totals]


def _books(told: Told, start: int) -> dict[str, JsonValue]:
    bookings: list[JsonValue] = [
        [CAUSES.index(one.cause), one.since - start, one.until - start, [*one.frames], one.confidence, one.ground]
        for one in told.books.bookings[:MOST_BOOKINGS]
    ]
    return {"totals": _totals(told.books.totals()), "bookings": bookings, "count": len(told.books.bookings)}


def _streams(told: Told, start: int) -> list[JsonValue]:
    return [
        {"stream": span.stream, "label": span.label, "text": span.text, "start": span.start_ns - start,
         "end": span.end_ns - start, "parts": _parts(span.parts, start), "event": [span.phase, span.place]}
        for span in streams_of(told)
    ]


def _parts(parts: list[Part], start: int) -> list[JsonValue]:
    return [[part.kind, part.start_ns - start, part.end_ns - start] for part in parts]


def _about(analysis: Analysis) -> list[JsonValue]:
    capture = analysis.capture
    about: list[JsonValue] = [f"Written by wiretale {__version__}. Nothing in this file is loaded from elsewhere."]
    about += capture.neighbours
    about += [f"{plural(count, 'frame')} not decoded: {name}" for name, count in capture.undecoded.items()]
    return about


def _told(told: Told, start: int) -> dict[str, JsonValue]:
    record = conversation_record(told.conversation)
    record["start"], record["end"] = told.conversation.start_ns - start, told.conversation.end_ns - start
    record["state_means"] = state_in_words(told.conversation.transport, told.conversation.state)
    record["phases"] = [_phase(phase, start) for phase in told.phases]
    record["streams"] = _streams(told, start)
    record["time"] = _books(told, start)
    return record


def _phase(phase: Phase, start: int) -> dict[str, JsonValue]:
    return {
        "title": phase.title, "start": phase.start_ns - start, "end": phase.end_ns - start, "facts": [*phase.facts],
        "left_out": [*phase.left_out], "events": [_event(event, start) for event in phase.events],
    }


def _event(event: Event, start: int) -> dict[str, JsonValue]:
    record = event_record(event)
    return {"time": event.time - start, **{name: record[name] for name in EVENT_FIELDS}}


def _courses(told: Told) -> dict[str, JsonValue]:
    """How the data of each direction that carried a good part of them went over time, in steps."""
    start = told.conversation.start_ns
    return {
        SIDES[direction]: {
            name: steps(course[name], start if name == "time_ns" else 0) for name in ALL_COLUMNS
        } for direction, course in courses_of(told)
    }


def _drawn(analysis: Analysis) -> dict[str, JsonValue]:
    """The points of each conversation that has some, by its number."""
    return {
        str(told.conversation.number): {
            side: _points(points, told.conversation.start_ns)
            for side, points in zip(("forward", "backward"), told.points, strict=True)
        } for told in analysis.told if told.points
    }


def _points(points: Points, start: int) -> dict[str, JsonValue]:
    return {
        "segments": columns(points.segments, start),
        "acks": columns(points.acks, start),
        "sacks": columns(points.sacks, start),
        "trips": columns(points.trips, start),
        "resent": points.resent, "left_out": points.left_out,
    }
