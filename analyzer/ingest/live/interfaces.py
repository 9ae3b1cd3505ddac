"""The interfaces of this machine: names, addresses, state and what passes right now."""
from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any, Final

from analyzer.ingest.live.links import link_of
from analyzer.ingest.live.packet_socket import IFF_RUNNING, IFF_UP, interface_counters

# How long rates are sampled.
MOMENT: Final = 0.5
IFF_LOOPBACK: Final = 8


class InterfaceState:
    """One interface. addresses: as text, IPv4 first.     link: LINKTYPE_ number, -1 where it is not known.

    frames_per_second, octets_per_second: received and sent together; -1.0 where nobody counts.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.description = ""
        self.hardware = ""
        self.addresses: list[str] = []
        self.up = False
        self.running = False     # up, and with a carrier
        self.loopback = False
        self.link = -1
        self.mtu = 0             # octets, 0 where it is not known
        self.frames_per_second = -1.0
        self.octets_per_second = -1.0


def list_interfaces(moment: float = MOMENT) -> list[InterfaceState]:
    """All interfaces, those that are running first, then by what passes. Takes `moment` seconds. Needs no rights."""
    before = interface_counters()
    began = time.monotonic()
    import_module("scapy.arch")      # registers what knows the interfaces of this system
    scapy: Any = import_module("scapy.config")
    scapy.conf.ifaces.reload()
    found = [described(each) for each in scapy.conf.ifaces.values()]
    time.sleep(max(moment - (time.monotonic() - began), 0.0))
    after = interface_counters()
    seconds = time.monotonic() - began
    for state in found:
        if state.name in before and state.name in after and seconds > 0:
            old, new = before[state.name], after[state.name]
            sent = 0 if state.loopback else 1        # there, what is received is what was sent
            state.frames_per_second = max(new[0] - old[0] + sent * (new[3] - old[3]), 0) / seconds
            state.octets_per_second = max(new[1] - old[1] + sent * (new[4] - old[4]), 0) / seconds
    found.sort(key=_order)
    return found


def _order(state: InterfaceState) -> tuple[bool, float, str]:
    return not state.running, -state.octets_per_second, state.name


def described(interface: Any) -> InterfaceState:
    """What scapy knows of an interface."""
    state = InterfaceState(str(interface.network_name or interface.name))
    description = str(interface.description or "")
    state.description = "" if description == state.name else description
    state.hardware = str(interface.mac or "")
    state.addresses = [*interface.ips.get(4, []), *interface.ips.get(6, [])]
    flags = int(interface.flags)
    state.up = flags & IFF_UP != 0
    state.running = state.up and flags & IFF_RUNNING != 0
    state.loopback = flags & IFF_LOOPBACK != 0
    if sys.platform == "linux":
        state.link = link_of(int(interface.type))
        state.mtu = mtu_of(state.name)
    return state


def mtu_of(name: str) -> int:
    try:
        with open(f"/sys/class/net/{name}/mtu", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
