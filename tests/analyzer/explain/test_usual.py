"""Waits are held against what is usual in the capture: the way to the server, its other answers, other servers."""
from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from http1_feed import Connection, request, response
from rule_cases import tuned
from test_findings_http import Story, told
from told_accounts import CLIENT, MS, SECOND, account, analysis, answered, conversation, data, opened, turns

from analyzer.explain.findings import findings
from analyzer.explain.rules import kinds
from analyzer.model import Account, Conversation, Finding
from dissectors.wire.http.describe import asks_to_wait, kind_of_request
from dissectors.wire.http.message import Head

OK = response("200 OK", "Content-Type: text/plain", body=b"ok")
EMPTY = response("204 No Content")
DOCS = Path(__file__).parents[3] / "docs"


def waits(*milliseconds: int, target: str = "/cart/7", answer: bytes = OK, fields: tuple[str, ...] = ()) -> Story:
    """Exchanges on one connection, each request a second after the answer before it was whole."""
    def play(it: Connection) -> None:
        for wait in milliseconds:
            it.send(request(target, "GET", *fields), after_ms=1_200)
            it.answer(answer, wait)
    return play


def found(code: str, *accounts: Account) -> list[Finding]:
    return [one for one in findings(analysis(*accounts)) if one.code == code]


def over(story: Story, rtt_ms: int) -> Account:
    made = told(story)
    assert made.conversation.tcp is not None
    made.conversation.tcp.initial_rtt_ns = made.conversation.tcp.handshake_rtt_ns = rtt_ms * MS
    return made


# -- HTTP -----------------------------------------------------------------------------------------------------------


def test_one_answer_far_beyond_the_others_of_its_server_is_unusual() -> None:
    one, = found("http.slow", over(waits(*[1] * 8, 700), 0))
    assert one.sentence == (
        "GET /cart/7 waited 700 ms for the first byte of its answer, where 8 other answers of this server took 1.00 ms "
        "(median)."
    )
    assert one.severity == "note"


@pytest.mark.parametrize("milliseconds", [
    (1, 1, 1, 700),                     # too few others to say what is usual
    (1, 1, 1, 1, 1, 1, 1, 1, 150),      # nobody notices
    (300, 320, 350, 310, 330, 340, 700),
    (1, 1, 500, 1, 600, 1, 550, 700),   # more than a quarter of its answers take so long
])
def test_what_is_ordinary_for_a_server_is_no_finding(milliseconds: tuple[int, ...]) -> None:
    assert found("http.slow", over(waits(*milliseconds), 0)) == []


def test_the_way_is_not_the_servers_time() -> None:
    """Over a satellite each answer takes a round trip of 600 ms, and 700 ms more of work are no hang."""
    assert found("http.slow", over(waits(620, 650, 1_300), 600)) == []
    assert found("http.slow", over(waits(620, 650, 1_300), 1))[0].sentence.startswith("GET /cart/7 waited 1.30 s")


def test_a_server_that_is_always_slow_is_slow() -> None:
    one, = found("http.slow", over(waits(*[3_000] * 8), 1))
    assert "waited 3.00 s" in one.sentence
    assert "other answers" not in one.sentence


@pytest.mark.parametrize("story", [
    waits(30_000, target="/v1/kv/x?index=7&wait=30s"),
    waits(30_000, target="/api/v1/pods?watch=true"),
    waits(30_000, fields=("Prefer: wait=30",)),
    waits(30_000, target="/longpoll"),
    waits(30_000, answer=response("200 OK", "Content-Type: text/event-stream", body=b"data: x\n\n")),
])
def test_what_waits_for_news_is_not_slow(story: Story) -> None:
    assert found("http.slow", over(story, 1)) == []


def test_requests_that_are_held_again_and_again_are_long_polls() -> None:
    def play(it: Connection) -> None:
        for wait, answer in ((25_000, EMPTY), (25_000, EMPTY), (7_000, OK), (25_000, EMPTY)):
            it.send(request("/events"), after_ms=30)
            it.answer(answer, wait)
    assert found("http.slow", over(play, 1)) == []


def test_a_slow_server_that_is_asked_again_at_once_is_no_long_poll() -> None:
    def play(it: Connection) -> None:
        for wait in (2_000, 2_100, 1_900, 2_000):
            it.send(request("/report"), after_ms=30)
            it.answer(OK, wait)
    assert len(found("http.slow", over(play, 1))) == 1


