"""Messages in both directions where an exchange of HTTP was: what a report needs of them, whoever reads them."""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import Event

NO_MESSAGE: Final = -1


@mypyc_attr(allow_interpreted_subclasses=True)
class ChannelEvent(Event):
    """An event of such a channel. It stands on the stream of the exchange that opened it.

    A message has among its fields `by_client`, and `text` or, of octets, `hex`.
    """

    def opens(self) -> bool:
        """The channel begins."""
        return False

    def kind_of_message(self) -> int:
        """Of a message that is told one by one: 1 for text, 2 for octets (RFC 6455 §5.2), 0 for neither."""
        return NO_MESSAGE

    def counted(self) -> int:
        """Messages that are counted together."""
        return 0
