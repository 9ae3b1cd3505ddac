"""Datagrams whose fragments tell of a trouble, put together by the two ends that they pass between."""
from __future__ import annotations

from typing import Final

from analyzer.address import address_text
from analyzer.model import Endpoint, Fragmented
from analyzer.packet import SCTP, TCP, UDP
from analyzer.packets.fragments import Datagram
from analyzer.packets.names import ip_protocol_name

NAMES: Final = {TCP: "TCP", UDP: "UDP", SCTP: "SCTP", 1: "ICMP", 58: "ICMPv6"}
EDGE_NS: Final = 1_000_000_000     # a capture that begins or ends so close to a datagram may have missed some of it
MAX_GROUPS: Final = 100            # pairs of ends
MAX_FRAMES: Final = 12             # cited
MAX_HOLES: Final = 50              # ways to be incomplete that are told apart

Reports = dict[bytes, tuple[int, int]]      # by Datagram.name(): frame and time of an ICMP message


def incomplete(broken: list[Datagram], reports: Reports, start_ns: int, end_ns: int) -> list[Fragmented]:
    """Datagrams that never became whole. Those of which the edges of the capture may have cut something off count only
    beside others of the same ends that miss the same."""
    made: dict[tuple[bytes, bytes], list[Datagram]] = {}
    for datagram in broken:
        made.setdefault(_ends(datagram), []).append(datagram)
    found: list[Fragmented] = []
    for datagrams in list(made.values())[:MAX_GROUPS]:
        sure = [one for one in datagrams if one.name() in reports or not _at_edge(one, start_ns, end_ns)]
        alike = {tuple(one.holes()) for one in sure}
        told = [one for one in datagrams if tuple(one.holes()) in alike]
        if told:
            found.append(_missing(told, reports, end_ns))
    return found


def contradicted(odd: list[Datagram], end_ns: int) -> list[Fragmented]:
    """Datagrams with fragments that contradict each other."""
    made: dict[tuple[bytes, bytes], Fragmented] = {}
    for datagram in odd:
        conflict = datagram.conflict
        key = _ends(datagram)
        if conflict is None or (key not in made and len(made) >= MAX_GROUPS):
            continue
        group = made.get(key)
        if group is None:
            group = _group(datagram)
            group.first, group.last = conflict.start, conflict.end
            group.pair, group.apart_ns = conflict.frames, conflict.apart_ns
            group.identification = int.from_bytes(datagram.name()[8 if datagram.version == 4 else 32:])
            made[key] = group
        _add(group, datagram, end_ns, conflict.frames)
    return list(made.values())


def _missing(datagrams: list[Datagram], reports: Reports, end_ns: int) -> Fragmented:
    group = _group(datagrams[0])
    for one in datagrams:
        _add(group, one, end_ns, one.frames())
        holes = tuple(one.holes())
        if holes in group.holes or len(group.holes) < MAX_HOLES:
            group.holes[holes] = group.holes.get(holes, 0) + 1
        group.size = max(group.size, one.size())
        report = reports.get(one.name())
        if report is not None and not group.report:
            group.report, group.report_ns = report[0], max(report[1] - int(one.time), 0)
    return group


def _group(datagram: Datagram) -> Fragmented:
    ends, ports = _ends(datagram)
    half = len(ends) // 2
    numbers = (int.from_bytes(ports[:2]), int.from_bytes(ports[2:]))
    protocol = int(datagram.protocol)
    return Fragmented(
        Endpoint(address_text(ends[:half]), numbers[0]), Endpoint(address_text(ends[half:]), numbers[1]),
        NAMES.get(protocol) or ip_protocol_name(protocol), int(datagram.version),
    )


def _add(group: Fragmented, datagram: Datagram, end_ns: int, frames: tuple[int, ...]) -> None:
    group.count += 1
    group.frames = tuple(sorted({*group.frames, *frames}))[:MAX_FRAMES]
    first, last = int(datagram.time), int(datagram.last)
    group.start_ns = first if group.start_ns < 0 else min(group.start_ns, first)
    group.end_ns = max(group.end_ns, last)
    group.after_ns = max(end_ns - group.end_ns, 0)


def _ends(datagram: Datagram) -> tuple[bytes, bytes]:
    """Both addresses, and both ports where they are known."""
    ports = datagram.ports() if int(datagram.protocol) in (TCP, UDP, SCTP) else b""
    return datagram.ends(), ports


def _at_edge(datagram: Datagram, start_ns: int, end_ns: int) -> bool:
    """May the rest of it have come before the capture began, or after it ended? A hole between fragments that came is
    none of these."""
    holes = datagram.holes()
    before = holes[0][0] == 0 and datagram.time - start_ns < EDGE_NS
    behind = holes[-1][1] in (-1, datagram.total) or holes[0][0] == 0
    return bool(before or (behind and end_ns - datagram.last < EDGE_NS))
