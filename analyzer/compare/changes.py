"""What was changed on the way: of packets that are at both places, what is not the same at both."""
from __future__ import annotations

from collections import Counter
from typing import Final

from analyzer import checksums
from analyzer.compare.matching import Match, Pairing
from analyzer.compare.sight import MSS, NOP, RST, SACK, SACK_PERMITTED, SCALE, STAMPS, SYN, Flow, Sight, end_text
from analyzer.packet import TCP
from analyzer.passage import TO_B, Passage, Remark, Way
from dissectors.kit.account import CERTAIN, LIKELY, POSSIBLE
from dissectors.kit.units import duration, grouped, plural

NAMES: Final = {MSS: "MSS", SCALE: "window scale", SACK_PERMITTED: "SACK permitted", SACK: "SACK", STAMPS: "timestamps"}
CE: Final = 3                 # RFC 3168 §5: congestion experienced
MOST_MAPPINGS: Final = 4      # of addresses that are named
STEADY: Final = 95            # per cent of the packets of a way that one number of routers holds for
MANY: Final = 10              # packets with one hop limit from which on another one is odd


def remarks_of(passage: Passage, pairing: Pairing, ways: list[tuple[int, int]]) -> None:
    """Everything but delays, the worst first. ways: of each pair of lanes, where its packets go."""
    by_way: tuple[list[Match], list[Match]] = ([], [])
    for lanes, to in zip(pairing.lanes, ways, strict=True):
        for lane, way in zip(lanes, to, strict=True):
            by_way[way].extend(lane.matches)
    _resets(passage, pairing, ways)
    every = [*by_way[0], *by_way[1]]
    _payloads(passage, every)
    _sums(passage, by_way)
    _syns(passage, every)
    _translated(passage, pairing)
    _numbers(passage, pairing)
    _marks(passage, by_way)


def _add(
    passage: Passage, code: str, severity: str, confidence: str, sentence: str, matches: list[Match], step: str,
    refute: str = "",
) -> None:
    frames = [one.a.number for one in matches], [one.b.number for one in matches]
    passage.remarks.append(Remark(code, severity, confidence, sentence, frames, step, refute))


def _resets(passage: Passage, pairing: Pairing, ways: list[tuple[int, int]]) -> None:
    """RSTs that the place they come from never held. A capture that left them out would explain it as well: so it has
    to have left out nothing else, and another hop limit than that of the side they speak for makes it likely."""
    for lanes, to in zip(pairing.lanes, ways, strict=True):
        for lane, way in zip(lanes, to, strict=True):
            second = 1 if way == TO_B else 0
            fresh = [one for one in lane.alone[second] if one.kind == TCP and one.flags & RST
                     and one.number in passage.ways[way].new]
            if not fresh:
                continue
            usual = Counter([(one.b if second else one.a).ttl for one in lane.matches])
            ttl, count = usual.most_common(1)[0] if usual else (0, 0)
            odd = count >= MANY and all(one.ttl != ttl for one in fresh)
            missed = any(side.missed for side in passage.ways) or passage.doubts[1 - second]
            one, letters = fresh[0], "AB"
            sentence = (
                f"{plural(len(fresh), 'reset')} of {one.title()} {'is' if len(fresh) == 1 else 'are'} at "
                f"{letters[second]} and never passed {letters[1 - second]}, where "
                f"{'it' if len(fresh) == 1 else 'they'} should have come from"
            )
            sentence += f"; its hop limit is {one.ttl}, that of the others {ttl}." if odd else "."
            numbers = [sight.number for sight in fresh]
            passage.remarks.append(Remark(
                "reset_between", "error" if odd and not missed else "warn",
                LIKELY if odd and not missed else POSSIBLE, sentence,
                ([], numbers) if second else (numbers, []),
                "Look for a device between the two that ends connections: a firewall, an intrusion prevention, a load "
                "balancer; its log names the rule.",
                f"A capture at {letters[1 - second]} that left these frames out, or another way that they took.",
            ))


def _payloads(passage: Passage, every: list[Match]) -> None:
    wrong = int(checksums.WRONG)
    altered = [match for match in every if match.altered and wrong not in (match.a.sum, match.b.sum)]
    if altered:
        _add(
            passage, "payload_changed", "error", CERTAIN,
            f"{plural(len(altered), 'packet')} {'carries' if len(altered) == 1 else 'carry'} another payload at B than "
            "at A, under the same numbers.", altered,
            "Look for what rewrites it: a proxy, an application gateway (FTP, SIP), or memory that fails.",
        )


