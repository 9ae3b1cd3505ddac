"""Formats and IANA tables that several protocols use."""
