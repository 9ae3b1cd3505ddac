"""TCP (RFC 9293): sequence analysis on every segment, and the narrator for conversations that are told."""
