"""What of data is secret: values whose names say so, with all that is inside them, and what texts hold."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import UNMARKED, JsonValue
from dissectors.kit.marks import Marks
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.names import DOUBTFUL, HARMLESS, compact, counts, secrecy
from dissectors.wire.secrets.text import shown_text, without_secrets

MAX_DEPTH: Final = 64     # of lists and objects within one another; what is deeper is not shown

_READ: Final = ("json", "message")     # fields of events that hold what somebody else named
TLS_SESSION: Final = "session_id"      # in the clear, and no secret (RFC 5246 §7.4.1.2)
_SCHEMES: Final = frozenset(("authorization", "proxyauthorization"))


def data_without_secrets(value: JsonValue) -> JsonValue:
    """Data without what its names, its structure and its form say is secret in it."""
    return _shown(value, UNMARKED, 0, False)


def shown_data(value: JsonValue, marks: Marks, ours: bool = False) -> JsonValue:
    """Data as it may be shown. ours: names are of our making, so that a doubtful one (`code`, `key`) means something
    harmless, except within what was read out of a message."""
    return _shown(value, marks, 0, ours)


def _shown(value: JsonValue, marks: Marks, depth: int, ours: bool) -> JsonValue:
    if isinstance(value, str):
        return shown_text(value, marks)
    if isinstance(value, (dict, list)) and depth >= MAX_DEPTH and not marks.show:
        return REDACTED
    if isinstance(value, dict):
        return _object(value, marks, depth, ours)
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (str, list, dict)):
            name = value[0]     # a field of a head is a pair
            return [shown_text(name, marks), _named(name, value[1], marks, depth, False)]
        shown = [_shown(one, marks, depth + 1, ours) for one in value]
        if len(value) == 2 and not marks.show and _is_entry(value[0], value[1]):
            shown[1] = _unsaid(value[1])
        return shown
    return value


def _is_entry(key: JsonValue, value: JsonValue) -> bool:
    """The two fields of an entry of a map in Protocol Buffers, with a key that says that its value is secret."""
    if not isinstance(key, dict) or not isinstance(value, dict) or key.get("field") != 1 or value.get("field") != 2:
        return False
    name = key.get("text")
    return isinstance(name, str) and secrecy(name) != HARMLESS


def _unsaid(value: JsonValue) -> JsonValue:
    """A field of Protocol Buffers without what it holds."""
    if not isinstance(value, dict):
        return REDACTED
    return {name: one if name in ("field", "wire", "size") else REDACTED for name, one in value.items()}


def _object(value: dict[str, JsonValue], marks: Marks, depth: int, ours: bool) -> JsonValue:
    out: dict[str, JsonValue] = {}
    for name, inner in value.items():
        out[shown_text(name, marks)] = _named(name, inner, marks, depth, ours and name not in _READ)
    title = value.get("name")
    if isinstance(title, str) and "value" in value:     # an object that is a name and a value
        out["value"] = _named(title, value["value"], marks, depth, False)
    return out


def named_value(name: str, value: JsonValue) -> JsonValue:
    """The value of a field of that name, as it may be shown."""
    return _named(name, value, UNMARKED, 0, False)


def _named(name: str, value: JsonValue, marks: Marks, depth: int, ours: bool) -> JsonValue:
    kind = HARMLESS if marks.show else secrecy(name)
    if kind == HARMLESS or (ours and (kind == DOUBTFUL or name == TLS_SESSION)):
        return _shown(value, marks, depth + 1, ours)
    one = compact(name)
    if isinstance(value, str):
        if one in _SCHEMES:
            return _credentials(value)
        if one in ("cookie", "setcookie"):
            return _cookies(value, one == "setcookie")
    return _covered(value, counts(name))


def _covered(value: JsonValue, numbers: bool) -> JsonValue:
    """Nothing of it is shown, except whether something is there. numbers: they are no secret here."""
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, (int, float)):
        return value if numbers else REDACTED
    if isinstance(value, list):
        return [_covered(one, numbers) for one in value]
    if isinstance(value, dict) and isinstance(value.get("name"), str) and "value" in value:   # of a list of cookies
        return {**value, "value": _covered(value["value"], False)}
    return REDACTED


def _credentials(text: str) -> str:
    """RFC 9110 §11.4: the scheme stays."""
    scheme, space, _rest = text.strip().partition(" ")
    return f"{scheme} {REDACTED}" if space else REDACTED


def _cookies(text: str, first: bool) -> str:
    """RFC 6265 §4.1.1, §4.2.1: names stay. first: only the first pair is a cookie, attributes follow."""
    pairs = text.split(";", 1) if first else text.split(";")
    shown = [_cookie(pair) for pair in (pairs[:1] if first else pairs) if pair.strip()]
    if first:
        return ";".join([*shown, *[without_secrets(one) for one in pairs[1:]]])
    return "; ".join(shown)


def _cookie(pair: str) -> str:
    name, equals, _value = pair.strip().partition("=")
    return f"{name}={REDACTED}" if equals else REDACTED
