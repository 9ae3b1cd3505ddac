"""Diagrams as SVG: well-formed, complete, bounded, and inert whatever a packet holds."""
from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from report_example import example
from sample_feeds import SAMPLES
from test_report_formats import HOSTILE, hostile

from analyzer.cli.report import DIAGRAMS as NAMES
from analyzer.model import Analysis, Points
from analyzer.pipeline.run import Options, analyze
from analyzer.report.diagrams import DIAGRAMS, MAX_ARROWS, diagram, outstanding, round_step
from analyzer.report.spans import streams_of
from analyzer.report.svg import escaped, fitted

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {f"{SVG}{name}" for name in ("svg", "title", "style", "rect", "text", "path")}


def drawn(analysis: Analysis, kind: str, level: str = "teach") -> ElementTree.Element:
    return ElementTree.fromstring("".join(diagram(analysis, level, kind)))


def sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options(graphs=True))


def words(tree: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("kind", DIAGRAMS)
@pytest.mark.parametrize("name", ["http2/multiplexed", "tls/tls13-full", "dns/dns-then-http", "icmp/ping"])
def test_every_diagram_is_well_formed_and_within_its_frame(kind: str, name: str) -> None:
    tree = drawn(sample(name), kind)
    width, height = (float(part) for part in tree.attrib["viewBox"].split()[2:])
    for element in tree.iter():
        assert element.tag in ALLOWED
        for key in ("x", "y"):
            value = element.attrib.get(key, "0")
            assert 0 <= float(value) <= (width if key == "x" else height), element.attrib
    assert words(tree)


@pytest.mark.parametrize("kind", DIAGRAMS)
def test_hostile_strings_are_words_and_nothing_else(kind: str) -> None:
    analysis = hostile()
    text = "".join(diagram(analysis, "teach", kind))
    tree = ElementTree.fromstring(text)
    for element in tree.iter():
        assert element.tag in ALLOWED
        assert not [key for key in element.attrib if key.startswith("on") or "href" in key]
    assert "<script" not in text
    assert text.isprintable() or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    if kind == "ladder":
        assert any("<script>" in word for word in words(tree))


def test_what_xml_has_no_place_for_is_an_escape() -> None:
    assert escaped("\ufffe\x00<&\"'>\x1b\ud800") == "\\ufffe\\x00&lt;&amp;&quot;&#x27;&gt;\\x1b\\ud800"
    ElementTree.fromstring(f"<a>{escaped(HOSTILE)}</a>")


def test_text_is_cut_to_its_place() -> None:
    assert fitted("short", 100) == "short"
    assert fitted("x" * 200, 70) == "x" * 9 + "…"
    assert len(fitted("漢" * 200, 70)) <= 6


def test_the_waterfall_has_the_rows_of_the_story() -> None:
    analysis = example()
    tree = drawn(analysis, "waterfall")
    shown = " ".join(words(tree))
    assert all(row.label in shown for row in analysis.story)
    bars = [one for one in tree.iter(f"{SVG}rect") if re.match(r"c\d", one.attrib.get("class", ""))]
    assert len(bars) >= len(analysis.story)


def test_the_ladder_has_an_arrow_for_each_event_and_says_what_is_left_out() -> None:
    analysis = example()
    arrows = [one for one in drawn(analysis, "ladder").iter(f"{SVG}path") if one.attrib["class"] in ("f", "r")]
    expected = [event for told in analysis.told for phase in told.phases for event in phase.events
                if event.direction in (0, 1) and event.label()]
    assert len(arrows) == len(expected)
    phase = analysis.told[0].phases[0]
    phase.events = phase.events * MAX_ARROWS
    tree = drawn(analysis, "ladder")
    assert f"… {MAX_ARROWS} more events after these" in words(tree)


def test_streams_are_bars_of_their_length() -> None:
    analysis = sample("http2/multiplexed")
    tree = drawn(analysis, "streams")
    spans = streams_of(analysis.told[0])
    waits = [float(one.attrib["width"]) for one in tree.iter(f"{SVG}rect") if one.attrib.get("class") == "c0 wait"]
    lengths = [span.parts[0].end_ns - span.parts[0].start_ns for span in spans]
    assert len(waits) == len(lengths)
    assert all(abs(wide / waits[0] - length / lengths[0]) < 0.05 for wide, length in zip(waits, lengths, strict=True))


def test_a_retransmission_is_drawn_apart() -> None:
    tree = drawn(sample("tcp/loss-fast-retransmit"), "sequence")
    kinds = [one.attrib["class"] for one in tree.iter(f"{SVG}path")]
    assert {"data", "resent", "ack", "allowed", "sack"} <= set(kinds)
    resent = next(one for one in tree.iter(f"{SVG}path") if one.attrib["class"] == "resent")
    assert resent.attrib["d"].count("M") == 1


def test_a_hundred_thousand_segments_stay_a_small_file() -> None:
    analysis = example()
    points = [Points(), Points()]
    for at in range(Points.MAX_POINTS):
        points[1].segments.append((at * 1000, at * 1000, at * 1000 + 1000, 0, at + 1))
        points[1].acks.append((at * 1000 + 500, at * 1000, at * 1000 + 60_000))
    analysis.told[1].points = points
    assert len("".join(diagram(analysis, "normal", "sequence"))) < 300_000


def test_what_is_outstanding_is_sent_and_not_acknowledged() -> None:
    points = Points()
    points.segments = [(1, 0, 100, 0, 1), (2, 100, 250, 0, 2), (5, 100, 250, 1, 5)]
    points.acks = [(3, 100, 1_100), (6, 250, -1)]
    assert outstanding(points) == ([(1, 100), (2, 250), (3, 150), (5, 150), (6, 0)], [(3, 1_000)])


@pytest.mark.parametrize(("kind", "line", "piece"), [("flight", "data", "V"), ("trips", "ack", "M")])
def test_curves_of_a_transfer_are_drawn(kind: str, line: str, piece: str) -> None:
    """What is outstanding goes in steps; a measure of an ACK is a dot, and nothing between two of them is known."""
    tree = drawn(sample("tcp/loss-fast-retransmit"), kind)
    curves = [path.attrib["d"] for path in tree.iter(f"{SVG}path") if path.attrib["class"] == line]
    assert curves
    assert max(curve.count(piece) for curve in curves) > 10, "a curve has as many pieces as the transfer"
    assert kind == "flight" or not any(set("VHL") & set(curve) for curve in curves)


def test_a_round_trip_below_nothing_is_not_drawn() -> None:
    analysis = sample("tcp/loss-fast-retransmit")
    for points in analysis.told[0].points:
        points.trips = [(time, -1) for time, _length in points.trips]
    tree = drawn(analysis, "trips")
    assert not [path for path in tree.iter(f"{SVG}path") if path.attrib["class"] == "ack"]


def test_nothing_to_draw_is_said() -> None:
    assert any("no conversation" in word for word in words(drawn(example(), "streams")))


def test_names_agree_with_the_command() -> None:
    assert NAMES == DIAGRAMS
    assert [round_step(least) for least in (0.2, 1, 3, 7, 11, 40_000)] == [1, 1, 5, 10, 20, 50_000]