def _sums(passage: Passage, by_way: tuple[list[Match], list[Match]]) -> None:
    """A checksum that is right where the packet comes from and wrong where it goes to. The other way round it is the
    card of the sender, which fills it in behind the capture."""
    damaged = []
    for way, matches in enumerate(by_way):
        for match in matches:
            first, second = (match.a, match.b) if way == TO_B else (match.b, match.a)
            if first.sum == int(checksums.RIGHT) and second.sum == int(checksums.WRONG):
                damaged.append(match)
    if damaged:
        _add(
            passage, "damaged", "warn", LIKELY,
            f"{plural(len(damaged), 'packet')} had a right checksum at the first place and "
            f"{'has' if len(damaged) == 1 else 'have'} a wrong one at the second: damaged, or changed without a new "
            "checksum.", damaged, "Look for the device that rewrites these packets, and for errors of its interfaces.",
        )


def _syns(passage: Passage, every: list[Match]) -> None:
    """What was agreed on is what the SYNs say where they arrive."""
    clamped: dict[tuple[int, int], list[Match]] = {}
    others: dict[str, list[Match]] = {}
    for match in every:
        if match.a.kind != TCP or not match.a.flags & SYN:
            continue
        if match.a.mss != match.b.mss:
            clamped.setdefault((match.a.mss, match.b.mss), []).append(match)
        if match.a.options != match.b.options or (match.a.stamp < 0) != (match.b.stamp < 0):
            for what in _options(match.a, match.b):
                others.setdefault(what, []).append(match)
    for (a, b), matches in clamped.items():
        said = [f"{mss} bytes" if mss >= 0 else "none" for mss in (a, b)]
        _add(
            passage, "mss", "note", CERTAIN,
            f"The MSS of {plural(len(matches), 'SYN')} is {said[0]} at A and {said[1]} at B: a device between the two "
            "sets it to what its path carries.", matches,
            "Nothing, if the smaller one fits the path; it is what keeps segments from being too large for a tunnel.",
        )
    for what, matches in others.items():
        _add(
            passage, "options", "warn", CERTAIN, f"{what} in {plural(len(matches), 'SYN')}.", matches,
            "Ask whoever runs the device between the two to let TCP options pass: without them transfers are slow.",
        )


def _options(a: Sight, b: Sight) -> list[str]:
    sides = [_named(one) for one in (a, b)]
    found = [f"{name} is at A and not at B" for name in sides[0] if name not in sides[1]]
    found += [f"{name} is at B and not at A" for name in sides[1] if name not in sides[0]]
    return found + [
        f"{name} is {value.hex()} at A and {sides[1][name].hex()} at B" for name, value in sides[0].items()
        if name in sides[1] and sides[1][name] != value
    ]


def _named(sight: Sight) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at = 0
    while at + 1 < len(sight.options):
        kind, step = sight.options[at], sight.options[at + 1]
        if kind != NOP:
            found[f"The TCP option {NAMES.get(kind, str(kind))}"] = sight.options[at + 2:at + step]
        at += max(step, 1)
    if sight.stamp >= 0:
        found["The TCP option timestamps"] = b""
    return found


def _translated(passage: Passage, pairing: Pairing) -> None:
    """Ends that are others at B. A port that changes alone, or an address, is translation as well."""
    found: list[str] = []
    matches: list[Match] = []
    for (a, b, same), lanes in zip(pairing.pairs, pairing.lanes, strict=True):
        ends_a, ends_b = a[1:], b[1:] if same else (b[2], b[1])
        changed = [(one, two) for one, two in zip(ends_a, ends_b, strict=True) if one != two]
        found += [f"{end_text(one)} is {end_text(two)}" for one, two in changed]
        matches += [match for lane in lanes for match in lane.matches[:1]] if changed else []
    if found:
        distinct = list(dict.fromkeys(found))
        more = len(distinct) - MOST_MAPPINGS
        rest = f" and {grouped(more)} more" if more > 0 else ""
        _add(
            passage, "translated", "note", CERTAIN,
            f"Addresses are translated between A and B: {', '.join(distinct[:MOST_MAPPINGS])}{rest}.", matches,
            "Search the other capture, and logs behind the translation, for the other address.",
        )


def _numbers(passage: Passage, pairing: Pairing) -> None:
    shifted = [lanes for lanes in pairing.lanes if any(lane.shift for lane in lanes)]
    if shifted:
        _add(
            passage, "sequence", "note", CERTAIN,
            f"In {plural(len(shifted), 'connection')} sequence numbers are others at B, by one difference throughout: "
            "a device between the two draws its own.",
            [match for lanes in shifted for lane in lanes for match in lane.matches[:1]],
            "Where SACK is allowed, see whether the device changes the numbers in its blocks too; some do not.",
        )


