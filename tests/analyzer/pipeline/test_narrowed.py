"""A filter chooses conversations: what is told of them is what is told of them alone, and the rest is left out."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import cli
from analyzer.explain.rules import kinds
from analyzer.filter.expression import read_filter
from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis, Sink
from analyzer.pipeline.run import Frames, Options, analyze

SAMPLES = Path(__file__).parents[3] / "samples"
CODES = tuple(kind.code for kind in kinds())


def path_of(sample: str) -> str:
    return str(SAMPLES / sample / "capture.pcapng")


def narrowed(sample: str, text: str, everything: bool = False, sink: Sink | None = None) -> Analysis:
    options = Options(wanted=read_filter(text, CODES), everything=everything)
    return analyze([path_of(sample)], options, None, sink)


def numbers(analysis: Analysis) -> list[int]:
    return [told.conversation.number for told in analysis.every()]


def test_a_conversation_is_told_where_the_filter_holds_of_one_of_its_frames() -> None:
    whole = analyze([path_of("http1/browser")], Options())
    for text in ('http.request.uri contains "css"', "tcp.srcport == 40852", "conversation in {2..4}"):
        lines = Frames([path_of("http1/browser")], wanted=read_filter(text))
        expected = {json.loads(line)["conversation"] for block in lines for line in block.splitlines()}
        found = narrowed("http1/browser", text)
        assert set(numbers(found)) == expected
        assert found.capture.conversations == len(expected)
        assert found.capture.beside == len(numbers(whole)) - len(expected)
        said = {told.conversation.number: told.phases for told in whole.every()}
        for told in found.every():
            assert [phase.title for phase in told.phases] == [
                phase.title for phase in said[told.conversation.number]]


def test_what_is_left_out_is_said_in_every_report() -> None:
    found = narrowed("dns/dns-then-http", "http")
    assert numbers(found) == [2]        # and not the lookup, which others told besides
    assert found.capture.narrowed == ["The filter `http` holds of 1 of 2 conversations; only that one is told."]
    assert found.verdict.sentence.startswith("Nothing went wrong in what was asked for (177 frames, 1 of 2 conv")
    for form in ("text", "json", "markdown", "pr"):
        done = CliRunner().invoke(
            cli, ["report", path_of("dns/dns-then-http"), "-Y", "http", "--format", form, "-o", "-"]
        )
        assert done.exit_code == 0
        assert "1 of 2 conversations; only that one is told" in " ".join(done.stdout.split())
    done = CliRunner().invoke(
        cli, ["report", path_of("dns/dns-then-http"), "-Y", 'http.host == "shop.test"', "--anonymize", "-o", "-",
              "--format", "json"])
    assert "shop" not in done.stdout
    assert "Only a part of the capture was asked for" in done.stdout


@pytest.mark.parametrize("options", [["-Y", "ip.addr == 192.0.2.9"], ["--from", "900"]])
def test_what_matches_nothing_is_no_clean_capture(options: list[str]) -> None:
    path = path_of("tcp/loss-timeout")
    done = CliRunner().invoke(cli, ["analyze", path, *options, "--fail-on", "note"])
    assert done.exit_code == 0
    assert "unsure Nothing matches: " in done.stdout
    assert not {"clean", "warn", "error"} & set(done.stdout.split())
    frames = CliRunner().invoke(cli, ["frames", path, *options])
    assert (frames.exit_code, frames.stdout) == (0, "")
    assert frames.stderr == "No frame of the capture is in what was asked for.\n"
    compared = CliRunner().invoke(cli, ["compare", path, path_of("tcp/clean"), *options])
    assert "What was asked for holds no conversation of either capture" in " ".join(compared.stdout.split())


def test_a_filter_that_holds_of_nothing_says_so() -> None:
    found = narrowed("tcp/loss-timeout", "ip.addr == 192.0.2.9")
    assert (numbers(found), found.findings, found.verdict.kind) == ([], [], "unsure")
    assert found.verdict.sentence == (
        "Nothing matches: the capture holds 1 conversation, and none is in what was asked for, so nothing is said of "
        "them.")
    assert narrowed("tcp/loss-timeout", "tcp").capture.narrowed == ["The filter `tcp` holds of every conversation."]


def test_conclusions_can_be_asked_for() -> None:
    assert numbers(narrowed("tcp/loss-timeout", 'finding == "tcp.timeout"')) == [1]
    assert numbers(narrowed("tcp/loss-timeout", f'finding == "{CODES[-1]}"')) == []
    assert numbers(narrowed("dns/dns-then-http", 'event == "tcp.closed"')) == [2]
    assert numbers(narrowed("dns/dns-then-http", 'event contains "query" and udp')) == [1]
    assert numbers(narrowed("dns/dns-then-http", 'not event == "dns.query"')) == [1, 2]
    with pytest.raises(CaptureError, match="needs a file"):
        analyze(["-"], Options(wanted=read_filter('finding == "tcp.timeout"', CODES)))


def test_the_filters_that_findings_give_are_taken() -> None:
    """What a report says for Wireshark can be given to --filter, and shows the frames that the finding cites."""
    taken = 0
    for sample in ("tcp/loss-random", "tls/expired-certificate", "http1/not-found", "dns/nxdomain", "dhcp/no-offer",
                   "websocket/bad-accept", "http2/reset"):
        for finding in analyze([path_of(sample)], Options()).findings:
            if finding.display_filter and finding.frames:
                lines = Frames([path_of(sample)], wanted=read_filter(finding.display_filter))
                shown = {json.loads(line)["frame"] for block in lines for line in block.splitlines()}
                assert set(finding.frames) <= shown, (finding.code, finding.display_filter)
                taken += 1
    assert taken > 10


def test_neighbours_and_what_is_no_conversation_are_not_told() -> None:
    assert analyze([path_of("arp/address-in-use")], Options()).findings
    found = narrowed("arp/address-in-use", "tcp or udp or icmp")
    assert [finding for finding in found.findings if not finding.conversation] == []


def test_all_is_told_of_what_is_chosen() -> None:
    every = narrowed("http1/browser", "conversation <= 3", everything=True)
    assert numbers(every) == [1, 2, 3]
    assert numbers(narrowed("http1/browser", "conversation <= 3", everything=True, sink=Sink())) == [1, 2, 3]


@pytest.mark.parametrize("arguments", [
    ["analyze", "x", "-C", "1", "-Y", "tcp"], ["analyze", "x", "--window", "1", "-Y", "tcp"],
    ["report", "x", "-o", "-", "-C", "1", "-Y", "tcp"],
])
def test_a_number_and_a_filter_are_not_given_together(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert "give one of them" in done.output


def test_the_command_shows_where_a_filter_is_wrong() -> None:
    done = CliRunner().invoke(cli, ["analyze", path_of("dns/a"), "-Y", "tcp.prt == 80 && dns"])
    assert done.exit_code == 2
    assert "Error: the filter is wrong at column 1: no field `tcp.prt`; did you mean `tcp.port`" in done.output
    assert done.output.endswith("\n  tcp.prt == 80 && dns\n  ^^^^^^^\n")
