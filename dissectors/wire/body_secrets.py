"""Secrets inside the payloads of applications: values that their names give away, and tokens by their form.

What is found is replaced before it becomes part of an event. It is a net with a mesh: a secret under an innocent
name passes.
"""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.event import JsonValue

REDACTED: Final = "[redacted]"

_NAME: Final = (
    r"(?:passw|passphrase|secret|token|api[_-]?key|access[_-]?key|authori[sz]ation|credential|cookie|"
    r"session[_-]?id|jwt|private[_-]?key)"
)
_SECRET_NAME: Final = re.compile(_NAME, re.IGNORECASE)
# "name": "value" or a number, in JSON; the text may be cut within the value.
_JSON_VALUE: Final = re.compile(
    rf'("[^"\\]{{0,64}}{_NAME}[^"\\]{{0,64}}"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|-?\d[\d.eE+-]*)', re.IGNORECASE
)
# name=value, in a query or a form.
_FORM_VALUE: Final = re.compile(rf"((?:^|[?&;])[^=&;?\s]{{0,64}}{_NAME}[^=&;?\s]{{0,64}}=)[^&;#\s]+", re.IGNORECASE)
_BEARER: Final = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)   # RFC 6750 §2.1, RFC 7617 §2
_WEB_TOKEN: Final = re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?")           # RFC 7515 §3.1


def is_secret_name(name: str) -> bool:
    """A field of this name holds what must not be shown."""
    return _SECRET_NAME.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with the values of secret names, and whatever looks like a token, replaced."""
    text = _JSON_VALUE.sub(rf'\1"{REDACTED}"', text)
    text = _FORM_VALUE.sub(rf"\1{REDACTED}", text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    return _WEB_TOKEN.sub(REDACTED, text)


def json_without_secrets(value: JsonValue) -> JsonValue:
    """Data without the texts that the names of their fields, or their own form, say are secret."""
    if isinstance(value, dict):
        return {
            key: (REDACTED if isinstance(each, str) and each and is_secret_name(key) else json_without_secrets(each))
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [json_without_secrets(each) for each in value]
    return without_secrets(value) if isinstance(value, str) else value
