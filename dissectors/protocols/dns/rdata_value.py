"""What decoding record data gives."""
from __future__ import annotations

from dissectors.kit.event import JsonValue


class Rdata:
    """text: presentation format.     fields: the same as data."""

    def __init__(self, text: str, fields: dict[str, JsonValue]) -> None:
        self.text = text
        self.fields = fields
