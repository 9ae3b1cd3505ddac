"""Fields of record data that only DNS has."""
from __future__ import annotations

from dissectors.kit.cursor import Cursor, WireError
from dissectors.wire.domain_names import Name, escape_text, read_name


def name_at(cursor: Cursor) -> Name:
    """The name that stands next (RFC 1035 §3.1)."""
    name = read_name(cursor.data, int(cursor.at), int(cursor.end))
    cursor.at = name.end
    return name


def string_at(cursor: Cursor) -> bytes:
    """A character string: a length octet and that many octets (RFC 1035 §3.3)."""
    return cursor.vector(1)


def finish(cursor: Cursor) -> None:
    """The declared length must be used up exactly."""
    if cursor.left:
        raise WireError(int(cursor.at), f"{cursor.left} octets more than the type has fields for")


def quoted(octets: bytes) -> str:
    return f'"{escape_text(octets)}"'
