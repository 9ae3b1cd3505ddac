"""Protocols of installed packages are treated like ours."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dissectors.registry import built_in, plugins, protocols, troubles

MODULE = '''
from dissectors.kit.protocol import Protocol
FINGER = Protocol("finger", "Finger", "Who is logged in.", ("RFC 1288",), None, ("tcp",), {"tcp": (79,)}, ())
PAIR = (FINGER, Protocol("nicname", "Whois", "Who owns a name.", ("RFC 3912",), None, ("tcp",), {"tcp": (43,)}, ()))
'''


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Each test has modules of its own by these names."""
    for name in [name for name in sys.modules if name.startswith("foreign_")]:
        del sys.modules[name]


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


BROKEN = {
    "missing": ("no_such_module_anywhere:THING", "cannot be loaded (ModuleNotFoundError"),
    "without": ("foreign_protocols:NOTHING", "cannot be loaded (AttributeError"),
    "raises": ("foreign_raises:X", "cannot be loaded (ZeroDivisionError: division by zero)"),
    "leaves": ("foreign_leaves:X", "cannot be loaded (SystemExit: 7)"),
    "stops": ("foreign_stops:X", "cannot be loaded (GeneratorExit)"),
    "odd": ("foreign_odd:X", "cannot be loaded (Odd)"),
    "text": ("foreign_protocols:TEXT", "names no Protocol, and no tuple of them, but a value of type str"),
    "empty": ("foreign_protocols:EMPTY", "but a value of type tuple"),
    "mixed": ("foreign_protocols:MIXED", "holds a value of type int"),
    "ours": ("foreign_protocols:OURS", "there is a protocol 'dns' already"),
    "twice": ("foreign_protocols:TWICE", "there is a protocol 'finger' already"),
    "nameless": ("foreign_protocols:NAMELESS", "are no texts"),
    "port": ("foreign_protocols:PORT", "are no ports"),
    "event": ("foreign_protocols:EVENT", "are no classes of events"),
}
MORE = """
TEXT, EMPTY, MIXED, TWICE = "finger", (), (FINGER, 3), (FINGER, FINGER)
OURS = Protocol("dns", "Another", "Not DNS.", ("RFC 1",), None, ("tcp",), {}, ())
NAMELESS = Protocol("", "Another", "Not DNS.", ("RFC 1",), None, ("tcp",), {}, ())
PORT = Protocol("port", "Another", "Not DNS.", ("RFC 1",), None, ("tcp",), {"tcp": (70000,)}, ())
EVENT = Protocol("event", "Another", "Not DNS.", ("RFC 1",), None, ("tcp",), {}, (int,))
"""


def broken(folder: Path, points: dict[str, str]) -> None:
    installed(folder, "[wiretale.dissectors]\n" + "".join(f"{name} = {what}\n" for name, what in points.items()))
    (folder / "foreign_protocols.py").write_text(MODULE + MORE)
    (folder / "foreign_raises.py").write_text("1 / 0")
    (folder / "foreign_leaves.py").write_text("raise SystemExit(7)")
    (folder / "foreign_stops.py").write_text("raise GeneratorExit")
    (folder / "foreign_odd.py").write_text(
        "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Odd"
    )


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_costs_itself_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    broken(tmp_path, {name: BROKEN[name][0], "whole": "foreign_protocols:PAIR"})
    monkeypatch.syspath_prepend(tmp_path)
    ours = [protocol.name for protocol in built_in()]
    assert [protocol.name for protocol in protocols()] == [*ours, "finger", "nicname"]
    (trouble,) = troubles()
    assert trouble.startswith(f"foreign-protocols 1.0, entry point {name}: left out, because ")
    assert BROKEN[name][1] in trouble


def test_of_two_packages_with_one_name_the_first_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(tmp_path, {"one": "foreign_protocols:FINGER", "two": "foreign_protocols:FINGER"})
    monkeypatch.syspath_prepend(tmp_path)
    assert [bool(plugin.protocols) for plugin in plugins()] == [True, False]
    assert "there is a protocol 'finger' already" in plugins()[1].trouble


def test_a_package_without_metadata_is_named_as_far_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(tmp_path, {"raises": "foreign_raises:X"})
    (tmp_path / "foreign_protocols-1.0.dist-info" / "METADATA").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    protocols()
    (trouble,) = troubles()
    assert trouble.startswith("an unknown package, entry point raises: left out")


def test_each_package_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(tmp_path, {"raises": "foreign_raises:X"})
    (tmp_path / "foreign_raises.py").write_text(f"open({str(tmp_path / 'count')!r}, 'a').write('x'); 1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(3):
        protocols()
    assert (tmp_path / "count").read_text() == "x"


def test_the_environment_leaves_packages_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(tmp_path, {"one": "foreign_protocols:FINGER"})
    (tmp_path / "foreign_protocols.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WIRETALE_PLUGINS", "0")
    assert [protocol.name for protocol in protocols()] == [protocol.name for protocol in built_in()]
    assert plugins() == ()
    assert troubles() == []


def test_other_packages_and_odd_places_on_the_path_add_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "[console_scripts]\nx = y:z\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "nowhere")
    assert [protocol.name for protocol in protocols()] == [protocol.name for protocol in built_in()]