def test_an_upload_that_takes_its_time_is_not_held_back() -> None:
    def upload(size: int, pause: int) -> Story:
        def play(it: Connection) -> None:
            it.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n")
            it.send(b"x" * (size // 2), after_ms=pause)
            it.send(b"x" * (size - size // 2), after_ms=5_000 - pause)
            it.answer(response())
        return play
    assert found("http.held_back", told(upload(1_000_000, 10))) == []
    assert len(found("http.held_back", told(upload(1_000, 1_000)))) == 1


@pytest.mark.parametrize(("target", "kind"), [
    ("/users/1234/cart?x=1", "GET /users/*/cart"), ("/o/3f2a9c1e-77aa-4b1c-9d00-0242ac120002", "GET /o/*"),
    ("/v2/items", "GET /v2/items"), ("/a.css", "GET /a.css"), ("/deadbeef00", "GET /*"), ("/face", "GET /face"),
])
def test_requests_of_a_kind_differ_by_numbers_alone(target: str, kind: str) -> None:
    assert kind_of_request(head(target)) == kind


def test_a_timeout_of_the_request_is_no_wish_to_wait() -> None:
    assert not asks_to_wait(head("/search?timeout=30s"))
    assert asks_to_wait(head("/changes?feed=longpoll"))


def head(target: str) -> Head:
    return Head("HTTP/1.1", "GET", "http", "a", target, -1, "", ())


# -- TCP ------------------------------------------------------------------------------------------------------------


def talk(*after: int, of: Conversation | None = None) -> Account:
    """Questions and answers that nobody reads."""
    events = opened()
    for place, wait in enumerate(after):
        events.append(data(0, place * SECOND, 99, 1, 0, frames=(10 + 2 * place,), turn=1 + 2 * place))
        events.append(data(1, place * SECOND + wait, 99, 1, 0, wait, (11 + 2 * place,), 2 + 2 * place))
    return account(*events, of=of)


def test_a_pause_is_held_against_the_others_of_its_server() -> None:
    one, = found("tcp.slow_answer", talk(*[MS] * 8, 700 * MS))
    assert one.sentence.endswith("took 700 ms to begin its answer, where 8 other times it took 1.00 ms (median).")
    assert one.confidence == "possible"
    assert found("tcp.slow_answer", talk(*[MS] * 22, 1_700 * MS))[0].confidence == "likely"


def test_pauses_of_all_lengths_are_no_answers() -> None:
    """Who speaks when there is something to say, as in a chat."""
    assert found("tcp.slow_answer", talk(*[ms * MS for ms in (3, 9_000, 400, 2_000, 90, 5_000, 30_000, 7)])) == []
    assert len(found("tcp.slow_answer", talk(*[2_000 * MS] * 8))) == 1


def test_what_waits_in_a_queue_on_the_way_is_no_pause() -> None:
    """Behind an upload that fills a queue of 1.5 s."""
    full = tuned(rtt_sum_ns=[15_000 * MS, 0], rtt_samples=[10, 0])
    assert found("tcp.slow_answer", talk(1_800 * MS, of=full)) == []
    assert len(found("tcp.slow_answer", talk(1_800 * MS))) == 1


def test_the_longest_of_the_turns_that_are_not_told_counts() -> None:
    late = turns()
    late.longest = [(-1, 0), (900 * MS, 77)]
    made = talk(*[MS] * 12)
    late.conversation = 1
    made.events.append(late)
    one, = found("tcp.slow_answer", made)
    assert "took 900 ms" in one.sentence
    assert one.frames == (77,)


def far(number: int, server: str, rtt_ms: int) -> Account:
    one = conversation(number, server=server, port=50_000 + number)
    assert one.tcp is not None
    one.tcp.initial_rtt_ns = one.tcp.handshake_rtt_ns = rtt_ms * MS
    return account(*opened(), of=one)


def test_a_long_way_to_everything_is_usual_here() -> None:
    alone = found("tcp.high_rtt", far(1, "192.0.2.1", 600))
    assert [one.severity for one in alone] == ["note"]
    among = found("tcp.high_rtt", *[far(number, f"192.0.2.{number}", 580 + number) for number in range(1, 5)])
    assert {one.severity for one in among} == {"chat"}
    assert "so it is to 3 other servers" in among[0].sentence
    odd = found("tcp.high_rtt", far(1, "192.0.2.1", 600), far(2, "192.0.2.2", 20), far(3, "192.0.2.3", 30))
    assert [one.severity for one in odd] == ["note"]


def test_a_slow_handshake_on_a_short_way_is_no_long_way() -> None:
    one = tuned(initial_rtt_ns=900 * MS, rtt_min_ns=[20 * MS, MS], rtt_samples=[9, 9])
    made, = found("tcp.high_rtt", account(*opened(), of=one))
    assert "took 900 ms, and a round trip after it 21.0 ms: the host was slow to accept" in made.sentence


# -- DNS ------------------------------------------------------------------------------------------------------------


def test_lookups_take_round_trips() -> None:
    slow = answered(took=700 * MS)
    assert [one.severity for one in found("dns.slow", slow)] == ["note"]
    assert found("dns.slow", slow, far(2, "192.0.2.1", 600)) == []
    assert len(found("dns.slow", answered(took=700 * MS), far(2, "192.0.2.1", 20))) == 1
    assert slow.conversation.originator.address == CLIENT


# -- what is left fixed -----------------------------------------------------------------------------------------------


def test_every_fixed_time_of_a_rule_is_named_with_its_finding() -> None:
    """In the table by findings, or in the one of names below it, with the remark that says why."""
    page = runpy.run_path(str(DOCS / "reference.py"))
    assert [entry for entry in page["other_times"]() if not entry[3]] == []
    shown = page["findings_page"]()
    told = [kind for kind in kinds() if kind.threshold]
    assert len(told) > 40
    assert all(kind.threshold in shown for kind in told)
