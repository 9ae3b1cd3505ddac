"""The MAC of records up to TLS 1.2."""
from __future__ import annotations

import hmac

from dissectors.wire.tls.schedule import SSL30, md5, sha1


class RecordMac:
    """HMAC of the suite's hash (RFC 5246 §6.2.3.1), or the older construction of SSL 3.0 (RFC 6101 §5.2.3.1)."""

    def __init__(self, version: int, hash_name: str, length: int, key: bytes) -> None:
        self.version = version
        self.hash_name = hash_name    # as hashlib calls it
        self.length = length          # octets of the MAC
        self.key = key

    def over(self, header: bytes, content: bytes) -> bytes:
        """header: the sequence number and the record's type, version and length."""
        if self.version != SSL30:
            return hmac.digest(self.key, header + content, self.hash_name)
        # SSL 3.0 leaves the version out.
        data = header[:9] + header[11:] + content
        if self.hash_name == "md5":
            return md5(self.key + b"\x5c" * 48 + md5(self.key + b"\x36" * 48 + data))
        return sha1(self.key + b"\x5c" * 40 + sha1(self.key + b"\x36" * 40 + data))
