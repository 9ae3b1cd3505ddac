"""The two looks at a capture: what is counted, what is kept, and what is looked at again."""
from __future__ import annotations

import gc
import gzip
import json
import socket
import struct
from pathlib import Path

import pytest

from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.flows.summary import conversation_of
from analyzer.ingest.open import open_capture
from analyzer.model import Account
from analyzer.pipeline.places import STRETCH, stretch
from analyzer.pipeline.related import with_lookups
from analyzer.pipeline.run import Frames, Options, analyze, choose, summarise, tell
from analyzer.pipeline.survey import Survey
from analyzer.pipeline.tell import Telling
from dissectors.kit.provided import Provided
from dissectors.registry import protocols

SYN, ACK, PSH_ACK, FIN_ACK, SYN_ACK, RST = 2, 16, 24, 17, 18, 4
CLIENT, SERVER, ROUTER = "10.0.0.1", "10.0.0.2", "10.0.0.254"
UNLIMITED = 1 << 40


def ip(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
        socket.inet_aton(source), socket.inet_aton(destination),
    )
    return b"\x02" * 12 + b"\x08\x00" + header + payload


def tcp(
    source: str, sport: int, destination: str, dport: int, seq: int, ack: int, flags: int, data: bytes = b""
) -> bytes:
    return ip(source, destination, 6, struct.pack(
        "!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64240, 0, 0
    ) + data)


