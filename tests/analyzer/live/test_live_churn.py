"""Very many short connections: everything is counted, budgets hold, memory stays flat."""
from __future__ import annotations

import pytest

from bench.churn import measure
from dissectors.kit import event

COMPILED = not (event.__file__ or "").endswith(".py")
CONNECTIONS = 40_000 if COMPILED else 10_000
KEPT = 200
COUNTED = CONNECTIONS // 5     # more than the connections that are never closed, so that none is cut in two
GROWTH_MIB = 4.8      # after the first three tenths, in which every budget is filled: 180 octets for each of 40 000


@pytest.mark.slow(reason="tens of thousands of connections")
def test_memory_stays_within_the_budgets() -> None:
    found = measure(CONNECTIONS, KEPT, COUNTED)
    assert found["conversations"] == 2 * CONNECTIONS, "a lookup and a connection each, all counted"
    kept, left = found["kept"], found["left"]
    assert isinstance(kept, int)
    assert isinstance(left, int)
    assert kept <= KEPT
    assert kept + left == 2 * CONNECTIONS
    mib = found["resident_mib"]
    assert isinstance(mib, list)
    print(f"resident after each tenth of {CONNECTIONS} connections: {mib} MiB")
    assert mib[-1] - mib[2] < GROWTH_MIB
