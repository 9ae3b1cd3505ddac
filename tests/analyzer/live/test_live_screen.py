"""The screen itself, driven by keys: pause, filter, order, selection, help, sizes; what its socket brings."""
from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from live_examples import HOSTILE, QUIET, TOTALS, detail, line, told, view

from analyzer.live.audience import View
from analyzer.live.screen import MAX_PAUSED, Link, Rows, SniffScreen, Still


class Desk:
    """A screen at a terminal of some size, and the capture's end of its socket."""

    def __init__(self, width: int = 100, height: int = 30) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.app = SniffScreen(Link(theirs.detach()))
        self.size = (width, height)
        self.pilot: Any = None

    async def show(self, view: View | dict[str, object]) -> None:
        message = view._asdict() if isinstance(view, View) else view
        self.ours.setblocking(True)
        await asyncio.get_running_loop().run_in_executor(None, self.ours.sendall, json.dumps(message).encode() + b"\n")
        self.ours.setblocking(False)
        await self.pilot.pause(0.1)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def wishes(self) -> dict[str, object]:
        """All wishes so far, the latest of each."""
        found: dict[str, object] = {}
        try:
            data = self.ours.recv(1 << 16)
        except BlockingIOError:
            return found
        for text in data.splitlines():
            found |= json.loads(text)
        return found

    def rows(self, name: str) -> list[str]:
        return [row.text for row in self.app.query_one(f"#{name}", Rows).rows]

    def still(self, name: str) -> str:
        return "\n".join(row.text for row in self.app.query_one(f"#{name}", Still).rows)

    def drawn(self) -> str:
        """What stands on the terminal."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def at(width: int, height: int, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play() -> None:
        desk = Desk(width, height)
        async with desk.app.run_test(size=desk.size) as pilot:
            desk.pilot = pilot
            await scene(desk)
        desk.ours.close()

    asyncio.run(play())


def test_a_view_is_drawn_with_table_log_and_losses() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(30))
        drawn = desk.drawn()
        assert "eth0" in drawn
        assert "system drops 0" in drawn
        assert "10.0.0.1:50030⇄shop.test:443" in drawn
        assert "SYN  seq 1, window 64240" in drawn

    at(100, 30, scene)


def test_a_pause_holds_table_and_log_while_losses_go_on() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("p")
        await desk.show(View(QUIET._replace(kernel=9), TOTALS, [line(77)], [told(5, "later")], None))
        assert "PAUSED" in desk.still("head")
        assert "system drops 9" in desk.still("head")
        assert len(desk.rows("table")) == 3
        assert len(desk.rows("log")) == 1
        await desk.press("space")
        assert len(desk.rows("log")) == 2
        await desk.show(View(QUIET, TOTALS, [line(77)], [], None))
        assert len(desk.rows("table")) == 1

    at(100, 30, scene)


def test_lines_of_a_long_pause_are_counted() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("p")
        await desk.show({"told": [told(number) for number in range(MAX_PAUSED + 25)]})
        assert "26 lines were dropped" in desk.still("lower") or "25 lines were dropped" in desk.still("lower")

    at(100, 30, scene)


def test_the_filter_is_asked_for_and_taken_back() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("slash", *"s443", "enter")
        assert desk.wishes()["filter"] == "s443"
        assert "/s443" in desk.still("lower")
        await desk.press("escape")
        assert desk.wishes()["filter"] == ""

    at(80, 24, scene)


def test_letters_in_the_filter_are_no_keys() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("slash", "q", "p", "s", "enter")
        wishes = desk.wishes()
        assert wishes["filter"] == "qps"
        assert "over" not in wishes
        assert "sort" not in wishes
        assert not desk.app.paused

    at(80, 24, scene)


def test_the_order_goes_round_and_turns() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("s")
        assert desk.wishes() == {"sort": "rate"}
        await desk.press("s", "r")
        assert desk.wishes() == {"sort": "octets", "reverse": True}

    at(80, 24, scene)


@pytest.mark.parametrize(("width", "log_beside"), [(80, False), (200, True)])
def test_a_selected_conversation_shows_its_timeline_while_it_grows(width: int, log_beside: bool) -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(30))
        await desk.press("down", "down", "enter")
        assert desk.wishes() == {"selected": 28}
        await desk.show(view(30, 28))
        assert "Three-way handshake" in desk.drawn()
        assert desk.app.query_one("#left").display is log_beside
        grown = view(30, 28)._replace(detail=detail(28, "And now it has grown."))
        await desk.show(grown)
        assert "And now it has grown." in desk.drawn()
        await desk.press("l")
        assert desk.wishes() == {"selected": 0}
        assert desk.app.query_one("#left").display

    at(width, 40, scene)


def test_the_cursor_stays_on_its_conversation() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(30))
        await desk.press("down", "down")
        moved = view(30)
        await desk.show(moved._replace(lines=[line(28), *[one for one in moved.lines if one.number != 28]]))
        await desk.press("enter")
        assert desk.wishes()["selected"] == 28

    at(100, 30, scene)


def test_help_opens_and_closes() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("question_mark")
        assert "KEYS" in desk.drawn()
        await desk.press("escape")
        assert "KEYS" not in desk.drawn()

    at(80, 40, scene)


def test_the_end_is_asked_for_and_comes_with_the_socket() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(3))
        await desk.press("q")
        assert desk.wishes() == {"over": True}
        assert desk.app.is_running
        desk.ours.close()
        for _ in range(50):
            await asyncio.sleep(0.02)
            if desk.app._exit:
                return
        raise AssertionError("the screen stays although the capture has ended")

    at(80, 24, scene)


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 50)])
def test_it_takes_any_size(size: tuple[int, int]) -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(view(30, 5))
        await desk.pilot.resize_terminal(*size)
        await desk.pilot.pause(0.1)
        lines = desk.drawn().splitlines()
        assert len(lines) == size[1]
        assert "system drops" in desk.drawn()
        assert any("q" in line for line in lines[-1:])

    at(100, 30, scene)


def test_the_log_follows_its_end_until_somebody_scrolls_up() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show({"told": [told(number, f"line {number}") for number in range(60)]})
        assert "line 59" in desk.drawn()
        await desk.press("tab", "pageup")
        await desk.show({"told": [told(60, "line 60")]})
        assert "line 60" not in desk.drawn()
        await desk.press("end")
        await desk.show({"told": [told(61, "line 61")]})
        assert "line 61" in desk.drawn()

    at(100, 24, scene)


def test_nothing_hostile_reaches_the_terminal() -> None:
    async def scene(desk: Desk) -> None:
        await desk.show(View(
            QUIET, TOTALS._replace(title=HOSTILE, filter=HOSTILE),
            [line(1, name=HOSTILE, phase=HOSTILE, originator=HOSTILE)], [told(1, HOSTILE)], detail(1, HOSTILE),
        ))
        await desk.press("enter")
        drawn = desk.drawn()
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn
        assert "\\x1b[2J" in drawn
        assert "[bold]" in drawn

    at(200, 30, scene)
