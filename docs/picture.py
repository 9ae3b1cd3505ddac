"""Draws docs/picture.svg from real output: python docs/picture.py"""
from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

SAMPLE = "sample:http2/lost-segment"
COLUMNS = 104
LINES = 46


def main() -> None:
    words = ["-m", "analyzer.cli.main", "analyze", SAMPLE, "--width", str(COLUMNS), "--color", "always"]
    run = subprocess.run([sys.executable, *words], capture_output=True, check=True)
    lines = run.stdout.decode().splitlines()[:LINES]
    console = Console(record=True, width=COLUMNS + 2, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    picture = console.export_svg(title=f"wiretale analyze {SAMPLE}", unique_id="wiretale")
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.S)    # nothing is loaded from elsewhere
    Path(__file__).with_name("picture.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
