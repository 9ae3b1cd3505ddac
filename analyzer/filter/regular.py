"""Regular expressions that take time in proportion to the text, whatever they are.

Engines that go back and try again take for ever on some short expressions and texts, and both come from strangers here.
RE2 does not, and refuses what cannot be told so: references back and looking around. Letters match in either case, as
with Wireshark, unless the expression says (?-i).
"""
from __future__ import annotations

from typing import Final

MAX_PATTERN: Final = 1_000        # characters
MAX_MEMORY: Final = 4 << 20       # octets of the automata of one expression


class PatternError(Exception):
    """A regular expression that is wrong, or cannot be taken; the message says why."""


class Pattern:
    """Raises PatternError where it is wrong or too large."""

    def __init__(self, text: str) -> None:
        import re2

        if len(text) > MAX_PATTERN:
            raise PatternError(f"a regular expression of {len(text)} characters; {MAX_PATTERN} at most are taken")
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        try:
            self._search = re2.compile(text, options).search
        except re2.error as error:
            reason = error.args[0] if error.args else b""
            said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise PatternError(f"the regular expression cannot be taken: {said}") from error

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._search(text.encode("utf-8", "replace")) is not None
