"""The player of a conversation in a real browser: what it draws is what the capture holds."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hidden import hidden_analysis
from page_in_browser import graphs_of, opened
from report_example import example
from sample_feeds import SAMPLES
from test_report_formats import hostile

from analyzer.model import Analysis
from analyzer.report.terminal_window import views_record

LATE = "tcp/late-start"
BURST = "tcp/sack-loss-burst"
AT_SENDER = "tcp/loss-seen-at-sender"
HELD_UP = "http2/lost-segment"


def of(name: str) -> Analysis:
    return graphs_of(SAMPLES / name / "capture.pcapng")


def playing(
    browser: Any, path: Path, name: str, fragment: str = "#play=1&at=0s", **asked: Any
) -> tuple[Any, list[str]]:
    return opened(browser, path, of(name), fragment=fragment, **asked)


def until(tab: Any, condition: str) -> None:
    """The page's own policy forbids what Playwright would wait with."""
    for _ in range(200):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    pytest.fail(f"it never came to {condition}")


def shown(tab: Any) -> str:
    return str(tab.locator("#play-said").inner_text())


def test_each_step_has_its_sentence_and_keys_go_from_one_to_the_next(browser: Any, tmp_path: Path) -> None:
    analysis = of(BURST)
    tab, wrong = opened(browser, tmp_path, analysis)
    tab.click("#tab-player")
    said = [event.what() for phase in analysis.told[0].phases for event in phase.events if event.importance != "extra"]
    moments = sum([len(view.moments) for view in analysis.told[0].views])
    texts = tab.evaluate("player.played.steps.map((step) => step.text)")
    assert len(texts) == len(said) + moments
    assert set(said) <= set(texts)
    tab.locator("#player").focus()
    for step in range(5):
        assert texts[step] in shown(tab)
        assert f"Step {step + 1} of {len(texts)} " in tab.locator("#play-place").inner_text()
        tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowLeft")
    assert texts[4] in shown(tab)
    tab.keyboard.press("End")
    assert texts[-1] in shown(tab)
    tab.keyboard.press("Home")
    assert texts[0] in shown(tab)
    assert tab.evaluate("page.event === player.played.steps[0].event"), "the other views mark it"
    assert wrong == []


def test_it_plays_pauses_and_goes_as_slowly_as_is_asked(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, BURST)
    assert tab.evaluate("[...document.querySelectorAll('#play-speed option')].map((one) => one.value)") == [
        "1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"
    ]
    tab.select_option("#play-speed", "20")
    tab.uncheck("#play-skip")
    tab.locator("#player").focus()
    tab.keyboard.press("Space")
    assert tab.locator("#play-pause").inner_text() == "Pause"
    assert tab.locator("#play-said").get_attribute("aria-live") == "off"
    until(tab, "player.time > 1e6")
    begun = tab.evaluate("[player.time, performance.now()]")
    until(tab, "player.time > 40e6")
    tab.keyboard.press("Space")
    assert tab.locator("#play-pause").inner_text() == "Play"
    ended = tab.evaluate("[player.time, performance.now()]")
    assert 10 < (ended[1] - begun[1]) * 1e6 / (ended[0] - begun[0]) < 40, "a twentieth of the speed"
    stays = tab.evaluate("player.time")
    tab.wait_for_timeout(100)
    assert tab.evaluate("player.time") == stays
    assert "play=1" in tab.evaluate("location.hash")
    tab.locator("#play-time").fill("1000")
    assert tab.evaluate("player.time === player.played.end")
    assert wrong == []


def test_pauses_are_skipped(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, "tcp/zero-window")
    tab.select_option("#play-speed", "1")
    tab.evaluate("seek(0.18e9)")
    tab.click("#play-pause")
    until(tab, "player.time > 3.02e9")
    assert wrong == []


