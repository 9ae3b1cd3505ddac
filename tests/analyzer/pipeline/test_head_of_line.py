"""What a missing segment holds up: which streams and exchanges, each for how long, also where TLS lies between."""
from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline.run import Options, analyze
from dissectors.protocols.http2.events_state import HeadOfLine

SAMPLES = Path(__file__).parents[3] / "samples"
SAID = "1 lost TCP segment held up 2 streams that had nothing in it, though their octets had arrived: "
SENTENCES = {
    "http2/lost-segment": "stream 19 (GET /picture.svg) for 35.3 ms and 21 (GET /note.txt) for 8.66 ms.",
    "http2/lost-segment-tls": "stream 7 (GET /picture.svg) for 8.58 ms and 9 (GET /note.txt) for 2.01 ms.",
    "grpc/lost-segment": "stream 5 (POST /shop.v1.Catalogue/Watch) for 31.6 ms and 3 (POST "
    "/shop.v1.Catalogue/Watch) for 24.4 ms.",
}
# Streams side by side of which nothing waits, and a loss beneath one exchange at a time.
ALIKE = ("http2/multiplexed", "grpc/several-calls", "http2/many-streams", "http2/flow-control-stall")


@pytest.mark.parametrize("sample", SENTENCES)
def test_streams_that_waited_are_named(sample: str) -> None:
    analysis = analyze([str(SAMPLES / sample / "capture.pcapng")], Options())
    said = [finding.sentence for finding in analysis.findings if finding.code == "http2.head_of_line"]
    assert said == [SAID + SENTENCES[sample]]


@pytest.mark.parametrize("sample", ALIKE)
def test_nothing_is_said_where_nothing_waited(sample: str) -> None:
    analysis = analyze([str(SAMPLES / sample / "capture.pcapng")], Options())
    events = [event for told in analysis.told for phase in told.phases for event in phase.events]
    assert not [event for event in events if isinstance(event, HeadOfLine)]
