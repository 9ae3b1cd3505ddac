"""HPACK, the header compression of HTTP/2 (RFC 7541), read by an observer that may have missed the beginning."""
