"""The conversation table: numbers, capacity, reused ports, Zeek's states, Community ID."""
from __future__ import annotations

import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcap_bytes import packet_of

from analyzer.flows.flow import TcpFlow
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.summary import community_id, completeness, conn_state, conversation_of
from analyzer.flows.table import FlowTable
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN

UNRECORDED = 0


def table_of(capacity: int = 1000) -> tuple[FlowTable, Keeper]:
    """A table, and what keeps everything that leaves it, in that order."""
    sink = Keeper(KEEP_ALL)
    return FlowTable(capacity, UNRECORDED, False, sink), sink


def feed(table: FlowTable, frame: int, ports: tuple[int, int], flags: int, seq: int, ack: int, length: int = 0,
         scope: bytes = b"", backward: bool = False) -> TcpFlow | None:
    addresses = [b"\x0a\0\0\1", b"\x0a\0\0\2"]
    if backward:
        addresses.reverse()
        ports = ports[::-1]
    data = b"".join(addresses) + ports[0].to_bytes(2) + ports[1].to_bytes(2) + seq.to_bytes(4) + ack.to_bytes(4) \
        + bytes((0x50, flags)) + (1000).to_bytes(2) + bytes(4)
    table.tcp(packet_of(data, frame, length, scope))
    return None if table.half is None else table.half.flow


segments = st.tuples(
    st.integers(0, 5), st.sampled_from([ACK, ACK, SYN, SYN | ACK, ACK | FIN, RST]), st.integers(0, 3), st.booleans(),
    st.sampled_from([b"", b"", b"vlan 5"]),
)


@given(st.lists(segments, max_size=80), st.integers(1, 4))
def test_every_segment_is_counted_once(script: list[tuple[int, int, int, bool, bytes]], capacity: int) -> None:
    """Numbers count up from 1, the capacity holds, and every conversation leaves once with all its frames."""
    table, sink = table_of(capacity)
    for frame, (host, flags, seq, backward, scope) in enumerate(script, 1):
        flow = feed(table, frame, (40_000 + host, 80), flags, 1000 + seq, 1, 10, scope, backward)
        assert flow is not None
        assert flow.last_frame == frame
        assert len(table.tcp_keys) <= 2 * capacity + 2
    table.finish()
    assert sorted(int(flow.number) for flow in sink.all) == list(range(1, int(table.numbers) + 1))
    assert sum(sum(conversation_of(flow).frames) for flow in sink.all) == len(script)
    assert not table.tcp_keys


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60), st.integers(1, 3))
def test_datagrams_likewise(script: list[tuple[int, bool]], capacity: int) -> None:
    table, sink = table_of(capacity)
    for frame, (host, backward) in enumerate(script, 1):
        key = b"\x0a\0\0\1\x0a\0\0\2" + (5000 + host).to_bytes(2) + b"\0\x35"
        other = b"\x0a\0\0\2\x0a\0\0\1" + b"\0\x35" + (5000 + host).to_bytes(2)
        data = other if backward else key
        table.udp(packet_of(data, frame, 26))
        assert len(table.other_keys) <= 2 * capacity + 2
    table.finish()
    assert len(sink.all) == table.numbers
    assert Counter(flow.number for flow in sink.all).most_common(1)[0:1] == (
        [] if not script else [(sink.all[0].number, 1)]
    )
    assert sum(sum(conversation_of(flow).frames) for flow in sink.all) == len(script)


@pytest.mark.parametrize("flags", [SYN, SYN | ACK, ACK])
def test_hosts_that_talk_to_themselves_make_room_too(flags: int) -> None:
    """Equal addresses and ports on both sides: both directions share one key, and the capacity holds all the same."""
    table, sink = table_of(4)
    for frame in range(1, 101):
        address = b"\x0a\0\0" + bytes((frame,))
        data = address * 2 + (8080).to_bytes(2) * 2 + bytes(8) + bytes((0x50, flags)) + bytes(6)
        table.tcp(packet_of(data, frame))
        assert len(table.tcp_keys) <= 10
    table.finish()
    assert sorted(int(flow.number) for flow in sink.all) == list(range(1, 101))


def test_a_new_syn_on_old_ports_is_a_new_conversation() -> None:
    table, sink = table_of()
    first = feed(table, 1, (40_000, 80), SYN, 1000, 0)
    feed(table, 2, (40_000, 80), SYN | ACK, 5000, 1001, backward=True)
    again = feed(table, 3, (40_000, 80), SYN, 1000, 0)
    fresh = feed(table, 4, (40_000, 80), SYN, 900_000, 0)
    assert first is again
    assert fresh is not None
    assert fresh is not first
    assert fresh.reused
    assert [int(flow.number) for flow in sink.all] == [1]
    assert fresh.number == 2


def test_scopes_keep_equal_addresses_apart() -> None:
    table, _sink = table_of()
    scopes = (b"", b"5", b"6")
    flows = [feed(table, frame, (40_000, 80), ACK, 1, 1, scope=scope) for frame, scope in enumerate(scopes, 1)]
    assert len({id(flow) for flow in flows}) == 3


