"""Fetches every frame of an interface and does nothing with it: what the cursor alone can do.

    python -m bench.peers.live_cursor IFACE
"""
from __future__ import annotations

import json
import signal
import sys
from importlib import import_module
from typing import Any

from bench.micro import prefer_installed


def main() -> None:
    prefer_installed()
    live: Any = import_module("analyzer.ingest.live.open")
    source = live.open_live(live.LiveOptions([sys.argv[1]]))
    signal.signal(signal.SIGINT, lambda _number, _frame: source.stop())
    print("ready", file=sys.stderr, flush=True)
    step = source.next
    while not source.ended:
        while step():
            pass
        source.wait(0.05)
    print(json.dumps({"frames": int(source.number)}))
    source.close()


if __name__ == "__main__":
    main()
