"""The traffic of a capture in stretches of time: by conversation, protocol and host, with its troubles."""
from __future__ import annotations

from array import array
from typing import Final

from analyzer.address import address_text
from analyzer.filter.view import View
from analyzer.listing import Series, Traffic
from analyzer.model import Analysis
from analyzer.packet import ICMP, ICMPV6, TCP
from dissectors.protocols.icmp import is_error
from dissectors.protocols.tcp.flags import (
    FAST_RETRANSMISSION,
    LOST_SEGMENT,
    RETRANSMISSION,
    RST,
    SPURIOUS_RETRANSMISSION,
    ZERO_WINDOW,
)

STRETCHES: Final = 200          # at most
SHOWN: Final = 7                # parts with a series of their own; the others are one
MAX_PARTS: Final = 20_000       # that are told apart while counting
RESENT: Final = int(RETRANSMISSION | FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION)
ROUND: Final = tuple(sorted([factor * 10 ** power for power in range(18) for factor in (1, 2, 5)]))


class Counter:
    """Counts every frame once."""

    def __init__(self, analysis: Analysis) -> None:
        capture = analysis.capture
        self.start = capture.start_ns
        length = max(capture.end_ns - capture.start_ns, 1) if capture.start_ns >= 0 else 1
        self.step = next(step for step in ROUND if step * STRETCHES > length)
        self.count = length // self.step + 1
        self.names = {
            one.number: one.protocol or one.transport for one in analysis.conversations + [
                told.conversation for told in analysis.every()
            ]
        }
        self.hosts: dict[bytes, str] = {}
        # By conversation, by protocol, by host: octets by stretch, of most parts in few of them.
        self.parts: list[dict[str, dict[int, int]]] = [{}, {}, {}]
        self.found = Traffic(self.step, self.count)
        self.last = array("h")      # by conversation, the stretch in which it was seen last, or -1
        self.troubles: dict[str, list[int]] = {
            "resent": [0] * self.count, "lost before the capture": [0] * self.count, "resets": [0] * self.count,
            "windows closed": [0] * self.count, "ICMP errors": [0] * self.count,
        }

    def take(self, view: View) -> None:
        packet = view.packet
        at = int(packet.time - self.start) // self.step
        if not 0 <= at < self.count:
            return
        octets, number = int(packet.length), int(view.conversation)
        self.found.octets[at] += octets
        if number:
            if number >= len(self.last):
                self.last.extend([-1] * max(number, 1024))
            before = self.last[number]
            if before != at:
                self.last[number] = at
                self.found.active[at] += 1
                if before < 0:
                    self.found.begun[at] += 1
            self._part(0, str(number), at, octets)
        layers = packet.layers
        self._part(1, self.names.get(number) or (layers[-1] if layers else "undecoded"), at, octets)
        if packet.ip_version:
            for address in (packet.source(), packet.destination()):
                name = self.hosts.get(address)
                if name is None:
                    name = address_text(address)
                    if len(self.hosts) < MAX_PARTS:
                        self.hosts[address] = name
                self._part(2, name, at, octets)
        self._trouble(view, at)

    def _part(self, which: int, key: str, at: int, octets: int) -> None:
        parts = self.parts[which]
        row = parts.get(key)
        if row is None:
            if len(parts) >= MAX_PARTS:
                return
            row = parts[key] = {}
        row[at] = row.get(at, 0) + octets

    def _trouble(self, view: View, at: int) -> None:
        packet = view.packet
        if packet.kind == TCP:
            if view.sound and (view.bits or view.flags & RST):
                bits = int(view.bits)
                self.troubles["resent"][at] += bits & RESENT != 0
                self.troubles["lost before the capture"][at] += bits & int(LOST_SEGMENT) != 0
                self.troubles["windows closed"][at] += bits & int(ZERO_WINDOW) != 0
                self.troubles["resets"][at] += int(view.flags & RST) != 0
        elif packet.kind in (ICMP, ICMPV6) and packet.transport < packet.end:
            self.troubles["ICMP errors"][at] += is_error(packet.ip_version, packet.data[packet.transport])

    def traffic(self) -> Traffic:
        """What was counted."""
        found = self.found
        found.by_conversation, found.by_protocol = self._largest(0), self._largest(1)
        found.by_host = self._largest(2, False)
        found.troubles = {name: counts for name, counts in self.troubles.items() if any(counts)}
        return found

    def _largest(self, which: int, rest: bool = True) -> list[Series]:
        """The largest parts, and all else; hosts, of which each frame has two, have no rest that would add up."""
        parts = sorted(self.parts[which].items(), key=_size, reverse=True)
        found = [Series(key, [octets.get(at, 0) for at in range(self.count)]) for key, octets in parts[:SHOWN]]
        if rest:
            others = list(self.found.octets)
            for one in found:
                others = [left - octets for left, octets in zip(others, one.octets, strict=True)]
            if any(others):
                found.append(Series("", others))
        return found


def _size(part: tuple[str, dict[int, int]]) -> int:
    return sum(part[1].values())
