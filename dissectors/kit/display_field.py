"""Fields of Wireshark's display filters, as the events of a protocol have them: for `--filter`."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import JsonValue

# What a field is, as a filter compares it.
NUMBER: Final = "number"
TEXT: Final = "text"
BOOLEAN: Final = "boolean"
IPV4: Final = "IPv4 address"
IPV6: Final = "IPv6 address"
MAC: Final = "MAC address"
SECONDS: Final = "time in seconds"      # held as nanoseconds
MARK: Final = "mark"                    # it is there, or it is not
OCTETS: Final = "bytes"

Data = dict[str, JsonValue]


@mypyc_attr(allow_interpreted_subclasses=True)
class DisplayField:
    """name: as Wireshark has it.   kind: one of those above.   meaning: in a few words.

    event: the name of the events that have it; "" for those whose `frame_record()` does.
    key: of `frame_record()`, or of that event's `fields()`; the value, or a list of them.
    read: for what is more than a key away: from that data to the values.
    attribute: of that event, where its data have words for numbers: `hello.suites`. Only whole numbers are taken.
    """

    def __init__(
        self, name: str, kind: str, meaning: str, key: str = "", event: str = "",
        read: Callable[[Data], list[JsonValue]] | None = None, attribute: str = "",
    ) -> None:
        self.attribute = attribute
        self.name = name
        self.kind = kind
        self.meaning = meaning
        self.key = key
        self.event = event
        self.read = read


def there(data: Data) -> list[JsonValue]:
    """For marks: it is there."""
    return [1]


def field_line(name: str) -> Callable[[Data], list[JsonValue]]:
    """For the fields of a head of HTTP: the values of those with this name, given in lower case."""
    def read(data: Data) -> list[JsonValue]:
        pairs = data.get("fields")
        return [
            pair[1] for pair in pairs
            if isinstance(pair, list) and isinstance(pair[0], str) and pair[0].lower() == name
        ] if isinstance(pairs, list) else []

    return read
