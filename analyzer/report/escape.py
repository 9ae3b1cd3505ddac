"""Text from a capture, made harmless for a terminal."""
from __future__ import annotations

import re
from typing import Final

# What a terminal obeys instead of showing, and what a reader cannot see: C0, DEL and C1 controls (ECMA-48), soft
# hyphen and joiners, directional marks, embeddings, overrides and isolates (Unicode UAX #9), line and paragraph
# separators, fillers, variation selectors, byte order mark, interlinear annotation, tags, and lone surrogates (which
# no encoding can write).
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def terminal_text(text: str) -> str:
    """`text` on one line, with every character that would act or hide shown as an escape such as `\\x1b`.

    Applying it twice changes nothing. Spaces of all widths stay, as numbers are grouped with them.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if code < 0x100:
        return _NAMED.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
