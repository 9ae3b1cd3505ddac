"""Conversations begin, end, are forgotten and begin again in any order; whatever leads to one that is gone is a fault.

Every sequence is read in each way that there is: the two looks at a file, `frames`, and a live capture with its
sweeps of idle conversations. Tables hold three conversations, so that almost every frame makes room.
"""
from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_feeds import START, Fed
from pcap_bytes import ethernet, ipv4, tcp, udp

from analyzer.flows.flow import Flow, TcpFlow
from analyzer.flows.idle import idle_flows
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.flows.summary import conversation_of
from analyzer.flows.table import FlowTable
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.live import Budgets, LiveAnalysis
from analyzer.pipeline.survey import Survey
from dissectors.kit.provided import Provided
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN
from dissectors.registry import protocols

A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"
BACKWARD = 1
PLAIN, VLAN_5, VLAN_6, VXLAN_7, VXLAN_8 = range(5)
SECOND = 1_000_000_000
LAPSES = (1_000_000, 1_000_000, 1_000_000, 70 * SECOND, 130 * SECOND, 4 * 3600 * SECOND)
CAPACITIES = (1, 3, 20)
THOROUGH = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def scoped(packet: bytes, scope: int) -> bytes:
    """The IPv4 packet in an Ethernet frame, a VLAN, or VXLAN (RFC 7348 §5)."""
    if scope in (VLAN_5, VLAN_6):
        return ethernet((4 + scope).to_bytes(2) + b"\x08\0" + packet, 0x8100)
    if scope in (VXLAN_7, VXLAN_8):
        header = b"\x08\0\0\0" + scope.to_bytes(3) + b"\0"
        return ethernet(ipv4(udp(header + ethernet(packet), 40_000, 4789), 17, b"\x0a\1\0\1", b"\x0a\1\0\2"))
    return ethernet(packet)


def segment(port: int, backward: int, flags: int, seq: int, ack: int, size: int) -> bytes:
    ports = (80, 40_000 + port) if backward else (40_000 + port, 80)
    ends = (B, A) if backward else (A, B)
    return ipv4(tcp(b"x" * size, *ports, seq, ack, flags), 6, *ends)


def datagram(port: int, backward: int) -> bytes:
    ports = (53, 40_000 + port) if backward else (40_000 + port, 53)
    return ipv4(udp(b"\0" * 12, *ports), 17, *((B, A) if backward else (A, B)))


def unreachable(quoted: bytes) -> bytes:
    """ICMP destination unreachable with the packet that it is about (RFC 792)."""
    return ipv4(b"\x03\x03\0\0\0\0\0\0" + quoted[:28], 1, B, A)


segments = st.builds(
    segment, st.integers(0, 2), st.integers(0, 1),
    st.sampled_from([SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK | FIN, RST, RST | ACK]),
    st.sampled_from([100, 101, 5000, 5001, 0xFFFFFFFF]), st.sampled_from([0, 101, 5001, 1 << 30]),
    st.sampled_from([0, 0, 10]),
)
packets = st.one_of(
    segments, segments, segments, st.builds(datagram, st.integers(0, 4), st.integers(0, 1)),
    st.builds(unreachable, segments), st.builds(unreachable, st.builds(datagram, st.integers(0, 4), st.integers(0, 1))),
)
scripts = st.lists(
    st.tuples(packets, st.sampled_from([PLAIN, PLAIN, VLAN_5, VLAN_6, VXLAN_7, VXLAN_8]), st.sampled_from(LAPSES)),
    max_size=40,
)
Script = list[tuple[bytes, int, int]]


def source_of(script: Script) -> Fed:
    frames = []
    time = START
    for packet, scope, lapse in script:
        time += lapse
        frames.append((time, scoped(packet, scope)))
    return Fed(frames)


def holds(table: FlowTable) -> None:
    """One owner: every key leads to a conversation that is there, and each conversation is found by its keys only."""
    keys: Counter[int] = Counter()
    for key, half in table.tcp_keys.items():
        flow = half.flow
        assert isinstance(flow, TcpFlow)
        assert not flow.retired
        assert half.peer.flow is flow
        assert key in (flow.forward, flow.backward, flow.alias) or flow.alias
        keys[int(flow.number)] += 1
    for number, count in keys.items():
        assert count <= 4, f"conversation {number} has {count} keys"
    for key in table.half_seen.values():
        assert key in table.tcp_keys
    for key, other in table.other_keys.items():
        assert not other.flow.retired
        assert key in (other.flow.forward, other.flow.backward)


