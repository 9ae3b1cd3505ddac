"""Captures one behind the other in one file: to start, tshark takes longer than to read any of our samples."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tshark_view import Line

SECRETS = 10                # the type of a Decryption Secrets Block of pcapng
PACKETS = (2, 3, 6)         # the types of the blocks that hold a frame
ALONE = {"http2/dns-over-https"}    # after it, tshark 4.0 takes what other HTTP/2 connections carry for DNS as well

Ends = frozenset[tuple[str, int]]


class Capture:
    """A pcapng file that is to be read by tshark, and what `wiretale frames` says of it.

    alone: it is to share no file. first: see `grouped`.
    """

    def __init__(self, name: str, octets: bytes, lines: list[Line], alone: bool = False) -> None:
        self.name = name
        self.octets = octets
        self.lines = lines
        self.alone = alone or name in ALONE
        self.first = 0

    def conversations(self) -> set[Ends]:
        return {
            frozenset(((line["src"], line["src_port"]), (line["dst"], line["dst_port"])))
            for line in self.lines if "src_port" in line
        }


class Group:
    """Captures that can lie in one file: what tshark keeps of a conversation, no other one finds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.captures: list[Capture] = []
        self.frames = 0
        self.taken: set[Ends] = set()

    def takes(self, capture: Capture) -> bool:
        apart = capture.alone or self.captures[0].alone
        return not apart and self.taken.isdisjoint(capture.conversations())

    def add(self, capture: Capture) -> None:
        capture.first = self.frames
        self.captures.append(capture)
        self.frames += len(capture.lines)
        self.taken |= capture.conversations()


def grouped(captures: list[Capture], folder: Path) -> list[Group]:
    """Written to files in this folder. The frames of each capture have its `first` more for their numbers there."""
    groups: list[Group] = []
    for capture in captures:
        found = [group for group in groups if group.takes(capture)]
        if not found:
            found = [Group(folder / f"{len(groups)}.pcapng")]
            groups += found
        found[0].add(capture)
    for group in groups:
        group.path.write_bytes(b"".join(capture.octets for capture in group.captures))
    return groups


def blocks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The type of each block of a pcapng file, and the whole block."""
    at = 0
    while at < len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        yield kind, octets[at:at + length]
        at += length


def packets(octets: bytes) -> int:
    return sum(kind in PACKETS for kind, _block in blocks(octets))


def without_secrets(octets: bytes) -> bytes:
    """The same pcapng file without its Decryption Secrets Blocks."""
    return b"".join(block for kind, block in blocks(octets) if kind != SECRETS)
