"""Shows the figures: as tables for a reader, as JSON for a program."""
from __future__ import annotations

import os
import platform
from pathlib import Path

from bench import recorded
from bench.measure import Series
from bench.targets import MIB, Results, Target, good, per_packet
from bench.tools import TINY, Tool
from bench.traffic.capture import Capture, name

Row = list[str]
Json = dict[str, object]


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> Json:
    load = os.getloadavg()[0]
    return {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform(),
            "python": platform.python_version(), "load": round(load, 2)}


def table(head: Row, rows: list[Row]) -> str:
    """Columns as wide as they need to be; the first is aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row: Row) -> str:
        cells = [cell.ljust(width) if place == 0 else cell.rjust(width)
                 for place, (cell, width) in enumerate(zip(row, widths, strict=True))]
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *(line(row) for row in rows)])


def introduction(chosen: list[Tool], captures: dict[str, Capture], runs: int) -> str:
    about = machine()
    lines = [f"{about['processor']}, {about['cores']} cores, load {about['load']}; {about['system']}; "
             f"Python {about['python']}"]
    lines += sorted({f"  {tool.version}" for tool in chosen if tool.version})
    lines += [f"  missing: {tool.title} ({tool.missing})" for tool in chosen if tool.missing]
    lines.append(f"{runs} runs of each, one after another in turn; medians. Each capture is read right before its run.")
    used = {capture for tool in chosen for capture in tool.captures()}
    recordings = {tool.recording() for tool in chosen} - {""}
    used |= recordings
    if recordings - set(captures):
        lines.append(f"  no recorded mix: {recorded.why_not() or 'it could not be made'}")
    lines += [f"  {key}: {each.packets:,} packets, {each.bytes / 1e6:,.1f} MB" for key, each in captures.items()
              if key in used]
    return "\n".join(lines)


def speeds(results: Results, chosen: list[Tool]) -> str:
    rows = []
    for tool in chosen:
        if tool.missing:
            rows.append([tool.title, "missing", *[""] * 8])
            continue
        tiny = good(results, tool.key, name(TINY, tool.tcp_only))
        for size in (tool.small, tool.large):
            series = results[(tool.key, name(size, tool.tcp_only))]
            rows.append(_speed_row(tool, series, tiny, per_packet(results, tool) if size == tool.large else None))
        if (tool.key, tool.recording()) in results:
            rows.append(_speed_row(tool, results[(tool.key, tool.recording())], tiny, None))
    return table(["", "capture", "start-up s", "wall s", "range", "cpu s", "peak MiB", "k packets/s",
                  "1 more: ns", "k packets/s"], rows)


def _speed_row(tool: Tool, series: Series, tiny: Series | None, cost: float | None) -> Row:
    if series.failed:
        reason = series.failed.error.splitlines()[-1:] or [""]
        return [tool.title, series.capture, f"failed ({series.failed.status}) {reason[0][:60]}", *[""] * 7]
    walls = sorted(run.wall for run in series.runs)
    return [tool.title, series.capture, f"{tiny.wall:.3f}" if tiny else "", f"{series.wall:.2f}",
            f"{walls[0]:.2f}-{walls[-1]:.2f}", f"{series.cpu:.2f}", f"{series.peak / MIB:.0f}",
            f"{series.rate / 1000:,.1f}",
            f"{cost * 1e9:,.0f}" if cost else "", f"{1 / cost / 1000:,.1f}" if cost else ""]


def verdicts(found: list[Target]) -> str:
    rows = []
    for target in found:
        value = "" if target.value is None else f"{target.value:.2f} {target.unit}"
        bound = "at least" if target.at_least else "at most"
        rows.append([target.text, value, f"{bound} {target.limit:g} {target.unit}", target.verdict, target.note])
    return table(["target", "measured", "to reach", "verdict", ""], rows)


def as_json(results: Results, chosen: list[Tool], found: list[Target]) -> Json:
    return {
        "machine": machine(),
        "tools": [{"key": tool.key, "title": tool.title, "version": tool.version, "missing": tool.missing,
                   "seconds_per_packet": None if tool.missing else per_packet(results, tool)} for tool in chosen],
        "series": [{"tool": series.tool, "capture": series.capture, "packets": series.packets,
                    "runs": [{"wall": run.wall, "cpu": run.cpu, "peak": run.peak, "status": run.status,
                              "error": run.error if run.status else ""} for run in series.runs]}
                   for series in results.values()],
        "targets": [{"text": target.text, "value": target.value, "limit": target.limit,
                     "at_least": target.at_least, "unit": target.unit, "verdict": target.verdict,
                     "note": target.note} for target in found],
    }
