"""A capture that is divided into shares: what is counted of them, put together, is what one pass counts of all."""
from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

import pytest
from crowd import MS, Crowd
from hypothesis import given
from hypothesis import strategies as st
from pcap_bytes import ethernet, ipv4, pcap
from pcap_bytes import tcp as segment
from pcap_bytes import udp as datagram
from test_scans import echo
from test_survey_and_tell import tcp, udp

from analyzer.faults import SEEN, Faults
from analyzer.flows.flow import (
    ECHOES,
    EXPIRED,
    NO_SPARE,
    REPORTED,
    SAW_SYN,
    Flow,
    Spare,
    TcpFlow,
    UdpFlow,
    let_go,
)
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.flows.parcel import packed, unpacked
from analyzer.flows.tally import MAX_PEERS, PEERS_EACH, Numbering, Peers
from analyzer.flows.troubles import Troubles
from analyzer.ingest.open import open_capture
from analyzer.many import CLOSE_NS, MAX_RUNS, Runs
from analyzer.model import Group, Reflected, Scan, Together
from analyzer.partition import SHARES
from analyzer.pipeline.survey import Survey
from dissectors.protocols.tcp.flags import ACK, FIN, SYN
from dissectors.registry import protocols


def surveyed(path: str, shares: int, keep: int = KEEP_ALL) -> Survey:
    keeper, names = Keeper(keep, shares=shares), NameBook(protocols(), shares)
    found = Survey(open_capture([path]), keeper, names, 20_000, 50, shares)
    while found.step():
        pass
    found.keeper.settle()
    found.names.settle()
    found.source.close()
    return found


def plain(thing: object) -> object:
    """A record as something to compare."""
    if isinstance(thing, (Group, Together, Scan, Reflected, Runs)):
        names = getattr(type(thing), "__mypyc_attrs__", None) or vars(thing)
        return {name: plain(getattr(thing, name)) for name in names}
    return [plain(one) for one in thing] if isinstance(thing, list) else str(thing)


def counted(survey: Survey) -> dict[str, object]:
    keeper = survey.keeper
    return {
        "count": keeper.count, "by transport": keeper.by_transport, "states": keeper.states, "flags": keeper.flags,
        "half open": sorted(map(str, map(plain, keeper.groups.half_open()))),
        "together": {code: plain(one) for code, one in keeper.troubles.together(survey.last_time).items()},
        "scans": [plain(scan) for scan in keeper.troubles.scans.found()],
        "oddities": [plain(scan) for scan in keeper.troubles.scans.oddities()],
        "reflected": [plain(one) for one in keeper.troubles.reflections.found()],
        "alive": keeper.groups.alive,
        "names": {address: (named.name, named.frame, int(named.flow.number))
                  for address, named in survey.names.names.items()},
        "kept": [int(flow.number) for flow in keeper.chosen(0)],
    }


