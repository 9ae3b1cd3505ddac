"""Times as extreme as a capture can have them: no machine integer leaves its range, so both speeds say the same."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import mypy_extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcap_bytes import ethernet, ipv4, packet_of, tcp
from sample_feeds import SAMPLES, sample_captures, sample_name

from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.summary import conversation_of
from analyzer.flows.table import FlowTable
from analyzer.ingest import pcapng
from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import MAX_TIME, Interface
from analyzer.model import Analysis, Conversation
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import FORMATS, Layout
from dissectors.kit import event
from dissectors.kit.event import DissectorFault
from dissectors.protocols.tcp.flags import ACK, FIN, SYN
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.limits import LimitWatch
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.windows import WindowWatch

LIMIT = 1 << 63
NOW = 1_700_000_000_000_000_000
TIMES = (0, 1, NOW, NOW + 1, NOW + 20_000_000, MAX_TIME // 2, MAX_TIME - 1, MAX_TIME)
NO_TIME = (1 << 64) - 1
INTERPRETED = (event.__file__ or "").endswith(".py")
SMALL = 60_000     # bytes of a sample that is told anew
WRITERS = {form.name: form.write for form in FORMATS if not form.packets and form.name != "parquet"}


class Watched(int):
    """A machine integer that fails where its arithmetic would wrap."""


def watched(name: str) -> Callable[[int, Any], Any]:
    plain = getattr(int, name)

    def operate(left: int, right: Any) -> Any:
        found = plain(left, right)
        if type(found) is not int:
            return found
        assert -LIMIT <= found < LIMIT, f"{left} {name} {right} is no machine integer"
        return Watched(found)
    return operate


for _name in ("add", "sub", "mul", "floordiv"):
    for _side in ("__", "__r"):
        setattr(Watched, f"{_side}{_name}__", watched(f"{_side}{_name}__"))
setattr(Watched, "__neg__", lambda number: Watched(-int(number)))     # noqa: B010


@pytest.fixture
def machine_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch)


def watch(patch: pytest.MonkeyPatch) -> None:
    """Every time of a capture, and what is reckoned from it as i64, is watched. Compiled code wraps by itself."""
    if not INTERPRETED:
        return
    read = pcapng.PcapngSource.next

    def read_watched(source: pcapng.PcapngSource) -> bool:
        more = read(source)
        source.time = Watched(source.time)
        return more

    patch.setattr(pcapng.PcapngSource, "next", read_watched)
    patch.setattr(
        mypy_extensions.i64, "__new__", lambda _kind, value=0: value if type(value) is Watched else int(value)
    )


def written(frames: list[tuple[int, bytes]], link: int = 1) -> bytes:
    """A capture of these (time, bytes)."""
    out = ng.section("", "", []) + ng.interface(Interface(link, 0))
    for time, data in frames:
        size = len(data).to_bytes(4, "little")
        halves = (time >> 32).to_bytes(4, "little") + (time & 0xFFFFFFFF).to_bytes(4, "little")
        out += ng.block(6, bytes(4) + halves + size + size + data + bytes(-len(data) % 4))
    return out


def retimed(capture: Path, random: Random) -> bytes:
    source = open_capture([str(capture)])
    frames = []
    link = 1
    while source.next():
        link = int(source.link)
        frames.append((random.choice((*TIMES, NO_TIME)), source.data[source.start:source.end]))
    source.close()
    return written(frames, link)


def check(analysis: Analysis) -> None:
    for told in analysis.told:
        for phase in told.phases:
            for one in phase.events:
                assert not isinstance(one, DissectorFault), one.error
                assert -1 <= one.time <= MAX_TIME
                json.dumps(one.fields(), allow_nan=False)
    for write in WRITERS.values():
        assert b"".join(write(analysis, Layout("teach")))


@pytest.mark.parametrize(
    "capture", [one for one in sample_captures() if one.stat().st_size < SMALL], ids=sample_name
)
def test_no_sample_leaves_the_range(capture: Path, tmp_path: Path, machine_integers: None) -> None:
    path = tmp_path / "capture.pcapng"
    path.write_bytes(retimed(capture, Random(sample_name(capture))))
    check(analyze([str(path)], Options(graphs=True)))


steps = st.tuples(
    st.sampled_from((*TIMES, NO_TIME)), st.booleans(), st.sampled_from([ACK, ACK, ACK, SYN, SYN | ACK, ACK | FIN]),
    st.integers(0, 3), st.integers(0, 3), st.sampled_from([0, 1, 1000]), st.sampled_from([0, 0, 1000, 65_535]),
)


@given(st.lists(steps, min_size=3, max_size=40))
def test_no_connection_leaves_the_range(tmp_path_factory: pytest.TempPathFactory, script: list[Any]) -> None:
    frames = []
    for time, backward, flags, seq, ack, length, window in script:
        step = -1 if backward else 1
        segment = tcp(bytes(length), *(40_000, 80)[::step], 1000 + seq * 1000, 1000 + ack * 1000, flags, window)
        frames.append((time, ethernet(ipv4(segment, 6, *(b"\x0a\0\0\1", b"\x0a\0\0\2")[::step]))))
    path = tmp_path_factory.mktemp("times") / "capture.pcapng"
    path.write_bytes(written(frames))
    with pytest.MonkeyPatch.context() as patch:
        watch(patch)
        check(analyze([str(path)], Options(graphs=True)))


def conversation(times: list[int], windows: list[int]) -> Conversation:
    """A byte and its ACK at these times, in turn; the ACK says this window."""
    sink = Keeper(KEEP_ALL)
    table = FlowTable(10, 0, False, sink)
    seq = 1000
    for number, (time, window) in enumerate(zip(times, windows, strict=True)):
        sender = number % 2 == 0
        data = b"\x0a\0\0\1\x0a\0\0\2\x9c\x40\0\x50" if sender else b"\x0a\0\0\2\x0a\0\0\1\0\x50\x9c\x40"
        seq += sender
        head = (seq - 1 if sender else 1).to_bytes(4) + (1 if sender else seq).to_bytes(4) + bytes((0x50, ACK))
        data += head + window.to_bytes(2) + bytes(4)
        packet = packet_of(data, number + 1, int(sender))
        packet.time = time
        table.tcp(packet)
    table.finish()
    return conversation_of(sink.all[0])


@given(st.lists(st.tuples(st.sampled_from(TIMES), st.sampled_from(TIMES)), min_size=1, max_size=12))
def test_sums_over_frames_are_exact(pairs: list[tuple[int, int]]) -> None:
    tcp_ = conversation([time for pair in pairs for time in pair], [1000] * (2 * len(pairs))).tcp
    assert tcp_ is not None
    assert tcp_.rtt_samples[0] == len(pairs)
    assert tcp_.rtt_sum_ns[0] == sum(answered - sent for sent, answered in pairs)
    assert tcp_.rtt_max_ns[0] == max(-1, *(answered - sent for sent, answered in pairs))


def test_sums_go_beyond_a_machine_integer() -> None:
    """Four round trips of a hundred years, and as many closed windows, are more than 64 bits hold."""
    tcp_ = conversation([0, MAX_TIME] * 4, [1000] * 8).tcp
    assert tcp_ is not None
    assert tcp_.rtt_sum_ns[0] == 4 * MAX_TIME
    tcp_ = conversation([0, 0, 0, MAX_TIME] * 4, [1000, 0, 1000, 1000] * 4).tcp
    assert tcp_ is not None
    assert tcp_.zero_window_ns[1] == 4 * MAX_TIME
    window, limit = WindowWatch(0, Ledger()), LimitWatch(TcpDirection(0), Ledger())
    limit.rtt = MAX_TIME
    for number in range(1, 5):
        window.advertise(Segment(number, 0, 0, 16, 0, 0, 1000, 0), TcpDirection(1), [], current=True)
        limit.data(Segment(number, 0, 0, 16, 0, 0, 1000, 100_000), 100_000, congested=False, troubled=False)
        window.advertise(Segment(number, 0, 0, 16, 0, 0, 0, 0), TcpDirection(1), [], current=True)
        window.advertise(Segment(number, MAX_TIME, 0, 16, 0, 0, 1000, 0), TcpDirection(1), [], current=True)
        limit.data(Segment(number, MAX_TIME, 0, 16, 0, 0, 1000, 100_000), 100_000, congested=False, troubled=False)
        limit.pause()
    assert window.closed_ns == 4 * MAX_TIME
    limit.finish([], whole=True)
    assert sum(limit.spent) == 4 * MAX_TIME


def test_the_loss_sample_is_told_with_all_its_times_extreme(tmp_path: Path, machine_integers: None) -> None:
    for seed in range(5):
        path = tmp_path / f"{seed}.pcapng"
        path.write_bytes(retimed(SAMPLES / "tcp" / "loss-fast-retransmit" / "capture.pcapng", Random(seed)))
        check(analyze([str(path)], Options(graphs=True)))
