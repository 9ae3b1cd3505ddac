"""HTTP/0.9, 1.0 and 1.1: requests and responses one after another over one connection (RFC 9112)."""
