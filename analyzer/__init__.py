"""wiretale: reads a packet capture and tells what happened."""
from __future__ import annotations

__version__ = "0.1.0"
