"""The sliding window as textbooks draw it."""
from __future__ import annotations

import json
from functools import cache

import pytest
from sample_feeds import SAMPLES

from analyzer.cli.main import DONE, UNUSABLE, run
from analyzer.model import Conversation, Endpoint, Told
from analyzer.pipeline.run import Options, analyze
from analyzer.report.terminal_window import drawn, shown, views_record, window_rows
from dissectors.kit.course import Moment, SenderView

MOST_LINES = 60


@cache
def told(name: str) -> Told:
    options = Options((1,), windows=True)
    return analyze([str(SAMPLES / name / "capture.pcapng")], options).told[0]


def lines_of(one: Told, width: int = 80) -> list[str]:
    return [row.text for row in window_rows(one, width)]


def moment(acked: int, sent: int, allowed: int, *sacked: tuple[int, int]) -> Moment:
    made = Moment(0, 1, "window full", "")
    made.acked, made.sent, made.allowed, made.sacked = acked, sent, allowed, sacked
    return made


@pytest.mark.parametrize(("made", "bar"), [
    (moment(1, 1, 401), "  ░░░░·······"),
    (moment(101, 301, 501), "██▒▒░░·······"),
    (moment(101, 501, 501), "██▒▒▒▒·······"),
    (moment(101, 501, 501, (201, 401)), "██▒▓▓▒·······"),
    (moment(101, 101, 101), "██···········"),
    (moment(101, 151, 2_000), "██▒░░░░░░░░░›"),
    (moment(101, 201, -1), "██▒··········"),
])
def test_a_bar_has_the_four_stretches_of_the_stream(made: Moment, bar: str) -> None:
    assert drawn(made, 100.0, 13) == bar


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("name", ["tcp/sack-loss-burst", "tcp/zero-window", "tcp/loss-at-queue", "tcp/gives-up"])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = lines_of(told(name), width)
    assert len(lines) > 8
    assert max(map(len, lines)) <= max(width, 66)
    assert not any(line.endswith(" ") for line in lines)


def test_a_closed_window_is_told_with_its_frames_and_times() -> None:
    lines = lines_of(told("tcp/zero-window"), 120)
    closed = next(line for line in lines if "window closed" in line)
    opens = next(line for line in lines if "window opens" in line)
    assert closed.split()[:2] == ["#31", "+173"]
    assert opens.split()[:2] == ["#40", "+3.025"]
    assert "░" not in closed
    assert "▒" not in opens
    assert "for 17.4 kB" in opens


def test_the_place_of_the_capture_is_said() -> None:
    assert any("where these data arrive" in line for line in lines_of(told("tcp/zero-window")))
    assert any("this is what it knew" in line for line in lines_of(told("tcp/loss-seen-at-sender")))


def of_many(rounds: int) -> SenderView:
    """A window that fills and is emptied so many times, with a loss now and then."""
    view = SenderView(1)
    view.sender, view.receiver, view.octets = "the server", "the client", rounds * 1_000
    counts: dict[str, int] = {}
    every: list[Moment] = []
    for index in range(rounds):
        loss = ("loss noticed", "sent again", "repaired") if index % 50 == 9 else ()
        for kind in ("window full", "room again", *loss):
            made = Moment(index * 1_000_000, index + 1, kind, "")
            made.acked, made.sent, made.allowed = index, index + 500, index + 1_000
            made.before = dict(counts)
            counts[kind] = counts.get(kind, 0) + 1
            every.append(made)
    view.kinds = counts
    view.moments = every
    return view


@pytest.mark.parametrize("rounds", [10, 300, 10_000])
def test_ten_thousand_frames_stay_within_a_screen_and_what_is_left_out_is_counted(rounds: int) -> None:
    one = Told(Conversation(1, "tcp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)), [])
    one.views = [SenderView(0), of_many(rounds)]
    lines = lines_of(one)
    assert len(lines) <= MOST_LINES
    moments = shown(one.views[1])
    assert moments[0] is one.views[1].moments[0]
    assert moments[-1] is one.views[1].moments[-1]
    left_out = sum(
        int(line.partition("… ")[2].partition(" ")[0].replace("\u202f", "")) for line in lines if "left out" in line
    )
    assert left_out + len(moments) == sum(one.views[1].kinds.values())
    assert {made.kind for made in moments} == set(one.views[1].kinds)


def test_the_same_as_data() -> None:
    record = views_record(told("tcp/sack-loss-burst"))
    server = record["senders"][1]       # type: ignore[index, call-overload]
    assert server["sender"] == "the server"      # type: ignore[index, call-overload]
    json.dumps(record)
    moments = told("tcp/sack-loss-burst").views[1].moments
    assert len(server["moments"]) == len(moments)       # type: ignore[index, call-overload, arg-type]
    assert max(one.sent - one.acked for one in moments) == 50_680


def test_a_conversation_without_a_stream_has_no_window() -> None:
    one = Told(Conversation(1, "udp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 53)), [])
    assert "no TCP connection" in lines_of(one)[-1]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "sample:tcp/zero-window", "--window", "1", "--width", "80"]) == DONE
    text = capsys.readouterr().out
    assert "window closed" in text
    assert "VERDICT" not in text
    assert run(["analyze", "sample:tcp/zero-window", "--window", "1", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["conversation"] == 1
    assert run(["analyze", "sample:tcp/zero-window", "--window", "9"]) == UNUSABLE
    assert "no conversation 9" in capsys.readouterr().err
    assert run(["analyze", "sample:tcp/zero-window", "--json"]) == UNUSABLE
