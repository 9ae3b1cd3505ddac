"""Nothing above the dissectors asks an event for its words: the gate does, which knows what is secret in them."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest
from test_sources import ROOT, shown, sources

from dissectors.kit.event import Event
from dissectors.wire.secrets.gate import Said

METHODS = frozenset((
    "what", "detail", "label", "headline", "phase_title", "phase_facts", "fields", "frame_record",
))
# What of an event is replaced in texts, or compared, and never shown itself.
NOT_SHOWN = frozenset(("identifies", "vantage", "claims", "read_books"))
# What has methods of the same names and is no event.
OTHERS = frozenset(("Said", "said", "told_of", "super", "self"))


def asked(path: Path) -> list[str]:
    """Calls of these methods on anything but what the gate made."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
            continue
        on = node.func.value
        on = on.func if isinstance(on, ast.Call) else on
        if not (isinstance(on, ast.Name) and on.id in OTHERS) and not node.args:
            found.append(f"{shown(path)}:{node.lineno} {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", sources("analyzer"), ids=shown)
def test_words_of_events_pass_the_gate(path: Path) -> None:
    assert asked(path) == []


def test_the_test_sees_what_it_looks_for(tmp_path: Path) -> None:
    path = ROOT / "analyzer" / "report" / "document.py"
    text = path.read_text().replace("said.what()", "event.what()")
    assert text != path.read_text()
    tree = ast.parse(text)
    assert any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node) == "event.what()"
        for node in ast.walk(tree)
    )


def test_the_gate_knows_every_method_that_says_something() -> None:
    """A method that is added to Event and returns words must be added to the gate."""
    says = {name for name, value in vars(Event).items() if callable(value) and not name.startswith("_")}
    assert says - NOT_SHOWN == METHODS
    assert all(hasattr(Said, name) for name in METHODS)
