"""All of a large capture is told part by part: with what is told at once it has everything in common."""
from __future__ import annotations

import json
from pathlib import Path

import crowd
import pytest

from analyzer.explain import gathered, lasting
from analyzer.explain.rules import CAPTURE_RULES
from analyzer.explain.since import earlier_of
from analyzer.model import Analysis, Sink
from analyzer.pipeline import parts
from analyzer.pipeline.run import Options, analyze
from analyzer.report.account import whole_record
from analyzer.report.document import capture_record, json_document, story_record
from analyzer.report.formats import Layout, by_name
from analyzer.report.records import verdict_record
from analyzer.report.streams import Held, Streams
from analyzer.report.tables import TABLES
from dissectors.kit.event import JsonValue

SAMPLES = Path(__file__).parents[3] / "samples"
CAPTURES = sorted(SAMPLES.glob("*/*/capture.pcap*"))
ACROSS = [
    path for path in CAPTURES
    if path.parts[-3] in ("dhcp", "ntp", "scan", "arp", "icmpv6", "icmp", "link", "login")
]
MANY = ("dns/answer-after-retry", "dns/truncation-tcp", "http1/redirects", "tcp/refused", "icmp/traceroute")

# One of their lookups is still open when the next conversation is told, and is told without it.
GO_ON = ("dns/hash-lookups", "dns/dnssec-expired", "dns/lame-delegation", "dns/resolution-from-root")


class Gone(Sink):
    """Counts what it is given."""

    def __init__(self) -> None:
        self.parts: list[list[int]] = []

    def take(self, part: Analysis) -> None:
        self.parts.append([told.conversation.number for told in part.told])


def in_parts(path: str, sink: Sink | None = None, findings_only: bool = False) -> Analysis:
    return analyze(
        [path], Options(everything=True, budget=0, findings_only=findings_only), None, Gone() if sink is None else sink
    )


def said(analysis: Analysis) -> dict[str, JsonValue]:
    """What is told of the capture as a whole."""
    return {
        "findings": [finding.as_json() for finding in analysis.findings], "verdict": verdict_record(analysis),
        "time": whole_record(analysis), "story": [story_record(row) for row in analysis.story],
        "capture": capture_record(analysis.capture), "left out": [*analysis.left_out],
    }


def name_of(capture: Path) -> str:
    return f"{capture.parts[-3]}/{capture.parts[-2]}"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each conversation is a part of its own."""
    monkeypatch.setattr(parts, "PART", 1)
    monkeypatch.setattr(parts, "WALKED", 1)


# Connections that go on in another conversation, which may be in another part: there it is told as what it looks like.
MOVED = ("quic/migration", "quic/migration-failed", "quic/rebinding", "quic/rebinding-hidden")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("capture", CAPTURES, ids=[name_of(path) for path in CAPTURES])
def test_parts_say_what_the_whole_says(capture: Path) -> None:
    if name_of(capture) in MOVED:
        pytest.skip("a connection of QUIC is not followed from one part into another")
    sink = Gone()
    found = in_parts(str(capture), sink)
    assert found.told == []
    assert [len(part) for part in sink.parts] == [1] * len(sink.parts)
    assert said(found) == said(analyze([str(capture)], Options(everything=True)))


@pytest.mark.parametrize("level", ["brief", "normal", "teach"])
@pytest.mark.parametrize("form", ["jsonl", "text", *[f"csv {table}" for table in TABLES]])
@pytest.mark.usefixtures("small")
def test_reports_are_the_same(form: str, level: str) -> None:
    name, _space, table = form.partition(" ")
    chosen = by_name(name)
    assert chosen is not None
    assert chosen.stream is not None
    for capture in [path for path in CAPTURES if name_of(path) in MANY] + CAPTURES[::12]:
        if name_of(capture) in GO_ON:
            continue
        layout = Layout(level, table or "events")
        stream = chosen.stream(layout, "")
        streamed = b"".join(stream.finish(in_parts(str(capture), Streams([stream]))))
        assert streamed == b"".join(chosen.write(analyze([str(capture)], Options(everything=True)), layout))


@pytest.mark.usefixtures("small")
def test_a_lookup_that_goes_on_is_told_when_it_ends() -> None:
    """Its conversations say nothing of what came of it, where later ones are needed to know."""
    text_format = by_name("text")
    assert text_format is not None
    assert text_format.stream is not None
    stream = text_format.stream(Layout(), "")
    path = str(SAMPLES / "dns/resolution-from-root/capture.pcapng")
    text = b"".join(stream.finish(in_parts(path, Streams([stream])))).decode()
    assert "The lookup of www.shop.test A took 298 ms" in text
    assert "no answer seen" not in text


@pytest.mark.parametrize("table", [table for table in TABLES if table != "exchanges"])
@pytest.mark.usefixtures("small")
def test_parquet_has_the_same_rows(table: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    chosen = by_name("parquet")
    assert chosen is not None
    assert chosen.stream is not None
    name = "compare/bad-link" if table == "courses" else "dns/resolution-from-root"
    path = str(SAMPLES / name / "capture.pcapng")
    layout = Layout("normal", table)
    stream = chosen.stream(layout, "")
    streamed = b"".join(stream.finish(in_parts(path, Streams([stream]))))
    whole = b"".join(chosen.write(analyze([path], Options(everything=True)), layout))
    tables = [parquet.read_table(pyarrow.BufferReader(data)) for data in (streamed, whole)]
    assert tables[0].schema == tables[1].schema
    rows = [sorted(json.dumps(row, sort_keys=True) for row in one.to_pylist()) for one in tables]
    assert rows[0] == rows[1]
    assert rows[0]


def test_a_crowd_is_counted_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, unanswered, resent: their numbers do not depend on where a part or a stretch ends."""
    monkeypatch.setattr(parts, "PART", 7)
    monkeypatch.setattr(gathered, "STRETCH", 20)
    path = crowd.faulty(calm=220).write(tmp_path / "crowd.pcap")
    whole = analyze([path], Options(everything=True))
    assert [finding.as_json() for finding in in_parts(path).findings] == \
        [finding.as_json() for finding in whole.findings]
    assert [finding.as_json() for finding in in_parts(path, findings_only=True).findings] == \
        [finding.as_json() for finding in whole.findings]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("capture", ACROSS, ids=[name_of(path) for path in ACROSS])
