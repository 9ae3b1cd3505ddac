"""The same work done with libraries, one script each: `python FILE CAPTURE`."""
