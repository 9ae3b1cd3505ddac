"""The filter language: Wireshark's display filters, over what wiretale knows of frames, events and findings."""
