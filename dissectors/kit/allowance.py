"""How much may come out of everything that is compressed in one capture, beside the caps of each body and message.

Each of many small bodies may grow to what its own caps allow; only all of them together say what a capture costs.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

MAX_UNPACKED: Final = 256 << 20   # octets that come out of all that was compressed in a capture, on two grounds:
# ... this, whatever went in, and so many for each octet that did. Bodies of the web grow to four times, logs to 50.
MAX_UNPACKED_EACH: Final = 50


@mypyc_attr(allow_interpreted_subclasses=True)
class Allowance:
    """fed: octets that went in so far.     spent: what came out of them, or what it cost where that is more.

    bounded: False for one that never ends.
    """

    def __init__(self, bounded: bool = True) -> None:
        self.bounded = bounded
        self.fed = 0
        self.spent = 0

    def room(self) -> int:
        """How many octets may come out yet."""
        if not self.bounded:
            return 1 << 62
        return max(MAX_UNPACKED + MAX_UNPACKED_EACH * self.fed - self.spent, 0)

    def problem(self) -> str:
        """Why nothing more is unpacked."""
        return (
            f"what is compressed in this capture grows beyond MAX_UNPACKED = {MAX_UNPACKED} bytes and "
            f"MAX_UNPACKED_EACH = {MAX_UNPACKED_EACH} times its size"
        )


ENDLESS: Final = Allowance(False)    # for what is read without a capture
