"""Servers of time that are silent, wrong, or differ; and clients whose stamps are chance."""
from __future__ import annotations

import os
import struct
from pathlib import Path
from random import Random

import pytest
from crowd import MS, SECOND, START, Crowd
from test_survey_and_tell import udp

from analyzer.model import Analysis, Finding
from analyzer.pipeline.run import Options, analyze

CLIENT = "10.0.0.9"
ONE, OTHER = "198.51.100.1", "198.51.100.2"


def stamp(time: int) -> bytes:
    seconds, rest = divmod(time, SECOND)
    return struct.pack(">II", seconds + 2_208_988_800, (rest << 32) // SECOND)


def asks(made: Crowd, at: int, server: str, said: bytes, ahead: int | None = 0, port: int = 40_000) -> None:
    """A request, and its answer 20 ms later of a server whose clock is so far ahead; None: none."""
    made.frames.append((at, udp(CLIENT, port, server, 123, b"\x23" + bytes(39) + said)))
    if ahead is not None:
        time = stamp(at + 10 * MS + ahead)
        answer = b"\x24\x02\x06\xe9" + bytes(8) + b"\x0a\0\0\1" + bytes(8) + said + time + time
        made.frames.append((at + 20 * MS, udp(server, 123, CLIENT, port, answer)))


def found(made: Crowd, path: Path, *codes: str) -> list[Finding]:
    analysis: Analysis = analyze([made.write(path / "made.pcap")], Options())
    return [one for one in analysis.findings if one.code in codes]


@pytest.fixture
def made() -> Crowd:
    crowd = Crowd(1, 60, 5)
    crowd.sound(5)
    return crowd


def test_a_silent_server_is_told_once(made: Crowd, tmp_path: Path) -> None:
    for number in range(9):
        asks(made, START + number * 5 * SECOND, ONE, os.urandom(8), None, 40_000 + number)
        asks(made, START + number * 5 * SECOND, OTHER, os.urandom(8), 0, 41_000 + number)
    finding, = found(made, tmp_path, "ntp.unanswered", "udp.unanswered")
    assert finding.sentence == f"{ONE} did not answer 9 requests of {CLIENT} for the time."
    assert finding.severity == "warn"


def test_one_request_that_is_lost_is_a_note(made: Crowd, tmp_path: Path) -> None:
    for number in range(4):
        asks(made, START + number * 5 * SECOND, ONE, os.urandom(8), None if number == 1 else 0, 40_000 + number)
    finding, = found(made, tmp_path, "ntp.unanswered", "udp.unanswered")
    assert finding.severity == "note"
    assert "; 3 others had one" in finding.sentence


@pytest.mark.parametrize(("ahead", "says"), [(5 * SECOND, True), (60 * MS, False)])
def test_two_servers_that_differ(made: Crowd, tmp_path: Path, ahead: int, says: bool) -> None:
    for number in range(3):
        asks(made, START + number * 5 * SECOND, ONE, os.urandom(8), 0, 40_000 + number)
        asks(made, START + number * 5 * SECOND, OTHER, os.urandom(8), ahead, 41_000 + number)
    sentences = [one.sentence for one in found(made, tmp_path, "ntp.servers_differ")]
    assert [one[:50] for one in sentences] == ([f"The clocks of {ONE} and {OTHER}, which"[:50]] if says else [])


def test_a_client_with_a_wrong_clock(made: Crowd, tmp_path: Path) -> None:
    for number in range(3):
        at = START + number * 5 * SECOND
        asks(made, at, ONE, stamp(at - 40 * SECOND), 0, 40_000 + number)
    finding, = found(made, tmp_path, "ntp.clock_off")
    assert finding.sentence.startswith(f"The clock of {CLIENT} is 40.0 s behind that of {ONE}")


def test_stamps_of_chance_are_no_clock(made: Crowd, tmp_path: Path) -> None:
    chance = Random(3)
    for number in range(9):
        asks(made, START + number * 5 * SECOND, ONE, chance.randbytes(8), 0, 40_000 + number)
    assert found(made, tmp_path, "ntp.clock_off", "ntp.servers_differ", "ntp.unanswered") == []