def everything_else(crowd: Crowd) -> None:
    """Odd flags, echo requests to many hosts, a flood of SYNs, answers that nobody asked for: in all shares."""
    at = crowd.start()
    for number in range(60):
        time = at + number * 3 * MS
        crowd.frames += [
            (time, tcp(f"{30 + number}.9.{number}.77", 1024 + number, "198.18.3.3", 80, 1000, 0, SYN)),
            (time, tcp("203.0.113.5", 40_000, f"198.18.5.{number}", 22, 1000, 0, FIN)),
            (time, echo("203.0.113.6", f"198.18.6.{number}", 8, number)),
            (time, udp(f"198.51.100.{number % 20 + 60}", 53, "10.0.0.9", 4444 + number % 7, bytes(1000))),
        ]
        if number % 4 == 0:
            crowd.frames.append((time + 1, echo(f"198.18.6.{number}", "203.0.113.6", 0, number)))
        if number < 5:
            crowd.frames.append((time, tcp("203.0.113.8", 40_000, f"198.18.8.{number}", 22, 1000, 0, 0)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("keep", [KEEP_ALL, 4])
def test_shares_put_together_are_the_whole(seed: int, keep: int, tmp_path: Path) -> None:
    crowd = Crowd(seed, 40, 12)
    crowd.sound(60)
    crowd.refused(14)
    crowd.refused(6, "198.18.0.7")
    crowd.unanswered(8, late=2)
    crowd.half_open(9)
    crowd.reset(7, seed % 2)
    crowd.lost(6)
    crowd.no_room(5)
    crowd.silent(7)
    crowd.silent(4, "198.51.100.5", 5_005)
    crowd.unreachable(6)
    crowd.scan(40)
    for last in range(30):      # one port of many hosts, which are in all shares
        crowd.scan(1, "203.0.113.77", f"198.18.9.{last}")
    everything_else(crowd)
    path = crowd.write(tmp_path / "c.pcap")
    one, divided = counted(surveyed(path, 1, keep)), counted(surveyed(path, SHARES, keep))
    assert divided == one
    assert len(one["together"]) > 7       # type: ignore[arg-type]
    assert len(one["scans"]) == 4         # type: ignore[arg-type]
    assert len(one["oddities"]) == 1      # type: ignore[arg-type]
    assert len(one["reflected"]) == 1     # type: ignore[arg-type]
    assert "'198.18.3.3:80', 'count': '60', 'answered': '0', 'again': '0', 'clients': '60'" in str(one["half open"])


def test_who_opens_as_much_elsewhere_is_no_scanner(tmp_path: Path) -> None:
    """Its failures and its successes are in different shares."""
    crowd = Crowd(1, 40, 3)
    for last in range(30):
        crowd.scan(1, "203.0.113.77", f"198.18.9.{last}")
        crowd.opened("203.0.113.77", 50_000 + last, f"198.18.8.{last}", crowd.start())
        crowd.opened("203.0.113.77", 51_000 + last, f"198.18.8.{last}", crowd.start())
    assert surveyed(crowd.write(tmp_path / "c.pcap"), SHARES).keeper.troubles.scans.found() == []


def test_a_service_that_answers_anybody_is_not_dead(tmp_path: Path) -> None:
    frames = []
    for client in range(40):
        ends = (bytes((10, 0, 0, client)), b"\xc0\0\2\1")
        frames.append(ethernet(ipv4(datagram(b"?", 5000, 123), 17, *ends)))
        if client == 39:
            frames.append(ethernet(ipv4(datagram(b"!", 123, 5000), 17, *ends[::-1])))
    for count, dead in ((81, []), (39, [("192.0.2.1:123", 39, 2)])):
        path = tmp_path / f"{count}.pcap"
        path.write_bytes(pcap(frames[:count]))
        silent = surveyed(str(path), SHARES).keeper.troubles.together(1 << 60)["udp.unanswered"]
        assert (silent.count, silent.dead) == (39, dead)


@given(st.lists(st.lists(st.integers(0, 40 * CLOSE_NS), max_size=60), min_size=1, max_size=4))
def test_stretches_of_several_shares(parts: list[list[int]]) -> None:
    """Only where all are known, it is known which follow one another closely."""
    together = Runs()
    for part in parts:
        share = Runs()
        for time in part:
            share.add(time)
        together.merge(share)
    times = sorted(time for part in parts for time in part)
    near = [two - one <= CLOSE_NS for one, two in pairwise(times)]
    assert together.close() == sum(near)
    assert len(together.runs) == len(near) - sum(near) + 1 if times else together.runs == []


def test_stretches_beyond_the_cap_are_counted() -> None:
    found = Runs()
    for second in range(MAX_RUNS + 50):
        found.add(second * 1_000_000_000)
        found.add(second * 1_000_000_000 + CLOSE_NS)
        assert len(found.runs) <= MAX_RUNS
    assert found.close() == MAX_RUNS + 50


conversations = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 25), st.integers(1, 25), st.integers(0, 7)), max_size=120
)


@given(conversations)
def test_scans_and_reflections_of_several_shares(script: list[tuple[int, int, int, int]]) -> None:
    """What was held of each client until it is known whether it scans, too."""
    shares, whole, counted = [Troubles() for _ in range(4)], Troubles(), 0
    for number, (client, host, port, what) in enumerate(script, 1):
        pair = [bytes((10, 0, 0, client)), bytes((192, 0, 2, host))]
        for troubles in (whole, shares[(client + host) % 3 + 1]):
            counted += attempted(troubles, number, pair, port, what)
    shares[0].renumber(Numbering(array("q"), []))
    for share in shares[1:]:
        shares[0].merge(share)
    ends = [told_of(troubles, len(script) + 10_000_000_000) for troubles in (whole, shares[0])]
    assert ends[0] == ends[1]
    assert counted == 2 * len(script)


