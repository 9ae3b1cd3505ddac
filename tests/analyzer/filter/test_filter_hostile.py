"""Filters and captures of strangers: what is no filter is refused, and no field of any frame fails."""
from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.filter.errors import FilterError
from analyzer.filter.expression import read_filter
from analyzer.filter.fields import fields
from analyzer.filter.matching import Predicate
from analyzer.filter.view import View
from analyzer.ingest.open import open_capture
from analyzer.pipeline.run import Frames

SAMPLES = Path(__file__).parents[3] / "samples"
KNOWN = fields()
WORDS = st.sampled_from([
    *list(KNOWN)[::9], "==", "!=", "<", ">=", "in", "{", "}", ",", "..", "(", ")", "and", "or", "not", "&&", "!", '"a"',
    "80", "10.0.0.0/8", "::1", "contains", "matches", "~", "any", "all", "lower", "len", "&", "0x12", "1.5", '"[a"',
    'r"\\d"', "é", "\x00", "'", '"', "[", "#",
])


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=9).map(" ".join))
def test_what_is_no_filter_is_refused_with_a_place(text: str) -> None:
    refused: FilterError | None = None
    try:
        read_filter(text)
    except FilterError as error:
        refused = error
    assert refused is None or (0 <= refused.at <= len(text) and len(refused.lines()) in (1, 3))


class Asked(Predicate):
    """Asks every field of every frame."""

    def __init__(self) -> None:
        self.frames = 0

    def holds(self, view: View) -> bool:
        self.frames += 1
        for field in KNOWN.values():
            field.source.values(view)
        return False


@pytest.mark.parametrize(
    "sample", ["link/vxlan", "icmp/unreachable", "tcp/sack-loss-burst", "dhcp/lease", "arp/resolve"]
)
def test_no_field_of_a_damaged_frame_fails(sample: str, tmp_path: Path) -> None:
    chance = random.Random(sample)
    source = open_capture([str(SAMPLES / sample / "capture.pcapng")])
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
    count = 0
    while source.next() and count < 200:
        for _ in range(2):
            frame = bytearray(source.data[int(source.start):int(source.end)])
            for _ in range(chance.randint(0, 4)):
                frame[chance.randrange(min(len(frame), 90))] = chance.randrange(256)
            del frame[chance.choice([len(frame), chance.randint(0, len(frame))]):]
            octets += struct.pack("<IIII", count, 0, len(frame), int(source.length)) + frame
            count += 1
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(octets)
    lines = Frames([str(damaged)], wanted=read_filter("frame"))
    asked = Asked()
    lines.lines.test = asked
    assert b"".join(lines) == b""
    assert (asked.frames, lines.damage) == (count, [])
