"""The fast path of the sequence analysis says what the full one and the table of rules say, whatever segments come."""
from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st
from pcap_bytes import packet_of

from analyzer.flows.flow import Retired
from analyzer.flows.table import FlowTable
from dissectors.protocols.tcp.flags import ACK, FIN, PSH, REUSED_PORTS, RST, RULES, SYN, URG, names
from dissectors.protocols.tcp.sequence import after_segment, analyse, analyse_in_detail, note_bases
from dissectors.protocols.tcp.side import Detail, Handshake, TcpSide

MASK = 0xFFFFFFFF
EVERY_BIT = sum(rule.bit for rule in RULES)
# What only the detailed analysis keeps.
DETAIL_ONLY = {"unacked", "flight_from", "flight_to", "flight_stale", "flight_known", "sacked", "sack_blocks"}
SHARED = sorted(set(vars(TcpSide()) if hasattr(TcpSide(), "__dict__") else dir(TcpSide())) - DETAIL_ONLY)
SHARED = [name for name in SHARED if not name.startswith("_")]

FLAGS = [ACK] * 8 + [ACK | PSH] * 4 + [SYN, SYN | ACK, ACK | FIN, RST, RST | ACK, ACK | URG, 0, FIN, SYN | FIN]
steps = st.tuples(
    st.integers(0, 1),                                                          # direction
    st.sampled_from(FLAGS),
    st.sampled_from([0] * 8 + [-1, 1, -10, -100, 100, -1460, 1460, 50_000, -(1 << 31), 1 << 31]),   # seq, from the next
    st.sampled_from([0] * 8 + [-1, 1, -10, 10, -100, 100, 1460, 1 << 31]),      # ack, from what the peer sent
    st.sampled_from([0, 0, 0, 1, 1, 10, 100, 100, 1000, 1460, 65_535]),         # length
    st.sampled_from([0, 1, 100, 1000, 1000, 1000, 64_240, 65_535]),             # window
    st.sampled_from([0, 1, 1_000, 1_000_000, 3_000_000, 20_000_000, 1_000_000_000, -1_000_000]),    # ns later
)
starts = st.tuples(*[st.sampled_from([0, 1, 1000, 0x7FFFFFF0, MASK, MASK - 1500])] * 2)


class Player:
    """Turns steps into segments: numbers relative to what each side has sent so far."""

    def __init__(self, start: tuple[int, int]) -> None:
        self.next = list(start)
        self.time = 1_000_000_000
        self.frame = 0

    def segment(self, step: tuple[int, int, int, int, int, int, int]) -> tuple[int, int, int, int, int, int]:
        direction, flags, ahead, acked, length, window, later = step
        self.time += later
        self.frame += 1
        seq = (self.next[direction] + ahead) & MASK
        ack = (self.next[1 - direction] + acked) & MASK if flags & ACK else 0
        if ahead >= 0:
            self.next[direction] = (seq + length + (1 if flags & (SYN | FIN) else 0)) & MASK
        return direction, flags, seq, ack, length, window


def state(side: TcpSide) -> dict[str, int]:
    return {name: int(getattr(side, name)) for name in SHARED}


PREDICATES = [(rule, tuple(inspect.signature(rule.holds).parameters)) for rule in RULES]


def by_the_table(hand: Handshake, fwd: TcpSide, rev: TcpSide, *segment: int) -> int:
    """The flags of a segment, read off the table row by row."""
    known = dict(zip(("time", "flags", "seq", "ack", "window", "length"), segment, strict=True))
    bits = superseded = 0
    for rule, parameters in PREDICATES:
        given_here = {"hand": hand, "fwd": fwd, "rev": rev, **known}
        if not rule.bit & superseded and rule.holds(*[given_here[name] for name in parameters]):
            bits |= rule.bit
            superseded |= rule.supersedes
    return bits


@given(starts, st.lists(steps, max_size=40), st.sampled_from([-2, -1, 0, 3]))
def test_the_code_says_what_the_table_says(start: tuple[int, int], script: list[tuple[int, ...]], scale: int) -> None:
    player = Player(start)
    sides, hand = (TcpSide(), TcpSide()), Handshake()
    for side in sides:
        side.scale = scale
    for step in script:
        direction, flags, seq, ack, length, window = player.segment(step)  # type: ignore[arg-type]
        fwd, rev = sides[direction], sides[1 - direction]
        note_bases(fwd, rev, flags, seq, ack)
        before = state(fwd), state(rev), hand.initial_rtt
        expected = by_the_table(hand, fwd, rev, player.time, flags, seq, ack, window, length)
        assert (state(fwd), state(rev), hand.initial_rtt) == before, "a predicate has changed the state"
        # Which connection a SYN belongs to is settled before its segment is analysed (`FlowTable`).
        expected &= ~REUSED_PORTS
        said = analyse(hand, fwd, rev, player.frame, player.time, flags, seq, ack, window, length)
        assert said == expected, f"frame {player.frame}: {names(said)}, by the table {names(expected)}"
        after_segment(hand, fwd, player.time, flags)


