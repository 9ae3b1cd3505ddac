"""What of data is secret: values whose names say so, with all that is inside them, and what texts hold."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.names import DOUBTFUL, HARMLESS, compact, counts, secrecy
from dissectors.wire.secrets.text import without_secrets

MAX_DEPTH: Final = 64     # of lists and objects within one another; what is deeper is not shown

_SCHEMES: Final = frozenset(("authorization", "proxyauthorization"))


def data_without_secrets(value: JsonValue, ours: bool = False) -> JsonValue:
    """Data without what is secret in it. ours: the outermost names are of our making, so that a doubtful one
    (`code`, `key`) means something harmless."""
    return _shown(value, 0, ours)


def _shown(value: JsonValue, depth: int, ours: bool) -> JsonValue:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return REDACTED
        return _object(value, depth, ours)
    if isinstance(value, list):
        if depth >= MAX_DEPTH:
            return REDACTED
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (str, list, dict)):
            name = value[0]     # a field of a head is a pair
            return [without_secrets(name), named_value(name, value[1], depth, False)]
        return [_shown(one, depth + 1, False) for one in value]
    return value


def _object(value: dict[str, JsonValue], depth: int, ours: bool) -> JsonValue:
    out: dict[str, JsonValue] = {}
    for name, inner in value.items():
        out[without_secrets(name)] = named_value(name, inner, depth, ours)
    title = value.get("name")
    if isinstance(title, str) and "value" in value:     # an object that is a name and a value
        out["value"] = named_value(title, value["value"], depth, False)
    return out


def named_value(name: str, value: JsonValue, depth: int = 0, ours: bool = False) -> JsonValue:
    """The value of a field of that name, as it may be shown."""
    kind = secrecy(name)
    if kind == HARMLESS or (kind == DOUBTFUL and ours):
        return _shown(value, depth + 1, False)
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
