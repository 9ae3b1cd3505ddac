"""Flags and exit codes."""
from __future__ import annotations

from typing import Final

WAS_INTERRUPTED: Final = "wiretale.interrupted"    # in the context of a command whose reading was cut short by Ctrl-C
