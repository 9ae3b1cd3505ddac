"""Connections that are opened in a roundabout way, and those that are forgotten meanwhile."""
from __future__ import annotations

from pathlib import Path

import pytest
from wires import ACK, PSH, RST, SYN, A, B, analysed, ether, finding, ip, tcp

MSS = b"\x02\x04\x05\xb4\x04\x02\x01\x01"
FAST_OPEN = MSS + b"\x22\x0a" + b"c" * 8 + b"\x01\x01"
ECN = 0xC0
AGAIN = (1020, 3020, 7020)

Frames = list[tuple[int, bytes]]


def segment(
    side: int, flags: int, seq: int, ack: int, data: bytes = b"", options: bytes = b"", version: int = 4
) -> bytes:
    return ether(ip(side, tcp(side, flags, seq, ack, data, version=version, options=options), 6, version))


def opened(version: int) -> Frames:
    return [(0, segment(A, SYN, 100, 0, options=MSS, version=version)),
            (20, segment(B, SYN | ACK, 500, 101, options=MSS, version=version)),
            (21, segment(A, ACK, 101, 501, version=version))]


def repeated(version: int, ack: int) -> Frames:
    found = []
    for at in AGAIN:
        found += [(at, segment(B, SYN | ACK, 500, 101, options=MSS, version=version)),
                  (at + 1, segment(A, ACK, ack, 501, version=version))]
    return found


def request(at: int, version: int) -> tuple[int, bytes]:
    return at, segment(A, ACK | PSH, 101, 501, b"q" * 50, version=version)


@pytest.mark.parametrize("version", [4, 6])
def test_a_server_that_waits_for_data(tmp_path: Path, version: int) -> None:
    frames = [*opened(version), *repeated(version, 101), request(9000, version),
              (9020, segment(B, ACK, 501, 151, version=version))]
    found = finding(analysed(tmp_path, frames), "tcp.not_accepted")
    assert found is not None
    assert "it waits for data before it opens a connection (deferred accept)" in found.sentence
    assert "accept queue may be full" not in found.sentence
    assert found.severity == "note"
    # Without an answer to the data, nobody knows that it took them.
    found = finding(analysed(tmp_path, frames[:-1]), "tcp.not_accepted")
    assert found is not None
    assert "deferred accept" not in found.sentence


@pytest.mark.parametrize("version", [4, 6])
def test_a_server_without_room_ignores_data(tmp_path: Path, version: int) -> None:
    late = [request(at, version) for at in (22, 250, 650, 1450, 3050, 6250)]
    frames = [*opened(version), *repeated(version, 151), *late]
    found = finding(analysed(tmp_path, sorted(frames)), "tcp.not_accepted")
    assert found is not None
    assert "ignored the data that the client sent meanwhile" in found.sentence
    assert found.severity == "warn"


@pytest.mark.parametrize(("flags", "options", "data", "says"), [
    (SYN | ECN, MSS, b"", "leaves out ECN,"), (SYN, FAST_OPEN, b"", "leaves out Fast Open,"),
    (SYN, FAST_OPEN, b"GET", "leaves out its data and Fast Open,"), (SYN, MSS, b"", ""),
])
def test_what_the_syn_that_was_answered_leaves_out(
    tmp_path: Path, flags: int, options: bytes, data: bytes, says: str
) -> None:
    frames = [(at, segment(A, flags, 100, 0, data, options)) for at in (0, 1000)]
    frames += [(3000, segment(A, SYN, 100, 0, options=MSS)), (3020, segment(B, SYN | ACK, 500, 101, options=MSS)),
               (3021, segment(A, ACK, 101, 501))]
    found = finding(analysed(tmp_path, frames), "tcp.syn_resent")
    assert found is not None
    assert ("leaves out" in found.sentence) == bool(says)
    assert says in found.sentence
    # A SYN that is answered with all of it shows nothing.
    frames[2] = (3000, segment(A, flags, 100, 0, data, options))
    found = finding(analysed(tmp_path, frames), "tcp.syn_resent")
    assert found is not None
    assert "leaves out" not in found.sentence


@pytest.mark.parametrize(("pause", "says"), [(400_000, True), (5_000, False)])
def test_data_after_a_long_silence(tmp_path: Path, pause: int, says: bool) -> None:
    frames = [*opened(4), request(22, 4), (42, segment(B, ACK, 501, 151))]
    frames += [(pause + at, segment(A, ACK | PSH, 151, 501, b"x" * 50)) for at in (0, 250, 650, 1450, 3050, 6250)]
    found = finding(analysed(tmp_path, frames), "tcp.data_unanswered")
    assert found is not None
    assert ("the first after 6 min 39 s in which neither side had sent anything" in found.sentence) == says


@pytest.mark.parametrize(("pause", "says"), [(400_000, True), (5_000, False)])
def test_a_reset_of_a_machine_that_forgot(tmp_path: Path, pause: int, says: bool) -> None:
    frames = [*opened(4), request(22, 4), (42, segment(B, ACK, 501, 151))]
    frames += [(pause, segment(A, ACK | PSH, 151, 501, b"x" * 50)),
               (pause + 1, ether(ip(B, tcp(B, RST, 501, 0), 6, ttl=255)))]
    found = finding(analysed(tmp_path, frames), "tcp.reset")
    assert found is not None
    assert "another machine sent it" in found.sentence
    assert ("as a machine does that has forgotten the connection" in found.basis) == says
