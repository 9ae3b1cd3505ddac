"""Writes docs/reference/events.md, fields.md, findings.md and terms.md from the code: python docs/reference.py"""
from __future__ import annotations

import ast
import runpy
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from analyzer import explain
from analyzer.explain.causes import EXPLAINS, SAID_TWICE
from analyzer.explain.rules import kinds
from analyzer.filter.fields import PROTOCOL, fields
from dissectors.kit.captured import ABOUT_THE_CAPTURE
from dissectors.kit.event import DissectorFault, Event, LimitReached, Malformed, OtherProtocol
from dissectors.kit.units import span
from dissectors.protocols.tcp.flags import RULES
from dissectors.registry import built_in

REMARK = runpy.run_path(str(Path(__file__).with_name("limits.py")))["remark"]     # beside a constant, or above it
REFERENCE = Path(__file__).with_name("reference")
# Times in the rules that decide of no finding: what weighs in the verdict, and parts of what is usual.
OF_NO_FINDING = ("SECOND_NS", "FAILURE_NS", "LONG_NS", "NOTICED_NS", "SLOW_ANSWER_NS", "SLOW_NS")
MADE = "Made from the code by `python docs/reference.py`."

EVENTS_HEAD = f"""# Events

What wiretale tells, one kind of event a line, by the protocol that it belongs to. The names are stable: JSON carries
them, and `wiretale explain NAME` says what stands here. Of the three weights, `core` is told at every level, `base`
from `normal` on, `extra` at `teach`. {MADE}
"""
FINDINGS_HEAD = f"""# Findings

What the events of a capture mean together, by their stable codes. A finding of a capture has a sentence with its own
numbers, the frames that prove it, and a display filter for Wireshark: that of the conversation, narrowed by the one
given here. One that rests on what was *not* seen is held for less certain where the capture is known to have missed
frames. The severity is the usual one; a case may say another. {MADE}
"""
CAUSES_HEAD = """## Which finding explains which

The verdict tells root causes: findings that no other one explains. A cause has to be there before what it explains is
over; a doubt does not explain away what is known. [How the verdict is made](../explanation/verdict.md).
"""
TWICE_HEAD = """## Said once

Where two findings tell of the same thing, in the same conversation and at the same time, the one that knows less is
left out.
"""
THRESHOLDS_HEAD = """## Thresholds

Fixed times and numbers from which on something is a finding, each with why it is fixed. Where a capture has a yardstick
(the way to a server, its other answers, other servers) that decides instead. Whether a finding comes into the verdict
depends on its share of the time of its conversation.
"""
OTHERS_HEAD = """Times within which rules put things together, by their names in `analyzer/explain`:
"""
FIELDS_HEAD = f"""# Fields of filters

What `--filter` may ask for, as `wiretale fields` lists it, by the first part of the name. The names and what they hold
are Wireshark's, save those of the first table, which are wiretale's own. A field of a message stands on the frame that
completes the message. Of headers that a frame has several times, as in a tunnel or in what an ICMP error quotes, each
counts for addresses and ports; what else TCP and UDP have is that of the innermost.
[How to filter](../how-to/filter.md) has the language. {MADE}
"""
TERMS_HEAD = f"""# Terms

The glossary, as `wiretale explain TERM` has it, by protocol; at the end Wireshark's flags of the TCP analysis, which
wiretale gives by the same rules. {MADE}
"""


def row(*cells: str) -> str:
    """A line of a table. What Markdown would take for its own signs is escaped, in code only the bar."""
    barred = [cell.replace("|", "\\|") for cell in cells]
    return "| " + " | ".join(cell if cell.startswith("`") else cell.replace("<", "&lt;") for cell in barred) + " |"


