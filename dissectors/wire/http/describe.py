"""Heads in words and as data: what a request asks for and promises, what a response says in answer to it."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.kit.units import duration, plural
from dissectors.wire.http.auth import challenges, credentials_sentence
from dissectors.wire.http.caching import SECOND_NS, caching_sentences, condition_of, directives, seconds_of
from dissectors.wire.http.cookies import cookies_sent, cookies_set
from dissectors.wire.http.message import MAX_FIELD_TEXT, Head, as_text
from dissectors.wire.http.methods import method_of, promise
from dissectors.wire.http.status import class_of, status_name, status_of

MAX_SHORT: Final = 80      # characters of a target in a label or a row
MAX_LONG: Final = 300      # ... in a sentence
MAX_FIELDS: Final = 200    # of one head, as data in `fields()`
MAX_HEAD_TEXT: Final = 16 << 10    # characters of their names and values there
# What differs in the path of each request of a kind: a number, an identifier in hexadecimal.
_VARIES: Final = re.compile(r"(?<![^\W_])[0-9a-f]*\d[0-9a-f]*(?:-[0-9a-f]+)*(?![^\W_])", re.IGNORECASE)
# Parameters by which a client asks a server to hold its answer.
_WAITING: Final = frozenset(("wait", "watch", "longpoll", "long_poll", "long-poll"))
MAX_NAMES: Final = 8       # cookies and the like that are named in a sentence


def shortened(text: str, most: int = MAX_SHORT) -> str:
    return text if len(text) <= most else f"{text[:most - 1]}…"


def listed(names: list[str]) -> str:
    """The first of them, and how many more."""
    shown = ", ".join([shortened(name, 40) for name in names[:MAX_NAMES]])
    return f"{shown} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else shown


def request_short(head: Head) -> str:
    """`GET /big.bin`."""
    return f"{shortened(head.method, 24)} {shortened(head.target)}".strip()


def kind_of_request(head: Head) -> str:
    """`GET /users/*`: method and path, without the query and without what differs in each request of a kind."""
    return f"{head.method} {_VARIES.sub('*', head.target.partition('?')[0])}"


def asks_to_wait(head: Head) -> bool:
    """Whether a request says that its answer may take time: a preference (RFC 7240 §4.3), or a parameter by which the
    usual ones ask to be held until there is something to say (Consul, Kubernetes, Telegram, CouchDB and others)."""
    if any(word.strip().startswith("wait=") for word in head.text(b"prefer").lower().split(",")):
        return True
    path, _, query = head.target.lower().partition("?")
    names = {part.partition("=")[0] for part in query.split("&")}
    return bool(names & _WAITING) or "longpoll" in path or "long-poll" in path or "feed=longpoll" in query


def response_short(head: Head) -> str:
    """`404 Not Found`."""
    return shortened(status_name(head.status, head.reason)) if head.status >= 0 else head.version


def is_preflight(head: Head) -> bool:
    """A browser asks whether another origin may send such a request (WHATWG Fetch, CORS-preflight request)."""
    return head.method == "OPTIONS" and head.has(b"access-control-request-method") and head.has(b"origin")


def request_sentences(head: Head) -> list[str]:
    """What a request asks for and promises."""
    method = method_of(head.method)
    where = f" of {shortened(head.authority)}" if head.authority and head.target.startswith("/") else ""
    target = shortened(head.target, MAX_LONG)
    if is_preflight(head):
        wanted = head.text(b"access-control-request-method")
        out = [
            f"The browser asks {shortened(head.authority) or 'the server'} whether {head.text(b'origin')[:100]} may "
            f"send it {shortened(wanted, 24)} {target}: a CORS preflight."
        ]
        if head.has(b"access-control-request-headers"):
            out.append(f"It would send these fields: {head.text(b'access-control-request-headers')[:200]}.")
        return out
    if method is None:
        out = [f"The client sends the method {shortened(head.method, 40)} for {target}{where}."]
    else:
        out = [f"The client {method.does} {target}{where}.", promise(method)]
    if head.version == "HTTP/0.9":
        out.append("It is HTTP/0.9: no fields, and the answer is the document alone.")
    condition = condition_of(head)
    if condition:
        out.append(f"It wants it {condition}.")
    if head.has(b"range"):
        out.append(f"It wants a part only: {head.text(b'range')[:80]}.")
    if "no-cache" in directives(head.text(b"cache-control")):
        out.append("No cache on the way may answer by itself (no-cache).")
    return out + _request_more(head)


def _request_more(head: Head) -> list[str]:
    out: list[str] = []
    names = cookies_sent(head)
    if names:
        out.append(f"It sends {plural(len(names), 'cookie')}: {listed(names)}.")
    credentials = credentials_sentence(head)
    if credentials:
        out.append(credentials)
    if "100-continue" in head.elements(b"expect"):
        out.append("It holds its body back until the server says 100 Continue.")
    if head.has(b"upgrade"):
        out.append(f"It offers to go on with {head.text(b'upgrade')[:60]}.")
    if head.has(b"last-event-id"):
        out.append(f"It takes up a stream of events after {head.text(b'last-event-id')[:60]}.")
    return out


def response_sentences(head: Head, request: Head | None) -> list[str]:
    """What a response says, as an answer to that request."""
    if head.status < 0:
        if not head.whole:
            return ["The status of the answer is not known: it is not in the capture."]
        return ["The answer has no head: all that follows is the document." if head.version == "HTTP/0.9"
                else "The answer has no status code that can be read."]
    known = status_of(head.status)
    out = [f"{status_name(head.status, shortened(head.reason))}."]
    if head.status == 200 and head.get(b"content-type").lower().startswith(b"application/grpc"):
        out.append("Whether the call succeeded stands in grpc-status.")
    elif known is not None:
        out.append(known.says)
    elif class_of(head.status) != "unknown":
        out.append(f"This code is not registered; a client takes it for a {class_of(head.status)}.")
    out += _status_sentences(head, request)
    if 100 <= head.status < 200:
        return out
    out += caching_sentences(head)
    out += _response_more(head, request)
    return out


def _status_sentences(head: Head, request: Head | None) -> list[str]:
    """What the status means here."""
    status = head.status
    out: list[str] = []
    if 300 <= status < 400 and head.has(b"location"):
        out.append(f"It sends the client on to {shortened(head.text(b'location'), MAX_LONG)}.")
    elif status == 201 and head.has(b"location"):
        out.append(f"It is at {shortened(head.text(b'location'), MAX_LONG)}.")
    if status == 304 and request is not None and condition_of(request):
        out.append("So no body is sent, and the copy is used again.")
    if status in (206, 416) and head.has(b"content-range"):
        out.append(f"The range is {head.text(b'content-range')[:80]}.")
    if status in (401, 407):
        offered = challenges(head)
        if offered:
            out.append(f"It takes {listed(offered)}.")
    if status in (405, 501) and head.has(b"allow"):
        out.append(f"Allowed are {head.text(b'allow')[:120]}.")
    if status in (429, 503) and head.has(b"retry-after"):
        wait = seconds_of(head.text(b"retry-after"))
        when = f"in {duration(wait * SECOND_NS)}" if wait >= 0 else f"at {head.text(b'retry-after')[:40]}"
        out.append(f"The client may try again {when} (Retry-After).")
    if status == 101:
        out.append(f"It is {head.text(b'upgrade')[:60] or 'not named'}.")
    return out


def _response_more(head: Head, request: Head | None) -> list[str]:
    out: list[str] = []
    cookies = cookies_set(head)
    if cookies:
        out.append(f"It sets {plural(len(cookies), 'cookie')}: {listed([one.text() for one in cookies])}.")
    if head.has(b"strict-transport-security"):
        found = directives(head.text(b"strict-transport-security").replace(";", ","))
        kept = seconds_of(found.get("max-age", ""))
        if kept > 0:
            also = " and for every name below it" if "includesubdomains" in found else ""
            out.append(
                f"For {duration(kept * SECOND_NS)} browsers will only use HTTPS for this name{also} "
                "(Strict-Transport-Security)."
            )
    if head.has(b"access-control-allow-origin"):
        origin = head.text(b"access-control-allow-origin")[:100]
        out.append(f"Scripts of {'any origin' if origin == '*' else origin} may read it (CORS).")
    elif request is not None and is_preflight(request):
        out.append("It allows no other origin, so the browser will not send the request.")
    if head.has(b"alt-svc"):
        out.append(f"The same is offered over {head.text(b'alt-svc')[:80]} (Alt-Svc).")
    return out


def head_json(head: Head) -> dict[str, JsonValue]:
    out: dict[str, JsonValue] = {"version": head.version}
    if head.request:
        out["method"] = head.method
        out["target"] = head.target
        if head.authority:
            out["authority"] = head.authority
    else:
        if head.status >= 0:
            out["status"] = head.status
        out["reason"] = head.reason
    fields: list[JsonValue] = []
    room = MAX_HEAD_TEXT
    for name, value in head.pairs[:MAX_FIELDS]:
        pair = [as_text(name[:MAX_FIELD_TEXT]), as_text(value[:MAX_FIELD_TEXT])]
        room -= len(pair[0]) + len(pair[1])
        if room < 0:
            break
        fields.append(list(pair))
    out["fields"] = fields
    if len(head.pairs) > len(fields):
        out["fields_left_out"] = len(head.pairs) - len(fields)
    return out
