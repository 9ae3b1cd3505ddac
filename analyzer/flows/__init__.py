"""Conversations, byte streams put back in order, and who gets the bytes."""
