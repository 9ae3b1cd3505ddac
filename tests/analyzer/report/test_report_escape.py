"""Nothing that a terminal obeys gets through."""
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.escape import terminal_text

HOSTILE = {
    "\x1b[31mred\x1b[0m": "\\x1b[31mred\\x1b[0m",
    "\x1b]8;;http://evil.test\x1b\\click\x1b]8;;\x1b\\": "\\x1b]8;;http://evil.test\\x1b\\click\\x1b]8;;\\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07": "\\x1b]52;c;cm0gLXJm\\x07",
    "\x9b2J": "\\x9b2J",
    "a\nb\r\nc\td": "a\\nb\\r\\nc\\td",
    "abc\u202etxt.exe": "abc\\u202etxt.exe",
    "\u2066hidden\u2069": "\\u2066hidden\\u2069",
    "pay\u200bpal\ufeff": "pay\\u200bpal\\ufeff",
    "tag\U000e0041": "tag\\U000e0041",
    "half\ud800": "half\\ud800",
    "\x7f\x00\x08": "\\x7f\\x00\\x08",
    "line\u2028sep\u2029": "line\\u2028sep\\u2029",
}

# What passes for something else: letters of another script, signs that look like stops and slashes.
DECEIVING = {
    "p\u0430ypal.test": "p\\u0430ypal.test",
    "\u0440\u0430\u0443.test": "\\u0440\\u0430\\u0443.test",
    "g\u03bf\u03bfgle.test": "g\\u03bf\\u03bfgle.test",
    "\uff50aypal": "\\uff50aypal",
    "pay\U0001d429al": "pay\\U0001d429al",
    "\u13c0oogle": "\\u13c0oogle",
    "shop.test\u2044login": "shop.test\\u2044login",
    "shop\u2024test": "shop\\u2024test",
    "Host: \u0441\u0430.test": "Host: \\u0441\\u0430.test",
}


@pytest.mark.parametrize("text", DECEIVING)
def test_what_passes_for_something_else_becomes_visible(text: str) -> None:
    assert terminal_text(text) == DECEIVING[text]
    assert terminal_text(DECEIVING[text]) == DECEIVING[text]


@pytest.mark.parametrize("text", [
    "привет, мир", "почта.рф", "кто.test", "а и б", "Ελλάδα", "Δt", "東京Tower", "Tシャツ", "한국LG", "naïve façade",
    "µs", "GET /привет HTTP/1.1", "мир-hello", "café.test", "שלום", "1\u20442",
])
def test_what_is_written_in_its_own_script_stays(text: str) -> None:
    assert terminal_text(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_acts_or_hides_becomes_visible(text: str) -> None:
    assert terminal_text(text) == HOSTILE[text]


@pytest.mark.parametrize(
    "text", ["", "plain", "12\u202f480 bytes", "→ ⇄ ▇ µs ×128", "bücher.example", "例え.jp", "[red]x[/]"]
)
def test_what_is_only_text_stays(text: str) -> None:
    assert terminal_text(text) == text


@given(st.text(st.characters()))
def test_nothing_unseen_is_left(text: str) -> None:
    shown = terminal_text(text)
    assert not [character for character in shown if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")]
    assert not {unicodedata.bidirectional(character) for character in shown} & {"LRE", "RLE", "LRO", "RLO", "PDF",
                                                                                "LRI", "RLI", "FSI", "PDI"}
    assert terminal_text(shown) == shown
    shown.encode()
