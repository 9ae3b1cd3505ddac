"""The table of interfaces that `wiretale sniff` shows where none is named."""
from __future__ import annotations

from typing import Final

from analyzer.ingest.link_names import link_name
from analyzer.ingest.live.interfaces import InterfaceState
from analyzer.report.rows import DIM, SECTION, TITLE, Row, cells, fit
from dissectors.kit.units import grouped, rate

WIDEST_NAME: Final = 20
GAP: Final = 2
HINT: Final = "wiretale sniff NAME watches one, `any` watches all"


def interface_rows(states: list[InterfaceState], width: int) -> list[Row]:
    """One row each, those that are running first; further addresses in rows below."""
    if not states:
        return [Row().add("There are no interfaces that can be listed here.")]
    names = min(max(cells(state.name) for state in states), WIDEST_NAME) + GAP
    pace = max([cells(_pace(state)) for state in states] + [4]) + GAP
    rows = [Row().add("NAME", SECTION).tab(names).add("STATE", SECTION).tab(names + 9).add("NOW", SECTION)]
    rows[0].tab(names + 9 + pace).add("ADDRESSES", SECTION)
    for state in states:
        row = Row().add(fit(state.name, WIDEST_NAME), TITLE if state.running else DIM)
        row.tab(names).add(_state(state), None if state.running else DIM)
        row.tab(names + 9).add(_pace(state))
        at = names + 9 + pace
        rows.append(row)
        about = list(state.addresses) or ["no address"]
        if state.description:
            about.append(state.description)
        if state.link >= 0 and link_name(state.link) != "Ethernet":
            about.append(link_name(state.link))
        row.tab(at)
        for piece in about:
            text = fit(piece, max(width - at, 12))
            if row.used > at and row.used + GAP + cells(text) > width:
                row = Row().to(at)
                rows.append(row)
            row.add("  " if row.used > at else "").add(text, None if piece in state.addresses else DIM)
    return [*rows, Row(), Row().add(HINT, DIM)]


def _state(state: InterfaceState) -> str:
    return "running" if state.running else "no link" if state.up else "down"


def _pace(state: InterfaceState) -> str:
    if state.frames_per_second < 0:
        return "unknown"
    if state.frames_per_second == 0:
        return "quiet"
    return f"{grouped(round(state.frames_per_second))}/s, {rate(state.octets_per_second * 8)}"