@pytest.mark.parametrize("name", [BURST, AT_SENDER, "tcp/zero-window", "tcp/slow-start-at-sender", HELD_UP])
def test_the_window_is_that_of_the_terminal(browser: Any, tmp_path: Path, name: str) -> None:
    analysis = of(name)
    tab, wrong = opened(browser, tmp_path, analysis, fragment="#play=1&at=0s")
    told = analysis.told[0]
    compared = 0
    for view in views_record(told)["senders"]:      # type: ignore[union-attr]
        for moment in view["moments"]:              # type: ignore[index, call-overload, union-attr]
            time = moment["time_ns"] - told.conversation.start_ns       # type: ignore[index, call-overload, operator]
            side = view["direction"]                # type: ignore[index, call-overload]
            now = tab.evaluate(f"senderAt(player.played.senders.{side}, {time})")
            allowed = -1 if moment["allowed"] is None else moment["allowed"]    # type: ignore[index, call-overload]
            expected = (moment["acknowledged"], moment["sent"], allowed)        # type: ignore[index, call-overload]
            assert (now["acked"], now["sent"], now["allowed"]) == expected, time
            assert now["sacked"] == moment["sacked"], time      # type: ignore[index, call-overload]
            compared += 1
    assert compared > 10
    assert wrong == []


def test_the_bar_has_its_stretches_and_the_gauges_their_numbers(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, "tcp/slow-start-at-sender", "#play=1&at=160ms")
    numbers = tab.locator(".play-numbers").inner_text()
    bar = tab.locator(".play-bar").bounding_box()
    flight = tab.locator(".play-bar .flight").bounding_box()
    now = tab.evaluate("senderAt(player.played.senders.backward, player.time)")
    scale = tab.evaluate("player.played.senders.backward.scale")
    expected = 0.92 * (now["sent"] - now["acked"]) / scale * bar["width"]
    assert abs(flight["width"] - expected) < 4
    assert "in flight" in numbers
    gauges = tab.locator(".play-gauge .value").all_inner_texts()
    assert len(gauges) == 3
    assert all("kB" in text for text in gauges)
    assert "slow start" in tab.locator(".play-phase").inner_text()
    assert wrong == []


def test_phases_of_the_congestion_window_are_named_where_something_shows_them(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, "tcp/slow-start-at-sender")
    phases = []
    for at in (60, 100, 200, 300):
        tab.evaluate(f"seek({at}e6)")
        phases.append(tab.locator(".play-phase b").first.inner_text())
    assert phases == ["slow start", "slow start", "loss recovery", "congestion avoidance"]
    tab, wrong = playing(browser, tmp_path, LATE)
    assert tab.locator(".play-phase b").first.inner_text() == "not shown by anything"
    assert wrong == []


@pytest.mark.parametrize(
    "name", [BURST, AT_SENDER, HELD_UP, "http1/browser", "quic/http3", "dns/cname", "tcp/server-rst"]
)
def test_only_what_crossed_the_wire_is_an_arrow_and_all_of_it(browser: Any, tmp_path: Path, name: str) -> None:
    analysis = of(name)
    tab, wrong = opened(browser, tmp_path, analysis, fragment="#play=1&at=0s")
    for told in analysis.told:
        one = told.conversation
        packets = tab.evaluate(
            f"playedOf(conversationOf({one.number})).packets.map((one) => [one.side, one.frame || 0])"
        )
        assert [side for side, _frame in packets].count("forward") == one.frames[0]
        assert [side for side, _frame in packets].count("backward") == one.frames[1]
        named = [frame for _side, frame in packets if frame]
        assert len(named) == len(set(named)) or name == HELD_UP
    tab.evaluate("seek(player.played.end)")
    assert tab.locator("#play-hops .hop:not(.unseen)").count() == min(14, sum(analysis.told[0].conversation.frames))
    assert wrong == []


