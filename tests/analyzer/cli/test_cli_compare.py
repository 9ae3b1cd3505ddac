"""`wiretale compare` as it is called: formats, widths, exit codes."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import analyzer.pipeline.run as real
from analyzer.cli.main import run

REAL = real     # as it was imported before any test put another one in its place
SAMPLES = Path(__file__).parents[3] / "samples"
GOOD, BAD = "sample:http1/keep-alive", "sample:http1/server-error"


@pytest.fixture(autouse=True)
def pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, in place of that of the other tests of commands."""
    monkeypatch.setitem(sys.modules, "analyzer.pipeline.run", REAL)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "WIRETALE_DEBUG", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["compare", *arguments]) == code
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_first_lines_say_what_differs_and_whether_it_is_worse(
    capsys: pytest.CaptureFixture[str], width: int
) -> None:
    for other in (BAD, "sample:http1/connection-each", GOOD):
        lines = printed(capsys, GOOD, other, "--width", str(width)).splitlines()
        assert max(map(len, lines)) <= width
        if width >= 80:
            assert lines[0].startswith(" A  ")
            assert lines[1].startswith(" B  ")
            assert lines[2].startswith((" WORSE  New in B: The server answered 500", " DIFFERENT  ", " THE SAME  "))


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, GOOD, BAD, "--fail-on", "error", code=1) == printed(capsys, GOOD, BAD)
    printed(capsys, BAD, GOOD, "--fail-on", "note")
    printed(capsys, BAD, BAD, "--fail-on", "note")
    for arguments in (["-", BAD], [GOOD], [GOOD, "no/such/file"], [GOOD, BAD, "--format", "pdf"]):
        assert run(["compare", *arguments]) == 2
        assert capsys.readouterr().err


def test_json_holds_what_is_told_as_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(printed(capsys, GOOD, BAD, "--format", "json"))
    assert record["kind"] == "worse"
    assert [one["name"] for one in record["captures"]] == [GOOD, BAD]
    assert [(one["kind"], one["code"]) for one in record["causes"]] == [("new", "http.server_error")]
    assert {one["quantity"] for one in record["measures"]} >= {"round trip", "connecting", "server"}
    values = [value for one in record["measures"] for value in one["values"]]
    assert all(value["low"] <= value["median"] <= value["high"] for value in values)
    alone = sorted((one["side"], one["text"]) for one in record["only_in_one"])
    assert alone[0] == ("A", "GET www.shop.test/a.txt → 200")


def test_markdown_for_a_ticket(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, GOOD, BAD, "--format", "markdown")
    assert text.startswith("# keep-alive and server-error\n")
    assert "**WORSE** New in B: The server answered 500" in text
    assert "## Only in one" in text


PLACES = ("sample:compare/path-server", "sample:compare/path-client")


def test_the_same_traffic_at_two_places_is_found_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, *PLACES, "--width", "80").splitlines()
    assert lines[2].startswith(" LOST  The same traffic at two places: 3 of 70 packets from A to B did not come")
    assert max(map(len, lines)) <= 80
    assert printed(capsys, *PLACES, "--same-traffic", "--width", "80").splitlines() == lines
    assert " CAUSES" in printed(capsys, *PLACES, "--other-traffic").splitlines()
    printed(capsys, *PLACES, "--fail-on", "warn", code=1)
    printed(capsys, *PLACES, "--fail-on", "error")


@pytest.mark.parametrize("width", [40, 60, 120])
def test_two_places_fit_into_any_width(capsys: pytest.CaptureFixture[str], width: int) -> None:
    assert max(map(len, printed(capsys, *PLACES, "--width", str(width)).splitlines())) <= width


def test_two_places_as_data_and_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(printed(capsys, *PLACES, "--format", "json"))
    assert (record["kind"], record["same_traffic"]) == ("lost", True)
    assert record["ways"]["a_to_b"]["lost"] == [17, 49, 94]
    assert record["clock"]["round_trip_ns"] > 20_000_000
    assert len(record["ways"]["a_to_b"]["delay"]["series"]) == record["ways"]["a_to_b"]["delay"]["count"]
    text = printed(capsys, *PLACES, "--format", "markdown")
    assert "**LOST** The same traffic at two places" in text


def test_what_is_secret_in_a_request_is_in_no_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths = []
    for name in ("keep-alive", "connection-each"):
        data = (SAMPLES / "http1" / name / "capture.pcapng").read_bytes()
        asked = b"GET /a.txt HTTP/1.1\r\nHost: www.shop.test\r\nUser-Agent: curl/7.88.1"
        secret = b"GET /?password=geheimnis HTTP/1.1\r\nHost: www.shop.test\r\nX: "
        assert asked in data
        paths.append(tmp_path / f"{name}.pcapng")
        paths[-1].write_bytes(data.replace(asked, secret.ljust(len(asked), b"x")))
    for form in ("text", "json", "markdown"):
        text = printed(capsys, str(paths[0]), str(paths[1]), "--format", form)
        assert "geheimnis" not in text
        assert "password" in text or form != "json"
