"""Protocols that begin in plain text and change to TLS on the same connection."""
