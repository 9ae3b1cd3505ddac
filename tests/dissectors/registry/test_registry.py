"""Protocols of installed packages are treated like ours."""
from __future__ import annotations

from pathlib import Path

import pytest

from dissectors.registry import built_in, protocols

MODULE = '''
from dissectors.kit.protocol import Protocol
FINGER = Protocol("finger", "Finger", "Who is logged in.", ("RFC 1288",), None, ("tcp",), {"tcp": (79,)}, ())
PAIR = (FINGER, Protocol("nicname", "Whois", "Who owns a name.", ("RFC 3912",), None, ("tcp",), {"tcp": (43,)}, ()))
'''


def installed(folder: Path, points: str) -> None:
    """A package as pip leaves it."""
    (folder / "foreign_protocols.py").write_text(MODULE)
    about = folder / "foreign_protocols-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-protocols\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points)


@pytest.mark.parametrize(("what", "names"), [("FINGER", ["finger"]), ("PAIR", ["finger", "nicname"])])
def test_an_entry_point_adds_protocols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, names: list[str]
) -> None:
    installed(tmp_path, f"[console_scripts]\nx = y:z\n[wiretale.dissectors]\nmine = foreign_protocols:{what}\n")
    monkeypatch.syspath_prepend(tmp_path)
    ours = [protocol.name for protocol in built_in()]
    assert [protocol.name for protocol in protocols()] == ours + names


def test_other_packages_and_odd_places_on_the_path_add_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "[console_scripts]\nx = y:z\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "nowhere")
    assert [protocol.name for protocol in protocols()] == [protocol.name for protocol in built_in()]
