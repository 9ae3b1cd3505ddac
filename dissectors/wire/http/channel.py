"""Messages in both directions where an exchange of HTTP was: what a report needs of them, whoever reads them."""
from __future__ import annotations

from mypy_extensions import mypyc_attr

from dissectors.kit.event import Event


class Sent:
    """One message. opcode: 1 for text, 2 for octets (RFC 6455 §5.2), 0 for neither.

    text: of a text, as it may be shown; octets: of any other, as far as they are kept.
    """

    def __init__(self, by_client: bool, opcode: int, text: str, octets: bytes) -> None:
        self.by_client = by_client
        self.opcode = opcode
        self.text = text
        self.octets = octets


@mypyc_attr(allow_interpreted_subclasses=True)
class ChannelEvent(Event):
    """An event of such a channel. It stands on the stream of the exchange that opened it."""

    def opens(self) -> bool:
        """The channel begins."""
        return False

    def sent(self) -> Sent | None:
        """A message that is told one by one."""
        return None

    def counted(self) -> int:
        """Messages that are counted together."""
        return 0
