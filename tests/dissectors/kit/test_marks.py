"""Secrets of connections that go on in another conversation."""
from __future__ import annotations

from itertools import pairwise

from dissectors.kit.marks import MAX_MARKED, Marks

MANY = 5_000


def test_a_secret_of_one_conversation_is_one_of_all_in_which_its_connection_goes_on() -> None:
    chain = [Marks() for _conversation in range(MANY)]
    for before, after in pairwise(chain):
        after.join(before)
    chain[0].mark(b"of the first")
    chain[-1].mark(b"of the last")
    assert all(list(one.values) == [b"of the first", b"of the last"] for one in chain)


def test_what_was_marked_before_they_were_joined_is_hidden_in_both() -> None:
    before, after, other = Marks(), Marks(), Marks()
    before.mark(b"early")
    after.mark(b"late")
    after.join(before)
    before.join(after)
    assert set(before.values) == set(after.values) == {b"early", b"late"}
    assert len(before.joined) == len(after.joined) == 1
    assert other.values == {}


def test_more_than_is_kept_is_said_of_each() -> None:
    before, after = Marks(), Marks()
    after.join(before)
    for number in range(MAX_MARKED + 1):
        before.mark(f"secret {number}".encode())
    assert before.full
    assert len(before.values) == len(after.values) == MAX_MARKED
