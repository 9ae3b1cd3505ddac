"""`bench` is not installed: it is found in the tree, after an installed wiretale, which may be compiled."""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
