"""What HTTP means, whatever its version: heads, bodies, methods, status codes, caching, cookies (RFC 9110)."""
