"""Values beside a name that says that they are secret, in whatever notation name and value stand.

`name=value` of queries and forms, `"name": value` of JSON with its lists and objects, `name: value` of header fields,
sentences and GraphQL, elements and attributes of XML, parts of multipart. The text may begin and end anywhere.
"""
from __future__ import annotations

import re
from typing import Final

from dissectors.wire.secrets.forms import Spans
from dissectors.wire.secrets.names import DOUBTFUL, HARMLESS, compact, counts, secrecy

REDACTED: Final = "[redacted]"

MAX_SIDE: Final = 64       # characters of a prefix of an element, and of the name of a property
MAX_SIGNS: Final = 16      # signs of equality between a name and its value
MAX_TAG: Final = 1_024     # characters to the end of a tag, or of the head of a part

# Something of every name that `names` knows. Every alternative begins with a letter of its own, so that `re` passes
# over what begins none of them; a \b in front would make it try them all everywhere.
STEM: Final = re.compile(
    r"p(?:ass|wd|in\b|(?<!\wp)w|sw|word|sk)|s(?:ecret|ess|id|ig|aml|as\b)|t(?:oken|otp\b|icket)|otp\b|key|"
    r"c(?:red(?:ential|s)|ookie|ode|srf|vv|vc)|a(?:uth|ssert)|jwt|hmac|xsrf|bearer"
)
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.$[]")
_SPACE: Final = frozenset(" \t")
_BLANK: Final = frozenset(" \t\r\n")
_QUOTES: Final[dict[str, str]] = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’"}
_CLOSING: Final = frozenset(_QUOTES.values())
_BOUNDARY: Final = frozenset(" \t\r\n.,;:)}]>?!\\/&")
_HEADERS: Final = frozenset(("authorization", "proxyauthorization"))
_COOKIES: Final = frozenset(("cookie", "setcookie", "cookie2", "setcookie2"))
_LITERAL: Final = frozenset(("true", "false", "null", "none", "nil", "undefined", "{}", "[]", "-", "…", "*"))
_CLOSED: Final = re.compile(r"</[\w:.-]{1,64}>\s{0,16}<[\w:.-]{1,64}[^<>]{0,64}>")
_SIBLING: Final = re.compile(r"\s{0,16},\s{0,16}\\{0,3}[\"'](?:value|val|content)\\{0,3}[\"']\s{0,16}:\s{0,16}")
_ENTRY: Final = re.compile(r", 2: ")
_NAMED_BY: Final = re.compile(r"[\"'](?:name|key|field|header)\\{0,3}[\"']\s{0,16}:\s{0,16}\\{0,3}[\"']\Z")
_VALUE: Final = re.compile(r"[\"']value\\{0,3}[\"']\s{0,16}:\s{0,16}")
_CHUNK: Final = re.compile(r"\r\n[0-9a-fA-F]{1,8}(?:;[^\r\n]{0,64})?\r\n(?!\r\n)")     # RFC 9112 §7.1
_BLOCK: Final = re.compile(r"[ \t]{0,16}(?:[|>][+-]?)?[ \t]{0,16}(?:\r?\n){1,8}")
_IS: Final = re.compile(r"(?:is|was)[ \t]{1,16}")
_SPOKEN: Final = frozenset(("password", "passwd", "passphrase", "passcode", "pwd", "pass"))
_WORDS: Final = ("password", "passwd", "passphrase", "passcode", "pwd")
# What follows the word in sentences.
_PROSE: Final = frozenset((
    "a", "an", "the", "not", "no", "too", "wrong", "required", "invalid", "incorrect", "expired", "missing", "empty",
    "hidden", "shown", "sent", "set", "needed", "accepted", "rejected", "refused", "correct", "valid", "in", "on", "of",
    "for", "to", "by", "with", "and", "or", "is", "was", "has", "what", "that", "your", "its", "their", "never",
    "always", "only", "still", "now", "used", "weak", "known", "unknown", "changed", "protected", "readable", "visible",
))
_ELEMENT: Final = re.compile(r"\s{0,16},\s{0,16}(?=\\{0,3}[\"'\[{])")


