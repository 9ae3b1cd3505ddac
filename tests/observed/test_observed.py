"""Whoever observes the same traffic less well must not hear of warnings and errors that it does not hold.

`python -m tests.observed` tells what is wrong, and of which captures. What is known to be wrong stands in open.tsv and
may only leave it; what does follow from the worse capture stands in exceptions.tsv, with its reason.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from examine import captures_in, examined, name_of
from sample_feeds import sample_captures
from tables import EXCEPTIONS, OPEN, OPEN_CORPUS, Settled, rows
from ways import WAYS

EVERY = 4       # of the captures of a corpus one in so many; the command examines them all


def corpus() -> list[Path]:
    """Chosen by their names, so that it is the same ones whatever else the folder holds."""
    named = os.environ.get("WIRETALE_CORPUS", "")
    found = captures_in(Path(named).resolve()) if named else []
    return [path for path in found if crc32(name_of(path).encode()) % EVERY == 0]


@pytest.fixture(scope="module")
def of_samples(request: pytest.FixtureRequest) -> Iterator[Settled]:
    yield from settled(OPEN, request)


@pytest.fixture(scope="module")
def of_corpus(request: pytest.FixtureRequest) -> Iterator[Settled]:
    yield from settled(OPEN_CORPUS, request)


def settled(path: Path, request: pytest.FixtureRequest) -> Iterator[Settled]:
    """What is known to be wrong; with --write-open it is written at the end."""
    found = Settled(path, request.config.getoption("--write-open"))
    yield found
    found.write()


def hold(way: str, path: Path, known: Settled) -> list[str]:
    """What is not as the tables say: false claims that are new, and rows that are no longer true."""
    wrong = examined(way, path)
    return [] if wrong is None else known.differ(name_of(path), way, wrong)


@pytest.mark.parametrize("path", sample_captures(), ids=name_of)
def test_a_sample_observed_less_well_claims_nothing_more(path: Path, of_samples: Settled) -> None:
    assert [each for way in WAYS for each in hold(way, path, of_samples)] == []


@pytest.mark.slow(reason="hundreds of captures of other projects, in every way")
@pytest.mark.parametrize("path", corpus() or [None], ids=lambda path: name_of(path) if path else "no corpus")
def test_a_capture_observed_less_well_claims_nothing_more(path: Path | None, of_corpus: Settled) -> None:
    if path is None:
        pytest.skip("WIRETALE_CORPUS names no folder with captures")
    assert [each for way in WAYS for each in hold(way, path, of_corpus)] == []


def test_every_way_changes_what_some_sample_shows() -> None:
    """Else its tests hold for nothing."""
    some = sample_captures()[::9]
    assert [way for way in WAYS if not any(examined(way, path) is not None for path in some)] == []


def test_tables_name_what_there_is() -> None:
    """Each row of exceptions has a reason, and each of both tables a way, and a sample or a capture of a corpus."""
    samples = {name_of(path) for path in sample_captures()}
    excepted, known = rows(EXCEPTIONS), rows(OPEN)
    assert [row for row in excepted if len(row) != 4 or len(row[3]) < 20] == []
    assert [row for row in known if len(row) != 3 or row[0] not in samples] == []
    assert [row for row in excepted if row[0] not in samples and not row[0].partition("/")[2]] == []
    assert {row[1] for row in (*excepted, *known, *rows(OPEN_CORPUS))} - set(WAYS) == set()
    assert {row[:3] for row in excepted} & set(known) == set()
    assert [table.name for table in (OPEN, OPEN_CORPUS, EXCEPTIONS) if len(set(rows(table))) != len(rows(table))] == []
