"""Between the capture and its screen: nothing waits, and a screen that fails costs no capture."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest
from live_examples import START, Said, conversation, finding, view

from analyzer.live.channel import MAX_PENDING, ScreenAudience

OPEN = "import json, socket, sys, time; s = socket.socket(fileno=int(sys.argv[1])); "
Start = Callable[[str], ScreenAudience]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[ScreenAudience] = []

    def begin(script: str) -> ScreenAudience:
        started.append(ScreenAudience("normal", command=[sys.executable, "-c", OPEN + script]))
        return started[-1]

    yield begin
    for audience in started:
        audience._screen.kill()
        audience.close()


@pytest.fixture(autouse=True)
def keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests have no keyboard; the screens here need none."""
    monkeypatch.setattr("os.isatty", lambda _number: True)


def attended(audience: ScreenAudience, met: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not met():
        assert time.monotonic() < until
        audience.attend()
        time.sleep(0.01)


def test_what_is_told_arrives_with_the_view(start: Start) -> None:
    audience = start(
        "m = json.loads(s.makefile('rb').readline()); "
        "s.send(json.dumps({'filter': m['told'][0][6], 'selected': m['lines'][0][0]}).encode() + b'\\n'); time.sleep(9)"
    )
    audience.event(conversation(), Said(1, "SYN", "The client asks."))
    audience.view(view(30))
    attended(audience, lambda: audience.wishes.selected == 30)
    assert audience.wishes.filter == "The client asks"


def test_wishes_of_another_kind_are_none(start: Start) -> None:
    audience = start(
        "s.send(b'{\"sort\": 5, \"reverse\": 1, \"selected\": true, \"lost\": 9, \"other\": 1}\\n'); "
        "s.send(b'{\"sort\": \"rate\"}\\n'); time.sleep(9)"
    )
    attended(audience, lambda: audience.wishes.sort == "rate")
    assert audience.wishes.reverse is False
    assert audience.wishes.selected == 0
    assert audience.lost == 0


def test_a_screen_that_never_reads_costs_lines_and_no_time(start: Start) -> None:
    audience = start("time.sleep(30)")
    began = time.monotonic()
    for number in range(3_000):
        audience.event(conversation(), Said(number, "SYN", "x" * 500))
        if number % 10 == 0:
            audience.attend()
        if audience.ready():
            audience.view(view(30))
    assert time.monotonic() - began < 3.0
    assert not audience.ready()
    assert len(audience.pending) <= MAX_PENDING
    assert audience.lost > 0


def test_lines_go_on_where_the_screen_fails(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    audience = start("sys.exit(3)")
    attended(audience, lambda: audience.instead is not None)
    assert not audience.wishes.over
    audience.event(conversation(), Said(1, "SYN", "The client asks.", time=START))
    audience.finding(finding(), START)
    audience.close()
    said = capfd.readouterr().err
    assert "the screen has ended" in said
    assert "SYN" in said
    assert "tcp.refused" in said


def test_the_end_that_is_asked_for_is_no_failure(start: Start) -> None:
    audience = start("s.send(b'{\"over\": true}\\n'); s.recv(10)")
    attended(audience, lambda: audience.wishes.over)
    assert audience.instead is None


def test_closing_waits_for_the_screen_and_not_for_ever(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.live.channel.PATIENCE", 0.3)
    audience = start("time.sleep(60)")
    began = time.monotonic()
    audience.close()
    assert time.monotonic() - began < 5.0
    assert audience._screen.process.returncode is not None
