"""Writes docs/reference/api.md from the docstrings of `import wiretale`: python docs/api.py"""
from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import wiretale

PAGE = Path(__file__).with_name("reference") / "api.md"
HEAD = """# The Python API

Made from the docstrings by `python docs/api.py`. These names are stable; what they come from is not. Tasks, with code
that runs: [Use it from Python](../how-to/python.md).
"""
ERROR = """
Nothing can be told of a capture; the message is one sentence that names it and says why.

Further arguments are further lines, such as what can be done about it.
"""


def names() -> list[str]:
    """What `wiretale` hands on: functions first, then classes, each in alphabetical order."""
    public = [name for name in vars(wiretale) if not name.startswith("_") and name != "api"]
    return sorted(
        (name for name in public if callable(getattr(wiretale, name))),
        key=lambda name: (inspect.isclass(getattr(wiretale, name)), name),
    )


def signature(thing: object, name: str) -> str:
    found = str(inspect.signature(thing)) if callable(thing) else ""
    plain = re.sub(r"(: |-> )'([^']*)'", r"\1\2", found)     # types are written as text
    return name + plain.replace("(self, ", "(").replace("(self)", "()")


def about(thing: object) -> str:
    """Its docstring; a compiled exception has none, and is the only one."""
    return inspect.cleandoc(ERROR if thing is wiretale.CaptureError else thing.__doc__ or "")


def section(name: str) -> str:
    thing = getattr(wiretale, name)
    if not inspect.isclass(thing):
        return f"\n## `{name}()`\n\n`wiretale.{signature(thing, name)}`\n\n{about(thing)}\n"
    text = f"\n## `{name}`\n\n{about(thing)}\n"
    if dataclasses.is_dataclass(thing):
        rows = [f"| `{field.name}` | `{field.type}` |" for field in dataclasses.fields(thing)]
        text += "\n| field | type |\n|---|---|\n" + "\n".join(rows) + "\n"
    for member, value in vars(thing).items():
        kept = value.fget if isinstance(value, property) else getattr(value, "func", value)
        if member.startswith("_") or not inspect.isfunction(kept):
            continue
        shown = member if kept is not value else signature(kept, member)
        text += f"\n`.{shown}`: {about(kept)}\n" if kept.__doc__ else f"\n`.{shown}`\n"
    return text


def page() -> str:
    return HEAD + "".join(map(section, names()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
