"""Findings about datagrams in fragments that never became whole, or whose fragments contradict each other."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import CERTAIN, FAILURE, LIKELY, POSSIBLE, Found, Rule
from analyzer.model import Analysis, Fragmented
from dissectors.kit.event import NEITHER
from dissectors.kit.units import grouped, plural, size, span

SAME: Final = 2                    # datagrams that miss the same, from which on it is not the capture that missed it
SHOWN: Final = 2                   # ways to be incomplete that are named
WAIT_NS: Final = 1_000_000_000     # fragments of a datagram are sent at once; one so much later may be of another
TCP_HEADER: Final = 20             # octets that a filter reads (RFC 1858 §3, §4)


def missing(analysis: Analysis) -> list[Found]:
    return [_missing(one, analysis) for one in analysis.capture.incomplete]


def _missing(one: Fragmented, analysis: Analysis) -> Found:
    ways = sorted(one.holes.items(), key=_by_count)
    named = [f"{_what(holes, one.size)}{f' ({grouped(count)} times)' if len(ways) > 1 else ''}"
             for holes, count in ways[:SHOWN]]
    more = " and others" if len(ways) > SHOWN else ""
    each = "of each " if one.count > 1 and len(ways) == 1 else ""
    which = f"{each}{' or '.join(named)}{more}"
    datagrams = f"{plural(one.count, f'{one.transport} datagram')} from {one.source} to {one.destination}"
    sentence = f"{datagrams} never became whole: {which} is missing"
    seen = f"Of {datagrams} the capture does not hold all fragments: {which} is missing."
    # The capture may miss a fragment now and then; it does not miss the same one of several datagrams.
    alone = not one.report and ways[0][1] < SAME
    if one.report:
        sentence += f", and the receiver reports that it gave up after {span(one.report_ns)} (ICMP, #{one.report})"
    basis = "the other fragments are in the capture; one that took another way" + (
        ", or that the capture missed, looks the same" if alone else " looks the same"
    )
    if one.report:
        basis = "the other fragments are in the capture, and the receiver says that it did not get all of them"
    frames = tuple(sorted({*one.frames, one.report} - {0}))
    family = "ipv6" if one.version == 6 else "ip"
    likely = not alone and one.after_ns >= WAIT_NS
    return Found(
        seen if alone else f"{sentence}.", frames, severity="note" if alone else "",
        confidence=CERTAIN if one.report else LIKELY if likely else POSSIBLE,
        basis=basis, cost_ns=max(one.report_ns, 0),
        narrow=f"{family}.src == {one.source.address} && {family}.dst == {one.destination.address}",
        absent=analysis.capture.observed.absence(
            NEITHER, one.start_ns, min(one.end_ns, analysis.capture.end_ns - 1)
        ),
        otherwise=seen,
    )


def _what(holes: tuple[tuple[int, int], ...], largest: int) -> str:
    """`the fragment at offset 1480 (1480 bytes)`."""
    parts = []
    for start, end in holes:
        if end < 0:
            parts.append(f"what begins at offset {start}, the last fragment among it,")
        elif largest and end - start > largest:
            count = -(-(end - start) // largest)
            parts.append(f"what lies at offsets {start} to {end - 1} ({plural(count, 'fragment')})")
        else:
            parts.append(f"the fragment at offset {start} ({size(end - start)})")
    return " and ".join(parts)


def _by_count(entry: tuple[tuple[tuple[int, int], ...], int]) -> tuple[int, tuple[tuple[int, int], ...]]:
    return -entry[1], entry[0]


def contradiction(analysis: Analysis) -> list[Found]:
    found = []
    for one in analysis.capture.contradicted:
        late = one.apart_ns >= WAIT_NS
        among = f", the first of {one.count} such datagrams" if one.count > 1 else ""
        sentence = (
            f"Two fragments (#{one.pair[0]}, #{one.pair[1]}) of one {one.transport} datagram from {one.source} to "
            f"{one.destination} contradict each other: both claim the bytes at offsets {one.first} to {one.last - 1}, "
            f"with different content{among}"
        )
        if late:
            sentence += f". They are {span(one.apart_ns)} apart, so that the later one may be of another datagram"
        elif one.transport == "TCP" and one.first < TCP_HEADER:
            sentence += ". The overlap reaches into the TCP header, by which filters judge (RFC 1858 §4)"
        sentence += (
            ". An IPv6 receiver drops such a datagram (RFC 5722 §4)." if one.version == 6 else
            ". Receivers differ in which of the two they take, so what was delivered is not known."
        )
        found.append(Found(
            sentence, one.frames, severity="note" if late else "",
            confidence=POSSIBLE if late else CERTAIN,
            narrow=f"ip.id == 0x{one.identification:04x}" if one.version == 4 else
            f"ipv6.fraghdr.ident == 0x{one.identification:08x}",
            basis="the same addresses, protocol and identification, and other bytes" + (
                "; a sender of many datagrams takes the same identification again soon (RFC 4963 §2)" if late else ""
            ),
        ))
    return found


FRAGMENT_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "ip.fragments_missing", "warn", FAILURE, missing,
        "Datagrams in fragments never became whole, since a fragment is missing.",
        "Look for a filter or a translator on the way that drops fragments (later ones have no ports), or for loss; "
        "better, send datagrams that need no fragments (RFC 8900 §6).",
        "The missing fragment, elsewhere at the same time.", "", absence=True,
        threshold=f"{span(WAIT_NS)}: fragments of a datagram leave at once.",
    ),
    Rule(
        "ip.fragments_contradict", "warn", FAILURE, contradiction,
        "Fragments of one datagram hold different bytes for the same place.",
        "Compare both fragments and find out who sent them: damage, a faulty sender, two senders with one address, or "
        "an attempt to slip something past a filter (RFC 1858).",
        "A reassembly at the receiver that shows that they are of two datagrams.",
    ),
)
