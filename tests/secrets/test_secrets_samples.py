"""What we say ourselves is never taken for a secret: in the samples the gate finds nothing beyond what was replaced."""
from __future__ import annotations

from pathlib import Path

import pytest
from sample_feeds import sample_captures, sample_name

from analyzer.pipeline.run import Options, analyze
from dissectors.wire.secrets.gate import Said


@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_the_gate_leaves_our_own_words(capture: Path) -> None:
    for told in analyze([str(capture)], Options(everything=True)).told:
        for phase in told.phases:
            for event in phase.events:
                said = Said(event)
                assert said.label() == event.label()
                assert said.what() == event.what()
                assert said.detail() == event.detail()
                assert said.fields() == event.fields()
                assert said.frame_record() == event.frame_record()
                assert said.phase_title() == event.phase_title()
                assert said.phase_facts() == event.phase_facts()