def named_spans(text: str, low: str, out: Spans) -> None:
    """Add where values stand whose names say that they are secret. low: in lower case, of the same length."""
    at = 0
    size = len(text)
    match = STEM.search(low)
    while match is not None:
        start = match.start()
        while start > at and text[start - 1] in _NAME:
            start -= 1
        end = match.end()
        while end < size and text[end] in _NAME:
            end += 1
        at = max(end, match.end())
        name = text[start:end].strip(".-[$")
        kind = secrecy(name)
        if kind != HARMLESS:
            at = max(at, _beside(text, low, start, end, name, kind == DOUBTFUL, out))
        match = STEM.search(low, at)


def _beside(text: str, low: str, start: int, end: int, name: str, doubtful: bool, out: Spans) -> int:
    """What belongs to the name at text[start:end]; returns where the next one may begin."""
    before = text[start - 1:start]
    if before in ("<", ":", "/"):
        opened = _opened(text, start)
        if opened >= 0:
            return _element(text, low, opened, start, end, out)
    at = end
    while text[at:at + 1] == "\\":
        at += 1
    quote = text[at:at + 1] in _CLOSING
    if quote:
        at += 1
        passed = _of_part(text, low, start, at, out)
        if passed:
            return passed
    else:
        at = end
        bare = _unquoted_part(text, low, start, end, out)
        if bare:
            return bare
        chunk = _CHUNK.match(text, at)
        if chunk is not None:
            at = chunk.end()
    tight = at
    at = _skip(text, at, _BLANK if quote else _SPACE)
    if text[at:at + 2] == "+=":      # a space, in a form
        at += 1
    sign = text[at:at + 1]
    if sign in (",", "}") and quote:
        return _pair(text, low, start, tight, out)
    if sign == "'" and not quote and not doubtful and at > tight:      # SQL: PASSWORD '...'
        return _value(text, at, out, False, False, False)
    spoken = text.startswith("--", start) or name.lower() in _SPOKEN
    if spoken and not quote and at > tight and sign not in (":", "="):
        return max(_spoken(text, low, start, at, out), end)
    if sign not in (":", "=") or text[at + 1:at + 3] == "//" or text[at:at + 2] == "::":
        return end
    if doubtful and not quote and (at > tight or (sign == ":" and not _argument(text, start, at))):
        return end
    return max(_behind(text, low, start, at, name, doubtful, quote, out), end)


def _behind(
    text: str, low: str, start: int, at: int, name: str, doubtful: bool, quote: bool, out: Spans,
) -> int:
    """A value behind the sign at text[at]; returns where it ends. quote: the name stands in quotation marks."""
    end = at
    sign = text[at]
    at += 1
    while text[at:at + 1] in ("=", ">") and at < end + MAX_SIGNS:
        at += 1
    if doubtful and not quote and sign == "=" and text[at:at + 1] in _SPACE:
        return end
    at = _skip(text, at, _BLANK if quote else _SPACE)
    one = compact(name)
    if sign == ":" and not quote and _of_ours(low, start, one):
        return end
    if sign == ":" and not quote and one in _COOKIES:
        return _cookies(text, at, one.startswith("set"), out)
    if sign == ":" and not quote and one in _HEADERS:
        return _credentials(text, at, out)
    if sign == ":" and not quote and not doubtful:
        behind = _block(text, at)
        if behind > at:
            _keep(text, at, behind, out)
            return behind
    numbers = counts(name) and (quote or sign == ":" or not doubtful)
    return _value(text, at, out, numbers, sign == ":", sign == ":" and _is_spaced(text, at, one))


def _of_ours(low: str, start: int, one: str) -> bool:
    """Whether this is a sentence of ours: `It sends 2 cookies: a, b` (their names), `forward secret: the server's ...`,
    `Fast Open without a cookie: the client ...`."""
    if one in ("cookie", "cookies"):
        return low[max(start - 2, 0):max(start - 1, 0)].isdigit() or low[max(start - 10, 0):start] == "without a "
    return one == "secret" and low[max(start - 8, 0):start] == "forward "


def _argument(text: str, start: int, at: int) -> bool:
    """`key: "..."` as an argument or a member without quotes around its name."""
    before = text[start - 1:start]
    return before in ("(", "{", ",", " ") and text[at + 1:at + 3].lstrip()[:1] in ('"', "'", "\\")


