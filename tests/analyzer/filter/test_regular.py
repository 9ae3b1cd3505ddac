"""Regular expressions that come from strangers: what they match, and that none takes for ever."""
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.filter.regular import MAX_PATTERN, Pattern, PatternError

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "c", "1", "\\.", "[a-c1-3]", "^", "$"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: "(" + "|".join(parts) + ")"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, st.text("abcABC123. ", max_size=12))
def test_it_agrees_with_the_engine_of_python(pattern: str, text: str) -> None:
    expected = re.search(pattern, text, re.IGNORECASE | re.ASCII) is not None
    assert Pattern(pattern).search(text) == expected


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "(.*)*x", "(a?){150}a{150}b", ".*.*.*.*.*.*=", "(a|b|ab)*c"])
def test_none_takes_for_ever(pattern: str) -> None:
    begun = time.process_time()
    assert not Pattern(pattern).search("a" * 20_000 + "!")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("pattern", [
    "(a", "a)", "*a", "a{5,2}", "a{9999}", "((a{900}){900}){900}", "(a)\\1", "(?=a)", "[b-a]", "[a", "\\", "\\x1",
])
def test_what_is_wrong_or_cannot_be_told_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"cannot be taken: ."):
        Pattern(pattern)
    with pytest.raises(PatternError, match="at most are taken"):
        Pattern("a" * (MAX_PATTERN + 1))


def test_case_and_characters() -> None:
    assert Pattern("SHOP\\.test$").search("www.shop.TEST")
    assert not Pattern("(?-i)SHOP").search("shop")
    assert Pattern("\\x41\\t[\\]\\-x]").search("A\t]")
    assert Pattern("").search("")
    assert Pattern("a.c").search("xa\udc80c")
    assert Pattern("é").search("É")
    assert not Pattern("^$").search("a")
