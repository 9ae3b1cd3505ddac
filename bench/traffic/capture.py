"""Writes the captures: several lengths of the mix, and of its TCP packets alone, in one pass."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from bench.traffic.frames import PCAP_HEADER
from bench.traffic.mix import SEED, packets

VERSION: Final = 1         # raised whenever the packets change, so that old captures are made anew
BLOCK: Final = 1 << 22     # bytes gathered before they are written
MANIFEST: Final = "captures.json"


class Capture:
    """One file: what it holds."""

    def __init__(self, path: Path, packets: int, size: int) -> None:
        self.path = path
        self.packets = packets
        self.bytes = size


class _Sink:
    """A file that takes the first `limit` packets of the mix, or those of them that are TCP."""

    def __init__(self, path: Path, limit: int, tcp_only: bool) -> None:
        self.path = path
        self.limit = limit
        self.tcp_only = tcp_only
        self.packets = 0
        self.bytes = 0
        self.part = path.with_suffix(".part")
        self.file = self.part.open("wb")
        self.write([PCAP_HEADER])
        self.packets = 0

    def write(self, records: list[bytes]) -> None:
        data = b"".join(records)
        self.file.write(data)
        self.bytes += len(data)
        self.packets += len(records)

    def close(self) -> Capture:
        self.file.close()
        self.part.rename(self.path)
        return Capture(self.path, self.packets, self.bytes)


def name(packets: int, tcp_only: bool) -> str:
    """mix-1m, mix-tcp-100k: the name of a capture of the first `packets` of the mix."""
    size = str(packets)
    for unit, letter in ((1_000_000, "m"), (1000, "k")):
        if packets % unit == 0:
            size = f"{packets // unit}{letter}"
            break
    return ("mix-tcp-" if tcp_only else "mix-") + size


def make(folder: Path, sizes: list[int], seed: int = SEED) -> dict[str, Capture]:
    """The captures by name, made where they are missing. The same seed gives the same bytes everywhere."""
    wanted = {name(size, tcp_only): (size, tcp_only) for size in sizes for tcp_only in (False, True)}
    found = _read_manifest(folder, seed)
    if all(key in found for key in wanted):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    sinks = [_Sink(folder / f"{key}.pcap", size, tcp_only) for key, (size, tcp_only) in wanted.items()
             if key not in found]
    for capture in _fill(sinks, seed):
        found[capture.path.stem] = capture
    manifest = {"version": VERSION, "seed": seed,
                "captures": {key: [each.packets, each.bytes] for key, each in sorted(found.items())}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return found


def _fill(sinks: list[_Sink], seed: int) -> list[Capture]:
    """Runs the mix once, up to the longest sink."""
    ends = sorted({sink.limit for sink in sinks})
    every: list[bytes] = []
    tcp: list[bytes] = []
    gathered = count = 0
    open_sinks = list(sinks)
    done = []
    for is_tcp, record in packets(seed):
        every.append(record)
        if is_tcp:
            tcp.append(record)
        gathered += len(record)
        count += 1
        if gathered < BLOCK and count != ends[0]:
            continue
        for sink in open_sinks:
            sink.write(tcp if sink.tcp_only else every)
        every, tcp, gathered = [], [], 0
        if count == ends[0]:
            done += [sink.close() for sink in open_sinks if sink.limit == count]
            open_sinks = [sink for sink in open_sinks if sink.limit != count]
            ends.pop(0)
            if not ends:
                break
    return done


def _read_manifest(folder: Path, seed: int) -> dict[str, Capture]:
    """What lies in the folder already, whole and of this version."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    if manifest.get("version") != VERSION or manifest.get("seed") != seed:
        return {}
    found = {}
    for key, (count, size) in manifest["captures"].items():
        path = folder / f"{key}.pcap"
        if path.is_file() and path.stat().st_size == size:
            found[key] = Capture(path, count, size)
    return found