def attempted(troubles: Troubles, number: int, pair: list[bytes], port: int, what: int) -> int:
    """One conversation that came to something, or to nothing in some way."""
    ports = [(4000 + number % 9).to_bytes(2), port.to_bytes(2)]
    ends = [b"".join(pair + ports), b"".join(pair[::-1] + ports[::-1])]
    tcp_flow, udp_flow = TcpFlow(number, 6, *ends, 4, b""), UdpFlow(number, 17, *ends, 4, b"")
    flow: TcpFlow | UdpFlow = tcp_flow if what < 4 else udp_flow
    flow.first_frame, flow.last_frame, flow.first_time, flow.last_time = number, number, number, number
    flow.originator.frames = 1
    if what < 4:
        tcp_flow.opened_with = (SYN, SYN, FIN, SYN)[what]
        tcp_flow.originator.marks |= SAW_SYN if what != 2 else 0
        tcp_flow.responder.frames = what % 2 if what != 3 else 3
        tcp_flow.marks |= REPORTED if what == 0 and port % 2 else 0
        troubles.tcp(tcp_flow, number)
        return 1
    udp_flow.responder.frames = 1 if what == 4 else 0
    udp_flow.marks |= (0, ECHOES, EXPIRED, REPORTED)[what - 4]
    if what == 7 and port % 2:      # unasked, in two of three shares
        udp_flow.forward, udp_flow.backward = ends[1][:8] + b"\0\x35" + ports[0], ends[0][:8] + ports[0] + b"\0\x35"
        udp_flow.originator.frames, udp_flow.originator.payload = 60, 21_000
    troubles.other(udp_flow, number)
    return 1


def told_of(troubles: Troubles, end: int) -> dict[str, object]:
    return {
        "together": {code: plain(one) for code, one in troubles.together(end).items()},
        "scans": [plain(scan) for scan in troubles.scans.found()],
        "oddities": [plain(scan) for scan in troubles.scans.oddities()],
        "reflected": [plain(one) for one in troubles.reflections.found()],
    }


peers = st.lists(st.integers(0, 40), max_size=200)


@given(st.lists(peers, min_size=1, max_size=4))
def test_peers_of_several_shares(parts: list[list[int]]) -> None:
    whole, together = Peers(), Peers()
    for part in parts:
        share = Peers()
        for peer in part:
            for one in (whole, share):
                one.add(b"\x0a\0\0" + bytes((peer,)))
        together.merge(share)
    assert (together.counts, together.largest(), together.number()) == (whole.counts, whole.largest(), whole.number())


def test_a_share_has_its_part_of_the_peers() -> None:
    share = Peers()
    for number in range(PEERS_EACH + 1):
        share.add(number.to_bytes(4))
    assert (len(share.counts), share.rest, share.number(), share.pruned) == (1, PEERS_EACH, PEERS_EACH, True)


def test_peers_beyond_the_cap_are_in_the_total() -> None:
    parts = [Peers(), Peers(), Peers()]
    for part in parts:
        part.merge(Peers())
    for number in range(MAX_PEERS):
        parts[0].add(number.to_bytes(4))
        parts[1].add((number + 5).to_bytes(4))
        parts[2].add((number + MAX_PEERS).to_bytes(4))
    parts[0].merge(parts[1])
    assert (len(parts[0].counts), parts[0].number(), parts[0].pruned) == (MAX_PEERS + 5, MAX_PEERS + 5, False)
    parts[0].merge(parts[2])
    assert len(parts[0].counts) == 2 * MAX_PEERS
    more = Peers()
    more.add(b"\xff" * 4)
    parts[0].merge(more)
    assert (len(parts[0].counts), parts[0].pruned) == (MAX_PEERS, True)
    assert sum(parts[0].counts.values()) + parts[0].rest == 3 * MAX_PEERS + 1


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60))
def test_numbers_are_those_of_one_who_met_them_all(owners: list[int]) -> None:
    every = [array("q", [frame for frame, owner in enumerate(owners, 10) if owner == one]) for one in range(3)]
    numbers = {starts[local - 1]: Numbering(starts, every).of(local)
               for starts in every for local in range(1, len(starts) + 1)}
    assert numbers == {frame: number for number, frame in enumerate(range(10, 10 + len(owners)), 1)}


# -- room ------------------------------------------------------------------------------------------------------------


