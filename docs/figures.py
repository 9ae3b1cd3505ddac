"""Draws the pictures of docs/explanation from recordings: python docs/figures.py"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXPLANATION = Path(__file__).with_name("explanation")
FIGURES = {"slow-start.svg": ("sample:tcp/slow-start-at-sender", "sequence")}

if __name__ == "__main__":
    for name, (sample, diagram) in FIGURES.items():
        words = ["report", sample, "-C", "1", "--diagram", diagram, "-o", str(EXPLANATION / name)]
        subprocess.run([sys.executable, "-m", "analyzer.cli.main", *words], check=True)
