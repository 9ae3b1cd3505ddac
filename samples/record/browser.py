"""A browser without a window."""
from __future__ import annotations

from samples.record.lab import Lab

FEATURES_OFF = "OptimizationHints,MediaRouter,DialMediaRouteProvider,HttpsUpgrades"


def chromium(lab: Lab, url: str) -> None:
    """Chromium loads one page from the client; what it would otherwise ask of its maker is switched off."""
    lab.run("client", [
        "chromium", "--headless=new", "--no-sandbox", f"--user-data-dir={lab.scratch}/browser", "--no-first-run",
        "--disable-sync", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
        "--disable-domain-reliability", f"--disable-features={FEATURES_OFF}", "--disable-gpu",
        "--ignore-certificate-errors", "--dump-dom", url,
    ], environment={"SSLKEYLOGFILE": str(lab.keys), "HOME": str(lab.scratch)})
