"""Findings about the bridges of a link: loops, and a spanning tree that does not come to rest."""
from __future__ import annotations

from typing import Final

from analyzer.explain.names_servers import listed
from analyzer.explain.rule import FAILURE, LIKELY, NOTE, POSSIBLE, Found, Rule, times
from analyzer.model import Analysis
from analyzer.neighbourhood import MAX_CHANGES, Crossed
from dissectors.kit.units import grouped, plural, span

COPIES: Final = 100                    # of one frame without a pause
ALONE: Final = 1_000                   # ... where the frames are of one machine, which may have sent them itself
APART_NS: Final = 5_000_000            # from one to the next at most, on average: nobody asks so often
LASTED_NS: Final = 20_000_000          # ... within at least this: the ports of a mirror copy a frame at once
STATIONS: Final = 2                    # whose frames go round at the same time, or come into another VLAN
LEAKED: Final = 3                      # frames that come into another VLAN, from which on it is no chance
CHANGES: Final = 3                     # of the topology, or of the root, from which on it does not come to rest
NAMED: Final = 3               # roots that a sentence names, beside the first


def loop(analysis: Analysis) -> list[Found]:
    """A frame for everybody that comes again and again goes round. Looks alike: a mirror that copies a frame for each
    of its ports, which does so at once, and not for long; one machine that floods the link with the same question, so
    that frames of two machines have to go round, or it is said that it may be so."""
    runs = [
        one for one in analysis.capture.circled
        if one.count >= COPIES and _circles(one.end_ns - one.start_ns, one.count)
    ]
    stations = list(dict.fromkeys([one.station for one in runs]))
    if not runs or (len(stations) < STATIONS and max([one.count for one in runs]) < ALONE):
        return []
    copies = sum([one.count for one in runs])
    start, end = min([one.start_ns for one in runs]), max([one.end_ns for one in runs])
    frames = tuple(sorted({frame for one in runs for frame in one.frames}))
    named = listed(stations)
    said = (
        f"{plural(len(runs), 'frame')} to everybody or to a group, from {named}, came again and again, "
        f"{grouped(copies)} times within {span(end - start)} and the same octet for octet: "
    )
    certain = len(stations) >= STATIONS
    return [Found(
        said + ("the link has a loop, and its bridges send them round." if certain else
                "the link has a loop, or that machine floods it."),
        frames, cost_ns=end - start, severity="" if certain else "warn", confidence=LIKELY if certain else POSSIBLE,
        basis="the same octets, with less than 100 ms between them, of frames that bridges send on to every port",
        about=tuple(stations),
    )]


def _circles(lasted_ns: int, count: int) -> bool:
    return LASTED_NS <= lasted_ns <= count * APART_NS


def leak(analysis: Analysis) -> list[Found]:
    """The same frame in two VLANs, octet for octet but for the tag, and at once. Looks alike: a capture of a trunk,
    which sees both VLANs, but not the same frame in them; a machine with a foot in both that says the same in each, as
    a router does whose address serves several VLANs, so that frames of two machines have to cross; the same frame with
    and without its tag, or with one more, as two ports of a switch show it."""
    pairs: dict[tuple[str, str], list[Crossed]] = {}
    for one in analysis.capture.crossed:
        pairs.setdefault((min(one.out_of, one.into), max(one.out_of, one.into)), []).append(one)
    found = []
    for both in pairs.values():
        stations = list(dict.fromkeys([station for one in both for station in one.stations]))
        count = sum([one.count for one in both])
        if count < LEAKED or len(stations) < STATIONS:
            continue
        ways = " and ".join([f"{grouped(one.count)} of {one.out_of} in {one.into}" for one in both])
        lasted = max([one.end_ns for one in both]) - min([one.start_ns for one in both])
        found.append(Found(
            f"Frames of one VLAN came in another one as well, the same octet for octet but for the tag: {ways}, from "
            f"{listed(stations)}{' within ' + span(lasted) if lasted > 0 else ''}. Something joins the two.",
            tuple(sorted({frame for one in both for frame in one.frames})), cost_ns=max(lasted, 0), confidence=LIKELY,
            basis="questions and announcements about an address that belongs to one VLAN, which come under two tags at "
            "most 20 ms apart", about=tuple(stations), narrow="vlan",
        ))
    return found