def test_an_answer_belongs_to_its_question() -> None:
    table, _sink = table_of()
    asked = feed(table, 1, (40_000, 80), SYN, 1, 0)
    answered = feed(table, 2, (40_000, 80), SYN | ACK, 1, 2, backward=True)
    assert asked is answered


S, SA, A, F, R = SYN, SYN | ACK, ACK, ACK | FIN, RST | ACK
FORTH, BACK = False, True

# Zeek's conn_state, as its documentation of conn.log defines each (base/protocols/conn/main.zeek).
STATES = [
    ("S0", [(FORTH, S)]),
    ("S1", [(FORTH, S), (BACK, SA), (FORTH, A)]),
    ("SF", [(FORTH, S), (BACK, SA), (FORTH, A), (FORTH, F), (BACK, F), (FORTH, A)]),
    ("REJ", [(FORTH, S), (BACK, R)]),
    ("S2", [(FORTH, S), (BACK, SA), (FORTH, A), (FORTH, F), (BACK, A)]),
    ("S3", [(FORTH, S), (BACK, SA), (FORTH, A), (BACK, F), (FORTH, A)]),
    ("RSTO", [(FORTH, S), (BACK, SA), (FORTH, A), (FORTH, R)]),
    ("RSTR", [(FORTH, S), (BACK, SA), (FORTH, A), (BACK, R)]),
    ("RSTOS0", [(FORTH, S), (FORTH, R)]),
    ("RSTRH", [(BACK, SA), (BACK, R)]),
    ("SH", [(FORTH, S), (FORTH, F)]),
    ("SHR", [(BACK, SA), (BACK, F)]),
    ("OTH", [(FORTH, A), (BACK, A)]),
]


def test_a_reset_that_both_sides_outlive_is_not_the_state_of_the_connection() -> None:
    """RFC 5961 §3.2: it is answered with an ACK, and the connection goes on."""
    table, _sink = table_of()
    for frame, (backward, flags, seq, ack) in enumerate([(False, S, 1000, 0), (True, SA, 5000, 1001)], 1):
        feed(table, frame, (40_000, 80), flags, seq, ack, backward=backward)
    feed(table, 3, (40_000, 80), A, 1001, 5001)
    feed(table, 4, (40_000, 80), RST, 7001, 0)
    feed(table, 5, (40_000, 80), A, 5001, 1001, backward=True)
    flow = feed(table, 6, (40_000, 80), A, 1001, 5001, 3)
    assert flow is not None
    assert conn_state(flow) == "RSTO"
    feed(table, 7, (40_000, 80), A, 5001, 1004, 6, backward=True)
    feed(table, 8, (40_000, 80), A, 1004, 5007)
    assert conn_state(flow) == "S1"
    feed(table, 9, (40_000, 80), R, 5007, 1004, backward=True)
    assert conn_state(flow) == "RSTR"


@pytest.mark.parametrize(("state", "script"), STATES, ids=[state for state, _script in STATES])
def test_states_of_zeek(state: str, script: list[tuple[bool, int]]) -> None:
    table, _sink = table_of()
    numbers = [1000, 5000]
    flow: TcpFlow | None = None
    for frame, (backward, flags) in enumerate(script, 1):
        seq, ack = numbers[backward], numbers[not backward]
        flow = feed(table, frame, (40_000, 80), flags, seq, ack if flags & ACK else 0, backward=backward)
        numbers[backward] += 1 if flags & (SYN | FIN) else 0
    assert flow is not None
    assert conn_state(flow) == state
    assert conversation_of(flow).originator.port == 40_000


def test_completeness_counts_as_wireshark_does() -> None:
    """1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST (tcp.completeness)."""
    table, _sink = table_of()
    flow = feed(table, 1, (40_000, 80), S, 0, 0)
    assert flow is not None
    seen = [completeness(flow)]
    for frame, (backward, flags, seq, ack, length) in enumerate(
        [(BACK, SA, 0, 1, 0), (FORTH, A, 1, 1, 0), (FORTH, A, 1, 1, 10), (FORTH, F, 11, 1, 0), (BACK, R, 1, 12, 0)], 2
    ):
        feed(table, frame, (40_000, 80), flags, seq, ack, length, backward=backward)
        seen.append(completeness(flow))
    assert seen == [1, 3, 7, 15, 31, 63]


# The values that the reference implementation publishes for its own captures and in its documentation.
COMMUNITY = [
    (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    (6, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM="),
    (17, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="),
]


@pytest.mark.parametrize(("protocol", "source", "destination", "sport", "dport", "expected"), COMMUNITY)
def test_community_id(protocol: int, source: str, destination: str, sport: int, dport: int, expected: str) -> None:
    a, b = (socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
            for text in (source, destination))
    assert community_id(protocol, a, b, sport, dport) == expected
    assert community_id(protocol, b, a, dport, sport) == expected
