"""The TTL (hop limit) of one side's packets, where it changes."""
from __future__ import annotations

from pathlib import Path

import pytest
from wires import ACK, PSH, RST, SYN, A, B, analysed, ether, finding, ip, tcp

from analyzer.model import Finding

CODE = "tcp.path_changed"


def found_of(path: Path, version: int, hops: list[int], copies: bool = False) -> Finding | None:
    """An answer of the server whose segments come with these, the SYN-ACK first."""
    def sent(side: int, flags: int, seq: int, ack: int, data: bytes = b"", ttl: int = 64) -> bytes:
        segment = tcp(side, flags, seq, ack, data, version=version)
        return ether(ip(side, segment, 6, version, ttl=ttl, ident=seq % 65536))

    frames = [(0, sent(A, SYN, 100, 0)), (20, sent(B, SYN | ACK, 500, 101, ttl=hops[0])), (21, sent(A, ACK, 101, 501)),
              (22, sent(A, ACK | PSH, 101, 501, b"q" * 50))]
    for at, ttl in enumerate(hops[1:]):
        frames.append((42 + 2 * at, sent(B, ACK | PSH, 501 + 100 * at, 151, b"r" * 100, ttl)))
        frames.append((43 + 2 * at, sent(A, ACK, 151, 601 + 100 * at)))
    if copies:
        frames += [(time, frame[:22] + bytes((frame[22] - 1,)) + frame[23:]) for time, frame in frames]
        frames.sort(key=lambda one: one[0])
    return finding(analysed(path, frames), CODE)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("hops", "says", "severity"), [
    ([52, 52, 52, 52, 49, 49, 49, 49], "From #11 on segments of the server come with a", "chat"),
    ([64, 52, 52, 52, 52, 52, 52], "The SYN-ACK of the server came with a", "note"),
    ([52, 52, 52, 250, 52, 52, 52], "#9 alone comes with a", "note"),
    ([52, 49, 52, 49, 49, 52, 49], "changes 5 times between 49 and 52", "chat"),
])
def test_changes(tmp_path: Path, version: int, hops: list[int], says: str, severity: str) -> None:
    found = found_of(tmp_path, version, hops)
    assert found is not None
    assert says in found.sentence
    assert ("hop limit" in found.sentence) == (version == 6)
    assert found.severity == severity


def test_no_change_is_no_finding(tmp_path: Path) -> None:
    assert found_of(tmp_path, 4, [52] * 8) is None
    assert found_of(tmp_path, 4, [52, 49]) is None     # too few to say so


def test_two_places_of_the_capture_are_no_change(tmp_path: Path) -> None:
    assert found_of(tmp_path, 4, [52] * 8, copies=True) is None


def test_a_reset_is_judged_by_itself(tmp_path: Path) -> None:
    frames = [(0, ether(ip(A, tcp(A, SYN, 100, 0), 6))), (20, ether(ip(B, tcp(B, SYN | ACK, 500, 101), 6))),
              (21, ether(ip(A, tcp(A, ACK, 101, 501), 6)))]
    frames += [(40 + at, ether(ip(B, tcp(B, ACK, 501 + at, 101, b"x"), 6))) for at in range(6)]
    frames.append((60, ether(ip(B, tcp(B, RST, 507, 0), 6, ttl=250))))
    analysis = analysed(tmp_path, frames)
    assert finding(analysis, "tcp.reset") is not None
    assert finding(analysis, CODE) is None
