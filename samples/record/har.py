"""`python -m samples.record.har FOLDER [CASE...]`: what a browser says of a page itself, beside the capture of it.

For each case with a browser, FOLDER/protocol/name/ gets `capture.pcapng` and `browser.har`, which Chromium writes
through Playwright while the same page is captured. Tests hold our HAR against it.
"""
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

from samples.record.capture import Recording
from samples.record.cases import ALL
from samples.record.lab import Lab

PAGES: Final = {"http1/browser": "http://10.0.1.20/index.html", "tls/browser": "https://www.shop.test/page.txt"}
BROWSE: Final = """
import sys
from playwright.sync_api import sync_playwright

url, har, profile = sys.argv[1:]
with sync_playwright() as playwright:
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path="/usr/bin/chromium", headless=True, record_har_path=har, ignore_https_errors=True,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
              "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,HttpsUpgrades"])
    page = context.pages[0]
    page.goto(url, wait_until="networkidle")
    context.close()
"""


def record(key: str, folder: Path) -> None:
    """One case, driven by a browser that keeps a log. Raises LabError."""
    case = next(one for one in ALL if one.key == key)
    folder.mkdir(parents=True, exist_ok=True)
    with Lab(case.key, case.hosts, case.links, case.capture, case.seconds) as lab:
        if case.prepare:
            case.prepare(lab)
        recording = Recording(lab, case.capture, case.name)
        lab.arm()
        har = folder / "browser.har"
        lab.run("client", [
            sys.executable, "-c", BROWSE, PAGES[key], str(har.resolve()), f"{lab.scratch}/browser",
        ], environment={"SSLKEYLOGFILE": str(lab.keys), "HOME": str(lab.scratch)})
        time.sleep(case.settle_s)
        (folder / "capture.pcapng").write_bytes(recording.stop())


if __name__ == "__main__":
    for name in sys.argv[2:] or PAGES:
        record(name, Path(sys.argv[1]) / name)
