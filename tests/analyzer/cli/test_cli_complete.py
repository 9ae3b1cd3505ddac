"""What a shell offers when somebody presses the tabulator."""
from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from analyzer.cli.complete import HOW, SHELLS
from analyzer.cli.main import COMPLETE, NAME, cli, run


def offered(*words: str) -> list[str]:
    """What may stand in the place of the last word."""
    completer = ShellComplete(cli, {}, NAME, COMPLETE)
    return [item.value for item in completer.get_completions(list(words[:-1]), words[-1])]


def test_commands_come_first_and_captures_where_none_is_meant() -> None:
    assert offered("an") == ["analyze"]
    assert set(offered("")) >= {"analyze", "report", "sniff"}
    assert offered("sample:tcp/clea") == ["sample:tcp/clean"]
    assert offered("captures/x") == ["captures/x"]      # of which the shell makes files


def test_samples_are_captures() -> None:
    assert "sample:tcp/clean" in offered("analyze", "sample:tcp/")
    assert "sample:dns/servfail" in offered("report", "sam")
    assert offered("samples", "show", "tcp/clea") == ["tcp/clean"]


def test_options_follow_a_capture_that_is_analyzed_without_a_word() -> None:
    assert "--level" in offered("x.pcap", "--le")
    assert "teach" in offered("x.pcap", "--level", "t")


def test_terms_are_offered_word_by_word() -> None:
    assert "retransmit" in offered("explain", "fast", "retr")
    assert {"MSS"} <= set(offered("explain", "ms"))
    assert {"http.slow", "http.server_error"} <= set(offered("explain", "http.s"))
    assert offered("explain", "RSTO") == ["RSTO", "RSTOS0"]


def test_interfaces_are_those_of_the_machine() -> None:
    names = [name for _number, name in socket.if_nameindex()]
    assert set(offered("sniff", "")) == {*names, "any"}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script_and_how_to_install_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--completion", shell]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"# {HOW[shell]}\n")
    assert f"{COMPLETE}={shell}_complete" in text


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_is_one_that_the_shell_reads(
    shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    run(["--completion", shell])
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    done = subprocess.run([found, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_last_word_of_a_filter_is_completed_as_a_field() -> None:
    assert offered("frames", "x.pcap", "-Y", "tcp.port == 80 and dns.qry.n") == ["tcp.port == 80 and dns.qry.name"]
    assert set(offered("analyze", "x.pcap", "--filter", "!tls.handshake.ja")) == {
        "!tls.handshake.ja3", "!tls.handshake.ja3s"}
