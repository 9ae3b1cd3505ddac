"""The operation in a GraphQL request: its kind, its name, the fields at its root (GraphQL specification §2.3)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import JsonValue

MAX_DOCUMENT: Final = 16_384    # characters of a document that are looked at
MAX_ROOTS: Final = 8            # fields at the root that are named

KINDS: Final = ("query", "mutation", "subscription")


class Operation:
    """kind: one of KINDS.   name: "" for an anonymous one.   roots: fields at its root, in order."""

    def __init__(self, kind: str, name: str, roots: list[str]) -> None:
        self.kind = kind
        self.name = name
        self.roots = roots

    def text(self) -> str:
        """`the GraphQL query Cart (cart, user)`."""
        words = f"the GraphQL {self.kind} {self.name}".rstrip()
        return f"{words} ({', '.join(self.roots)})" if self.roots else words

    def as_json(self) -> dict[str, JsonValue]:
        roots: list[JsonValue] = []
        roots.extend(self.roots)
        return {"graphql_kind": self.kind, "graphql_operation": self.name, "graphql_fields": roots}


def operation_of(document: str, wanted: str) -> Operation | None:
    """The operation of that name, or the first one; None where there is none to see."""
    first: Operation | None = None
    words = _words(document[:MAX_DOCUMENT])
    depth = 0
    at = 0
    while at < len(words):
        word = words[at]
        if depth == 0 and word == "fragment":
            at = _opening(words, at)
            depth += 1
        elif depth == 0 and (word in KINDS or word == "{"):
            kind = word if word != "{" else "query"
            name = words[at + 1] if word != "{" and at + 1 < len(words) and _is_name(words[at + 1]) else ""
            start = _opening(words, at)
            found = Operation(kind, name, _roots(words, start))
            if not wanted or name == wanted:
                return found
            first = first or found
            at = start
            depth += 1
        elif word == "{":
            depth += 1
        elif word == "}":
            depth = max(depth - 1, 0)
        at += 1
    return first


def _words(text: str) -> list[str]:
    """Names and punctuators; strings and comments left out (§2.1)."""
    out: list[str] = []
    at = 0
    size = len(text)
    while at < size:
        char = text[at]
        start = at
        if char == "#":
            while at < size and text[at] not in "\r\n":
                at += 1
        elif char == '"':
            at += 1
            while at < size and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            at += 1
            out.append('"')
        elif char == "_" or (char.isascii() and char.isalnum()):
            while at < size and (text[at] == "_" or (text[at].isascii() and text[at].isalnum())):
                at += 1
            out.append(text[start:at])
        else:
            at += 1
            if char in "{}()[]:@$!=|.":
                out.append(char)
    return out


def _is_name(word: str) -> bool:
    return word[0] == "_" or word[0].isalpha()


def _opening(words: list[str], at: int) -> int:
    """The brace that opens the selection set of the operation at that place, past its variables."""
    rounds = 0
    while at < len(words):
        if words[at] == "(":
            rounds += 1
        elif words[at] == ")":
            rounds -= 1
        elif words[at] == "{" and rounds <= 0:
            return at
        at += 1
    return at


def _roots(words: list[str], at: int) -> list[str]:
    """The fields of the selection set that opens there; of an alias the field behind it."""
    roots: list[str] = []
    depth = 0
    rounds = 0
    while at < len(words) and len(roots) < MAX_ROOTS:
        word = words[at]
        if word == "{":
            depth += 1
        elif word == "}":
            depth -= 1
            if depth <= 0:
                break
        elif word == "(":
            rounds += 1
        elif word == ")":
            rounds -= 1
        elif depth == 1 and rounds == 0 and _is_name(word) and words[at - 1] not in (".", "@", "on"):
            if at + 1 < len(words) and words[at + 1] == ":":
                at += 2
                continue
            if word != "on" or words[at - 1] != ".":
                roots.append(word)
        at += 1
    return roots
