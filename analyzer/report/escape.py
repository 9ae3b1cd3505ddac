"""What of a text from a capture may not be shown raw, decided once for every format.

A character is shown as an escape such as `\\x1b` or `\\u202e` where a terminal, browser or renderer would obey it, or a
reader could not see it, or could not know what it is:

- controls (category Cc), format characters (Cf: directional marks, embeddings, overrides and isolates of Unicode
  UAX #9, zero-width spaces and joiners, the soft hyphen, tags, musical beams), line and paragraph separators (Zl, Zp);
- lone surrogates (Cs), private use (Co), and code points without a character (Cn, with all non-characters), of which
  each system shows something else or nothing;
- the characters that Unicode has renderers ignore (Default_Ignorable_Code_Point) though they are letters or marks.

Letters that pass for those of another script are shown as escapes where they can deceive: see `lookalikes.py`.
Spaces of all widths stay, as numbers are grouped with them. What a character is, the Unicode tables of the running
Python say, so a letter of a newer version of Unicode is escaped too.
"""
from __future__ import annotations

import re
from typing import Final

from analyzer.report.lookalikes import escape_of, marked
from dissectors.kit.event import JsonValue

# Default_Ignorable_Code_Point (UAX #44, DerivedCoreProperties.txt) of the categories Lo and Mn; all others of it are Cf
# or Cn: combining grapheme joiner, Hangul fillers, Khmer inherent vowels, Mongolian and other variation selectors.
IGNORABLE: Final = frozenset(map(chr, (
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x180E), 0x180F, 0x3164, *range(0xFE00, 0xFE10), 0xFFA0,
    *range(0xE0100, 0xE01F0),
)))
SPACES: Final = frozenset(map(chr, (
    0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000,
)))     # the category Zs
# What needs no look at the tables, as all of it is shown: Latin, Greek, Cyrillic, spaces and punctuation, arrows and
# shapes, kana, Han, Hangul, pictures.
DOUBTFUL: Final = re.compile(
    "[^ -~\u00a0-\u00ac\u00ae-\u024f\u0391-\u03a1\u03a3-\u052f\u2000-\u200a\u2010-\u2027\u202f-\u205f\u2190-\u23ff"
    "\u2500-\u2b73\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3\U0001f300-\U0001f64f]"
)
_HOLDS_TEXT: Final = (list, dict)     # asked of every number; a union would be made anew each time
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_shown(character: str) -> bool:
    """Whether a format may hold this character as it is."""
    # str.isprintable: neither C* nor Z*, save the ASCII space.
    return character in SPACES or (character.isprintable() and character not in IGNORABLE)


def terminal_text(text: str) -> str:
    """`text` on one line, with every character that may not be shown raw as an escape.

    Applying it twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    return marked(DOUBTFUL.sub(_shown, text))


def shown_value(value: JsonValue) -> JsonValue:
    """`value` with every text in it, names of fields too, as `terminal_text` shows it: for data that are drawn."""
    if isinstance(value, str):
        return terminal_text(value)
    if isinstance(value, list):
        return [
            terminal_text(one) if isinstance(one, str) else shown_value(one) if isinstance(one, _HOLDS_TEXT) else one
            for one in value
        ]
    if isinstance(value, dict):
        return {
            terminal_text(name): terminal_text(one) if isinstance(one, str)
            else shown_value(one) if isinstance(one, _HOLDS_TEXT) else one
            for name, one in value.items()
        }
    return value


def _shown(match: re.Match[str]) -> str:
    character = match.group()
    if is_shown(character):
        return character
    return _NAMED.get(character) or escape_of(character)