def table(heads: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join([row(*heads), "|" + "---|" * len(heads), *rows]) + "\n"


def event_rows(events: tuple[type[Event], ...]) -> list[str]:
    return [row(f"`{event.name}`", event.phase, event.importance, event.spec, event.WHY) for event in events]


def events_page() -> str:
    heads = ("event", "phase", "weight", "standard", "why the protocol does this")
    parts = [EVENTS_HEAD]
    for protocol in built_in():
        if protocol.events:
            named = f"{protocol.summary} Standards: {', '.join(protocol.specs)}."
            parts.append(f"## {protocol.title}\n\n{named}\n\n{table(heads, event_rows(protocol.events))}")
    common = (Malformed, OtherProtocol, LimitReached, DissectorFault, *ABOUT_THE_CAPTURE)
    parts.append(f"## Of any protocol\n\n{table(heads, event_rows(common))}")
    return "\n".join(parts)


def findings_page() -> str:
    heads = ("code", "severity", "says", "what to do next", "what would prove it wrong", "filter", "rests on")
    groups: dict[str, list[str]] = {}
    for kind in kinds():
        groups.setdefault(kind.code.partition(".")[0], []).append(row(
            f"`{kind.code}`", kind.severity, kind.means, kind.next_step, kind.refute,
            f"`{kind.display_filter}`" if kind.display_filter else "",
            "what was not seen" if kind.absence else "what was seen",
        ))
    tables = [f"## {group}\n\n{table(heads, rows)}" for group, rows in sorted(groups.items())]
    return "\n".join([FINDINGS_HEAD, *tables, causes_part(), thresholds_part()])


def codes(named: tuple[str, ...]) -> str:
    return ", ".join(f"`{code}`" for code in sorted(set(named)))


def causes_part() -> str:
    heads = ("a finding of", "explains one of", "where they have in common", "because")
    rows = [row(codes(one.causes), codes(one.symptoms), one.relation, one.ground) for one in EXPLAINS]
    twice = [row(f"`{one.less}`", codes(one.more), one.ground) for one in SAID_TWICE]
    return (
        f"{CAUSES_HEAD}\n{table(heads, rows)}\n{TWICE_HEAD}\n"
        f"{table(('left out', 'where one of these says the same', 'because'), twice)}"
    )


def thresholds_part() -> str:
    rows = [row(f"`{kind.code}`", kind.threshold) for kind in kinds() if kind.threshold]
    part = f"{THRESHOLDS_HEAD}\n{table(('code', 'from when on, and why'), rows)}"
    others = [row(f"`{module}`", f"`{name}`", value, why) for module, name, value, why in other_times()]
    return part + (f"\n{OTHERS_HEAD}\n{table(('rules', 'name', 'value', 'why'), others)}" if others else "")


def told_in_thresholds(stem: str, tree: ast.Module) -> set[tuple[str, str]]:
    """The numbers that the thresholds of one module's rules tell: where each is from, and its name."""
    origin = {
        one.name: str(node.module).rpartition(".")[2]
        for node in tree.body if isinstance(node, ast.ImportFrom) for one in node.names
    }
    return {
        (origin.get(name.id, stem), name.id)
        for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "threshold"
        for name in ast.walk(node.value) if isinstance(name, ast.Name)
    }


def other_times() -> list[tuple[str, str, str, str]]:
    """Fixed times of the rules that no line above names: module, name, value, and the remark beside it."""
    folder = Path(explain.__file__).parent
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    trees = {stem: ast.parse(text) for stem, text in texts.items()}
    told = {number for stem, tree in trees.items() for number in told_in_thresholds(stem, tree)}
    found = []
    for stem, tree in trees.items():
        for node in tree.body:
            name = node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""
            if name.endswith("_NS") and name not in OF_NO_FINDING and (stem, name) not in told:
                value = getattr(import_module(f"analyzer.explain.{stem}"), name)
                found.append((stem, name, span(value), REMARK(texts[stem].splitlines(), node.lineno)))
    return found


def terms_page() -> str:
    heads = ("term", "meaning", "standard", "see also")
    parts = [TERMS_HEAD]
    for protocol in built_in():
        if protocol.terms:
            rows = [row(term.term, term.text, term.spec, ", ".join(term.see)) for term in protocol.terms]
            parts.append(f"## {protocol.title}\n\n{table(heads, rows)}")
    flags = [
        row(
            f"`{rule.display_filter()}`", rule.severity, rule.text,
            ", ".join(f"`{other.name}`" for other in RULES if other.bit & rule.supersedes), rule.term,
        )
        for rule in RULES
    ]
    parts.append(f"## Flags of Wireshark\n\n{table(('flag', 'severity', 'meaning', 'instead of', 'term'), flags)}")
    return "\n".join(parts)


def fields_page() -> str:
    heads = ("field", "kind", "meaning")
    groups: dict[str, list[str]] = {"wiretale's own": [], "protocols": []}
    for field in fields().values():
        group = "wiretale's own" if field.ours else field.name.partition(".")[0]
        group = "protocols" if field.kind == PROTOCOL else group
        groups.setdefault(group, []).append(row(f"`{field.name}`", field.kind, field.meaning))
    protocols_last = [*[group for group in groups if group != "protocols"], "protocols"]
    tables = [f"## {group}\n\n{table(heads, groups[group])}" for group in protocols_last]
    return "\n".join([FIELDS_HEAD, *tables])


PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "events.md": events_page, REFERENCE / "fields.md": fields_page,
    REFERENCE / "findings.md": findings_page, REFERENCE / "terms.md": terms_page,
}


if __name__ == "__main__":
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")