def udp(source: str, sport: int, destination: str, dport: int, data: bytes) -> bytes:
    return ip(source, destination, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def connection(port: int, chunks: int, size: int = 100) -> list[bytes]:
    """A whole connection: handshake, `chunks` segments from the server, each acknowledged, and the end."""
    def up(seq: int, ack: int, flags: int) -> bytes:
        return tcp(CLIENT, port, SERVER, 80, seq, ack, flags)

    def down(seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
        return tcp(SERVER, 80, CLIENT, port, seq, ack, flags, data)

    frames = [up(1000, 0, SYN), down(9000, 1001, SYN_ACK), up(1001, 9001, ACK)]
    at = 9001
    for _chunk in range(chunks):
        frames += [down(at, 1001, PSH_ACK, b"x" * size), up(1001, at + size, ACK)]
        at += size
    return [*frames, up(1001, at, FIN_ACK), down(at, 1002, FIN_ACK), up(1002, at + 1, ACK)]


def write(path: Path, frames: list[bytes], compressed: bool = False) -> str:
    """A pcap of these frames, a millisecond apart."""
    records = b"".join(
        struct.pack("<IIII", 1_700_000_000 + index // 1000, index % 1000 * 1000, len(frame), len(frame)) + frame
        for index, frame in enumerate(frames)
    )
    content = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + records
    path.write_bytes(gzip.compress(content) if compressed else content)
    return str(path)


def survey(path: str, keep: int = KEEP_ALL, capacity: int = 1000, record_cap: int = UNLIMITED) -> Survey:
    found = Survey(open_capture([path]), Keeper(keep), NameBook(protocols()), capacity, record_cap)
    while found.step():
        pass
    return found


def accounts(found: Survey, options: Options | None = None, most: int = UNLIMITED) -> list[Account]:
    chosen = with_lookups(found, choose(found, options or Options(everything=True)))
    return tell(found, chosen, protocols(), most, True, Provided())


def kinds(account: Account) -> list[str]:
    return [event.name for event in account.events]


def test_a_place_in_the_file_and_a_second_walk_tell_the_same(tmp_path: Path) -> None:
    frames = [frame for pair in zip(connection(5001, 20), connection(5002, 20), strict=True) for frame in pair]
    stories: list[list[tuple[str, tuple[int, ...], str]]] = []
    for compressed in (False, True):
        found = survey(write(tmp_path / "c.pcap", frames, compressed))
        assert (found.source.base < 0) is compressed
        told = accounts(found)
        assert [account.conversation.frames for account in told] == [[24, 22], [24, 22]]
        assert [account.conversation.state for account in told] == ["SF", "SF"]
        assert [account.conversation.history for account in told] == ["ShAdFf", "ShAdFf"]
        assert not any(account.left_out for account in told)
        stories.append([
            (event.name, event.evidence.frames, event.what()) for account in told for event in account.events
        ])
    assert stories[0] == stories[1]
    assert {"tcp.syn", "tcp.established", "tcp.transfer", "tcp.closed"} <= {name for name, _frames, _what in stories[0]}


@pytest.mark.parametrize(("between", "reads"), [(0, 2), (3, 5), (30, 206)])
def test_frames_near_one_another_are_read_at_once(tmp_path: Path, between: int, reads: int) -> None:
    frames: list[bytes] = []
    for frame in connection(5001, 100, 1000):
        frames += [frame] + [udp(CLIENT, 4000, SERVER, 4001, bytes(200))] * between
    found = survey(write(tmp_path / "c.pcap", frames))
    telling = Telling(protocols(), UNLIMITED)
    (flow,) = choose(found, Options(conversations=(1,)))
    telling.add(flow, conversation_of(flow))
    places = telling.places()
    sizes = []
    end = 0
    for index, place in enumerate(places):
        if place.place + place.captured > end:
            sizes.append(stretch(places, index))
            end = place.place + sizes[-1]
    assert len(sizes) == reads
    assert max(sizes) <= STRETCH
    telling.begin(telling.chosen)
    telling.visit(found.source)
    (told,) = telling.finish(len(frames), 0)
    assert told.conversation.payload == [0, 100_000]
    assert sum(event.name == "tcp.closed" for event in told.events) == 1
    assert not told.left_out


def test_a_long_conversation_is_told_in_part_and_says_so(tmp_path: Path) -> None:
    found = survey(write(tmp_path / "c.pcap", connection(5001, 200)), record_cap=50)
    (told,) = accounts(found, most=50)
    assert sum(told.conversation.frames) == 406
    assert len(told.left_out) == 1
    assert "353 frames" in told.left_out[0]
    assert "tcp.closed" in kinds(told)
    # Frames left out by the analyser are no loss of the capture.
    assert not {"tcp.capture_loss", "tcp.gap", "tcp.loss"} & set(kinds(told))


def test_a_conversation_asked_for_is_kept_in_full(tmp_path: Path) -> None:
    path = write(tmp_path / "c.pcap", connection(5001, 200) + connection(5002, 200))
    found = Survey(open_capture([path]), Keeper(KEEP_ALL), NameBook(protocols()), 1000, 50)
    found.table.wanted = {2}
    while found.step():
        pass
    (told,) = accounts(found, Options(conversations=(2,)), 50)
    assert told.conversation.number == 2
    assert not told.left_out


def test_the_largest_and_the_most_troubled_are_kept(tmp_path: Path) -> None:
    frames: list[bytes] = []
    for port in range(5000, 5040):
        frames += connection(port, 3)
    frames += connection(6000, 60)
    frames += [tcp(CLIENT, 6001, SERVER, 81, 50, 0, SYN)]
    found = survey(write(tmp_path / "c.pcap", frames), keep=2, capacity=10)
    assert found.keeper.count == 42
    assert found.keeper.by_transport == {"tcp": 42}
    ports = {account.conversation.originator.port for account in accounts(found, Options(limit=2))}
    assert ports == {6000, 6001}


def test_conversations_make_room_without_losing_count(tmp_path: Path) -> None:
    frames = [tcp(CLIENT, port, SERVER, 80, 1, 0, SYN) for port in range(1025, 3025)]
    found = survey(write(tmp_path / "c.pcap", frames), keep=5, capacity=100)
    assert found.keeper.count == 2000
    assert len(found.table.tcp_keys) == 0
    assert found.table.made_room > 0


def test_icmp_errors_belong_to_the_conversation_they_quote(tmp_path: Path) -> None:
    query = udp(CLIENT, 4000, SERVER, 9999, b"anyone?")
    error = ip(ROUTER, CLIENT, 1, b"\x03\x03\x00\x00\x00\x00\x00\x00" + query[14:14 + 28])
    told = accounts(survey(write(tmp_path / "c.pcap", [query, error])))
    asked = next(account for account in told if account.conversation.transport == "udp")
    (event,) = [event for event in asked.events if event.name == "icmp.error"]
    assert event.evidence.frames == (2,)
    assert event.direction == 1
    assert event.what() == f"{ROUTER} reports: nothing listens on that port."


def test_answers_name_later_conversations(tmp_path: Path) -> None:
    name = b"\x04shop\x04test\x00"
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name + b"\x00\x01\x00\x01"
    answer = (
        struct.pack("!HHHHHH", 7, 0x8180, 1, 1, 0, 0) + name + b"\x00\x01\x00\x01"
        + b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 300, 4) + socket.inet_aton(SERVER)
    )
    frames = [udp(CLIENT, 4000, ROUTER, 53, query), udp(ROUTER, 53, CLIENT, 4000, answer), *connection(5001, 2)]
    found = survey(write(tmp_path / "c.pcap", frames))
    told = accounts(found)
    assert [account.conversation.protocol for account in told] == ["dns", ""]
    assert told[1].conversation.responder.name == "shop.test"
    # Where only the connection is chosen, the lookup that named it comes along.
    chosen = with_lookups(found, [flow for flow in found.keeper.all if flow.protocol == 6])
    assert [flow.number for flow in chosen] == [1, 2]


def test_an_earlier_conversation_is_not_named_by_a_later_answer(tmp_path: Path) -> None:
    name = b"\x04shop\x04test\x00"
    answer = (
        struct.pack("!HHHHHH", 7, 0x8180, 1, 1, 0, 0) + name + b"\x00\x01\x00\x01"
        + b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 300, 4) + socket.inet_aton(SERVER)
    )
    told = accounts(survey(write(tmp_path / "c.pcap", [*connection(5001, 2), udp(ROUTER, 53, CLIENT, 4000, answer)])))
    assert told[0].conversation.responder.name == ""


def test_neighbours_and_what_is_not_decoded_are_told(tmp_path: Path) -> None:
    def arp(operation: int, sender: str, target: str) -> bytes:
        return (
            b"\x02" * 12 + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
            + b"\x02\x00\x00\x00\x00\x07" + socket.inet_aton(sender) + b"\x00" * 6 + socket.inet_aton(target)
        )

    unknown = b"\x02" * 12 + b"\x88\xcc" + b"\x00" * 46
    found = survey(write(tmp_path / "c.pcap", [
        arp(1, CLIENT, SERVER), arp(2, SERVER, CLIENT), arp(1, CLIENT, ROUTER), unknown
    ]))
    capture = summarise(found, ["c.pcap"])
    assert f"{SERVER} is at 02:00:00:00:00:07 (#2), by ARP" in capture.neighbours
    assert f"{ROUTER} was asked for 1 time, first in #3; no answer was seen" in capture.neighbours
    assert sum(capture.undecoded.values()) == 1
    assert "LLDP" in next(iter(capture.undecoded))


def test_a_tcp_header_that_cannot_be_is_counted_and_belongs_to_nothing(tmp_path: Path) -> None:
    good = tcp(CLIENT, 5001, SERVER, 80, 1000, 7, PSH_ACK, b"x" * 30)
    short, long = bytearray(good), bytearray(good)
    short[46], long[46] = 0x40, 0xF0      # it claims 16 octets, and 60 where there are 50
    path = write(tmp_path / "c.pcap", [good, bytes(short), bytes(long), good[:40]])
    found = survey(path)
    assert found.others.undecoded == {
        "TCP header length below 20": 1, "TCP header length beyond the packet": 1, "truncated TCP header": 1,
    }
    assert [flow.last_frame for flow in choose(found, Options(everything=True))] == [1]
    lines = [json.loads(line) for block in Frames([path]) for line in block.splitlines()]
    assert [line.get("conversation") for line in lines] == [1, None, None, None]
    assert lines[1]["tcp"] == {"seq": 1000, "len": 34}
    assert lines[2]["tcp"] == {"seq": 1000, "flags": 24}
    assert "tcp" not in lines[3]


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_the_collector_is_left_as_it_was(tmp_path: Path, collecting: bool, whole: bool) -> None:
    """However far the lines are read, and whatever the caller had switched off."""
    path = write(tmp_path / "c.pcap", [frame for port in range(5000, 5200) for frame in connection(port, 30)])
    assert gc.isenabled()
    try:
        if not collecting:
            gc.disable()
        frames = Frames([path])
        assert gc.isenabled() == collecting
        blocks = 0
        for _block in frames:
            assert not gc.isenabled()
            blocks += 1
            if not whole:
                break
        assert gc.isenabled() == collecting
        assert (blocks > 1) == whole
    finally:
        gc.enable()


def test_the_retired_conversation_of_a_reused_port_is_told_apart(tmp_path: Path) -> None:
    again = connection(5001, 2)
    again[0] = tcp(CLIENT, 5001, SERVER, 80, 777_000, 0, SYN)
    found = survey(write(tmp_path / "c.pcap", connection(5001, 2) + again[:1]))
    told = accounts(found)
    assert [account.conversation.state for account in told] == ["SF", "S0"]


def test_frames_and_analyze_count_conversations_alike(tmp_path: Path) -> None:
    """Whatever has no ports is a conversation in both, so that a number means the same."""
    echo = ip(CLIENT, ROUTER, 1, b"\x08\0\0\0\0\1\0\1ping")
    path = write(tmp_path / "mixed.pcap", [echo, *connection(50_000, 1), ip(CLIENT, SERVER, 47, b"\0" * 8),
                                           udp(CLIENT, 5_000, SERVER, 53, b"?")])
    rows = [json.loads(line) for block in Frames([path]) for line in block.splitlines()]
    analysis = analyze([path], Options(everything=True))
    told = {conversation.number: conversation.first_frame for conversation in analysis.conversations}
    seen: dict[int, int] = {}
    for row in rows:
        seen.setdefault(row["conversation"], row["frame"])
    assert told == seen
    assert len(told) == 4


@pytest.mark.parametrize(("closed", "beyond", "missing"), [(False, 0, False), (False, 7, True), (True, 1, False)])
def test_a_reset_shows_what_was_sent_before_it(tmp_path: Path, closed: bool, beyond: int, missing: bool) -> None:
    """Its number is where its sender's octets end; a FIN before it has taken a number too."""
    frames = connection(5001, 2)[:-3]
    if closed:
        frames.append(tcp(CLIENT, 5001, SERVER, 80, 1001, 9201, FIN_ACK))
    frames.append(tcp(CLIENT, 5001, SERVER, 80, 1001 + beyond, 9201, RST | ACK))
    told, = analyze([write(tmp_path / "c.pcap", frames)], Options()).told
    spot = told.observed.blind(0)
    assert (spot is not None and "7 bytes before the reset" in spot.why) is missing