def _skip(text: str, at: int, over: frozenset[str]) -> int:
    end = len(text)
    while at < end and text[at] in over:
        at += 1
    return at


def _keep(text: str, start: int, end: int, out: Spans, numbers: bool = False) -> None:
    """A value, unless nothing is in it that could be a secret."""
    value = text[start:end]
    word = value.strip()
    if not word or word == REDACTED or word.lower() in _LITERAL or (numbers and _number(word)):
        return
    if word.startswith(REDACTED) and not word[len(REDACTED):].strip(" .,;:)"):
        return
    out.append((start, end))


def _number(word: str) -> bool:
    return word.lstrip("-").replace(".", "", 1).isdigit()


def _value(text: str, at: int, out: Spans, numbers: bool, colon: bool, spaced: bool) -> int:
    """One value in any notation; returns where it ends. numbers: a number is no secret here."""
    size = len(text)
    if text.startswith(REDACTED, at):
        return at + len(REDACTED)
    slashes = at
    while slashes < size and text[slashes] == "\\":
        slashes += 1
    if slashes < size and text[slashes] in _QUOTES:
        start = slashes + 1
        unit = text[at:start]
        if text.startswith(unit * 3, at):      # a block of GraphQL
            end = text.find(unit * 3, at + 3 * len(unit))
            end = size if end < 0 else end
            _keep(text, at + 3 * len(unit), end, out)
            return end
        end = closing(text, start, _QUOTES[text[slashes]], slashes - at)
        _keep(text, start, end, out)
        return end
    if text[at:at + 1] in ("[", "{"):
        end = bracket(text, at)
        _keep(text, at, end, out)
        return end
    end = unquoted(text, at, colon, spaced)
    _keep(text, at, end, out, numbers)
    return end


def closing(text: str, at: int, quote: str, slashes: int) -> int:
    """Where a quoted text ends that is opened by so many backslashes and a quotation mark."""
    size = len(text)
    while at < size:
        at = text.find(quote, at)
        if at < 0:
            return size
        before = at
        while before > 0 and text[before - 1] == "\\":
            before -= 1
        count = at - before
        if count <= slashes if slashes else count % 2 == 0:
            return at - min(count, slashes)
        at += 1
    return size


def bracket(text: str, at: int) -> int:
    """Where a list or an object ends, whatever is in it; the end of the text where it does not."""
    size = len(text)
    depth = 0
    while at < size:
        one = text[at]
        if one == '"':
            at = closing(text, at + 1, '"', 0)
        elif one in "[{":
            depth += 1
        elif one in "]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return size


def unquoted(text: str, at: int, colon: bool, spaced: bool = False) -> int:
    """Where a value without quotation marks ends. colon: of `name: value`; spaced: it may be several words."""
    size = len(text)
    while at < size:
        one = text[at]
        if one in "\r\n" or (one in " \t" and not spaced):
            chunk = _CHUNK.match(text, at) if one == "\r" else None
            if chunk is None:
                break
            at = chunk.end()
            continue
        if spaced and (one < " " or (one == " " and _stops(text, at))):
            break
        if not colon and one in "&;":
            break
        if one in "\"'`”’<>)}]," and _ends(text, at):
            break
        at += 1
    return at


def _is_spaced(text: str, at: int, one: str) -> bool:
    """Whether the value behind the colon may be several words: of a password, a list or a block of YAML in one line."""
    return one.rstrip("s").endswith(_WORDS) or text[at:at + 2] in ("- ", "| ", "> ")


def _stops(text: str, at: int) -> bool:
    """Whether this space ends a sentence, or what follows it is a remark: `. Keep`, ` (keep it)`."""
    following = text[at + 1:at + 2]
    return following in ("(", "“", "‘", "│", "·", "→") or (text[at - 1] in ".;)" and following.isupper())


def _ends(text: str, at: int) -> bool:
    """Whether this sign ends the value that it follows: what comes after it belongs to no word."""
    if text[at] == "<":
        return text[at + 1:at + 2] in ("/", "!", "")
    return at + 1 >= len(text) or text[at + 1] in _BOUNDARY or text[at + 1] in "\"'”’"


