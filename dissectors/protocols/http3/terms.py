"""The glossary of HTTP/3."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term("HTTP/3", "HTTP over QUIC: each request has a stream of its own, and a lost packet holds up only the streams "
         "whose data it carried.", "RFC 9114", ("QUIC", "QPACK")),
    Term("QPACK", "How HTTP/3 compresses header fields: as HPACK does, but with the table on streams of its own, so "
         "that requests may arrive in any order. Fields that need an entry which has not come yet have to wait.",
         "RFC 9204", ("HPACK",)),
)
