"""What protocols look like on the wire: bytes in, events out. No I/O, no clock, no presentation."""