def test_a_lost_segment_falls_off_where_its_first_copy_was_seen(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, AT_SENDER)
    packets = "player.played.packets"
    lost = tab.evaluate(packets + ".filter((one) => one.lost).map((one) => [one.frame, one.time, one.start])")
    resent = tab.evaluate(packets + ".filter((one) => one.kind === 'resent').map((one) => [one.frame, one.start])")
    assert len(lost) == len(resent) == 1
    assert lost[0][2] == resent[0][1]
    tab.evaluate(f"seek({lost[0][1]})")
    assert "lost" in tab.locator(".hop.lost").last.inner_text()
    tab.locator(".hop.lost .fate").last.click()
    assert "lost" in tab.locator("#play-lens").inner_text()
    tab.evaluate(f"seek(player.played.packets.find((one) => one.frame === {resent[0][0]}).time)")
    assert "repair" in tab.locator(".hop.resent .note").inner_text()
    assert wrong == []


def test_what_was_not_seen_is_drawn_as_not_seen(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, BURST, "#play=1&at=110ms")
    assert tab.evaluate("player.played.packets.filter((one) => one.lost).length") == 0, "they never came by"
    assert "1448 bytes before the next did not come by" in tab.locator(".hop.unseen").inner_text()
    tab, late = playing(browser, tmp_path, LATE)
    assert "what was read begins in the middle of this conversation" in tab.locator("#play-unseen").inner_text()
    assert "not known" in tab.locator(".play-gauge .value").last.inner_text()
    assert wrong == late == []


def test_streams_fill_as_they_came(browser: Any, tmp_path: Path) -> None:
    for name in (HELD_UP, "quic/loss"):
        analysis = of(name)
        tab, wrong = opened(browser, tmp_path, analysis, fragment="#play=1&at=0s")
        told = analysis.told[0]
        assert told.filling is not None
        start = told.conversation.start_ns
        for at in (60_000_000, 110_000_000, 130_000_000):
            tab.evaluate(f"seek({at})")
            found = tab.evaluate(
                "player.played.streams.map((one) => [one.number, one.side, streamAt(one, player.time)])"
            )
            assert len(found) == len(told.filling.pieces)
            for number, side, now in found:
                pieces = told.filling.pieces[number, int(side == "backward")]
                before = [0, *(total for _time, _handed, total, _frame in pieces)]
                came = sum([
                    piece[2] - less for piece, less in zip(pieces, before, strict=False) if piece[0] - start <= at
                ])
                handed = max([total for _time, ready, total, _frame in pieces if ready - start <= at], default=0)
                assert (now["came"], now["handed"]) == (came, handed), (name, number, at)
        assert tab.locator("#play-streams .play-stream").count() == len(told.filling.pieces)
        assert wrong == []


def test_the_lens_says_who_waited_for_whom(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, HELD_UP, "#play=1&at=130ms")
    assert tab.locator(".play-stream.held-up").count() == 3
    tab.locator(".lens-list button").click()
    rows = tab.locator("#play-lens tbody tr").all_inner_texts()
    assert [row.split("\t")[0].split()[0] for row in rows] == ["19", "21", "17"]
    assert [row.split("\t")[1:3] for row in rows] == [
        ["19.7 kB", "35.3 ms"], ["400 bytes", "8.66 ms"], ["8834 bytes", "47.9 ms"]
    ]
    assert "in the missing segment itself" in rows[2]
    assert "in the missing segment itself" not in rows[0] + rows[1]
    tab, at_sender = playing(browser, tmp_path, AT_SENDER)
    tab.locator(".lens-list button").click()
    assert "had arrived behind it" in tab.locator("#play-lens").inner_text()
    assert wrong == at_sender == []


def test_a_moment_is_in_the_address_and_other_keys_stay(browser: Any, tmp_path: Path) -> None:
    tab, wrong = playing(browser, tmp_path, HELD_UP, "#filter=tcp.len%20%3E%200&play=1&at=138.543297ms~2")
    assert tab.locator("#tab-player").get_attribute("aria-selected") == "true"
    assert shown(tab).startswith("head of line")
    link = tab.locator("#play-link").get_attribute("href")
    assert link == "#filter=tcp.len%20%3E%200&play=1&at=138.543297ms~2&c=1"
    tab.reload()
    tab.wait_for_selector("body[data-ready]")
    assert shown(tab).startswith("head of line")
    tab.evaluate("location.hash = 'play=1&at=0.025s'")
    until(tab, "player.time === 25e6")
    tab.click("#tab-timeline")
    assert "play=" not in tab.evaluate("location.hash")
    assert wrong == []


