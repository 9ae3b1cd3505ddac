"""Writes a sample's README and the index of all samples, from the declarations and the recording."""
from __future__ import annotations

from pathlib import Path

from samples.record.capture import frames_where, has_keys, tshark
from samples.record.case import Case
from samples.record.network import MIRROR, Host, Link
from samples.record.tools import kernel, version

KEYS = "- The keys of its TLS sessions are inside, in a Decryption Secrets Block: tshark reads it decrypted."


class NotShown(Exception):
    """The recording does not show what its case declares."""


def ranges(numbers: list[int]) -> str:
    """Frame numbers as a reader writes them: 3, 5 to 9; long lists end in how many there are."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a} to {b}" for a, b in runs]
    if len(words) > 6:
        return f"{', '.join(words[:5])} ... {words[-1]} ({len(numbers)} frames)"
    return ", ".join(words)


def shown(case: Case, capture: Path) -> list[str]:
    """One table row for each thing the case declares, with the frames tshark finds. Raises NotShown."""
    rows: list[str] = []
    wrong: list[str] = []
    for item in case.shows:
        found = frames_where(capture, item.filter)
        if not item.at_least <= len(found) <= item.at_most:
            wrong.append(f"{item.filter!r} matches {len(found)} frames {found[:12]}, not "
                         f"{item.at_least} to {item.at_most}")
        cell = item.filter.replace("|", "\\|")
        rows.append(f"| {ranges(found) or 'none'} | {item.text} | `{cell}` |")
    if wrong:
        raise NotShown(f"{case.key}: " + "; ".join(wrong))
    return rows


def readme(case: Case, capture: Path, used: set[str]) -> str:
    """The text of samples/<protocol>/<case>/README.md."""
    rows = shown(case, capture)
    return "\n".join([
        f"# {case.title}", "", case.summary, "",
        "## How it was recorded", "",
        f"`sudo python -m samples.record {case.key}` makes it anew; ports, sequence numbers and times differ then.", "",
        *_setting(case, used),
        *([KEYS] if has_keys(capture.read_bytes()) else []), "",
        "## What it shows", "",
        f"{len(tshark(capture).splitlines())} frames. Checked with {version('tshark')} when it was recorded.", "",
        "| Frames | What happens | Display filter |", "|---|---|---|", *rows, "",
    ])


def _setting(case: Case, used: set[str]) -> list[str]:
    lines = [f"- {_host(host)}" for host in case.hosts]
    segments = sorted({nic.segment for host in case.hosts for nic in host.nics})
    for segment in segments:
        link = case.links.get(segment, Link())
        name = "Link" if len(segments) == 1 else f"Link `{segment}`"
        lines.append(f"- {name}: " + ("; ".join(link.words()) or "nothing but the delays") + ".")
    programs = ", ".join(sorted(version(program) for program in used if program not in {"dumpcap"}))
    lines.append(f"- Programs: {programs or 'none'}; TCP/IP of {kernel()}.")
    capture = case.capture
    where = f"`{capture.at}`" + (f" on `{capture.device}`" if capture.device else "")
    if capture.at == MIRROR:
        where = "the switch, on a port that mirrors every frame it takes in"
    length = f", the first {capture.snaplen} bytes of each frame" if capture.snaplen else ", whole frames"
    lines.append(f"- Captured at {where} with {version('dumpcap')}{length}, times in nanoseconds.")
    return lines


def _host(host: Host) -> str:
    nics = "; ".join(
        f"{' and '.join(a.split('/')[0] for a in nic.addresses)}, {nic.delay_ms:g} ms from the switch"
        + ("" if nic.mtu == 1500 else f", MTU {nic.mtu}") for nic in host.nics)
    settings = ", ".join(f"{key.removeprefix('net.ipv4.')} = {value}" for key, value in host.sysctl)
    return f"`{host.name}`: {nics}" + (f" ({settings})" if settings else "") + "."


def index(cases: list[Case]) -> str:
    """The text of samples/README.md. Only from the declarations, so that it can be held current."""
    lines = [
        "# Samples", "",
        "Recordings of real programs, each in a folder of its own with a README that says how it was made and what it "
        "shows. `wiretale samples` lists them; `sudo python -m samples.record CASE...` records them anew: hosts in "
        "network namespaces, joined by a link that is emulated in user space, with every delay and every loss declared "
        "in `record/cases/`. This page is written by `python -m samples.record --index`.", "",
    ]
    for protocol in sorted({case.protocol for case in cases}):
        lines += [f"## {protocol}", "", "| Sample | What it is |", "|---|---|"]
        lines += [f"| [{c.name}]({c.key}/README.md) | {c.title} |" for c in cases if c.protocol == protocol]
        lines.append("")
    return "\n".join(lines)
