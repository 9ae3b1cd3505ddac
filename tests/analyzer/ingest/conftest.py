from __future__ import annotations

from pathlib import Path

import pytest
from ingest_captures import Opener

from analyzer.ingest.open import open_capture
from analyzer.ingest.source import Source


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    """Open a capture that holds these bytes."""
    count = 0

    def opener(data: bytes) -> Source:
        nonlocal count
        count += 1
        path = tmp_path / f"{count}.capture"
        path.write_bytes(data)
        return open_capture([str(path)])

    return opener
