r"""Letters that pass for others: a name is shown so that it can be told from the one that it imitates.

Unicode has letters of one script that look like those of another (UTS #39): in `p\u0430ypal.test` nobody sees that the
second letter is Cyrillic. So within a word that has Latin letters, each letter of another script is shown as an escape,
save of those scripts that are written together with Latin (UTS #39 §5.2: Han, kana, hangul, bopomofo); and so is each
letter of a word beside Latin ones, within a name or an address, that has nothing but letters which look Latin.
"""
from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Where a letter of another script can be: everything but Latin, CJK, symbols and punctuation. Most text ends here.
OTHERS: Final = re.compile(
    "[\u0250-\u02ff\u0370-\u1dff\u2024\u2044\u2100-\u214f\u2160-\u2188\u2215\u2216\u2236\u29f5\u29f8\u2c00-\u2c5f"
    "\u2c80-\u2dff\ua4d0-\uabff\ufe68\uff0f\uff21-\uff5a\U00010000-\U0001d7ff]"
)
# Signs that are taken for the stops, slashes and colons of names and addresses. Han and kana have others of their own.
_DELIMITERS: Final = re.compile(
    "[\u02d0\u0589\u05c3\u2024\u2044\u2215\u2216\u2236\u29f5\u29f8\ua789\ufe68\uff0f\uff3c]"
)
_TOKEN: Final = re.compile(r"[^\s,;|\"'()<>{}\[\]]+")
_WORD: Final = re.compile(r"[^\W_]+")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_TOGETHER: Final = frozenset(("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "HALFWIDTH"))
_OF_UNITS: Final = "ΔμλπσΩ"     # which look like nothing else: a difference, micro, wavelengths, ohm
# Cyrillic and Greek letters that look like Latin ones, of either case (Unicode's confusables.txt).
_LOOKS_LATIN: Final = frozenset(
    "аеорсухіјѕһԁԛԝьАВЕКМНОРСТУХІЈЅҺԚԜѵүցոսօհքαινορυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
)


@lru_cache(4096)
def _is_other(letter: str) -> bool:
    """Whether it is a letter that is not written in one word with Latin ones."""
    if letter < "\u0250" or letter in _OF_UNITS or not letter.isalpha():
        return False
    return unicodedata.name(letter, "?").partition(" ")[0].partition("-")[0] not in _TOGETHER


def marked(text: str) -> str:
    """`text` with what passes for something else as escapes. Applying it twice changes nothing."""
    if OTHERS.search(text) is None:
        return text
    return _TOKEN.sub(_token, text)


def _token(match: re.Match[str]) -> str:
    token = match.group()
    if token.isascii() or OTHERS.search(token) is None or _LATIN.search(token) is None:
        return token
    return _DELIMITERS.sub(_sign, _WORD.sub(_word, token))


def _sign(match: re.Match[str]) -> str:
    return escape_of(match.group())


def _word(match: re.Match[str]) -> str:
    word = match.group()
    if word.isascii():
        return word
    if _LATIN.search(word) is not None:
        return "".join([escape_of(one) if _is_other(one) else one for one in word])
    if not all(one in _LOOKS_LATIN or one.isdigit() for one in word):
        return word
    return "".join([one if one.isdigit() else escape_of(one) for one in word])


def escape_of(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
