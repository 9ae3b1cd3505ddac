"""What many conversations have in common, counted while the capture is read, whether they are told or not."""
from __future__ import annotations

import socket
from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import REPORTED, SAW_SYN, TcpFlow
from analyzer.flows.kinds import LIVES, OPENED
from analyzer.flows.tally import PATIENCE_NS
from analyzer.model import Endpoint, Group
from analyzer.partition import SHARES

MAX_GROUPS: Final = 1_000          # services that are kept apart; what comes later is not counted by service
MAX_CLIENTS: Final = 10_000        # addresses of one group that are told apart, an eighth of them in each share
SOONEST_NS: Final[i64] = 100_000_000     # no timer of a stack sends a SYN again sooner
MAX_CITED: Final = 12              # first frames of conversations that a group cites


class Groups:
    """Connections that were answered and never completed, or asked for once and not answered, by the service.

    A client sends its SYN again after a second (RFC 6298 §2), one that does not exist never does. What is seen again
    sooner than any stack sends it was captured twice.
    """

    def __init__(self) -> None:
        self.alive = False       # a connection was met that came to more than SYNs
        self._half_open: dict[bytes, Group] = {}
        self._clients: dict[bytes, set[bytes]] = {}

    def take(self, flow: TcpFlow, until: i64) -> None:
        """A connection that left the table at `until`."""
        marks = flow.marks & (OPENED | LIVES)
        if marks == SAW_SYN:
            if (
                flow.last_time - flow.first_time >= SOONEST_NS or flow.responder.frames or flow.marks & REPORTED
                or until - flow.first_time < PATIENCE_NS
            ):
                return
        elif marks != OPENED:
            self.alive = self.alive or marks & LIVES != 0
            return
        size = int(flow.address_size)
        key = flow.forward
        service = key[size:2 * size] + key[2 * size + 2:2 * size + 4]
        group = self._half_open.get(service)
        if group is None:
            if len(self._half_open) >= MAX_GROUPS:
                return
            family = socket.AF_INET if size == 4 else socket.AF_INET6
            responder = Endpoint(socket.inet_ntop(family, service[:size]), int.from_bytes(service[size:], "big"))
            group = self._half_open[service] = Group(responder)
            self._clients[service] = set()
        clients = self._clients[service]
        if len(clients) < MAX_CLIENTS // SHARES:
            clients.add(key[:size])
        if marks == OPENED:
            group.answered += 1
            if flow.responder.frames > 1:
                group.again += 1
        group.add(int(flow.first_frame), int(flow.first_time), len(clients), MAX_CITED)

    def merge(self, other: Groups) -> None:
        """Those of another share of the capture."""
        self.alive = self.alive or other.alive
        for service, its in other._half_open.items():
            mine = self._half_open.get(service)
            if mine is None:
                self._half_open[service] = its
                self._clients[service] = other._clients[service]
                continue
            clients = self._clients[service]
            clients |= other._clients[service]
            mine.merge(its, min(len(clients), MAX_CLIENTS), MAX_CITED)

    def half_open(self) -> list[Group]:
        """The largest first."""
        return sorted(self._half_open.values(), key=_by_size)


def _by_size(group: Group) -> tuple[int, int]:
    return -group.count, min(group.frames)
