"""A short run of everything that is fuzzed, and whether what fuzzes does what it is for."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path
from random import Random

import pytest
from event_checks import signature
from fuzz_inputs import changed_feed, feed_octets, items_of, recorded, unpacked
from fuzz_mutators import STRUCTURED, http2_made, mutated, qpack_block, read_varint, varint
from fuzz_speeds import both_of, changed, difference
from fuzz_targets import TARGETS, Broken, Target, known_feeds, tried
from sample_feeds import SAMPLES, run

from dissectors.kit.inputs import Datagram

ROOT = Path(__file__).parents[2]
INPUTS = 15  # of each target; of those that read a whole capture a third
SLOW = ("capture", "report")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_few_inputs_of_each(target: Target) -> None:
    random = Random(target.name)
    seeds = target.seeds()
    assert seeds
    for number in range(INPUTS // 3 if target.name in SLOW else INPUTS):
        data = random.choice(seeds)
        for _ in range(number and random.choice((1, 2, 3))):  # the first one as it is
            data = target.change(data, random)
        tried(target, data)


def test_a_conversation_is_read_again_as_it_was() -> None:
    for number, feed in list(enumerate(known_feeds()))[::25]:
        if feed.inner or feed.octets > 20_000 or len(feed.items) > 300:
            continue
        ports = (feed.context.originator_port, feed.context.responder_port)
        again, parts = unpacked(feed_octets(number, feed))
        assert again == number
        items = items_of(parts, ports)
        assert len(items) == len(feed.items)
        if any(isinstance(item, Datagram) for item in items):  # ports of others decide there, and times
            continue
        names = [signature(event)[0] for event in run(feed.router(), items)]
        assert sorted(set(names)) == sorted({event.name for event in run(feed.router(), feed.items)})


@pytest.mark.parametrize("mutator", STRUCTURED, ids=lambda one: one.__name__)
def test_a_mutator_finds_its_structure_in_some_sample(mutator: object) -> None:
    assert callable(mutator)
    found = 0
    for feed in known_feeds()[::3]:
        data = getattr(feed.items[0], "data", b"")
        changed_to = mutator(data, Random(1)) if data else None
        found += changed_to is not None and changed_to != data
    assert found > 3


def test_numbers_of_variable_length_are_read_as_they_are_written() -> None:
    for value in (0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1):
        assert read_varint(varint(value), 0) == (value, len(varint(value)))


def test_chance_is_all_that_decides() -> None:
    seed = feed_octets(0, known_feeds()[0])
    assert [changed_feed(seed, Random(each)) for each in range(9)] == [
        changed_feed(seed, Random(each)) for each in range(9)
    ]
    assert len({mutated(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Random(each)) for each in range(60)}) > 30
    assert len({http2_made(Random(each)) for each in range(60)}) > 20
    assert len({qpack_block(Random(each)) for each in range(60)}) > 30


def failing(_data: bytes) -> None:
    raise ZeroDivisionError("as planned")


def slow(data: bytes) -> None:
    for _ in range(60):
        zlib.compress(data, 9)


def test_a_traceback_and_too_much_time_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Broken, match="ZeroDivisionError: as planned"):
        tried(Target("x", list, mutated, failing), b"")
    monkeypatch.setattr("fuzz_targets.SECONDS", 0.0)
    monkeypatch.setattr("fuzz_targets.EACH", 0.0)
    with pytest.raises(Broken, match=r"of 0\.0 s"):
        tried(Target("x", list, mutated, slow), bytes(100_000))


def test_the_command_tries_what_it_is_told_to_and_an_input_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz"]
    done = subprocess.run(
        [*command, "--minutes", "0.02", "--only", "keylog", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "keylog: " in done.stdout
    assert "0 new faults" in done.stdout
    path = tmp_path / "keylog.x"
    path.write_bytes(b"CLIENT_RANDOM\n")
    done = subprocess.run([*command, "--again", str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "no fault\n")


def test_what_is_compiled_says_what_its_sources_say(tmp_path: Path) -> None:
    try:
        builds = both_of(sys.executable)
    except SystemExit:
        pytest.skip("nothing is compiled here")
    path, random = tmp_path / "capture.pcapng", Random(22)
    try:
        for _ in range(40):
            data = changed(random)
            if data is None:
                continue
            path.write_bytes(data)
            for build in builds:
                build.ask(path)
            assert difference(*(build.answer() for build in builds)) == ""
    finally:
        for build in builds:
            build.end()


def test_a_difference_is_shown_where_it_begins() -> None:
    assert difference({"a": "x"}, {"a": "x"}) == ""
    assert difference({"a": "x" * 500 + "1"}, {"a": "x" * 500 + "2"}).count("\n") == 1
    assert "'2'" in difference({}, {"b": "2"})


def test_frames_of_a_capture_are_written_as_they_were() -> None:
    capture = recorded(SAMPLES / "tcp" / "clean" / "capture.pcapng")
    assert capture.octets().count(capture.frames[0][1]) >= 1
    assert len(capture.frames) > 5
