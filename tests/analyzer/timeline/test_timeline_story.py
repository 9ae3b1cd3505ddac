"""The story across conversations, names, and where the capture was taken."""
from __future__ import annotations

import pytest
from dns_wire import message
from told_accounts import (
    CLIENT,
    MS,
    SECOND,
    SERVER,
    account,
    analysis,
    answer,
    answered,
    conversation,
    data,
    download,
    established,
    lookup,
    midstream,
    opened,
    refused,
    syn,
    syn_ack,
)

from analyzer.model import Account
from analyzer.timeline.story import MAX_ROWS


def later(made: Account, number: int, start: int) -> Account:
    made.conversation.number = number
    made.conversation.start_ns = start
    made.conversation.end_ns += start
    for event in made.events:
        event.time += start
    return made


def rows(*accounts: Account) -> list[tuple[int, str, str]]:
    return [(row.conversation, row.label, row.text) for row in analysis(*accounts).story]


def test_a_lookup_then_a_connection() -> None:
    assert rows(answered(), later(download(), 2, 20 * MS)) == [
        (1, "DNS", "shop.test A → 10.0.0.2, valid 300 s"),
        (2, "TCP", "10.0.0.1:51034 → 10.0.0.2:443"),
        (2, "data", "1.20 MB ←, 517 bytes →"),
    ]


def test_a_row_lasts_as_long_as_what_it_tells() -> None:
    found = analysis(answered(), later(download(), 2, 20 * MS)).story
    assert [(row.start_ns, row.end_ns) for row in found] == [
        (0, 12 * MS), (20 * MS, 44 * MS + 200_000), (45 * MS, 670 * MS)
    ]


def test_a_lookup_over_several_conversations_is_one_row() -> None:
    truncated = lookup((0, 0, message(7)), (10 * MS, 1, message(7, 0x8380)))
    again = lookup(
        (20 * MS, 0, message(8)), (40 * MS, 1, message(8, 0x8180, answers=(answer(),))), number=2, tcp=True,
        first_frame=3,
    )
    made = analysis(truncated, again)
    assert [(row.label, row.text, row.end_ns) for row in made.story] == [
        ("DNS", "shop.test A → 10.0.0.2, valid 300 s, in 2 exchanges", 40 * MS)
    ]
    assert [found.over_tcp for found in made.lookups] == [True]


def test_a_connection_that_never_was() -> None:
    assert rows(account(syn(), refused())) == [(1, "TCP", "10.0.0.1:51034 → 10.0.0.2:443, refused")]


def test_an_older_connection_says_so() -> None:
    assert rows(account(midstream(), data()))[0][2].endswith("already open")


def test_unknown_datagrams_have_a_row() -> None:
    label, text = rows(account(of=conversation(transport="udp")))[0][1:]
    assert label == "UDP"
    assert text.startswith("10.0.0.1:51034 → 10.0.0.2:443: 10 datagrams →")


def test_a_long_story_is_cut_and_says_so() -> None:
    many = [later(account(*opened(), data()), number, number * SECOND) for number in range(1, MAX_ROWS)]
    made = analysis(*many)
    assert len(made.story) == MAX_ROWS
    assert made.left_out == [f"the story shows the {MAX_ROWS} longest of its {2 * (MAX_ROWS - 1)} rows"]
    assert [row.start_ns for row in made.story] == sorted(row.start_ns for row in made.story)


def test_an_answer_names_later_conversations_only() -> None:
    before, after = later(download(), 1, 0), later(download(), 3, 20 * MS)
    made = analysis(before, answered(2, 5 * MS), after)
    assert [one.responder.name for one in made.conversations] == ["", "", "shop.test"]


def test_a_name_that_is_known_already_stays() -> None:
    made = later(download(), 2, 20 * MS)
    made.conversation.responder.name = "given.test"
    assert analysis(answered(), made).conversations[1].responder.name == "given.test"


def handshakes(*sides: str, servers: tuple[str, ...] = ()) -> str:
    made = []
    for place, side in enumerate(sides):
        one = account(
            syn(), syn_ack(), established(seen_from=side, answer=24 * MS, ack=MS),
            of=conversation(place + 1, server=servers[place] if servers else SERVER),
        )
        made.append(one)
    return analysis(*made).capture.seen_from


@pytest.mark.parametrize(("sides", "said"), [
    (("client",), "the client's side (likely: the SYN leaves 24.0 ms before its answer, which is acknowledged after "
     "1.00 ms)"),
    (("client", "client"), "the client's side (likely: median of 2 handshakes, the SYN leaves 24.0 ms"),
    (("server",), "the server's side (likely: the SYN is answered after 24.0 ms"),
    (("between",), "a point between both sides (likely: 24.0 ms pass on one side of it and 1.00 ms on the other)"),
    (("client", "server"), ""),
    ((), ""),
    (("",), ""),
])
def test_where_the_capture_was_taken(sides: tuple[str, ...], said: str) -> None:
    found = handshakes(*sides)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_a_host_that_calls_and_is_called() -> None:
    calls = account(syn(), syn_ack(), established(), of=conversation(1))
    called = account(syn(), syn_ack(), established(seen_from="server"), of=conversation(2, server=CLIENT))
    called.conversation.originator.address = SERVER
    assert analysis(calls, called).capture.seen_from.startswith(f"{CLIENT} (likely: of 2 handshakes")


def test_what_was_said_before_is_not_overwritten() -> None:
    made = analysis(download())
    before = made.capture.seen_from
    assert analysis(account(syn(), refused()), capture=made.capture).capture.seen_from == before != ""