def line_end(text: str, at: int) -> int:
    """Where the line of a header field ends, or the quotation that it stands in."""
    size = len(text)
    while at < size:
        one = text[at]
        if one in "\r\n" or (one == "\\" and text[at + 1:at + 2] in ("r", "n")):
            break
        if one in "'”" and _ends(text, at):
            break
        at += 1
    return at


def _credentials(text: str, at: int, out: Spans) -> int:
    """RFC 9110 §11.4: the scheme stays."""
    end = line_end(text, at)
    space = text.find(" ", at, end)
    start = space + 1 if at < space <= at + 24 and text[at:space].replace("-", "").isalnum() else at
    _keep(text, start, end, out)
    return end


def _cookies(text: str, at: int, first: bool, out: Spans) -> int:
    """RFC 6265 §4.1.1, §4.2.1: the names stay. first: only the first pair is a cookie."""
    end = line_end(text, at)
    while at < end:
        stop = text.find(";", at, end)
        stop = end if stop < 0 else stop
        equals = text.find("=", at, stop)
        _keep(text, equals + 1 if equals >= 0 else at, stop, out)
        if first:
            break
        at = stop + 1
    return end


def _opened(text: str, start: int) -> int:
    """Where the tag begins whose name stands at `start`, behind a prefix or not; -1 where there is none."""
    at = start - 1
    if text[at:at + 1] == ":":
        least = max(at - MAX_SIDE, 0)
        while at > least and text[at - 1] in _NAME:
            at -= 1
        at -= 1
    return at if at >= 0 and text[at] == "<" else -1


def _element(text: str, low: str, opened: int, start: int, end: int, out: Spans) -> int:
    """What stands in an element (XML 1.0 §3)."""
    close = text.find(">", end, end + MAX_TAG)
    if close < 0:
        return end
    if text[close - 1] == "/":
        _keep(text, end, close - 1, out)
        return close
    stop = low.find("</" + low[opened + 1:end], close)
    stop = len(text) if stop < 0 else stop
    _keep(text, close + 1, stop, out, True)
    return stop


def _of_part(text: str, low: str, start: int, at: int, out: Spans) -> int:
    """A name that is itself the value of `name=`: of a part of multipart (RFC 7578 §4.2), of a field of HTML, or that
    stands in an element before its value. 0 where it is none of these. at: behind its quotation mark."""
    if not low[max(start - 6, 0):start - 1].endswith("name="):
        return 0
    return _part(text, low, start - 6, at, out)


def _part(text: str, low: str, start: int, at: int, out: Spans) -> int:
    """What belongs to the name that ends at `at`, in a part or a tag. start: of `name=`."""
    limit = min(at + MAX_TAG, len(text))
    first, first_edge, length = -1, "", 0
    for blank, edge in (("\r\n\r\n", "\r\n--"), ("\n\n", "\n--"), ("\\r\\n\\r\\n", "\\r\\n--")):
        head = text.find(blank, at, limit)
        if head >= 0 and (first < 0 or head < first):
            first, first_edge, length = head, edge, len(blank)
    tag = text.find(">", at, limit)
    if first >= 0 and not 0 <= tag < first:
        stop = text.find(first_edge, first + length - len(first_edge) + 2)
        stop = len(text) if stop < 0 else max(stop, first + length)
        _keep(text, first + length, stop, out)
        return stop
    beside = low.find("value=", at, tag if tag >= 0 else limit)
    opened = text.rfind("<", max(start - MAX_TAG, 0), start)
    if beside < 0 and opened >= 0:
        before = low.find("value=", opened, start)
        if before >= 0:
            _value(text, before + 6, out, False, False, False)
            return at
    if beside >= 0:
        return _value(text, beside + 6, out, False, False, False)
    if tag >= 0 and text[tag - 1] != "/":
        stop = text.find("</", tag)
        stop = len(text) if stop < 0 else stop
        _keep(text, tag + 1, stop, out)
        return stop
    return 0


def _unquoted_part(text: str, low: str, start: int, end: int, out: Spans) -> int:
    """`name=password` of a part of multipart or of a field of HTML, without quotation marks; 0 where it is none."""
    ahead = text[max(start - 6, 0):max(start - 5, 0)]
    if (ahead not in (" ", ";", "\t", "\n") and start != 5) or not low.startswith("name=", max(start - 5, 0)):
        return 0
    if text[end:end + 1] not in (" ", ">", "/", ";", "\t", "\r", "\n"):
        return 0
    return _part(text, low, start - 5, end, out)


