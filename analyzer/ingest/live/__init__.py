"""Frames while they pass: interfaces, a pipe, a file that is still being written; and the files that keep them."""
