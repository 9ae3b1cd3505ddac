"""Every test can fail by a word of its own: it asserts, expects an exception, or calls a function that does."""
from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
EXPECTS = {"raises", "fail", "warns"}      # of pytest

# Helpers whose purpose is to assert, by where they stand; a test that calls one needs no assertion beside it.
HELPERS = {
    "analyzer/cli/test_cli_commands.py": {"out_of"},            # the exit code
    "analyzer/ingest/test_hostile.py": {"told"},                # frames in order, within the bytes, bounded in number
    "analyzer/live_source/test_privileges.py": {"nothing_is_left"},     # users, groups and capabilities
    "analyzer/packets/test_packet_hostile.py": {"check"},       # headers within the frame
    "analyzer/pipeline/test_jobs.py": {"same"},                 # any number of processes tells the same
    "analyzer/report/test_report_markdown.py": {"harmless_line"},       # no markup, and the words as they were
    "contract/event_checks.py": {"check_events"},               # what every event must hold
    "contract/test_contract.py": {"check"},                     # the same, of a dissector that is fed
    "dissectors/http2/test_http2_hostile.py": {"run"},          # texts, fields and frames of what was said
    "analyzer/live/test_live_wire.py": {"in_time"},             # within these milliseconds
    "fuzz/test_extreme_times.py": {"check"},                    # no fault, times in range, every format is written
}
# Libraries' own: jsonschema's raises with the place that does not fit.
FOREIGN = {"validate"}


def asserts(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Assert)
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in EXPECTS)
        for part in ast.walk(node)
    )


def called(node: ast.AST) -> set[str]:
    functions = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return {function.id if isinstance(function, ast.Name) else function.attr for function in functions
            if isinstance(function, ast.Name | ast.Attribute)}


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def known(tests: Path) -> set[str]:
    """Helpers that a file of tests can call: its own and those of files without tests."""
    own = tests.relative_to(TESTS).as_posix()
    return FOREIGN | {name for place, names in HELPERS.items() for name in names
                      if place == own or not Path(place).name.startswith("test_")}


def test_every_test_asserts() -> None:
    silent = [
        f"{path.relative_to(TESTS)}:{function.lineno}: {function.name}"
        for path in sorted(TESTS.rglob("test_*.py")) for function in functions(path)
        if function.name.startswith("test_") and not asserts(function) and not called(function) & known(path)
    ]
    assert silent == []


def test_helpers_that_are_trusted_assert() -> None:
    trusted = {(place, name) for place, names in HELPERS.items() for name in names}
    found = {
        (place, function.name) for place in HELPERS for function in functions(TESTS / place) if asserts(function)
    }
    assert trusted - found == set()
