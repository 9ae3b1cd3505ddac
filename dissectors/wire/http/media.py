"""Media types, and what the beginning of a body says of the whole (RFC 9110 §8.3)."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.kit.units import plural
from dissectors.wire.http.graphql import operation_of
from dissectors.wire.http.message import Head
from dissectors.wire.http.playlist import describe_dash, describe_hls
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.names import is_secret_name
from dissectors.wire.secrets.text import without_secrets

_FIELD_NAME: Final = re.compile(r"[\w.+%:$\[\]-]{1,64}", re.ASCII)
MAX_PARAMETERS: Final = 16
MAX_NAMES: Final = 12        # of a form, or of an object, that are named
MAX_TEXT: Final = 200        # characters of a text that are shown

HLS_TYPES: Final = ("application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl")
DASH_TYPE: Final = "application/dash+xml"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
_DESCRIBED: Final = (FORM_TYPE, DASH_TYPE, "text/plain", "application/problem+xml")


class MediaType:
    """essence: type and subtype in lower case, "" where there is none.   parameters: names in lower case."""

    def __init__(self, essence: str, parameters: tuple[tuple[str, str], ...]) -> None:
        self.essence = essence
        self.parameters = parameters

    def parameter(self, name: str) -> str:
        for key, value in self.parameters:
            if key == name:
                return value
        return ""


class Meaning:
    """What a body holds. summary: in a few words; detail: as data."""

    def __init__(self, summary: str, detail: dict[str, JsonValue]) -> None:
        self.summary = summary
        self.detail = detail


NO_TYPE: Final = MediaType("", ())
_NOTHING: Final = Meaning("", {})
_GRAPHQL_ANSWER: Final = frozenset(("data", "errors", "extensions"))   # GraphQL specification §7.1


def media_type(value: bytes) -> MediaType:
    """`text/html; charset=utf-8` taken apart."""
    if not value:
        return NO_TYPE
    text = value.decode("latin-1")
    essence, semicolon, rest = text.partition(";")
    parameters: list[tuple[str, str]] = []
    if semicolon:
        for part in rest.split(";")[:MAX_PARAMETERS]:
            name, equals, given = part.partition("=")
            if equals:
                parameters.append((name.strip().lower(), given.strip().strip('"')))
    return MediaType(essence.strip().lower(), tuple(parameters))


def is_json(essence: str) -> bool:
    """JSON, or a type that is written in it (RFC 6839 §3.1)."""
    return essence.endswith(("/json", "+json")) or essence in ("application/graphql", "application/x-ndjson")


def described(type: MediaType) -> bool:
    """Whether a body of this type says more of itself than its type does."""
    essence = type.essence
    return is_json(essence) or essence in _DESCRIBED or essence in HLS_TYPES or essence.startswith("multipart/")


def is_text(essence: str) -> bool:
    """Whether it is made of characters, as media types say."""
    return essence.startswith("text/") or essence.endswith(("+xml", "/xml", "/javascript", "+json", "/json"))


def describe(type: MediaType, head: Head, sample: bytes, whole: bool, show_secrets: bool) -> Meaning:
    """What a body holds that begins like this. whole: the sample is all of it."""
    essence = type.essence
    if is_json(essence):
        return _json(essence, head, sample, whole, show_secrets)
    if essence == FORM_TYPE:
        return _form(sample, whole, show_secrets)
    if essence.startswith("multipart/"):
        return _multipart(type, sample, whole)
    if essence in HLS_TYPES:
        found = describe_hls(sample)
        return Meaning(found.summary, found.detail)
    if essence == DASH_TYPE:
        found = describe_dash(sample)
        return Meaning(found.summary, found.detail)
    text = _shown(sample, show_secrets)
    return Meaning(f"“{text}”" if text else "", {})


def _shown(sample: bytes, show_secrets: bool) -> str:
    """The beginning of a text on one line, without secrets."""
    text = " ".join(sample[:4 * MAX_TEXT].decode("utf-8", "replace").split())
    if not show_secrets:
        text = without_secrets(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT - 1]}…"


def _names(names: list[str]) -> str:
    shown = ", ".join([name[:40] for name in names[:MAX_NAMES]])
    return f"{shown} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else shown


def _json(essence: str, head: Head, sample: bytes, whole: bool, show_secrets: bool) -> Meaning:
    """Its outermost members; the operation where it is a GraphQL request."""
    if essence == "application/graphql":
        return _operation(sample.decode("utf-8", "replace"), "") or _NOTHING
    if not whole or essence == "application/x-ndjson":
        return Meaning(f"JSON that begins {_shown(sample, show_secrets)}", {})
    from json import loads

    try:
        value: object = loads(sample)
    except (ValueError, RecursionError):
        return Meaning("no valid JSON", {})
    if isinstance(value, dict):
        return _object(head, value)
    if isinstance(value, list):
        return Meaning(f"a JSON array of {plural(len(value), 'element')}", {})
    return Meaning("a single JSON value", {})


def _object(head: Head, value: dict[str, object]) -> Meaning:
    query = value.get("query")
    name = value.get("operationName")
    if head.request and isinstance(query, str):
        meaning = _operation(query, name if isinstance(name, str) else "")
        if meaning is not None:
            return meaning
    names = [str(key) for key in value]
    if not head.request and names and set(names) <= _GRAPHQL_ANSWER and names != ["extensions"]:
        errors = value.get("errors")
        count = len(errors) if isinstance(errors, list) else 0
        data = value.get("data")
        if count or isinstance(data, dict):
            top = _names([str(key) for key in data]) if isinstance(data, dict) else "no data"
            failed = f" and {plural(count, 'error')}" if count else ""
            return Meaning(f"a JSON object like a GraphQL answer, with {top}{failed}", {"graphql_errors": count})
    failed = "" if head.request else _failure(value)
    detail: dict[str, JsonValue] = {"json_error": failed} if failed else {}
    return Meaning(f"a JSON object with {_names(names)}" if names else "an empty JSON object", detail)


def _failure(value: dict[str, object]) -> str:
    """By which of its outermost members an object says that what was asked for failed; "" for none. What stands in
    them is not shown."""
    error = value.get("error")
    if value.get("jsonrpc") == "2.0" and isinstance(error, dict):      # JSON-RPC 2.0 §5.1
        code = error.get("code")
        return f"error {code} of JSON-RPC" if isinstance(code, int) and not isinstance(code, bool) else "error"
    if error or value.get("errors") is True:
        return "error" if error else "errors"
    return next((f"{name}: false" for name in ("success", "ok") if value.get(name) is False), "")


def _operation(document: str, name: str) -> Meaning | None:
    operation = operation_of(document, name)
    return Meaning(operation.text(), operation.as_json()) if operation is not None else None


def _form(sample: bytes, whole: bool, show_secrets: bool) -> Meaning:
    """The names of its fields; the values of none.

    What has no sign of equality is no field, and what looks like no name may be anything under this type, so neither
    is shown.
    """
    names: list[str] = []
    for part in sample.decode("latin-1").split("&"):
        name, equals, _value = part.partition("=")
        if not show_secrets and not (equals and _FIELD_NAME.fullmatch(name)):
            name = REDACTED if part else ""
        if name and name not in names:
            names.append(name)
    secret = [name for name in names if is_secret_name(name)]
    text = f"a form with {_names(names)}" if names else "an empty form"
    if not whole:
        text += " and what follows"
    fields: list[JsonValue] = []
    fields.extend(names[:MAX_NAMES])
    out: dict[str, JsonValue] = {"form_fields": fields}
    if secret:
        text += f" ({_names(secret)} redacted)"
    return Meaning(text, out)


def _multipart(type: MediaType, sample: bytes, whole: bool) -> Meaning:
    """Its parts, by name or type (RFC 2046 §5.1, RFC 7578 §4.2)."""
    boundary = type.parameter("boundary")
    if not boundary:
        return Meaning("multipart without a boundary", {})
    parts: list[str] = []
    pieces = (b"\r\n" + sample).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head = piece.partition(b"\r\n\r\n")[0].lstrip(b"\r\n").partition(b"\n\n")[0]     # some end lines with LF alone
        section = head.decode("utf-8", "replace")
        parts.append(_part(section))
    text = f"{plural(len(parts), 'part')}: {_names(parts)}" if parts else "no part"
    named: list[JsonValue] = []
    named.extend(parts[:MAX_NAMES])
    return Meaning(text if whole else f"{text} and what follows", {"parts": named})


def _part(section: str) -> str:
    """`avatar (me.png, image/png)`."""
    name = ""
    inside: list[str] = []
    for line in section.split("\n"):
        key, _colon, value = line.partition(":")
        key = key.strip().lower()
        if key == "content-disposition":
            for word in value.split(";")[1:]:
                attribute, _equals, given = word.strip().partition("=")
                if attribute == "name":
                    name = given.strip('"')[:60]
                elif attribute == "filename":
                    inside.append(given.strip('"')[:60])
        elif key == "content-type":
            inside.append(value.strip().partition(";")[0][:60])
        elif key == "content-range":
            inside.append(value.strip()[:60])
    if not name:
        return ", ".join(inside) or "unnamed"
    return f"{name} ({', '.join(inside)})" if inside else name
