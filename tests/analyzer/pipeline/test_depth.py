"""Up to a budget of work every conversation is read for what it carries, also where few are drawn."""
from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from crowd import MS, START, Crowd, faulty
from test_survey_and_tell import ACK, PSH_ACK, survey, tcp

from analyzer.cli.main import run
from analyzer.flows.keep import EACH, Keeper
from analyzer.model import Analysis
from analyzer.pipeline.drawn import to_draw
from analyzer.pipeline.run import DEFAULT_LIMIT, Options, analyze
from analyzer.pipeline.tell import PART
from analyzer.report.formats import Layout, by_name
from analyzer.report.html import page_data
from analyzer.report.terminal import render

ANSWERED = 400
LARGE = 40                           # of them, those that are larger than the others, the last ones
FAILED = range(7, ANSWERED - LARGE, 10)      # those whose answer is an error


class Web(Crowd):
    """Requests to a web server, each on a connection of its own."""

    def __init__(self) -> None:
        super().__init__(3, 20, 20)

    def served(self, index: int) -> None:
        client, port = self.end_of()
        server, at = "198.18.0.3", START + index * 20 * MS
        request = f"GET /{index} HTTP/1.1\r\nHost: secret{index}.test\r\n\r\n".encode()
        status = "503 Service Unavailable" if index in FAILED else "200 OK"
        body = b"y" * (1_200 if index >= ANSWERED - LARGE else 10)
        answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self.opened(client, port, server, at)
        self.frames += [
            (at + 12 * MS, tcp(client, port, server, 80, 1001, 9001, PSH_ACK, request)),
            (at + 13 * MS, tcp(server, 80, client, port, 9001, 1001 + len(request), PSH_ACK, answer)),
            (at + 14 * MS, tcp(client, port, server, 80, 1001 + len(request), 9001 + len(answer), ACK)),
        ]
        self.closed(client, port, server, at + 15 * MS, 1001 + len(request), 9001 + len(answer))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    web = Web()
    for index in range(ANSWERED):
        web.served(index)
    web.refused(1)
    web.unanswered(2)
    return web.write(tmp_path_factory.mktemp("depth") / "web.pcap")


@pytest.fixture(scope="module")
def found(path: str) -> Analysis:
    return analyze([path], Options())


def said(found: Analysis) -> list[object]:
    return [(one.code, one.severity, one.sentence, one.frames, one.display_filter) for one in found.findings]


def text(found: Analysis, form: str, **choices: object) -> str:
    written = by_name(form)
    assert written is not None
    layout = Layout(**choices)  # type: ignore[arg-type]
    return b"".join(written.write(found, layout)).decode()


def said_first(found: Analysis) -> object:
    """Of the lines on all conversations on a page."""
    totals = page_data(found)["totals"]
    assert isinstance(totals, list)
    return totals[0]


def test_findings_are_those_of_all_conversations(path: str, found: Analysis) -> None:
    finding, = [one for one in found.findings if one.code == "http.server_error"]
    assert f"In {len(FAILED)} conversations, with 198.18.0.3:80, from " in finding.sentence
    assert said(found) == said(analyze([path], Options(everything=True)))
    chosen = analyze([path], Options(budget=0))      # as of a capture beyond the budget
    assert "http.server_error" not in {one.code for one in chosen.findings}


def test_no_more_is_drawn(path: str, found: Analysis) -> None:
    assert len(found.told) == DEFAULT_LIMIT
    assert len(found.told) + len(found.undrawn) == found.capture.conversations == found.capture.read
    numbers = [told.conversation.number for told in found.told]
    assert numbers == sorted(numbers)
    beyond = analyze([path], Options(budget=0))
    rows = [sum(len(block) for block in render(one, "normal", 100)) for one in (found, beyond)]
    assert rows[0] < 1.5 * rows[1]