def _before(text: str, low: str, start: int, out: Spans) -> None:
    """`{"value": "...", "name": "password"}`: the value stands before its name, in the same object."""
    least = max(start - MAX_TAG, 0)
    if _NAMED_BY.search(low, max(start - 48, 0), start) is None:
        return
    at = max(low.rfind('"value', least, start), low.rfind("'value", least, start))
    match = _VALUE.match(low, at) if at >= 0 else None
    if match is None:
        return
    found: Spans = []
    stop = _value(text[:start], match.end(), found, False, False, False)
    if "}" not in text[stop:start] and "{" not in text[stop:start]:
        out += found


def _pair(text: str, low: str, start: int, at: int, out: Spans) -> int:
    """`"name": "password", "value": "..."` in either order, `["password", "..."]`, and the entry of a map in Protocol
    Buffers: `{1: "password", 2: "..."}`."""
    _before(text, low, start, out)
    beside = _SIBLING.match(text, at)
    if beside is None and text[max(start - 2, 0):start - 1] == "[":
        beside = _ELEMENT.match(text, at)
    if beside is None and text[max(start - 4, 0):start - 1] == "1: ":
        beside = _ENTRY.match(text, at)
    return _value(text, beside.end(), out, False, False, False) if beside is not None else at


def _block(text: str, at: int) -> int:
    """Where the lines end that hold a value which does not stand in the line of its name: indented ones, those of a
    list, or one behind an empty line. at: behind the colon; returned where there are none."""
    begin = _BLOCK.match(text, at)
    if begin is None:
        return at
    end = begin.end()
    if begin.group().count("\n") > 1 or text[end:end + 1] in (" ", "\t", "-") or text.startswith("data:", end):
        stop = _line(text, end)
        while text[stop:stop + 1] in ("\r", "\n"):
            following = stop + (2 if text.startswith("\r\n", stop) else 1)
            if text[following:following + 1] not in (" ", "\t", "-"):
                break
            stop = _line(text, following)
        return stop
    return at


def _line(text: str, at: int) -> int:
    while at < len(text) and text[at] not in "\r\n":
        at += 1
    return at


def _spoken(text: str, low: str, start: int, at: int, out: Spans) -> int:
    """A value behind a space: `password x`, `PASS x`, `password is x`, `--password x`. Without a sign between the
    two it must look like a value, or stand where only one can."""
    option = text.startswith("--", start)
    verb = _IS.match(low, at)
    if verb is not None:
        at = verb.end()
    if text.startswith(REDACTED, at):
        return at + len(REDACTED)
    end = unquoted(text, at, True)
    word = text[at:end].strip("\"'“”‘’.,;:!?")
    if not word or word.startswith("-") or word == REDACTED or low[at:end].strip(".,;:!?\"'") in _PROSE:
        return at
    named = low.rfind("login ", max(start - MAX_SIDE, 0), start) >= 0
    if option or verb is not None or named or _like_a_value(word):
        _keep(text, at, end, out)
        return end
    return at


def _like_a_value(word: str) -> bool:
    """No word of a language: it has digits among letters, or capitals within."""
    letters = any(one.isalpha() for one in word)
    plain = word[1:].islower() or word.isupper() or len(word) == 1
    return letters and (not plain or any(one.isdigit() for one in word))


def element_spans(text: str, low: str, out: Spans) -> None:
    """`<key>password</key><string>...</string>`: the value stands in the element behind that of the name."""
    at = 0
    match = STEM.search(low)
    while match is not None:
        end = match.end()
        while end < len(text) and end < match.end() + MAX_SIDE and text[end] in _NAME:
            end += 1
        at = end
        if text.startswith("</", end):
            beside = _CLOSED.match(text, end)
            begin = text.rfind(">", max(end - 2 * MAX_SIDE, 0), end)
            if beside is not None and begin >= 0 and secrecy(text[begin + 1:end]) != HARMLESS:
                stop = text.find("</", beside.end())
                stop = len(text) if stop < 0 else stop
                _keep(text, beside.end(), stop, out)
                at = max(stop, end)
        match = STEM.search(low, at)
