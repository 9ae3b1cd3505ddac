"""What events say that they identify is what `--anonymize` replaces: nothing of it is left in any format."""
from __future__ import annotations

import json
import re

import pytest
from sample_feeds import SAMPLES, sample_captures
from test_report_html import data_of

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import FORMATS, Layout
from analyzer.report.pseudonyms import COMMON, KEPT_LABELS, KEPT_NAMES, LEAST_LITERAL, LEAST_NAME, REVERSE
from dissectors.kit.event import Event
from dissectors.kit.identity import HOST, KINDS, PARTY, Identity

FOLDERS = sorted({capture.parent.parent.name for capture in sample_captures()})


def identities(analysis: Analysis) -> set[Identity]:
    found = {one for lookup in analysis.lookups for one in lookup.identifies()}
    return found | {one for event in events_of(analysis) for one in event.identifies()}


def events_of(analysis: Analysis) -> list[Event]:
    return [event for told in analysis.told for phase in told.phases for event in phase.events]


def kept(kind: str, text: str) -> bool:
    """What stays, for it names nobody: top-level domains, services, `localhost`, what is too short to be found."""
    lower = text.lower().strip(".")
    if kind == HOST:
        labels = lower.split(".")
        named = [label for label in labels[:-1] if not label.startswith("_") and label not in KEPT_LABELS]
        if len(labels) == 1:
            return lower in KEPT_LABELS | KEPT_NAMES | COMMON or len(lower) < LEAST_NAME
        return not named or lower in KEPT_NAMES or labels[-1].isdigit() or labels[-2:] in REVERSE
    return len(text) < LEAST_LITERAL


def parts(kind: str, text: str) -> list[str]:
    """A distinguished name is replaced part by part."""
    return re.findall(r"=((?:\\.|[^,+\\])*)", text) or [text] if kind == PARTY else [text.strip(".")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_identity_is_left_in_any_format(folder: str) -> None:
    named, may_name = 0, False
    for capture in sorted((SAMPLES / folder).glob("*/capture.pcapng")):
        analysis = analyze([str(capture)], Options())
        found = identities(analysis)
        own = [event for event in events_of(analysis) if event.name.startswith(f"{folder}.")]
        may_name = may_name or any(type(event).identifies is not Event.identifies for event in own)
        assert {kind for kind, _text in found} <= set(KINDS)
        wanted = {
            part for kind, text in found if not kept(kind, text)
            for part in parts(kind, text) if len(part) >= LEAST_LITERAL or kind == HOST
        }
        named += len(wanted)
        layout = Layout("teach", anonymous=True)
        for form in FORMATS:
            if form.packets or form.name == "parquet":
                continue
            shown = b"".join(form.write(analysis, layout)).decode()
            if form.name == "html":
                head = re.sub(r"<(style|script)\b.*?</\1>", "", shown, flags=re.DOTALL)
                shown = head + json.dumps(data_of(shown))
            for original in wanted:
                left = re.search(rf"(?i)(?<![\w.\\-]){re.escape(original)}(?![\w-]|\.\w)", shown)
                assert left is None, (capture, form.name, original, shown[max(left.start() - 80, 0):left.end() + 40])
    assert named or not may_name, "nothing to look for"