ENDED, ANSWERED, UNANSWERED = "ended", "answered", "unanswered"


def connections(count: int, kind: str) -> list[bytes]:
    """Between the same two hosts, each from a port of its own, one after the other."""
    frames = []
    ends = (b"\x0a\0\0\1", b"\x0a\0\0\2")
    for port in range(20_000, 20_000 + count):
        frames.append(ethernet(ipv4(segment(b"", port, 80, 1, 0, SYN), 6, *ends)))
        if kind == ANSWERED:
            frames.append(ethernet(ipv4(segment(b"", 80, port, 1, 2, SYN | ACK), 6, *ends[::-1])))
        elif kind == ENDED:
            frames.append(ethernet(ipv4(segment(b"", port, 80, 2, 1, FIN | ACK), 6, *ends)))
            frames.append(ethernet(ipv4(segment(b"", 80, port, 1, 3, FIN | ACK), 6, *ends[::-1])))
    return frames


@pytest.mark.parametrize(
    ("kind", "apart", "held"), [(ENDED, 100, 7), (UNANSWERED, 100, 7), (ANSWERED, 100, 80), (ENDED, 1, 80)]
)
def test_a_share_has_its_part_of_the_room_and_more_for_what_is_not_over(
    kind: str, apart: int, held: int, tmp_path: Path
) -> None:
    """80 for all of 8 shares. What was heard a moment ago is not over yet."""
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap(connections(200, kind), apart=apart))
    survey = Survey(open_capture([str(path)]), Keeper(KEEP_ALL, shares=8), NameBook(protocols(), 8), 80, 0, 8)
    most = 0
    while survey.step(1):
        most = max(most, len(survey.table.tcp_keys) // 2)
    assert most == held
    assert survey.keeper.count == 200
    assert (survey.table.made_room > 0) == (kind != ENDED)


def test_spare_places_are_given_back() -> None:
    flow = TcpFlow(1, 6, bytes(12), bytes(12), 4, b"")
    assert flow.spare is NO_SPARE
    assert not flow._borrow()
    flow.spare = Spare(2)
    assert [flow._borrow() for _ in range(3)] == [True, True, False]
    flow.retired, flow.kept = True, 1
    let_go(flow)
    assert (flow.spare.left, flow.borrowed) == (2, 0)


# -- on the way to another process -----------------------------------------------------------------------------------


def taken_apart(thing: object, seen: dict[int, int]) -> object:
    """All that can be reached from it."""
    if id(thing) in seen:
        return ("seen", seen[id(thing)])
    names = getattr(type(thing), "__mypyc_attrs__", None) or getattr(thing, "__dict__", None)
    if isinstance(thing, dict):
        return [(repr(key), taken_apart(value, seen)) for key, value in thing.items()]
    if isinstance(thing, set):
        return sorted(map(repr, thing))
    if names is None:
        return [taken_apart(one, seen) for one in thing] if isinstance(thing, (list, tuple)) else repr(thing)
    seen[id(thing)] = len(seen)
    return type(thing).__name__, [
        (name, taken_apart(getattr(thing, name), seen)) for name in sorted(names) if hasattr(thing, name)
    ]


def test_a_parcel_holds_what_was_put_in(tmp_path: Path) -> None:
    crowd = Crowd(3, 20, 5)
    for fill in (crowd.sound, crowd.refused, crowd.lost, crowd.no_room, crowd.silent, crowd.unreachable):
        fill(3)
    crowd.scan(40)
    everything_else(crowd)
    survey = surveyed(crowd.write(tmp_path / "c.pcap"), SHARES)
    faults = Faults()
    faults.note(3, "a frame", ValueError("wrong"))
    flows = survey.keeper.all

    def none(_number: int) -> Flow:
        raise AssertionError

    for thing in (*flows, survey.keeper.troubles, survey.keeper.groups, faults):
        assert taken_apart(unpacked(packed(thing, True), none), {}) == taken_apart(thing, {})
    stubs = {int(flow.number): Flow(flow.number, 0, b"", b"", 4, b"") for flow in flows}
    keeper = unpacked(packed(survey.keeper, False), stubs.__getitem__)
    assert [flow is stubs[int(flow.number)] for flow in keeper.all] == [True] * len(flows)
    assert keeper.by_transport == survey.keeper.by_transport
    SEEN.clear()
