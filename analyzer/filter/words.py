"""The words of a filter: names and values, texts in quotes, operators and brackets."""
from __future__ import annotations

import re
from typing import Final

from analyzer.filter.errors import FilterError

MAX_TEXT: Final = 1 << 16       # characters of a filter: a set of frame numbers may be long
MAX_WORDS: Final = 20_000

NAME: Final = "name"            # a field, a value without quotes, or a word such as `and`
TEXT: Final = "text"            # in quotes
OPERATOR: Final = "operator"
END: Final = "end"

_SPACE: Final = re.compile(r"\s+")
# A value may hold colons, slashes and signs: 10.0.0.0/8, fe80::1, 00:1b:21:00:00:01, -1.5. Two dots part a range.
_NAME: Final = re.compile(r"-?[A-Za-z0-9_:](?:[A-Za-z0-9_:/\-]|\.(?!\.))*")
_OPERATOR: Final = re.compile(r"===|!==|&&|\|\||==|!=|<=|>=|~=|\.\.|[<>!&~(){},\[\]#]")
_ESCAPE: Final = re.compile(r'\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)', re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Word:
    """kind: NAME, TEXT, OPERATOR or END.   text: without quotes.   at, length: where it stands.

    raw: what stands between the quotes, with its backslashes.
    """

    def __init__(self, kind: str, text: str, at: int, length: int, raw: str = "") -> None:
        self.kind = kind
        self.text = text
        self.at = at
        self.length = length
        self.raw = raw


def words(text: str) -> list[Word]:
    """All of them, and one of kind END. Raises FilterError."""
    if len(text) > MAX_TEXT:
        raise FilterError(f"it has {len(text)} characters, and {MAX_TEXT} at most are read", text, MAX_TEXT)
    found: list[Word] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        if len(found) == MAX_WORDS:
            raise FilterError(f"it has more than {MAX_WORDS} words", text, at)
        plain = text[at] in "rR" and text[at + 1:at + 2] == '"'     # r"...": a backslash is one
        if plain or text[at] == '"':
            word = _quoted(text, at, plain)
        elif name := _NAME.match(text, at):
            word = Word(NAME, name[0], at, len(name[0]))
        elif operator := _OPERATOR.match(text, at):
            word = Word(OPERATOR, operator[0], at, len(operator[0]))
        else:
            hint = "; texts stand in double quotes" if text[at] == "'" else ""
            hint = "; equality is written ==" if text[at] == "=" else hint
            hint = "; `or` is written || or or" if text[at] == "|" else hint
            raise FilterError(f"{_shown(text[at])} means nothing here{hint}", text, at)
        found.append(word)
        at += word.length
    found.append(Word(END, "", len(text), 1))
    return found


def _quoted(text: str, at: int, plain: bool) -> Word:
    start = at + (2 if plain else 1)
    end = start
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise FilterError("the text that begins here has no closing quote", text, at)
    raw = text[start:end]
    return Word(TEXT, raw if plain else _ESCAPE.sub(_escaped, raw), at, end + 1 - at, raw)


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    if code in "\"'\\":
        return code
    return _ESCAPES.get(code, found[0])     # what is no escape keeps its backslash, for regular expressions


def _shown(character: str) -> str:
    return f"`{character}`" if character.isprintable() else f"character U+{ord(character):04X}"
