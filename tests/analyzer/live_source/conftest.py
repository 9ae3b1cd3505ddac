from __future__ import annotations

from collections.abc import Iterator

import pytest
from namespaces import Wire, reason_to_skip


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Real interfaces, joined: see Wire."""
    reason = reason_to_skip()
    if reason:
        pytest.skip(reason)
    with Wire() as made:
        yield made