@THOROUGH
@given(scripts, st.sampled_from(CAPACITIES))
def test_each_frame_belongs_to_one_conversation_that_leaves_once(script: Script, capacity: int) -> None:
    keeper = Keeper(KEEP_ALL)
    survey = Survey(source_of(script), keeper, NameBook(protocols()), capacity, 10)
    survey.endless = True
    for _frame in script:
        survey.step(1)
        holds(survey.table)
    survey.finish()
    assert survey.faults.sentences() == []
    assert [int(flow.number) for flow in sorted(keeper.all, key=number_of)] == list(range(1, keeper.count + 1))
    assert sum(sum(conversation_of(flow).frames) for flow in keeper.all) == len(script)
    keeper.forget()


@THOROUGH
@given(scripts, st.sampled_from(CAPACITIES), st.sampled_from([0, 1, 5]))
def test_a_live_capture_lets_idle_conversations_go(script: Script, capacity: int, pause: int) -> None:
    """With silence after some frames, in which time goes on."""
    budgets = Budgets(conversations=10, events_each=50, events=200, held_bytes=1 << 16, counted=capacity)
    live = LiveAnalysis(source_of(script), protocols(), Provided(), budgets)
    for index in range(len(script)):
        live.step(1)
        if pause and index % pause == 0:
            live.sweep(live.now + 5 * 3600 * SECOND)
        holds(live.survey.table)
    live.finish()
    assert live.survey.faults.sentences() == []
    assert live.sink.count == live.survey.table.numbers
    assert not live.tellers


@THOROUGH
@given(scripts)
def test_every_frame_has_its_line(script: Script) -> None:
    lines = FrameLines(source_of(script), protocols())
    lines.table.capacity = 3
    rows = []
    while block := lines.block():
        rows += [json.loads(line) for line in block.splitlines()]
    assert lines.faults.sentences() == []
    assert [row["frame"] for row in rows] == list(range(1, len(script) + 1))


@pytest.mark.parametrize("capacity", CAPACITIES)
@pytest.mark.parametrize("scope", [VLAN_5, VXLAN_7])
def test_a_connection_that_gave_its_ports_away_is_not_found_by_another_scope(scope: int, capacity: int) -> None:
    """A SYN-ACK, a SYN of another connection on the same ports, and an ACK that comes by another way."""
    script = [
        (segment(0, BACKWARD, SYN | ACK, 5000, 101, 0), scope, 1), (segment(0, 0, SYN, 100, 0, 0), scope, 1),
        (segment(0, 0, ACK, 101, 5001, 0), scope + 1, 1),
    ]
    source = source_of(script)
    survey = Survey(source, Keeper(KEEP_ALL), NameBook(protocols()), capacity, 10)
    while survey.step():
        pass
    assert survey.faults.sentences() == []
    assert survey.keeper.count == survey.table.numbers


def test_silence_after_two_frames() -> None:
    """What a sweep lets go is forgotten under the scope that its other direction never had, too."""
    script = [(segment(0, 0, SYN, 100, 0, 0), VLAN_5, 1), (segment(0, 0, SYN, 900, 0, 0), VLAN_5, 1)]
    live = LiveAnalysis(source_of(script), protocols(), Provided(), Budgets())
    live.step(10)
    live.sweep(live.now + 10 * 3600 * SECOND)
    assert not live.survey.table.half_seen
    assert not idle_flows(live.survey.table, live.now)
    live.finish()
    assert live.survey.faults.sentences() == []


def test_many_ports_given_away_cost_the_same_each() -> None:
    """A connection under two scopes is taken out by its keys, without a look at all others."""
    keeper = Keeper(1)
    script: Script = []
    for index in range(300):
        script += [(segment(0, 0, SYN, 100 + 1000 * index, 0, 0), VLAN_5, 1),
                   (segment(0, BACKWARD, SYN | ACK, 7, 101 + 1000 * index, 0), VLAN_6, 1)]
    survey = Survey(source_of(script), keeper, NameBook(protocols()), 1000, 0)
    survey.endless = True
    survey.step()
    assert survey.table.numbers == 300
    assert len(survey.table.tcp_keys) == 4
    assert len(survey.table.half_seen) <= 1
    survey.finish()
    assert survey.faults.sentences() == []


def number_of(flow: Flow) -> int:
    return int(flow.number)
