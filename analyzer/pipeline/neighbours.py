"""What the survey met of the addresses of a link, as the rules take it."""
from __future__ import annotations

from analyzer.address import address_text
from analyzer.flows.bridges import OFTEN, bridge_name
from analyzer.flows.neighbours import Neighbour, Router
from analyzer.flows.others import Others
from analyzer.model import CaptureSummary
from analyzer.neighbourhood import Advertised, Circled, Crossed, InUse, Missing, Owned, Unasked
from analyzer.packets.scope import scope_text


def of_the_link(capture: CaptureSummary, others: Others) -> None:
    """Note who has which address, what was asked in vain, and what stands against each other."""
    for neighbour in others.neighbours.values():
        if neighbour.contested:
            capture.contested.append((neighbour.text, neighbour.contested))
        if neighbour.owners:
            capture.addresses.append(Owned(neighbour.text, list(neighbour.owners.items())))
        for asker, asking in neighbour.askers.items():
            capture.missing.append(Missing(
                neighbour.text, address_text(asker), asking.count, asking.frames, asking.start_ns, asking.end_ns,
                neighbour.spoke,
            ))
        if neighbour.in_use is not None:
            prober, asked, owner, answered = neighbour.in_use
            capture.in_use.append(InUse(neighbour.text, neighbour.version, (prober, asked), (owner, answered)))
        capture.unasked += _unasked(neighbour)
    bridges = others.bridges
    for octets, one in bridges.repeated.items():
        if one.most >= OFTEN:
            capture.circled.append(Circled(
                address_text(octets[6:12]), int(one.most), int(one.start), int(one.end), one.cited,
            ))
    capture.crossed = [
        Crossed(
            scope_text(one.out_of), scope_text(one.into), int(one.count), [address_text(mac) for mac in one.stations],
            one.frames, int(one.start), int(one.end),
        ) for one in bridges.vlans.crossings.values()
    ]
    capture.topology_changes = bridges.changes
    most = max(bridges.roots.values(), key=len, default=[])
    capture.root_changes = [
        (when, frame, station, bridge_name(old), bridge_name(new)) for when, frame, station, old, new in most
    ]
    capture.routers = [_advertised(router) for router in others.routers.values()]


def _unasked(neighbour: Neighbour) -> list[Unasked]:
    """Where another machine has the address, or had it."""
    found = []
    for mac, unasked in neighbour.unasked.items():
        others = [(owner, frame) for owner, frame in neighbour.owners.items() if owner != mac]
        if others:
            one = Unasked(neighbour.text, mac, others[0], unasked.count, unasked.frames)
            one.told, one.start_ns, one.end_ns = unasked.told, unasked.start_ns, unasked.end_ns
            found.append(one)
    return found


def _advertised(router: Router) -> Advertised:
    """RFC 4861 §6.2.7: the values in which routers of a link have to agree, where they give them."""
    values = {"flags": {0x80: "M", 0x40: "O", 0xC0: "M and O"}.get(router.flags, "neither M nor O")}
    if router.hops:
        values["hop limit"] = str(router.hops)
    if router.mtu >= 0:
        values["MTU"] = str(router.mtu)
    made = Advertised(router.address, router.frame, router.lifetime, values)
    made.prefixes = router.prefixes
    return made