@pytest.mark.parametrize("fragment", [
    "#play=99&at=1s", "#play=1&at=soon", "#play=1", "#play=%E0%A4%A&at=%", "#play=1&at=9e99s", "#play=1&at=99999999s~7",
    "#play=<script>alert(1)</script>", "#detail", "#", "#=&&=",
])
def test_an_address_that_asks_for_nothing_does_no_harm(browser: Any, tmp_path: Path, fragment: str) -> None:
    tab, wrong = playing(browser, tmp_path, BURST, fragment)
    assert tab.locator("script").count() == 4
    if fragment.startswith(("#play=99", "#play=%", "#play=<")):
        assert "is not in this report" in tab.locator("#asked").inner_text()
    assert wrong == []


def test_hostile_texts_stay_inert(browser: Any, tmp_path: Path) -> None:
    for analysis in (hostile(), hidden_analysis()):
        tab, wrong = opened(browser, tmp_path, analysis)
        for number in tab.evaluate("page.data.conversations.map((one) => one.number)"):
            tab.evaluate(f"select({number}, null, false)")
            tab.click("#tab-player")
            tab.evaluate("for (let step = 0; step < player.played.steps.length; step += 1) goTo(step)")
        assert tab.locator("script").count() == 4
        links = tab.evaluate("[...document.querySelectorAll('main a')].map((one) => one.getAttribute('href'))")
        assert all(link.startswith("#") for link in links)
        assert tab.locator("main img, main iframe").count() == 0
        assert wrong == []


def test_who_wants_no_motion_gets_none(browser: Any, tmp_path: Path) -> None:
    for motion, travels in (("reduce", False), ("no-preference", True)):
        tab, wrong = playing(browser, tmp_path, BURST, reduced_motion=motion)
        tab.evaluate("seek(0); seek(player.played.times[3])")
        assert (tab.locator(".hop.travels").count() > 0) == travels
        moving = tab.evaluate("document.getAnimations().length")
        assert (moving > 0) == travels
        assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("name", [HELD_UP, "quic/http3", BURST])
def test_it_fits_the_screen(browser: Any, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    tab, wrong = opened(
        browser, tmp_path, of(name), {"width": width, "height": 800}, scheme, fragment="#play=1&at=130ms"
    )
    if tab.locator(".lens-list button").count():
        tab.locator(".lens-list button").first.click()
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert wrong == []


def test_a_hundred_thousand_points_are_played_without_a_long_wait(browser: Any, tmp_path: Path) -> None:
    from test_report_html import ATTEMPTS, LONGEST_DRAWING_MS, MANY, WATCH, Points, busy

    analysis = busy(10 * MANY, Points.MAX_POINTS)
    found = []
    for _attempt in range(ATTEMPTS):
        tab, wrong = opened(browser, tmp_path, analysis)
        tab.evaluate(WATCH)
        tab.click("#tab-player")
        tab.wait_for_timeout(200)
        first = tab.evaluate("window.longest")
        tab.evaluate("window.longest = 0")
        tab.evaluate(
            "for (let at = 0; at < 100; at += 1) setTimeout(() => seek(player.played.end * at / 100), at * 20)"
        )
        tab.wait_for_timeout(2_300)
        later = tab.evaluate("window.longest")
        assert wrong == []
        tab.close()
        found.append((first, later))
        if first < LONGEST_DRAWING_MS and later < 100:
            return
    pytest.fail(f"milliseconds until the player was there, and of the longest step: {found}")


def test_conversations_of_any_kind_can_be_played(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
    tab.click("#tab-player")
    for number in tab.evaluate("page.data.conversations.map((one) => one.number)"):
        tab.evaluate(f"select({number}, null, false)")
        assert tab.evaluate("player.number") == number
        assert tab.locator("#play-hops .hop").count() > 0
        assert shown(tab)
    assert wrong == []