def _marks(passage: Passage, by_way: tuple[list[Match], list[Match]]) -> None:
    """What routers may change: congestion marks, the class of service, the flag that forbids fragments."""
    every = [*by_way[0], *by_way[1]]
    marked = [
        match for way, matches in enumerate(by_way) for match in matches
        for first, second in [(match.a, match.b) if way == TO_B else (match.b, match.a)]
        if first.ecn != CE and second.ecn == CE
    ]
    if marked:
        _add(
            passage, "congestion", "note", CERTAIN,
            f"{plural(len(marked), 'packet')} {'was' if len(marked) == 1 else 'were'} marked between the two as having "
            "met congestion.", marked, "Look for the queue that fills between the two.",
        )
    cleared = [match for match in every if bool(match.a.ecn) != bool(match.b.ecn)]
    if cleared:
        _add(
            passage, "ecn", "note", CERTAIN, f"ECN is another at B in {plural(len(cleared), 'packet')}.", cleared,
            "Ask whoever runs the device between the two why it clears ECN.",
        )
    classes = Counter([(match.a.dscp, match.b.dscp) for match in every if match.a.dscp != match.b.dscp])
    for (a, b), _count in classes.most_common(2):
        of = [match for match in every if (match.a.dscp, match.b.dscp) == (a, b)]
        _add(
            passage, "class", "note", CERTAIN, f"DSCP {a} is DSCP {b} at B in {plural(len(of), 'packet')}.", of,
            "Nothing, where a network marks what enters it; else see whether the class is meant.",
        )
    fragments = [match for match in every if match.a.df != match.b.df]
    if fragments:
        _add(
            passage, "fragments", "note", CERTAIN,
            f"“Don't fragment” is set at one of the two only, in {plural(len(fragments), 'packet')}.", fragments,
            "Look for the device that clears it: packets may be fragmented behind it.",
        )


def asymmetric(passage: Passage) -> None:
    """Another number of routers there than back, the same for nearly all packets of a way."""
    hops = []
    for way in passage.ways:
        count = sum(way.hops.values())
        most = max(way.hops, key=lambda hop: way.hops[hop], default=-1)
        if count < MANY or most < 0 or 100 * way.hops[most] < STEADY * count:
            return
        hops.append(most)
    there, back = hops[TO_B], hops[1 - TO_B]
    if there != back:
        passage.remarks.append(Remark(
            "asymmetric", "note", LIKELY,
            f"From A to B {plural(there, 'router')} took one off the hop limit, and from B to A {back}: packets take "
            "another way back.", ([], []),
            "Nothing, where nothing is slow or lost; a firewall or an address translation that sees one of the two "
            "ways only may drop what it does not know.",
            "A device between the two that sets the hop limit anew.",
        ))


def losses(passage: Passage, letters: tuple[str, str], way: Way) -> None:
    """What is said of the packets of one way. letters: where they pass first, and then."""
    first, second = letters
    there = 0 if first == "A" else 1

    def frames(numbers: list[int], side: int) -> tuple[list[int], list[int]]:
        return ([], numbers) if side else (numbers, [])

    if way.lost:
        share = 100 * len(way.lost) / max(way.sent, 1)
        passage.remarks.append(Remark(
            "lost", "warn", LIKELY,
            f"{grouped(len(way.lost))} of {plural(way.sent, 'packet')} from {first} to {second} did not come "
            f"({share:.1f} %).",
            frames(way.lost, there),
            "Capture at a place between the two, and compare again: each time that halves where they are lost.",
            f"A capture at {second} that lost frames without saying so, or packets that take another way.",
        ))
    if way.unsure:
        passage.remarks.append(Remark(
            "not_seen", "note", POSSIBLE,
            f"{grouped(len(way.unsure))} of {plural(way.sent, 'packet')} from {first} are not at {second}, whose "
            "capture left out others that came: whether these were lost is not known.", frames(way.unsure, there),
            f"Capture at {second} again, with a larger buffer or a filter.",
        ))
    if way.twice:
        passage.remarks.append(Remark(
            "duplicated", "note", LIKELY,
            f"{_are(len(way.twice))} at {second} twice, and at {first} once.",
            frames([again for _original, again in way.twice], 1 - there),
            "Look for a loop or two ways between the two; a capture that holds each packet twice looks alike.",
        ))
    if way.overtaken:
        passage.remarks.append(Remark(
            "reordered", "note", CERTAIN,
            f"{_are(len(way.overtaken))} overtaken on the way to {second} by one that left {first} later, by up to "
            f"{duration(way.late_ns)}.",
            frames(way.overtaken, 1 - there),
            "Look for parallel links that share one connection's packets.",
        ))
    fresh = [number for number in way.new if not any(number in one.frames[1 - there] for one in passage.remarks)]
    if fresh:
        passage.remarks.append(Remark(
            "new", "note", POSSIBLE,
            f"{_are(len(fresh))} at {second} only, though they should come from {first}: made between the two, or left "
            f"out by the capture at {first}.", frames(fresh, 1 - there),
            f"Look at these frames; a proxy or a firewall may speak for the side behind {first}.",
        ))


def _are(count: int) -> str:
    return f"{plural(count, 'packet')} {'is' if count == 1 else 'are'}"


def flow_title(flow: Flow) -> str:
    return f"{end_text(flow[1])} ⇄ {end_text(flow[2])}"
