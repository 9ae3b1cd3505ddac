"""What is to be reached, held against what was measured.

A ratio of speeds compares whole runs, start-up included, on the largest capture that both tools read.
"""
from __future__ import annotations

from statistics import median
from typing import Final

from bench.measure import Series
from bench.tools import TINY, Tool
from bench.traffic.capture import name

MIB: Final = 1 << 20
FASTER_THAN: Final = (  # ours, peer, at least so many times as many packets per second
    ("analyze", "tshark-conv", 10.0),
    ("analyze-tcp", "tcptrace", 1.5),
    ("analyze-two", "analyze", 1.6),
    ("frames", "tshark-fields", 5.0),
    ("all", "tshark-fields", 3.0),
)
LONGEST_START: Final = 0.3    # seconds on a tiny capture
LONGEST_HELP: Final = 0.25    # seconds
LARGEST_PEAK: Final = 150.0   # MiB
LARGEST_FRAMES: Final = 200.0  # MiB, of `frames`
LARGEST_ALL: Final = 300.0     # MiB, of `analyze --all --findings-only`
LONGEST_TELLING: Final = 0.3  # seconds of a run that go into telling and drawing thirty conversations
LARGEST_GROWTH: Final = 1.05  # peak memory when the capture grows fourfold
HELP: Final = "help"

Results = dict[tuple[str, str], Series]


class Target:
    """One line of the verdict. value: None where it could not be measured, and `note` says why."""

    def __init__(self, text: str, value: float | None, limit: float, at_least: bool, unit: str, note: str) -> None:
        self.text = text
        self.value = value
        self.limit = limit
        self.at_least = at_least
        self.unit = unit
        self.note = note

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        met = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "met" if met else "MISSED"


def good(results: Results, tool: str, capture: str) -> Series | None:
    """The runs of a tool on a capture, where all of them ended well."""
    series = results.get((tool, capture))
    return series if series is not None and series.runs and not series.failed else None


def per_packet(results: Results, tool: Tool) -> float | None:
    """Seconds that one more packet costs, from the two sizes; None where the difference says nothing."""
    captures = [name(size, tool.tcp_only) for size in (tool.small, tool.large)]
    small, large = (good(results, tool.key, capture) for capture in captures)
    if small is None or large is None or large.wall <= small.wall:
        return None
    return (large.wall - small.wall) / (large.packets - small.packets)


def judge(results: Results, chosen: list[Tool]) -> list[Target]:
    by_key = {tool.key: tool for tool in chosen}
    found = []
    for ours, peer, factor in FASTER_THAN:
        if ours in by_key:
            found.append(_faster(results, by_key[ours], by_key.get(peer), factor))
            if by_key[ours].recorded:
                found.append(_on_recorded(results, by_key[ours], by_key.get(peer), factor))
    if "analyze" in by_key:
        found += _start_and_memory(results, by_key["analyze"])
    if "frames" in by_key:
        frames = by_key["frames"]
        large = good(results, "frames", name(frames.large, False))
        found.append(Target("peak memory of wiretale frames", large.peak / MIB if large else None, LARGEST_FRAMES,
                            False, "MiB", f"on {large.capture}" if large else frames.missing or "a run failed"))
    if "all" in by_key:
        found += _memory_of_all(results, by_key["all"])
    return found


def _memory_of_all(results: Results, tool: Tool) -> list[Target]:
    """It is told part by part, so that it takes as much for four times the packets."""
    small, large = (good(results, "all", name(size, False)) for size in (tool.small, tool.large))
    missing = tool.missing or "a run failed"
    growth = large.peak / small.peak if small and large else None
    return [
        Target("peak memory of wiretale analyze --all", large.peak / MIB if large else None, LARGEST_ALL, False, "MiB",
               f"on {large.capture}" if large else missing),
        Target("its growth", growth, LARGEST_GROWTH, False, "×",
               f"{tool.small:,} to {tool.large:,} packets" if growth else missing),
    ]


def _faster(results: Results, ours: Tool, peer: Tool | None, factor: float) -> Target:
    text = f"{ours.title} against {peer.title if peer else 'its peer'}"
    if peer is None:
        return Target(text, None, factor, True, "×", "the peer was not chosen")
    for tool in (ours, peer):
        if tool.missing:
            return Target(text, None, factor, True, "×", tool.missing)
    common = {ours.small, ours.large} & {peer.small, peer.large}
    if not common:
        return Target(text, None, factor, True, "×", "no capture that both read")
    capture = name(max(common), ours.tcp_only)
    mine, theirs = good(results, ours.key, capture), good(results, peer.key, capture)
    if mine is None or theirs is None:
        return Target(text, None, factor, True, "×", f"a run on {capture} failed")
    costs = per_packet(results, ours), per_packet(results, peer)
    note = f"whole runs on {capture}"
    if costs[0] and costs[1]:
        note += f"; one more packet: {costs[1] / costs[0]:.2f} ×"
    return Target(text, mine.rate / theirs.rate, factor, True, "×", note)


def _on_recorded(results: Results, ours: Tool, peer: Tool | None, factor: float) -> Target:
    """The same on the recorded mix, by whole runs."""
    text = f"{ours.title} against {peer.title if peer else 'its peer'}, recorded"
    if peer is None:
        return Target(text, None, factor, True, "×", "the peer was not chosen")
    missing = ours.missing or peer.missing
    mine, theirs = good(results, ours.key, ours.recording()), good(results, peer.key, ours.recording())
    if mine is None or theirs is None:
        return Target(text, None, factor, True, "×", missing or f"no good runs on {ours.recording()}")
    return Target(text, mine.rate / theirs.rate, factor, True, "×", f"whole runs on {ours.recording()}")


def _start_and_memory(results: Results, analyze: Tool) -> list[Target]:
    missing = analyze.missing or "a run failed"
    help_run = good(results, HELP, "")
    tiny = good(results, "analyze", name(TINY, False))
    small = good(results, "analyze", name(analyze.small, False))
    large = good(results, "analyze", name(analyze.large, False))
    growth = large.peak / small.peak if small and large else None
    return [
        Target("wiretale --help", help_run.wall if help_run else None, LONGEST_HELP, False, "s",
               "" if help_run else missing),
        Target("start-up of wiretale analyze", tiny.wall if tiny else None, LONGEST_START, False, "s",
               f"{TINY} packets" if tiny else missing),
        Target("peak memory of wiretale analyze", large.peak / MIB if large else None, LARGEST_PEAK, False, "MiB",
               f"on {large.capture}" if large else missing),
        Target("growth of peak memory", growth, LARGEST_GROWTH, False, "×",
               f"{analyze.small:,} to {analyze.large:,} packets" if growth else missing),
    ]


def telling(capture: str, seconds: list[float | None]) -> Target:
    """seconds: of each run, None for one that failed."""
    whole = [each for each in seconds if each is not None]
    value = median(whole) if len(whole) == len(seconds) else None
    return Target("telling and drawing 30 conversations", value, LONGEST_TELLING, False, "s",
                  f"on {capture}" if value is not None else f"a run on {capture} failed")


def missed(found: list[Target], results: Results) -> bool:
    """True where a target was missed, or a run of ours failed."""
    ours = {"analyze", "analyze-two", "analyze-tcp", "frames", "all", HELP}
    return any(target.verdict == "MISSED" for target in found) or any(
        series.failed for (tool, _), series in results.items() if tool in ours)