def test_what_hangs_together_over_the_whole_capture(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each conversation is a stretch of its own: leases, servers of time, logins, scans and the link are told all the
    same."""
    monkeypatch.setattr(gathered, "STRETCH", 1)
    codes = gathered.ONCE | lasting.CODES
    found, whole = in_parts(str(capture)), analyze([str(capture)], Options(everything=True))
    told = [[one.as_json() for one in of.findings if one.code in codes] for of in (found, whole)]
    for one in told[0] + told[1]:
        assert isinstance(one, dict)
        for name in ("number", "explains", "explained_by"):      # others may be missing
            one.pop(name)
    assert told[0] == told[1]


@pytest.mark.usefixtures("small")
def test_only_what_is_new() -> None:
    """`--since` an earlier report."""
    path = str(SAMPLES / "http1/not-found/capture.pcapng")
    before = earlier_of(json.loads("".join(json_document(analyze([path], Options()), "normal"))), "before.json")
    again = analyze([path], Options(everything=True, budget=0, since=before), None, Gone())
    assert again.sums is not None
    assert again.findings == []
    assert again.verdict.known


def test_rules_that_are_asked_once_look_at_no_conversation() -> None:
    """... and those that look across conversations say nothing of a capture without any."""
    assert {rule.code for rule in CAPTURE_RULES} >= gathered.ONCE
    capture = analyze([str(SAMPLES / "tcp/refused/capture.pcapng")], Options()).capture
    for rule in CAPTURE_RULES:
        if rule.code not in gathered.ONCE:
            assert rule.examine(Analysis(capture)) == []


@pytest.mark.parametrize("name", ["html", "json", "har", "markdown", "svg"])
def test_a_report_of_all_at_once_says_what_it_leaves_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """... and has the findings of all."""
    monkeypatch.setattr(parts, "MAX_WORTH", 3)
    path = crowd.faulty(calm=220).write(tmp_path / "crowd.pcap")
    held = Held()
    analysis = analyze(
        [path], Options(everything=True, budget=0, graphs=name == "html"), None, Streams([], held)
    )
    held.into(analysis)
    chosen = by_name(name)
    assert chosen is not None
    assert b"".join(chosen.write(analysis, Layout()))
    assert 3 <= len(analysis.told) <= 6
    whole = analyze([path], Options(everything=True))
    assert len(analysis.findings) == len(whole.findings)
    assert whole_record(analysis) == whole_record(whole)
    assert any(f"{len(analysis.told)} of " in text for text in analysis.left_out)