@given(starts, st.lists(steps, max_size=40), st.sampled_from([-2, -1, 0, 3]))
def test_fast_and_full_say_the_same(start: tuple[int, int], script: list[tuple[int, ...]], scale: int) -> None:
    player = Player(start)
    quick, full = (TcpSide(), TcpSide()), (TcpSide(), TcpSide())
    for side in (*quick, *full):
        side.scale = scale
    hand_quick, hand_full, detail = Handshake(), Handshake(), Detail()
    for step in script:
        direction, flags, seq, ack, length, window = player.segment(step)  # type: ignore[arg-type]
        detail.clear()
        a = analyse(
            hand_quick, quick[direction], quick[1 - direction], player.frame, player.time, flags, seq, ack, window,
            length,
        )
        b = analyse_in_detail(
            hand_full, full[direction], full[1 - direction], player.frame, player.time, flags, seq, ack, window, length,
            detail,
        )
        assert names(a) == names(b), f"frame {player.frame}"
        assert a & ~EVERY_BIT == 0
        after_segment(hand_quick, quick[direction], player.time, flags)
        after_segment(hand_full, full[direction], player.time, flags)
        for index in (0, 1):
            assert state(quick[index]) == state(full[index]), f"after frame {player.frame}, side {index}"


def header(direction: int, flags: int, seq: int, ack: int, window: int, options: bytes) -> bytes:
    """Two IPv4 addresses and a TCP header."""
    addresses = [b"\x0a\0\0\1", b"\x0a\0\0\2"]
    ports = [b"\xc0\x01", b"\0\x50"]
    if direction:
        addresses.reverse()
        ports.reverse()
    return (
        b"".join(addresses) + b"".join(ports) + seq.to_bytes(4) + ack.to_bytes(4)
        + bytes((((20 + len(options)) >> 2) << 4, flags)) + window.to_bytes(2) + bytes(4) + options
    )


OPTIONS = [b"", b"\2\4\5\xb4\1\3\3\7", b"\1\1\1\0", b"\1\1\5\x0a\0\0\0\0\0\0\0\x64", b"\3\3\x20\1", b"\5\xff\0\0"]


@given(starts, st.lists(st.tuples(steps, st.sampled_from(OPTIONS)), max_size=40))
def test_survey_and_telling_agree(start: tuple[int, int], script: list[tuple[tuple[int, ...], bytes]]) -> None:
    """The table with and without detail: the same flags, the same conversations, the same counts."""
    player = Player(start)
    tables = (FlowTable(1000, 0, False, Retired()), FlowTable(1000, 0, True, Retired()))
    for step, options in script:
        direction, flags, seq, ack, length, window = player.segment(step)  # type: ignore[arg-type]
        data = header(direction, flags, seq, ack, window, options)
        for table in tables:
            packet = packet_of(data, player.frame, length)
            packet.time = player.time
            table.tcp(packet)
        quick, full = tables
        assert names(quick.bits) == names(full.bits), f"frame {player.frame}"
        assert quick.half is not None
        assert full.half is not None
        assert quick.half.flow.number == full.half.flow.number
        assert quick.half.flow.history == full.half.flow.history
        assert quick.half.flow.marks == full.half.flow.marks
        for mine, other in ((quick.half, full.half), (quick.half.peer, full.half.peer)):
            assert state(mine) == state(other), f"after frame {player.frame}"
            assert (mine.frames, mine.payload, mine.resent) == (other.frames, other.payload, other.resent)
            assert mine.max_in_flight == other.max_in_flight
            assert mine.rtt_samples == other.rtt_samples


@given(starts, st.lists(steps, max_size=60))
def test_details_are_possible(start: tuple[int, int], script: list[tuple[int, ...]]) -> None:
    """Bytes in flight are positive, and what a detail refers to was seen before."""
    player = Player(start)
    sides, hand, detail = (TcpSide(), TcpSide()), Handshake(), Detail()
    for step in script:
        direction, flags, seq, ack, length, window = player.segment(step)  # type: ignore[arg-type]
        detail.clear()
        analyse_in_detail(
            hand, sides[direction], sides[1 - direction], player.frame, player.time, flags, seq, ack, window, length,
            detail,
        )
        assert detail.bytes_in_flight == -1 or 0 < detail.bytes_in_flight < 2_000_000_000
        assert -1 <= detail.acked_frame <= player.frame
        assert -1 <= detail.rto_frame < player.frame
        assert detail.duplicate_number == -1 or detail.duplicate_number > 0
        assert -1 <= detail.duplicate_of < player.frame
