"""A conversation that is told alone (`-c N`) makes no severe claim that it does not make among all others."""
from __future__ import annotations

from pathlib import Path

import pytest
from claims import Told, unsupported
from sample_feeds import sample_captures

from analyzer.pipeline.run import Options, analyze

MOST = 6        # conversations of a sample that are told alone
GROUPS = ("dns", "http1", "tcp", "tls")     # those with samples of several conversations


def group_of(path: Path) -> str:
    return path.parents[1].name


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_told_alone_is_told_among_others(group: str) -> None:
    tried = 0
    for path in sample_captures():
        whole = analyze([str(path)], Options(everything=True)) if group_of(path) == group else None
        if whole is None or len(whole.conversations) < 2:
            continue
        better = Told(whole)
        for conversation in whole.conversations[:MOST]:
            alone = Told(analyze([str(path)], Options(conversations=(conversation.number,))))
            assert not unsupported(better, alone), (path.parent.name, conversation.number)
            tried += 1
    assert tried