def topology(analysis: Analysis) -> list[Found]:
    """Looks alike: a machine that was switched on at a port that is not set as an edge: one change, which is told as a
    note."""
    changes = analysis.capture.topology_changes
    if not changes:
        return []
    first, last = changes[0], changes[-1]
    stations = list(dict.fromkeys([station for _time, _frame, station in changes]))
    within = _within(first[0], last[0])
    restless = len(changes) >= CHANGES
    return [Found(
        f"Bridges told of a change of the topology {_times(len(changes))}{within}, by the spanning tree that "
        f"{listed(stations)} sent. Each time they forget where stations are, and flood what goes to them.",
        tuple([frame for _time, frame, _station in changes]), severity="" if restless else NOTE,
        basis="the topology change flag of BPDUs, or BPDUs that notify of one; several within 6 s count once",
        about=tuple(stations),
    )]


def _times(count: int) -> str:
    """No more than so many are noted."""
    return f"at least {times(count)}" if count >= MAX_CHANGES else times(count)


def _within(first_ns: int, last_ns: int) -> str:
    """The clock of the capture may have been set meanwhile."""
    return f" within {span(last_ns - first_ns)}" if last_ns > first_ns else ""


def roots(analysis: Analysis) -> list[Found]:
    """Looks alike: a bridge that was switched on, and calls itself the root until it has heard of a better one: that is
    one change of it."""
    changes = analysis.capture.root_changes
    if not changes:
        return []
    restless = len(changes) >= CHANGES
    first, last = changes[0], changes[-1]
    path = [first[3], *[new for _time, _frame, _station, _old, new in changes]]
    shown = ", then ".join(path[:NAMED + 1]) + (f", and {len(path) - NAMED - 1} more" if len(path) > NAMED + 1 else "")
    within = _within(first[0], last[0])
    return [Found(
        f"The root of the spanning tree changed {_times(len(changes))}{within}, as {first[2]} says: {shown}. While "
        "bridges agree on a root, their ports do not forward.",
        tuple([one[1] for one in changes]), severity="" if restless else NOTE, cost_ns=max(last[0] - first[0], 0),
        basis="the root identifier in the BPDUs of the same bridge port", about=(first[2],),
    )]


BRIDGE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "link.loop", "error", FAILURE, loop,
        "The same frame to everybody goes round on a link again and again.",
        "Find two cables, or a phone or an access point, that connect the same two switches or a switch with itself, "
        "and pull one; then see why the spanning tree did not block it, and limit broadcasts at the ports.",
        "One machine that sends these frames so often itself.", "eth.dst.ig == 1",
        threshold=f"{COPIES} copies within {span(LASTED_NS)} or more, {span(APART_NS)} apart at most: a mirror copies "
        f"a frame for each of its ports at once, and hosts ask once a second; {ALONE} where all are of one machine.",
    ),
    Rule(
        "link.vlan_leak", "error", FAILURE, leak,
        "Frames of one VLAN come into another one.",
        "Find what joins the two: a cable between ports of both, a trunk whose ends do not agree on the untagged VLAN "
        "(native VLAN), or a machine that bridges them.",
        "VLANs that are joined or translated on purpose, such as private VLANs and those of a provider.", "vlan",
        threshold=f"{LEAKED} frames of {STATIONS} machines, each in both VLANs within 20.0 ms: bridges pass frames on "
        "at once.",
    ),
    Rule(
        "link.topology_changes", "warn", FAILURE, topology,
        "Bridges tell of changes of their topology.",
        "Set ports with machines as edge ports (portfast), and find the port that goes up and down: the bridge that "
        "sends the first notification is the nearest.", "Ports that somebody switched on purpose at these times.",
        "stp",
        threshold=f"{CHANGES} changes, from which on the tree does not come to rest.",
    ),
    Rule(
        "link.root_changes", "warn", FAILURE, roots,
        "The bridges of a link do not agree on the root of their spanning tree for long.",
        "Give the bridge that is meant to be the root the lowest priority, and guard the ports to others (root guard, "
        "BPDU guard); see whether the way to the root loses BPDUs.", "A root that somebody changed on purpose.", "stp",
        threshold=f"{CHANGES} changes, from which on the tree does not come to rest.",
    ),
)
