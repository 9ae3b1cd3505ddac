"""QPACK: how HTTP/3 compresses field sections (RFC 9204)."""