def test_one_of_each_kind_is_drawn_then_the_largest(found: Analysis) -> None:
    drawn = {told.conversation.number: told.conversation for told in found.told}
    assert len(found.findings) >= 4
    for finding in found.findings:
        assert finding.examples[0] in drawn
    failed = [one for finding in found.findings if finding.code == "http.server_error" for one in finding.examples]
    assert len(set(failed) & set(drawn)) > 1
    sizes = sorted([sum(told.conversation.octets) for told in found.told], reverse=True)
    assert sizes[DEFAULT_LIMIT // 2 - 1] > 1_200
    assert to_draw(found, 1) == {found.findings[0].examples[0]}
    assert to_draw(found, 1_000) == set(drawn)


def test_the_first_lines_say_so(found: Analysis) -> None:
    rows = [row.text for block in render(found, "normal", 100) for row in block]
    assert rows[0].startswith(" web.pcap   ")
    assert rows[0].endswith("404 conversations, all read, 30 drawn")
    behind_the_verdict = text(found, "markdown")[:2_000]
    assert "\nRead: all conversations; 30 of them are drawn" in behind_the_verdict
    assert said_first(found) == "Read: all conversations; 30 of them are drawn (--all draws all)"
    assert any("30 of 404 conversations are drawn: those that show what was found" in text for text in found.left_out)


def test_story_and_tables_have_the_rows_of_all(path: str, found: Analysis) -> None:
    drawn = {told.conversation.number for told in found.told}
    assert {row.conversation for row in found.story} - drawn
    exchanges = text(found, "csv", table="exchanges").splitlines()
    assert len(exchanges) == 1 + ANSWERED
    assert len(text(found, "csv", table="conversations").splitlines()) == 1 + found.capture.conversations
    assert len(json.loads(text(found, "har"))["log"]["entries"]) == ANSWERED
    assert len(json.loads(text(found, "json"))["conversations"]) == DEFAULT_LIMIT
    few = analyze([path], Options(limit=3))
    assert len(few.told) == 3
    assert len(text(few, "csv", table="conversations").splitlines()) == 1 + 3
    assert said(few) == said(found)


@pytest.mark.parametrize("form", ["html", "svg", "markdown", "text", "jsonl", "pcapng"])
def test_every_format_takes_it(found: Analysis, form: str) -> None:
    """Rows of the story, and findings, name conversations that are not drawn."""
    if form == "pcapng":
        from analyzer.report.comments import packet_comments
        assert packet_comments(found, "normal")
    else:
        assert text(found, form)


def test_stand_ins_reach_what_is_not_drawn(found: Analysis) -> None:
    assert "secret9.test" in text(found, "csv", table="exchanges")
    hidden = text(found, "csv", table="exchanges", anonymous=True)
    assert len(hidden.splitlines()) == 1 + ANSWERED
    assert "secret" not in hidden


def test_beyond_the_budget_some_are_kept(path: str) -> None:
    whole = survey(path, 0)
    work = sum(int(flow.recorded) + EACH for flow in whole.keeper.all)
    assert analyze([path], Options(budget=work)).undrawn
    beyond = analyze([path], Options(budget=work - 1))
    assert not beyond.undrawn
    assert len(beyond.told) == beyond.capture.read == DEFAULT_LIMIT
    keeper = Keeper(3, budget=work - 1)
    for flow in whole.keeper.all:
        keeper.take(flow)
    assert not keeper.within
    assert keeper.all == []
    assert 3 <= len(keeper.chosen(0)) <= 6


def test_what_is_told_in_parts_is_told_as_in_one(path: str, tmp_path: Path) -> None:
    """A compressed capture is walked through once for all its conversations; of a file so many at once are told."""
    crowd = faulty().write(tmp_path / "crowd.pcap")
    counts = []
    for whole in (crowd, path):
        packed = tmp_path / f"{Path(whole).name}.gz"
        packed.write_bytes(gzip.compress(Path(whole).read_bytes(), 1))
        parts, one = (analyze([name], Options(everything=True)) for name in (whole, str(packed)))
        parts.capture.names = one.capture.names = []
        assert len(parts.told) == len(one.told) == parts.capture.conversations
        assert text(parts, "json", level="teach") == text(one, "json", level="teach")
        counts.append(len(parts.told))
    assert counts[1] < PART < counts[0]


def test_findings_alone_are_those_of_all(path: str, found: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    alone = analyze([path], Options(findings_only=True))
    assert said(alone) == said(found)
    assert not any("are drawn" in text for text in alone.left_out)
    assert run(["analyze", path, "--findings-only", "--fail-on", "error"]) == 1
    output = capsys.readouterr().out
    assert "404 conversations, all read\n" in output
    assert len(re.findall("filter: ", output)) == len(found.findings)
    assert len(output.splitlines()) < 70      # the verdict, and what it does not hold


def test_beyond_the_budget_one_of_each_kind_of_trouble_is_read(tmp_path: Path) -> None:
    """Many with the most trouble do not hide the few of another kind."""
    crowd = faulty()
    crowd.unreachable(40, "10.1.0.250")
    beyond = analyze([crowd.write(tmp_path / "crowd.pcap")], Options(budget=0))
    assert beyond.capture.read < beyond.capture.conversations
    read = {code for told in beyond.told for code in told.troubles}
    assert read == set(beyond.capture.together)
    assert len(read) >= 8
    assert len(beyond.told) == DEFAULT_LIMIT
