"""QUIC (RFC 9000): connections over UDP whose packets are encrypted, their headers in part."""
