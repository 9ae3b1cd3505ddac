"""What was measured of a connection over time, as its account carries it."""
from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from analyzer.model import Account, Series
from dissectors.protocols.tcp.narrator import TcpNarrator


def measured(account: Account, narrator: TcpNarrator) -> None:
    """What the narrator measured over time, as the account carries it."""
    for direction in (0, 1):
        window, flight = narrator.window_series[direction], narrator.flight_series[direction]
        account.series[direction] = [
            Series("window", "B", numbers(window.times), numbers(window.values)),
            Series("in flight", "B", numbers(flight.times), numbers(flight.values)),
        ]
        shares = narrator.limits[direction]
        whole = sum([share for _cause, share in shares])
        if whole > 0:
            account.limits[direction] = {cause: share / whole for cause, share in shares}


def numbers(values: vec[i64]) -> list[int]:
    return [int(value) for value in values]
