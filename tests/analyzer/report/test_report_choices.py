"""What may be asked for holds in every format: level, conversations, findings alone, secrets; and hostile strings."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_example import Said, example
from sample_feeds import SAMPLES
from test_report_formats import HOSTILE, hostile
from test_report_html import data_of

from analyzer.cli.main import cli
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.comments import packet_comments
from analyzer.report.formats import FORMATS, Layout
from analyzer.report.html import html_page
from analyzer.report.words import LEVELS
from dissectors.kit.event import Evidence
from dissectors.kit.provided import Provided

# The secrets that the recordings of these samples used.
SECRETS = {
    "http1/basic-authentication": ("YW5uOm5vdC1hLXJlYWwtc2VjcmV0", "not-a-real-secret"),
    "http1/cookies": ("8f14e45fceea167a",),
}
TEXTS = tuple(form.name for form in FORMATS if not form.packets and form.name != "parquet")
LOGS = ("qlog", "sqlog")       # formats of the packets of QUIC alone
VERDICTS = ("pr", "sarif")     # formats of the verdict and the findings alone
EVENTS = ("html", "json", "jsonl", "markdown", "csv", "text")     # formats that hold every event


def written(analysis: Analysis, name: str, layout: Layout) -> str:
    form = next(form for form in FORMATS if form.name == name)
    text = b"".join(form.write(analysis, layout)).decode()
    return json.dumps(data_of(text)) if name == "html" else text


def with_bytes(text: str) -> str:
    """The text, and what it holds in hexadecimal."""
    spelled = " ".join(bytes.fromhex(run).decode("latin-1") for run in re.findall(r"(?:[0-9a-f]{2}){4,}", text))
    return text + spelled


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("sample", SECRETS)
def test_secrets_are_shown_only_when_asked_for(sample: str, name: str) -> None:
    for shown in (False, True):
        provided = Provided()
        provided.show_secrets = shown
        capture = [str(SAMPLES / sample / "capture.pcapng")]
        analysis = analyze(capture, Options(provided=provided, graphs=name == "html"))
        text = with_bytes(written(analysis, name, Layout("teach")))
        if not shown:
            assert not any(secret in text for secret in SECRETS[sample])
        elif name in ("html", "json", "jsonl", "csv", "har"):    # formats that hold the values of header fields
            assert SECRETS[sample][0] in text


def test_bytes_are_hidden_where_they_are_redacted_and_nowhere_else() -> None:
    capture = [str(SAMPLES / "http1" / "basic-authentication" / "capture.pcapng")]
    data = data_of("".join(html_page(analyze(capture, Options(graphs=True)))))
    hidden = {number for number, octets in data["octets"].items() if "·" in octets["hex"]}
    assert hidden == {"10"}
    octets = data["octets"]["10"]
    request = next(event for one in data["conversations"] for phase in one["phases"] for event in phase["events"]
                   if event["frames"] == [10] and event["name"] == "http.request")
    start, end = request["bytes"]
    assert octets["hex"][2 * start:2 * end] == "··" * (end - start)
    assert "·" not in octets["hex"][:2 * start] + octets["hex"][2 * end:]


def test_a_retransmission_of_hidden_bytes_is_hidden_too() -> None:
    analysis = example()
    secret = b"Authorization: Basic cGFzc3dvcmQ="
    phase = analysis.told[0].phases[0]
    phase.events = [Said(0, 0, (1,), "request", "Authorization: [redacted]")]
    phase.events[0].evidence = Evidence((1,), 54, 54 + len(secret))
    analysis.octets = {
        1: (bytes(54) + secret + b"\r\ntail", 0), 2: (bytes(66) + secret, 0),
        3: (b"nothing of the kind, but as long", 0),
    }
    shown = data_of("".join(html_page(analysis)))["octets"]
    assert shown["1"]["hex"] == "00" * 54 + "··" * len(secret) + b"\r\ntail".hex()
    assert shown["2"]["hex"] == "00" * 66 + "··" * len(secret)
    assert "·" not in shown["3"]["hex"]


@pytest.mark.parametrize("name", EVENTS)
def test_a_level_tells_more_than_the_one_before(name: str) -> None:
    analysis = analyze([str(SAMPLES / "tcp" / "loss-random" / "capture.pcapng")], Options())
    sizes = [len(written(analysis, name, Layout(level))) for level in LEVELS]
    if name == "html":
        assert len(set(sizes)) == 1, "the page holds all levels and lets the reader choose"
    else:
        assert sizes[0] < sizes[1] < sizes[2]


def report(*words: str) -> str:
    result = CliRunner().invoke(cli, ["report", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in VERDICTS])
def test_conversations_may_be_chosen(name: str, tmp_path: Path) -> None:
    sample = "sample:dns/dns-then-http"
    wanted = tmp_path / "out"
    text = {}
    for number in ("1", "2"):
        report(sample, "-C", number, "--format", name, "--diagram", "ladder", "-o", str(wanted))
        found = wanted.read_text(encoding="utf-8")
        text[number] = json.dumps(data_of(found)) if name == "html" else found
    if name in LOGS:         # of QUIC, which is not in this sample
        assert text["1"] == text["2"]
        return
    assert text["1"] != text["2"]
    assert ("GET" in text["1"], "GET" in text["2"]) == (False, True)


@pytest.mark.parametrize("name", TEXTS)
def test_findings_alone_leave_every_conversation_out(name: str) -> None:
    output = report("sample:tcp/loss-fast-retransmit", "--format", name, "--findings-only", "-o", "-")
    if name == "html":
        data = data_of(output)
        assert len(data["findings"]) == 1
        assert (data["conversations"], data["story"], data["octets"]) == ([], [], {})
    elif name not in ("har", "svg", *LOGS):      # which hold exchanges, bars and packets
        assert "resend 1 segment" in output
    assert "Three-way" not in output


def test_findings_alone_are_the_comments_of_the_capture(tmp_path: Path) -> None:
    analysis = analyze([str(SAMPLES / "tcp" / "loss-fast-retransmit" / "capture.pcapng")], Options())
    everything = packet_comments(analysis, "teach")
    analysis.told = []
    only = packet_comments(analysis, "teach")
    assert 0 < len(only) < len(everything)
    assert all(text.endswith("[tcp.loss]") for texts in only.values() for text in texts)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("level", LEVELS)
def test_no_format_lets_a_hostile_string_act(name: str, level: str) -> None:
    form = next(form for form in FORMATS if form.name == name)
    text = b"".join(form.write(hostile(), Layout(level, diagram="ladder"))).decode()
    text = text.replace("\x1e", "") if name == "sqlog" else text      # before each text of a sequence (RFC 7464 §2.2)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), "a control"
    if name in ("html", "svg", "markdown"):
        assert "<script>alert" not in text
    if name in ("json", "jsonl", "har"):
        assert text.isascii()
        for line in text.splitlines() if name == "jsonl" else [text]:
            json.loads(line)
    if name == "csv":
        assert not re.search(r'(^|,)"?[=@]', text, re.MULTILINE)
    assert HOSTILE not in text
